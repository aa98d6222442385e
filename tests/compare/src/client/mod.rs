//! Clients in a process of their own, the same for all sides.

mod echo;
mod idle;

use std::net::SocketAddr;

use crate::proc;

/// What the client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// Round trips on all connections at once, `size` of them.
    Echo,
    /// Connections that are opened and then idle.
    Idle,
}

/// Runs as a client.
pub(crate) fn run(client: Client, to: SocketAddr, connections: u64, n: u64) -> Result<(), String> {
    proc::raise_file_limit()?;
    match client {
        Client::Echo => {
            let sample = echo::run(to, connections, n).map_err(|e| e.to_string())?;
            let line = serde_json::to_string(&sample).map_err(|e| e.to_string())?;
            println!("{line}");
            Ok(())
        }
        Client::Idle => idle::run(to, connections).map_err(|e| e.to_string()),
    }
}
