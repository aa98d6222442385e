//! The shape of the project: files that introduce themselves and stay short, the
//! members of the plan, ci scripts that are called, no trace of a machine.

use crate::lists;
use crate::source::{Finding, Source};
use crate::workspace::{File, Workspace};

/// The longest a Rust file may be: past about 500 lines it asks to be split.
const MOST_LINES: usize = 550;

/// Files that every checkout has.
const FILES: [&str; 7] = [
    "README.md",
    "DESIGN.md",
    "CHANGELOG.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "Cargo.lock",
    ".ci/run",
];

/// The one file that has to hold the words that no file may hold.
const WORD_LIST: &str = "tests/policy/words.txt";

/// Every Rust file opens with `//!` and has at most [`MOST_LINES`] lines.
pub(crate) fn check_files(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        if !source.text.starts_with("//!") {
            findings
                .push(source.finding(1, "a file opens with `//!`: what it is and why this way"));
        }
        let lines = source.text.lines().count();
        if lines > MOST_LINES {
            findings
                .push(source.finding(lines, format!("longer than {MOST_LINES} lines: split it")));
        }
    }
    findings
}

/// The folders and packages of `list` are the members, and the top files exist.
pub(crate) fn check_members(workspace: &Workspace, list: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let members = members_of(&workspace.text("Cargo.toml"));
    let wanted = folders_and_packages(list);
    for (folder, package) in &wanted {
        let manifest = workspace.text(&format!("{folder}/Cargo.toml"));
        if field(&manifest, "name") != Some(package) {
            findings.push(finding(
                &format!("{folder}/Cargo.toml"),
                format!("the package should be `{package}`"),
            ));
        }
        if !members.contains(folder) {
            findings.push(finding(
                "Cargo.toml",
                format!("`{folder}` is no member of the workspace"),
            ));
        }
    }
    for member in members
        .iter()
        .filter(|member| !wanted.iter().any(|(folder, _)| folder == *member))
    {
        findings.push(finding(
            "Cargo.toml",
            format!("`{member}` has no line in members.txt"),
        ));
    }
    for file in FILES
        .iter()
        .filter(|file| !workspace.root.join(file).is_file())
    {
        findings.push(finding(file, "is missing".to_owned()));
    }
    findings
}

/// `ci/published.txt` names the packages that may be published, and each of them
/// has what the workspace says about the oldest compiler and the licence.
pub(crate) fn check_published(workspace: &Workspace, list: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let text = workspace.text("ci/published.txt");
    let listed = lists::lines(&text);
    for (folder, package) in folders_and_packages(list) {
        let path = format!("{folder}/Cargo.toml");
        let manifest = workspace.text(&path);
        let published = field(&manifest, "publish") != Some("false");
        if published != listed.contains(&package.as_str()) {
            let message =
                format!("`{package}` and ci/published.txt disagree about being published");
            findings.push(finding(&path, message));
        }
        for key in ["rust-version.workspace", "license.workspace", "description"] {
            if published && field(&manifest, key).is_none() {
                findings.push(finding(&path, format!("a published package needs `{key}`")));
            }
        }
    }
    findings
}

/// Every script in ci/ is called by `.ci/run` or another script, starts with the
/// shell's strict mode and says what it is.
pub(crate) fn check_scripts(workspace: &Workspace) -> Vec<Finding> {
    let files = workspace.files();
    let scripts: Vec<&File> = files
        .iter()
        .filter(|file| {
            file.path == ".ci/run" || (file.path.starts_with("ci/") && file.path.ends_with(".sh"))
        })
        .collect();
    let mut findings = Vec::new();
    for script in &scripts {
        let text = String::from_utf8_lossy(&script.bytes);
        findings.extend(
            script_objection(&text).map(|message| finding(&script.path, message.to_owned())),
        );
        let name = script.path.rsplit('/').next().unwrap_or_default();
        let name = name.trim_end_matches(".sh");
        // long.sh is called by people.
        let is_entry = script.path == ".ci/run" || name == "long";
        if !is_entry
            && !scripts
                .iter()
                .any(|other| other.path != script.path && names(other, name))
        {
            findings.push(finding(
                &script.path,
                "is called by no other script".to_owned(),
            ));
        }
    }
    findings
}

/// Whether a line of `script` that is no comment holds `name` as a word.
fn names(script: &File, name: &str) -> bool {
    let text = String::from_utf8_lossy(&script.bytes);
    let is_word_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(|line| line.split(|c| !is_word_part(c)))
        .any(|word| word == name)
}

