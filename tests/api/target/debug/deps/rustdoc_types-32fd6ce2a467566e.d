/work/main/tests/api/target/debug/deps/rustdoc_types-32fd6ce2a467566e.d: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/rustdoc-types-0.59.0/src/lib.rs

/work/main/tests/api/target/debug/deps/librustdoc_types-32fd6ce2a467566e.rlib: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/rustdoc-types-0.59.0/src/lib.rs

/work/main/tests/api/target/debug/deps/librustdoc_types-32fd6ce2a467566e.rmeta: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/rustdoc-types-0.59.0/src/lib.rs

/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/rustdoc-types-0.59.0/src/lib.rs:
