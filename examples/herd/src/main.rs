//! Five experiments in virtual time show how retries harm a server, and how an `Upstream` prevents
//! that. All decisions are the library's own.
//!
//! `cargo run --release -p herd -- --seed 7` prints one figure a line, and asserts those that are
//! promised. With `--out docs/plots` it writes plots and `figures.csv` as well, which takes some
//! minutes. The guide that explains them: `docs/guide/upstreams.md`.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "seconds and counts of a simulation"
)]

mod caller;
mod contention;
mod herd;
mod plot;
mod servers;
mod world;

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use caller::Shared;
use herd::{Load, Tally, sum};
use plot::{Panel, Scale};
use retry_http::{Condition, Failure, Policy, Upstream};
use servers::{Failing, Limited, Once, Queue};
use world::Chance;

fn main() -> Result<(), Box<dyn Error>> {
    let (seed, out) = arguments()?;
    if let Some(out) = &out {
        fs::create_dir_all(out)?;
    }
    let out = out.as_deref();
    let mut figures = Figures::default();
    // Each experiment has its own chance, so that one can change without the others.
    contention(&mut figures, out, &mut Chance::new(seed))?;
    outage(&mut figures, out, &mut Chance::new(seed))?;
    metastable(&mut figures, out, seed)?;
    limited(&mut figures, out, seed)?;
    impatient(&mut figures, seed);

    let mut csv = String::from("figure,value\n");
    for (name, value) in &figures.0 {
        println!("{name}: {value:.3}");
        writeln!(csv, "{name},{value:.3}")?;
    }
    figures.assert_promises();
    if let Some(out) = out {
        settings(out, seed)?;
        fleets(out, seed)?;
        fs::write(out.join("figures.csv"), csv)?;
    }
    Ok(())
}

fn arguments() -> Result<(u64, Option<PathBuf>), Box<dyn Error>> {
    let (mut seed, mut out) = (7, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(key) = arguments.next() {
        let value = arguments.next().ok_or("usage: herd [--seed N] [--out DIR]")?;
        match key.as_str() {
            "--seed" => seed = value.parse()?,
            "--out" => out = Some(value.into()),
            _ => return Err(format!("no such option: {key}").into()),
        }
    }
    Ok((seed, out))
}

#[derive(Default)]
struct Figures(Vec<(String, f64)>);

impl Figures {
    fn add(&mut self, name: impl Into<String>, value: f64) {
        self.0.push((name.into(), value));
    }

    /// An upstream brings a server back as fast as calls without retries do, offers it hardly more
    /// load than they do while it is down, and leaves hardly anything of a limit unused.
    fn assert_promises(&self) {
        self.assert_within("metastable_recovery_ratio", 0.001..=1.1);
        self.assert_within("outage_load_ratio", 1.0..=1.1);
        self.assert_within("outage_load_ratio_with_hints", 0.001..=1.1);
        self.assert_within("limited_useful_share", 0.95..=1.0);
        self.assert_within("impatient_share", 0.99..=1.0);
    }

    fn assert_within(&self, name: &str, promised: RangeInclusive<f64>) {
        let figure = self.0.iter().find(|(figure, _)| figure == name);
        let (_, value) = figure.unwrap_or_else(|| panic!("{name} was not measured"));
        assert!(promised.contains(value), "{name} is {value}, not within {promised:?}");
    }
}

/// AWS's experiment, for each jitter.
fn contention(figures: &mut Figures, out: Option<&Path>, chance: &mut Chance) -> Result<(), Box<dyn Error>> {
    let (mut seconds, mut calls) = (Vec::new(), Vec::new());
    for (name, jitter, base) in contention::SPREADS {
        let means: Vec<_> =
            (1..=10).map(|tens| contention::mean(10 * tens, jitter, base, 50, chance)).collect();
        let points = |of: fn(&(f64, f64)) -> f64| {
            (1..=10).map(|tens| f64::from(10 * tens)).zip(means.iter().map(of)).collect::<Vec<_>>()
        };
        seconds.push((name.to_owned(), points(|mean| mean.0)));
        calls.push((name.to_owned(), points(|mean| mean.1)));
        let suffix = if name.ends_with("(default)") { String::new() } else { format!("_{name}") };
        figures.add(format!("contention_seconds{suffix}"), means[9].0);
        figures.add(format!("contention_calls{suffix}"), means[9].1);
    }
    let x = ("clients", Scale::Linear);
    plot::draw(
        out.map(|out| out.join("contention.svg")),
        &[
            Panel { title: "Until all have written", x, y: ("seconds", Scale::Log), lines: seconds },
            Panel { title: "Writes sent", x, y: ("writes", Scale::Linear), lines: calls },
        ],
    )
}

/// Nothing works any more, for five minutes.
fn outage(figures: &mut Figures, out: Option<&Path>, chance: &mut Chance) -> Result<(), Box<dyn Error>> {
    let hint = Some(Duration::from_secs(1));
    // Its callers wait for less than it fails, or the load would only come later.
    let soon = Policy::builder().max_retry_after(Duration::from_secs(5)).build()?;
    let upstream = Upstream::new("with hints");
    let shared_upstream = [Shared::Upstream(&upstream)];
    let hinted =
        herd::run(Load::Offered(100.0), 300, &soon, &shared_upstream, &mut Failing(1.0, hint), chance);
    let mut run = |rate, shared: &[Shared<'_>]| {
        herd::run(Load::Offered(rate), 300, &Policy::DEFAULT, shared, &mut Failing(1.0, None), chance)
    };
    let load = |tally: &Tally| sum(&tally.sent) / sum(&tally.calls);
    let without = run(100.0, &[Shared::Nothing]);
    let upstream = Upstream::new("outage");
    let with = run(100.0, &[Shared::Upstream(&upstream)]);
    figures.add("outage_load_ratio", load(&with));
    figures.add("outage_load_ratio_no_budget", load(&without));
    figures.add("outage_load_ratio_with_hints", load(&hinted));
    // A fleet offers that load, too: each machine has its own floor, and its own burst.
    for machines in [10, 100, 1000] {
        let upstreams = fleet(machines);
        let tally = run(100.0, &shared(&upstreams, Shared::Upstream));
        figures.add(format!("outage_load_ratio_{machines}_machines"), load(&tally));
    }
    let relative = |tally: &Tally| by_second(&tally.sent, |n| n / 100.0, 60);
    plot::draw(
        out.map(|out| out.join("outage.svg")),
        &[Panel {
            title: "A server that fails entirely, 100 calls/s",
            x: ("seconds since it fails", Scale::Linear),
            y: ("load, relative to what is offered", Scale::Linear),
            lines: vec![
                ("3 retries".into(), relative(&without)),
                ("3 retries, upstream".into(), relative(&with)),
            ],
        }],
    )
}

const STILL: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(30));
const HORIZON: usize = 630;

