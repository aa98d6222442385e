//! TCP echo: a task per connection on either side.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use ::tokio::io::{AsyncReadExt, AsyncWriteExt};
use ::tokio::net::{TcpListener, TcpStream};
use ::tokio::sync::Notify;

use super::count::Count;
use crate::sample::Sample;
use crate::sides::echo::{BUFFER, MESSAGE, message, rate, share};
use crate::sides::work::nanos_since;

/// One connection.
pub(crate) fn one(n: u64) -> Sample {
    super::run(in_one_process(n, 1))
}

/// A hundred.
pub(crate) fn hundred(n: u64) -> Sample {
    super::run(in_one_process(n, 100))
}

/// A thousand.
pub(crate) fn thousand(n: u64) -> Sample {
    super::run(in_one_process(n, 1000))
}

/// A server of its own, on a runtime that is not dropped: it serves until the process ends.
pub(crate) fn start() -> io::Result<SocketAddr> {
    let runtime = Box::leak(Box::new(super::runtime()));
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    runtime.spawn(serve(listener));
    Ok(address)
}

/// Echoes on each connection, for good.
async fn serve(listener: TcpListener) {
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        ::tokio::spawn(async move {
            if let Err(error) = echo_back(stream).await {
                eprintln!("echo: {error}");
            }
        });
    }
}

pub(super) async fn echo_back(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; BUFFER];
    loop {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..n]).await?;
    }
}

static READY: Count = Count::new();
static DONE: Count = Count::new();

async fn in_one_process(n: u64, connections: u64) -> Sample {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let server = ::tokio::spawn(serve(listener));
    let (share, warm_up) = share(n, connections);
    let gate = Arc::new(Notify::new());
    READY.set(connections);
    DONE.set(connections);
    let clients: Vec<_> = (0..connections)
        .map(|_| ::tokio::spawn(client(address, warm_up, share, gate.clone())))
        .collect();
    READY.wait().await;
    let start = Instant::now();
    gate.notify_waiters();
    DONE.wait().await;
    let elapsed = start.elapsed();
    let mut latencies = Vec::with_capacity((share * connections) as usize);
    for client in clients {
        latencies.extend(client.await.expect("a client ends without a panic"));
    }
    server.abort();
    rate(elapsed, latencies)
}

async fn client(address: SocketAddr, warm_up: u64, share: u64, gate: Arc<Notify>) -> Vec<u64> {
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server accepts");
    stream.set_nodelay(true).expect("a socket option");
    round_trips(&mut stream, warm_up)
        .await
        .expect("the server echoes");
    // Made before it is counted: it is told even if the gate opens before it is first polled.
    let opened = gate.notified();
    READY.down();
    opened.await;
    let latencies = round_trips(&mut stream, share)
        .await
        .expect("the server echoes");
    DONE.down();
    latencies
}

async fn round_trips(stream: &mut TcpStream, n: u64) -> io::Result<Vec<u64>> {
    let mut latencies = Vec::with_capacity(n as usize);
    let mut answer = [0; MESSAGE];
    for round in 0..n {
        let message = message(round);
        let sent = Instant::now();
        stream.write_all(&message).await?;
        stream.read_exact(&mut answer).await?;
        latencies.push(nanos_since(sent));
        assert_eq!(answer, message, "the echo is what was sent");
    }
    Ok(latencies)
}
