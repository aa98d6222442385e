//! The key-value server from outside: a process of its own, and clients that behave well or badly.
//!
//! Everything is real: sockets, signals, limits of the process. Every wait has a limit, none is a guess of how long
//! something takes.
#![forbid(unsafe_code)]

mod broken;
mod clients;
mod ending;
mod files;
mod replies;
mod server;
