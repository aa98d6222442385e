//! A meeting point for a fixed number, again and again.
//!
//! All of it is under one lock: everybody but the last waits anyway. A round is over when the last one has
//! come, who takes all others off the line before it lets go of the lock; so whoever comes after that is in
//! the next round.

use std::fmt;
use std::time::Duration;

use super::line::{Line, Wait};
use crate::control::{Outcome, Reason};
use crate::prim::SpinLock;
use crate::queue::locks::{Entry, Line as _};
use crate::sched::clock::{self, Nanos};
use crate::sched::{forbid, park};
use crate::wait::instant::Instant;
use crate::wait::{Waiter, Wakes, wait_for};

/// A point at which a number of routines or threads wait for each other, as often as they like.
///
/// # Go
/// No counterpart.
///
/// # Examples
/// ```
/// use rust_routines::{routine, sync::Barrier};
/// use std::sync::Arc;
///
/// let barrier = Arc::new(Barrier::new(3));
/// let handles: Vec<_> = (0..3)
///     .map(|_| {
///         let barrier = barrier.clone();
///         routine::spawn(move || barrier.wait().is_leader())
///     })
///     .collect();
/// let leaders = handles.into_iter().filter_map(|handle| handle.join().ok());
/// assert_eq!(leaders.filter(|is_leader| *is_leader).count(), 1);
/// ```
pub struct Barrier {
    size: usize,
    /// As long as the line, at most: who waits here is in it.
    line: SpinLock<Line>,
}

/// What a wait at a [`Barrier`] has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// Whether this is the one of its round that came last.
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

impl Barrier {
    /// A barrier for so many.
    ///
    /// # Panics
    /// For none: nobody could ever pass it.
    pub const fn new(size: usize) -> Barrier {
        assert!(size > 0, "Barrier::new(0): nobody could ever pass it");
        assert!(size <= u32::MAX as usize, "Barrier: for too many");
        Barrier {
            size,
            line: SpinLock::new(Line::new()),
        }
    }

    /// Waits until all have come.
    ///
    /// **Blocks** the calling routine; on a plain thread, the thread. A routine that is cancelled here has not
    /// come.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it is not the last.
    #[track_caller]
    pub fn wait(&self) -> BarrierWaitResult {
        self.arrive(None)
            .expect("without a deadline the others come")
    }

    /// Waits until all have come, for at most `timeout`; else (`None`) it has not come.
    ///
    /// **Blocks** as [`wait`](Barrier::wait), for at most `timeout`.
    ///
    /// # Panics
    /// As there.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::{sync::Barrier, time::Duration};
    ///
    /// let barrier = Barrier::new(2);
    /// assert!(barrier.wait_timeout(Duration::from_millis(1)).is_none());
    /// ```
    #[track_caller]
    pub fn wait_timeout(&self, timeout: Duration) -> Option<BarrierWaitResult> {
        self.arrive(Some(clock::deadline(timeout)))
    }

    /// Waits until all have come, until `deadline` at most; else (`None`) it has not come.
    ///
    /// **Blocks** as [`wait`](Barrier::wait), until `deadline` at most.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn wait_until(&self, deadline: Instant) -> Option<BarrierWaitResult> {
        self.arrive(Some(deadline.nanos()))
    }

    #[inline(never)]
    #[track_caller]
    fn arrive(&self, deadline: Option<Nanos>) -> Option<BarrierWaitResult> {
        let waiter = Waiter::unchecked();
        if !self.stand(&waiter) {
            return Some(BarrierWaitResult(true));
        }
        forbid::check();
        let wait = Wait {
            line: &self.line,
            waiter: &waiter,
        };
        // SAFETY: made here, linked just now; `wait` takes this waiter out.
        match unsafe { wait_for(&waiter, &wait, Reason::Barrier, deadline) } {
            Outcome::Woken => Some(BarrierWaitResult(false)),
            Outcome::TimedOut => None,
            Outcome::Cancelled => park::raise(),
        }
    }

    /// Stands in the line, unless it is the last (`false`): then all others go on. Where parking is
    /// forbidden it does not stand there.
    #[inline(never)]
    fn stand(&self, waiter: &Waiter) -> bool {
        let mut line = self.line.lock();
        if line.blocked() as usize + 1 < self.size {
            if !forbid::is_forbidden() {
                // SAFETY: new, and in the caller's frame until it is unlinked.
                unsafe { line.push(waiter, 0, Entry::Back) };
            }
            return true;
        }
        let mut wakes = Wakes::NONE;
        while let Some(waiter) = line.pop() {
            wakes.add(waiter);
        }
        drop(line);
        wakes.wake();
        false
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").field("size", &self.size).finish()
    }
}
