//! Deadlocks are found and told, with all parties. Of builds that look for them: debug ones, and those with
//! the feature.
#![cfg(any(debug_assertions, feature = "deadlock-detection"))]

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread;

use rust_routines::channel;
use rust_routines::routine::{self, JoinError};
use rust_routines::sync::{Barrier, Condvar, LazyLock, Mutex, Once, RwLock, RwLockReadGuard};
use rust_routines::time::{self, Duration};
use rust_routines_tests::watched;

use super::{MOMENT, blocked, workers};

fn text(body: impl FnOnce()) -> String {
    let thrown = panic::catch_unwind(AssertUnwindSafe(body)).unwrap_err();
    thrown.downcast_ref::<String>().expect("a text").clone()
}

fn reason<T>(joined: Result<T, JoinError>) -> String {
    joined.err().expect("it has found a deadlock").to_string()
}

#[test]
fn who_locks_again_what_it_holds() {
    let mutex = Mutex::new(());
    let report = text(|| {
        let _first = mutex.lock();
        let _second = mutex.lock();
    });
    assert!(
        report.starts_with("deadlock: it waits for what it holds itself\n"),
        "{report}"
    );
    assert!(
        report.contains("for the mutex 0x") && report.contains("who_locks_again"),
        "{report}"
    );
    assert_eq!(
        report.matches("tests/sync/deadlock.rs:").count(),
        2,
        "{report}"
    );
    assert!(mutex.try_lock().is_some(), "the unwinding has unlocked it");
    let lock = RwLock::new(());
    let report = text(|| {
        let _first = lock.read();
        let _second = lock.write();
    });
    assert!(report.contains("read-write lock"), "{report}");
    drop(lock.write());
}

/// What runs in `blocking` is meant as its caller: for a lock that this holds, and in a circle.
#[test]
fn who_locks_again_in_a_blocking_call() {
    watched(|| {
        workers(2).run(|| {
            let mutex = Mutex::new(());
            let report = text(|| {
                let _held = mutex.lock();
                routine::blocking(|| drop(mutex.lock()));
            });
            assert!(
                report.starts_with("deadlock: it waits for what it holds itself\n"),
                "{report}"
            );
            routine::blocking(|| drop(mutex.lock()));
            let (one, other) = (Mutex::new(()), Mutex::new(()));
            let meet = Barrier::new(2);
            let locks_both = |first: &Mutex<()>, second: &Mutex<()>| {
                let _first = first.lock();
                meet.wait();
                routine::blocking(|| drop(second.lock()));
            };
            let report = routine::scope(|s| {
                let handles = [
                    s.spawn(|| locks_both(&one, &other)),
                    s.spawn(|| locks_both(&other, &one)),
                ];
                let failed = handles.into_iter().find_map(|handle| handle.join().err());
                failed.expect("one of the two has found it").to_string()
            });
            assert!(
                report.contains("deadlock: 2 wait for each other"),
                "{report}"
            );
        });
    });
}

/// A reader that reads again, with a writer in between.
#[test]
fn who_reads_again() {
    watched(|| {
        workers(1).run(|| {
            let lock = Arc::new(RwLock::new(()));
            let guard = lock.read();
            let other = lock.clone();
            let writes = blocked(move || drop(other.write()));
            let report = text(|| drop(lock.read()));
            assert!(
                report.contains("it waits for what it holds itself"),
                "{report}"
            );
            drop(guard);
            writes.join().unwrap();
        });
    });
}

