//! Priorities: who comes first, and that nobody starves. All by counts of turns, never by time.
#![forbid(unsafe_code)]

use std::hint;
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rust_routines::routine::{self, Builder, Place, Priority};
use rust_routines::runtime::{self, OnStall, Runtime};
use rust_routines::{channel, time::Duration};
use rust_routines_tests::watched;

const ALL: [Priority; 3] = [Priority::Low, Priority::Normal, Priority::High];

fn workers(n: usize) -> Runtime {
    // Nobody stands in for those that keep their workers: it would start what they leave lying.
    let builder = runtime::Builder::new().workers(n).on_stall(OnStall::Report);
    builder.build().expect("a few threads")
}

fn of(priority: Priority) -> Builder {
    Builder::new().priority(priority)
}

/// Turns, in their order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Priority>>>);

impl Log {
    fn note(&self, priority: Priority) {
        self.0.lock().unwrap().push(priority);
    }

    fn turns(&self) -> Vec<Priority> {
        self.0.lock().unwrap().clone()
    }
}

/// The most turns in a row without one of `priority`.
fn longest_without(turns: &[Priority], priority: Priority) -> usize {
    let gaps = turns.split(|turn| *turn == priority).map(<[_]>::len);
    gaps.max().unwrap_or(0)
}

/// `each` of each priority: the high ones, then the normal ones, then the low ones, but for the turns that
/// the others are owed.
#[track_caller]
fn assert_sorted(turns: &[Priority], each: usize) {
    assert_eq!(turns.len(), 3 * each);
    let count = |range: &[Priority], priority| range.iter().filter(|p| **p == priority).count();
    let owed = 3 + each / 4;
    let (first, last) = (&turns[..each], &turns[2 * each..]);
    assert!(count(first, Priority::High) >= each - owed, "{turns:?}");
    assert!(count(last, Priority::Low) >= each - owed, "{turns:?}");
    assert!(turns[..each / 2].contains(&Priority::High));
    assert_ne!(turns[0], Priority::Low, "{turns:?}");
}

#[test]
fn not_started_ones_start_in_order_of_priority() {
    watched(|| {
        let log = Log::default();
        let seen = log.clone();
        workers(1).run(move || {
            let children: Vec<_> = (0..300)
                .map(|i| {
                    let (log, priority) = (log.clone(), ALL[i % 3]);
                    of(priority).spawn(move || log.note(priority)).unwrap()
                })
                .collect();
            children.into_iter().for_each(|child| child.join().unwrap());
        });
        assert_sorted(&seen.turns(), 100);
    });
}

#[test]
fn those_that_are_woken_go_on_in_order_of_priority() {
    watched(|| {
        let log = Log::default();
        let seen = log.clone();
        workers(1).run(move || {
            let (gate, opens) = channel::bounded::<()>(0);
            let (tx, ready) = channel::unbounded();
            let waiting: Vec<_> = (0..60)
                .map(|i| {
                    let (log, opens, tx) = (log.clone(), opens.clone(), tx.clone());
                    let priority = ALL[i % 3];
                    let body = move || {
                        tx.send(()).unwrap();
                        assert!(opens.recv().is_err());
                        log.note(priority);
                    };
                    of(priority).spawn(body).unwrap()
                })
                .collect();
            waiting.iter().for_each(|_| ready.recv().unwrap());
            drop(gate);
            waiting.into_iter().for_each(|child| child.join().unwrap());
        });
        assert_sorted(&seen.turns(), 20);
    });
}

#[test]
fn those_from_outside_start_in_order_of_priority() {
    watched(|| {
        for place in [Place::Near, Place::Spread] {
            let (log, runtime) = (Log::default(), workers(1));
            let hog = Hog::on(&runtime, Builder::new());
            let spawned: Vec<_> = (0..60)
                .map(|i| {
                    let (log, priority) = (log.clone(), ALL[i % 3]);
                    let builder = of(priority).place(place);
                    let body = move || log.note(priority);
                    runtime.spawn_with(builder, body).unwrap()
                })
                .collect();
            hog.end();
            spawned.into_iter().for_each(|child| child.join().unwrap());
            assert_sorted(&log.turns(), 20);
        }
    });
}

/// A routine that keeps its worker.
struct Hog {
    holds: Arc<AtomicBool>,
    handle: routine::JoinHandle<()>,
}

