//! L0: what the runtime asks of the operating system, one file per mechanism.
//!
//! The contract: `memory` reserves, guards and gives back address space; `cpus` says how many
//! workers pay off, and binds threads; `nodes` says which CPUs share a memory; `clock` reads the monotonic clock; `poll` waits for sockets; `pulse` beats for one
//! thread; `thread` tells what another thread does, `symbols` what code is called; `sleep` parks and unparks a worker's thread; `signal` runs a handler on a
//! stack of its own; `unwind` stops panics where they must not pass. Only this folder, `switch/` and `lib.rs` know about platforms.

pub(crate) mod clock;
pub(crate) mod cpus;
pub(crate) mod memory;
pub(crate) mod nodes;
pub(crate) mod poll;
pub(crate) mod pulse;
pub(crate) mod signal;
pub(crate) mod sleep;
pub(crate) mod symbols;
pub(crate) mod thread;
pub(crate) mod unwind;
