//! Where routines live: a home is for life, so placement is a decision, and here is what was decided.
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as StdMutex};
use std::thread::{self, ThreadId};

use rust_routines::channel;
use rust_routines::routine::{self, Builder, JoinError, JoinHandle, Place};
use rust_routines::runtime::{self, Runtime};
use rust_routines::sync::WaitGroup;
use rust_routines::time::Duration;
use rust_routines_tests::drops::Drops;
use rust_routines_tests::probe::Process;
use rust_routines_tests::wait::spin_until;
use rust_routines_tests::{eventually, watched};

fn workers(n: usize) -> Runtime {
    runtime::Builder::new().workers(n).build().unwrap()
}

fn count<K: Eq + Hash>(keys: impl IntoIterator<Item = K>) -> HashMap<K, usize> {
    let mut counts = HashMap::new();
    for key in keys {
        *counts.entry(key).or_default() += 1;
    }
    counts
}

/// Runs an accept-like loop on four workers; the threads that its 200 long-lived routines live on.
///
/// The loop gets a function that spawns one more.
fn homes_of_200(accept: fn(&mut dyn FnMut(Builder))) -> HashMap<ThreadId, usize> {
    watched(move || {
        let runtime = workers(4);
        let (at, homes) = channel::unbounded();
        let accepting = runtime.spawn(move || {
            let mut handles: Vec<JoinHandle<()>> = Vec::new();
            accept(&mut |builder| {
                let at = at.clone();
                let handle = builder.spawn(move || {
                    at.send(thread::current().id()).unwrap();
                    routine::park();
                });
                handles.push(handle.unwrap());
            });
            handles
        });
        let homes: Vec<ThreadId> = (0..200).map(|_| homes.recv().unwrap()).collect();
        let lived = runtime.metrics();
        let lived: Vec<usize> = lived.workers.iter().map(|worker| worker.live).collect();
        for handle in accepting.join().unwrap() {
            handle.routine().unpark();
            handle.join().unwrap();
        }
        let homes = count(homes);
        // Two accounts of the same: what the threads say and what the metrics say.
        let mut by_thread: Vec<usize> = homes.values().copied().collect();
        let mut by_metrics: Vec<usize> = lived.into_iter().filter(|&n| n > 0).collect();
        by_thread.sort_unstable();
        by_metrics.sort_unstable();
        // The accepting routine may still live.
        let differ = by_metrics.iter().sum::<usize>() - by_thread.iter().sum::<usize>();
        assert!(
            differ <= 1,
            "{by_thread:?} by thread, {by_metrics:?} by metrics"
        );
        homes
    })
}

#[track_caller]
fn assert_balanced(homes: &HashMap<ThreadId, usize>) {
    let most = homes.values().max().copied().unwrap_or_default();
    assert!(most <= 80, "more than 40% of 200 at one worker: {homes:?}");
    assert_eq!(homes.values().sum::<usize>(), 200);
}

#[test]
fn a_loop_that_slept_spreads_what_it_spawns() {
    assert_balanced(&homes_of_200(|spawn| {
        for _ in 0..200 {
            // An accept loop's wait until a client comes.
            routine::sleep(Duration::from_millis(1));
            spawn(Builder::new());
        }
    }));
}

#[test]
fn a_loop_that_slept_spreads_bursts() {
    assert_balanced(&homes_of_200(|spawn| {
        for _ in 0..4 {
            routine::sleep(Duration::from_millis(1));
            (0..50).for_each(|_| spawn(Builder::new()));
        }
    }));
}

#[test]
fn spread_balances_whatever_the_loop_waited_for() {
    assert_balanced(&homes_of_200(|spawn| {
        let (client, clients) = channel::bounded(0);
        // Clients from outside, one per ms.
        let outside = thread::spawn(move || {
            for _ in 0..200 {
                thread::sleep(Duration::from_millis(1));
                client.send(()).unwrap();
            }
        });
        while clients.recv().is_ok() {
            spawn(Builder::new().place(Place::Spread));
        }
        drop(outside);
    }));
}

