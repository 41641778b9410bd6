/work/main/tests/api/target/debug/deps/expect_test-1d8786e99b0466cc.d: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/expect-test-1.5.1/src/lib.rs

/work/main/tests/api/target/debug/deps/libexpect_test-1d8786e99b0466cc.rlib: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/expect-test-1.5.1/src/lib.rs

/work/main/tests/api/target/debug/deps/libexpect_test-1d8786e99b0466cc.rmeta: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/expect-test-1.5.1/src/lib.rs

/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/expect-test-1.5.1/src/lib.rs:
