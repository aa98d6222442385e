//! News without a value: for one, kept until it comes, or for all who wait.

use std::fmt;
use std::time::Duration;

use super::line::{Line, Wait};
use super::seek::{Seek, Seeking, future};
use crate::control::{Outcome, Reason};
use crate::prim::SpinLock;
use crate::queue::locks::notify::NotifyWord;
use crate::queue::locks::{Comer, Entry};
use crate::sched::clock::{self, Nanos};
use crate::sched::park;
use crate::wait::instant::Instant;
use crate::wait::{Waiter, Wakes, wait_for};

/// A notification: one stored permit at most, like tokio's.
///
/// # Go
/// A channel with a buffer of one: `select { case c <- struct{}{}: default: }` and `<-c`.
///
/// # Examples
/// ```
/// use rust_routines::{routine, sync::Notify};
/// use std::sync::Arc;
///
/// let notify = Arc::new(Notify::new());
/// let other = notify.clone();
/// let waits = routine::spawn(move || other.wait());
/// notify.notify_one(); // also if nobody waits yet
/// waits.join().unwrap();
/// ```
pub struct Notify {
    word: NotifyWord<Line>,
}

impl Notify {
    /// A notification that has no permit.
    pub const fn new() -> Notify {
        Notify {
            word: NotifyWord::new(Line::new()),
        }
    }

    /// Wakes the one who has waited longest; if nobody waits, the next one to come does not wait.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `select { case c <- struct{}{}: default: }`.
    pub fn notify_one(&self) {
        let mut wakes = Wakes::NONE;
        self.word.notify_one(|first| wakes.add(first));
        wakes.wake();
    }

    /// Wakes all who wait now, and the futures that were made and have not been polled; stores nothing.
    ///
    /// **Blocks**: never.
    pub fn notify_waiters(&self) {
        let mut wakes = Wakes::NONE;
        self.word.notify_all(|waiter| wakes.add(waiter));
        wakes.wake();
    }

    /// Waits for a notification, or takes the permit that is there.
    ///
    /// **Blocks** the calling routine; on a plain thread, the thread.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it would block.
    ///
    /// # Go
    /// `<-c`.
    #[inline(always)]
    #[track_caller]
    pub fn wait(&self) {
        if !self.word.try_take() {
            self.wait_slow(None);
        }
    }

    /// As [`wait`](Notify::wait), for at most `timeout`; whether it was notified.
    ///
    /// **Blocks** as there.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_until_nanos(clock::deadline(timeout))
    }

    /// As [`wait`](Notify::wait), until `deadline` at most; whether it was notified.
    ///
    /// **Blocks** as there.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn wait_until(&self, deadline: Instant) -> bool {
        self.wait_until_nanos(deadline.nanos())
    }

    #[track_caller]
    fn wait_until_nanos(&self, deadline: Nanos) -> bool {
        self.word.try_take() || self.wait_slow(Some(deadline))
    }

    /// Waits for a notification in a task of any executor; also an arm of a select.
    ///
    /// Cancel-safe: dropped after `notify_one` has chosen it, it passes that on. It counts for
    /// [`notify_waiters`](Notify::notify_waiters) from now on, not from its first poll.
    ///
    /// **Blocks**: never; the future waits.
    pub fn wait_async(&self) -> NotifyFuture<'_> {
        let seek = NotifySeek {
            notify: self,
            round: self.word.round(),
        };
        NotifyFuture {
            object: (),
            seeking: Seeking::new(seek),
        }
    }

    /// [`wait_async`](Notify::wait_async), as tokio calls it.
    pub fn notified(&self) -> NotifyFuture<'_> {
        self.wait_async()
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn wait_slow(&self, deadline: Option<Nanos>) -> bool {
        let waiter = Waiter::here();
        if !self.stand(&waiter) {
            return true;
        }
        let wait = Wait {
            line: &self.word.line,
            waiter: &waiter,
        };
        // SAFETY: made here, linked just now; `wait` takes this waiter out.
        match unsafe { wait_for(&waiter, &wait, Reason::Notify, deadline) } {
            Outcome::Woken => true,
            Outcome::TimedOut => false,
            Outcome::Cancelled => park::raise(),
        }
    }

    /// Takes the permit, or stands in the line (`true`). A frame of its own, which is gone when the
    /// routine parks.
    #[inline(never)]
    fn stand(&self, waiter: &Waiter) -> bool {
        let mut line = self.word.line.lock();
        if self.word.enter() {
            return false;
        }
        // SAFETY: new, and in the caller's frame until it is unlinked.
        unsafe { line.push(waiter, 0, Entry::Back) };
        true
    }
}

/// What a future does with a notification.
struct NotifySeek<'a> {
    notify: &'a Notify,
    /// The round in which it was made.
    round: u32,
}

impl Seek for NotifySeek<'_> {
    type Under = Line;

    fn under(&self) -> &SpinLock<Line> {
        &self.notify.word.line
    }

    fn line<'a>(&self, under: &'a mut Line) -> &'a mut Line {
        under
    }

    fn try_now(&self, comer: Comer) -> bool {
        // Told, or one round on: that was for it.
        comer == Comer::Told
            || self.round != self.notify.word.round()
            || self.notify.word.try_take()
    }

    fn enter(&self, _: &mut Line, _: Comer, _: bool) -> (Option<Entry>, Wakes) {
        if self.round != self.notify.word.round() {
            return (Some(Entry::Got), Wakes::NONE);
        }
        let entry = if self.notify.word.enter() {
            Entry::Got
        } else {
            Entry::Back
        };
        (Some(entry), Wakes::NONE)
    }

    fn pass_on(&self, granted: bool) {
        // News for all are nobody's; a permit was this one's.
        if granted {
            self.notify.notify_one();
        }
    }
}

future! {
    /// The future of [`Notify::wait_async`], and an arm of a select.
    NotifyFuture<'a>(()) over NotifySeek<'a> => () = |_nothing| ()
}

impl Default for Notify {
    fn default() -> Notify {
        Notify::new()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notify { .. }")
    }
}
