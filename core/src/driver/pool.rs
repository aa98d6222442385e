//! Threads for work that blocks: as many as there is work at once, up to a cap; none at rest.
//!
//! A job is a pointer into the frame of somebody who waits for it, and the function that does it; the pool
//! knows nothing of routines. Jobs start in the order they came. A thread that has had nothing to do for a
//! while goes; the stacks are the system's ordinary ones, because what blocks is mostly somebody else's
//! code.
//!
//! Accounting, all under one lock: who submits takes one thread off `idle` and adds it to `called` before
//! it rings; a thread that stops waiting takes one off `called`, whichever was rung, or, if there is none,
//! itself off `idle`. So no job is left to threads that are on their way out.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

/// A thread without work goes after this time; tokio's too.
pub(crate) const KEEP: Duration = Duration::from_secs(10);

/// Something to do on a thread of the pool.
pub(crate) struct Job {
    data: *const (),
    run: unsafe fn(*const ()),
}

// SAFETY: the maker of a job promises that it may run on any thread.
unsafe impl Send for Job {}

impl Job {
    /// # Safety
    /// `run(data)` is sound on any thread, once, at any time from now on, and does not unwind.
    pub(crate) unsafe fn new(data: *const (), run: unsafe fn(*const ())) -> Job {
        Job { data, run }
    }

    fn run(self) {
        // SAFETY: the promise of `new`; `self` is used up.
        unsafe { (self.run)(self.data) }
    }
}

pub(crate) struct Pool {
    state: Mutex<State>,
    work: Condvar,
    /// Of its threads.
    name: String,
    /// How long a thread stays without work.
    keep: Duration,
}

struct State {
    queue: VecDeque<Job>,
    /// Threads, at most as many as `cap` but for those that have not seen it lowered.
    threads: usize,
    cap: usize,
    /// Threads that wait for work and have not been called.
    idle: usize,
    /// Calls that no thread has answered yet.
    called: usize,
    done: u64,
    is_closed: bool,
}

/// A snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Count {
    pub(crate) threads: usize,
    pub(crate) idle: usize,
    pub(crate) queued: usize,
    pub(crate) cap: usize,
    pub(crate) done: u64,
}

impl Pool {
    pub(crate) fn new(name: String, cap: usize, keep: Duration) -> Arc<Pool> {
        Arc::new(Pool {
            state: Mutex::new(State {
                queue: VecDeque::new(),
                threads: 0,
                cap,
                idle: 0,
                called: 0,
                done: 0,
                is_closed: false,
            }),
            work: Condvar::new(),
            name,
            keep,
        })
    }

    /// Queues a job; some thread does it.
    ///
    /// # Errors
    /// If there is no thread and the system refuses one; the job will not run then.
    pub(crate) fn submit(self: &Arc<Self>, job: Job) -> io::Result<()> {
        let data = job.data;
        let mut state = self.state.lock();
        state.queue.push_back(job);
        if state.idle > 0 {
            state.idle -= 1;
            state.called += 1;
            drop(state);
            self.work.notify_one();
            return Ok(());
        }
        if state.threads >= state.cap {
            return Ok(());
        }
        let Err(error) = self.grow(state) else {
            return Ok(());
        };
        let mut state = self.state.lock();
        // As long as there is a thread it is a matter of time.
        let at = match state.threads {
            0 => state.queue.iter().position(|job| job.data == data),
            _ => None,
        };
        match at.and_then(|at| state.queue.remove(at)) {
            Some(_) => Err(error),
            None => Ok(()),
        }
    }

    /// Most threads from now on, at least one. Those that are too many go when they have nothing to do.
    pub(crate) fn set_cap(self: &Arc<Self>, cap: usize) {
        self.state.lock().cap = cap.max(1);
        self.work.notify_all();
        loop {
            let state = self.state.lock();
            let is_wanted = state.queue.len() > state.called && state.threads < state.cap;
            // Those that run go on with the queue if there can be no more.
            if !is_wanted || self.grow(state).is_err() {
                return;
            }
        }
    }

