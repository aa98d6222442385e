//! What will not end in time: it is named, and abandoned without harm.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rust_routines::channel;
use rust_routines::routine::{self, Builder, Place};
use rust_routines::runtime::Runtime;
use rust_routines::time::Duration;
use rust_routines_tests::drops::Drops;
use rust_routines_tests::probe::Process;
use rust_routines_tests::wait::spin_until;
use rust_routines_tests::{eventually, watched};

const SHORT: Duration = Duration::from_millis(50);

/// A runtime whose threads can be told from those of other tests.
fn named(name: &str, workers: usize) -> Runtime {
    let builder = rust_routines_tests::pinned(workers).name(name);
    builder.build().unwrap()
}

/// Waits until no thread of the runtime `name` is left.
#[track_caller]
fn assert_threads_end(name: &str) {
    eventually("the abandoned threads have ended", || {
        let names = Process::own().thread_names();
        !names.iter().any(|thread| thread.starts_with(name))
    });
}

/// Shuts down in vain; the report.
#[track_caller]
fn stuck_routines(runtime: Runtime) -> Vec<String> {
    let stuck = runtime.shutdown(SHORT).expect_err("a routine is stuck");
    let text = stuck.to_string();
    assert!(text.starts_with(&format!("{} routine", stuck.routines().len())));
    for line in stuck.routines() {
        assert!(text.contains(line.as_str()), "{text}");
    }
    stuck.routines().to_vec()
}

#[track_caller]
fn assert_named(line: &str, id: routine::Id, name: &str, what: &str, spawned: u32) {
    let named = format!(
        "routine {id} \"{name}\" [{what}], spawned at {}:{spawned}:",
        file!()
    );
    assert!(line.starts_with(&named), "{line:?} instead of {named:?}");
}

/// It computes and cannot be reached; its worker does not answer.
#[test]
fn one_that_spins_is_named_and_left_alone() {
    watched(|| {
        let runtime = named("spins", 2);
        let (end, drops) = (Arc::new(AtomicBool::new(false)), Drops::new());
        let (told, tracked) = (end.clone(), drops.track());
        let (started, wait) = channel::bounded(0);
        let spinning = Builder::new().name("spinner");
        let line = line!() + 2;
        let spinning = runtime
            .spawn_with(spinning, move || {
                let tracked = tracked;
                started.send(()).unwrap();
                spin_until("told to end", || told.load(Ordering::SeqCst));
                drop(tracked);
                7
            })
            .unwrap();
        wait.recv().unwrap();
        let stuck = stuck_routines(runtime);
        assert_eq!(stuck.len(), 1, "{stuck:?}");
        assert_named(&stuck[0], spinning.id(), "spinner", "running", line);
        // Abandoned, and as sound as before: it ends, its handle gives the result, its thread ends.
        assert!(!spinning.is_finished());
        assert_eq!(drops.alive(), 1);
        end.store(true, Ordering::SeqCst);
        assert_eq!(spinning.join().unwrap(), 7);
        assert_eq!(drops.alive(), 0);
        assert_threads_end("spins");
    });
}

/// One keeps its worker to itself: the others that live there cannot unwind, and what is to start there cannot start.
#[test]
fn those_that_live_beside_one_that_spins_are_named_too() {
    watched(|| {
        let runtime = named("beside", 1);
        let (end, (started, wait)) = (Arc::new(AtomicBool::new(false)), channel::bounded(0));
        let mates: Vec<_> = (0..3)
            .map(|i| {
                let started = started.clone();
                let builder = Builder::new().name(format!("mate {i}"));
                let body = move || {
                    started.send(()).unwrap();
                    routine::park();
                };
                runtime.spawn_with(builder, body).unwrap()
            })
            .collect();
        mates.iter().for_each(|_| wait.recv().unwrap());
        let told = end.clone();
        let spinning = runtime.spawn(move || {
            started.send(()).unwrap();
            spin_until("told to end", || told.load(Ordering::SeqCst));
        });
        wait.recv().unwrap();
        let never: Vec<_> = [Place::Near, Place::Spread, Place::Key(0)]
            .map(|place| {
                let builder = Builder::new().place(place);
                runtime.spawn_with(builder, || ()).unwrap()
            })
            .into_iter()
            .collect();
        let stuck = runtime.shutdown(SHORT).expect_err("a routine is stuck");
        let text = stuck.to_string();
        assert!(text.starts_with("7 routines did not end"), "{text}");
        assert_eq!(
            (stuck.routines().len(), stuck.not_started()),
            (4, 3),
            "{text}"
        );
        for i in 0..3 {
            assert!(text.contains(&format!("\"mate {i}\" [park]")), "{text}");
        }
        end.store(true, Ordering::SeqCst);
        spinning.join().unwrap();
        for handle in mates.into_iter().chain(never) {
            super::assert_cancelled(handle.join());
        }
        assert_threads_end("beside");
    });
}

