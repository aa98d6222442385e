//! A worker that does not look at the clock because it computes: what comes late, and what others take over.
//!
//! - waits of its own routines (sleeps, time-outs, timers): late, but as soon as it looks again;
//! - waits elsewhere, on timers that were made here: at the home of the one who waits, so on time;
//! - functions and futures: another worker of the runtime fires them, if one is idle.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use rust_routines::routine::{self, Builder, Place};
use rust_routines::runtime::Runtime;
use rust_routines::time::{self, Duration, Instant, Timer};
use rust_routines_tests::wait::spin_until;
use rust_routines_tests::{eventually, watched};

use super::{MOMENT, workers};

/// Yields after which a worker has looked at the clock.
const LOOKS: u32 = 64;

#[test]
fn its_own_waits_are_late_but_end_at_once() {
    watched(|| {
        workers(1).run(|| {
            let deadline = Instant::now() + MOMENT;
            let sleeps = routine::spawn(move || time::sleep_until(deadline));
            let timer = routine::spawn(move || Timer::at(deadline).recv());
            routine::yield_now();
            while Instant::now() < deadline + MOMENT {
                assert!(
                    !sleeps.is_finished() && !timer.is_finished(),
                    "nobody else can"
                );
            }
            let mut looks = 0;
            while !(sleeps.is_finished() && timer.is_finished()) {
                looks += 1;
                assert!(looks < LOOKS, "it has looked by now");
                routine::yield_now();
            }
        });
    });
}

/// Who waits elsewhere for a timer that was made, and reset, by a routine that computes.
#[test]
fn waits_elsewhere_are_none_of_its_business() {
    watched(|| {
        let runtime = workers(2);
        runtime.run(|| {
            let timer = Arc::new(Timer::new(super::HOUR));
            let home = thread::current().id();
            let of_other = timer.clone();
            // Spread, so at the other worker.
            let waits = Builder::new()
                .place(Place::Spread)
                .spawn(move || {
                    of_other.recv();
                    thread::current().id()
                })
                .unwrap();
            let of_thread = timer.clone();
            let thread = thread::spawn(move || of_thread.recv());
            let mut done = 0;
            timer.reset(MOMENT);
            while done < 2 {
                spin_until("one of them has it", || {
                    let now = usize::from(waits.is_finished()) + usize::from(thread.is_finished());
                    now > done
                });
                done += 1;
                timer.reset(MOMENT);
            }
            assert_ne!(waits.join().unwrap(), home);
            thread.join().unwrap();
        });
    });
}

fn set() -> (Arc<AtomicBool>, impl Fn() + Send + Sync + 'static) {
    let flag = Arc::new(AtomicBool::new(false));
    let of_setter = flag.clone();
    (flag, move || of_setter.store(true, Ordering::SeqCst))
}

/// It waits for what it has set itself, without ever looking: another worker fires it. Several times,
/// so that the other one has fallen asleep before, and with a promise that is too late.
#[test]
fn its_functions_are_run_by_another_worker() {
    watched(|| {
        workers(2).run(|| {
            let far = time::after_func(super::HOUR, || unreachable!("it was stopped"));
            for _ in 0..5 {
                let (flag, setter) = set();
                let at = Instant::now() + MOMENT;
                time::after_func(MOMENT, setter);
                spin_until("another worker runs it", || flag.load(Ordering::SeqCst));
                assert!(Instant::now() >= at, "never early");
            }
            assert!(far.stop());
        });
    });
}

/// The other one sleeps, with no promise or with one that is much too late: whoever sets a timer rings it.
#[test]
fn a_sleeper_is_rung_to_look_after_its_functions() {
    watched(|| {
        for knows_a_later_one in [false, true] {
            // Nobody here has free stacks, which wake a worker to give memory back.
            let runtime = workers(2);
            let (go, going) = (
                Arc::new(AtomicBool::new(false)),
                Arc::new(AtomicBool::new(false)),
            );
            let (may_go, goes) = (go.clone(), going.clone());
            let stuck = runtime.spawn(move || {
                let far = knows_a_later_one
                    .then(|| time::after_func(super::HOUR, || unreachable!("it was stopped")));
                goes.store(true, Ordering::SeqCst);
                spin_until("the other one sleeps", || may_go.load(Ordering::SeqCst));
                let (flag, setter) = set();
                let at = Instant::now() + MOMENT;
                time::after_func(MOMENT, setter);
                spin_until("another worker runs it", || flag.load(Ordering::SeqCst));
                assert!(Instant::now() >= at, "never early");
                assert!(far.is_none_or(|far| far.stop()));
            });
            eventually("it computes", || going.load(Ordering::SeqCst));
            until_one_sleeps(&runtime);
            go.store(true, Ordering::SeqCst);
            stuck.join().unwrap();
        }
    });
}

/// Until the worker that does nothing has not been awake for a while.
fn until_one_sleeps(runtime: &Runtime) {
    let busy = || runtime.metrics().workers.into_iter().map(|w| w.busy);
    let mut looks = vec![(Duration::MAX, 0); runtime.metrics().workers.len()];
    eventually("a worker sleeps", || {
        for ((before, equal), now) in looks.iter_mut().zip(busy()) {
            *equal = if now == *before { *equal + 1 } else { 0 };
            *before = now;
        }
        looks.iter().any(|&(_, equal)| equal == 6)
    });
}

/// Two workers are stuck: the one where it was set, and the one that was rung then and had promised to look.
/// The third, which slept all the time, fires it.
#[test]
fn its_functions_are_run_though_the_one_who_would_have_looked_is_stuck_too() {
    watched(|| {
        let runtime = workers(3);
        for _ in 0..5 {
            runtime.run(|| {
                let (flag, setter) = set();
                time::after_func(4 * MOMENT, setter);
                let seen = flag.clone();
                // The one that is rung looks for work until it falls asleep with its promise.
                let rung = Instant::now();
                spin_until("it sleeps again", || Instant::now() >= rung + MOMENT);
                let stuck = routine::spawn(move || {
                    spin_until("a third one runs it", || seen.load(Ordering::SeqCst));
                });
                spin_until("a third worker runs it", || flag.load(Ordering::SeqCst));
                stuck.join().unwrap();
            });
        }
    });
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn its_futures_are_woken_by_another_worker() {
    watched(|| {
        workers(2).run(|| {
            let timer = Timer::new(MOMENT);
            let mut expiry = timer.recv_async();
            let flag = Arc::new(Flag(AtomicBool::new(false)));
            let waker = Waker::from(flag.clone());
            let mut poll = || Pin::new(&mut expiry).poll(&mut Context::from_waker(&waker));
            assert_eq!(poll(), Poll::Pending);
            spin_until("another worker wakes it", || flag.0.load(Ordering::SeqCst));
            assert!(poll().is_ready());
        });
    });
}
