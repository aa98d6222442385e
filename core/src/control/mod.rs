//! L2: a routine's control block, in two halves, and the evidence that moves through the queues.
//!
//! - The *header* is a small counted heap object made at spawn: handles and wakers hold it.
//! - The *body* stands in the top page of the stack: only the home worker touches it, and the one
//!   holder of the right to wake (who writes its link).
//!
//! A routine that has not started has no body, and so costs no page.
//!
//! The rights are move-only values: `Fresh` (may be started, by any worker), `Ready` (may be
//! resumed, at home). A double wake would need two `Ready` for one routine, and nothing makes them.

pub(crate) mod blocks;
pub(crate) mod body;
pub(crate) mod header;
pub(crate) mod home;
pub(crate) mod locals;
pub(crate) mod reason;

pub(crate) use body::{Arrival, Body, Outcome, Peek, Ready, Unlink};
pub(crate) use header::{Extra, Fresh, Header, HeaderRef, VTable};
pub use header::{Place, Priority};
pub(crate) use home::{Abort, Home};
pub(crate) use reason::Reason;
