//! `close`: it wakes everybody, says so in Go's words, and the port is free.

use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rust_routines::net::{self, Shutdown, TcpListener, TcpStream};
use rust_routines::routine;
use rust_routines_tests::{eventually, watched};

use super::waiters::Waiters;
use super::{
    BOTH, On, Side, assert_closed, fill, listen, narrow_pair, pair, start, workers, write_on,
};

/// How many routines and how many threads wait.
const CROWDS: [(usize, usize); 5] = [(1, 0), (5, 0), (0, 1), (0, 4), (4, 3)];

/// For each crowd, on one worker and on several: all of them wait, `close` is called, all have the
/// error.
fn close_wakes<S: Send + 'static>(
    make: fn() -> S,
    share: fn(&S) -> S,
    wait: fn(&S) -> std::io::Result<usize>,
    close: fn(&S) -> std::io::Result<()>,
) {
    watched(move || {
        for n in [1, 4] {
            let runtime = workers(n);
            for (routines, threads) in CROWDS {
                let (socket, waiters) = (make(), Waiters::new());
                let waiting: Vec<_> = (0..routines + threads)
                    .map(|i| {
                        let (socket, entered) = (share(&socket), waiters.clone());
                        // Routines and threads in turns, as far as there are both.
                        let on = match i % 2 == 0 {
                            _ if i >= 2 * routines.min(threads) && routines > threads => {
                                On::Routine
                            }
                            _ if i >= 2 * routines.min(threads) => On::Thread,
                            true => On::Routine,
                            false => On::Thread,
                        };
                        start(&runtime, on, move || {
                            entered.enter();
                            wait(&socket)
                        })
                    })
                    .collect();
                waiters.wait(&runtime, routines, threads);
                close(&socket).unwrap();
                for waits in waiting {
                    assert_closed(waits.join());
                }
                assert_closed(wait(&socket));
                assert_closed(close(&socket));
            }
        }
    });
}

#[test]
fn it_wakes_those_who_accept() {
    close_wakes(
        listen,
        |listener| listener.try_clone().unwrap(),
        |listener| listener.accept().map(|_| 0),
        TcpListener::close,
    );
}

#[test]
fn it_wakes_those_who_accept_once() {
    close_wakes(
        listen,
        |listener| listener.try_clone().unwrap(),
        |listener| listener.accept_once().map(|_| 0),
        TcpListener::close,
    );
}

/// Both ends, so that the other one stays open.
type Ends = (TcpStream, TcpStream);

fn share((client, server): &Ends) -> Ends {
    (client.try_clone().unwrap(), server.try_clone().unwrap())
}

#[test]
fn it_wakes_those_who_read() {
    close_wakes(
        pair,
        share,
        |(client, _)| (&*client).read(&mut [0; 10]),
        |(client, _)| client.close(),
    );
}

#[test]
fn it_wakes_those_who_peek() {
    close_wakes(
        pair,
        share,
        |(client, _)| client.peek(&mut [0; 10]),
        |(client, _)| client.close(),
    );
}

#[test]
fn it_wakes_those_who_write() {
    fn full_pair() -> Ends {
        let ends = narrow_pair();
        fill(&ends.0);
        ends
    }
    close_wakes(
        full_pair,
        share,
        |(client, _)| Err(write_on(client)),
        |(client, _)| client.close(),
    );
}

/// With a time-out set, waiting is another kind of waiting.
#[test]
fn it_wakes_those_who_would_time_out() {
    fn limited_pair() -> Ends {
        let ends = pair();
        let limit = Some(2 * rust_routines_tests::LIMIT);
        ends.0.set_read_timeout(limit).unwrap();
        ends
    }
    close_wakes(
        limited_pair,
        share,
        |(client, _)| (&*client).read(&mut [0; 10]),
        |(client, _)| client.close(),
    );
}