/// A server for 300 requests a second stands still for ten seconds.
fn queue_after_outage(rate: f64, policy: &Policy, shared: Shared<'_>, chance: &mut Chance) -> Tally {
    let mut server = Queue::new(300.0, STILL, Duration::from_secs(1));
    herd::run(Load::Offered(rate), HORIZON, policy, &[shared], &mut server, chance)
}

/// Returns the time from the end of the outage until calls succeed as they come, to within 5 % for
/// five seconds.
fn recovery(tally: &Tally) -> f64 {
    let end = STILL.1.as_secs() as usize;
    let well = |from: &usize| {
        let window = *from..from + 5;
        sum(&tally.good[window.clone()]) >= 0.95 * sum(&tally.calls[window])
    };
    (end..HORIZON - 5).find(well).map_or((HORIZON - end) as f64, |from| (from - end) as f64)
}

/// The mean over runs that differ in chance alone, and are the same for everything that is
/// compared.
fn mean_recovery(rate: f64, policy: &Policy, upstream: impl Fn() -> Option<Upstream>, seed: u64) -> f64 {
    const RUNS: u64 = 10;
    let seconds = (0..RUNS).map(|run| {
        let upstream = upstream();
        let shared = upstream.as_ref().map_or(Shared::Nothing, Shared::Upstream);
        recovery(&queue_after_outage(rate, policy, shared, &mut Chance::new(seed + 1000 * run)))
    });
    seconds.sum::<f64>() / RUNS as f64
}

fn no_retries() -> Policy {
    Policy::builder().never(&[Condition::Failure(Failure::Timeout)]).build().expect("a policy")
}

/// An overload that outlives its cause.
fn metastable(figures: &mut Figures, out: Option<&Path>, seed: u64) -> Result<(), Box<dyn Error>> {
    let no_retries = no_retries();
    for (rate, suffix) in [(270.0, ""), (240.0, "_240")] {
        let none = mean_recovery(rate, &no_retries, || None, seed);
        let retries = mean_recovery(rate, &Policy::DEFAULT, || None, seed);
        let ours = mean_recovery(rate, &Policy::DEFAULT, || Some(Upstream::new("queue")), seed);
        figures.add(format!("metastable_recovery_ratio{suffix}"), ours / none);
        figures.add(format!("metastable_seconds{suffix}"), ours);
        figures.add(format!("metastable_seconds_no_retries{suffix}"), none);
        figures.add(format!("metastable_seconds_no_budget{suffix}"), retries);
    }
    let upstream = Upstream::new("queue");
    let runs = [
        ("3 retries", queue_after_outage(270.0, &Policy::DEFAULT, Shared::Nothing, &mut Chance::new(seed))),
        ("no retries", queue_after_outage(270.0, &no_retries, Shared::Nothing, &mut Chance::new(seed))),
        (
            "3 retries, upstream",
            queue_after_outage(270.0, &Policy::DEFAULT, Shared::Upstream(&upstream), &mut Chance::new(seed)),
        ),
    ];
    let x = ("seconds; the server stands still from 20 to 30", Scale::Linear);
    let lines = |of: fn(&Tally) -> &Vec<u32>| {
        runs.iter().map(|(name, tally)| ((*name).to_owned(), by_second(of(tally), |n| n, 200))).collect()
    };
    plot::draw(
        out.map(|out| out.join("metastable.svg")),
        &[
            Panel {
                title: "Calls that succeed, of 270/s",
                x,
                y: ("calls/s", Scale::Linear),
                lines: lines(|tally| &tally.good),
            },
            Panel {
                title: "Requests to a server for 300/s",
                x,
                y: ("requests/s", Scale::Linear),
                lines: lines(|tally| &tally.sent),
            },
        ],
    )
}

