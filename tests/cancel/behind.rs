//! Who stands in line behind one that is cancelled is not held up by it: what the one in front did not get is for the
//! next, at once, and not only when somebody else lets go.

use std::io::{Read, Write};
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rust_routines::net::TcpStream;
use rust_routines::routine::{self, JoinHandle};
use rust_routines::sync::{Mutex, RwLock, Semaphore};
use rust_routines_tests::wait::yield_until;
use rust_routines_tests::watched;

use super::{assert_cancelled, blocked, workers};

/// Cancels `front`, from its own home or from another thread.
fn cancel<T>(front: JoinHandle<T>, from_afar: bool) {
    if from_afar {
        let abort = front.abort_handle();
        routine::blocking(move || abort.abort()).unwrap();
    } else {
        front.abort().unwrap();
    }
    assert_cancelled(front.join());
}

pub(super) fn both_ways(test: impl Fn(bool) + Send + Sync + 'static) {
    watched(move || workers(1).run(|| [false, true].into_iter().for_each(&test)));
}

/// The front wants more permits than there are, the next one no more than that; nobody gives any back.
#[test]
fn a_smaller_demand_behind_a_larger_one() {
    both_ways(|from_afar| {
        let permits = Arc::new(Semaphore::new(2));
        let (large, small) = (permits.clone(), permits.clone());
        let front = blocked(move || drop(large.acquire_many(3)));
        let behind: Vec<_> = (0..2)
            .map(|_| {
                let small = small.clone();
                blocked(move || small.acquire().forget())
            })
            .collect();
        assert!(!behind.iter().any(JoinHandle::is_finished), "in line");
        cancel(front, from_afar);
        behind.into_iter().for_each(|next| next.join().unwrap());
        assert_eq!(permits.available_permits(), 0);
    });
}

/// A reader has the lock, and keeps it.
#[test]
fn readers_behind_a_writer() {
    both_ways(|from_afar| {
        let lock = Arc::new(RwLock::new(7));
        let reading = lock.read();
        let (writes, reads) = (lock.clone(), lock.clone());
        let front = blocked(move || *writes.write() = 8);
        let behind: Vec<_> = (0..2)
            .map(|_| {
                let reads = reads.clone();
                blocked(move || *reads.read())
            })
            .collect();
        assert!(!behind.iter().any(JoinHandle::is_finished), "in line");
        cancel(front, from_afar);
        behind
            .into_iter()
            .for_each(|next| assert_eq!(next.join().unwrap(), 7));
        drop(reading);
    });
}

/// Of three that wait for a mutex the first two are cancelled, before and after it is released.
#[test]
fn a_mutex_goes_to_the_one_that_is_left() {
    both_ways(|from_afar| {
        let lock = Arc::new(Mutex::new(0));
        let held = lock.lock();
        let waits = || {
            let lock = lock.clone();
            blocked(move || *lock.lock() += 1)
        };
        let (first, second, third) = (waits(), waits(), waits());
        cancel(second, from_afar);
        // It has been told, or has given up: in either case the third has the lock in the end.
        first.abort().unwrap();
        drop(held);
        third.join().unwrap();
        let got = u32::from(first.join().is_ok());
        assert_eq!(*lock.try_lock().expect("nobody has it"), 1 + got);
    });
}

/// One reads, the others wait for their turn at the same stream.
#[test]
fn turns_at_a_stream() {
    both_ways(|from_afar| {
        let server = StdListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        let (mut peer, _) = server.accept().unwrap();
        let reads = || {
            let mut stream = stream.try_clone().unwrap();
            blocked(move || {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                byte[0]
            })
        };
        let (reading, in_line, next) = (reads(), reads(), reads());
        // In the line, and then the one that has the turn and waits for the socket.
        cancel(in_line, from_afar);
        cancel(reading, from_afar);
        peer.write_all(b"a").unwrap();
        assert_eq!(next.join().unwrap(), b'a', "no byte is lost");
    });
}

/// The home never rests, so it has to look between two turns.
#[test]
fn a_home_that_is_busy_is_told() {
    watched(|| {
        let runtime = workers(1);
        let (tx, parked) = rust_routines::channel::bounded(1);
        let busy = runtime.spawn(|| {
            loop {
                routine::yield_now();
            }
        });
        let parks = runtime.spawn(move || {
            tx.send(()).unwrap();
            routine::park();
        });
        parked.recv().unwrap();
        // Another turn, or two: it has parked.
        runtime.spawn(|| routine::yield_now()).join().unwrap();
        parks.abort().unwrap();
        assert_cancelled(parks.join());
        busy.abort().unwrap();
        assert_cancelled(busy.join());
    });
}

/// The home is about to rest when it is told, in all the moments of that.
#[test]
fn a_home_that_falls_asleep_is_told() {
    watched(|| {
        let runtime = workers(1);
        for round in 0..5000 {
            let (tx, parked) = rust_routines::channel::bounded(1);
            let parks = runtime.spawn(move || {
                tx.send(()).unwrap();
                routine::park();
            });
            parked.recv().unwrap();
            // It pauses for 20 us before it sleeps.
            let start = std::time::Instant::now();
            let delay = Duration::from_nanos(round * 37 % 40_000);
            while start.elapsed() < delay {
                std::hint::spin_loop();
            }
            if round % 16 == 0 {
                thread::yield_now();
            }
            parks.abort().unwrap();
            assert_cancelled(parks.join());
        }
    });
}

/// For who has been told, and had been cancelled before: it has it, and the next is not told for nothing.
#[test]
fn what_was_handed_over_before_wins() {
    both_ways(|from_afar| {
        let permits = Arc::new(Semaphore::new(0));
        let waits = permits.clone();
        let front = blocked(move || waits.acquire().forget());
        permits.add_permits(1);
        let abort = front.abort_handle();
        if from_afar {
            routine::blocking(move || abort.abort()).unwrap();
        } else {
            abort.abort().unwrap();
        }
        yield_until("it ends", || front.is_finished());
        front.join().unwrap();
        assert_eq!(permits.available_permits(), 0);
    });
}
