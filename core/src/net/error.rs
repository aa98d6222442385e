//! Errors that say what was tried, where.

use std::error::Error;
use std::fmt;
use std::io;

/// Whether a call failed because the socket was closed by [`close`](super::TcpStream::close), its own
/// or that of a clone.
///
/// # Go
/// `errors.Is(err, net.ErrClosed)`.
///
/// # Examples
/// ```
/// use rust_routines::net::{self, TcpListener};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// listener.close()?;
/// assert!(net::is_closed(&listener.accept().unwrap_err()));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn is_closed(error: &io::Error) -> bool {
    crate::io::is_closed(error)
}

/// What failed, in the order that Go says it: `listen tcp 127.0.0.1:80: permission denied`.
#[derive(Debug)]
struct OpError {
    what: &'static str,
    address: String,
    source: io::Error,
}

impl fmt::Display for OpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tcp {}: {}", self.what, self.address, self.source)
    }
}

impl Error for OpError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// Adds what was tried; the kind stays.
pub(super) fn explain(
    what: &'static str,
    address: impl fmt::Display,
    source: io::Error,
) -> io::Error {
    io::Error::new(
        source.kind(),
        OpError {
            what,
            address: address.to_string(),
            source,
        },
    )
}

/// For a list of addresses that was empty.
pub(super) fn no_address(what: &'static str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("{what} tcp: no address was given, or the name has none"),
    )
}
