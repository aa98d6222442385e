//! Goroutines for ordinary Rust: stackful routines, a blocking API, no `async`, a safe `spawn`.
#![cfg_attr(loom, allow(dead_code, unused_imports, missing_docs))]

mod prim;
#[cfg(not(loom))]
mod sys;

#[cfg(not(loom))]
mod switch;

mod queue;

#[cfg(not(loom))]
mod stack;

#[cfg(not(loom))]
mod control;

#[cfg(not(loom))]
mod driver;

#[cfg(not(loom))]
mod sched;
/// Under loom only the modelled protocol of the scheduler is compiled.
#[cfg(loom)]
mod sched {
    pub(crate) mod idle;
}

#[cfg(not(loom))]
mod wait;

#[cfg(not(loom))]
pub mod channel;
#[cfg(not(loom))]
mod spawn;
#[cfg(not(loom))]
pub mod sync;
#[cfg(not(loom))]
pub mod time;

#[cfg(not(loom))]
pub mod runtime;
#[cfg(not(loom))]
mod testing;

/// Routines: starting, joining, parking and placing them.
#[cfg(not(loom))]
pub mod routine {
    pub use crate::control::Place;
    pub use crate::sched::forbid::{ForbidPark, forbid_park};
    pub use crate::sched::hooks::on_switch;
    pub use crate::spawn::{
        Builder, Id, JoinError, JoinHandle, Routine, current, is_routine, park, park_timeout,
        restart, spawn, with_stack, yield_now,
    };
    pub use crate::time;
    pub use crate::time::{sleep, sleep_until};
}

/// What most programs use: `use rust_routines::prelude::*`.
#[cfg(not(loom))]
pub mod prelude {
    pub use crate::routine::{self, JoinHandle, spawn, yield_now};
    pub use crate::sync::{Mutex, WaitGroup};
    pub use crate::time::{Duration, Instant, sleep};
    pub use crate::{channel, run, runtime, sync, time};
}

#[cfg(not(loom))]
pub use runtime::run;
#[cfg(not(loom))]
pub use rust_routines_macros::{main, test};

/// What the macros expand to; not for use by hand.
#[cfg(not(loom))]
#[doc(hidden)]
pub mod __private {
    pub use crate::testing::{main, test, test_on};
}
