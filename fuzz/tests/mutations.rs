//! Runs mutations of the corpora through each target: a short fuzz that needs no more than `cargo test`.
//!
//! The inputs are the same in every run. Set `FUZZ_SEED` for others, and `FUZZ_RUNS` for more.

use std::panic::{self, AssertUnwindSafe};

use mutatis::Session;
use retry_http_fuzz::{TARGETS, corpus};

/// The number of inputs of each target. All of them take five seconds in a debug build.
const RUNS: u64 = 20_000;

/// The largest number of mutations between a file and an input.
const MOST_MUTATIONS: u64 = 8;

/// Returns the value of an environment variable.
fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a whole number"))
}

#[test]
fn mutations_of_the_corpora_pass() {
    let (seed, runs) = (variable("FUZZ_SEED", 1), variable("FUZZ_RUNS", RUNS));
    for (name, run) in TARGETS {
        let corpus = corpus(name).unwrap();
        let mut session = Session::new().seed(seed);
        for number in 0..runs {
            let mut input = corpus[usize::try_from(number).unwrap() % corpus.len()].1.clone();
            for _ in 0..=number / corpus.len() as u64 % MOST_MUTATIONS {
                // An empty input may have no mutation that makes it smaller.
                _ = session.mutate(&mut input);
            }
            if let Err(panic) = panic::catch_unwind(AssertUnwindSafe(|| run(&input))) {
                println!("{name}, input {number} of seed {seed}: {}", input.escape_ascii());
                panic::resume_unwind(panic);
            }
        }
    }
}
