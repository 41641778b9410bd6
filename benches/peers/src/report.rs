//! Measures all, and writes `docs/benchmarks.md` and its chart. Its numbers are all of the run.

use std::fs;
use std::path::Path;

use crate::chart::{self, Bar, Panel, Whose};
use crate::count::{Cost, Program};
use crate::figures::{self, Row};
use crate::machine;
use crate::markdown::Table;
use crate::peers::{Kind, OPTIONS, PEERS};
use crate::server::{Answers, Server};
use crate::shape::Shape;
use crate::throughput::{self, LOADS, Taken};

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");

/// All that is measured.
struct Figures {
    happy: Vec<Row<Cost>>,
    options: Vec<Row<Cost>>,
    /// Ours with its features `tracing` and `metrics`.
    telemetry: Vec<Row<Cost>>,
    retried: Vec<Row<Cost>>,
    sizes: Vec<Row<i64>>,
    nested: Vec<Row<i64>>,
    waiting: Vec<Row<Option<i64>>>,
    taken: Vec<Row<Taken>>,
}

/// Measures all and writes the report.
pub fn write() {
    let figures = measure();
    let folder = Path::new(DOCS);
    fs::write(folder.join("benchmarks.md"), text(&figures)).expect("docs/benchmarks.md");
    chart::draw(&folder.join("benchmarks.svg"), &panels(&figures)).expect("docs/benchmarks.svg");
    println!("written: docs/benchmarks.md, docs/benchmarks.svg");
}

fn measure() -> Figures {
    let (later, at_once) = (Server::start(Answers::Later), Server::start(Answers::AtOnce));
    let program = Program::this();
    let shapes: Vec<_> = Shape::all().collect();
    let all: Vec<_> = [Kind::Plain].into_iter().chain(PEERS).collect();
    let mut happy = figures::happy(&program, &later, &[&PEERS[..], &OPTIONS].concat(), &shapes);
    let options = happy.split_off(all.len());
    Figures {
        happy,
        options,
        telemetry: figures::happy(&Program::with_telemetry(), &later, &[Kind::Ours], &shapes),
        retried: figures::retried(&program, &later, &PEERS),
        sizes: figures::sizes(&all),
        nested: figures::nested(),
        waiting: figures::waiting(&at_once, &PEERS),
        taken: throughput::measure(&at_once, &PEERS),
    }
}

fn text(figures: &Figures) -> String {
    let (instructions, allocations) = happy(&figures.happy);
    let (of_options, allocations_of_options) = options(&figures.options, &figures.telemetry);
    format!(
        "\
# Benchmarks

What the attribute costs beside a loop by hand and other crates, all of it from one run of

```sh
cargo run --release --manifest-path benches/peers/Cargo.toml
```

which wrote this page. Less is better in all tables, and the best is first.

![Instructions, sizes and processor time as bars](benchmarks.svg)

{machine}. With reqwest {reqwest}, hyper {hyper} and tokio {tokio}.

Each retries 429, 503, refused connections and timeouts up to 5 times, after waits that double from 50 ms, as nearly as it can. No
other crate reads `Retry-After` by itself.

{peers}
## A call that succeeds at once

Instructions that are added to a plain call. The row of the plain call has its own. **{rank}**

{instructions}
Allocations that are added:

{allocations}
### Options

What a call with one more option adds to a plain one, and beside it what reqwest's own timeout adds. Instructions:

{of_options}
Allocations:

{allocations_of_options}
## One retry

A 503, then a 200, with 2 headers. The row of the loop by hand has the whole cost, the others have what they add to it.
**{rank_of_retries}**

{retried}
## Memory

Futures in bytes, and the bytes on the heap that a call holds while it waits for its retry. **{rank_of_sizes}**

{memory}
Functions that send a request and then call the next one, each with retries of its own, to a text:

{nested}
## Under load

32 connections, GET → Response: the processor time of the client by that of a plain call in the same round, and in parentheses the
calls a second by those of the plain call. Medians of 7 rounds. The row of the plain call has microseconds and calls a second.
**{rank_of_loads}**

{taken}
{FOOT}",
        machine = machine::describe(),
        reqwest = version("reqwest"),
        hyper = version("hyper"),
        tokio = version("tokio"),
        peers = peers(),
        rank = rank(&figures.happy, |costs| middle(costs)),
        retried = retried(&figures.retried),
        rank_of_retries = rank(&figures.retried, |costs| number(costs[0].instructions)),
        memory = memory(&figures.sizes, &figures.waiting),
        rank_of_sizes = rank(&figures.sizes, |sizes| number(sizes[0])),
        nested = nested(&figures.nested),
        taken = taken(&figures.taken),
        rank_of_loads = rank(&figures.taken, |taken| taken[0].processor),
    )
}

