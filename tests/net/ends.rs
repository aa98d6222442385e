//! How a connection ends: the end of the stream, a reset, and both together with the last bytes.
//!
//! The system tells each of them once, with an edge that may come together with data; whoever
//! forgets it afterwards waits for ever.

use std::io::{ErrorKind, Read, Write};

use rust_routines::net::Shutdown;
use rust_routines::time::Duration;
use rust_routines_tests::watched;
use socket2::SockRef;

use super::waiters::Waiters;
use super::{BOTH, On, fill, narrow_pair, pair, pair_with_std, start, workers, write_on};

/// Ends the connection with a reset.
fn reset(stream: std::net::TcpStream) {
    SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(stream);
}

#[test]
fn the_end_wakes_a_reader_and_stays() {
    watched(|| {
        let runtime = workers(1);
        for on in BOTH {
            let (mut client, server) = pair();
            let waiters = Waiters::new();
            let entered = waiters.clone();
            let reads = start(&runtime, on, move || {
                entered.enter();
                [(); 4].map(|()| client.read(&mut [0; 10]).unwrap())
            });
            let routines = usize::from(on == On::Routine);
            waiters.wait(&runtime, routines, 1 - routines);
            drop(server);
            assert_eq!(reads.join(), [0; 4]);
        }
    });
}

#[test]
fn the_end_wakes_every_reader() {
    watched(|| {
        for n in [1, 4] {
            let runtime = workers(n);
            for (routines, threads) in [(6, 0), (0, 4), (3, 3)] {
                let (client, server) = pair();
                let waiters = Waiters::new();
                let reading: Vec<_> = (0..routines + threads)
                    .map(|i| {
                        let (mut client, entered) = (client.try_clone().unwrap(), waiters.clone());
                        let on = if i < routines {
                            On::Routine
                        } else {
                            On::Thread
                        };
                        start(&runtime, on, move || {
                            entered.enter();
                            client.read(&mut [0; 10]).unwrap()
                        })
                    })
                    .collect();
                waiters.wait(&runtime, routines, threads);
                drop(server);
                for reads in reading {
                    assert_eq!(reads.join(), 0);
                }
            }
        }
    });
}

/// The last bytes and the end arrive in one edge; buffers of every size meet them.
#[test]
fn the_last_bytes_arrive_before_the_end() {
    watched(|| {
        for n in [1, 2] {
            let runtime = workers(n);
            for on in BOTH {
                for round in 0..150 {
                    let (mut client, mut server) = pair();
                    let wanted = round % 40 + 1;
                    let waiters = Waiters::new();
                    let entered = waiters.clone();
                    let reads = start(&runtime, on, move || {
                        let mut buffer = vec![0; round % 7 + 1];
                        let mut all = Vec::new();
                        entered.enter();
                        loop {
                            match client.read(&mut buffer).unwrap() {
                                0 => return all,
                                n => all.extend_from_slice(&buffer[..n]),
                            }
                        }
                    });
                    if round % 3 > 0 {
                        // Blocked by then; otherwise it may come too late.
                        let routines = usize::from(on == On::Routine);
                        waiters.wait(&runtime, routines, 1 - routines);
                    }
                    let sent: Vec<u8> = (0..wanted).map(|i| u8::try_from(i).unwrap()).collect();
                    server.write_all(&sent).unwrap();
                    drop(server);
                    assert_eq!(reads.join(), sent);
                }
            }
        }
    });
}

/// The other side has finished asking and waits for the answer, which is long.
#[test]
fn an_answer_after_a_half_close() {
    const LONG: usize = 3 << 20;
    watched(|| {
        let runtime = workers(2);
        for (asking, answering) in super::PAIRS {
            let (mut client, mut server) = pair();
            let asks = start(&runtime, asking, move || {
                client.write_all(b"long, please").unwrap();
                client.shutdown(Shutdown::Write).unwrap();
                let mut answer = Vec::new();
                client.read_to_end(&mut answer).unwrap();
                answer
            });
            let answers = start(&runtime, answering, move || {
                let mut question = String::new();
                server.read_to_string(&mut question).unwrap();
                assert_eq!(question, "long, please");
                server.write_all(&vec![7; LONG]).unwrap();
            });
            answers.join();
            let answer = asks.join();
            assert_eq!(answer.len(), LONG);
            assert!(answer.iter().all(|&byte| byte == 7));
        }
    });
}

#[test]
fn a_reset_wakes_readers() {
    watched(|| {
        let runtime = workers(2);
        for (routines, threads) in [(1, 0), (4, 0), (0, 1), (0, 3), (3, 3)] {
            let (client, server) = pair_with_std();
            let waiters = Waiters::new();
            let reading: Vec<_> = (0..routines + threads)
                .map(|i| {
                    let (mut client, entered) = (client.try_clone().unwrap(), waiters.clone());
                    let on = if i < routines {
                        On::Routine
                    } else {
                        On::Thread
                    };
                    start(&runtime, on, move || {
                        entered.enter();
                        client.read(&mut [0; 10])
                    })
                })
                .collect();
            waiters.wait(&runtime, routines, threads);
            reset(server);
            // The system tells one of them; for the others it is the end.
            let (mut told, mut ended) = (0, 0);
            for reads in reading {
                match reads.join() {
                    Ok(n) => {
                        assert_eq!(n, 0);
                        ended += 1;
                    }
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
                        told += 1;
                    }
                }
            }
            assert_eq!((told, ended), (1, routines + threads - 1));
        }
    });
}

