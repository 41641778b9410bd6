//! The examples of the README compile as they are pasted, in a crate of their own, with the
//! dependencies that the README shows. Links of the README and the guide lead somewhere.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const README: &str = include_str!("../README.md");

/// A block of code.
struct Block {
    info: String,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let text = lines
                .by_ref()
                .take_while(|line| *line != "```")
                .fold(String::new(), |text, line| text + line + "\n");
            blocks.push(Block { info: info.to_owned(), text });
        }
    }
    blocks
}

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
fn every_example_compiles_as_pasted() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme");
    for sources in ["src/bin", "tests"] {
        // Examples of an earlier README would be built as well.
        let _ = fs::remove_dir_all(folder.join(sources));
        fs::create_dir_all(folder.join(sources)).expect("a folder");
    }

    let checkout = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
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

#[test]
fn the_readme_is_short() {
    assert!(README.lines().count() <= 150, "{} lines", README.lines().count());
    assert!(README.chars().count() <= 9000, "{} characters", README.chars().count());
}

/// Returns the README and the pages of the guide.
fn pages() -> Vec<PathBuf> {
    let guide = fs::read_dir("../docs/guide").expect("the guide").map(|page| page.expect("a page").path());
    guide.chain([PathBuf::from("../README.md")]).collect()
}

#[test]
fn examples_are_76_columns_wide() {
    for page in pages() {
        for block in blocks(&fs::read_to_string(&page).expect("a page")) {
            // A line of a log is as long as it is.
            let is_log = block.info == "text" && block.text.contains("retry_http.attempt=");
            let long = block.text.lines().find(|line| line.chars().count() > 76);
            assert!(is_log || long.is_none(), "{}: {}", page.display(), long.unwrap_or_default());
        }
    }
}

/// The name by which links find a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn definitions(text: &str) -> Vec<(&str, &str)> {
    text.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: ")).collect()
}

#[test]
fn links_lead_somewhere() {
    let elsewhere = ["../src/links.md", PLOTS].map(|file| fs::read_to_string(file).expect("links")).concat();
    let elsewhere = definitions(&elsewhere);
    let mut used = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page");
        for (name, target) in definitions(&text) {
            let at = format!("{}: [{name}]: {target}", page.display());
            let in_docs = elsewhere.iter().find(|(other, _)| *other == name);
            let (_, in_docs) =
                in_docs.unwrap_or_else(|| panic!("{at} is neither in src/links.md nor a plot"));
            used.push(name.to_owned());
            // The README is read on crates.io as well, where links must name the repository.
            let in_repository = target.strip_prefix("https://github.com/retry-http/retry-http/blob/main/");
            if target.starts_with("https://") && in_repository.is_none() {
                continue;
            }
            let folder = page.parent().filter(|_| in_repository.is_none()).unwrap_or(Path::new(".."));
            let target = in_repository.unwrap_or(target);
            let (file, wanted) = target.split_once('#').unwrap_or((target, ""));
            let file = folder.join(file);
            let linked = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{at}: {error}"));
            let mut headings = linked.lines().filter(|line| line.starts_with('#'));
            let is_there = headings.any(|line| anchor(line.trim_start_matches('#').trim()) == wanted);
            assert!(wanted.is_empty() || is_there, "{at} names no heading");
            // Both lead to the same heading.
            assert!(wanted.is_empty() || in_docs.ends_with(&format!("#{wanted}")), "{at} leads to {in_docs}");
        }
    }
    let unused: Vec<_> = elsewhere.iter().filter(|(name, _)| !used.iter().any(|used| used == name)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

const PLOTS: &str = "../src/plots.md";

/// The characters of an image that a link may have as they are.
const AS_THEY_ARE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'/').remove(b':').remove(b',').remove(b'=');

/// docs.rs has no files of the repository, so the docs there have the plots of the guide as data.
/// With `UPDATE_EXPECT` they are written.
#[test]
fn the_docs_have_the_plots_of_the_guide() {
    let guide = fs::read_to_string("../docs/guide/upstreams.md").expect("the page");
    let plots = definitions(&guide)
        .into_iter()
        .filter(|(_, target)| Path::new(target).extension().is_some_and(|kind| kind == "svg"));
    let mut links = String::new();
    for (name, target) in plots {
        let svg = fs::read_to_string(Path::new("../docs/guide").join(target)).expect("a plot");
        let image = utf8_percent_encode(&svg, AS_THEY_ARE);
        writeln!(links, "[{name}]: data:image/svg+xml,{image}").expect("a string");
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(PLOTS, &links).expect("src/plots.md");
    }
    let written = fs::read_to_string(PLOTS).expect("src/plots.md");
    assert!(links == written, "run this test with UPDATE_EXPECT=1");
}
