//! What a stream can do besides waiting: traits, clones, options, halves.

use std::fmt::Debug;
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::AsRawFd;

use rust_routines::net::{Shutdown, TcpListener, TcpStream};
use rust_routines::routine;
use rust_routines::time::Duration;
use rust_routines_tests::watched;

use super::waiters::Waiters;
use super::{BOTH, On, fill, listen, narrow_pair, pair, start, workers, write_on};

#[test]
fn it_reads_and_writes_by_value_and_by_reference() {
    fn exchange(mut writer: impl Write, mut reader: impl Read) {
        writer.write_all(b"hello").unwrap();
        writer.flush().unwrap();
        let mut read = [0; 5];
        reader.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"hello");
    }
    watched(|| {
        let runtime = workers(1);
        for on in BOTH {
            let both = start(&runtime, on, || {
                let (client, server) = pair();
                exchange(&client, &server);
                exchange(&server, &client);
                exchange(client, server);
            });
            both.join();
        }
    });
}

#[test]
fn vectors_are_written_and_read_in_one_call() {
    watched(|| {
        let runtime = workers(1);
        for on in BOTH {
            let both = start(&runtime, on, || {
                let (mut client, mut server) = pair();
                let written = [b"one ".as_slice(), b"", b"two"].map(IoSlice::new);
                assert_eq!((&client).write_vectored(&written).unwrap(), 7);
                assert_eq!(client.write_vectored(&written).unwrap(), 7);
                let (mut first, mut second) = ([0; 5], [0; 100]);
                let mut read = [
                    IoSliceMut::new(&mut first),
                    IoSliceMut::new(&mut []),
                    IoSliceMut::new(&mut second),
                ];
                let n = server.read_vectored(&mut read).unwrap();
                assert_eq!((n, &first, &second[..9]), (14, b"one t", &b"woone two"[..]));
            });
            both.join();
        }
    });
}

/// The read side waits, so it needs a second routine on the same worker.
#[test]
fn a_vectored_read_waits_for_data() {
    watched(|| {
        let runtime = workers(1);
        for on in BOTH {
            let (mut client, mut server) = pair();
            let waiters = Waiters::new();
            let entered = waiters.clone();
            let reads = start(&runtime, on, move || {
                let mut bytes = [0; 4];
                let (first, second) = bytes.split_at_mut(2);
                entered.enter();
                let mut read = [IoSliceMut::new(first), IoSliceMut::new(second)];
                assert_eq!(server.read_vectored(&mut read).unwrap(), 4);
                bytes
            });
            let routines = usize::from(on == On::Routine);
            waiters.wait(&runtime, routines, 1 - routines);
            client.write_all(b"wait").unwrap();
            assert_eq!(&reads.join(), b"wait");
        }
    });
}

#[test]
fn nothing_to_read_or_write_takes_no_time() {
    watched(|| {
        let runtime = workers(1);
        for on in BOTH {
            let both = start(&runtime, on, || {
                let (mut client, mut server) = narrow_pair();
                // There is nothing to read, and later no room to write: whoever waits here hangs.
                assert_eq!(client.read(&mut []).unwrap(), 0);
                assert_eq!(client.read_vectored(&mut []).unwrap(), 0);
                assert_eq!(
                    client
                        .read_vectored(&mut [IoSliceMut::new(&mut [])])
                        .unwrap(),
                    0
                );
                fill(&client);
                assert_eq!(client.write(&[]).unwrap(), 0);
                assert_eq!(client.write_vectored(&[]).unwrap(), 0);
                // It is no end of the stream either.
                server.write_all(b"x").unwrap();
                assert_eq!(client.read(&mut []).unwrap(), 0);
                assert_eq!(client.read(&mut [0; 2]).unwrap(), 1);
                // Now it is known that there is nothing.
                assert_eq!(client.read(&mut []).unwrap(), 0);
                assert_eq!(client.peek(&mut []).unwrap(), 0);
                // And now that there is no room.
                server.read_exact(&mut [0; 3000]).unwrap();
                while client.write(&[0; 65_536]).unwrap() == 65_536 {}
                assert_eq!(client.write(&[]).unwrap(), 0);
                assert_eq!(client.write_vectored(&[IoSlice::new(&[])]).unwrap(), 0);
            });
            both.join();
        }
    });
}

