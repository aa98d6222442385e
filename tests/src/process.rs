//! Child processes: for what ends a process, or is counted per process.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::probe::Process;

/// How long a child may live.
const LIFE: Duration = Duration::from_secs(60);

/// What a child has left behind.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// Everything it wrote to stdout.
    pub stdout: String,
    /// Everything it wrote to stderr.
    pub stderr: String,
}

impl Ended {
    /// The signal that ended it.
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// The value of the line `key=value` on its stdout.
    ///
    /// # Panics
    /// If there is no such line.
    #[track_caller]
    pub fn value(&self, key: &str) -> &str {
        self.stdout
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
            .unwrap_or_else(|| panic!("the child has not said `{key}=`: {self:#?}"))
    }

    /// As [`value`](Self::value), as a number.
    ///
    /// # Panics
    /// If there is no such line, or no number in it.
    #[track_caller]
    pub fn number(&self, key: &str) -> u64 {
        let value = self.value(key);
        value
            .parse()
            .unwrap_or_else(|error| panic!("{key}={value}: {error}"))
    }

    /// Itself, if it ended well.
    ///
    /// # Panics
    /// If it did not, with all that it wrote.
    #[track_caller]
    pub fn success(self) -> Ended {
        assert!(self.status.success(), "the child failed: {self:#?}");
        self
    }
}

/// `program` with a limit of `files` open descriptors; arguments can be added.
///
/// The shell sets both limits, so what the program may have does not depend on how the tests were
/// started. It says so if the limit cannot be had.
pub fn with_files(files: u32, program: &str) -> Command {
    let mut command = Command::new("sh");
    let script = format!("ulimit -n {files} && exec \"$0\" \"$@\"");
    command.args(["-c", &script, program]);
    command
}

/// Sets the limit of open descriptors of a process that runs, by the command of the system.
///
/// # Panics
/// If it cannot be set.
#[track_caller]
pub fn limit_files(process: u32, files: u32) {
    let mut command = Command::new("prlimit");
    command.args(["--pid", &process.to_string()]);
    let status = command.arg(format!("--nofile={files}:{files}")).status();
    let status = status.expect("the command `prlimit`, of util-linux");
    assert!(status.success(), "{command:?}: {status}");
}

/// Limits the address space of a process that runs to `more` bytes more than it has; `None`: no limit.
///
/// # Panics
/// If it cannot be set.
#[track_caller]
pub fn limit_growth(process: u32, more: Option<u64>) {
    let limit = match more {
        Some(more) => (Process::of(process).virtual_kib() * 1024 + more).to_string(),
        None => "unlimited".to_string(),
    };
    let mut command = Command::new("prlimit");
    command.args(["--pid", &process.to_string()]);
    let status = command.arg(format!("--as={limit}:unlimited")).status();
    let status = status.expect("the command `prlimit`, of util-linux");
    assert!(status.success(), "{command:?}: {status}");
}

/// Runs `command` to its end.
///
/// # Panics
/// If it cannot be started, or has not ended after 60 s; then it is killed.
#[track_caller]
pub fn run(command: &mut Command) -> Ended {
    Running::start(command).finish()
}

/// A resolver of names that does not answer. That of glibc reads a file that the environment names before it looks
/// anything up; here that is a pipe in which nobody writes.
pub struct SilentResolver {
    folder: PathBuf,
}

impl SilentResolver {
    /// With a pipe of its own in `folder`.
    ///
    /// # Panics
    /// If that cannot be made.
    #[track_caller]
    pub fn new(folder: &Path, name: &str) -> SilentResolver {
        let folder = folder.join(format!("resolver-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder of our own");
        let resolver = SilentResolver { folder };
        let made = Command::new("mkfifo").arg(resolver.pipe()).status();
        assert!(made.expect("the command `mkfifo`").success());
        resolver
    }

    fn pipe(&self) -> PathBuf {
        self.folder.join("host.conf")
    }

    /// Makes `command` ask it.
    pub fn asked_by<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("RESOLV_HOST_CONF", self.pipe())
    }

    /// Answers, once somebody asks.
    ///
    /// # Panics
    /// If the pipe is gone.
    #[track_caller]
    pub fn answer(self) {
        fs::write(self.pipe(), "").expect("somebody reads it");
    }
}

