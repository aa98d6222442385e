//! Time: sleeping, timers, tickers, limits.
//!
//! | file | what |
//! |---|---|
//! | `sleep` | `sleep`, `sleep_until` |
//! | `after` | `after`: a moment as an arm of a select |
//! | `ticks` | the state of a timer or an interval, and waiting for it |
//! | `timer`, `interval` | `Timer`; `Interval` and `tick` |
//! | `expiry` | both as arms and as futures |
//! | `func` | `after_func` |
//! | `timeout` | `timeout`: a limit for everything that waits inside |
//!
//! All of it is monotonic: steps of the wall clock do not matter. Nothing is early. A moment beyond the
//! clock's range (292 years) never comes; one that has passed has come.
//!
//! There is no thread for timers. A timer that nobody waits for is a number; who waits for it sets the timer
//! of his own wait, at his own worker, and a plain thread sleeps. Only what acts without anybody who
//! waits - [`after_func`], futures - stands in a table by itself; if the worker with that table is
//! stuck in a long computation, another one that has nothing to do looks after it 10 ms late.

mod after;
mod expiry;
mod func;
mod interval;
mod sleep;
mod ticks;
mod timeout;
mod timer;

pub use crate::wait::instant::Instant;
pub use std::time::Duration;

pub use after::{After, after};
pub use expiry::Expiry;
pub use func::{FuncTimer, after_func};
pub use interval::{Interval, Ticking, tick};
pub use sleep::{sleep, sleep_until};
pub use timeout::{Elapsed, timeout, timeout_at};
pub use timer::Timer;