#[test]
fn a_reset_wakes_writers() {
    watched(|| {
        let runtime = workers(2);
        for (routines, threads) in [(1, 0), (4, 0), (0, 1), (0, 3), (3, 3)] {
            let (client, server) = pair_with_std();
            fill(&client);
            let waiters = Waiters::new();
            let writing: Vec<_> = (0..routines + threads)
                .map(|i| {
                    let (client, entered) = (client.try_clone().unwrap(), waiters.clone());
                    let on = if i < routines {
                        On::Routine
                    } else {
                        On::Thread
                    };
                    start(&runtime, on, move || {
                        entered.enter();
                        write_on(&client).kind()
                    })
                })
                .collect();
            waiters.wait(&runtime, routines, threads);
            reset(server);
            let kinds: Vec<_> = writing.into_iter().map(super::Side::join).collect();
            let told = |kind| kinds.iter().filter(|&&other| other == kind).count();
            assert_eq!(told(ErrorKind::ConnectionReset), 1, "{kinds:?}");
            assert_eq!(told(ErrorKind::BrokenPipe), kinds.len() - 1, "{kinds:?}");
        }
    });
}

/// A reset that nobody waited for.
#[test]
fn a_reset_is_told_at_the_next_call() {
    watched(|| {
        let runtime = workers(1);
        for on in BOTH {
            let both = start(&runtime, on, || {
                let (mut client, server) = pair_with_std();
                // So that it has waited before.
                client
                    .set_read_timeout(Some(Duration::from_millis(1)))
                    .unwrap();
                assert!(client.read(&mut [0]).is_err());
                reset(server);
                let error = client.read(&mut [0]).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
                let error = client.write(&[0]).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::BrokenPipe, "{error}");
                assert_eq!(client.read(&mut [0]).unwrap(), 0);
            });
            both.join();
        }
    });
}

/// A reset after a read that has left nothing: it is told once, then comes the end; neither call waits.
#[test]
fn after_a_reset_nobody_waits() {
    watched(|| {
        let runtime = workers(1);
        for on in BOTH {
            for round in 0..50 {
                let (mut client, mut server) = pair_with_std();
                let waiters = Waiters::new();
                let entered = waiters.clone();
                let (go, wait) = rust_routines::channel::bounded(0);
                let reads = start(&runtime, on, move || {
                    entered.enter();
                    // Less than there was room for, after a wait.
                    assert_eq!(client.read(&mut [0; 10]).unwrap(), 4);
                    wait.recv().unwrap();
                    if round % 2 == 0 {
                        let error = client.read(&mut [0; 10]).unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
                    } else {
                        let error = client.write(&[0; 10]).unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
                    }
                    for _ in 0..2 {
                        assert_eq!(client.read(&mut [0; 10]).unwrap(), 0);
                        let error = client.write(&[0; 10]).unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::BrokenPipe, "{error}");
                    }
                });
                let routines = usize::from(on == On::Routine);
                waiters.wait(&runtime, routines, 1 - routines);
                server.write_all(b"some").unwrap();
                reset(server);
                // Sent when the reader has come, so that it has read before; the reset has been sent
                // by then, and the worker has looked at its sockets.
                go.send(()).unwrap();
                reads.join();
            }
        }
    });
}

/// It ends the process in C; here it is an error.
#[test]
fn writing_to_one_who_has_gone_is_an_error() {
    watched(|| {
        let runtime = workers(1);
        for on in BOTH {
            let writes = start(&runtime, on, || {
                let (client, server) = narrow_pair();
                drop(server);
                let error = write_on(&client);
                let kind = error.kind();
                assert!(
                    matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset),
                    "{error}"
                );
            });
            writes.join();
        }
    });
}

/// Clients that connect and are gone before anybody accepts them.
#[test]
fn accepting_survives_those_who_have_gone() {
    watched(|| {
        let runtime = workers(1);
        for on in BOTH {
            let listener = super::listen();
            let at = listener.local_addr().unwrap();
            for i in 0..40 {
                let client = std::net::TcpStream::connect(at).unwrap();
                if i % 2 == 0 {
                    reset(client);
                }
            }
            let mut good = std::net::TcpStream::connect(at).unwrap();
            good.write_all(b"!").unwrap();
            let accepts = start(&runtime, on, move || {
                listener
                    .incoming()
                    .map(|stream| stream.unwrap())
                    .filter(|mut stream| stream.read(&mut [0]).is_ok_and(|n| n == 1))
                    .map(|stream| stream.peer_addr().unwrap())
                    .next()
            });
            assert_eq!(accepts.join(), good.local_addr().ok());
        }
    });
}
