//! The select itself: looks, waits in all queues at once, and lets exactly one arm take effect.
//!
//! ```text
//! 1 look at each arm, in random order; the first that takes effect is chosen
//! 2 no wait: the default. A time-out that has passed: the default
//! 3 open the claim; if a foreign arm was heard of since 1: go to 1
//! 4 stand in the queue of each arm; one of them would not wait: take the claim back, leave, go to 1
//!   (claimed already: its wake is on its way, so 5)
//! 5 park until the claim is taken, or until the time-out or the first timer
//! 6 leave all queues; completed: that arm is chosen; else go to 1
//! ```
//!
//! While it stands in a queue a select takes nothing by itself: two selects that face each other would
//! have to claim each other at once. Instead it leaves first (4), and looks again as one who stands
//! nowhere (Go locks all channels of a select in the order of their addresses instead).
//!
//! Foreign arms are polled in 1, with a waker that notifies the claim.
//!
//! - I1: between 4 and 6 no code of the user runs: the frame with token and waiters is not left before
//!   all queues are, and the arms are touched by `&` only.

use std::array;
use std::borrow::BorrowMut;
use std::cell::Cell;
use std::hint;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::arm::{Arm, Sealed};
use crate::control::Reason;
use crate::prim::{AtomicU64, Ordering};
use crate::sched::clock::{self, Nanos};
use crate::sched::{forbid, park};
use crate::wait::Waiter;
use crate::wait::token::{Token, Won};

/// An arm, and the place for its result: `S` is an `Option` of that, or a `&mut` of one.
///
/// Without bounds, which stand at what makes one: a mistake is to be told of once.
#[derive(Debug)]
pub(super) struct Place<A, S> {
    /// `None`: its guard is false.
    arm: Option<A>,
    output: S,
}

/// A [`Place`] of any arm.
pub trait Candidate {
    #[doc(hidden)]
    fn kind(&self) -> Kind<'_>;

    /// Whether a look would find nothing; says so only if that is cheap to see.
    #[doc(hidden)]
    fn is_idle(&self) -> bool;

    /// Polls it; whether it took effect, so that its result is in its place.
    #[doc(hidden)]
    fn poll(&mut self, cx: &mut Context<'_>) -> bool;

    /// One of ours that has taken effect: puts its result into its place.
    #[doc(hidden)]
    fn collect(&mut self) -> bool;
}

/// How an arm is waited for.
#[doc(hidden)]
#[derive(Debug)]
pub enum Kind<'a> {
    Off,
    Native(Sealed<'a>),
    Foreign,
}

/// How long a select waits.
#[doc(hidden)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    Never,
    Now,
    At(Nanos),
}

impl<A, O> Place<A, Option<O>> {
    /// An arm that keeps its result itself.
    pub(super) fn new(arm: A) -> Self {
        Place {
            arm: Some(arm),
            output: None,
        }
    }

    /// The result, if this arm was chosen; drops the arm, and so withdraws it.
    pub(super) fn into_output(self) -> Option<O> {
        self.output
    }
}

impl<A: Arm, S: BorrowMut<Option<A::Output>>> Candidate for Place<A, S> {
    #[inline]
    fn kind(&self) -> Kind<'_> {
        match &self.arm {
            None => Kind::Off,
            Some(arm) => arm.native().map_or(Kind::Foreign, Kind::Native),
        }
    }

    #[inline(always)]
    fn is_idle(&self) -> bool {
        match &self.arm {
            None => true,
            Some(arm) => arm.native().is_some_and(|Sealed(native)| native.is_idle()),
        }
    }

    #[inline]
    fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(arm) = &mut self.arm else {
            return false;
        };
        match arm.poll(cx) {
            Poll::Ready(output) => {
                *self.output.borrow_mut() = Some(output);
                true
            }
            Poll::Pending => false,
        }
    }

    fn collect(&mut self) -> bool {
        let output = self.output.borrow_mut();
        if let Some(arm) = &mut self.arm {
            arm.collect(output);
        }
        output.is_some()
    }
}

/// Expanded: an arm that is on, or (`None`) off. Its result stays in the frame of the select, large ones
/// too, and is moved from there into the user's pattern.
///
/// Opaque, and with the result as a parameter: what is no arm is then told of here, and only here.
#[inline]
pub fn operand<A: Arm<Output = O>, O>(output: &mut Option<O>, arm: Option<A>) -> impl Candidate {
    Place { arm, output }
}

/// Expanded: an arm that is on; the names in the user's scope may not be what they seem.
#[inline]
pub fn on<A>(arm: A) -> Option<A> {
    Some(arm)
}

