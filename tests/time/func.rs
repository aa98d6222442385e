//! `after_func`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use rust_routines::channel;
use rust_routines::routine::{self, Builder, Place};
use rust_routines::time::{self, Duration, Instant};
use rust_routines_tests::{LIMIT, eventually, watched};

use super::{HOUR, MOMENT, on_both, workers};

/// D18: in a routine of its own, and not early.
#[test]
fn it_runs_in_a_routine_of_its_own() {
    watched(|| {
        on_both(|| {
            let (sender, receiver) = channel::bounded(1);
            let (start, me) = (Instant::now(), routine::current().map(|me| me.id()));
            time::after_func(MOMENT, move || {
                let it = routine::current().expect("a routine").id();
                sender.send((it, Instant::now())).unwrap();
            });
            let (it, ran) = receiver.recv().unwrap();
            assert_ne!(Some(it), me);
            assert!(ran >= start + MOMENT);
        });
    });
}

/// D18: `false` says that it has started, not that it has ended.
#[test]
fn stop_says_whether_it_prevented_a_run() {
    watched(|| {
        on_both(|| {
            let timer = time::after_func(HOUR, || unreachable!("it was stopped"));
            assert_eq!(format!("{timer:?}"), "FuncTimer { set: true }");
            assert!(timer.stop());
            assert!(!timer.stop());
            assert_eq!(format!("{timer:?}"), "FuncTimer { set: false }");

            let (started, starts) = channel::bounded(1);
            let (release, released) = channel::bounded::<()>(1);
            let (ended, ends) = channel::bounded(1);
            let timer = time::after_func(Duration::ZERO, move || {
                started.send(()).unwrap();
                released.recv().unwrap();
                ended.send(()).unwrap();
            });
            starts.recv().unwrap();
            assert!(!timer.stop(), "it has started");
            release.send(()).unwrap();
            ends.recv().unwrap();
            assert!(!timer.stop());
        });
    });
}

/// D18: a reset may start a run while the one before goes on.
#[test]
fn runs_may_overlap_after_a_reset() {
    watched(|| {
        on_both(|| {
            let (started, starts) = channel::bounded(2);
            let (release, released) = channel::bounded::<()>(0);
            let timer = time::after_func(HOUR, move || {
                started.send(()).unwrap();
                let _closed = released.recv();
            });
            assert!(timer.reset(Duration::ZERO), "it was set");
            starts.recv().unwrap();
            assert!(!timer.reset_at(Instant::now()), "it had run");
            starts.recv().unwrap();
            drop(release);
        });
    });
}

/// D23: dropping the handle changes nothing; `f` goes when neither a run nor a handle needs it.
#[test]
fn it_runs_without_its_handle_and_is_dropped_then() {
    watched(|| {
        on_both(|| {
            let (sender, receiver) = channel::bounded(1);
            drop(time::after_func(MOMENT, move || sender.send(()).unwrap()));
            receiver.recv().unwrap();
            assert!(receiver.recv().is_err(), "the function has gone");

            let (sender, receiver) = channel::bounded::<()>(1);
            let timer = time::after_func(HOUR, move || sender.send(()).unwrap());
            let clone = timer.clone();
            drop(timer);
            assert!(clone.stop());
            drop(clone);
            assert!(receiver.recv().is_err(), "the function has gone");
        });
    });
}

#[test]
fn its_panic_is_its_own() {
    watched(|| {
        workers(1).run(|| {
            let (sender, receiver) = channel::bounded(2);
            let timer = time::after_func(Duration::ZERO, move || {
                sender.send(()).unwrap();
                panic!("in a function that runs later: wanted by a test");
            });
            receiver.recv().unwrap();
            timer.reset(Duration::ZERO);
            receiver.recv().unwrap();
        });
    });
}

/// What is set by a routine with a worker of its own does not end with that worker.
#[test]
fn it_outlives_the_worker_of_one_routine() {
    watched(|| {
        let runtime = workers(1);
        let (sender, receiver) = channel::bounded(1);
        let own = runtime.spawn_with(Builder::new().place(Place::Own), move || {
            time::after_func(MOMENT, move || sender.send(()).unwrap());
        });
        own.unwrap().join().unwrap();
        receiver.recv().unwrap();
    });
}

