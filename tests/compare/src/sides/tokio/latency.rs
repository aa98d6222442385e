//! How soon a task runs.

use std::time::Instant;

use ::tokio::sync::mpsc;

use crate::sample::Sample;
use crate::sides::work::{PAUSE_STEPS, compute, nanos_since, warm_up};

/// From spawn to the first instruction, `n` times.
pub(crate) fn spawn(n: u64) -> Sample {
    super::run(async move {
        let skipped = warm_up(n, 1);
        let mut all = Vec::with_capacity(n as usize);
        for i in 0..skipped + n {
            let start = Instant::now();
            let took = ::tokio::spawn(async move { nanos_since(start) })
                .await
                .expect("a task that reads the clock");
            if i >= skipped {
                all.push(took);
            }
        }
        Sample::latencies(all)
    })
}

/// From a send to the receiver running, `n` times; the sender awaits the answer and then computes.
pub(crate) fn wake(n: u64) -> Sample {
    super::run(async move {
        let (ping, mut pinged) = mpsc::channel::<Instant>(1);
        let (pong, mut ponged) = mpsc::channel(1);
        let partner = ::tokio::spawn(async move {
            while let Some(sent) = pinged.recv().await {
                pong.send(nanos_since(sent))
                    .await
                    .expect("the answer is waited for");
            }
        });
        let skipped = warm_up(n, 1);
        let mut all = Vec::with_capacity(n as usize);
        let mut seed = 1;
        for i in 0..skipped + n {
            seed = compute(seed, PAUSE_STEPS);
            ping.send(Instant::now())
                .await
                .expect("the partner is there");
            let took = ponged.recv().await.expect("the partner answers");
            if i >= skipped {
                all.push(took);
            }
        }
        std::hint::black_box(seed);
        drop(ping);
        partner.await.expect("the partner ends without a panic");
        Sample::latencies(all)
    })
}
