//! Values that belong to a task.

use std::cell::Cell;

use crate::sample::Sample;
use crate::sides::work::{timed, warm_up};

::tokio::task_local!(static COUNT: Cell<u64>);

/// A function deep down.
#[inline(never)]
fn step() {
    COUNT.with(|count| count.set(count.get() + 1));
}

/// Counts in a task's own value.
pub(crate) fn access(n: u64) -> Sample {
    super::run(COUNT.scope(Cell::new(0), async move {
        (0..warm_up(n, 1)).for_each(|_| step());
        let elapsed = timed(|| (0..n).for_each(|_| step()));
        let all = COUNT.with(Cell::get);
        assert_eq!(all, n + warm_up(n, 1), "a value of a task: wrong count");
        Sample::per_unit(elapsed, n)
    }))
}
