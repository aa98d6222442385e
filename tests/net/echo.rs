//! The smoke: what is sent comes back, wherever both sides run and whoever shares the socket.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::thread;

use rust_routines::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use rust_routines::routine::{self, Builder, Place};
use rust_routines::{channel, net};
use rust_routines_tests::watched;

use super::{On, PAIRS, listen, pair, start, workers};

const CONNECTIONS: u8 = 20;

/// Serves as many connections as come, each in its own routine or thread.
fn serve(listener: &TcpListener, on: On) {
    let handlers: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (stream, _) = listener.accept().unwrap();
            let echo = move || std::io::copy(&mut &stream, &mut &stream).unwrap();
            match on {
                On::Routine => super::Side::Routine(routine::spawn(echo)),
                On::Thread => super::Side::Thread(thread::spawn(echo)),
            }
        })
        .collect();
    for handler in handlers {
        assert_eq!(handler.join(), SENT);
    }
}

const SIZES: [usize; 5] = [1, 2, 100, 5000, 30_000];
const SENT: u64 = 35_103;

fn call(server: SocketAddr, mark: u8) {
    let mut stream = TcpStream::connect(server).unwrap();
    for size in SIZES {
        let sent = vec![mark; size];
        stream.write_all(&sent).unwrap();
        let mut back = vec![0; size];
        stream.read_exact(&mut back).unwrap();
        assert_eq!(back, sent);
    }
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0; 10]).unwrap(), 0, "and no more");
}

#[test]
fn an_echo_from_everywhere() {
    watched(|| {
        for n in [1, 2, 4] {
            let runtime = workers(n);
            for (serving, calling) in PAIRS {
                let listener = listen();
                let server = listener.local_addr().unwrap();
                let serves = start(&runtime, serving, move || serve(&listener, serving));
                let calls: Vec<_> = (0..CONNECTIONS)
                    .map(|mark| start(&runtime, calling, move || call(server, mark)))
                    .collect();
                calls.into_iter().for_each(super::Side::join);
                serves.join();
            }
        }
    });
}

/// Some of the clients are threads, some routines; the server's handlers too.
#[test]
fn an_echo_for_a_mixture() {
    watched(|| {
        let runtime = workers(2);
        let listener = listen();
        let server = listener.local_addr().unwrap();
        let serves = runtime.spawn(move || {
            for n in 0..CONNECTIONS {
                let (stream, _) = listener.accept().unwrap();
                let echo = move || {
                    let echoed = std::io::copy(&mut &stream, &mut &stream).unwrap();
                    assert_eq!(echoed, SENT);
                };
                if n % 2 == 0 {
                    routine::spawn(echo);
                } else {
                    thread::spawn(echo);
                }
            }
        });
        let calls: Vec<_> = (0..CONNECTIONS)
            .map(|mark| {
                let on = [On::Routine, On::Thread][usize::from(mark / 2 % 2)];
                start(&runtime, on, move || call(server, mark))
            })
            .collect();
        calls.into_iter().for_each(super::Side::join);
        serves.join().unwrap();
    });
}

/// As a user writes it: with one worker, and with several.
#[rust_routines::test]
fn an_echo_in_a_test_of_routines() {
    let listener = routine_listener();
    let server = listener.local_addr().unwrap();
    let serves = routine::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(&stream).lines();
        while let Some(line) = lines.next().transpose().unwrap() {
            writeln!(&stream, "you said {line}").unwrap();
        }
    });
    let client = TcpStream::connect(server).unwrap();
    let mut replies = BufReader::new(&client).lines();
    for n in 0..10 {
        writeln!(&client, "{n}").unwrap();
        let reply = replies.next().unwrap().unwrap();
        assert_eq!(reply, format!("you said {n}"));
    }
    client.shutdown(Shutdown::Write).unwrap();
    serves.join().unwrap();
    assert!(replies.next().is_none());
}

/// The same types by their other name.
fn routine_listener() -> rust_routines::routine::net::TcpListener {
    rust_routines::routine::net::TcpListener::bind("127.0.0.1:0").unwrap()
}

#[test]
fn listeners_are_iterators_of_what_they_accept() {
    watched(|| {
        let listener = listen();
        let server = listener.local_addr().unwrap();
        let calls = thread::spawn(move || {
            (0..5)
                .map(|_| TcpStream::connect(server).unwrap().local_addr().unwrap())
                .collect::<Vec<_>>()
        });
        let accepted: Vec<SocketAddr> = listener
            .incoming()
            .take(5)
            .map(|stream| stream.unwrap().peer_addr().unwrap())
            .collect();
        assert_eq!(accepted, calls.join().unwrap());
    });
}

