//! Timers as arms: their moments are the select's own timer.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::arm::{Arm, Sealed};
use super::native::Native;
use crate::sched::clock::{self, Nanos};
use crate::time::{After, Expiry, Instant};
use crate::wait::Waiter;
use crate::wait::token::Token;

impl Native for After {
    fn look(&self) -> bool {
        self.has_come()
    }

    unsafe fn enter(&self, _: &Waiter, _: &Token) -> bool {
        true
    }

    fn leave(&self, _: &Waiter) {}

    fn won(&self) -> bool {
        unreachable!("nobody takes a moment off a queue")
    }

    fn due(&self) -> Option<Nanos> {
        Some(self.nanos())
    }
}

#[diagnostic::do_not_recommend]
impl Arm for After {
    type Output = Instant;

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        Future::poll(Pin::new(self), cx)
    }

    #[inline(always)]
    fn native(&self) -> Option<Sealed<'_>> {
        // One that has been polled as a future goes on as one.
        (!self.is_waiting()).then_some(Sealed(self))
    }
}

impl Native for Expiry<'_> {
    fn look(&self) -> bool {
        let taken = self.ticks.take();
        self.done.set(taken);
        taken.is_some()
    }

    unsafe fn enter(&self, waiter: &Waiter, _: &Token) -> bool {
        // SAFETY: the caller's promise.
        let due = unsafe { self.ticks.enter(waiter, clock::now()) };
        self.due.set(due.unwrap_or(Nanos::MAX));
        due.is_ok()
    }

    fn leave(&self, waiter: &Waiter) {
        self.ticks.leave(waiter);
    }

    /// It was reset.
    fn won(&self) -> bool {
        self.look()
    }

    fn due(&self) -> Option<Nanos> {
        Some(self.due.get())
    }
}

#[diagnostic::do_not_recommend]
impl Arm for Expiry<'_> {
    type Output = Instant;

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        Future::poll(Pin::new(self), cx)
    }

    #[inline(always)]
    fn native(&self) -> Option<Sealed<'_>> {
        // One that has been polled as a future goes on as one.
        (!self.is_waiting()).then_some(Sealed(self))
    }
}
