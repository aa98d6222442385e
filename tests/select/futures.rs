//! Futures of channel ends inside of selects, and tasks that meet selects.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use rust_routines::channel;
use rust_routines::select;
use rust_routines::time::Duration;
use rust_routines_tests::tasks::{CountingWaker, block_on};
use rust_routines_tests::watched;

use super::{blocked, workers};

fn look<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// `recv_async` and `send_async` are arms as they are, polled before or not.
#[test]
fn futures_of_ends_are_arms() {
    watched(|| {
        workers(1).run(|| {
            for polled in [false, true] {
                for capacity in [0, 1] {
                    let (sender, receiver) = channel::bounded(capacity);
                    let never = channel::never::<u32>();
                    let mut receives = receiver.recv_async();
                    if polled {
                        assert!(look(&mut receives, Waker::noop()).is_pending());
                    }
                    let of_third = sender.clone();
                    let sends = rust_routines::routine::spawn(move || of_third.send(4));
                    let got =
                        select! { value = &mut receives => value, value = never.recv() => value };
                    assert_eq!(got, Ok(4));
                    sends.join().unwrap().unwrap();
                    (0..capacity).for_each(|_| sender.send(0).unwrap());
                    let mut sends = sender.send_async(5);
                    if polled {
                        assert!(look(&mut sends, Waker::noop()).is_pending());
                    }
                    let of_other = receiver.clone();
                    let receives = rust_routines::routine::spawn(move || {
                        of_other.iter().take(capacity + 1).last()
                    });
                    select! { sent = &mut sends => sent.unwrap(), _ = never.recv() => {} }
                    assert_eq!(receives.join().unwrap(), Some(5));
                }
            }
        });
    });
}

/// A future that a select did not choose goes on as what it was: its task polls it again.
#[test]
fn a_future_that_lost_a_select_goes_on() {
    watched(|| {
        let (sender, receiver) = channel::bounded(1);
        let told = CountingWaker::new();
        let waker = Waker::from(told.clone());
        let mut receives = receiver.recv_async();
        for polled in [false, true] {
            if polled {
                assert!(look(&mut receives, &waker).is_pending());
            }
            let chosen = select! {
                _ = &mut receives => 1,
                default(Duration::from_millis(1)) => 2,
            };
            assert_eq!(chosen, 2);
        }
        assert!(look(&mut receives, &waker).is_pending());
        sender.send(3).unwrap();
        assert_eq!(told.wakes(), 1);
        assert_eq!(look(&mut receives, &waker), Poll::Ready(Ok(3)));
    });
}

/// A task waits, then a select comes, and the other way round; with and without a buffer.
#[test]
fn tasks_meet_selects() {
    const VALUES: u32 = 500;
    watched(|| {
        let runtime = workers(2);
        for capacity in [0, 1, 10] {
            for task_sends in [true, false] {
                let (sender, receiver) = channel::bounded(capacity);
                let never = channel::never::<u32>();
                if task_sends {
                    let task = std::thread::spawn(move || {
                        block_on(async {
                            for i in 0..VALUES {
                                sender.send_async(i).await.unwrap();
                            }
                        });
                    });
                    let got = runtime.run(move || {
                        (0..VALUES)
                            .map(|_| select! { v = receiver.recv() => v.unwrap(), _ = never.recv() => 0 })
                            .collect::<Vec<_>>()
                    });
                    assert!(got.into_iter().eq(0..VALUES));
                    task.join().unwrap();
                } else {
                    let task = std::thread::spawn(move || {
                        block_on(async {
                            for i in 0..VALUES {
                                assert_eq!(receiver.recv_async().await, Ok(i));
                            }
                        });
                    });
                    runtime.run(move || {
                        let mut slot = None;
                        for i in 0..VALUES {
                            slot = slot.or(Some(i));
                            select! { sent = sender.send_from(&mut slot) => sent.unwrap(), _ = never.recv() => {} }
                        }
                    });
                    task.join().unwrap();
                }
            }
        }
    });
}

