//! Runtimes end while a routine makes socket calls none of which has to wait: it never parks, so the end
//! has to reach it at a call.
//!
//! What it calls for is there because the routine itself has sent it just before, through a socket of
//! std: a flood from elsewhere has gaps now and then, and a routine that waits in one of them is found.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rust_routines::routine::JoinError;
use rust_routines::time::Duration;
use rust_routines_tests::{eventually, watched};

use super::{listen, pair_with_std, workers};

/// Shuts a runtime down in which `call` is made over and over.
#[track_caller]
fn shut_down_while(n: usize, mut call: impl FnMut() + Send + 'static) {
    let runtime = workers(n);
    let calls = Arc::new(AtomicUsize::new(0));
    let counts = calls.clone();
    let goes_on = runtime.spawn(move || {
        loop {
            call();
            counts.fetch_add(1, Ordering::SeqCst);
        }
    });
    eventually("it calls", || calls.load(Ordering::SeqCst) > 100);
    let ended = runtime.shutdown(Duration::from_secs(5));
    ended.expect("the end reaches it");
    let cancelled: Result<(), JoinError> = goes_on.join();
    assert!(matches!(cancelled, Err(JoinError::Cancelled)));
}

#[test]
fn a_reader_for_whom_there_is_always_something() {
    watched(|| {
        for n in [1, 2] {
            let (mut server, mut client) = pair_with_std();
            // More than is asked for, so that no call finds the last of it.
            client.write_all(&[7; 10]).unwrap();
            shut_down_while(n, move || {
                client.write_all(b"x").unwrap();
                assert_eq!(server.read(&mut [0]).unwrap(), 1);
            });
        }
    });
}

#[test]
fn a_writer_to_one_who_reads_at_once() {
    watched(|| {
        for n in [1, 2] {
            let (mut server, mut client) = pair_with_std();
            shut_down_while(n, move || {
                assert_eq!(server.write(b"x").unwrap(), 1);
                assert_eq!(client.read(&mut [0]).unwrap(), 1);
            });
        }
    });
}

#[test]
fn an_accept_loop_to_which_somebody_always_comes() {
    watched(|| {
        for n in [1, 2] {
            let listener = listen();
            let at = listener.local_addr().unwrap();
            // One who waits, so that the queue is not empty even while the next one arrives.
            let waits = std::net::TcpStream::connect(at).unwrap();
            shut_down_while(n, move || {
                let client = std::net::TcpStream::connect(at).unwrap();
                drop(listener.accept().unwrap());
                drop(client);
            });
            drop(waits);
        }
    });
}
