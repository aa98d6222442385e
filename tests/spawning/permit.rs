//! `park` and `unpark`: a permit, at most one, as std's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rust_routines::channel;
use rust_routines::routine;
use rust_routines_tests::{LIMIT, eventually, watched};

use super::workers;

#[test]
fn a_permit_is_stored() {
    watched(|| {
        let runtime = workers(1);
        let (go, wait) = channel::bounded::<()>(0);
        let parks = runtime.spawn(move || {
            assert!(wait.recv().is_err());
            routine::park();
        });
        // Before it parks.
        parks.routine().unpark();
        drop(go);
        parks.join().unwrap();
    });
}

#[test]
fn at_most_one_permit_is_stored() {
    watched(|| {
        let runtime = workers(1);
        let (go, wait) = channel::bounded::<()>(0);
        let (came_back, parks_again) = channel::bounded(0);
        let parks = runtime.spawn(move || {
            assert!(wait.recv().is_err());
            routine::park();
            came_back.send(()).unwrap();
            routine::park();
        });
        for _ in 0..3 {
            parks.routine().unpark();
        }
        drop(go);
        parks_again.recv().unwrap();
        // A second permit would let it end; all it has to do it does before others have their turn.
        for _ in 0..10 {
            runtime.run(routine::yield_now);
            assert!(!parks.is_finished(), "two permits were stored");
        }
        parks.routine().unpark();
        parks.join().unwrap();
    });
}

#[test]
fn a_parked_routine_is_woken_from_anywhere() {
    watched(|| {
        let (runtime, other) = (workers(2), workers(1));
        let parks = |rounds: u64| {
            runtime.spawn(move || {
                for _ in 0..rounds {
                    routine::park();
                }
            })
        };
        // By a thread, by a home-mate or neighbour, by a routine of another runtime.
        for by in 0..3 {
            let parked = parks(1);
            let routine = parked.routine();
            match by {
                0 => routine.unpark(),
                1 => runtime.run(move || routine.unpark()),
                _ => other.run(move || routine.unpark()),
            }
            parked.join().unwrap();
        }
    });
}

/// What happens before `unpark` is visible after the `park` that returns because of it; no permit is
/// lost in a million races.
#[test]
fn ping_pong_by_permits() {
    const ROUNDS: u64 = 20_000;
    watched(|| {
        let runtime = workers(2);
        let turn = Arc::new(AtomicU64::new(0));
        let (tell, told) = channel::bounded(1);
        let player =
            |parity: u64, turn: Arc<AtomicU64>, told: channel::Receiver<routine::Routine>| {
                move || {
                    let partner = told.recv().unwrap();
                    while turn.load(Ordering::Relaxed) < ROUNDS {
                        if turn.load(Ordering::Relaxed) % 2 == parity {
                            turn.fetch_add(1, Ordering::Relaxed);
                            partner.unpark();
                        } else {
                            routine::park();
                        }
                    }
                    partner.unpark();
                }
            };
        let place = routine::Place::Spread;
        let spread = || routine::Builder::new().place(place);
        let (tell_back, told_back) = channel::bounded(1);
        let even = player(0, turn.clone(), told);
        let odd = player(1, turn.clone(), told_back);
        let even = runtime.spawn_with(spread(), even).unwrap();
        let odd = runtime.spawn_with(spread(), odd).unwrap();
        tell.send(odd.routine()).unwrap();
        tell_back.send(even.routine()).unwrap();
        even.join().unwrap();
        odd.join().unwrap();
        assert_eq!(turn.load(Ordering::Relaxed), ROUNDS);
    });
}

#[test]
fn park_timeout_ends_by_itself_or_by_a_permit() {
    watched(|| {
        let runtime = workers(1);
        let waited = runtime.run(|| {
            let start = Instant::now();
            routine::park_timeout(Duration::from_millis(5));
            start.elapsed()
        });
        assert!(waited >= Duration::from_millis(5));
        let waited = runtime.spawn(|| {
            let start = Instant::now();
            routine::park_timeout(Duration::from_secs(3600));
            start.elapsed()
        });
        waited.routine().unpark();
        assert!(waited.join().unwrap() < LIMIT);
        // None is left over from either.
        let left = runtime.run(|| {
            let start = Instant::now();
            routine::park_timeout(Duration::from_millis(5));
            start.elapsed()
        });
        assert!(left >= Duration::from_millis(5));
    });
}

/// A time-out and an unpark race: whichever comes first, the permit is used up or stored, never lost.
#[test]
fn a_time_out_that_races_with_a_permit_loses_nothing() {
    watched(|| {
        let runtime = workers(2);
        for i in 0..500_u64 {
            let returned = Arc::new(AtomicBool::new(false));
            let says = returned.clone();
            let parks = runtime.spawn(move || {
                routine::park_timeout(Duration::from_micros(i % 100));
                says.store(true, Ordering::SeqCst);
                // If the time-out was first, the permit is for this one.
                routine::park_timeout(Duration::from_millis(1));
            });
            let routine = parks.routine();
            let unparks = runtime.spawn(move || routine.unpark());
            unparks.join().unwrap();
            parks.join().unwrap();
            assert!(returned.load(Ordering::SeqCst));
        }
    });
}

/// On a plain thread it is std's: our waits there do not use up its token, nor leave one behind.
#[test]
fn a_plain_threads_token_is_left_alone() {
    watched(|| {
        let runtime = workers(1);
        thread::current().unpark();
        let (sender, receiver) = channel::bounded(0);
        runtime.spawn(move || {
            routine::yield_now();
            sender.send(()).unwrap();
        });
        receiver.recv().unwrap();
        runtime.run(routine::yield_now);
        runtime.spawn(|| ()).join().unwrap();
        // Still there: this returns at once.
        let start = Instant::now();
        thread::park_timeout(LIMIT);
        assert!(start.elapsed() < LIMIT / 2, "the token was eaten");
        // And no second one.
        let start = Instant::now();
        routine::park_timeout(Duration::from_millis(20));
        assert!(
            start.elapsed() >= Duration::from_millis(10),
            "a token was left"
        );
    });
}

#[test]
fn unparking_many_at_once() {
    watched(|| {
        let runtime = workers(4);
        let arrived = Arc::new(AtomicU64::new(0));
        let parked: Vec<_> = (0..1000)
            .map(|_| {
                let arrived = arrived.clone();
                runtime.spawn(move || {
                    arrived.fetch_add(1, Ordering::SeqCst);
                    routine::park();
                })
            })
            .collect();
        eventually("all have arrived", || {
            arrived.load(Ordering::SeqCst) == 1000
        });
        let routines: Vec<_> = parked.iter().map(|handle| handle.routine()).collect();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let routines = routines.clone();
                thread::spawn(move || routines.iter().for_each(|routine| routine.unpark()))
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        for parked in parked {
            parked.join().unwrap();
        }
    });
}
