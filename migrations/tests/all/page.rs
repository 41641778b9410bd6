//! The code on the page is that of this crate, and its dependencies are those of `Cargo.toml`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use similar::TextDiff;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/migrations.md");

/// What stands before a block of code, with the file that the block shows.
const MARK: (&str, &str) = ("<!-- migrations/", " -->");

#[test]
fn blocks_are_the_files() {
    let page = fs::read_to_string(PAGE).expect("the page");
    let mut written = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        written.extend([line, "\n"]);
        let Some(file) = shown(line) else { continue };
        let fence = lines.next().expect("a block");
        let info = fence.strip_prefix("```").expect("a block");
        lines.by_ref().find(|line| *line == "```").expect("a block ends");
        let text = if info == "diff" { diff(file) } else { read(file) };
        written.extend([fence, "\n", &text, "```\n"]);
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(PAGE, written).expect("the page");
    } else {
        let difference = TextDiff::from_lines(&page, &written).unified_diff().to_string();
        assert!(page == written, "docs/migrations.md: run this test with UPDATE_EXPECT=1\n{difference}");
    }
}

#[test]
fn all_files_are_shown() {
    let page = fs::read_to_string(PAGE).expect("the page");
    let shown: BTreeSet<_> = page.lines().filter_map(shown).map(ToOwned::to_owned).collect();
    let mut files = BTreeSet::from(["tests/check.rs".to_owned()]);
    for folder in fs::read_dir(path("src")).expect("the sources").map(|entry| entry.expect("an entry")) {
        let Ok(entries) = fs::read_dir(folder.path()) else { continue };
        for file in entries.map(|entry| entry.expect("an entry").file_name()) {
            files.insert(format!("src/{}/{}", name(folder.file_name()), name(file)));
        }
    }
    assert_eq!(shown, files);
}

/// A reader who writes what the page says gets what was compiled here.
#[test]
fn dependencies_are_those_of_the_crate() {
    let page = fs::read_to_string(PAGE).expect("the page");
    let ours: toml::Table = read("Cargo.toml").parse().expect("TOML");
    let version = |value: &toml::Value| match value {
        toml::Value::Table(table) => table.get("version").cloned(),
        version => Some(version.clone()),
    };
    let mut checked = BTreeSet::new();
    for block in page.split("```diff\n [").skip(1) {
        let block = block.split("```").next().expect("a block");
        // Without the column of the diff.
        let lines = block.lines().skip(1).filter_map(|line| line.get(1..));
        let manifest = lines
            .fold(format!("[{}\n", block.lines().next().expect("a table")), |all, line| all + line + "\n");
        let manifest: toml::Table = manifest.parse().unwrap_or_else(|error| panic!("{error}:\n{manifest}"));
        for (name, value) in manifest.values().filter_map(toml::Value::as_table).flatten() {
            let own = &ours["dependencies"][name.as_str()];
            if name == "retry-http" {
                assert_eq!(version(value), Some("0.1".into()));
            } else {
                assert_eq!(version(value), version(own), "{name}");
            }
            checked.insert(name.clone());
        }
    }
    let all: BTreeSet<_> = ours["dependencies"].as_table().expect("a table").keys().cloned().collect();
    assert_eq!(checked, all);
}

#[test]
fn links_lead_to_headings() {
    let page = fs::read_to_string(PAGE).expect("the page");
    let headings: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("## ").or(line.strip_prefix("### ")))
        .map(|heading| heading.to_lowercase().replace(':', "").replace(' ', "-"))
        .collect();
    let mut links = page.split("](#").skip(1).map(|rest| rest.split(')').next().expect("a link ends"));
    assert!(links.clone().count() > 7);
    assert_eq!(links.find(|link| !headings.contains(*link)), None);
}

#[test]
fn lines_are_short() {
    let page = fs::read_to_string(PAGE).expect("the page");
    for line in page.lines().filter(|line| !line.starts_with('|')) {
        assert!(line.chars().count() <= 120, "{line}");
    }
}

fn name(name: OsString) -> String {
    name.into_string().expect("UTF-8")
}

fn shown(line: &str) -> Option<&str> {
    line.strip_prefix(MARK.0)?.strip_suffix(MARK.1)
}

fn path(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

fn read(file: &str) -> String {
    fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Returns what `after.rs` changes in `before.rs`.
fn diff(after: &str) -> String {
    let (before, after) = (read(&after.replace("after", "before")), read(after));
    TextDiff::from_lines(&before, &after).unified_diff().context_radius(3).to_string()
}
