//! The fault matrix: a table of faults, the servers that cause them, and calls that meet them.
//!
//! `table` has a row for each fault. `tests/matrix.rs` runs each row by every client, and writes
//! `docs/faults.md` from the table. `tests/peers.rs` runs the same rows by other crates.

pub mod call;
pub mod fault;
pub mod page;
pub mod server;
pub mod table;

use std::panic::resume_unwind;
use std::sync::Mutex;
use std::thread;

/// The number of runs at a time. Most of them wait.
const AT_A_TIME: usize = 12;

/// Runs `run` on each of `jobs`, many at a time, and returns the results in the order of the jobs.
pub fn in_parallel<J: Sync, R: Send>(jobs: &[J], run: impl Fn(&J) -> R + Sync) -> Vec<R> {
    let next = Mutex::new(0..jobs.len());
    let work = || {
        let mut done = Vec::new();
        loop {
            let Some(n) = next.lock().unwrap().next() else { return done };
            done.push((n, run(&jobs[n])));
        }
    };
    let mut done: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    });
    done.sort_by_key(|(n, _)| *n);
    done.into_iter().map(|(_, result)| result).collect()
}
