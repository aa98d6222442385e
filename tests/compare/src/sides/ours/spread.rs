//! Where connections live: a thousand of them that stay, and how many each worker has in the end.
//!
//! They come one each millisecond, and in bursts of fifty; to two workers and to four; and the same with a routine that
//! computes all the time, two milliseconds a turn, so that its worker is always late. What counts is the largest worker's
//! number divided by the fair one. The clients are a plain thread's blocking sockets.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rust_routines::net::TcpListener;
use rust_routines::routine;
use rust_routines::runtime::{Builder, Runtime};

use super::echo;
use crate::sample::Sample;
use crate::sides::echo::{MESSAGE, message};
use crate::sides::work::compute;

/// One way for connections to come.
pub(crate) struct Case {
    /// The start of its figures' names.
    pub(crate) name: &'static str,
    /// What it is, for the plot.
    pub(crate) about: &'static str,
    /// Workers of the runtime.
    pub(crate) workers: usize,
    /// So many come at once, one for each millisecond that has passed.
    burst: u64,
    /// Whether one worker computes all the time.
    busy: bool,
}

/// All of them.
pub(crate) static CASES: [Case; 8] = [
    case("w2_each_ms", "2 workers, one per ms", 2, 1, false),
    case("w2_bursts", "2 workers, bursts of 50", 2, 50, false),
    case(
        "w2_each_ms_busy",
        "2 workers, one per ms, one worker busy",
        2,
        1,
        true,
    ),
    case(
        "w2_bursts_busy",
        "2 workers, bursts of 50, one worker busy",
        2,
        50,
        true,
    ),
    case("w4_each_ms", "4 workers, one per ms", 4, 1, false),
    case("w4_bursts", "4 workers, bursts of 50", 4, 50, false),
    case(
        "w4_each_ms_busy",
        "4 workers, one per ms, one worker busy",
        4,
        1,
        true,
    ),
    case(
        "w4_bursts_busy",
        "4 workers, bursts of 50, one worker busy",
        4,
        50,
        true,
    ),
];

const fn case(
    name: &'static str,
    about: &'static str,
    workers: usize,
    burst: u64,
    busy: bool,
) -> Case {
    Case {
        name,
        about,
        workers,
        burst,
        busy,
    }
}

/// Some 2 ms of computation.
const TURN_STEPS: u64 = 1_000_000;

/// `n` connections in each case. The figure is the worst case's; each case's own and its workers' numbers stand beside it.
pub(crate) fn run(n: u64) -> Sample {
    let mut sample = Sample::of(0.0);
    for case in &CASES {
        let counts = case.run(n).expect("connections over loopback");
        let fair = n as f64 / case.workers as f64;
        let most = counts.iter().copied().fold(0.0, f64::max) / fair;
        sample.value = sample.value.max(most);
        sample = sample.with(case.name, most);
        for (i, count) in counts.into_iter().enumerate() {
            sample = sample.with(&case.count(i), count);
        }
    }
    sample
}

impl Case {
    /// The name of the figure that is worker `i`'s number of connections.
    pub(crate) fn count(&self, i: usize) -> String {
        format!("{} worker {i}", self.name)
    }

    fn run(&self, n: u64) -> io::Result<Vec<f64>> {
        let runtime = Builder::new().workers(self.workers).build()?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let accepting = listener.try_clone()?;
        let server = runtime.spawn(move || echo::serve(&accepting));
        let stop = Arc::new(AtomicBool::new(false));
        let hog = self.busy.then(|| runtime.spawn(hog(stop.clone())));
        // The accept loop is where it will be once one connection has come and gone.
        drop(open(address, 1)?);
        let before = settled(&runtime, 1 + u64::from(self.busy));
        let connections = self.open_all(address, n)?;
        let counts = live(&runtime);
        drop(connections);
        stop.store(true, Ordering::Relaxed);
        listener.close()?;
        server.join().expect("the server ends without a panic");
        if let Some(hog) = hog {
            std::hint::black_box(hog.join().expect("a routine that only computes"));
        }
        Ok(counts
            .into_iter()
            .zip(before)
            .map(|(after, before)| after - before)
            .collect())
    }

    fn open_all(&self, address: SocketAddr, n: u64) -> io::Result<Vec<TcpStream>> {
        let mut all = Vec::with_capacity(n as usize);
        while (all.len() as u64) < n {
            let burst = self.burst.min(n - all.len() as u64);
            all.extend(open(address, burst)?);
            // The pace of the arrivals is the work here.
            thread::sleep(Duration::from_millis(burst));
        }
        Ok(all)
    }
}

/// Connections that come at once; each is used, so that its routine has started when this returns.
fn open(address: SocketAddr, count: u64) -> io::Result<Vec<TcpStream>> {
    let streams = (0..count).map(|_| TcpStream::connect(address));
    let mut streams = streams.collect::<io::Result<Vec<_>>>()?;
    for (stream, i) in streams.iter_mut().zip(0..) {
        stream.write_all(&message(i))?;
    }
    for stream in &mut streams {
        stream.read_exact(&mut [0; MESSAGE])?;
    }
    Ok(streams)
}

fn hog(stop: Arc<AtomicBool>) -> impl FnOnce() -> u64 + Send {
    move || {
        let mut x = 1;
        while !stop.load(Ordering::Relaxed) {
            x = compute(x, TURN_STEPS);
            routine::yield_now();
        }
        x
    }
}

fn live(runtime: &Runtime) -> Vec<f64> {
    let workers = runtime.metrics().workers;
    workers.iter().map(|worker| worker.live as f64).collect()
}

/// The workers' live routines once there are no more than `others` in all: connections that went have ended.
fn settled(runtime: &Runtime, others: u64) -> Vec<f64> {
    loop {
        let live = live(runtime);
        if live.iter().sum::<f64>() <= others as f64 {
            return live;
        }
        thread::yield_now();
    }
}
