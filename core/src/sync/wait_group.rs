//! Waiting until a number of others are done.

use std::fmt;

use crate::control::{Reason, Unlink};
use crate::prim::{AtomicI64, Ordering, SpinLock};
use crate::wait::{WaitList, Waiter, block};

/// A count of those who are still at work, and a wait for zero.
///
/// # Go
/// `sync.WaitGroup`.
///
/// # Examples
/// ```
/// use rust_routines::{routine, sync::WaitGroup};
/// use std::sync::Arc;
///
/// let group = Arc::new(WaitGroup::new());
/// for i in 0..3 {
///     group.add(1);
///     let group = group.clone();
///     routine::spawn(move || {
///         println!("{i}");
///         group.done();
///     });
/// }
/// group.wait();
/// ```
pub struct WaitGroup {
    count: AtomicI64,
    waiters: SpinLock<WaitList>,
}

impl WaitGroup {
    /// A group with a count of zero.
    pub const fn new() -> WaitGroup {
        WaitGroup {
            count: AtomicI64::new(0),
            waiters: SpinLock::new(WaitList::new()),
        }
    }

    /// Adds `delta`, which may be negative, to the count; at zero everybody who waits goes on.
    ///
    /// **Blocks**: never.
    ///
    /// # Panics
    /// `sync: negative WaitGroup counter`, if the count would fall below zero; it stays what it was.
    ///
    /// # Go
    /// `wg.Add(delta)`.
    #[track_caller]
    pub fn add(&self, delta: isize) {
        let mut before = self.count.load(Ordering::Relaxed);
        let now = loop {
            let Some(now) = before.checked_add(delta as i64) else {
                panic!("sync: WaitGroup counter overflow");
            };
            // Never stored below zero, not even for a moment: `wait` could see it.
            if now < 0 {
                panic!("sync: negative WaitGroup counter");
            }
            // ORDER: Release pairs with the Acquire loads in `wait`: what was done before `done` is
            // visible after `wait`; Acquire, so that the last one has seen it too.
            match self
                .count
                .compare_exchange_weak(before, now, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => break now,
                Err(changed) => before = changed,
            }
        };
        if now == 0 && before != 0 {
            self.release();
        }
    }

    /// Takes one off the count.
    ///
    /// **Blocks**: never.
    ///
    /// # Panics
    /// `sync: negative WaitGroup counter`, if the count is zero.
    ///
    /// # Go
    /// `wg.Done()`.
    #[track_caller]
    pub fn done(&self) {
        self.add(-1);
    }

    /// Waits until the count is zero.
    ///
    /// **Blocks** the calling routine; on a plain thread, the thread.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if the count is not zero.
    ///
    /// # Go
    /// `wg.Wait()`.
    #[track_caller]
    pub fn wait(&self) {
        // ORDER: pairs with the Release in `add`.
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let waiter = Waiter::here();
        let mut waiters = self.waiters.lock();
        // ORDER: pairs with the Release in `add`. Whoever takes the count to zero after this look
        // takes the list's lock after us, and finds the waiter.
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        // SAFETY: new, and here until `block` returns, which is after it has been unlinked.
        unsafe { waiters.push_back(&waiter) };
        drop(waiters);
        // SAFETY: made here, linked just now; `Wait` takes this waiter out.
        unsafe {
            block(
                &waiter,
                &Wait {
                    group: self,
                    waiter: &waiter,
                },
                Reason::WaitGroup,
                None,
            )
        };
        // ORDER: pairs with the Release in `add`, for those whose `done` was not the last.
        self.count.load(Ordering::Acquire);
    }

    #[cold]
    fn release(&self) {
        let mut waiters = self.waiters.lock();
        // ORDER: pairs with the Release in `add`. Not zero any more: those who wait now wait for the
        // next time, and whoever takes the count there comes here too.
        if self.count.load(Ordering::Acquire) != 0 {
            return;
        }
        let mut waiting = std::mem::replace(&mut *waiters, WaitList::new());
        // Unlinked under the lock, all of them, before the first can come back and wait again.
        let claimed: Vec<_> = std::iter::from_fn(|| waiting.pop_front()).collect();
        drop(waiters);
        claimed.into_iter().for_each(|waiter| waiter.wake());
    }
}

struct Wait<'a> {
    group: &'a WaitGroup,
    waiter: &'a Waiter,
}

impl Unlink for Wait<'_> {
    fn unlink(&self) -> bool {
        self.group.waiters.lock().remove(self.waiter)
    }
}

impl Default for WaitGroup {
    fn default() -> WaitGroup {
        WaitGroup::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitGroup")
            .field("count", &self.count.load(Ordering::Relaxed))
            .finish()
    }
}
