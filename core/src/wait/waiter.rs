//! One waiter of one object, on its owner's stack or, for a task, in a counted heap cell.
//!
//! | field | who |
//! |---|---|
//! | `linked`, `previous` | under the object's lock |
//! | `next` | under the object's lock while linked; then whoever has claimed it |
//! | `slot` | written by the owner before it is linked; used by whoever unlinks it |
//! | `woken` | set by the waker of a thread, read by that thread |
//!
//! - I1: a waiter does not move and lives until it is unlinked; then until it is woken.
//! - I2: `Claimed` exists once per unlinking; `wake` ends it, and with it all access of the waker.

use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::Waker;

use super::token::Token;
use crate::control::{Body, Outcome, Ready, Reason, Unlink};
use crate::prim::{AtomicBool, Ordering, SpinLock};
use crate::sched::clock::{self, Nanos};
use crate::sched::{current_core, forbid, limit, park, with_core};
use crate::sys::sleep::{Alarm, Sleeper};
use crate::sys::unwind::contain;

#[repr(C)]
pub(crate) struct Waiter {
    /// Neighbours, while linked.
    pub(super) previous: Cell<*const Waiter>,
    /// Once it has been claimed: the next one to be woken.
    pub(super) next: Cell<*const Waiter>,
    party: Party,
    slot: Cell<*mut ()>,
    woken: AtomicBool,
    /// Whether it stands in its object's list.
    pub(super) linked: Cell<bool>,
    /// It was woken in its turn, with nothing: next time it stands before the others.
    had_turn: Cell<bool>,
}

enum Party {
    Routine(NonNull<Body>),
    Thread(Alarm),
    /// A thread so near its end that its own sleeper is gone: in a thread-local's destructor.
    LateThread(Alarm, Sleeper),
    /// The waiter is the head of a `TaskWaiter` in an `Arc`, of which the list owns one count.
    Task,
    /// One of several waiters of one owner.
    Several(NonNull<Token>),
}

thread_local! {
    static SLEEPER: Sleeper = Sleeper::new();
}

impl Waiter {
    /// A waiter for whoever runs here. Panics where parking is forbidden.
    #[inline]
    #[track_caller]
    pub(crate) fn here() -> Waiter {
        forbid::check();
        Waiter::unchecked()
    }

    /// As [`here`](Waiter::here), for one who may turn out not to park.
    #[inline]
    pub(crate) fn unchecked() -> Waiter {
        let party = match with_core(|core| core.and_then(|core| core.current())) {
            Some(body) => Party::Routine(body),
            None => SLEEPER.try_with(Sleeper::alarm).map_or_else(
                |_| {
                    let sleeper = Sleeper::new();
                    Party::LateThread(sleeper.alarm(), sleeper)
                },
                Party::Thread,
            ),
        };
        Waiter::of(party)
    }

    /// One of the waiters of `token`, which outlives it.
    pub(crate) fn several(token: &Token) -> Waiter {
        Waiter::of(Party::Several(NonNull::from(token)))
    }

    fn of(party: Party) -> Waiter {
        Waiter {
            previous: Cell::new(std::ptr::null()),
            next: Cell::new(std::ptr::null()),
            party,
            slot: Cell::new(std::ptr::null_mut()),
            woken: AtomicBool::new(false),
            linked: Cell::new(false),
            had_turn: Cell::new(false),
        }
    }

    /// See [`WaitList::push_in_turn`](super::list::WaitList::push_in_turn).
    #[inline]
    pub(crate) fn had_turn(&self) -> bool {
        self.had_turn.get()
    }

    /// It was woken and there was nothing for it.
    pub(crate) fn note_turn(&self) {
        self.had_turn.set(true);
    }

    #[cfg(test)]
    pub(super) fn for_tests() -> Waiter {
        Waiter::of(Party::Task)
    }

    /// Where a value for or from this waiter stands.
    #[inline]
    pub(crate) fn set_slot(&self, slot: *mut ()) {
        self.slot.set(slot);
    }

    /// What was noted there, by itself or by the one who took it off.
    #[inline]
    pub(crate) fn slot(&self) -> *mut () {
        self.slot.get()
    }

    /// Under the object's lock, off the list: whether the one who took it off may wake it.
    #[inline]
    pub(super) fn claim(&self) -> bool {
        match self.party {
            // SAFETY: the token's I1.
            Party::Several(token) => unsafe { token.as_ref() }.claim(self),
            _ => true,
        }
    }

