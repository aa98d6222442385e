//! Futures and blocked routines in the same queues: a future that was told answers for those behind it.

use std::task::Poll;

use rust_routines::channel::{self, RecvError, RecvTimeoutError, TryRecvError};
use rust_routines::routine;
use rust_routines::select;
use rust_routines::time::Duration;
use rust_routines_tests::drops::Drops;
use rust_routines_tests::watched;

use super::{blocked, look, workers};

/// Long enough for whatever is due to happen, short enough to fail soon.
const SOON: Duration = Duration::from_secs(5);

/// B5: a told send future that has not looked yet keeps nobody behind it from meeting receivers, and
/// leaves no room unused when it does.
#[test]
fn b5_a_told_send_future_leaves_no_room_unused() {
    watched(|| {
        workers(1).run(|| {
            let (sender, receiver) = channel::bounded(1);
            sender.send(0).unwrap();
            let mut first = sender.send_async(1);
            assert!(look(&mut first).is_pending());
            let (of_second, of_third) = (sender.clone(), sender.clone());
            let second = blocked(move || of_second.send(2));
            let third = blocked(move || of_third.send(3));
            assert_eq!(receiver.recv(), Ok(0), "and so `first` is told");
            assert_eq!(receiver.recv_timeout(SOON), Ok(2), "`first` has not looked");
            second.join().unwrap().unwrap();
            let mut sent = look(&mut first);
            let mut left = vec![receiver.recv_timeout(SOON)];
            if sent.is_pending() {
                sent = look(&mut first);
            }
            assert_eq!(sent, Poll::Ready(Ok(())));
            left.push(receiver.recv_timeout(SOON));
            left.sort_unstable_by_key(|value| value.unwrap());
            assert_eq!(left, [Ok(1), Ok(3)]);
            third.join().unwrap().unwrap();
        });
    });
}

/// B5, B6: a told send future is dropped while receivers wait: the sender behind it is served, and
/// the receivers get the value in their order.
#[test]
fn b5_a_told_send_future_that_is_dropped_leaves_nobody_behind() {
    watched(|| {
        workers(1).run(|| {
            let (sender, receiver) = channel::bounded(1);
            sender.send(0).unwrap();
            let mut first = sender.send_async(1);
            assert!(look(&mut first).is_pending());
            let of_second = sender.clone();
            let second = blocked(move || of_second.send(2));
            assert_eq!(receiver.recv(), Ok(0), "and so `first` is told");
            let receives: Vec<_> = (0..3)
                .map(|_| {
                    let receiver = receiver.clone();
                    blocked(move || receiver.recv_timeout(SOON))
                })
                .collect();
            drop(first);
            assert_eq!(second.join().unwrap(), Ok(()));
            // What comes later goes to the others, in order.
            sender.send(3).unwrap();
            sender.send(4).unwrap();
            for (receive, expected) in receives.into_iter().zip(2..) {
                assert_eq!(receive.join().unwrap(), Ok(expected));
            }
        });
    });
}

/// As above, with another future behind the one that goes.
#[test]
fn b5_news_goes_from_future_to_future() {
    watched(|| {
        workers(1).run(|| {
            let (sender, receiver) = channel::bounded(1);
            sender.send(0).unwrap();
            let mut futures: Vec<_> = (1..5).map(|i| sender.send_async(i)).collect();
            assert!(futures.iter_mut().all(|future| look(future).is_pending()));
            assert_eq!(receiver.recv(), Ok(0));
            let last = futures.pop().unwrap();
            futures.into_iter().for_each(drop);
            let mut last = last;
            assert_eq!(look(&mut last), Poll::Ready(Ok(())));
            assert_eq!(receiver.recv_timeout(SOON), Ok(4));
        });
    });
}

