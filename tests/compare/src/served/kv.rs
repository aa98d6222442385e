//! The key-value service of the examples, its Go original and Redis itself, under redis-benchmark with 50 connections.
//!
//! redis-benchmark is one thread with an event loop, the same for all of them. GET counts; SET stands beside it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use super::server::Server;
use crate::golang;
use crate::proc;
use crate::programs::{Programs, RUN_LIMIT};
use crate::rows::{Served, Side};
use crate::sample::Sample;

/// The rows' drivers: one and sixteen commands at a time on each connection.
pub(crate) const ROWS: [Served; 2] = [
    driver(|programs, side, n| run(programs, side, n, 1)),
    driver(|programs, side, n| run(programs, side, n, 16)),
];

const fn driver(run: fn(&Programs, Side, u64) -> Result<Sample, String>) -> Served {
    Served {
        sides: &[Side::Ours, Side::Go, Side::Redis],
        run,
        missing: |_| tools().err(),
    }
}

/// The service may have to be compiled, with all that it needs.
const BUILD_LIMIT: Duration = Duration::from_secs(600);

/// Installing packages may mean fetching them.
const FETCH_LIMIT: Duration = Duration::from_secs(300);

fn run(programs: &Programs, side: Side, n: u64, pipeline: u64) -> Result<Sample, String> {
    let (server, port) = start(programs, side)?;
    let benchmark = |n: u64| {
        let mut command = Command::new("redis-benchmark");
        command
            .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-c", "50"])
            .args(["-P", &pipeline.to_string(), "-n", &n.to_string()])
            .args(["-t", "get,set", "--csv"]);
        proc::run(&mut command, RUN_LIMIT)
    };
    benchmark((n / 10).max(1))?;
    let report = benchmark(n)?;
    let get = result(&report, "GET")?;
    let set = result(&report, "SET")?;
    let sample = Sample::of(get.rate)
        .with("set_per_s", set.rate)
        .with("get_p50_us", get.p50_us)
        .with("get_p99_us", get.p99_us);
    Ok(server.described(sample))
}

fn start(programs: &Programs, side: Side) -> Result<(Server, u16), String> {
    if side == Side::Redis {
        return redis();
    }
    let mut command = match &programs.go {
        Some(go) if side.is_go() => {
            static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
            let build = || {
                let program = programs.out.join("kv-go");
                let source = repository().join("examples/kv/kv.go");
                go.build_file(&source, &program).map(|()| program)
            };
            golang::command(
                BUILT.get_or_init(build).as_deref().map_err(String::clone)?,
                2,
            )
        }
        _ => {
            static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
            let built = BUILT.get_or_init(|| build(programs));
            let mut command = Command::new(built.as_deref().map_err(String::clone)?);
            command.env("RUST_ROUTINES_WORKERS", "2");
            command
        }
    };
    let server = Server::start(command.args(["--listen", "127.0.0.1:0"]))?;
    let port = server.says(port)?;
    Ok((server, port))
}

/// Redis as fast as it gets without losing its nature: nothing is written to disk, one thread.
fn redis() -> Result<(Server, u16), String> {
    // Free when it was asked for; Redis cannot be told to choose.
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map_err(|e| e.to_string())?
        .port();
    let mut command = Command::new("redis-server");
    command
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--save", "", "--appendonly", "no", "--io-threads", "1"]);
    let server = Server::start(&mut command)?;
    server.says(|line| line.contains("Ready to accept connections").then_some(()))?;
    Ok((server, port))
}

/// Builds the service beside this binary; cargo is the one that runs us, if one does.
fn build(programs: &Programs) -> Result<PathBuf, String> {
    let folder = programs.itself.parent().unwrap_or(Path::new("."));
    let target = folder.parent().unwrap_or(folder);
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(repository())
        .env("CARGO_TARGET_DIR", target)
        .args(["build", "--locked", "--release", "--bin", "kv"])
        .args(["-p", "rust-routines-examples"]);
    proc::run(&mut command, BUILD_LIMIT)?;
    Ok(target
        .join("release/kv")
        .with_extension(std::env::consts::EXE_EXTENSION))
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Whether Redis' programs are there, after `ci/redis.sh` has had a try at it.
fn tools() -> Result<(), String> {
    let check = || {
        ["redis-server", "redis-benchmark"]
            .into_iter()
            .try_for_each(|tool| {
                proc::run(Command::new(tool).arg("--version"), FETCH_LIMIT).map(drop)
            })
    };
    check().or_else(|missing| {
        let script = repository().join("ci/redis.sh");
        proc::run(Command::new("bash").arg(script), FETCH_LIMIT)
            .and_then(|_| check())
            .map_err(|e| format!("{missing}; {e}"))
    })
}

/// The port in a line that names an address of this machine.
fn port(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once("127.0.0.1:")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().filter(|port| *port != 0)
}

/// What redis-benchmark says of one command.
#[derive(Debug, PartialEq)]
struct Measured {
    rate: f64,
    p50_us: f64,
    p99_us: f64,
}

/// The line of a command in redis-benchmark's CSV, which names its columns: versions differ in how many there are.
fn result(csv: &str, command: &str) -> Result<Measured, String> {
    let cells = |line: &str| -> Vec<String> {
        line.split(',')
            .map(|cell| cell.trim().trim_matches('"').to_owned())
            .collect()
    };
    let mut lines = csv.lines().map(cells);
    let headings = lines
        .find(|line| line.first().is_some_and(|cell| cell == "test"))
        .ok_or("redis-benchmark wrote no headings")?;
    let line = lines
        .find(|line| line.first().is_some_and(|cell| cell == command))
        .ok_or_else(|| format!("redis-benchmark wrote no line for {command}"))?;
    let number = |name: &str| -> Result<f64, String> {
        let column = headings.iter().position(|heading| heading == name);
        column
            .and_then(|column| line.get(column)?.parse().ok())
            .ok_or_else(|| format!("redis-benchmark wrote no {name}"))
    };
    Ok(Measured {
        rate: number("rps")?,
        p50_us: number("p50_latency_ms")? * 1e3,
        p99_us: number("p99_latency_ms")? * 1e3,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSV: &str = "\
\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\"p95_latency_ms\",\"p99_latency_ms\",\"max_latency_ms\"
\"SET\",\"90909.09\",\"0.300\",\"0.100\",\"0.250\",\"0.500\",\"0.750\",\"1.000\"
\"GET\",\"92000.50\",\"0.280\",\"0.100\",\"0.240\",\"0.480\",\"0.500\",\"0.900\"
";

    #[test]
    fn redis_benchmark_is_read() {
        let get = Measured {
            rate: 92_000.5,
            p50_us: 240.0,
            p99_us: 500.0,
        };
        assert_eq!(result(CSV, "GET"), Ok(get));
        assert_eq!(result(CSV, "SET").map(|set| set.rate), Ok(90_909.09));
    }

    #[test]
    fn what_it_did_not_write_is_an_error() {
        assert!(result(CSV, "PING").is_err());
        assert!(result("", "GET").is_err());
        assert!(result("\"test\",\"rps\"\n\"GET\",\"oops\"\n", "GET").is_err());
        assert!(result("\"test\",\"rps\"\n\"GET\",\"1.0\"\n", "GET").is_err());
    }

    #[test]
    fn the_port_is_found_in_what_a_server_says() {
        assert_eq!(
            port("listening on 127.0.0.1:6379, try redis-cli -p 6379"),
            Some(6379)
        );
        assert_eq!(port("kv 127.0.0.1:0"), None);
        assert_eq!(port("127.0.0.1:99999"), None);
        assert_eq!(port("hello"), None);
    }
}
