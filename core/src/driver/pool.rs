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
//!
//! If the system refuses a thread, those that there are, or that others are about to start, go on with the
//! queue. Whoever finds that there are none refuses the whole queue: his own job, and those of others who
//! counted on his thread.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::sys::cpus::{self, Mask};

/// A thread without work goes after this time; tokio's too.
pub(crate) const KEEP: Duration = Duration::from_secs(10);

/// Something to do on a thread of the pool.
pub(crate) struct Job {
    data: *const (),
    run: unsafe fn(*const (), io::Result<()>),
}

// SAFETY: the maker of a job promises that it may run on any thread.
unsafe impl Send for Job {}

impl Job {
    /// `run` is told whether it has got a thread; if not, it is called by somebody who waits for nothing, and
    /// only says so to those who wait.
    ///
    /// # Safety
    /// `run(data, _)` is sound on any thread, once, at any time from now on, and does not unwind.
    pub(crate) unsafe fn new(data: *const (), run: unsafe fn(*const (), io::Result<()>)) -> Job {
        Job { data, run }
    }

    fn end(self, admitted: io::Result<()>) {
        // SAFETY: the promise of `new`; `self` is used up.
        unsafe { (self.run)(self.data, admitted) }
    }
}

pub(crate) struct Pool {
    state: Mutex<State>,
    work: Condvar,
    /// Of its threads.
    name: String,
    /// How long a thread stays without work.
    keep: Duration,
    /// Where they may run, if not where those do that start them.
    mask: Option<Mask>,
}

struct State {
    queue: VecDeque<Job>,
    /// Threads, at most as many as `cap` but for those that have not seen it lowered.
    threads: usize,
    /// Those of them that have not come to work yet, and may turn out to be refused.
    starting: usize,
    cap: usize,
    /// Threads that wait for work and have not been called.
    idle: usize,
    /// Calls that no thread has answered yet.
    called: usize,
    done: u64,
    is_closed: bool,
    /// Bytes of a thread's stack, unless it is what std gives.
    stack: Option<usize>,
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
    /// `mask`: where its threads may run, if not where those do that start them.
    pub(crate) fn new(name: String, cap: usize, keep: Duration, mask: Option<Mask>) -> Arc<Pool> {
        Arc::new(Pool {
            state: Mutex::new(State {
                queue: VecDeque::new(),
                threads: 0,
                starting: 0,
                cap,
                idle: 0,
                called: 0,
                done: 0,
                is_closed: false,
                stack: None,
            }),
            work: Condvar::new(),
            name,
            keep,
            mask,
        })
    }

    /// Queues a job; some thread does it, or it is refused if there is none and the system has none.
    pub(crate) fn submit(self: &Arc<Self>, job: Job) {
        let mut state = self.state.lock();
        state.queue.push_back(job);
        if state.idle > 0 {
            state.idle -= 1;
            state.called += 1;
            drop(state);
            self.work.notify_one();
        } else if state.threads < state.cap {
            self.grow(state);
        }
    }

