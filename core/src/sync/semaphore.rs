//! A number of permits, first come, first served.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::line::{Line, Wait, is_granted};
use super::seek::{Seek, Seeking, future};
use crate::control::{Outcome, Reason};
use crate::prim::SpinLock;
use crate::queue::locks::semaphore::{MOST, SemaphoreWord, ask_of};
use crate::queue::locks::{Comer, Entry};
use crate::sched::clock::{self, Nanos};
use crate::sched::park;
use crate::wait::instant::Instant;
use crate::wait::{Waiter, Wakes, wait_for};

/// Permits, of which each may take several: in the order in which they come, so that one who asks for many
/// is not passed by those who ask for few.
///
/// # Go
/// `golang.org/x/sync/semaphore.Weighted`; or a channel with a buffer of empty structs.
///
/// # Examples
/// ```
/// use rust_routines::sync::Semaphore;
///
/// let permits = Semaphore::new(3);
/// let two = permits.acquire_many(2);
/// assert!(permits.try_acquire_many(2).is_none());
/// drop(two);
/// assert_eq!(permits.available_permits(), 3);
/// ```
pub struct Semaphore {
    word: SemaphoreWord<Line>,
}

/// Permits of a [`Semaphore`]; given back when dropped.
#[must_use = "the permits are given back as soon as this is dropped"]
pub struct SemaphorePermit<'a> {
    semaphore: &'a Semaphore,
    permits: usize,
}

/// Permits of a [`Semaphore`] in an [`Arc`]; given back when dropped.
#[must_use = "the permits are given back as soon as this is dropped"]
pub struct OwnedSemaphorePermit {
    semaphore: Arc<Semaphore>,
    permits: usize,
}

impl Semaphore {
    /// More permits than anybody has.
    pub const MAX_PERMITS: usize = MOST as usize;

    /// A semaphore with so many permits.
    ///
    /// # Panics
    /// With more than [`MAX_PERMITS`](Semaphore::MAX_PERMITS).
    pub const fn new(permits: usize) -> Semaphore {
        Semaphore {
            word: SemaphoreWord::new(permits as u64, Line::new()),
        }
    }

