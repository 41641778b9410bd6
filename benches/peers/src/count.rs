//! Counts: instructions by callgrind, which are exact where a clock is noisy, and allocations by a
//! counting allocator.
//!
//! Instructions inside of the allocator are not counted, neither libc's nor the counting one's. How
//! many of them find a block depends on the sizes and ages of all other blocks, so that any change
//! of the program moves them by hundreds a call. Allocations are counted by themselves.

use std::path::PathBuf;
use std::process::Command;

use crate::call::Target;
use crate::peers::{Kind, Measure, Peer};
use crate::shape::{self, Output};

/// How many calls are made for a count.
#[derive(Clone, Copy)]
pub struct Calls {
    pub few: u32,
    pub many: u32,
}

/// Makes calls one after the other.
pub struct MakeCalls<'t> {
    pub target: &'t Target,
    pub output: Output,
    pub calls: u32,
}

impl Measure for MakeCalls<'_> {
    type Output = ();

    fn of<P: Peer>(self) {
        let http = P::client();
        runtime().block_on(async {
            for _ in 0..self.calls {
                make_call::<P>(&http, self.target, self.output).await;
            }
        });
    }
}

/// Counts the allocations of a call: the fewest of many, since those of the transport depend on how
/// its reads fall.
pub struct Allocations<'t> {
    pub target: &'t Target,
    pub output: Output,
    pub rounds: u32,
}

impl Measure for Allocations<'_> {
    type Output = i64;

    fn of<P: Peer>(self) -> i64 {
        let (runtime, http) = (runtime(), P::client());
        let call = || runtime.block_on(make_call::<P>(&http, self.target, self.output));
        let counts = (0..self.rounds).map(|_| allocation_counter::measure(call).count_total);
        counts.min().and_then(|count| count.try_into().ok()).expect("few")
    }
}

/// Makes a call and reads its answer.
pub async fn make_call<P: Peer>(http: &P::Client, target: &Target, output: Output) {
    let body = match output {
        Output::Response => {
            let response = P::response(http, target).await.expect("a server that answers");
            response.error_for_status().expect("a success").text().await.expect("a body")
        }
        Output::String => P::string(http, target).await.expect("a success"),
    };
    assert_eq!(body.len(), 8);
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// The cost of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Outside of the allocator.
    pub instructions: i64,
    pub allocations: i64,
}

impl std::ops::Sub for Cost {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            instructions: self.instructions - other.instructions,
            allocations: self.allocations - other.allocations,
        }
    }
}

/// A program that makes calls which are counted: this one, or one with other features.
pub struct Program(PathBuf);

impl Program {
    /// Returns the program that is running.
    pub fn this() -> Self {
        Self(std::env::current_exe().expect("this program"))
    }

    /// Builds ours with its features `tracing` and `metrics`, and returns that program.
    pub fn with_telemetry() -> Self {
        let this = std::env::current_exe().expect("this program");
        let folder = this.parent().expect("a folder");
        let status = Command::new("cargo")
            .args(["build", "--quiet", "--release", "--bin", "telemetry", "--features", "telemetry"])
            .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), "--target-dir"])
            .arg(folder.parent().expect("a target folder"))
            .status()
            .expect("cargo");
        assert!(status.success(), "built");
        Self(folder.join("telemetry"))
    }

    /// Returns what a call costs.
    pub fn cost(&self, kind: Kind, target: &Target, output: Output, calls: Calls) -> Cost {
        Cost {
            instructions: self.instructions(kind, target, output, calls),
            allocations: self.allocations(kind, target, output, calls.few),
        }
    }

    /// Returns the instructions of a call: those of many calls less those of few, so that starting
    /// up does not count.
    fn instructions(&self, kind: Kind, target: &Target, output: Output, calls: Calls) -> i64 {
        let count = |calls| self.count(kind, target, output, calls);
        (count(calls.many) - count(calls.few)) / i64::from(calls.many - calls.few)
    }

    fn allocations(&self, kind: Kind, target: &Target, output: Output, rounds: u32) -> i64 {
        let mut command = Command::new(&self.0);
        let report = run(command.args(child("allocations", kind, target, output, rounds)));
        String::from_utf8_lossy(&report.stdout).trim().parse().expect("a number")
    }

    /// Runs the program under callgrind, and returns the number of its instructions outside of the
    /// allocator.
    fn count(&self, kind: Kind, target: &Target, output: Output, calls: u32) -> i64 {
        let mut command = Command::new("valgrind");
        command
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            // Entering one of these stops counting, and leaving it starts counting again.
            .args(ALLOCATOR.map(|function| format!("--toggle-collect={function}")))
            // A toggle makes a program start uncounted, unless this follows.
            .arg("--collect-atstart=yes")
            .arg(&self.0)
            .args(child("call", kind, target, output, calls));
        let report = String::from_utf8_lossy(&run(&mut command).stderr).into_owned();
        let line = report.lines().find(|line| line.contains("Collected :")).expect("what callgrind reports");
        line.rsplit(' ').next().and_then(|count| count.parse().ok()).expect("a number")
    }
}

/// The functions by which Rust allocates.
const ALLOCATOR: [&str; 4] = ["*__rust_alloc", "*__rust_alloc_zeroed", "*__rust_realloc", "*__rust_dealloc"];

fn run(command: &mut Command) -> std::process::Output {
    let output = command.output().expect("a program that starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Returns the arguments that [`answer_parent`] understands.
fn child(what: &str, kind: Kind, target: &Target, output: Output, calls: u32) -> [String; 6] {
    let (kind, verb) = (kind.about().name, shape::method(target.verb));
    [what, kind, output.name(), verb, &target.url, &calls.to_string()].map(str::to_owned)
}

/// Makes the calls that a [`Program`] is started for. Returns `None` if it was started by a user.
///
/// Calls are made in a thread of their own: the stack of the first one begins elsewhere with each
/// environment, and copies take more or fewer instructions by where they begin.
pub fn answer_parent(arguments: &[String]) -> Option<()> {
    let [_, what, kind, output, verb, url, calls] = arguments else { return None };
    let kind = Kind::from_name(kind)?;
    let output = Output::from_name(output)?;
    let target = Target { verb: shape::verb(verb)?, url: url.clone() };
    let calls = calls.parse().ok()?;
    let what = what.clone();
    let work = move || match what.as_str() {
        "call" => kind.measure(MakeCalls { target: &target, output, calls }),
        _ => println!("{}", kind.measure(Allocations { target: &target, output, rounds: calls })),
    };
    std::thread::spawn(work).join().expect("calls");
    Some(())
}
