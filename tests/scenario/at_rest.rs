//! Runtimes that have been used and have nothing to do, looked at from outside.

use std::sync::Arc;

use rust_routines::channel;
use rust_routines::routine::{self, Builder, Place};
use rust_routines::runtime::{self, Runtime};
use rust_routines::sync::WaitGroup;
use rust_routines::time::Duration;

use crate::wait_for_end_of_stdin;

const HOUR: Duration = Duration::from_secs(3600);

fn built(workers: usize) -> Runtime {
    let builder = rust_routines_tests::pinned(workers);
    builder.build().expect("workers")
}

/// Something of everything, so that whatever wakes up later has had its reason.
fn use_it(runtime: &Runtime) {
    let (sender, receiver) = channel::bounded(3);
    let sends: Vec<_> = (0..500_u64)
        .map(|i| {
            let sender = sender.clone();
            runtime.spawn(move || {
                routine::sleep(Duration::from_micros(i));
                sender.send(i)
            })
        })
        .collect();
    let sum: u64 = runtime.run(|| (0..500).filter_map(|_| receiver.recv().ok()).sum());
    assert_eq!(sum, 499 * 500 / 2);
    for send in sends {
        assert!(matches!(send.join(), Ok(Ok(()))));
    }
    let own = runtime.spawn_with(Builder::new().place(Place::Own), routine::yield_now);
    own.expect("a thread").join().expect("it only yields");
    assert!(
        runtime
            .spawn(|| -> () { std::panic::resume_unwind(Box::new(1)) })
            .join()
            .is_err()
    );
    runtime.run(|| routine::with_stack(1 << 20, || ()));
    // These stay: whoever waits for what does not come costs nothing.
    runtime.spawn(routine::park);
    runtime.spawn(|| routine::sleep(HOUR));
    runtime.spawn(move || receiver.recv_timeout(HOUR).map(|_| drop(sender)));
}

/// Two runtimes with nothing to do.
pub(crate) fn idle() {
    let second = built(4);
    use_it(runtime::global());
    use_it(&second);
    println!("ready");
    wait_for_end_of_stdin();
    // Still in order after the rest.
    assert_eq!(second.run(|| 7), 7);
    assert_eq!(rust_routines::run(|| 7), 7);
    println!("works=yes");
    // Without waiting an hour, or for those that are parked.
    drop(second);
}

/// One routine that looks around ten times a second.
pub(crate) fn ticking() {
    let runtime = built(4);
    use_it(&runtime);
    runtime.spawn(|| {
        loop {
            routine::sleep(Duration::from_millis(100));
        }
    });
    println!("ready");
    wait_for_end_of_stdin();
}

/// A burst of routines that live at the same time and end.
pub(crate) fn burst() {
    const ALL: isize = 100_000;
    let runtime = built(2);
    use_it(&runtime);
    println!("ready");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("a line");
    let (arrived, go) = (Arc::new(WaitGroup::new()), Arc::new(WaitGroup::new()));
    let ended = Arc::new(WaitGroup::new());
    arrived.add(ALL);
    go.add(1);
    ended.add(ALL);
    for _ in 0..ALL {
        let (arrived, go, ended) = (arrived.clone(), go.clone(), ended.clone());
        runtime.spawn(move || {
            arrived.done();
            go.wait();
            ended.done();
        });
    }
    arrived.wait();
    println!("all are here");
    line.clear();
    std::io::stdin().read_line(&mut line).expect("a line");
    go.done();
    ended.wait();
    println!("all have ended");
    wait_for_end_of_stdin();
}
