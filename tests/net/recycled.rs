//! Descriptors that are used again: the system gives out the lowest free number, so the next
//! connection has the number of the last one, while events of the last one are still on their way.
//!
//! Every connection has a mark of its own, and whatever is read on it has to carry that mark.

use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rust_routines::net::{self, SocketAddr, TcpListener, TcpStream};
use rust_routines::routine;
use rust_routines_tests::watched;

use super::{listen, workers};

const MARK: usize = size_of::<u64>();

/// Tells each connection its mark over and over, until it goes.
fn serve(listener: &TcpListener) {
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        routine::spawn(move || {
            let mut mark = [0; MARK];
            if stream.read_exact(&mut mark).is_err() {
                return;
            }
            let flood = mark.repeat(500);
            // It goes while there is more on its way, which the system calls by two names.
            while let Ok(()) = stream.write_all(&flood) {}
        });
    }
}

/// Calls, reads some of the flood, and goes: by dropping the socket, by closing it under a reader
/// who waits, or at once.
fn call(server: SocketAddr, mark: u64) {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.write_all(&mark.to_le_bytes()).unwrap();
    let wanted = (mark % 13) as usize * 700;
    let mut reader = stream.try_clone().unwrap();
    let mut reads = move || {
        let mut buffer = vec![0; MARK * (mark % 50 + 1) as usize];
        let mut read = 0;
        while read < wanted {
            if let Err(error) = reader.read_exact(&mut buffer) {
                assert!(net::is_closed(&error), "{error}");
                return;
            }
            for carried in buffer.chunks(MARK) {
                let carried = u64::from_le_bytes(carried.try_into().unwrap());
                assert_eq!(carried, mark, "another one's bytes");
            }
            read += buffer.len();
        }
    };
    if mark.is_multiple_of(3) {
        let reads = routine::spawn(reads);
        (0..mark % 5).for_each(|_| routine::yield_now());
        stream.close().unwrap();
        reads.join().unwrap();
    } else {
        reads();
    }
}

#[test]
fn no_byte_reaches_the_wrong_connection() {
    const ALL: u64 = 4000;
    watched(|| {
        for n in [1, 4] {
            let runtime = workers(n);
            let listener = listen();
            let at = listener.local_addr().unwrap();
            let serves = {
                let listener = listener.try_clone().unwrap();
                runtime.spawn(move || serve(&listener))
            };
            let next = Arc::new(AtomicU64::new(1));
            let callers: Vec<_> = (0..16)
                .map(|_| {
                    let next = next.clone();
                    runtime.spawn(move || {
                        loop {
                            let mark = next.fetch_add(1, Ordering::SeqCst);
                            if mark > ALL {
                                return;
                            }
                            call(at, mark);
                        }
                    })
                })
                .collect();
            for caller in callers {
                caller.join().unwrap();
            }
            listener.close().unwrap();
            serves.join().unwrap();
        }
    });
}

/// A reader waits on a fresh connection; events of old ones under the same number must not end its
/// wait with anything, nor lose the edge that does.
#[test]
fn no_event_is_taken_for_another_connections() {
    watched(|| {
        let runtime = workers(2);
        let over = Arc::new(AtomicBool::new(false));
        let is_over = over.clone();
        // Churns through numbers, with data and ends in flight.
        let churns = runtime.spawn(move || {
            let listener = listen();
            let at = listener.local_addr().unwrap();
            while !is_over.load(Ordering::SeqCst) {
                let mut client = TcpStream::connect(at).unwrap();
                let (server, _) = listener.accept().unwrap();
                let reader = server.try_clone().unwrap();
                let reads = routine::spawn(move || (&reader).read(&mut [0; 100]).map(drop));
                routine::yield_now();
                client.write_all(b"in flight").unwrap();
                drop(client);
                match server.close() {
                    Ok(()) => {}
                    Err(error) => panic!("{error}"),
                }
                if let Err(error) = reads.join().unwrap() {
                    assert!(
                        net::is_closed(&error) || error.kind() == ErrorKind::ConnectionReset,
                        "{error}"
                    );
                }
            }
        });
        let listener = listen();
        let at = listener.local_addr().unwrap();
        for n in 0..1500_u64 {
            let mut client = TcpStream::connect(at).unwrap();
            let (mut server, _) = listener.accept().unwrap();
            let reads = runtime.spawn(move || {
                let mut all = Vec::new();
                server.read_to_end(&mut all).unwrap();
                all
            });
            client.write_all(&n.to_le_bytes()).unwrap();
            drop(client);
            assert_eq!(reads.join().unwrap(), n.to_le_bytes());
        }
        over.store(true, Ordering::SeqCst);
        churns.join().unwrap();
    });
}