#[test]
fn spread_balances_bursts() {
    assert_balanced(&homes_of_200(|spawn| {
        for _ in 0..4 {
            (0..50).for_each(|_| spawn(Builder::new().place(Place::Spread)));
            routine::yield_now();
        }
    }));
}

/// From outside of the runtime too.
#[test]
fn spread_from_a_plain_thread_reaches_every_worker() {
    watched(|| {
        let runtime = workers(4);
        let handles: Vec<_> = (0..40)
            .map(|_| {
                let builder = Builder::new().place(Place::Spread);
                let here = || {
                    let here = thread::current().id();
                    routine::park();
                    here
                };
                runtime.spawn_with(builder, here).unwrap()
            })
            .collect();
        eventually("all have started", || {
            let metrics = runtime.metrics();
            metrics
                .workers
                .iter()
                .map(|worker| worker.live)
                .sum::<usize>()
                == 40
        });
        let homes = count(handles.into_iter().map(|handle| {
            handle.routine().unpark();
            handle.join().unwrap()
        }));
        assert_eq!(homes.len(), 4, "{homes:?}");
        assert!(homes.values().all(|&n| n == 10), "{homes:?}");
    });
}

#[test]
fn own_runs_on_a_thread_of_its_own_that_ends_with_it() {
    watched(|| {
        let runtime = runtime::Builder::new()
            .workers(2)
            .name("loner")
            .build()
            .unwrap();
        let is_alive = || {
            let names = Process::own().thread_names();
            names.iter().any(|name| name == "loner-own")
        };
        assert!(!is_alive());
        let (at, homes) = channel::bounded(0);
        let own = Builder::new().place(Place::Own);
        let own = runtime
            .spawn_with(own, move || {
                at.send(thread::current().id()).unwrap();
                for _ in 0..100 {
                    routine::yield_now();
                    routine::sleep(Duration::from_micros(10));
                }
                // Its children are anybody's but its own thread's.
                let children: Vec<_> = (0..10)
                    .map(|_| routine::spawn(|| thread::current().id()))
                    .collect();
                let children: Vec<ThreadId> = children
                    .into_iter()
                    .map(|child| child.join().unwrap())
                    .collect();
                at.send(thread::current().id()).unwrap();
                children
            })
            .unwrap();
        let home = homes.recv().unwrap();
        assert!(is_alive());
        let others: Vec<_> = (0..20)
            .map(|_| {
                let spread = Builder::new().place(Place::Spread);
                let here = || thread::current().id();
                runtime.spawn_with(spread, here).unwrap()
            })
            .collect();
        for other in others {
            assert_ne!(other.join().unwrap(), home);
        }
        assert_eq!(homes.recv(), Ok(home), "it has stayed there");
        assert!(own.join().unwrap().iter().all(|&child| child != home));
        eventually("the thread has ended", || !is_alive());
        assert_eq!(runtime.metrics().live(), 0);
    });
}

/// Many at once, each with its thread; a hog on one of them does not keep the workers.
#[test]
fn own_routines_do_not_keep_workers() {
    watched(|| {
        let runtime = workers(1);
        let end = Arc::new(AtomicBool::new(false));
        let hogs: Vec<_> = (0..8)
            .map(|_| {
                let end = end.clone();
                let own = Builder::new().place(Place::Own);
                let hog = move || {
                    spin_until("told to end", || {
                        thread::yield_now();
                        end.load(Ordering::SeqCst)
                    });
                    thread::current().id()
                };
                runtime.spawn_with(own, hog).unwrap()
            })
            .collect();
        assert_eq!(runtime.spawn(|| 7).join().unwrap(), 7, "the worker is free");
        end.store(true, Ordering::SeqCst);
        let homes = count(hogs.into_iter().map(|hog| hog.join().unwrap()));
        assert_eq!(homes.len(), 8);
    });
}

