//! A handle is a future for the tasks of any executor: here the smallest one.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use rust_routines::channel;
use rust_routines::routine::{self, JoinError, JoinHandle};
use rust_routines::time::Duration;
use rust_routines_tests::drops::Drops;
use rust_routines_tests::tasks::{CountingWaker, block_on};
use rust_routines_tests::{eventually, watched};

use super::workers;

fn poll<T>(handle: &mut JoinHandle<T>, waker: &Arc<CountingWaker>) -> Poll<Result<T, JoinError>> {
    let waker = Waker::from(waker.clone());
    Pin::new(handle).poll(&mut Context::from_waker(&waker))
}

/// A routine that ends when the sender is dropped.
fn waiting(runtime: &rust_routines::runtime::Runtime) -> (channel::Sender<()>, JoinHandle<u64>) {
    let (go, wait) = channel::bounded::<()>(0);
    let handle = runtime.spawn(move || {
        assert!(wait.recv().is_err());
        7
    });
    (go, handle)
}

#[test]
fn await_gives_what_join_gives() {
    watched(|| {
        let runtime = workers(2);
        assert_eq!(block_on(runtime.spawn(|| 7)).unwrap(), 7);
        let slept = runtime.spawn(|| routine::sleep(Duration::from_millis(2)));
        block_on(slept).unwrap();
        let failed = block_on(runtime.spawn(|| std::panic::resume_unwind(Box::new(3_u8))));
        let failed: Result<(), _> = failed;
        let Err(JoinError::Panicked(payload)) = failed else {
            panic!("{failed:?}");
        };
        assert_eq!(payload.downcast_ref(), Some(&3_u8));
        let parked = runtime.spawn(routine::park);
        drop(runtime);
        assert!(matches!(block_on(parked), Err(JoinError::Cancelled)));
    });
}

#[test]
fn many_are_awaited_one_after_the_other() {
    watched(|| {
        let runtime = workers(4);
        let handles: Vec<_> = (0..2000_u64)
            .map(|i| {
                runtime.spawn(move || {
                    routine::sleep(Duration::from_micros(i % 50));
                    i
                })
            })
            .collect();
        let sum = block_on(async {
            let mut sum = 0;
            for handle in handles {
                sum += handle.await.unwrap();
            }
            sum
        });
        assert_eq!(sum, 1999 * 2000 / 2);
    });
}

#[test]
fn a_task_is_woken_once() {
    watched(|| {
        let runtime = workers(1);
        let (go, mut handle) = waiting(&runtime);
        let waker = CountingWaker::new();
        assert!(poll(&mut handle, &waker).is_pending());
        assert_eq!(waker.wakes(), 0);
        drop(go);
        eventually("it is woken", || waker.wakes() > 0);
        assert!(handle.is_finished());
        assert!(matches!(poll(&mut handle, &waker), Poll::Ready(Ok(7))));
        assert_eq!(waker.wakes(), 1);
    });
}

#[test]
fn the_last_waker_is_the_one_that_is_woken() {
    watched(|| {
        let runtime = workers(1);
        let (go, mut handle) = waiting(&runtime);
        let wakers = [
            CountingWaker::new(),
            CountingWaker::new(),
            CountingWaker::new(),
        ];
        for waker in &wakers {
            assert!(poll(&mut handle, waker).is_pending());
        }
        drop(go);
        eventually("it is woken", || wakers[2].wakes() == 1);
        assert_eq!((wakers[0].wakes(), wakers[1].wakes()), (0, 0));
        assert!(matches!(poll(&mut handle, &wakers[0]), Poll::Ready(Ok(7))));
        // A replaced waker is let go of.
        for waker in wakers {
            eventually("nobody holds it", || Arc::strong_count(&waker) == 1);
        }
    });
}

#[test]
fn a_dropped_future_lets_go_of_everything() {
    watched(|| {
        let runtime = workers(1);
        let drops = Drops::new();
        for polled in [false, true] {
            let (go, wait) = channel::bounded::<()>(0);
            let (captured, of_routine) = (drops.track(), drops.clone());
            let mut handle = runtime.spawn(move || {
                assert!(wait.recv().is_err());
                drop(captured);
                of_routine.track()
            });
            let waker = CountingWaker::new();
            if polled {
                assert!(poll(&mut handle, &waker).is_pending());
            }
            drop(handle);
            assert_eq!(Arc::strong_count(&waker), 1, "the waker is let go of");
            // The routine goes on, and its result is dropped with nobody to wake.
            drop(go);
            eventually("its result is dropped", || drops.alive() == 0);
            assert_eq!(waker.wakes(), 0);
        }
        assert_eq!(drops.made(), 4);
    });
}

#[test]
fn a_polled_handle_can_still_be_joined() {
    watched(|| {
        let runtime = workers(2);
        let (go, mut handle) = waiting(&runtime);
        let waker = CountingWaker::new();
        assert!(poll(&mut handle, &waker).is_pending());
        let joining = runtime.spawn(move || handle.join().unwrap());
        eventually("the waker is let go of", || Arc::strong_count(&waker) == 1);
        drop(go);
        assert_eq!(joining.join().unwrap(), 7);
        assert_eq!(waker.wakes(), 0);
    });
}

