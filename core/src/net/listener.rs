//! Listening for connections.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::addresses::ToSocketAddrs;
use super::error::{explain, no_address};
use super::stream::TcpStream;
use crate::io::{Descriptor, Left, Side};
use crate::prim::{AtomicI64, Ordering};
use crate::sched::clock::{self, Nanos};
use crate::sched::sockets;
use crate::sys::poll::Wish;
use crate::sys::signal;

/// Connections that may wait to be accepted, at most what `net.core.somaxconn` allows: as Go asks for
/// on Linux by default, where std has 128 and a burst of a thousand clients waits for its SYNs again.
const BACKLOG: i32 = 4096;
/// Pauses of an accept loop that is out of descriptors: doubled from the first to the last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// A shortage is reported when none has been for this long.
const SAY_EVERY: Nanos = 60_000_000_000;

/// A socket that accepts TCP connections.
///
/// # Go
/// `net.TCPListener`.
///
/// # Examples
/// ```
/// use rust_routines::{net::{TcpListener, TcpStream}, routine};
/// use std::io::{Read, Write};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let address = listener.local_addr()?;
/// routine::spawn(move || -> std::io::Result<()> {
///     loop {
///         let (mut stream, _) = listener.accept()?;
///         routine::spawn(move || stream.write_all(b"hello"));
///     }
/// });
/// let mut text = String::new();
/// TcpStream::connect(address)?.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpListener {
    socket: Arc<Descriptor<std::net::TcpListener>>,
    /// When it last ran out of descriptors.
    said: Arc<AtomicI64>,
}

