//! Hand-overs between tasks, over channels of capacity one: tokio has none without a buffer.

use std::time::{Duration, Instant};

use ::tokio::sync::{mpsc, oneshot};

use crate::sample::Sample;
use crate::sides::work::{RING, warm_up};

/// A value to a partner and back, `n` times.
pub(crate) fn ping_pong(n: u64) -> Sample {
    super::run(async move {
        let (ping, mut pinged) = mpsc::channel(1);
        let (pong, mut ponged) = mpsc::channel(1);
        let partner = ::tokio::spawn(async move {
            while let Some(value) = pinged.recv().await {
                pong.send(value).await.expect("the other side waits for it");
            }
        });
        let mut trips = async |n: u64| {
            for i in 0..n {
                ping.send(i).await.expect("the partner is there");
                ponged.recv().await.expect("the partner is there");
            }
        };
        trips(warm_up(n, 1)).await;
        let start = Instant::now();
        trips(n).await;
        let elapsed = start.elapsed();
        drop(ping);
        partner.await.expect("the partner ends without a panic");
        Sample::per_unit(elapsed, n)
    })
}

/// A token passed `n` hops round a ring of tasks.
pub(crate) fn ring(n: u64) -> Sample {
    super::run(async move {
        hops(warm_up(n, RING as u64)).await;
        Sample::per_unit(hops(n).await, n)
    })
}

async fn hops(n: u64) -> Duration {
    let (mut senders, receivers): (Vec<_>, Vec<_>) = (0..RING).map(|_| mpsc::channel(1)).unzip();
    let first = senders[0].clone();
    senders.rotate_left(1);
    let (finished, end) = oneshot::channel();
    let mut finished = Some(finished);
    let mut tasks = Vec::with_capacity(RING);
    for (i, (from, to)) in receivers.into_iter().zip(senders).enumerate() {
        // Only one of them receives the 0, and which one is known beforehand: the one n hops from the first.
        let finished = if i as u64 == n % RING as u64 {
            finished.take()
        } else {
            None
        };
        tasks.push(::tokio::spawn(node(from, to, finished)));
    }
    let start = Instant::now();
    first.send(n).await.expect("the ring is there");
    let end = end.await.expect("the token comes to its end");
    drop(first);
    for task in tasks {
        task.await.expect("a node ends without a panic");
    }
    end - start
}

/// Passes tokens on, counting them down; who receives 0 reports the time and ends, and so do then all others.
async fn node(
    mut from: mpsc::Receiver<u64>,
    to: mpsc::Sender<u64>,
    finished: Option<oneshot::Sender<Instant>>,
) {
    while let Some(token) = from.recv().await {
        if token == 0 {
            let finished = finished.expect("the token ends where it was computed to end");
            finished
                .send(Instant::now())
                .expect("the time is waited for");
            return;
        }
        to.send(token - 1).await.expect("the next node is there");
    }
}
