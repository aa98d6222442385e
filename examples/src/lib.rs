//! rust-routines-examples.
#![forbid(unsafe_code)]
