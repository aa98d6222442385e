//! Parking in a destructor while a panic unwinds.
//!
//! std's panic count belongs to the thread; a routine that parks while it unwinds shares its thread
//! with others. The count has to travel with the routine: it blocks nobody, no home-mate sees
//! `panicking()`, and its own stays true after the park. One worker, where every wait meets home-mates
//! only, unless a test says more.
#![forbid(unsafe_code)]

use std::panic::{self, AssertUnwindSafe};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::thread;

use rust_routines::channel::{self, Receiver, Sender};
use rust_routines::routine::{self, JoinError, JoinHandle};
use rust_routines::runtime::Runtime;
use rust_routines::sync::{Mutex, WaitGroup};
use rust_routines::time::Duration;
use rust_routines_tests::{process, watched};

fn workers(n: usize) -> Runtime {
    rust_routines_tests::workers(n)
}

/// Runs `0` in its destructor, and says there that it is reached by unwinding.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Parks while unwinding, and has the right `panicking()` before and after.
fn parks_while_unwinding(park: impl FnMut()) -> impl Drop {
    let mut park = park;
    OnDrop(move || {
        assert!(thread::panicking(), "before the park");
        park();
        assert!(thread::panicking(), "after the park");
    })
}

/// A routine that watches: it runs whenever somebody else of its home is parked.
fn watch(runtime: &Runtime, end: &Arc<AtomicBool>) -> JoinHandle<u64> {
    let end = end.clone();
    runtime.spawn(move || {
        let mut looks = 0;
        let lock = StdMutex::new(0);
        while !end.load(Ordering::SeqCst) {
            assert!(!thread::panicking(), "a home-mate's panic is seen");
            // A guard dropped while `panicking()` would poison it.
            *lock.lock().expect("poisoned by a home-mate") += 1;
            looks += 1;
            routine::yield_now();
        }
        looks
    })
}

/// Runs `body`, which panics with "boom", as a routine beside a watcher; the panic is what it ends of.
fn beside_a_watcher(n: usize, body: impl FnOnce() + Send + 'static) {
    watched(move || {
        let runtime = workers(n);
        let end = Arc::new(AtomicBool::new(false));
        let watchers: Vec<_> = (0..n).map(|_| watch(&runtime, &end)).collect();
        let failed = runtime.spawn(body).join();
        let Err(JoinError::Panicked(payload)) = failed else {
            panic!("the panic was lost: {failed:?}");
        };
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"boom"));
        assert!(
            !runtime.run(thread::panicking),
            "the count is back where it was"
        );
        end.store(true, Ordering::SeqCst);
        for watcher in watchers {
            assert!(watcher.join().unwrap() > 0);
        }
    });
}

#[test]
fn for_a_timer() {
    beside_a_watcher(1, || {
        let _parks = parks_while_unwinding(|| routine::sleep(Duration::from_millis(2)));
        panic!("boom");
    });
}

#[test]
fn for_its_turn() {
    beside_a_watcher(1, || {
        let _parks = parks_while_unwinding(|| (0..10).for_each(|_| routine::yield_now()));
        panic!("boom");
    });
}

#[test]
fn for_a_value_of_a_home_mate() {
    beside_a_watcher(1, || {
        let (sender, receiver) = channel::bounded(0);
        routine::spawn(move || {
            assert!(!thread::panicking(), "its own state is clean");
            sender.send(7).unwrap();
        });
        let _parks = parks_while_unwinding(|| assert_eq!(receiver.recv(), Ok(7)));
        panic!("boom");
    });
}

#[test]
fn for_a_home_mate_that_starts_then() {
    beside_a_watcher(1, || {
        let _parks = parks_while_unwinding(|| {
            let child = routine::spawn(thread::panicking);
            assert!(!child.join().unwrap(), "a child is born panicking");
        });
        panic!("boom");
    });
}

#[test]
fn for_a_lock_a_group_and_a_permit() {
    beside_a_watcher(1, || {
        let lock = Arc::new(Mutex::new(0));
        let (is_held, held) = channel::bounded(0);
        let holder = lock.clone();
        routine::spawn(move || {
            let mut guard = holder.lock();
            is_held.send(()).unwrap();
            routine::yield_now();
            *guard += 1;
        });
        held.recv().unwrap();
        let _parks = parks_while_unwinding(|| {
            assert_eq!(*lock.lock(), 1);
            let group = Arc::new(WaitGroup::new());
            group.add(1);
            let (me, done) = (routine::current().unwrap(), group.clone());
            routine::spawn(move || {
                done.done();
                me.unpark();
            });
            group.wait();
            routine::park();
        });
        panic!("boom");
    });
}

