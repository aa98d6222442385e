//! The hook that says where new routines start.
//!
//! Asked by the one that spawns, before anything has been counted or claimed, so that whatever it does there is
//! nothing to be undone. A runtime without one pays a look at a pointer for each spawn. What nobody calls by
//! name is not asked about: routines that timers start, and those that start again.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::sync::Arc;

use super::core::Core;
use super::forbid;
use super::shared::Shared;
use super::worker::Worker;
use crate::control::Place;
use crate::prim::Ordering;
use crate::sys::unwind::contain;

/// Decides where the new routines of a runtime start, and with that, where they live.
///
/// Given to [`Builder::placement`](crate::runtime::Builder::placement). Called for each spawn into the runtime
/// but those of `Place::Own`, by the one that spawns, on any thread, also at the same time; it has to be
/// quick. It is not asked about what a timer starts, nor about one that [starts again](crate::routine::restart). It must not block: a park in it panics. If it panics, the panic hook reports it and the routine
/// starts as its spawner has asked. What it spawns itself starts as asked, too.
///
/// Functions and closures from [`Spawn`] to [`Start`] are placements; a closure has to write the type of its parameter,
/// `|spawn: &Spawn<'_>| ..`.
pub trait Placement: Send + Sync + 'static {
    /// Where the routine that is being spawned starts.
    fn place(&self, spawn: &Spawn<'_>) -> Start;
}

impl<F: Fn(&Spawn<'_>) -> Start + Send + Sync + 'static> Placement for F {
    fn place(&self, spawn: &Spawn<'_>) -> Start {
        self(spawn)
    }
}

/// Where a routine starts, as a [`Placement`] says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Start {
    /// As its spawner has asked, or by default.
    #[default]
    AsAsked,
    /// As with [`Place::Near`].
    Near,
    /// As with [`Place::Spread`].
    Spread,
    /// On the worker with this number, from 0 to [`Spawn::workers`] - 1; if it is being drained or has left, on the
    /// next one. If there is none with this number, the spawn fails: [`Builder::spawn`](crate::routine::Builder::spawn)
    /// with an error that says so, what returns no error with a panic.
    Worker(usize),
}

/// A routine that is being spawned, as a [`Placement`] sees it.
pub struct Spawn<'a> {
    shared: &'a Shared,
    place: Place,
    name: Option<&'a str>,
    from: Option<usize>,
}

impl Spawn<'_> {
    /// What the spawner has asked for.
    pub fn asked(&self) -> Place {
        self.place
    }

    /// The key that the spawner has given with [`Place::Key`].
    pub fn key(&self) -> Option<u64> {
        match self.place {
            Place::Key(key) => Some(key),
            _ => None,
        }
    }

    /// The routine's name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name
    }

    /// The worker of the spawner, if that is a routine of this runtime on one of its numbered workers.
    pub fn from(&self) -> Option<usize> {
        self.from
    }

    /// How many workers there are to choose from.
    pub fn workers(&self) -> usize {
        self.shared.choices()
    }

    /// How many routines live on a worker or are on their way there; a snapshot.
    ///
    /// # Panics
    /// If there is no worker with this number.
    #[track_caller]
    pub fn load(&self, worker: usize) -> usize {
        assert!(
            worker < self.workers(),
            "there is no worker {worker}: this runtime has {}, numbered from 0",
            self.workers()
        );
        self.shared.chosen(worker).load()
    }
}

impl fmt::Debug for Spawn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawn")
            .field("asked", &self.place)
            .field("name", &self.name)
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

/// A placement in a runtime's configuration.
#[derive(Clone)]
pub(crate) struct Hook(pub(crate) Arc<dyn Placement>);

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Placement")
    }
}

/// Where a routine goes, when everybody has been asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    Near,
    Spread,
    Own,
    Worker(usize),
}

thread_local! {
    /// Whether a placement runs here.
    static ASKING: Cell<bool> = const { Cell::new(false) };
}

impl Shared {
    /// Whether somebody has to be asked about each spawn.
    #[inline]
    pub(crate) fn asks(&self) -> bool {
        self.config.placement.is_some()
    }

    /// How many workers a key or a placement chooses from.
    pub(crate) fn choices(&self) -> usize {
        self.choices.load(Ordering::Relaxed)
    }

    /// The worker that is meant by a number; if it takes no routines, the next one that does.
    pub(super) fn chosen(&self, number: usize) -> &'static Worker {
        // From its mail it is sent on.
        self.active_from(number)
            .unwrap_or_else(|| self.roster.get(0))
    }

    /// The first active worker from this number on.
    pub(super) fn active_from(&self, number: usize) -> Option<&'static Worker> {
        let count = self.roster.len();
        (0..count)
            .map(|i| self.roster.get((number + i) % count))
            .find(|worker| worker.is_active())
    }

    /// Where a routine goes that was spawned with these wishes.
    ///
    /// # Errors
    /// If the placement names a worker that does not exist.
    pub(crate) fn target(
        &self,
        place: Place,
        name: Option<&str>,
        near: Option<&Core>,
    ) -> io::Result<Target> {
        let as_asked = match place {
            Place::Near => Target::Near,
            Place::Spread => Target::Spread,
            Place::Own => return Ok(Target::Own),
            Place::Key(key) => Target::Worker((key % self.choices() as u64) as usize),
        };
        let Some(Hook(placement)) = &self.config.placement else {
            return Ok(as_asked);
        };
        let spawn = Spawn {
            shared: self,
            place,
            name,
            from: near.map(|core| core.number).filter(|&n| n < self.choices()),
        };
        match ask(&**placement, &spawn) {
            Start::AsAsked => Ok(as_asked),
            Start::Near => Ok(Target::Near),
            Start::Spread => Ok(Target::Spread),
            Start::Worker(number) if number < self.choices() => Ok(Target::Worker(number)),
            Start::Worker(number) => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "the placement of runtime {:?} has chosen worker {number}, but there are {}, \
                     numbered from 0",
                    self.config.name,
                    self.choices()
                ),
            )),
        }
    }
}

/// Asks, unless it is the placement itself that spawns.
fn ask(placement: &dyn Placement, spawn: &Spawn<'_>) -> Start {
    let mut start = Start::AsAsked;
    if !ASKING.replace(true) {
        forbid::around(|| contain(|| start = placement.place(spawn)));
        ASKING.set(false);
    }
    start
}
