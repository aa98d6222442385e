//! Every method of both ends: what it says of the channel, and each way it can end.

use std::sync::Arc;
use std::time::Instant as StdInstant;

use rust_routines::channel::{
    self, Receiver, RecvError, RecvTimeoutError, SendTimeoutError, Sender, TryRecvError,
    TrySendError,
};
use rust_routines::routine;
use rust_routines::time::{Duration, Instant};
use rust_routines_tests::{LIMIT, watched};

use super::{On, blocked, start, workers};

#[test]
fn try_send_says_whether_there_is_room() {
    watched(|| {
        let (sender, receiver) = channel::bounded(2);
        assert_eq!(sender.try_send(1), Ok(()));
        assert_eq!(sender.try_send(2), Ok(()));
        assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
        assert_eq!(receiver.recv(), Ok(1));
        assert_eq!(sender.try_send(3), Ok(()));
        drop(receiver);
        assert_eq!(sender.try_send(4), Err(TrySendError::Disconnected(4)));
        let (sender, receiver) = channel::unbounded();
        (0..1000).for_each(|i| assert_eq!(sender.try_send(i), Ok(())));
        assert!(receiver.close());
        assert_eq!(sender.try_send(0), Err(TrySendError::Disconnected(0)));
    });
}

#[test]
fn try_recv_says_whether_there_is_a_value() {
    watched(|| {
        let (sender, receiver) = channel::bounded(2);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        sender.send(1).unwrap();
        sender.send(2).unwrap();
        drop(sender);
        assert_eq!(receiver.try_recv(), Ok(1));
        assert_eq!(receiver.try_recv(), Ok(2));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    });
}

/// B4, B12: without a buffer, trying succeeds if and only if the other side waits.
#[test]
fn b4_trying_meets_who_waits_without_a_buffer() {
    watched(|| {
        workers(1).run(|| {
            let (sender, receiver) = channel::bounded(0);
            assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
            let of_waiting = receiver.clone();
            let waiting = blocked(move || of_waiting.recv());
            assert_eq!(sender.try_send(2), Ok(()));
            assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
            assert_eq!(waiting.join().unwrap(), Ok(2));
            let of_waiting = sender.clone();
            let waiting = blocked(move || of_waiting.send(4));
            assert_eq!(receiver.try_recv(), Ok(4));
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
            assert_eq!(waiting.join().unwrap(), Ok(()));
        });
    });
}

/// B5, B6: a try does not barge past those who wait.
#[test]
fn b6_trying_does_not_pass_those_who_wait() {
    watched(|| {
        workers(1).run(|| {
            let (sender, receiver) = channel::bounded(1);
            sender.send(0).unwrap();
            let of_waiting = sender.clone();
            let waiting = blocked(move || of_waiting.send(1));
            // The room that this gives belongs to who waits.
            assert_eq!(receiver.recv(), Ok(0));
            assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
            assert_eq!(receiver.recv(), Ok(1));
            waiting.join().unwrap().unwrap();
            let of_waiting = receiver.clone();
            let waiting = blocked(move || of_waiting.recv());
            sender.send(3).unwrap();
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
            assert_eq!(waiting.join().unwrap(), Ok(3));
        });
    });
}

fn limited(
    sender: &Sender<u32>,
    value: u32,
    by_deadline: bool,
) -> Result<(), SendTimeoutError<u32>> {
    let timeout = Duration::from_millis(5);
    if by_deadline {
        sender.send_deadline(value, Instant::now() + timeout)
    } else {
        sender.send_timeout(value, timeout)
    }
}

