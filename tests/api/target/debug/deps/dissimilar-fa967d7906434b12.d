/work/main/tests/api/target/debug/deps/dissimilar-fa967d7906434b12.d: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/dissimilar-1.0.11/src/lib.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/dissimilar-1.0.11/src/find.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/dissimilar-1.0.11/src/range.rs

/work/main/tests/api/target/debug/deps/libdissimilar-fa967d7906434b12.rlib: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/dissimilar-1.0.11/src/lib.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/dissimilar-1.0.11/src/find.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/dissimilar-1.0.11/src/range.rs

/work/main/tests/api/target/debug/deps/libdissimilar-fa967d7906434b12.rmeta: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/dissimilar-1.0.11/src/lib.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/dissimilar-1.0.11/src/find.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/dissimilar-1.0.11/src/range.rs

/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/dissimilar-1.0.11/src/lib.rs:
/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/dissimilar-1.0.11/src/find.rs:
/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/dissimilar-1.0.11/src/range.rs:
