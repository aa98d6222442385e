//! L3: what makes routines ready from outside: the clock, sockets, and threads that block.
//!
//! The contract of a driver: it never calls up and never wakes anybody; it hands the due waiters to
//! the worker that asks, one at a time, and the worker decides where they run.

pub(crate) mod poller;
pub(crate) mod pool;
pub(crate) mod port;
pub(crate) mod timers;