impl Hog {
    fn on(runtime: &Runtime, builder: Builder) -> Hog {
        let (holds, started) = (Arc::new(AtomicBool::new(true)), channel::bounded(1));
        let (seen, tx) = (holds.clone(), started.0);
        let body = move || {
            tx.send(()).unwrap();
            while seen.load(Ordering::Acquire) {
                hint::spin_loop();
            }
        };
        let handle = runtime.spawn_with(builder, body).unwrap();
        started.1.recv().unwrap();
        Hog { holds, handle }
    }

    fn end(self) {
        self.holds.store(false, Ordering::Release);
        self.handle.join().unwrap();
    }
}

/// One worker is held, the other has spawned and goes on computing: what the first takes, it takes in order.
#[test]
fn a_thief_takes_high_ones_first_and_low_ones_last() {
    watched(|| {
        let (log, runtime) = (Log::default(), workers(2));
        let hog = Hog::on(&runtime, Builder::new());
        let left = Arc::new(AtomicUsize::new(61));
        let (tx, spawned) = channel::bounded(1);
        let (seen, noted) = (left.clone(), log.clone());
        let parent = runtime.spawn(move || {
            for i in 0..60 {
                let (log, left, priority) = (noted.clone(), seen.clone(), ALL[i % 3]);
                let body = move || {
                    log.note(priority);
                    left.fetch_sub(1, Ordering::AcqRel);
                };
                drop(of(priority).spawn(body).unwrap());
            }
            tx.send(()).unwrap();
            seen.fetch_sub(1, Ordering::AcqRel);
            while seen.load(Ordering::Acquire) > 0 {
                hint::spin_loop();
            }
        });
        spawned.recv().unwrap();
        hog.end();
        parent.join().unwrap();
        let turns = log.turns();
        assert_sorted(&turns, 20);
    });
}

/// All of them always want to run: each gets its turns, and high ones most of them.
#[test]
fn nobody_starves() {
    const TURNS: usize = 4000;
    watched(|| {
        let log = Log::default();
        let seen = log.clone();
        workers(1).run(move || {
            let over = Arc::new(AtomicBool::new(false));
            let busy: Vec<_> = [0, 1, 1, 2, 2, 2]
                .map(|i| {
                    let (log, over, priority) = (log.clone(), over.clone(), ALL[i]);
                    let body = move || {
                        while !over.load(Ordering::Relaxed) {
                            log.note(priority);
                            if log.0.lock().unwrap().len() >= TURNS {
                                over.store(true, Ordering::Relaxed);
                            }
                            routine::yield_now();
                        }
                    };
                    of(priority).spawn(body).unwrap()
                })
                .into_iter()
                .collect();
            busy.into_iter().for_each(|child| child.join().unwrap());
        });
        let turns = seen.turns();
        let turns = &turns[100..TURNS];
        assert!(longest_without(turns, Priority::Low) < 64);
        assert!(longest_without(turns, Priority::Normal) < 16);
        let high = turns.iter().filter(|p| **p == Priority::High).count();
        assert!(
            high * 8 > turns.len() * 6,
            "{high} of {} turns",
            turns.len()
        );
    });
}

/// The oldest of the normal ones that have not started, below a chain in which each starts the next, has its turn beside a
/// high one too, whenever that has come.
#[test]
fn the_oldest_normal_one_starts_beside_a_busy_high_one() {
    const LINKS: usize = 20_000;
    fn link(links: Arc<AtomicUsize>) {
        if links.fetch_add(1, Ordering::Relaxed) < LINKS {
            drop(routine::spawn(move || link(links)));
        }
    }
    watched(|| {
        for turns_before in 0..8 {
            let runtime = workers(1);
            (0..turns_before).for_each(|_| runtime.spawn(|| ()).join().unwrap());
            let links = Arc::new(AtomicUsize::new(0));
            let (busy, chain, counts) = (links.clone(), links.clone(), links);
            let oldest = runtime.spawn(move || {
                let high = move || {
                    while busy.load(Ordering::Relaxed) < LINKS {
                        routine::yield_now();
                    }
                };
                drop(of(Priority::High).spawn(high).unwrap());
                let oldest = routine::spawn(move || counts.load(Ordering::Relaxed));
                drop(routine::spawn(move || link(chain)));
                oldest
            });
            let links = oldest.join().unwrap().join().unwrap();
            assert!(
                links < LINKS,
                "after {turns_before} turns: not before the end"
            );
        }
    });
}

