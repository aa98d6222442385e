//! The ends as futures: under executors, polled by hand, dropped at any poll.

use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::task::{Poll, Waker};

use rust_routines::channel::{self, RecvError, SendError};
use rust_routines::time::Duration;
use rust_routines_tests::drops::Drops;
use rust_routines_tests::tasks::{CountingWaker, block_on};
use rust_routines_tests::watched;

use super::{On, Side};
use super::{blocked, look, look_with, start, workers};

/// All pairs of a task on an executor with a task, a routine or a thread, and both ways round.
#[test]
fn tasks_meet_tasks_routines_and_threads() {
    const VALUES: u32 = 300;
    watched(|| {
        let runtime = workers(2);
        for capacity in [Some(0), Some(1), Some(10), None] {
            for other in [None, Some(On::Routine), Some(On::Thread)] {
                for task_sends in [true, false] {
                    let (sender, receiver) = match capacity {
                        Some(capacity) => channel::bounded(capacity),
                        None => channel::unbounded(),
                    };
                    let send_async = {
                        let sender = sender.clone();
                        move || {
                            block_on(async {
                                for i in 0..VALUES {
                                    sender.send_async(i).await.unwrap();
                                }
                            });
                        }
                    };
                    let receive_async = {
                        let receiver = receiver.clone();
                        move || {
                            block_on(async {
                                for i in 0..VALUES {
                                    assert_eq!(receiver.recv_async().await, Ok(i));
                                }
                            });
                        }
                    };
                    let send = move || (0..VALUES).for_each(|i| sender.send(i).unwrap());
                    let receive =
                        move || (0..VALUES).for_each(|i| assert_eq!(receiver.recv(), Ok(i)));
                    let sides: [Side<()>; 2] = match (other, task_sends) {
                        (None, _) => [
                            start(&runtime, On::Thread, send_async),
                            start(&runtime, On::Thread, receive_async),
                        ],
                        (Some(on), true) => [
                            start(&runtime, On::Thread, send_async),
                            start(&runtime, on, receive),
                        ],
                        (Some(on), false) => [
                            start(&runtime, on, send),
                            start(&runtime, On::Thread, receive_async),
                        ],
                    };
                    sides.into_iter().for_each(Side::join);
                }
            }
        }
    });
}

#[test]
fn futures_that_need_no_wait_are_ready_at_once() {
    watched(|| {
        let (sender, receiver) = channel::bounded(1);
        assert_eq!(look(&mut sender.send_async(1)), Poll::Ready(Ok(())));
        assert_eq!(look(&mut receiver.recv_async()), Poll::Ready(Ok(1)));
        assert!(look(&mut receiver.recv_async()).is_pending());
        sender.send(2).unwrap();
        assert!(sender.close());
        assert_eq!(
            look(&mut sender.send_async(3)),
            Poll::Ready(Err(SendError(3)))
        );
        assert_eq!(look(&mut receiver.recv_async()), Poll::Ready(Ok(2)));
        assert_eq!(
            look(&mut receiver.recv_async()),
            Poll::Ready(Err(RecvError))
        );
    });
}

/// Like other futures they are not to be polled again; who does is told so.
#[test]
fn futures_are_ready_once() {
    watched(|| {
        let (sender, receiver) = channel::bounded(1);
        let mut sends = sender.send_async(1);
        assert!(look(&mut sends).is_ready());
        let mut receives = receiver.recv_async();
        assert!(look(&mut receives).is_ready());
        sender.send(2).unwrap();
        let again = [
            panic::catch_unwind(AssertUnwindSafe(|| assert!(look(&mut sends).is_ready()))),
            panic::catch_unwind(AssertUnwindSafe(|| assert!(look(&mut receives).is_ready()))),
        ];
        assert!(again.iter().all(Result::is_err));
        assert_eq!(receiver.try_recv(), Ok(2), "nothing was taken");
    });
}

#[test]
fn futures_are_send_and_unpin() {
    fn assert<T: Send + Unpin>(_: T) {}
    let (sender, receiver) = channel::bounded::<std::cell::Cell<u8>>(1);
    assert(sender.send_async(std::cell::Cell::new(1)));
    assert(receiver.recv_async());
}

