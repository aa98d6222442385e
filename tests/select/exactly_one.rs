//! B15: exactly one arm takes effect, however many become ready at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rust_routines::channel::{self, Receiver, Sender};
use rust_routines::runtime::Runtime;
use rust_routines::select;
use rust_routines_tests::watched;

use super::workers;

/// A side, on a routine or on a plain thread.
fn start<T: Send + 'static>(
    runtime: &Runtime,
    on_thread: bool,
    body: impl FnOnce() -> T + Send + 'static,
) -> Box<dyn FnOnce() -> T> {
    if on_thread {
        let thread = std::thread::spawn(body);
        Box::new(|| thread.join().unwrap())
    } else {
        let routine = runtime.spawn(body);
        Box::new(|| routine.join().unwrap())
    }
}

/// Senders that select over three channels, and receivers that select over the same three: what was
/// sent is what was received, each value once.
fn selects_face_selects(runtime: &Runtime, capacity: usize, with_threads: bool) {
    const SIDES: u64 = 4;
    const EACH: u64 = 400;
    let ends: Vec<(Sender<u64>, Receiver<u64>)> =
        (0..3).map(|_| channel::bounded(capacity)).collect();
    let sends: Vec<_> = (0..SIDES)
        .map(|side| {
            let [a, b, c] = [0, 1, 2].map(|i| ends[i].0.clone());
            start(runtime, with_threads && side % 2 == 0, move || {
                for i in 0..EACH {
                    let value = side * EACH + i;
                    let mut slot = Some(value);
                    select! {
                        sent = a.send(value) => sent.unwrap(),
                        sent = b.send(value) => sent.unwrap(),
                        sent = c.send_from(&mut slot) => {
                            sent.unwrap();
                            assert_eq!(slot, None);
                        }
                    }
                }
            })
        })
        .collect();
    let receives: Vec<_> = (0..SIDES)
        .map(|side| {
            let [a, b, c] = [0, 1, 2].map(|i| ends[i].1.clone());
            start(runtime, with_threads && side % 2 == 1, move || {
                let next = |_| {
                    select! {
                        value = c.recv() => value.unwrap(),
                        value = b.recv() => value.unwrap(),
                        value = a.recv() => value.unwrap(),
                        value = b.recv() => value.unwrap(),
                    }
                };
                (0..EACH).map(next).collect::<Vec<u64>>()
            })
        })
        .collect();
    sends.into_iter().for_each(|send| send());
    let mut all: Vec<u64> = receives.into_iter().flat_map(|receive| receive()).collect();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..SIDES * EACH), "each value once");
    assert!(ends.iter().all(|(_, receiver)| receiver.is_empty()));
}

#[test]
fn b15_selects_that_face_selects() {
    watched(|| {
        for workers_of in [1, 2, 4] {
            let runtime = workers(workers_of);
            for capacity in [0, 1, 5] {
                for with_threads in [false, true] {
                    selects_face_selects(&runtime, capacity, with_threads);
                }
            }
        }
    });
}

/// Several senders, each on a channel of its own, race for one select: those that lost keep their values.
#[test]
fn b15_senders_race_for_one_select() {
    watched(|| {
        let runtime = workers(4);
        let ends: Vec<_> = (0..4).map(|_| channel::bounded(0)).collect();
        let taken = Arc::new(AtomicU64::new(0));
        for round in 0..500_u64 {
            let start = Arc::new(std::sync::Barrier::new(3));
            let tries: Vec<_> = (0..2)
                .map(|i| {
                    let (sender, start) = (ends[i].0.clone(), start.clone());
                    std::thread::spawn(move || {
                        start.wait();
                        sender.try_send(round).is_ok()
                    })
                })
                .collect();
            let receivers: Vec<_> = ends.iter().map(|(_, receiver)| receiver.clone()).collect();
            let (give_up, given_up) = channel::bounded::<()>(1);
            let taken = taken.clone();
            let waits = runtime.spawn(move || {
                let value = select! {
                    value = receivers[0].recv() => value,
                    value = receivers[1].recv() => value,
                    value = receivers[2].recv() => value,
                    given_up.recv() => return 0,
                };
                assert_eq!(value, Ok(round));
                taken.fetch_add(1, Ordering::Relaxed);
                1
            });
            start.wait();
            let sent = tries
                .into_iter()
                .filter_map(|t| t.join().unwrap().then_some(()))
                .count();
            assert!(sent <= 1, "one select, one value");
            drop(give_up);
            // The select either took what was sent, or was told to give up.
            assert_eq!(waits.join().unwrap(), sent, "round {round}");
        }
    });
}

/// A sieve whose stages each select between their input and a stop, closed under way.
#[test]
fn b15_a_pipeline_that_is_stopped_under_way() {
    watched(|| {
        for workers_of in [1, 2, 4] {
            let runtime = workers(workers_of);
            let (stop, stopped) = channel::bounded::<()>(0);
            let (first, mut previous) = channel::bounded(0);
            let stages: Vec<_> = (0..20)
                .map(|_| {
                    let (sender, receiver) = channel::bounded(0);
                    let input = std::mem::replace(&mut previous, receiver);
                    let stopped = stopped.clone();
                    runtime.spawn(move || {
                        loop {
                            let value: u64 = select! {
                                value = input.recv() => match value {
                                    Ok(value) => value,
                                    Err(_) => return,
                                },
                                stopped.recv() => return,
                            };
                            select! {
                                sent = sender.send(value + 1) => if sent.is_err() { return },
                                stopped.recv() => return,
                            }
                        }
                    })
                })
                .collect();
            let feeds = runtime.spawn(move || (0..).take_while(|&i| first.send(i).is_ok()).count());
            for i in 0..200 {
                assert_eq!(previous.recv(), Ok(i + 20));
            }
            drop(stop);
            for stage in stages {
                stage.join().unwrap();
            }
            assert!(feeds.join().unwrap() >= 200);
            let left: Vec<u64> = previous.iter().collect();
            assert!(left.len() <= 1, "{left:?}");
        }
    });
}
