//! Waiting for several things at once: [`select!`](crate::select!) and what it is made of.
//!
//! An arm is a value that implements [`Arm`]; the macro turns `rx.recv()`, `tx.send(value)` and
//! `tx.send_from(&mut slot)` into arms and takes any other arm as it is. [`Select`] does the same for a
//! number of arms that is known at run time only.

mod arm;
mod dynamic;
mod locks;
mod native;
pub(crate) mod others;
pub(crate) mod run;
mod timers;

pub(crate) use arm::Sealed;
pub use arm::{Arm, FutureArm, Map, future, map};
pub use dynamic::Select;
pub(crate) use native::Native;
pub use native::SendFrom;
