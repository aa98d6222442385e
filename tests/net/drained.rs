//! Calls that give less than they were asked for although there is more.
//!
//! An edge-triggered poller tells about changes only. Whoever takes a short read for an empty socket, or a
//! short write for a full one, waits for a change that does not come; these are the ways to be fooled.

use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};

use rust_routines::net::TcpStream;
use rust_routines::time::Duration;
use rust_routines_tests::watched;
use socket2::SockRef;

use super::{BOTH, pair, pair_with_std, start, workers};

/// More than the system takes in one call.
const SLICES: usize = 3000;

/// So that a poller watches it and has told what was to be told.
fn wait_once(mut stream: &TcpStream) {
    let limit = Some(Duration::from_millis(1));
    stream.set_read_timeout(limit).unwrap();
    for _ in 0..2 {
        let error = stream.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
    stream.set_read_timeout(None).unwrap();
}

#[test]
fn more_slices_to_write_than_the_system_takes() {
    watched(|| {
        let runtime = workers(1);
        for on in BOTH {
            let writes = start(&runtime, on, || {
                let (mut client, mut server) = pair();
                wait_once(&client);
                for _ in 0..5 {
                    let byte = [7];
                    let slices = vec![IoSlice::new(&byte); SLICES];
                    let mut left = &slices[..];
                    while !left.is_empty() {
                        let n = client.write_vectored(left).unwrap();
                        left = &left[n..];
                    }
                    let mut read = vec![0; SLICES];
                    server.read_exact(&mut read).unwrap();
                }
            });
            writes.join();
        }
    });
}

#[test]
fn more_slices_to_read_into_than_the_system_takes() {
    watched(|| {
        let runtime = workers(1);
        for on in BOTH {
            let reads = start(&runtime, on, || {
                let (mut client, mut server) = pair();
                wait_once(&server);
                for _ in 0..5 {
                    client.write_all(&[7; SLICES]).unwrap();
                    // All of it is there: it was one write, and the loopback does not lose any.
                    while server.peek(&mut [0; SLICES]).unwrap() < SLICES {}
                    let mut read = 0;
                    while read < SLICES {
                        let mut bytes = vec![0; SLICES];
                        let mut slices: Vec<_> = bytes.chunks_mut(1).map(IoSliceMut::new).collect();
                        read += server.read_vectored(&mut slices).unwrap();
                    }
                    assert_eq!(read, SLICES);
                }
            });
            reads.join();
        }
    });
}

/// A read stops at urgent data, and what follows is there already.
#[test]
fn urgent_data_in_between() {
    watched(|| {
        let runtime = workers(1);
        for on in BOTH {
            let reads = start(&runtime, on, || {
                let (mut ours, mut theirs) = pair_with_std();
                theirs.set_nodelay(true).unwrap();
                wait_once(&ours);
                for _ in 0..5 {
                    theirs.write_all(b"before").unwrap();
                    assert_eq!(SockRef::from(&theirs).send_out_of_band(b"!").unwrap(), 1);
                    theirs.write_all(b"after").unwrap();
                    let mut all = Vec::new();
                    while all.len() < 11 {
                        let mut buffer = [0; 100];
                        let n = ours.read(&mut buffer).unwrap();
                        assert_ne!(n, 0, "nobody has closed");
                        all.extend_from_slice(&buffer[..n]);
                    }
                    assert_eq!(all, b"beforeafter");
                }
            });
            reads.join();
        }
    });
}
