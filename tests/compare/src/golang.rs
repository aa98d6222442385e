//! Finds Go and builds the Go side. Without Go the comparison goes on without that column and says why.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::proc;

/// The built Go program.
pub(crate) struct Go {
    /// Go itself.
    go: PathBuf,
    /// The program.
    pub(crate) program: PathBuf,
    /// What `go version` says.
    pub(crate) version: String,
}

impl Go {
    /// The built program, to be run on so many processors.
    pub(crate) fn command(&self, processors: u32) -> Command {
        command(&self.program, processors)
    }

    /// Builds another program, of the one file `source`, into `out`.
    pub(crate) fn build_file(&self, source: &Path, out: &Path) -> Result<(), String> {
        let mut command = Command::new(&self.go);
        command.env("GOTOOLCHAIN", "local").args(["build", "-o"]);
        proc::run(command.arg(out).arg(source), BUILD_LIMIT).map(drop)
    }
}

/// A Go program, to be run on so many processors and with Go's own defaults: settings of whoever runs this are not part of
/// the comparison.
pub(crate) fn command(program: &Path, processors: u32) -> Command {
    let mut command = Command::new(program);
    command
        .env("GOMAXPROCS", processors.to_string())
        .env_remove("GOGC")
        .env_remove("GOMEMLIMIT")
        .env_remove("GODEBUG");
    command
}

/// Getting a Go may mean fetching it.
const FETCH_LIMIT: Duration = Duration::from_secs(600);
/// The first build compiles the standard library.
const BUILD_LIMIT: Duration = Duration::from_secs(300);

/// Why there is no Go column.
#[derive(Debug)]
pub(crate) enum NoGo {
    /// There is no Go: the column is left out.
    Absent(String),
    /// There is one and our program does not build: that is a failure.
    Broken(String),
}

/// Finds Go and builds the program into `out`.
pub(crate) fn build(out: &Path) -> Result<Go, NoGo> {
    let (go, version) = find().map_err(NoGo::Absent)?;
    let program = out.join(if cfg!(windows) {
        "compare-go.exe"
    } else {
        "compare-go"
    });
    let mut command = Command::new(&go);
    command
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("go"))
        // The Go that was found, and not one it would fetch to please a go.mod.
        .env("GOTOOLCHAIN", "local")
        .args(["build", "-o"])
        .arg(&program)
        .arg(".");
    proc::run(&mut command, BUILD_LIMIT).map_err(NoGo::Broken)?;
    Ok(Go {
        go,
        program,
        version,
    })
}

/// A Go that answers: named by $GO, else what ci/go.sh says, else the one on the PATH.
fn find() -> Result<(PathBuf, String), String> {
    let mut tried = Vec::new();
    for candidate in [named(), scripted(), Ok(PathBuf::from("go"))] {
        match candidate.and_then(|go| Ok((version(&go)?, go))) {
            Ok((version, go)) => return Ok((go, version)),
            Err(problem) => tried.push(problem),
        }
    }
    Err(tried.join("; "))
}

fn named() -> Result<PathBuf, String> {
    std::env::var_os("GO")
        .map(PathBuf::from)
        .ok_or_else(|| "GO is not set".into())
}

/// `ci/go.sh` prints the path of a Go as its last line, and fetches one first if need be.
fn scripted() -> Result<PathBuf, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ci/go.sh");
    if !script.is_file() {
        return Err("there is no ci/go.sh".into());
    }
    let output = proc::run(Command::new("bash").arg(script), FETCH_LIMIT)?;
    last_line(&output)
        .map(PathBuf::from)
        .ok_or_else(|| "ci/go.sh printed nothing".into())
}

fn version(go: &Path) -> Result<String, String> {
    let output = proc::run(
        Command::new(go).arg("version").env("GOTOOLCHAIN", "local"),
        FETCH_LIMIT,
    )?;
    last_line(&output)
        .map(String::from)
        .ok_or_else(|| format!("{} has no version", go.display()))
}

fn last_line(text: &str) -> Option<&str> {
    text.lines().map(str::trim).rfind(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_the_last_line() {
        assert_eq!(
            last_line("fetching\n/opt/go/bin/go\n\n"),
            Some("/opt/go/bin/go")
        );
        assert_eq!(last_line("\n \n"), None);
    }

    #[test]
    fn what_is_no_go_is_not_taken_for_one() {
        assert!(version(Path::new("/nonexistent/go")).is_err());
    }
}
