//! Arms that are no channel ends: handles, futures, timers, boxed ones, and toys of strangers - ready at
//! once, later, from another thread, forgetful, late, panicking and parking ones.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use rust_routines::channel::{self, TrySendError};
use rust_routines::routine;
use rust_routines::select;
use rust_routines::select::Arm;
use rust_routines::time::{self, Duration};
use rust_routines_tests::drops::Drops;
use rust_routines_tests::{LIMIT, eventually, watched};

use super::{blocked, workers};

/// What strangers set, and whom it tells.
#[derive(Default)]
struct Flag {
    state: Mutex<(Option<u32>, Vec<Waker>)>,
}

impl Flag {
    fn set(&self, value: u32) {
        let mut state = self.state.lock().unwrap();
        state.0 = Some(value);
        let wakers = std::mem::take(&mut state.1);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// Ready when its flag is set; never takes its wakers back.
struct WhenSet(Arc<Flag>);

impl Arm for WhenSet {
    type Output = u32;

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<u32> {
        let mut state = self.0.state.lock().unwrap();
        match state.0.take() {
            Some(value) => Poll::Ready(value),
            None => {
                state.1.push(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

#[test]
fn a_foreign_arm_that_is_ready_at_once() {
    watched(|| {
        let flag = Arc::new(Flag::default());
        flag.set(1);
        let never = channel::never::<u32>();
        let got = select! { value = WhenSet(flag.clone()) => value, _ = never.recv() => 0 };
        assert_eq!(got, 1);
        let got = select! { value = WhenSet(flag.clone()) => value, default => 0 };
        assert_eq!(got, 0);
        flag.set(2);
        assert_eq!(
            select! { value = WhenSet(flag.clone()) => value, default => 0 },
            2
        );
    });
}

/// Told by another thread, in every order of setting and waiting.
#[test]
fn a_foreign_arm_that_another_thread_tells() {
    watched(|| {
        let runtime = workers(2);
        let flag = Arc::new(Flag::default());
        let (sender, receiver) = channel::bounded::<u32>(0);
        for on_thread in [false, true] {
            for round in 0..500_u32 {
                let (waits_for, receiver) = (flag.clone(), receiver.clone());
                let waits = move || {
                    select! {
                        value = WhenSet(waits_for) => value,
                        value = receiver.recv() => value.unwrap(),
                    }
                };
                let of_setter = flag.clone();
                let sets = thread::spawn(move || {
                    (0..round % 64).for_each(|_| std::hint::spin_loop());
                    of_setter.set(round);
                });
                let got = match on_thread {
                    false => runtime.run(waits),
                    true => waits(),
                };
                assert_eq!(got, round);
                sets.join().unwrap();
            }
        }
        drop(sender);
    });
}

/// Exactly one: if the channel's arm is chosen, what the flag holds stays there for the next.
#[test]
fn a_foreign_arm_and_a_channel_race() {
    watched(|| {
        let runtime = workers(2);
        let (sender, receiver) = channel::bounded(1);
        let flag = Arc::new(Flag::default());
        let of_select = flag.clone();
        let sums = runtime.spawn(move || {
            let (mut of_flag, mut of_channel) = (0, 0);
            while of_flag < 1000 || of_channel < 1000 {
                select! {
                    value = WhenSet(of_select.clone()) => of_flag += value,
                    value = receiver.recv(), if of_channel < 1000 => of_channel += value.unwrap(),
                }
            }
            (of_flag, of_channel)
        });
        let sends = runtime.spawn(move || (0..1000).for_each(|_| sender.send(1_u32).unwrap()));
        for _ in 0..1000 {
            flag.set(1);
            eventually("it is taken", || flag.state.lock().unwrap().0.is_none());
        }
        assert_eq!(sums.join().unwrap(), (1000, 1000));
        sends.join().unwrap();
    });
}

/// Wakers that are kept, and woken when their select, its routine and its runtime are long gone.
#[test]
fn a_waker_that_is_late_harms_nobody() {
    watched(|| {
        let flags: Vec<Arc<Flag>> = (0..50).map(|_| Arc::default()).collect();
        let runtime = workers(2);
        for flag in &flags {
            let flag = flag.clone();
            let timed_out = runtime.run(move || {
                select! {
                    _ = WhenSet(flag) => false,
                    time::after(Duration::from_micros(200)) => true,
                }
            });
            assert!(timed_out);
        }
        // While others wait, perhaps on the same stacks.
        let (sender, receiver) = channel::bounded(0);
        let waits: Vec<_> = (0..50)
            .map(|_| {
                let receiver = receiver.clone();
                let never = channel::never::<u32>();
                runtime.spawn(move || select! { value = receiver.recv() => value, value = never.recv() => value })
            })
            .collect();
        for flag in &flags[..25] {
            flag.set(1);
        }
        (0..50).for_each(|i| sender.send(i).unwrap());
        let got: Vec<_> = waits
            .into_iter()
            .map(|wait| wait.join().unwrap().unwrap())
            .collect();
        assert_eq!(got.iter().sum::<u32>(), 49 * 25);
        drop(runtime);
        for flag in &flags[25..] {
            flag.set(1);
        }
    });
}

/// Wakes for nothing, many of them, while it waits: it looks again and goes on waiting.
#[test]
fn wakes_for_nothing_change_nothing() {
    struct Restless(Arc<Mutex<Option<Waker>>>, Arc<AtomicUsize>);
    impl Arm for Restless {
        type Output = ();
        fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
            *self.0.lock().unwrap() = Some(cx.waker().clone());
            self.1.fetch_add(1, Ordering::SeqCst);
            Poll::Pending
        }
    }
    watched(|| {
        let runtime = workers(2);
        let (sender, receiver) = channel::bounded(0);
        let (waker, polls) = (Arc::default(), Arc::new(AtomicUsize::new(0)));
        let of_select = Restless(Arc::clone(&waker), polls.clone());
        let waits = runtime.spawn(move || {
            select! { value = receiver.recv() => value, _ = of_select => Ok(0) }
        });
        for n in 1..200 {
            eventually("it has looked again", || polls.load(Ordering::SeqCst) >= n);
            let waker = waker.lock().unwrap().clone().unwrap();
            waker.wake_by_ref();
            waker.wake();
        }
        sender.send(5).unwrap();
        assert_eq!(waits.join().unwrap(), Ok(5));
    });
}

/// A panic in `poll` goes on in the one who selects; the other arms are withdrawn, their values dropped.
#[test]
fn an_arm_that_panics() {
    struct Panics(u32);
    impl Arm for Panics {
        type Output = ();
        fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
            if self.0 == 0 {
                panic::resume_unwind(Box::new("in poll"));
            }
            self.0 -= 1;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }
    watched(|| {
        for looks in [0, 1, 5] {
            let drops = Drops::new();
            let (sender, receiver) = channel::bounded(0);
            let (of_select, tracked) = (sender.clone(), drops.track());
            let never = channel::never::<u32>();
            let failed = workers(1).run(move || {
                blocked(move || {
                    select! {
                        _ = of_select.send(tracked) => {}
                        _ = never.recv() => {}
                        _ = Panics(looks) => {}
                    }
                })
                .join()
                .is_err()
            });
            assert!(failed);
            assert_eq!((drops.made(), drops.alive()), (1, 0));
            assert!(receiver.try_recv().is_err(), "its waiter has gone");
            let sent = sender.try_send(drops.track()).unwrap_err();
            assert!(matches!(sent, TrySendError::Full(_)));
        }
    });
}

/// A park in `poll` panics, and says where `forbid_park` was.
#[test]
fn an_arm_that_parks_is_named() {
    struct Parks;
    impl Arm for Parks {
        type Output = ();
        fn poll(&mut self, _: &mut Context<'_>) -> Poll<()> {
            routine::yield_now();
            Poll::Ready(())
        }
    }
    struct Nests(channel::Receiver<u32>);
    impl Arm for Nests {
        type Output = ();
        fn poll(&mut self, _: &mut Context<'_>) -> Poll<()> {
            let never = channel::never::<u32>();
            select! { _ = self.0.recv() => {}, never.recv() => {} }
            Poll::Ready(())
        }
    }
    fn text(select: impl FnOnce()) -> String {
        let thrown = panic::catch_unwind(AssertUnwindSafe(select));
        let payload = thrown.expect_err("a park in poll");
        payload.downcast_ref::<String>().expect("a text").clone()
    }
    watched(|| {
        workers(1).run(|| {
            for text in [
                text(|| select! { _ = Parks => {} }),
                text(|| select! { _ = Nests(channel::never()) => {}, default => {} }),
            ] {
                assert!(text.contains("forbid_park"), "{text}");
            }
            // Neither is parking forbidden afterwards.
            routine::yield_now();
        });
    });
}

/// Dropped when another arm is chosen, before the body; and when it is chosen itself.
#[test]
fn foreign_arms_are_dropped_before_the_body() {
    struct Held<T>(T, bool);
    impl<T> Arm for Held<T> {
        type Output = ();
        fn poll(&mut self, _: &mut Context<'_>) -> Poll<()> {
            if self.1 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }
    }
    watched(|| {
        let drops = Drops::new();
        for ready in [true, false] {
            select! {
                _ = Held(drops.track(), ready) => assert!(ready && drops.alive() == 0),
                _ = Held(drops.track(), !ready) => assert!(!ready && drops.alive() == 0),
            }
        }
        assert_eq!(drops.made(), 4);
    });
}

/// B15: a handle of a routine: it ends, it panics, it is cancelled; borrowed, it can be asked again.
#[test]
fn a_handle_is_an_arm() {
    watched(|| {
        let runtime = workers(2);
        let never = channel::never::<u32>();
        let mut handle = runtime.spawn(|| 5);
        assert_eq!(
            select! { result = &mut handle => result.unwrap(), never.recv() => 0 },
            5
        );
        let handle = runtime.spawn(|| panic::resume_unwind(Box::new("failed")));
        let result: Result<u32, _> = select! { result = handle => result, never.recv() => Ok(0) };
        assert!(result.is_err());
        let (sender, receiver) = channel::bounded(0);
        let mut handle = runtime.spawn(move || receiver.recv());
        for _ in 0..3 {
            select! {
                _ = &mut handle => panic!("it waits"),
                default(Duration::from_micros(100)) => {}
            }
        }
        sender.send(6).unwrap();
        assert_eq!(
            select! { result = &mut handle => result.unwrap(), default(LIMIT) => Ok(0) },
            Ok(6)
        );
        let mut handles: Vec<_> = (0..3_u32)
            .map(|i| {
                runtime.spawn(move || {
                    routine::sleep(Duration::from_millis(u64::from(i)));
                    i
                })
            })
            .collect();
        let [a, b, c] = &mut handles[..] else {
            unreachable!()
        };
        let first = select! { r = a => r.unwrap(), r = b => r.unwrap(), r = c => r.unwrap() };
        assert!(first < 3);
        // From a routine too, and from one to one of its own worker.
        assert_eq!(
            workers(1).run(|| select! { r = routine::spawn(|| 7) => r.unwrap() }),
            7
        );
    });
}

#[test]
fn any_future_is_an_arm() {
    watched(|| {
        let runtime = workers(1);
        runtime.run(|| {
            let never = channel::never::<u32>();
            let (sender, receiver) = channel::bounded(1);
            let text = select! {
                text = select::future(async {
                    let a: u32 = receiver.recv_async().await.unwrap();
                    let b = receiver.recv_async().await.unwrap();
                    format!("{a} {b}")
                }) => text,
                _ = select::future(async {
                    sender.send_async(1).await.unwrap();
                    sender.send_async(2).await.unwrap();
                    std::future::pending::<()>().await
                }) => unreachable!(),
                _ = never.recv() => unreachable!(),
            };
            assert_eq!(text, "1 2");
            // One future over several selects.
            let mut adds = select::future(async {
                let mut sum = 0;
                while let Ok(value) = receiver.recv_async().await {
                    sum += value;
                }
                sum
            });
            for i in 0..10 {
                select! { _ = &mut adds => unreachable!(), sent = sender.send(i) => sent.unwrap() }
                select! { _ = &mut adds => unreachable!(), default => {} }
            }
            drop(sender);
            assert_eq!(select! { sum = adds => sum }, 45);
        });
    });
}

/// A future that is dropped while pending gives up what it waits for.
#[test]
fn a_future_that_loses_is_dropped() {
    watched(|| {
        let drops = Drops::new();
        let tracked = drops.track();
        let (sender, receiver) = channel::bounded::<u32>(1);
        select! {
            _ = select::future(async {
                let _held = tracked;
                receiver.recv_async().await
            }) => unreachable!(),
            default(Duration::from_millis(1)) => assert_eq!(drops.alive(), 0),
        }
        sender.send(1).unwrap();
        assert_eq!(receiver.try_recv(), Ok(1));
    });
}

/// `map`, boxes and borrows of arms are arms, ours and foreign ones.
#[test]
fn map_boxes_and_borrows() {
    watched(|| {
        workers(1).run(|| {
            let (sender, receiver) = channel::bounded(0);
            let flag = Arc::new(Flag::default());
            for round in 0..30 {
                let mut mapped = select::map(receiver.recv_arm(), |value| value.unwrap() * 10);
                let boxed: Box<dyn Arm<Output = u32>> = Box::new(WhenSet(flag.clone()));
                let mut deep = Box::new(select::map(boxed, |value| value + 1));
                let also: Box<dyn Arm<Output = u32>> =
                    Box::new(select::map(time::after(LIMIT), |_| 0));
                let (of_sender, of_flag) = (sender.clone(), flag.clone());
                let other = routine::spawn(move || match round % 2 {
                    0 => of_sender.send(round).unwrap(),
                    _ => of_flag.set(round),
                });
                let got = select! {
                    value = &mut mapped => value,
                    value = &mut deep => value,
                    value = also => value,
                };
                assert_eq!(
                    got,
                    if round % 2 == 0 {
                        round * 10
                    } else {
                        round + 1
                    }
                );
                other.join().unwrap();
            }
        });
    });
}

/// A waker handed to a stranger is one of strangers: cloned, compared, woken by value and reference.
#[test]
fn the_waker_is_an_ordinary_one() {
    struct Inner(Waker);
    impl Wake for Inner {
        fn wake(self: Arc<Self>) {
            self.0.wake_by_ref();
        }
    }
    struct Wrapped(bool);
    impl Arm for Wrapped {
        type Output = bool;
        fn poll(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
            if std::mem::replace(&mut self.0, true) {
                return Poll::Ready(cx.waker().will_wake(&cx.waker().clone()));
            }
            let waker = Waker::from(Arc::new(Inner(cx.waker().clone())));
            thread::spawn(move || waker.wake());
            Poll::Pending
        }
    }
    watched(|| {
        assert!(select! { same = Wrapped(false) => same });
        assert!(workers(1).run(|| select! { same = Wrapped(false) => same }));
    });
}