/// The pool that many books build: its destructor tells its workers to end and joins them.
struct ThreadPool {
    workers: Vec<JoinHandle<usize>>,
    sender: Sender<Message>,
    done: Arc<AtomicUsize>,
}

enum Message {
    NewJob(Box<dyn FnOnce() + Send>),
    Terminate,
}

impl ThreadPool {
    fn new(size: usize) -> ThreadPool {
        let (sender, receiver) = channel::bounded(0);
        let workers = (0..size)
            .map(|_| {
                let receiver: Receiver<Message> = receiver.clone();
                routine::spawn(move || {
                    let mut jobs = 0;
                    loop {
                        assert!(
                            !thread::panicking(),
                            "a pool's worker sees its owner's panic"
                        );
                        match receiver.recv().unwrap() {
                            Message::NewJob(job) => job(),
                            Message::Terminate => return jobs,
                        }
                        jobs += 1;
                    }
                })
            })
            .collect();
        ThreadPool {
            workers,
            sender,
            done: Arc::default(),
        }
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        for _ in &self.workers {
            self.sender.send(Message::Terminate).unwrap();
        }
        let jobs = self.workers.drain(..).map(|worker| worker.join().unwrap());
        self.done.store(jobs.sum(), Ordering::SeqCst);
    }
}

/// The pool's workers live at the same home: blocking the thread would be a deadlock.
#[test]
fn the_classic_thread_pool_ends() {
    let done = Arc::new(AtomicUsize::new(0));
    let seen = done.clone();
    beside_a_watcher(1, move || {
        let mut pool = ThreadPool::new(4);
        pool.done = seen;
        for i in 0..10_u64 {
            let job = move || routine::sleep(Duration::from_micros(i * 10));
            pool.sender.send(Message::NewJob(Box::new(job))).unwrap();
        }
        panic!("boom");
    });
    assert_eq!(done.load(Ordering::SeqCst), 10);
}

#[test]
fn nested_panics_park_at_every_depth() {
    beside_a_watcher(1, || {
        let _outer = parks_while_unwinding(|| {
            routine::yield_now();
            let inner = panic::catch_unwind(|| {
                let _inner = parks_while_unwinding(|| {
                    routine::sleep(Duration::from_millis(1));
                    let third = panic::catch_unwind(|| {
                        let _third = parks_while_unwinding(routine::yield_now);
                        panic!("third");
                    });
                    assert!(third.is_err());
                    routine::yield_now();
                });
                panic!("second");
            });
            assert_eq!(inner.unwrap_err().downcast_ref::<&str>(), Some(&"second"));
            routine::sleep(Duration::from_millis(1));
        });
        panic!("boom");
    });
}

/// A child that panics, joined by a parent that unwinds itself, three deep.
#[test]
fn a_home_mate_that_panics_meanwhile_is_counted_apart() {
    beside_a_watcher(1, || {
        let _parks = parks_while_unwinding(|| {
            let child = routine::spawn(|| {
                let _parks = parks_while_unwinding(|| {
                    let child = routine::spawn(|| panic!("grandchild"));
                    assert!(child.join().is_err());
                    routine::yield_now();
                });
                panic!("child");
            });
            assert!(child.join().is_err());
        });
        panic!("boom");
    });
}

/// The other direction: the routine's own locks are poisoned as on a thread.
#[test]
fn the_panicking_routine_poisons_its_own_mutex_after_a_park() {
    watched(|| {
        let runtime = workers(1);
        let lock = Arc::new(StdMutex::new(1));
        let mine = lock.clone();
        let failed = runtime.spawn(move || {
            let _guard = mine.lock().unwrap();
            // Declared later, so dropped first: the guard is dropped after a park.
            let _parks = parks_while_unwinding(|| routine::sleep(Duration::from_millis(1)));
            panic!("boom");
        });
        // A home-mate's own lock, taken and released while the other unwinds.
        let clean = runtime.spawn(|| {
            let lock = StdMutex::new(());
            for _ in 0..100 {
                drop(lock.lock().unwrap());
                routine::yield_now();
            }
            lock.is_poisoned()
        });
        assert!(failed.join().is_err());
        assert!(lock.is_poisoned(), "dropped by a panic");
        assert_eq!(*lock.lock().unwrap_or_else(PoisonError::into_inner), 1);
        assert!(!clean.join().unwrap());
    });
}

