//! Makes the calls that are counted, where ours has its features `tracing` and `metrics`.

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    peers::count::answer_parent(&arguments).expect("started by the program `peers`");
}
