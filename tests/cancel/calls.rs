//! What runs at a cancellation: when, in whom, and what it may do to others.

use std::cell::RefCell;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rust_routines::cancel::{CancelToken, OnCancel};
use rust_routines::routine::ForbidPark;
use rust_routines::sync::Mutex;
use rust_routines::time::{self, Duration, Instant};
use rust_routines::{channel, routine, runtime, select};
use rust_routines_tests::drops::{Drops, Tracked};
use rust_routines_tests::wait::spin_until;
use rust_routines_tests::watched;

use super::{on_both, workers};

fn counts(count: &Arc<AtomicUsize>) -> impl FnOnce() + Send + 'static {
    let count = count.clone();
    move || {
        count.fetch_add(1, Ordering::SeqCst);
    }
}

/// Nobody has the token any more, nor the handle: one above it, or its own deadline, cancels it all the same.
#[test]
fn calls_stay_as_long_as_something_may_cancel_them() {
    on_both(|| {
        let ran = Arc::new(AtomicUsize::new(0));
        let root = CancelToken::new();
        let handle = root.child().child().on_cancel(counts(&ran));
        drop(root.child().child().on_cancel(counts(&ran)));
        let other = root.clone();
        drop(root);
        assert!(other.cancel());
        assert_eq!(ran.swap(0, Ordering::SeqCst), 2);
        assert!(!handle.stop(), "it has run");
    });
    watched(|| {
        let (tells, told) = channel::bounded(3);
        let root = CancelToken::new();
        for token in [&root, &CancelToken::new()] {
            let late = token.child_timeout(Duration::from_millis(2));
            let (tell, below) = (tells.clone(), tells.clone());
            late.on_cancel(move || tell.try_send(()).unwrap());
            late.child().on_cancel(move || below.try_send(()).unwrap());
        }
        drop(tells);
        assert_eq!(told.iter().count(), 4, "each ran, and was dropped");
        assert!(!root.is_cancelled());
    });
}

/// What was taken back stays for nobody, and a server's root does not collect what has been cancelled.
#[test]
fn what_has_run_or_was_taken_back_leaves_nothing() {
    watched(|| {
        let (drops, ran) = (Drops::new(), Arc::new(AtomicUsize::new(0)));
        let root = CancelToken::new();
        for _ in 0..100 {
            let (a, b) = (drops.track(), drops.track());
            let middle = root.child();
            let stopped = middle.child().on_cancel(move || drop(a));
            drop(
                middle
                    .child_timeout(Duration::from_secs(3600))
                    .on_cancel(move || drop(b)),
            );
            drop(middle);
            assert!(stopped.stop());
            root.child_timeout(Duration::ZERO).on_cancel(counts(&ran));
        }
        spin_until("all deadlines", || ran.load(Ordering::SeqCst) == 100);
        assert_eq!(drops.alive(), 100);
        drop(root);
        assert_eq!(drops.alive(), 100, "their own deadlines will come");
    });
}

/// The runtime of a deadline has ended, and nobody has the token.
#[test]
fn calls_do_not_stay_for_a_deadline_without_a_runtime() {
    let drops = Drops::new();
    let tracked = drops.track();
    let runtime = runtime::Builder::new().workers(1).build().unwrap();
    runtime.run(move || {
        let token = CancelToken::new().child_timeout(Duration::from_secs(3600));
        token.child().on_cancel(move || drop(tracked));
    });
    assert_eq!(drops.alive(), 1);
    drop(runtime);
    spin_until("it was forgotten", || drops.alive() == 0);
}

/// Without recursion.
#[test]
fn a_deep_chain_of_calls_is_forgotten() {
    let drops = Drops::new();
    let root = CancelToken::new();
    let mut token = root.child();
    for _ in 0..100_000 {
        let tracked = drops.track();
        token.on_cancel(move || drop(tracked));
        token = token.child();
    }
    drop(token);
    assert_eq!(drops.alive(), 100_000);
    drop(root);
    assert_eq!(drops.alive(), 0);
}

/// Who keeps a handle, beside what the call has captured even, keeps neither; and it still says what became of it.
#[test]
fn calls_are_forgotten_when_nothing_may_cancel_them() {
    struct Server {
        call: Option<OnCancel>,
        _tracked: Tracked,
    }
    on_both(|| {
        let drops = Drops::new();
        let root = CancelToken::new();
        let above = root.child();
        let token = above.child();
        let server = Arc::new(Mutex::new(Server {
            call: None,
            _tracked: drops.track(),
        }));
        let own = server.clone();
        server.lock().call = Some(above.on_cancel(move || drop(own.lock())));
        drop(server);
        let other = token.clone();
        let tracked = drops.track();
        let stops = token.on_cancel(move || drop(tracked));
        let holds = (Boom, drops.track());
        let panics = token.on_cancel(move || drop(holds));
        drop((token, above, root));
        assert_eq!(drops.alive(), 3, "a clone can still cancel it");
        drop(other);
        assert_eq!(drops.alive(), 0);
        assert!(stops.stop() && panics.stop(), "they never ran");
    });
}

/// Panics in its drop.
struct Boom;

impl Drop for Boom {
    fn drop(&mut self) {
        panic::resume_unwind(Box::new("boom"));
    }
}

/// The timer of a deadline tells those who do not look.
#[test]
fn a_deadline_runs_what_was_registered() {
    watched(|| {
        let (tells, told) = channel::bounded(1);
        let token = CancelToken::new().child_timeout(Duration::from_millis(2));
        token.on_cancel(move || tells.try_send(()).unwrap());
        told.recv().unwrap();
        assert!(token.reason().unwrap().is_deadline());
    });
}