const FOOT: &str = "\
## What is measured, and how far to trust it

- **Instructions** are those of the client in user space by callgrind, for a real request to a server on loopback that runs
  in another process: those of many calls less those of few, divided by their number. One program makes the calls of all, so
  that reqwest and the rest are the same code. They repeat within some 10 instructions a call on one machine, and within some 100
  where there is a retry. Another compiler, another libc or a processor without AVX2 gives other numbers, and hardly other differences.
- Instructions inside of the allocator are left out, since how many it takes to find a block depends on all other blocks.
  **Allocations** are counted instead, the fewest of many calls. A row with more of them costs more than its instructions tell.
- The server answers a millisecond late where instructions are counted, so that each call begins to wait for its answer, as it does
  for a server far away.
- The **geometric middle** is that of the eight columns beside it.
- **One retry**: nothing asks for a longer wait. Who builds the request once and sends copies of it is cheaper here than who
  builds it again.
- **Futures**: exact for one compiler and one platform. Who boxes has a small one.
- **Heap** is what is freed where a call is dropped while it waits, its future not counted: the least of many. Who keeps the refused
  response keeps the buffers of its connection as well.
- **Load** is by the clock, on a machine on which the server runs as well. Differences of a few percent are noise. The counting
  allocator is part of the program, and takes a little with each allocation.
- Compile time has a command of its own, `cargo bench --bench compile_time`.

## The check of each change

`cargo run --release --manifest-path benches/peers/Cargo.toml -- --check` measures ours alone, and fails if instructions, allocations
or sizes are more than 3 % above [benches/baseline.toml](../benches/baseline.toml), and by more than what moves by chance. `--bless`
instead of `--check` writes that file.
";

fn version(package: &str) -> String {
    machine::versions().remove(package).unwrap_or_default()
}

fn peers() -> Table {
    let mut table = Table::new(["", "version", "decides otherwise"]);
    for (place, kind) in (0_u8..).zip(PEERS) {
        let about = kind.about();
        let version = about.package.map(version).unwrap_or_default();
        table.add(place.into(), &name(kind), [version, about.differs.to_owned()]);
    }
    table
}

/// Returns the tables of instructions and of allocations.
fn happy(rows: &[Row<Cost>]) -> (Table, Table) {
    let (mut instructions, mut allocations) = tables_by_shape();
    for (place, row) in rows.iter().enumerate() {
        let signs = if place == 0 { Signs::None } else { Signs::Plus };
        add(&mut instructions, &mut allocations, &name(row.kind), &row.figures, signs);
    }
    (instructions, allocations)
}

fn options(rows: &[Row<Cost>], telemetry: &[Row<Cost>]) -> (Table, Table) {
    const TELEMETRY: &str = "retry-http, features `tracing` and `metrics`, nobody listens";
    let (mut instructions, mut allocations) = tables_by_shape();
    for row in rows {
        add(&mut instructions, &mut allocations, &name(row.kind), &row.figures, Signs::Plus);
    }
    for row in telemetry.iter().skip(1) {
        add(&mut instructions, &mut allocations, TELEMETRY, &row.figures, Signs::Plus);
    }
    (instructions, allocations)
}

fn tables_by_shape() -> (Table, Table) {
    let shapes = || Shape::all().map(|shape| shape.to_string());
    let first = |titles: &[&str]| titles.iter().map(|&title| title.to_owned()).collect::<Vec<_>>();
    (
        Table::new(first(&["", "geometric middle"]).into_iter().chain(shapes())),
        Table::new(first(&[""]).into_iter().chain(shapes())),
    )
}

fn add(instructions: &mut Table, allocations: &mut Table, name: &str, costs: &[Cost], signs: Signs) {
    let key = if signs == Signs::None { f64::MIN } else { middle(costs) };
    let middle = signs.apply(middle(costs).round());
    let counts = costs.iter().map(|cost| signs.apply(number(cost.instructions)));
    instructions.add(key, name, [middle].into_iter().chain(counts));
    allocations.add(key, name, costs.iter().map(|cost| signs.apply(number(cost.allocations))));
}

fn retried(rows: &[Row<Cost>]) -> Table {
    let mut table =
        Table::new(["", "instructions, → Response", "→ String", "allocations, → Response", "→ String"]);
    for (place, row) in rows.iter().enumerate() {
        let signs = if place == 0 { Signs::None } else { Signs::Plus };
        let key = if place == 0 { f64::MIN } else { number(row.figures[0].instructions) };
        let counts = row.figures.iter().map(|cost| cost.instructions);
        let counts = counts.chain(row.figures.iter().map(|cost| cost.allocations));
        table.add(key, &name(row.kind), counts.map(|count| signs.apply(number(count))));
    }
    table
}

