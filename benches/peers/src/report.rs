//! Measures all, and writes `docs/benchmarks.md` and its chart. Its numbers are all of the run.

use std::fs;
use std::path::Path;

use crate::binary_size::{self, FUNCTIONS};
use crate::call::{BASE_MILLIS, RETRIES};
use crate::chart::{self, Bar, Panel, Whose};
use crate::count::{Cost, Program};
use crate::figures::{self, Row};
use crate::machine;
use crate::markdown::{Cells, Table};
use crate::peers::{Kind, OPTIONS, PEERS};
use crate::server::{Answers, Server};
use crate::shape::Shape;
use crate::throughput::{self, CONNECTIONS, LOADS, Loaded, ROUNDS, Spread};

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
    programs: Vec<Row<i64>>,
    loads: Vec<Row<Loaded>>,
    /// How busy the machine was before the loads, and after.
    busy: [String; 2],
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
    let (program, programs) = (Program::this(), binary_size::measure());
    let shapes: Vec<_> = Shape::all().collect();
    let all: Vec<_> = [Kind::Plain].into_iter().chain(PEERS).collect();
    let mut happy = figures::happy(&program, &later, &[&PEERS[..], &OPTIONS].concat(), &shapes);
    let options = happy.split_off(all.len());
    let mut figures = Figures {
        happy,
        options,
        telemetry: figures::happy(&Program::with_telemetry(), &later, &[Kind::Ours], &shapes),
        retried: figures::retried(&program, &later, &PEERS),
        sizes: figures::sizes(&all),
        nested: figures::nested(),
        waiting: figures::waiting(&at_once, &PEERS),
        programs,
        loads: Vec::new(),
        busy: [machine::load(), String::new()],
    };
    figures.loads = throughput::measure(&at_once, &PEERS);
    figures.busy[1] = machine::load();
    figures
}

fn text(figures: &Figures) -> String {
    let plain = &figures.happy[0].figures;
    let (instructions, allocations) = happy(&figures.happy);
    let (of_options, allocations_of_options) = options(&figures.options, plain, &figures.telemetry);
    format!(
        "\
# Benchmarks

This page compares the costs of the attribute with those of a loop by hand and of other crates. All figures are from one run of

```sh
cargo run --release --manifest-path benches/peers/Cargo.toml
```

which wrote this page. Less is better unless a table says otherwise, and the best row is first.

![Instructions and sizes as bars](benchmarks.svg)

{machine}. With reqwest {reqwest}, hyper {hyper} and tokio {tokio}.

Each row retries 429, 503, refused connections and timeouts up to {RETRIES} times, with waits that double from {BASE_MILLIS} ms, as closely as its crate
allows. No other crate reads `Retry-After` by itself.

{peers}
## A call that succeeds at once

Instructions that each row adds to a plain call. The row of the plain call has its whole cost. **{rank}**

{instructions}
Allocations that are added:

{allocations}
### Options

Each row shows what a call with one more option, or with two more features, adds to a plain call. The row `plain with RequestBuilder::timeout` is reqwest's own timeout, for comparison. Instructions:

{of_options}
Allocations:

{allocations_of_options}
## One retry

A 503, then a 200, with 2 headers. The row of the loop by hand has the whole cost, and the other rows have what they add to it.
**{rank_of_retries}**

{retried}
## Memory

Sizes of futures in bytes, and the bytes on the heap that a call holds while it waits for its retry. **{rank_of_sizes}**

{memory}
Functions that send a request and then call the next function, each with retries of its own. The future returns a `String`:

{nested}
## Programs

A program of {FUNCTIONS} functions, optimised and without symbols, the same requests in each:

{programs}
## Under load

{CONNECTIONS} connections, GET → Response, as ratios to plain calls just before: the median of {ROUNDS} rounds, and in parentheses the range of
the middle half of them. If the ranges of two rows overlap, the difference does not matter. The load average of the machine was
{before} before the measurement and {after} after it, this measurement included. The processor time of the client:

{processor}
Calls a second, where more is better:

{calls_per_second}
{FOOT}",
        machine = machine::describe(),
        reqwest = version("reqwest"),
        hyper = version("hyper"),
        tokio = version("tokio"),
        peers = peers(),
        rank = rank(&figures.happy, |row| share(&row.figures, plain)),
        retried = retried(&figures.retried),
        rank_of_retries = rank(&figures.retried, |row| retried_in_all(row, &figures.retried[0])),
        memory = memory(&figures.sizes, &figures.waiting),
        rank_of_sizes = rank(&figures.sizes, |row| number(row.figures[0])),
        nested = nested(&figures.nested),
        programs = programs(&figures.programs),
        before = figures.busy[0],
        after = figures.busy[1],
        processor = loads(&figures.loads, |loaded| loaded.processor, |middle| middle),
        calls_per_second = loads(&figures.loads, |loaded| loaded.calls_per_second, |middle| -middle),
    )
}

