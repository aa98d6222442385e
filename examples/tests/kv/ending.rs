//! How the program starts, refuses to start, and ends.

use std::io::{ErrorKind, Read, Write};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::server::{LIMIT, Server, eventually, kv, wait_for_end};

/// Sends and reads until the server ends the connection; counts the replies.
fn load(server: &Server, replies: &AtomicU64) {
    const BATCH: u64 = 20;
    let mut client = server.connect();
    let batch = "INCR n\r\n".repeat(BATCH as usize);
    let mut buffer = [0; 4096];
    loop {
        let mut left = BATCH as usize;
        let sent = client.stream.write_all(batch.as_bytes());
        if sent.is_err() {
            return;
        }
        while left > 0 {
            match client.stream.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => {
                    let got = buffer[..count].iter().filter(|&&b| b == b':').count();
                    replies.fetch_add(got as u64, Ordering::Relaxed);
                    left -= got;
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                    return;
                }
            }
        }
    }
}

fn stops_under_load(signal: &str) {
    let server = Server::start();
    let replies = AtomicU64::new(0);
    // One that waits for a request, one in the middle of one, one that does not read: none may hold it up.
    let mut idle = server.connect();
    idle.ask("PING", "+PONG\r\n");
    let mut half = server.connect();
    half.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000\r\nx");
    let mut deaf = server.connect();
    let value = "x".repeat(60_000);
    deaf.ask(&format!("SET big {value}"), "+OK\r\n");
    deaf.send(&b"MGET big big big big big big big big\r\n".repeat(50));
    let address = server.address;
    let start = thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| load(&server, &replies));
        }
        eventually("there is load", || replies.load(Ordering::Relaxed) > 5000);
        server.signal(signal);
        Instant::now()
        // The scope ends when every connection has.
    });
    let (status, printed) = server.end();
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(status.code(), Some(0), "{printed}");
    let last = printed.lines().last().expect("it says how it ended");
    let served = last
        .strip_prefix("kv: stopped; ")
        .and_then(|rest| rest.strip_suffix(" commands served"))
        .and_then(|number| number.parse::<u64>().ok());
    let served = served.unwrap_or_else(|| panic!("{printed}"));
    assert!(
        served >= replies.load(Ordering::Relaxed),
        "{served}: {replies:?}"
    );
    assert!(idle.rest("the idle one").is_empty());
    // The port is free at once.
    let again = Server::start_command(kv(&["--listen", &address.to_string()]));
    again.connect().ask("DBSIZE", ":0\r\n");
}

#[test]
fn sigterm_under_load_is_a_clean_end() {
    stops_under_load("TERM");
}

#[test]
fn sigint_under_load_is_a_clean_end() {
    stops_under_load("INT");
}

#[test]
fn an_idle_server_stops_at_once() {
    let server = Server::start();
    server.signal("TERM");
    let (status, printed) = server.end();
    assert_eq!(status.code(), Some(0));
    assert!(
        printed.ends_with("kv: stopped; 0 commands served\n"),
        "{printed}"
    );
}

#[test]
fn it_says_how_to_try_it() {
    let server = Server::start();
    let port = server.address.port();
    server.signal("TERM");
    let (_, printed) = server.end();
    assert!(
        printed.contains(&format!("redis-cli -p {port} ")),
        "{printed}"
    );
    assert!(
        printed.contains(&format!("redis-benchmark -p {port} ")),
        "{printed}"
    );
}

/// Runs the program to its end; its status, output and errors.
fn runs(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut child = kv(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let status = wait_for_end(&mut child);
    let output = child.wait_with_output().expect("it has ended");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_port_in_use_is_explained() {
    let server = Server::start();
    let address = server.address.to_string();
    let (status, _, errors) = runs(&["--listen", &address]);
    assert_eq!(status, Some(1), "{errors}");
    assert!(errors.contains(&address), "{errors}");
    assert!(errors.contains("another program listens there"), "{errors}");
    assert!(errors.contains("--listen"), "{errors}");
    // The first is not disturbed.
    server.connect().ask("PING", "+PONG\r\n");
}

#[test]
fn addresses_that_cannot_be_are_explained() {
    for address in [
        "nonsense",
        "127.0.0.1",
        "127.0.0.1:port",
        "127.0.0.1:70000",
        "203.0.113.1:0",
    ] {
        let (status, _, errors) = runs(&["--listen", address]);
        assert_eq!(status, Some(1), "{address}: {errors}");
        assert!(errors.starts_with("kv: cannot listen on "), "{errors}");
        assert!(errors.contains(address), "{errors}");
    }
}

#[test]
fn wrong_arguments_are_refused() {
    let cases: [&[&str]; 7] = [
        &["--port", "1"],
        &["127.0.0.1:0"],
        &["--listen"],
        &["--write-timeout"],
        &["--write-timeout", "soon"],
        &["--write-timeout", "0"],
        &["--write-timeout", "-1"],
    ];
    for arguments in cases {
        let (status, printed, errors) = runs(arguments);
        assert_eq!(status, Some(2), "{arguments:?}: {errors}");
        assert!(printed.is_empty(), "{printed}");
        assert!(errors.contains("kv --help"), "{arguments:?}: {errors}");
    }
}

#[test]
fn help_is_given() {
    for argument in ["--help", "-h"] {
        let (status, printed, errors) = runs(&[argument]);
        assert_eq!(status, Some(0), "{errors}");
        for option in ["--listen", "--write-timeout", "RUST_ROUTINES_WORKERS"] {
            assert!(printed.contains(option), "{printed}");
        }
    }
}

#[test]
fn a_second_signal_ends_it_whatever_happens() {
    let server = Server::start();
    let start = Instant::now();
    server.signal("TERM");
    // It may have ended before the second, and well; or by it.
    server.signal("TERM");
    let (status, _) = server.end();
    assert!(matches!(status.code(), Some(0 | 1)), "{status}");
    assert!(start.elapsed() < LIMIT);
}
