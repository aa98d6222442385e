//! Where sockets come from: addresses, their errors, IPv6, sockets of std.

use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use rust_routines::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use rust_routines_tests::watched;

use super::waiters::Waiters;
use super::{BOTH, On, assert_closed, listen, start, workers};

/// The error of binding there, which names the address and says in words what is wrong.
#[track_caller]
fn assert_refused(address: &str, kind: ErrorKind, words: &str) {
    let error = TcpListener::bind(address).expect_err("it cannot be had");
    assert_eq!(error.kind(), kind, "{error}");
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("listen tcp {address}: ")),
        "{text}"
    );
    assert!(text.to_lowercase().contains(words), "{text}");
}

#[test]
fn errors_name_the_address_and_the_reason() {
    watched(|| {
        let listener = listen();
        let taken = listener.local_addr().unwrap().to_string();
        assert_refused(&taken, ErrorKind::AddrInUse, "address already in use");
        // Set aside for documentation: nobody has it.
        let words = "cannot assign requested address";
        assert_refused("192.0.2.1:0", ErrorKind::AddrNotAvailable, words);
        for nonsense in ["", "nonsense", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536"] {
            let error = TcpListener::bind(nonsense).unwrap_err();
            assert_eq!(
                error.kind(),
                ErrorKind::InvalidInput,
                "{nonsense:?}: {error}"
            );
            let error = TcpStream::connect(nonsense).unwrap_err();
            assert_eq!(
                error.kind(),
                ErrorKind::InvalidInput,
                "{nonsense:?}: {error}"
            );
        }
        let none: &[SocketAddr] = &[];
        let error = TcpListener::bind(none).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        let error = TcpStream::connect(none).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    });
}

#[test]
fn a_refused_connect_names_the_address() {
    watched(|| {
        let runtime = workers(1);
        for on in BOTH {
            let connects = start(&runtime, on, || {
                let listener = listen();
                let at = listener.local_addr().unwrap();
                drop(listener);
                (at, TcpStream::connect(at).unwrap_err())
            });
            let (at, error) = connects.join();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            let text = error.to_string();
            assert!(text.starts_with(&format!("dial tcp {at}: ")), "{text}");
        }
    });
}

#[test]
fn the_first_address_that_works_is_taken() {
    watched(|| {
        let taken = listen();
        let addresses = ["192.0.2.1:0".parse().unwrap(), taken.local_addr().unwrap()];
        let free: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let listener = TcpListener::bind(&[addresses[0], addresses[1], free][..]).unwrap();
        let at = listener.local_addr().unwrap();
        assert_eq!(at.ip(), free.ip());
        let error = TcpListener::bind(&addresses[..]).unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::AddrInUse,
            "that of the last: {error}"
        );
        let gone = listen().local_addr().unwrap();
        let stream = TcpStream::connect(&[gone, at][..]).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), at);
    });
}

#[test]
fn names_are_looked_up() {
    watched(|| {
        let listener = TcpListener::bind("localhost:0").unwrap();
        let at = listener.local_addr().unwrap();
        assert!(at.ip().is_loopback());
        let client = TcpStream::connect(("localhost", at.port())).unwrap();
        assert_eq!(listener.accept().unwrap().1, client.local_addr().unwrap());
    });
}

/// Old connections of a server that was restarted do not keep its port.
#[test]
fn a_server_can_start_again_at_once() {
    watched(|| {
        let mut listener = listen();
        let at = listener.local_addr().unwrap();
        for _ in 0..10 {
            let (mut client, server) = super::pair_at(&listener);
            // Who closes first keeps the connection's port for a minute.
            drop(server);
            assert_eq!(client.read(&mut [0]).unwrap(), 0);
            drop(listener);
            listener = TcpListener::bind(at).unwrap();
        }
    });
}

/// Not skipped where there is no IPv6: then the error has to say so.
#[test]
fn ipv6_works_or_says_why_not() {
    watched(|| {
        let bound = TcpListener::bind((Ipv6Addr::LOCALHOST, 0));
        let has_loopback = Path::new("/proc/net/if_inet6").exists()
            && std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
        let listener = match bound {
            Ok(listener) => listener,
            Err(error) => {
                assert!(!has_loopback, "std can: {error}");
                assert!(
                    error.to_string().starts_with("listen tcp [::1]:0: "),
                    "{error}"
                );
                return;
            }
        };
        let at = listener.local_addr().unwrap();
        assert!(at.is_ipv6());
        let text = TcpListener::bind(at).unwrap_err().to_string();
        assert!(
            text.starts_with(&format!("listen tcp [::1]:{}: ", at.port())),
            "{text}"
        );
        let runtime = workers(1);
        for on in BOTH {
            let (accepts, waiters) = (listener.try_clone().unwrap(), Waiters::new());
            let entered = waiters.clone();
            let serves = start(&runtime, on, move || {
                entered.enter();
                let (mut stream, from) = accepts.accept().unwrap();
                assert!(from.is_ipv6());
                stream.write_all(b"six").unwrap();
            });
            let routines = usize::from(on == On::Routine);
            waiters.wait(&runtime, routines, 1 - routines);
            let mut text = String::new();
            TcpStream::connect(at)
                .unwrap()
                .read_to_string(&mut text)
                .unwrap();
            assert_eq!(text, "six");
            serves.join();
        }
    });
}

/// Sockets of std block; as ours they park, or the only worker would be stuck.
#[test]
fn sockets_of_std_park() {
    watched(|| {
        let runtime = workers(1);
        for blocking in [true, false] {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let at = listener.local_addr().unwrap();
            listener.set_nonblocking(!blocking).unwrap();
            let listener = TcpListener::from_std(listener).unwrap();
            assert_eq!(listener.local_addr().unwrap(), at);
            let (accepts, waiters) = (listener.try_clone().unwrap(), Waiters::new());
            let entered = waiters.clone();
            let accepts = runtime.spawn(move || {
                entered.enter();
                accepts.accept().unwrap().0
            });
            // Not if it has the worker's thread.
            waiters.wait(&runtime, 1, 0);
            let client = std::net::TcpStream::connect(at).unwrap();
            client.set_nonblocking(!blocking).unwrap();
            let mut client = TcpStream::from_std(client).unwrap();
            let mut server = accepts.join().unwrap();
            let waiters = Waiters::new();
            let (mut reader, entered) = (client.try_clone().unwrap(), waiters.clone());
            let reads = runtime.spawn(move || {
                entered.enter();
                reader.read(&mut [0; 4]).unwrap()
            });
            waiters.wait(&runtime, 1, 0);
            server.write_all(b"std").unwrap();
            assert_eq!(reads.join().unwrap(), 3);
            client.close().unwrap();
            assert_closed(client.write(b"x"));
        }
    });
}

/// Ours on one side, std's blocking ones on the other.
#[test]
fn sockets_of_std_are_good_partners() {
    watched(|| {
        let runtime = workers(1);
        let listener = listen();
        let at = listener.local_addr().unwrap();
        let echoes = runtime.spawn(move || {
            for _ in 0..10 {
                let (stream, _) = listener.accept().unwrap();
                std::io::copy(&mut &stream, &mut &stream).unwrap();
            }
        });
        for _ in 0..10 {
            let mut client = std::net::TcpStream::connect(at).unwrap();
            client.write_all(b"to and fro").unwrap();
            client.shutdown(std::net::Shutdown::Write).unwrap();
            let mut text = String::new();
            client.read_to_string(&mut text).unwrap();
            assert_eq!(text, "to and fro");
        }
        echoes.join().unwrap();
    });
}
