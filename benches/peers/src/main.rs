//! Prints what a call costs by each peer.

use peers::count::{Program, answer_parent};
use peers::figures::{self, Row};
use peers::peers::{Kind, OPTIONS, PEERS};
use peers::server::{Answers, Server};
use peers::shape::Shape;

fn print<F: std::fmt::Debug>(rows: &[Row<F>]) {
    for row in rows {
        println!("{:36} {:?}", row.kind.about().name, row.figures);
    }
}

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    if answer_parent(&arguments).is_some() {
        return;
    }
    let server = Server::start(Answers::Later);
    let kinds: Vec<_> = PEERS.into_iter().chain(OPTIONS).collect();
    print(&figures::sizes(&kinds));
    print(&figures::nested());
    print(&figures::waiting(&Server::start(Answers::AtOnce), &PEERS));
    print(&figures::retried(&Program::this(), &server, &PEERS));
    let telemetry = Program::with_telemetry();
    print(&figures::happy(&telemetry, &server, &[Kind::Ours], &Shape::all().collect::<Vec<_>>()[..2]));
}
