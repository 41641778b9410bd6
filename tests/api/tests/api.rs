//! The public API is as `docs/api` has it.
//!
//! `UPDATE_EXPECT=1 cargo test --manifest-path tests/api/Cargo.toml` writes the files anew. The diff
//! then shows what a release changes for users, and CONTRIBUTING.md says what breaks them.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use public_api::Builder;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Writes the documentation of all crates as JSON, which only an unstable option of rustdoc does.
fn write_json() -> PathBuf {
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| Path::new(ROOT).join("target"), PathBuf::from);
    let status = Command::new(env!("CARGO"))
        .args(["doc", "--quiet", "--workspace", "--all-features", "--no-deps", "--lib"])
        .current_dir(ROOT)
        .env("CARGO_TARGET_DIR", &target)
        .env("RUSTDOC", Path::new(ROOT).join(".ci/unstable-rustdoc"))
        .env("RUSTDOCFLAGS", "-Z unstable-options --output-format json")
        .status()
        .expect("cargo");
    assert!(status.success(), "rustdoc failed");
    target.join("doc")
}

#[test]
fn the_public_api_is_as_docs_api_has_it() {
    let json = write_json();
    for name in ["retry-http", "retry-macros", "retry-policy", "retry-runtime"] {
        let json = json.join(name.replace('-', "_")).with_extension("json");
        // Those of std say nothing about this crate.
        let api = Builder::from_rustdoc_json(json).omit_blanket_impls(true).build().expect("the API");
        let file = Path::new(ROOT).join("docs/api").join(name).with_extension("txt");
        expect_test::expect_file![file].assert_eq(&api.to_string());
    }
}
