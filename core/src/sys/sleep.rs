//! How a worker's thread sleeps: a token that one side stores and the other uses up.
//!
//! crossbeam's parker, because std's `park` would eat tokens that belong to the user. A worker that
//! watches sockets sleeps in its poller instead (`queue::bell` tells the two apart).

use std::time::Duration;

use crossbeam_utils::sync::{Parker, Unparker};

/// The sleeping side; one thread at a time uses it.
pub(crate) struct Sleeper {
    parker: Parker,
}

/// The waking side; may be used by anyone at any time, also late.
#[derive(Clone)]
pub(crate) struct Alarm {
    unparker: Unparker,
}

impl Sleeper {
    pub(crate) fn new() -> Self {
        Self {
            parker: Parker::new(),
        }
    }

    pub(crate) fn alarm(&self) -> Alarm {
        Alarm {
            unparker: self.parker.unparker().clone(),
        }
    }

    /// Sleeps until rung or until `limit` has passed; may return early.
    pub(crate) fn sleep(&self, limit: Option<Duration>) {
        match limit {
            Some(limit) => self.parker.park_timeout(limit),
            None => self.parker.park(),
        }
    }
}

/// Lets sleeps of this thread end when they should. The kernel adds 50 us to each, so that wake-ups of
/// several threads fall together: half of the lateness of a timer on an idle machine.
pub(crate) fn be_punctual() {
    #[cfg(target_os = "linux")]
    // SAFETY: sets a number of the calling thread. A kernel that refuses leaves it as it was.
    unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, 1_000, 0, 0, 0);
    }
}

impl Alarm {
    #[inline]
    pub(crate) fn ring(&self) {
        self.unparker.unpark();
    }
}
