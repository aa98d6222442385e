//! Deadlocks, found at the moment at which they close: who holds which lock, and who waits for which.
//!
//! On in debug builds, and in release with the feature `deadlock-detection`; else nothing of it is left.
//! Every lock that is taken by a guard which stays with its taker is noted when it has been taken, and
//! struck out before it is let go. Who is about to wait, without a time-out or a `timeout` around it,
//! notes that, and follows the chain: the lock's holders, what they wait for, its holders. If that leads
//! back, it panics and names all parties; its unwinding lets the others go on. Guards that may be sent and
//! raw locks have no known holder.
//!
//! - I1: a noted hold is a hold: it is noted later and struck out earlier.
//! - I2: `WAITS` is locked during the search, so those found in it are not on their way: none of them lets
//!   go of anything before the search has ended. So what the search finds is true all at once.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt::Write;
use std::panic::Location;
use std::sync::LazyLock;

use parking_lot::Mutex;

use crate::prim::{AtomicU64, Ordering};
use crate::sched::{limit, with_core};
use crate::sys::signal::write_stderr;

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
    more: Vec<Hold>,
}

struct Wait {
    lock: Lock,
    kind: &'static str,
    site: Site,
    name: Option<String>,
}

type Parties = HashMap<Party, Wait>;

/// All who wait without a time-out.
#[derive(Default)]
struct Waits {
    parties: Parties,
    /// Of a search, kept for its memory.
    chain: Vec<Hold>,
}

const SHARDS: usize = 64;

static HOLDS: LazyLock<[Mutex<HashMap<Lock, Holds>>; SHARDS]> =
    LazyLock::new(|| std::array::from_fn(|_| Mutex::default()));
static WAITS: LazyLock<Mutex<Waits>> = LazyLock::new(Mutex::default);

thread_local! {
    static THREAD: Cell<u64> = const { Cell::new(0) };
}

fn party() -> Party {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let routine = with_core(|core| {
        let body = core?.current()?;
        // SAFETY: the current routine's body, while it runs.
        Some(unsafe { body.as_ref() }.header().id())
    });
    routine.map_or_else(
        || {
            if THREAD.get() == 0 {
                THREAD.set(NEXT.fetch_add(1, Ordering::Relaxed));
            }
            Party::Thread(THREAD.get())
        },
        Party::Routine,
    )
}

fn name() -> Option<String> {
    let routine = with_core(|core| {
        let body = core?.current()?;
        // SAFETY: the current routine's body, while it runs.
        Some(
            unsafe { body.as_ref() }
                .header()
                .name()
                .map(|name| name.to_string()),
        )
    });
    routine.unwrap_or_else(|| std::thread::current().name().map(str::to_string))
}

fn shard(lock: Lock) -> &'static Mutex<HashMap<Lock, Holds>> {
    &HOLDS[(lock >> 4) % SHARDS]
}

/// The caller has taken the lock, alone or with others.
#[inline(always)]
#[track_caller]
pub(super) fn held<L>(lock: &L) {
    if ON {
        note(std::ptr::from_ref(lock).addr(), Location::caller());
    }
}

#[cold]
fn note(lock: Lock, site: Site) {
    let hold = Hold {
        party: party(),
        site,
    };
    let mut shard = shard(lock).lock();
    match shard.get_mut(&lock) {
        Some(holds) => holds.more.push(hold),
        None => {
            shard.insert(
                lock,
                Holds {
                    first: hold,
                    more: Vec::new(),
                },
            );
        }
    }
}

/// About to let go of a lock that was taken alone; whether its taker was noted.
#[inline(always)]
pub(super) fn released<L>(lock: &L) -> bool {
    let lock = std::ptr::from_ref(lock).addr();
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
        strike(std::ptr::from_ref(lock).addr());
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
    } else if holds.first.party == party {
        match holds.more.pop() {
            Some(other) => holds.first = other,
            None => drop(shard.remove(&lock)),
        }
    }
}

/// Noted as one that waits, until it is dropped.
pub(super) struct Waiting(());

/// The caller is about to wait for the lock, for as long as it takes.
///
/// Panics if that is for good.
#[inline(always)]
#[track_caller]
pub(super) fn waiting<L>(lock: &L, kind: &'static str) -> Waiting {
    if ON {
        let found = search(std::ptr::from_ref(lock).addr(), kind, Location::caller());
        if let Some(report) = found {
            WAITS.lock().parties.remove(&party());
            panic!("{report}");
        }
    }
    Waiting(())
}

/// As [`waiting`], by one who must have the lock before it may unwind: it only says so.
#[inline(always)]
#[track_caller]
pub(super) fn waiting_for_good<L>(lock: &L, kind: &'static str) -> Waiting {
    if ON {
        let found = search(std::ptr::from_ref(lock).addr(), kind, Location::caller());
        if let Some(report) = found {
            write_stderr(format!("rust-routines: {report}\n").as_bytes());
        }
    }
    Waiting(())
}

impl Drop for Waiting {
    #[inline(always)]
    fn drop(&mut self) {
        if ON {
            WAITS.lock().parties.remove(&party());
        }
    }
}

/// Notes the wait; what there is to report if it closes a circle.
#[cold]
fn search(lock: Lock, kind: &'static str, site: Site) -> Option<String> {
    if limit::is_set() {
        return None;
    }
    let me = party();
    let wait = Wait {
        lock,
        kind,
        site,
        name: name(),
    };
    let Waits { parties, chain } = &mut *WAITS.lock();
    parties.insert(me, wait);
    chain.clear();
    leads_back(parties, me, lock, chain).then(|| tell(parties, me, chain))
}

/// Whether `me`, who waits for `lock`, is waited for by its holders; `chain` has those in between, each with
/// its hold of what the one before waits for.
fn leads_back(parties: &Parties, me: Party, lock: Lock, chain: &mut Vec<Hold>) -> bool {
    // Copied, so that no two shards are locked at once. A single holder takes no memory.
    let holders = shard(lock)
        .lock()
        .get(&lock)
        .map(|holds| (holds.first, holds.more.clone()));
    let Some((first, more)) = holders else {
        return false;
    };
    for holder in std::iter::once(first).chain(more) {
        if chain.iter().any(|seen| seen.party == holder.party) {
            continue;
        }
        chain.push(holder);
        if holder.party == me {
            return true;
        }
        if let Some(wait) = parties.get(&holder.party) {
            if leads_back(parties, me, wait.lock, chain) {
                return true;
            }
        }
        chain.pop();
    }
    false
}

fn tell(parties: &Parties, me: Party, chain: &[Hold]) -> String {
    let mut report = match chain.len() {
        1 => String::from("deadlock: it waits for what it holds itself"),
        parties => format!("deadlock: {parties} wait for each other"),
    };
    let mut waiter = me;
    for holder in chain {
        let Some(wait) = parties.get(&waiter) else {
            break;
        };
        let Wait {
            kind, lock, site, ..
        } = wait;
        let _ = write!(
            report,
            "\n  {} waits at {site} for the {kind} {lock:#x}, held by {} since {}",
            describe(parties, waiter),
            describe(parties, holder.party),
            holder.site,
        );
        waiter = holder.party;
    }
    report
}

fn describe(parties: &Parties, party: Party) -> String {
    let name = parties.get(&party).and_then(|wait| wait.name.as_ref());
    let mut text = match party {
        Party::Routine(id) => format!("routine {id}"),
        Party::Thread(number) => format!("thread #{number}"),
    };
    if let Some(name) = name {
        let _ = write!(text, " {name:?}");
    }
    text
}
