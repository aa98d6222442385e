//! The errors of a descriptor that are not the system's, in Go's words.

use std::error::Error;
use std::fmt;
use std::io;

/// The descriptor was closed, by us.
#[derive(Debug)]
struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("use of closed network connection")
    }
}

impl Error for Closed {}

pub(crate) fn closed() -> io::Error {
    io::Error::other(Closed)
}

pub(crate) fn is_closed(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|error| error.is::<Closed>())
}

pub(crate) fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "i/o timeout")
}
