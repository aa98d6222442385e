//! More clients than the process may have files open.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;

use crate::server::{LIMIT, Server, eventually};

const FILES: usize = 64;
const CLIENTS: usize = 200;

/// Opens once.
struct Gate {
    open: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.changed.notify_all();
    }

    fn wait(&self) {
        let closed = self.open.lock().unwrap();
        let (closed, result) = self
            .changed
            .wait_timeout_while(closed, 2 * LIMIT, |open| !*open)
            .unwrap();
        drop(closed);
        assert!(!result.timed_out(), "the gate stays closed");
    }
}

#[test]
fn more_clients_than_files_are_served_in_turn() {
    let script = format!("ulimit -n {FILES}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_kv")]);
    command.args(["--listen", "127.0.0.1:0"]);
    let server = Server::start_command(command);
    let served = AtomicUsize::new(0);
    let gate = Gate {
        open: Mutex::new(false),
        changed: Condvar::new(),
    };
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                // It is connected when the kernel has it, accepted or not.
                let mut client = server.connect();
                assert!(client.line("INCR served").starts_with(':'));
                served.fetch_add(1, Ordering::Relaxed);
                gate.wait();
            });
        }
        eventually("the server says that it is full", || {
            server.errors().contains("accept tcp")
        });
        eventually("those with a file are served", || {
            served.load(Ordering::Relaxed) >= FILES / 2
        });
        let first = served.load(Ordering::Relaxed);
        assert!(first < FILES, "{first} clients with {FILES} files");
        gate.open();
    });
    assert_eq!(served.load(Ordering::Relaxed), CLIENTS);
    server
        .connect()
        .ask("GET served", &format!("$3\r\n{CLIENTS}\r\n"));
}

#[test]
fn a_full_server_goes_on_serving_whom_it_has() {
    let script = format!("ulimit -n {FILES}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_kv")]);
    command.args(["--listen", "127.0.0.1:0"]);
    let server = Server::start_command(command);
    let mut first = server.connect();
    first.ask("SET key value", "+OK\r\n");
    let waiting: Vec<_> = (0..FILES + 10).map(|_| server.connect()).collect();
    eventually("it is full", || server.errors().contains("accept tcp"));
    for _ in 0..1000 {
        first.ask("GET key", "$5\r\nvalue\r\n");
    }
    drop(waiting);
    server.connect().ask("PING", "+PONG\r\n");
    first.ask("GET key", "$5\r\nvalue\r\n");
}