/// A told future is dropped: the select that waits behind it has the news.
#[test]
fn a_told_future_that_goes_tells_a_select() {
    watched(|| {
        workers(1).run(|| {
            for capacity in [0, 1] {
                let (sender, receiver) = channel::bounded(capacity);
                let mut first = receiver.recv_async();
                assert!(look(&mut first, Waker::noop()).is_pending());
                let of_select = receiver.clone();
                let never = channel::never::<u32>();
                let waits = blocked(move || {
                    select! { value = of_select.recv() => value, value = never.recv() => value }
                });
                let of_sender = sender.clone();
                let sends = blocked(move || of_sender.send(1));
                drop(first);
                assert_eq!(waits.join().unwrap(), Ok(1));
                assert_eq!(sends.join().unwrap(), Ok(()));
                // The other direction.
                (0..capacity).for_each(|_| sender.send(0).unwrap());
                let mut first = sender.send_async(2);
                assert!(look(&mut first, Waker::noop()).is_pending());
                let of_select = sender.clone();
                let never = channel::never::<u32>();
                let waits = blocked(move || {
                    select! { sent = of_select.send(3) => sent.is_ok(), _ = never.recv() => false }
                });
                if capacity == 1 {
                    assert_eq!(receiver.recv(), Ok(0), "`first` is told");
                }
                drop(first);
                assert_eq!(receiver.recv_timeout(Duration::from_secs(5)), Ok(3));
                assert!(waits.join().unwrap());
            }
        });
    });
}

/// Counts how often it is asked.
struct Asked(Arc<AtomicUsize>);

impl select::Arm for Asked {
    type Output = ();

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<()> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Poll::Pending
    }
}

/// A select that waits while a told future does not look sleeps: it does not look again and again.
#[test]
fn a_select_beside_a_told_future_sleeps() {
    watched(|| {
        workers(1).run(|| {
            for case in 0..8 {
                let (future_sends, select_sends) = (case & 1 == 1, case & 2 == 2);
                let capacity = case / 4;
                let (sender, receiver) = channel::bounded(capacity);
                (0..capacity).for_each(|_| sender.send(0).unwrap());
                let mut sends = sender.send_async(1);
                let mut receives = receiver.recv_async();
                // Told, and not looking: of room, or of a value.
                if future_sends {
                    assert!(look(&mut sends, Waker::noop()).is_pending());
                    receiver.try_recv().unwrap();
                } else {
                    receiver.try_iter().for_each(drop);
                    assert!(look(&mut receives, Waker::noop()).is_pending());
                    assert_eq!(sender.try_send(2).is_ok(), capacity == 1);
                }
                let asked = Arc::new(AtomicUsize::new(0));
                let (of_select, a, b) = (asked.clone(), sender.clone(), receiver.clone());
                let waits = blocked(move || {
                    select! {
                        _ = a.send(3), if select_sends => {}
                        _ = b.recv(), if !select_sends => {}
                        _ = Asked(of_select) => unreachable!(),
                    }
                });
                for _ in 0..50 {
                    rust_routines::routine::yield_now();
                }
                let count = asked.load(Ordering::SeqCst);
                assert!(count <= 4, "case {case}: asked {count} times");
                sender.close();
                waits.join().unwrap();
            }
        });
    });
}

/// A foreign arm that asks for another look each time lets the others of its worker run.
#[test]
fn a_restless_arm_does_not_keep_its_worker() {
    struct Wrapped<A>(A);
    impl<A: select::Arm> select::Arm for Wrapped<A> {
        type Output = A::Output;
        fn poll(&mut self, cx: &mut Context<'_>) -> Poll<A::Output> {
            self.0.poll(cx)
        }
    }
    watched(|| {
        workers(1).run(|| {
            let (sender, receiver) = channel::bounded(1);
            sender.send(0).unwrap();
            let receives = rust_routines::routine::spawn(move || {
                rust_routines::time::sleep(Duration::from_millis(2));
                [receiver.recv(), receiver.recv()]
            });
            rust_routines::routine::yield_now();
            let mut slot = Some(1);
            select! { sent = Wrapped(sender.send_from_arm(&mut slot)) => sent.unwrap() }
            let timer = rust_routines::time::after(Duration::from_millis(2));
            select! { _ = Wrapped(timer) => {} }
            assert_eq!(receives.join().unwrap(), [Ok(0), Ok(1)]);
        });
    });
}
