//! What the process holds.

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
        let files =
            fs::read_dir("/proc/self/fd")?.flatten().filter_map(|file| fs::read_link(file.path()).ok());
        let sockets = files.filter(|file| file.to_string_lossy().starts_with("socket:")).count();
        let tasks = runtimes.map(|runtime| runtime.metrics().num_alive_tasks());
        Ok(Self { at, heap, resident: pages * 4096, threads, sockets, tasks })
    }

    /// Prints a row.
    pub fn print(&self, when: &str) {
        let Self { at, heap, resident, threads, sockets, tasks: [callers, server] } = self;
        println!(
            "{:>5.0} s, {when:<7}  heap {:>9.3} MiB  resident {:>8.3} MiB  {threads:>3} threads  {sockets:>6} sockets  \
             {callers:>6} + {server:>6} tasks",
            at.as_secs_f64(),
            mib(*heap),
            mib(*resident)
        );
    }
}

/// Returns what has grown from the first round to the last, when all calls have ended. What is left
/// of the first round is made once. A tenth more is allowed, as a later round may have more calls
/// at once, and tables stay as large as they once were.
pub fn growth(before: &Sample, rests: &[Sample]) -> Vec<String> {
    let (Some(first), Some(last)) = (rests.first(), rests.last()) else { return Vec::new() };
    let mut grown = Vec::new();
    let mut compare = |name: &str, early: usize, late: usize| {
        if late > early {
            grown.push(format!("{name}: {late}, and {early} before"));
        }
    };
    compare("bytes on the heap", first.heap + first.heap / 10 + MIB, last.heap);
    compare("threads", before.threads, last.threads);
    compare("sockets", before.sockets, last.sockets);
    compare("tasks of the callers", before.tasks[0], last.tasks[0]);
    compare("tasks of the server", before.tasks[1], last.tasks[1]);
    grown
}

#[expect(clippy::cast_precision_loss, reason = "a number to read")]
fn mib(bytes: usize) -> f64 {
    bytes as f64 / MIB as f64
}
