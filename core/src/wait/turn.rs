//! Taking turns at something that one at a time may use: first come, first served.
//!
//! A turn that ends passes to the one who has waited longest, without becoming free in between: no
//! newcomer barges past. Unlike `sync::Mutex` it is not tuned for speed under contention, which is
//! an accident here: several readers of one stream.
//!
//! - I1: `taken` and the list are used under `state`; while it is `taken`, one `Held` exists, or the
//!   wake of a waiter that was handed the turn is on its way.

use crate::control::{Outcome, Reason, Unlink};
use crate::prim::SpinLock;
use crate::sched::clock::Nanos;
use crate::wait::{WaitList, Waiter, block};

pub(crate) struct Turn {
    state: SpinLock<State>,
}

struct State {
    taken: bool,
    waiting: WaitList,
}

/// The turn; passes it on when dropped.
pub(crate) struct Held<'a>(&'a Turn);

struct Wait<'a> {
    turn: &'a Turn,
    waiter: &'a Waiter,
}

impl Unlink for Wait<'_> {
    fn unlink(&self) -> bool {
        self.turn.state.lock().waiting.remove(self.waiter)
    }
}

impl Turn {
    pub(crate) const fn new() -> Turn {
        Turn {
            state: SpinLock::new(State {
                taken: false,
                waiting: WaitList::new(),
            }),
        }
    }

    /// Takes the turn if nobody has it.
    #[inline]
    pub(crate) fn try_take(&self) -> Option<Held<'_>> {
        let mut state = self.state.lock();
        if state.taken {
            return None;
        }
        state.taken = true;
        Some(Held(self))
    }

    /// Waits for the turn; `None` if `deadline` comes first.
    #[cold]
    pub(crate) fn take(&self, reason: Reason, deadline: Option<Nanos>) -> Option<Held<'_>> {
        let waiter = Waiter::here();
        let mut state = self.state.lock();
        if !state.taken {
            state.taken = true;
            return Some(Held(self));
        }
        // SAFETY: it is unlinked before this function returns: by the one who hands the turn over, or
        // by `Wait`.
        unsafe { state.waiting.push_back(&waiter) };
        drop(state);
        let wait = Wait {
            turn: self,
            waiter: &waiter,
        };
        // SAFETY: linked just now; `Wait` takes out this very waiter.
        match unsafe { block(&waiter, &wait, reason, deadline) } {
            Outcome::Woken => Some(Held(self)),
            Outcome::TimedOut | Outcome::Cancelled => None,
        }
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        match state.waiting.pop_front() {
            None => state.taken = false,
            Some(next) => {
                drop(state);
                next.wake();
            }
        }
    }
}
