//! Everything at once for a while: producers, consumers, closers, time-outs, selects and futures that
//! are dropped, over channels that come and go. Each value ends in exactly one place.
//!
//! A second here; ci runs ten (`STRESS_SECONDS`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration as StdDuration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rust_routines::channel::{self, Receiver, Sender};
use rust_routines::routine;
use rust_routines::runtime::Runtime;
use rust_routines::select;
use rust_routines::time::{self, Duration};
use rust_routines_tests::drops::{Drops, Tracked};
use rust_routines_tests::tasks::block_on;
use rust_routines_tests::watched;

use super::workers;

type Value = (u64, Tracked);

/// Counted and summed up, so that what was sent can be compared with what was received.
#[derive(Default)]
struct Sums {
    sent: [AtomicU64; 2],
    received: [AtomicU64; 2],
}

impl Sums {
    fn note(what: &[AtomicU64; 2], value: u64) {
        what[0].fetch_add(1, Ordering::Relaxed);
        what[1].fetch_add(value, Ordering::Relaxed);
    }

    fn sent(&self, value: u64) {
        Sums::note(&self.sent, value);
    }

    fn got(&self, value: Option<Value>) {
        value.iter().for_each(|value| self.received(value));
    }

    fn received(&self, value: &Value) {
        Sums::note(&self.received, value.0);
    }
}

struct Party {
    random: SmallRng,
    channels: Vec<(Sender<Value>, Receiver<Value>)>,
    sums: Arc<Sums>,
    drops: Drops,
}

impl Party {
    fn brief(&mut self) -> Duration {
        Duration::from_micros(self.random.random_range(0..60))
    }

    /// One random thing with two random channels; never waits for long.
    fn act(&mut self) {
        let (i, j) = (
            self.random.random_range(0..3),
            self.random.random_range(0..3),
        );
        let number = self.random.random_range(0..1_000_000);
        let value = (number, self.drops.track());
        let brief = self.brief();
        let sums = self.sums.clone();
        let ((a, of_a), (b, of_b)) = (&self.channels[i], &self.channels[j]);
        match self.random.random_range(0..12) {
            0 => drop(a.try_send(value).map(|()| sums.sent(number))),
            1 => sums.got(of_a.try_recv().ok()),
            2 | 3 => drop(a.send_timeout(value, brief).map(|()| sums.sent(number))),
            4 | 5 => sums.got(of_a.recv_timeout(brief).ok()),
            6 | 7 => select! {
                sent = a.send(value) => drop(sent.map(|()| sums.sent(number))),
                got = of_b.recv() => sums.got(got.ok()),
                default(brief) => {}
            },
            8 => {
                let mut slot = Some(value);
                select! {
                    got = of_a.recv() => sums.got(got.ok()),
                    sent = b.send_from(&mut slot) => if sent.is_ok() { sums.sent(number) },
                    got = of_b.recv() => sums.got(got.ok()),
                    time::after(brief) => {}
                }
            }
            // A future that loses, or wins.
            9 => select! {
                got = select::future(of_a.recv_async()) => sums.got(got.ok()),
                got = of_b.recv() => sums.got(got.ok()),
                default(brief) => {}
            },
            10 => select! {
                got = of_b.recv() => sums.got(got.ok()),
                sent = a.send(value) => drop(sent.map(|()| sums.sent(number))),
                default => {}
            },
            _ => {
                let after = time::after(brief);
                let mut both = select::Select::new();
                both.add(select::map(of_a.recv_arm(), Some));
                both.add(select::map(of_b.recv_arm(), Some));
                both.add(select::map(after, |_| None));
                if let (_, Some(Ok(value))) = both.wait() {
                    sums.received(&value);
                }
            }
        }
    }
}

/// One round: three channels, eight parties, a task, and one who closes all in the end.
fn round(runtime: &Runtime, seed: u64, drops: &Drops) {
    let capacities = [seed % 3, seed / 3 % 4, 10];
    let mut channels: Vec<_> = capacities
        .iter()
        .map(|&n| channel::bounded(n as usize))
        .collect();
    if seed % 5 == 0 {
        channels[2] = channel::unbounded();
    }
    let sums = Arc::new(Sums::default());
    let party = |n: u64| Party {
        random: SmallRng::seed_from_u64(seed * 100 + n),
        channels: channels.clone(),
        sums: sums.clone(),
        drops: drops.clone(),
    };
    let act = |mut party: Party| move || (0..150).for_each(|_| party.act());
    let routines: Vec<_> = (0..6).map(|n| runtime.spawn(act(party(n)))).collect();
    let threads: Vec<_> = (6..8).map(|n| std::thread::spawn(act(party(n)))).collect();
    let (task, of_task) = (channels[1].1.clone(), sums.clone());
    let task = std::thread::spawn(move || {
        block_on(async {
            while let Ok(value) = task.recv_async().await {
                of_task.received(&value);
            }
        });
    });
    let closer = {
        let ends = channels.clone();
        runtime.spawn(move || {
            routine::sleep(Duration::from_micros(seed % 7 * 500));
            // Some rounds lose a channel under way.
            if seed % 2 == 0 {
                ends[seed as usize % 3].0.close();
            }
        })
    };
    for routine in routines {
        routine.join().unwrap();
    }
    for thread in threads {
        thread.join().unwrap();
    }
    closer.join().unwrap();
    for (sender, receiver) in &channels {
        sender.close();
        receiver.iter().for_each(|value| sums.received(&value));
    }
    task.join().unwrap();
    let read = |what: &[AtomicU64; 2]| [0, 1].map(|i| what[i].load(Ordering::Relaxed));
    assert_eq!(read(&sums.sent), read(&sums.received), "round {seed}");
}

#[test]
fn everything_at_once() {
    let seconds = std::env::var("STRESS_SECONDS");
    let seconds = seconds.map_or(1, |text| text.parse().expect("STRESS_SECONDS is a number"));
    watched(move || {
        let drops = Drops::new();
        let runtimes = [1, 2, 4].map(workers);
        let begun = Instant::now();
        let mut rounds = 0;
        while begun.elapsed() < StdDuration::from_secs(seconds) {
            round(&runtimes[rounds as usize % 3], rounds, &drops);
            rounds += 1;
            assert_eq!(drops.alive(), 0, "round {rounds}");
        }
        println!("{rounds} rounds, {} values", drops.made());
    });
}
