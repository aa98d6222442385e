//! Connections that have been used once and now wait: what each takes in the server's RAM, and whether they cost CPU time.
//!
//! The clients live in a process of their own, because the limit of open files is one for each process. Growth is measured
//! after a hundred connections that came and went, for what those leave behind is the server's and not a connection's.

use std::time::Duration;

use super::server::Server;
use super::{client, echo_server};
use crate::proc;
use crate::programs::Programs;
use crate::rows::{Served, Side};
use crate::sample::Sample;

/// How long the server is watched.
const WATCHED: Duration = Duration::from_secs(5);

/// Files that a process has open beside its connections.
const OTHER_FILES: u64 = 64;

/// The row's driver.
pub(crate) const ROW: Served = Served {
    sides: &[Side::Ours, Side::Go, Side::Tokio],
    run,
    missing: |_| missing(10_000),
};

fn missing(connections: u64) -> Option<String> {
    let most = proc::most_files()?;
    (most < connections + OTHER_FILES)
        .then(|| format!("a process may have {most} files open here, and it needs {connections}"))
}

fn run(programs: &Programs, side: Side, connections: u64) -> Result<Sample, String> {
    let (server, address) = echo_server(programs, side)?;
    let mut clients = Server::start(&mut client(programs, "idle", address, connections))?;
    let says = |clients: &Server, word: &str| clients.says(|line| (line == word).then_some(()));
    says(&clients, "warm")?;
    let before = server.memory();
    clients.tell("open")?;
    says(&clients, "open")?;
    let (before, after) = before
        .zip(server.memory())
        .ok_or("memory of a process cannot be read here")?;
    let (rss, total) = after.growth(before, connections);
    // This is the measurement, not a wait for something to happen.
    let busy = server.cpu_time();
    std::thread::sleep(WATCHED);
    let idle = server.cpu_time().zip(busy).map(|(now, then)| now - then);
    let sample = Sample::of(rss)
        .with("total_bytes", total)
        .with_known("idle_cpu_ms", idle.map(|time| time.as_secs_f64() * 1e3));
    Ok(server.described(sample))
}
