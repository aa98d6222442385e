//! Waits inside of others, which few get to see: between two looks of a select, for a lock that comes with the end of
//! a wait, while a circle of locks is watched. Where a wait must be waited for to its end, the cancellation lands
//! after it.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use rust_routines::channel::{self, Receiver, Sender};
use rust_routines::routine;
use rust_routines::select;
use rust_routines::select::Arm;
use rust_routines::sync::{Condvar, Mutex, MutexGuard};
use rust_routines_tests::drops::{Drops, Tracked};
use rust_routines_tests::wait::{abort, spin_until, turns};

use super::behind::both_ways;
use super::points::{cancelled_in, way};
use super::{assert_cancelled, blocked};

/// Asks for another look whenever it is looked at: the select never gets to stand in a queue.
struct Restless {
    _tracked: Tracked,
    waker: Arc<StdMutex<Option<Waker>>>,
}

impl Arm for Restless {
    type Output = ();

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        *self.waker.lock().unwrap() = Some(cx.waker().clone());
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// It gives way to others between two looks.
#[test]
fn a_select_that_looks_again_and_again() {
    cancelled_in(|| {
        let (drops, waker) = (Drops::new(), Arc::default());
        let (tx, rx) = channel::bounded(0);
        let restless = Restless {
            _tracked: drops.track(),
            waker: Arc::clone(&waker),
        };
        way(
            move || {
                select! {
                    _ = restless => (),
                    _ = rx.recv() => (),
                }
            },
            move || {
                assert_eq!(drops.alive(), 0);
                assert!(tx.try_send(1).is_err(), "nobody receives");
                let waker = waker.lock().unwrap().take().expect("it was polled");
                waker.wake();
            },
        )
    });
}

/// What is called in the middle of a select's way into its queues, and what that does.
struct Midway {
    /// Closes the channel that the select stands at first.
    close: StdMutex<Option<Sender<()>>>,
    /// The last one of the select's channels, which gets a value.
    last: (Sender<u32>, Receiver<u32>),
    held: Arc<Held>,
    closer: StdMutex<Option<thread::JoinHandle<()>>>,
}

/// Who is woken first of those that wait at the channel which is closed: keeps the others waiting for their wake.
#[derive(Default)]
struct Held {
    is_here: AtomicBool,
    may_go: AtomicBool,
}

impl Wake for Held {
    fn wake(self: Arc<Self>) {
        self.is_here.store(true, Ordering::SeqCst);
        spin_until("the wake may go on", || self.may_go.load(Ordering::SeqCst));
    }
}

impl Wake for Midway {
    fn wake(self: Arc<Self>) {
        let (tx, rx) = &self.last;
        tx.try_send(8).expect("there is room");
        if rx.is_empty() {
            // It stood there already, and has it.
            return;
        }
        let close = self.close.lock().unwrap().take();
        let closer = thread::spawn(move || drop(close));
        *self.closer.lock().unwrap() = Some(closer);
        spin_until("the channel is closed", || {
            self.held.is_here.load(Ordering::SeqCst)
        });
    }
}

/// One round; whether it has come to the wait that is meant.
fn claimed_midway(from_afar: bool) -> bool {
    let (drops, chosen) = (Drops::new(), Arc::new(AtomicUsize::new(0)));
    let (close, first) = channel::bounded::<()>(1);
    let (offers, second) = channel::bounded(0);
    let last = channel::bounded(1);
    let midway = Arc::new(Midway {
        close: StdMutex::new(Some(close)),
        last: last.clone(),
        held: Arc::default(),
        closer: StdMutex::default(),
    });
    // Before the select at the first channel, and across from it at the second.
    let mut told_first = pin!(first.recv_async());
    let held = Waker::from(midway.held.clone());
    assert!(poll(told_first.as_mut(), &held).is_pending());
    let mut told_second = pin!(second.recv_async());
    assert!(poll(told_second.as_mut(), &Waker::from(midway.clone())).is_pending());

    let (tracked, chooses) = (drops.track(), chosen.clone());
    let (closes, receives) = (first.clone(), last.1.clone());
    let front = blocked(move || {
        let which = select! {
            _ = closes.recv() => 1,
            _ = offers.send(tracked) => 2,
            received = receives.recv() => received.map_or(3, |value| value),
        };
        chooses.store(which as usize, Ordering::SeqCst);
        routine::park();
    });
    let is_meant = chosen.load(Ordering::SeqCst) == 0;
    abort(&front, from_afar);
    if is_meant {
        turns();
        assert!(!front.is_finished(), "its wake is on its way");
        assert_eq!(drops.alive(), 1);
    }
    midway.held.may_go.store(true, Ordering::SeqCst);
    assert_cancelled(front.join());
    if let Some(closer) = midway.closer.lock().unwrap().take() {
        closer.join().unwrap();
    }
    let chosen = chosen.load(Ordering::SeqCst);
    assert!(chosen == 1 || chosen == 8 && !is_meant, "{chosen}");
    assert_eq!(last.1.try_recv().is_ok(), chosen == 1, "no value is lost");
    assert!(last.0.try_send(9).is_ok() && last.1.try_recv() == Ok(9));
    assert_eq!(drops.alive(), 0);
    is_meant
}

fn poll<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

/// A select stands in one queue and is claimed there before it has come to the next, where it would not wait: it can
/// only wait for its wake. The order of its queues is random; one of six is the one that is meant.
#[test]
fn a_select_that_is_claimed_midway() {
    both_ways(|from_afar| {
        let tries = 1000;
        assert!((0..tries).any(|_| claimed_midway(from_afar)));
    });
}

/// Counts in its destructor, if the lock is its own.
struct Owns<'a>(&'a Mutex<u32>, MutexGuard<'a, u32>);

impl Drop for Owns<'_> {
    fn drop(&mut self) {
        if self.0.try_lock().is_none() {
            *self.1 += 1;
        }
    }
}

