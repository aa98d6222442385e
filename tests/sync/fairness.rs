//! Nobody falls behind: over a second of work no routine has less than a tenth of the median.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rust_routines::routine;
use rust_routines::sync::{Mutex, RwLock, Semaphore};
use rust_routines::time::{self, Duration};
use rust_routines_tests::watched;

use super::workers;

const ROUTINES: usize = 16;

/// Runs `body` again and again in each of 16 routines for a second; how often in each, sorted.
fn shares<W: Send + Sync + 'static>(world: W, n: usize, body: fn(&W, usize)) -> Vec<u64> {
    let world = Arc::new(world);
    let end = Arc::new(AtomicBool::new(false));
    let counts: Arc<Vec<AtomicU64>> = Arc::new((0..ROUTINES).map(|_| AtomicU64::new(0)).collect());
    let runtime = workers(n);
    let handles: Vec<_> = (0..ROUTINES)
        .map(|i| {
            let (world, end, counts) = (world.clone(), end.clone(), counts.clone());
            runtime.spawn(move || {
                while !end.load(Ordering::Relaxed) {
                    body(&world, i);
                    counts[i].fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    std::thread::sleep(Duration::from_secs(1));
    end.store(true, Ordering::Relaxed);
    handles
        .into_iter()
        .for_each(|handle| handle.join().unwrap());
    let mut shares: Vec<u64> = counts
        .iter()
        .map(|count| count.load(Ordering::Relaxed))
        .collect();
    shares.sort_unstable();
    shares
}

#[track_caller]
fn fair(shares: &[u64]) {
    let median = shares[ROUTINES / 2];
    assert!(median >= 10, "too little work to say anything: {shares:?}");
    assert!(shares[0] * 10 >= median, "{shares:?}");
}

/// Some 20 us.
fn work() {
    let start = time::Instant::now();
    while start.elapsed() < Duration::from_micros(20) {
        std::hint::spin_loop();
    }
}

#[test]
fn of_a_mutex() {
    watched(|| {
        fair(&shares(Mutex::new(()), 2, |mutex, _| {
            let _guard = mutex.lock();
            work();
        }));
        // With one worker only who gives way, or finds the lock held, lets others run at all.
        fair(&shares(Mutex::new(()), 1, |mutex, i| {
            let guard = mutex.lock();
            work();
            if i == 0 {
                routine::yield_now();
            }
            drop(guard);
            routine::yield_now();
        }));
    });
}

/// With a park inside, as of a connection that writes under a lock.
#[test]
fn of_a_mutex_that_is_held_over_parks() {
    watched(|| {
        fair(&shares(Mutex::new(()), 2, |mutex, _| {
            let _guard = mutex.lock();
            work();
            routine::yield_now();
        }));
    });
}

/// Writers among readers, and readers among writers.
#[test]
fn of_a_read_write_lock() {
    watched(|| {
        for writers in [1, ROUTINES / 2, ROUTINES - 1] {
            let world = (RwLock::new(()), writers);
            fair(&shares(world, 2, |(lock, writers), i| {
                if i < *writers {
                    let _guard = lock.write();
                    work();
                    routine::yield_now();
                } else {
                    let _guard = lock.read();
                    work();
                    routine::yield_now();
                }
            }));
        }
    });
}

/// Big ones among small ones.
#[test]
fn of_a_semaphore() {
    watched(|| {
        fair(&shares(Semaphore::new(4), 2, |permits, i| {
            let _permit = permits.acquire_many(i % 4 + 1);
            work();
            routine::yield_now();
        }));
    });
}