#[test]
fn a_send_with_a_limit_waits_so_long_and_gives_the_value_back() {
    watched(|| {
        let runtime = workers(2);
        for (by_deadline, on) in [
            (false, On::Routine),
            (true, On::Routine),
            (false, On::Thread),
            (true, On::Thread),
        ] {
            for capacity in [0, 1] {
                let (sender, receiver) = channel::bounded(capacity);
                (0..capacity).for_each(|_| sender.send(0).unwrap());
                let of_side = sender.clone();
                let sends = start(&runtime, on, move || {
                    let begun = StdInstant::now();
                    (limited(&of_side, 7, by_deadline), begun.elapsed())
                });
                let (sent, took) = sends.join();
                assert_eq!(sent, Err(SendTimeoutError::Timeout(7)));
                assert!(took >= Duration::from_millis(5), "{took:?}");
                // Nothing of it is left in the queue.
                assert_eq!(receiver.try_iter().count(), capacity);
                assert_eq!(sender.try_send(8).is_ok(), capacity == 1);
                drop(receiver);
                let of_side = sender.clone();
                let sends = start(&runtime, on, move || limited(&of_side, 9, by_deadline));
                assert_eq!(sends.join(), Err(SendTimeoutError::Disconnected(9)));
            }
        }
    });
}

#[test]
fn a_limit_ends_with_room_or_with_the_channel() {
    watched(|| {
        let runtime = workers(2);
        for on in [On::Routine, On::Thread] {
            for capacity in [0, 1] {
                let (sender, receiver) = channel::bounded(capacity);
                (0..capacity).for_each(|_| sender.send(0).unwrap());
                let of_side = sender.clone();
                let sends = start(&runtime, on, move || of_side.send_timeout(1, LIMIT));
                let received: Vec<u32> = receiver.iter().take(capacity + 1).collect();
                assert_eq!(received.last(), Some(&1));
                assert_eq!(sends.join(), Ok(()));
                (0..capacity).for_each(|_| sender.send(0).unwrap());
                let of_side = sender.clone();
                let forever = Instant::now() + LIMIT;
                let sends = start(&runtime, on, move || of_side.send_deadline(2, forever));
                assert!(receiver.close());
                assert_eq!(sends.join(), Err(SendTimeoutError::Disconnected(2)));
            }
        }
    });
}

#[test]
fn a_deadline_in_the_past_still_takes_what_is_there() {
    watched(|| {
        let past = Instant::now();
        let (sender, receiver) = channel::bounded(1);
        assert_eq!(receiver.recv_deadline(past), Err(RecvTimeoutError::Timeout));
        assert_eq!(sender.send_deadline(1, past), Ok(()));
        assert_eq!(
            sender.send_deadline(2, past),
            Err(SendTimeoutError::Timeout(2))
        );
        assert_eq!(
            sender.send_timeout(2, Duration::ZERO),
            Err(SendTimeoutError::Timeout(2))
        );
        assert_eq!(receiver.recv_deadline(past), Ok(1));
        drop(sender);
        assert_eq!(
            receiver.recv_deadline(past),
            Err(RecvTimeoutError::Disconnected)
        );
        let (sender, receiver) = channel::bounded(0);
        let receives = std::thread::spawn(move || receiver.recv_deadline(Instant::now() + LIMIT));
        assert_eq!(sender.send_timeout(3, Duration::MAX), Ok(()));
        assert_eq!(receives.join().unwrap(), Ok(3));
    });
}

