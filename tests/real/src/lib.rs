//! rust-routines-real.
#![forbid(unsafe_code)]