const FOOT: &str = "\
## Method and accuracy

- **Instructions** are those of the client in user space, counted by callgrind, for a real request to a server on loopback that
  runs in another process. The count of a few calls is subtracted from that of many, and the difference is divided by the number of
  calls. One program makes the calls for all rows, so that reqwest and its dependencies are the same code. On one machine the counts
  repeat within about 20 instructions per call, or about 100 with a retry. An Intel Xeon and an AMD EPYC gave the same counts within
  that. Other compilers and C libraries give other counts; how different they are was not tried.
- Instructions inside the allocator are left out, since the number that it needs to find a block depends on all other blocks.
  **Allocations** are counted instead, as the minimum of many calls. A row with more allocations costs more than its instructions show.
- While instructions are counted, the server answers a millisecond late, so that each call starts to wait for its answer, as it does
  with a distant server.
- The **geometric mean** is taken over the eight shapes: of the ratio to a plain call, and of the added instructions, if all eight are
  above zero. A loop can be cheaper than the plain call if the compiler arranges its code better.
- **One retry**: the server does not ask for a longer wait. A crate that builds the request once and sends copies of it is cheaper
  here than one that builds it again.
- **Futures**: the sizes are exact for one compiler and one platform. A crate that boxes its future has a small one.
- **Heap** is the memory that is freed when a call is dropped while it waits, without its future, as the minimum of many calls. A crate
  that keeps the refused response keeps the buffers of its connection as well.
- **Load** is measured by the clock, on a machine on which the server runs as well. The program has the counting allocator, which costs
  a little on each allocation.
- **Programs**: code that the functions share counts once, whatever the number of functions.
- Compile time has a command of its own, `cargo bench --bench compile_time`.

## Check

`cargo run --release --manifest-path benches/peers/Cargo.toml -- --check` measures only retry-http. It fails if
instructions, allocations or sizes are more than 3 % above [benches/baseline.toml](../benches/baseline.toml), and by more than what
the layout of the program explains: 80 instructions, 150 for a retry, 8 bytes. With another processor, compiler or version of valgrind
than the baseline's, it fails at 50 %. `.ci/run` runs it. `--bless` instead of `--check` writes that file.
";

fn version(package: &str) -> String {
    machine::versions().remove(package).unwrap_or_default()
}

fn peers() -> Table {
    let mut table = Table::new(Cells::Words, ["", "version", "differences"]);
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
    let plain = &rows[0];
    let cells = |figure: fn(&Cost) -> i64| plain.figures.iter().map(move |cost| whole(figure(cost)));
    let middles = [String::new(), whole_number(geometric(&plain.figures).unwrap_or(0.0))];
    instructions.add(f64::MIN, &name(plain.kind), middles.into_iter().chain(cells(|cost| cost.instructions)));
    allocations.add(f64::MIN, &name(plain.kind), cells(|cost| cost.allocations));
    for row in &rows[1..] {
        add(&mut instructions, &mut allocations, &name(row.kind), &row.figures, &plain.figures);
    }
    (instructions, allocations)
}

fn options(rows: &[Row<Cost>], plain: &[Cost], telemetry: &[Row<Cost>]) -> (Table, Table) {
    const TELEMETRY: &str = "retry-http, features `tracing` and `metrics`, without a subscriber or recorder";
    let (mut instructions, mut allocations) = tables_by_shape();
    for row in rows {
        add(&mut instructions, &mut allocations, &name(row.kind), &row.figures, plain);
    }
    if let [plain, ours] = telemetry {
        add(&mut instructions, &mut allocations, TELEMETRY, &ours.figures, &plain.figures);
    }
    (instructions, allocations)
}

