//! A crate that uses the runtime under another name, and hands `select!` on under yet another one.
#![forbid(unsafe_code)]

/// As a crate of channels and tools would hand it on.
pub mod tools {
    pub use routines::select as choose;
    pub use routines::{channel, time};
}

/// A macro of this crate that uses `select!`: its user need not know of the runtime.
#[macro_export]
macro_rules! first_of {
    ($first:expr, $($other:expr),+) => {
        $crate::tools::choose! {
            value = $first.recv() => value,
            $(value = $other.recv() => value),+
        }
    };
}
