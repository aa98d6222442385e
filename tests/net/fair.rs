//! Who comes first: readers of one stream in their order, home-mates of a socket that is always ready;
//! and where no routine may park at all.

use std::io::{Read, Write};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use rust_routines::net::TcpStream;
use rust_routines::runtime::Runtime;
use rust_routines::time::Duration;
use rust_routines::{channel, routine};
use rust_routines_tests::{LIMIT, eventually, watched};

use super::waiters::Waiters;
use super::{fill, listen, narrow_pair, pair, workers, write_on};

/// Waits for each reader before the next one comes, so that the order is known.
fn readers_in_order(
    runtime: &Runtime,
    server: &TcpStream,
    count: usize,
) -> channel::Receiver<(usize, u8)> {
    let (reads, read) = channel::unbounded();
    let waiters = Waiters::new();
    for reader in 0..count {
        let (mut server, entered) = (server.try_clone().unwrap(), waiters.clone());
        let reads = reads.clone();
        runtime.spawn(move || {
            entered.enter();
            let mut byte = [0];
            server.read_exact(&mut byte).unwrap();
            reads.send((reader, byte[0])).unwrap();
        });
        waiters.wait(runtime, reader + 1, 0);
    }
    read
}

#[test]
fn readers_are_served_in_the_order_they_came() {
    watched(|| {
        for n in [1, 4] {
            let runtime = workers(n);
            let (mut client, server) = pair();
            client.set_nodelay(true).unwrap();
            let read = readers_in_order(&runtime, &server, 10);
            for byte in 0..10 {
                client.write_all(&[byte]).unwrap();
                assert_eq!(read.recv().unwrap(), (usize::from(byte), byte));
            }
            // All at once.
            let read = readers_in_order(&runtime, &server, 10);
            client.write_all(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]).unwrap();
            for _ in 0..10 {
                let (reader, byte) = read.recv().unwrap();
                assert_eq!(reader, usize::from(byte));
            }
        }
    });
}

