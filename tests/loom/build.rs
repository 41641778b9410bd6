//! Sets the flag by which an `Upstream` uses the locks and atomics of loom: here, and not in the
//! dependencies, as `RUSTFLAGS` would.

fn main() {
    println!("cargo::rustc-cfg=retry_loom");
    println!("cargo::rerun-if-changed=build.rs");
}
