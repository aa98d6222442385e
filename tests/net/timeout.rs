//! Reading, writing and connecting for a limited time.

use std::io::{ErrorKind, Read, Write};
use std::time::Instant;

use rust_routines::net::{SocketAddr, TcpStream};
use rust_routines::routine;
use rust_routines::time::Duration;
use rust_routines_tests::{LIMIT, watched};
use socket2::{Domain, Protocol, Socket, Type};

use super::waiters::Waiters;
use super::{BOTH, On, fill, narrow_pair, pair, start, workers};

const SHORT: Duration = Duration::from_millis(20);

#[test]
fn a_read_waits_as_long_as_it_says() {
    watched(|| {
        let runtime = workers(1);
        for on in BOTH {
            let reads = start(&runtime, on, || {
                let (mut client, mut server) = pair();
                server.set_read_timeout(Some(SHORT)).unwrap();
                for wait in [true, false] {
                    let start = Instant::now();
                    let result = if wait {
                        server.read(&mut [0; 4])
                    } else {
                        server.peek(&mut [0; 4])
                    };
                    let error = result.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
                    assert!(start.elapsed() >= SHORT);
                }
                // It goes on as if nothing had been.
                client.write_all(b"late").unwrap();
                let mut read = [0; 4];
                server.read_exact(&mut read).unwrap();
                assert_eq!(&read, b"late");
            });
            reads.join();
        }
    });
}

#[test]
fn a_write_to_one_who_does_not_read_waits_as_long_as_it_says() {
    watched(|| {
        let runtime = workers(1);
        for on in BOTH {
            let writes = start(&runtime, on, || {
                let (mut client, mut server) = narrow_pair();
                let filled = fill(&client);
                client.set_write_timeout(Some(SHORT)).unwrap();
                let mut late = 0;
                let (error, waited) = loop {
                    let start = Instant::now();
                    match client.write(b"x") {
                        // The system has found some room after all.
                        Ok(n) => late += n,
                        Err(error) => break (error, start.elapsed()),
                    }
                };
                assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
                assert!(waited >= SHORT);
                // Nothing of what has timed out has been sent.
                client
                    .shutdown(rust_routines::net::Shutdown::Write)
                    .unwrap();
                let mut all = Vec::new();
                server.read_to_end(&mut all).unwrap();
                assert_eq!(all.len(), filled + late);
            });
            writes.join();
        }
    });
}

#[test]
fn data_ends_the_wait() {
    watched(|| {
        let runtime = workers(2);
        for on in BOTH {
            for timeout in [LIMIT, Duration::MAX] {
                let (mut client, mut server) = pair();
                server.set_read_timeout(Some(timeout)).unwrap();
                let waiters = Waiters::new();
                let entered = waiters.clone();
                let reads = start(&runtime, on, move || {
                    entered.enter();
                    let start = Instant::now();
                    (server.read(&mut [0; 4]).unwrap(), start.elapsed())
                });
                let routines = usize::from(on == On::Routine);
                waiters.wait(&runtime, routines, 1 - routines);
                client.write_all(b"ok").unwrap();
                let (n, waited) = reads.join();
                assert_eq!(n, 2);
                assert!(waited < LIMIT);
            }
        }
    });
}

/// The shortest wait of many says how fine the clock is: a loaded machine makes single ones late, never
/// all of them, while a clock of whole milliseconds does not end one before the first has passed.
#[test]
fn microseconds_are_kept() {
    const TIMEOUT: Duration = Duration::from_micros(200);
    const FINE: Duration = Duration::from_micros(900);
    watched(|| {
        for n in [1, 2] {
            let runtime = workers(n);
            for on in BOTH {
                let reads = start(&runtime, on, || {
                    let (_client, mut server) = pair();
                    server.set_read_timeout(Some(TIMEOUT)).unwrap();
                    let waited = (0..201).map(|_| {
                        let start = Instant::now();
                        let error = server.read(&mut [0]).unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::TimedOut);
                        start.elapsed()
                    });
                    waited.min().expect("many")
                });
                let least = reads.join();
                assert!(least >= TIMEOUT, "{least:?}");
                assert!(least < FINE, "{least:?} on a {on:?}");
            }
        }
    });
}