/// Notified before it is cancelled, or not, it has to have the lock again; somebody keeps that.
#[test]
fn a_condition_whose_lock_is_held() {
    for is_notified in [false, true] {
        both_ways(move |from_afar| {
            let pair = Arc::new((Mutex::new(0), Condvar::new()));
            let (drops, waits) = (Drops::new(), pair.clone());
            let tracked = drops.track();
            let front = blocked(move || {
                let _tracked = tracked;
                let mut owns = Owns(&waits.0, waits.0.lock());
                waits.1.wait(&mut owns.1);
                *owns.1 += 10;
                routine::park();
            });
            let held = pair.0.lock();
            if is_notified {
                assert!(pair.1.notify_one());
                turns();
            }
            abort(&front, from_afar);
            turns();
            assert!(!front.is_finished(), "not without the lock");
            let behind = pair.clone();
            let behind = blocked(move || *behind.0.lock() += 100);
            assert_eq!((*held, drops.alive()), (0, 1));
            drop(held);
            assert_cancelled(front.join());
            behind.join().unwrap();
            let count = *pair.0.try_lock().expect("it is free");
            assert_eq!(count, if is_notified { 111 } else { 101 });
            assert!(!pair.1.notify_one(), "nobody waits");
            assert_eq!(drops.alive(), 0);
        });
    }
}

/// A circle that a writer in between may open again is watched for a hundred pauses. There are not so many turns until
/// it is cancelled in one: then the others have what it held.
#[test]
#[cfg(any(debug_assertions, feature = "deadlock-detection"))]
fn a_circle_that_is_watched() {
    use rust_routines::sync::RwLock;

    both_ways(|from_afar| {
        let world = Arc::new((RwLock::new(0), Mutex::new(0)));
        let (drops, gates) = (Drops::new(), [(); 2].map(|()| channel::bounded::<()>(0)));
        let [(to_reader, reader), (to_front, front)] = gates;
        let (a, b, c) = (world.clone(), world.clone(), world.clone());
        let reads = blocked(move || {
            let _read = a.0.read();
            reader.recv().unwrap();
            *a.1.lock() += 1;
        });
        let tracked = drops.track();
        let front = blocked(move || {
            let _tracked = tracked;
            let _held = b.1.lock();
            front.recv().unwrap();
            drop(b.0.read());
        });
        to_reader.send(()).unwrap();
        routine::yield_now();
        let writes = blocked(move || *c.0.write() += 1);
        to_front.send(()).unwrap();
        routine::yield_now();
        assert!(world.1.try_lock().is_none() && world.0.try_read().is_none());
        abort(&front, from_afar);
        assert_cancelled(front.join());
        reads.join().unwrap();
        writes.join().unwrap();
        let counts = (*world.0.read(), *world.1.lock());
        assert_eq!((counts, drops.alive()), ((1, 1), 0));
    });
}
