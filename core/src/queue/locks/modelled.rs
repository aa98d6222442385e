//! The line of the models: a queue of notes, each with a bed to sleep in.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use loom::sync::{Arc, Condvar, Mutex};

use super::{Entry, Line, Right};

/// One who waits.
pub(crate) struct Note {
    is_task: bool,
    ask: u64,
    /// Written before the wake; not modelled.
    granted: AtomicBool,
    woken: Mutex<bool>,
    rings: Condvar,
}

#[derive(Default)]
pub(crate) struct Notes(VecDeque<Arc<Note>>);

impl Note {
    pub(crate) fn blocked(ask: u64) -> Arc<Note> {
        Note::new(false, ask)
    }

    pub(crate) fn task(ask: u64) -> Arc<Note> {
        Note::new(true, ask)
    }

    fn new(is_task: bool, ask: u64) -> Arc<Note> {
        Arc::new(Note {
            is_task,
            ask,
            granted: AtomicBool::new(false),
            woken: Mutex::new(false),
            rings: Condvar::new(),
        })
    }

    pub(crate) fn wake(&self) {
        *self.woken.lock().unwrap() = true;
        self.rings.notify_one();
    }

    /// Sleeps until it is woken; whether it was granted what it waits for.
    pub(crate) fn sleep(&self) -> bool {
        let mut woken = self.woken.lock().unwrap();
        while !*woken {
            woken = self.rings.wait(woken).unwrap();
        }
        *woken = false;
        self.is_granted()
    }

    pub(crate) fn is_granted(&self) -> bool {
        self.granted.load(Ordering::Relaxed)
    }
}

impl Notes {
    pub(crate) fn push(&mut self, note: &Arc<Note>, entry: Entry) {
        match entry {
            Entry::Front => self.0.push_front(note.clone()),
            Entry::Back | Entry::Got => self.0.push_back(note.clone()),
        }
    }

    /// Whether it was still there.
    pub(crate) fn remove(&mut self, note: &Arc<Note>) -> bool {
        let before = self.0.len();
        self.0.retain(|other| !Arc::ptr_eq(other, note));
        self.0.len() < before
    }
}

impl Line for Notes {
    type Right = Arc<Note>;

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn blocked(&self) -> u32 {
        self.0.iter().filter(|note| !note.is_task).count() as u32
    }

    fn first_ask(&self) -> Option<u64> {
        self.0.front().map(|note| note.ask)
    }

    fn pop(&mut self) -> Option<Arc<Note>> {
        self.0.pop_front()
    }
}

impl Right for Arc<Note> {
    fn is_task(&self) -> bool {
        self.is_task
    }

    fn ask(&self) -> u64 {
        self.ask
    }

    fn grant(&mut self) {
        self.granted.store(true, Ordering::Relaxed);
    }
}

/// Wakes those who are to go on, when the line has been released.
pub(crate) fn wake_all(notes: Vec<Arc<Note>>) {
    notes.iter().for_each(|note| note.wake());
}
