//! `after`: a moment to wait for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use rust_routines::select;
use rust_routines::select::Arm;
use rust_routines::time::{self, Duration, Instant};
use rust_routines_tests::{eventually, watched};

use super::futures::{block_on, counter, look};
use super::{HOUR, MOMENT, on_both};

#[test]
fn it_comes_when_it_says_and_as_often_as_asked() {
    watched(|| {
        on_both(|| {
            let start = Instant::now();
            let after = time::after(MOMENT);
            assert!(after.moment() >= start + MOMENT);
            assert_eq!(after.recv(), after.moment());
            assert!(Instant::now() >= after.moment());
            assert_eq!(after.recv(), after.moment(), "it has come for good");
        });
    });
}

/// D17: the moment that was set, and not that of the look.
#[test]
fn as_an_arm_it_gives_its_moment() {
    watched(|| {
        on_both(|| {
            let after = time::after(Duration::ZERO);
            time::sleep(MOMENT);
            let by_name = select! { moment = after.clone() => moment };
            let by_method = select! { moment = after.recv() => moment };
            assert_eq!((by_name, by_method), (after.moment(), after.moment()));
        });
    });
}

#[test]
fn the_earliest_of_several_is_chosen() {
    watched(|| {
        on_both(|| {
            let chosen = select! {
                time::after(HOUR) => 1,
                time::after(MOMENT) => 2,
                time::after(Duration::MAX) => 3,
            };
            assert_eq!(chosen, 2);
        });
    });
}

/// Awaited, also more than once; a value that has come stays ready.
#[test]
fn it_is_a_future() {
    watched(|| {
        let start = Instant::now();
        let after = time::after(MOMENT);
        let moment = block_on(after.recv_async());
        assert_eq!(moment, after.moment());
        assert!(moment >= start + MOMENT && Instant::now() >= moment);
        assert_eq!(block_on(after), moment);
    });
}

/// It wakes the task of the last poll, once, and nobody when it has been dropped.
#[test]
fn as_a_future_it_wakes_the_last_task() {
    watched(|| {
        for time in (1..).map(|n| n * MOMENT) {
            let ((first, of_first), (second, of_second)) = (counter(), counter());
            let mut after = time::after(time);
            let polls = [look(&mut after, &of_first), look(&mut after, &of_second)];
            if polls.iter().all(Poll::is_pending) {
                eventually("it wakes the task", || second.wakes() == 1);
                assert!(look(&mut after, &of_second).is_ready());
                assert_eq!(first.wakes(), 0);
                break;
            }
        }
        let (wakes, waker) = counter();
        let mut never = [time::after(HOUR), time::after(Duration::MAX)];
        for after in &mut never {
            assert!(look(after, &waker).is_pending());
        }
        drop(never);
        assert_eq!(Arc::strong_count(&wakes), 2, "ours and the waker's");
    });
}

/// Inside of somebody's own arm it is polled when it has come, and not all the time until then.
#[test]
fn another_arm_may_hold_it() {
    struct Counted(time::After, Arc<AtomicU32>);
    impl Arm for Counted {
        type Output = Instant;
        fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
            self.1.fetch_add(1, Ordering::Relaxed);
            Arm::poll(&mut self.0, cx)
        }
    }
    watched(|| {
        on_both(|| {
            let polls = Arc::new(AtomicU32::new(0));
            let after = time::after(10 * MOMENT);
            let came = select! { moment = Counted(after.clone(), polls.clone()) => moment };
            assert_eq!(came, after.moment());
            assert!(polls.load(Ordering::Relaxed) < 10, "it is polled in a loop");
            let by_future = select! { moment = select::future(time::after(MOMENT)) => moment };
            assert!(by_future > came);
        });
    });
}

#[test]
fn it_says_when() {
    assert_eq!(format!("{:?}", time::after(Duration::MAX)), "After(never)");
    assert!(format!("{:?}", time::after(HOUR)).starts_with("After(in "));
    assert!(format!("{:?}", time::after(Duration::ZERO)).ends_with(" ago)"));
}