/// Readers and writers of one socket at the same time.
#[test]
fn it_wakes_both_directions() {
    watched(|| {
        let runtime = workers(2);
        for on in BOTH {
            let (client, _server) = narrow_pair();
            fill(&client);
            let waiters = Waiters::new();
            let waiting: Vec<Side<_>> = (0..4)
                .map(|i| {
                    let (mut client, entered) = (client.try_clone().unwrap(), waiters.clone());
                    start(&runtime, on, move || {
                        entered.enter();
                        match i % 2 {
                            0 => client.read(&mut [0; 10]),
                            _ => Err(write_on(&client)),
                        }
                    })
                })
                .collect();
            match on {
                On::Routine => waiters.wait(&runtime, 4, 0),
                On::Thread => waiters.wait(&runtime, 0, 4),
            }
            client.close().unwrap();
            for waits in waiting {
                assert_closed(waits.join());
            }
        }
    });
}

#[test]
fn whoever_closes_second_is_told() {
    watched(|| {
        let listener = listen();
        let other = listener.try_clone().unwrap();
        listener.close().unwrap();
        assert_closed(listener.close());
        assert_closed(other.close());
        let (client, server) = pair();
        let other = client.try_clone().unwrap();
        other.close().unwrap();
        assert_closed(client.close());
        assert_closed(other.close());
        server.close().unwrap();
    });
}

/// One of many has closed it, the others are told.
#[test]
fn only_one_of_many_closes() {
    watched(|| {
        let runtime = workers(4);
        for _ in 0..50 {
            let (client, _server) = pair();
            let closed = Arc::new(AtomicUsize::new(0));
            let handles = [(); 8].map(|()| client.try_clone().unwrap());
            let closing: Vec<_> = handles
                .into_iter()
                .enumerate()
                .map(|(i, client)| {
                    let closed = closed.clone();
                    let on = if i % 4 == 0 { On::Thread } else { On::Routine };
                    start(&runtime, on, move || match client.close() {
                        Ok(()) => assert_eq!(closed.fetch_add(1, Ordering::SeqCst), 0),
                        Err(error) => assert!(net::is_closed(&error), "{error}"),
                    })
                })
                .collect();
            closing.into_iter().for_each(Side::join);
            assert_eq!(closed.load(Ordering::SeqCst), 1);
        }
    });
}

#[test]
fn everything_says_that_it_is_closed() {
    watched(|| {
        let runtime = workers(1);
        for on in BOTH {
            let uses = start(&runtime, on, || {
                let (mut client, _server) = pair();
                client.close().unwrap();
                assert_closed(client.read(&mut [0]));
                assert_closed((&client).read(&mut [0]));
                assert_closed(client.write(b"x"));
                assert_closed((&client).write(b"x"));
                assert_closed(client.write_all(b"x"));
                assert_closed(client.read_vectored(&mut [IoSliceMut::new(&mut [0])]));
                assert_closed(client.write_vectored(&[IoSlice::new(b"x")]));
                assert_closed(client.peek(&mut [0]));
                assert_closed(client.shutdown(Shutdown::Both));
                assert_closed(client.set_nodelay(true));
                let listener = listen();
                listener.close().unwrap();
                assert_closed(listener.accept());
                assert_closed(listener.accept_once());
                assert!(listener.incoming().next().is_none(), "a loop over it ends");
                assert_closed(listener.local_addr());
                assert_closed(listener.try_clone());
                assert_closed(client.try_clone());
            });
            uses.join();
        }
    });
}

/// Not confused with others.
#[test]
fn other_errors_are_not_called_closed() {
    watched(|| {
        let (mut client, server) = pair();
        client.shutdown(Shutdown::Write).unwrap();
        let error = client.write(b"x").unwrap_err();
        assert!(!net::is_closed(&error), "{error}");
        assert!(!net::is_closed(&std::io::Error::other("x")));
        drop(server);
    });
}

/// The descriptor is closed although clones and waiters are there: the other side sees the end.
#[test]
fn the_other_side_sees_the_end() {
    watched(|| {
        let runtime = workers(2);
        for on in BOTH {
            let (client, mut server) = pair();
            let waiters = Waiters::new();
            let (mut waits, entered) = (client.try_clone().unwrap(), waiters.clone());
            let waits = start(&runtime, on, move || {
                entered.enter();
                let result = waits.read(&mut [0]);
                // Still held while the other side looks.
                (result, waits)
            });
            let routines = usize::from(on == On::Routine);
            waiters.wait(&runtime, routines, 1 - routines);
            (&client).write_all(b"bye").unwrap();
            client.close().unwrap();
            let (result, _held) = waits.join();
            assert_closed(result);
            let mut all = String::new();
            server.read_to_string(&mut all).unwrap();
            assert_eq!(all, "bye", "what was written arrives");
        }
    });
}

