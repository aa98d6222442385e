//! The command line. Parsed by hand: a dozen flags need no crate.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::client::Client;
use crate::rows::{self, Row, Side};

/// What `--help` prints.
pub(crate) const USAGE: &str = "\
cargo run --release -p rust-routines-compare -- [options]

  (none)           all rows, 5 alternating rounds: table, Markdown, JSON and SVG
  --rows a,b       only these rows
  --rounds N       number of rounds, at least 5
  --smoke          five rows with little work, one round, judges nothing but that all of it runs
  --out DIR        where the files go (default: compare in cargo's target folder)
  --list           the rows and what must be reached
  --idle           only: CPU time of two idle runtimes in 10 s
  --plot-connections
                   only: the plot of where connections live, as connections.svg
  --plot-lateness  only: the plot of how late sleeps end, as lateness.svg
  --callgrind      only: instructions of the fan-out against std threads (needs valgrind)

Go is taken from $GO, else from ci/go.sh, else from the PATH; without it its column is left out.
For one run by hand, which prints one line of JSON: --side ours|tokio|threads --row ROW [--size N]
(crossbeam or flume where there is such a column, go or redis where the sides are servers)";

/// What this process is to do.
pub(crate) enum Mode {
    /// Print the usage.
    Help,
    /// Print the rows.
    List,
    /// Do one row on one side and print one line.
    Child {
        /// On which side.
        side: Side,
        /// Which row.
        row: String,
        /// How much of it; the row's own size if `None`.
        size: Option<u64>,
        /// Where programs may be built.
        out: PathBuf,
    },
    /// Be the echo server of a side.
    Serve(Side),
    /// Be the client of a server.
    Client {
        /// Which one.
        client: Client,
        /// Where the server listens.
        to: SocketAddr,
        /// How many connections.
        connections: u64,
        /// How much work in all.
        size: u64,
    },
    /// Be the process with two idle runtimes.
    IdleChild,
    /// Measure idle runtimes.
    Idle(PathBuf),
    /// Draw where connections live.
    Connections(PathBuf),
    /// Draw how late sleeps end.
    Lateness(PathBuf),
    /// Count instructions.
    Callgrind(PathBuf),
    /// Compare.
    Compare(Options),
}

/// A comparison's options.
pub(crate) struct Options {
    /// The rows to run, in the table's order.
    pub(crate) rows: Vec<&'static Row>,
    /// How many rounds.
    pub(crate) rounds: usize,
    /// Little work, no verdicts.
    pub(crate) smoke: bool,
    /// The folder for the files.
    pub(crate) out: PathBuf,
}

/// The fewest rounds a verdict is built on.
pub(crate) const MIN_ROUNDS: usize = 5;

/// The rows of a smoke run.
const SMOKE_ROWS: [&str; 5] = [
    "spawn_join",
    "yield",
    "ping_pong_near",
    "echo_100",
    "echo_100_apart",
];

/// Everything that can stand on the command line, before it is put together.
#[derive(Default)]
struct Given {
    rows: Option<String>,
    rounds: Option<usize>,
    out: Option<PathBuf>,
    side: Option<Side>,
    row: Option<String>,
    size: Option<u64>,
    client: Option<Client>,
    to: Option<SocketAddr>,
    connections: Option<u64>,
    serve: Option<Side>,
    smoke: bool,
    only: Option<&'static str>,
}

/// Reads the arguments (without the program's name).
pub(crate) fn parse(arguments: &[String]) -> Result<Mode, String> {
    let mut given = Given::default();
    let mut rest = arguments.iter();
    while let Some(flag) = rest.next() {
        let mut value = || rest.next().ok_or_else(|| format!("{flag} needs a value"));
        match flag.as_str() {
            "--rows" => given.rows = Some(value()?.clone()),
            "--rounds" => given.rounds = Some(number(flag, value()?)?),
            "--out" => given.out = Some(PathBuf::from(value()?)),
            "--side" => given.side = Some(side(value()?)?),
            "--row" => given.row = Some(value()?.clone()),
            "--size" => given.size = Some(number(flag, value()?)?),
            "--serve" => given.serve = Some(side(value()?)?),
            "--client" => given.client = Some(client(value()?)?),
            "--to" => given.to = Some(number(flag, value()?)?),
            "--connections" => given.connections = Some(number(flag, value()?)?),
            "--smoke" => given.smoke = true,
            "--list" => given.only = Some("list"),
            "--idle" => given.only = Some("idle"),
            "--idle-child" => given.only = Some("idle-child"),
            "--plot-connections" => given.only = Some("connections"),
            "--plot-lateness" => given.only = Some("lateness"),
            "--callgrind" => given.only = Some("callgrind"),
            "--help" | "-h" => given.only = Some("help"),
            _ => return Err(format!("unknown option {flag}")),
        }
    }
    given.mode()
}

impl Given {
    fn mode(self) -> Result<Mode, String> {
        let out = self.out.clone().unwrap_or_else(default_out);
        match self.only {
            Some("help") => Ok(Mode::Help),
            Some("list") => Ok(Mode::List),
            Some("idle") => Ok(Mode::Idle(out)),
            Some("connections") => Ok(Mode::Connections(out)),
            Some("lateness") => Ok(Mode::Lateness(out)),
            Some("idle-child") => Ok(Mode::IdleChild),
            Some(_) => Ok(Mode::Callgrind(out)),
            None if self.client.is_some() => self.client(),
            None if self.serve.is_some() => Ok(Mode::Serve(self.serve.unwrap_or(Side::Ours))),
            None => match (self.side, self.row.clone()) {
                (Some(side), Some(row)) => Ok(Mode::Child {
                    side,
                    row,
                    size: self.size,
                    out,
                }),
                (None, None) => self.compare(out),
                _ => Err("--side and --row belong together".into()),
            },
        }
    }

    fn client(self) -> Result<Mode, String> {
        match (self.client, self.to, self.connections) {
            (Some(client), Some(to), Some(connections)) => Ok(Mode::Client {
                client,
                to,
                connections,
                size: self.size.unwrap_or(connections),
            }),
            _ => Err("--client, --to and --connections belong together".into()),
        }
    }

    fn compare(self, out: PathBuf) -> Result<Mode, String> {
        let fewest = if self.smoke { 1 } else { MIN_ROUNDS };
        let rounds = self.rounds.unwrap_or(fewest);
        if rounds < fewest {
            return Err(format!(
                "--rounds must be at least {fewest}: fewer say nothing on a machine that changes its speed"
            ));
        }
        let rows = match &self.rows {
            Some(names) => select(names.split(','))?,
            None if self.smoke => select(SMOKE_ROWS)?,
            None => rows::all().collect(),
        };
        Ok(Mode::Compare(Options {
            rows,
            rounds,
            smoke: self.smoke,
            out,
        }))
    }
}

/// Rows by name, each once and in the table's order, so that reports of different runs look alike.
fn select<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Vec<&'static Row>, String> {
    let mut wanted = Vec::new();
    for name in names {
        wanted.push(rows::find(name)?.name);
    }
    Ok(rows::all()
        .filter(|row| wanted.contains(&row.name))
        .collect())
}

