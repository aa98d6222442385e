//! Cancellation lands at the waits: what was waited for is neither lost nor kept from others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rust_routines::routine::{self, JoinError};
use rust_routines::sync::{
    Barrier, Condvar, Latch, Mutex, MutexGuard, Notify, Once, OnceLock, RwLock, Semaphore,
    WaitGroup,
};
use rust_routines::time;
use rust_routines_tests::{eventually, watched};

use super::{MOMENT, blocked, workers};

/// Everything there is to wait for, so that nobody gets anything.
struct World {
    mutex: Mutex<()>,
    lock: RwLock<()>,
    permits: Semaphore,
    notify: Notify,
    latch: Latch,
    group: WaitGroup,
    barrier: Barrier,
    once: Once,
    arrived: AtomicUsize,
}

impl World {
    fn new() -> Arc<World> {
        let world = World {
            mutex: Mutex::new(()),
            lock: RwLock::new(()),
            permits: Semaphore::new(1),
            notify: Notify::new(),
            latch: Latch::new(1),
            group: WaitGroup::new(),
            barrier: Barrier::new(100),
            once: Once::new(),
            arrived: AtomicUsize::new(0),
        };
        world.group.add(1);
        Arc::new(world)
    }

    fn wait(&self, what: usize) {
        self.arrived.fetch_add(1, Ordering::SeqCst);
        match what % WAYS {
            0 => drop(self.mutex.lock()),
            1 => drop(self.lock.read()),
            2 => drop(self.lock.write()),
            3 => drop(self.permits.acquire_many(2)),
            4 => drop(self.permits.acquire()),
            5 => self.notify.wait(),
            6 => self.latch.wait(),
            7 => self.group.wait(),
            8 => drop(self.barrier.wait()),
            _ => self.once.wait(),
        }
    }
}

const WAYS: usize = 10;

#[test]
fn a_cancelled_wait_leaves_no_trace() {
    watched(|| {
        let world = World::new();
        let runtime = workers(2);
        let held = (world.mutex.lock(), world.lock.read());
        world.permits.acquire().forget();
        let handles: Vec<_> = (0..10 * WAYS)
            .map(|what| {
                let world = world.clone();
                runtime.spawn(move || world.wait(what))
            })
            .collect();
        eventually("all have come", || {
            world.arrived.load(Ordering::SeqCst) == 10 * WAYS
        });
        drop(runtime);
        let cancelled = handles
            .into_iter()
            .map(|handle| handle.join())
            .filter(|joined| matches!(joined, Err(JoinError::Cancelled)))
            .count();
        // Readers come in when the last writer has gone.
        assert!(cancelled >= 9 * WAYS, "{cancelled}");
        drop(held);
        assert!(world.mutex.try_lock().is_some());
        assert!(world.lock.try_write().is_some());
        world.permits.add_permits(1);
        assert_eq!(world.permits.available_permits(), 1);
        assert!(world.permits.try_acquire().is_some());
        world.notify.notify_one();
        assert!(
            world.notify.wait_timeout(MOMENT),
            "the permit is for the next"
        );
        assert!(world.barrier.wait_timeout(MOMENT).is_none());
        world.latch.count_down();
        world.latch.wait();
        world.group.done();
        world.group.wait();
        world.once.call_once(|| ());
    });
}

/// Permits go to and fro while routines are cancelled, in waits and while they have some: none is lost.
#[test]
fn no_permit_is_lost_in_a_shutdown() {
    const ALL: usize = 3;
    watched(|| {
        for _ in 0..30 {
            let permits = Arc::new(Semaphore::new(ALL));
            let (mutex, lock) = (Arc::new(Mutex::new(0)), Arc::new(RwLock::new(0)));
            let runtime = workers(3);
            let begun = Arc::new(AtomicUsize::new(0));
            for i in 0..30 {
                let (permits, begun) = (permits.clone(), begun.clone());
                let (mutex, lock) = (mutex.clone(), lock.clone());
                runtime.spawn(move || {
                    begun.fetch_add(1, Ordering::SeqCst);
                    loop {
                        let _permit = permits.acquire_many(i % ALL + 1);
                        *mutex.lock() += 1;
                        match i % 3 {
                            0 => *lock.write() += 1,
                            _ => routine::yield_now(),
                        }
                        drop(lock.read());
                        let mut guard = mutex.lock();
                        routine::yield_now();
                        *guard += 1;
                    }
                });
            }
            eventually("they are at it", || begun.load(Ordering::SeqCst) >= 15);
            drop(runtime);
            assert_eq!(permits.available_permits(), ALL);
            assert!(permits.try_acquire_many(ALL).is_some());
            assert!(mutex.try_lock().is_some() && lock.try_write().is_some());
        }
    });
}