/// Expanded: an arm that is off, or a result that is to come.
#[inline]
pub fn none<T>() -> Option<T> {
    None
}

/// Expanded, before a select with a plain `default`: whether a look at this arm would find nothing. Inlined,
/// the arm is known to the compiler, and nothing but a load or two is left of it. (With a type parameter
/// instead, what is no arm would be told of here once more.)
#[inline(always)]
pub fn is_idle(place: &dyn Candidate) -> bool {
    place.is_idle()
}

/// Expanded: a select without a default.
pub fn never() -> Limit {
    Limit::Never
}

/// Expanded: `default`.
pub fn now() -> Limit {
    Limit::Now
}

/// Expanded: `default(timeout)`.
pub fn until(timeout: Duration) -> Limit {
    Limit::At(clock::deadline(timeout))
}

/// Expanded: the result of the arm that was chosen.
#[inline]
pub fn taken<T>(output: Option<T>) -> T {
    output.expect("the chosen arm has a result")
}

/// Expanded: the result of an arm whose pattern binds none of it.
#[inline]
pub fn dropped<T>(output: Option<T>) {
    drop(output);
}

/// Expanded: what follows a select without a default.
pub fn unreachable() -> ! {
    unreachable!("a select without a default ends with an arm")
}

/// Expanded: a select without arms.
#[track_caller]
pub fn nothing() -> ! {
    run([], Limit::Never);
    unreachable()
}

type Arms<'a, 'b> = &'a mut [&'b mut dyn Candidate];

/// Selects among `N` arms: the number of the one that took effect; `N` if none did within the limit.
#[track_caller]
pub fn run<const N: usize>(mut arms: [&mut dyn Candidate; N], limit: Limit) -> usize {
    let mut order: [usize; N] = array::from_fn(|i| i);
    let make = |token: &Token| -> [Waiter; N] { array::from_fn(|_| Waiter::several(token)) };
    select(&mut arms, &mut order, limit, make).unwrap_or(N)
}

/// As [`run`], for a number of arms that is known at run time.
#[track_caller]
pub(super) fn run_many(arms: Arms<'_, '_>, limit: Limit) -> Option<usize> {
    let mut order: Vec<usize> = (0..arms.len()).collect();
    let count = arms.len();
    let make =
        |token: &Token| -> Vec<Waiter> { (0..count).map(|_| Waiter::several(token)).collect() };
    select(arms, &mut order, limit, make)
}

#[inline]
#[track_caller]
fn select<W: AsRef<[Waiter]>>(
    arms: Arms<'_, '_>,
    order: &mut [usize],
    limit: Limit,
    make: impl FnOnce(&Token) -> W,
) -> Option<usize> {
    shuffle(order);
    let has_foreign = arms.iter().any(|arm| matches!(arm.kind(), Kind::Foreign));
    // Where it does not wait nobody has to be told; where all are ours a token may not be needed.
    if limit == Limit::Now || !has_foreign {
        if let Some(chosen) = look(arms, order, Waker::noop()) {
            if limit != Limit::Now {
                park::note_call();
            }
            return Some(chosen);
        }
        if limit == Limit::Now {
            return None;
        }
    }
    wait(arms, order, limit, has_foreign, make)
}

/// Step 1.
#[inline]
fn look(arms: Arms<'_, '_>, order: &[usize], waker: &Waker) -> Option<usize> {
    order.iter().copied().find(|&number| {
        let arm = &mut arms[number];
        match arm.kind() {
            Kind::Off => false,
            Kind::Native(Sealed(native)) => native.look() && arm.collect(),
            Kind::Foreign => poll(*arm, waker),
        }
    })
}

fn poll(arm: &mut dyn Candidate, waker: &Waker) -> bool {
    // Foreign code, in the middle of a wait.
    let _guard = forbid::forbid_park();
    arm.poll(&mut Context::from_waker(waker))
}

