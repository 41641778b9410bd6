//! The page `docs/faults.md`, whose tables are those of the tests.

use std::fs;

use crate::fault::{Client, Fault, Method, Outcome, Server};
use crate::table::TABLE;

/// Compares a part of the page with `text`. With `UPDATE_EXPECT=1` it is written instead.
///
/// # Panics
///
/// Panics where the page says something else, or has no such part.
pub fn expect(part: &str, text: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/faults.md");
    let page = fs::read_to_string(path).unwrap();
    let [begin, end] = ["begin", "end"].map(|edge| format!("<!-- {edge} {part} -->\n"));
    let (before, rest) = page.split_once(&begin).expect("a part begins");
    let (written, after) = rest.split_once(&end).expect("a part ends");
    let text = format!("\n{text}\n");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(path, [before, &begin, &text, &end, after].concat()).unwrap();
    } else {
        let added = text.lines().filter(|line| !written.lines().any(|other| other == *line));
        let added: Vec<_> = added.collect();
        assert!(
            written == text,
            "docs/faults.md: run this test with UPDATE_EXPECT=1. New are:\n{}",
            added.join("\n")
        );
    }
}

/// Returns the tables of all rows.
pub fn tables() -> String {
    let sections = TABLE.iter().map(|section| {
        let rows: String = section.faults.iter().map(row).collect();
        format!(
            "### {}\n\n| fault | GET | POST | time of the GET |\n|---|---|---|---|\n{rows}",
            section.title
        )
    });
    sections.collect::<Vec<_>>().join("\n")
}

fn row(fault: &Fault) -> String {
    let [get, post] = Method::ALL.map(|method| cell(fault, method));
    let (least, most) = (fault.at_least(&fault.get).as_secs_f64(), fault.at_most.as_secs());
    let time = if least > 0.0 { format!("{least}–{most} s") } else { format!("≤ {most} s") };
    format!("| {} | {get} | {post} | {time} |\n", fault.name)
}

fn cell(fault: &Fault, method: Method) -> String {
    let expected = match method {
        Method::Get => fault.get,
        Method::Post => fault.post,
    };
    let buts = fault.but.iter().filter(|but| but.method == method);
    let buts = buts.map(|but| format!("; {}: **{}**", clients(but.clients), but.expected));
    let source = match fault.server {
        Server::Elsewhere(file, _) => format!(" (`{file}`)"),
        _ => String::new(),
    };
    format!("{expected}{source}{}", buts.collect::<String>())
}

fn clients(clients: &[Client]) -> &'static str {
    match clients {
        [Client::Blocking13, Client::Blocking12] => "blocking",
        [Client::Async13, Client::Async12] => "async",
        [Client::Async12, Client::Blocking12] => "0.12",
        _ => panic!("no name for {clients:?}"),
    }
}

/// Returns whether a POST of this row may have been done, so that it must not be sent again.
pub fn may_have_been_done(fault: &Fault) -> bool {
    matches!(fault.post.outcome, Outcome::Fails(_, retry_http::Stop::Ambiguous))
}