#[test]
fn what_is_peeked_stays() {
    watched(|| {
        let runtime = workers(1);
        for on in BOTH {
            let (mut client, mut server) = pair();
            let waiters = Waiters::new();
            let entered = waiters.clone();
            let peeks = start(&runtime, on, move || {
                let mut buffer = [0; 3];
                entered.enter();
                assert_eq!(server.peek(&mut buffer).unwrap(), 3);
                assert_eq!(&buffer, b"pee");
                assert_eq!(server.peek(&mut buffer[..1]).unwrap(), 1);
                let mut all = String::new();
                server.read_to_string(&mut all).unwrap();
                assert_eq!(server.peek(&mut buffer).unwrap(), 0, "the end too");
                all
            });
            let routines = usize::from(on == On::Routine);
            waiters.wait(&runtime, routines, 1 - routines);
            client.write_all(b"peek").unwrap();
            drop(client);
            assert_eq!(peeks.join(), "peek");
        }
    });
}

#[test]
fn a_clone_is_the_same_socket() {
    watched(|| {
        let (client, server) = pair();
        let mut clone = server.try_clone().unwrap();
        assert_eq!(clone.local_addr().unwrap(), server.local_addr().unwrap());
        assert_eq!(clone.peer_addr().unwrap(), server.peer_addr().unwrap());
        let timeout = Some(Duration::from_millis(3));
        server.set_read_timeout(timeout).unwrap();
        server.set_nodelay(true).unwrap();
        assert_eq!(clone.read_timeout().unwrap(), timeout);
        assert!(clone.nodelay().unwrap());
        let error = clone.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        (&client).write_all(b"ab").unwrap();
        let mut byte = [0];
        (&server).read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"a");
        clone.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"b");
        drop(server);
        clone.write_all(b"c").unwrap();
        (&client).read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"c", "a clone keeps it open");
        drop(clone);
        assert_eq!(
            (&client).read(&mut byte).unwrap(),
            0,
            "the last one closes it"
        );
    });
}

