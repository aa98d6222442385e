//! The life of a cancellation: before the start, at a wait, while something holds it off, after the end.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rust_routines::routine::{self, Builder, Place, Unsupported};
use rust_routines::sync::Mutex;
use rust_routines::time::{self, Duration, Elapsed};
use rust_routines::{channel, race, select};
use rust_routines_tests::drops::Drops;
use rust_routines_tests::wait::{spin_until, yield_until};
use rust_routines_tests::{eventually, watched};

use super::{HOUR, assert_cancelled, blocked, workers};

#[test]
fn one_that_has_not_started_never_does() {
    watched(|| {
        workers(1).run(|| {
            let (drops, ran) = (Drops::new(), Arc::new(AtomicBool::new(false)));
            let (tracked, runs) = (drops.track(), ran.clone());
            let handle = routine::spawn(move || {
                runs.store(true, Ordering::SeqCst);
                tracked
            });
            assert_eq!(handle.abort(), Ok(()));
            assert_cancelled(handle.join());
            assert!(!ran.load(Ordering::SeqCst));
            assert_eq!(drops.alive(), 0, "its closure is dropped");
        });
    });
}

/// With a destructor that panics, of a closure that never runs: the routine's own panic.
#[test]
fn a_closure_that_panics_in_its_drop_is_contained() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("boom");
        }
    }
    watched(|| {
        workers(1).run(|| {
            let bomb = Bomb;
            let handle = routine::spawn(move || drop(bomb));
            handle.abort().unwrap();
            assert!(handle.join().unwrap_err().is_panic());
        });
    });
}

/// Counts 1 when its destructor begins, and 10 more when it ends, after waits.
struct Slow(Arc<AtomicUsize>);

impl Drop for Slow {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        routine::yield_now();
        time::sleep(Duration::from_millis(1));
        self.0.fetch_add(10, Ordering::SeqCst);
    }
}

/// What the runtime drops for a cancelled routine is not cut short by its cancellation.
#[test]
fn destructors_of_what_is_left_run_to_their_end() {
    watched(|| {
        workers(1).run(|| {
            let counts: Vec<_> = (0..4).map(|_| Arc::new(AtomicUsize::new(0))).collect();
            let slow = |which: usize| Slow(counts[which].clone());

            let closure = slow(0);
            let never_started = routine::spawn(move || drop(closure));
            never_started.abort().unwrap();
            assert_cancelled(never_started.join());

            let (result, (tx, rx)) = (slow(1), channel::bounded(1));
            let abandoned = blocked(move || {
                routine::shield(|| rx.recv().unwrap());
                result
            });
            abandoned.abort().unwrap();
            drop(abandoned);
            tx.send(()).unwrap();

            let value = slow(2);
            let owner = blocked(move || {
                routine::scope(|s| {
                    s.spawn(routine::park);
                    value
                });
            });
            owner.abort().unwrap();
            assert_cancelled(owner.join());

            let value = slow(3);
            let first = race!(|| None, move || {
                routine::shield(|| time::sleep(Duration::from_millis(10)));
                Some(value)
            });
            assert!(first.is_none());

            for (which, count) in counts.iter().enumerate() {
                yield_until(&format!("destructor {which} ends"), || {
                    count.load(Ordering::SeqCst) == 11
                });
            }
        });
    });
}

#[test]
fn one_that_has_ended_keeps_its_result() {
    watched(|| {
        workers(2).run(|| {
            let handle = routine::spawn(|| 7);
            yield_until("it has ended", || handle.is_finished());
            let abort = handle.abort_handle();
            abort.abort().unwrap();
            assert!(abort.is_finished());
            assert_eq!(abort.id(), handle.id());
            assert_eq!(handle.join().unwrap(), 7);
            abort.abort().unwrap();
        });
    });
}

/// From a thread, from the same home and from another one; a routine at a worker of its own too.
#[test]
fn it_reaches_a_parked_routine_from_everywhere() {
    watched(|| {
        let runtime = workers(2);
        for place in [Place::Near, Place::Spread, Place::Own] {
            for from in 0..3 {
                let (parks, parked) = channel::bounded(1);
                let body = move || {
                    parks.send(()).unwrap();
                    routine::park();
                };
                let handle = runtime
                    .spawn_with(Builder::new().place(place), body)
                    .unwrap();
                parked.recv().unwrap();
                let abort = handle.abort_handle();
                match from {
                    0 => abort.abort().unwrap(),
                    1 => runtime
                        .spawn(move || abort.abort())
                        .join()
                        .unwrap()
                        .unwrap(),
                    _ => thread::spawn(move || abort.abort())
                        .join()
                        .unwrap()
                        .unwrap(),
                }
                assert_cancelled(handle.join());
            }
        }
    });
}

