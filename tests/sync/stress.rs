//! Everything at once for a while: locks of all kinds with time-outs, cancellations and futures that are
//! dropped; nothing is lost, and nothing is held twice.
//!
//! A second here; ci runs ten (`STRESS_SECONDS`).

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::{Duration as StdDuration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rust_routines::routine;
use rust_routines::select;
use rust_routines::sync::{Condvar, Mutex, Notify, RwLock, Semaphore};
use rust_routines::time::{self, Duration};
use rust_routines_tests::tasks::block_on;
use rust_routines_tests::watched;

use super::workers;

const PERMITS: usize = 3;

/// What all share; what is inside of a lock checks that nobody else is.
#[derive(Default)]
struct World {
    mutex: Mutex<u64>,
    in_mutex: AtomicBool,
    lock: RwLock<u64>,
    readers: AtomicUsize,
    writing: AtomicBool,
    permits: Option<Semaphore>,
    used: AtomicUsize,
    token: Notify,
    has_token: AtomicBool,
    condvar: Condvar,
    locked: AtomicU64,
    written: AtomicU64,
}

impl World {
    fn new() -> Arc<World> {
        let world = World {
            permits: Some(Semaphore::new(PERMITS)),
            ..World::default()
        };
        world.token.notify_one();
        Arc::new(world)
    }

    fn permits(&self) -> &Semaphore {
        self.permits.as_ref().expect("made so")
    }

    fn in_mutex(&self, count: &mut u64) {
        assert!(
            !self.in_mutex.swap(true, Ordering::SeqCst),
            "two have the mutex"
        );
        *count += 1;
        self.in_mutex.store(false, Ordering::SeqCst);
        self.locked.fetch_add(1, Ordering::SeqCst);
    }

    fn writing(&self, count: &mut u64) {
        assert!(!self.writing.swap(true, Ordering::SeqCst), "two write");
        assert_eq!(
            self.readers.load(Ordering::SeqCst),
            0,
            "one reads what is written"
        );
        *count += 1;
        self.writing.store(false, Ordering::SeqCst);
        self.written.fetch_add(1, Ordering::SeqCst);
    }

    fn reading(&self) {
        self.readers.fetch_add(1, Ordering::SeqCst);
        assert!(
            !self.writing.load(Ordering::SeqCst),
            "one writes what is read"
        );
        self.readers.fetch_sub(1, Ordering::SeqCst);
    }

    fn using(&self, n: usize) {
        assert!(
            self.used.fetch_add(n, Ordering::SeqCst) + n <= PERMITS,
            "too many permits"
        );
        self.used.fetch_sub(n, Ordering::SeqCst);
    }

    fn token(&self) {
        assert!(
            !self.has_token.swap(true, Ordering::SeqCst),
            "two have the token"
        );
        self.has_token.store(false, Ordering::SeqCst);
        self.token.notify_one();
    }
}

/// Polls once or twice, and drops what is not ready.
fn poll_a_little<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    (0..2).find_map(|_| {
        match future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => {
                routine::yield_now();
                None
            }
        }
    })
}

