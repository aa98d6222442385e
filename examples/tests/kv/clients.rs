//! Clients that are slow, deaf, or gone.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::thread;

use crate::server::{Server, eventually};

#[test]
fn a_byte_at_a_time_is_fast_enough() {
    let server = Server::start();
    let mut slow = server.connect();
    let mut other = server.connect();
    let requests: [(&[u8], &[u8]); 4] = [
        (
            b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$7\r\nv\r\nalue\r\n",
            b"+OK\r\n",
        ),
        (b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n", b"$7\r\nv\r\nalue\r\n"),
        (b"PING \"a b\"\r\n", b"$3\r\na b\r\n"),
        (
            b"*1\r\n!",
            b"-ERR Protocol error: expected '$', got '!'\r\n",
        ),
    ];
    for (request, reply) in requests {
        for byte in request {
            slow.send(&[*byte]);
            // The reply to the other comes after the byte has been there for a while, and nobody waits for the slow one.
            other.ask("PING", "+PONG\r\n");
        }
        slow.expect(reply, "the slow one");
    }
}

#[test]
fn replies_do_not_wait_for_the_rest_of_the_next_request() {
    let server = Server::start();
    let mut client = server.connect();
    client.send(b"PING\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$5\r\nhel");
    client.expect(b"+PONG\r\n+PONG\r\n", "the two that are whole");
    client.send(b"lo\r\nPI");
    client.expect(b"$5\r\nhello\r\n", "the third");
    client.send(b"NG\r\n");
    client.expect(b"+PONG\r\n", "the fourth");
}

#[test]
fn a_client_that_only_sends_is_answered_after_its_end() {
    let server = Server::start();
    let mut client = server.connect();
    client.send(&b"PING\r\n".repeat(1000));
    client.stream.shutdown(Shutdown::Write).expect("connected");
    assert_eq!(client.rest("all replies"), b"+PONG\r\n".repeat(1000));
}

#[test]
fn a_client_that_never_reads_costs_nothing_and_is_cut_off() {
    const VALUE: usize = 1 << 20;
    let server = Server::start_with(&["--write-timeout", "1"]);
    let mut other = server.connect();
    let head = format!("*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n${VALUE}\r\n");
    other.send(&[head.as_bytes(), &vec![b'x'; VALUE], b"\r\n"].concat());
    other.expect(b"+OK\r\n", "SET");
    let before = server.resident();

    let deaf = server.connect();
    let mut sender = deaf.stream.try_clone().expect("a second handle");
    let sending = thread::spawn(move || {
        // Each of these asks for a megabyte; the limit of a write is far above the server's.
        let requests = b"GET big\r\n".repeat(1000);
        loop {
            if let Err(error) = sender.write_all(&requests) {
                return error.kind();
            }
        }
    });
    let mut most = before;
    while !sending.is_finished() {
        other.ask("PING", "+PONG\r\n");
        most = most.max(server.resident());
    }
    let end = sending.join().expect("no panic");
    assert!(
        matches!(end, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
        "the server has not cut it off: {end}"
    );
    assert!(most - before < 16 << 10, "grown by {} KiB", most - before);
    eventually("the server says so", || {
        server.errors().contains("connection closed")
    });
    eventually("one client is left", || {
        other.info("connected_clients") == 1
    });
    drop(deaf);
}

#[test]
fn a_thousand_clients_vanish_in_the_middle() {
    const AT_ONCE: usize = 100;
    let unfinished: [&[u8]; 5] = [
        b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$1000000\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        b"*3\r\n$3\r\nSET\r\n$3\r",
        b"*1000000\r\n$1\r\na\r\n$1",
        b"SET key va",
        // Gone with replies unread, which makes the end a reset.
        b"PING\r\nPING\r\nPING\r\nSET key",
    ];
    let server = Server::start();
    let mut other = server.connect();
    let mut most = 0;
    for _ in 0..1000 / AT_ONCE {
        let clients: Vec<_> = (0..AT_ONCE)
            .map(|number| {
                let mut client = server.connect();
                client.send(unfinished[number % unfinished.len()]);
                client
            })
            .collect();
        most = most.max(other.info("connected_clients"));
        drop(clients);
        other.ask("PING", "+PONG\r\n");
    }
    assert!(most > 1, "nobody was seen");
    eventually("all have left", || other.info("connected_clients") == 1);
    other.ask("EXISTS key", ":0\r\n");
    let resident = server.resident();
    assert!(resident < 64 << 10, "{resident} KiB for one client");
}

#[test]
fn clients_that_go_at_once_are_cleared_away() {
    let server = Server::start();
    for _ in 0..1000 {
        drop(server.connect());
    }
    let mut client = server.connect();
    eventually("all have left", || client.info("connected_clients") == 1);
}

#[test]
fn quit_ends_the_connection_after_its_reply() {
    let server = Server::start();
    let mut client = server.connect();
    client.send(b"SET a 1\r\nQUIT\r\nSET a 2\r\n");
    let mut replies = Vec::new();
    let end = client.stream.read_to_end(&mut replies);
    // What was sent behind QUIT is unread when the socket is closed.
    assert!(end.is_ok() || end.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    assert!(b"+OK\r\n+OK\r\n".starts_with(&replies));
    server.connect().ask("GET a", "$1\r\n1\r\n");
}
