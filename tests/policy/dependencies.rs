//! What cargo knows: the core's dependency tree and the roots of all targets.

use std::process::Command;

use crate::workspace::Workspace;

/// The packages below `package` in its normal dependencies, one `name version` a
/// line, with all features on.
pub(crate) fn normal_tree(workspace: &Workspace, package: &str) -> String {
    let arguments = [
        "tree",
        "--locked",
        "--all-features",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--package",
        package,
    ];
    let tree = cargo(workspace, &arguments);
    assert!(
        tree.starts_with(package),
        "cargo tree answered with something else:\n{tree}"
    );
    tree
}

/// Those of `names` that are packages in `tree`.
pub(crate) fn forbidden<'a>(tree: &str, names: &[&'a str]) -> Vec<&'a str> {
    let packages: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    names
        .iter()
        .copied()
        .filter(|name| packages.contains(name))
        .collect()
}

/// The source files that are roots of a library, binary, test, example, benchmark
/// or build script of a member, from the workspace's root.
pub(crate) fn target_roots(workspace: &Workspace) -> Vec<String> {
    let metadata = cargo(
        workspace,
        &["metadata", "--locked", "--no-deps", "--format-version", "1"],
    );
    let root = format!("{}/", workspace.root.display()).replace('\\', "/");
    let roots: Vec<String> = strings_of(&metadata, "src_path")
        .into_iter()
        .filter_map(|path| {
            path.replace('\\', "/")
                .strip_prefix(&root)
                .map(str::to_owned)
        })
        .collect();
    assert!(
        !roots.is_empty(),
        "cargo metadata names no target inside {root}"
    );
    roots
}

/// The values of the string fields called `key`. A path needs no more of JSON than
/// undoing `\\`.
fn strings_of(json: &str, key: &str) -> Vec<String> {
    let start = format!("\"{key}\":\"");
    json.split(&start)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(|value| value.replace("\\\\", "\\"))
        .collect()
}

fn cargo(workspace: &Workspace, arguments: &[&str]) -> String {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(program)
        .args(arguments)
        .current_dir(&workspace.root)
        .output()
        .unwrap_or_else(|e| panic!("cargo {arguments:?}: {e}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "cargo {arguments:?}: {}\n{errors}",
        output.status
    );
    String::from_utf8(output.stdout).expect("cargo writes UTF-8")
}

#[test]
fn a_runtime_in_a_tree_is_found() {
    let tree = "rust-routines v0.1.0 (/x/core)\ntokio v1.0.0\ntokio-macros v2.0.0 (proc-macro)\nmio v1.0.0\n";
    assert_eq!(forbidden(tree, &["tokio", "smol"]), ["tokio"]);
    assert!(forbidden(tree, &["macros", "rust", "v1.0.0"]).is_empty());
}

#[test]
fn strings_are_taken_out_of_json() {
    let json = r#"{"a":"x","src_path":"/w/a.rs","b":["c"]},{"src_path":"C:\\w\\b.rs"}"#;
    assert_eq!(strings_of(json, "src_path"), ["/w/a.rs", "C:\\w\\b.rs"]);
}
