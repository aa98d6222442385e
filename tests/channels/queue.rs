//! Order, capacity, rendezvous, and values of every size.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rust_routines::channel::{self, RecvTimeoutError};
use rust_routines::routine::{self, Builder, JoinHandle};
use rust_routines::runtime::Runtime;
use rust_routines::time::Duration;
use rust_routines_tests::wait::yield_until;
use rust_routines_tests::{eventually, watched};

use super::{PAIRS, start, workers};

#[test]
fn smoke() {
    watched(|| {
        let (sender, receiver) = channel::bounded(1);
        sender.send(7).unwrap();
        assert_eq!(receiver.recv(), Ok(7));
        let (sender, receiver) = channel::unbounded();
        sender.send("a").unwrap();
        sender.send("b").unwrap();
        assert_eq!(receiver.recv(), Ok("a"));
        assert_eq!(receiver.recv(), Ok("b"));
        workers(1).run(move || {
            sender.send("c").unwrap();
            assert_eq!(receiver.recv(), Ok("c"));
        });
    });
}

#[test]
fn values_come_in_the_order_they_were_sent() {
    watched(|| {
        for workers_of in [1, 2] {
            let runtime = workers(workers_of);
            for capacity in [0, 1, 2, 7, 100, 5000] {
                for (sending, receiving) in PAIRS {
                    let (sender, receiver) = channel::bounded(capacity);
                    let sends = start(&runtime, sending, move || {
                        (0..1000_u32).for_each(|i| sender.send(i).unwrap());
                    });
                    let receives = start(&runtime, receiving, move || {
                        for i in 0..1000 {
                            assert_eq!(receiver.recv(), Ok(i));
                        }
                        assert!(receiver.recv().is_err());
                    });
                    sends.join();
                    receives.join();
                }
            }
        }
    });
}

#[test]
fn unbounded_keeps_the_order_too() {
    watched(|| {
        let runtime = workers(2);
        for (sending, receiving) in PAIRS {
            let (sender, receiver) = channel::unbounded();
            let sends = start(&runtime, sending, move || {
                (0..10_000_u32).for_each(|i| sender.send(i).unwrap());
            });
            let receives = start(&runtime, receiving, move || {
                (0..10_000).for_each(|i| assert_eq!(receiver.recv(), Ok(i)));
            });
            sends.join();
            receives.join();
        }
    });
}

/// As many sends as fit return at once, the next one waits for a receive.
#[test]
fn a_bounded_channel_holds_what_it_says() {
    watched(|| {
        let runtime = workers(1);
        for capacity in [1, 3, 64, 2000] {
            let (sender, receiver) = channel::bounded(capacity);
            let sent = Arc::new(AtomicUsize::new(0));
            let counted = sent.clone();
            let sends = runtime.spawn(move || {
                for i in 0..capacity + 2 {
                    sender.send(i).unwrap();
                    counted.fetch_add(1, Ordering::SeqCst);
                }
            });
            eventually("the buffer is full", || {
                sent.load(Ordering::SeqCst) == capacity
            });
            // Whatever has its turn: the sender does not go on.
            for _ in 0..10 {
                runtime.run(routine::yield_now);
                assert_eq!(sent.load(Ordering::SeqCst), capacity);
            }
            assert_eq!(receiver.recv(), Ok(0));
            eventually("one more fits", || {
                sent.load(Ordering::SeqCst) == capacity + 1
            });
            runtime.run(routine::yield_now);
            assert_eq!(sent.load(Ordering::SeqCst), capacity + 1);
            for i in 1..capacity + 2 {
                assert_eq!(receiver.recv(), Ok(i));
            }
            sends.join().unwrap();
        }
    });
}

#[test]
fn a_rendezvous_waits_for_its_receiver() {
    watched(|| {
        let runtime = workers(2);
        for (sending, receiving) in PAIRS {
            let (sender, receiver) = channel::bounded(0);
            let step = Arc::new(AtomicUsize::new(0));
            let of_sender = step.clone();
            let sends = start(&runtime, sending, move || {
                sender.send(1).unwrap();
                // Never before the receiver has come.
                of_sender.load(Ordering::SeqCst)
            });
            runtime.run(routine::yield_now);
            let receives = start(&runtime, receiving, move || {
                step.store(1, Ordering::SeqCst);
                receiver.recv().unwrap()
            });
            assert_eq!(sends.join(), 1, "{sending:?} to {receiving:?}");
            assert_eq!(receives.join(), 1);
        }
    });
}

