//! Deadlocks, found at the moment at which they close: who holds which lock, and who waits for which.
//!
//! On in debug builds, and in release with the feature `deadlock-detection`; else nothing of it is left.
//! Every lock that is taken by a guard which stays with its taker is noted when it has been taken, and
//! struck out before it is let go. Who is about to wait, without a time-out or a `timeout` around it,
//! notes that, and follows the chain: the lock's holders, what they wait for, its holders. If that leads
//! back, it panics and names all parties; its unwinding lets the others go on. Guards that may be sent and
//! raw locks have no known holder.
//!
//! - I1: a noted hold is a hold: it is noted later and struck out earlier. (Of a guard that was forgotten
//!   it stays; it goes when somebody has the lock, or one that comes to its address, alone.)
//! - I2: `WAITS` is locked during the search, so those found in it are not on their way: none of them lets
//!   go of anything before the search has ended. So what the search finds is true all at once; but who
//!   waits to read what others read waits for a writer, who may be gone by now: then it has been let in, and
//!   only has not had its turn. Such a circle is a deadlock if it is the same for half a second.

mod search;

use std::cell::Cell;
use std::collections::HashMap;
use std::panic::Location;
use std::ptr::NonNull;
use std::sync::LazyLock;
use std::thread::Thread;

use parking_lot::Mutex;

use crate::control::{HeaderRef, Reason};
use crate::prim::{AtomicU64, Ordering};
use crate::queue::event::Event;
use crate::sched::clock::{self, Nanos};
use crate::sched::{deputy, limit, with_core};
use crate::sys::signal::write_stderr;
use crate::wait::one;
use search::Found;

pub(super) const ON: bool = cfg!(any(debug_assertions, feature = "deadlock-detection"));

/// A lock's address.
type Lock = usize;
type Site = &'static Location<'static>;

/// Who runs: routines have numbers from one; threads get odd ones of their own.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Party {
    Routine(u64),
    Thread(u64),
}

#[derive(Clone, Copy)]
struct Hold {
    party: Party,
    site: Site,
}

/// The holders of one lock: mostly one.
struct Holds {
    first: Hold,
    /// Others who read it.
    more: Vec<Hold>,
    is_shared: bool,
}

/// What somebody waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Want {
    lock: Lock,
    kind: &'static str,
    reads: bool,
}

struct Wait {
    want: Want,
    site: Site,
    who: Who,
    /// No other wait has it.
    number: u64,
}

/// One who waits, to be named, and asked whether its wait ends by itself.
enum Who {
    Routine(HeaderRef),
    /// A thread in a call of `blocking` of that routine, where nothing is cancelled.
    Deputy(HeaderRef),
    Thread(Thread),
}

/// All who wait without a time-out.
#[derive(Default)]
struct Waits {
    parties: HashMap<Party, Wait>,
    /// Of a search, kept for its memory.
    chain: Vec<Hold>,
}

const SHARDS: usize = 64;

/// How often, and for how long, a circle that may be none is watched.
const LOOKS: u32 = 100;
const PAUSE: Nanos = 5_000_000;

static HOLDS: LazyLock<[Mutex<HashMap<Lock, Holds>>; SHARDS]> =
    LazyLock::new(|| std::array::from_fn(|_| Mutex::default()));
static WAITS: LazyLock<Mutex<Waits>> = LazyLock::new(Mutex::default);

/// Of threads, and of waits.
static NUMBERS: AtomicU64 = AtomicU64::new(1);

thread_local! {
    static THREAD: Cell<u64> = const { Cell::new(0) };
}

impl Who {
    fn here() -> Who {
        let routine = with_core(|core| {
            let body = core?.current()?;
            // SAFETY: the current routine's body, and its header, while it runs.
            Some(unsafe { HeaderRef::share(NonNull::from(body.as_ref().header())) })
        });
        match (routine, deputy::caller()) {
            (Some(header), _) => Who::Routine(header),
            (None, Some(caller)) => Who::Deputy(caller),
            (None, None) => Who::Thread(std::thread::current()),
        }
    }

    fn party(&self) -> Party {
        match self {
            Who::Routine(header) | Who::Deputy(header) => Party::Routine(header.id()),
            Who::Thread(_) => {
                if THREAD.get() == 0 {
                    THREAD.set(NUMBERS.fetch_add(1, Ordering::Relaxed));
                }
                Party::Thread(THREAD.get())
            }
        }
    }
}

fn party() -> Party {
    Who::here().party()
}

fn shard(lock: Lock) -> &'static Mutex<HashMap<Lock, Holds>> {
    &HOLDS[(lock >> 4) % SHARDS]
}

fn address<L>(lock: &L) -> Lock {
    std::ptr::from_ref(lock).addr()
}

/// The caller has taken the lock, alone.
#[inline(always)]
#[track_caller]
pub(super) fn held<L>(lock: &L) {
    if ON {
        note(address(lock), false, Location::caller());
    }
}

