//! The rules of the house that a program can check, each as a test over the
//! workspace's own files.
//!
//! The rules are data where they are lists (`*.txt` beside this file) and Rust
//! where they are conditions. Sources are read as tokens (`proc-macro2`), not with
//! patterns over text: a word in a comment or a string never counts as code, and
//! code split over lines always does. Every check is a function from sources to
//! findings, and has unit tests that feed it sources which break its rule: a
//! check that cannot fail would be worse than none.
//!
//! Needs a Rust toolchain and nothing else: files are found by walking the
//! checkout, not by asking git.
#![forbid(unsafe_code)]

mod cfg;
mod dependencies;
mod house;
mod imports;
mod layers;
mod lists;
mod orderings;
mod source;
mod unsafety;
mod workspace;

use source::{Finding, Source};
use workspace::Workspace;

/// Fails with every finding on a line of its own.
#[track_caller]
fn assert_none(findings: Vec<Finding>) {
    let lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(
        lines.is_empty(),
        "\n{} finding(s):\n{}\n",
        lines.len(),
        lines.join("\n")
    );
}

/// The runtime's sources.
fn core_sources() -> Vec<Source> {
    let sources = Workspace::find().sources("core/src/");
    assert!(
        !sources.is_empty(),
        "core/src holds no sources: nothing would be checked"
    );
    sources
}

#[test]
fn layers_are_acyclic() {
    let layers = layers::Layers::parse(include_str!("layers.txt")).unwrap();
    assert_none(layers::check(&layers, &core_sources()));
}

#[test]
fn facades_only_re_export() {
    assert_none(layers::check_facades(&core_sources()));
}

#[test]
fn no_unsafe_function_is_public() {
    assert_none(unsafety::check_public(&core_sources()));
}

#[test]
fn every_unsafe_block_says_why_it_is_sound() {
    assert_none(unsafety::check_safety_comments(&core_sources()));
}

#[test]
fn every_strong_ordering_says_what_it_pairs_with() {
    assert_none(orderings::check(&core_sources()));
}

#[test]
fn unsafe_stays_in_the_core() {
    let workspace = Workspace::find();
    let outside: Vec<Source> = workspace
        .sources("")
        .into_iter()
        .filter(|source| !unsafety::may_hold_unsafe(&source.path))
        .collect();
    assert_none(unsafety::check_absent(&outside));
    assert_none(unsafety::check_forbidden(
        &outside,
        &dependencies::target_roots(&workspace),
    ));
}

#[test]
fn no_async_runtime_is_below_the_core() {
    let tree = dependencies::normal_tree(&Workspace::find(), "rust-routines");
    let found = dependencies::forbidden(&tree, &lists::lines(include_str!("runtimes.txt")));
    assert!(
        found.is_empty(),
        "the core's normal dependencies hold {found:?}:\n{tree}"
    );
}

#[test]
fn files_are_introduced_and_short() {
    assert_none(house::check_files(&Workspace::find().sources("")));
}

#[test]
fn the_workspace_has_the_members_of_the_plan() {
    assert_none(house::check_members(
        &Workspace::find(),
        include_str!("members.txt"),
    ));
}

#[test]
fn published_packages_are_listed_for_ci() {
    assert_none(house::check_published(
        &Workspace::find(),
        include_str!("members.txt"),
    ));
}

#[test]
fn every_ci_script_is_called() {
    assert_none(house::check_scripts(&Workspace::find()));
}

#[test]
fn no_file_names_a_machine() {
    assert_none(house::check_words(
        &Workspace::find(),
        include_str!("words.txt"),
    ));
}
