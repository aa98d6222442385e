//! Scopes and cancellation.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use rust_routines::cancel::CancelToken;
use rust_routines::routine::{self, Builder};

use super::homes;
use crate::sample::Sample;
use crate::sides::work::{timed, warm_up};

/// Routines in a scope, and tokens below a root.
const CHILDREN: u64 = 1_000;
const TREE: u64 = 10_000;

/// Scopes of a thousand routines that borrow a counter, until there were `n`.
pub(crate) fn thousand(n: u64) -> Sample {
    super::run(|| {
        scopes(warm_up(n, CHILDREN));
        Sample::per_unit(timed(|| scopes(n)), n)
    })
}

fn scopes(n: u64) {
    let count = AtomicU64::new(0);
    for _ in 0..n / CHILDREN {
        routine::scope(|s| {
            for _ in 0..CHILDREN {
                s.spawn(|| count.fetch_add(1, Ordering::Relaxed));
            }
        });
    }
    assert_eq!(count.into_inner(), n / CHILDREN * CHILDREN);
}

/// A routine that is parked, cancelled and joined by a home-mate, `n` times.
pub(crate) fn abort(n: u64) -> Sample {
    aborts(n, true)
}

/// The same from another home.
pub(crate) fn abort_across(n: u64) -> Sample {
    aborts(n, false)
}

/// They are made in groups, outside of the time.
fn aborts(n: u64, is_near: bool) -> Sample {
    const GROUP: u64 = 100;
    super::run(move || {
        let place = homes::key_of(is_near);
        let spawn = |f: fn()| {
            let routine = Builder::new().place(place).spawn(f);
            routine.expect("a stack for one routine")
        };
        let mut nanos = 0.0;
        let groups = n / GROUP + 1;
        for group in 0..=groups {
            let parked: Vec<_> = (0..GROUP).map(|_| spawn(routine::park)).collect();
            // Who comes last through the mail finds all of them parked.
            spawn(|| ()).join().expect("an empty routine");
            let time = timed(|| {
                for handle in parked {
                    handle.abort().expect("panics unwind");
                    handle.join().expect_err("it was cancelled");
                }
            });
            // The first is to warm up.
            if group > 0 {
                nanos += time.as_nanos() as f64;
            }
        }
        Sample::of(nanos / (groups * GROUP) as f64)
    })
}

/// The root of ten thousand tokens is cancelled, over and over; they are made outside of the time.
pub(crate) fn tree(n: u64) -> Sample {
    super::run(|| {
        let mut nanos = 0.0;
        let rounds = n / TREE + 1;
        for round in 0..=rounds {
            let root = CancelToken::new();
            let tokens: Vec<_> = (0..TREE).map(|_| root.child()).collect();
            let time = timed(|| {
                root.cancel();
            });
            assert!(tokens.iter().all(CancelToken::is_cancelled));
            if round > 0 {
                nanos += time.as_nanos() as f64;
            }
            black_box(&tokens);
        }
        Sample::of(nanos / (rounds * TREE) as f64)
    })
}
