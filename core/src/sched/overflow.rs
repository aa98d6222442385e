//! A stack overflow ends the process, and says whose it was.
//!
//! The guard of a stack faults; the handler (on the worker's alternate stack) asks whether the
//! address lies in the guard of the routine that runs here. If so it reports number, name, spawn
//! site, size and address, and ends the process through the runtime's hook; if not, the fault
//! belongs to whoever was there before us. Everything here is async-signal-safe: it reads the current
//! routine's own memory, formats into a buffer and writes.

use std::fmt::{self, Write};
use std::panic::Location;

use super::core::with_core;
use crate::control::{Body, Header};
use crate::stack::Stack;
use crate::sys::signal;

/// What is called instead of nothing before the process is aborted.
pub(crate) type FatalHook = fn(&Fatal<'_>);

/// Why the runtime ends the process: handed to the hook of
/// [`runtime::Builder::fatal`](crate::runtime::Builder::fatal).
#[non_exhaustive]
pub struct Fatal<'a> {
    routine: u64,
    name: Option<&'a str>,
    site: &'static Location<'static>,
    stack_bytes: usize,
    address: usize,
}

impl Fatal<'_> {
    /// The number of the routine.
    pub fn routine(&self) -> u64 {
        self.routine
    }

    /// The routine's name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name
    }

    /// Where the routine was spawned.
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.site
    }

    /// How many bytes of stack it had.
    pub fn stack_bytes(&self) -> usize {
        self.stack_bytes
    }

    /// The address whose use was fatal.
    pub fn address(&self) -> usize {
        self.address
    }
}

impl fmt::Display for Fatal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fatal error: stack overflow\nroutine {}", self.routine)?;
        if let Some(name) = self.name {
            write!(f, " \"{name}\"")?;
        }
        writeln!(f, ", spawned at {}", self.site)?;
        writeln!(
            f,
            "its stack of {} KiB is used up (fault at {:#x}); recurse less, give it more with \
             Builder::stack_size or routine::with_stack",
            self.stack_bytes >> 10,
            self.address
        )
    }
}

impl fmt::Debug for Fatal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fatal(")?;
        fmt::Display::fmt(self, f)?;
        f.write_str(")")
    }
}

/// Installs the handler, once per process.
pub(super) fn install() {
    signal::install(on_fault);
}

fn on_fault(address: usize) {
    with_core(|core| {
        let Some(core) = core else { return };
        let Some(body) = core.current() else { return };
        // SAFETY: the routine that runs on this thread; the handler runs on another stack.
        let body: &Body = unsafe { body.as_ref() };
        let stack: &Stack = body.running_stack();
        if !stack.guards(address) {
            return;
        }
        let header: &Header = body.header();
        let fatal = Fatal {
            routine: header.id(),
            name: header.name().map(|name| &**name),
            site: header.site(),
            stack_bytes: stack.size().usable(),
            address,
        };
        match core.shared.config.fatal {
            Some(hook) => hook(&fatal),
            None => report(&fatal),
        }
        signal::abort();
    });
}

/// Writes the report to stderr without a lock.
fn report(fatal: &Fatal<'_>) {
    /// Enough for two long paths; what does not fit is cut off.
    struct Buffer {
        bytes: [u8; 2048],
        len: usize,
    }
    impl Write for Buffer {
        fn write_str(&mut self, s: &str) -> fmt::Result {
            let room = &mut self.bytes[self.len..];
            let n = s.len().min(room.len());
            room[..n].copy_from_slice(&s.as_bytes()[..n]);
            self.len += n;
            Ok(())
        }
    }
    let mut buffer = Buffer {
        bytes: [0; 2048],
        len: 0,
    };
    // Writing to the buffer never fails.
    if write!(buffer, "\n{fatal}").is_ok() {
        signal::write_stderr(&buffer.bytes[..buffer.len]);
    }
}
