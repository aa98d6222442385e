//! Locks and their kin: alone, contended, and as hand-overs.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rust_routines::routine::{self, Place};
use rust_routines::sync::{Condvar, Latch, Mutex, Once, RwLock, Semaphore, WaitGroup};

use super::homes;
use crate::sample::Sample;
use crate::sides::work::{GROUPED, LOCKERS, SHARERS, nanos_since, timed, warm_up};

/// Locks and unlocks a mutex that nobody else wants.
pub(crate) fn mutex_alone(n: u64) -> Sample {
    super::run(|| {
        let mutex = black_box(Mutex::new(0));
        let pairs = |n: u64| (0..n).for_each(|_| *mutex.lock() += 1);
        pairs(warm_up(n, 1));
        let elapsed = timed(|| pairs(n));
        assert_eq!(*mutex.lock(), n + warm_up(n, 1), "a mutex: wrong count");
        Sample::per_unit(elapsed, n)
    })
}

/// 100 routines lock one mutex `n` times in all; then a tenth of that, with a clock around each lock.
pub(crate) fn mutex_contended(n: u64) -> Sample {
    super::run(|| {
        contend(warm_up(n, LOCKERS), false);
        let n = n / LOCKERS * LOCKERS;
        let (elapsed, _) = contend(n, false);
        let (_, longest) = contend(n / 10, true);
        Sample::per_unit(elapsed, n).with("longest_us", longest as f64 / 1e3)
    })
}

fn contend(n: u64, is_timed: bool) -> (Duration, u64) {
    let share = n / LOCKERS;
    let mutex = Arc::new(Mutex::new(0));
    let (ready, go) = (
        Arc::new(Latch::new(LOCKERS as usize)),
        Arc::new(Latch::new(1)),
    );
    let handles: Vec<_> = (0..LOCKERS)
        .map(|_| {
            let (mutex, ready, go) = (mutex.clone(), ready.clone(), go.clone());
            let body = move || {
                ready.count_down();
                go.wait();
                let mut longest = 0;
                for _ in 0..share {
                    if is_timed {
                        let start = Instant::now();
                        let mut count = mutex.lock();
                        longest = longest.max(nanos_since(start));
                        *count += 1;
                    } else {
                        *mutex.lock() += 1;
                    }
                }
                longest
            };
            let builder = routine::Builder::new().place(Place::Spread);
            builder.spawn(body).expect("a stack for one routine")
        })
        .collect();
    ready.wait();
    let start = Instant::now();
    go.count_down();
    let longest = handles
        .into_iter()
        .map(|handle| handle.join().expect("it only locks"))
        .max();
    let elapsed = start.elapsed();
    assert_eq!(*mutex.lock(), share * LOCKERS, "a mutex: wrong count");
    (elapsed, longest.unwrap_or(0))
}

/// Eight routines share a read-write lock; one turn in ten writes.
pub(crate) fn rwlock_90(n: u64) -> Sample {
    super::run(|| shared(n, Place::Near))
}

/// The same, with each routine placed by itself: half of them at one home, half at the other.
pub(crate) fn rwlock_90_across(n: u64) -> Sample {
    super::run(|| shared(n, Place::Spread))
}

fn shared(n: u64, place: Place) -> Sample {
    share_90(warm_up(n, SHARERS * 10), place);
    let n = n / (SHARERS * 10) * (SHARERS * 10);
    Sample::per_unit(share_90(n, place), n)
}

fn share_90(n: u64, place: Place) -> Duration {
    let share = n / SHARERS;
    let lock = Arc::new(RwLock::new(0));
    let (ready, go) = (
        Arc::new(Latch::new(SHARERS as usize)),
        Arc::new(Latch::new(1)),
    );
    let handles: Vec<_> = (0..SHARERS)
        .map(|_| {
            let (lock, ready, go) = (lock.clone(), ready.clone(), go.clone());
            let body = move || {
                ready.count_down();
                go.wait();
                let mut seen = 0;
                for turn in 0..share {
                    if turn % 10 == 0 {
                        *lock.write() += 1;
                    } else {
                        seen = seen.max(*lock.read());
                    }
                }
                assert!(seen <= n, "a read-write lock: seen too much");
            };
            let builder = routine::Builder::new().place(place);
            builder.spawn(body).expect("a stack for one routine")
        })
        .collect();
    ready.wait();
    let start = Instant::now();
    go.count_down();
    handles
        .into_iter()
        .for_each(|handle| handle.join().expect("it only locks"));
    let elapsed = start.elapsed();
    assert_eq!(*lock.read(), n / 10, "a read-write lock: wrong count");
    elapsed
}

/// `n` groups of 1000 routines each, which only say that they are done.
pub(crate) fn wait_group_1000(n: u64) -> Sample {
    super::run(|| {
        groups(warm_up(n, 1));
        let elapsed = groups(n);
        Sample::of(elapsed.as_nanos() as f64 / n as f64 / 1e3)
    })
}

fn groups(n: u64) -> Duration {
    static GROUP: WaitGroup = WaitGroup::new();
    timed(|| {
        for _ in 0..n {
            GROUP.add(GROUPED as isize);
            for _ in 0..GROUPED {
                routine::spawn(|| GROUP.done());
            }
            GROUP.wait();
        }
    })
}

/// Takes and gives back a permit that nobody else wants.
pub(crate) fn semaphore_alone(n: u64) -> Sample {
    super::run(|| {
        let permits = black_box(Semaphore::new(1));
        let pairs = |n: u64| (0..n).for_each(|_| drop(black_box(permits.acquire())));
        pairs(warm_up(n, 1));
        Sample::per_unit(timed(|| pairs(n)), n)
    })
}

/// Calls a `Once` that has been done.
pub(crate) fn once_done(n: u64) -> Sample {
    super::run(|| {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| ());
        let calls =
            |n: u64| (0..n).for_each(|_| black_box(&ONCE).call_once(|| unreachable!("twice")));
        calls(warm_up(n, 1));
        Sample::per_unit(timed(|| calls(n)), n)
    })
}

/// Two routines at one home wake each other through a condition.
pub(crate) fn cond_ping_pong(n: u64) -> Sample {
    super::run(|| {
        trips(warm_up(n, 1), homes::here);
        Sample::per_unit(trips(n, homes::here), n)
    })
}

/// The same, at different homes.
pub(crate) fn cond_ping_pong_across(n: u64) -> Sample {
    super::run(|| {
        trips(warm_up(n, 1), homes::elsewhere);
        Sample::per_unit(trips(n, homes::elsewhere), n)
    })
}

type Body = Box<dyn FnOnce() + Send>;

fn trips(n: u64, place: impl FnOnce(Body) -> homes::Placed<()>) -> Duration {
    let pair = Arc::new((Mutex::new(0), Condvar::new()));
    let play = move |pair: &(Mutex<u64>, Condvar), me: u64| {
        for _ in 0..n {
            let mut turn = pair.0.lock();
            while *turn % 2 != me {
                pair.1.wait(&mut turn);
            }
            *turn += 1;
            pair.1.notify_one();
        }
    };
    let other = pair.clone();
    let partner = place(Box::new(move || play(&other, 1)));
    let start = Instant::now();
    play(&pair, 0);
    partner.join();
    let elapsed = start.elapsed();
    assert_eq!(*pair.0.lock(), 2 * n, "a condition: wrong count");
    elapsed
}
