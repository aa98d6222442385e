//! Asking for an end: tokens that are passed down, looked at, waited for.
//!
//! A token is a node of a tree; cancelling one cancels all below it. Nothing is interrupted by a token alone: who has
//! one looks at it, waits for it in a [`select!`](crate::select!), or has a routine
//! [aborted](crate::routine::JoinHandle::abort) by it.
//!
//! | file | what |
//! |---|---|
//! | `token` | `CancelToken` |
//! | `node` | the tree |
//! | `deadline` | the timer of a token |
//! | `cancelled` | waiting for it: on a routine, a thread, in a select, in a future |
//! | `reason` | `Reason` |

mod cancelled;
mod deadline;
mod node;
mod reason;
mod token;

pub use cancelled::Cancelled;
pub use reason::Reason;
pub use token::{CancelToken, OnCancel};