    /// Most threads from now on, at least one. Those that are too many go when they have done what they do.
    pub(crate) fn set_cap(self: &Arc<Self>, cap: usize) {
        self.state.lock().cap = cap.max(1);
        self.work.notify_all();
        loop {
            let state = self.state.lock();
            let is_wanted =
                state.queue.len() > state.called + state.starting && state.threads < state.cap;
            // Those that run go on with the queue if there can be no more.
            if !is_wanted || !self.grow(state) {
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

    /// Starts one more thread, if the system allows it.
    fn grow(self: &Arc<Self>, mut state: MutexGuard<'_, State>) -> bool {
        state.threads += 1;
        state.starting += 1;
        let stack = state.stack;
        drop(state);
        let pool = self.clone();
        let mut thread = thread::Builder::new().name(self.name.clone());
        if let Some(bytes) = stack {
            thread = thread.stack_size(bytes);
        }
        let mask = self.mask.or_else(cpus::before_pin);
        match thread.spawn(move || pool.serve(mask)) {
            Ok(_) => true,
            Err(error) => {
                self.note_refusal(&error);
                false
            }
        }
    }

    #[cold]
    fn note_refusal(&self, error: &io::Error) {
        let mut state = self.state.lock();
        state.threads -= 1;
        state.starting -= 1;
        if state.threads > 0 {
            // It is a matter of time.
            return;
        }
        let refused = std::mem::take(&mut state.queue);
        drop(state);
        for job in refused {
            job.end(Err(io::Error::new(error.kind(), error.to_string())));
        }
    }

    /// The life of a thread.
    fn serve(&self, mask: Option<Mask>) {
        // A refusal leaves it where its maker runs, which is slower and no more.
        let _refused = mask.as_ref().map(cpus::bind);
        let mut state = self.state.lock();
        state.starting -= 1;
        while state.threads - state.starting <= state.cap {
            if let Some(job) = state.queue.pop_front() {
                MutexGuard::unlocked(&mut state, || job.end(Ok(())));
                state.done += 1;
                continue;
            }
            if state.is_closed {
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
        if !state.queue.is_empty() {
            // One too many, who may have been called for what it leaves to the others.
            self.work.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Instant;

    fn pool(cap: usize, keep: Duration) -> Arc<Pool> {
        Pool::new("test".to_string(), cap, keep, None)
    }

    /// A job that waits at the barrier.
    fn meet(at: &Arc<Barrier>) -> Job {
        unsafe fn run(data: *const (), _: io::Result<()>) {
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
        (0..4).for_each(|_| pool.submit(meet(&barrier)));
        assert_eq!(pool.count().threads, 4);
        barrier.wait();
        until(&pool, |now| now.threads == 0);
        assert_eq!((pool.count().done, pool.count().idle), (4, 0));
        let again = Arc::new(Barrier::new(2));
        pool.submit(meet(&again));
        again.wait();
        until(&pool, |now| now.done == 5);
    }

    #[test]
    fn a_cap_holds_and_can_be_moved() {
        let pool = pool(1, Duration::from_secs(1000));
        let barrier = Arc::new(Barrier::new(4));
        (0..3).for_each(|_| pool.submit(meet(&barrier)));
        until(&pool, |now| now.queued == 2);
        assert_eq!(pool.count().threads, 1);
        pool.set_cap(3);
        barrier.wait();
        until(&pool, |now| now.idle == 3 && now.done == 3);
        pool.set_cap(2);
        until(&pool, |now| now.threads == 2 && now.idle == 2);
        pool.close();
        until(&pool, |now| now.threads == 0);
    }

    #[test]
    fn idle_threads_are_used_before_new_ones() {
        let pool = pool(8, Duration::from_secs(1000));
        for _ in 0..100 {
            let barrier = Arc::new(Barrier::new(2));
            pool.submit(meet(&barrier));
            barrier.wait();
            until(&pool, |now| now.idle == now.threads);
        }
        assert_eq!(pool.count().threads, 1);
        pool.close();
    }

    /// Also under load: the queue is never empty here when the cap is lowered.
    #[test]
    fn a_lower_cap_holds_before_the_queue_is_empty() {
        let pool = pool(2, Duration::from_secs(1000));
        let gates: Vec<_> = (0..4).map(|_| Arc::new(Barrier::new(2))).collect();
        gates.iter().for_each(|gate| pool.submit(meet(gate)));
        until(&pool, |now| now.queued == 2);
        pool.set_cap(1);
        gates[0].wait();
        until(&pool, |now| now.done == 1 && now.threads == 1);
        assert_eq!(pool.count().queued, 2);
        gates[1..].iter().for_each(|gate| {
            gate.wait();
        });
        until(&pool, |now| now.done == 4);
        pool.close();
    }

    /// A raised cap starts as many threads as there are jobs, not as many as are allowed.
    #[test]
    fn a_higher_cap_starts_no_more_than_is_queued() {
        let pool = pool(1, Duration::from_secs(1000));
        let barrier = Arc::new(Barrier::new(4));
        (0..3).for_each(|_| pool.submit(meet(&barrier)));
        until(&pool, |now| now.queued == 2);
        pool.set_cap(100);
        assert_eq!(pool.count().threads, 3);
        barrier.wait();
        until(&pool, |now| now.done == 3);
        pool.close();
    }

    #[test]
    fn a_closed_pool_does_what_was_queued() {
        let pool = pool(1, Duration::from_secs(1000));
        let gates: Vec<_> = (0..3).map(|_| Arc::new(Barrier::new(2))).collect();
        gates.iter().for_each(|gate| pool.submit(meet(gate)));
        pool.close();
        gates.iter().for_each(|gate| {
            gate.wait();
        });
        until(&pool, |now| now.done == 3 && now.threads == 0);
    }

    /// More than any system has.
    const TOO_MUCH: Option<usize> = Some(usize::MAX >> 4);

    /// A job that counts whether it was refused.
    fn count(refused: &'static AtomicUsize) -> Job {
        unsafe fn run(data: *const (), admitted: io::Result<()>) {
            // SAFETY: `count` gave the address of a static.
            let refused = unsafe { &*data.cast::<AtomicUsize>() };
            refused.fetch_add(usize::from(admitted.is_err()), Ordering::Relaxed);
        }
        // SAFETY: an atomic counter may be used on any thread, and does not unwind.
        unsafe { Job::new((&raw const *refused).cast(), run) }
    }

    /// As long as there is one thread, that does it.
    #[test]
    fn without_more_threads_jobs_wait() {
        static REFUSED: AtomicUsize = AtomicUsize::new(0);
        let pool = pool(2, KEEP);
        let gate = Arc::new(Barrier::new(2));
        pool.submit(meet(&gate));
        pool.state.lock().stack = TOO_MUCH;
        (0..3).for_each(|_| pool.submit(count(&REFUSED)));
        assert_eq!((pool.count().threads, pool.count().done), (1, 0));
        gate.wait();
        until(&pool, |now| now.done == 4);
        assert_eq!(REFUSED.load(Ordering::Relaxed), 0);
        pool.close();
    }

    /// Several that count on each other's thread, and the system has none: none of them is forgotten.
    #[test]
    fn without_threads_everything_is_refused() {
        static REFUSED: AtomicUsize = AtomicUsize::new(0);
        let pool = pool(1, KEEP);
        pool.state.lock().stack = TOO_MUCH;
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        pool.submit(count(&REFUSED));
                    }
                });
            }
        });
        assert_eq!(REFUSED.load(Ordering::Relaxed), 80_000);
        assert_eq!((pool.count().threads, pool.count().queued), (0, 0));
    }
}
