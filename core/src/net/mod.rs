//! Sockets that park the routine instead of blocking the thread.
//!
//! The types have the names and methods of [`std::net`]'s, and Go's behaviour where std has none:
//! `close` wakes who waits, an accept loop survives what is not its fault.
//!
//! A call tries first and parks only if it would block; then the socket is watched by the poller of
//! the worker that the routine lives at. A routine that an accept loop spawns goes to the worker with
//! the fewest ([`Place::Spread`](crate::routine::Place)), so connections are spread as they come.
//! A plain thread may make the same calls, and blocks.
//!
//! A routine that is cancelled is unwound at its next call, also one that would not wait.
//!
//! Names are looked up with the system's resolver, by threads of the runtime that do nothing else; addresses
//! are not looked up ([`ToSocketAddrs`]).

mod addresses;
mod error;
mod listener;
mod lookup;
mod stream;

pub use addresses::ToSocketAddrs;
pub use error::is_closed;
pub use listener::{Incoming, TcpListener};
pub use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV4, SocketAddrV6};
pub use stream::TcpStream;
