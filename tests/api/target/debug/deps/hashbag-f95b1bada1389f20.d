/work/main/tests/api/target/debug/deps/hashbag-f95b1bada1389f20.d: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/hashbag-0.1.13/src/lib.rs

/work/main/tests/api/target/debug/deps/libhashbag-f95b1bada1389f20.rlib: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/hashbag-0.1.13/src/lib.rs

/work/main/tests/api/target/debug/deps/libhashbag-f95b1bada1389f20.rmeta: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/hashbag-0.1.13/src/lib.rs

/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/hashbag-0.1.13/src/lib.rs:
