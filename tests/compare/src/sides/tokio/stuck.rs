//! TCP echo between tasks that are started while another one keeps a worker to itself.

use std::io;
use std::thread;
use std::time::Instant;

use ::tokio::io::{AsyncReadExt, AsyncWriteExt};
use ::tokio::net::{TcpListener, TcpStream};
use ::tokio::runtime::{Builder, Runtime};
use ::tokio::task::JoinHandle;

use super::echo::echo_back;
use crate::sample::Sample;
use crate::sides::echo::{MESSAGE, message};
use crate::sides::stuck::{EVERY, Hog, TRIPS, begin, sample};
use crate::sides::work::nanos_since;

/// Beside `n` computations, one after the other.
pub(crate) fn computing(n: u64) -> Sample {
    sample(
        latencies(Hog::Computes, n, 2),
        latencies(Hog::Computes, n, 1),
    )
}

/// Beside `n` system calls.
pub(crate) fn in_a_call(n: u64) -> Sample {
    sample(latencies(Hog::Sleeps, n, 2), latencies(Hog::Sleeps, n, 1))
}

fn latencies(hog: Hog, n: u64, workers: usize) -> Vec<u64> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .expect("threads for the workers");
    let warm = runtime.block_on(start_pair(&runtime));
    drop(warm.expect("the echo works"));
    let mut all = Vec::new();
    for _ in 0..n {
        let stuck = begin(|begun| runtime.spawn(async move { hog.keep(&begun) }));
        let pairs: Vec<_> = (0..hog.pairs())
            .map(|_| {
                thread::sleep(EVERY);
                start_pair(&runtime)
            })
            .collect();
        for pair in pairs {
            all.extend(runtime.block_on(pair).expect("the echo works"));
        }
        runtime.block_on(stuck).expect("it does not panic");
    }
    all
}

/// A client that starts its server.
fn start_pair(runtime: &Runtime) -> JoinHandle<Vec<u64>> {
    let start = Instant::now();
    runtime.spawn(async move { trips(start).await.expect("the loopback interface") })
}

async fn trips(start: Instant) -> io::Result<Vec<u64>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let at = listener.local_addr()?;
    let server = ::tokio::spawn(async move { echo_back(listener.accept().await?.0).await });
    let mut stream = TcpStream::connect(at).await?;
    stream.set_nodelay(true)?;
    let mut sent = start;
    let mut latencies = Vec::new();
    for round in 0..TRIPS {
        let (message, mut answer) = (message(round), [0; MESSAGE]);
        stream.write_all(&message).await?;
        stream.read_exact(&mut answer).await?;
        latencies.push(nanos_since(sent));
        assert_eq!(answer, message, "the echo is what was sent");
        sent = Instant::now();
    }
    drop(stream);
    server.await.expect("it does not panic")?;
    Ok(latencies)
}