fn tables_by_shape() -> (Table, Table) {
    let shapes = || Shape::all().map(|shape| shape.to_string());
    let middles = ["", "share of a plain call, geometric mean", "geometric mean"].map(str::to_owned);
    (
        Table::new(Cells::Numbers, middles.into_iter().chain(shapes())),
        Table::new(Cells::Numbers, [String::new()].into_iter().chain(shapes())),
    )
}

fn add(instructions: &mut Table, allocations: &mut Table, name: &str, added: &[Cost], plain: &[Cost]) {
    let share = share(added, plain);
    let middles = [percent(share), geometric(added).map_or_else(|| "–".to_owned(), plus_number)];
    let counts = added.iter().map(|cost| plus(cost.instructions));
    instructions.add(share, name, middles.into_iter().chain(counts));
    allocations.add(share, name, added.iter().map(|cost| plus(cost.allocations)));
}

/// Returns the geometric mean of the ratios to plain calls, less 1.
fn share(added: &[Cost], plain: &[Cost]) -> f64 {
    let ratios = added
        .iter()
        .zip(plain)
        .map(|(added, plain)| number(plain.instructions + added.instructions) / number(plain.instructions));
    geometric_mean(ratios) - 1.0
}

/// Returns the geometric mean of the instructions, if there is one: not if one is 0 or less.
fn geometric(costs: &[Cost]) -> Option<f64> {
    let counts = || costs.iter().map(|cost| cost.instructions);
    counts().all(|count| count > 0).then(|| geometric_mean(counts().map(number)))
}

fn geometric_mean(numbers: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = numbers.fold((0.0, 0.0), |(sum, count), number| (sum + number.ln(), count + 1.0));
    (sum / count).exp()
}

fn retried(rows: &[Row<Cost>]) -> Table {
    let titles = ["", "instructions, → Response", "→ String", "allocations, → Response", "→ String"];
    let mut table = Table::new(Cells::Numbers, titles);
    for row in rows {
        let counts = row.figures.iter().map(|cost| cost.instructions);
        let counts = counts.chain(row.figures.iter().map(|cost| cost.allocations));
        // The first row is what the others are compared with.
        if row.kind == Kind::ByHand {
            table.add(f64::MIN, &name(row.kind), counts.map(whole));
        } else {
            table.add(number(row.figures[0].instructions), &name(row.kind), counts.map(plus));
        }
    }
    table
}

fn memory(sizes: &[Row<i64>], waiting: &[Row<Option<i64>>]) -> Table {
    let titles = ["", "future → Response", "future → String", "heap while waiting"];
    let mut table = Table::new(Cells::Numbers, titles);
    for row in sizes {
        let heap = waiting.iter().find(|waiting| waiting.kind == row.kind).and_then(|row| row.figures[0]);
        let heap = heap.map_or_else(|| "does not wait".to_owned(), whole);
        let sizes = row.figures.iter().map(|&size| whole(size));
        table.add(number(row.figures[0]), &name(row.kind), sizes.chain([heap]));
    }
    table
}

fn nested(rows: &[Row<i64>]) -> Table {
    let mut table = Table::new(Cells::Numbers, ["", "one level", "two", "three"]);
    for row in rows {
        table.add(number(row.figures[0]), &name(row.kind), row.figures.iter().map(|&size| whole(size)));
    }
    table
}

fn programs(rows: &[Row<i64>]) -> Table {
    let titles = ["", "bytes", "relative to plain functions", "added per function"];
    let mut table = Table::new(Cells::Numbers, titles);
    let plain = rows.iter().find(|row| row.kind == Kind::Plain).map_or(0, |row| row.figures[0]);
    for row in rows {
        let size = row.figures[0];
        let added = number(size - plain) / number(i64::try_from(FUNCTIONS).expect("few"));
        let ratio = format!("{:.3}", number(size) / number(plain));
        table.add(number(size), &name(row.kind), [whole(size), ratio, plus_number(added)]);
    }
    table
}