    /// Takes a permit.
    ///
    /// **Blocks** the calling routine until there is one and all who came before have theirs; on a plain
    /// thread, the thread.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it would block.
    ///
    /// # Go
    /// `s.Acquire(ctx, 1)`.
    #[inline(always)]
    #[track_caller]
    pub fn acquire(&self) -> SemaphorePermit<'_> {
        self.acquire_many(1)
    }

    /// Takes so many permits at once.
    ///
    /// More than there will ever be are waited for all the same.
    ///
    /// **Blocks** as [`acquire`](Semaphore::acquire).
    ///
    /// # Panics
    /// As there.
    ///
    /// # Go
    /// `s.Acquire(ctx, n)`.
    #[inline(always)]
    #[track_caller]
    pub fn acquire_many(&self, permits: usize) -> SemaphorePermit<'_> {
        if !self.word.try_acquire(permits as u64) {
            self.acquire_slow(permits as u64, None);
        }
        self.permit(permits)
    }

    /// Takes a permit, if there is one and nobody waits.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `s.TryAcquire(1)`.
    #[inline]
    pub fn try_acquire(&self) -> Option<SemaphorePermit<'_>> {
        self.try_acquire_many(1)
    }

    /// Takes so many permits, if there are as many and nobody waits.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `s.TryAcquire(n)`.
    #[inline]
    pub fn try_acquire_many(&self, permits: usize) -> Option<SemaphorePermit<'_>> {
        let taken = self.word.try_acquire(permits as u64);
        taken.then(|| self.permit(permits))
    }

    /// Takes a permit, if its turn comes within `timeout`.
    ///
    /// **Blocks** as [`acquire`](Semaphore::acquire), for at most `timeout`.
    ///
    /// # Panics
    /// As there.
    ///
    /// # Go
    /// `s.Acquire` with a context that has a deadline.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::{sync::Semaphore, time::Duration};
    ///
    /// let permits = Semaphore::new(0);
    /// assert!(permits.acquire_timeout(Duration::from_millis(1)).is_none());
    /// permits.add_permits(1);
    /// assert!(permits.acquire_timeout(Duration::from_millis(1)).is_some());
    /// ```
    #[track_caller]
    pub fn acquire_timeout(&self, timeout: Duration) -> Option<SemaphorePermit<'_>> {
        self.acquire_until_nanos(1, clock::deadline(timeout))
    }

    /// Takes a permit, if its turn comes before `deadline`.
    ///
    /// **Blocks** as [`acquire`](Semaphore::acquire), until `deadline` at most.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn acquire_until(&self, deadline: Instant) -> Option<SemaphorePermit<'_>> {
        self.acquire_until_nanos(1, deadline.nanos())
    }

    /// Takes so many permits, if their turn comes within `timeout`.
    ///
    /// **Blocks** as [`acquire`](Semaphore::acquire), for at most `timeout`.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn acquire_many_timeout(
        &self,
        permits: usize,
        timeout: Duration,
    ) -> Option<SemaphorePermit<'_>> {
        self.acquire_until_nanos(permits, clock::deadline(timeout))
    }

    /// Takes so many permits, if their turn comes before `deadline`.
    ///
    /// **Blocks** as [`acquire`](Semaphore::acquire), until `deadline` at most.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn acquire_many_until(
        &self,
        permits: usize,
        deadline: Instant,
    ) -> Option<SemaphorePermit<'_>> {
        self.acquire_until_nanos(permits, deadline.nanos())
    }

    #[track_caller]
    fn acquire_until_nanos(&self, permits: usize, deadline: Nanos) -> Option<SemaphorePermit<'_>> {
        let n = permits as u64;
        let taken = self.word.try_acquire(n) || self.acquire_slow(n, Some(deadline));
        taken.then(|| self.permit(permits))
    }

    /// Takes a permit in a task of any executor.
    ///
    /// Cancel-safe: dropped before it is ready, it has no permit, and its turn passes on. A future is told
    /// when its turn has come, and takes its permits when it is polled.
    ///
    /// **Blocks**: never; the future waits.
    pub fn acquire_async(&self) -> AcquireFuture<'_> {
        self.acquire_many_async(1)
    }

    /// Takes so many permits in a task of any executor; else as [`acquire_async`](Semaphore::acquire_async).
    ///
    /// **Blocks**: never; the future waits.
    pub fn acquire_many_async(&self, permits: usize) -> AcquireFuture<'_> {
        let seek = SemaphoreSeek {
            semaphore: self,
            n: permits as u64,
        };
        AcquireFuture {
            object: (self, permits),
            seeking: Seeking::new(seek),
        }
    }

    /// As [`acquire_many`](Semaphore::acquire_many), with permits that own the semaphore's `Arc`.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::{routine, sync::Semaphore};
    /// use std::sync::Arc;
    ///
    /// let permits = Arc::new(Semaphore::new(2));
    /// let handles: Vec<_> = (0..10)
    ///     .map(|i| {
    ///         let permit = permits.acquire_owned();
    ///         routine::spawn(move || {
    ///             let _permit = permit; // at most two work at once
    ///             i * i
    ///         })
    ///     })
    ///     .collect();
    /// let sum: i32 = handles.into_iter().map(|handle| handle.join().unwrap()).sum();
    /// assert_eq!(sum, 285);
    /// ```
    #[track_caller]
    pub fn acquire_many_owned(self: &Arc<Self>, permits: usize) -> OwnedSemaphorePermit {
        self.acquire_many(permits).forget();
        OwnedSemaphorePermit {
            semaphore: self.clone(),
            permits,
        }
    }

    /// As [`acquire`](Semaphore::acquire), with a permit that owns the semaphore's `Arc`.
    #[track_caller]
    pub fn acquire_owned(self: &Arc<Self>) -> OwnedSemaphorePermit {
        self.acquire_many_owned(1)
    }

    /// As [`try_acquire_many`](Semaphore::try_acquire_many), with permits that own the semaphore's `Arc`.
    pub fn try_acquire_many_owned(
        self: &Arc<Self>,
        permits: usize,
    ) -> Option<OwnedSemaphorePermit> {
        self.try_acquire_many(permits)?.forget();
        Some(OwnedSemaphorePermit {
            semaphore: self.clone(),
            permits,
        })
    }

    /// As [`try_acquire`](Semaphore::try_acquire), with a permit that owns the semaphore's `Arc`.
    pub fn try_acquire_owned(self: &Arc<Self>) -> Option<OwnedSemaphorePermit> {
        self.try_acquire_many_owned(1)
    }

    /// Adds permits, new ones or those of a permit that was forgotten.
    ///
    /// **Blocks**: never.
    ///
    /// # Panics
    /// If there would be more than [`MAX_PERMITS`](Semaphore::MAX_PERMITS).
    ///
    /// # Go
    /// `s.Release(n)`.
    #[inline]
    #[track_caller]
    pub fn add_permits(&self, permits: usize) {
        let mut wakes = Wakes::NONE;
        self.word.release(permits as u64, |next| wakes.add(next));
        wakes.wake();
    }

    /// How many permits nobody has; old news at once.
    pub fn available_permits(&self) -> usize {
        self.word.permits() as usize
    }

    fn permit(&self, permits: usize) -> SemaphorePermit<'_> {
        SemaphorePermit {
            semaphore: self,
            permits,
        }
    }

    /// Takes the permits or blocks; `false`: the deadline came first.
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn acquire_slow(&self, n: u64, deadline: Option<Nanos>) -> bool {
        let waiter = Waiter::here();
        if !self.stand(&waiter, n) {
            return true;
        }
        let wait = Wait {
            line: &self.word.line,
            waiter: &waiter,
        };
        // SAFETY: made here, linked just now; `wait` takes this waiter out.
        let outcome = unsafe { wait_for(&waiter, &wait, Reason::Semaphore, deadline) };
        if outcome == Outcome::Woken {
            debug_assert!(is_granted(&waiter), "who blocks is woken with its permits");
            return true;
        }
        self.serve();
        if outcome == Outcome::Cancelled {
            park::raise();
        }
        false
    }

    /// Takes the permits, or stands in the line (`true`). A frame of its own, which is gone when the
    /// routine parks.
    #[inline(never)]
    fn stand(&self, waiter: &Waiter, n: u64) -> bool {
        let mut line = self.word.line.lock();
        let entry = self.word.enter(&line, n, Comer::New);
        if entry == Entry::Got {
            return false;
        }
        // SAFETY: new, and in the caller's frame until it is unlinked.
        unsafe { line.push(waiter, ask_of(n), entry) };
        true
    }

    /// One has left that others may have waited behind.
    fn serve(&self) {
        let mut line = self.word.line.lock();
        let wakes = self.serve_under(&mut line);
        drop(line);
        wakes.wake();
    }

    fn serve_under(&self, line: &mut Line) -> Wakes {
        let mut wakes = Wakes::NONE;
        self.word.serve(line, |next| wakes.add(next));
        wakes
    }
}

