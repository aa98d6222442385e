//! Routines that are cancelled while they unwind already: a second unwinding would abort the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rust_routines::channel;
use rust_routines::routine;
use rust_routines::sync::{Mutex, WaitGroup};
use rust_routines::time::Duration;

/// Runs `0` in its destructor.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Every way to park waits, in a destructor, for something that comes after the shutdown has begun.
pub(crate) fn while_unwinding() {
    let runtime = rust_routines_tests::pinned(2).build().expect("two workers");
    let (arrived, arrivals) = channel::unbounded();
    let ended = Arc::new(AtomicUsize::new(0));
    let group = Arc::new(WaitGroup::new());
    group.add(1);
    let lock = Arc::new(Mutex::new(()));
    let (sender, receiver) = channel::bounded::<()>(0);
    let guard = lock.lock();

    let ways: Vec<Box<dyn FnMut() + Send>> = vec![
        Box::new(|| routine::sleep(Duration::from_millis(100))),
        Box::new(routine::park),
        Box::new({
            let receiver = receiver.clone();
            move || assert!(receiver.recv().is_err())
        }),
        Box::new({
            let group = group.clone();
            move || group.wait()
        }),
        Box::new({
            let lock = lock.clone();
            move || drop(lock.lock())
        }),
        Box::new(|| (0..1000).for_each(|_| routine::yield_now())),
        Box::new(|| {
            // Born during the shutdown, so it is cancelled, and joined all the same.
            let child = routine::spawn(routine::park);
            assert!(child.join().is_err());
        }),
    ];
    let count = ways.len();
    let routines: Vec<_> = ways
        .into_iter()
        .map(|mut way| {
            let (arrived, ended) = (arrived.clone(), ended.clone());
            runtime.spawn(move || {
                let _parks = OnDrop(|| {
                    arrived.send(()).expect("main receives");
                    way();
                    assert!(thread::panicking(), "it is still unwinding");
                    ended.fetch_add(1, Ordering::SeqCst);
                });
                std::panic::resume_unwind(Box::new("boom"));
            })
        })
        .collect();
    for _ in 0..count {
        arrivals.recv().expect("each arrives");
    }
    // What they wait for comes from a plain thread, once the runtime is being shut down: that is
    // when a routine that may be cancelled is.
    let (is_cancelled, cancelled) = channel::bounded(1);
    runtime.spawn(move || {
        let _said = OnDrop(|| is_cancelled.send(()).expect("the helper receives"));
        arrived.send(()).expect("main receives");
        routine::park();
    });
    arrivals.recv().expect("the canary arrives");
    let parked = routines[1].routine();
    let helper = thread::spawn(move || {
        cancelled.recv().expect("the canary says so");
        parked.unpark();
        group.done();
        sender
    });
    let shutdown = thread::scope(|scope| {
        let shutdown = scope.spawn(|| runtime.shutdown(Duration::from_secs(30)));
        drop(helper.join().expect("the helper does not panic"));
        drop(guard);
        shutdown.join().expect("a shutdown does not panic")
    });
    println!("shutdown={shutdown:?}");
    println!("started={count}");
    println!("ended={}", ended.load(Ordering::SeqCst));
    let panicked = routines
        .into_iter()
        .filter_map(|routine| routine.join().err())
        .filter(|error| matches!(error, routine::JoinError::Panicked(_)))
        .count();
    println!("panicked={panicked}");
}
