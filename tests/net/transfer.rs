//! Much data: every byte arrives, in order, in both directions at once.

use std::io::{Read, Write};

use rust_routines::net::{Shutdown, TcpStream};
use rust_routines::routine;
use rust_routines_tests::watched;

use super::{On, PAIRS, Side, narrow_pair, pair, start, workers};

/// No power of two: a block that is lost, doubled or swapped does not fit in again.
const PERIOD: usize = 1_000_003;

/// Bytes that look random and are known by their place.
fn pattern() -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    (0..PERIOD)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect()
}

fn send(mut stream: &TcpStream, total: usize, chunk: usize) {
    let pattern = pattern();
    let mut sent = 0;
    while sent < total {
        let at = sent % PERIOD;
        let end = PERIOD.min(at + chunk).min(at + total - sent);
        let n = stream.write(&pattern[at..end]).unwrap();
        assert_ne!(n, 0);
        sent += n;
    }
    stream.shutdown(Shutdown::Write).unwrap();
}

fn receive(mut stream: &TcpStream, total: usize, chunk: usize) {
    let pattern = pattern();
    let mut buffer = vec![0; chunk];
    let mut received = 0;
    loop {
        let at = received % PERIOD;
        let room = chunk.min(PERIOD - at);
        let n = stream.read(&mut buffer[..room]).unwrap();
        if n == 0 {
            break;
        }
        assert!(
            buffer[..n] == pattern[at..at + n],
            "other bytes at {received}"
        );
        received += n;
    }
    assert_eq!(received, total);
}

/// `total` bytes each way at once.
fn exchange(
    runtime: &rust_routines::runtime::Runtime,
    (client, server): (TcpStream, TcpStream),
    (on_client, on_server): (On, On),
    total: usize,
    (written, read): (usize, usize),
) {
    let sides: Vec<Side<()>> = [(client, on_client), (server, on_server)]
        .into_iter()
        .flat_map(|(stream, on)| {
            let clone = stream.try_clone().unwrap();
            [
                start(runtime, on, move || send(&stream, total, written)),
                start(runtime, on, move || receive(&clone, total, read)),
            ]
        })
        .collect();
    sides.into_iter().for_each(Side::join);
}

#[test]
fn sixty_four_mib_both_ways_through_small_buffers() {
    watched(|| {
        for n in [1, 2] {
            exchange(
                &workers(n),
                pair(),
                (On::Routine, On::Routine),
                64 << 20,
                (8192, 5000),
            );
        }
    });
}

#[test]
fn every_pair_of_sides() {
    watched(|| {
        let runtime = workers(2);
        for sides in PAIRS {
            exchange(&runtime, pair(), sides, 8 << 20, (100_000, 3001));
        }
    });
}

/// The system's own buffers are as small as it allows, so both sides wait all the time.
#[test]
fn both_sides_wait_all_the_time() {
    watched(|| {
        for n in [1, 4] {
            let runtime = workers(n);
            for sides in PAIRS {
                exchange(&runtime, narrow_pair(), sides, 1 << 20, (10_007, 1009));
            }
        }
    });
}

/// Two hundred transfers at once on two workers.
#[test]
fn many_at_once() {
    watched(|| {
        let runtime = workers(2);
        let transfers: Vec<_> = (0..100)
            .map(|i| {
                runtime.spawn(move || {
                    let (client, server) = pair();
                    let sends = routine::spawn(move || send(&client, 300_000, 900 + i));
                    receive(&server, 300_000, 500 + 7 * i);
                    sends.join().unwrap();
                })
            })
            .collect();
        for transfer in transfers {
            transfer.join().unwrap();
        }
    });
}
