mod caller;
mod contention;
mod herd;
mod servers;
mod world;
use std::time::Duration;
use caller::Shared;
use herd::{Load, run, sum};
use retry_http::{Policy, Upstream};
use servers::*;
use world::Chance;
fn main() {
    let s = Duration::from_secs;
    let mut chance = Chance::new(7);
    for (name, j, b) in contention::SPREADS {
        println!("{name} {:?}", contention::mean(100, j, b, 20, &mut chance));
    }
    for clients in [100, 1000, 10000] {
        for machines in [1, 10, 100, 1000] {
            if machines > clients { continue; }
            for burst in [100.0, 20.0] {
                let ups: Vec<_> = (0..machines).map(|_| Upstream::new("x")).collect();
                let seconds = 300;
                for (n, shared) in [("none", 0), ("naive", 1), ("ours", 2)] {
                    if shared < 2 && clients < 1_000_000 { continue; }
                    let shared: Vec<_> = ups.iter().map(|u| match shared { 0 => Shared::Nothing, 1 => Shared::Naive(u), _ => Shared::Upstream(u) }).collect();
                    let t = run(Load::Clients(clients), seconds, &Policy::DEFAULT, &shared, &mut Limited::new(100.0, burst, s(1)), &mut chance);
                    let good = sum(&t.good);
                    let late = 240..;
                    println!("{clients} {machines} burst {burst} {n}: useful {:.3} refused/success {:.3} not paid {:.3}  late: {:.3} {:.3}", good / (100.0 * seconds as f64 + burst), sum(&t.refused) / good, sum(&t.not_paid)/good,
                      sum(&t.good[late.clone()])/6000.0, sum(&t.refused[late.clone()])/sum(&t.good[late]));
                }
            }
        }
    }
}
