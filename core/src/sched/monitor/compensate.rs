//! Who stands in for workers that are stuck, and for how long.
//!
//! - Somebody is added only while something waits that any worker could start, and none is free to.
//! - For each active worker that is blocked in the kernel one more, up to four times as many workers as
//!   were asked for and 64 more; the stand-ins count, so if they block as well they are replaced too.
//! - For workers that compute one more in all: with more threads than CPUs each would get less. A
//!   stand-in that computes has nobody stand in for it.
//! - Those that are not needed any more stay for a while, for stalls come in rows; then they drain, the one
//!   with the least to do first, but none of the workers that were asked for: keys mean those.

use std::sync::Arc;

use super::super::clock::Nanos;
use super::super::shared::{Phase, Shared};
use super::super::staff::MOST_EXTRA;
use super::super::stall::OnStall;
use super::Tally;

/// How long stand-ins stay that are not needed.
const LINGER: Nanos = 1_000_000_000;

#[derive(Default)]
pub(super) struct Extra {
    /// When they were all needed the last time.
    needed_at: Nanos,
}

impl Extra {
    /// Hires stand-ins, or lets one go; whether there are any.
    pub(super) fn adjust(&mut self, shared: &Arc<Shared>, tally: &Tally, now: Nanos) -> bool {
        if shared.config.on_stall != OnStall::Compensate {
            return false;
        }
        let mut staff = shared.staff.lock();
        let before = staff.extra;
        let most = (3 * staff.target).min(MOST_EXTRA);
        let needed = (tally.blocked + usize::from(tally.computing > 0)).min(most);
        if needed >= before {
            self.needed_at = now;
        }
        if shared.phase() != Phase::Running {
            return false;
        }
        let waiting = shared.stealable() + usize::from(tally.late);
        if needed > before && waiting > 0 && !shared.idle.is_anyone_free() {
            staff.extra += waiting.min(needed - before);
        } else if now - self.needed_at >= LINGER && before > 0 {
            staff.extra -= 1;
        } else {
            return before > 0;
        }
        if shared.adjust(&mut staff).is_err() {
            // No thread to be had just now: it is tried again at the next look.
            staff.extra = before.min(staff.extra);
        }
        staff.extra > 0
    }
}
