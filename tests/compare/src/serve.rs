//! The Rust sides' echo servers in a process of their own: says its address and serves until its input ends, which it does
//! when the harness closes it or is gone.

use std::io;

use crate::proc;
use crate::rows::Side;
use crate::sides::{ours, tokio};

/// Runs the server of a side.
pub(crate) fn run(side: Side) -> Result<(), String> {
    proc::raise_file_limit()?;
    let address = match side {
        Side::Ours => ours::echo::start(),
        Side::Tokio => tokio::echo::start(),
        _ => return Err(format!("{} has no server here", side.name())),
    };
    println!("{}", address.map_err(|e| e.to_string())?);
    let until_closed = io::copy(&mut io::stdin().lock(), &mut io::sink());
    until_closed.map(drop).map_err(|e| e.to_string())
}
