//! Makes the calls that are counted, where ours has its features `tracing` and `metrics`.

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    assert!(peers::count::make_asked_calls(&arguments), "started by the program `peers`");
}
