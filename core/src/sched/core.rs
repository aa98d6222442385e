//! What only a worker's own thread touches, and how code finds the worker it runs on.
//!
//! `CORE` is a const-initialised thread-local without a destructor: reading it is one load relative
//! to the thread pointer. A compiler may keep its address across a switch, which is harmless here
//! and nowhere else: a started routine never changes its thread.

use std::cell::{Cell, RefCell};
use std::ptr::{self, NonNull};
use std::sync::Arc;

use crossbeam_deque::Worker as Deque;

use super::due::Pace;
use super::rank::Ranks;
use super::registry::Registry;
use super::shared::{Phase, Shared};
use super::worker::{Seat, Worker};
use crate::control::blocks::Local;
use crate::control::{Abort, Body, Fresh};
use crate::driver::timers::Timers;
use crate::prim::{AtomicU64, Ordering};
use crate::queue::list::List;
use crate::stack::cache::Cache;
use crate::sys::clock::Nanos;
use crate::sys::signal::AlternateStack;
use crate::sys::sleep::{Sleeper, be_punctual};
use crate::sys::thread;
use crate::sys::unwind::Bomb;

thread_local! {
    static CORE: Cell<*const Core> = const { Cell::new(ptr::null()) };
}

pub(crate) struct Core {
    pub(crate) shared: Arc<Shared>,
    pub(crate) worker: &'static Worker,
    /// Its place in the roster, or `OWN`.
    pub(crate) number: usize,
    pub(super) deque: Deque<Fresh>,
    pub(super) sleeper: Sleeper,
    /// Routines of this home that can go on.
    pub(super) ready: List<Body>,
    /// Routines of this home that let the others go first.
    pub(super) yielded: List<Body>,
    /// Both, sorted by priority, once there are any.
    pub(super) ranks: Ranks,
    pub(super) current: Cell<Option<NonNull<Body>>>,
    pub(super) cache: RefCell<Cache>,
    /// Memory for headers.
    pub(crate) blocks: Local,
    pub(super) registry: RefCell<Registry>,
    /// Room for what has been cancelled, between two looks.
    pub(super) aborts: RefCell<Vec<Abort>>,
    /// Whether the nursery may hold something.
    pub(super) has_children: Cell<bool>,
    /// Whether the routine that starts now came out of the mail.
    pub(super) arriving: Cell<bool>,
    pub(super) tick: Cell<u32>,
    /// Started routines picked in a row.
    pub(super) streak: Cell<u32>,
    /// Children started in a row, each from the slice of the one before.
    pub(super) births: Cell<u32>,
    pub(super) random: Cell<u64>,
    /// Where the next search for the least loaded worker begins.
    pub(super) spread_from: Cell<usize>,
    /// Numbers for new routines: the next one and the end of the block.
    ids: Cell<(u64, u64)>,
    /// Stacks that have been claimed for routines to come.
    credit: Cell<usize>,
    /// Steps of a shutdown that this worker has done.
    pub(super) cancelled_all: Cell<bool>,
    pub(super) reported: Cell<bool>,
    pub(super) last_trim: Cell<i64>,
    pub(super) last_move: Cell<i64>,
    /// Whether its last sleep was longer than the monitor waits between two looks.
    pub(super) had_slept: Cell<bool>,
    /// It had promised to watch the others' alarms, and nobody has been asked to do so instead.
    pub(super) owes_watch: Cell<bool>,
    /// For each worker that was seen with a single routine to be stolen: how many it had started then,
    /// and when that was.
    pub(super) seen: RefCell<Vec<Option<(u64, Nanos)>>>,
    /// When the poller was last asked.
    pub(super) last_poll: Cell<i64>,
    /// The timers of waits of this home: nobody else could make use of what is due in them.
    pub(super) timers: RefCell<Timers<NonNull<Body>>>,
    /// When to look at them, at the latest.
    pub(super) next_timer: Cell<Nanos>,
    pub(super) pace: Pace,
    /// Calls in a row that could have parked and did not, and in which slice.
    pub(super) calls: Cell<(u32, u32)>,
    /// Whether its thread belongs to those that `pin_cpus` binds.
    pub(super) is_bound: Cell<bool>,
}

/// Numbers that a worker fetches at a time.
const ID_BLOCK: u64 = 256;
/// Stacks that a worker claims at a time.
const CLAIM: usize = 64;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// A number for a routine that is spawned outside of the workers.
pub(crate) fn outside_id() -> u64 {
    NEXT_ID.fetch_add(1, Ordering::Relaxed)
}

/// The worker that the caller runs on, if it runs on one.
///
/// # Safety
/// The reference is used on this thread only, and not beyond the caller's own frame.
#[inline(always)]
pub(crate) unsafe fn core<'a>() -> Option<&'a Core> {
    // SAFETY: the pointer is set by `Core::main` for as long as its frame lives, on this thread.
    unsafe { CORE.get().as_ref() }
}

/// Gives the worker that the caller runs on, if it runs on one.
#[inline]
pub(crate) fn with_core<R>(f: impl FnOnce(Option<&Core>) -> R) -> R {
    // SAFETY: `f` gets it for the duration of the call.
    f(unsafe { core() })
}

impl Core {
    /// The number of workers that live for one routine.
    pub(crate) const OWN: usize = usize::MAX;