/// Spawns 50 of `body` so that they block one after the other: on one worker, one that has announced
/// itself has its turn until it blocks.
fn blocked_in_order<T: Send + 'static>(
    runtime: &Runtime,
    body: impl Fn(usize) -> T + Clone + Send + Sync + 'static,
) -> Vec<JoinHandle<T>> {
    runtime.run(|| {
        let announced = Arc::new(AtomicUsize::new(0));
        (0..50)
            .map(|i| {
                let (announce, body) = (announced.clone(), body.clone());
                let handle = routine::spawn(move || {
                    announce.store(i + 1, Ordering::SeqCst);
                    body(i)
                });
                yield_until("it blocks", || announced.load(Ordering::SeqCst) == i + 1);
                handle
            })
            .collect()
    })
}

#[test]
fn blocked_senders_have_their_turn_in_order() {
    watched(|| {
        let runtime = workers(1);
        for capacity in [0, 1] {
            let (sender, receiver) = channel::bounded(capacity);
            let sends = blocked_in_order(&runtime, move |i| sender.send(i).unwrap());
            for i in 0..50 {
                assert_eq!(receiver.recv(), Ok(i));
            }
            for send in sends {
                send.join().unwrap();
            }
        }
    });
}

#[test]
fn blocked_receivers_have_their_turn_in_order() {
    watched(|| {
        let runtime = workers(1);
        let (sender, receiver) = channel::bounded(0);
        let receives = blocked_in_order(&runtime, move |_| receiver.recv().unwrap());
        (0..50).for_each(|i| sender.send(i).unwrap());
        for (i, receive) in receives.into_iter().enumerate() {
            assert_eq!(receive.join().unwrap(), i);
        }
    });
}

#[test]
fn values_without_a_size() {
    watched(|| {
        let runtime = workers(2);
        for capacity in [0, 1, 100] {
            for (sending, receiving) in PAIRS {
                let (sender, receiver) = channel::bounded(capacity);
                let sends = start(&runtime, sending, move || {
                    (0..500).for_each(|_| sender.send(()).unwrap());
                });
                let receives = start(&runtime, receiving, move || {
                    std::iter::from_fn(|| receiver.recv().ok()).count()
                });
                sends.join();
                assert_eq!(receives.join(), 500);
            }
        }
    });
}

/// Moved by value: routines that handle them have the stack for it.
#[test]
fn values_larger_than_64_kib() {
    const SIZE: usize = 100_000;
    watched(|| {
        let runtime = workers(2);
        let roomy = || Builder::new().stack_size(8 << 20);
        for capacity in [0, 3] {
            let (sender, receiver) = channel::bounded(capacity);
            let sends = move || {
                for i in 0..20_u8 {
                    sender.send([i; SIZE]).unwrap();
                }
            };
            let receives = move || {
                for i in 0..20_u8 {
                    let value: [u8; SIZE] = receiver.recv().unwrap();
                    assert!(value.iter().all(|&byte| byte == i));
                }
                let none = receiver.recv_timeout(Duration::from_secs(30));
                assert!(matches!(none, Err(RecvTimeoutError::Disconnected)));
            };
            let sends = runtime.spawn_with(roomy(), sends).unwrap();
            let receives = runtime.spawn_with(roomy(), receives).unwrap();
            sends.join().unwrap();
            receives.join().unwrap();
        }
    });
}

#[test]
fn aligned_values_stay_aligned() {
    #[repr(align(256))]
    struct Aligned(u64);
    watched(|| {
        let runtime = workers(2);
        for capacity in [0, 2] {
            let (sender, receiver) = channel::bounded(capacity);
            let sends = runtime.spawn(move || {
                (0..100).for_each(|i| assert!(sender.send(Aligned(i)).is_ok()));
            });
            let receives = runtime.spawn(move || {
                for i in 0..100 {
                    let value = receiver.recv().unwrap();
                    assert_eq!(std::ptr::from_ref(&value).addr() % 256, 0);
                    assert_eq!(value.0, i);
                }
            });
            sends.join().unwrap();
            receives.join().unwrap();
        }
    });
}

/// A channel of channels, passed along.
#[test]
fn channels_travel_through_channels() {
    watched(|| {
        let runtime = workers(2);
        let (requests, serve) = channel::bounded::<(u32, channel::Sender<u32>)>(0);
        let server = runtime.spawn(move || {
            while let Ok((n, reply)) = serve.recv() {
                reply.send(n * 2).unwrap();
            }
        });
        let clients: Vec<_> = (0..50)
            .map(|n| {
                let requests = requests.clone();
                runtime.spawn(move || {
                    let (reply, answer) = channel::bounded(1);
                    requests.send((n, reply)).unwrap();
                    assert_eq!(answer.recv(), Ok(n * 2));
                })
            })
            .collect();
        drop(requests);
        for client in clients {
            client.join().unwrap();
        }
        server.join().unwrap();
    });
}

/// The ends go wherever a value goes.
#[test]
fn ends_are_send_and_sync() {
    fn assert<T: Send + Sync + Unpin>() {}
    assert::<channel::Sender<std::cell::Cell<u8>>>();
    assert::<channel::Receiver<std::cell::Cell<u8>>>();
}
