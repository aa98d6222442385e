//! Channels: typed queues between routines, threads or both.
//!
//! Rust's habits, Go's semantics: two ends that may be cloned, disconnected when the last one of a
//! side is dropped; a value that could not be sent comes back in the error; buffered values can be
//! received after the senders have gone.
//!
//! Bounded channels are the backpressure: a sender that is faster than its receivers waits. An
//! unbounded one never makes a sender wait, and so uses as much memory as it is given.

mod chan;
mod error;

pub use chan::{Receiver, Sender, bounded, unbounded};
pub use error::{RecvError, RecvTimeoutError, SendError};