    /// Threads go as soon as they have nothing to do. Nothing is submitted any more.
    pub(crate) fn close(&self) {
        self.state.lock().is_closed = true;
        self.work.notify_all();
    }

    pub(crate) fn count(&self) -> Count {
        let state = self.state.lock();
        Count {
            threads: state.threads,
            idle: state.idle,
            queued: state.queue.len(),
            cap: state.cap,
            done: state.done,
        }
    }

    /// Starts one more thread.
    fn grow(self: &Arc<Self>, mut state: MutexGuard<'_, State>) -> io::Result<()> {
        state.threads += 1;
        drop(state);
        let pool = self.clone();
        let started = thread::Builder::new()
            .name(self.name.clone())
            .spawn(move || pool.serve());
        if started.is_err() {
            self.state.lock().threads -= 1;
        }
        started.map(drop)
    }

    /// The life of a thread.
    fn serve(&self) {
        let mut state = self.state.lock();
        loop {
            while let Some(job) = state.queue.pop_front() {
                MutexGuard::unlocked(&mut state, || job.run());
                state.done += 1;
            }
            if state.is_closed || state.threads > state.cap {
                break;
            }
            state.idle += 1;
            let timed_out = self.work.wait_for(&mut state, self.keep).timed_out();
            if state.called > 0 {
                state.called -= 1;
                continue;
            }
            state.idle -= 1;
            if timed_out && state.queue.is_empty() {
                break;
            }
        }
        state.threads -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::time::Instant;

    fn pool(cap: usize, keep: Duration) -> Arc<Pool> {
        Pool::new("test".to_string(), cap, keep)
    }

    /// A job that waits at the barrier.
    fn meet(at: &Arc<Barrier>) -> Job {
        unsafe fn run(data: *const ()) {
            // SAFETY: `into_raw` below; a job runs once.
            let barrier = unsafe { Arc::from_raw(data.cast::<Barrier>()) };
            barrier.wait();
        }
        // SAFETY: a barrier may be used on any thread, and does not unwind.
        unsafe { Job::new(Arc::into_raw(at.clone()).cast(), run) }
    }

    fn until(pool: &Pool, is_so: impl Fn(Count) -> bool) {
        let start = Instant::now();
        while !is_so(pool.count()) {
            assert!(start.elapsed().as_secs() < 30, "{:?}", pool.count());
            thread::yield_now();
        }
    }

    #[test]
    fn threads_come_with_work_and_go_without() {
        let pool = pool(8, Duration::from_millis(1));
        let barrier = Arc::new(Barrier::new(5));
        (0..4).for_each(|_| pool.submit(meet(&barrier)).unwrap());
        assert_eq!(pool.count().threads, 4);
        barrier.wait();
        until(&pool, |count| count.threads == 0);
        assert_eq!((pool.count().done, pool.count().idle), (4, 0));
        let again = Arc::new(Barrier::new(2));
        pool.submit(meet(&again)).unwrap();
        again.wait();
        until(&pool, |count| count.done == 5);
    }

    #[test]
    fn a_cap_holds_and_can_be_moved() {
        let pool = pool(1, Duration::from_secs(1000));
        let barrier = Arc::new(Barrier::new(4));
        (0..3).for_each(|_| pool.submit(meet(&barrier)).unwrap());
        until(&pool, |count| count.queued == 2);
        assert_eq!(pool.count().threads, 1);
        pool.set_cap(3);
        barrier.wait();
        until(&pool, |count| count.idle == 3 && count.done == 3);
        pool.set_cap(2);
        until(&pool, |count| count.threads == 2 && count.idle == 2);
        pool.close();
        until(&pool, |count| count.threads == 0);
    }

    #[test]
    fn idle_threads_are_used_before_new_ones() {
        let pool = pool(8, Duration::from_secs(1000));
        for _ in 0..100 {
            let barrier = Arc::new(Barrier::new(2));
            pool.submit(meet(&barrier)).unwrap();
            barrier.wait();
            until(&pool, |count| count.idle == count.threads);
        }
        assert_eq!(pool.count().threads, 1);
        pool.close();
    }
}
