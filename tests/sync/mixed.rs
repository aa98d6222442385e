//! Every primitive with routines, threads and futures at once, counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rust_routines::sync::{Latch, Mutex, Notify, RwLock, Semaphore, WaitGroup};
use rust_routines_tests::tasks::block_on;
use rust_routines_tests::watched;

use super::workers;

const EACH: usize = 400;
const PARTIES: usize = 9;

/// Runs `body` as three routines, three threads and (`true`) three threads that poll futures.
fn all<W: Send + Sync + 'static>(world: &Arc<W>, body: fn(&W, bool)) {
    let runtime = workers(2);
    let routines: Vec<_> = (0..3)
        .map(|_| {
            let world = world.clone();
            runtime.spawn(move || body(&world, false))
        })
        .collect();
    let threads: Vec<_> = (0..6)
        .map(|i| {
            let world = world.clone();
            thread::spawn(move || body(&world, i % 2 == 0))
        })
        .collect();
    routines
        .into_iter()
        .for_each(|handle| handle.join().unwrap());
    threads
        .into_iter()
        .for_each(|handle| handle.join().unwrap());
}

#[test]
fn mutex() {
    watched(|| {
        let count = Arc::new(Mutex::new(0));
        all(&count, |count, is_future| {
            for _ in 0..EACH {
                match is_future {
                    true => *block_on(count.lock_async()) += 1,
                    false => *count.lock() += 1,
                }
            }
        });
        assert_eq!(*count.lock(), PARTIES * EACH);
    });
}

#[test]
fn rwlock() {
    watched(|| {
        let pair = Arc::new(RwLock::new((0, 0)));
        all(&pair, |pair, is_future| {
            for i in 0..EACH {
                match (is_future, i % 4) {
                    (true, 0) => {
                        let mut pair = block_on(pair.write_async());
                        pair.0 += 1;
                        pair.1 += 1;
                    }
                    (false, 0) => {
                        let mut pair = pair.write();
                        pair.0 += 1;
                        pair.1 += 1;
                    }
                    (true, _) => {
                        let pair = block_on(pair.read_async());
                        assert_eq!(pair.0, pair.1);
                    }
                    (false, _) => {
                        let pair = pair.read();
                        assert_eq!(pair.0, pair.1);
                    }
                }
            }
        });
        assert_eq!(pair.read().0, PARTIES * EACH / 4);
    });
}

#[test]
fn semaphore() {
    watched(|| {
        let world = Arc::new((Semaphore::new(3), AtomicUsize::new(0)));
        all(&world, |(permits, used), is_future| {
            for i in 0..EACH {
                let n = i % 3 + 1;
                let permit = match is_future {
                    true => block_on(permits.acquire_many_async(n)),
                    false => permits.acquire_many(n),
                };
                assert!(used.fetch_add(n, Ordering::SeqCst) + n <= 3);
                used.fetch_sub(n, Ordering::SeqCst);
                drop(permit);
            }
        });
        assert_eq!(world.0.available_permits(), 3);
    });
}

/// A token that is handed on by notifications: each of them has exactly one taker.
#[test]
fn notify() {
    watched(|| {
        let world = Arc::new((Notify::new(), AtomicUsize::new(0)));
        world.0.notify_one();
        all(&world, |(notify, inside), is_future| {
            for _ in 0..EACH {
                match is_future {
                    true => block_on(notify.wait_async()),
                    false => notify.wait(),
                }
                assert_eq!(
                    inside.fetch_add(1, Ordering::SeqCst),
                    0,
                    "two have the token"
                );
                inside.fetch_sub(1, Ordering::SeqCst);
                notify.notify_one();
            }
        });
        assert!(world.0.wait_timeout(super::MOMENT), "the token is there");
    });
}

#[test]
fn latch_and_group() {
    watched(|| {
        for _ in 0..50 {
            let world = Arc::new((Latch::new(PARTIES), WaitGroup::new(), AtomicUsize::new(0)));
            world.1.add(PARTIES as isize);
            all(&world, |(latch, group, come), is_future| {
                come.fetch_add(1, Ordering::Relaxed);
                latch.count_down();
                match is_future {
                    true => block_on(latch.wait_async()),
                    false => latch.wait(),
                }
                assert_eq!(come.load(Ordering::Relaxed) % PARTIES, 0);
                group.done();
                match is_future {
                    true => block_on(group.wait_async()),
                    false => group.wait(),
                }
            });
            assert!(world.0.is_open());
        }
    });
}
