//! The clock of whoever runs here: what deadlines are made from and compared with.
//!
//! The seam for a group of routines with a clock of its own: whatever waits or says what time it is asks
//! here, and not `sys::clock`, which is the machine's and is for the scheduler's own pauses and figures.
//! Such a group would be known to its routines' bodies, `now` would ask the one that runs, and
//! `Core::set_timer` and `alarms::Place::here`, where each timer gets its table, would choose the
//! group's tables, which its own clock looks at. Today there is one clock, and this costs nothing.

pub(crate) use crate::sys::clock::{Nanos, deadline, nanos, now, until};
