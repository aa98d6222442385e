//! Bridge between rust-routines and tokio.
#![forbid(unsafe_code)]
