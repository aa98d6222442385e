//! Computation.

use std::thread;
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
///
/// After a park only the placement counts, so it is told beside the speed: the share of pairs with two homes.
pub(crate) fn pair(n: u64) -> Sample {
    super::run(|| {
        spawned(2);
        let after_park = |place| {
            let mut apart = 0_u64;
            let speed = work::speed_up(n, || spawned(1), || parked_first(place, &mut apart));
            (speed, apart as f64 / n.max(1) as f64)
        };
        let (near, near_apart) = after_park(Place::Near);
        let (spread, spread_apart) = after_park(Place::Spread);
        Sample::of(work::speed_up(n, || spawned(1), || spawned(2)))
            .with("after_park_near", near)
            .with("after_park_spread", spread)
            .with("near_two_homes", near_apart)
            .with("spread_two_homes", spread_apart)
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

/// Counts `apart` up if the two have different homes.
fn parked_first(place: Place, apart: &mut u64) -> Duration {
    let (arrived, both_there) = channel::bounded(2);
    let (gate, closed) = channel::bounded::<()>(0);
    let computing = |i| {
        let (arrived, closed) = (arrived.clone(), closed.clone());
        let work = move || {
            arrived
                .send(thread::current().id())
                .expect("the spawner waits for it");
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
    let homes = [(); 2].map(|()| both_there.recv().expect("both arrive"));
    *apart += u64::from(homes[0] != homes[1]);
    timed(|| {
        drop(gate);
        for handle in handles {
            std::hint::black_box(handle.join().expect("a routine that only computes"));
        }
    })
}
