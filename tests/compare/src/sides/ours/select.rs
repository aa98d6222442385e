//! `select!`: over three senders, and finding nothing.

use std::time::{Duration, Instant};

use rust_routines::channel::{self, Receiver, Sender};
use rust_routines::select;

use super::homes::{self, Placed};
use crate::sample::Sample;
use crate::sides::work::{check_range, warm_up};

/// Receives `n` values from whichever of three routines is ready to send; they live at the receiver's home.
pub(crate) fn three(n: u64) -> Sample {
    super::run(|| {
        from_three(warm_up(n, 3));
        let n = n / 3 * 3;
        Sample::per_unit(from_three(n), n)
    })
}

fn from_three(n: u64) -> Duration {
    let share = n / 3;
    let ends: [(Sender<u64>, Receiver<u64>); 3] = std::array::from_fn(|_| channel::bounded(0));
    // The ends stay here, so that who has sent its share does not disconnect its channel, which would be an event.
    let senders = ends.each_ref().map(|(tx, _)| {
        let tx = tx.clone();
        homes::here(move || {
            for value in 0..share {
                tx.send(value).expect("the receiver is there");
            }
        })
    });
    let [(_, a), (_, b), (_, c)] = &ends;
    let mut sum = 0;
    let start = Instant::now();
    for _ in 0..3 * share {
        let value = select! {
            value = a.recv() => value,
            value = b.recv() => value,
            value = c.recv() => value,
        };
        sum += value.expect("the senders are there");
    }
    let elapsed = start.elapsed();
    senders.into_iter().for_each(Placed::join);
    check_range(3, share, sum);
    elapsed
}

/// Asks three channels that nobody sends on, `n` times; and then one of them alone.
pub(crate) fn default(n: u64) -> Sample {
    super::run(|| {
        let ends: [(Sender<u64>, Receiver<u64>); 3] = std::array::from_fn(|_| channel::bounded(0));
        let receivers = ends.each_ref().map(|(_, rx)| rx);
        ask_three(warm_up(n, 1), receivers);
        let three = ask_three(n, receivers);
        ask_one(warm_up(n, 1), receivers[0]);
        let one = ask_one(n, receivers[0]);
        Sample::per_unit(three, n).with("one_arm_ns", Sample::per_unit(one, n).value)
    })
}

fn ask_three(n: u64, [a, b, c]: [&Receiver<u64>; 3]) -> Duration {
    let mut nothing = 0;
    let start = Instant::now();
    for _ in 0..n {
        nothing += select! {
            _ = a.recv() => 0,
            _ = b.recv() => 0,
            _ = c.recv() => 0,
            default => 1,
        };
    }
    let elapsed = start.elapsed();
    assert_eq!(nothing, n, "nobody sends");
    elapsed
}

fn ask_one(n: u64, a: &Receiver<u64>) -> Duration {
    let mut nothing = 0;
    let start = Instant::now();
    for _ in 0..n {
        nothing += select! {
            _ = a.recv() => 0,
            default => 1,
        };
    }
    let elapsed = start.elapsed();
    assert_eq!(nothing, n, "nobody sends");
    elapsed
}
