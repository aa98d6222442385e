//! Threads of the operating system, where they are what a Rust programmer would take otherwise.

use std::cell::Cell;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Condvar, Mutex, Once, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::work::{self, PAIR_STEPS, PIECES, compute, piece_steps};
use crate::proc::Memory;
use crate::sample::Sample;

/// Pieces of computation on two threads that take the next piece when they are done with one: no queue is cheaper.
pub(crate) fn fanout(n: u64) -> Sample {
    rounds(1);
    let count = (n / PIECES).max(1);
    Sample::per_unit(work::timed(|| rounds(count)), count * PIECES)
}

fn rounds(count: u64) {
    for _ in 0..count {
        let next = AtomicU64::new(0);
        let worker = || {
            let mut sum = 0_u64;
            loop {
                let piece = next.fetch_add(1, Ordering::Relaxed);
                if piece >= PIECES {
                    return sum;
                }
                sum = sum.wrapping_add(compute(piece, piece_steps(piece)));
            }
        };
        let sum = thread::scope(|scope| {
            let other = scope.spawn(worker);
            let mine = worker();
            mine.wrapping_add(other.join().expect("a thread that only computes"))
        });
        std::hint::black_box(sum);
    }
}

/// Two threads that compute, against one; this is what the machine can do.
pub(crate) fn pair(n: u64) -> Sample {
    let run = |count: u64| {
        work::timed(|| {
            let threads: Vec<_> = (0..count)
                .map(|i| thread::spawn(move || compute(i, PAIR_STEPS)))
                .collect();
            for thread in threads {
                std::hint::black_box(thread.join().expect("a thread that only computes"));
            }
        })
    };
    run(2);
    let spawned = work::speed_up(n, || run(1), || run(2));
    let parked = work::speed_up(n, || run(1), pair_after_wait);
    Sample::of(spawned)
        .with("after_park_near", parked)
        .with("after_park_spread", parked)
}

fn pair_after_wait() -> Duration {
    let (both_there, go) = (Arc::new(Barrier::new(3)), Arc::new(Barrier::new(3)));
    let threads: Vec<_> = (0..2)
        .map(|i| {
            let (both_there, go) = (both_there.clone(), go.clone());
            thread::spawn(move || {
                both_there.wait();
                go.wait();
                compute(i, PAIR_STEPS)
            })
        })
        .collect();
    both_there.wait();
    work::timed(|| {
        go.wait();
        for thread in threads {
            std::hint::black_box(thread.join().expect("a thread that only computes"));
        }
    })
}

/// Parks `n` threads. Their kernel stacks (16 KiB each on Linux) are the kernel's and not in these figures.
pub(crate) fn parked(n: u64) -> Sample {
    let warm = park(100);
    warm.end();
    let before = Memory::now();
    let parked = park(n);
    let after = Memory::now();
    let started = parked.threads.len() as u64;
    let mut sample = Sample::per_unit(parked.elapsed, started);
    if let (Some(before), Some(after)) = (before, after) {
        let (rss, total) = after.growth(before, started);
        sample = sample.with("rss_bytes", rss).with("total_bytes", total);
    }
    if let Some(problem) = &parked.problem {
        sample = sample.note(format!(
            "threads: only {started} of {n} could be started ({problem})"
        ));
    }
    parked.end();
    sample
}

struct Parked {
    elapsed: Duration,
    threads: Vec<thread::JoinHandle<()>>,
    problem: Option<io::Error>,
    gate: Arc<(Mutex<bool>, Condvar)>,
}

fn park(n: u64) -> Parked {
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let (ready, arrived) = mpsc::channel();
    let start = Instant::now();
    let mut threads = Vec::new();
    let mut problem = None;
    for _ in 0..n {
        let (gate, ready) = (gate.clone(), ready.clone());
        let thread = thread::Builder::new().spawn(move || {
            let open = gate.0.lock().expect("nobody panics under the gate's lock");
            ready
                .send(())
                .expect("the counter is there until all have arrived");
            drop(
                gate.1
                    .wait_while(open, |open| !*open)
                    .expect("nobody panics under the gate's lock"),
            );
        });
        match thread {
            Ok(thread) => threads.push(thread),
            // A limit of the machine: what could be started is measured and the report says how many that were.
            Err(error) => {
                problem = Some(error);
                break;
            }
        }
    }
    for _ in &threads {
        arrived.recv().expect("every thread reports");
    }
    Parked {
        elapsed: start.elapsed(),
        threads,
        problem,
        gate,
    }
}

impl Parked {
    fn end(self) {
        *self
            .gate
            .0
            .lock()
            .expect("nobody panics under the gate's lock") = true;
        self.gate.1.notify_all();
        for thread in self.threads {
            thread.join().expect("a thread that only waits");
        }
    }
}

/// Calls std's `Once` that has been done.
pub(crate) fn once_done(n: u64) -> Sample {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| ());
    let calls = |n: u64| {
        (0..n).for_each(|_| std::hint::black_box(&ONCE).call_once(|| unreachable!("twice")));
    };
    calls(work::warm_up(n, 1));
    Sample::per_unit(work::timed(|| calls(n)), n)
}

thread_local!(static COUNT: Cell<u64> = const { Cell::new(0) });

/// A function deep down.
#[inline(never)]
fn step() {
    COUNT.with(|count| count.set(count.get() + 1));
}

/// Counts in a thread's own value.
pub(crate) fn local_access(n: u64) -> Sample {
    (0..work::warm_up(n, 1)).for_each(|_| step());
    let before = COUNT.get();
    let elapsed = work::timed(|| (0..n).for_each(|_| step()));
    assert_eq!(COUNT.get() - before, n, "a value of a thread: wrong count");
    Sample::per_unit(elapsed, n)
}
