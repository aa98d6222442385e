//! Sockets outlive runtimes, and runtimes end while routines wait for sockets.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rust_routines::net::{TcpListener, TcpStream};
use rust_routines::routine::JoinError;
use rust_routines_tests::drops::Drops;
use rust_routines_tests::watched;

use super::timeout::Deaf;
use super::waiters::Waiters;
use super::{BOTH, On, fill, listen, narrow_pair, pair, start, workers, write_on};

/// One message each way, waiting for each.
fn talk(client: &TcpStream, server: &TcpStream, runtime: &rust_routines::runtime::Runtime, on: On) {
    for (writer, reader) in [(client, server), (server, client)] {
        let (mut reader, waiters) = (reader.try_clone().unwrap(), Waiters::new());
        let entered = waiters.clone();
        let reads = start(runtime, on, move || {
            entered.enter();
            let mut message = [0; 5];
            reader.read_exact(&mut message).unwrap();
            message
        });
        let routines = usize::from(on == On::Routine);
        waiters.wait(runtime, routines, 1 - routines);
        let mut writer = writer;
        writer.write_all(b"hello").unwrap();
        assert_eq!(&reads.join(), b"hello");
    }
}

#[test]
fn sockets_outlive_their_runtime() {
    watched(|| {
        let last = workers(2);
        for n in [1, 3] {
            let runtime = workers(n);
            let (listener, client, server) = runtime.run(|| {
                let listener = listen();
                let (client, server) = super::pair_at(&listener);
                (listener, client, server)
            });
            talk(&client, &server, &runtime, On::Routine);
            drop(runtime);
            talk(&client, &server, &last, On::Routine);
            talk(&client, &server, &last, On::Thread);
            let third = workers(1);
            talk(&client, &server, &third, On::Routine);
            drop(third);
            talk(&client, &server, &last, On::Thread);
            for on in BOTH {
                let (accepts, waiters) = (listener.try_clone().unwrap(), Waiters::new());
                let entered = waiters.clone();
                let accepts = start(&last, on, move || {
                    entered.enter();
                    accepts.accept().unwrap().1
                });
                let routines = usize::from(on == On::Routine);
                waiters.wait(&last, routines, 1 - routines);
                let caller = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                assert_eq!(accepts.join(), caller.local_addr().unwrap());
            }
        }
    });
}

/// Two runtimes wait for one socket; the one whose poller watches it goes, the other one is served.
#[test]
fn who_waits_in_another_runtime_is_not_forgotten() {
    watched(|| {
        for on in BOTH {
            for _ in 0..20 {
                let (ends, stays) = (workers(1), workers(1));
                let (mut client, server) = pair();
                let waiters = Waiters::new();
                let (mut first, entered) = (server.try_clone().unwrap(), waiters.clone());
                let cancelled = ends.spawn(move || {
                    entered.enter();
                    first.read(&mut [0; 4]).unwrap()
                });
                waiters.wait(&ends, 1, 0);
                let waiters = Waiters::new();
                let (mut second, entered) = (server.try_clone().unwrap(), waiters.clone());
                let reads = start(&stays, on, move || {
                    entered.enter();
                    second.read(&mut [0; 4]).unwrap()
                });
                let routines = usize::from(on == On::Routine);
                waiters.wait(&stays, routines, 1 - routines);
                drop(ends);
                assert!(matches!(cancelled.join(), Err(JoinError::Cancelled)));
                client.write_all(b"data").unwrap();
                assert_eq!(reads.join(), 4);
            }
        }
    });
}

/// A thousand routines in every kind of wait, most of them in lines of twenty-five.
#[test]
fn dropping_a_runtime_unwinds_those_who_wait_for_sockets() {
    watched(|| {
        for n in [1, 4] {
            let runtime = workers(n);
            let drops = Drops::new();
            let (waiters, went_on) = (Waiters::new(), Arc::new(AtomicUsize::new(0)));
            let listeners: Vec<TcpListener> = (0..10).map(|_| listen()).collect();
            let quiet: Vec<(TcpStream, TcpStream)> = (0..10).map(|_| pair()).collect();
            let full: Vec<(TcpStream, TcpStream)> = (0..10).map(|_| narrow_pair()).collect();
            for (client, _) in &full {
                fill(client);
            }
            let deaf = Deaf::new();
            let mut handles = Vec::new();
            for i in 0..1000 {
                let captured = drops.track();
                let (waiters, went_on, of_routine) =
                    (waiters.clone(), went_on.clone(), drops.clone());
                let listener = listeners[i / 4 % 10].try_clone().unwrap();
                let mut reader = quiet[i / 4 % 10].0.try_clone().unwrap();
                let writer = full[i / 4 % 10].0.try_clone().unwrap();
                let at = deaf.at;
                handles.push(runtime.spawn(move || {
                    let _captured = captured;
                    let _local = of_routine.track();
                    waiters.enter();
                    match i % 4 {
                        0 => drop(listener.accept()),
                        1 => drop(reader.read(&mut [0; 9])),
                        2 => drop(write_on(&writer)),
                        _ => drop(TcpStream::connect(at)),
                    }
                    went_on.fetch_add(1, Ordering::SeqCst);
                }));
            }
            waiters.wait(&runtime, 1000, 0);
            drop(runtime);
            assert_eq!((drops.made(), drops.alive()), (2000, 0));
            assert_eq!(went_on.load(Ordering::SeqCst), 0, "nobody went on");
            for handle in handles {
                assert!(matches!(handle.join(), Err(JoinError::Cancelled)));
            }
            // Nobody was left in a line: the sockets work elsewhere.
            let other = workers(1);
            for (client, server) in &quiet {
                talk(client, server, &other, On::Routine);
            }
            for listener in &listeners {
                let caller = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                let (_, from) = listener.accept().unwrap();
                assert_eq!(from, caller.local_addr().unwrap());
            }
        }
    });
}

/// Cancelled while what it waits for arrives: either it has it, or the next one does.
#[test]
fn a_cancellation_that_races_with_data_loses_nothing() {
    watched(|| {
        let survivor = workers(1);
        let (mut client, server) = pair();
        client.set_nodelay(true).unwrap();
        let mut sent = 0_u8;
        for _ in 0..100 {
            let runtime = workers(1);
            let waiters = Waiters::new();
            let (mut reader, entered) = (server.try_clone().unwrap(), waiters.clone());
            let reads = runtime.spawn(move || {
                entered.enter();
                let mut byte = [0];
                reader.read_exact(&mut byte).unwrap();
                byte[0]
            });
            waiters.wait(&runtime, 1, 0);
            let writes = std::thread::spawn(move || {
                client.write_all(&[sent]).unwrap();
                client
            });
            drop(runtime);
            client = writes.join().unwrap();
            let got = match reads.join() {
                Ok(byte) => byte,
                Err(error) => {
                    assert!(matches!(error, JoinError::Cancelled), "{error}");
                    let mut reader = server.try_clone().unwrap();
                    let next = survivor.spawn(move || {
                        let mut byte = [0];
                        reader.read_exact(&mut byte).unwrap();
                        byte[0]
                    });
                    next.join().unwrap()
                }
            };
            assert_eq!(got, sent);
            sent = sent.wrapping_add(1);
        }
    });
}
