//! Echo with the load from another process. Both share two CPUs, and the client's part is the same for all sides, so the
//! ratios are nearer to 1 than in one process; `server_ns` is the server's CPU time for each round trip, without the client.

use super::{client, echo_server};
use crate::proc;
use crate::programs::{Programs, RUN_LIMIT};
use crate::rows::{Served, Side};
use crate::sample::Sample;

/// The rows' drivers: 100 and 1000 connections.
pub(crate) const ROWS: [Served; 2] = [
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
    if let (Some(cpu), Some(all)) = (
        server.cpu_time(),
        sample.extras.remove("round_trips_with_warm_up"),
    ) {
        sample = sample.with("server_ns", cpu.as_nanos() as f64 / all);
    }
    Ok(server.described(sample))
}
