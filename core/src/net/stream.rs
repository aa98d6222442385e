//! A TCP connection.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::addresses::ToSocketAddrs;
use super::error::{explain, no_address};
use crate::io::{Descriptor, Left, Side};
use crate::sys::poll::Wish;

/// Most bytes that the system moves in one call (`MAX_RW_COUNT`).
const MOST: usize = 0x7fff_f000;
/// Most slices that the system takes in one call (`IOV_MAX`); std leaves out those behind them.
const VECTORS: usize = 1024;

/// A TCP connection.
///
/// Reading and writing go on independently, also from routines at different workers; several readers
/// (or writers) are served one after the other, in the order they came. Dropping the last handle closes
/// the connection.
///
/// # Go
/// `net.TCPConn`; but Nagle's algorithm is on, as with std's, until
/// [`set_nodelay`](TcpStream::set_nodelay) turns it off.
///
/// # Examples
/// ```
/// use rust_routines::{net::{TcpListener, TcpStream}, routine};
/// use std::io::{Read, Write};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let address = listener.local_addr()?;
/// let echo = routine::spawn(move || -> std::io::Result<u64> {
///     let (stream, _) = listener.accept()?;
///     std::io::copy(&mut &stream, &mut &stream)
/// });
/// let mut stream = TcpStream::connect(address)?;
/// stream.write_all(b"ping")?;
/// let mut answer = [0; 4];
/// stream.read_exact(&mut answer)?;
/// assert_eq!(&answer, b"ping");
/// drop(stream);
/// assert_eq!(echo.join().unwrap()?, 4);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpStream {
    socket: Arc<Descriptor<std::net::TcpStream>>,
}

impl TcpStream {
    /// Connects to the first of the addresses that answers.
    ///
    /// **Blocks** the routine, also while a name is looked up; on a plain thread, the thread.
    ///
    /// # Errors
    /// Of the last address tried, with its name; `InvalidInput` if there is none.
    ///
    /// # Go
    /// `net.Dial("tcp", addr)`.
    pub fn connect<A: ToSocketAddrs>(addr: A) -> io::Result<TcpStream> {
        let mut failed = None;
        for address in addr.to_socket_addrs()? {
            match connect(address, None) {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.unwrap_or_else(|| no_address("dial")))
    }

    /// Connects to `addr`, for at most `timeout`.
    ///
    /// **Blocks** the routine; on a plain thread, the thread.
    ///
    /// # Errors
    /// `TimedOut`; `InvalidInput` for a timeout of zero; what else the system says.
    ///
    /// # Go
    /// `net.DialTimeout("tcp", addr, timeout)`.
    pub fn connect_timeout(addr: &SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        connect(*addr, Some(timeout))
    }

    /// Takes over a stream of std, which no longer blocks afterwards, and with it all that share its
    /// socket.
    ///
    /// # Errors
    /// If the system refuses to make it non-blocking.
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<TcpStream> {
        stream.set_nonblocking(true)?;
        Ok(TcpStream::wrap(stream))
    }

    fn wrap(socket: std::net::TcpStream) -> TcpStream {
        TcpStream {
            socket: Arc::new(Descriptor::new(socket, Wish::Both)),
        }
    }

    /// The address of the other side.
    ///
    /// # Errors
    /// What the system says; [`is_closed`](super::is_closed) after a close.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.enter()?.peer_addr()
    }

