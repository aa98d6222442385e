//! Receiving for a limited time.

use std::time::Instant;

use rust_routines::channel::{self, RecvTimeoutError};
use rust_routines::routine;
use rust_routines::time::Duration;
use rust_routines_tests::{LIMIT, watched};

use super::{On, PAIRS, start, workers};

#[test]
fn it_waits_as_long_as_it_says() {
    watched(|| {
        let runtime = workers(1);
        for on in [On::Routine, On::Thread] {
            let (_sender, receiver) = channel::bounded::<u32>(1);
            let receives = start(&runtime, on, move || {
                let start = Instant::now();
                let received = receiver.recv_timeout(Duration::from_millis(20));
                assert_eq!(received, Err(RecvTimeoutError::Timeout));
                start.elapsed()
            });
            assert!(receives.join() >= Duration::from_millis(20));
        }
    });
}

#[test]
fn a_value_that_is_there_or_comes_ends_the_wait() {
    watched(|| {
        let runtime = workers(2);
        for (sending, receiving) in PAIRS {
            for capacity in [0, 1] {
                let (sender, receiver) = channel::bounded(capacity);
                let receives = start(&runtime, receiving, move || {
                    let start = Instant::now();
                    let received = receiver.recv_timeout(LIMIT);
                    (received, start.elapsed())
                });
                let sends = start(&runtime, sending, move || sender.send(5).unwrap());
                sends.join();
                let (received, waited) = receives.join();
                assert_eq!(received, Ok(5));
                assert!(waited < LIMIT);
            }
        }
    });
}

#[test]
fn zero_takes_what_is_there_and_an_eternity_is_one() {
    watched(|| {
        let runtime = workers(2);
        let (sender, receiver) = channel::bounded(1);
        for on in [On::Routine, On::Thread] {
            let of_side = receiver.clone();
            let receives = start(&runtime, on, move || of_side.recv_timeout(Duration::ZERO));
            assert_eq!(receives.join(), Err(RecvTimeoutError::Timeout));
            sender.send(1).unwrap();
            let of_side = receiver.clone();
            let receives = start(&runtime, on, move || of_side.recv_timeout(Duration::ZERO));
            assert_eq!(receives.join(), Ok(1));
            let of_side = receiver.clone();
            let receives = start(&runtime, on, move || of_side.recv_timeout(Duration::MAX));
            runtime.run(routine::yield_now);
            sender.send(2).unwrap();
            assert_eq!(receives.join(), Ok(2));
        }
    });
}

/// Time-outs of many, in another order than they were set.
#[test]
fn many_time_out_each_in_its_time() {
    watched(|| {
        let runtime = workers(2);
        let (_sender, receiver) = channel::bounded::<()>(0);
        let waiting: Vec<_> = (0..500_u64)
            .map(|i| {
                let receiver = receiver.clone();
                runtime.spawn(move || {
                    let timeout = Duration::from_micros(i * 7919 % 20_000);
                    let start = Instant::now();
                    let received = receiver.recv_timeout(timeout);
                    assert_eq!(received, Err(RecvTimeoutError::Timeout));
                    assert!(start.elapsed() >= timeout);
                })
            })
            .collect();
        for waiting in waiting {
            waiting.join().unwrap();
        }
    });
}

/// A value and a time-out race: it is received by this receive or by the next, never lost, and the
/// waiter that has timed out is out of the channel.
#[test]
fn a_time_out_that_races_with_a_value_loses_nothing() {
    watched(|| {
        let runtime = workers(2);
        for receiving in [On::Routine, On::Thread] {
            for capacity in [0, 1] {
                let (sender, receiver) = channel::bounded(capacity);
                let receives = start(&runtime, receiving, move || {
                    let mut received = 0_u64;
                    let mut timeouts = 0_u64;
                    loop {
                        let timeout = Duration::from_micros(timeouts % 60);
                        match receiver.recv_timeout(timeout) {
                            Ok(value) => {
                                assert_eq!(value, received, "in order, none twice");
                                received += 1;
                            }
                            Err(RecvTimeoutError::Timeout) => timeouts += 1,
                            Err(RecvTimeoutError::Disconnected) => return received,
                        }
                    }
                });
                let sends = runtime.spawn(move || {
                    for i in 0..1000_u64 {
                        routine::sleep(Duration::from_micros(i % 40));
                        sender.send(i).unwrap();
                    }
                });
                sends.join().unwrap();
                assert_eq!(receives.join(), 1000);
            }
        }
    });
}
