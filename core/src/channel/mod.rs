//! Channels: typed queues between routines, threads, tasks or all of them.
//!
//! Rust's habits, Go's semantics: two ends that may be cloned, disconnected when the last one of a
//! side is dropped or one of them is closed; a value that could not be sent comes back in the error;
//! queued values can be received after that. Values go to whoever has waited longest.
//!
//! Bounded channels are the backpressure: a sender that is faster than its receivers waits. An
//! unbounded one never makes a sender wait, and so uses as much memory as it is given;
//! [`Builder::high_water`] tells when that gets out of hand.
//!
//! A message is moved by value, a few times on the stack of whoever sends or receives. One of 24 KiB works
//! on a routine's default stack whatever is done with it, one of 48 in the plain calls; a larger one asks for a larger stack
//! ([`Builder::stack_size`](crate::routine::Builder::stack_size)), or for a `Box`.
//!
//! To wait for several at once there is [`select!`](crate::select!).

mod buffer;
mod builder;
mod chan;
mod ends;
mod error;
mod future;
mod grab;
mod looks;
mod moves;
mod offer;
mod receiver;
mod sender;
mod state;

pub use builder::{Builder, bounded, never, unbounded};
pub(crate) use chan::{Chan, Side};
pub use error::{
    RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError,
};
pub use future::{RecvFuture, SendFuture};
pub(crate) use grab::Grab;
pub(crate) use offer::Offer;
pub use receiver::{IntoIter, Iter, Receiver, TryIter};
pub use sender::Sender;
