//! Random stalls under everything at once, with nothing lost: routines that spin, sleep in the kernel and fight for
//! locks of the system, while others send, sleep, set timers, and workers come and go.
//!
//! A second here; ci runs ten (`STRESS_SECONDS`).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rand::Rng;
use rust_routines::routine::{self, JoinHandle, Place};
use rust_routines::{channel, time};
use rust_routines_tests::wait::eventually;
use rust_routines_tests::watched;

use super::runtime;

/// At most.
const STALL: Duration = Duration::from_millis(30);

#[derive(Default)]
struct World {
    end: AtomicBool,
    /// Of the system, and never held over a park.
    lock: Mutex<u64>,
    locked: AtomicU64,
    timers: AtomicU64,
    fired: AtomicU64,
}

impl World {
    fn goes_on(&self) -> bool {
        !self.end.load(Ordering::SeqCst)
    }

    /// One stall of some kind; `checkpoint` only where no lock is held.
    fn stall(&self) {
        let mut random = rand::rng();
        let time = STALL.mul_f64(random.random());
        match random.random_range(0..4) {
            0 => thread::sleep(time),
            1 => {
                let start = Instant::now();
                while start.elapsed() < time {
                    routine::checkpoint();
                }
            }
            2 => {
                let start = Instant::now();
                while start.elapsed() < time {
                    std::hint::spin_loop();
                }
            }
            _ => {
                let mut count = self.lock.lock().unwrap();
                *count += 1;
                thread::sleep(time / 4);
                self.locked.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    fn set_timer(self: &Arc<Self>) {
        self.timers.fetch_add(1, Ordering::SeqCst);
        let world = self.clone();
        let after = STALL.mul_f64(rand::rng().random());
        time::after_func(after, move || {
            world.fired.fetch_add(1, Ordering::SeqCst);
        });
    }
}

/// Spawns children that stall, near and spread; how many have ended.
fn staller(world: &Arc<World>) -> u64 {
    let mut ended = 0;
    while world.goes_on() {
        let children: Vec<JoinHandle<()>> = (0..4)
            .map(|number| {
                let place = if number % 2 == 0 {
                    Place::Near
                } else {
                    Place::Spread
                };
                let of_child = world.clone();
                let builder = routine::Builder::new().place(place);
                let child = move || {
                    of_child.stall();
                    of_child.set_timer();
                    routine::yield_now();
                };
                builder.spawn(child).unwrap()
            })
            .collect();
        for child in children {
            child.join().unwrap();
            ended += 1;
        }
    }
    ended
}

#[test]
fn nothing_is_lost() {
    let seconds = std::env::var("STRESS_SECONDS").map_or(1, |text| text.parse().unwrap());
    watched(move || {
        let runtime = Arc::new(runtime(2));
        let world = Arc::new(World::default());
        let (tx, rx) = channel::bounded(4);
        let senders: Vec<_> = (0..4)
            .map(|_| {
                let (world, tx) = (world.clone(), tx.clone());
                runtime.spawn(move || {
                    let mut sent = 0_u64;
                    while world.goes_on() {
                        tx.send(1).unwrap();
                        sent += 1;
                        time::sleep(Duration::from_micros(200));
                    }
                    sent
                })
            })
            .collect();
        drop(tx);
        let receives = runtime.spawn(move || rx.iter().sum::<u64>());
        let stallers: Vec<_> = (0..4)
            .map(|_| {
                let world = world.clone();
                runtime.spawn(move || staller(&world))
            })
            .collect();
        let end = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < end {
            runtime
                .set_workers(rand::rng().random_range(1..=4))
                .unwrap();
            // Paces the changes; nothing waits for it.
            thread::sleep(STALL);
        }
        world.end.store(true, Ordering::SeqCst);
        let stalled: u64 = stallers.into_iter().map(|s| s.join().unwrap()).sum();
        let sent: u64 = senders.into_iter().map(|s| s.join().unwrap()).sum();
        assert_eq!(receives.join().unwrap(), sent);
        assert!(stalled > 0 && sent > 0);
        assert_eq!(
            *world.lock.lock().unwrap(),
            world.locked.load(Ordering::SeqCst)
        );
        eventually("all timers have fired", || {
            world.fired.load(Ordering::SeqCst) == world.timers.load(Ordering::SeqCst)
        });
        assert_eq!(world.timers.load(Ordering::SeqCst), stalled);
        eventually("nothing lives", || runtime.metrics().live() == 0);
        eventually("nobody stands in any more", || {
            let metrics = runtime.metrics();
            metrics.compensating == 0 && metrics.draining == 0
        });
    });
}
