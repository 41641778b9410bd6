//! Counts: instructions by callgrind, which are exact where a clock is noisy, and allocations by a
//! counting allocator.
//!
//! Instructions inside of the allocator are not counted, neither libc's nor the counting one's. How
//! many of them find a block depends on the sizes and ages of all other blocks, so that any change
//! of the program moves them by hundreds a call. Allocations are counted by themselves.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::call::Target;
use crate::peers::{Kind, Measure, Peer};
use crate::shape::Output;

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

/// A program whose calls are counted.
pub struct Program(PathBuf);

impl Program {
    pub fn this() -> Self {
        Self(std::env::current_exe().expect("this program"))
    }

    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Returns the instructions of a call: those of many calls less those of few, so that starting
    /// up does not count.
    pub fn instructions(&self, kind: Kind, target: &Target, output: Output, calls: Calls) -> i64 {
        let count = |calls| self.count(kind, target, output, calls);
        (count(calls.many) - count(calls.few)) / i64::from(calls.many - calls.few)
    }

    /// Runs the program under callgrind, and returns the number of its instructions outside of the
    /// allocator.
    fn count(&self, kind: Kind, target: &Target, output: Output, calls: u32) -> i64 {
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            // Entering one of these stops counting, and leaving it starts counting again.
            .args(ALLOCATOR.map(|function| format!("--toggle-collect={function}")))
            // A toggle makes a program start uncounted, unless this follows.
            .arg("--collect-atstart=yes")
            .arg(&self.0)
            .args(["call", kind.about().name, output.name(), &format!("{:?}", target.verb), &target.url])
            .arg(calls.to_string())
            .output()
            .expect("valgrind");
        let report = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{report}");
        let line = report.lines().find(|line| line.contains("Collected :")).expect("what callgrind reports");
        line.rsplit(' ').next().and_then(|count| count.parse().ok()).expect("a number")
    }
}

/// The functions by which Rust allocates.
const ALLOCATOR: [&str; 4] = ["*__rust_alloc", "*__rust_alloc_zeroed", "*__rust_realloc", "*__rust_dealloc"];

/// Makes the calls that [`Program::instructions`] counts, if the arguments ask for them.
///
/// They are made in a thread of their own: the stack of the first one begins elsewhere with each
/// environment, and copies take more or fewer instructions by where they begin.
pub fn make_asked_calls(arguments: &[String]) -> bool {
    let [_, call, kind, output, verb, url, calls] = arguments else { return false };
    if call != "call" {
        return false;
    }
    let kind = Kind::from_name(kind).expect("a kind");
    let output = Output::from_name(output).expect("an output");
    let target = Target { verb: crate::shape::verb(verb).expect("a verb"), url: url.clone() };
    let calls = calls.parse().expect("a number");
    let thread = std::thread::spawn(move || kind.measure(MakeCalls { target: &target, output, calls }));
    thread.join().expect("calls");
    true
}
