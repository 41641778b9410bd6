//! The sources keep to a form. Imports go one way: a module names only modules that stand below it,
//! as ARCHITECTURE.md draws them.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules of a crate, from the top down. Those of one line may not name each other.
const MACROS: &[&[&str]] = &[
    &["generate"],
    &["body"],
    &["function", "options"],
    &["diagnostics"],
    &["cfg", "paths", "tokens"],
    &["walk"],
];
const POLICY: &[&[&str]] = &[
    &["config"],
    &["builder"],
    &["policy"],
    &["text"],
    &["rules"],
    &["backoff", "keys", "message"],
    &["condition"],
    &["failure", "intern", "status", "units", "words"],
];
const RUNTIME: &[&[&str]] =
    &[&["call", "fleet"], &["transport"], &["scope"], &["env"], &["testing"], &["observe"], &["engine"]];

#[test]
fn imports_go_down() {
    for (folder, layers) in
        [("../retry-policy/src", POLICY), ("../retry-macros/src", MACROS), ("../retry-runtime/src", RUNTIME)]
    {
        let mut wrong = Vec::new();
        for file in sources(Path::new(folder)) {
            let module = file.strip_prefix(folder).expect("a file of the folder");
            let module =
                module.iter().next().expect("a file").to_str().expect("UTF-8").trim_end_matches(".rs");
            // The crate root re-exports, and tests of the whole stand above all.
            if ["lib", "tests"].contains(&module) {
                continue;
            }
            let from = layer(layers, module);
            let text = fs::read_to_string(&file).expect("a source");
            for line in text.lines().map(str::trim).filter(|line| line.starts_with("use crate::")) {
                let path = line.trim_start_matches("use crate::");
                let other = path.split([':', ';', '{']).next().expect("a name");
                if other != module && layer(layers, other) <= from {
                    wrong.push(format!("{}: {line}", file.display()));
                }
            }
        }
        assert!(wrong.is_empty(), "these name a module that does not stand below:\n{}", wrong.join("\n"));
    }
}

/// Tables and code are left as they are, and so are words that are longer than a line.
#[test]
fn comments_are_wrapped_at_100_columns() {
    const WIDTH: usize = 100;
    let mut long = Vec::new();
    for folder in [
        "cargo-retry-http",
        "cookbook",
        "fuzz/src",
        "migrations",
        "soak",
        "retry-policy",
        "retry-macros",
        "retry-runtime",
        "src",
        "tests",
        "examples",
        "benches",
    ] {
        for file in sources(&Path::new("..").join(folder)) {
            let is_in_ui = file.components().any(|part| part.as_os_str() == "ui");
            let is_built = file.components().any(|part| part.as_os_str() == "target");
            if is_in_ui || is_built {
                continue;
            }
            let text = fs::read_to_string(&file).expect("a source");
            let mut is_code = false;
            for (number, line) in text.lines().enumerate() {
                let comment = line.trim_start();
                let Some(words) = comment.strip_prefix("//") else {
                    is_code = false;
                    continue;
                };
                let words = words.trim_start_matches(['/', '!']).trim_start();
                is_code ^= words.starts_with("```");
                let is_kept = is_code || words.starts_with(['|', '[']);
                if !is_kept && line.chars().count() > WIDTH && !is_one_word(words) {
                    long.push(format!("{}:{}", file.display(), number + 1));
                }
            }
        }
    }
    assert!(long.is_empty(), "these lines are too long:\n{}", long.join("\n"));
}

/// Returns `true` for what cannot be wrapped: one word, or one piece of code.
fn is_one_word(words: &str) -> bool {
    !words.contains(' ') || words.matches('`').count() == 2 && words.starts_with('`')
}

fn layer(layers: &[&[&str]], module: &str) -> usize {
    let at = layers.iter().position(|layer| layer.contains(&module));
    at.unwrap_or_else(|| panic!("`{module}` has no layer: add it here and to ARCHITECTURE.md"))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
