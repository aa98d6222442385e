//! A server with a thousand long-lived connections: at which workers they live.
//!
//! Arguments: the number of workers, how many connections come at once, and `busy` if one worker is
//! kept busy by a routine that computes for 2 ms at a time.

use std::io::Read;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rust_routines::net::TcpListener;
use rust_routines::{routine, runtime};
use rust_routines_tests::eventually;

const ALL: usize = 1000;

pub(crate) fn main() {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let [workers, burst, busy] = &arguments[..] else {
        panic!("workers, burst and `busy` or `quiet`, not {arguments:?}");
    };
    let (workers, burst): (usize, usize) = (workers.parse().unwrap(), burst.parse().unwrap());
    let runtime = runtime::Builder::new().workers(workers).build().unwrap();
    let over = Arc::new(AtomicBool::new(false));
    if busy == "busy" {
        let over = over.clone();
        runtime.spawn(move || {
            while !over.load(Ordering::SeqCst) {
                let start = Instant::now();
                while start.elapsed() < Duration::from_millis(2) {
                    std::hint::spin_loop();
                }
                routine::yield_now();
            }
        });
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let connected = Arc::new(AtomicUsize::new(0));
    let counts = connected.clone();
    runtime.spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let counts = counts.clone();
            routine::spawn(move || {
                counts.fetch_add(1, Ordering::SeqCst);
                // Until the client goes.
                stream.read(&mut [0]).map(drop)
            });
        }
    });
    let mut clients = Vec::new();
    while clients.len() < ALL {
        // The pace at which clients come is what is tested; nothing is waited for.
        thread::sleep(Duration::from_millis(burst as u64));
        clients.extend((0..burst).map(|_| TcpStream::connect(at).unwrap()));
    }
    eventually("all are served", || connected.load(Ordering::SeqCst) == ALL);
    let live: Vec<String> = runtime
        .metrics()
        .workers
        .iter()
        .map(|worker| worker.live.to_string())
        .collect();
    println!("live={}", live.join(","));
    over.store(true, Ordering::SeqCst);
}
