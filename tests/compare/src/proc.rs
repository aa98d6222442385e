//! Processes: runs a child with a time limit, and reads what this process uses.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

#[cfg(unix)]
use rustix::process::{Resource, Rlimit};
use rustix::time::{ClockId, clock_gettime};

/// Runs `command` to its end, but no longer than `limit`: a benchmark that hangs is a failure of its own, not of the
/// whole run. Gives back what it printed; the error tells what it wrote to standard error.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("cannot run {name}: {e}"))?;
    // A child that ends closes both pipes, so the two readers tell of its end, and no full pipe can block it.
    let stdout = reader(child.stdout.take());
    let stderr = reader(child.stderr.take());
    let deadline = Instant::now() + limit;
    let read = |from: &mpsc::Receiver<String>| {
        from.recv_timeout(deadline.saturating_duration_since(Instant::now()))
    };
    let (Ok(stdout), Ok(stderr)) = (read(&stdout), read(&stderr)) else {
        child
            .kill()
            .map_err(|e| format!("{name} runs longer than {limit:?} and cannot be killed: {e}"))?;
        child.wait().map_err(|e| e.to_string())?;
        return Err(format!("{name} ran longer than {limit:?}"));
    };
    let status = child.wait().map_err(|e| e.to_string())?;
    if status.success() {
        Ok(stdout)
    } else {
        Err(format!(
            "{name} ended with {status}: {}",
            first_lines(&stderr, 6)
        ))
    }
}

fn reader(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (tx, rx) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let text = match pipe.map(|mut pipe| pipe.read_to_end(&mut bytes)) {
            Some(Err(e)) => format!("(cannot be read: {e})"),
            _ => String::from_utf8_lossy(&bytes).into_owned(),
        };
        // The receiver is gone if the limit has passed: then nobody wants it.
        drop(tx.send(text));
    });
    rx
}

/// The first few lines of a long text and no more: a crash says what it is in its first lines.
fn first_lines(text: &str, lines: usize) -> String {
    let mut kept: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .take(lines + 1)
        .collect();
    if kept.len() > lines {
        kept[lines] = "...";
    }
    kept.join("\n    ")
}

/// What a process has in RAM at one moment, in KiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    rss: f64,
    page_tables: f64,
}

impl Memory {
    /// This process now; `None` where there is no `/proc`.
    pub(crate) fn now() -> Option<Self> {
        Self::of("self")
    }

    /// A process by its number; `None` if there is none.
    pub(crate) fn of(process: &str) -> Option<Self> {
        let status = status(process)?;
        Some(Self {
            rss: field(&status, "VmRSS")?,
            page_tables: field(&status, "VmPTE")?,
        })
    }

    /// What was added since `before`, as bytes for each of `n`: resident, and resident with the page tables.
    pub(crate) fn growth(self, before: Self, n: u64) -> (f64, f64) {
        let each = |kib: f64| kib * 1024.0 / n as f64;
        let rss = each(self.rss - before.rss);
        (rss, rss + each(self.page_tables - before.page_tables))
    }
}

/// The most this process has ever had in RAM, in MiB.
pub(crate) fn peak_rss_mib() -> Option<f64> {
    peak_rss_mib_of("self")
}

/// The same of a process by its number.
pub(crate) fn peak_rss_mib_of(process: &str) -> Option<f64> {
    Some(field(&status(process)?, "VmHWM")? / 1024.0)
}

fn status(process: &str) -> Option<String> {
    std::fs::read_to_string(format!("/proc/{process}/status")).ok()
}

/// A number of `/proc/.../status`.
pub(crate) fn field(status: &str, name: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// CPU time of all threads of this process so far. Of a clock that counts nanoseconds: the ticks in `/proc` are 10 ms.
pub(crate) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        time.tv_nsec.unsigned_abs() as u32,
    )
}

/// CPU time of another process: of the threads it has now, in nanoseconds where the ticks of its own line are 10 ms.
/// `None` if it is gone.
pub(crate) fn cpu_time_of(process: u32) -> Option<Duration> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let nanos = threads.flatten().filter_map(|thread| {
        let times = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        times.split_whitespace().next()?.parse::<u64>().ok()
    });
    // A process that has ended and not been waited for has a thread, without a time.
    nanos
        .reduce(|sum, nanos| sum + nanos)
        .map(Duration::from_nanos)
}

/// The most files this process could have open; `None` where no such limit is known.
#[cfg(unix)]
pub(crate) fn most_files() -> Option<u64> {
    rustix::process::getrlimit(Resource::Nofile).maximum
}

#[cfg(not(unix))]
pub(crate) fn most_files() -> Option<u64> {
    None
}

/// Lets this process have as many files open as it may: the limit one starts with is meant for `select`, and a thousand
/// connections are more. Go does this by itself.
#[cfg(unix)]
pub(crate) fn raise_file_limit() -> Result<(), String> {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    rustix::process::setrlimit(Resource::Nofile, raised)
        .map_err(|e| format!("the limit of open files cannot be raised: {e}"))
}

#[cfg(not(unix))]
pub(crate) fn raise_file_limit() -> Result<(), String> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_comes_back() {
        let output = run(&mut shell("echo a; echo b >&2"), Duration::from_secs(60));
        assert_eq!(output.as_deref(), Ok("a\n"));
    }

    #[test]
    fn failure_tells_what_was_said() {
        let problem =
            run(&mut shell("echo oops >&2; exit 3"), Duration::from_secs(60)).expect_err("exit 3");
        assert!(
            problem.contains("oops") && problem.contains('3'),
            "{problem}"
        );
    }

    #[test]
    fn who_hangs_is_ended() {
        let problem =
            run(&mut shell("exec sleep 600"), Duration::from_millis(50)).expect_err("a hang");
        assert!(problem.contains("longer"), "{problem}");
    }

    #[test]
    fn status_fields_are_read() {
        let status = "Name:\tx\nVmRSS:\t    1788 kB\nvoluntary_ctxt_switches:\t12\n";
        assert_eq!(field(status, "VmRSS"), Some(1788.0));
        assert_eq!(field(status, "voluntary_ctxt_switches"), Some(12.0));
        assert_eq!(field(status, "VmPTE"), None);
    }

    #[test]
    fn growth_is_per_piece() {
        let before = Memory {
            rss: 1000.0,
            page_tables: 100.0,
        };
        let after = Memory {
            rss: 1400.0,
            page_tables: 150.0,
        };
        assert_eq!(after.growth(before, 100), (4096.0, 4608.0));
    }

    #[test]
    fn the_cpu_clock_runs() {
        let before = cpu_time();
        let mut x = 1_u64;
        while cpu_time() == before {
            x = std::hint::black_box(x.wrapping_mul(3));
        }
    }
}