#[test]
fn a_clone_of_a_listener_accepts_too() {
    watched(|| {
        let listener = listen();
        let clone = listener.try_clone().unwrap();
        let at = listener.local_addr().unwrap();
        assert_eq!(clone.local_addr().unwrap(), at);
        drop(listener);
        let client = TcpStream::connect(at).unwrap();
        assert_eq!(clone.accept().unwrap().1, client.local_addr().unwrap());
        drop(clone);
        let error = TcpStream::connect(at).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn options_are_the_sockets() {
    watched(|| {
        let listener = listen();
        listener.set_ttl(43).unwrap();
        assert_eq!(listener.ttl().unwrap(), 43);
        assert!(listener.take_error().unwrap().is_none());
        let (client, server) = pair();
        assert_eq!(client.peer_addr().unwrap(), server.local_addr().unwrap());
        assert_eq!(client.local_addr().unwrap(), server.peer_addr().unwrap());
        for on in [true, false, true] {
            client.set_nodelay(on).unwrap();
            assert_eq!(client.nodelay().unwrap(), on);
        }
        client.set_ttl(42).unwrap();
        assert_eq!(client.ttl().unwrap(), 42);
        assert!(client.take_error().unwrap().is_none());
        let numbers = [listener.as_raw_fd(), client.as_raw_fd(), server.as_raw_fd()];
        assert!(numbers.iter().all(|&number| number >= 0), "{numbers:?}");
        assert_ne!(numbers[1], numbers[2]);
        client.close().unwrap();
        assert_eq!(
            client.as_raw_fd(),
            -1,
            "the number may be another one's now"
        );
    });
}

#[test]
fn sockets_can_be_shared_and_shown() {
    fn check(socket: &(impl Send + Sync + Debug + 'static), says: &str) {
        let shown = format!("{socket:?}");
        assert!(shown.contains(says), "{shown}");
    }
    watched(|| {
        let listener = listen();
        let at = listener.local_addr().unwrap().to_string();
        check(&listener, &at);
        let stream = TcpStream::connect(&at).unwrap();
        check(&stream, &at);
        fn is_shared<T: Send + Sync + Unpin + 'static>() {}
        is_shared::<TcpListener>();
        is_shared::<TcpStream>();
    });
}

#[test]
fn shutting_the_write_half_down_leaves_the_other() {
    watched(|| {
        let runtime = workers(1);
        for on in BOTH {
            let both = start(&runtime, on, || {
                let (mut client, mut server) = pair();
                client.write_all(b"question").unwrap();
                client.shutdown(Shutdown::Write).unwrap();
                let error = client.write(b"x").unwrap_err();
                assert_eq!(error.kind(), ErrorKind::BrokenPipe);
                let mut question = String::new();
                server.read_to_string(&mut question).unwrap();
                assert_eq!(question, "question");
                server.write_all(b"answer").unwrap();
                server.shutdown(Shutdown::Both).unwrap();
                let mut answer = String::new();
                client.read_to_string(&mut answer).unwrap();
                assert_eq!(answer, "answer");
            });
            both.join();
        }
    });
}

/// Readers that wait see the end when their half is shut down, all of them.
#[test]
fn shutting_the_read_half_down_wakes_readers() {
    watched(|| {
        let runtime = workers(2);
        for (routines, threads) in [(4, 0), (0, 3), (3, 3)] {
            let (mut client, server) = pair();
            let waiters = Waiters::new();
            let reading: Vec<_> = (0..routines + threads)
                .map(|i| {
                    let (mut server, entered) = (server.try_clone().unwrap(), waiters.clone());
                    let on = if i < routines {
                        On::Routine
                    } else {
                        On::Thread
                    };
                    start(&runtime, on, move || {
                        entered.enter();
                        server.read(&mut [0; 8])
                    })
                })
                .collect();
            waiters.wait(&runtime, routines, threads);
            server.shutdown(Shutdown::Read).unwrap();
            for reads in reading {
                assert_eq!(reads.join().unwrap(), 0);
            }
            // The other half goes on.
            (&server).write_all(b"x").unwrap();
            client.read_exact(&mut [0]).unwrap();
        }
    });
}

#[test]
fn shutting_the_write_half_down_wakes_writers() {
    watched(|| {
        let runtime = workers(2);
        for (routines, threads) in [(4, 0), (0, 3), (3, 3)] {
            let (client, _server) = narrow_pair();
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
                        write_on(&client)
                    })
                })
                .collect();
            waiters.wait(&runtime, routines, threads);
            client.shutdown(Shutdown::Write).unwrap();
            for writes in writing {
                let error = writes.join();
                assert_eq!(error.kind(), ErrorKind::BrokenPipe, "{error}");
            }
        }
    });
}

/// Waiting on a stack that was switched to, and on a fresh one at another home each time.
#[test]
fn it_waits_on_any_stack() {
    fn echo(mut stream: TcpStream, left: u32) -> u32 {
        let mut message = [0; 4];
        let n = routine::with_stack(64 << 10, || {
            stream.read_exact(&mut message).map(|()| message.len())
        });
        assert_eq!(n.unwrap(), 4);
        stream.write_all(&message).unwrap();
        if left == 0 {
            return u32::from_le_bytes(message);
        }
        routine::restart(move || echo(stream, left - 1))
    }
    watched(|| {
        for n in [1, 4] {
            let runtime = workers(n);
            let (mut client, server) = pair();
            let echoes = runtime.spawn(move || echo(server, 99));
            for n in 0..100_u32 {
                client.write_all(&n.to_le_bytes()).unwrap();
                let mut back = [0; 4];
                client.read_exact(&mut back).unwrap();
                assert_eq!(u32::from_le_bytes(back), n);
            }
            assert_eq!(echoes.join().unwrap(), 99);
        }
    });
}
