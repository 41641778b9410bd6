//! Figures by name: those of all peers for the report, and few of ours for the gate.

use crate::call::Verb;
use crate::count::{Calls, Cost, Program};
use crate::nesting::{self, NESTED};
use crate::peers::Kind;
use crate::server::{HEADERS, Refuses, Server};
use crate::shape::{Output, Shape};
use crate::size::{FutureSize, WaitingHeap};

/// Calls that succeed at once.
const HAPPY: Calls = Calls { few: 40, many: 240 };

/// Calls that wait. How often tokio wakes up for a timer depends on when it was set, and each time
/// costs 1,250 instructions: of 40 calls the mean moves by 250 a call, of 200 by 60.
const RETRIED: Calls = Calls { few: 10, many: 210 };

/// The figures of one way to make the calls.
pub struct Row<F> {
    pub kind: Kind,
    pub figures: Vec<F>,
}

/// Returns what a call that succeeds costs, by shape: first the whole of a plain one, then what
/// each of the kinds adds to it.
pub fn happy(program: &Program, server: &Server, kinds: &[Kind], shapes: &[Shape]) -> Vec<Row<Cost>> {
    let costs = |kind: Kind| -> Vec<Cost> {
        eprintln!("a call that succeeds: {}", kind.about().name);
        let cost = |shape: &Shape| {
            let target = server.target(shape.verb, shape.headers, Refuses::None);
            program.cost(kind, &target, shape.output, HAPPY)
        };
        shapes.iter().map(cost).collect()
    };
    compare(Kind::Plain, kinds, costs)
}

/// Returns what a call with one retry costs, to a response and to a text: first the whole cost of
/// the loop by hand, then what each of the kinds adds to it.
pub fn retried(program: &Program, server: &Server, kinds: &[Kind]) -> Vec<Row<Cost>> {
    let target = server.target(Verb::Get, HEADERS[0], Refuses::Once);
    compare(Kind::ByHand, kinds, |kind| {
        eprintln!("a call with one retry: {}", kind.about().name);
        Output::ALL.map(|output| program.cost(kind, &target, output, RETRIED)).to_vec()
    })
}

fn compare(base: Kind, kinds: &[Kind], costs: impl Fn(Kind) -> Vec<Cost>) -> Vec<Row<Cost>> {
    let whole = costs(base);
    let mut rows = vec![Row { kind: base, figures: whole.clone() }];
    for &kind in kinds.iter().filter(|kind| **kind != base) {
        let figures = costs(kind).into_iter().zip(&whole).map(|(cost, &base)| cost - base).collect();
        rows.push(Row { kind, figures });
    }
    rows
}

/// Returns the sizes of futures in bytes, to a response and to a text.
pub fn sizes(kinds: &[Kind]) -> Vec<Row<i64>> {
    let sizes = |kind: Kind| Output::ALL.map(|output| kind.measure(FutureSize(output))).to_vec();
    kinds.iter().map(|&kind| Row { kind, figures: sizes(kind) }).collect()
}

/// Returns the sizes of the futures of one, two and three levels of functions in bytes.
pub fn nested() -> Vec<Row<i64>> {
    NESTED.map(|kind| Row { kind, figures: nesting::sizes(kind).to_vec() }).into_iter().collect()
}

/// Returns the bytes that a call holds on the heap while it waits.
pub fn waiting(server: &Server, kinds: &[Kind]) -> Vec<Row<Option<i64>>> {
    let heap = |kind: Kind| {
        eprintln!("a call that waits: {}", kind.about().name);
        vec![kind.measure(WaitingHeap(server))]
    };
    kinds.iter().map(|&kind| Row { kind, figures: heap(kind) }).collect()
}