fn script_objection(text: &str) -> Option<&'static str> {
    let mut lines = text.lines();
    if lines.next() != Some("#!/usr/bin/env bash") {
        return Some("a script starts with `#!/usr/bin/env bash`");
    }
    if !lines.next().is_some_and(|line| line.starts_with("# ")) {
        return Some("a script's second line says what it is");
    }
    if !text.lines().any(|line| line == "set -euo pipefail") {
        return Some("a script says `set -euo pipefail`");
    }
    None
}

/// No file but the list itself holds a word of the list.
pub(crate) fn check_words(workspace: &Workspace, list: &str) -> Vec<Finding> {
    let words = lists::lines(list);
    let mut findings = Vec::new();
    for file in workspace
        .files()
        .iter()
        .filter(|file| file.path != WORD_LIST)
    {
        findings.extend(words_in(file, &words));
    }
    findings
}

fn words_in(file: &File, words: &[&str]) -> Vec<Finding> {
    let text = String::from_utf8_lossy(&file.bytes);
    let mut findings = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for word in words.iter().filter(|word| line.contains(**word)) {
            let message = format!("`{word}` belongs to a machine, not to the project");
            findings.push(Finding {
                path: file.path.clone(),
                line: number + 1,
                message,
            });
        }
    }
    findings
}

/// The lines of `members.txt` as folder and package.
fn folders_and_packages(list: &str) -> Vec<(String, String)> {
    lists::lines(list)
        .into_iter()
        .map(|line| {
            let (folder, package) = line
                .split_once(char::is_whitespace)
                .expect("a folder and a package");
            (folder.to_owned(), package.trim().to_owned())
        })
        .collect()
}

/// The strings of `members = [ .. ]` in the workspace's manifest.
fn members_of(manifest: &str) -> Vec<String> {
    let list = manifest
        .split_once("\nmembers = [")
        .and_then(|(_, rest)| rest.split_once(']'))
        .map_or("", |(list, _)| list);
    list.split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// The value of the first `key = value` of a manifest, without quotes.
fn field<'a>(manifest: &'a str, key: &str) -> Option<&'a str> {
    manifest.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == key).then_some(value.trim().trim_matches('"'))
    })
}

fn finding(path: &str, message: String) -> Finding {
    Finding {
        path: path.to_owned(),
        line: 1,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File {
            path: path.to_owned(),
            bytes: text.as_bytes().to_vec(),
        }
    }

    #[test]
    fn long_and_silent_files_are_found() {
        let short = Source::new("a.rs", "//! A.\n");
        assert!(check_files(&[short]).is_empty());
        let silent = Source::new("a.rs", "// A.\nfn f() {}\n");
        assert_eq!(check_files(&[silent]).len(), 1);
        let lines = "fn f() {}\n".repeat(MOST_LINES);
        let long = Source::new("a.rs", &format!("//! A.\n{lines}"));
        assert_eq!(check_files(&[long]).len(), 1);
    }

    #[test]
    fn words_are_found_with_their_lines() {
        let found = words_in(
            &file("a.md", "one\ntwo /somewhere/x\n"),
            &["/somewhere/", "three"],
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 2);
        assert!(words_in(&file("a.md", "two somewhere\n"), &["/somewhere/"]).is_empty());
    }

    #[test]
    fn manifests_are_read() {
        let manifest = "[workspace]\nresolver = \"3\"\nmembers = [\n  \"a\",\n  \"b/c\",\n]\n";
        assert_eq!(members_of(manifest), ["a", "b/c"]);
        assert_eq!(members_of("[package]"), [""; 0]);
        let package = "[package]\nname = \"x\"\npublish = false\nlicense.workspace = true\n";
        assert_eq!(field(package, "name"), Some("x"));
        assert_eq!(field(package, "publish"), Some("false"));
        assert_eq!(field(package, "license.workspace"), Some("true"));
        assert_eq!(field(package, "version"), None);
    }

    #[test]
    fn loose_scripts_are_found() {
        let good = "#!/usr/bin/env bash\n# Does x.\nset -euo pipefail\n";
        assert_eq!(script_objection(good), None);
        assert!(script_objection("set -euo pipefail\n").is_some());
        assert!(script_objection("#!/usr/bin/env bash\nset -euo pipefail\n").is_some());
        assert!(script_objection("#!/usr/bin/env bash\n# Does x.\nset -e\n").is_some());
    }

    #[test]
    fn only_a_call_counts_as_one() {
        assert!(names(&file("a.sh", "jobs=(fmt test)\n"), "fmt"));
        assert!(names(&file("a.sh", "\"$here/go.sh\"\n"), "go"));
        assert!(!names(&file("a.sh", "# fmt\ncargo-fmt\n"), "fmt"));
    }
}
