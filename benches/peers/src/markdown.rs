//! Tables in Markdown.

use std::fmt::{self, Display};

/// The kind of the cells of a table, except for the first of each row.
#[derive(Clone, Copy)]
pub enum Cells {
    /// They end in one line, where they are easier to compare.
    Numbers,
    Words,
}

/// A table whose rows are in the order of their keys.
pub struct Table {
    head: Vec<String>,
    cells: Cells,
    rows: Vec<(f64, Vec<String>)>,
}

impl Table {
    /// Begins one with these titles.
    pub fn new<S: Into<String>>(cells: Cells, head: impl IntoIterator<Item = S>) -> Self {
        Self { head: head.into_iter().map(Into::into).collect(), cells, rows: Vec::new() }
    }

    /// Adds a row.
    pub fn add(&mut self, key: f64, name: &str, cells: impl IntoIterator<Item = String>) {
        self.rows.push((key, [name.to_owned()].into_iter().chain(cells).collect()));
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows: Vec<_> = self.rows.iter().collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        writeln!(f, "| {} |", self.head.join(" | "))?;
        let line = match self.cells {
            Cells::Numbers => "--:|",
            Cells::Words => "---|",
        };
        writeln!(f, "|---|{}", line.repeat(self.head.len() - 1))?;
        rows.iter().try_for_each(|(_, cells)| writeln!(f, "| {} |", cells.join(" | ")))
    }
}