/// Compares budgets: how soon a server recovers, and how many calls fail in the end.
fn settings(out: &Path, seed: u64) -> Result<(), Box<dyn Error>> {
    const SHARES: [f64; 7] = [0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0];
    let none = mean_recovery(270.0, &no_retries(), || None, seed);
    let recovery_of = |share: f64, burst: u32| {
        let upstream = || Some(Upstream::new("settings").budget(share, 0.05, burst));
        mean_recovery(270.0, &Policy::DEFAULT, upstream, seed) / none
    };
    let recoveries = [10, 100, 1000].map(|burst| {
        let points = SHARES.iter().map(|&share| (share, recovery_of(share, burst))).collect();
        (format!("burst {burst}"), points)
    });
    let lost = |share: Option<f64>| {
        let failing = [0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3];
        let points = failing.iter().map(|&fails| {
            let upstream = Upstream::new("settings");
            let upstream = match share {
                Some(share) => upstream.budget(share, 0.05, 10),
                None => upstream.without_budget(),
            };
            let shared = [Shared::Upstream(&upstream)];
            let load = Load::Offered(100.0);
            let chance = &mut Chance::new(seed);
            let tally = herd::run(load, 300, &Policy::DEFAULT, &shared, &mut Failing(fails, None), chance);
            (100.0 * fails, 100.0 * sum(&tally.failed) / (sum(&tally.failed) + sum(&tally.good)))
        });
        points.collect::<Vec<_>>()
    };
    plot::draw(
        Some(out.join("settings.svg")),
        &[
            Panel {
                title: "Recovery at 270 of 300/s",
                x: ("share that a success brings in", Scale::Linear),
                y: ("time, relative to no retries", Scale::Linear),
                lines: recoveries.into(),
            },
            Panel {
                title: "Calls that fail in the end",
                x: ("% of requests that fail", Scale::Linear),
                y: ("% of calls", Scale::Linear),
                lines: vec![
                    ("share 0.05".into(), lost(Some(0.05))),
                    ("share 0.1 (default)".into(), lost(Some(0.1))),
                    ("share 0.2".into(), lost(Some(0.2))),
                    ("no budget".into(), lost(None)),
                ],
            },
        ],
    )
}

/// Simulates how callers come back to a server with a limit of 100/s.
#[derive(Clone, Copy)]
enum Return {
    /// Each as its own hint says.
    Alone,
    /// All when the hint is over.
    AtOnce,
    Paced,
}

fn limited_run(
    clients: usize,
    machines: usize,
    seconds: usize,
    how: Return,
    policy: &Policy,
    seed: u64,
) -> Tally {
    let upstreams = fleet(machines);
    let shared = match how {
        Return::Alone => vec![Shared::Nothing; machines],
        Return::AtOnce => shared(&upstreams, Shared::Naive),
        Return::Paced => shared(&upstreams, Shared::Upstream),
    };
    let mut server = Limited::new(100.0, 100.0, Duration::from_secs(1));
    herd::run(Load::Clients(clients), seconds, policy, &shared, &mut server, &mut Chance::new(seed))
}

/// Returns the share of what the server could serve in so many seconds that it served.
fn useful(tally: &Tally, seconds: f64) -> f64 {
    sum(&tally.good) / (100.0 * seconds + 100.0)
}

/// Returns the number of refusals for each success.
fn refused_per_success(tally: &Tally) -> f64 {
    sum(&tally.refused) / sum(&tally.good)
}