/// What a future does with a semaphore.
struct SemaphoreSeek<'a> {
    semaphore: &'a Semaphore,
    n: u64,
}

impl Seek for SemaphoreSeek<'_> {
    type Under = Line;

    fn under(&self) -> &SpinLock<Line> {
        &self.semaphore.word.line
    }

    fn line<'a>(&self, under: &'a mut Line) -> &'a mut Line {
        under
    }

    fn ask(&self) -> u64 {
        ask_of(self.n)
    }

    fn try_now(&self, comer: Comer) -> bool {
        comer == Comer::New && self.semaphore.word.try_acquire(self.n)
    }

    fn enter(&self, under: &mut Line, comer: Comer, _: bool) -> (Option<Entry>, Wakes) {
        // What it leaves was not enough for those behind, or another one has been told of it.
        let entry = self.semaphore.word.enter(under, self.n, comer);
        (Some(entry), Wakes::NONE)
    }

    fn left(&self, under: &mut Line) -> Wakes {
        self.semaphore.serve_under(under)
    }

    fn pass_on(&self, _: bool) {
        self.semaphore.serve();
    }
}

future! {
    /// The future of [`Semaphore::acquire_async`], and an arm of a select.
    AcquireFuture<'a>((&'a Semaphore, usize)) over SemaphoreSeek<'a> => SemaphorePermit<'a> =
        |object| object.0.permit(object.1)
}

impl<'a> SemaphorePermit<'a> {
    /// How many permits these are.
    pub fn num_permits(&self) -> usize {
        self.permits
    }

    /// Does not give them back: [`Semaphore::add_permits`] may.
    pub fn forget(mut self) {
        self.permits = 0;
    }

    /// Takes some of them off; `None` if there are not as many.
    pub fn split(&mut self, permits: usize) -> Option<SemaphorePermit<'a>> {
        self.permits = self.permits.checked_sub(permits)?;
        Some(self.semaphore.permit(permits))
    }
}

impl Drop for SemaphorePermit<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.permits > 0 {
            self.semaphore.add_permits(self.permits);
        }
    }
}

impl OwnedSemaphorePermit {
    /// How many permits these are.
    pub fn num_permits(&self) -> usize {
        self.permits
    }

    /// Does not give them back: [`Semaphore::add_permits`] may.
    pub fn forget(mut self) {
        self.permits = 0;
    }
}

impl Drop for OwnedSemaphorePermit {
    fn drop(&mut self) {
        if self.permits > 0 {
            self.semaphore.add_permits(self.permits);
        }
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("available_permits", &self.available_permits())
            .finish()
    }
}

impl fmt::Debug for SemaphorePermit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SemaphorePermit")
            .field("permits", &self.permits)
            .finish()
    }
}

impl fmt::Debug for OwnedSemaphorePermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedSemaphorePermit")
            .field("permits", &self.permits)
            .finish()
    }
}
