//! L5: waiting: who waits, in which order, and how a wait ends.
//!
//! A waiter is a routine, a plain thread or a task's `Waker`, from the same queues and under the
//! same rule: whoever takes it off the list, under the object's lock, owns the right to wake it.
//! A time-out or a cancellation takes the waiter off the same way, at its home; if it is not there
//! any more, its wake is already coming and is waited for. So a single wait needs no claim word.

pub(crate) mod instant;
pub(crate) mod list;
pub(crate) mod one;
pub(crate) mod token;
pub(crate) mod turn;
pub(crate) mod waiter;
pub(crate) mod wakes;

pub(crate) use list::WaitList;
pub(crate) use waiter::{Claimed, TaskWaiter, Waiter, block, shielded, wait_for};
pub(crate) use wakes::Wakes;