/// A `timeout` around it ends any wait, in a routine and on a thread, and leaves no trace either.
#[test]
fn a_timeout_around_a_wait_leaves_no_trace() {
    watched(|| {
        for on_thread in [false, true] {
            let attempt = || {
                let world = World::new();
                let guard = world.mutex.lock();
                let writes = world.lock.write();
                world.permits.acquire().forget();
                for what in 0..WAYS {
                    assert!(
                        time::timeout(MOMENT, || world.wait(what)).is_err(),
                        "{what}"
                    );
                }
                drop((guard, writes));
                assert!(world.mutex.try_lock().is_some() && world.lock.try_write().is_some());
                world.permits.add_permits(1);
                assert!(world.permits.try_acquire().is_some());
                world.once.call_once(|| ());
            };
            if on_thread {
                attempt();
            } else {
                workers(1).run(attempt);
            }
        }
    });
}

/// The lock is had again before a `timeout` unwinds a wait for a condition; a once that it ends is undone.
#[test]
fn a_timeout_finds_things_as_they_should_be() {
    watched(|| {
        let attempt = || {
            let (mutex, condvar) = (Mutex::new(1), Condvar::new());
            let mut guard = mutex.lock();
            let waited = time::timeout(MOMENT, || condvar.wait(&mut guard));
            assert!(waited.is_err() && mutex.try_lock().is_none());
            *guard += 1;
            drop(guard);
            assert_eq!(*mutex.lock(), 2);
            let (once, place) = (Once::new(), OnceLock::new());
            let forever = Notify::new();
            assert!(time::timeout(MOMENT, || once.call_once(|| forever.wait())).is_err());
            once.call_once_force(|state| assert!(!state.is_poisoned()));
            let made = time::timeout(MOMENT, || {
                *place.get_or_init(|| {
                    forever.wait();
                    1
                })
            });
            assert!(made.is_err());
            assert_eq!(*place.get_or_init(|| 2), 2);
        };
        attempt();
        workers(1).run(attempt);
    });
}

/// A writer whose wait is ended from outside lets in who has waited behind it, while others read on.
#[test]
fn a_writer_that_is_ended_lets_readers_in() {
    watched(|| {
        workers(1).run(|| {
            let lock = Arc::new(RwLock::new(1));
            let guard = lock.read();
            let (a, b) = (lock.clone(), lock.clone());
            let writes = blocked(move || time::timeout(MOMENT, || drop(a.write())).is_err());
            let reads = blocked(move || *b.read());
            assert_eq!(reads.join().unwrap(), 1);
            assert!(writes.join().unwrap());
            drop(guard);
        });
    });
}

/// A guard that is unlocked for a while is locked again, whatever ends that while: who has the mutex
/// then is waited for.
#[test]
fn a_guard_is_locked_again_before_anything_unwinds() {
    watched(|| {
        workers(1).run(|| {
            let mutex = Arc::new(Mutex::new(1));
            let mut guard = mutex.lock();
            let other = mutex.clone();
            let mut holds = None;
            let ended = time::timeout(MOMENT, || {
                MutexGuard::unlocked(&mut guard, || {
                    let hold = move || {
                        let mut guard = other.lock();
                        time::sleep(3 * MOMENT);
                        *guard += 1;
                    };
                    // It may take longer than the limit to begin.
                    holds = Some(routine::shield(|| blocked(hold)));
                });
            });
            assert_eq!((ended.is_ok(), *guard), (true, 2));
            assert!(mutex.try_lock().is_none());
            drop(guard);
            holds.expect("begun").join().unwrap();
        });
    });
}
