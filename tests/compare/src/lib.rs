//! rust-routines-compare.
#![forbid(unsafe_code)]