    /// Whether it is a future's.
    #[inline]
    pub(crate) fn is_task(&self) -> bool {
        matches!(self.party, Party::Task)
    }

    /// Whether both wait for the same one.
    pub(crate) fn is_of(&self, token: &Token) -> bool {
        matches!(self.party, Party::Several(own) if own == NonNull::from(token))
    }

    /// Makes it fit for another wait.
    pub(crate) fn reset(&self) {
        self.woken.store(false, Ordering::Relaxed);
    }
}

/// The right to wake one waiter, from the one who unlinked it.
#[must_use]
pub(crate) struct Claimed(NonNull<Waiter>);

impl Claimed {
    /// # Safety
    /// The caller has just unlinked the waiter (I2).
    #[inline]
    pub(crate) unsafe fn new(waiter: NonNull<Waiter>) -> Claimed {
        Claimed(waiter)
    }

    #[inline]
    fn waiter(&self) -> &Waiter {
        // SAFETY: I1: unlinked and not yet woken.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    pub(super) fn into_waiter(self) -> NonNull<Waiter> {
        self.0
    }

    /// The slot that the waiter's owner has set.
    #[inline]
    pub(crate) fn slot(&self) -> *mut () {
        self.waiter().slot.get()
    }

    /// Notes something for the waiter's owner, who sees it when it has been woken; for a future, under
    /// the object's lock.
    #[inline]
    pub(crate) fn set_slot(&self, slot: *mut ()) {
        self.waiter().slot.set(slot);
    }

    /// Whether it is a future's.
    #[inline]
    pub(crate) fn is_task(&self) -> bool {
        self.waiter().is_task()
    }

    /// Wakes the waiter; the last access to it.
    #[inline]
    pub(crate) fn wake(self) {
        match &self.waiter().party {
            // SAFETY: I2: the wait has been ended by the one who made `self`.
            Party::Routine(body) => park::make_ready(unsafe { Ready::new(*body) }),
            Party::Thread(alarm) | Party::LateThread(alarm, _) => {
                let alarm = alarm.clone();
                // ORDER: pairs with the Acquire load in `block_thread`, which may return, and free
                // the waiter, as soon as it sees this.
                self.waiter().woken.store(true, Ordering::Release);
                alarm.ring();
            }
            // SAFETY: the list's count of the `Arc` whose head the waiter is.
            Party::Task => unsafe { TaskWaiter::wake(self.0) },
            // SAFETY: the token's I1: claimed, so its frame waits for this.
            Party::Several(token) => unsafe { token.as_ref() }.wake(),
        }
    }

    #[cfg(test)]
    pub(super) fn address(&self) -> *const Waiter {
        self.0.as_ptr()
    }
}

/// Blocks until the waiter is woken, or until its wait is given up.
///
/// A cancelled routine is unwound from here, after its waiter has been unlinked.
///
/// # Safety
/// `waiter` was made by [`Waiter::here`] by the caller and is linked (or its wake already on its
/// way); `unlink` takes exactly this waiter out.
#[inline(always)]
pub(crate) unsafe fn block(
    waiter: &Waiter,
    unlink: &dyn Unlink,
    reason: Reason,
    deadline: Option<Nanos>,
) -> Outcome {
    // SAFETY: the caller's promise.
    let outcome = unsafe { wait_for(waiter, unlink, reason, deadline) };
    if outcome == Outcome::Cancelled {
        park::raise();
    }
    outcome
}

/// As [`block`], but a cancelled routine comes back, to be unwound by the caller.
///
/// # Safety
/// As there.
#[inline(always)]
pub(crate) unsafe fn wait_for(
    waiter: &Waiter,
    unlink: &dyn Unlink,
    reason: Reason,
    deadline: Option<Nanos>,
) -> Outcome {
    match waiter.party {
        Party::Routine(body) => {
            // SAFETY: only the lifetime is erased; `unlink` outlives this call, and the wait ends in it.
            let unlink = unsafe {
                std::mem::transmute::<NonNull<dyn Unlink + '_>, NonNull<dyn Unlink>>(NonNull::from(
                    unlink,
                ))
            };
            // SAFETY: used in this frame. Not `with_core`: a frame more to return from after the switch,
            // and such returns are mispredicted.
            let core = unsafe { current_core() }.expect("a routine runs on a worker");
            // SAFETY: the caller's promise.
            unsafe { core.wait(body, unlink, reason, deadline) }
        }
        Party::Thread(_) => SLEEPER.with(|sleeper| block_thread(sleeper, waiter, unlink, deadline)),
        Party::LateThread(_, ref sleeper) => block_thread(sleeper, waiter, unlink, deadline),
        Party::Task | Party::Several(_) => unreachable!("these do not block by themselves"),
    }
}