/// Three in a circle, two routines and a thread: the one that closes it is told all names and places, and
/// the others go on.
#[test]
fn a_circle_of_three() {
    watched(|| {
        let runtime = workers(2);
        let locks: Arc<[Mutex<()>; 3]> = Arc::default();
        let (ready, is_ready) = channel::bounded(3);
        let (go, wait) = channel::bounded::<()>(0);
        let circle = |i: usize| {
            let (locks, ready, wait) = (locks.clone(), ready.clone(), wait.clone());
            move || {
                let _first = locks[i].lock();
                ready.send(()).unwrap();
                assert!(wait.recv().is_err());
                let _second = locks[(i + 1) % 3].lock();
            }
        };
        let start = |name: &str, body| routine::Builder::new().name(name).spawn(body).unwrap();
        let thread = thread::Builder::new()
            .name("third".into())
            .spawn(circle(2))
            .unwrap();
        let (a, b) = runtime.run(|| (start("first", circle(0)), start("second", circle(1))));
        (0..3).for_each(|_| is_ready.recv().unwrap());
        drop(go);
        let mut reports: Vec<String> = [a.join(), b.join()]
            .into_iter()
            .filter_map(|joined| joined.err().map(|error| error.to_string()))
            .collect();
        if let Err(thrown) = thread.join() {
            reports.push(thrown.downcast_ref::<String>().unwrap().clone());
        }
        assert_eq!(reports.len(), 1, "{reports:#?}");
        let report = &reports[0];
        assert!(
            report.contains("deadlock: 3 wait for each other"),
            "{report}"
        );
        for part in [
            "\"first\"",
            "\"second\"",
            "\"third\"",
            "routine ",
            "thread #",
        ] {
            assert!(report.contains(part), "{part}: {report}");
        }
        assert_eq!(
            report.matches("tests/sync/deadlock.rs:").count(),
            6,
            "{report}"
        );
    });
}

#[test]
fn a_once_that_calls_itself() {
    let once = Once::new();
    let report = text(|| once.call_once(|| once.call_once(|| ())));
    assert!(report.contains("for the once 0x"), "{report}");
    static A: LazyLock<u32> = LazyLock::new(|| *B + 1);
    static B: LazyLock<u32> = LazyLock::new(|| *A + 1);
    let report = text(|| assert_eq!(*A, 0));
    assert!(
        report.contains("it waits for what it holds itself"),
        "{report}"
    );
}

/// A mutex and a once in one circle.
#[test]
fn a_circle_of_different_locks() {
    watched(|| {
        workers(1).run(|| {
            let world = Arc::new((Mutex::new(()), Once::new()));
            let other = world.clone();
            let guard = world.0.lock();
            let does = blocked(move || other.1.call_once(|| drop(other.0.lock())));
            let report = text(|| world.1.call_once(|| ()));
            assert!(report.contains("2 wait for each other"), "{report}");
            drop(guard);
            does.join().unwrap();
        });
    });
}

/// What ends by itself is no deadlock: a time-out, a lock that was released in the meantime, a wait for a
/// condition, which does not hold its mutex.
#[test]
fn what_is_none() {
    watched(|| {
        let mutex = Arc::new(Mutex::new(0));
        let guard = mutex.lock();
        assert!(mutex.lock_timeout(MOMENT).is_none());
        assert!(time::timeout(MOMENT, || drop(mutex.lock())).is_err());
        drop(guard);
        workers(1).run(|| {
            let other = mutex.clone();
            let guard = mutex.lock();
            let waits = blocked(move || *other.lock() += 1);
            drop(guard);
            waits.join().unwrap();
            let pair = Arc::new((Mutex::new(()), Condvar::new()));
            let other = pair.clone();
            let waits = blocked(move || {
                let mut guard = other.0.lock();
                other.1.wait(&mut guard);
            });
            drop(pair.0.lock());
            pair.1.notify_one();
            waits.join().unwrap();
        });
        assert_eq!(*mutex.lock(), 1);
    });
}

/// After a wait for a condition its mutex is held again, and known to be.
#[test]
fn a_condition_gives_its_mutex_back() {
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    let report = text(|| {
        let mut guard = mutex.lock();
        condvar.wait_timeout(&mut guard, Duration::from_millis(1));
        drop(mutex.lock());
    });
    assert!(
        report.contains("it waits for what it holds itself"),
        "{report}"
    );
    assert!(mutex.try_lock().is_some());
}

