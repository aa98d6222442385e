//! Whether a watcher's clock beats: it must while somebody is awake, and should not when nobody is.
//!
//! Those who wake look at one word, and start the clock if it stands; whoever finds nobody awake stops it. It
//! must not end stopped with somebody awake:
//!
//! ```text
//! whoever wakes                          whoever has found nobody awake
//! V1 says that it is awake               M1 stops the clock, and notes that it stands
//! V2 fence SeqCst                        M2 fence SeqCst
//! V3 does the clock stand? starts it     M3 looks once more: is anybody awake? starts it
//! ```
//!
//! If V2 comes before M2, M3 sees V1; else V3 sees M1. Starting and stopping are each one step under a lock,
//! so that a late stop does not follow another's start.

use crate::prim::{AtomicU32, Ordering, SpinLock, full_fence};

pub(crate) struct Heartbeat {
    beats: AtomicU32,
    /// Held while the clock is started or stopped.
    change: SpinLock<()>,
}

const STANDS: u32 = 0;
const BEATS: u32 = 1;
const ENDS: u32 = 2;

impl Heartbeat {
    pub(crate) fn new() -> Heartbeat {
        Heartbeat {
            beats: AtomicU32::new(STANDS),
            change: SpinLock::new(()),
        }
    }

    #[inline]
    pub(crate) fn beats(&self) -> bool {
        self.beats.load(Ordering::Relaxed) != STANDS
    }

    /// V2 and V3.
    #[inline]
    pub(crate) fn wake(&self, start: impl FnOnce()) {
        // ORDER: SeqCst, V2; pairs with M2 in `rest`.
        full_fence();
        if !self.beats() {
            self.start(start);
        }
    }

    #[cold]
    fn start(&self, start: impl FnOnce()) {
        let _guard = self.change.lock();
        if !self.beats() {
            self.beats.store(BEATS, Ordering::Relaxed);
            start();
        }
    }

    /// The watcher is to leave: `beat` calls it, and nobody stops or starts the clock after that.
    pub(crate) fn end(&self, beat: impl FnOnce()) {
        let _guard = self.change.lock();
        self.beats.store(ENDS, Ordering::Relaxed);
        beat();
    }

    /// M1 to M3.
    pub(crate) fn rest(
        &self,
        stop: impl FnOnce(),
        start: impl FnOnce(),
        is_anyone_awake: impl FnOnce() -> bool,
    ) {
        let guard = self.change.lock();
        if self.beats.load(Ordering::Relaxed) == ENDS {
            return;
        }
        self.beats.store(STANDS, Ordering::Relaxed);
        stop();
        drop(guard);
        // ORDER: SeqCst, M2; pairs with V2 in `wake`.
        full_fence();
        if is_anyone_awake() {
            self.start(start);
        }
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use loom::sync::Arc;
    use loom::thread;

    struct World {
        heartbeat: Heartbeat,
        /// Stands for the clock itself.
        runs: AtomicU32,
        awake: [AtomicU32; 2],
    }

    impl World {
        fn wake(&self, number: usize) {
            self.awake[number].store(1, Ordering::Relaxed);
            self.heartbeat
                .wake(|| self.runs.store(1, Ordering::Relaxed));
        }

        fn fall_asleep(&self, number: usize) {
            self.awake[number].store(0, Ordering::Relaxed);
        }

        fn is_anyone_awake(&self) -> bool {
            self.awake
                .iter()
                .any(|awake| awake.load(Ordering::Relaxed) == 1)
        }

        fn rest(&self) {
            if !self.is_anyone_awake() {
                self.heartbeat.rest(
                    || self.runs.store(0, Ordering::Relaxed),
                    || self.runs.store(1, Ordering::Relaxed),
                    || self.is_anyone_awake(),
                );
            }
        }
    }

    /// Two who wake, one of them for a moment, and two who stop the clock: it beats as long as one is awake.
    #[test]
    fn it_beats_while_somebody_is_awake() {
        loom::model(|| {
            let world = Arc::new(World {
                heartbeat: Heartbeat::new(),
                runs: AtomicU32::new(0),
                awake: [AtomicU32::new(0), AtomicU32::new(0)],
            });
            let wakes = {
                let world = world.clone();
                thread::spawn(move || world.wake(0))
            };
            let monitor = {
                let world = world.clone();
                thread::spawn(move || world.rest())
            };
            world.wake(1);
            world.fall_asleep(1);
            world.rest();
            wakes.join().unwrap();
            monitor.join().unwrap();
            assert!(world.heartbeat.beats());
            assert_eq!(world.runs.load(Ordering::Relaxed), 1);
        });
    }
}
