//! What is no request of the Redis protocol. Whatever comes: an error or the end, and others are served as before.

use std::net::Shutdown;

use crate::server::{Server, show};

/// What is sent, and the words of the error with which the server has to end the connection.
const REFUSED: &[(&[u8], &str)] = &[
    (b"*\r\n", "invalid multibulk length"),
    (b"*\n", "invalid multibulk length"),
    (b"*a\r\n", "invalid multibulk length"),
    (b"*1", ""),
    (b"*1\n", "invalid multibulk length"),
    (b"*1 \r\n", "invalid multibulk length"),
    (b"* 1\r\n", "invalid multibulk length"),
    (b"*1\r\r\n", "invalid multibulk length"),
    (b"*+1\r\n", "invalid multibulk length"),
    (b"*--1\r\n", "invalid multibulk length"),
    (b"*-\r\n", "invalid multibulk length"),
    (b"*01\r\n", "invalid multibulk length"),
    (b"*-0\r\n", "invalid multibulk length"),
    (b"*1.5\r\n", "invalid multibulk length"),
    (b"*0x1\r\n", "invalid multibulk length"),
    (b"*1e3\r\n", "invalid multibulk length"),
    (b"*\x00\r\n", "invalid multibulk length"),
    (b"*\xff\xff\r\n", "invalid multibulk length"),
    (b"*1048577\r\n", "invalid multibulk length"),
    (b"*2147483648\r\n", "invalid multibulk length"),
    (b"*4294967297\r\n", "invalid multibulk length"),
    (b"*9223372036854775807\r\n", "invalid multibulk length"),
    (b"*9223372036854775808\r\n", "invalid multibulk length"),
    (b"*18446744073709551617\r\n", "invalid multibulk length"),
    (
        b"*99999999999999999999999999\r\n",
        "invalid multibulk length",
    ),
    (b"*1*1\r\n", "invalid multibulk length"),
    (b"**1\r\n", "invalid multibulk length"),
    (b"*1\r\n\r\n", "expected '$', got ' '"),
    (b"*1\r\n\n", "expected '$', got ' '"),
    (b"*1\r\nPING\r\n", "expected '$', got 'P'"),
    (b"*1\r\n*1\r\n$4\r\nPING\r\n", "expected '$', got '*'"),
    (b"*1\r\n+OK\r\n", "expected '$', got '+'"),
    (b"*1\r\n-ERR\r\n", "expected '$', got '-'"),
    (b"*1\r\n:1\r\n", "expected '$', got ':'"),
    (b"*1\r\n 4\r\nPING\r\n", "expected '$', got ' '"),
    (b"*2\r\n$3\r\nGET\r\nkey\r\n", "expected '$', got 'k'"),
    (b"*2\r\n$3\r\nGET\r\n*1\r\n", "expected '$', got '*'"),
    (b"*1\r\n$\r\n", "invalid bulk length"),
    (b"*1\r\n$\n", "invalid bulk length"),
    (b"*1\r\n$a\r\n", "invalid bulk length"),
    (b"*1\r\n$4\nPING\r\n", "invalid bulk length"),
    (b"*1\r\n$4 \r\nPING\r\n", "invalid bulk length"),
    (b"*1\r\n$ 4\r\nPING\r\n", "invalid bulk length"),
    (b"*1\r\n$+4\r\nPING\r\n", "invalid bulk length"),
    (b"*1\r\n$04\r\nPING\r\n", "invalid bulk length"),
    (b"*1\r\n$4.0\r\nPING\r\n", "invalid bulk length"),
    (b"*1\r\n$-1\r\n", "invalid bulk length"),
    (b"*1\r\n$-0\r\n", "invalid bulk length"),
    (b"*1\r\n$-9223372036854775808\r\n", "invalid bulk length"),
    (b"*1\r\n$$4\r\nPING\r\n", "invalid bulk length"),
    (b"*1\r\n$67108865\r\n", "invalid bulk length"),
    (b"*1\r\n$536870913\r\n", "invalid bulk length"),
    (b"*1\r\n$4294967300\r\nPING\r\n", "invalid bulk length"),
    (b"*1\r\n$9223372036854775807\r\n", "invalid bulk length"),
    (
        b"*1\r\n$18446744073709551620\r\nPING\r\n",
        "invalid bulk length",
    ),
    (b"*2\r\n$4\r\nECHO\r\n$-1\r\n", "invalid bulk length"),
    (b"*1\r\n$4\r\nPINGPING\r\n", "expected CRLF after bulk"),
    (b"*1\r\n$4\r\nPING\n", "expected CRLF after bulk"),
    (b"*1\r\n$4\r\nPING\rX", "expected CRLF after bulk"),
    (b"*1\r\n$3\r\nPING\r\n", "expected CRLF after bulk"),
    (b"*1\r\n$0\r\nPING\r\n", "expected CRLF after bulk"),
    (b"\"\r\n", "unbalanced quotes in request"),
    (b"'\r\n", "unbalanced quotes in request"),
    (b"GET \"key\r\n", "unbalanced quotes in request"),
    (b"GET 'key\r\n", "unbalanced quotes in request"),
    (b"GET \"key\\\"\r\n", "unbalanced quotes in request"),
    (b"GET 'key\\'\r\n", "unbalanced quotes in request"),
    (b"GET \"a\"b\r\n", "unbalanced quotes in request"),
    (b"GET 'a''b'\r\n", "unbalanced quotes in request"),
    (b"GET \"\\x4\r\n", "unbalanced quotes in request"),
];