/// A receive future in front of a blocked receiver: told of the value, it takes it; dropped, the one
/// behind it has it.
#[test]
fn a_told_receive_future_takes_the_value_or_passes_it_on() {
    watched(|| {
        workers(1).run(|| {
            for capacity in [0, 1, 3] {
                for taken in [true, false] {
                    let (sender, receiver) = channel::bounded(capacity);
                    let mut first = receiver.recv_async();
                    assert!(look(&mut first).is_pending());
                    let of_second = receiver.clone();
                    let second = blocked(move || of_second.recv());
                    let of_third = sender.clone();
                    let sends = blocked(move || of_third.send(1));
                    if taken {
                        assert_eq!(look(&mut first), Poll::Ready(Ok(1)));
                        assert_eq!(sends.join().unwrap(), Ok(()));
                        assert!(!second.is_finished());
                        continue;
                    }
                    drop(first);
                    assert_eq!(second.join().unwrap(), Ok(1), "capacity {capacity}");
                    assert_eq!(sends.join().unwrap(), Ok(()));
                }
            }
        });
    });
}

/// B5, B6: without a buffer, who comes while a told future has not come yet stands behind all who wait.
#[test]
fn b6_a_newcomer_does_not_pass_those_behind_a_told_future() {
    watched(|| {
        workers(1).run(|| {
            let (sender, receiver) = channel::bounded(0);
            let mut first = receiver.recv_async();
            assert!(look(&mut first).is_pending());
            let of_second = receiver.clone();
            let second = blocked(move || of_second.recv());
            let of_third = sender.clone();
            let sends = blocked(move || of_third.send(1));
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
            assert_eq!(second.join().unwrap(), Ok(1));
            assert_eq!(sends.join().unwrap(), Ok(()));
            assert!(look(&mut first).is_pending());
            let of_fourth = sender.clone();
            let sends = blocked(move || of_fourth.send(2));
            assert_eq!(look(&mut first), Poll::Ready(Ok(2)));
            assert_eq!(sends.join().unwrap(), Ok(()));
        });
    });
}

/// One that was woken in its turn and finds that a newcomer was faster keeps its place before the others.
#[test]
fn b5_who_was_woken_for_nothing_is_still_first() {
    watched(|| {
        for in_select in [false, true] {
            workers(1).run(|| {
                let (sender, receiver) = channel::bounded(0);
                let mut told = receiver.recv_async();
                assert!(look(&mut told).is_pending());
                let of_first = receiver.clone();
                let first = blocked(move || match in_select {
                    true => select! { value = of_first.recv() => value },
                    false => of_first.recv(),
                });
                let of_sender = sender.clone();
                let sends = blocked(move || of_sender.send(1));
                drop(told);
                assert_eq!(
                    receiver.try_recv(),
                    Ok(1),
                    "a newcomer, while `first` wakes up"
                );
                let of_second = receiver.clone();
                let second = blocked(move || of_second.recv());
                sender.send(2).unwrap();
                sender.send(3).unwrap();
                sends.join().unwrap().unwrap();
                let got = (first.join().unwrap(), second.join().unwrap());
                assert_eq!(got, (Ok(2), Ok(3)), "in a select: {in_select}");
            });
        }
    });
}

/// A blocked receiver that a close wakes takes what is left, of which a future was told.
#[test]
fn b3_a_close_leaves_what_is_queued_to_those_who_wait() {
    watched(|| {
        workers(1).run(|| {
            let (sender, receiver) = channel::bounded(1);
            let mut told = receiver.recv_async();
            assert!(look(&mut told).is_pending());
            let of_behind = receiver.clone();
            let behind = blocked(move || (of_behind.recv(), of_behind.recv()));
            sender.send(7).unwrap();
            sender.close();
            assert_eq!(behind.join().unwrap(), (Ok(7), Err(RecvError)));
            assert_eq!(look(&mut told), Poll::Ready(Err(RecvError)));
        });
    });
}

