//! `docs/messages.md` lists every message of the macro, and no other.

use std::fs;
use std::path::Path;

/// Messages that no UI test can show, since those are built with all features. Snapshots of the
/// macro do.
const ELSEWHERE: [&str; 2] = [
    "a function that is not `async` needs the feature `blocking`",
    "a closure blocks, which needs the feature `blocking`",
];

/// Returns our messages in UI tests.
fn shown() -> Vec<String> {
    let mut shown = Vec::new();
    // The topic `bodies` has messages of the compiler.
    for topic in ["options", "functions", "blocks"] {
        for file in fs::read_dir(Path::new("ui").join(topic)).expect("a folder of UI tests") {
            let path = file.expect("a file").path();
            if path.extension().is_some_and(|extension| extension == "stderr") {
                let text = fs::read_to_string(path).expect("the output of a UI test");
                shown.extend(text.lines().filter_map(ours));
            }
        }
    }
    shown
}

fn ours(line: &str) -> Option<String> {
    let in_a_constant = line.strip_prefix("error[E0080]: evaluation panicked: ");
    let of_a_trait = line.strip_prefix("error[E0277]: ").filter(|message| {
        ["#[retry_http]", "an attempt changes", "each attempt", "`observer`", "`reauth`", "`upstream`"]
            .iter()
            .any(|ours| message.contains(ours))
    });
    // The compiler's words for an upstream in a `const`.
    let of_a_constant = line.strip_prefix("error[E0716]: ");
    // A lint of the compiler's, which tests/ui/functions/unused_mut.rs asks for.
    let of_the_compiler = ["variable does not need to be mutable"];
    let plain = line.strip_prefix("error: ").filter(|message| !of_the_compiler.contains(message));
    plain.or(in_a_constant).or(of_a_constant).or(of_a_trait).map(str::to_owned)
}

/// Returns the messages of the page. Each is the beginning of one, in which `…` stands for
/// anything.
fn listed() -> Vec<String> {
    let page = fs::read_to_string("../docs/messages.md").expect("the page");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    rows.filter(|message| *message != "message").map(str::to_owned).collect()
}

fn is(message: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = parts.next().and_then(|first| message.strip_prefix(first)) else { return false };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

#[test]
fn every_message_is_on_the_page() {
    let listed = listed();
    let missing: Vec<_> =
        shown().into_iter().filter(|message| !listed.iter().any(|pattern| is(message, pattern))).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_message_of_the_page_is_shown_by_a_test() {
    let shown = shown();
    let unseen: Vec<_> = listed()
        .into_iter()
        .filter(|pattern| !shown.iter().any(|message| is(message, pattern)))
        .filter(|pattern| !ELSEWHERE.contains(&pattern.as_str()))
        .collect();
    assert!(unseen.is_empty(), "{unseen:#?}");
}
