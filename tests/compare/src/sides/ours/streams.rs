//! Streams of values through channels: alone, one to one, four to four, a chain of filters; and the end of a stream for
//! very many at once.

use std::hint::black_box;
use std::time::{Duration, Instant};

use rust_routines::channel::{self, Receiver};
use rust_routines::routine;
use rust_routines::sync::WaitGroup;

use super::homes::{self, Placed};
use crate::sample::Sample;
use crate::sides::work::{BUFFER, FOURS, check_range, closings, nth_prime, warm_up};

/// A consumer: boxed, because how it is placed is a parameter. It returns the sum of what came.
type Consumer = Box<dyn FnOnce() -> u64 + Send>;

/// Sends and receives in one routine.
pub(crate) fn pair(n: u64) -> Sample {
    super::run(|| {
        let (tx, rx) = channel::bounded(BUFFER);
        let pairs = |n: u64| -> u64 {
            let pair = |i| {
                tx.send(i).expect("there is a receiver");
                rx.recv().expect("there is a value")
            };
            (0..n).map(pair).sum()
        };
        black_box(pairs(warm_up(n, 1)));
        let start = Instant::now();
        let sum = pairs(n);
        let elapsed = start.elapsed();
        check_range(1, n, sum);
        Sample::per_unit(elapsed, n)
    })
}

/// Without a buffer, at one home.
pub(crate) fn unbuffered_near(n: u64) -> Sample {
    one_to_one(n, 0, homes::here)
}

/// Without a buffer, at two homes.
pub(crate) fn unbuffered_across(n: u64) -> Sample {
    one_to_one(n, 0, homes::elsewhere)
}

/// With a buffer, at one home.
pub(crate) fn buffered_near(n: u64) -> Sample {
    one_to_one(n, BUFFER, homes::here)
}

/// With a buffer, at two homes.
pub(crate) fn buffered_across(n: u64) -> Sample {
    one_to_one(n, BUFFER, homes::elsewhere)
}

fn one_to_one(n: u64, capacity: usize, place: fn(Consumer) -> Placed<u64>) -> Sample {
    let stream = move |n: u64| {
        let (tx, rx) = channel::bounded(capacity);
        let consumer = place(Box::new(move || rx.iter().sum()));
        let start = Instant::now();
        for i in 0..n {
            tx.send(i).expect("the consumer is there");
        }
        drop(tx);
        let sum = consumer.join();
        let elapsed = start.elapsed();
        check_range(1, n, sum);
        elapsed
    };
    super::run(|| {
        stream(warm_up(n, 1));
        Sample::per_unit(stream(n), n)
    })
}

/// Four to four, all of them at one home.
pub(crate) fn fours_near(n: u64) -> Sample {
    four_to_four(n, homes::here)
}

/// Four to four, the consumers at another home.
pub(crate) fn fours_across(n: u64) -> Sample {
    four_to_four(n, homes::elsewhere)
}

fn four_to_four(n: u64, place: fn(Consumer) -> Placed<u64>) -> Sample {
    super::run(|| {
        four_streams(warm_up(n, FOURS), place);
        Sample::per_unit(four_streams(n, place), n)
    })
}

/// The time from the producers' start until the consumers have ended.
fn four_streams(n: u64, place: fn(Consumer) -> Placed<u64>) -> Duration {
    let share = n / FOURS;
    let (tx, rx) = channel::bounded(BUFFER);
    let (gate, opened) = channel::bounded::<()>(0);
    // First the producers: then the other home is the one with fewer routines, where Spread puts the consumers.
    let producers: Vec<_> = (0..FOURS)
        .map(|_| {
            let (tx, opened) = (tx.clone(), opened.clone());
            homes::here(move || {
                opened
                    .recv()
                    .expect_err("nothing is sent, the gate opens by being dropped");
                for value in 0..share {
                    tx.send(value).expect("the consumers are there");
                }
            })
        })
        .collect();
    let consumers: Vec<_> = (0..FOURS)
        .map(|_| {
            let rx = rx.clone();
            place(Box::new(move || rx.iter().sum()))
        })
        .collect();
    drop((tx, rx));
    let start = Instant::now();
    drop(gate);
    let sum = consumers.into_iter().map(Placed::join).sum();
    let elapsed = start.elapsed();
    producers.into_iter().for_each(Placed::join);
    check_range(FOURS, share, sum);
    elapsed
}

/// The first `n` primes.
pub(crate) fn sieve(n: u64) -> Sample {
    super::run(|| {
        primes(warm_up(n, 1));
        let (elapsed, last) = primes(n);
        assert_eq!(last, nth_prime(n), "the sieve lets something else through");
        Sample::millis(elapsed)
    })
}

/// The time until the `n`-th prime, and that. Then all filters end, for nobody receives any more.
fn primes(n: u64) -> (Duration, u64) {
    let mut routines = Vec::new();
    let start = Instant::now();
    let (tx, mut numbers) = channel::bounded(0);
    routines.push(routine::spawn(move || {
        let mut numbers = 2..;
        while numbers.next().is_some_and(|i| tx.send(i).is_ok()) {}
    }));
    let mut prime = 0;
    for _ in 0..n {
        prime = numbers.recv().expect("there is always another prime");
        let (tx, rest) = channel::bounded(0);
        routines.push(routine::spawn(move || {
            filter(&numbers, prime, |i| tx.send(i).is_ok())
        }));
        numbers = rest;
    }
    let elapsed = start.elapsed();
    drop(numbers);
    for routine in routines {
        routine.join().expect("a filter ends without a panic");
    }
    (elapsed, prime)
}

/// Passes on what `prime` does not divide, until nobody wants it.
fn filter(numbers: &Receiver<u64>, prime: u64, pass_on: impl Fn(u64) -> bool) {
    while let Ok(i) = numbers.recv() {
        if i % prime != 0 && !pass_on(i) {
            return;
        }
    }
}

/// Closes a channel that many wait for, as often as needed to wake `n` in all.
pub(crate) fn close_wakes(n: u64) -> Sample {
    let (times, waiting) = closings(n);
    super::run(|| {
        close_on(waiting);
        let elapsed = (0..times).map(|_| close_on(waiting)).sum();
        Sample::per_unit(elapsed, times * waiting)
    })
}

/// The time from the close until the last of `n` has gone on.
fn close_on(n: u64) -> Duration {
    static COMING: WaitGroup = WaitGroup::new();
    static STAYING: WaitGroup = WaitGroup::new();
    COMING.add(n as isize);
    STAYING.add(n as isize);
    let (gate, closed) = channel::bounded::<()>(0);
    for _ in 0..n {
        let closed = closed.clone();
        routine::spawn(move || {
            COMING.done();
            closed.recv().expect_err("nothing is sent, it is closed");
            STAYING.done();
        });
    }
    COMING.wait();
    let start = Instant::now();
    gate.close();
    STAYING.wait();
    start.elapsed()
}
