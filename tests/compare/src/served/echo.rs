//! Echo with the load from another process. Both share two CPUs, so a round trip takes the server's CPU time and the
//! client's, which is the same for all sides and the larger one: the ratios are nearer to 1 than in one process.
//! `server_ns` and `client_ns` are the two for each round trip.

use super::{client, echo_server};
use crate::proc;
use crate::programs::{Programs, RUN_LIMIT};
use crate::rows::{Served, Side};
use crate::sample::Sample;

/// The rows' drivers: 1, 100 and 1000 connections.
pub(crate) const ROWS: [Served; 3] = [
    driver(|programs, side, n| run(programs, side, n, 1)),
    driver(|programs, side, n| run(programs, side, n, 100)),
    driver(|programs, side, n| run(programs, side, n, 1000)),
];

const fn driver(run: fn(&Programs, Side, u64) -> Result<Sample, String>) -> Served {
    Served {
        sides: &[Side::Ours, Side::Go, Side::Tokio],
        run,
        missing: |_| None,
    }
}

fn run(programs: &Programs, side: Side, n: u64, connections: u64) -> Result<Sample, String> {
    let (server, address) = echo_server(programs, side)?;
    let mut command = client(programs, "echo", address, connections);
    command.args(["--size", &n.to_string()]);
    let mut sample = Sample::parse(&proc::run(&mut command, RUN_LIMIT)?)?;
    // The warm-up is in both: a tenth of the round trips, and of the time.
    let all = sample.extras.remove("round_trips_with_warm_up");
    if let Some((cpu, all)) = server.cpu_time().zip(all) {
        sample = sample.with("server_ns", cpu.as_nanos() as f64 / all);
    }
    Ok(server.described(sample))
}
