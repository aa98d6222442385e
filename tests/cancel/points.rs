//! Each primitive at each of its waits: a routine that is cancelled there leaves no trace, and nothing that others
//! have is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rust_routines::sync::{
    Barrier, Condvar, Latch, Mutex, Notify, Once, OnceLock, RwLock, Semaphore, WaitGroup,
};
use rust_routines::time::{self, Duration, Interval, Timer};
use rust_routines::{channel, routine, select};
use rust_routines_tests::drops::Drops;
use rust_routines_tests::watched;

use super::{HOUR, assert_cancelled, blocked, workers};

pub(super) type Check = Box<dyn FnOnce()>;

/// Blocks a routine in `body`, cancels it from its own home or from another thread, and lets `check` look.
#[track_caller]
pub(super) fn cancelled_in(
    ways: impl Fn() -> (Box<dyn FnOnce() + Send>, Check) + Send + Sync + 'static,
) {
    watched(move || {
        workers(1).run(|| {
            for from_afar in [false, true] {
                let (body, check) = ways();
                let handle = blocked(move || {
                    body();
                    // What has ended by itself is not what was to be tested.
                    std::process::abort();
                });
                // Another turn: a wait of several steps is in its last one.
                routine::yield_now();
                if from_afar {
                    let abort = handle.abort_handle();
                    routine::blocking(move || abort.abort()).unwrap();
                } else {
                    handle.abort().unwrap();
                }
                assert_cancelled(handle.join());
                check();
            }
        });
    });
}

pub(super) fn way(
    body: impl FnOnce() + Send + 'static,
    check: impl FnOnce() + 'static,
) -> (Box<dyn FnOnce() + Send>, Check) {
    (Box::new(body), Box::new(check))
}

#[test]
fn receive() {
    for capacity in [0, 1] {
        cancelled_in(move || {
            let (tx, rx) = channel::bounded(capacity);
            let other = rx.clone();
            way(
                move || {
                    let _received = rx.recv();
                },
                move || {
                    assert_eq!(tx.try_send(1).is_ok(), capacity == 1, "nobody waits");
                    assert_eq!(other.try_recv().is_ok(), capacity == 1);
                },
            )
        });
    }
}

#[test]
fn receive_with_a_timeout() {
    cancelled_in(|| {
        let (tx, rx) = channel::unbounded();
        let other = rx.clone();
        way(
            move || {
                let _received = rx.recv_timeout(HOUR);
            },
            move || {
                tx.send(1).unwrap();
                assert_eq!(other.try_recv(), Ok(1));
            },
        )
    });
}

#[test]
fn send() {
    for capacity in [0, 1] {
        cancelled_in(move || {
            let (tx, rx) = channel::bounded(capacity);
            let (drops, other) = (Drops::new(), tx.clone());
            (0..capacity).for_each(|_| tx.send(drops.track()).unwrap());
            let tracked = drops.track();
            way(
                move || drop(tx.send(tracked)),
                move || {
                    assert_eq!(drops.alive(), capacity, "its value went with it");
                    assert_eq!(rx.try_iter().count(), capacity);
                    assert_eq!(other.try_send(drops.track()).is_ok(), capacity == 1);
                },
            )
        });
    }
}

#[test]
fn selects() {
    cancelled_in(|| {
        let ((tx, rx), (full, takes)) = (channel::bounded(0), channel::bounded(1));
        full.send(0).unwrap();
        let (other, other_full) = (rx.clone(), full.clone());
        let group = Arc::new(WaitGroup::new());
        group.add(1);
        way(
            move || {
                select! {
                    _ = rx.recv() => (),
                    _ = full.send(1) => (),
                    _ = select::future(group.wait_async()) => (),
                    _ = time::after(HOUR) => (),
                }
            },
            move || {
                assert!(tx.try_send(1).is_err(), "nobody waits");
                assert!(other.try_recv().is_err());
                assert_eq!(takes.try_recv(), Ok(0));
                assert!(takes.try_recv().is_err(), "nothing was sent");
                other_full.try_send(2).unwrap();
            },
        )
    });
    cancelled_in(|| way(|| select! {}, || ()));
}

#[test]
fn a_mutex() {
    cancelled_in(|| {
        let lock = Arc::new(Mutex::new(0));
        let (waits, next) = (lock.clone(), lock.clone());
        // Held by one that goes on when the other has gone.
        let (go, wait) = channel::bounded::<()>(0);
        let holder = blocked(move || {
            let _guard = lock.lock();
            wait.recv().unwrap();
        });
        way(
            move || drop(waits.lock()),
            move || {
                go.send(()).unwrap();
                holder.join().unwrap();
                assert!(next.try_lock().is_some());
            },
        )
    });
}

#[test]
fn a_lock_of_readers_and_writers() {
    for writes in [false, true] {
        cancelled_in(move || {
            let lock = Arc::new(RwLock::new(0));
            let (waits, next) = (lock.clone(), lock.clone());
            let (go, wait) = channel::bounded::<()>(0);
            let holder = blocked(move || {
                // A writer waits for a reader, a reader for a writer.
                let (_read, _write) = match writes {
                    true => (Some(lock.read()), None),
                    false => (None, Some(lock.write())),
                };
                wait.recv().unwrap();
            });
            way(
                move || match writes {
                    true => drop(waits.write()),
                    false => drop(waits.read()),
                },
                move || {
                    // A reader behind the writer that has gone comes in.
                    assert_eq!(next.try_read().is_some(), writes);
                    go.send(()).unwrap();
                    holder.join().unwrap();
                    assert!(next.try_write().is_some());
                },
            )
        });
    }
}