    /// The address of this side.
    ///
    /// # Errors
    /// As [`peer_addr`](TcpStream::peer_addr).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.enter()?.local_addr()
    }

    /// Another handle of the same connection: what one sets or closes is set or closed for all.
    ///
    /// # Errors
    /// [`is_closed`](super::is_closed) after a close.
    pub fn try_clone(&self) -> io::Result<TcpStream> {
        self.socket.enter()?;
        Ok(TcpStream {
            socket: self.socket.clone(),
        })
    }

    /// Ends reading, writing or both; the other side sees the end of what it reads.
    ///
    /// **Blocks**: never.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Go
    /// `c.CloseRead()`, `c.CloseWrite()`.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.enter()?.shutdown(how)
    }

    /// Closes the connection for all its handles; who waits for it gets an error.
    ///
    /// **Blocks**: never.
    ///
    /// # Errors
    /// [`is_closed`](super::is_closed) if it was closed before.
    ///
    /// # Go
    /// `c.Close()`.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::{net::{self, TcpListener, TcpStream}, routine};
    /// use std::io::Read;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// let mut reader = stream.try_clone()?;
    /// let reading = routine::spawn(move || reader.read(&mut [0; 16]));
    /// stream.close()?;
    /// assert!(net::is_closed(&reading.join().unwrap().unwrap_err()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn close(&self) -> io::Result<()> {
        self.socket.close()
    }

    /// Limits each read from now on; `None`: no limit.
    ///
    /// # Errors
    /// `InvalidInput` for a duration of zero.
    ///
    /// # Go
    /// `c.SetReadDeadline(time.Now().Add(d))` before each read.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.set_timeout(Side::Read, timeout)
    }

    /// Limits each write from now on; `None`: no limit.
    ///
    /// # Errors
    /// `InvalidInput` for a duration of zero.
    ///
    /// # Go
    /// `c.SetWriteDeadline(time.Now().Add(d))` before each write.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.set_timeout(Side::Write, timeout)
    }

    /// The limit of each read.
    ///
    /// # Errors
    /// Never; as std's.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.socket.timeout(Side::Read))
    }

    /// The limit of each write.
    ///
    /// # Errors
    /// Never; as std's.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.socket.timeout(Side::Write))
    }

    /// A call for `asked` bytes.
    #[inline]
    fn call_for(
        &self,
        side: Side,
        asked: usize,
        op: impl FnMut(&std::net::TcpStream) -> io::Result<usize>,
    ) -> io::Result<usize> {
        if asked == 0 {
            return self.nothing();
        }
        let asked = asked.min(MOST);
        self.socket.call(side, op, |&done| match done {
            0 => Left::End,
            done if done < asked => Left::Nothing,
            _ => Left::Unknown,
        })
    }

    /// A call for no bytes waits for nobody.
    #[cold]
    fn nothing(&self) -> io::Result<usize> {
        self.socket.enter().map(|_| 0)
    }

    /// Reads without taking what was read.
    ///
    /// **Blocks** the routine until there is something; on a plain thread, the thread.
    ///
    /// # Errors
    /// As `read`.
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return self.nothing();
        }
        let left = |&got: &usize| if got == 0 { Left::End } else { Left::Unknown };
        self.socket
            .call(Side::Read, |socket| socket.peek(buf), left)
    }

    /// Turns Nagle's algorithm off (`true`) or on: off, small writes are sent at once.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Go
    /// `c.SetNoDelay`, which is on for each connection of Go's.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket.enter()?.set_nodelay(nodelay)
    }

    /// Whether Nagle's algorithm is off.
    ///
    /// # Errors
    /// What the system says.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.socket.enter()?.nodelay()
    }

    /// Sets the time to live of its packets.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket.enter()?.set_ttl(ttl)
    }

    /// The time to live of its packets.
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

fn connect(address: SocketAddr, timeout: Option<Duration>) -> io::Result<TcpStream> {
    begin(address)
        .and_then(|stream| {
            stream.set_write_timeout(timeout)?;
            stream
                .socket
                .call(Side::Write, finished, |()| Left::Unknown)?;
            stream.set_write_timeout(None)?;
            Ok(stream)
        })
        .map_err(|error| explain("dial", address, error))
}

fn begin(address: SocketAddr) -> io::Result<TcpStream> {
    let kind = Type::STREAM.nonblocking();
    let socket = Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP))?;
    match socket.connect(&address.into()) {
        // Interrupted, it goes on by itself too.
        Err(error) if !matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR)) => {
            Err(error)
        }
        _ => Ok(TcpStream::wrap(socket.into())),
    }
}

/// Whether a connect has ended: would block, if not.
fn finished(socket: &std::net::TcpStream) -> io::Result<()> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => {
            Err(io::ErrorKind::WouldBlock.into())
        }
        other => other.map(drop),
    }
}

/// # Errors
/// `TimedOut` after [`set_read_timeout`](TcpStream::set_read_timeout);
/// [`is_closed`](super::is_closed) after a close; what else the system says.
impl Read for &TcpStream {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let asked = buf.len();
        self.call_for(Side::Read, asked, |mut socket| socket.read(buf))
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let asked: usize = bufs.iter().take(VECTORS).map(|buf| buf.len()).sum();
        self.call_for(Side::Read, asked, |mut socket| socket.read_vectored(bufs))
    }
}

/// # Errors
/// `TimedOut` after [`set_write_timeout`](TcpStream::set_write_timeout);
/// [`is_closed`](super::is_closed) after a close; what else the system says.
impl Write for &TcpStream {
    #[inline]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.call_for(Side::Write, buf.len(), |mut socket| socket.write(buf))
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let given: usize = bufs.iter().take(VECTORS).map(|buf| buf.len()).sum();
        self.call_for(Side::Write, given, |mut socket| socket.write_vectored(bufs))
    }

    /// Nothing is buffered here.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for TcpStream {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(bufs)
    }
}

impl Write for TcpStream {
    #[inline]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self).flush()
    }
}

/// The number of the open descriptor, -1 after a close. It may be closed, and the number used anew, at
/// any time by another handle: for options, not for keeping.
impl AsRawFd for TcpStream {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.enter().map_or(-1, |socket| socket.as_raw_fd())
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpStream")
            .field("local", &self.local_addr().ok())
            .field("peer", &self.peer_addr().ok())
            .finish()
    }
}
