//! Calls a second over 32 connections, and the processor time of the client: by the clock, so in
//! rounds, and beside plain calls at nearly the same time.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::Barrier;

use crate::call::{Target, Verb};
use crate::count::make_call;
use crate::figures::Row;
use crate::peers::{Kind, Measure, Peer};
use crate::server::{HEADERS, Refuses, Server};
use crate::shape::Output;

pub const CONNECTIONS: u32 = 32;
const CALLS: u32 = 400;
pub const ROUNDS: usize = 9;

/// Where calls are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    pub threads: usize,
    pub headers: usize,
}

/// The loads that are measured.
pub const LOADS: [Load; 4] = [
    Load { threads: 1, headers: HEADERS[0] },
    Load { threads: 1, headers: HEADERS[1] },
    Load { threads: 2, headers: HEADERS[0] },
    Load { threads: 2, headers: HEADERS[1] },
];

/// The time that calls took.
#[derive(Clone, Copy, Debug)]
struct Taken {
    calls_per_second: f64,
    /// The processor time of a call in microseconds.
    processor: f64,
}

/// The middle of many numbers, and where the middle half of them lies.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub quarter: f64,
    pub median: f64,
    pub three_quarters: f64,
}

impl Spread {
    fn of(numbers: impl Iterator<Item = f64>) -> Self {
        let mut numbers: Vec<_> = numbers.collect();
        numbers.sort_by(f64::total_cmp);
        let at = |quarters: usize| numbers[(numbers.len() - 1) * quarters / 4];
        Self { quarter: at(1), median: at(2), three_quarters: at(3) }
    }
}

/// The figures of one load.
#[derive(Clone, Copy, Debug)]
pub struct Loaded {
    pub calls_per_second: Spread,
    pub processor: Spread,
}

/// Returns what each of the kinds took by load, as ratios to plain calls just before.
pub fn measure(server: &Server, kinds: &[Kind]) -> Vec<Row<Loaded>> {
    let mut rows: Vec<_> = kinds.iter().map(|&kind| Row { kind, figures: Vec::new() }).collect();
    for load in LOADS {
        let mut ratios = vec![Vec::new(); kinds.len()];
        for round in 1..=ROUNDS {
            eprintln!("{CONNECTIONS} connections, {load:?}, round {round} of {ROUNDS}");
            for (ratios, &kind) in ratios.iter_mut().zip(kinds) {
                let plain = run(server, Kind::Plain, load);
                let taken = run(server, kind, load);
                ratios.push(Taken {
                    calls_per_second: taken.calls_per_second / plain.calls_per_second,
                    processor: taken.processor / plain.processor,
                });
            }
        }
        for (row, ratios) in rows.iter_mut().zip(&ratios) {
            row.figures.push(Loaded {
                calls_per_second: Spread::of(ratios.iter().map(|taken| taken.calls_per_second)),
                processor: Spread::of(ratios.iter().map(|taken| taken.processor)),
            });
        }
    }
    rows
}

/// Makes the calls in a process of their own, apart from the server.
fn run(server: &Server, kind: Kind, load: Load) -> Taken {
    let target = server.target(Verb::Get, load.headers, Refuses::None);
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["load", kind.about().name, &load.threads.to_string(), &target.url])
        .output()
        .expect("this program");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report = String::from_utf8_lossy(&output.stdout);
    let mut numbers = report.split_whitespace().map(|number| number.parse().expect("a number"));
    let mut number = || numbers.next().expect("two numbers");
    Taken { calls_per_second: number(), processor: number() }
}

/// Makes the calls of [`run`], and prints what they took. Returns `None` if that is not asked for.
pub fn answer_parent(arguments: &[String]) -> Option<()> {
    let [_, load, kind, threads, url] = arguments else { return None };
    let kind = Kind::from_name(kind).filter(|_| load == "load")?;
    let target = Target { verb: Verb::Get, url: url.clone() };
    let taken = kind.measure(MakeCalls { target, threads: threads.parse().ok()? });
    println!("{} {}", taken.calls_per_second, taken.processor);
    Some(())
}

struct MakeCalls {
    target: Target,
    threads: usize,
}

impl Measure for MakeCalls {
    type Output = Taken;

    fn of<P: Peer>(self) -> Taken {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(self.threads).enable_all().build().expect("a runtime");
        let http = P::client();
        let connected = Arc::new(Barrier::new(CONNECTIONS as usize + 1));
        let tasks: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                let (http, target, connected) = (http.clone(), self.target.clone(), Arc::clone(&connected));
                runtime.spawn(async move {
                    make_call::<P>(&http, &target, Output::Response).await;
                    connected.wait().await;
                    for _ in 0..CALLS {
                        make_call::<P>(&http, &target, Output::Response).await;
                    }
                })
            })
            .collect();
        runtime.block_on(async {
            connected.wait().await;
            let (start, processor) = (Instant::now(), processor_time());
            for task in tasks {
                task.await.expect("calls");
            }
            let calls = f64::from(CONNECTIONS * CALLS);
            Taken {
                calls_per_second: calls / start.elapsed().as_secs_f64(),
                processor: (processor_time() - processor) * 1e6 / calls,
            }
        })
    }
}

/// Returns the processor time of this process in seconds.
fn processor_time() -> f64 {
    let time = Duration::try_from(clock_gettime(ClockId::ProcessCPUTime));
    time.expect("not before the process").as_secs_f64()
}
