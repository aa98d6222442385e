//! `routine::blocking`: work that blocks its thread, beside routines that go on.
#![forbid(unsafe_code)]

mod ends;
mod limits;
mod stalls;

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;

use rust_routines::routine::{self, Place};
use rust_routines::runtime::{self, Runtime};
use rust_routines_tests::wait::eventually;
use rust_routines_tests::watched;

fn workers(n: usize) -> Runtime {
    rust_routines_tests::workers(n)
}

/// A call is counted when its thread is done with it, which may be after its caller has gone on.
#[track_caller]
fn all_finish(runtime: &Runtime, calls: u64) {
    eventually("all calls are counted", || {
        let blocking = runtime.metrics().blocking;
        (blocking.finished, blocking.queued) == (calls, 0)
    });
}

#[test]
fn it_borrows_and_returns() {
    workers(1).run(|| {
        let mut words = vec!["a".to_string()];
        let last = routine::blocking(|| {
            words.push("b".to_string());
            words.last().unwrap()
        });
        assert_eq!(last, "b");
        assert_eq!(words.len(), 2);
    });
}

/// One worker: what the blocked call waits for is done by a home-mate.
#[test]
fn the_worker_goes_on_meanwhile() {
    watched(|| {
        workers(1).run(|| {
            let (tx, rx) = mpsc::channel();
            let mate = routine::spawn(move || tx.send(7).unwrap());
            assert_eq!(routine::blocking(move || rx.recv()), Ok(7));
            mate.join().unwrap();
        });
    });
}

#[test]
fn it_runs_on_a_thread_of_the_pool_with_an_ordinary_stack() {
    let runtime = rust_routines_tests::pinned(1).name("api").build().unwrap();
    runtime.run(|| {
        let here = thread::current().id();
        let (name, there) = routine::blocking(|| {
            // More than a routine's default stack has in release builds.
            let room = std::hint::black_box([1_u8; 300 << 10]);
            assert!(!routine::is_routine());
            let thread = thread::current();
            (thread.name().map(str::to_string), (thread.id(), room.len()))
        });
        assert_eq!(name.as_deref(), Some("api-blocking"));
        assert_ne!(there.0, here);
        assert_eq!(thread::current().id(), here, "the routine is still at home");
    });
}

/// On a thread, and so inside of another blocking call, it is a plain call.
#[test]
fn on_a_thread_it_is_a_call() {
    let here = thread::current().id();
    assert_eq!(routine::blocking(|| thread::current().id()), here);
    workers(1).run(|| {
        let (outer, inner) = routine::blocking(|| {
            let inner = routine::blocking(|| thread::current().id());
            (thread::current().id(), inner)
        });
        assert_eq!(outer, inner);
    });
}

#[test]
fn a_panic_comes_back() {
    workers(1).run(|| {
        let caught = panic::catch_unwind(|| routine::blocking(|| panic!("from the pool")));
        let text = *caught.unwrap_err().downcast::<&str>().unwrap();
        assert_eq!(text, "from the pool");
        assert_eq!(routine::blocking(|| 1), 1, "the pool has survived it");
    });
}

#[test]
fn it_is_forbidden_where_parking_is() {
    workers(1).run(|| {
        let ran = AtomicBool::new(false);
        let caught = panic::catch_unwind(AssertUnwindSafe(|| {
            let _guard = routine::forbid_park();
            routine::blocking(|| ran.store(true, Ordering::Relaxed));
        }));
        let text = *caught.unwrap_err().downcast::<String>().unwrap();
        assert!(text.contains("parking is forbidden"), "{text}");
        assert!(!ran.load(Ordering::Relaxed));
    });
}