#[cold]
fn block_thread(
    sleeper: &Sleeper,
    waiter: &Waiter,
    unlink: &dyn Unlink,
    deadline: Option<Nanos>,
) -> Outcome {
    let own = deadline.unwrap_or(Nanos::MAX);
    let limit = limit::on_thread().unwrap_or(Nanos::MAX);
    let mut until = Some(own.min(limit)).filter(|&at| at != Nanos::MAX);
    loop {
        // ORDER: pairs with the Release store in `Claimed::wake`.
        if waiter.woken.load(Ordering::Acquire) {
            return Outcome::Woken;
        }
        let left = until.map(clock::until);
        if left.is_some_and(|left| left.is_zero()) {
            if unlink.unlink() {
                return if limit < own {
                    Outcome::Cancelled
                } else {
                    Outcome::TimedOut
                };
            }
            // Its wake is on its way.
            until = None;
            continue;
        }
        sleeper.sleep(left);
    }
}

/// Runs `f` with cancellation and limits held off: for waits that lend borrows to others.
pub(crate) fn shielded<R>(f: impl FnOnce() -> R) -> R {
    struct Shield(NonNull<Body>);
    impl Drop for Shield {
        fn drop(&mut self) {
            // SAFETY: the current routine, still running `shielded`.
            unsafe { self.0.as_ref() }.add_shield(-1);
        }
    }
    let Some(body) = with_core(|core| core.and_then(|core| core.current())) else {
        return limit::lifted_on_thread(f);
    };
    // SAFETY: the current routine.
    unsafe { body.as_ref() }.add_shield(1);
    let _shield = Shield(body);
    f()
}

/// A task that waits: woken through its `Waker`, never handed a value.
#[repr(C)]
pub(crate) struct TaskWaiter {
    waiter: Waiter,
    waker: SpinLock<Option<Waker>>,
}

// SAFETY: `waiter` is used under the object's lock, `waker` under its own.
unsafe impl Send for TaskWaiter {}
// SAFETY: as above.
unsafe impl Sync for TaskWaiter {}

impl TaskWaiter {
    pub(crate) fn new(waker: Waker) -> Arc<TaskWaiter> {
        Arc::new(TaskWaiter {
            waiter: Waiter::of(Party::Task),
            waker: SpinLock::new(Some(waker)),
        })
    }

    pub(crate) fn waiter(&self) -> &Waiter {
        &self.waiter
    }

    /// Under the object's lock: whether it stands in the queue.
    pub(crate) fn is_linked(&self) -> bool {
        self.waiter.linked.get()
    }

    /// The task was polled again, perhaps by somebody else.
    pub(crate) fn set_waker(&self, waker: Waker) {
        let before = self.waker.lock().replace(waker);
        drop(before);
    }

    /// A pointer that carries one count, for the object it waits on.
    pub(crate) fn into_waiter(this: Arc<TaskWaiter>) -> NonNull<Waiter> {
        // SAFETY: never null; the waiter is the first field.
        unsafe { NonNull::new_unchecked(Arc::into_raw(this).cast::<Waiter>().cast_mut()) }
    }

    /// Takes the count back that `into_waiter` gave.
    ///
    /// # Safety
    /// `waiter` is from `into_waiter` and has been unlinked by the caller.
    pub(crate) unsafe fn from_waiter(waiter: NonNull<Waiter>) -> Arc<TaskWaiter> {
        // SAFETY: the caller's promise.
        unsafe { Arc::from_raw(waiter.as_ptr().cast::<TaskWaiter>()) }
    }

    /// # Safety
    /// As [`from_waiter`](Self::from_waiter).
    #[cold]
    unsafe fn wake(waiter: NonNull<Waiter>) {
        // SAFETY: the caller's promise.
        let this = unsafe { TaskWaiter::from_waiter(waiter) };
        let waker = this.waker.lock().take();
        if let Some(waker) = waker {
            // A waker is foreign code on whoever's stack this is: its panic is not ours.
            forbid::around(|| contain(|| waker.wake()));
        }
    }
}
