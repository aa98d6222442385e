//! Stalls as events of `tracing`, with the feature of that name.

use super::super::stall::Stall;

pub(super) fn tell(stall: &Stall) {
    tracing::warn!(
        target: "rust_routines::stall",
        routine = stall.routine,
        name = stall.name.as_deref(),
        spawned_at = %stall.spawned_at,
        worker = stall.worker,
        class = %stall.class,
        milliseconds = stall.time.as_millis() as u64,
        stranded = stall.stranded,
        probable_deadlock = stall.is_probable_deadlock,
        "a routine keeps its worker to itself"
    );
}
