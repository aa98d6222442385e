//! Handles, names and numbers.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rust_routines::channel;
use rust_routines::routine::{self, Builder, JoinHandle};
use rust_routines::time::Duration;
use rust_routines_tests::drops::Drops;
use rust_routines_tests::{eventually, watched};

use super::workers;

#[test]
fn join_waits_on_a_thread_and_on_a_routine() {
    watched(|| {
        let runtime = workers(2);
        let (go, wait) = channel::bounded::<()>(0);
        let slow = runtime.spawn(move || {
            assert!(wait.recv().is_err());
            "slow".to_string()
        });
        assert!(!slow.is_finished());
        let joining = runtime.spawn(move || slow.join().unwrap());
        assert!(!joining.is_finished());
        drop(go);
        assert_eq!(joining.join().unwrap(), "slow");
    });
}

#[test]
fn join_of_one_that_has_ended_returns_at_once() {
    watched(|| {
        let runtime = workers(1);
        let handle = runtime.spawn(|| vec![1, 2, 3]);
        eventually("it has ended", || handle.is_finished());
        // Nothing to wait for, so it may be called even here.
        let _guard = routine::forbid_park();
        assert_eq!(handle.join().unwrap(), [1, 2, 3]);
    });
}

#[test]
fn results_of_any_size_arrive() {
    watched(|| {
        let runtime = workers(2);
        runtime.spawn(|| ()).join().unwrap();
        // Moved by value, as Rust moves values: it has to fit on the stack several times.
        let roomy = || Builder::new().stack_size(4 << 20);
        let big = runtime.spawn_with(roomy(), || [7_u8; 100_000]).unwrap();
        assert!(big.join().unwrap().iter().all(|&byte| byte == 7));
        #[repr(align(128))]
        struct Aligned(u64);
        let aligned = runtime.spawn(|| Aligned(5)).join().unwrap();
        assert_eq!(aligned.0, 5);
        assert_eq!(std::ptr::from_ref(&aligned).addr() % 128, 0);
        let captured = [3_u8; 50_000];
        let last = runtime.spawn_with(roomy(), move || captured[49_999]);
        assert_eq!(last.unwrap().join().unwrap(), 3);
    });
}

#[test]
fn a_dropped_handle_detaches() {
    watched(|| {
        let runtime = workers(2);
        let (ran, drops) = (Arc::new(AtomicUsize::new(0)), Drops::new());
        for _ in 0..1000 {
            let (ran, tracked) = (ran.clone(), drops.track());
            runtime.spawn(move || {
                routine::yield_now();
                ran.fetch_add(1, Ordering::SeqCst);
                tracked
            });
        }
        eventually("all ran", || ran.load(Ordering::SeqCst) == 1000);
        eventually("their results are dropped", || drops.alive() == 0);
    });
}

#[test]
fn numbers_are_unique_and_names_are_kept() {
    watched(|| {
        let runtime = workers(2);
        let named = |name: &str| {
            let builder = Builder::new().name(name);
            let me = || {
                let me = routine::current().unwrap();
                (me.id(), me.name().map(str::to_owned), format!("{me:?}"))
            };
            runtime.spawn_with(builder, me).unwrap()
        };
        let mut ids = HashSet::new();
        for i in 0..100 {
            // Also empty, and with characters of several bytes.
            let name = ["", "ein Böses Ding", "plain"][i % 3];
            let handle = named(name);
            assert_eq!(handle.name(), Some(name));
            assert_eq!(handle.routine().name(), Some(name));
            let id = handle.id();
            assert_eq!(handle.routine().id(), id);
            assert_eq!(id.to_string(), id.as_u64().to_string());
            assert!(format!("{handle:?}").contains(&id.to_string()));
            let (own, own_name, debug) = handle.join().unwrap();
            assert_eq!((own, own_name.as_deref()), (id, Some(name)));
            assert!(debug.contains(&id.to_string()), "{debug}");
            assert!(ids.insert(id), "{id} twice");
        }
        let unnamed = runtime.spawn(|| routine::current().unwrap().name().is_none());
        assert_eq!(unnamed.name(), None);
        assert!(ids.insert(unnamed.id()));
        assert!(unnamed.join().unwrap());
    });
}

#[test]
fn a_routine_value_outlives_its_routine() {
    watched(|| {
        let runtime = workers(1);
        let handle = runtime
            .spawn_with(Builder::new().name("gone"), || ())
            .unwrap();
        let gone = handle.routine();
        handle.join().unwrap();
        drop(runtime);
        assert_eq!(gone.name(), Some("gone"));
        assert_eq!(gone, gone.clone());
        // Does nothing.
        gone.unpark();
    });
}

#[test]
fn plain_threads_are_no_routines() {
    watched(|| {
        assert!(!routine::is_routine());
        assert!(routine::current().is_none());
        let runtime = workers(1);
        assert!(runtime.run(routine::is_routine));
        assert!(runtime.run(|| routine::current().is_some()));
        // A thread that a routine starts is a plain one.
        let thread = runtime.run(|| std::thread::spawn(routine::is_routine));
        assert!(!thread.join().unwrap());
        // And all that blocks works there.
        routine::yield_now();
        let start = std::time::Instant::now();
        routine::sleep(Duration::from_millis(3));
        assert!(start.elapsed() >= Duration::from_millis(3));
    });
}

