//! How soon a routine runs.

use std::time::Instant;

use rust_routines::channel;
use rust_routines::routine;

use super::homes;
use crate::sample::Sample;
use crate::sides::work::{PAUSE_STEPS, compute, nanos_since, warm_up};

/// From spawn to the first instruction, `n` times.
pub(crate) fn spawn(n: u64) -> Sample {
    super::run(|| {
        let skipped = warm_up(n, 1);
        let mut all = Vec::with_capacity(n as usize);
        for i in 0..skipped + n {
            let start = Instant::now();
            let took = routine::spawn(move || nanos_since(start))
                .join()
                .expect("a routine that reads the clock");
            if i >= skipped {
                all.push(took);
            }
        }
        Sample::latencies(all)
    })
}

/// From a send to the receiver running at another home, `n` times; the sender waits for the answer and then computes.
pub(crate) fn wake(n: u64) -> Sample {
    super::run(|| {
        let (ping, pinged) = channel::bounded::<Instant>(0);
        let (pong, ponged) = channel::bounded(0);
        let partner = homes::elsewhere(move || {
            while let Ok(sent) = pinged.recv() {
                pong.send(nanos_since(sent))
                    .expect("the answer is waited for");
            }
        });
        let skipped = warm_up(n, 1);
        let mut all = Vec::with_capacity(n as usize);
        let mut seed = 1;
        for i in 0..skipped + n {
            seed = compute(seed, PAUSE_STEPS);
            ping.send(Instant::now()).expect("the partner is there");
            let took = ponged.recv().expect("the partner answers");
            if i >= skipped {
                all.push(took);
            }
        }
        std::hint::black_box(seed);
        drop(ping);
        partner.join();
        Sample::latencies(all)
    })
}
