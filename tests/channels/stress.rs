//! Many at once.

use std::collections::HashMap;

use rust_routines::channel;
use rust_routines::routine;
use rust_routines::time::Duration;
use rust_routines_tests::watched;

use super::{On, start, workers};

/// Each value is received once, and those of one sender in order by whoever receives them.
#[test]
fn many_senders_and_many_receivers() {
    const SENDERS: u64 = 12;
    const RECEIVERS: u64 = 9;
    const EACH: u64 = 1000;
    watched(|| {
        let runtime = workers(4);
        for capacity in [0, 1, 100] {
            let (sender, receiver) = channel::bounded(capacity);
            // Every third side is a plain thread.
            let on = |i: u64| match i % 3 {
                0 => On::Thread,
                _ => On::Routine,
            };
            let sends: Vec<_> = (0..SENDERS)
                .map(|s| {
                    let sender = sender.clone();
                    start(&runtime, on(s), move || {
                        (0..EACH).for_each(|i| sender.send((s, i)).unwrap());
                    })
                })
                .collect();
            drop(sender);
            let receives: Vec<_> = (0..RECEIVERS)
                .map(|r| {
                    let receiver = receiver.clone();
                    start(&runtime, on(r + 1), move || {
                        let mut got = Vec::new();
                        while let Ok(value) = receiver.recv() {
                            got.push(value);
                        }
                        got
                    })
                })
                .collect();
            sends.into_iter().for_each(super::Side::join);
            let mut times: HashMap<(u64, u64), u32> = HashMap::new();
            for receive in receives {
                let mut last: HashMap<u64, u64> = HashMap::new();
                for (s, i) in receive.join() {
                    let before = last.insert(s, i);
                    assert!(before.is_none_or(|before| before < i), "out of order");
                    *times.entry((s, i)).or_default() += 1;
                }
            }
            assert_eq!(times.len() as u64, SENDERS * EACH);
            assert!(times.values().all(|&n| n == 1));
        }
    });
}

/// A token that goes round: one wake for each hop, over workers and within one.
#[test]
fn a_ring_of_routines() {
    const RING: u64 = 100;
    watched(|| {
        for workers_of in [1, 4] {
            let runtime = workers(workers_of);
            let (first, mut previous) = channel::bounded(0);
            for _ in 1..RING {
                let (sender, receiver) = channel::bounded(0);
                runtime.spawn(move || {
                    while let Ok(n) = previous.recv() {
                        sender.send(n + 1_u64).unwrap();
                    }
                });
                previous = receiver;
            }
            let rounds = runtime.run(move || {
                for round in 0..50 {
                    first.send(round * RING).unwrap();
                    assert_eq!(previous.recv(), Ok(round * RING + RING - 1));
                }
                50
            });
            assert_eq!(rounds, 50);
        }
    });
}

/// Numbers sifted by a chain of routines that grows: the classic.
#[test]
fn a_prime_sieve() {
    watched(|| {
        let runtime = workers(2);
        let primes = runtime.run(|| {
            let (numbers, mut sieve) = channel::bounded(0);
            routine::spawn(move || (2_u32..).find(|&n| numbers.send(n).is_err()));
            let mut primes = Vec::new();
            for _ in 0..100 {
                let prime = sieve.recv().unwrap();
                primes.push(prime);
                let (passed, next) = channel::bounded(0);
                routine::spawn(move || {
                    while let Ok(n) = sieve.recv() {
                        if n % prime != 0 && passed.send(n).is_err() {
                            return;
                        }
                    }
                });
                sieve = next;
            }
            primes
        });
        assert_eq!(primes[..8], [2, 3, 5, 7, 11, 13, 17, 19]);
        assert_eq!(primes[99], 541);
    });
}

/// Receivers that give up, over and over, among those that stay.
#[test]
fn time_outs_in_a_crowd() {
    watched(|| {
        let runtime = workers(4);
        let (sender, receiver) = channel::bounded(0);
        let receives: Vec<_> = (0..20_u64)
            .map(|r| {
                let receiver = receiver.clone();
                runtime.spawn(move || {
                    let mut got = 0_u64;
                    loop {
                        let timeout = Duration::from_micros(1 + r * 10);
                        match receiver.recv_timeout(timeout) {
                            Ok(()) => got += 1,
                            Err(channel::RecvTimeoutError::Timeout) => {}
                            Err(channel::RecvTimeoutError::Disconnected) => return got,
                        }
                    }
                })
            })
            .collect();
        let sends: Vec<_> = (0..4)
            .map(|_| {
                let sender = sender.clone();
                runtime.spawn(move || (0..2000).for_each(|_| sender.send(()).unwrap()))
            })
            .collect();
        drop(sender);
        for send in sends {
            send.join().unwrap();
        }
        let got = receives.into_iter().map(|receive| receive.join().unwrap());
        assert_eq!(got.sum::<u64>(), 8000);
    });
}

/// Receivers that time out or are cancelled while the channel is closed under them, many at once: each
/// is woken once, and out of the queue.
#[test]
fn time_outs_and_cancellation_race_with_a_close() {
    watched(|| {
        let staying = workers(2);
        for round in 0..200_u64 {
            let cancelled = workers(2);
            let (sender, receiver) = channel::bounded::<u64>(round as usize % 2);
            let receives: Vec<_> = (0..12_u64)
                .map(|i| {
                    let receiver = receiver.clone();
                    let on = [On::Thread, On::Routine][usize::from(i % 4 > 0)];
                    let body = move || receiver.recv_timeout(Duration::from_micros(60 + i * 5));
                    match i % 3 {
                        0 => {
                            cancelled.spawn(body);
                            None
                        }
                        _ => Some(start(&staying, on, body)),
                    }
                })
                .collect();
            let closes = staying.spawn(move || {
                routine::sleep(Duration::from_micros(round % 100));
                sender.close()
            });
            drop(cancelled);
            for receive in receives.into_iter().flatten() {
                let error = receive.join().unwrap_err();
                assert!(error.is_timeout() || error.is_disconnected());
            }
            assert!(closes.join().unwrap());
            assert!(receiver.recv().is_err());
        }
    });
}
