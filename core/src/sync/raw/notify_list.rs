//! Go's list behind `sync.Cond`: tickets first, waits later, notified in the order of the tickets.
//!
//! A mirror of `Cond.Wait` takes its ticket, unlocks a lock it knows nothing about, and waits; what is
//! notified in between is not lost. So the order is that of the tickets, by number, and not that in which
//! the waits begin.
//!
//! - I1: a ticket below `notified` has been notified, or was given up and passed over. Each other one below
//!   `next` is out, or `gone`; that of number `notified` is not gone.
//! - I2: under the lock a waiter in the line has a ticket that is not below `notified`.
//! - I3: `gone` has as many entries as there are tickets out, at most: one between any two of them. So
//!   waits that time out, again and again, behind one that stays, take no memory.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::control::{Outcome, Reason, Unlink};
use crate::prim::SpinLock;
use crate::queue::locks::{Entry, Line as _};
use crate::sched::clock::{self, Nanos};
use crate::sched::park;
use crate::sync::line::Line;
use crate::wait::instant::Instant;
use crate::wait::{Waiter, Wakes, wait_for};

/// A list of those who wait to be notified, in the order of their tickets.
///
/// # Go
/// What `sync.Cond` is made of: `Wait` is `ticket()`, `L.Unlock()`, `wait()`, `L.Lock()`.
///
/// # Examples
/// ```
/// use rust_routines::sync::NotifyList;
///
/// let list = NotifyList::new();
/// let first = list.ticket();
/// list.notify_one();
/// first.wait(); // returns at once: it was notified before it began to wait
/// ```
pub struct NotifyList {
    state: SpinLock<State>,
}

struct State {
    line: Line,
    /// The number of the next ticket.
    next: u64,
    /// All tickets below are done with.
    notified: u64,
    /// Given up before their turn: from the one up to the other, which is not.
    gone: BTreeMap<u64, u64>,
}

/// A place in a [`NotifyList`]; dropped, it is given up.
#[derive(Debug)]
#[must_use = "a ticket that is dropped gives its place up"]
pub struct Ticket<'a> {
    list: &'a NotifyList,
    number: u64,
}

struct Wait<'a> {
    list: &'a NotifyList,
    waiter: &'a Waiter,
    number: u64,
}

impl Unlink for Wait<'_> {
    /// Gives the ticket up too: between an unlinking and a giving up a notification would be lost on it.
    fn unlink(&self) -> bool {
        let mut state = self.list.state.lock();
        let removed = state.line.remove(self.waiter);
        if removed {
            state.give_up(self.number);
        }
        removed
    }
}

impl State {
    /// Whose turn it is, if anybody's.
    fn turn(&mut self) -> Option<u64> {
        (self.notified < self.next).then(|| {
            let number = self.notified;
            self.go_on_from(number + 1);
            number
        })
    }

    /// All before this one are done with.
    fn go_on_from(&mut self, number: u64) {
        self.notified = self.gone.remove(&number).unwrap_or(number);
    }

    fn give_up(&mut self, number: u64) {
        if number == self.notified {
            return self.go_on_from(number + 1);
        }
        let end = self.gone.remove(&(number + 1)).unwrap_or(number + 1);
        match self.gone.range_mut(..number).next_back() {
            Some((_, before)) if *before == number => *before = end,
            _ => drop(self.gone.insert(number, end)),
        }
    }
}

impl NotifyList {
    /// An empty list.
    pub const fn new() -> NotifyList {
        NotifyList {
            state: SpinLock::new(State {
                line: Line::new(),
                next: 0,
                notified: 0,
                gone: BTreeMap::new(),
            }),
        }
    }

    /// The next ticket; notifications count for it from now on.
    ///
    /// **Blocks**: never.
    pub fn ticket(&self) -> Ticket<'_> {
        let mut state = self.state.lock();
        let number = state.next;
        state.next += 1;
        Ticket { list: self, number }
    }

    /// Notifies the oldest ticket that is still out; whether there was one.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `c.Signal()`.
    pub fn notify_one(&self) -> bool {
        let mut state = self.state.lock();
        let Some(number) = state.turn() else {
            return false;
        };
        // If it does not wait yet, it will see its number.
        let waiter = state.line.take_asking(number);
        drop(state);
        if let Some(waiter) = waiter {
            waiter.wake();
        }
        true
    }

    /// Notifies all tickets that are out.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `c.Broadcast()`.
    pub fn notify_all(&self) {
        let mut wakes = Wakes::NONE;
        let mut state = self.state.lock();
        state.notified = state.next;
        let gone = std::mem::take(&mut state.gone);
        while let Some(waiter) = state.line.pop() {
            wakes.add(waiter);
        }
        drop(state);
        drop(gone);
        wakes.wake();
    }
}

impl Ticket<'_> {
    /// Waits until this ticket is notified.
    ///
    /// **Blocks** the calling routine; on a plain thread, the thread. A routine that is cancelled here gives
    /// its ticket up.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it would block.
    #[track_caller]
    pub fn wait(self) {
        self.wait_until_nanos(None);
    }

    /// Waits for at most `timeout`; whether it was notified. If not, the ticket is given up.
    ///
    /// **Blocks** as [`wait`](Ticket::wait), for at most `timeout`.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn wait_timeout(self, timeout: Duration) -> bool {
        self.wait_until_nanos(Some(clock::deadline(timeout)))
    }

    /// Waits until `deadline` at most; whether it was notified. If not, the ticket is given up.
    ///
    /// **Blocks** as [`wait`](Ticket::wait), until `deadline` at most.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn wait_until(self, deadline: Instant) -> bool {
        self.wait_until_nanos(Some(deadline.nanos()))
    }

    #[inline(never)]
    #[track_caller]
    fn wait_until_nanos(self, deadline: Option<Nanos>) -> bool {
        let waiter = Waiter::here();
        if !self.stand(&waiter) {
            std::mem::forget(self);
            return true;
        }
        let wait = Wait {
            list: self.list,
            waiter: &waiter,
            number: self.number,
        };
        // From here on its number is done with by whoever notifies it or unlinks it.
        std::mem::forget(self);
        // SAFETY: made here, linked just now; `wait` takes this waiter out.
        match unsafe { wait_for(&waiter, &wait, Reason::Condvar, deadline) } {
            Outcome::Woken => true,
            Outcome::TimedOut => false,
            Outcome::Cancelled => park::raise(),
        }
    }

    /// Stands in the line; `false`: notified already.
    #[inline(never)]
    fn stand(&self, waiter: &Waiter) -> bool {
        let mut state = self.list.state.lock();
        if self.number < state.notified {
            return false;
        }
        // SAFETY: new, and in the caller's frame until it is unlinked.
        unsafe { state.line.push(waiter, self.number, Entry::Back) };
        true
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut state = self.list.state.lock();
        if self.number >= state.notified {
            state.give_up(self.number);
        }
    }
}

impl Default for NotifyList {
    fn default() -> NotifyList {
        NotifyList::new()
    }
}

impl fmt::Debug for NotifyList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.lock();
        f.debug_struct("NotifyList")
            .field("tickets", &(state.next - state.notified))
            .finish()
    }
}