#[test]
fn writers_are_served_in_the_order_they_came() {
    watched(|| {
        let runtime = workers(1);
        let (client, mut server) = narrow_pair();
        let filled = fill(&client);
        let waiters = Waiters::new();
        for mark in 1..=10 {
            let (mut client, entered) = (client.try_clone().unwrap(), waiters.clone());
            runtime.spawn(move || {
                entered.enter();
                client.write_all(&[mark]).unwrap();
            });
            waiters.wait(&runtime, usize::from(mark), 0);
        }
        let mut all = vec![0; filled + 10];
        server.read_exact(&mut all).unwrap();
        assert_eq!(all[filled..], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    });
}

/// Runs `busy` over and over in a routine of the only worker, and others beside it that yield, sleep
/// and wait for a socket. `busy` would go on for ever if they did not get on.
fn beside_others(mut busy: impl FnMut() + Send + 'static) {
    let runtime = workers(1);
    let (started, done) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    let (has_started, is_done) = (started.clone(), done.clone());
    let goes_on = runtime.spawn(move || {
        let start = Instant::now();
        while !is_done.load(Ordering::SeqCst) {
            assert!(start.elapsed() < LIMIT, "it has the worker to itself");
            busy();
            has_started.store(true, Ordering::SeqCst);
        }
    });
    eventually("it is busy", || started.load(Ordering::SeqCst));
    let yields = runtime.spawn(|| (0..100).for_each(|_| routine::yield_now()));
    let ticks = runtime.spawn(|| {
        for _ in 0..20 {
            routine::sleep(Duration::from_millis(1));
        }
    });
    let (mut near, mut far) = pair();
    let echoes = runtime.spawn(move || {
        for _ in 0..20 {
            let mut byte = [0];
            near.read_exact(&mut byte).unwrap();
            near.write_all(&byte).unwrap();
        }
    });
    let asks = thread::spawn(move || {
        for byte in 0..20 {
            far.write_all(&[byte]).unwrap();
            far.read_exact(&mut [0]).unwrap();
        }
    });
    yields.join().unwrap();
    ticks.join().unwrap();
    echoes.join().unwrap();
    asks.join().unwrap();
    assert!(!goes_on.is_finished(), "it was busy all the time");
    done.store(true, Ordering::SeqCst);
    goes_on.join().unwrap();
}

#[test]
fn reading_what_is_always_there_leaves_room_for_others() {
    watched(|| {
        let (client, mut server) = pair();
        let floods = thread::spawn(move || {
            // Until the reader has gone.
            while (&client).write(&[7; 65_536]).is_ok() {}
        });
        beside_others(move || {
            assert!(server.read(&mut [0; 64]).unwrap() > 0);
        });
        floods.join().unwrap();
    });
}

#[test]
fn writing_where_there_is_always_room_leaves_room_for_others() {
    watched(|| {
        let (mut client, mut server) = pair();
        let drains = thread::spawn(move || while server.read(&mut [0; 65_536]).unwrap() > 0 {});
        beside_others(move || {
            assert!(client.write(&[7; 16]).unwrap() > 0);
        });
        drains.join().unwrap();
    });
}

#[test]
fn accepting_where_there_is_always_somebody_leaves_room_for_others() {
    watched(|| {
        let listener = listen();
        let at = listener.local_addr().unwrap();
        let knocks: Vec<_> = (0..2)
            .map(|_| thread::spawn(move || while std::net::TcpStream::connect(at).is_ok() {}))
            .collect();
        beside_others(move || drop(listener.accept().unwrap()));
        for knocks in knocks {
            knocks.join().unwrap();
        }
    });
}

fn message_of<T>(body: impl FnOnce() -> T) -> Option<String> {
    let payload = panic::catch_unwind(AssertUnwindSafe(body)).err()?;
    let text = payload.downcast_ref::<String>().cloned();
    text.or(payload.downcast_ref::<&str>().map(ToString::to_string))
}

#[test]
fn where_parking_is_forbidden_only_waiting_panics() {
    watched(|| {
        for n in [1, 2] {
            workers(n).run(|| {
                let (mut client, mut server) = narrow_pair();
                client.write_all(b"there is something").unwrap();
                let guard = routine::forbid_park();
                // As often as anybody likes: there is nothing to wait for.
                for _ in 0..100 {
                    assert_eq!(server.peek(&mut [0; 5]).unwrap(), 5);
                }
                assert_eq!(server.read(&mut [0; 18]).unwrap(), 18);
                assert_eq!(server.write(b"room").unwrap(), 4);
                let text = message_of(|| server.read(&mut [0])).expect("it would park");
                assert!(text.contains("forbid_park"), "{text}");
                assert_eq!(
                    text.matches("fair.rs").count(),
                    1,
                    "where it was forbidden: {text}"
                );
                drop(guard);
                fill(&server);
                let guard = routine::forbid_park();
                let text = message_of(|| write_on(&server)).expect("it would park");
                assert!(text.contains("forbid_park"), "{text}");
                let listener = listen();
                let text = message_of(|| listener.accept()).expect("it would park");
                assert!(text.contains("forbid_park"), "{text}");
                drop(guard);
                // Nothing is broken, and nobody is left in the line.
                client.write_all(b"on").unwrap();
                server.read_exact(&mut [0; 2]).unwrap();
                let _caller = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                listener.accept().unwrap();
            });
        }
    });
}

/// Somebody else waits already: coming second would be waiting too.
#[test]
fn where_parking_is_forbidden_standing_in_line_panics() {
    watched(|| {
        let runtime = workers(1);
        let (mut client, server) = pair();
        let (mut first, waiters) = (server.try_clone().unwrap(), Waiters::new());
        let entered = waiters.clone();
        let reads = runtime.spawn(move || {
            entered.enter();
            first.read(&mut [0; 4]).unwrap()
        });
        waiters.wait(&runtime, 1, 0);
        let mut second = server.try_clone().unwrap();
        let text = runtime.run(move || {
            let _guard = routine::forbid_park();
            message_of(|| second.read(&mut [0])).expect("it would park")
        });
        assert!(text.contains("forbid_park"), "{text}");
        client.write_all(b"data").unwrap();
        assert_eq!(reads.join().unwrap(), 4);
    });
}

/// A cancelled routine that swallows its end lets others go first at its next call; not inside of a guard,
/// where nobody else may run.
#[test]
fn where_parking_is_forbidden_a_swallowed_end_gives_way_to_nobody() {
    fn swallow(call: impl FnOnce()) {
        panic::catch_unwind(AssertUnwindSafe(call)).expect_err("it has been cancelled");
    }
    watched(|| {
        let runtime = workers(1);
        let (mut client, server) = pair();
        let waiters = Waiters::new();
        // Whether the one with the guard is inside, and has ended.
        let (inside, over) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicBool::new(false)),
        );
        let (enters, ends, entered) = (inside.clone(), over.clone(), waiters.clone());
        let guarded = runtime.spawn(move || {
            entered.enter();
            swallow(|| routine::sleep(Duration::MAX));
            let guard = routine::forbid_park();
            enters.store(true, Ordering::SeqCst);
            for _ in 0..100 {
                swallow(|| client.write_all(b"x").unwrap());
            }
            enters.store(false, Ordering::SeqCst);
            drop(guard);
            ends.store(true, Ordering::SeqCst);
        });
        let (is_inside, is_over, entered) = (inside, over.clone(), waiters.clone());
        let mate = runtime.spawn(move || {
            entered.enter();
            swallow(|| routine::sleep(Duration::MAX));
            let start = Instant::now();
            while !is_over.load(Ordering::SeqCst) {
                assert!(
                    !is_inside.load(Ordering::SeqCst),
                    "it runs inside of a guard"
                );
                assert!(start.elapsed() < LIMIT, "the other one does not end");
                swallow(routine::yield_now);
            }
        });
        waiters.wait(&runtime, 2, 0);
        runtime.shutdown(LIMIT).expect("both end");
        guarded.join().unwrap();
        mate.join().unwrap();
        drop(server);
    });
}
