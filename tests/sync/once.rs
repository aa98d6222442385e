//! `Once`, `OnceLock`, `LazyLock`: once, for all, also if it fails or is cancelled (C9, C10).

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rust_routines::routine;
use rust_routines::sync::{LazyLock, Once, OnceLock};
use rust_routines_tests::drops::Drops;
use rust_routines_tests::watched;

use super::{blocked, workers};

fn silent() -> ! {
    panic::resume_unwind(Box::new("silent"))
}

fn text(thrown: Box<dyn std::any::Any + Send>) -> String {
    let text = thrown.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| thrown.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}

/// C9: everybody waits until the first has returned, and then sees what it did; the worker goes on meanwhile.
#[test]
fn others_wait_for_the_first() {
    watched(|| {
        let runtime = workers(3);
        for _ in 0..50 {
            let (once, done) = (Arc::new(Once::new()), Arc::new(AtomicUsize::new(0)));
            let body = || {
                let (once, done) = (once.clone(), done.clone());
                move || {
                    once.call_once(|| {
                        routine::yield_now();
                        done.fetch_add(1, Ordering::Relaxed);
                    });
                    assert_eq!(done.load(Ordering::Relaxed), 1);
                }
            };
            let routines: Vec<_> = (0..10).map(|_| runtime.spawn(body())).collect();
            let threads: Vec<_> = (0..2).map(|_| thread::spawn(body())).collect();
            routines
                .into_iter()
                .for_each(|handle| handle.join().unwrap());
            threads
                .into_iter()
                .for_each(|handle| handle.join().unwrap());
            assert!(once.is_completed());
        }
    });
}

#[test]
fn a_panic_poisons_and_can_be_forced() {
    let once = Once::new();
    assert!(panic::catch_unwind(AssertUnwindSafe(|| once.call_once(|| silent()))).is_err());
    let second = panic::catch_unwind(AssertUnwindSafe(|| once.call_once(|| ())));
    assert_eq!(
        text(second.unwrap_err()),
        "Once instance has previously been poisoned"
    );
    assert!(panic::catch_unwind(AssertUnwindSafe(|| once.wait())).is_err());
    once.call_once_force(|state| assert!(state.is_poisoned()));
    once.call_once(|| unreachable!());
    once.wait();
    assert_eq!(format!("{once:?}"), "Once { is_completed: true }");
    Once::default().call_once_force(|state| assert!(!state.is_poisoned()));
}

#[test]
fn a_wait_does_not_begin_it() {
    watched(|| {
        workers(1).run(|| {
            let (once, place) = (Arc::new(Once::new()), Arc::new(OnceLock::new()));
            let (a, b) = (once.clone(), place.clone());
            let waits = blocked(move || a.wait());
            let gets = blocked(move || *b.wait());
            routine::yield_now();
            assert!(!waits.is_finished() && !gets.is_finished());
            once.call_once(|| ());
            place.set(7).unwrap();
            waits.join().unwrap();
            assert_eq!(gets.join().unwrap(), 7);
        });
    });
}

/// One that is cancelled in the middle leaves it undone: the next one does it.
#[test]
fn a_cancelled_one_has_not_done_it() {
    watched(|| {
        let runtime = workers(2);
        let (once, place) = (Arc::new(Once::new()), Arc::new(OnceLock::new()));
        let (a, b) = (once.clone(), place.clone());
        let begun = Arc::new(AtomicUsize::new(0));
        let (one, two) = (begun.clone(), begun.clone());
        runtime.spawn(move || {
            a.call_once(|| {
                one.fetch_add(1, Ordering::SeqCst);
                routine::park();
            });
        });
        runtime.spawn(move || {
            b.get_or_init(|| {
                two.fetch_add(1, Ordering::SeqCst);
                routine::park();
                1
            });
        });
        rust_routines_tests::eventually("both have begun", || begun.load(Ordering::SeqCst) == 2);
        let (a, b) = (once.clone(), place.clone());
        let waits = thread::spawn(move || {
            a.call_once(|| ());
            *b.get_or_init(|| 2)
        });
        drop(runtime);
        assert_eq!(waits.join().unwrap(), 2);
        assert!(once.is_completed());
    });
}

#[test]
fn a_place_is_filled_once() {
    let drops = Drops::new();
    let mut place = OnceLock::new();
    assert!(place.get().is_none() && place.get_mut().is_none());
    let failed: Result<_, &str> = place.get_or_try_init(|| Err("not yet"));
    assert_eq!(failed.err(), Some("not yet"));
    assert!(panic::catch_unwind(AssertUnwindSafe(|| place.get_or_init(|| silent()))).is_err());
    place.get_or_init(|| drops.track());
    assert!(place.set(drops.track()).is_err());
    assert_eq!((drops.made(), drops.alive()), (2, 1));
    assert!(place.get_mut().is_some());
    drop(place.take().unwrap());
    assert!(place.get().is_none());
    assert!(place.set(drops.track()).is_ok());
    assert!(place.into_inner().is_some());
    drop(OnceLock::from(drops.track()));
    drop(OnceLock::<Drops>::new());
    assert_eq!(drops.alive(), 0);
    let five = OnceLock::from(5);
    assert_eq!(five.clone().get(), Some(&5));
    assert!(five == five.clone() && five != OnceLock::new());
    assert_eq!(
        format!("{five:?} {:?}", OnceLock::<u8>::default()),
        "OnceLock(Some(5)) OnceLock(None)"
    );
}

static LAZY: LazyLock<AtomicUsize> = LazyLock::new(|| AtomicUsize::new(40));

#[test]
fn a_lazy_value_is_made_once() {
    watched(|| {
        let runtime = workers(2);
        let handles: Vec<_> = (0..2)
            .map(|_| runtime.spawn(|| LAZY.fetch_add(1, Ordering::SeqCst)))
            .collect();
        handles
            .into_iter()
            .for_each(|handle| _ = handle.join().unwrap());
        assert_eq!(LAZY.load(Ordering::SeqCst), 42);
        let drops = Drops::new();
        let tracked = drops.track();
        let lazy = LazyLock::new(move || tracked);
        assert_eq!(
            format!("{:?}", LazyLock::<u8>::default()),
            "LazyLock(<uninit>)"
        );
        let _made = LazyLock::force(&lazy);
        drop(lazy);
        assert_eq!(drops.alive(), 0);
    });
}

/// C10 comes to this: what has panicked is lost for all.
#[test]
fn a_lazy_value_that_fails_is_lost() {
    let lazy: LazyLock<u8> = LazyLock::new(|| silent());
    assert!(panic::catch_unwind(AssertUnwindSafe(|| *lazy)).is_err());
    let second = panic::catch_unwind(AssertUnwindSafe(|| *lazy)).unwrap_err();
    assert_eq!(
        text(second),
        "LazyLock instance has previously been poisoned"
    );
}
