//! Whether ours has become worse than it was: instructions, allocations and sizes, beside the
//! figures in `benches/baseline.toml`.

use std::collections::BTreeMap;
use std::fs;

use serde::{Deserialize, Serialize};

use crate::count::{Cost, Program};
use crate::figures::{self, Row};
use crate::machine;
use crate::peers::Kind;
use crate::server::{Answers, Server};
use crate::shape::{Output, SIMPLEST, Shape};

const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../baseline.toml");

const HEAD: &str = "\
# What the attribute costs, and may cost 3 % more of before the check fails. Written by
# `cargo run --release --manifest-path benches/peers/Cargo.toml -- --bless`.
# Another compiler, processor or version of valgrind has figures of its own, and fails at 50 %.

";

/// So many instructions and bytes more are no regression: what moves with the alignment of what is
/// copied, which another line anywhere in the program changes, and the padding of one field.
const FLOOR: Limits = Limits { instructions: 80, retried: 150, allocations: 0, bytes: 8 };

/// How many percent more are a regression on the platform of the baseline.
const TOLERANCE: i64 = 3;

/// How many percent more are a regression on another platform. Compilers differ, and the C library
/// copies memory as the processor can.
const TOLERANCE_ELSEWHERE: i64 = 50;

struct Limits {
    instructions: i64,
    retried: i64,
    allocations: i64,
    bytes: i64,
}

/// The figures of ours, by what they are of.
#[derive(Deserialize, Serialize)]
struct Figures {
    platform: String,
    /// More than a plain call.
    instructions: BTreeMap<String, i64>,
    /// More than the loop by hand, of calls with one retry.
    instructions_of_a_retry: BTreeMap<String, i64>,
    allocations: BTreeMap<String, i64>,
    /// Of futures, and of what a call that waits holds on the heap.
    bytes: BTreeMap<String, i64>,
}

/// Measures ours and compares. Returns whether nothing is worse. If something is, measures once
/// more, since that may be chance.
#[must_use]
pub fn check() -> bool {
    let text = fs::read_to_string(BASELINE).expect("benches/baseline.toml");
    let was = toml::from_str::<Figures>(&text).expect("a baseline");
    if is_no_worse(&was, &measure()) {
        return true;
    }
    println!("\nOnce more:");
    let is_chance = is_no_worse(&was, &measure());
    if !is_chance {
        println!("\nIf what is worse is meant, write it down: --bless");
    }
    is_chance
}

/// Prints both, and returns whether no figure is worse.
fn is_no_worse(was: &Figures, is: &Figures) -> bool {
    let tolerance = if was.platform == is.platform { TOLERANCE } else { TOLERANCE_ELSEWHERE };
    println!("Baseline: {}. Now: {}. {tolerance} % more are allowed.", was.platform, is.platform);
    let tables = [
        ("instructions", &was.instructions, &is.instructions, FLOOR.instructions),
        ("instructions of a retry", &was.instructions_of_a_retry, &is.instructions_of_a_retry, FLOOR.retried),
        ("allocations", &was.allocations, &is.allocations, FLOOR.allocations),
        ("bytes", &was.bytes, &is.bytes, FLOOR.bytes),
    ];
    let mut is_no_worse = true;
    for (unit, was, is, floor) in tables {
        println!("\n{unit}: baseline, now");
        for (name, &now) in is {
            let Some(&before) = was.get(name) else {
                println!("  {name}: new, {now}");
                continue;
            };
            let is_worse = is_worse(before, now, floor, tolerance);
            println!("  {name}: {before}, {now}{}", if is_worse { "   WORSE" } else { "" });
            is_no_worse &= !is_worse;
        }
    }
    is_no_worse
}

/// Measures ours, and writes the figures down as those to compare with.
pub fn bless() {
    let text = toml::to_string(&measure()).expect("figures");
    fs::write(BASELINE, HEAD.to_owned() + &text).expect("benches/baseline.toml");
    println!("written: benches/baseline.toml");
}

fn is_worse(before: i64, now: i64, floor: i64, tolerance: i64) -> bool {
    let more = now - before;
    more > floor && more * 100 > before * tolerance
}

fn measure() -> Figures {
    let server = Server::start(Answers::Later);
    let program = Program::this();
    let shapes: Vec<_> = Shape::all().collect();
    let (mut instructions, mut allocations) = (BTreeMap::new(), BTreeMap::new());
    let mut add = |name: String, cost: Cost| {
        instructions.insert(name.clone(), cost.instructions);
        allocations.insert(name, cost.allocations);
    };
    for row in figures::happy(&program, &server, &[Kind::Ours], &shapes).iter().skip(1) {
        for (shape, &cost) in shapes.iter().zip(&row.figures) {
            add(shape.to_string(), cost);
        }
    }
    let options = [Kind::Timeout, Kind::Deadline, Kind::Upstream, Kind::Observer];
    for row in figures::happy(&program, &server, &options, &[SIMPLEST]).iter().skip(1) {
        add(format!("{SIMPLEST}: {}", row.kind.about().name), row.figures[0]);
    }
    let mut instructions_of_a_retry = BTreeMap::new();
    for row in figures::retried(&program, &server, &[Kind::Ours]).iter().skip(1) {
        for (output, &cost) in Output::ALL.iter().zip(&row.figures) {
            let name = format!("GET → {}", output.name());
            instructions_of_a_retry.insert(name.clone(), cost.instructions);
            allocations.insert(format!("{name}, one retry"), cost.allocations);
        }
    }
    Figures {
        platform: machine::platform(),
        instructions,
        instructions_of_a_retry,
        allocations,
        bytes: bytes(),
    }
}

fn bytes() -> BTreeMap<String, i64> {
    let of_ours = |rows: Vec<Row<i64>>| rows.into_iter().filter(|row| row.kind == Kind::Ours);
    let mut bytes = BTreeMap::new();
    for row in of_ours(figures::sizes(&[Kind::Ours])) {
        for (output, &size) in Output::ALL.iter().zip(&row.figures) {
            bytes.insert(format!("future → {}", output.name()), size);
        }
    }
    for row in of_ours(figures::nested()) {
        for (levels, &size) in (1..).zip(&row.figures) {
            bytes.insert(format!("future of {levels} levels"), size);
        }
    }
    for row in figures::waiting(&Server::start(Answers::AtOnce), &[Kind::Ours]) {
        bytes.insert("heap of a call that waits".to_owned(), row.figures[0].expect("it waits"));
    }
    bytes
}