/// It unwinds with the lock, which the destructors of its frame may rely on.
#[test]
fn a_condition_takes_its_lock_again() {
    struct Counts<'a>(&'a mut u32);
    impl Drop for Counts<'_> {
        fn drop(&mut self) {
            *self.0 += 1;
        }
    }
    cancelled_in(|| {
        let pair = Arc::new((Mutex::new(0), Condvar::new()));
        let waits = pair.clone();
        way(
            move || {
                let mut guard = waits.0.lock();
                let waited = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    waits.1.wait(&mut guard);
                }));
                assert!(waited.is_err());
                assert!(waits.0.try_lock().is_none(), "it is ours again");
                drop(Counts(&mut guard));
                drop(guard);
                routine::park();
            },
            move || {
                assert_eq!(*pair.0.try_lock().expect("and released"), 1);
                assert!(!pair.1.notify_one(), "nobody waits");
            },
        )
    });
}

#[test]
fn a_semaphore() {
    for many in [1, 3] {
        cancelled_in(move || {
            let permits = Arc::new(Semaphore::new(many - 1));
            let waits = permits.clone();
            way(
                move || drop(waits.acquire_many(many)),
                move || {
                    assert_eq!(permits.available_permits(), many - 1);
                    permits.add_permits(1);
                    assert!(permits.try_acquire_many(many).is_some());
                },
            )
        });
    }
}

#[test]
fn a_barrier_a_latch_and_a_group() {
    cancelled_in(|| {
        let barrier = Arc::new(Barrier::new(2));
        let waits = barrier.clone();
        way(
            move || {
                let _led = waits.wait();
            },
            move || {
                let moment = Duration::from_millis(1);
                assert!(barrier.wait_timeout(moment).is_none(), "it has left");
            },
        )
    });
    cancelled_in(|| {
        let latch = Arc::new(Latch::new(1));
        let waits = latch.clone();
        way(
            move || waits.wait(),
            move || {
                latch.count_down();
                latch.wait();
            },
        )
    });
    cancelled_in(|| {
        let group = Arc::new(WaitGroup::new());
        group.add(1);
        let waits = group.clone();
        way(
            move || waits.wait(),
            move || {
                group.done();
                group.wait();
            },
        )
    });
}

#[test]
fn a_once() {
    cancelled_in(|| {
        let once = Arc::new(Once::new());
        let (waits, runs) = (once.clone(), once.clone());
        let (go, wait) = channel::bounded::<()>(0);
        let runner = blocked(move || runs.call_once(|| wait.recv().unwrap()));
        way(
            move || waits.call_once(|| ()),
            move || {
                go.send(()).unwrap();
                runner.join().unwrap();
                assert!(once.is_completed());
            },
        )
    });
    cancelled_in(|| {
        let cell = Arc::new(OnceLock::new());
        let waits = cell.clone();
        way(
            move || {
                waits.wait();
            },
            move || assert_eq!(cell.set(7), Ok(())),
        )
    });
    // The one that runs it is cancelled: the next one runs it.
    cancelled_in(|| {
        let cell = Arc::new(OnceLock::new());
        let runs = cell.clone();
        way(
            move || {
                runs.get_or_init(|| {
                    routine::park();
                    1
                });
            },
            move || assert_eq!(*cell.get_or_init(|| 2), 2),
        )
    });
}

#[test]
fn a_notification() {
    cancelled_in(|| {
        let notify = Arc::new(Notify::new());
        let waits = notify.clone();
        way(
            move || waits.wait(),
            move || {
                notify.notify_one();
                assert!(
                    notify.wait_timeout(Duration::from_millis(1)),
                    "for the next"
                );
            },
        )
    });
}

#[test]
fn clocks() {
    cancelled_in(|| way(|| time::sleep(HOUR), || ()));
    cancelled_in(|| way(|| routine::park_timeout(HOUR), || ()));
    cancelled_in(|| {
        let timer = Arc::new(Timer::new(HOUR));
        let waits = timer.clone();
        way(
            move || {
                let _moment = waits.recv();
            },
            move || {
                timer.reset(Duration::ZERO);
                timer.recv();
            },
        )
    });
    cancelled_in(|| {
        let interval = Interval::new(HOUR);
        way(
            move || {
                let _moment = interval.recv();
            },
            || (),
        )
    });
    cancelled_in(|| {
        way(
            || {
                let _moment = time::after(HOUR).recv();
            },
            || (),
        )
    });
}

#[test]
fn parks_yields_and_joins() {
    cancelled_in(|| way(routine::park, || ()));
    cancelled_in(|| way(|| (0..u64::MAX).for_each(|_| routine::yield_now()), || ()));
    cancelled_in(|| {
        let joined = Arc::new(AtomicUsize::new(0));
        let ends = joined.clone();
        let (go, wait) = channel::bounded::<()>(0);
        way(
            move || {
                let child = routine::spawn(move || {
                    wait.recv().unwrap();
                    ends.fetch_add(1, Ordering::SeqCst);
                });
                child.join().unwrap();
            },
            move || {
                // Detached, and not cancelled.
                go.send(()).unwrap();
                routine::yield_now();
                assert_eq!(joined.load(Ordering::SeqCst), 1);
            },
        )
    });
}
