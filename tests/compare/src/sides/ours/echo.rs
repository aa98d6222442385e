//! TCP echo: a routine per connection on either side, with blocking reads and writes.

use std::io::{self, Read, Write};
use std::time::Instant;

use rust_routines::channel::{self, Receiver};
use rust_routines::net::{SocketAddr, TcpListener, TcpStream};
use rust_routines::routine::{self, Builder, Place};
use rust_routines::sync::WaitGroup;

use crate::sample::Sample;
use crate::sides::echo::{BUFFER, MESSAGE, message, rate, share};
use crate::sides::work::nanos_since;

/// One connection.
pub(crate) fn one(n: u64) -> Sample {
    super::run(|| in_one_process(n, 1))
}

/// A hundred.
pub(crate) fn hundred(n: u64) -> Sample {
    super::run(|| in_one_process(n, 100))
}

/// A thousand.
pub(crate) fn thousand(n: u64) -> Sample {
    super::run(|| in_one_process(n, 1000))
}

/// A server of its own, on a runtime that is not dropped: it serves until the process ends.
pub(crate) fn start() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    Box::leak(Box::new(super::runtime())).spawn(move || serve(&listener));
    Ok(address)
}

/// Echoes on each connection until the listener is closed, which is the one error that `accept` has.
pub(super) fn serve(listener: &TcpListener) {
    while let Ok((stream, _)) = listener.accept() {
        routine::spawn(move || {
            if let Err(error) = echo_back(stream) {
                eprintln!("echo: {error}");
            }
        });
    }
}

pub(super) fn echo_back(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; BUFFER];
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..n])?;
    }
}

static READY: WaitGroup = WaitGroup::new();
static DONE: WaitGroup = WaitGroup::new();

fn in_one_process(n: u64, connections: u64) -> Sample {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let accepting = listener.try_clone().expect("a second handle");
    let server = routine::spawn(move || serve(&accepting));
    let (share, warm_up) = share(n, connections);
    let (gate, opened) = channel::bounded::<()>(0);
    READY.add(connections as isize);
    DONE.add(connections as isize);
    let clients: Vec<_> = (0..connections)
        .map(|_| {
            let opened = opened.clone();
            let client = move || client(address, warm_up, share, &opened);
            let builder = Builder::new().place(Place::Spread);
            builder.spawn(client).expect("a stack for one routine")
        })
        .collect();
    READY.wait();
    let start = Instant::now();
    drop(gate);
    DONE.wait();
    let elapsed = start.elapsed();
    let latencies = clients
        .into_iter()
        .flat_map(|client| client.join().expect("a client ends without a panic"))
        .collect();
    listener.close().expect("it is open");
    server.join().expect("the server ends without a panic");
    rate(elapsed, latencies)
}

fn client(address: SocketAddr, warm_up: u64, share: u64, opened: &Receiver<()>) -> Vec<u64> {
    let mut stream = TcpStream::connect(address).expect("the server accepts");
    stream.set_nodelay(true).expect("a socket option");
    round_trips(&mut stream, warm_up).expect("the server echoes");
    READY.done();
    opened
        .recv()
        .expect_err("nothing is sent, the gate opens by being dropped");
    let latencies = round_trips(&mut stream, share).expect("the server echoes");
    DONE.done();
    latencies
}

fn round_trips(stream: &mut TcpStream, n: u64) -> io::Result<Vec<u64>> {
    let mut latencies = Vec::with_capacity(n as usize);
    let mut answer = [0; MESSAGE];
    for round in 0..n {
        let message = message(round);
        let sent = Instant::now();
        stream.write_all(&message)?;
        stream.read_exact(&mut answer)?;
        latencies.push(nanos_since(sent));
        assert_eq!(answer, message, "the echo is what was sent");
    }
    Ok(latencies)
}
