//! Rows → a table in Markdown.

use std::fmt::Write as _;

use crate::row::{Kind, Policy, Row, Value};

/// Returns the table.
pub fn table(rows: &[Row]) -> String {
    let mut table = "\
| function | where | policy | max | on | never | waits | timeout | deadline | upstream | further options |
|---|---|---|---|---|---|---|---|---|---|---|
"
    .to_owned();
    for row in rows {
        let mut cells = vec![name(row), format!("{}:{}", row.file, row.line)];
        if row.kind == Kind::Transparent {
            cells.push("of the caller".to_owned());
            cells.extend(std::iter::repeat_n(String::new(), 7));
        } else {
            let Policy { max, on, never, base, cap, timeout, deadline, .. } = &row.policy;
            cells.push(option(row, "policy").map(code).unwrap_or_default());
            cells.extend([max, on, never].map(cell));
            cells.push(range(base, cap));
            cells.extend([timeout, deadline].map(cell));
            cells.push(option(row, "upstream").map(code).unwrap_or_default());
        }
        cells.push(further(row));
        _ = writeln!(
            table,
            "| {} |",
            cells.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>().join(" | ")
        );
    }
    table
}

fn name(row: &Row) -> String {
    let name = if row.kind == Kind::Block {
        format!("{}, `retry!`", code(&row.function))
    } else {
        code(&row.function)
    };
    match &row.cfg {
        Some(cfg) => format!("{name} if {}", code(cfg)),
        None => name,
    }
}

fn option<'r>(row: &'r Row, name: &str) -> Option<&'r str> {
    row.options.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_str())
}

/// Returns a value: code if it is written, and else the default, or `policy`.
fn cell(value: &Value) -> String {
    use crate::row::From;
    match (&value.value, value.from) {
        (None, _) => String::new(),
        (Some(value), From::Attribute) => code(value),
        (Some(value), From::Default) => value.clone(),
        (Some(_), From::Policy) => "policy".to_owned(),
    }
}

/// Returns the shortest and the longest computed wait.
fn range(base: &Value, cap: &Value) -> String {
    if base == cap { cell(base) } else { format!("{}–{}", cell(base), cell(cap)) }
}

/// Returns the options that have no column, and those parts of the policy that are given.
fn further(row: &Row) -> String {
    use crate::row::From;
    let Policy { factor, jitter, max_retry_after, .. } = &row.policy;
    let mut further = Vec::new();
    for (name, value) in [("factor", factor), ("jitter", jitter), ("max_retry_after", max_retry_after)] {
        if let (Some(text), From::Attribute) = (&value.value, value.from) {
            further.push(code(&format!("{name} = {text}")));
        }
    }
    for (name, value) in row.options.iter().filter(|(name, _)| !["policy", "upstream"].contains(name)) {
        further.push(if name == value { code(name) } else { code(&format!("{name} = {value}")) });
    }
    further.join(", ")
}

fn code(text: &str) -> String {
    format!("`{text}`")
}
