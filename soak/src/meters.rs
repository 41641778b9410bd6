//! What the process holds, measured once a second.

use std::fs;
use std::io::Result;
use std::time::Duration;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::runtime::Handle;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

const MIB: usize = 1024 * 1024;

/// The numbers of one moment.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub at: Duration,
    /// Bytes that are allocated and not freed.
    pub heap: usize,
    /// Bytes that are resident, as the kernel sees it.
    pub resident: usize,
    pub threads: usize,
    pub sockets: usize,
    /// Tasks of the callers, and of the server.
    pub tasks: [usize; 2],
}

impl Sample {
    pub fn take(at: Duration, runtimes: [&Handle; 2]) -> Result<Self> {
        let stats = ALLOCATOR.stats();
        let heap = stats.bytes_allocated.wrapping_sub(stats.bytes_deallocated);
        let pages = fs::read_to_string("/proc/self/statm")?;
        let pages: usize = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
        let threads = fs::read_dir("/proc/self/task")?.count();
        let files = fs::read_dir("/proc/self/fd")?.flatten().filter_map(|file| fs::read_link(file.path()).ok());
        let sockets = files.filter(|file| file.to_string_lossy().starts_with("socket:")).count();
        let tasks = runtimes.map(|runtime| runtime.metrics().num_alive_tasks());
        Ok(Self { at, heap, resident: pages * 4096, threads, sockets, tasks })
    }

    /// Prints a row.
    pub fn print(&self) {
        let Self { at, heap, resident, threads, sockets, tasks: [callers, server] } = self;
        println!(
            "{:>5.0} s  heap {:>4} MiB  resident {:>4} MiB  {threads:>3} threads  {sockets:>6} sockets  \
             {callers:>6} + {server:>6} tasks",
            at.as_secs_f64(),
            heap / MIB,
            resident / MIB
        );
    }
}

/// Something that must not grow.
struct Meter {
    name: &'static str,
    of: fn(&Sample) -> usize,
    /// What it may vary by, beside a tenth.
    slack: usize,
}

const METERS: [Meter; 5] = [
    Meter { name: "heap", of: |sample| sample.heap, slack: 2 * MIB },
    Meter { name: "threads", of: |sample| sample.threads, slack: 0 },
    Meter { name: "sockets", of: |sample| sample.sockets, slack: 50 },
    Meter { name: "tasks of the callers", of: |sample| sample.tasks[0], slack: 50 },
    Meter { name: "tasks of the server", of: |sample| sample.tasks[1], slack: 50 },
];

/// Returns what has grown, by the medians of the second quarter of the samples and of the last.
pub fn growth(samples: &[Sample]) -> Vec<String> {
    let quarter = samples.len() / 4;
    let median = |samples: &[Sample], of: fn(&Sample) -> usize| {
        let mut values: Vec<_> = samples.iter().map(of).collect();
        values.sort_unstable();
        values[values.len() / 2]
    };
    let mut grown = Vec::new();
    for Meter { name, of, slack } in METERS {
        let early = median(&samples[quarter..2 * quarter], of);
        let late = median(&samples[3 * quarter..], of);
        println!("{name}: {early} in the second quarter, {late} in the last");
        if late > early + early / 10 + slack {
            grown.push(format!("{name} has grown from {early} to {late}"));
        }
    }
    grown
}
