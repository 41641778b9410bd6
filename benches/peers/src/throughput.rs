//! Calls a second over 32 connections, and the processor time of the client: by the clock, so in
//! rounds, with a plain call in each.

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

const CONNECTIONS: u32 = 32;
const CALLS: u32 = 400;
const ROUNDS: usize = 7;

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

/// What a load took.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    pub calls_per_second: f64,
    /// The processor time of a call in microseconds.
    pub processor: f64,
}

/// Returns the medians of the rounds by load: first what plain calls took, then the ratios of the
/// others to the plain calls of the same round.
pub fn measure(server: &Server, kinds: &[Kind]) -> Vec<Row<Taken>> {
    let all: Vec<_> = [Kind::Plain].into_iter().chain(kinds.iter().copied()).collect();
    let mut rows: Vec<Row<Taken>> = all.iter().map(|&kind| Row { kind, figures: Vec::new() }).collect();
    for load in LOADS {
        let mut rounds = vec![Vec::new(); all.len()];
        for round in 1..=ROUNDS {
            eprintln!("{CONNECTIONS} connections, {load:?}, round {round} of {ROUNDS}");
            let taken: Vec<_> = all.iter().map(|&kind| run(server, kind, load)).collect();
            rounds[0].push(taken[0]);
            for (ratios, taken_by) in rounds.iter_mut().zip(&taken).skip(1) {
                ratios.push(Taken {
                    calls_per_second: taken_by.calls_per_second / taken[0].calls_per_second,
                    processor: taken_by.processor / taken[0].processor,
                });
            }
        }
        for (row, taken) in rows.iter_mut().zip(&rounds) {
            row.figures.push(Taken {
                calls_per_second: median(taken.iter().map(|taken| taken.calls_per_second)),
                processor: median(taken.iter().map(|taken| taken.processor)),
            });
        }
    }
    rows
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
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
                processor: (processor_time() - processor).as_secs_f64() * 1e6 / calls,
            }
        })
    }
}

/// Returns the processor time of this process.
fn processor_time() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().expect("not before the process")
}
