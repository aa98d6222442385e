//! Spawning, joining and steering routines: what `routine` re-exports.
//!
//! | file | what |
//! |---|---|
//! | `cell` | the typed part of a routine: closure, then result; its first and last steps |
//! | `builder` | `spawn`, `Builder` |
//! | `handle` | `JoinHandle` |
//! | `error` | `JoinError`, `PanicPayload` |
//! | `abort` | cancelling a routine; `check_cancelled`, `shield` |
//! | `children` | the routines of a scope |
//! | `current` | `current`, `park`, `yield_now`: what a routine does with itself |
//! | `restart` | ending a stack and starting again elsewhere |
//! | `deep` | `with_stack` |
//! | `blocking` | work that blocks, on threads of its own |
//! | `leavable` | the same for calls that own what they use: who waits may leave |
//! | `borrowed` | `run`: a routine that borrows from its waiting caller |

mod abort;
mod blocking;
pub(crate) mod borrowed;
mod builder;
mod cell;
pub(crate) mod children;
mod current;
mod deep;
mod error;
mod handle;
pub(crate) mod leavable;
mod restart;

pub use abort::{AbortHandle, Unsupported, check_cancelled, shield};
pub use blocking::blocking;
pub use builder::{Builder, spawn};
pub(crate) use builder::{Request, spawn_due, spawn_on, spawn_request, spawn_scoped};
pub(crate) use children::Children;
pub use current::{
    Id, Routine, checkpoint, current, is_routine, park, park_timeout, priority, set_priority,
    worker, yield_now,
};
pub use deep::with_stack;
pub use error::{JoinError, PanicPayload};
pub use handle::JoinHandle;
pub(crate) use restart::is_restart_here;
pub use restart::restart;
