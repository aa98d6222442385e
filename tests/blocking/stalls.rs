//! Everything at once, with workers that are kept busy and asleep at random: nothing is lost.
//!
//! For a second; `STRESS_SECONDS` says otherwise.

use std::io::{self, Read, Write};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rust_routines::channel::{self, Receiver, Sender};
use rust_routines::net::{SocketAddr, TcpListener, TcpStream};
use rust_routines::routine;
use rust_routines::runtime;
use rust_routines::select;
use rust_routines::sync::Mutex;
use rust_routines::time::{self, Duration, Instant};
use rust_routines_tests::{eventually, watched};

/// Routines that do things until the time is over.
const ACTORS: u64 = 16;

/// Things each of them does at least, so that each kind is done.
const LEAST: u64 = 50;

/// What has been done, by those who did it and by those it was done for.
#[derive(Default)]
struct Books {
    sent: AtomicU64,
    received: AtomicU64,
    children: AtomicU64,
    calls: AtomicU64,
    echoes: AtomicU64,
    locked: AtomicU64,
    under_lock: Mutex<u64>,
}

fn add(count: &AtomicU64, n: u64) {
    count.fetch_add(n, Ordering::Relaxed);
}

fn length() -> Duration {
    let seconds = std::env::var("STRESS_SECONDS").map_or(1, |text| {
        text.parse().expect("STRESS_SECONDS is a number of seconds")
    });
    Duration::from_secs(seconds)
}

/// Up to 20 ms, short ones more often.
fn stall(rng: &mut SmallRng) -> Duration {
    Duration::from_micros(rng.random_range(1..=20_000_u64) >> rng.random_range(0..8))
}

fn spin(duration: Duration) {
    let end = Instant::now() + duration;
    while Instant::now() < end {
        std::hint::spin_loop();
    }
}

/// One thing, at random.
fn act(rng: &mut SmallRng, books: &Arc<Books>, numbers: &Sender<u64>, echo: SocketAddr) {
    let stall = stall(rng);
    match rng.random_range(0..10) {
        0 => spin(stall),
        1 => thread::sleep(stall),
        2 => {
            let calls = &books.calls;
            routine::blocking(|| {
                thread::sleep(stall);
                add(calls, 1);
            });
        }
        3 => routine::sleep(stall),
        4 => {
            let of_child = books.clone();
            let child = routine::spawn(move || {
                spin(stall / 8);
                add(&of_child.children, 1);
                1
            });
            // Its own count is made where it ends; this one where it is joined.
            books
                .children
                .fetch_sub(child.join().expect("a child"), Ordering::Relaxed);
        }
        5 => {
            echo_once(echo, rng.random()).expect("an echo");
            add(&books.echoes, 1);
        }
        6 => {
            *books.under_lock.lock() += 1;
            add(&books.locked, 1);
        }
        7 => {
            let waited = time::timeout(stall, routine::park);
            assert!(waited.is_err(), "nobody unparks it");
        }
        _ => {
            let number = rng.random_range(0..1000);
            add(&books.sent, number);
            numbers.send(number).expect("there are receivers");
        }
    }
}

fn echo_once(echo: SocketAddr, message: u64) -> io::Result<()> {
    let mut stream = TcpStream::connect(echo)?;
    stream.write_all(&message.to_le_bytes())?;
    let mut answer = [0; 8];
    stream.read_exact(&mut answer)?;
    assert_eq!(u64::from_le_bytes(answer), message);
    Ok(())
}

fn receive(numbers: &Receiver<u64>, books: &Books) {
    loop {
        select! {
            number = numbers.recv() => match number {
                Ok(number) => add(&books.received, number),
                Err(_) => return,
            },
            default(Duration::from_millis(3)) => routine::yield_now(),
        }
    }
}

#[test]
fn random_stalls_lose_nothing() {
    let until = Instant::now() + length();
    // `watched` allows a minute.
    watched(move || {
        let builder = runtime::Builder::new().workers(2).blocking_threads(4);
        let runtime = builder.build().unwrap();
        let books = Arc::new(Books::default());
        let (tx, rx) = channel::bounded(8);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let echo = listener.local_addr().unwrap();
        let accepts = listener.try_clone().unwrap();
        let serving = runtime.spawn(move || {
            for stream in accepts.incoming() {
                let stream = stream.unwrap();
                routine::spawn(move || io::copy(&mut &stream, &mut &stream));
            }
        });
        let receivers: Vec<_> = (0..4)
            .map(|_| {
                let (rx, books) = (rx.clone(), books.clone());
                runtime.spawn(move || receive(&rx, &books))
            })
            .collect();
        let actors: Vec<_> = (0..ACTORS)
            .map(|seed| {
                let (tx, books) = (tx.clone(), books.clone());
                runtime.spawn(move || {
                    let mut rng = SmallRng::seed_from_u64(seed);
                    let mut acts = 0_u64;
                    while Instant::now() < until || acts < LEAST {
                        act(&mut rng, &books, &tx, echo);
                        acts += 1;
                    }
                })
            })
            .collect();
        drop((tx, rx));
        // Beside it all, processes are started from a plain thread.
        let mut processes = 0;
        while Instant::now() < until {
            assert!(Command::new("true").status().unwrap().success());
            processes += 1;
        }
        actors.into_iter().for_each(|actor| actor.join().unwrap());
        receivers
            .into_iter()
            .for_each(|receiver| receiver.join().unwrap());
        listener.close().unwrap();
        serving.join().unwrap();
        assert!(processes > 0);
        settle(&books, &runtime);
    });
}

/// Everything that was done has come.
fn settle(books: &Books, runtime: &runtime::Runtime) {
    let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
    assert_eq!(get(&books.sent), get(&books.received));
    assert_eq!(get(&books.children), 0, "each child was joined once");
    assert_eq!(get(&books.locked), *books.under_lock.lock());
    super::all_finish(runtime, get(&books.calls));
    eventually("all routines have ended", || runtime.metrics().live() == 0);
    for count in [&books.sent, &books.calls, &books.echoes, &books.locked] {
        assert!(get(count) > 0, "each kind of thing was done");
    }
}