#[test]
fn destructors_run_and_locks_are_released() {
    watched(|| {
        workers(1).run(|| {
            let (drops, lock) = (Drops::new(), Arc::new(Mutex::new(1)));
            let (tracked, held) = (drops.track(), lock.clone());
            let handle = blocked(move || {
                let _tracked = tracked;
                let mut guard = held.lock();
                *guard += 1;
                time::sleep(HOUR);
            });
            assert!(lock.try_lock().is_none());
            handle.abort().unwrap();
            assert_cancelled(handle.join());
            assert_eq!(*lock.try_lock().unwrap(), 2);
            assert_eq!(drops.alive(), 0);
        });
    });
}

/// One that swallows it meets it again, at each wait, until it gives in.
#[test]
fn it_is_sticky() {
    watched(|| {
        workers(1).run(|| {
            let caught = Arc::new(AtomicUsize::new(0));
            let counts = caught.clone();
            let handle = blocked(move || {
                for _ in 0..5 {
                    let wait = || routine::park();
                    assert!(panic::catch_unwind(AssertUnwindSafe(wait)).is_err());
                    counts.fetch_add(1, Ordering::SeqCst);
                }
                routine::yield_now();
                counts.fetch_add(100, Ordering::SeqCst);
            });
            handle.abort().unwrap();
            assert_cancelled(handle.join());
            assert_eq!(caught.load(Ordering::SeqCst), 5);
        });
    });
}

/// It does not interrupt what need not wait, and what need not wait is not refused.
#[test]
fn it_lands_only_where_one_waits() {
    watched(|| {
        workers(1).run(|| {
            let handle = blocked(|| {
                routine::shield(routine::park);
                let (tx, rx) = channel::bounded(4);
                for i in 0..3 {
                    tx.send(i).unwrap();
                }
                assert_eq!(rx.recv(), Ok(0));
                drop(Mutex::new(0).lock());
                assert!(panic::catch_unwind(routine::check_cancelled).is_err());
                assert!(panic::catch_unwind(|| time::sleep(HOUR)).is_err());
                7
            });
            let routine = handle.routine();
            handle.abort().unwrap();
            routine.unpark();
            assert_eq!(handle.join().unwrap(), 7, "it went on, and gave a result");
        });
    });
}

#[test]
fn a_shield_holds_it_off() {
    watched(|| {
        workers(1).run(|| {
            let (steps, done) = (Arc::new(AtomicUsize::new(0)), channel::bounded::<()>(0));
            let (counts, (go, wait)) = (steps.clone(), done);
            let handle = blocked(move || {
                routine::shield(|| {
                    routine::shield(|| wait.recv().unwrap());
                    wait.recv().unwrap();
                    counts.fetch_add(1, Ordering::SeqCst);
                    routine::check_cancelled();
                    counts.fetch_add(1, Ordering::SeqCst);
                });
                counts.fetch_add(1, Ordering::SeqCst);
                routine::yield_now();
                counts.fetch_add(100, Ordering::SeqCst);
            });
            handle.abort().unwrap();
            (0..100).for_each(|_| routine::yield_now());
            assert!(!handle.is_finished());
            go.send(()).unwrap();
            go.send(()).unwrap();
            assert_cancelled(handle.join());
            assert_eq!(steps.load(Ordering::SeqCst), 3);
        });
    });
}

/// A panic in a shield takes the shield away with it.
#[test]
fn a_shield_ends_with_a_panic() {
    watched(|| {
        workers(1).run(|| {
            let handle = blocked(|| {
                let shielded = || routine::shield(|| panic::resume_unwind(Box::new("boom")));
                assert!(panic::catch_unwind(shielded).is_err());
                routine::park();
            });
            handle.abort().unwrap();
            assert_cancelled(handle.join());
        });
    });
}

/// A destructor may wait, also when the cancellation comes only while it unwinds.
#[test]
fn one_that_unwinds_is_left_to_it() {
    struct Waits(channel::Receiver<()>, Arc<AtomicUsize>);
    impl Drop for Waits {
        fn drop(&mut self) {
            self.1.fetch_add(1, Ordering::SeqCst);
            self.0.recv().unwrap();
            self.1.fetch_add(1, Ordering::SeqCst);
        }
    }
    watched(|| {
        workers(1).run(|| {
            for panics in [false, true] {
                let (steps, (go, wait)) = (Arc::new(AtomicUsize::new(0)), channel::bounded(0));
                let waits = Waits(wait, steps.clone());
                let handle = blocked(move || {
                    let _waits = waits;
                    if panics {
                        panic::resume_unwind(Box::new("boom"));
                    }
                    routine::park();
                });
                handle.abort().unwrap();
                yield_until("it unwinds", || steps.load(Ordering::SeqCst) == 1);
                handle.abort().unwrap();
                routine::yield_now();
                assert!(!handle.is_finished());
                go.send(()).unwrap();
                assert_eq!(handle.join().unwrap_err().is_panic(), panics);
                assert_eq!(steps.load(Ordering::SeqCst), 2);
            }
        });
    });
}

