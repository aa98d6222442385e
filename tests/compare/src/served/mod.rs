//! Rows whose sides are servers in processes of their own, measured by one client for all sides: the load of a client is
//! the same then, and what the client needs is not counted as the server's.

mod echo;
mod idle;
mod kv;
mod server;

use std::net::SocketAddr;
use std::process::Command;

pub(crate) use self::echo::ROWS as ECHO;
pub(crate) use self::idle::ROW as IDLE;
pub(crate) use self::kv::ROWS as KV;
use self::server::Server;
use crate::programs::Programs;
use crate::rows::Side;

/// The echo server of a side, and where it listens.
fn echo_server(programs: &Programs, side: Side) -> Result<(Server, SocketAddr), String> {
    let mut command = match (side, &programs.go) {
        (Side::Go, Some(go)) => {
            let mut command = go.command(2);
            command.arg("-serve");
            command
        }
        (Side::Go, None) => return Err("there is no Go".into()),
        _ => {
            let mut command = programs.itself();
            command.args(["--serve", side.name()]);
            command
        }
    };
    let server = Server::start(&mut command)?;
    let address = server.says(|line| line.parse().ok())?;
    Ok((server, address))
}

/// This binary as a client with so many connections to `address`.
fn client(programs: &Programs, what: &str, address: SocketAddr, connections: u64) -> Command {
    let mut command = programs.itself();
    command
        .args(["--client", what, "--to", &address.to_string()])
        .args(["--connections", &connections.to_string()]);
    command
}
