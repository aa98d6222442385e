//! A select over a number of arms that is known at run time only.

use std::fmt;
use std::time::Duration;

use super::arm::Arm;
use super::run::{Candidate, Limit, Place, run_many};
use crate::sched::clock;
use crate::time::Instant;

/// Arms to be selected from, all with the same kind of result; [`map`](super::map) makes them so.
///
/// A wait ends the select: the other arms are withdrawn.
///
/// # Go
/// `reflect.Select`.
///
/// # Examples
/// ```
/// use rust_routines::{channel, select::Select};
///
/// let (senders, receivers): (Vec<_>, Vec<_>) = (0..10).map(|_| channel::bounded(1)).unzip();
/// senders[7].send("seven").unwrap();
/// let mut select = Select::new();
/// for receiver in &receivers {
///     select.add(receiver.recv_arm());
/// }
/// assert_eq!(select.wait(), (7, Ok("seven")));
/// ```
#[must_use = "a Select does nothing until it waits"]
pub struct Select<'a, R> {
    places: Vec<Box<dyn Chosen<R> + 'a>>,
}

/// A place that keeps the result itself. With a bound, from which follows that the result lives as long
/// as the arm does.
struct Held<A: Arm>(Place<A, Option<A::Output>>);

/// A [`Held`] whose result can be taken without its arm's type.
trait Chosen<R> {
    fn take(self: Box<Self>) -> Option<R>;
    fn as_candidate(&mut self) -> &mut dyn Candidate;
}

impl<A: Arm> Chosen<A::Output> for Held<A> {
    fn take(self: Box<Self>) -> Option<A::Output> {
        self.0.into_output()
    }

    fn as_candidate(&mut self) -> &mut dyn Candidate {
        &mut self.0
    }
}

impl<'a, R> Select<'a, R> {
    /// A select without arms.
    pub fn new() -> Select<'a, R> {
        Select { places: Vec::new() }
    }

    /// Adds an arm, and returns its number: they are counted from 0.
    pub fn add<A>(&mut self, arm: A) -> usize
    where
        A: Arm<Output = R> + 'a,
    {
        self.places.push(Box::new(Held(Place::new(arm))));
        self.places.len() - 1
    }

    /// Waits until one of the arms takes effect; its number and its result.
    ///
    /// **Blocks** the calling routine; on a plain thread, the thread; for ever if there are no arms.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it would block.
    #[track_caller]
    pub fn wait(self) -> (usize, R) {
        self.run(Limit::Never)
            .expect("without a limit a select ends with an arm")
    }

    /// The arm that takes effect at once, if there is one.
    ///
    /// **Blocks**: never.
    #[track_caller]
    pub fn try_wait(self) -> Option<(usize, R)> {
        self.run(Limit::Now)
    }

    /// Waits until one of the arms takes effect, for at most `timeout`.
    ///
    /// **Blocks** as [`wait`](Select::wait), for at most `timeout`.
    ///
    /// # Panics
    /// As [`wait`](Select::wait).
    #[track_caller]
    pub fn wait_timeout(self, timeout: Duration) -> Option<(usize, R)> {
        self.run(Limit::At(clock::deadline(timeout)))
    }

    /// Waits until one of the arms takes effect, until `deadline` at most.
    ///
    /// **Blocks** as [`wait`](Select::wait), until `deadline` at most.
    ///
    /// # Panics
    /// As [`wait`](Select::wait).
    #[track_caller]
    pub fn wait_deadline(self, deadline: Instant) -> Option<(usize, R)> {
        self.run(Limit::At(deadline.nanos()))
    }

    #[track_caller]
    fn run(mut self, limit: Limit) -> Option<(usize, R)> {
        let mut arms: Vec<&mut dyn Candidate> = self
            .places
            .iter_mut()
            .map(|place| place.as_candidate())
            .collect();
        let chosen = run_many(&mut arms, limit)?;
        drop(arms);
        let place = self.places.swap_remove(chosen);
        Some((chosen, place.take().expect("the chosen arm has a result")))
    }
}

impl<R> Default for Select<'_, R> {
    fn default() -> Self {
        Select::new()
    }
}

impl<R> fmt::Debug for Select<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select")
            .field("arms", &self.places.len())
            .finish()
    }
}
