//! Wakers are foreign code that runs in the middle of a wake: it may drop futures, use the channel, panic.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Wake, Waker};

use rust_routines::channel::{self, Receiver, RecvError, RecvFuture, Sender};
use rust_routines_tests::tasks::CountingWaker;
use rust_routines_tests::watched;

use super::{look, look_with};

struct Calls<F>(F);

impl<F: Fn() + Send + Sync> Wake for Calls<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

fn calls(f: impl Fn() + Send + Sync + 'static) -> Waker {
    Waker::from(Arc::new(Calls(f)))
}

/// Ends that live as long as the process, so that wakers can hold their futures.
fn leaked(capacity: usize) -> (&'static Sender<u32>, &'static Receiver<u32>) {
    let (sender, receiver) = channel::bounded(capacity);
    (Box::leak(Box::new(sender)), Box::leak(Box::new(receiver)))
}

type Shared = Arc<Mutex<Vec<Pin<Box<RecvFuture<'static, u32>>>>>>;

/// The waker of the first future drops all the others, which the same close has to wake.
#[test]
fn a_waker_drops_the_futures_that_are_woken_next() {
    watched(|| {
        for others in 1..20 {
            let (sender, receiver) = leaked(1);
            let shared = Shared::default();
            let of_waker = shared.clone();
            let mut first = receiver.recv_async();
            let drops = calls(move || {
                let futures = std::mem::take(&mut *of_waker.lock().unwrap());
                drop(futures);
            });
            assert!(look_with(&mut first, &drops).is_pending());
            let counts = CountingWaker::new();
            for _ in 0..others {
                let mut future = Box::pin(receiver.recv_async());
                let waker = Waker::from(counts.clone());
                assert!(look_with(&mut future, &waker).is_pending());
                shared.lock().unwrap().push(future);
            }
            assert!(sender.close());
            assert!(shared.lock().unwrap().is_empty());
            assert!(counts.wakes() <= others);
            assert_eq!(look(&mut first), Poll::Ready(Err(RecvError)));
        }
    });
}

/// The waker of each drops the next one, which passes its news on, and so along the queue.
#[test]
fn a_told_future_that_is_dropped_by_a_waker_passes_its_news_on() {
    watched(|| {
        let (sender, receiver) = leaked(2);
        let shared = Shared::default();
        for _ in 0..10 {
            let mut future = Box::pin(receiver.recv_async());
            let of_waker = shared.clone();
            let waker = calls(move || {
                let told = of_waker.lock().unwrap().pop();
                drop(told);
            });
            assert!(look_with(&mut future, &waker).is_pending());
            // So that the one that is told, the first, is the last in here.
            shared.lock().unwrap().insert(0, future);
        }
        let told = CountingWaker::new();
        let mut last = receiver.recv_async();
        assert!(look_with(&mut last, &Waker::from(told.clone())).is_pending());
        sender.send(5).unwrap();
        assert!(shared.lock().unwrap().is_empty());
        assert_eq!(told.wakes(), 1);
        assert_eq!(look(&mut last), Poll::Ready(Ok(5)));
    });
}

/// A waker that closes the channel, drops its ends or sends and receives.
#[test]
fn a_waker_may_use_the_channel() {
    watched(|| {
        let (sender, receiver) = leaked(3);
        let mut first = receiver.recv_async();
        let mut second = receiver.recv_async();
        let waker = calls(|| assert_eq!(sender.try_send(2), Ok(())));
        assert!(look_with(&mut first, &waker).is_pending());
        assert!(look_with(&mut second, &calls(|| assert!(receiver.close()))).is_pending());
        sender.send(1).unwrap();
        assert!(
            receiver.is_closed(),
            "told of what the first waker has sent"
        );
        assert_eq!(look(&mut first), Poll::Ready(Ok(1)));
        assert_eq!(look(&mut second), Poll::Ready(Ok(2)));
    });
}

/// A waker whose clone and drop use the channel: they run without its lock.
#[test]
fn a_waker_that_is_cloned_and_dropped_may_use_the_channel() {
    struct Looks(&'static Receiver<u32>);
    impl Drop for Looks {
        fn drop(&mut self) {
            assert!(self.0.len() <= 3);
        }
    }
    watched(|| {
        let (sender, receiver) = leaked(3);
        let mut futures: Vec<_> = (0..3).map(|_| receiver.recv_async()).collect();
        for _ in 0..3 {
            for future in &mut futures {
                let looks = Looks(receiver);
                let waker = calls(move || {
                    let _held = &looks;
                });
                assert!(look_with(future, &waker).is_pending());
            }
        }
        sender.send(1).unwrap();
        drop(futures.pop());
        assert_eq!(look(&mut futures[0]), Poll::Ready(Ok(1)));
        drop(futures);
        assert_eq!(receiver.len(), 0);
    });
}

/// A close wakes the receivers some at a time. Who looks in between finds what is queued, though others
/// still stand in line and a future was told of it.
#[test]
fn b3_what_is_queued_is_found_while_a_close_goes_on() {
    watched(|| {
        let (sender, receiver) = leaked(4);
        let found = Arc::new(Mutex::new(Vec::new()));
        let finds = found.clone();
        let asks = calls(move || finds.lock().unwrap().push(receiver.try_recv()));
        let mut told = receiver.recv_async();
        assert!(look(&mut told).is_pending());
        let mut rest: Vec<_> = (0..100).map(|_| receiver.recv_async()).collect();
        assert!(look_with(&mut rest[0], &asks).is_pending());
        assert!(rest[1..].iter_mut().all(|future| look(future).is_pending()));
        sender.send(7).unwrap();
        sender.close();
        assert_eq!(*found.lock().unwrap(), [Ok(7)]);
        assert!(
            rest.iter_mut()
                .all(|future| look(future) == Poll::Ready(Err(RecvError)))
        );
    });
}