impl Drop for SilentResolver {
    fn drop(&mut self) {
        // What is left lies in the tests' own folder.
        let _removed = fs::remove_dir_all(&self.folder);
    }
}

/// A child that is spoken with: it writes lines, and goes on when its stdin is closed.
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    said: String,
    stderr: thread::JoinHandle<String>,
    killer: Killer,
}

impl Running {
    /// Starts `command`.
    ///
    /// # Panics
    /// If it cannot be started.
    #[track_caller]
    pub fn start(command: &mut Command) -> Running {
        let (child, mut stderr) = spawn(command);
        let stderr = thread::spawn(move || {
            let mut text = Vec::new();
            stderr.read_to_end(&mut text).expect("the child's stderr");
            String::from_utf8_lossy(&text).into_owned()
        });
        Running::new(child, stderr)
    }

    /// Starts `command` with a stderr that nobody reads any more, as behind `2>&1 | head`: what it
    /// writes there is refused.
    ///
    /// # Panics
    /// If it cannot be started.
    #[track_caller]
    pub fn start_unheard(command: &mut Command) -> Running {
        let (child, stderr) = spawn(command);
        drop(stderr);
        Running::new(child, thread::spawn(String::new))
    }

    fn new(mut child: Child, stderr: thread::JoinHandle<String>) -> Running {
        let stdout = child.stdout.take().expect("piped when it was started");
        Running {
            stdin: child.stdin.take(),
            killer: Killer::arm(child.id()),
            child,
            stdout: BufReader::new(stdout),
            said: String::new(),
            stderr,
        }
    }

    /// The child's process number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Reads until the child has written the line `line`.
    ///
    /// # Panics
    /// If it ends without.
    #[track_caller]
    pub fn wait_for_line(&mut self, line: &str) {
        loop {
            let start = self.said.len();
            let read = self.stdout.read_line(&mut self.said);
            if read.expect("the child's stdout is text") == 0 {
                panic!(
                    "the child has ended without the line {line:?}; it said {:?}",
                    self.said
                );
            }
            if self.said[start..].trim_end() == line {
                return;
            }
        }
    }

    /// Writes a line to the child.
    ///
    /// # Panics
    /// If it does not listen any more.
    pub fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("open until `finish`");
        writeln!(stdin, "{line}").expect("the child listens");
    }

    /// Closes the child's stdin and waits for its end.
    ///
    /// # Panics
    /// If it had to be killed.
    #[track_caller]
    pub fn finish(mut self) -> Ended {
        drop(self.stdin.take());
        let mut rest = Vec::new();
        self.stdout
            .read_to_end(&mut rest)
            .expect("the child's stdout");
        let status = self.child.wait().expect("the child was started");
        let in_time = self.killer.disarm();
        self.said.push_str(&String::from_utf8_lossy(&rest));
        let ended = Ended {
            status,
            stdout: self.said,
            stderr: self.stderr.join().expect("the reader of stderr"),
        };
        assert!(
            in_time,
            "the child had to be killed after {} s: {ended:#?}",
            LIFE.as_secs()
        );
        ended
    }
}

/// A child whose stdin, stdout and stderr are pipes, and the last of them.
#[track_caller]
fn spawn(command: &mut Command) -> (Child, ChildStderr) {
    let mut child = command
        // What a child writes is compared and shown, so it is kept short.
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stderr = child.stderr.take().expect("piped above");
    (child, stderr)
}

/// Kills a child that hangs, by the system's own command: a `Child` cannot be killed while another
/// thread waits for it.
struct Killer {
    alive: mpsc::Sender<()>,
    thread: thread::JoinHandle<()>,
    armed: Instant,
}

impl Killer {
    fn arm(child: u32) -> Killer {
        let (alive, dead) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            if dead.recv_timeout(LIFE) == Err(mpsc::RecvTimeoutError::Timeout) {
                let kill = Command::new("kill")
                    .args(["-KILL", &child.to_string()])
                    .status();
                kill.expect("the command `kill`");
            }
        });
        Killer {
            alive,
            thread,
            armed: Instant::now(),
        }
    }

    /// Whether it has not come to that.
    fn disarm(self) -> bool {
        let in_time = self.armed.elapsed() < LIFE;
        drop(self.alive);
        self.thread.join().expect("the killer does not panic");
        in_time
    }
}