/// The caller has taken the lock, with others.
#[inline(always)]
#[track_caller]
pub(super) fn held_shared<L>(lock: &L) {
    if ON {
        note(address(lock), true, Location::caller());
    }
}

/// Somebody who is not known has taken the lock, alone.
#[inline(always)]
pub(super) fn held_by_unknown<L>(lock: &L) {
    released(lock);
}

#[cold]
fn note(lock: Lock, is_shared: bool, site: Site) {
    let first = Hold {
        party: party(),
        site,
    };
    let mut shard = shard(lock).lock();
    if let Some(holds) = shard.get_mut(&lock) {
        if is_shared && holds.is_shared {
            return holds.more.push(first);
        }
    }
    // What is there is of a guard that was forgotten: nobody else has the lock.
    let holds = Holds {
        first,
        more: Vec::new(),
        is_shared,
    };
    shard.insert(lock, holds);
}

/// About to let go of a lock that was taken alone; whether its taker was noted.
#[inline(always)]
pub(super) fn released<L>(lock: &L) -> bool {
    let lock = address(lock);
    ON && shard(lock).lock().remove(&lock).is_some()
}

/// As [`held`], by one that was noted before it let go of it for a while.
#[inline(always)]
#[track_caller]
pub(super) fn held_again<L>(lock: &L, was_noted: bool) {
    if was_noted {
        held(lock);
    }
}

/// About to let go of a lock that was taken with others.
#[inline(always)]
pub(super) fn released_shared<L>(lock: &L) {
    if ON {
        strike(address(lock));
    }
}

#[cold]
fn strike(lock: Lock) {
    let party = party();
    let mut shard = shard(lock).lock();
    let Some(holds) = shard.get_mut(&lock) else {
        return;
    };
    if let Some(i) = holds.more.iter().position(|hold| hold.party == party) {
        holds.more.swap_remove(i);
        return;
    }
    // Of another one, which has it from a thread-local, or of a future: nobody knows whose it was.
    let is_own = holds.first.party == party;
    match holds.more.pop().filter(|_| is_own) {
        Some(other) => holds.first = other,
        None => drop(shard.remove(&lock)),
    }
}

/// Noted as one that waits, until it is dropped.
pub(super) struct Waiting(());

/// The caller is about to wait for the lock, to have it alone, for as long as it takes.
///
/// Panics if that is for good.
#[inline(always)]
#[track_caller]
pub(super) fn waiting<L>(lock: &L, kind: &'static str) -> Waiting {
    let waiting = Waiting(());
    if ON {
        refuse(want(lock, kind, false), Location::caller());
    }
    waiting
}

/// As [`waiting`], to read.
#[inline(always)]
#[track_caller]
pub(super) fn waiting_to_read<L>(lock: &L, kind: &'static str) -> Waiting {
    let waiting = Waiting(());
    if ON {
        refuse(want(lock, kind, true), Location::caller());
    }
    waiting
}

/// As [`waiting`], by one who must have the lock before it may unwind: it only says so.
#[inline(always)]
#[track_caller]
pub(super) fn waiting_for_good<L>(lock: &L, kind: &'static str) -> Waiting {
    if ON {
        let found = look(want(lock, kind, false), Location::caller());
        if let Some(Found { report, .. }) = found.filter(|found| found.is_sure) {
            write_stderr(format!("rust-routines: {report}\n").as_bytes());
        }
    }
    Waiting(())
}

impl Drop for Waiting {
    #[inline(always)]
    fn drop(&mut self) {
        if ON {
            // Its header, whose last count this may be, is let go without the lock.
            let wait = WAITS.lock().parties.remove(&party());
            drop(wait);
        }
    }
}

fn want<L>(lock: &L, kind: &'static str, reads: bool) -> Want {
    Want {
        lock: address(lock),
        kind,
        reads,
    }
}

#[cold]
#[track_caller]
fn refuse(want: Want, site: Site) {
    let Some(mut found) = look(want, site) else {
        return;
    };
    let mut same = 0;
    while !found.is_sure {
        one::wait(&Event::new(), Reason::Sleep, Some(clock::now() + PAUSE));
        let Some(again) = search::circle(&mut WAITS.lock(), party()) else {
            return;
        };
        same = if again.waits == found.waits {
            same + 1
        } else {
            0
        };
        found = Found {
            is_sure: again.is_sure || same == LOOKS,
            ..again
        };
    }
    panic!("{}", found.report);
}

/// Notes the wait, unless it ends by itself; the circle that it closes.
fn look(want: Want, site: Site) -> Option<Found> {
    if limit::is_set() {
        return None;
    }
    let who = Who::here();
    let me = who.party();
    let wait = Wait {
        want,
        site,
        who,
        number: NUMBERS.fetch_add(1, Ordering::Relaxed),
    };
    let mut waits = WAITS.lock();
    waits.parties.insert(me, wait);
    search::circle(&mut waits, me)
}
