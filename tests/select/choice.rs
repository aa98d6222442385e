//! B11: of the arms that are ready each is as likely as any other.
//!
//! Pearson's chi-squared over 100,000 draws, against the quantile that a fair choice exceeds once in
//! 100,000 runs of the test. A choice that prefers one of two arms by 1.5% is found out.

use std::task::{Context, Poll};

use rust_routines::channel::{self, Receiver, Sender};
use rust_routines::routine;
use rust_routines::select;
use rust_routines::select::{Arm, Select};
use rust_routines::time::{self, Duration};
use rust_routines_tests::watched;

use super::workers;

const DRAWS: usize = 100_000;

/// The quantiles of chi-squared at 1 - 10^-5, for 1 to 4 degrees of freedom.
const QUANTILES: [f64; 4] = [19.51, 23.03, 25.90, 28.47];

#[track_caller]
fn assert_uniform<const N: usize>(counts: [usize; N]) {
    assert_eq!(counts.iter().sum::<usize>(), DRAWS);
    let expected = DRAWS as f64 / N as f64;
    let squares = counts.iter().map(|&n| (n as f64 - expected).powi(2));
    let chi = squares.sum::<f64>() / expected;
    assert!(chi < QUANTILES[N - 2], "chi-squared {chi} of {counts:?}");
}

fn count<const N: usize>(mut draw: impl FnMut() -> usize) -> [usize; N] {
    let mut counts = [0; N];
    (0..DRAWS).for_each(|_| counts[draw()] += 1);
    counts
}

/// Closed and so always ready: no value has to be put back.
fn ready() -> Receiver<u32> {
    channel::bounded(0).1
}

#[test]
fn the_check_finds_an_unfair_choice() {
    let unfair = std::panic::catch_unwind(|| assert_uniform([50_700, 49_300]));
    assert!(unfair.is_err());
    assert_uniform([50_300, 49_700]);
}

#[test]
fn b11_two_and_three_receivers() {
    watched(|| {
        let (a, b, c) = (ready(), ready(), ready());
        assert_uniform(count::<2>(|| select! { a.recv() => 0, b.recv() => 1 }));
        assert_uniform(count::<3>(
            || select! { a.recv() => 0, b.recv() => 1, c.recv() => 2 },
        ));
        assert_uniform(count::<2>(
            || select! { a.recv() => 0, b.recv() => 1, default => 9 },
        ));
    });
}

/// Arms that are off or not ready do not count.
#[test]
fn b11_only_ready_arms_count() {
    watched(|| {
        let (a, b, c) = (ready(), ready(), ready());
        let never = channel::never::<u32>();
        assert_uniform(count::<3>(|| {
            select! {
                never.recv() => 9,
                a.recv() => 0,
                never.recv() => 9,
                b.recv(), if !never.is_closed() => 1,
                a.recv(), if never.is_closed() => 9,
                c.recv() => 2,
            }
        }));
    });
}

/// The same channel in several arms: each arm counts.
#[test]
fn b11_the_same_channel_twice() {
    watched(|| {
        let a = ready();
        assert_uniform(count::<3>(
            || select! { a.recv() => 0, a.recv() => 1, a.recv() => 2 },
        ));
    });
}

/// Ready each time it is asked.
struct Foreign;

impl Arm for Foreign {
    type Output = ();

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

fn full() -> (Sender<u32>, Receiver<u32>) {
    let (sender, receiver) = channel::bounded(2);
    sender.send(0).unwrap();
    (sender, receiver)
}

#[test]
fn b11_arms_of_all_kinds() {
    watched(|| {
        let closed = ready();
        let (sender, receiver) = full();
        let draw = || {
            select! {
                closed.recv() => 0,
                sender.send(1) => {
                    receiver.recv().unwrap();
                    1
                }
                _ = time::after(Duration::ZERO) => 2,
                Foreign => 3,
                value = select::future(std::future::ready(4)) => value,
            }
        };
        assert_uniform(count::<5>(draw));
    });
}

/// In a routine too, where it may have to wait, and with a dynamic number of arms.
#[test]
fn b11_in_routines_and_in_a_dynamic_select() {
    watched(|| {
        workers(1).run(|| {
            let receivers = [ready(), ready(), ready()];
            assert_uniform(count::<3>(|| {
                let mut select = Select::new();
                for receiver in &receivers {
                    select.add(receiver.recv_arm());
                }
                select.wait().0
            }));
            let [a, b, _] = &receivers;
            assert_uniform(count::<2>(|| select! { a.recv() => 0, b.recv() => 1 }));
        });
    });
}

/// Each worker draws for itself, and not what the others draw.
#[test]
fn b11_workers_do_not_draw_alike() {
    fn draws() -> Vec<bool> {
        let (a, b) = (ready(), ready());
        (0..64)
            .map(|_| select! { a.recv() => true, b.recv() => false })
            .collect()
    }
    watched(|| {
        let runtime = workers(2);
        let all: Vec<Vec<bool>> = (0..8)
            .map(|i| match i % 2 {
                0 => runtime.spawn(draws).join().unwrap(),
                _ => std::thread::spawn(draws).join().unwrap(),
            })
            .collect();
        for (i, one) in all.iter().enumerate() {
            assert!(all[..i].iter().all(|other| other != one), "number {i}");
        }
        runtime.run(routine::yield_now);
    });
}
