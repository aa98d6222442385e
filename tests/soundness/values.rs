//! What must not change its thread, held across parks by many routines at once.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, ThreadId};

use rand::Rng;
use rust_routines::routine::{Builder, Place};
use rust_routines_tests::watched;

use crate::parks::{Common, park_in_many_ways};

const WORKERS: usize = 4;
const ROUTINES: u64 = 400;
const ROUNDS: usize = 60;

thread_local! {
    /// Whose thread-locals these are.
    static OWNER: Cell<Option<ThreadId>> = const { Cell::new(None) };
    static LAZY: RefCell<Vec<ThreadId>> = RefCell::new(vec![thread::current().id()]);
}

/// The thread a routine runs on, by three accounts that no compiler can merge.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Here {
    std: ThreadId,
    /// By the address of a thread-local.
    local: usize,
    /// By the kernel: it reads no thread-local.
    kernel: PathBuf,
}

impl Here {
    #[inline(always)]
    fn now() -> Here {
        Here {
            std: thread::current().id(),
            local: OWNER.with(|owner| std::ptr::from_ref(owner).addr()),
            kernel: std::fs::read_link("/proc/thread-self").expect("Linux has /proc/thread-self"),
        }
    }
}

/// Runs `body` as many routines on four workers; it gets a check to call after each park.
///
/// A plain thread spawns some of them, a routine the others; every other one is spread, so that all
/// workers take part whatever is stolen.
fn under_load(body: fn(&Common, u64)) {
    watched(move || {
        let runtime = rust_routines_tests::workers(WORKERS);
        let common = Common::new();
        let start = |seed: u64, common: Arc<Common>| {
            let place = match seed % 2 {
                0 => Place::Spread,
                _ => Place::Near,
            };
            let builder = Builder::new().place(place);
            (builder, move || {
                body(&common, seed);
                Here::now()
            })
        };
        let mut handles = Vec::new();
        for seed in 0..ROUTINES / 2 {
            let (builder, body) = start(seed, common.clone());
            handles.push(runtime.spawn_with(builder, body).unwrap());
        }
        handles.extend(runtime.run(|| {
            (ROUTINES / 2..ROUTINES)
                .map(|seed| {
                    let (builder, body) = start(seed, common.clone());
                    builder.spawn(body).unwrap()
                })
                .collect::<Vec<_>>()
        }));
        let threads: HashSet<Here> = handles
            .into_iter()
            .map(|handle| handle.join().unwrap())
            .collect();
        assert_eq!(
            threads.len(),
            WORKERS,
            "every worker took part: {threads:?}"
        );
    });
}

#[test]
fn a_routine_sees_one_thread() {
    under_load(|common, seed| {
        let home = Here::now();
        park_in_many_ways(common, seed, ROUNDS, |way| {
            assert_eq!(Here::now(), home, "after {way}");
        });
    });
}

#[test]
fn an_rc_stays_where_it_was_born() {
    under_load(|common, seed| {
        let home = Here::now();
        let count = Rc::new(Cell::new(0_usize));
        let mut clones = Vec::new();
        park_in_many_ways(common, seed, ROUNDS, |way| {
            clones.push(count.clone());
            count.set(count.get() + 1);
            assert_eq!(Rc::strong_count(&count), clones.len() + 1, "after {way}");
            assert_eq!(Here::now(), home, "after {way}");
        });
        assert_eq!(count.get(), ROUNDS);
    });
}

#[test]
fn a_thread_local_borrow_stays_that_of_its_thread() {
    under_load(|common, seed| {
        let home = Here::now();
        OWNER.with(|owner| {
            owner.set(Some(thread::current().id()));
            park_in_many_ways(common, seed, ROUNDS, |way| {
                // The borrow from before all parks, and a new one.
                assert_eq!(owner.get(), Some(home.std), "after {way}");
                OWNER.with(|now| assert!(std::ptr::eq(now, owner), "after {way}"));
                assert_eq!(Here::now(), home, "after {way}");
            });
        });
    });
}

/// A shared `RefCell` borrow of a lazily initialised thread-local with a destructor.
#[test]
fn a_lazy_thread_local_borrow_stays_that_of_its_thread() {
    under_load(|common, seed| {
        let home = Here::now();
        LAZY.with(|lazy| {
            let owner = lazy.borrow();
            park_in_many_ways(common, seed, ROUNDS, |way| {
                assert_eq!(*owner, [home.std], "after {way}");
                LAZY.with(|now| assert!(std::ptr::eq(now, lazy), "after {way}"));
            });
        });
        assert_eq!(Here::now(), home);
    });
}

#[test]
fn a_thread_rng_stays_with_its_thread() {
    under_load(|common, seed| {
        let home = Here::now();
        let mut rng = rand::rng();
        let mut seen = HashSet::new();
        park_in_many_ways(common, seed, ROUNDS, |way| {
            assert!(
                seen.insert(rng.random::<u128>()),
                "a number twice after {way}"
            );
            assert_eq!(Here::now(), home, "after {way}");
        });
    });
}

/// A mutex of its own for each routine: of one that home-mates share, the second would put to sleep
/// the thread that has to run the first.
#[test]
fn a_parking_lot_guard_stays_where_it_was_taken() {
    under_load(|common, seed| {
        let home = Here::now();
        let mutex = parking_lot::Mutex::new(seed);
        let reentrant = parking_lot::ReentrantMutex::new(());
        let mut guard = mutex.lock();
        let _outer = reentrant.lock();
        park_in_many_ways(common, seed, ROUNDS, |way| {
            *guard += 1;
            assert!(mutex.try_lock().is_none(), "after {way}");
            // Granted to the thread that holds it, and to no other.
            assert!(reentrant.try_lock().is_some(), "after {way}");
            assert_eq!(Here::now(), home, "after {way}");
        });
        assert_eq!(*guard, seed + ROUNDS as u64);
    });
}

#[test]
fn all_of_them_at_once() {
    under_load(|common, seed| {
        let home = Here::now();
        let mutex = parking_lot::Mutex::new(Vec::new());
        let shared = Rc::new(Cell::new(0));
        let mut rng = rand::rng();
        let mut numbers = mutex.lock();
        OWNER.with(|owner| {
            owner.set(Some(thread::current().id()));
            park_in_many_ways(common, seed, ROUNDS, |way| {
                numbers.push((rng.random::<u64>(), Rc::clone(&shared)));
                assert_eq!(owner.get(), Some(home.std), "after {way}");
                assert_eq!(Here::now(), home, "after {way}");
            });
        });
        assert_eq!(Rc::strong_count(&shared), numbers.len() + 1);
        assert_eq!(numbers.len(), ROUNDS);
    });
}
