//! Runs the soak for a few seconds. It counts over real sockets, and fails if a count is wrong.

use std::process::Command;

#[test]
fn a_short_soak() {
    let soak = Command::new(env!("CARGO_BIN_EXE_soak"))
        .args(["--seed", "1", "--seconds", "10", "--callers", "400"])
        .output()
        .expect("the soak");
    print!("{}{}", String::from_utf8_lossy(&soak.stdout), String::from_utf8_lossy(&soak.stderr));
    assert!(soak.status.success());
}
