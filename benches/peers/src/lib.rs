//! Measures what the attribute costs beside a loop by hand and other crates.
//!
//! `cargo run --release --manifest-path benches/peers/Cargo.toml`, with valgrind installed.

pub mod binary_size;
pub mod call;
pub mod chart;
pub mod count;
pub mod figures;
pub mod gate;
pub mod machine;
pub mod markdown;
pub mod nesting;
pub mod peers;
pub mod report;
pub mod server;
pub mod shape;
pub mod size;
pub mod throughput;
