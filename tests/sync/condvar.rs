//! `Condvar`: order (C11), time-outs, and that a wait always ends with the lock.

use std::sync::Arc;
use std::thread;

use rust_routines::routine::{self, JoinError};
use rust_routines::sync::{Condvar, Mutex};
use rust_routines::time::{Duration, Instant};
use rust_routines_tests::watched;

use super::{MOMENT, blocked, workers};

/// C11: the longest waiter first, whether or not the lock is held; no wake-up without a notification.
#[test]
fn who_has_waited_longest_is_notified_first() {
    watched(|| {
        workers(1).run(|| {
            let pair = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
            assert!(!pair.1.notify_one(), "nobody waits");
            let waits: Vec<_> = (0..5)
                .map(|i| {
                    let pair = pair.clone();
                    blocked(move || {
                        let mut log = pair.0.lock();
                        pair.1.wait(&mut log);
                        log.push(i);
                    })
                })
                .collect();
            for (i, waits) in waits.iter().take(2).enumerate() {
                assert!(pair.1.notify_one());
                rust_routines_tests::wait::yield_until("it goes on", || waits.is_finished());
                assert_eq!(*pair.0.lock(), (0..=i).collect::<Vec<_>>());
            }
            {
                let _held = pair.0.lock();
                assert_eq!(pair.1.notify_all(), 3);
            }
            for handle in waits {
                handle.join().unwrap();
            }
            assert_eq!(*pair.0.lock(), [0, 1, 2, 3, 4]);
            assert_eq!(pair.1.notify_all(), 0);
        });
    });
}

#[test]
fn a_time_out_has_the_lock_again() {
    watched(|| {
        let attempt = || {
            let (mutex, condvar) = (Mutex::new(0), Condvar::new());
            let mut guard = mutex.lock();
            let start = Instant::now();
            assert!(condvar.wait_timeout(&mut guard, MOMENT).timed_out());
            assert!(start.elapsed() >= MOMENT);
            assert!(mutex.try_lock().is_none());
            assert!(condvar.wait_until(&mut guard, Instant::now()).timed_out());
            assert!(condvar.wait_for(&mut guard, MOMENT).timed_out());
            let result = condvar.wait_timeout_while(&mut guard, MOMENT, |count| *count == 0);
            assert!(result.timed_out());
            assert!(
                condvar
                    .wait_while_for(&mut guard, |count| *count == 0, MOMENT)
                    .timed_out()
            );
            let deadline = Instant::now() + MOMENT;
            let result = condvar.wait_while_until(&mut guard, |count| *count == 0, deadline);
            assert!(result.timed_out() && Instant::now() >= deadline);
            let result = condvar.wait_while_until(&mut guard, |count| *count > 0, deadline);
            assert!(!result.timed_out());
            let result = condvar.wait_timeout_while(&mut guard, MOMENT, |count| *count > 0);
            assert!(!result.timed_out());
            *guard += 1;
            drop(guard);
            assert_eq!(*mutex.lock(), 1);
            assert!(!condvar.notify_one(), "nobody is left in the line");
        };
        attempt();
        workers(1).run(attempt);
    });
}

/// A queue of one between producers and consumers, of routines and threads.
#[test]
fn a_queue_made_of_it_loses_nothing() {
    const EACH: u64 = 500;
    #[derive(Default)]
    struct Slot {
        value: Mutex<Option<u64>>,
        filled: Condvar,
        emptied: Condvar,
    }
    watched(|| {
        let runtime = workers(3);
        let slot = Arc::new(Slot::default());
        let sum = Arc::new(Mutex::new(0));
        let produce = || {
            let slot = slot.clone();
            move || {
                for value in 1..=EACH {
                    let mut place = slot.value.lock();
                    slot.emptied.wait_while(&mut place, |place| place.is_some());
                    *place = Some(value);
                    drop(place);
                    slot.filled.notify_one();
                }
            }
        };
        let consume = || {
            let (slot, sum) = (slot.clone(), sum.clone());
            move || {
                for _ in 0..EACH {
                    let mut place = slot.value.lock();
                    slot.filled.wait_while(&mut place, |place| place.is_none());
                    *sum.lock() += place.take().unwrap();
                    slot.emptied.notify_one();
                }
            }
        };
        let routines: Vec<_> = (0..4)
            .flat_map(|_| [runtime.spawn(produce()), runtime.spawn(consume())])
            .collect();
        let threads = [thread::spawn(produce()), thread::spawn(consume())];
        routines
            .into_iter()
            .for_each(|handle| handle.join().unwrap());
        threads
            .into_iter()
            .for_each(|handle| handle.join().unwrap());
        assert_eq!(*sum.lock(), 5 * EACH * (EACH + 1) / 2);
    });
}

/// A wait that is cancelled has the lock again before it unwinds: the guard is still the right to the
/// value, and unlocks it.
#[test]
fn a_cancelled_wait_has_the_lock_while_it_unwinds() {
    struct Check(Arc<(Mutex<u32>, Condvar)>);
    impl Drop for Check {
        fn drop(&mut self) {
            // Dropped before the guard, which was made before it.
            assert!(self.0.0.try_lock().is_none(), "unwinds without the lock");
        }
    }
    watched(|| {
        let runtime = workers(2);
        let pair = Arc::new((Mutex::new(0), Condvar::new()));
        let handles: Vec<_> = (0..20)
            .map(|_| {
                let pair = pair.clone();
                runtime.spawn(move || {
                    let mut guard = pair.0.lock();
                    *guard += 1;
                    let _check = Check(pair.clone());
                    pair.1.wait(&mut guard);
                    unreachable!("nobody notifies");
                })
            })
            .collect();
        rust_routines_tests::eventually("all wait", || *pair.0.lock() == 20);
        drop(runtime);
        for handle in handles {
            let error = handle.join().unwrap_err();
            assert!(matches!(error, JoinError::Cancelled), "{error}");
        }
        assert_eq!(*pair.0.try_lock().expect("unlocked"), 20);
        assert_eq!(pair.1.notify_all(), 0, "nobody is left in the line");
    });
}

/// What changes under the lock before the notification is seen, and the notification is not missed, also if
/// it comes right after the lock was released.
#[test]
fn no_notification_is_missed() {
    watched(|| {
        let runtime = workers(2);
        for _ in 0..500 {
            let pair = Arc::new((Mutex::new(false), Condvar::new()));
            let other = pair.clone();
            let waits = runtime.spawn(move || {
                let mut ready = other.0.lock();
                other.1.wait_while(&mut ready, |ready| !*ready);
            });
            *pair.0.lock() = true;
            pair.1.notify_one();
            waits.join().unwrap();
        }
    });
}

#[test]
fn waiting_parks_the_routine_only() {
    watched(|| {
        workers(1).run(|| {
            let pair = Arc::new((Mutex::new(()), Condvar::new()));
            let other = pair.clone();
            let waits = blocked(move || {
                let mut guard = other.0.lock();
                other
                    .1
                    .wait_timeout(&mut guard, Duration::from_secs(60))
                    .timed_out()
            });
            assert_eq!(routine::spawn(|| 7).join().unwrap(), 7);
            assert!(pair.1.notify_one());
            assert!(!waits.join().unwrap());
        });
    });
}
