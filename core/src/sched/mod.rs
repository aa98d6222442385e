//! L4: the scheduler: workers that start, resume and place routines.
//!
//! | file | what |
//! |---|---|
//! | `worker` | what others see of a worker: home, mail, nursery, alarms, counters |
//! | `roster` | the workers of a runtime, by number; their states |
//! | `staff` | their threads: hired, drained, let go |
//! | `shared` | what the workers of one runtime have in common |
//! | `core` | what only the worker's own thread touches; the current routine |
//! | `run` | the loop: what to run next, start, resume, retire |
//! | `rank` | priorities: who comes first |
//! | `place` | where a new routine goes |
//! | `placement` | the hook that says where a new routine starts |
//! | `topology` | which workers are near each other |
//! | `search` | out of work: search, steal, sleep |
//! | `idle` | the counts of searchers and sleepers, with the argument and its model |
//! | `sockets` | the worker's poller: when it is asked, who goes on |
//! | `clock` | the clock of whoever runs here |
//! | `due` | the timers of a worker's own waits |
//! | `abort` | ending the wait of a routine that was cancelled, from anywhere |
//! | `alarms` | timers that belong to no wait: set and stopped from anywhere, fired by whoever is there |
//! | `watch` | who has promised to look at the alarms of others, with a model |
//! | `limit` | what `timeout` limits: every wait inside of it |
//! | `monitor` | the thread that looks at workers which are stuck |
//! | `stall` | what is told of them |
//! | `locals` | whose local values are meant |
//! | `deputy` | for which routine a plain thread runs |
//! | `park` | leaving a routine: yield, suspend; the hooks around it |
//! | `stop` | shutdown: cancel, count down, report, abandon |
//! | `overflow` | a stack overflow, by name |
//!
//! The rule of who may wake: whoever takes a waiter off its object's list, under the object's lock,
//! owns the only `Ready`. Pushing it is the last access to the routine. A routine that is made ready
//! before it has suspended is merely queued at home, which is busy running it.

pub(crate) mod abort;
pub(crate) mod alarms;
pub(crate) mod clock;
pub(crate) mod core;
pub(crate) mod deputy;
mod due;
pub(crate) mod forbid;
pub(crate) mod hooks;
pub(crate) mod idle;
pub(crate) mod limit;
pub(crate) mod locals;
pub(crate) mod metrics;
pub(crate) mod monitor;
pub(crate) mod overflow;
pub(crate) mod park;
pub(crate) mod place;
pub(crate) mod placement;
mod rank;
pub(crate) mod registry;
pub(crate) mod roster;
pub(crate) mod run;
pub(crate) mod search;
pub(crate) mod shared;
pub(crate) mod sockets;
pub(crate) mod staff;
pub(crate) mod stall;
pub(crate) mod stop;
pub(crate) mod topology;
pub(crate) mod watch;
pub(crate) mod worker;

pub(crate) use self::core::{Core, core as current_core, with_core};
pub(crate) use shared::{Config, Shared};
