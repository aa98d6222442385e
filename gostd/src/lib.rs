//! Go's standard library, as far as a ported service stands on it, in Rust and
//! on routines: **no items yet**.
//!
//! # What it will hold
//!
//! Go's names, behaviour and error texts, so that a Go program is carried over
//! line by line: `sync`, `time`, `net` and what a service needs beside them,
//! one folder for each Go package and one file for each of Go's. Channels come
//! in Go's shape too: one value for both ends, `close`, the zero value after a
//! close, a panic where Go panics.
//!
//! # What works today, without this package
//!
//! The core's own face, which has Rust's habits rather than Go's: routines
//! ([`rust_routines::routine`]), channels with a sender and a receiver
//! ([`rust_routines::channel`]), a mutex and a wait group
//! ([`rust_routines::sync`]). A program written for Rust rather than carried
//! over from Go needs nothing more than that, now or later.
//!
//! # Why a package of its own
//!
//! The two faces contradict each other: a dropped `Sender` disconnects, a
//! dropped Go channel does nothing; an `Err` tells a Rust program what Go tells
//! with a panic. Each is kept whole instead of meeting halfway.
#![forbid(unsafe_code)]