#[test]
fn a_timeout_can_be_changed_and_taken_back() {
    watched(|| {
        let (mut client, mut server) = pair();
        assert_eq!(server.read_timeout().unwrap(), None);
        assert_eq!(server.write_timeout().unwrap(), None);
        for timeout in [SHORT, Duration::from_millis(1), LIMIT] {
            server.set_read_timeout(Some(timeout)).unwrap();
            assert_eq!(server.read_timeout().unwrap(), Some(timeout));
            assert_eq!(server.write_timeout().unwrap(), None, "the halves differ");
            if timeout < LIMIT {
                let start = Instant::now();
                let error = server.read(&mut [0]).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::TimedOut);
                assert!(start.elapsed() >= timeout);
            }
        }
        server.set_write_timeout(Some(SHORT)).unwrap();
        server.set_read_timeout(None).unwrap();
        assert_eq!(server.write_timeout().unwrap(), Some(SHORT));
        assert_eq!(server.read_timeout().unwrap(), None);
        let runtime = workers(1);
        let waiters = Waiters::new();
        let entered = waiters.clone();
        let reads = runtime.spawn(move || {
            entered.enter();
            server.read(&mut [0]).unwrap()
        });
        waiters.wait(&runtime, 1, 0);
        client.write_all(b"x").unwrap();
        assert_eq!(reads.join().unwrap(), 1);
    });
}

#[test]
fn a_timeout_of_zero_is_refused() {
    watched(|| {
        let (client, server) = pair();
        let refused = [
            client.set_read_timeout(Some(Duration::ZERO)),
            client.set_write_timeout(Some(Duration::ZERO)),
            TcpStream::connect_timeout(&server.local_addr().unwrap(), Duration::ZERO).map(drop),
        ];
        for result in refused {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        assert_eq!(client.read_timeout().unwrap(), None);
    });
}

/// Who waits behind another reader times out in its own time; the other one waits on.
#[test]
fn who_waits_behind_another_times_out_too() {
    watched(|| {
        let runtime = workers(2);
        for (first, second) in super::PAIRS {
            let (mut client, server) = pair();
            let waiters = Waiters::new();
            let (mut of_first, entered) = (server.try_clone().unwrap(), waiters.clone());
            let waits = start(&runtime, first, move || {
                entered.enter();
                let mut byte = [0];
                of_first.read_exact(&mut byte).unwrap();
                byte[0]
            });
            let routines = usize::from(first == On::Routine);
            waiters.wait(&runtime, routines, 1 - routines);
            server.set_read_timeout(Some(SHORT)).unwrap();
            let mut of_second = server.try_clone().unwrap();
            let times_out = start(&runtime, second, move || {
                of_second.read(&mut [0]).unwrap_err().kind()
            });
            assert_eq!(times_out.join(), ErrorKind::TimedOut);
            client.write_all(b"x").unwrap();
            assert_eq!(waits.join(), b'x');
        }
    });
}

/// Time-outs of many, in another order than they were set.
#[test]
fn many_time_out_each_in_its_time() {
    watched(|| {
        let runtime = workers(2);
        let waiting: Vec<_> = (0..100_u64)
            .map(|i| {
                runtime.spawn(move || {
                    let (_client, mut server) = pair();
                    let timeout = Duration::from_micros(1 + i * 7919 % 20_000);
                    server.set_read_timeout(Some(timeout)).unwrap();
                    let start = Instant::now();
                    let error = server.read(&mut [0]).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::TimedOut);
                    assert!(start.elapsed() >= timeout);
                })
            })
            .collect();
        for waiting in waiting {
            waiting.join().unwrap();
        }
    });
}

/// A byte and a time-out race: it is read by this call or by the next.
#[test]
fn a_time_out_that_races_with_data_loses_nothing() {
    watched(|| {
        let runtime = workers(2);
        for on in BOTH {
            let (mut client, mut server) = pair();
            client.set_nodelay(true).unwrap();
            let reads = start(&runtime, on, move || {
                let (mut read, mut timeouts) = (0_u64, 0_u64);
                loop {
                    let timeout = Duration::from_micros(1 + timeouts % 60);
                    server.set_read_timeout(Some(timeout)).unwrap();
                    let mut byte = [0];
                    match server.read(&mut byte) {
                        Ok(0) => return read,
                        Ok(_) => {
                            assert_eq!(u64::from(byte[0]), read % 251, "in order, none twice");
                            read += 1;
                        }
                        Err(error) => {
                            assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
                            timeouts += 1;
                        }
                    }
                }
            });
            let writes = runtime.spawn(move || {
                for i in 0..1000_u64 {
                    routine::sleep(Duration::from_micros(i % 40));
                    client.write_all(&[u8::try_from(i % 251).unwrap()]).unwrap();
                }
            });
            writes.join().unwrap();
            assert_eq!(reads.join(), 1000);
        }
    });
}

