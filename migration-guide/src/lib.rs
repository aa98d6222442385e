//! rust-routines-guide.
#![forbid(unsafe_code)]
