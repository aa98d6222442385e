//! The guide is whole: every page is run as documentation of the crate and stands
//! in the table of contents, and no Rust block escapes being run.
#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;

const CONTENTS: &str = "SUMMARY.md";

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/pages"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The pages without the table of contents, as name (no ending) and text.
fn pages() -> Vec<(String, String)> {
    let mut pages: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name() != CONTENTS)
        .map(|entry| {
            let file = entry.file_name().into_string().unwrap();
            let name = file
                .strip_suffix(".md")
                .unwrap_or_else(|| panic!("{file} is no page"));
            (name.to_owned(), read(&entry.path()))
        })
        .collect();
    pages.sort();
    assert!(!pages.is_empty());
    pages
}

/// The targets of the links in `markdown` that lead to pages.
fn links(markdown: &str) -> Vec<String> {
    markdown
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter_map(|target| target.strip_suffix(".md"))
        .map(str::to_owned)
        .collect()
}

/// What is wrong with the fenced blocks of `markdown`.
fn objections(markdown: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = false;
    let mut before_waits = false;
    for (number, line) in markdown.lines().enumerate() {
        let Some(language) = line.trim_start().strip_prefix("```") else {
            continue;
        };
        open = !open;
        if !open {
            continue;
        }
        match language {
            "rust" => before_waits = false,
            "go" if before_waits => found.push(format!(
                "{}: the Go before it has no Rust after",
                number + 1
            )),
            "go" => before_waits = true,
            // What a program writes.
            "text" => {}
            other => found.push(format!(
                "{}: ```{other}: blocks are `rust`, which is run, `go` or `text`",
                number + 1
            )),
        }
    }
    if before_waits {
        found.push("the last Go block has no Rust after".to_owned());
    }
    found
}

#[test]
fn every_page_is_run() {
    let modules = read(Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/lib.rs"
    )));
    let list = modules
        .split_once("\npages! {")
        .expect("the list of pages")
        .1;
    let list: Vec<&str> = list
        .split_whitespace()
        .take_while(|word| *word != "}")
        .collect();
    for (name, _) in pages() {
        assert!(
            list.contains(&name.as_str()),
            "{name}.md is not in src/lib.rs: its Rust is not run"
        );
    }
}

#[test]
fn every_page_stands_once_in_the_contents() {
    let contents = links(&read(&folder().join(CONTENTS)));
    let pages: Vec<String> = pages().into_iter().map(|(name, _)| name).collect();
    let mut sorted = contents.clone();
    sorted.sort();
    assert_eq!(sorted, pages, "the table of contents and the folder differ");
}

#[test]
fn links_between_pages_lead_somewhere() {
    for (name, text) in pages() {
        for target in links(&text) {
            assert!(
                folder().join(format!("{target}.md")).is_file(),
                "{name}.md links {target}.md"
            );
        }
    }
}

#[test]
fn every_page_has_a_title_and_only_blocks_that_run() {
    for (name, text) in pages() {
        assert!(text.starts_with("# "), "{name}.md has no title");
        let found = objections(&text);
        assert!(found.is_empty(), "{name}.md: {found:#?}");
    }
}

#[test]
fn blocks_that_would_not_run_are_found() {
    assert!(objections("```go\n```\n\n```rust\n```\n").is_empty());
    assert_eq!(objections("```rust,ignore\n```\n").len(), 1);
    assert_eq!(objections("```rust,no_run\n```\n").len(), 1);
    assert_eq!(objections("```\nlet a = 1;\n```\n").len(), 1);
    assert_eq!(objections("```go\n```\n\n```go\n```\n").len(), 2);
    assert_eq!(objections("```go\n```\n").len(), 1);
}
