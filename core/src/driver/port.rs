//! What a socket and the poller that watches it have in common.
//!
//! Each direction is an [`Event`] with at most one waiter, a routine's body: who else wants to read
//! waits for its turn elsewhere. "Set" without a waiter means: there was an edge since somebody last
//! looked. Whoever calls the system takes the signal first, so that an edge during the call is seen
//! after it.
//!
//! A port is watched by the poller of the home that first had to wait for it. A wait from another home
//! is woken across; after several in a row the port moves there.
//!
//! - I1: a poller that has a slot for a port watches an open descriptor: the slot is removed, under
//!   the poller's lock, before the descriptor is closed.
//! - I2: `at` names the poller that has the slot, under `place`; without the lock it is a hint, exact
//!   for the poller of the worker that asks, because only its own worker evicts from it.

use std::io;
use std::os::fd::RawFd;
use std::ptr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::poller::{Key, Poller, Wake, Watched};
use crate::prim::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
use crate::queue::event::{Before, Event};
use crate::sys::poll::{Happening, Wish};

/// Waits in a row from another home before the port moves to that home's poller: a move costs two
/// system calls, a wake across some hundred nanoseconds.
const MOVE_AFTER: u32 = 4;

pub(crate) struct Port {
    pub(crate) read: Event,
    pub(crate) write: Event,
    /// No further edge will say that there is something to read: it is over, or broken.
    over: AtomicBool,
    wish: Wish,
    at: AtomicPtr<Poller>,
    strangers: AtomicU32,
    place: Mutex<Option<Place>>,
}

struct Place {
    poller: &'static Poller,
    key: Key,
}

impl Port {
    pub(crate) fn new(wish: Wish) -> Port {
        Port {
            read: Event::new(),
            write: Event::new(),
            over: AtomicBool::new(false),
            wish,
            at: AtomicPtr::new(ptr::null_mut()),
            strangers: AtomicU32::new(0),
            place: Mutex::new(None),
        }
    }

    /// Whether a short read says nothing about what comes next.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Whether `here` watches it; exact for the poller of the worker that asks (I2).
    pub(crate) fn is_at(&self, here: Option<&Poller>) -> bool {
        here.is_some_and(|here| ptr::eq(self.at.load(Ordering::Relaxed), here))
    }

    /// Before a wait of a routine of the home that `here` belongs to: makes sure that some poller
    /// watches `fd`, which is open.
    #[inline]
    pub(crate) fn attach(self: &Arc<Self>, fd: RawFd, here: &'static Poller) -> io::Result<()> {
        if ptr::eq(self.at.load(Ordering::Relaxed), here) {
            self.strangers.store(0, Ordering::Relaxed);
            return Ok(());
        }
        self.attach_slow(fd, here)
    }

    #[cold]
    fn attach_slow(self: &Arc<Self>, fd: RawFd, here: &'static Poller) -> io::Result<()> {
        let mut place = self.place.lock();
        if place.is_some() {
            let strangers = self.strangers.load(Ordering::Relaxed) + 1;
            self.strangers.store(strangers, Ordering::Relaxed);
            if strangers < MOVE_AFTER {
                return Ok(());
            }
        }
        // Added before it is removed: if there is no room in the new one, somebody still watches.
        let key = match here.add(fd, self.wish, self.clone()) {
            Ok(key) => key,
            Err(_) if place.is_some() => return Ok(()),
            Err(error) => return Err(error),
        };
        if let Some(before) = place.take() {
            before.poller.remove(fd, before.key);
        }
        self.settle(&mut place, Some(Place { poller: here, key }));
        Ok(())
    }

    fn settle(&self, place: &mut Option<Place>, new: Option<Place>) {
        let at = new
            .as_ref()
            .map_or(ptr::null(), |new| ptr::from_ref(new.poller));
        self.at.store(at.cast_mut(), Ordering::Relaxed);
        self.strangers.store(0, Ordering::Relaxed);
        *place = new;
    }

    /// Before `fd` is closed.
    pub(crate) fn detach(&self, fd: RawFd) {
        let mut place = self.place.lock();
        if let Some(before) = &*place {
            before.poller.remove(fd, before.key);
        }
        self.settle(&mut place, None);
    }

    /// Wakes who waits, and tells who comes next that it is worth a try.
    pub(crate) fn signal(&self, readable: bool, writable: bool, ready: Wake<'_>) {
        for (event, wanted) in [(&self.read, readable), (&self.write, writable)] {
            if wanted {
                if let Before::Waiter(waiter) = event.set() {
                    ready(waiter);
                }
            }
        }
    }
}

impl Watched for Port {
    fn happened(&self, happening: &Happening, ready: Wake<'_>) {
        if happening.over {
            // Before the signal: who takes that sees this.
            self.over.store(true, Ordering::Relaxed);
        }
        self.signal(happening.readable, happening.writable, ready);
    }

    fn evicted(&self, poller: &Poller, key: Key, ready: Wake<'_>) {
        let mut place = self.place.lock();
        if place
            .as_ref()
            .is_some_and(|place| place.key == key && ptr::eq(place.poller, poller))
        {
            self.settle(&mut place, None);
        }
        drop(place);
        self.signal(true, true, ready);
    }
}