fn memory(sizes: &[Row<i64>], waiting: &[Row<Option<i64>>]) -> Table {
    let mut table = Table::new(["", "future → Response", "future → String", "heap while waiting"]);
    for row in sizes {
        let heap = waiting.iter().find(|waiting| waiting.kind == row.kind).and_then(|row| row.figures[0]);
        let heap = heap.map_or_else(|| "does not wait".to_owned(), |bytes| Signs::None.apply(number(bytes)));
        let sizes = row.figures.iter().map(|&size| Signs::None.apply(number(size)));
        table.add(number(row.figures[0]), &name(row.kind), sizes.chain([heap]));
    }
    table
}

fn nested(rows: &[Row<i64>]) -> Table {
    let mut table = Table::new(["", "one level", "two", "three"]);
    for row in rows {
        let sizes = row.figures.iter().map(|&size| Signs::None.apply(number(size)));
        table.add(number(row.figures[0]), &name(row.kind), sizes);
    }
    table
}

fn taken(rows: &[Row<Taken>]) -> Table {
    let titles = LOADS.map(|load| format!("threads: {}, headers: {}", load.threads, load.headers));
    let mut table = Table::new([String::new()].into_iter().chain(titles));
    for (place, row) in rows.iter().enumerate() {
        let cell = |taken: &Taken| match place {
            0 => format!("{:.1} µs ({:.0})", taken.processor, taken.calls_per_second),
            _ => format!("{:.3} ({:.3})", taken.processor, taken.calls_per_second),
        };
        let key = if place == 0 { f64::MIN } else { row.figures[0].processor };
        table.add(key, &name(row.kind), row.figures.iter().map(cell));
    }
    table
}

/// Says which place ours has among all that retry.
fn rank<F>(rows: &[Row<F>], figure: impl Fn(&[F]) -> f64) -> String {
    // What others add to the loop by hand may be less than nothing; it adds nothing to itself.
    let of = |row: &Row<F>| figure(&row.figures);
    let peers: Vec<_> = rows.iter().filter(|row| PEERS.contains(&row.kind)).collect();
    let ours = peers.iter().find(|row| row.kind == Kind::Ours).map_or(f64::NAN, |row| of(row));
    let before = peers.iter().filter(|row| of(row) < ours).count();
    format!("Ours is number {} of {}.", before + 1, peers.len())
}

/// Returns the geometric mean of added instructions.
fn middle(costs: &[Cost]) -> f64 {
    let logarithms = costs.iter().map(|cost| number(cost.instructions.max(1)).ln());
    (logarithms.sum::<f64>() / number(i64::try_from(costs.len()).expect("few"))).exp()
}

fn name(kind: Kind) -> String {
    let name = kind.about().name;
    if kind == Kind::Ours { format!("**{name}**") } else { name.to_owned() }
}

/// Whether a number is shown as one that is added.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Signs {
    None,
    Plus,
}

impl Signs {
    /// Returns a whole number with a comma between thousands.
    fn apply(self, number: f64) -> String {
        let sign = match self {
            _ if number < 0.0 => "−",
            Self::Plus if number > 0.0 => "+",
            _ => "",
        };
        let digits = format!("{:.0}", number.abs());
        let mut grouped = String::new();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        sign.to_owned() + &grouped
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts are small")]
fn number(count: i64) -> f64 {
    count as f64
}

fn panels(figures: &Figures) -> [Panel; 3] {
    let happy = bars(&figures.happy, |costs| middle(costs), |middle| Signs::Plus.apply(middle));
    let sizes = bars(&figures.sizes, |sizes| number(sizes[1]), |size| Signs::None.apply(size));
    let load = bars(
        &figures.taken,
        |taken| (taken[0].processor - 1.0) * 100.0,
        |percent| format!("{percent:+.1} %"),
    );
    [
        Panel { title: "Instructions added to a call", bars: happy },
        Panel { title: "Bytes of a future → String", bars: sizes },
        Panel { title: "Processor time added, 32 connections", bars: load },
    ]
}

/// Returns the bars of all that retry, the shortest first.
fn bars<F>(rows: &[Row<F>], value: impl Fn(&[F]) -> f64, text: impl Fn(f64) -> String) -> Vec<Bar> {
    let bar = |row: &Row<F>| {
        let value = value(&row.figures);
        let whose = if row.kind == Kind::Ours { Whose::Ours } else { Whose::Theirs };
        Bar { name: row.kind.about().name, value, text: text(value), whose }
    };
    let mut bars: Vec<_> = rows.iter().filter(|row| PEERS.contains(&row.kind)).map(bar).collect();
    bars.sort_by(|a, b| a.value.total_cmp(&b.value));
    bars
}
