//! Everything at once: routines on random primitives, cancelled at random. Every handle answers, every permit and
//! every value is accounted for, nobody sleeps for ever.
//!
//! In rounds, because a wake that is lost is made good by the next release, as long as others come and go. So at the
//! end of a round all who can end do, half of the others are cancelled, and then nobody may be left waiting for what is
//! there: a permit, a lock, room, a value. Rounds of few are soon over, so there are many of them.
//!
//! `STRESS_SECONDS` makes it longer; then it has 10,000 routines at a time.

use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rust_routines::channel::{self, Receiver, Sender};
use rust_routines::routine::{self, JoinError, JoinHandle, Place};
use rust_routines::runtime::Runtime;
use rust_routines::select;
use rust_routines::sync::{Condvar, Mutex, Notify, RwLock, Semaphore};
use rust_routines::time::{self, Duration, Instant};
use rust_routines_tests::drops::{Drops, Tracked};
use rust_routines_tests::{eventually, watched};

use super::{HOUR, workers};

const PERMITS: usize = 5;
const ROOM: usize = 8;
const FEW: usize = 30;

/// How many wait for something.
#[derive(Default)]
struct Waits(AtomicUsize);

impl Waits {
    fn during<R>(&self, wait: impl FnOnce() -> R) -> R {
        struct Left<'a>(&'a AtomicUsize);
        impl Drop for Left<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        self.0.fetch_add(1, Ordering::SeqCst);
        let _left = Left(&self.0);
        wait()
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// What they share.
struct World {
    /// Nobody begins with another step.
    over: AtomicBool,
    /// For permits and locks; to send and to receive a value; in the select.
    for_what_comes_back: Waits,
    sending: Waits,
    receiving: Waits,
    selecting: Waits,
    permits: Semaphore,
    sum: Mutex<u64>,
    /// What was added to `sum`, by those who held it.
    added: AtomicUsize,
    changed: Condvar,
    both: RwLock<(u64, u64)>,
    news: Notify,
    values: (Sender<Tracked>, Receiver<Tracked>),
    meets: (Sender<Tracked>, Receiver<Tracked>),
    drops: Drops,
}

impl World {
    fn new() -> Arc<World> {
        Arc::new(World {
            over: AtomicBool::new(false),
            for_what_comes_back: Waits::default(),
            sending: Waits::default(),
            receiving: Waits::default(),
            selecting: Waits::default(),
            permits: Semaphore::new(PERMITS),
            sum: Mutex::new(0),
            added: AtomicUsize::new(0),
            changed: Condvar::new(),
            both: RwLock::new((0, 0)),
            news: Notify::new(),
            values: channel::bounded(ROOM),
            meets: channel::bounded(0),
            drops: Drops::new(),
        })
    }

    /// One step of one routine; says nothing of how it ends.
    fn step(&self, random: &mut StdRng) {
        match random.random_range(0..13) {
            0 => {
                let _permit = self.comes_back(|| self.permits.acquire());
                routine::yield_now();
            }
            1 => {
                let many = random.random_range(1..=PERMITS);
                let _permits = self.comes_back(|| self.permits.acquire_many(many));
                time::sleep(Duration::from_micros(10));
            }
            2 => {
                let mut sum = self.comes_back(|| self.sum.lock());
                routine::yield_now();
                *sum += 1;
                self.added.fetch_add(1, Ordering::Relaxed);
                self.changed.notify_one();
            }
            3 => {
                let mut sum = self.comes_back(|| self.sum.lock());
                let until = *sum + 1;
                self.changed.wait_while(&mut sum, |sum| *sum < until);
            }
            4 => {
                let mut both = self.comes_back(|| self.both.write());
                both.0 += 1;
                // Not between the two: half done is what a cancellation may leave.
                both.1 += 1;
                routine::yield_now();
            }
            5 => {
                let both = self.comes_back(|| self.both.read());
                routine::yield_now();
                assert_eq!(both.0, both.1);
            }
            6 => self.news.notify_one(),
            7 => self.news.wait(),
            8 => self.send(),
            9 => self.receive(),
            10 => self.selecting.during(|| {
                select! {
                    value = self.values.1.recv() => drop(value),
                    sent = self.meets.0.send(self.drops.track()) => drop(sent),
                    met = self.meets.1.recv() => drop(met),
                    _ = time::after(HOUR) => (),
                }
            }),
            11 => {
                let seed = random.random();
                let nested = |seed: u64| {
                    let mut random = StdRng::seed_from_u64(seed);
                    drop(self.comes_back(|| self.permits.acquire()));
                    self.send();
                    routine::park_timeout(Duration::from_micros(random.random_range(0..50)));
                };
                routine::scope(|s| {
                    s.spawn(move || nested(seed));
                    s.spawn(move || nested(!seed));
                    self.receive();
                });
            }
            _ => time::sleep(Duration::from_micros(random.random_range(0..200))),
        }
    }

