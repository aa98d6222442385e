//! Bridge between rust-routines and async-std.
#![forbid(unsafe_code)]
