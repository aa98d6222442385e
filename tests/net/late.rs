//! Calls with a time-out at a worker that is late: its other routines run for longer than the time-out
//! at a time.
//!
//! Then a timer is due whenever the worker looks, and it has not asked about sockets since before. What
//! came in time is given nevertheless: a server that drops quiet clients must not drop busy ones.

use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rust_routines::net::TcpStream;
use rust_routines::routine;
use rust_routines::time::Duration;
use rust_routines_tests::wait::spin_until;
use rust_routines_tests::watched;

use super::workers;

const TIMEOUT: Duration = Duration::from_millis(1);
/// For how long others run.
const SLICE: Duration = Duration::from_millis(3);
const ROUNDS: u8 = 30;

/// Neither parks nor yields.
fn compute(length: Duration) {
    let start = Instant::now();
    while start.elapsed() < length {
        std::hint::spin_loop();
    }
}

/// One end for reads that time out, the same end as std sees it, and the other end.
fn ends() -> (TcpStream, std::net::TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let other = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    other.set_nodelay(true).unwrap();
    let (server, _) = listener.accept().unwrap();
    let same = server.try_clone().unwrap();
    let server = TcpStream::from_std(server).unwrap();
    server.set_read_timeout(Some(TIMEOUT)).unwrap();
    (server, same, other)
}

/// Returns when something has arrived at `same`, without going through the runtime.
fn spin_until_arrived(same: &std::net::TcpStream) {
    spin_until("it has arrived", || same.peek(&mut [0]).is_ok());
}

/// Whatever the read before has found: nothing, less than it asked for, or all that it asked for.
#[test]
fn what_was_there_before_the_call_is_given() {
    watched(|| {
        for asked in [0, 4, 1] {
            let runtime = workers(1);
            let over = Arc::new(AtomicBool::new(false));
            let is_over = over.clone();
            let mate = runtime.spawn(move || {
                while !is_over.load(Ordering::SeqCst) {
                    compute(SLICE);
                    routine::yield_now();
                }
            });
            let reads = runtime.spawn(move || {
                let (mut server, same, mut other) = ends();
                for round in 0..ROUNDS {
                    // So that a poller watches it.
                    let error = server.read(&mut [0; 4]).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::TimedOut);
                    if asked > 0 {
                        other.write_all(b"!").unwrap();
                        spin_until_arrived(&same);
                        assert_eq!(server.read(&mut vec![0; asked]).unwrap(), 1);
                    }
                    other.write_all(&[round]).unwrap();
                    spin_until_arrived(&same);
                    let mut byte = [0; 4];
                    let read = server.read(&mut byte);
                    assert_eq!(read.expect("it was there before"), 1, "round {round}");
                    assert_eq!(byte[0], round);
                }
            });
            reads.join().unwrap();
            over.store(true, Ordering::SeqCst);
            mate.join().unwrap();
        }
    });
}

/// The one who writes keeps the worker until long after the time is up.
#[test]
fn what_comes_in_time_is_given_although_nobody_has_looked() {
    watched(|| {
        let runtime = workers(1);
        runtime.run(|| {
            let (mut server, same, mut other) = ends();
            for round in 0..ROUNDS {
                let waits = Arc::new(AtomicBool::new(false));
                let is_waiting = waits.clone();
                let mut of_reader = server.try_clone().unwrap();
                let reads = routine::spawn(move || {
                    waits.store(true, Ordering::SeqCst);
                    let mut byte = [0; 4];
                    of_reader.read(&mut byte).map(|n| (n, byte[0]))
                });
                while !is_waiting.load(Ordering::SeqCst) {
                    routine::yield_now();
                }
                other.write_all(&[round]).unwrap();
                spin_until_arrived(&same);
                compute(SLICE);
                let read = reads.join().unwrap();
                assert_eq!(read.expect("it came in time"), (1, round));
            }
            // It is still one that times out.
            let error = server.read(&mut [0]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
        });
    });
}
