//! tokio's locks, alone and contended: held for a moment and not over an `await`, as here, its documentation advises
//! std's; so a mutex is compared with Go's alone.

use std::hint::black_box;

use ::tokio::sync::Semaphore;

use crate::sample::Sample;
use crate::sides::work::warm_up;

/// Takes and gives back a permit that nobody else wants.
pub(crate) fn semaphore_alone(n: u64) -> Sample {
    super::run(async move {
        let permits = black_box(Semaphore::new(1));
        for _ in 0..warm_up(n, 1) {
            drop(black_box(permits.acquire().await));
        }
        let start = std::time::Instant::now();
        for _ in 0..n {
            drop(black_box(permits.acquire().await));
        }
        Sample::per_unit(start.elapsed(), n)
    })
}
