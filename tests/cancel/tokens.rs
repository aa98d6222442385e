//! Tokens: the tree, the reasons, the ways to wait.

use std::error::Error;
use std::future::Future;
use std::io;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;

use rust_routines::cancel::{CancelToken, Reason};
use rust_routines::time::{self, Duration, Instant};
use rust_routines::{routine, runtime, select};
use rust_routines_tests::drops::Drops;
use rust_routines_tests::watched;

use super::{HOUR, assert_cancelled, blocked, on_both, workers};

#[test]
fn down_and_not_up() {
    let root = CancelToken::new();
    let (left, right) = (root.child(), root.child());
    let below = left.clone().child();
    assert!(!root.is_cancelled() && below.reason().is_none() && below.check().is_ok());
    assert!(left.cancel(), "the first time");
    assert!(!left.cancel());
    assert!(below.is_cancelled() && !right.is_cancelled() && !root.is_cancelled());
    assert!(root.cancel());
    assert!(right.is_cancelled());
    assert!(root.child().is_cancelled(), "born cancelled");
    assert!(!CancelToken::default().is_cancelled());
}

#[test]
fn reasons_travel_down() {
    let root = CancelToken::new();
    let (child, other) = (root.child(), root.child());
    other.cancel();
    root.cancel_because(io::Error::other("no disk"));
    let reason = child.check().unwrap_err();
    assert_eq!(reason.to_string(), "cancelled: no disk");
    assert!(
        reason
            .cause()
            .unwrap()
            .downcast_ref::<io::Error>()
            .is_some()
    );
    assert!(reason.source().is_some() && !reason.is_deadline());
    assert_eq!(other.reason().unwrap().to_string(), "cancelled", "its own");
    assert_eq!(
        root.child().reason().unwrap().to_string(),
        reason.to_string()
    );
    assert_eq!(io::Error::from(reason).kind(), io::ErrorKind::Other);
    let late = root.child_timeout(Duration::ZERO);
    assert!(
        !late.reason().unwrap().is_deadline(),
        "its parent was first"
    );
}

/// Those between stay as long as somebody is below.
#[test]
fn a_node_between_carries_on() {
    let root = CancelToken::new();
    let middle = root.child();
    let below = middle.child();
    drop(middle);
    root.cancel();
    assert!(below.is_cancelled());
}

/// A hundred thousand in a line: no recursion, neither down nor in the drop.
#[test]
fn a_deep_tree() {
    watched(|| {
        workers(1).run(|| {
            let small = routine::Builder::new().stack_size(32 << 10);
            let deep = small.spawn(|| {
                for keep_all in [false, true] {
                    let root = CancelToken::new();
                    let mut last = root.clone();
                    let mut kept = Vec::new();
                    for _ in 0..100_000 {
                        let next = last.child();
                        let before = mem::replace(&mut last, next);
                        if keep_all {
                            kept.push(before);
                        }
                    }
                    root.cancel();
                    assert!(last.is_cancelled());
                    drop(kept);
                    drop(root);
                    drop(last);
                }
            });
            deep.unwrap().join().unwrap();
        });
    });
}

#[test]
fn a_wide_tree_that_shrinks_and_grows() {
    let root = CancelToken::new();
    let mut kept: Vec<_> = (0..1000).map(|_| root.child()).collect();
    // Out of the middle, from the ends, in an order of their own.
    for i in 0..600 {
        kept.swap_remove((i * 7919) % kept.len());
    }
    kept.extend((0..100).map(|_| root.child()));
    assert!(kept.iter().all(|token| !token.is_cancelled()));
    root.cancel();
    assert!(kept.iter().all(CancelToken::is_cancelled));
}

#[test]
fn everybody_who_waits_is_told() {
    watched(|| {
        let (runtime, token) = (workers(2), CancelToken::new());
        let routines: Vec<_> = (0..100)
            .map(|i| {
                let token = token.child();
                runtime.spawn(move || match i % 3 {
                    0 => token.wait(),
                    1 => select! { reason = token.cancelled() => reason },
                    _ => token.wait_timeout(HOUR).unwrap(),
                })
            })
            .collect();
        let own = token.clone();
        let waits = thread::spawn(move || own.wait());
        token.cancel_because("enough");
        for routine in routines {
            assert_eq!(routine.join().unwrap().to_string(), "cancelled: enough");
        }
        assert!(waits.join().unwrap().cause().is_some());
    });
}

#[test]
fn waits_have_limits() {
    on_both(|| {
        let token = CancelToken::new();
        let moment = Duration::from_millis(1);
        assert!(token.wait_timeout(moment).is_none());
        assert!(token.wait_until(Instant::now() + moment).is_none());
        assert!(time::timeout(moment, || token.wait()).is_err());
        let ended = select! { _ = token.cancelled() => false, default(moment) => true };
        assert!(ended);
        let now = select! { _ = token.cancelled() => true, default => false };
        assert!(!now);
        token.cancel();
        assert!(token.wait_timeout(Duration::ZERO).is_some());
        let now = select! { _ = token.cancelled() => true, default => false };
        assert!(now);
    });
}

