//! Prints what a call costs by each peer.

use peers::count::{Allocations, Calls, Program, make_asked_calls};
use peers::peers::{Kind, OPTIONS, PEERS};
use peers::server::{Answers, Refuses, Server};
use peers::shape::SIMPLEST;

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    if make_asked_calls(&arguments) {
        return;
    }
    let server = Server::start(Answers::Later);
    let target = server.target(SIMPLEST.verb, SIMPLEST.headers, Refuses::None);
    let calls = Calls { few: 20, many: 120 };
    for kind in [Kind::Plain].into_iter().chain(PEERS).chain(OPTIONS) {
        let allocations = kind.measure(Allocations { target: &target, output: SIMPLEST.output, rounds: 100 });
        let instructions = Program::this().instructions(kind, &target, SIMPLEST.output, calls);
        println!("{:36} {allocations:3} {instructions:6}", kind.about().name);
    }
}