/// The one that was waited for is detached then, and is reached by its `AbortHandle` all the same.
#[test]
fn it_ends_a_join() {
    watched(|| {
        workers(1).run(|| {
            let never = routine::spawn(routine::park);
            let abort = never.abort_handle();
            let joins = blocked(move || never.join().is_err());
            joins.abort().unwrap();
            assert_cancelled(joins.join());
            // Its handle was dropped, so it was detached, and goes on.
            assert!(!abort.is_finished());
            abort.abort().unwrap();
            yield_until("it has ended", || abort.is_finished());
        });
    });
}

/// A routine that has moved is reached at its new home.
#[test]
fn it_reaches_one_that_has_restarted() {
    watched(|| {
        let runtime = workers(2);
        for _ in 0..200 {
            let (parks, parked) = channel::bounded(1);
            let handle = runtime.spawn(move || {
                routine::yield_now();
                time::sleep(time::Duration::from_micros(1));
                let again = move || {
                    parks.send(()).unwrap();
                    routine::park();
                };
                routine::restart(again)
            });
            let early = handle.abort_handle();
            let aborts = thread::spawn(move || early.abort());
            if parked.recv().is_ok() {
                handle.abort().unwrap();
            }
            assert_cancelled::<()>(handle.join());
            aborts.join().unwrap().unwrap();
        }
    });
}

/// A cancellation goes before a `timeout` that is over at the same time, and is no business of a later one.
#[test]
fn timeouts_and_cancellation_know_each_other() {
    watched(|| {
        workers(1).run(|| {
            let handle = blocked(|| {
                let ended = time::timeout(HOUR, routine::park);
                assert_eq!(ended, Err(Elapsed), "not reached");
            });
            handle.abort().unwrap();
            assert_cancelled(handle.join());
            let handle = blocked(|| {
                let ended = time::timeout(time::Duration::from_millis(1), routine::park);
                assert_eq!(ended, Err(Elapsed));
                routine::park();
            });
            spin_until("the limit is over", {
                let start = time::Instant::now();
                move || start.elapsed() > time::Duration::from_millis(2)
            });
            (0..10).for_each(|_| routine::yield_now());
            handle.abort().unwrap();
            assert_cancelled(handle.join());
        });
    });
}

/// A select stands in several queues; it leaves all of them.
#[test]
fn a_handle_is_an_arm_and_so_is_its_cancellation() {
    watched(|| {
        workers(2).run(|| {
            let mut handle = routine::spawn(routine::park);
            let abort = handle.abort_handle();
            routine::spawn(move || abort.abort());
            let cancelled = select! {
                result = &mut handle => result.unwrap_err().is_cancelled(),
            };
            assert!(cancelled);
        });
    });
}

/// What is left of it: nothing, however many come.
#[test]
fn many_cancellations_leave_nothing() {
    watched(|| {
        let runtime = workers(2);
        let drops = Drops::new();
        let handles: Vec<_> = (0..2000)
            .map(|i| {
                let tracked = drops.track();
                runtime.spawn(move || {
                    let _tracked = tracked;
                    match i % 3 {
                        0 => routine::park(),
                        1 => time::sleep(HOUR),
                        _ => loop {
                            routine::yield_now();
                        },
                    }
                })
            })
            .collect();
        let aborts: Vec<_> = handles.iter().map(|handle| handle.abort_handle()).collect();
        thread::scope(|s| {
            for half in aborts.chunks(500) {
                s.spawn(move || half.iter().for_each(|abort| abort.abort().unwrap()));
            }
        });
        for handle in handles {
            assert_cancelled(handle.join());
        }
        assert_eq!(drops.alive(), 0);
        assert_eq!(runtime.metrics().spawned, 2000);
        eventually("none is live", || runtime.metrics().live() == 0);
    });
}

#[test]
fn the_error_says_what_to_do() {
    let text = Unsupported.to_string();
    assert!(text.contains("CancelToken") && text.contains("panic = \"unwind\""));
    let error = std::io::Error::from(Unsupported);
    assert_eq!(error.kind(), std::io::ErrorKind::Unsupported);
}
