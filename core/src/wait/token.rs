//! Waiting for several things at once.
//!
//! The one who waits stands in each queue with a waiter of its own; all of them point to one token,
//! which says who waits, and whose [`Claim`] decides which of them wins. A queue that takes such a
//! waiter off and loses the claim goes on to the next one.
//!
//! - I1: token and waiters live in the owner's frame. A queue touches a waiter and the token through
//!   it under its own lock, or having won the claim; the owner takes the lock of each queue that it
//!   stands in before the frame goes.
//! - I2: a foreign waker reaches the token through a [`Remote`] only, in the heap, and under its lock;
//!   the owner clears that before the frame goes.

use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::task::{Wake, Waker};

use super::waiter::{Claimed, Waiter, wait_for};
use crate::control::{Outcome, Reason, Unlink};
use crate::prim::SpinLock;
use crate::queue::claim::Claim;
use crate::sched::clock::Nanos;
use crate::sched::forbid;

pub(crate) struct Token {
    claim: Claim,
    /// Who waits.
    owner: Waiter,
    /// Which waiter won: written by the one with the claim, read by the owner when it has been woken.
    winner: Cell<*const Waiter>,
    remote: Cell<Option<Arc<Remote>>>,
}

/// The way to a token for wakers, which may outlive it.
pub(crate) struct Remote {
    token: SpinLock<Option<NonNull<Token>>>,
}

// SAFETY: I2: the token is reached under the lock, and only its claim and its owner's wake are used.
unsafe impl Send for Remote {}
// SAFETY: as above.
unsafe impl Sync for Remote {}

/// How a wait for several things ended.
pub(crate) enum Won {
    /// This waiter's thing was done by the other side.
    Waiter(*const Waiter),
    /// A foreign arm is worth another look.
    Notice,
    TimedOut,
}

impl Token {
    /// A token for whoever runs here.
    pub(crate) fn here() -> Token {
        Token {
            claim: Claim::new(),
            owner: Waiter::unchecked(),
            winner: Cell::new(ptr::null()),
            remote: Cell::new(None),
        }
    }

    /// See [`Claim::open`]. Panics where parking is forbidden.
    #[track_caller]
    pub(crate) fn open(&self) -> bool {
        forbid::check();
        self.winner.set(ptr::null());
        self.claim.open()
    }

    /// See [`Claim::abort`].
    pub(crate) fn abort(&self) -> bool {
        self.claim.abort()
    }

    /// Queue, under its lock: claims for the waiter it has taken off.
    #[inline]
    pub(super) fn claim(&self, waiter: &Waiter) -> bool {
        let claimed = self.claim.claim();
        if claimed {
            self.winner.set(waiter);
        }
        claimed
    }

    /// Wakes the owner; with the right that a claim or a notice gave.
    #[inline]
    pub(super) fn wake(&self) {
        // SAFETY: the claim is the only right to wake the owner.
        unsafe { Claimed::new(NonNull::from(&self.owner)) }.wake();
    }

    /// A waker for foreign arms: wakes the owner to look again.
    pub(crate) fn waker(&self) -> Waker {
        let remote = self.remote.take().unwrap_or_else(|| {
            Arc::new(Remote {
                token: SpinLock::new(Some(NonNull::from(self))),
            })
        });
        self.remote.set(Some(remote.clone()));
        Waker::from(remote)
    }

    /// Owner, after a successful `open`: sleeps until the claim is taken, or gives up at `deadline`. A
    /// cancelled routine comes back with `None`: its owner has to leave the queues and then to raise.
    pub(crate) fn park(&self, reason: Reason, deadline: Option<Nanos>) -> Option<Won> {
        // SAFETY: open, so whoever has the claim wakes; `unlink` takes the claim back.
        let outcome = unsafe { wait_for(&self.owner, self, reason, deadline) };
        match outcome {
            Outcome::Cancelled => return None,
            Outcome::TimedOut => return Some(Won::TimedOut),
            Outcome::Woken => {}
        }
        self.claim.reset();
        self.owner.reset();
        let winner = self.winner.get();
        Some(if winner.is_null() {
            Won::Notice
        } else {
            Won::Waiter(winner)
        })
    }
}

impl Unlink for Token {
    fn unlink(&self) -> bool {
        self.claim.abort()
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        if let Some(remote) = self.remote.take() {
            *remote.token.lock() = None;
        }
    }
}

impl Wake for Remote {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let token = self.token.lock();
        if let Some(token) = *token {
            // SAFETY: I2: under the lock, so its frame is still there.
            let token = unsafe { token.as_ref() };
            if token.claim.notify() {
                token.wake();
            }
        }
    }
}