/// B3: iteration ends with the channel, after what was queued.
#[test]
fn b3_iterators_give_what_there_is() {
    watched(|| {
        let (sender, receiver) = channel::unbounded();
        (0..6).for_each(|i| sender.send(i).unwrap());
        assert_eq!(receiver.try_iter().take(2).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(receiver.iter().take(1).collect::<Vec<_>>(), [2]);
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!(receiver.try_iter().next(), None, "empty, not closed");
        sender.send(6).unwrap();
        assert!(sender.close());
        let mut iter = (&receiver).into_iter();
        assert_eq!(
            (iter.next(), iter.next(), iter.next()),
            (Some(6), None, None)
        );
        assert_eq!(receiver.into_iter().next(), None);
        let (sender, receiver) = channel::bounded(0);
        let runtime = workers(1);
        let sends = runtime.spawn(move || (0..100).for_each(|i| sender.send(i).unwrap()));
        let mut sum = 0;
        for value in receiver {
            sum += value;
        }
        assert_eq!(sum, 4950);
        sends.join().unwrap();
    });
}

/// B8: the length and the capacity, as both ends see them.
#[test]
fn b8_both_ends_tell_length_and_capacity() {
    fn told<T>(sender: &Sender<T>, receiver: &Receiver<T>) -> (usize, bool, bool) {
        let of_sender = (sender.len(), sender.is_empty(), sender.is_full());
        let of_receiver = (receiver.len(), receiver.is_empty(), receiver.is_full());
        assert_eq!(of_sender, of_receiver);
        assert_eq!(sender.capacity(), receiver.capacity());
        of_sender
    }
    watched(|| {
        let (sender, receiver) = channel::bounded(2);
        assert_eq!(sender.capacity(), Some(2));
        assert_eq!(told(&sender, &receiver), (0, true, false));
        sender.send(()).unwrap();
        assert_eq!(told(&sender, &receiver), (1, false, false));
        sender.send(()).unwrap();
        assert_eq!(told(&sender, &receiver), (2, false, true));
        assert!(!sender.is_closed());
        sender.close();
        assert!(sender.is_closed() && receiver.is_closed());
        assert_eq!(
            told(&sender, &receiver),
            (2, false, true),
            "closed, but queued"
        );
        receiver.recv().unwrap();
        assert_eq!(told(&sender, &receiver), (1, false, false));
        let (sender, receiver) = channel::bounded::<()>(0);
        assert_eq!(sender.capacity(), Some(0));
        assert_eq!(told(&sender, &receiver), (0, true, true));
        let (sender, receiver) = channel::unbounded();
        assert_eq!(sender.capacity(), None);
        (0..10_000).for_each(|_| sender.send(()).unwrap());
        assert_eq!(told(&sender, &receiver), (10_000, false, false));
    });
}

/// Who waits is not queued: without a buffer the length stays zero, a full one stays full.
#[test]
fn b8_who_waits_is_not_counted() {
    watched(|| {
        workers(1).run(|| {
            for capacity in [0, 2] {
                let (sender, receiver) = channel::bounded(capacity);
                let sends: Vec<_> = (0..capacity + 3)
                    .map(|i| {
                        let sender = sender.clone();
                        blocked(move || sender.send(i))
                    })
                    .collect();
                assert_eq!((sender.len(), receiver.most_queued()), (capacity, capacity));
                for i in 0..capacity + 3 {
                    assert_eq!(receiver.recv(), Ok(i));
                }
                for send in sends {
                    send.join().unwrap().unwrap();
                }
                assert_eq!(receiver.most_queued(), capacity);
            }
        });
    });
}

#[test]
fn ends_of_one_channel_know_each_other() {
    let (sender, receiver) = channel::bounded::<u32>(1);
    let (other_sender, other_receiver) = channel::bounded::<u32>(1);
    assert!(sender.same_channel(&sender.clone()));
    assert!(receiver.same_channel(&receiver.clone()));
    assert!(!sender.same_channel(&other_sender));
    assert!(!receiver.same_channel(&other_receiver));
}

/// Either end may close, for all clones; the second time says that it was closed.
#[test]
fn either_end_closes_for_all() {
    watched(|| {
        for by_receiver in [false, true] {
            let (sender, receiver) = channel::bounded(3);
            let (sender_2, receiver_2) = (sender.clone(), receiver.clone());
            sender.send(1).unwrap();
            let close = || match by_receiver {
                true => receiver_2.close(),
                false => sender_2.close(),
            };
            assert!(close());
            assert!(!close());
            assert!(!sender.close() && !receiver.close(), "whoever asks");
            assert_eq!(sender.send(2).unwrap_err().into_inner(), 2);
            assert_eq!(receiver.recv(), Ok(1));
            assert_eq!(receiver.recv(), Err(RecvError));
        }
        let (sender, receiver) = channel::bounded::<u32>(1);
        drop(receiver);
        assert!(sender.is_closed() && !sender.close(), "by its receivers");
        let (sender, receiver) = channel::bounded::<u32>(1);
        drop(sender);
        assert!(receiver.is_closed() && !receiver.close(), "by its senders");
    });
}

/// B3: a close wakes all who wait, of both sides, routines and threads.
#[test]
fn b3_close_wakes_all_who_wait() {
    watched(|| {
        let runtime = workers(2);
        for by_receiver in [false, true] {
            for receiving in [false, true] {
                let (sender, receiver) = channel::bounded(0);
                let waiting: Vec<_> = (0..20)
                    .map(|i| {
                        let (sender, receiver) = (sender.clone(), receiver.clone());
                        let on = [On::Routine, On::Thread][i % 2];
                        start(&runtime, on, move || match receiving {
                            true => receiver.recv() == Err(RecvError),
                            false => sender.send(i).unwrap_err().into_inner() == i,
                        })
                    })
                    .collect();
                runtime.run(routine::yield_now);
                assert!(if by_receiver {
                    receiver.close()
                } else {
                    sender.close()
                });
                assert!(waiting.into_iter().all(super::Side::join));
            }
        }
    });
}

#[test]
fn never_stays_as_it_is() {
    watched(|| {
        let receiver = channel::never::<String>();
        let other = receiver.clone();
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        let timeout = receiver.recv_timeout(Duration::from_millis(2));
        assert_eq!(timeout, Err(RecvTimeoutError::Timeout));
        assert_eq!((receiver.len(), receiver.is_closed()), (0, false));
        assert_eq!(receiver.try_iter().count(), 0);
        drop(receiver);
        assert_eq!(other.try_recv(), Err(TryRecvError::Empty));
        assert!(!other.same_channel(&channel::never()));
    });
}

/// B16: what was written before a send is seen after its receive; with room for C values, what was
/// written before the k-th receive is seen after the send of number k + C.
#[test]
fn b16_a_channel_as_a_semaphore_excludes() {
    watched(|| {
        let runtime = workers(4);
        for permits in [1, 3] {
            let (acquire, release) = channel::bounded(permits);
            let inside = Arc::new(std::sync::atomic::AtomicUsize::new(0));
            let work: Vec<_> = (0..8)
                .map(|i| {
                    let (acquire, release, inside) =
                        (acquire.clone(), release.clone(), inside.clone());
                    let on = [On::Routine, On::Thread][i % 2];
                    start(&runtime, on, move || {
                        // Relaxed: what orders them is the channel.
                        use std::sync::atomic::Ordering::Relaxed;
                        for _ in 0..200 {
                            acquire.send(()).unwrap();
                            assert!(inside.fetch_add(1, Relaxed) < permits);
                            std::hint::spin_loop();
                            inside.fetch_sub(1, Relaxed);
                            release.recv().unwrap();
                        }
                    })
                })
                .collect();
            work.into_iter().for_each(super::Side::join);
            assert_eq!(inside.load(std::sync::atomic::Ordering::Relaxed), 0);
        }
    });
}

/// Values that cannot be cloned, and are moved as they are.
#[test]
fn values_need_not_be_clone() {
    struct Unique(Box<u32>);
    watched(|| {
        for (sender, receiver) in [channel::bounded(1), channel::unbounded()] {
            let value = Unique(Box::new(7));
            let address = std::ptr::from_ref(&*value.0).addr();
            assert!(sender.send(value).is_ok());
            let value = receiver.recv().unwrap_or_else(|_| panic!("it was sent"));
            assert_eq!(
                (*value.0, std::ptr::from_ref(&*value.0).addr()),
                (7, address)
            );
        }
    });
}

/// What cannot be sent to another thread may still go through a channel within one.
#[test]
fn values_need_not_be_send() {
    let (sender, receiver) = channel::bounded(1);
    sender.send(std::rc::Rc::new(5)).unwrap();
    assert_eq!(*receiver.recv().unwrap(), 5);
}
