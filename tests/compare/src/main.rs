//! Side-by-side benchmarks: the same work on rust-routines, on Go and on tokio, in alternating rounds of one run.
//!
//! Why a harness of our own and not criterion: what counts is the *ratio* to another program, machines change their
//! speed within minutes, and one of the programs is written in Go. So every figure comes from a child process that does
//! one row on one side and prints one line; rounds alternate between the sides; the ratio is taken within each round and
//! the median of those is the result.
//!
//! Reading order: `rows` (the table: what is measured, how much of it, what must be reached), `sides` (the programs),
//! `served` (rows whose sides are servers: `serve` is such a server, `client` what measures it), `sample` (what a child
//! prints), `programs` (one run), `rounds` (the alternation), `stats` and `outcome` (medians, ratios, verdicts), `report`
//! (table, Markdown, JSON, SVG). `idle`, `connections`, `lateness` and `callgrind` are modes of their own. `README.md` says how to run it.
#![forbid(unsafe_code)]

mod callgrind;
mod child;
mod cli;
mod client;
mod connections;
mod golang;
mod idle;
mod lateness;
mod load;
mod outcome;
mod proc;
mod programs;
mod report;
mod rounds;
mod rows;
mod sample;
mod serve;
mod served;
mod sides;
mod stats;

use std::process::ExitCode;

use cli::Mode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mode = match cli::parse(&arguments) {
        Ok(mode) => mode,
        Err(problem) => {
            eprintln!("{problem}\n\n{}", cli::USAGE);
            return ExitCode::from(2);
        }
    };
    let result = match mode {
        Mode::Help => {
            println!("{}", cli::USAGE);
            Ok(())
        }
        Mode::List => {
            print!("{}", rows::list());
            Ok(())
        }
        Mode::Child {
            side,
            row,
            size,
            out,
        } => child::run(side, &row, size, &out),
        Mode::Serve(side) => serve::run(side),
        Mode::Client {
            client,
            to,
            connections,
            size,
        } => client::run(client, to, connections, size),
        Mode::IdleChild => idle::child(),
        Mode::Idle(out) => idle::run(&out),
        Mode::Connections(out) => connections::run(&out),
        Mode::Lateness(out) => lateness::run(&out),
        Mode::Callgrind(out) => callgrind::run(&out),
        Mode::Compare(options) => rounds::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("rust-routines-compare: {problem}");
            ExitCode::FAILURE
        }
    }
}
