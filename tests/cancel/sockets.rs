//! Sockets, and names: a routine that is cancelled at one leaves it to others as it was.
//!
//! What runs out of descriptors, counts them, or makes the resolver hang does so in a child (`scenario/points.rs`).

use std::io::{Read, Write};
use std::net::TcpListener as StdListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rust_routines::net::{TcpListener, TcpStream};
use rust_routines::routine;
use rust_routines::time::Duration;
use rust_routines_tests::process::{Running, SilentResolver, run, with_files};

use super::points::{cancelled_in, way};

#[test]
fn accept() {
    cancelled_in(|| {
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let waits = listener.clone();
        way(
            move || drop(waits.accept()),
            move || {
                let address = listener.local_addr().unwrap();
                let client = routine::spawn(move || TcpStream::connect(address));
                listener.accept().unwrap();
                client.join().unwrap().unwrap();
            },
        )
    });
}

#[test]
fn read_and_write() {
    cancelled_in(|| {
        let server = StdListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        let mut other = stream.try_clone().unwrap();
        let (mut peer, _) = server.accept().unwrap();
        let mut waits = stream;
        way(
            move || drop(waits.read(&mut [0; 8])),
            move || {
                peer.write_all(b"text").unwrap();
                let mut text = [0; 4];
                other.read_exact(&mut text).unwrap();
                assert_eq!(&text, b"text", "no byte is lost");
            },
        )
    });
    cancelled_in(|| {
        let server = StdListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        let (mut peer, _) = server.accept().unwrap();
        let written = Arc::new(AtomicUsize::new(0));
        let counts = written.clone();
        let mut waits = stream;
        way(
            move || {
                loop {
                    let n = waits.write(&[7; 1 << 16]).unwrap();
                    counts.fetch_add(n, Ordering::SeqCst);
                }
            },
            move || {
                let mut read = Vec::new();
                routine::blocking(|| peer.read_to_end(&mut read)).unwrap();
                assert_eq!(
                    read.len(),
                    written.load(Ordering::SeqCst),
                    "as much as it was told"
                );
            },
        )
    });
}

const SCENARIO: &str = env!("CARGO_BIN_EXE_scenario");

/// Without a limit and with one of its own; the socket that has not been connected is closed. A listener whose queue is
/// full answers nobody: the next connection waits.
#[test]
fn connect() {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    let socket = socket.unwrap();
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let moment = Duration::from_millis(20);
    let fill = [(); 8].map(|()| TcpStream::connect_timeout(&address, moment));
    assert!(fill.iter().any(Result::is_err), "the queue is full");
    let mut child = Command::new(SCENARIO);
    let child = child.args(["cancelled-in-a-connect", &address.to_string()]);
    assert_eq!(run(child).success().stderr, "");
}

/// For want of descriptors, while a call waits: it is there for the next.
#[test]
fn a_pause_of_accept() {
    let ended = run(with_files(64, SCENARIO).arg("cancelled-in-a-pause")).success();
    let reports: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(reports.len(), 2, "each listener has run out: {ended:#?}");
    assert!(
        reports
            .iter()
            .all(|report| report.contains("Too many open files")),
        "{ended:#?}"
    );
}

/// One is asked by a thread, one stands in the line for it; when the resolver answers, both are done with.
#[test]
fn a_lookup() {
    let resolver = SilentResolver::new(Path::new(env!("CARGO_TARGET_TMPDIR")), "cancelled");
    let mut child = Command::new(SCENARIO);
    let mut child = Running::start(resolver.asked_by(child.arg("cancelled-in-a-lookup")));
    child.wait_for_line("hung");
    resolver.answer();
    let ended = child.finish().success();
    assert_eq!(ended.stderr, "");
}
