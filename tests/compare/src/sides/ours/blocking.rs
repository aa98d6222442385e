//! Work that blocks, on threads of its own.

use rust_routines::routine;

use crate::sample::Sample;
use crate::sides::work::{timed, warm_up};

/// An empty call, there and back.
pub(crate) fn call(n: u64) -> Sample {
    super::run(|| {
        let calls = |n: u64| (0..n).for_each(|i| assert_eq!(routine::blocking(|| i), i));
        calls(warm_up(n, 1));
        Sample::per_unit(timed(|| calls(n)), n)
    })
}