/// Many readers of one stream, all of them impatient: whoever leaves the line takes nothing along, and
/// the turn is not lost with whom it was given to too late.
#[test]
fn impatient_readers_in_one_line_lose_nothing() {
    const BYTES: usize = 3000;
    watched(|| {
        for n in [1, 3] {
            let runtime = workers(n);
            let (mut client, server) = pair();
            client.set_nodelay(true).unwrap();
            let timeout = Some(Duration::from_micros(50));
            server.set_read_timeout(timeout).unwrap();
            let reading: Vec<_> = (0..8)
                .map(|i| {
                    let mut server = server.try_clone().unwrap();
                    let on = if i % 4 == 3 { On::Thread } else { On::Routine };
                    start(&runtime, on, move || {
                        let mut read = 0;
                        loop {
                            match server.read(&mut [0; 2]) {
                                Ok(0) => return read,
                                Ok(n) => read += n,
                                Err(error) => {
                                    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
                                }
                            }
                        }
                    })
                })
                .collect();
            let writes = runtime.spawn(move || {
                for i in 0..BYTES {
                    client.write_all(&[0]).unwrap();
                    if i % 3 == 0 {
                        routine::sleep(Duration::from_micros(30));
                    }
                }
            });
            writes.join().unwrap();
            let read: usize = reading.into_iter().map(super::Side::join).sum();
            assert_eq!(read, BYTES);
        }
    });
}

/// A listener that accepts nothing, and the connections that have taken all the room it has: who
/// connects now gets no answer.
pub(crate) struct Deaf {
    pub(crate) listener: Socket,
    pub(crate) at: SocketAddr,
    waiting: Vec<TcpStream>,
}

impl Deaf {
    pub(crate) fn new() -> Deaf {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        listener.bind(&any.into()).unwrap();
        listener.listen(0).unwrap();
        let at = listener.local_addr().unwrap().as_socket().unwrap();
        let mut waiting = Vec::new();
        let error = loop {
            match TcpStream::connect_timeout(&at, Duration::from_millis(100)) {
                Ok(stream) => waiting.push(stream),
                Err(error) => break error,
            }
            assert!(waiting.len() < 50, "there is always room for one more");
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        Deaf {
            listener,
            at,
            waiting,
        }
    }

    /// Makes room: who waits is let in at the system's next attempt, after about a second.
    fn accept_those_that_wait(&mut self) {
        for stream in self.waiting.drain(..) {
            let (accepted, _) = self.listener.accept().unwrap();
            drop((accepted, stream));
        }
    }
}

#[test]
fn connecting_waits_as_long_as_it_says() {
    watched(|| {
        let runtime = workers(1);
        let deaf = Deaf::new();
        let at = deaf.at;
        for on in BOTH {
            let connects = start(&runtime, on, move || {
                let start = Instant::now();
                let error = TcpStream::connect_timeout(&at, SHORT).unwrap_err();
                assert!(start.elapsed() >= SHORT);
                error.kind()
            });
            assert_eq!(connects.join(), ErrorKind::TimedOut);
        }
    });
}

#[test]
fn connecting_parks_until_there_is_an_answer() {
    watched(|| {
        let runtime = workers(1);
        for on in BOTH {
            for limited in [false, true] {
                let mut deaf = Deaf::new();
                let (at, waiters) = (deaf.at, Waiters::new());
                let entered = waiters.clone();
                let connects = start(&runtime, on, move || {
                    entered.enter();
                    match limited {
                        false => TcpStream::connect(at),
                        true => TcpStream::connect_timeout(&at, LIMIT),
                    }
                });
                let routines = usize::from(on == On::Routine);
                // The worker is free for others meanwhile.
                waiters.wait(&runtime, routines, 1 - routines);
                deaf.accept_those_that_wait();
                let (mut accepted, _) = deaf.listener.accept().unwrap();
                let mut stream = connects.join().unwrap();
                accepted.write_all(b"hi").unwrap();
                stream.read_exact(&mut [0; 2]).unwrap();
            }
        }
    });
}

#[test]
fn connecting_within_the_time_is_connecting() {
    watched(|| {
        let runtime = workers(1);
        for on in BOTH {
            let connects = start(&runtime, on, || {
                let listener = super::listen();
                let at = listener.local_addr().unwrap();
                for timeout in [LIMIT, Duration::MAX] {
                    let mut stream = TcpStream::connect_timeout(&at, timeout).unwrap();
                    assert_eq!(
                        stream.read_timeout().unwrap(),
                        None,
                        "it was for connecting"
                    );
                    let (mut server, _) = listener.accept().unwrap();
                    server.write_all(b"hi").unwrap();
                    stream.read_exact(&mut [0; 2]).unwrap();
                }
                drop(listener);
                let error = TcpStream::connect_timeout(&at, LIMIT).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            });
            connects.join();
        }
    });
}