/// Asking runs what was registered for the deadline, and says so; printing does not.
#[test]
fn it_is_printed_without_being_cancelled() {
    let ran = Arc::new(AtomicUsize::new(0));
    let mut time = Duration::from_millis(10);
    let token = loop {
        let runtime = runtime::Builder::new().workers(1).build().unwrap();
        let token = runtime.run(|| CancelToken::new().child_timeout(time));
        // Nobody else will see that its time has come.
        drop(runtime);
        let counts = ran.clone();
        token.on_cancel(move || {
            counts.fetch_add(1, Ordering::SeqCst);
        });
        if ran.swap(0, Ordering::SeqCst) == 0 {
            break token;
        }
        // The machine is busy: it had come before.
        time *= 2;
    };
    let deadline = token.deadline().unwrap();
    spin_until("its time has come", || Instant::now() >= deadline);
    let text = format!("{token:?}");
    assert!(text.starts_with("CancelToken { reason: None"), "{text}");
    assert_eq!(ran.load(Ordering::SeqCst), 0);
    assert!(token.check().is_err());
    assert_eq!(ran.load(Ordering::SeqCst), 1);
}

#[test]
fn calls_run_once_and_in_order() {
    let token = CancelToken::new();
    let log = Arc::new(Mutex::new(Vec::new()));
    let add = |what| {
        let log = log.clone();
        move || log.lock().push(what)
    };
    let (_a, b, _c) = (
        token.on_cancel(add(1)),
        token.on_cancel(add(2)),
        token.on_cancel(add(3)),
    );
    assert!(b.stop());
    token.cancel();
    token.cancel();
    assert_eq!(*log.lock(), [1, 3]);
    let late = token.on_cancel(add(4));
    assert_eq!(*log.lock(), [1, 3, 4], "at once");
    assert!(!late.stop() && !_a.stop());
}

/// A call that panics or parks hurts neither the others nor the one that cancels.
#[test]
fn a_bad_call_is_alone() {
    on_both(|| {
        let (token, ran) = (CancelToken::new(), Arc::new(AtomicUsize::new(0)));
        let counts = ran.clone();
        token.on_cancel(|| panic::resume_unwind(Box::new("boom")));
        let parked = Arc::new(AtomicUsize::new(0));
        let parks = parked.clone();
        token.on_cancel(move || {
            let park = || time::sleep(Duration::from_millis(1));
            parks.store(
                usize::from(panic::catch_unwind(AssertUnwindSafe(park)).is_err()),
                Ordering::SeqCst,
            );
        });
        token.on_cancel(move || {
            counts.fetch_add(1, Ordering::SeqCst);
        });
        let below = token.child();
        token.cancel();
        assert!(below.is_cancelled());
        assert_eq!(ran.load(Ordering::SeqCst), 1);
        assert_eq!(parked.load(Ordering::SeqCst), 1, "refused");
    });
}

/// A guard that a call forgets or keeps is nothing to the one that cancels, who may park and gives way as ever.
#[test]
fn a_call_that_leaks_a_guard_is_alone() {
    thread_local!(static KEPT: RefCell<Option<ForbidPark>> = const { RefCell::new(None) });
    on_both(|| {
        let token = CancelToken::new();
        token.on_cancel(|| mem::forget(routine::forbid_park()));
        token.on_cancel(|| KEPT.set(Some(routine::forbid_park())));
        token.cancel();
        let guard = routine::forbid_park();
        KEPT.set(None);
        assert!(panic::catch_unwind(routine::yield_now).is_err(), "ours");
        drop(guard);
        routine::yield_now();
    });
    watched(|| {
        workers(1).run(|| {
            let (token, ran) = (CancelToken::new(), Arc::new(AtomicUsize::new(0)));
            token.on_cancel(|| mem::forget(routine::forbid_park()));
            token.cancel();
            let counts = ran.clone();
            let mate = routine::spawn(move || counts.fetch_add(1, Ordering::SeqCst));
            // One that never has to wait lets the others go on now and then.
            for _ in 0..100 {
                select! { _ = token.cancelled() => {} }
            }
            assert_eq!(ran.load(Ordering::SeqCst), 1, "it has had its turn");
            mate.join().unwrap();
        });
    });
}

/// What a call does to its own token is no deadlock.
#[test]
fn calls_may_use_the_token() {
    let token = CancelToken::new();
    let own = token.clone();
    let (told, tells) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counts, inner) = (told.clone(), tells.clone());
    token.on_cancel(move || {
        assert!(own.is_cancelled() && !own.cancel() && own.child().is_cancelled());
        own.on_cancel(move || {
            inner.fetch_add(1, Ordering::SeqCst);
        });
        counts.fetch_add(1, Ordering::SeqCst);
    });
    token.cancel();
    assert_eq!(
        (told.load(Ordering::SeqCst), tells.load(Ordering::SeqCst)),
        (1, 1)
    );
}

/// The timer has fired, and what it has started has not had its turn yet, when the token goes: what was registered runs.
#[test]
fn a_token_dropped_at_its_deadline_runs_its_calls() {
    watched(|| {
        let runtime = workers(1);
        let ran = Arc::new(AtomicUsize::new(0));
        for round in 1..=100 {
            let count = counts(&ran);
            runtime.run(|| {
                let token = CancelToken::new().child_timeout(Duration::from_micros(200));
                token.on_cancel(count);
                time::sleep_until(token.deadline().unwrap());
            });
            spin_until("it ran", || ran.load(Ordering::SeqCst) == round);
        }
    });
}
