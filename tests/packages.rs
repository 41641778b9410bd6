//! The dependencies that users get, the versions that the MSRV allows, and the targets that are
//! refused.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PAGE: &str = include_str!("../docs/dependencies.md");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Runs cargo in `folder`, without the network where all is there.
fn cargo(folder: &Path, arguments: &[&str]) -> String {
    let run = |more: &[&str]| -> Output {
        let mut command = Command::new(env!("CARGO"));
        command.args(arguments).args(more).current_dir(folder).output().expect("cargo")
    };
    let offline = run(&["--offline"]);
    let output = if offline.status.success() { offline } else { run(&[]) };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Returns the crates, with their versions, that a user has who writes `dependency` beside reqwest
/// and tokio.
fn tree(name: &str, dependency: &str) -> BTreeSet<String> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("packages").join(name);
    fs::create_dir_all(folder.join("src")).expect("a folder");
    fs::write(folder.join("src/lib.rs"), "").expect("a source");
    let manifest = format!(
        "[package]\nname = \"user\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
         reqwest = \"0.13\"\ntokio = {{ version = \"1\", features = [\"macros\", \"rt-multi-thread\"] }}\n{dependency}\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
    fs::copy(Path::new(ROOT).join("Cargo.lock"), folder.join("Cargo.lock")).expect("a lock");
    let tree = cargo(&folder, &["tree", "--prefix=none", "--edges=normal,build", "--format={p}"]);
    // Paths and marks follow the version.
    tree.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
}

fn with_feature(feature: &str) -> BTreeSet<String> {
    tree(feature, &format!("retry-http = {{ path = \"{ROOT}\", features = [\"{feature}\"] }}"))
}

fn added(with: &BTreeSet<String>, without: &BTreeSet<String>) -> Vec<String> {
    let names = with.difference(without).map(|name| name.split(' ').next().expect("a name").to_owned());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// Returns the cells of a table of the page, by its heading.
fn rows(heading: &str) -> impl Iterator<Item = Vec<&'static str>> {
    let (_, table) = PAGE.split_once(heading).unwrap_or_else(|| panic!("no table {heading}"));
    let lines = table.trim_start().lines().skip(1).take_while(|line| line.starts_with('|'));
    lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}

fn names(cell: &str) -> Vec<String> {
    let mut names: Vec<_> = cell.split_whitespace().map(|name| name.trim_matches('`').to_owned()).collect();
    names.sort();
    names
}

#[test]
fn the_page_has_all_dependencies() {
    let default = with_feature("default");
    let mut listed = names(&rows("| crate | reason |").map(|row| row[0]).collect::<Vec<_>>().join(" "));
    let mut found = added(&default, &tree("none", ""));
    found.retain(|name| name != "user");
    listed.sort();
    assert_eq!(listed, found, "docs/dependencies.md has other crates than the tree of a user");

    let mut features = 0;
    for row in rows("| feature | crates | reason |") {
        let [feature, crates, _] = row[..] else { panic!("{row:?}") };
        let found = added(&with_feature(feature.trim_matches('`')), &default);
        assert_eq!(names(crates), found, "docs/dependencies.md has other crates for {feature}");
        features += 1;
    }
    let manifest = fs::read_to_string(Path::new(ROOT).join("Cargo.toml")).expect("a manifest");
    let table = manifest.split("[features]\n").nth(1).and_then(|rest| rest.split("\n\n").next());
    let declared = table.expect("features").lines().filter(|line| !line.starts_with('#'));
    // All but `default` and `reqwest-0-13`, which is the default.
    assert_eq!(features, declared.count() - 2, "a feature has no row");
}

#[test]
fn the_lock_file_keeps_the_msrv() {
    let metadata = cargo(Path::new(ROOT), &["metadata", "--format-version=1", "--locked"]);
    let metadata: serde_json::Value = serde_json::from_str(&metadata).expect("JSON");
    let version = |text: &str| -> Vec<u32> { text.split('.').map(|part| part.parse().unwrap()).collect() };
    let packages = metadata["packages"].as_array().expect("packages");
    let msrv = packages.iter().find(|package| package["name"] == "retry-http").expect("our own");
    let msrv = version(msrv["rust_version"].as_str().expect("a rust-version"));
    let declared = packages.iter().filter_map(|package| {
        let declared = package["rust_version"].as_str()?;
        Some((format!("{} {}", package["name"], package["version"]), version(declared)))
    });
    let declared: Vec<_> = declared.collect();
    assert!(declared.len() > packages.len() / 2, "most crates declare one");
    let newer: Vec<_> = declared.iter().filter(|(_, declared)| declared[..2] > msrv[..2]).collect();
    assert!(newer.is_empty(), "these ask for a newer Rust than {msrv:?}: {newer:?}");
}

/// The target's standard library need not be there: the target is only claimed.
#[test]
fn wasm_is_refused() {
    let output = Command::new("rustc")
        .args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "-o"])
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("wasm.rmeta"))
        .args(["--cfg", "target_family=\"wasm\"", "--allow=explicit_builtin_cfgs_in_flags"])
        .arg(Path::new(ROOT).join("retry-policy/src/lib.rs"))
        .output()
        .expect("rustc");
    let message = String::from_utf8_lossy(&output.stderr);
    let errors: Vec<_> = message.lines().filter(|line| line.starts_with("error: ")).collect();
    assert!(errors[0].starts_with("error: retry-http does not support WebAssembly: "), "{message}");
    assert_eq!(errors.len(), 2, "no other error but the summary: {message}");
}