/// One of low priority that has not started, beside those that never stop: it starts, soon. The same for
/// those that wait for the clock, and are ready at some moment among them.
#[test]
fn low_ones_start_and_wake_beside_busy_high_ones() {
    watched(|| {
        for count in [1, 2] {
            let runtime = workers(count);
            let over = Arc::new(AtomicBool::new(false));
            let turns = Arc::new(AtomicUsize::new(0));
            let busy: Vec<_> = (0..2 * count)
                .map(|_| {
                    let (over, turns) = (over.clone(), turns.clone());
                    let body = move || {
                        while !over.load(Ordering::Relaxed) {
                            turns.fetch_add(1, Ordering::Relaxed);
                            routine::yield_now();
                        }
                    };
                    runtime.spawn_with(of(Priority::High), body).unwrap()
                })
                .collect();
            for place in [Place::Near, Place::Spread] {
                let builder = of(Priority::Low).place(place);
                let low = runtime.spawn_with(builder, || {
                    routine::sleep(Duration::from_micros(100));
                    let child = of(Priority::Low).spawn(|| ()).unwrap();
                    child.join().unwrap();
                });
                low.unwrap().join().unwrap();
            }
            over.store(true, Ordering::Relaxed);
            busy.into_iter().for_each(|child| child.join().unwrap());
            assert!(turns.load(Ordering::Relaxed) > 0);
        }
    });
}

#[test]
fn a_routine_may_change_its_own_and_hands_nothing_on() {
    workers(1).run(|| {
        assert_eq!(routine::priority(), Priority::Normal);
        let low = of(Priority::Low).spawn(|| {
            let before = routine::priority();
            let child = routine::spawn(routine::priority).join().unwrap();
            routine::set_priority(Priority::High);
            routine::yield_now();
            (before, child, routine::priority())
        });
        let seen = low.unwrap().join().unwrap();
        assert_eq!(seen, (Priority::Low, Priority::Normal, Priority::High));
        let restarted = of(Priority::Low).spawn(|| -> Priority {
            routine::set_priority(Priority::High);
            routine::restart(routine::priority)
        });
        assert_eq!(restarted.unwrap().join().unwrap(), Priority::Low);
    });
    assert_eq!(routine::priority(), Priority::Normal, "of a thread");
    assert!(panic::catch_unwind(|| routine::set_priority(Priority::Low)).is_err());
}

/// From now on it comes first, or last.
#[test]
fn a_change_takes_effect() {
    watched(|| {
        let log = Log::default();
        let seen = log.clone();
        workers(1).run(move || {
            let children: Vec<_> = (0..60)
                .map(|i| {
                    let (log, priority) = (log.clone(), ALL[i % 3]);
                    routine::spawn(move || {
                        routine::set_priority(priority);
                        routine::yield_now();
                        log.note(priority);
                    })
                })
                .collect();
            // All of them have started when this has its turn again.
            routine::set_priority(Priority::Low);
            routine::yield_now();
            children.into_iter().for_each(|child| child.join().unwrap());
        });
        let turns = seen.turns();
        let last_high = turns.iter().rposition(|p| *p == Priority::High).unwrap();
        let low_before = turns[..last_high]
            .iter()
            .filter(|p| **p == Priority::Low)
            .count();
        assert!(low_before <= 3, "{turns:?}");
    });
}

/// One at a time, with workers that fall asleep in between: none is left lying.
#[test]
fn none_is_lost() {
    watched(|| {
        for count in [1, 4] {
            let runtime = workers(count);
            for i in 0..600 {
                let place = [Place::Near, Place::Spread][i / 3 % 2];
                let one = runtime.spawn_with(of(ALL[i % 3]).place(place), move || {
                    let children = ALL.map(|priority| of(priority).spawn(move || i).unwrap());
                    children.map(|child| child.join().unwrap())
                });
                assert_eq!(one.unwrap().join().unwrap(), [i; 3]);
            }
        }
    });
}

/// What is ready but has not run when the runtime ends is cancelled with the others.
#[test]
fn a_shutdown_ends_all() {
    watched(|| {
        let runtime = workers(2);
        let (tx, ready) = channel::unbounded();
        let all: Vec<_> = (0..90)
            .map(|i| {
                let tx = tx.clone();
                let body = move || {
                    tx.send(()).unwrap();
                    loop {
                        routine::yield_now();
                    }
                };
                runtime.spawn_with(of(ALL[i % 3]), body).unwrap()
            })
            .collect();
        all.iter().for_each(|_| ready.recv().unwrap());
        drop(runtime);
        for handle in all {
            assert!(matches!(handle.join(), Err(routine::JoinError::Cancelled)));
        }
    });
}
