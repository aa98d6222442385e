//! Puts routines at the homes a row is about. A routine that has not started may be taken by any worker, so where it
//! starts is found out and not commanded: one that started elsewhere gives its work back and the next one tries.
//! A home is a thread, so the thread's id names it.

use std::thread::{self, ThreadId};

use rust_routines::channel;
use rust_routines::routine::{Builder, JoinHandle, Place};

/// An idle worker can win the race for a new routine some times, not so often.
const TRIES: usize = 10_000;

/// A routine at the home that was asked for.
pub(super) struct Placed<T> {
    /// Its handle.
    pub(super) handle: JoinHandle<Option<T>>,
    /// Where it lives.
    pub(super) home: ThreadId,
}

impl<T> Placed<T> {
    /// Waits for its result.
    pub(super) fn join(self) -> T {
        match self.handle.join() {
            Ok(Some(result)) => result,
            Ok(None) => unreachable!("who was placed has run its work"),
            Err(_) => panic!("a routine of a benchmark panicked"),
        }
    }
}

/// Runs `f` as a routine at the caller's home, which must be a routine's.
pub(super) fn here<F, T>(f: F) -> Placed<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let home = thread::current().id();
    placed(Place::Near, move |other| other == home, f)
}

/// Runs `f` as a routine at another home than the caller's.
pub(super) fn elsewhere<F, T>(f: F) -> Placed<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let home = thread::current().id();
    placed(Place::Spread, move |other| other != home, f)
}

/// A place that is the caller's home, or another one than that, for routines that are not taken from there.
pub(super) fn key_of(is_here: bool) -> Place {
    let home = thread::current().id();
    let keys = (0..).map(Place::Key);
    let lives_at = |place| anywhere(place, || thread::current().id()).join();
    let mut fitting = keys.filter(|&key| (lives_at(key) == home) == is_here);
    fitting.next().expect("keys without end")
}

/// Runs `f` as a routine with a placement, wherever that puts it.
pub(super) fn anywhere<F, T>(place: Place, f: F) -> Placed<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    placed(place, |_| true, f)
}

/// Spawns until one starts at a home that `fits`, which is when its `f` begins.
fn placed<F, T>(
    place: Place,
    fits: impl Fn(ThreadId) -> bool + Copy + Send + 'static,
    mut f: F,
) -> Placed<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    for _ in 0..TRIES {
        let (tx, rx) = channel::bounded(1);
        let attempt = move || {
            let home = thread::current().id();
            if fits(home) {
                tx.send(Ok(home)).expect("the spawner waits for it");
                Some(f())
            } else {
                tx.send(Err(f)).expect("the spawner waits for it");
                None
            }
        };
        let handle = Builder::new()
            .place(place)
            .spawn(attempt)
            .expect("a stack for one routine");
        match rx.recv().expect("an attempt always answers") {
            Ok(home) => return Placed { handle, home },
            Err(given_back) => f = given_back,
        }
    }
    panic!("no routine started at the home that was asked for in {TRIES} tries");
}
