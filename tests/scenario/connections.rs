//! A server with many long-lived connections: at which workers they live.
//!
//! Arguments: the number of workers, how many connections there are, how many of them come at once
//! (`all`: they stand in the backlog before the accept loop starts), and what else there is: `quiet`,
//! nothing; `busy`, a routine that computes for 2 ms at a time; `computing`, one that computes for a
//! second and does not let go; `limited`, the accept loop waits in a channel for a permit for each connection.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rust_routines::channel::{self, Receiver};
use rust_routines::net::TcpListener;
use rust_routines::routine;
use rust_routines::runtime::Runtime;
use rust_routines_tests::eventually;

fn compute(length: Duration) {
    let start = Instant::now();
    while start.elapsed() < length {
        std::hint::spin_loop();
    }
}

/// Runs `computes` on one of the workers; returns when it does.
fn beside(runtime: &Runtime, mut computes: impl FnMut() + Send + 'static) {
    let runs = Arc::new(AtomicBool::new(false));
    let is_running = runs.clone();
    runtime.spawn(move || {
        runs.store(true, Ordering::SeqCst);
        computes();
    });
    eventually("it computes", || is_running.load(Ordering::SeqCst));
}

/// Gives one permit at a time, to one who waits for it.
fn permits(runtime: &Runtime) -> Receiver<()> {
    let (gives, permits) = channel::bounded(0);
    runtime.spawn(move || while gives.send(()).is_ok() {});
    permits
}

/// The plainest of accept loops; `connected` counts those that are served.
fn serve(runtime: &Runtime, listener: TcpListener, limited: bool, connected: Arc<AtomicUsize>) {
    let permits = limited.then(|| permits(runtime));
    runtime.spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            if let Some(permits) = &permits {
                permits.recv().unwrap();
            }
            let counts = connected.clone();
            routine::spawn(move || {
                counts.fetch_add(1, Ordering::SeqCst);
                // Until the client goes.
                stream.read(&mut [0]).map(drop)
            });
        }
    });
}

/// `count` clients, one burst every `burst` milliseconds.
fn connect(at: SocketAddr, count: usize, burst: usize) -> Vec<TcpStream> {
    let mut clients = Vec::new();
    while clients.len() < count {
        // The pace at which clients come is what is tested; nothing is waited for.
        thread::sleep(Duration::from_millis(burst as u64));
        clients.extend((0..burst).map(|_| TcpStream::connect(at).unwrap()));
    }
    clients
}

pub(crate) fn main() {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let [workers, count, burst, beside_them] = &arguments[..] else {
        panic!("workers, connections, burst and what else, not {arguments:?}");
    };
    let (workers, count): (usize, usize) = (workers.parse().unwrap(), count.parse().unwrap());
    let runtime = rust_routines_tests::workers(workers);
    let over = Arc::new(AtomicBool::new(false));
    let is_over = over.clone();
    match &beside_them[..] {
        "busy" => beside(&runtime, move || {
            while !is_over.load(Ordering::SeqCst) {
                compute(Duration::from_millis(2));
                routine::yield_now();
            }
        }),
        "computing" => beside(&runtime, || compute(Duration::from_secs(1))),
        other => assert!(["quiet", "limited"].contains(&other), "{other:?}"),
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let connected = Arc::new(AtomicUsize::new(0));
    let serve = || {
        serve(
            &runtime,
            listener,
            beside_them == "limited",
            connected.clone(),
        )
    };
    let clients = if burst == "all" {
        let clients: Vec<_> = (0..count)
            .map(|_| TcpStream::connect(at).unwrap())
            .collect();
        serve();
        clients
    } else {
        serve();
        connect(at, count, burst.parse().unwrap())
    };
    eventually("all are served", || {
        connected.load(Ordering::SeqCst) == clients.len()
    });
    let live: Vec<String> = runtime
        .metrics()
        .workers
        .iter()
        .map(|worker| worker.live.to_string())
        .collect();
    println!("live={}", live.join(","));
    over.store(true, Ordering::SeqCst);
}
