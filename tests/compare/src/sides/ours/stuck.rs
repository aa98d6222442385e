//! TCP echo between routines that are started while another one keeps a worker to itself.

use std::io::{self, Read, Write};
use std::thread;
use std::time::Instant;

use rust_routines::net::{TcpListener, TcpStream};
use rust_routines::routine::{self, JoinHandle};
use rust_routines::runtime::{Builder, Runtime};

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
    let runtime = Builder::new().workers(workers).build();
    let runtime = runtime.expect("threads for the workers");
    let warm = start_pair(&runtime).join();
    drop(warm.expect("the echo works"));
    let mut all = Vec::new();
    for _ in 0..n {
        let stuck = begin(|begun| runtime.spawn(move || hog.keep(&begun)));
        let pairs: Vec<_> = (0..hog.pairs())
            .map(|_| {
                thread::sleep(EVERY);
                start_pair(&runtime)
            })
            .collect();
        for pair in pairs {
            all.extend(pair.join().expect("the echo works"));
        }
        stuck.join().expect("it does not panic");
    }
    all
}

/// A client that starts its server.
fn start_pair(runtime: &Runtime) -> JoinHandle<Vec<u64>> {
    let start = Instant::now();
    runtime.spawn(move || trips(start).expect("the loopback interface"))
}

fn trips(start: Instant) -> io::Result<Vec<u64>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let at = listener.local_addr()?;
    let server = routine::spawn(move || echo_back(listener.accept()?.0));
    let mut stream = TcpStream::connect(at)?;
    stream.set_nodelay(true)?;
    let mut sent = start;
    let mut latencies = Vec::new();
    for round in 0..TRIPS {
        let (message, mut answer) = (message(round), [0; MESSAGE]);
        stream.write_all(&message)?;
        stream.read_exact(&mut answer)?;
        latencies.push(nanos_since(sent));
        assert_eq!(answer, message, "the echo is what was sent");
        sent = Instant::now();
    }
    drop(stream);
    server.join().expect("it does not panic")?;
    Ok(latencies)
}
