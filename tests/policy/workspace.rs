//! The checkout as files: what would be committed, found by walking.
//!
//! git is not asked, so that the tests run from an archive too; what `.gitignore`
//! leaves out is left out here by reading that file. It understands the two forms
//! used there (a path from the root, `*` with an ending) and fails at any other,
//! rather than checking the wrong set of files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::source::Source;

/// A file, not necessarily Rust.
pub(crate) struct File {
    /// From the workspace's root, with `/`.
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    ignored: Vec<Pattern>,
}

enum Pattern {
    Path(String),
    Ending(String),
}

impl Pattern {
    fn parse(line: &str) -> Pattern {
        if let Some(path) = line.strip_prefix('/').filter(|path| !path.contains('*')) {
            return Pattern::Path(path.trim_end_matches('/').to_owned());
        }
        match line.strip_prefix('*') {
            Some(ending) if !ending.contains(['*', '/']) => Pattern::Ending(ending.to_owned()),
            _ => panic!(".gitignore has a form these tests do not read: `{line}`"),
        }
    }

    fn matches(&self, path: &str) -> bool {
        match self {
            Pattern::Path(ignored) => path == ignored,
            Pattern::Ending(ending) => path.ends_with(ending.as_str()),
        }
    }
}

impl Workspace {
    /// The workspace these tests were built in.
    pub(crate) fn find() -> Workspace {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = tests
            .parent()
            .expect("tests/ is inside the workspace")
            .to_owned();
        let ignored = read(&root.join(".gitignore"));
        let ignored = crate::lists::lines(&ignored)
            .into_iter()
            .map(Pattern::parse)
            .collect();
        Workspace { root, ignored }
    }

    /// The text of a file that has to be there.
    pub(crate) fn text(&self, path: &str) -> String {
        read(&self.root.join(path))
    }

    /// All files, in the order of their paths.
    pub(crate) fn files(&self) -> Vec<File> {
        let mut files = Vec::new();
        self.walk(&self.root, "", &mut files);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files
    }

    /// The Rust files whose path starts with `prefix`.
    pub(crate) fn sources(&self, prefix: &str) -> Vec<Source> {
        self.files()
            .iter()
            .filter(|file| file.path.starts_with(prefix) && file.path.ends_with(".rs"))
            .map(|file| Source::new(&file.path, &String::from_utf8_lossy(&file.bytes)))
            .collect()
    }

    fn walk(&self, folder: &Path, prefix: &str, files: &mut Vec<File>) {
        let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        for entry in entries {
            let entry = entry.expect("the folder was readable a moment ago");
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if path == ".git" || self.ignored.iter().any(|pattern| pattern.matches(&path)) {
                continue;
            }
            let kind = entry.file_type().expect("the file was there a moment ago");
            if kind.is_dir() {
                self.walk(&entry.path(), &format!("{path}/"), files);
            } else if kind.is_file() {
                let bytes = fs::read(entry.path()).unwrap_or_else(|e| panic!("{path}: {e}"));
                files.push(File { path, bytes });
            }
        }
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn ignored_files_are_left_out() {
    let pattern = Pattern::parse("/target");
    assert!(pattern.matches("target"));
    assert!(!pattern.matches("core/target"));
    let pattern = Pattern::parse("*.svg.tmp");
    assert!(pattern.matches("tests/compare/a.svg.tmp"));
    assert!(!pattern.matches("tests/compare/a.svg"));
}

#[test]
#[should_panic(expected = "has a form these tests do not read")]
fn an_unknown_form_is_no_silent_hole() {
    Pattern::parse("target/");
}

#[test]
fn this_file_is_among_the_sources() {
    let found = Workspace::find().sources("tests/policy/");
    assert!(
        found
            .iter()
            .any(|source| source.path == "tests/policy/workspace.rs")
    );
}