/// B4: two futures meet without a buffer, whichever comes first.
#[test]
fn b4_two_futures_meet() {
    watched(|| {
        for sender_first in [true, false] {
            let (sender, receiver) = channel::bounded(0);
            let (told_sender, told_receiver) = (CountingWaker::new(), CountingWaker::new());
            let (send_waker, receive_waker) = (
                Waker::from(told_sender.clone()),
                Waker::from(told_receiver.clone()),
            );
            let mut sends = sender.send_async("value");
            let mut receives = receiver.recv_async();
            if sender_first {
                assert!(look_with(&mut sends, &send_waker).is_pending());
                assert_eq!(
                    look_with(&mut receives, &receive_waker),
                    Poll::Ready(Ok("value"))
                );
                assert_eq!(told_sender.wakes(), 1);
                assert_eq!(look_with(&mut sends, &send_waker), Poll::Ready(Ok(())));
            } else {
                assert!(look_with(&mut receives, &receive_waker).is_pending());
                assert!(look_with(&mut sends, &send_waker).is_pending());
                assert_eq!(told_receiver.wakes(), 1);
                assert_eq!(
                    look_with(&mut receives, &receive_waker),
                    Poll::Ready(Ok("value"))
                );
                assert_eq!(told_sender.wakes(), 1);
                assert_eq!(look_with(&mut sends, &send_waker), Poll::Ready(Ok(())));
            }
        }
    });
}

/// The waker of the last poll is the one that is woken, and a poll for nothing changes nothing.
#[test]
fn the_last_waker_counts() {
    watched(|| {
        let (sender, receiver) = channel::bounded(1);
        let (first, last) = (CountingWaker::new(), CountingWaker::new());
        let mut receives = receiver.recv_async();
        for _ in 0..3 {
            assert!(look_with(&mut receives, &Waker::from(first.clone())).is_pending());
        }
        assert!(look_with(&mut receives, &Waker::from(last.clone())).is_pending());
        let mut behind = receiver.recv_async();
        assert!(look(&mut behind).is_pending());
        sender.send(1).unwrap();
        assert_eq!((first.wakes(), last.wakes()), (0, 1));
        assert_eq!(
            look(&mut receives),
            Poll::Ready(Ok(1)),
            "its place was kept"
        );
    });
}

/// A close wakes futures of both sides; senders get their values back.
#[test]
fn b3_a_close_wakes_futures() {
    watched(|| {
        for capacity in [0, 2] {
            let drops = Drops::new();
            let (sender, receiver) = channel::bounded(capacity);
            (0..capacity).for_each(|_| sender.send(drops.track()).unwrap());
            let told = CountingWaker::new();
            let waker = Waker::from(told.clone());
            let mut sends: Vec<_> = (0..5).map(|_| sender.send_async(drops.track())).collect();
            assert!(
                sends
                    .iter_mut()
                    .all(|send| look_with(send, &waker).is_pending())
            );
            assert!(receiver.close());
            assert_eq!(told.wakes(), 5);
            let back: Vec<_> = sends.iter_mut().map(look).collect();
            assert!(
                back.iter()
                    .all(|poll| matches!(poll, Poll::Ready(Err(SendError(_)))))
            );
            drop((back, sends));
            assert_eq!(drops.alive(), capacity);
            assert_eq!(receiver.try_iter().count(), capacity);
            assert_eq!(drops.alive(), 0);
            let (sender, receiver) = channel::bounded::<u8>(capacity);
            let mut receives: Vec<_> = (0..5).map(|_| receiver.recv_async()).collect();
            assert!(
                receives
                    .iter_mut()
                    .all(|future| look_with(future, &waker).is_pending())
            );
            drop(sender);
            assert_eq!(told.wakes(), 10);
            assert!(
                receives
                    .iter_mut()
                    .all(|future| look(future) == Poll::Ready(Err(RecvError)))
            );
        }
    });
}

/// What happens between two polls of a future that is dropped in the end.
const STEPS: usize = 4;

/// Cancel-safety of receives: polled k times while values come, then dropped: whatever it has not
/// returned is still there, in order, and each value is dropped once.
#[test]
fn a_receive_dropped_at_any_poll_loses_nothing() {
    watched(|| {
        for capacity in [Some(0), Some(1), Some(3), None] {
            for polls in 0..=STEPS {
                for send_after in 0..=STEPS {
                    receive_dropped(capacity, polls, send_after);
                }
            }
        }
    });
}

