//! Timers as futures, for tasks of any executor.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use rust_routines::select;
use rust_routines::time::{Duration, Instant, Interval, Timer};
use rust_routines_tests::{eventually, watched};

use super::{HOUR, MOMENT, on_both, workers};

/// Counts its wakes, and unparks the thread.
pub(super) struct Counter {
    wakes: AtomicU32,
    thread: thread::Thread,
}

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::SeqCst);
        self.thread.unpark();
    }
}

pub(super) fn counter() -> (Arc<Counter>, Waker) {
    let counter = Arc::new(Counter {
        wakes: AtomicU32::new(0),
        thread: thread::current(),
    });
    (counter.clone(), Waker::from(counter))
}

impl Counter {
    pub(super) fn wakes(&self) -> u32 {
        self.wakes.load(Ordering::SeqCst)
    }
}

pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    let (_, waker) = counter();
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

pub(super) fn look<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

#[test]
fn they_wait_for_the_expiry() {
    watched(|| {
        let start = Instant::now();
        let timer = Timer::new(MOMENT);
        let moment = block_on(timer.recv_async());
        assert!(moment >= start + MOMENT && Instant::now() >= moment);
        let ticks = Interval::new(MOMENT);
        let (first, second) =
            block_on(async { (ticks.recv_async().await, ticks.recv_async().await) });
        assert_eq!((second - first).as_nanos() % MOMENT.as_nanos(), 0);
    });
}

#[test]
fn what_has_expired_needs_no_wait() {
    watched(|| {
        on_both(|| {
            let timer = Timer::new(Duration::ZERO);
            assert!(look(&mut timer.recv_async(), Waker::noop()).is_ready());
        });
    });
}

/// It wakes the task of the last poll, for each reset to an earlier moment, and for the expiry.
#[test]
fn resets_are_heard() {
    watched(|| {
        let timer = Timer::new(HOUR);
        let mut future = timer.recv_async();
        let ((first, of_first), (second, of_second)) = (counter(), counter());
        assert!(look(&mut future, &of_first).is_pending());
        assert!(look(&mut future, &of_second).is_pending());
        timer.reset(2 * HOUR);
        assert_eq!(second.wakes(), 0, "nothing to do yet");
        assert!(look(&mut future, &of_second).is_pending());
        timer.reset(HOUR);
        assert_eq!((first.wakes(), second.wakes()), (0, 1));
        assert!(look(&mut future, &of_second).is_pending());
        let moment = Instant::now() + MOMENT;
        timer.reset_at(moment);
        assert_eq!(second.wakes(), 2);
        assert!(look(&mut future, &of_second).is_pending());
        eventually("the expiry wakes it", || second.wakes() == 3);
        assert_eq!(look(&mut future, &of_second), Poll::Ready(moment));
        assert_eq!(first.wakes(), 0);
    });
}

/// Without a reset between, too: the expiry wakes the task of the last poll.
#[test]
fn the_last_task_is_woken() {
    watched(|| {
        for time in (1..).map(|n| n * MOMENT) {
            let timer = Timer::new(time);
            let mut future = timer.recv_async();
            let ((first, of_first), (second, of_second)) = (counter(), counter());
            let polls = [look(&mut future, &of_first), look(&mut future, &of_second)];
            if polls.iter().all(Poll::is_pending) {
                eventually("the expiry wakes it", || second.wakes() == 1);
                assert!(look(&mut future, &of_second).is_ready());
                assert_eq!(first.wakes(), 0);
                return;
            }
        }
    });
}

/// Dropped while it waits it has taken nothing, and its task is not woken any more.
#[test]
fn it_is_cancel_safe() {
    watched(|| {
        let timer = Timer::new(HOUR);
        let (wakes, waker) = counter();
        let mut future = timer.recv_async();
        assert!(look(&mut future, &waker).is_pending());
        drop(future);
        assert_eq!(Arc::strong_count(&wakes), 2, "ours and the waker's");
        timer.reset(Duration::ZERO);
        assert_eq!(wakes.wakes(), 0);
        assert!(timer.try_recv().is_some());
    });
}

/// Polled as a future and given to a select then.
#[test]
fn a_waiting_future_can_be_an_arm() {
    watched(|| {
        on_both(|| {
            let timer = Timer::new(HOUR);
            let mut future = timer.recv_async();
            assert!(look(&mut future, Waker::noop()).is_pending());
            let moment = Instant::now() + MOMENT;
            timer.reset_at(moment);
            let came = select! { moment = &mut future => moment };
            assert_eq!(came, moment);
        });
    });
}

/// The runtime that looks at its alarm ends: the task is woken, and finds another one.
#[test]
fn it_outlives_the_runtime_that_looks_after_it() {
    watched(|| {
        let runtime = workers(1);
        let timer = Arc::new(Timer::new(HOUR));
        let (wakes, waker) = counter();
        let mut future = timer.recv_async();
        runtime.run(|| assert!(look(&mut future, &waker).is_pending()));
        drop(runtime);
        assert_eq!(wakes.wakes(), 1);
        let moment = Instant::now() + MOMENT;
        timer.reset_at(moment);
        assert_eq!(block_on(future), moment);
    });
}
