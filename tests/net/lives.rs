//! Sockets outlive runtimes, and runtimes end while routines wait for sockets.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rust_routines::net::{TcpListener, TcpStream};
use rust_routines::routine::{self, Builder, JoinError, Place};
use rust_routines::time::Duration;
use rust_routines_tests::drops::Drops;
use rust_routines_tests::{eventually, watched};

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

/// Runtimes with readers come and go, one stays: every byte is counted once, and nobody is forgotten.
#[test]
fn runtimes_come_and_go_while_data_arrives() {
    watched(|| {
        let stays = workers(2);
        let (mut client, server) = pair();
        let counted = Arc::new(AtomicUsize::new(0));
        let reader = || {
            let (mut server, counted) = (server.try_clone().unwrap(), counted.clone());
            move || loop {
                match server.read(&mut [0; 3]).unwrap() {
                    0 => return,
                    n => counted.fetch_add(n, Ordering::SeqCst),
                };
            }
        };
        let reading: Vec<_> = (0..2).map(|_| stays.spawn(reader())).collect();
        let over = Arc::new(AtomicBool::new(false));
        let is_over = over.clone();
        let writes = stays.spawn(move || {
            let mut written = 0;
            while !is_over.load(Ordering::SeqCst) {
                written += client.write(b"some data").unwrap();
                routine::sleep(Duration::from_micros(50));
            }
            written
        });
        for n in 0..60 {
            let goes = workers(1 + n % 2);
            let readers: Vec<_> = (0..3).map(|_| goes.spawn(reader())).collect();
            let seen = counted.load(Ordering::SeqCst);
            eventually("data arrives", || {
                counted.load(Ordering::SeqCst) > seen + 50
            });
            drop(goes);
            for reader in readers {
                assert!(matches!(reader.join(), Err(JoinError::Cancelled)));
            }
        }
        over.store(true, Ordering::SeqCst);
        let written = writes.join().unwrap();
        for reads in reading {
            reads.join().unwrap();
        }
        assert_eq!(counted.load(Ordering::SeqCst), written);
    });
}

/// A worker of its own ends with its routine, and its poller with it; the others in the line go on.
#[test]
fn who_waits_behind_one_with_a_worker_of_its_own_is_not_forgotten() {
    watched(|| {
        let runtime = workers(1);
        for on in BOTH {
            for _ in 0..30 {
                let (mut client, server) = pair();
                let (mut of_own, own_waits) = (server.try_clone().unwrap(), Waiters::new());
                let entered = own_waits.clone();
                let own = move || {
                    of_own
                        .set_read_timeout(Some(Duration::from_millis(2)))
                        .unwrap();
                    assert!(of_own.read(&mut [0]).is_err(), "it has waited");
                    of_own.set_read_timeout(None).unwrap();
                    entered.enter();
                    of_own.read(&mut [0]).unwrap()
                };
                let own = runtime
                    .spawn_with(Builder::new().place(Place::Own), own)
                    .unwrap();
                eventually("it waits", || own_waits.routines() == 1);
                let (mut behind, waiters) = (server.try_clone().unwrap(), Waiters::new());
                let entered = waiters.clone();
                let reads = start(&runtime, on, move || {
                    entered.enter();
                    behind.read(&mut [0]).unwrap()
                });
                match on {
                    On::Routine => eventually("it is there", || waiters.routines() == 1),
                    On::Thread => {}
                }
                client.write_all(b"1").unwrap();
                // Either may be first, for they come from two threads.
                client.write_all(b"2").unwrap();
                assert_eq!((own.join().unwrap(), reads.join()), (1, 1));
                eventually("its worker has gone", || {
                    runtime.metrics().workers.len() == 1
                });
                talk(&client, &server, &runtime, on);
            }
        }
    });
}

/// What a destructor says and hears while its routine is unwound.
#[test]
fn destructors_may_talk() {
    struct SaysGoodbye(TcpStream);
    impl Drop for SaysGoodbye {
        fn drop(&mut self) {
            self.0.write_all(b"bye").unwrap();
            // Waits, in the middle of unwinding.
            let mut answer = [0; 2];
            self.0.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"ok");
        }
    }
    watched(|| {
        for n in [1, 2] {
            let runtime = workers(n);
            let waiters = Waiters::new();
            let others: Vec<TcpStream> = (0..20)
                .map(|_| {
                    let (client, server) = pair();
                    let entered = waiters.clone();
                    runtime.spawn(move || {
                        let mut polite = SaysGoodbye(server);
                        entered.enter();
                        polite.0.read(&mut [0]).map(drop)
                    });
                    client
                })
                .collect();
            waiters.wait(&runtime, 20, 0);
            let ends = std::thread::spawn(move || drop(runtime));
            for mut other in others {
                let mut said = [0; 3];
                other.read_exact(&mut said).unwrap();
                assert_eq!(&said, b"bye");
                other.write_all(b"ok").unwrap();
                assert_eq!(other.read(&mut [0]).unwrap(), 0, "and then it has gone");
            }
            ends.join().unwrap();
        }
    });
}