/// Returns the table of what is told by a figure of loads.
fn loads(rows: &[Row<Loaded>], figure: fn(&Loaded) -> Spread, order: fn(f64) -> f64) -> Table {
    let titles = LOADS.map(|load| format!("threads: {}, headers: {}", load.threads, load.headers));
    let mut table = Table::new(Cells::Numbers, [String::new()].into_iter().chain(titles));
    for row in rows {
        let cell = |loaded: &Loaded| {
            let spread = figure(loaded);
            format!("{:.3} ({:.2}–{:.2})", spread.median, spread.quarter, spread.three_quarters)
        };
        let middle = geometric_mean(row.figures.iter().map(|loaded| figure(loaded).median));
        table.add(order(middle), &name(row.kind), row.figures.iter().map(cell));
    }
    table
}

/// Says which place ours has among all that retry.
fn rank<F>(rows: &[Row<F>], figure: impl Fn(&Row<F>) -> f64) -> String {
    let peers: Vec<_> = rows.iter().filter(|row| PEERS.contains(&row.kind)).collect();
    let ours = peers.iter().find(|row| row.kind == Kind::Ours).map_or(f64::NAN, |row| figure(row));
    let before = peers.iter().filter(|row| figure(row) < ours).count();
    format!("Ours is number {} of {}.", before + 1, peers.len())
}

fn name(kind: Kind) -> String {
    let name = kind.about().name;
    if kind == Kind::Ours { format!("**{name}**") } else { name.to_owned() }
}

fn percent(share: f64) -> String {
    format!("{:+.2} %", share * 100.0).replace('-', "−")
}

fn plus(count: i64) -> String {
    plus_number(number(count))
}

/// Returns a whole number as one that is added.
fn plus_number(number: f64) -> String {
    let sign = if number.round() > 0.0 { "+" } else { "" };
    sign.to_owned() + &whole_number(number)
}

fn whole(count: i64) -> String {
    whole_number(number(count))
}

/// Returns a whole number with a comma between thousands.
fn whole_number(number: f64) -> String {
    let sign = if number.round() < 0.0 { "−" } else { "" };
    let digits = format!("{:.0}", number.abs());
    let mut grouped = sign.to_owned();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[allow(clippy::cast_precision_loss, reason = "counts are small")]
fn number(count: i64) -> f64 {
    count as f64
}

fn panels(figures: &Figures) -> [Panel; 3] {
    let plain = &figures.happy[0].figures;
    [
        Panel {
            title: "A call that succeeds: instructions added, geometric mean",
            bars: bars(
                &figures.happy,
                |row| share(&row.figures, plain) * 100.0,
                |share| percent(share / 100.0),
            ),
        },
        Panel {
            title: "Bytes of a future → String",
            bars: bars(&figures.sizes, |row| number(row.figures[1]), whole_number),
        },
        Panel {
            title: "One retry: thousands of instructions, → Response",
            bars: bars(
                &figures.retried,
                |row| retried_in_all(row, &figures.retried[0]),
                |thousands| format!("{thousands:.1}"),
            ),
        },
    ]
}

/// Returns the instructions of a call with one retry in thousands.
fn retried_in_all(row: &Row<Cost>, by_hand: &Row<Cost>) -> f64 {
    let base = by_hand.figures[0].instructions;
    let added = if row.kind == by_hand.kind { 0 } else { row.figures[0].instructions };
    number(base + added) / 1000.0
}

/// Returns the bars of all that retry, the shortest first.
fn bars<F>(rows: &[Row<F>], value: impl Fn(&Row<F>) -> f64, text: impl Fn(f64) -> String) -> Vec<Bar> {
    let bar = |row: &Row<F>| {
        let value = value(row);
        let whose = if row.kind == Kind::Ours { Whose::Ours } else { Whose::Theirs };
        Bar { name: row.kind.about().name, value, text: text(value), whose }
    };
    let mut bars: Vec<_> = rows.iter().filter(|row| PEERS.contains(&row.kind)).map(bar).collect();
    bars.sort_by(|a, b| a.value.total_cmp(&b.value));
    bars
}