/// `catch_unwind` around a park that is no destructor's: nothing is left behind.
#[test]
fn after_a_caught_panic_the_routine_is_clean() {
    watched(|| {
        let runtime = workers(1);
        runtime.run(|| {
            for _ in 0..100 {
                let caught = panic::catch_unwind(AssertUnwindSafe(|| {
                    let _parks = parks_while_unwinding(routine::yield_now);
                    // Not printed a hundred times.
                    panic::resume_unwind(Box::new("boom"));
                }));
                assert!(caught.is_err());
                assert!(!thread::panicking());
                routine::yield_now();
                assert!(!thread::panicking());
            }
        });
    });
}

/// Many at once, on one worker and on several, with every kind of wait between them.
#[test]
fn many_unwind_side_by_side() {
    for n in [1, 4] {
        watched(move || {
            let runtime = workers(n);
            let end = Arc::new(AtomicBool::new(false));
            let watchers: Vec<_> = (0..n).map(|_| watch(&runtime, &end)).collect();
            let finished = Arc::new(AtomicUsize::new(0));
            let unwinding: Vec<_> = (0..200_u64)
                .map(|i| {
                    let finished = finished.clone();
                    runtime.spawn(move || {
                        let (sender, receiver) = channel::bounded(0);
                        let _counts = parks_while_unwinding(|| {
                            routine::spawn(move || assert!(!thread::panicking()))
                                .join()
                                .unwrap();
                            finished.fetch_add(1, Ordering::SeqCst);
                        });
                        let _parks = parks_while_unwinding(|| {
                            let sender = sender.clone();
                            routine::spawn(move || sender.send(i).unwrap());
                            assert_eq!(receiver.recv(), Ok(i));
                            routine::sleep(Duration::from_micros(i * 5));
                        });
                        panic::resume_unwind(Box::new(i));
                    })
                })
                .collect();
            for (i, routine) in unwinding.into_iter().enumerate() {
                match routine.join() {
                    Err(JoinError::Panicked(payload)) => {
                        assert_eq!(payload.downcast_ref(), Some(&(i as u64)));
                    }
                    Ok(never) => never,
                    Err(other) => panic!("{other}"),
                }
            }
            assert_eq!(finished.load(Ordering::SeqCst), 200);
            end.store(true, Ordering::SeqCst);
            for watcher in watchers {
                watcher.join().unwrap();
            }
        });
    }
}

/// In a child: a cancellation that unwinds a routine which unwinds already would abort the process.
#[test]
fn a_shutdown_does_not_cancel_what_unwinds() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_scenario"));
    let ended = process::run(child.arg("cancelled-while-unwinding")).success();
    assert_eq!(ended.value("shutdown"), "Ok(())");
    assert_eq!(ended.value("ended"), ended.value("started"));
    assert_eq!(ended.value("panicked"), ended.value("started"));
}

/// On another stack for a while, by `with_stack`, in the destructor and around it.
#[test]
fn on_a_deeper_stack() {
    beside_a_watcher(1, || {
        let _parks = parks_while_unwinding(|| {
            routine::with_stack(64 << 10, || {
                assert!(thread::panicking());
                routine::sleep(Duration::from_millis(1));
                assert!(thread::panicking());
            });
        });
        routine::with_stack(64 << 10, || {
            let _deeper = parks_while_unwinding(routine::yield_now);
            panic!("boom");
        });
    });
}

/// In `run`, of the same runtime and of another, which waits like a join.
#[test]
fn for_a_routine_that_runs_elsewhere() {
    let other = workers(1);
    beside_a_watcher(1, move || {
        let _parks = parks_while_unwinding(|| {
            let clean = other.run(|| {
                routine::yield_now();
                !thread::panicking()
            });
            assert!(clean);
        });
        panic!("boom");
    });
}
