//! A server in a process of its own, and a client of it.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long something that must happen may take; long enough for a loaded machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    stdout: BufReader<ChildStdout>,
    errors: Arc<Mutex<String>>,
}

/// The program with `arguments`, and pipes.
pub(crate) fn kv(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kv"));
    command.args(arguments);
    command
}

impl Server {
    /// On a free port.
    pub(crate) fn start() -> Server {
        Server::start_with(&[])
    }

    pub(crate) fn start_with(arguments: &[&str]) -> Server {
        let mut command = kv(&["--listen", "127.0.0.1:0"]);
        command.args(arguments);
        Server::start_command(command)
    }

    /// `command` starts the server; what it prints first holds the address.
    pub(crate) fn start_command(mut command: Command) -> Server {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let errors = Arc::new(Mutex::new(String::new()));
        collect(child.stderr.take().expect("piped"), errors.clone());
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut first = String::new();
        stdout.read_line(&mut first).expect("readable");
        let address = first
            .strip_prefix("kv: listening on ")
            .and_then(|rest| rest.split(';').next())
            .and_then(|address| address.parse().ok());
        let Some(address) = address else {
            let status = child.wait();
            panic!("{first:?}, {status:?}, {}", errors.lock().unwrap());
        };
        Server {
            child,
            address,
            stdout,
            errors,
        }
    }

    pub(crate) fn connect(&self) -> Client {
        Client::to(self.address)
    }

    /// What it has written to standard error until now.
    pub(crate) fn errors(&self) -> String {
        self.errors.lock().unwrap().clone()
    }

    /// Kilobytes of memory in use.
    pub(crate) fn resident(&self) -> usize {
        let path = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(path).expect("the server runs");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .expect("every process has some");
        let number = line.split_whitespace().next().expect("a number");
        number.parse().expect("a number")
    }

    pub(crate) fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &command]).status();
        assert!(status.expect("there is a shell").success());
    }

    /// Waits for its end; its status, and the rest of what it printed.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let status = wait_for_end(&mut self.child);
        let mut printed = String::new();
        self.stdout.read_to_string(&mut printed).expect("UTF-8");
        (status, printed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail if it has ended, which is what is wanted.
        let _ended_already = self.child.kill();
        let _waited_already = self.child.wait();
        if thread::panicking() {
            eprintln!("the server said: {}", self.errors());
        }
    }
}

/// Reads in the background, so that the server never waits for us.
fn collect(mut from: impl Read + Send + 'static, into: Arc<Mutex<String>>) {
    thread::spawn(move || {
        let mut buffer = [0; 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            into.lock()
                .unwrap()
                .push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    });
}

pub(crate) fn wait_for_end(child: &mut Child) -> ExitStatus {
    let mut status = None;
    eventually("the process ends", || {
        status = child.try_wait().expect("it is ours");
        status.is_some()
    });
    status.expect("it has ended")
}

/// Waits until `condition` holds.
#[track_caller]
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < LIMIT, "still not so: {what}");
        // Only paces the looks; what is waited for is the condition.
        thread::sleep(Duration::from_millis(2));
    }
}

/// A connection whose every call has a limit.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
}

impl Client {
    pub(crate) fn to(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        Client { stream }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
    }

    /// Reads as many bytes as `wanted` has and compares them.
    #[track_caller]
    pub(crate) fn expect(&mut self, wanted: &[u8], what: &str) {
        let mut reply = vec![0; wanted.len()];
        let mut filled = 0;
        while filled < reply.len() && reply[..filled] == wanted[..filled] {
            match self.stream.read(&mut reply[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) => panic!("{what}: {error} after {}", show(&reply[..filled])),
            }
        }
        assert_eq!(show(&reply[..filled]), show(wanted), "{what}");
    }

    /// Sends an inline request and expects the reply.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: &str, reply: &str) {
        self.send(format!("{request}\r\n").as_bytes());
        self.expect(reply.as_bytes(), request);
    }

    /// Sends an inline request and reads one line.
    pub(crate) fn line(&mut self, request: &str) -> String {
        self.send(format!("{request}\r\n").as_bytes());
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).expect("a line");
            line.extend(byte);
        }
        String::from_utf8_lossy(&line).into_owned()
    }

    /// The number in the line `name:number` of INFO.
    pub(crate) fn info(&mut self, name: &str) -> u64 {
        let length = self.line("INFO");
        let length: usize = length
            .trim_matches(['$', '\r', '\n'])
            .parse()
            .expect("a bulk");
        let mut text = vec![0; length + 2];
        self.stream.read_exact(&mut text).expect("all of it");
        let text = String::from_utf8(text).expect("UTF-8");
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.map_or_else(
            || panic!("no {name} in {text}"),
            |value| value.parse().expect("a number"),
        )
    }

    /// All that comes until the server closes; a reset is an end, too.
    #[track_caller]
    pub(crate) fn rest(&mut self, what: &str) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => rest,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => rest,
            Err(error) => panic!(
                "{what}: the server does not close: {error}, {}",
                show(&rest)
            ),
        }
    }
}

/// Bytes for people.
pub(crate) fn show(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(300)];
    shown.escape_ascii().to_string()
}