/// Steps 1 to 6.
#[cold]
#[track_caller]
fn wait<W: AsRef<[Waiter]>>(
    arms: Arms<'_, '_>,
    order: &mut [usize],
    limit: Limit,
    has_foreign: bool,
    make: impl FnOnce(&Token) -> W,
) -> Option<usize> {
    let token = Token::here();
    let waiters = make(&token);
    let waiters = waiters.as_ref();
    let waker = if has_foreign {
        token.waker()
    } else {
        Waker::noop().clone()
    };
    loop {
        if let Some(chosen) = look(arms, order, &waker) {
            return Some(chosen);
        }
        if matches!(limit, Limit::At(at) if at <= clock::now()) {
            return None;
        }
        if !token.open() {
            // An arm that asks for another look at once: the one it waits for may live here too.
            park::give_way();
            continue;
        }
        let won = match queue(&*arms, order, waiters, &token) {
            Ok(()) => Some(token.park(Reason::Select, due(&*arms, limit))),
            Err(entered) if token.abort() => {
                leave(&*arms, &order[..entered], waiters);
                // Two selects that face each other must not go on in step.
                hint::spin_loop();
                shuffle(order);
                continue;
            }
            // The claim is taken, and its wake is on its way.
            Err(_) => Some(token.park(Reason::Select, None)),
        };
        leave(&*arms, order, waiters);
        match won.flatten() {
            None => park::raise(),
            Some(Won::Notice | Won::TimedOut) => {}
            Some(Won::Waiter(winner)) => {
                if let Some(chosen) = completed(arms, waiters, winner) {
                    return Some(chosen);
                }
            }
        }
        shuffle(order);
    }
}

/// Step 4: stands in all queues, or (`Err`) in the first so many, because the next would not wait.
fn queue(
    arms: &[&mut dyn Candidate],
    order: &[usize],
    waiters: &[Waiter],
    token: &Token,
) -> Result<(), usize> {
    for (entered, &number) in order.iter().enumerate() {
        if let Kind::Native(Sealed(native)) = arms[number].kind() {
            // SAFETY: I1: waiters and arms stay until `leave`; they were unlinked before.
            if !unsafe { native.enter(&waiters[number], token) } {
                return Err(entered);
            }
        }
    }
    Ok(())
}

/// Step 6, for those of `numbers`.
fn leave(arms: &[&mut dyn Candidate], numbers: &[usize], waiters: &[Waiter]) {
    for &number in numbers {
        if let Kind::Native(Sealed(native)) = arms[number].kind() {
            native.leave(&waiters[number]);
        }
    }
}

/// Which arm the winner stands for, if it was completed.
fn completed(arms: Arms<'_, '_>, waiters: &[Waiter], winner: *const Waiter) -> Option<usize> {
    let number = waiters
        .iter()
        .position(|waiter| std::ptr::eq(waiter, winner))?;
    let Kind::Native(Sealed(native)) = arms[number].kind() else {
        return None;
    };
    let is_won = native.won();
    if !is_won {
        waiters[number].note_turn();
    }
    (is_won && arms[number].collect()).then_some(number)
}

/// When the select or one of its timers is due.
fn due(arms: &[&mut dyn Candidate], limit: Limit) -> Option<Nanos> {
    let timers = arms.iter().filter_map(|arm| match arm.kind() {
        Kind::Native(Sealed(native)) => native.due(),
        _ => None,
    });
    let limit = match limit {
        Limit::At(at) => Some(at),
        Limit::Never | Limit::Now => None,
    };
    timers.chain(limit).min()
}

/// A uniformly random order: of the arms that are ready each is as likely to be looked at first.
#[inline]
fn shuffle(order: &mut [usize]) {
    for i in (1..order.len()).rev() {
        order.swap(i, random(i + 1));
    }
}

thread_local! {
    static RANDOM: Cell<u64> = const { Cell::new(0) };
}

/// A number below `below`: xorshift, because a fair order needs speed and no secrecy.
#[inline]
fn random(below: usize) -> usize {
    RANDOM.with(|state| {
        let mut x = state.get();
        if x == 0 {
            x = seed();
        }
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        state.set(x);
        (((x >> 32) * below as u64) >> 32) as usize
    })
}

/// Each thread starts elsewhere.
#[cold]
fn seed() -> u64 {
    static SEEDS: AtomicU64 = AtomicU64::new(0x9e37_79b9_7f4a_7c15);
    let seed = SEEDS.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
    (seed ^ clock::now().unsigned_abs().rotate_left(32)) | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All six orders of three come equally often: chi-squared below its 0.1% quantile (20.5 for five
    /// degrees of freedom).
    #[test]
    fn orders_are_uniform() {
        const DRAWS: u32 = 120_000;
        let mut counts = std::collections::HashMap::new();
        for _ in 0..DRAWS {
            let mut order = [0, 1, 2];
            shuffle(&mut order);
            *counts.entry(order).or_insert(0u32) += 1;
        }
        assert_eq!(counts.len(), 6);
        let expected = f64::from(DRAWS / 6);
        let chi: f64 = counts
            .values()
            .map(|&count| (f64::from(count) - expected).powi(2) / expected)
            .sum();
        assert!(chi < 20.5, "{chi}: {counts:?}");
    }
}
