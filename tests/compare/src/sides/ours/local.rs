//! Values that belong to a routine.

use std::cell::Cell;

use rust_routines::routine_local;

use crate::sample::Sample;
use crate::sides::work::{timed, warm_up};

routine_local!(static COUNT: Cell<u64> = const { Cell::new(0) });

/// A function deep down: what is known about the value outside does not help.
#[inline(never)]
fn step() {
    COUNT.with(|count| count.set(count.get() + 1));
}

/// Counts in a routine's own value.
pub(crate) fn access(n: u64) -> Sample {
    super::run(|| {
        (0..warm_up(n, 1)).for_each(|_| step());
        let elapsed = timed(|| (0..n).for_each(|_| step()));
        let all = COUNT.with(Cell::get);
        assert_eq!(all, n + warm_up(n, 1), "a value of a routine: wrong count");
        Sample::per_unit(elapsed, n)
    })
}