fn receive_dropped(capacity: Option<usize>, polls: usize, send_after: usize) {
    let drops = Drops::new();
    let (sender, receiver) = match capacity {
        Some(capacity) => channel::bounded(capacity),
        None => channel::unbounded(),
    };
    // Futures, so that none of this needs a second thread: without a buffer they wait.
    let mut sends: Vec<_> = (0..2)
        .map(|i| sender.send_async((i, drops.track())))
        .collect();
    let mut receives = receiver.recv_async();
    let mut got = Vec::new();
    for step in 0..=STEPS {
        if step == send_after {
            sends.retain_mut(|send| look(send).is_pending());
        }
        if step < polls {
            if let Poll::Ready(value) = look(&mut receives) {
                got.push(value.unwrap());
                break;
            }
        }
    }
    drop(receives);
    // A send that is waiting may have been told in the meantime.
    while got.len() < 2 {
        sends.retain_mut(|send| look(send).is_pending());
        got.push(receiver.try_recv().unwrap_or_else(|error| {
            panic!("{capacity:?}, {polls} polls, sent before poll {send_after}: {error}")
        }));
    }
    assert!(got.iter().map(|(i, _)| *i).eq(0..2), "in order");
    assert!(receiver.try_recv().is_err());
    drop((got, sends));
    drop((sender, receiver));
    assert_eq!((drops.made(), drops.alive()), (2, 0));
}

/// Cancel-safety of sends: polled k times while a receiver takes, then dropped: its value was received
/// once, or dropped with it.
#[test]
fn a_send_dropped_at_any_poll_is_received_or_dropped() {
    watched(|| {
        for capacity in [0, 1, 3] {
            for polls in 0..=STEPS {
                for receive_after in 0..=STEPS {
                    send_dropped(capacity, polls, receive_after);
                }
            }
        }
    });
}

fn send_dropped(capacity: usize, polls: usize, receive_after: usize) {
    let drops = Drops::new();
    let (sender, receiver) = channel::bounded(capacity);
    (0..capacity).for_each(|_| sender.send((0, drops.track())).unwrap());
    let mut sends = sender.send_async((1, drops.track()));
    let mut behind = sender.send_async((2, drops.track()));
    let mut got = Vec::new();
    let mut sent = false;
    let mut behind_sent = false;
    for step in 0..=STEPS {
        if step == receive_after {
            got.extend(receiver.try_recv());
        }
        if step < polls && !sent {
            sent = matches!(look(&mut sends), Poll::Ready(Ok(())));
        }
        if step == 1 {
            behind_sent = matches!(look(&mut behind), Poll::Ready(Ok(())));
            assert!(!behind_sent || polls < 2, "it stands behind");
        }
    }
    drop(sends);
    for _ in 0..capacity + 2 {
        got.extend(receiver.try_recv());
        behind_sent = behind_sent || matches!(look(&mut behind), Poll::Ready(Ok(())));
    }
    let count = |n| got.iter().filter(|(i, _)| *i == n).count();
    let case = format!("capacity {capacity}, {polls} polls, received before poll {receive_after}");
    assert_eq!(count(0), capacity, "{case}");
    assert_eq!(count(2), 1, "{case}");
    // Without a buffer it may have been taken without the future's knowing.
    assert!(
        count(1) == usize::from(sent) || capacity == 0 && count(1) == 1,
        "{case}"
    );
    drop((got, behind));
    drop((sender, receiver));
    assert_eq!((drops.made(), drops.alive()), (2 + capacity, 0), "{case}");
}

/// Futures may be moved between polls, and polled by another thread.
#[test]
fn futures_may_be_moved_between_polls() {
    watched(|| {
        let (sender, receiver) = channel::bounded(0);
        let told = CountingWaker::new();
        let mut sends = sender.send_async(vec![1, 2, 3]);
        assert!(look_with(&mut sends, &Waker::from(told.clone())).is_pending());
        let mut moved = Box::new(sends);
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(look(&mut *moved).is_pending()));
        });
        assert_eq!(receiver.recv(), Ok(vec![1, 2, 3]));
        let mut back = *moved;
        assert_eq!(look(&mut back), Poll::Ready(Ok(())));
    });
}

