//! Streams of values through channels. tokio's mpsc has one receiver, so there is no four to four, and no channel without
//! a buffer: a capacity of one stands for it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use ::tokio::sync::{mpsc, watch};

use super::count::Count;
use crate::sample::Sample;
use crate::sides::work::{BUFFER, check_range, closings, nth_prime, warm_up};

/// Sends and receives in one task.
pub(crate) fn pair(n: u64) -> Sample {
    super::run(async move {
        let (tx, mut rx) = mpsc::channel(BUFFER);
        let mut pairs = async |n: u64| {
            let mut sum = 0;
            for i in 0..n {
                tx.send(i).await.expect("there is a receiver");
                sum += rx.recv().await.expect("there is a value");
            }
            sum
        };
        black_box(pairs(warm_up(n, 1)).await);
        let start = Instant::now();
        let sum = pairs(n).await;
        let elapsed = start.elapsed();
        check_range(1, n, sum);
        Sample::per_unit(elapsed, n)
    })
}

/// With the smallest buffer there is.
pub(crate) fn unbuffered(n: u64) -> Sample {
    one_to_one(n, 1)
}

/// With a buffer.
pub(crate) fn buffered(n: u64) -> Sample {
    one_to_one(n, BUFFER)
}

fn one_to_one(n: u64, capacity: usize) -> Sample {
    super::run(async move {
        stream(warm_up(n, 1), capacity).await;
        Sample::per_unit(stream(n, capacity).await, n)
    })
}

async fn stream(n: u64, capacity: usize) -> Duration {
    let (tx, mut rx) = mpsc::channel(capacity);
    let consumer = ::tokio::spawn(async move {
        let mut sum = 0;
        while let Some(value) = rx.recv().await {
            sum += value;
        }
        sum
    });
    let start = Instant::now();
    for i in 0..n {
        tx.send(i).await.expect("the consumer is there");
    }
    drop(tx);
    let sum = consumer.await.expect("the consumer ends without a panic");
    let elapsed = start.elapsed();
    check_range(1, n, sum);
    elapsed
}

/// The first `n` primes.
pub(crate) fn sieve(n: u64) -> Sample {
    super::run(async move {
        primes(warm_up(n, 1)).await;
        let (elapsed, last) = primes(n).await;
        assert_eq!(last, nth_prime(n), "the sieve lets something else through");
        Sample::millis(elapsed)
    })
}

/// The time until the `n`-th prime, and that. Then all filters end, for nobody receives any more.
async fn primes(n: u64) -> (Duration, u64) {
    let mut tasks = Vec::new();
    let start = Instant::now();
    let (tx, mut numbers) = mpsc::channel(1);
    tasks.push(::tokio::spawn(async move {
        let mut next = 2;
        while tx.send(next).await.is_ok() {
            next += 1;
        }
    }));
    let mut prime = 0;
    for _ in 0..n {
        prime = numbers.recv().await.expect("there is always another prime");
        let (tx, rest) = mpsc::channel(1);
        tasks.push(::tokio::spawn(filter(numbers, tx, prime)));
        numbers = rest;
    }
    let elapsed = start.elapsed();
    drop(numbers);
    for task in tasks {
        task.await.expect("a filter ends without a panic");
    }
    (elapsed, prime)
}

/// Passes on what `prime` does not divide, until nobody wants it.
async fn filter(mut numbers: mpsc::Receiver<u64>, tx: mpsc::Sender<u64>, prime: u64) {
    while let Some(i) = numbers.recv().await {
        if i % prime != 0 && tx.send(i).await.is_err() {
            return;
        }
    }
}

/// Closes a watch channel, the one of tokio's that many can wait for, as often as needed to wake `n` in all.
pub(crate) fn close_wakes(n: u64) -> Sample {
    let (times, waiting) = closings(n);
    super::run(async move {
        close_on(waiting).await;
        let mut elapsed = Duration::ZERO;
        for _ in 0..times {
            elapsed += close_on(waiting).await;
        }
        Sample::per_unit(elapsed, times * waiting)
    })
}

/// The time from the close until the last of `n` has gone on.
async fn close_on(n: u64) -> Duration {
    static COMING: Count = Count::new();
    static STAYING: Count = Count::new();
    COMING.set(n);
    STAYING.set(n);
    let (gate, closed) = watch::channel(());
    for _ in 0..n {
        let mut closed = closed.clone();
        ::tokio::spawn(async move {
            COMING.down();
            closed
                .changed()
                .await
                .expect_err("nothing is sent, it is closed");
            STAYING.down();
        });
    }
    COMING.wait().await;
    let start = Instant::now();
    drop(gate);
    STAYING.wait().await;
    start.elapsed()
}
