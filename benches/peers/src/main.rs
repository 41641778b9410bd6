//! Without arguments: measures all and writes `docs/benchmarks.md` and its chart. `--check` counts
//! ours only and fails if it has become worse, `--bless` writes down what it is.

use std::process::ExitCode;

use peers::{count, gate, report, throughput};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().collect();
    if count::answer_parent(&arguments).or_else(|| throughput::answer_parent(&arguments)).is_some() {
        return ExitCode::SUCCESS;
    }
    if std::process::Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("valgrind is not installed, so no instructions are counted: apt-get install valgrind");
        return ExitCode::FAILURE;
    }
    match arguments.iter().skip(1).map(String::as_str).collect::<Vec<_>>()[..] {
        [] => report::write(),
        ["--check"] if gate::check() => {}
        ["--check"] => return ExitCode::FAILURE,
        ["--bless"] => gate::bless(),
        _ => {
            eprintln!("write no argument, --check or --bless");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
