//! Round trips on many connections from one thread: an event loop, so that the client costs as little as a client can and
//! leaves the CPUs to the server.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::proc;
use crate::sample::Sample;
use crate::sides::echo::{MESSAGE, message, rate, share};

/// One connection and the round trip it is in.
struct Connection {
    stream: TcpStream,
    /// Round trips still to start.
    left: u64,
    sent: Instant,
    message: [u8; MESSAGE],
    answer: [u8; MESSAGE],
    /// So much of the answer is there.
    got: usize,
}

/// `n` round trips over so many connections, after a tenth as warm-up.
pub(super) fn run(to: SocketAddr, connections: u64, n: u64) -> io::Result<Sample> {
    let (share, warm_up) = share(n, connections);
    let mut poll = Poll::new()?;
    let mut all = Vec::with_capacity(connections as usize);
    for i in 0..connections as usize {
        all.push(Connection::open(to, &poll, Token(i))?);
    }
    drop(phase(&mut poll, &mut all, warm_up)?);
    let start = Instant::now();
    let latencies = phase(&mut poll, &mut all, share)?;
    let sample = rate(start.elapsed(), latencies);
    let all = ((share + warm_up) * connections) as f64;
    Ok(sample
        .with("round_trips_with_warm_up", all)
        .with("client_ns", proc::cpu_time().as_nanos() as f64 / all))
}

/// `share` round trips on each connection, all at once; gives the latencies.
fn phase(poll: &mut Poll, all: &mut [Connection], share: u64) -> io::Result<Vec<u64>> {
    let mut latencies = Vec::with_capacity(all.len() * share as usize);
    let mut running = all.len();
    for connection in &mut *all {
        connection.left = share;
        connection.send()?;
    }
    let mut events = Events::with_capacity(1024);
    while running > 0 {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            result => result?,
        }
        for event in &events {
            let connection = &mut all[event.token().0];
            let Some(took) = connection.receive()? else {
                continue;
            };
            latencies.push(took);
            if connection.left > 0 {
                connection.send()?;
            } else {
                running -= 1;
            }
        }
    }
    Ok(latencies)
}

impl Connection {
    fn open(to: SocketAddr, poll: &Poll, token: Token) -> io::Result<Self> {
        let stream = std::net::TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry()
            .register(&mut stream, token, Interest::READABLE)?;
        Ok(Self {
            stream,
            left: 0,
            sent: Instant::now(),
            message: [0; MESSAGE],
            answer: [0; MESSAGE],
            got: MESSAGE,
        })
    }

    /// Starts a round trip. So few bytes always fit: nothing else is under way.
    fn send(&mut self) -> io::Result<()> {
        self.message = message(self.left);
        self.left -= 1;
        self.got = 0;
        self.sent = Instant::now();
        self.stream.write_all(&self.message)
    }

    /// Takes what has come, if an answer is awaited; the time of the round trip if that was the last of it.
    ///
    /// Edge-triggered polling wants a read until there is nothing more. A complete answer is that: what comes next comes
    /// after the next message, with an edge of its own.
    fn receive(&mut self) -> io::Result<Option<u64>> {
        if self.got == MESSAGE {
            return Ok(None);
        }
        while self.got < MESSAGE {
            match self.stream.read(&mut self.answer[self.got..]) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => self.got += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.answer != self.message {
            return Err(io::Error::other("the echo is not what was sent"));
        }
        let took = self.sent.elapsed().as_nanos();
        Ok(Some(u64::try_from(took).unwrap_or(u64::MAX)))
    }
}
