//! Something that is done once, by whoever comes first, while others wait.
//!
//! A doer that panics leaves it failed; one that is cancelled, or whose `timeout` is over, leaves it undone, as
//! if it had not begun: it was not the doing that failed.

use std::fmt;

use super::line::{Line, Wait};
use super::watch;
use crate::control::{Outcome, Reason};
use crate::queue::locks::Entry;
use crate::queue::locks::once::{Begin, Finish, OnceWord};
use crate::sched::{limit, park, with_core};
use crate::wait::{Waiter, Wakes, wait_for};

/// Something to be done once, such as an initialisation.
///
/// # Go
/// `sync.Once`.
///
/// # Examples
/// ```
/// use rust_routines::sync::Once;
///
/// static START: Once = Once::new();
///
/// START.call_once(|| println!("once"));
/// START.call_once(|| unreachable!());
/// assert!(START.is_completed());
/// ```
pub struct Once {
    word: OnceWord<Line>,
}

/// What [`Once::call_once_force`] tells its closure.
#[derive(Debug)]
pub struct OnceState {
    is_poisoned: bool,
}

/// What one who runs the closure becomes when that ends, by whatever way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OnPanic {
    Fail,
    Undo,
}

/// What reports call it.
const KIND: &str = "once";

/// A closure that runs now; dropped, it has ended.
struct Doing<'a> {
    once: &'a Once,
    finish: Finish,
}

impl Once {
    /// Nothing has been done.
    pub const fn new() -> Once {
        Once {
            word: OnceWord::new(Line::new()),
        }
    }

    /// Calls `f`, if nobody has done so; returns when it has been done.
    ///
    /// **Blocks** the calling routine while another runs its closure; on a plain thread, the thread.
    ///
    /// # Panics
    /// If the closure panics, and from then on. Under [`forbid_park`](crate::routine::forbid_park), if it
    /// would block. Called by `f` itself it is a deadlock, and a panic where deadlocks are looked for.
    ///
    /// # Go
    /// `once.Do(f)`; there a closure that has panicked counts as done.
    #[inline]
    #[track_caller]
    pub fn call_once(&self, f: impl FnOnce()) {
        if self.word.is_done() {
            return;
        }
        let mut f = Some(f);
        let done = self.call(false, OnPanic::Fail, &mut |_| {
            f.take().expect("called once")();
            true
        });
        assert!(done, "Once instance has previously been poisoned");
    }

    /// As [`call_once`](Once::call_once), also if a closure has panicked before.
    ///
    /// **Blocks** as there.
    ///
    /// # Panics
    /// If the closure panics; else as there.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::sync::Once;
    /// use std::panic;
    ///
    /// static START: Once = Once::new();
    ///
    /// assert!(panic::catch_unwind(|| START.call_once(|| panic!("no"))).is_err());
    /// START.call_once_force(|state| assert!(state.is_poisoned()));
    /// START.call_once(|| unreachable!());
    /// ```
    #[track_caller]
    pub fn call_once_force(&self, f: impl FnOnce(&OnceState)) {
        let mut f = Some(f);
        self.call(true, OnPanic::Fail, &mut |is_poisoned| {
            f.take().expect("called once")(&OnceState { is_poisoned });
            true
        });
    }

    /// Whether it has been done.
    ///
    /// **Blocks**: never.
    #[inline]
    pub fn is_completed(&self) -> bool {
        self.word.is_done()
    }

    /// Waits until somebody has done it, also if nobody has begun.
    ///
    /// **Blocks** the calling routine; on a plain thread, the thread.
    ///
    /// # Panics
    /// If a closure has panicked. Under [`forbid_park`](crate::routine::forbid_park), if it would block.
    #[track_caller]
    pub fn wait(&self) {
        while !self.word.is_done() {
            assert!(
                !self.word.is_failed(),
                "Once instance has previously been poisoned"
            );
            let _waiting = watch::waiting(&self.word, KIND);
            self.wait_for_doer(true);
        }
    }

    /// The doing: `f`, told whether the one before has failed, says whether it is done; if not, it is
    /// undone. The result: whether it is done; not, if `f` says so or (unless `accepts_failure`) the one
    /// before has failed.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(super) fn call(
        &self,
        accepts_failure: bool,
        on_panic: OnPanic,
        f: &mut dyn FnMut(bool) -> bool,
    ) -> bool {
        loop {
            match self.word.begin(accepts_failure) {
                Begin::Done => return true,
                Begin::Failed => return false,
                Begin::Mine { after_failure } => return self.run(after_failure, on_panic, f),
                Begin::Busy => {
                    let _waiting = watch::waiting(&self.word, KIND);
                    self.wait_for_doer(false);
                }
            }
        }
    }

    #[track_caller]
    fn run(&self, after_failure: bool, on_panic: OnPanic, f: &mut dyn FnMut(bool) -> bool) -> bool {
        let mut doing = Doing {
            once: self,
            finish: match on_panic {
                OnPanic::Fail => Finish::Failed,
                OnPanic::Undo => Finish::Undone,
            },
        };
        watch::held(&self.word);
        let done = f(after_failure);
        doing.finish = if done { Finish::Done } else { Finish::Undone };
        done
    }

    /// Waits for the one who is at it now, or (`for_any`) for one to come.
    #[inline(never)]
    #[track_caller]
    fn wait_for_doer(&self, for_any: bool) {
        let waiter = Waiter::here();
        if !self.stand(&waiter, for_any) {
            return;
        }
        let wait = Wait {
            line: &self.word.line,
            waiter: &waiter,
        };
        // SAFETY: made here, linked just now; `wait` takes this waiter out.
        let outcome = unsafe { wait_for(&waiter, &wait, Reason::Once, None) };
        if outcome == Outcome::Cancelled {
            park::raise();
        }
    }

    /// Stands in the line, if there is something to wait for. A frame of its own, which is gone when the routine parks.
    #[inline(never)]
    fn stand(&self, waiter: &Waiter, for_any: bool) -> bool {
        let mut line = self.word.line.lock();
        if !self.word.enter(for_any) {
            return false;
        }
        // SAFETY: new, and in the caller's frame until it is unlinked.
        unsafe { line.push(waiter, 0, Entry::Back) };
        true
    }

    /// With unique access: as if it had never been done.
    pub(super) fn reset(&mut self) {
        self.word.reset();
    }
}

impl Drop for Doing<'_> {
    fn drop(&mut self) {
        if self.finish == Finish::Failed && (is_cancelled() || limit::has_passed()) {
            self.finish = Finish::Undone;
        }
        watch::released(&self.once.word);
        let mut wakes = Wakes::NONE;
        self.once
            .word
            .finish(self.finish, |waiter| wakes.add(waiter));
        wakes.wake();
    }
}

/// Whether the routine that runs here has been cancelled, also while it unwinds for that.
fn is_cancelled() -> bool {
    with_core(|core| {
        let body = core.and_then(|core| core.current());
        // SAFETY: the current routine's body, while it runs.
        body.is_some_and(|body| unsafe { body.as_ref() }.header().is_cancelled())
    })
}

impl OnceState {
    /// Whether a closure has panicked before.
    pub fn is_poisoned(&self) -> bool {
        self.is_poisoned
    }
}

impl Default for Once {
    fn default() -> Once {
        Once::new()
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once")
            .field("is_completed", &self.is_completed())
            .finish()
    }
}