/// Several routines accept from one listener: each connection goes to one of them.
#[test]
fn many_accept_from_one_listener() {
    watched(|| {
        let runtime = workers(4);
        let listener = listen();
        let server = listener.local_addr().unwrap();
        let accepting: Vec<_> = (0..8)
            .map(|i| {
                let listener = listener.try_clone().unwrap();
                let on = [On::Routine, On::Thread][i % 2];
                start(&runtime, on, move || {
                    let mut peers = Vec::new();
                    loop {
                        match listener.accept() {
                            Ok((_, peer)) => peers.push(peer),
                            Err(error) => {
                                assert!(net::is_closed(&error), "{error}");
                                return peers;
                            }
                        }
                    }
                })
            })
            .collect();
        let calls: Vec<_> = (0..4)
            .map(|_| {
                runtime.spawn(move || {
                    let streams: Vec<_> = (0..25)
                        .map(|_| TcpStream::connect(server).unwrap())
                        .collect();
                    // Each is accepted: whoever did drops it.
                    for mut stream in streams {
                        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
                    }
                })
            })
            .collect();
        for call in calls {
            call.join().unwrap();
        }
        listener.close().unwrap();
        let accepted: Vec<_> = accepting.into_iter().flat_map(super::Side::join).collect();
        assert_eq!(accepted.len(), 100);
        assert_eq!(accepted.iter().collect::<HashSet<_>>().len(), 100);
    });
}

/// Four writers and four readers of one connection, each at a home of its own. Every byte arrives
/// once, and the end of the stream, which the system announces once, reaches every reader.
#[test]
fn one_connection_shared_by_four_homes() {
    const EACH: usize = 300_000;
    watched(|| {
        let runtime = workers(4);
        let (client, server) = pair();
        let spread = || Builder::new().place(Place::Spread);
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let mut server = server.try_clone().unwrap();
                let read = move || {
                    let mut counts = [0_usize; 4];
                    let mut buffer = [0; 3000];
                    loop {
                        let n = server.read(&mut buffer).unwrap();
                        if n == 0 {
                            return (counts, thread::current().id());
                        }
                        for &mark in &buffer[..n] {
                            counts[usize::from(mark)] += 1;
                        }
                    }
                };
                runtime.spawn_with(spread(), read).unwrap()
            })
            .collect();
        let writers: Vec<_> = (0..4_u8)
            .map(|mark| {
                let mut client = client.try_clone().unwrap();
                let write = move || {
                    for chunk in vec![mark; EACH].chunks(7000) {
                        client.write_all(chunk).unwrap();
                        if mark == 3 {
                            routine::yield_now();
                        }
                    }
                    thread::current().id()
                };
                runtime.spawn_with(spread(), write).unwrap()
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        client.shutdown(Shutdown::Write).unwrap();
        let (mut sums, mut homes) = ([0; 4], HashSet::new());
        for reader in readers {
            let (counts, home) = reader.join().unwrap();
            homes.insert(home);
            for (sum, count) in sums.iter_mut().zip(counts) {
                *sum += count;
            }
        }
        assert_eq!(sums, [EACH; 4]);
        assert_eq!(homes.len(), 4, "they live at different workers");
    });
}

/// The right to read goes from home to home: after each message, after some, and after many.
#[test]
fn the_reader_is_at_another_home_each_time() {
    watched(|| {
        let runtime = workers(4);
        for turn in [1, 2, 5, 30] {
            let (client, server) = pair();
            let (hand_on, take) = channel::bounded::<(TcpStream, u32)>(1);
            let readers: Vec<_> = (0..4)
                .map(|_| {
                    let (hand_on, take) = (hand_on.clone(), take.clone());
                    let read = move || {
                        while let Ok((mut server, mut next)) = take.recv() {
                            for _ in 0..turn {
                                let mut message = [0; 4];
                                server.read_exact(&mut message).unwrap();
                                assert_eq!(u32::from_le_bytes(message), next);
                                server.write_all(&message).unwrap();
                                next += 1;
                            }
                            hand_on.send((server, next)).unwrap();
                            // So that it is another one's turn.
                            routine::yield_now();
                        }
                    };
                    let spread = Builder::new().place(Place::Spread);
                    runtime.spawn_with(spread, read).unwrap()
                })
                .collect();
            hand_on.send((server, 0)).unwrap();
            let mut client = client;
            for n in 0..240_u32 {
                client.write_all(&n.to_le_bytes()).unwrap();
                let mut back = [0; 4];
                client.read_exact(&mut back).unwrap();
                assert_eq!(u32::from_le_bytes(back), n);
            }
            // One of them waits for the next message, the others for their turn.
            drop(readers);
        }
    });
}
