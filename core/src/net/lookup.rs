//! Looking names up, on threads that do nothing else.
//!
//! The system's resolver blocks for as long as a server of names does not answer, many seconds often. On the
//! worker's thread it would stop the worker; among other work that blocks, enough slow names would fill the
//! pool and stop that. So look-ups have threads of their own, with a cap of their own.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::vec;

use crate::control::Reason;
use crate::sched::park::raise_if_due_here;
use crate::sched::{forbid, with_core};
use crate::spawn::leavable::leavable;

/// The addresses of `host`, each with `port`.
///
/// # Errors
/// What the system says.
#[track_caller]
pub(super) fn lookup(host: &str, port: u16) -> io::Result<vec::IntoIter<SocketAddr>> {
    forbid::check();
    raise_if_due_here();
    let threads = with_core(|core| {
        let core = core.filter(|core| core.current().is_some())?;
        Some(core.shared.lookups.clone())
    });
    match threads {
        Some(threads) => {
            let host = host.to_string();
            let call = move || (&*host, port).to_socket_addrs();
            leavable(&threads, Reason::Lookup, call)
        }
        None => (host, port).to_socket_addrs(),
    }
}