#[test]
fn restart_moves_under_the_same_id_and_handle() {
    watched(|| {
        let runtime = workers(2);
        let drops = Drops::new();
        let (said, says) = channel::unbounded();
        let tracked = drops.track();
        let seen = drops.clone();
        let builder = Builder::new().name("mover");
        let handle = runtime
            .spawn_with(builder, move || -> (ThreadId, usize) {
                let _on_stack = tracked;
                let me = routine::current().unwrap();
                said.send((
                    me.id(),
                    me.name().map(str::to_owned),
                    thread::current().id(),
                ))
                .unwrap();
                routine::yield_now();
                routine::restart(move || {
                    let me = routine::current().unwrap();
                    said.send((
                        me.id(),
                        me.name().map(str::to_owned),
                        thread::current().id(),
                    ))
                    .unwrap();
                    (thread::current().id(), seen.dropped())
                })
            })
            .unwrap();
        let id = handle.id();
        let (before, after) = (says.recv().unwrap(), says.recv().unwrap());
        let (home, dropped) = handle.join().unwrap();
        assert_eq!((before.0, after.0), (id, id));
        assert_eq!(before.1.as_deref(), Some("mover"));
        assert_eq!(after.1.as_deref(), Some("mover"));
        // Nothing else lives, and the one it comes from counts as living while it is placed.
        assert_ne!(
            before.2, after.2,
            "the worker with the fewest live ones is the other"
        );
        assert_eq!(home, after.2);
        assert_eq!(dropped, 1, "the destructors of the old stack have run");
        eventually("it has ended once", || runtime.metrics().live() == 0);
    });
}

/// A loop that starts again over and over keeps its handle, its permit and its stack size.
#[test]
fn restart_can_be_repeated() {
    fn again(left: u32, moves: u32, last: ThreadId) -> u32 {
        let here = thread::current().id();
        let moves = moves + u32::from(here != last);
        if left == 0 {
            return moves;
        }
        // Needs the megabyte it was given: ten frames of 64 KiB.
        assert_eq!(deep(10), 10);
        routine::restart(move || again(left - 1, moves, here))
    }
    #[inline(never)]
    fn deep(n: u32) -> u32 {
        let frame = std::hint::black_box([n as u8; 64 << 10]);
        if n == 0 {
            return 0;
        }
        deep(n - 1) + u32::from(frame[0] > 0)
    }
    watched(|| {
        let runtime = workers(4);
        let builder = Builder::new().stack_size(1 << 20);
        let handle = runtime
            .spawn_with(builder, || again(200, 0, thread::current().id()))
            .unwrap();
        assert_eq!(handle.join().unwrap(), 200, "each time to another worker");
        eventually("it has ended once", || {
            let metrics = runtime.metrics();
            metrics.live() == 0 && metrics.stacks_in_use() == 0
        });
    });
}

fn message(error: JoinError) -> String {
    match error {
        JoinError::Panicked(payload) => payload
            .downcast_ref::<String>()
            .cloned()
            .or(payload.downcast_ref::<&str>().map(ToString::to_string))
            .expect("a panic with a message"),
        JoinError::Cancelled => "cancelled".to_string(),
    }
}

#[test]
fn restart_with_another_type_panics_and_names_it() {
    watched(|| {
        let runtime = workers(1);
        let wrong = runtime.spawn(|| -> u32 { routine::restart(|| "a word") });
        let message = message(wrong.join().unwrap_err());
        assert!(
            message.contains("restart") && message.contains("&str"),
            "{message}"
        );
    });
}

#[test]
fn restart_on_a_plain_thread_panics() {
    watched(|| {
        let error = thread::spawn(|| routine::restart(|| ())).join();
        let Err(payload) = error;
        let message = payload.downcast_ref::<&str>().expect("a literal message");
        assert!(message.contains("plain thread"), "{message}");
    });
}

#[test]
fn restart_in_the_closure_of_run_panics() {
    watched(|| {
        let error = std::panic::catch_unwind(|| workers(1).run(|| routine::restart(|| ())));
        let Err(payload) = error;
        let message = payload.downcast_ref::<&str>().expect("a literal message");
        assert!(message.contains("`run`"), "{message}");
    });
}