/// Its runtime is shut down first: it does not run, and what it holds is dropped.
#[test]
fn it_ends_with_its_runtime() {
    watched(|| {
        let (sender, receiver) = channel::bounded::<()>(1);
        let runtime = workers(2);
        let timer = runtime.run(|| time::after_func(HOUR, move || sender.send(()).unwrap()));
        drop(runtime);
        assert!(!timer.stop(), "it has ended");
        assert!(!timer.reset(Duration::ZERO), "and stays so");
        assert!(!timer.stop());
        drop(timer);
        assert!(receiver.recv().is_err(), "the function has gone");
    });
}

/// Functions that come due all the time do not keep a runtime from its end.
#[test]
fn a_shutdown_ends_what_sets_itself_anew() {
    watched(|| {
        let runtime = rust_routines_tests::workers(2);
        let runs = Arc::new(AtomicU32::new(0));
        fn again(runs: Arc<AtomicU32>) {
            time::after_func(Duration::from_micros(10), move || {
                runs.fetch_add(1, Ordering::Relaxed);
                again(runs.clone());
            });
        }
        for _ in 0..8 {
            let runs = runs.clone();
            runtime.run(|| again(runs));
        }
        eventually("they run", || runs.load(Ordering::Relaxed) > 1000);
        runtime.shutdown(rust_routines_tests::LIMIT).unwrap();
    });
}

/// Each run has the handle, which keeps nothing alive when the last run is over.
#[test]
fn it_may_set_itself_anew() {
    watched(|| {
        on_both(|| {
            let (sender, receiver) = channel::bounded(1);
            let runs = AtomicU32::new(0);
            time::after_func_with(MOMENT, move |timer| {
                let run = runs.fetch_add(1, Ordering::Relaxed);
                sender.send((run, Instant::now())).unwrap();
                if run < 3 {
                    assert!(!timer.reset(MOMENT), "it has run");
                }
            });
            let runs: Vec<_> = receiver.iter().collect();
            assert!(runs.iter().map(|run| run.0).eq(0..4));
            assert!(runs.windows(2).all(|two| two[1].1 >= two[0].1 + MOMENT));
        });
    });
}

/// Set from a plain thread while the worker sleeps without a limit: it is told.
#[test]
fn a_sleeping_worker_is_told() {
    watched(|| {
        let runtime = workers(1);
        let ran = Arc::new(AtomicBool::new(false));
        let (it, ran_too) = (ran.clone(), ran.clone());
        let timer =
            runtime.run(|| time::after_func(HOUR, move || it.store(true, Ordering::Relaxed)));
        let busy = || runtime.metrics().workers[0].busy;
        let mut before = busy();
        eventually("the worker sleeps", || {
            std::mem::replace(&mut before, busy()) == before
        });
        assert!(timer.reset(MOMENT));
        eventually("it runs", || ran_too.load(Ordering::Relaxed));
    });
}

/// What a runtime's shutdown drops may set functions of its own: they are dropped too, and do not run.
#[test]
fn what_is_set_while_the_runtime_goes_is_dropped_with_it() {
    struct Again(Arc<AtomicU32>, u32);
    impl Drop for Again {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
            if self.1 > 0 {
                let next = Again(self.0.clone(), self.1 - 1);
                time::after_func(Duration::ZERO, move || {
                    let _held = &next;
                    unreachable!("the runtime is gone");
                });
            }
        }
    }
    watched(|| {
        let drops = Arc::new(AtomicU32::new(0));
        let first = Again(drops.clone(), 3);
        let runtime = workers(1);
        runtime
            .spawn(move || {
                time::after_func(HOUR, move || {
                    let _held = &first;
                });
            })
            .join()
            .unwrap();
        runtime.shutdown(LIMIT).unwrap();
        assert_eq!(drops.load(Ordering::SeqCst), 4);
    });
}

/// A destructor that waits for what will never come does not keep the runtime from its end.
#[test]
fn a_destructor_that_waits_does_not_hold_a_shutdown_up() {
    struct Waits(channel::Receiver<u32>);
    impl Drop for Waits {
        fn drop(&mut self) {
            self.0.recv().unwrap_err();
        }
    }
    watched(|| {
        let (_keep, receiver) = channel::bounded(1);
        let runtime = workers(1);
        runtime
            .spawn(move || {
                let waits = Waits(receiver);
                time::after_func(HOUR, move || {
                    let _held = &waits;
                });
            })
            .join()
            .unwrap();
        runtime.shutdown(LIMIT).unwrap();
    });
}
