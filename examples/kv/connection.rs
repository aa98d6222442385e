//! One client: a routine that reads requests and writes replies, blocking in both.
//!
//! The rule that makes pipelining fast and never leaves a client waiting: replies are flushed when the reader's buffer
//! is used up and the next byte has to come from the socket. So a batch of requests costs one read and one write, and a
//! client that sends half a request gets the replies to those before it. The rule sits in one place, [`Connection`]'s
//! `Read`: whoever waits for input owes nothing.
//!
//! A client that does not read its replies fills the buffers of both kernels; then the write blocks, the routine parks,
//! and nothing more is read from that client. After the write timeout it is cut off.

use std::io::{self, BufReader, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rust_routines::net::{self, Shutdown, TcpStream};

use crate::commands;
use crate::reply::Replies;
use crate::request::{Request, Unread};
use crate::server::Server;

const BUFFER: usize = 16 << 10;
/// How long a refused client may take to read why, and how much of what it still sends is thrown away.
const PARTING: (Duration, usize) = (Duration::from_secs(1), 1 << 20);

pub(crate) struct Connection {
    pub(crate) server: Arc<Server>,
    pub(crate) replies: Replies<TcpStream>,
    /// Ends the connection after this command.
    pub(crate) quit: bool,
    stream: TcpStream,
    /// Commands that are not yet in `server.served`, which all connections share.
    unreported: u64,
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.flush()?;
        if self.server.is_stopping() {
            return Ok(0);
        }
        self.stream.read(buffer)
    }
}

impl Connection {
    fn new(server: Arc<Server>, stream: TcpStream) -> io::Result<Connection> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(server.write_timeout))?;
        Ok(Connection {
            replies: Replies::new(BUFFER, stream.try_clone()?),
            server,
            quit: false,
            stream,
            unreported: 0,
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.unreported > 0 {
            self.server
                .served
                .fetch_add(self.unreported, Ordering::Relaxed);
            self.unreported = 0;
        }
        self.replies.flush()
    }

    /// How many commands were executed, those of this connection included.
    pub(crate) fn served(&self) -> u64 {
        self.server.served.load(Ordering::Relaxed) + self.unreported
    }

    /// Says why the client is sent away, in a way that it gets to know: closing a socket with unread input would throw
    /// the reply away.
    fn refuse(&mut self, why: &[u8]) -> io::Result<()> {
        self.replies.error(&[b"Protocol error: ", why].concat())?;
        self.flush()?;
        self.stream.shutdown(Shutdown::Write)?;
        let (limit, mut left) = PARTING;
        self.stream.set_read_timeout(Some(limit))?;
        let mut thrown_away = [0; 4096];
        while left > 0 {
            match self.stream.read(&mut thrown_away)? {
                0 => break,
                count => left = left.saturating_sub(count),
            }
        }
        Ok(())
    }
}

/// Serves `stream` until it ends; on return it is closed.
pub(crate) fn serve(server: Arc<Server>, stream: TcpStream) {
    let peer = stream.peer_addr();
    if let Err(error) = serve_requests(server, stream) {
        // A client that goes in the middle of something is not worth a line, nor is our own stop.
        let gone = [
            ErrorKind::UnexpectedEof,
            ErrorKind::ConnectionReset,
            ErrorKind::BrokenPipe,
            ErrorKind::NotConnected,
        ];
        if !gone.contains(&error.kind()) && !net::is_closed(&error) {
            let peer = peer.map_or_else(|_| "?".to_owned(), |peer| peer.to_string());
            eprintln!("kv: {peer}: {error}; connection closed");
        }
    }
}

fn serve_requests(server: Arc<Server>, stream: TcpStream) -> io::Result<()> {
    let mut request = Request::default();
    let mut input = BufReader::with_capacity(BUFFER, Connection::new(server, stream)?);
    while !input.get_ref().quit {
        match request.read(&mut input) {
            Ok(()) => {}
            Err(Unread::Io(error)) => return Err(error),
            Err(Unread::Refused(why)) => return input.get_mut().refuse(&why),
        }
        let connection = input.get_mut();
        connection.unreported += 1;
        commands::execute(connection, &request)?;
    }
    input.get_mut().flush()
}
