//! Time: sleeping, timers, tickers, limits.
//!
//! | Go | here |
//! |---|---|
//! | `time.Sleep(d)` | [`sleep()`], [`sleep_until`] |
//! | `time.NewTimer(d)`, `t.Stop()`, `t.Reset(d)`, `<-t.C` | [`Timer`] |
//! | `time.NewTicker(d)`, `time.Tick(d)` | [`Interval`], [`tick`] |
//! | `time.After(d)` | [`after()`] |
//! | `time.AfterFunc(d, f)` | [`after_func`], [`after_func_with`] |
//! | `context.WithTimeout`, `WithDeadline`, `ctx.Deadline()` | [`timeout()`], [`timeout_at`], [`deadline`] |
//! | `time.Now()`, `time.Since(t)` | [`Instant::now`], [`Instant::elapsed`] |
//!
//! All of it is monotonic: steps of the wall clock do not matter. Nothing is early. A moment beyond the
//! clock's range (292 years) never comes; one that has passed has come.
//!
//! There is no thread for timers. A timer that nobody waits for is a number; who waits for it sets the timer
//! of his own wait, at his own worker, and a plain thread sleeps. Only what acts without anybody who
//! waits - [`after_func`], futures - stands in a table by itself; if the worker with that table is
//! stuck in a long computation, another one that has nothing to do looks after it 10 ms late.

// sleep: sleeping. after: a moment as an arm and a future. ticks: the state of a timer or an interval, and waiting
// for it. expiry: both as arms and as futures. wake: the alarm of a future. func: what runs later. timeout: limits.

mod after;
mod expiry;
mod func;
mod interval;
mod sleep;
mod ticks;
mod timeout;
mod timer;
mod wake;

pub use crate::wait::instant::Instant;
pub use std::time::Duration;

pub use after::{After, after};
pub use expiry::Expiry;
pub use func::{FuncTimer, after_func, after_func_with};
pub use interval::{Interval, Ticking, tick};
pub use sleep::{sleep, sleep_until};
pub use timeout::{Elapsed, deadline, timeout, timeout_at};
pub use timer::Timer;