/// At its cap the pool queues, in order; all calls are done.
#[test]
fn a_storm_of_a_thousand_keeps_to_the_cap() {
    watched(|| {
        let runtime = rust_routines_tests::pinned(2)
            .blocking_threads(4)
            .build()
            .unwrap();
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let calls: Vec<_> = (0..1000_usize)
            .map(|i| {
                let (now, most) = (now.clone(), most.clone());
                runtime.spawn(move || {
                    routine::blocking(|| {
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::yield_now();
                        now.fetch_sub(1, Ordering::SeqCst);
                        i
                    })
                })
            })
            .collect();
        for (i, call) in calls.into_iter().enumerate() {
            assert_eq!(call.join().unwrap(), i);
        }
        assert!(most.load(Ordering::SeqCst) <= 4, "{most:?}");
        all_finish(&runtime, 1000);
        let blocking = runtime.metrics().blocking;
        assert!(
            blocking.threads <= 4 && blocking.most_threads == 4,
            "{blocking:?}"
        );
    });
}

/// Two calls that wait for each other, with a cap of one: the second waits in the queue, which the metrics
/// show, until the cap is raised.
#[test]
fn the_cap_is_raised_while_calls_wait() {
    watched(|| {
        let runtime = rust_routines_tests::pinned(1)
            .blocking_threads(1)
            .build()
            .unwrap();
        let barrier = Arc::new(Barrier::new(2));
        let calls: Vec<_> = (0..2)
            .map(|_| {
                let barrier = barrier.clone();
                runtime.spawn(move || routine::blocking(|| barrier.wait().is_leader()))
            })
            .collect();
        eventually("the second call waits", || {
            runtime.metrics().blocking.queued == 1
        });
        assert_eq!(runtime.metrics().blocking.threads, 1);
        runtime.set_blocking_threads(2);
        let leaders = calls.into_iter().map(|call| call.join().unwrap());
        assert_eq!(leaders.filter(|&leader| leader).count(), 1);
    });
}

/// A thread-local that `f` sets is that of the pool's thread.
#[test]
fn thread_locals_are_the_thread_s() {
    thread_local! {
        static HERE: Cell<u32> = const { Cell::new(0) };
    }
    workers(1).run(|| {
        HERE.set(1);
        assert_eq!(routine::blocking(|| HERE.replace(2)), 0);
        assert_eq!(HERE.get(), 1);
    });
}

/// Also at a worker of one's own.
#[test]
fn a_worker_of_its_own_uses_the_pool_too() {
    let runtime = workers(1);
    let own = routine::Builder::new().place(Place::Own);
    let handle = runtime.spawn_with(own, || {
        let there = routine::blocking(|| thread::current().id());
        there != thread::current().id()
    });
    assert!(handle.unwrap().join().unwrap());
}

/// A call may wait for routines, and they for calls of their own, as long as there is room for both.
#[test]
fn a_call_may_wait_for_routines_that_call() {
    watched(|| {
        let builder = runtime::Builder::new().workers(1).blocking_threads(2);
        let runtime = builder.build().unwrap();
        let inner = || runtime.run(|| routine::blocking(|| 7));
        assert_eq!(runtime.run(|| routine::blocking(inner)), 7);
        all_finish(&runtime, 2);
    });
}

/// What is started by the system beside the pool: processes, from many calls at once.
#[test]
fn processes_are_started_beside_it() {
    watched(|| {
        let runtime = workers(2);
        let calls: Vec<_> = (0..16)
            .map(|i| {
                runtime.spawn(move || {
                    let program = || {
                        std::process::Command::new("echo")
                            .arg(i.to_string())
                            .output()
                    };
                    String::from_utf8(routine::blocking(program).unwrap().stdout).unwrap()
                })
            })
            .collect();
        for (i, call) in calls.into_iter().enumerate() {
            assert_eq!(call.join().unwrap().trim(), i.to_string());
        }
    });
}

#[test]
fn no_threads_at_rest_and_none_allowed_is_refused() {
    let runtime = workers(1);
    runtime.run(|| ());
    assert_eq!(runtime.metrics().blocking.threads, 0);
    let refused = runtime::Builder::new()
        .blocking_threads(0)
        .build()
        .unwrap_err();
    assert!(refused.to_string().contains("at least 1"), "{refused}");
}