#[test]
fn the_port_is_free_again() {
    watched(|| {
        let runtime = workers(2);
        let mut listener = listen();
        let at = listener.local_addr().unwrap();
        for round in 0..60 {
            let waiters = Waiters::new();
            let (accepts, entered) = (listener.try_clone().unwrap(), waiters.clone());
            let on = BOTH[round % 2];
            let accepting = start(&runtime, on, move || {
                entered.enter();
                accepts.accept().map(drop)
            });
            let routines = usize::from(on == On::Routine);
            waiters.wait(&runtime, routines, 1 - routines);
            listener.close().unwrap();
            if round % 3 == 0 {
                // Those who waited have left: the descriptor is gone.
                assert_closed(accepting.join());
                listener = TcpListener::bind(at).unwrap();
            } else {
                // As soon as they have left.
                let mut again = None;
                eventually("the port is free", || {
                    again = TcpListener::bind(at).ok();
                    again.is_some()
                });
                assert_closed(accepting.join());
                listener = again.unwrap();
            }
        }
        // Dropping does the same.
        drop(listener);
        TcpListener::bind(at).unwrap();
    });
}

/// Connections that were accepted live on.
#[test]
fn closing_a_listener_leaves_its_connections() {
    watched(|| {
        let listener = listen();
        let (mut client, mut server) = super::pair_at(&listener);
        listener.close().unwrap();
        client.write_all(b"x").unwrap();
        server.read_exact(&mut [0]).unwrap();
        let error = TcpStream::connect(client.peer_addr().unwrap()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    });
}

/// Connections, those who accept them and a close meet in every order: nobody takes the end of the
/// socket for an error of the system.
#[test]
fn it_races_with_accepting() {
    watched(|| {
        for n in [1, 3] {
            let runtime = workers(n);
            for round in 0..200 {
                let listener = listen();
                let at = listener.local_addr().unwrap();
                let accepting: Vec<_> = (0..3)
                    .map(|i| {
                        let listener = listener.try_clone().unwrap();
                        let on = if i == 2 { On::Thread } else { On::Routine };
                        start(&runtime, on, move || {
                            loop {
                                if let Err(error) = listener.accept() {
                                    return error;
                                }
                            }
                        })
                    })
                    .collect();
                let connects = runtime.spawn(move || {
                    // Refused as soon as it is closed.
                    (0..round % 10).all(|_| TcpStream::connect(at).is_ok())
                });
                let closes = runtime.spawn(move || {
                    (0..round % 7).for_each(|_| routine::yield_now());
                    listener.close().unwrap();
                });
                closes.join().unwrap();
                for accepts in accepting {
                    let error = accepts.join();
                    assert!(net::is_closed(&error), "{error}");
                }
                connects.join().unwrap();
            }
        }
    });
}

/// Data, a reader and a close meet in every order; nobody is forgotten.
#[test]
fn it_races_with_data_and_readers() {
    watched(|| {
        for n in [1, 3] {
            let runtime = workers(n);
            for round in 0..300 {
                let (client, mut server) = pair();
                let reading: Vec<_> = (0..3)
                    .map(|i| {
                        let mut client = client.try_clone().unwrap();
                        let on = if i == 2 { On::Thread } else { On::Routine };
                        start(&runtime, on, move || {
                            loop {
                                match client.read(&mut [0; 3]) {
                                    Ok(n) => assert_ne!(n, 0, "the other side is open"),
                                    Err(error) => return error,
                                }
                            }
                        })
                    })
                    .collect();
                let writes = runtime.spawn(move || {
                    for _ in 0..round % 10 {
                        // It may be closed already, and then the system says so at the second one.
                        if server.write_all(b"some").is_err() {
                            break;
                        }
                        routine::yield_now();
                    }
                    server
                });
                let closes = runtime.spawn(move || {
                    (0..round % 7).for_each(|_| routine::yield_now());
                    client.close().unwrap();
                });
                closes.join().unwrap();
                for reads in reading {
                    let error = reads.join();
                    assert!(net::is_closed(&error), "{error}");
                }
                drop(writes.join().unwrap());
            }
        }
    });
}