/// A told future that is forgotten keeps the news it was told, and no more: the next send goes to who
/// waits behind it, with the value that it has left.
#[test]
fn a_forgotten_future_delays_and_loses_nothing() {
    watched(|| {
        workers(1).run(|| {
            let (sender, receiver) = channel::bounded(4);
            let mut first = receiver.recv_async();
            assert!(look(&mut first).is_pending());
            let of_second = receiver.clone();
            let second = blocked(move || of_second.recv());
            sender.send(1).unwrap();
            std::mem::forget(first);
            sender.send(2).unwrap();
            assert_eq!(second.join().unwrap(), Ok(1));
            assert_eq!(receiver.recv(), Ok(2));
            // Forgotten while it waits, untold: it is told in its turn, which the others miss once.
            let mut first = receiver.recv_async();
            assert!(look(&mut first).is_pending());
            std::mem::forget(first);
            sender.send(3).unwrap();
            assert_eq!(receiver.recv_timeout(SOON), Ok(3));
            let closed = sender.close();
            assert!(closed);
            assert!(receiver.recv().is_err());
        });
    });
}

/// A forgotten send future without a buffer has left its value in the queue: it may be received, once.
#[test]
fn a_forgotten_send_future_is_received_once_or_leaks() {
    watched(|| {
        let drops = Drops::new();
        let (sender, receiver) = channel::bounded(0);
        let mut sends = sender.send_async(drops.track());
        assert!(look(&mut sends).is_pending());
        std::mem::forget(sends);
        drop(receiver.try_recv().unwrap());
        assert!(receiver.try_recv().is_err());
        assert_eq!((drops.made(), drops.dropped()), (1, 1));
    });
}

/// B6: who comes while a told future has not looked yet takes what is there, and the future goes to
/// the front of the queue.
#[test]
fn a_future_that_looks_too_late_waits_in_front() {
    watched(|| {
        workers(1).run(|| {
            let (sender, receiver) = channel::bounded(1);
            let mut first = receiver.recv_async();
            assert!(look(&mut first).is_pending());
            sender.send(1).unwrap();
            assert_eq!(receiver.recv(), Ok(1), "nobody stands in the queue");
            let mut second = receiver.recv_async();
            assert!(look(&mut second).is_pending());
            assert!(look(&mut first).is_pending());
            sender.send(2).unwrap();
            assert!(look(&mut second).is_pending());
            assert_eq!(look(&mut first), Poll::Ready(Ok(2)));
            sender.send(3).unwrap();
            assert_eq!(look(&mut second), Poll::Ready(Ok(3)));
        });
    });
}

/// Values that wait for a told future reach a receiver in the order they were sent.
#[test]
fn b5_order_holds_past_a_told_future() {
    watched(|| {
        workers(1).run(|| {
            let (sender, receiver) = channel::unbounded();
            let mut told: Vec<_> = (0..3).map(|_| receiver.recv_async()).collect();
            assert!(told.iter_mut().all(|future| look(future).is_pending()));
            let of_behind = receiver.clone();
            let behind = blocked(move || (of_behind.recv().unwrap(), of_behind.recv().unwrap()));
            (0..4).for_each(|i| sender.send(i).unwrap());
            // The fourth went to who waits, which is the first of them.
            routine::yield_now();
            told.clear();
            assert_eq!(behind.join().unwrap(), (0, 1));
            assert_eq!((receiver.recv(), receiver.recv()), (Ok(2), Ok(3)));
            let none = receiver.recv_timeout(Duration::from_millis(1));
            assert_eq!(none, Err(RecvTimeoutError::Timeout));
        });
    });
}

/// B5: a future that waits longest to receive gets the value, though others block behind it.
#[test]
fn b5_a_waiting_future_is_not_passed_by_those_behind_it() {
    watched(|| {
        workers(1).run(|| {
            for capacity in [0, 1] {
                for round in 0..3 {
                    let (sender, receiver) = channel::bounded(capacity);
                    let mut first = receiver.recv_async();
                    assert!(look(&mut first).is_pending());
                    let of_behind = receiver.clone();
                    let behind = blocked(move || of_behind.recv());
                    let of_sender = sender.clone();
                    let sends = blocked(move || of_sender.send(round));
                    assert_eq!(
                        look(&mut first),
                        Poll::Ready(Ok(round)),
                        "capacity {capacity}"
                    );
                    sends.join().unwrap().unwrap();
                    assert!(!behind.is_finished());
                    sender.send(9).unwrap();
                    assert_eq!(behind.join().unwrap(), Ok(9));
                }
            }
        });
    });
}
