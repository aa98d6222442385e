//! Go's sync, time and net on rust-routines.
#![forbid(unsafe_code)]