/// A waker that panics, or that uses the channel, does not hurt who wakes it.
#[test]
fn wakers_are_foreign_code() {
    struct Panics;
    impl std::task::Wake for Panics {
        fn wake(self: std::sync::Arc<Self>) {
            std::panic::resume_unwind(Box::new("in a waker"));
        }
    }
    struct Sends(channel::Sender<u32>);
    impl std::task::Wake for Sends {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.try_send(8).unwrap();
        }
    }
    watched(|| {
        let (sender, receiver) = channel::bounded(5);
        let mut first = receiver.recv_async();
        let mut second = receiver.recv_async();
        let panics = Waker::from(std::sync::Arc::new(Panics));
        let sends = Waker::from(std::sync::Arc::new(Sends(sender.clone())));
        assert!(look_with(&mut first, &panics).is_pending());
        assert!(look_with(&mut second, &sends).is_pending());
        sender.send(1).unwrap();
        sender.send(2).unwrap();
        assert_eq!(look(&mut first), Poll::Ready(Ok(1)));
        assert_eq!(look(&mut second), Poll::Ready(Ok(2)));
        assert_eq!(receiver.try_recv(), Ok(8));
    });
}

/// A future in front of a blocked routine: each gets what is its own, in order.
#[test]
fn b5_futures_and_routines_stand_in_one_queue() {
    watched(|| {
        workers(1).run(|| {
            let (sender, receiver) = channel::bounded(1);
            sender.send(0).unwrap();
            let mut first = sender.send_async(1);
            assert!(look(&mut first).is_pending());
            let of_second = sender.clone();
            let second = blocked(move || of_second.send(2));
            let mut third = sender.send_async(3);
            assert!(look(&mut third).is_pending());
            assert_eq!(receiver.recv(), Ok(0));
            assert!(look(&mut third).is_pending());
            assert_eq!(look(&mut first), Poll::Ready(Ok(())));
            assert_eq!(receiver.recv_timeout(Duration::from_secs(5)), Ok(1));
            assert_eq!(second.join().unwrap(), Ok(()));
            assert_eq!(receiver.recv(), Ok(2));
            assert_eq!(look(&mut third), Poll::Ready(Ok(())));
            assert_eq!(receiver.recv(), Ok(3));
        });
    });
}

/// Many tasks of one hand-driven executor, many routines, values each received once.
#[test]
fn many_tasks_and_routines_share_a_channel() {
    const EACH: u64 = 200;
    watched(|| {
        let runtime = workers(2);
        for capacity in [0, 3] {
            let (sender, receiver) = channel::bounded(capacity);
            let sends: Vec<_> = (0..6_u64)
                .map(|s| {
                    let sender = sender.clone();
                    start(
                        &runtime,
                        [On::Routine, On::Thread][s as usize % 2],
                        move || {
                            for i in 0..EACH {
                                match s % 3 {
                                    0 => sender.send(s * EACH + i).unwrap(),
                                    _ => {
                                        block_on_anywhere(sender.send_async(s * EACH + i)).unwrap()
                                    }
                                }
                            }
                        },
                    )
                })
                .collect();
            drop(sender);
            let receives: Vec<_> = (0..6_u64)
                .map(|r| {
                    let receiver = receiver.clone();
                    start(
                        &runtime,
                        [On::Routine, On::Thread][r as usize % 2],
                        move || {
                            let mut got = Vec::new();
                            loop {
                                let value = match r % 3 {
                                    0 => receiver.recv(),
                                    _ => block_on_anywhere(receiver.recv_async()),
                                };
                                match value {
                                    Ok(value) => got.push(value),
                                    Err(RecvError) => return got,
                                }
                            }
                        },
                    )
                })
                .collect();
            sends.into_iter().for_each(Side::join);
            let mut all: Vec<u64> = receives.into_iter().flat_map(Side::join).collect();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..6 * EACH));
        }
    });
}

/// An executor of one future on whatever runs here: a routine's waker unparks it.
fn block_on_anywhere<F: Future + Unpin>(mut future: F) -> F::Output {
    struct Unpark(rust_routines::routine::Routine);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let Some(routine) = rust_routines::routine::current() else {
        return block_on(future);
    };
    let waker = Waker::from(std::sync::Arc::new(Unpark(routine)));
    loop {
        let mut cx = std::task::Context::from_waker(&waker);
        match Pin::new(&mut future).poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => rust_routines::routine::park(),
        }
    }
}
