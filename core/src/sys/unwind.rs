//! Where a panic must not pass.

use std::panic::{self, AssertUnwindSafe};

/// Runs foreign code whose panic concerns nobody here: the panic hook has printed it, and it ends.
pub(crate) fn contain(f: impl FnOnce()) {
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(f)) {
        // A payload may have a destructor, and that may panic in turn.
        if let Err(second) = panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(second);
        }
    }
}

/// Ends the process when it is dropped, by unwinding, instead of being defused.
pub(crate) struct Bomb(pub(crate) &'static str);

impl Bomb {
    pub(crate) fn defuse(self) {
        std::mem::forget(self);
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        // Not `eprintln`, which would panic if stderr is gone.
        super::signal::write_stderr(b"rust-routines: fatal: ");
        super::signal::write_stderr(self.0.as_bytes());
        super::signal::write_stderr(b"\n");
        super::signal::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_and_its_payloads_panic_are_contained() {
        struct Twice;
        impl Drop for Twice {
            fn drop(&mut self) {
                panic!("in the payload's destructor");
            }
        }
        contain(|| panic::panic_any(Twice));
    }
}
