//! `tokio::select!`: over three senders, and finding nothing.

use std::future;
use std::time::{Duration, Instant};

use ::tokio::select;
use ::tokio::sync::mpsc::{self, Receiver, Sender};

use crate::sample::Sample;
use crate::sides::work::{check_range, warm_up};

/// A channel of the smallest capacity there is.
fn channel() -> (Sender<u64>, Receiver<u64>) {
    mpsc::channel(1)
}

/// Receives `n` values from whichever of three tasks has sent one.
pub(crate) fn three(n: u64) -> Sample {
    super::run(async move {
        from_three(warm_up(n, 3)).await;
        let n = n / 3 * 3;
        Sample::per_unit(from_three(n).await, n)
    })
}

async fn from_three(n: u64) -> Duration {
    let share = n / 3;
    let [(to_a, mut a), (to_b, mut b), (to_c, mut c)] = [channel(), channel(), channel()];
    let senders = [to_a.clone(), to_b.clone(), to_c.clone()].map(|tx| {
        ::tokio::spawn(async move {
            for value in 0..share {
                tx.send(value).await.expect("the receiver is there");
            }
        })
    });
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
    for sender in senders {
        sender.await.expect("a sender ends without a panic");
    }
    drop([to_a, to_b, to_c]);
    check_range(3, share, sum);
    elapsed
}

/// Asks three channels that nobody sends on, `n` times; and then one of them alone.
pub(crate) fn default(n: u64) -> Sample {
    super::run(async move {
        let [(_a, mut a), (_b, mut b), (_c, mut c)] = [channel(), channel(), channel()];
        ask_three(warm_up(n, 1), [&mut a, &mut b, &mut c]).await;
        let three = ask_three(n, [&mut a, &mut b, &mut c]).await;
        ask_one(warm_up(n, 1), &mut a).await;
        let one = ask_one(n, &mut a).await;
        Sample::per_unit(three, n).with("one_arm_ns", Sample::per_unit(one, n).value)
    })
}

/// A default is a last branch that is always ready, behind `biased`.
async fn ask_three(n: u64, [a, b, c]: [&mut Receiver<u64>; 3]) -> Duration {
    let mut nothing = 0;
    let start = Instant::now();
    for _ in 0..n {
        nothing += select! {
            biased;
            _ = a.recv() => 0,
            _ = b.recv() => 0,
            _ = c.recv() => 0,
            () = future::ready(()) => 1,
        };
    }
    let elapsed = start.elapsed();
    assert_eq!(nothing, n, "nobody sends");
    elapsed
}

async fn ask_one(n: u64, a: &mut Receiver<u64>) -> Duration {
    let mut nothing = 0;
    let start = Instant::now();
    for _ in 0..n {
        nothing += select! {
            biased;
            _ = a.recv() => 0,
            () = future::ready(()) => 1,
        };
    }
    let elapsed = start.elapsed();
    assert_eq!(nothing, n, "nobody sends");
    elapsed
}
