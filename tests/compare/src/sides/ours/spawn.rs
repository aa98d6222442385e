//! Spawning, ending, yielding.

use rust_routines::channel;
use rust_routines::routine;
use rust_routines::sync::WaitGroup;

use super::homes;
use crate::sample::Sample;
use crate::sides::work::{timed, warm_up};

/// Spawn `n`, then join each handle.
pub(crate) fn joined(n: u64) -> Sample {
    super::run(|| {
        join_all(warm_up(n, 1));
        Sample::per_unit(timed(|| join_all(n)), n)
    })
}

fn join_all(n: u64) {
    let handles: Vec<_> = (0..n).map(|_| routine::spawn(|| {})).collect();
    for handle in handles {
        handle.join().expect("an empty routine");
    }
}

/// Spawn `n` and drop the handles; a wait group counts them.
pub(crate) fn detached(n: u64) -> Sample {
    super::run(|| {
        detach_all(warm_up(n, 1));
        Sample::per_unit(timed(|| detach_all(n)), n)
    })
}

fn detach_all(n: u64) {
    static RUNNING: WaitGroup = WaitGroup::new();
    RUNNING.add(n as isize);
    for _ in 0..n {
        routine::spawn(|| RUNNING.done());
    }
    RUNNING.wait();
}

/// Two routines at one home yield, `n` times in all, while their parent is parked.
pub(crate) fn yielding(n: u64) -> Sample {
    super::run(|| {
        yield_pair(warm_up(n, 2));
        yield_pair(n)
    })
}

fn yield_pair(n: u64) -> Sample {
    let (gate, closed) = channel::bounded::<()>(0);
    let yielder = || {
        let closed = closed.clone();
        homes::here(move || {
            closed
                .recv()
                .expect_err("nothing is sent, the gate opens by being dropped");
            for _ in 0..n / 2 {
                routine::yield_now();
            }
        })
    };
    let pair = [yielder(), yielder()];
    let elapsed = timed(|| {
        drop(gate);
        for yielder in pair {
            yielder.join();
        }
    });
    Sample::per_unit(elapsed, n)
}