#[test]
fn deadlines() {
    on_both(|| {
        let root = CancelToken::new();
        assert_eq!(root.deadline(), None);
        let start = Instant::now();
        let at = start + Duration::from_millis(5);
        let child = root.child_until(at);
        let below = child.child();
        let later = child.child_timeout(HOUR);
        assert_eq!(child.deadline(), Some(at));
        assert_eq!((below.deadline(), later.deadline()), (Some(at), Some(at)));
        assert!(later.wait().is_deadline() && below.wait().is_deadline());
        assert!(start.elapsed() >= Duration::from_millis(5));
        assert_eq!(
            child.reason().unwrap().to_string(),
            "the deadline has passed"
        );
        assert!(!root.is_cancelled());
        let io = io::Error::from(child.reason().unwrap());
        assert_eq!(io.kind(), io::ErrorKind::TimedOut);
        // In time.
        let child = root.child_timeout(HOUR);
        child.cancel();
        assert!(!child.reason().unwrap().is_deadline());
        assert!(root.child_timeout(Duration::ZERO).is_cancelled());
    });
}

/// The runtime of its timer has ended: whoever looks or waits sees the clock.
#[test]
fn a_deadline_outlives_its_runtime() {
    watched(|| {
        let runtime = runtime::Builder::new().workers(1).build().unwrap();
        let token = runtime.run(|| CancelToken::new().child_timeout(Duration::from_millis(20)));
        drop(runtime);
        let chosen = select! { reason = token.cancelled() => reason.is_deadline() };
        assert!(chosen && token.wait().is_deadline());
    });
}

#[test]
fn a_future_is_woken_and_withdraws() {
    let token = CancelToken::new();
    let woken = Arc::new(AtomicUsize::new(0));
    struct Counts(Arc<AtomicUsize>);
    impl std::task::Wake for Counts {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let waker = Waker::from(Arc::new(Counts(woken.clone())));
    let mut cx = Context::from_waker(&waker);
    {
        let mut dropped = Box::pin(token.cancelled());
        assert!(dropped.as_mut().poll(&mut cx).is_pending());
    }
    let mut future = Box::pin(token.cancelled());
    let mut first = Context::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut first).is_pending());
    assert!(future.as_mut().poll(&mut cx).is_pending());
    token.cancel();
    assert_eq!(
        woken.load(Ordering::SeqCst),
        1,
        "the last waker, and only that of a live one"
    );
    assert!(matches!(future.as_mut().poll(&mut cx), Poll::Ready(reason) if !reason.is_deadline()));
}

/// A routine that is cancelled while it waits for a token leaves it.
#[test]
fn a_cancelled_wait_leaves_the_token() {
    watched(|| {
        workers(1).run(|| {
            let token = CancelToken::new();
            for in_select in [false, true] {
                let own = token.child();
                let waits = blocked(move || match in_select {
                    false => drop(own.wait()),
                    true => select! { _ = own.cancelled() => () },
                });
                waits.abort().unwrap();
                assert_cancelled(waits.join());
            }
            token.cancel();
        });
    });
}

/// Made, waited for, cancelled and dropped by everybody at once.
#[test]
fn a_storm_of_tokens() {
    watched(|| {
        let (runtime, drops) = (workers(3), Drops::new());
        for round in 0..30 {
            let root = CancelToken::new();
            let routines: Vec<_> = (0..20_u64)
                .map(|i| {
                    let (root, drops) = (root.clone(), drops.clone());
                    runtime.spawn(move || {
                        let mut kept = Vec::new();
                        while !root.is_cancelled() {
                            let child = root.child();
                            let below = child.child_timeout(Duration::from_micros(i * 50));
                            let tracked = drops.track();
                            let call = below.on_cancel(move || drop(tracked));
                            match i % 4 {
                                0 => drop(below.wait_timeout(Duration::from_micros(20))),
                                1 => drop(call.stop()),
                                2 => drop(child.cancel()),
                                _ => kept.push(below.clone()),
                            }
                            kept.truncate(50);
                            routine::yield_now();
                        }
                        // The root is first; they follow, all of them.
                        for token in kept {
                            token.wait();
                        }
                    })
                })
                .collect();
            time::sleep(Duration::from_micros(200 * (round % 7)));
            root.cancel();
            for routine in routines {
                routine.join().unwrap();
            }
        }
        drop(runtime);
        assert_eq!(drops.alive(), 0);
    });
}

#[test]
fn it_tells_what_it_is() {
    let token = CancelToken::new();
    assert_eq!(
        format!("{token:?}"),
        "CancelToken { reason: None, deadline: None }"
    );
    token.cancel();
    let text = format!("{:?}", token.reason().unwrap());
    assert_eq!(text, "Reason(cancelled)");
    let error: Box<dyn Error> = Box::new(Reason::clone(&token.reason().unwrap()));
    assert!(error.source().is_none());
}

#[test]
fn a_reason_is_passed_on() {
    let late = CancelToken::new().child_timeout(Duration::ZERO);
    let other = CancelToken::new();
    other.cancel_because(late.reason().unwrap());
    assert!(other.reason().unwrap().is_deadline());
    let third = CancelToken::new();
    other.reason().map(|reason| third.cancel_because(reason));
    assert_eq!(
        third.reason().unwrap().to_string(),
        late.reason().unwrap().to_string()
    );
}
