//! `cargo retry-http` lists every function of a crate that `retry-http` retries, with its policy.
//!
//! It reads sources by the modules of the macro itself (`macros`, a link to `retry-macros/src`), so
//! both agree on what an option means and on which methods of an `impl` are annotated.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

mod markdown;
mod row;
mod sources;
mod values;

macro_rules! of_the_macro {
    ($($module:ident $path:literal),+ $(,)?) => {
        $(#[allow(dead_code, unused_imports, missing_docs, reason = "the macro uses the rest")]
        #[path = $path]
        mod $module;)+
    };
}

of_the_macro! {
    body "macros/body/mod.rs",
    cfg "macros/cfg.rs",
    diagnostics "macros/diagnostics.rs",
    function "macros/function/mod.rs",
    generate "macros/generate/mod.rs",
    options "macros/options/mod.rs",
    paths "macros/paths.rs",
    tokens "macros/tokens.rs",
    walk "macros/walk.rs",
}

const HELP: &str = "\
Lists every function and block that `retry-http` retries, with its policy.

Usage: cargo retry-http [--json] [PATH]...

A PATH is a file or a folder; the default is `src`. The output is a table in Markdown, or JSON.
Values are shown as they are written. Code in the input of macros is not searched, except that of `retry!`.
";

/// The format of the output.
enum Format {
    Markdown,
    Json,
}

enum Command {
    Help,
    List { format: Format, paths: Vec<PathBuf> },
}

fn main() -> ExitCode {
    let command = match command() {
        Ok(command) => command,
        Err(error) => {
            eprintln!("{error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    let Command::List { format, paths } = command else {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    };
    let mut mistakes = Vec::new();
    let rows = sources::rows(&paths, &mut mistakes);
    let text = match format {
        Format::Markdown => markdown::table(&rows),
        Format::Json => serde_json::to_string_pretty(&rows).expect("rows are plain data") + "\n",
    };
    // A pager that is closed early is no reason to panic.
    let is_written = std::io::stdout().write_all(text.as_bytes()).is_ok();
    for mistake in &mistakes {
        eprintln!("{mistake}");
    }
    if mistakes.is_empty() && is_written { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn command() -> Result<Command, lexopt::Error> {
    use lexopt::prelude::*;

    let (mut format, mut paths) = (Format::Markdown, Vec::new());
    let mut parser = lexopt::Parser::from_env();
    let mut is_first = true;
    while let Some(argument) = parser.next()? {
        match argument {
            Long("json") => format = Format::Json,
            Long("help") | Short('h') => return Ok(Command::Help),
            // Cargo passes the name of its command.
            Value(name) if is_first && name == "retry-http" => {}
            Value(path) => paths.push(path.into()),
            other => return Err(other.unexpected()),
        }
        is_first = false;
    }
    if paths.is_empty() {
        paths.push("src".into());
    }
    Ok(Command::List { format, paths })
}
