//! The worker and its poller: when it is asked, and who goes on then.
//!
//! Asked without waiting whenever the worker runs out of work, again while it searches, and every
//! millisecond while it is busy; asked with waiting instead of a sleep in the parker, as long as there is
//! a socket to wait for. What has happened to one socket makes at most two routines ready, a reader and
//! a writer; they go on at their homes, which are mostly here.

use std::io;
use std::ptr::NonNull;
use std::time::Duration;

use parking_lot::Mutex;

use super::core::{Core, with_core};
use super::park::make_ready;
use super::shared::Shared;
use super::worker::Worker;
use crate::control::{Body, Ready};
use crate::driver::poller::Poller;
use crate::queue::bell::Bed;
use crate::sys::clock::{self, Nanos};

/// How long a busy worker lets sockets wait. Asking every 100 us costs 5% at a thousand connections: a
/// batch of events is best used up while it is cached.
const POLL_EVERY: Nanos = 1_000_000;

impl Core {
    /// The poller of this worker. The first one who asks makes those of all workers: when files run
    /// out later, no worker is without one.
    pub(crate) fn poller(&self) -> io::Result<&'static Poller> {
        if let Some(poller) = self.worker.poller.get() {
            return Ok(poller);
        }
        let made = make_poller(self.worker);
        for worker in self.shared.roster.active() {
            if make_poller(worker).is_err() {
                // It tries again when it needs one.
                break;
            }
        }
        // Without descriptors for another one, a colleague's does: its events are woken across.
        made.or_else(|error| {
            // Worker 0 comes first, which stays for good.
            let mut colleagues = self.shared.roster.active();
            let found = colleagues.find_map(|worker| worker.poller.get());
            found.ok_or(error)
        })
    }

    #[inline]
    fn watching(&self) -> Option<&'static Poller> {
        self.worker
            .poller
            .get()
            .filter(|poller| poller.is_watching())
    }

    /// A busy worker asks, unless it did a moment ago.
    #[inline]
    pub(super) fn poll_now_and_then(&self) {
        if let Some(poller) = self.watching() {
            if clock::now() - self.last_poll.get() > POLL_EVERY {
                self.poll(poller, Some(Duration::ZERO));
            }
        }
    }

    /// Asks without waiting, and ends what was cancelled; `true` if a routine of this home can go on.
    pub(super) fn poll_at_once(&self) -> bool {
        if self.worker.home().has_aborts() {
            self.end_aborted();
        }
        if let Some(poller) = self.watching() {
            self.poll(poller, Some(Duration::ZERO));
        }
        !self.ready.is_empty()
    }

    /// Sleeps until rung, until a socket of this home is ready or `limit` has passed.
    pub(super) fn sleep_for(&self, limit: Option<Duration>) {
        let home = self.worker.home();
        match self.watching() {
            Some(poller) => home.sleep(Bed::Poller, || self.poll(poller, limit)),
            None => home.sleep(Bed::Parker, || self.sleeper.sleep(limit)),
        }
    }

    fn poll(&self, poller: &Poller, limit: Option<Duration>) {
        let polled = poller.poll(limit, wake);
        if let Err(error) = polled {
            // Only a descriptor that is none, or memory that is not ours, is refused.
            panic!("the poller of a worker is broken: {error}");
        }
        self.last_poll.set(clock::now());
        self.note_cpu();
    }

    /// The worker leaves: sockets that it watched are watched elsewhere at their next wait.
    pub(super) fn evict_sockets(&self) {
        if let Some(poller) = self.worker.poller.get() {
            poller.evict(wake);
        }
    }
}

impl Shared {
    /// The monitor, for a worker that is stuck: routines of other homes whose sockets it watches go on.
    pub(super) fn poll_for(&self, worker: &Worker) {
        let poller = worker.poller.get().filter(|poller| poller.is_watching());
        if let Some(Err(error)) = poller.map(|poller| poller.poll(Some(Duration::ZERO), wake)) {
            // Its worker will say the same.
            debug_assert!(false, "the poller of a worker is broken: {error}");
        }
    }
}

fn make_poller(worker: &'static Worker) -> io::Result<&'static Poller> {
    static MAKING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = MAKING.lock();
    if let Some(poller) = worker.poller.get() {
        return Ok(poller);
    }
    let poller = Poller::new()?;
    // Before the poller can be seen: its worker may sleep in it from then on.
    worker.home().set_waker(poller.waker());
    Ok(worker.poller.get_or_init(|| poller))
}

/// The routine that runs here has taken on a connection; see [`Body::note_arrival`].
pub(crate) fn note_arrival(cpu: Option<usize>) {
    with_core(|core| {
        if let Some(body) = core.and_then(Core::current) {
            // SAFETY: the current routine's body, on its own thread.
            unsafe { body.as_ref() }.note_arrival(cpu.and_then(|cpu| cpu.try_into().ok()));
        }
    });
}

/// Queues the routine that waited for a socket.
pub(crate) fn wake(waiter: NonNull<()>) {
    // SAFETY: only bodies are registered with ports (`io::descriptor`), and the event that gave it
    // out gave the right to wake it.
    make_ready(unsafe { Ready::new(waiter.cast::<Body>()) });
}