fn number<T: std::str::FromStr>(flag: &str, text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{flag}: {text} is not a number"))
}

fn side(text: &str) -> Result<Side, String> {
    Side::ALL
        .into_iter()
        .find(|side| side.name() == text)
        .ok_or_else(|| {
            format!("{text} is no side: ours, go, tokio, threads, crossbeam, flume, redis")
        })
}

fn client(text: &str) -> Result<Client, String> {
    match text {
        "echo" => Ok(Client::Echo),
        "idle" => Ok(Client::Idle),
        _ => Err(format!("--client: {text} is neither echo nor idle")),
    }
}

/// `compare` in cargo's target folder, which is where this binary lies: `target/release/rust-routines-compare`.
fn default_out() -> PathBuf {
    let target = std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.parent()?.to_path_buf()));
    target
        .unwrap_or_else(|| PathBuf::from("target"))
        .join("compare")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(line: &str) -> Result<Mode, String> {
        parse(
            &line
                .split_whitespace()
                .map(String::from)
                .collect::<Vec<_>>(),
        )
    }

    fn options(line: &str) -> Options {
        match mode(line) {
            Ok(Mode::Compare(options)) => options,
            Ok(_) => panic!("{line}: not a comparison"),
            Err(problem) => panic!("{line}: {problem}"),
        }
    }

    #[test]
    fn without_options_everything_runs_five_times() {
        let all = options("");
        assert_eq!(
            (all.rows.len(), all.rounds, all.smoke),
            (rows::all().count(), 5, false)
        );
    }

    #[test]
    fn rows_come_once_and_in_the_table_s_order() {
        let names: Vec<_> = options("--rows yield,spawn_join,yield")
            .rows
            .iter()
            .map(|row| row.name)
            .collect();
        assert_eq!(names, ["spawn_join", "yield"]);
    }

    #[test]
    fn smoke_is_a_few_rows_once() {
        let smoke = options("--smoke --out /x");
        assert_eq!((smoke.rows.len(), smoke.rounds), (5, 1));
        assert_eq!(smoke.out, PathBuf::from("/x"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "--rounds 4",
            "--rounds x",
            "--rows nope",
            "--row yield",
            "--side perl --row yield",
            "--client echo --to 127.0.0.1:7",
            "--client echo --to nowhere --connections 7",
            "--client http --to 127.0.0.1:7 --connections 7",
            "--serve perl",
            "--out",
            "--frob",
        ] {
            assert!(mode(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_child_is_told_row_side_and_size() {
        match mode("--side tokio --row yield --size 7") {
            Ok(Mode::Child {
                side, row, size, ..
            }) => {
                assert_eq!((side, row.as_str(), size), (Side::Tokio, "yield", Some(7)))
            }
            _ => panic!("not a child"),
        }
    }

    #[test]
    fn a_client_is_told_where_to_and_how_much() {
        match mode("--client echo --to 127.0.0.1:7 --connections 100 --size 9") {
            Ok(Mode::Client {
                client,
                to,
                connections,
                size,
            }) => assert_eq!(
                (client, to.port(), connections, size),
                (Client::Echo, 7, 100, 9)
            ),
            _ => panic!("not a client"),
        }
        assert!(matches!(
            mode("--serve tokio"),
            Ok(Mode::Serve(Side::Tokio))
        ));
    }
}
