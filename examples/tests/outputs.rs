//! Runs every example and compares what it prints with the file beside it.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The file with what `example` prints, and whether the order of its lines counts.
fn expected(example: &str) -> (PathBuf, bool) {
    let exact = folder().join(example).join("expected.txt");
    if exact.is_file() {
        return (exact, true);
    }
    (
        folder().join(example).join("expected-in-any-order.txt"),
        false,
    )
}

#[track_caller]
fn prints_what_is_expected(example: &str, program: &str) {
    let (path, in_order) = expected(example);
    let wanted = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let output = Command::new(program)
        .output()
        .unwrap_or_else(|e| panic!("{program}: {e}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{errors}", output.status);
    let printed = String::from_utf8(output.stdout).expect("it prints UTF-8");
    if in_order {
        assert_eq!(printed, wanted);
    } else {
        assert_eq!(sorted(&printed), sorted(&wanted));
    }
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

macro_rules! examples {
    ($($name:ident)*) => {
        const TESTED: &[&str] = &[$(stringify!($name)),*];

        $(
            #[test]
            fn $name() {
                prints_what_is_expected(stringify!($name), env!(concat!("CARGO_BIN_EXE_", stringify!($name))));
            }
        )*
    };
}

examples! { abort_profile hello pipeline shards sum }

/// Those that do not end by themselves; they have tests of their own in this folder.
const SERVICES: &[&str] = &["kv"];

#[test]
fn every_example_is_run() {
    let folders: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("main.rs").is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    let tested: BTreeSet<String> = TESTED
        .iter()
        .chain(SERVICES)
        .map(|name| (*name).to_owned())
        .collect();
    assert_eq!(
        folders, tested,
        "the folders of examples and the lists in this file differ"
    );
}
