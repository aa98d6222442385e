//! The replies recorded from Redis: `examples/kv/replies.txt`, which says what its lines mean.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::server::{Client, Server, eventually};

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let (byte, tail) = match (first, tail) {
            (b'\\', [b'r', tail @ ..]) => (b'\r', tail),
            (b'\\', [b'n', tail @ ..]) => (b'\n', tail),
            (b'\\', [b't', tail @ ..]) => (b'\t', tail),
            (b'\\', [b'\\', tail @ ..]) => (b'\\', tail),
            (b'\\', [b'x', high, low, tail @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).expect("ASCII");
                (u8::from_str_radix(digits, 16).expect("two digits"), tail)
            }
            (b'\\', _) => panic!("no such escape in {text}"),
            (byte, tail) => (*byte, tail),
        };
        bytes.push(byte);
        rest = tail;
    }
    bytes
}

#[test]
fn every_recorded_reply_is_given() {
    let server = Server::start();
    let address = std::env::var("KV_SERVER").map_or(server.address, |address| {
        address.parse().expect("KV_SERVER is HOST:PORT")
    });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("kv/replies.txt");
    let table = fs::read_to_string(path).expect("it is part of the project");
    let mut client: Option<Client> = None;
    let mut compared = 0;
    for (index, line) in table.lines().enumerate() {
        let place = format!("replies.txt:{}", index + 1);
        let connected = || {
            let mut client = Client::to(address);
            client.ask("FLUSHALL", "+OK\r\n");
            client
        };
        if let Some(bytes) = line.strip_prefix(">> ") {
            client.get_or_insert_with(connected).send(&unescape(bytes));
        } else if let Some(words) = line.strip_prefix("> ") {
            let bytes = format!("{words}\r\n");
            client.get_or_insert_with(connected).send(bytes.as_bytes());
        } else if let Some(reply) = line.strip_prefix("< ") {
            let client = client.as_mut().expect("a request first");
            client.expect(&unescape(reply), &place);
            compared += 1;
        } else if line == "end" {
            let mut client = client.take().expect("a connection");
            assert!(client.rest(&place).is_empty(), "{place}: more than a reply");
        } else {
            assert!(line.is_empty() || line.starts_with('#'), "{place}: {line}");
            // Nothing more may have come than was compared.
            if let Some(mut client) = client.take().filter(|_| line.is_empty()) {
                client.ask("ECHO end", "$3\r\nend\r\n");
            }
        }
    }
    assert!(compared >= 240, "only {compared} replies in the table");
}

#[test]
fn what_expires_is_removed_without_being_asked_for() {
    let server = Server::start();
    let mut client = server.connect();
    // Again when nothing is left to expire, and after everything was deleted.
    for end in ["DEL kept-longer", "FLUSHALL", "PING"] {
        for n in 0..2000 {
            client.ask(&format!("SET key{n} value PX {}", 1 + n % 50), "+OK\r\n");
        }
        client.ask("SET kept-longer value EX 1000", "+OK\r\n");
        client.ask("SET kept value", "+OK\r\n");
        // DBSIZE counts what is there, dead or alive.
        eventually("all but two are gone", || client.line("DBSIZE") == ":2\r\n");
        client.ask(
            "INFO keyspace",
            "$34\r\n# Keyspace\r\ndb0:keys=2,expires=1\r\n\r\n",
        );
        client.line(end);
    }
}

#[test]
fn what_has_expired_is_not_seen() {
    let server = Server::start();
    let mut client = server.connect();
    let start = Instant::now();
    client.ask("SET number 1 PX 300", "+OK\r\n");
    // The last to go.
    client.ask("SET key value PX 300", "+OK\r\n");
    // It may not be gone before its time (in whole milliseconds, as all deadlines are) ...
    while client.line("EXISTS key") == ":1\r\n" {
        assert!(start.elapsed() < Duration::from_secs(30), "it never goes");
    }
    assert!(
        start.elapsed() >= Duration::from_millis(299),
        "gone too early"
    );
    // ... and nothing of it is left.
    client.ask("GET key", "$-1\r\n");
    client.ask("TTL key", ":-2\r\n");
    client.ask("MGET key number", "*2\r\n$-1\r\n$-1\r\n");
    client.ask("KEYS *", "*0\r\n");
    client.ask("INCR number", ":1\r\n");
    client.ask("TTL number", ":-1\r\n");
    client.ask("SET key new XX", "$-1\r\n");
    client.ask("SET key new NX", "+OK\r\n");
    client.ask("DBSIZE", ":2\r\n");
}

#[test]
fn a_key_set_anew_has_one_deadline() {
    let server = Server::start();
    let mut client = server.connect();
    for n in 0..1000 {
        client.ask(&format!("SET key value EX {}", 1000 + n), "+OK\r\n");
    }
    client.ask(
        "INFO keyspace",
        "$34\r\n# Keyspace\r\ndb0:keys=1,expires=1\r\n\r\n",
    );
    client.ask("SET key value", "+OK\r\n");
    client.ask(
        "INFO keyspace",
        "$34\r\n# Keyspace\r\ndb0:keys=1,expires=0\r\n\r\n",
    );
}

#[test]
fn values_of_any_size_and_content_come_back() {
    let server = Server::start();
    let mut client = server.connect();
    // Around the sizes of the buffers on the way.
    for size in [
        0, 1, 255, 4095, 4096, 16383, 16384, 16385, 65536, 100_000, 5_000_000,
    ] {
        let value: Vec<u8> = (0..size).map(|n: u32| ((n * 31) >> 3) as u8).collect();
        let head = format!("${size}\r\n");
        let request = [
            b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n",
            head.as_bytes(),
            &value,
            b"\r\n",
        ];
        client.send(&request.concat());
        client.expect(b"+OK\r\n", "SET");
        client.send(b"GET k\r\n");
        client.expect(&[head.as_bytes(), &value, b"\r\n"].concat(), "GET");
    }
}

#[test]
fn increments_of_many_clients_add_up() {
    const CLIENTS: usize = 8;
    const EACH: usize = 2000;
    let server = Server::start();
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = server.connect();
                client.send("INCR n\r\n".repeat(EACH).as_bytes());
                let mut replies = 0;
                let mut buffer = [0; 4096];
                while replies < EACH {
                    let count =
                        std::io::Read::read(&mut client.stream, &mut buffer).expect("replies");
                    assert!(count > 0, "closed after {replies}");
                    replies += buffer[..count].iter().filter(|&&byte| byte == b':').count();
                }
            });
        }
    });
    server
        .connect()
        .ask("GET n", &format!("$5\r\n{}\r\n", CLIENTS * EACH));
}