/// It is being unwound, and waits in a destructor for what does not come.
#[test]
fn one_that_parks_in_a_destructor_is_named() {
    struct Parks(Arc<AtomicBool>);
    impl Drop for Parks {
        fn drop(&mut self) {
            while !self.0.load(Ordering::SeqCst) {
                routine::park();
            }
        }
    }
    watched(|| {
        let runtime = named("parks", 2);
        let end = Arc::new(AtomicBool::new(false));
        let (parks, (started, wait)) = (Parks(end.clone()), channel::bounded(0));
        let builder = Builder::new().name("parker");
        let line = line!() + 2;
        let parked = runtime
            .spawn_with(builder, move || {
                let _parks = parks;
                started.send(()).unwrap();
                routine::sleep(Duration::from_secs(3600));
            })
            .unwrap();
        wait.recv().unwrap();
        // Others end as they should, and are not in the report.
        let ends: Vec<_> = (0..100).map(|_| runtime.spawn(routine::park)).collect();
        let stuck = stuck_routines(runtime);
        assert_eq!(stuck.len(), 1, "{stuck:?}");
        assert_named(&stuck[0], parked.id(), "parker", "park", line);
        for end in ends {
            assert!(end.join().is_err());
        }
        end.store(true, Ordering::SeqCst);
        parked.routine().unpark();
        super::assert_cancelled(parked.join());
        assert_threads_end("parks");
    });
}

/// It swallows every cancellation, and comes back for more without ever parking.
#[test]
fn one_that_catches_its_cancellation_for_ever_is_named() {
    watched(|| {
        let runtime = named("catches", 2);
        let end = Arc::new(AtomicBool::new(false));
        let (told, (started, wait)) = (end.clone(), channel::bounded(0));
        let builder = Builder::new().name("catcher").place(Place::Own);
        let line = line!() + 2;
        let catching = runtime
            .spawn_with(builder, move || {
                started.send(()).unwrap();
                while !told.load(Ordering::SeqCst) {
                    let sleep = || routine::sleep(Duration::from_secs(3600));
                    assert!(panic::catch_unwind(AssertUnwindSafe(sleep)).is_err());
                }
            })
            .unwrap();
        wait.recv().unwrap();
        let stuck = stuck_routines(runtime);
        assert_eq!(stuck.len(), 1, "{stuck:?}");
        // It lets the others go first each time it comes back, so it is found between two turns.
        assert_named(&stuck[0], catching.id(), "catcher", "runnable", line);
        end.store(true, Ordering::SeqCst);
        catching.join().unwrap();
        assert_threads_end("catches");
    });
}

/// Several at once, in a wait that cannot be given up because it lends borrows: what is abandoned goes
/// on where it was, and is cancelled at its next park.
#[test]
fn an_abandoned_routine_goes_on() {
    watched(|| {
        let runtime = named("goes-on", 2);
        let went_on = Arc::new(AtomicUsize::new(0));
        let (end, told) = channel::bounded::<()>(0);
        let (started, wait) = channel::bounded(0);
        let holding: Vec<_> = (0..5)
            .map(|i| {
                let (told, started, went_on) = (told.clone(), started.clone(), went_on.clone());
                let body = move || {
                    let answer = rust_routines::run(|| {
                        started.send(()).unwrap();
                        told.recv().is_err()
                    });
                    assert!(answer);
                    went_on.fetch_add(1, Ordering::SeqCst);
                    routine::yield_now();
                    went_on.fetch_add(1000, Ordering::SeqCst);
                };
                let builder = Builder::new().name(format!("holder {i}"));
                runtime.spawn_with(builder, body).unwrap()
            })
            .collect();
        for _ in 0..5 {
            wait.recv().unwrap();
        }
        let stuck = stuck_routines(runtime);
        assert_eq!(stuck.len(), 5, "{stuck:?}");
        for i in 0..5 {
            let name = format!("\"holder {i}\" [join]");
            assert!(stuck.iter().any(|line| line.contains(&name)), "{stuck:?}");
        }
        drop(end);
        for holding in holding {
            super::assert_cancelled(holding.join());
        }
        assert_eq!(went_on.load(Ordering::SeqCst), 5);
        assert_threads_end("goes-on");
    });
}

/// Nothing is stuck: the threads only need a moment longer than they were given.
#[test]
fn without_time_and_with_nothing_stuck() {
    watched(|| {
        for workers in [1, 2, 8] {
            let runtime = rust_routines_tests::workers(workers);
            runtime.run(|| ());
            assert_eq!(runtime.shutdown(Duration::ZERO), Ok(()));
        }
    });
}
