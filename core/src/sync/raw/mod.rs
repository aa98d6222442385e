//! Locks without values: what the locks with values are made of, and what mirrors of other languages'
//! locks need.

mod mutex;
mod notify_list;
mod rwlock;

pub use mutex::{NotLockedError, RawMutex};
pub use notify_list::{NotifyList, Ticket};
pub use rwlock::RawRwLock;

use crate::queue::locks::mutex::PATIENCE;
use crate::sched::clock;

pub(super) use mutex::MutexSeek;
pub(super) use rwlock::RwSeek;

/// How often, and with how many pauses in between, a lock that is held is looked at again before its
/// routine parks.
const LOOKS: u32 = 4;
const PAUSES: u32 = 30;

/// Microseconds, modulo 2^32.
#[cold]
#[inline(never)]
fn now() -> u32 {
    (clock::now() / 1000) as u32
}

fn is_late(since: u32) -> bool {
    now().wrapping_sub(since) > PATIENCE
}

/// Tries for a moment: the holder may be about to let go.
#[inline]
fn look_again(mut is_got: impl FnMut() -> bool, mut is_worth_it: impl FnMut() -> bool) -> bool {
    for _ in 0..LOOKS {
        if is_got() {
            return true;
        }
        if !is_worth_it() {
            return false;
        }
        for _ in 0..PAUSES {
            std::hint::spin_loop();
        }
    }
    false
}
