//! A key-value server that speaks the protocol of Redis, written as a Go programmer would write it: one routine per
//! connection, blocking reads through a buffered reader, a map behind a mutex. `kv.go` beside it is the same program in
//! Go, part by part in the same order.
//!
//! ```text
//! cargo run --release -p rust-routines-examples --bin kv
//! redis-cli -p 6380
//! redis-benchmark -p 6380 -t get,set -P 16 -q
//! ```
//!
//! Reading order: `connection` (how a client is served), `request` and `reply` (the protocol), `commands`, `store`,
//! `server` (accepting and stopping).
#![forbid(unsafe_code)]

mod commands;
mod connection;
mod glob;
mod reply;
mod request;
mod server;
mod store;

use std::io::{self, ErrorKind};
use std::process::{self, ExitCode};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use server::Server;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

const HELP: &str = "\
A key-value server that speaks the protocol of Redis.

usage: kv [--listen ADDRESS] [--write-timeout SECONDS]

  --listen ADDRESS         where to listen (127.0.0.1:6380); port 0 takes a free one
  --write-timeout SECONDS  after which a client that does not read its replies is cut off (30)
  --help                   this text

RUST_ROUTINES_WORKERS=N in the environment sets the number of worker threads.";

struct Options {
    listen: String,
    write_timeout: Duration,
}

/// `None` asks for help.
fn options(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options {
        listen: "127.0.0.1:6380".to_owned(),
        write_timeout: Duration::from_secs(30),
    };
    while let Some(argument) = arguments.next() {
        let mut value = || {
            let value = arguments.next();
            value.ok_or_else(|| format!("{argument} needs a value"))
        };
        match argument.as_str() {
            "--help" | "-h" => return Ok(None),
            "--listen" => options.listen = value()?,
            "--write-timeout" => {
                let text = value()?;
                let seconds = text.parse().ok().filter(|seconds| *seconds > 0.0);
                options.write_timeout = seconds
                    .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                    .ok_or_else(|| format!("--write-timeout: '{text}' is no number of seconds"))?;
            }
            _ => return Err(format!("unknown argument '{argument}'")),
        }
    }
    Ok(Some(options))
}

/// Stops the server at the first signal; at the second, the process.
fn stop_on_signal(server: Arc<Server>) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    // A thread of its own: it waits in a way that the runtime does not know.
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for (count, _) in signals.forever().enumerate() {
                match count {
                    0 => server.stop(),
                    _ => process::exit(1),
                }
            }
        })?;
    Ok(())
}

fn explain(address: &str, error: &io::Error) -> String {
    let advice = match error.kind() {
        ErrorKind::AddrInUse => {
            "; another program listens there: stop it, or choose another address with --listen \
             (port 0 takes a free one)"
        }
        ErrorKind::PermissionDenied => "; ports below 1024 need rights: choose one with --listen",
        ErrorKind::AddrNotAvailable => "; this machine does not have that address",
        ErrorKind::InvalidInput => "; an address is HOST:PORT, such as 127.0.0.1:6380",
        _ => "",
    };
    format!("cannot listen on {address}: {error}{advice}")
}

fn run(options: &Options) -> Result<(), String> {
    let server = Server::bind(&options.listen, options.write_timeout)
        .map_err(|error| explain(&options.listen, &error))?;
    let server = Arc::new(server);
    stop_on_signal(server.clone()).map_err(|error| format!("cannot watch signals: {error}"))?;
    let (address, port) = (server.address(), server.address().port());
    println!("kv: listening on {address}; try it:");
    println!("  redis-cli -p {port} SET greeting hello");
    println!("  redis-benchmark -p {port} -t get,set -P 16 -q");
    println!("Ctrl-C or SIGTERM stops it.");
    server
        .run()
        .map_err(|error| format!("cannot accept connections any more: {error}"))?;
    let served = server.served.load(Ordering::Relaxed);
    println!("kv: stopped; {served} commands served");
    Ok(())
}

#[rust_routines::main]
fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("kv: {error}; kv --help says what there is");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kv: {error}");
            ExitCode::FAILURE
        }
    }
}