/// Frames that stop in the middle, or are of another protocol: no reply or an ordinary error, but never trouble.
const STRANGE: &[&[u8]] = &[
    b"",
    b"\r",
    b"\n",
    b"\r\n\r\n\r\n",
    b"\0",
    b"\0\r\n",
    b"*",
    b"$",
    b"$4\r\nPING\r\n",
    b"+PING\r\n",
    b"-ERR\r\n",
    b":1\r\n",
    b"%1\r\n+a\r\n:1\r\n",
    b"~1\r\n+a\r\n",
    b"*0\r\n",
    b"*-1\r\n",
    b"*-9223372036854775808\r\n",
    b"*3\r\n$3\r\nSET\r\n$1\r\nk",
    b"*1\r\n$4\r\nPING\r",
    b"*1048576\r\n",
    b"*1048576\r\n$67108864\r\n",
    b"*1\r\n$67108864\r\nabc",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nPING",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\xff\xfe\xfd\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
];

/// Sends, ends the sending, and gives all that comes back until the server closes.
fn send_and_end(server: &Server, input: &[u8]) -> Vec<u8> {
    let mut client = server.connect();
    client.send(input);
    client.stream.shutdown(Shutdown::Write).expect("connected");
    client.rest(&show(input))
}

#[track_caller]
fn still_serves(server: &Server, after: &[u8]) {
    let mut client = server.connect();
    client.send(b"*1\r\n$4\r\nPING\r\n");
    client.expect(b"+PONG\r\n", &format!("after {}", show(after)));
}

#[test]
fn broken_frames_are_refused_in_redis_words() {
    const { assert!(REFUSED.len() >= 60) };
    let server = Server::start();
    for (input, words) in REFUSED {
        // No words: it is cut short, and gets no reply.
        if words.is_empty() {
            assert_eq!(show(&send_and_end(&server, input)), "");
        } else {
            // The client does not end: the server has to.
            let mut client = server.connect();
            client.send(input);
            let wanted = format!("-ERR Protocol error: {words}\r\n");
            client.expect(wanted.as_bytes(), &show(input));
            client.stream.shutdown(Shutdown::Write).expect("connected");
            assert_eq!(show(&client.rest(&show(input))), "");
        }
        still_serves(&server, input);
    }
}

#[test]
fn strange_input_harms_nobody() {
    let server = Server::start();
    for input in STRANGE {
        let reply = send_and_end(&server, input);
        assert!(
            reply.is_empty() || reply.starts_with(b"-ERR "),
            "{} was answered {}",
            show(input),
            show(&reply)
        );
        still_serves(&server, input);
    }
}

#[test]
fn what_is_too_large_is_refused_before_it_is_there() {
    let server = Server::start();
    let before = server.resident();
    let long = vec![b'a'; 70 << 10];
    let digits = vec![b'1'; 70 << 10];
    let cases: [(Vec<u8>, &str); 4] = [
        (long.clone(), "too big inline request"),
        ([b"GET ", &long[..]].concat(), "too big inline request"),
        ([b"*", &digits[..]].concat(), "too big mbulk count string"),
        (
            [b"*1\r\n$", &digits[..]].concat(),
            "too big bulk count string",
        ),
    ];
    for (input, words) in &cases {
        let mut client = server.connect();
        client.send(input);
        let wanted = format!("-ERR Protocol error: {words}\r\n");
        client.expect(wanted.as_bytes(), words);
        drop(client);
        still_serves(&server, words.as_bytes());
    }
    let grown = server.resident().saturating_sub(before);
    assert!(grown < 8 << 10, "{grown} KiB for requests of 70");
}

#[test]
fn many_elements_do_not_add_up_to_unbounded_memory() {
    let server = Server::start();
    let mut client = server.connect();
    // Each is allowed, all together are not: 256 MiB and a byte.
    let element = [&b"$16777216\r\n"[..], &vec![b'x'; 16 << 20], b"\r\n"].concat();
    client.send(b"*100\r\n");
    for _ in 0..16 {
        client.send(&element);
    }
    client.send(b"$1\r\n");
    client.expect(b"-ERR Protocol error: too big request\r\n", "the 17th");
    drop(client);
    still_serves(&server, b"a large request");
}

/// Every cut of a good request, and every one of its bytes turned into something else.
#[test]
fn no_cut_and_no_wrong_byte_harms_others() {
    let server = Server::start();
    let good = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nvv\r\n";
    for cut in 0..good.len() {
        let reply = send_and_end(&server, &good[..cut]);
        assert_eq!(show(&reply), "", "cut at {cut}");
    }
    for place in 0..good.len() {
        for wrong in [0, b'\r', b'\n', b'0', b'9', b'*', b'$', b'-', b'z', 0xff] {
            let mut input = good.to_vec();
            input[place] = wrong;
            let reply = send_and_end(&server, &input);
            let whole = reply.is_empty() || reply.ends_with(b"\r\n");
            assert!(whole, "{}: {}", show(&input), show(&reply));
        }
    }
    still_serves(&server, good);
}

/// Noise with a fixed seed, made of what the protocol is made of so that it gets past the first byte.
#[test]
fn noise_harms_nobody() {
    const PIECES: [&[u8]; 16] = [
        b"*", b"$", b"\r\n", b"\n", b"\r", b"1", b"2", b"3", b"-1", b"GET", b"SET", b"k", b" ",
        b"\"", b"\0", b"\xff",
    ];
    let server = Server::start();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..500 {
        let mut input = Vec::new();
        for _ in 0..40 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            input.extend(PIECES[(state % 16) as usize]);
        }
        send_and_end(&server, &input);
    }
    still_serves(&server, b"noise");
}
