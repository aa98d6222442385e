//! Channels of other libraries between threads: what a Rust programmer takes for this job without routines.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use super::work::{BUFFER, FOURS, check_range, warm_up};
use crate::sample::Sample;

/// Four threads to four through a channel of crossbeam-channel's.
pub(crate) fn crossbeam(n: u64) -> Sample {
    let run = |n| {
        let (tx, rx) = crossbeam_channel::bounded(BUFFER);
        four_to_four(
            n,
            (tx, |tx, value| {
                tx.send(value).expect("the consumers are there")
            }),
            (rx, |rx| rx.iter().sum()),
        )
    };
    run(warm_up(n, FOURS));
    Sample::per_unit(run(n), n)
}

/// Four threads to four through a channel of flume's.
pub(crate) fn flume(n: u64) -> Sample {
    let run = |n| {
        let (tx, rx) = ::flume::bounded(BUFFER);
        four_to_four(
            n,
            (tx, |tx, value| {
                tx.send(value).expect("the consumers are there")
            }),
            (rx, |rx| rx.iter().sum()),
        )
    };
    run(warm_up(n, FOURS));
    Sample::per_unit(run(n), n)
}

/// The time from the producers' start until the consumers have ended. Each end comes with what is done with it.
fn four_to_four<S, R>(
    n: u64,
    (tx, send): (S, impl Fn(&S, u64) + Copy + Send),
    (rx, receive_all): (R, impl Fn(&R) -> u64 + Copy + Send),
) -> Duration
where
    S: Clone + Send,
    R: Clone + Send,
{
    let share = n / FOURS;
    let gate = Barrier::new(FOURS as usize + 1);
    thread::scope(|scope| {
        let consumers: Vec<_> = (0..FOURS)
            .map(|_| {
                let rx = rx.clone();
                scope.spawn(move || receive_all(&rx))
            })
            .collect();
        for _ in 0..FOURS {
            let (tx, gate) = (tx.clone(), &gate);
            scope.spawn(move || {
                gate.wait();
                for value in 0..share {
                    send(&tx, value);
                }
            });
        }
        drop((tx, rx));
        gate.wait();
        let start = Instant::now();
        let sums = consumers
            .into_iter()
            .map(|consumer| consumer.join().expect("a thread that only adds"));
        let sum = sums.sum();
        let elapsed = start.elapsed();
        check_range(FOURS, share, sum);
        elapsed
    })
}
