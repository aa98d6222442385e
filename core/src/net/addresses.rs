//! What `connect` and `bind` take: addresses, or names to be looked up.
//!
//! std's trait blocks the thread, and what implements it cannot be told to do otherwise; hence one of our
//! own, of the same shape and for the same types. It is sealed: what may be asked of it can grow.

use std::io;
use std::iter;
use std::net::{self, IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::{option, slice, vec};

use super::lookup::lookup;

/// Addresses, or a name that is looked up: what [`TcpStream::connect`](super::TcpStream::connect) and
/// [`TcpListener::bind`](super::TcpListener::bind) take.
///
/// Implemented for what [`std::net::ToSocketAddrs`] is implemented for, and for nothing else: `"name:port"`,
/// `("name", port)`, an address, a slice of addresses, ... An address, also one that is written in a string,
/// is not looked up and costs nothing.
///
/// # Go
/// The string that `net.Dial` takes; `net.Resolver` for the look-up alone.
///
/// # Examples
/// ```
/// use rust_routines::net::ToSocketAddrs;
///
/// let mut addresses = "localhost:80".to_socket_addrs()?;
/// assert!(addresses.all(|address| address.ip().is_loopback()));
/// # std::io::Result::Ok(())
/// ```
pub trait ToSocketAddrs: Sealed {
    /// The addresses, one after the other.
    type Iter: Iterator<Item = SocketAddr>;

    /// The addresses; a name is looked up.
    ///
    /// The look-up is the system's, made by a thread of the runtime, of which there are at most
    /// [`lookup_threads`](crate::runtime::Builder::lookup_threads). A routine that is cancelled meanwhile, or
    /// whose [`timeout`](crate::time::timeout) is over, does not wait for its end.
    ///
    /// **Blocks** the routine if there is a name to be looked up; on a plain thread, the thread, which no
    /// `timeout` ends.
    ///
    /// # Errors
    /// As std's: `InvalidInput` for what is no address and no name with a port; what the system says of the
    /// look-up.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if there is a name to be looked up.
    fn to_socket_addrs(&self) -> io::Result<Self::Iter>;
}

/// Keeps others from implementing it.
pub trait Sealed {}

/// Types that are addresses themselves, or contain them: std never looks anything up for them.
macro_rules! addresses {
    ($($type:ty),+) => {
        $(
            impl Sealed for $type {}

            impl ToSocketAddrs for $type {
                type Iter = option::IntoIter<SocketAddr>;

                fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
                    net::ToSocketAddrs::to_socket_addrs(self)
                }
            }
        )+
    };
}

addresses!(
    SocketAddr,
    SocketAddrV4,
    SocketAddrV6,
    (IpAddr, u16),
    (Ipv4Addr, u16),
    (Ipv6Addr, u16)
);

impl Sealed for [SocketAddr] {}

impl<'a> ToSocketAddrs for &'a [SocketAddr] {
    type Iter = iter::Cloned<slice::Iter<'a, SocketAddr>>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        net::ToSocketAddrs::to_socket_addrs(self)
    }
}

impl Sealed for (&str, u16) {}

impl ToSocketAddrs for (&str, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        let (host, port) = *self;
        match host.parse::<IpAddr>() {
            Ok(ip) => Ok(vec![SocketAddr::new(ip, port)].into_iter()),
            Err(_) => lookup(host, port),
        }
    }
}

impl Sealed for (String, u16) {}

impl ToSocketAddrs for (String, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        (&*self.0, self.1).to_socket_addrs()
    }
}

impl Sealed for str {}

impl ToSocketAddrs for str {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        if let Ok(address) = self.parse::<SocketAddr>() {
            return Ok(vec![address].into_iter());
        }
        match name_and_port(self) {
            Some((host, port)) => (host, port).to_socket_addrs(),
            // There is nothing to look up: std says what is wrong.
            None => net::ToSocketAddrs::to_socket_addrs(self),
        }
    }
}

fn name_and_port(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    Some((host, port.parse().ok()?))
}

impl Sealed for String {}

impl ToSocketAddrs for String {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        (**self).to_socket_addrs()
    }
}

impl<T: Sealed + ?Sized> Sealed for &T {}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    type Iter = T::Iter;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        (**self).to_socket_addrs()
    }
}