#[test]
fn a_handle_that_has_given_its_result_panics_when_used_again() {
    watched(|| {
        let runtime = workers(1);
        let mut handle = runtime.spawn(|| 7);
        eventually("it has ended", || handle.is_finished());
        let waker = CountingWaker::new();
        assert!(matches!(poll(&mut handle, &waker), Poll::Ready(Ok(7))));
        let again = std::panic::AssertUnwindSafe(|| drop(poll(&mut handle, &waker)));
        assert!(std::panic::catch_unwind(again).is_err());
        // And to drop it is fine.
        drop(handle);
    });
}

/// The end races with polls, replaced wakers and drops.
#[test]
fn ends_race_with_polls_and_drops() {
    watched(|| {
        let runtime = workers(2);
        let drops = Drops::new();
        for i in 0..3000_usize {
            let tracked = drops.track();
            let mut handle = runtime.spawn(move || {
                for _ in 0..i % 7 {
                    std::hint::spin_loop();
                }
                tracked
            });
            let waker = CountingWaker::new();
            let mut result = None;
            for _ in 0..i % 4 {
                if let Poll::Ready(ready) = poll(&mut handle, &waker) {
                    result = Some(ready.unwrap());
                    break;
                }
            }
            if result.is_none() && i % 2 == 0 {
                result = Some(block_on(handle).unwrap());
            }
            drop(result);
        }
        eventually("everything is dropped", || drops.alive() == 0);
    });
}

/// A waker is foreign code: it runs where the routine ends, and must not park there.
#[test]
fn a_waker_that_parks_is_refused() {
    struct Parks;
    impl std::task::Wake for Parks {
        fn wake(self: Arc<Self>) {
            let thrown = std::panic::catch_unwind(routine::yield_now);
            assert!(thrown.is_err(), "parking is forbidden in a waker");
            WOKEN.store(true, std::sync::atomic::Ordering::SeqCst);
        }
    }
    static WOKEN: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
    watched(|| {
        let runtime = workers(1);
        let (go, mut handle) = waiting(&runtime);
        let waker = Waker::from(Arc::new(Parks));
        let polled = Pin::new(&mut handle).poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        drop(go);
        eventually("it was woken", || {
            WOKEN.load(std::sync::atomic::Ordering::SeqCst)
        });
        assert_eq!(handle.join().unwrap(), 7);
    });
}

/// A waker that panics is not the routine's business: the worker goes on, the result is there.
#[test]
fn a_waker_that_panics_harms_nobody() {
    struct Panics;
    impl std::task::Wake for Panics {
        fn wake(self: Arc<Self>) {
            std::panic::resume_unwind(Box::new("in a waker"));
        }
    }
    watched(|| {
        let runtime = workers(1);
        for _ in 0..20 {
            let (go, mut handle) = waiting(&runtime);
            let waker = Waker::from(Arc::new(Panics));
            let polled = Pin::new(&mut handle).poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
            drop(go);
            assert_eq!(runtime.spawn(|| 5).join().unwrap(), 5);
            assert_eq!(handle.join().unwrap(), 7);
        }
        eventually("all have ended", || runtime.metrics().live() == 0);
    });
}

/// A waker that takes the result at once, on the routine's own stack: the routine is still the one that
/// runs there, although its handle has gone.
#[test]
fn a_waker_that_takes_the_result_runs_in_its_routine() {
    struct Inline {
        handle: Mutex<Option<JoinHandle<u32>>>,
        seen: channel::Sender<(u32, Option<routine::Id>, routine::Id)>,
    }
    impl Wake for Inline {
        fn wake(self: Arc<Self>) {
            let mut handle = self.handle.lock().unwrap().take().unwrap();
            let polled = Pin::new(&mut handle).poll(&mut Context::from_waker(Waker::noop()));
            let Poll::Ready(Ok(value)) = polled else {
                return;
            };
            let id = handle.id();
            drop(handle);
            let current = routine::current();
            // Would get the header's memory, if that were free.
            drop(routine::spawn(|| ()));
            let current = current.map(|routine| routine.id());
            self.seen.send((value, current, id)).unwrap();
        }
    }
    let (seen, rx) = channel::bounded(1);
    let (go, gate) = channel::bounded::<()>(1);
    let mut handle = routine::spawn(move || {
        gate.recv().unwrap();
        7
    });
    let inline = Arc::new(Inline {
        handle: Mutex::new(None),
        seen,
    });
    let waker = Waker::from(inline.clone());
    let first = Pin::new(&mut handle).poll(&mut Context::from_waker(&waker));
    assert!(first.is_pending());
    *inline.handle.lock().unwrap() = Some(handle);
    go.send(()).unwrap();
    let (value, current, id) = rx.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!((value, current), (7, Some(id)));
}
