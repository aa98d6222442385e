//! Computation.

use std::time::Duration;

use rust_routines::channel;
use rust_routines::routine::{self, Builder, Place};

use crate::sample::Sample;
use crate::sides::work::{self, PAIR_STEPS, PIECES, compute, piece_steps, timed};

/// Pieces of computation, a routine each, in rounds of 1000.
pub(crate) fn fanout(n: u64) -> Sample {
    super::run(|| {
        rounds(1);
        let count = (n / PIECES).max(1);
        Sample::per_unit(timed(|| rounds(count)), count * PIECES)
    })
}

fn rounds(count: u64) {
    for _ in 0..count {
        let spawn = |piece| routine::spawn(move || compute(piece, piece_steps(piece)));
        let handles: Vec<_> = (0..PIECES).map(spawn).collect();
        let results = handles
            .into_iter()
            .map(|handle| handle.join().expect("a routine that only computes"));
        std::hint::black_box(results.fold(0_u64, u64::wrapping_add));
    }
}

/// Two routines that compute, against one: when spawned, and after both have parked once, spawned near and with Spread.
pub(crate) fn pair(n: u64) -> Sample {
    super::run(|| {
        spawned(2);
        let speed = |pair: &dyn Fn() -> Duration| work::speed_up(n, || spawned(1), pair);
        Sample::of(speed(&|| spawned(2)))
            .with("after_park_near", speed(&|| parked_first(Place::Near)))
            .with("after_park_spread", speed(&|| parked_first(Place::Spread)))
    })
}

fn spawned(count: u64) -> Duration {
    timed(|| {
        let handles: Vec<_> = (0..count)
            .map(|i| routine::spawn(move || compute(i, PAIR_STEPS)))
            .collect();
        for handle in handles {
            std::hint::black_box(handle.join().expect("a routine that only computes"));
        }
    })
}

fn parked_first(place: Place) -> Duration {
    let (arrived, both_there) = channel::bounded(2);
    let (gate, closed) = channel::bounded::<()>(0);
    let computing = |i| {
        let (arrived, closed) = (arrived.clone(), closed.clone());
        let work = move || {
            arrived.send(()).expect("the spawner waits for it");
            closed
                .recv()
                .expect_err("nothing is sent, the gate opens by being dropped");
            compute(i, PAIR_STEPS)
        };
        Builder::new()
            .place(place)
            .spawn(work)
            .expect("a stack for one routine")
    };
    let handles = [computing(0), computing(1)];
    for _ in &handles {
        both_there.recv().expect("both arrive");
    }
    timed(|| {
        drop(gate);
        for handle in handles {
            std::hint::black_box(handle.join().expect("a routine that only computes"));
        }
    })
}