/// Sleeping is never too short, and many sleep side by side.
#[test]
fn sleeps_are_as_long_as_they_say() {
    watched(|| {
        let runtime = workers(2);
        let start = std::time::Instant::now();
        let sleeping: Vec<JoinHandle<()>> = (0..2000_u64)
            .map(|i| {
                runtime.spawn(move || {
                    let duration = Duration::from_micros(i * 50);
                    let start = std::time::Instant::now();
                    routine::sleep(duration);
                    assert!(start.elapsed() >= duration);
                })
            })
            .collect();
        for sleeping in sleeping {
            sleeping.join().unwrap();
        }
        // One after the other it would be 100 s.
        assert!(start.elapsed() < Duration::from_secs(50));
    });
}

#[test]
fn run_borrows_from_its_caller() {
    watched(|| {
        let runtime = workers(2);
        let words = ["a".to_string(), "b".to_string()];
        let mut count = 0;
        let longest = runtime.run(|| {
            count += words.len();
            routine::yield_now();
            words.iter().max_by_key(|word| word.len()).unwrap()
        });
        assert_eq!(longest, "b");
        assert_eq!(count, 2);
        let global = rust_routines::run(|| words.len());
        assert_eq!(global, 2);
    });
}

/// Others go on when `run` has returned.
#[test]
fn run_does_not_wait_for_others() {
    watched(|| {
        let runtime = workers(1);
        let (go, wait) = channel::bounded::<()>(0);
        let other = runtime.run(|| routine::spawn(move || wait.recv().is_err()));
        assert!(!other.is_finished());
        drop(go);
        assert!(other.join().unwrap());
    });
}

#[test]
fn forbidden_parks_name_both_places() {
    watched(|| {
        let runtime = workers(1);
        let ways: [(&str, fn()); 6] = [
            ("yield_now", routine::yield_now),
            ("sleep", || routine::sleep(Duration::from_millis(1))),
            ("park", routine::park),
            ("recv", || {
                drop(
                    channel::bounded::<String>(0)
                        .1
                        .recv_timeout(Duration::from_secs(9)),
                )
            }),
            ("join", || drop(routine::spawn(routine::park).join())),
            ("run", || rust_routines::run(|| ())),
        ];
        for (name, park) in ways {
            let line = line!() + 2;
            let failed = runtime.spawn(move || {
                let guard = routine::forbid_park();
                let thrown = std::panic::catch_unwind(park);
                drop(guard);
                // Allowed again.
                routine::yield_now();
                let payload = thrown.unwrap_err();
                payload.downcast_ref::<String>().unwrap().clone()
            });
            let message = failed.join().unwrap();
            assert!(
                message.contains(&format!("{}:{line}:", file!())),
                "{name}: {message}"
            );
        }
    });
}

/// Guards nest; what needs no park is allowed.
#[test]
fn forbid_park_nests_and_allows_what_does_not_park() {
    watched(|| {
        let runtime = workers(1);
        runtime.run(|| {
            let outer = routine::forbid_park();
            let inner = routine::forbid_park();
            drop(inner);
            assert!(std::panic::catch_unwind(routine::yield_now).is_err());
            let (sender, receiver) = channel::bounded(1);
            sender.send(1).unwrap();
            assert_eq!(receiver.recv(), Ok(1));
            let child = routine::spawn(|| 2);
            drop(outer);
            assert_eq!(child.join().unwrap(), 2);
        });
    });
}

/// Dropped in any order, and even forgotten: what one routine forbids itself, its home-mates may do.
#[test]
fn a_guard_forbids_its_own_routine_only() {
    watched(|| {
        let runtime = workers(1);
        runtime.run(|| {
            let guards = vec![routine::forbid_park(), routine::forbid_park()];
            assert!(std::panic::catch_unwind(routine::yield_now).is_err());
            // In the order they were made.
            drop(guards);
            routine::yield_now();
        });
        runtime.run(|| std::mem::forget(routine::forbid_park()));
        runtime.run(routine::yield_now);
        let leaks = runtime.spawn(|| {
            std::mem::forget(routine::forbid_park());
            std::panic::resume_unwind(Box::new("with a guard"));
        });
        let leaks: Result<(), _> = leaks.join();
        assert!(leaks.is_err());
        runtime.spawn(routine::yield_now).join().unwrap();
    });
}

/// Whatever order they are dropped in, it is forbidden as long as one is there, and a park names one that is.
#[test]
fn guards_may_be_dropped_in_any_order() {
    fn refused() -> String {
        let payload = std::panic::catch_unwind(routine::yield_now).expect_err("it is forbidden");
        *payload.downcast::<String>().expect("a text")
    }
    watched(|| {
        let runtime = workers(1);
        runtime.run(|| {
            let first = routine::forbid_park();
            let (second, line) = (routine::forbid_park(), line!());
            drop(first);
            assert!(refused().contains(&format!("{}:{line}:", file!())));
            drop(second);
            routine::yield_now();
            let third = routine::forbid_park();
            let line = line!() + 1;
            std::mem::forget(routine::forbid_park());
            drop(third);
            assert!(refused().contains(&format!("{}:{line}:", file!())));
        });
        runtime.run(routine::yield_now);
    });
}