/// A swallowed restart is a routine that goes on.
#[test]
fn a_caught_restart_drops_the_new_closure() {
    watched(|| {
        let runtime = workers(1);
        let drops = Drops::new();
        let tracked = drops.track();
        let result = runtime.spawn(move || -> u32 {
            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                routine::restart(move || {
                    drop(tracked);
                    1
                })
            }));
            assert!(caught.is_err());
            drop(caught);
            2
        });
        assert_eq!(result.join().unwrap(), 2);
        assert_eq!(drops.alive(), 0);
    });
}

/// Depth first: the last child runs first (it is likely what its parent waits for), then the others
/// in the order they were spawned; Go prints the same.
#[test]
fn children_run_4_0_1_2_3() {
    watched(|| {
        let runtime = workers(1);
        let order = Arc::new(StdMutex::new(Vec::new()));
        let seen = order.clone();
        runtime.run(move || {
            let group = Arc::new(WaitGroup::new());
            group.add(5);
            for i in 0..5 {
                let (group, order) = (group.clone(), order.clone());
                routine::spawn(move || {
                    order.lock().unwrap().push(i);
                    group.done();
                });
            }
            group.wait();
        });
        assert_eq!(*seen.lock().unwrap(), [4, 0, 1, 2, 3]);
    });
}

/// A whole subtree before the next sibling: so a tree of many leaves needs few stacks.
#[test]
fn a_tree_needs_few_stacks() {
    fn tree(depth: u32) -> u64 {
        if depth == 0 {
            return 1;
        }
        let children: Vec<_> = (0..10)
            .map(|_| routine::spawn(move || tree(depth - 1)))
            .collect();
        children
            .into_iter()
            .map(|child| child.join().unwrap())
            .sum()
    }
    watched(|| {
        let runtime = workers(1);
        assert_eq!(runtime.run(|| tree(4)), 10_000);
        let most = runtime.metrics().stacks_high_water();
        assert!(most < 200, "{most} stacks at once for 11,111 routines");
    });
}

/// Passes only if both are in it at the same time, on two threads.
struct Meeting(AtomicUsize);

impl Meeting {
    fn new() -> Arc<Meeting> {
        Arc::new(Meeting(AtomicUsize::new(0)))
    }

    /// Computes, and neither parks nor yields, until the other has come too.
    fn meet(&self) -> ThreadId {
        self.0.fetch_add(1, Ordering::SeqCst);
        spin_until("the other runs at the same time", || {
            self.0.load(Ordering::SeqCst) == 2
        });
        thread::current().id()
    }
}

#[test]
fn a_near_child_is_stolen_while_its_parent_computes() {
    watched(|| {
        let runtime = workers(2);
        for _ in 0..50 {
            let meeting = Meeting::new();
            let (parent, child) = runtime.run(move || {
                let of_child = meeting.clone();
                let child = routine::spawn(move || of_child.meet());
                let here = meeting.meet();
                (here, child.join().unwrap())
            });
            assert_ne!(parent, child);
        }
    });
}

#[test]
fn two_near_children_compute_side_by_side() {
    watched(|| {
        let runtime = workers(2);
        for _ in 0..50 {
            let meeting = Meeting::new();
            let both = runtime.run(move || {
                let both = [meeting.clone(), meeting];
                let both = both.map(|meeting| routine::spawn(move || meeting.meet()));
                both.map(|handle| handle.join().unwrap())
            });
            assert_ne!(both[0], both[1]);
        }
    });
}

/// What stealing cannot mend: once started they stay. Spread ones are apart from the start.
#[test]
fn two_spread_routines_compute_side_by_side_after_a_park() {
    watched(|| {
        let runtime = workers(2);
        for _ in 0..50 {
            let meeting = Meeting::new();
            let (go, wait) = channel::bounded::<()>(0);
            let both = runtime.run(move || {
                let both = [meeting.clone(), meeting].map(|meeting| {
                    let wait = wait.clone();
                    let compute = move || {
                        assert!(wait.recv().is_err());
                        meeting.meet()
                    };
                    Builder::new().place(Place::Spread).spawn(compute).unwrap()
                });
                routine::yield_now();
                drop(go);
                both.map(|handle| handle.join().unwrap())
            });
            assert_ne!(both[0], both[1]);
        }
    });
}