impl TcpListener {
    /// Listens on the first of the addresses that can be had. Port 0 takes a free one.
    ///
    /// **Blocks**: never, but for the look-up of a name ([`ToSocketAddrs`]).
    ///
    /// # Errors
    /// Of the last address tried, with its name: `AddrInUse`, `AddrNotAvailable`,
    /// `PermissionDenied`, ...; `InvalidInput` if there is none.
    ///
    /// # Go
    /// `net.Listen("tcp", addr)`.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::net::TcpListener;
    ///
    /// let first = TcpListener::bind("127.0.0.1:0")?;
    /// let refused = TcpListener::bind(first.local_addr()?).unwrap_err();
    /// assert_eq!(refused.kind(), std::io::ErrorKind::AddrInUse);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<TcpListener> {
        let mut failed = None;
        for address in addr.to_socket_addrs()? {
            match listen(address) {
                Ok(socket) => return Ok(TcpListener::wrap(socket)),
                Err(error) => failed = Some(explain("listen", address, error)),
            }
        }
        Err(failed.unwrap_or_else(|| no_address("listen")))
    }

    /// Takes over a listener of std, which no longer blocks afterwards, and with it all that share
    /// its socket.
    ///
    /// # Errors
    /// If the system refuses to make it non-blocking.
    pub fn from_std(listener: std::net::TcpListener) -> io::Result<TcpListener> {
        listener.set_nonblocking(true)?;
        Ok(TcpListener::wrap(listener))
    }

    fn wrap(socket: std::net::TcpListener) -> TcpListener {
        TcpListener {
            socket: Arc::new(Descriptor::new(socket, Wish::Read)),
            said: Arc::new(AtomicI64::new(0)),
        }
    }

    /// Waits for the next connection.
    ///
    /// Survives what is not this listener's fault: a connection that was gone before it was accepted
    /// is skipped; when descriptors or memory run out, it says so on standard error (once, until that has not
    /// happened for a minute), pauses for 5 ms, then longer, up to a second, and goes on. [`accept_once`](TcpListener::accept_once)
    /// returns each error instead.
    ///
    /// **Blocks** the routine; on a plain thread, the thread.
    ///
    /// # Errors
    /// [`is_closed`](super::is_closed) after [`close`](TcpListener::close); what else the system says.
    ///
    /// # Go
    /// `l.Accept()` in the loop of `net/http`, which pauses in the same steps.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let mut pause = None;
        loop {
            match self.accept_once() {
                Err(error) if is_about_one_connection(&error) => {}
                Err(error) if is_about_resources(&error) => {
                    self.say_exhausted(&error);
                    let length = pause.unwrap_or(PAUSES.0);
                    self.socket.pause(Side::Read, length)?;
                    pause = Some((length * 2).min(PAUSES.1));
                }
                other => return other,
            }
        }
    }

    /// Waits for the next connection, and returns every error.
    ///
    /// **Blocks** the routine; on a plain thread, the thread.
    ///
    /// # Errors
    /// As [`accept`](TcpListener::accept), and those that it survives.
    ///
    /// # Go
    /// `l.Accept()`.
    pub fn accept_once(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) =
            self.socket
                .call(Side::Read, |socket| socket.accept(), |_| Left::Unknown)?;
        sockets::note_arrival(SockRef::from(&stream).cpu_affinity().ok());
        Ok((TcpStream::from_std(stream)?, peer))
    }

    #[cold]
    fn say_exhausted(&self, error: &io::Error) {
        let now = clock::now();
        let before = self.said.swap(now, Ordering::Relaxed);
        if before != 0 && now - before < SAY_EVERY {
            return;
        }
        let address = self
            .local_addr()
            .map_or_else(|_| "?".to_owned(), |address| address.to_string());
        let text = format!(
            "rust-routines: accept tcp {address}: {error}; trying again until it works (raise \
             `ulimit -n`, or close connections)\n"
        );
        // Not `eprintln!`, which panics when nobody reads standard error any more.
        signal::write_stderr(text.as_bytes());
    }

    /// The connections, one after the other, as [`accept`](TcpListener::accept) gives them; ends when
    /// the listener is closed.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// [`is_closed`](super::is_closed) after [`close`](TcpListener::close).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.enter()?.local_addr()
    }

    /// Another handle of the same socket.
    ///
    /// # Errors
    /// [`is_closed`](super::is_closed) after [`close`](TcpListener::close).
    pub fn try_clone(&self) -> io::Result<TcpListener> {
        self.socket.enter()?;
        Ok(TcpListener {
            socket: self.socket.clone(),
            said: self.said.clone(),
        })
    }

    /// Closes the socket for all its handles: who waits in [`accept`](TcpListener::accept) gets an
    /// error, and the port is free.
    ///
    /// **Blocks**: never.
    ///
    /// # Errors
    /// [`is_closed`](super::is_closed) if it was closed before.
    ///
    /// # Go
    /// `l.Close()`.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::{net::{self, TcpListener}, routine};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let other = listener.try_clone()?;
    /// let accepting = routine::spawn(move || other.accept().map(drop));
    /// listener.close()?;
    /// assert!(net::is_closed(&accepting.join().unwrap().unwrap_err()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn close(&self) -> io::Result<()> {
        self.socket.close()
    }

    /// Sets the time to live of the packets of its connections.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket.enter()?.set_ttl(ttl)
    }

    /// The time to live of the packets of its connections.
    ///
    /// # Errors
    /// What the system says.
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket.enter()?.ttl()
    }

    /// Takes the error that is pending on the socket.
    ///
    /// # Errors
    /// What the system says.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.enter()?.take_error()
    }
}

fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let kind = Type::STREAM.nonblocking();
    let socket = Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP))?;
    // As std and Go do: else a restarted service waits a minute for its old connections' port.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// The connection that was to be accepted is gone, or not allowed; there are others. Linux hands up the
/// network errors that were pending on it: accept(2) says to treat them like "try again".
fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ECONNABORTED
                | libc::ECONNRESET
                | libc::EPERM
                | libc::EPROTO
                | libc::ENOPROTOOPT
                | libc::EOPNOTSUPP
                | libc::ENETDOWN
                | libc::ENETUNREACH
                | libc::EHOSTDOWN
                | libc::EHOSTUNREACH
                | libc::ENONET
        )
    )
}

/// Descriptors or memory have run out: it will get better.
fn is_about_resources(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
    )
}

/// The number of the open descriptor, -1 after a close. It may be closed, and the number used anew, at
/// any time by another handle: for options, not for keeping.
impl AsRawFd for TcpListener {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.enter().map_or(-1, |socket| socket.as_raw_fd())
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener")
            .field("local", &self.local_addr().ok())
            .finish()
    }
}

/// The connections of a listener; see [`TcpListener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        match self.listener.accept() {
            Ok((stream, _)) => Some(Ok(stream)),
            Err(error) if super::is_closed(&error) => None,
            Err(error) => Some(Err(error)),
        }
    }
}