/// In a routine the panic is the routine's, with its number.
#[test]
fn it_is_a_panic_of_its_routine() {
    watched(|| {
        let runtime = workers(1);
        let mutex = Arc::new(Mutex::new(()));
        let other = mutex.clone();
        let fails = runtime.spawn(move || {
            let _first = other.lock();
            drop(other.lock());
        });
        let id = format!("routine {}", fails.routine().id());
        let report = reason(fails.join());
        assert!(report.contains(&id), "{report}");
        assert!(mutex.try_lock().is_some());
    });
}

/// A writer that gives up, or a future that is dropped, lets readers in: who waits behind one waits for
/// nobody who reads.
#[test]
fn a_writer_that_goes_away_closes_no_circle() {
    watched(|| {
        workers(1).run(|| {
            let world = Arc::new((RwLock::new(()), Mutex::new(())));
            let other = world.clone();
            let guard = world.0.read();
            let writes = blocked(move || other.0.write_timeout(MOMENT).is_none());
            drop(world.0.read());
            assert!(writes.join().unwrap());
            let other = world.clone();
            let writes = blocked(move || other.0.write_timeout(MOMENT).is_none());
            let other = world.clone();
            let reads = blocked(move || {
                let _first = other.1.lock();
                drop(other.0.read());
            });
            // It has the mutex, and waits for the lock that is read here.
            drop(world.1.lock());
            assert!(writes.join().unwrap());
            reads.join().unwrap();
            drop(guard);
        });
    });
}

/// Two who read, each of whom would read what the other reads, with writers in between: four in a circle, of
/// whom the readers are told.
#[test]
fn a_circle_of_readers_and_writers() {
    watched(|| {
        workers(1).run(|| {
            let locks = Arc::new((RwLock::new(()), RwLock::new(())));
            let guard = locks.0.read();
            let other = locks.clone();
            let reads = blocked(move || {
                let _second = other.1.read();
                routine::yield_now();
                routine::yield_now();
                drop(other.0.read());
            });
            let (a, b) = (locks.clone(), locks.clone());
            let writers = [
                blocked(move || drop(a.0.write())),
                blocked(move || drop(b.1.write())),
            ];
            for _ in 0..4 {
                routine::yield_now();
            }
            assert!(locks.0.try_read().is_none() && locks.1.try_read().is_none());
            let report = text(|| drop(locks.1.read()));
            assert!(report.contains("2 wait for each other"), "{report}");
            drop(guard);
            reads.join().unwrap();
            for writes in writers {
                writes.join().unwrap();
            }
        });
    });
}

/// What is known of a guard that was forgotten is not believed of a lock that comes to its address.
#[test]
fn a_guard_that_was_forgotten() {
    watched(|| {
        let mut place = Arc::new(Mutex::new(()));
        std::mem::forget(place.lock());
        *Arc::get_mut(&mut place).unwrap() = Mutex::new(());
        let guard = place.lock_arc();
        let runtime = workers(1);
        let ends = runtime.spawn(move || {
            routine::yield_now();
            drop(guard);
        });
        drop(place.lock());
        ends.join().unwrap();
    });
}

/// A guard that its taker has left in a thread-local, and that a home-mate drops: it is nobody's then.
#[test]
fn a_guard_that_another_one_drops() {
    thread_local! {
        static KEPT: RefCell<Option<RwLockReadGuard<'static, ()>>> = const { RefCell::new(None) };
    }
    static LOCK: RwLock<()> = RwLock::new(());
    watched(|| {
        workers(1).run(|| {
            KEPT.set(Some(LOCK.read()));
            routine::spawn(|| KEPT.set(None)).join().unwrap();
            let reads = blocked(|| {
                let guard = LOCK.read();
                routine::yield_now();
                drop(guard);
            });
            drop(LOCK.write());
            reads.join().unwrap();
        });
    });
}
