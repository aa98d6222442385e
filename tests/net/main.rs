//! Sockets: one file for each part of the vocabulary, each test for routines, plain threads and both.
//!
//! All of it on the loopback interface, so it needs no network. Whoever has to be blocked before the
//! test goes on is known to be (`waiters.rs`); what counts descriptors of the process or uses them up
//! runs in children (`limits.rs`).
#![forbid(unsafe_code)]

mod always;
mod bind;
mod close;
mod drained;
mod echo;
mod ends;
mod fair;
mod late;
mod limits;
mod lives;
mod lookup;
mod recycled;
mod stream;
mod timeout;
mod transfer;
mod waiters;

use std::fmt::Debug;
use std::io::{self, ErrorKind, Write};

use rust_routines::net::{self, TcpListener, TcpStream};
use rust_routines::runtime::Runtime;
use rust_routines::time::Duration;
use rust_routines_tests::sides::{BOTH, On, PAIRS, Side, start};
use socket2::SockRef;

fn workers(n: usize) -> Runtime {
    rust_routines_tests::workers(n)
}

/// A listener at a port that was free.
fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// The two ends of a connection.
fn pair() -> (TcpStream, TcpStream) {
    pair_at(&listen())
}

/// The two ends of a connection through `listener`, where nobody else connects.
fn pair_at(listener: &TcpListener) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, from) = listener.accept().unwrap();
    assert_eq!(from, client.local_addr().unwrap());
    (client, server)
}

/// One end ours, the other std's.
fn pair_with_std() -> (TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (ours, listener.accept().unwrap().0)
}

/// A connection with buffers as small as the system allows, so that a write soon has to wait.
fn narrow_pair() -> (TcpStream, TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    // What is accepted inherits it, early enough for the window to be that small.
    SockRef::from(&listener).set_recv_buffer_size(4096).unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    let [client, server] = [client, server].map(|stream| {
        SockRef::from(&stream).set_send_buffer_size(4096).unwrap();
        TcpStream::from_std(stream).unwrap()
    });
    (client, server)
}

/// Writes until there is no room, not even for a byte; the number of bytes.
///
/// The system asks the other side again and again, and may find room for a few more bytes later: who
/// has to wait for ever uses [`write_on`].
fn fill(mut stream: &TcpStream) -> usize {
    stream
        .set_write_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    let mut written = 0;
    for chunk in [&[0; 65_536][..], &[0]] {
        let error = loop {
            match stream.write(chunk) {
                Ok(n) => written += n,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    }
    stream.set_write_timeout(None).unwrap();
    written
}

/// Writes until that fails.
fn write_on(mut stream: &TcpStream) -> io::Error {
    loop {
        if let Err(error) = stream.write(&[0; 10]) {
            return error;
        }
    }
}

/// The error that everything gives after `close`, in Go's words.
#[track_caller]
fn assert_closed<T: Debug>(result: io::Result<T>) {
    let error = result.expect_err("it is closed");
    assert!(net::is_closed(&error), "{error:?}");
    let words = "use of closed network connection";
    assert!(error.to_string().contains(words), "{error}");
}
