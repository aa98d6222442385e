//! Sleeping: never early, in order.

use std::sync::Arc;

use rust_routines::sync::Mutex;
use rust_routines::time::{self, Duration, Instant};
use rust_routines::{channel, routine};
use rust_routines_tests::watched;

use super::{MOMENT, on_both, workers};

#[test]
fn nobody_wakes_early() {
    watched(|| {
        let runtime = workers(2);
        let sleeping: Vec<_> = (0..2000_u64)
            .map(|i| {
                runtime.spawn(move || {
                    let length = Duration::from_nanos(i * 7_919_333 % 20_000_000);
                    let deadline = Instant::now() + length;
                    time::sleep(length);
                    assert!(Instant::now() >= deadline);
                    time::sleep_until(deadline + Duration::from_micros(i % 50));
                    assert!(Instant::now() >= deadline + Duration::from_micros(i % 50));
                })
            })
            .collect();
        sleeping.into_iter().for_each(|it| it.join().unwrap());
    });
}

/// What 1000 routines of one worker noted before and after they slept, each until the moment that `f`
/// gives for its number. Again, and later, if not all of them were asleep before the first of these.
fn slept(f: impl Fn(Instant, u64) -> Instant + Copy + Send + Sync + 'static) -> [Vec<u64>; 2] {
    workers(1).run(|| {
        for attempt in 1.. {
            let (before, after) = (Arc::new(Mutex::new(vec![])), Arc::new(Mutex::new(vec![])));
            let first = Instant::now() + attempt * Duration::from_millis(20);
            let sleeping: Vec<_> = (0..1000)
                .map(|i| {
                    let (before, after) = (before.clone(), after.clone());
                    routine::spawn(move || {
                        before.lock().push(i);
                        let in_time = Instant::now() < first;
                        time::sleep_until(f(first, i));
                        after.lock().push(i);
                        in_time
                    })
                })
                .collect();
            let in_time: Vec<bool> = sleeping.into_iter().map(|it| it.join().unwrap()).collect();
            if !in_time.contains(&false) {
                return [&before, &after].map(|order| order.lock().clone());
            }
        }
        unreachable!()
    })
}

/// Those with one deadline wake in the order in which they fell asleep.
#[test]
fn equal_deadlines_keep_their_order() {
    watched(|| {
        let [before, after] = slept(|first, _| first);
        assert!(!before.is_sorted(), "the order of spawning shows nothing");
        assert!(before == after, "{before:?} {after:?}");
    });
}

/// Other deadlines: in their order, however they fell asleep and however near they are.
#[test]
fn the_earlier_deadline_wakes_first() {
    watched(|| {
        let number = |i| i * 619 % 1000;
        let [_, after] = slept(move |first, i| first + Duration::from_nanos(number(i) * 777));
        let order: Vec<u64> = after.into_iter().map(number).collect();
        assert!(order.is_sorted(), "{order:?}");
    });
}

/// D22: what has passed needs no wait.
#[test]
fn the_past_is_no_wait() {
    watched(|| {
        on_both(|| {
            time::sleep(Duration::ZERO);
            time::sleep_until(Instant::now() - MOMENT);
        });
        let runtime = workers(1);
        let switches = || -> u64 { runtime.metrics().workers.iter().map(|w| w.switches).sum() };
        let slept = runtime.run(|| {
            let before = switches();
            for _ in 0..100 {
                time::sleep_until(Instant::now() - MOMENT);
            }
            switches() - before
        });
        assert_eq!(slept, 0);
    });
}

/// Too short to wait for, but a loop around it lets others go.
#[test]
fn the_shortest_sleep_is_a_turn() {
    watched(|| {
        workers(1).run(|| {
            let (tx, rx) = channel::bounded(1);
            routine::spawn(move || {
                routine::yield_now();
                tx.send(()).unwrap();
            });
            while rx.try_recv().is_err() {
                time::sleep(Duration::from_nanos(1));
            }
        });
    });
}