    /// Waits for what whoever has it gives back by itself.
    fn comes_back<R>(&self, wait: impl FnOnce() -> R) -> R {
        self.for_what_comes_back.during(wait)
    }

    fn send(&self) {
        self.sending
            .during(|| drop(self.values.0.send(self.drops.track())));
    }

    fn receive(&self) {
        self.receiving.during(|| drop(self.values.1.recv()));
    }

    /// Whether those who wait wait for what is not there. A select takes values, and two of them meet.
    fn is_nobody_forgotten(&self) -> bool {
        let (length, selecting) = (self.values.1.len(), self.selecting.count());
        self.for_what_comes_back.count() == 0
            && (self.sending.count() == 0 || length == ROOM)
            && (self.receiving.count() + selecting == 0 || length == 0)
            && selecting <= 1
    }

    /// After the last one has gone.
    fn assert_whole(&self) {
        assert_eq!(self.permits.available_permits(), PERMITS);
        assert!(self.permits.try_acquire_many(PERMITS).is_some());
        let sum = self.sum.try_lock().expect("nobody holds it");
        assert_eq!(*sum, self.added.load(Ordering::Relaxed) as u64);
        assert_eq!(self.changed.notify_all(), 0, "nobody waits");
        let both = self.both.try_write().expect("nobody holds it");
        assert_eq!(both.0, both.1);
        assert!(self.meets.1.try_recv().is_err(), "nobody sends");
        assert!(self.meets.0.try_send(self.drops.track()).is_err());
        let left = self.values.1.try_iter().count();
        assert!(left <= ROOM);
        assert_eq!(self.drops.alive(), 0, "each value was dropped once");
    }
}

fn start(runtime: &Runtime, world: &Arc<World>, seed: u64) -> JoinHandle<()> {
    let world = world.clone();
    let place = match seed % 4 {
        0 => Place::Spread,
        _ => Place::Near,
    };
    let body = move || {
        let mut random = StdRng::seed_from_u64(seed);
        while !world.over.load(Ordering::SeqCst) {
            world.step(&mut random);
        }
    };
    let builder = routine::Builder::new().place(place);
    runtime.spawn_with(builder, body).unwrap()
}

/// Seconds, and routines at a time.
fn size() -> (u64, usize) {
    match std::env::var("STRESS_SECONDS") {
        Ok(seconds) => (seconds.parse().expect("a number of seconds"), 10_000),
        Err(_) => (1, 1_000),
    }
}

/// How many were cancelled.
fn round(runtime: &Runtime, count: usize, random: &mut StdRng) -> usize {
    let (world, mut cancelled) = (World::new(), 0);
    let mut handles: Vec<_> = (0..count)
        .map(|_| start(runtime, &world, random.random()))
        .collect();
    for _ in 0..random.random_range(1..=4) {
        // A tenth of them, in one go; then others come in their place.
        let from = random.random_range(0..count);
        let chosen: Vec<usize> = (0..count / 10).map(|i| (from + i) % count).collect();
        for &i in &chosen {
            handles[i].abort().unwrap();
        }
        for &i in &chosen {
            let next = start(runtime, &world, random.random());
            let ended = std::mem::replace(&mut handles[i], next).join();
            assert!(matches!(ended, Err(JoinError::Cancelled)), "{ended:?}");
            cancelled += 1;
        }
    }
    world.over.store(true, Ordering::SeqCst);
    for handle in handles.iter().step_by(2) {
        handle.abort().unwrap();
    }
    eventually("nobody waits for what is there", || {
        world.is_nobody_forgotten()
    });
    for handle in &handles {
        handle.abort().unwrap();
    }
    for handle in handles {
        let ended = handle.join();
        assert!(
            matches!(ended, Ok(()) | Err(JoinError::Cancelled)),
            "{ended:?}"
        );
    }
    eventually("nobody and no stack is left", || {
        let metrics = runtime.metrics();
        metrics.live() == 0 && metrics.stacks_in_use() == 0
    });
    world.assert_whole();
    cancelled
}

#[test]
fn nothing_is_lost_in_a_storm() {
    watched(|| {
        let (seconds, count) = size();
        let runtime = workers(3);
        let mut random = StdRng::seed_from_u64(seconds ^ 0x5eed);
        let end = Instant::now() + Duration::from_secs(seconds);
        let (mut rounds, mut cancelled) = (0, 0);
        while Instant::now() < end {
            for count in iter::once(count).chain(iter::repeat_n(FEW, 100)) {
                cancelled += round(&runtime, count, &mut random);
                rounds += 1;
            }
        }
        assert!(cancelled > 0);
        println!("{cancelled} cancelled in {rounds} rounds, {seconds} s");
    });
}
