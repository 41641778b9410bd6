//! The targets of the fuzzer. Each takes any bytes, and panics where a promise is broken.
//!
//! The files of `retry-runtime` and `retry-macros` are part of this crate, since what is to be
//! fuzzed is private there, and a crate of a macro exports nothing but the macro.

#![allow(dead_code, unused_imports, reason = "the targets use a part of the files")]

use std::path::{Path, PathBuf};

pub mod attribute;
pub mod dates;
pub mod hints;
pub mod policy_text;
pub mod redis;

/// The names of the targets, with what they run.
pub const TARGETS: [(&str, fn(&[u8])); 5] = [
    ("hints", hints::run),
    ("dates", dates::run),
    ("policy_text", policy_text::run),
    ("attribute", attribute::run),
    ("redis", redis::run),
];

/// Returns the files of the corpus of a target with their paths, sorted by name.
pub fn corpus(name: &str) -> std::io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut files = Vec::new();
    for file in std::fs::read_dir(folder)? {
        let path = file?.path();
        let input = std::fs::read(&path)?;
        files.push((path, input));
    }
    files.sort();
    Ok(files)
}

// Of retry-runtime.
#[path = "../../retry-runtime/src/engine/mod.rs"]
mod engine;
#[path = "../../retry-runtime/src/env.rs"]
mod env;
#[path = "../../retry-runtime/src/fleet.rs"]
mod fleet;

use engine::exchange::Exchange;
use engine::hint;
use engine::http_failure::HttpFailure;
use engine::retry::{Retry, Stop, Verdict};
use engine::upstream::{Admission, Scope, Ticket, Upstream};
use fleet::{Fleet, FleetError};
use retry_policy::{
    Answer, Backoff, Condition, Conditions, Failure, FailureSet, Jitter, Policy, PolicyBuilder, PolicyError,
    PolicyMessage, Safety, StatusSet,
};

// Of retry-macros.
#[path = "../../retry-macros/src/body/mod.rs"]
mod body;
#[path = "../../retry-macros/src/cfg.rs"]
mod cfg;
#[path = "../../retry-macros/src/diagnostics.rs"]
mod diagnostics;
#[path = "../../retry-macros/src/function/mod.rs"]
mod function;
#[path = "../../retry-macros/src/generate/mod.rs"]
mod generate;
#[path = "../../retry-macros/src/options/mod.rs"]
mod options;
#[path = "../../retry-macros/src/paths.rs"]
mod paths;
#[path = "../../retry-macros/src/tokens.rs"]
mod tokens;
#[path = "../../retry-macros/src/walk.rs"]
mod walk;

#[path = "../../retry-macros/src/tests/kept.rs"]
mod kept;
