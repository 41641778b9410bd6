//! The examples of the README compile as they are pasted, in a crate of their own, with the
//! dependencies that the README shows.

#[path = "../support/blocks.rs"]
mod blocks;

use std::fs;
use std::path::Path;
use std::process::Command;

use blocks::blocks;

const README: &str = include_str!("../../README.md");

/// Runs cargo in `folder`, as a user would: without what this test was started with.
fn cargo(folder: &Path, arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new(env!("CARGO"));
    for (name, _) in std::env::vars_os() {
        let is_ours = name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name == "RUSTFLAGS");
        if is_ours {
            command.env_remove(name);
        }
    }
    let output = command
        .args(arguments)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .output()
        .expect("cargo");
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

#[test]
#[ignore = "compiles a TLS library, which takes a minute: `.ci/run` does"]
fn every_example_compiles_as_pasted() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme");
    for sources in ["src/bin", "tests"] {
        // Examples of an earlier README would be built as well.
        let _ = fs::remove_dir_all(folder.join(sources));
        fs::create_dir_all(folder.join(sources)).expect("a folder");
    }

    let checkout = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let blocks = blocks(README);
    let manifest = blocks.iter().find(|block| block.info == "toml").expect("a Cargo.toml");
    // `cargo new` writes the first table. The last two stand for the registry.
    let manifest = format!(
        "[package]\nname = \"pasted\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n{}\n\
         [workspace]\n\n[patch.crates-io]\nretry-http = {{ path = \"{checkout}\" }}\n",
        manifest.text
    );
    fs::write(folder.join("Cargo.toml"), manifest).expect("a file");
    // With the versions of this workspace, and others only for what it does not have: TLS.
    fs::copy(Path::new(checkout).join("Cargo.lock"), folder.join("Cargo.lock")).expect("a lock");

    let mut examples = 0;
    for (number, block) in blocks.iter().enumerate().filter(|(_, block)| block.info.starts_with("rust")) {
        assert!(
            !block.info.contains("ignore") && !block.text.contains("\n# "),
            "not as pasted:\n{}",
            block.text
        );
        let is_test = block.info.contains("test_harness");
        let path = if is_test {
            format!("tests/block_{number}.rs")
        } else if block.text.contains("fn main()") {
            format!("src/bin/block_{number}.rs")
        } else {
            // A module of a library: it has no entry, and is public.
            let library = folder.join("src/lib.rs");
            fs::write(library, format!("pub mod block_{number};\n")).expect("a file");
            format!("src/block_{number}.rs")
        };
        fs::write(folder.join(path), &block.text).expect("a file");
        examples += 1;
    }
    assert_eq!(examples, 3, "one library, one program, one test");

    // Without the network where all is there, as on a machine that has run this test before.
    let offline = cargo(&folder, &["fetch", "--quiet", "--offline"]).is_ok();
    let flags: &[&str] = if offline { &["--offline"] } else { &[] };
    let check = [&["check", "--quiet", "--all-targets"], flags].concat();
    cargo(&folder, &check).unwrap_or_else(|error| panic!("{error}"));
}