/// One random thing; nothing waits for long.
fn act(world: &World, random: &mut SmallRng) {
    let brief = Duration::from_micros(random.random_range(0..60));
    let n = random.random_range(1..=PERMITS);
    match random.random_range(0..18) {
        0 => world.in_mutex(&mut world.mutex.lock()),
        1 => {
            if let Some(mut guard) = world.mutex.lock_timeout(brief) {
                world.in_mutex(&mut guard);
            }
        }
        2 => {
            if let Some(mut guard) = poll_a_little(world.mutex.lock_async()) {
                world.in_mutex(&mut guard);
            }
        }
        3 => {
            let mut guard = world.mutex.lock();
            routine::yield_now();
            world.in_mutex(&mut guard);
            world.condvar.notify_one();
        }
        4 => {
            let mut guard = world.mutex.lock();
            world.condvar.wait_timeout(&mut guard, brief);
            world.in_mutex(&mut guard);
        }
        5 => world.writing(&mut world.lock.write()),
        6 => {
            if let Some(mut guard) = world.lock.write_timeout(brief) {
                world.writing(&mut guard);
            }
        }
        7 => {
            let _guard = world.lock.read();
            world.reading();
        }
        8 => {
            if let Some(_guard) = world.lock.read_timeout(brief) {
                world.reading();
            }
        }
        9 => {
            if let Some(mut guard) = poll_a_little(world.lock.write_async()) {
                world.writing(&mut guard);
            }
        }
        10 => {
            if poll_a_little(world.lock.read_async()).is_some_and(|_guard| {
                world.reading();
                false
            }) {}
        }
        11 => {
            let _permits = world.permits().acquire_many(n);
            world.using(n);
        }
        12 => {
            if let Some(_permits) = world.permits().acquire_many_timeout(n, brief) {
                world.using(n);
            }
        }
        13 => {
            if let Some(_permits) = poll_a_little(world.permits().acquire_many_async(n)) {
                world.using(n);
            }
        }
        14 => {
            if world.token.wait_timeout(brief) {
                world.token();
            }
        }
        15 => {
            if poll_a_little(world.token.wait_async()).is_some() {
                world.token();
            }
        }
        16 => select! {
            mut guard = world.mutex.lock_async() => world.in_mutex(&mut guard),
            _permits = world.permits().acquire_many_async(n) => world.using(n),
            world.token.wait_async() => world.token(),
            time::after(brief) => {},
        },
        _ => {
            block_on_thread(world, n);
        }
    }
}

/// A future that is polled to its end, where that blocks no worker.
fn block_on_thread(world: &World, n: usize) {
    if routine::is_routine() {
        return;
    }
    block_on(async {
        let _permits = world.permits().acquire_many_async(n).await;
        world.using(n);
        world.in_mutex(&mut *world.mutex.lock_async().await);
        world.writing(&mut *world.lock.write_async().await);
    });
}

/// One runtime that works for a while and is dropped, so that all its routines are cancelled wherever they
/// are; and threads that go on to their end.
fn round(seed: u64) {
    let world = World::new();
    let runtime = workers(3);
    let end = Arc::new(AtomicBool::new(false));
    for i in 0..24 {
        let (world, end) = (world.clone(), end.clone());
        let mut random = SmallRng::seed_from_u64(seed * 100 + i);
        runtime.spawn(move || {
            while !end.load(Ordering::SeqCst) {
                act(&world, &mut random);
            }
        });
    }
    let threads: Vec<_> = (24..26)
        .map(|i| {
            let world = world.clone();
            let mut random = SmallRng::seed_from_u64(seed * 100 + i);
            std::thread::spawn(move || (0..300).for_each(|_| act(&world, &mut random)))
        })
        .collect();
    if seed.is_multiple_of(2) {
        // In the middle of it.
        drop(runtime);
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    } else {
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        end.store(true, Ordering::SeqCst);
        drop(runtime);
    }
    let world = Arc::into_inner(world).expect("all have ended");
    assert_eq!(world.permits().available_permits(), PERMITS);
    assert!(world.permits().try_acquire_many(PERMITS).is_some());
    assert!(
        world.token.wait_timeout(Duration::ZERO),
        "the token is lost"
    );
    assert!(
        !world.token.wait_timeout(Duration::ZERO),
        "the token is there twice"
    );
    let locked = world.locked.load(Ordering::SeqCst);
    assert_eq!(*world.mutex.try_lock().expect("unlocked"), locked);
    let written = world.written.load(Ordering::SeqCst);
    assert_eq!(*world.lock.try_write().expect("unlocked"), written);
    assert_eq!(world.condvar.notify_all(), 0);
}

#[test]
fn stress() {
    watched(|| {
        let seconds = std::env::var("STRESS_SECONDS").map_or(1, |text| text.parse().unwrap());
        let end = Instant::now() + StdDuration::from_secs(seconds);
        let mut seed = 1;
        while Instant::now() < end {
            round(seed);
            seed += 1;
        }
        println!("{} rounds", seed - 1);
    });
}
