//! The lists of the fixture are those that are expected. `UPDATE_EXPECT=1` writes them.

use std::fs;
use std::process::{Command, Output};

#[allow(dead_code, missing_docs, reason = "it is compiled so that it stays true")]
#[path = "fixture/src/lib.rs"]
mod fixture;

fn list(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-retry-http"));
    command.current_dir("tests/fixture").args(arguments).output().expect("the command runs")
}

fn check(arguments: &[&str], expected: &str) {
    let output = list(arguments);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(expected, text).expect("the expected list");
    } else {
        assert_eq!(
            text,
            fs::read_to_string(expected).expect("the expected list"),
            "UPDATE_EXPECT=1 writes it"
        );
    }
}

#[test]
fn markdown() {
    check(&[], "tests/fixture/expected.md");
    check(&["retry-http", "src"], "tests/fixture/expected.md");
}

#[test]
fn json() {
    check(&["--json", "src/lib.rs"], "tests/fixture/expected.json");
}

#[test]
fn mistakes_are_told_and_the_rest_is_listed() {
    let output = list(&["../mistakes"]);
    assert_eq!(output.status.code(), Some(1));
    let (table, mistakes) =
        (String::from_utf8(output.stdout).expect("UTF-8"), String::from_utf8(output.stderr).expect("UTF-8"));
    assert!(table.contains("`fine`") && table.contains("`wrong`"), "{table}");
    assert!(mistakes.contains("../mistakes/options.rs:2: `max` must be at least 1"), "{mistakes}");
    assert!(mistakes.contains("../mistakes/syntax.rs: 1: "), "{mistakes}");
    let output = list(&["--yaml"]);
    assert_eq!(output.status.code(), Some(2));
}
