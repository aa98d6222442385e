//! A server in a process of its own: started, waited for until it says where it listens, looked at while it serves, ended.
//!
//! Its input is a pipe that we hold: the echo servers end when it closes, so that none outlives a harness that is killed.
//! Whatever the server, this end kills it, for a measurement's server has nothing to save.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::proc::{self, Memory};
use crate::sample::Sample;

/// A server on an idle machine is up in milliseconds; this is for one that never will be.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A running process that talks in lines; killed when dropped.
pub(super) struct Server {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    lines: mpsc::Receiver<String>,
}

impl Server {
    /// Starts it.
    pub(super) fn start(command: &mut Command) -> Result<Self, String> {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("cannot run {name}: {e}"))?;
        let (says, lines) = mpsc::channel();
        if let Some(output) = child.stdout.take() {
            // Reads on to its end: a server whose output nobody takes would one day block on it.
            thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    // Nobody listens any more once the server has said what was waited for.
                    drop(says.send(line));
                }
            });
        }
        let input = child.stdin.take();
        Ok(Self {
            name,
            child,
            input,
            lines,
        })
    }

    /// Waits for a line from which `find` gets what it looks for.
    pub(super) fn says<T>(&self, find: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        let deadline = Instant::now() + START_LIMIT;
        let mut said = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => match find(&line) {
                    Some(found) => return Ok(found),
                    None => said.push(line),
                },
                Err(why) => {
                    let said = said.join("\n    ");
                    return Err(format!("{} said only ({why}): {said}", self.name));
                }
            }
        }
    }

    /// Writes a line to its input.
    pub(super) fn tell(&mut self, line: &str) -> Result<(), String> {
        let input = self.input.as_mut().ok_or("its input is closed")?;
        writeln!(input, "{line}").map_err(|e| format!("{}: {e}", self.name))
    }

    /// What it has in RAM.
    pub(super) fn memory(&self) -> Option<Memory> {
        Memory::of(&self.child.id().to_string())
    }

    /// CPU time of its threads so far.
    pub(super) fn cpu_time(&self) -> Option<Duration> {
        proc::cpu_time_of(self.child.id())
    }

    /// `sample` with what this process has used in all.
    pub(super) fn described(&self, sample: Sample) -> Sample {
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        sample
            .with_known("cpu_ms", self.cpu_time().map(millis))
            .with_known(
                "peak_rss_mib",
                proc::peak_rss_mib_of(&self.child.id().to_string()),
            )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.input.take());
        let ended = self.child.kill().and_then(|()| self.child.wait());
        if let Err(error) = ended {
            eprintln!("{} cannot be ended: {error}", self.name);
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Server {
        Server::start(Command::new("sh").args(["-c", script])).expect("a shell")
    }

    #[test]
    fn what_it_says_is_found_among_the_lines() {
        let mut server = shell("echo starting; read x; echo got $x; cat");
        server.tell("7").expect("it reads");
        let found = server.says(|line| line.strip_prefix("got ")?.parse().ok());
        assert_eq!(found, Ok(7));
    }

    #[test]
    fn who_ends_without_a_word_is_an_error_that_tells_what_was_said() {
        let problem = shell("echo no port")
            .says(|line| line.parse::<u16>().ok())
            .expect_err("it says no number");
        assert!(problem.contains("no port"), "{problem}");
    }

    #[test]
    fn dropping_ends_it() {
        let server = shell("echo up; cat");
        server
            .says(|line| (line == "up").then_some(()))
            .expect("it says so");
        let id = server.child.id();
        drop(server);
        assert!(proc::cpu_time_of(id).is_none(), "there is no such process");
    }
}
