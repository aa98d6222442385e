//! Limits of the process, and its environment.

use std::panic::{self, AssertUnwindSafe};

use rust_routines::channel;
use rust_routines::routine::{self, Builder, JoinHandle};
use rust_routines::runtime;
use rust_routines_tests::drops::Drops;
use rust_routines_tests::eventually;
use rust_routines_tests::probe::Process;

/// The message of the panic that `body` ends with.
fn message_of<T>(body: impl FnOnce() -> T) -> String {
    let Err(payload) = panic::catch_unwind(AssertUnwindSafe(body)) else {
        return "it has ended well".to_string();
    };
    payload
        .downcast_ref::<String>()
        .cloned()
        .or(payload.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_default()
}

/// Spawns routines of the default size until there is no room for one more.
pub(crate) fn out_of_stacks() {
    let (go, wait) = channel::bounded::<()>(0);
    let mut spawned: Vec<JoinHandle<bool>> = Vec::new();
    let error = loop {
        let wait = wait.clone();
        match Builder::new().spawn(move || wait.recv().is_err()) {
            Ok(handle) => spawned.push(handle),
            Err(error) => break error,
        }
    };
    println!("spawned={}", spawned.len());
    println!("kind={:?}", error.kind());
    println!("error={error}");
    let drops = Drops::new();
    let tracked = drops.track();
    println!(
        "panic={}",
        message_of(|| routine::spawn(move || drop(tracked)))
    );
    let tracked = drops.track();
    assert!(Builder::new().spawn(move || drop(tracked)).is_err());
    println!("dropped={}", drops.dropped());
    drop(go);
    let ran = spawned.into_iter().filter_map(|handle| handle.join().ok());
    println!("ran={}", ran.filter(|&told| told).count());
    eventually("there is room again", || {
        Builder::new().spawn(|| ()).is_ok()
    });
    println!("again=ok");
}

/// Large stacks, of which a few are too many.
pub(crate) fn out_of_large_stacks() {
    let runtime = rust_routines_tests::pinned(1).build().expect("one worker");
    let handle = runtime.spawn(|| {
        let large = || Builder::new().stack_size(24 << 20);
        let mut parked = Vec::new();
        let error = loop {
            match large().spawn(routine::park) {
                Ok(handle) => parked.push(handle),
                Err(error) => break error,
            }
        };
        println!("kind={:?}", error.kind());
        println!("error={error}");
        println!(
            "with_stack={}",
            message_of(|| routine::with_stack(24 << 20, || ()))
        );
        for handle in parked.drain(..) {
            handle.routine().unpark();
            handle.join().expect("it has only parked");
        }
        // All of them have been unmapped again.
        let again = large().spawn(|| 7).map(JoinHandle::join);
        assert!(matches!(again, Ok(Ok(7))));
    });
    handle.join().expect("errors are values");
    let mut kept = Vec::new();
    let large = || Builder::new().stack_size(60 << 20);
    while let Ok(handle) = runtime.spawn_with(large(), routine::park) {
        kept.push(handle);
    }
    println!("run={}", message_of(|| runtime.run(|| ())));
    for handle in kept {
        handle.routine().unpark();
        handle.join().expect("it has only parked");
    }
    assert_eq!(runtime.run(|| 7), 7);
    println!("again=ok");
}

/// How many workers the global runtime and a default one have.
pub(crate) fn global_workers() {
    println!("global={}", runtime::global().metrics().workers.len());
    let threads = || {
        let names = Process::own().thread_names();
        names
            .iter()
            .filter(|name| name.starts_with("routines-worke"))
            .count()
    };
    // A thread is given its name when it starts, which may be later.
    eventually("every worker has a thread", || {
        threads() == runtime::global().metrics().workers.len()
    });
    println!("threads={}", threads());
    let built = runtime::Builder::new().build().expect("as the global one");
    println!("built={}", built.metrics().workers.len());
}
