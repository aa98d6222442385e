//! Who is blocked: known, not guessed by waiting a while.
//!
//! A routine says that it is about to block. When afterwards every worker runs something else at the
//! same time, it has given its worker up, and nothing but the wait makes it do that. A thread is looked
//! at in `/proc`: it says so, and then it sleeps.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use rust_routines::routine;
use rust_routines::runtime::Runtime;
use rust_routines_tests::{LIMIT, eventually};

/// Those that have said that they are about to block.
#[derive(Clone, Default)]
pub(crate) struct Waiters {
    routines: Arc<AtomicUsize>,
    /// The `stat` of each thread.
    threads: Arc<Mutex<Vec<PathBuf>>>,
}

impl Waiters {
    pub(crate) fn new() -> Waiters {
        Waiters::default()
    }

    /// The caller's next call blocks.
    pub(crate) fn enter(&self) {
        if routine::is_routine() {
            self.routines.fetch_add(1, Ordering::SeqCst);
        } else {
            let thread = fs::read_link("/proc/thread-self").expect("a thread finds itself");
            let stat = Path::new("/proc").join(thread).join("stat");
            self.threads.lock().unwrap().push(stat);
        }
    }

    /// How many routines have entered.
    pub(crate) fn routines(&self) -> usize {
        self.routines.load(Ordering::SeqCst)
    }

    /// Waits until so many routines of `runtime` and so many threads are blocked.
    pub(crate) fn wait(&self, runtime: &Runtime, routines: usize, threads: usize) {
        eventually("all routines are about to block", || {
            self.routines() == routines
        });
        settle(runtime);
        eventually("all threads sleep", || {
            let all = self.threads.lock().unwrap();
            all.len() == threads && all.iter().all(|stat| sleeps(stat))
        });
    }
}

fn sleeps(stat: &Path) -> bool {
    // A thread that has ended does not sleep: the test is about to find that out.
    fs::read_to_string(stat).is_ok_and(|stat| {
        let after_name = stat.rsplit(") ").next();
        after_name.is_some_and(|rest| rest.starts_with('S'))
    })
}

/// Returns when every worker has run something that was spawned here: whatever ran there before has
/// been switched out.
pub(crate) fn settle(runtime: &Runtime) {
    let all = runtime.metrics().workers.len();
    let here = Arc::new(AtomicUsize::new(0));
    let meeting: Vec<_> = (0..all)
        .map(|_| {
            let here = here.clone();
            runtime.spawn(move || {
                here.fetch_add(1, Ordering::SeqCst);
                let start = Instant::now();
                while here.load(Ordering::SeqCst) < all {
                    assert!(start.elapsed() < LIMIT, "the workers do not meet");
                    // The thread, not the routine: the worker stays taken.
                    thread::yield_now();
                }
            })
        })
        .collect();
    for one in meeting {
        one.join().unwrap();
    }
}
