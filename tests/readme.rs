//! The README is short, and the links of the README and the guide lead somewhere. That the examples
//! compile is tested in `ui/pasted.rs`.

#[path = "support/blocks.rs"]
mod blocks;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use blocks::blocks;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const README: &str = include_str!("../README.md");

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