    /// The life of a worker's thread.
    pub(crate) fn main(shared: Arc<Shared>, seat: Seat, number: usize) {
        // Without one an overflow still ends the process, only without its name.
        let alternate = AlternateStack::install();
        be_punctual();
        let is_bound = shared.pin(number);
        let Seat {
            worker,
            deque,
            sleeper,
        } = seat;
        let core = Core {
            cache: RefCell::new(Cache::new(shared.depot.clone())),
            blocks: Local::new(),
            worker,
            number,
            deque,
            sleeper,
            ready: List::new(),
            yielded: List::new(),
            ranks: Ranks::new(),
            current: Cell::new(None),
            registry: RefCell::default(),
            aborts: RefCell::default(),
            has_children: Cell::new(false),
            arriving: Cell::new(false),
            tick: Cell::new(0),
            streak: Cell::new(0),
            births: Cell::new(0),
            random: Cell::new(ptr::from_ref(worker).addr() as u64 | 1),
            spread_from: Cell::new(number.wrapping_add(1)),
            ids: Cell::new((0, 0)),
            credit: Cell::new(0),
            cancelled_all: Cell::new(false),
            reported: Cell::new(false),
            last_trim: Cell::new(0),
            last_move: Cell::new(0),
            had_slept: Cell::new(false),
            owes_watch: Cell::new(false),
            seen: RefCell::default(),
            last_poll: Cell::new(0),
            timers: RefCell::default(),
            next_timer: Cell::new(Nanos::MAX),
            pace: Pace::default(),
            calls: Cell::new((0, 0)),
            is_bound: Cell::new(is_bound),
            shared,
        };
        CORE.set(&core);
        core.worker.set_thread(thread::current());
        // A panic here would leave `CORE` dangling and the routines of this home without a worker.
        let bomb = Bomb("a worker's loop panicked");
        core.run();
        core.evict_sockets();
        // What came too late; nobody else would drop it.
        core.end_aborted();
        if core.shared.phase() == Phase::Stopped {
            core.close_alarms();
        }
        core.worker.set_thread(0);
        bomb.defuse();
        CORE.set(ptr::null());
        drop(alternate);
        core.leave();
    }

    /// After the loop: nothing lives here any more.
    fn leave(self) {
        // Else its seat must not be used again. Under the bomb: nothing has unwound so far.
        let is_empty = self.worker.slots.iter().next().is_none();
        assert!(is_empty, "a worker leaves although a routine lives with it");
        self.shared.depot.unclaim(self.credit.get());
        let Core {
            shared,
            worker,
            number,
            deque,
            sleeper,
            cache,
            ..
        } = self;
        drop(cache);
        let seat = Seat {
            worker,
            deque,
            sleeper,
        };
        shared.let_go(number, seat);
    }

    /// Whether it lives for one routine.
    pub(crate) fn is_own(&self) -> bool {
        self.number == Core::OWN
    }

    /// Whether it takes new routines.
    #[inline]
    pub(crate) fn is_active(&self) -> bool {
        self.worker.is_active()
    }

    /// Whether the routine that runs here should let the others go first; `begin_slice` follows.
    #[inline]
    pub(crate) fn is_slice_over(&self) -> bool {
        self.worker.is_slice_over()
    }

    pub(crate) fn begin_slice(&self) {
        self.worker.begin_slice();
    }

    /// The routine that runs now.
    #[inline]
    pub(crate) fn current(&self) -> Option<NonNull<Body>> {
        self.current.get()
    }

    /// Whether a plain spawn here is more than that: it hands values on, or somebody says where it goes.
    #[inline]
    pub(crate) fn is_special(&self) -> bool {
        self.shared.asks() || self.inherits()
    }

    /// Whether the routine that runs has local values that its children inherit.
    #[inline]
    fn inherits(&self) -> bool {
        // SAFETY: the current routine's body, on its own thread.
        self.current
            .get()
            .is_some_and(|body| unsafe { body.as_ref() }.locals().inherits())
    }

    /// The routine that runs has done its work. Said before anybody who waits for it can go on and
    /// spread others by these counts.
    #[inline]
    pub(crate) fn count_out(&self) {
        self.worker.stats.live.add(-1);
    }

    #[inline]
    pub(crate) fn next_id(&self) -> u64 {
        let (mut next, mut end) = self.ids.get();
        if next == end {
            next = NEXT_ID.fetch_add(ID_BLOCK, Ordering::Relaxed);
            end = next + ID_BLOCK;
        }
        self.ids.set((next + 1, end));
        next
    }

    /// Makes sure that a routine which is about to be spawned will find a stack.
    #[inline]
    pub(crate) fn claim_stack(&self) -> std::io::Result<()> {
        let credit = match self.credit.get() {
            0 => self.claim_more()?,
            credit => credit,
        };
        self.credit.set(credit - 1);
        Ok(())
    }

    #[cold]
    fn claim_more(&self) -> std::io::Result<usize> {
        if self.shared.depot.claim(CLAIM).is_ok() {
            return Ok(CLAIM);
        }
        self.shared.depot.claim(1).map(|()| 1)
    }

    /// A routine has ended: its claim can serve the next one.
    #[inline]
    pub(super) fn return_claim(&self) {
        let credit = self.credit.get() + 1;
        self.credit.set(credit);
        if credit > 2 * CLAIM {
            self.shared.depot.unclaim(CLAIM);
            self.credit.set(credit - CLAIM);
        }
    }

    /// A number below `below`: xorshift, because choosing a victim needs speed and no more.
    pub(super) fn random(&self, below: usize) -> usize {
        let mut x = self.random.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random.set(x);
        (((x >> 32) * below as u64) >> 32) as usize
    }
}
