/work/main/tests/api/target/debug/deps/api-bd08e7f6ee009a31.d: tests/api.rs

/work/main/tests/api/target/debug/deps/api-bd08e7f6ee009a31: tests/api.rs

tests/api.rs:

# env-dep:CARGO=/root/.rustup/toolchains/stable-x86_64-unknown-linux-gnu/bin/cargo
# env-dep:CARGO_MANIFEST_DIR=/work/main/tests/api