/// A server with a limit, as nginx has it: 100 requests a second, 100 more at once, else 429 and
/// `Retry-After: 1`.
fn limited(figures: &mut Figures, out: Option<&Path>, seed: u64) -> Result<(), Box<dyn Error>> {
    let runs = [
        ("each waits for its hint", "_no_cooldown", Return::Alone),
        ("all wait, and return at once", "_naive", Return::AtOnce),
        ("upstream", "", Return::Paced),
    ]
    .map(|(name, suffix, how)| (name, suffix, limited_run(1000, 1, 60, how, &Policy::DEFAULT, seed)));
    for (_, suffix, tally) in &runs {
        figures.add(format!("limited_useful_share{suffix}"), useful(tally, 60.0));
        figures.add(format!("limited_refused_per_success{suffix}"), refused_per_success(tally));
        figures.add(format!("limited_calls_not_paid{suffix}"), sum(&tally.not_paid));
    }
    let lines = |of: fn(&Tally) -> &Vec<u32>| {
        runs.iter().map(|(name, _, tally)| ((*name).to_owned(), by_second(of(tally), |n| n, 30))).collect()
    };
    let x = ("seconds", Scale::Linear);
    plot::draw(
        out.map(|out| out.join("limited.svg")),
        &[
            Panel {
                title: "1,000 clients, a limit of 100/s: useful",
                x,
                y: ("requests/s", Scale::Linear),
                lines: lines(|tally| &tally.good),
            },
            Panel {
                title: "Refused",
                x,
                y: ("requests/s", Scale::Linear),
                lines: lines(|tally| &tally.refused),
            },
        ],
    )
}

/// A server with a limit, and clients that are spread over machines.
fn fleets(out: &Path, seed: u64) -> Result<(), Box<dyn Error>> {
    let mut csv = String::from("clients,machines,max_retry_after,useful_share,refused_per_success\n");
    let (mut shares, mut refusals) = (Vec::new(), Vec::new());
    let hour = Duration::from_secs(3600);
    let patient = Policy::builder().max_retry_after(hour).build()?;
    for machines in [1, 10, 100, 1000] {
        let (mut share, mut refused) = (Vec::new(), Vec::new());
        for clients in [1, 10, 100, 1000, 10_000, 100_000] {
            if clients < machines {
                continue;
            }
            for policy in [&Policy::DEFAULT, &patient] {
                let tally = limited_run(clients, machines, 300, Return::Paced, policy, seed);
                let (useful, per_success) = (useful(&tally, 300.0), refused_per_success(&tally));
                let limit = policy.max_retry_after().as_secs();
                writeln!(csv, "{clients},{machines},{limit},{useful:.3},{per_success:.3}")?;
                if limit == 120 {
                    share.push((clients as f64, useful));
                    refused.push((clients as f64, per_success));
                }
            }
        }
        shares.push((format!("machines: {machines}"), share));
        refusals.push((format!("machines: {machines}"), refused));
    }
    fs::write(out.join("limited.csv"), csv)?;
    let x = ("clients", Scale::Log);
    plot::draw(
        Some(out.join("fleet.svg")),
        &[
            Panel { title: "Useful share of 100/s", x, y: ("share", Scale::Linear), lines: shares },
            Panel { title: "Refused for each success", x, y: ("requests", Scale::Log), lines: refusals },
        ],
    )
}

/// A server refuses one request of 100 a second, and its callers give up after a second: as many as
/// that hint is long.
fn impatient(figures: &mut Figures, seed: u64) {
    const SECONDS: usize = 300;
    let second = Duration::from_secs(1);
    let succeed = |hint: Duration, shared: Shared<'_>| {
        let (load, chance) = (Load::Offered(100.0), &mut Chance::new(seed));
        let mut server = Once::new(500, hint);
        herd::run_impatient(Some(second), load, SECONDS, &Policy::DEFAULT, &[shared], &mut server, chance)
    };
    let share = |tally: &Tally| sum(&tally.good) / sum(&tally.calls);
    for (hint, suffix) in [(second, ""), (3 * second, "_3s")] {
        let without = succeed(hint, Shared::Nothing);
        let upstream = Upstream::new("impatient");
        let with = succeed(hint, Shared::Upstream(&upstream));
        figures.add(format!("impatient_share{suffix}"), share(&with) / share(&without));
        let bad = |(good, calls): &(&u32, &u32)| f64::from(**good) < 0.95 * f64::from(**calls);
        let bad = with.good.iter().zip(&with.calls).filter(bad).count();
        figures.add(format!("impatient_bad_seconds{suffix}"), bad as f64);
    }
}

fn fleet(machines: usize) -> Vec<Upstream> {
    (0..machines).map(|_| Upstream::new("fleet")).collect()
}

fn shared<'u>(upstreams: &'u [Upstream], how: fn(&'u Upstream) -> Shared<'u>) -> Vec<Shared<'u>> {
    upstreams.iter().map(how).collect()
}

fn by_second(counts: &[u32], of: impl Fn(f64) -> f64, seconds: usize) -> Vec<(f64, f64)> {
    counts.iter().take(seconds).enumerate().map(|(second, &n)| (second as f64, of(f64::from(n)))).collect()
}
