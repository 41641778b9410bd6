//! The page of the guide and the recipes agree.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// Returns the text of a file of the repository.
fn read(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the text without the spaces, which depend on how long a line is.
fn without_spaces(text: &str) -> String {
    text.chars().filter(|char| !char.is_whitespace()).collect()
}

/// Returns the modules of the table, each with its policy.
fn rows() -> Vec<(String, String)> {
    let page = read("docs/guide/cookbook.md");
    let row = |line: &str| {
        let module = line.split_once("[recipe-")?.1.split(']').next()?;
        let policy = line.strip_suffix("` |")?.rsplit_once('`')?.1;
        Some((module.to_owned(), policy.to_owned()))
    };
    page.lines().filter(|line| line.starts_with("| [")).map(|line| row(line).expect(line)).collect()
}

#[test]
fn every_recipe_is_in_the_table() {
    let modules: BTreeSet<_> = rows().into_iter().map(|(module, _)| module).collect();
    let lib = read("cookbook/src/lib.rs");
    let listed = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    assert_eq!(modules, listed.map(str::to_owned).collect());
}

#[test]
fn the_policies_of_the_table_are_those_of_the_recipes() {
    for (module, policy) in rows() {
        let recipe = read(&format!("cookbook/src/{module}.rs"));
        let code = recipe.split("#[cfg(test)]").next().expect("a file has a start");
        let attribute = format!("#[retry_http({policy})]");
        assert!(without_spaces(code).contains(&without_spaces(&attribute)), "{module}: {attribute}");
    }
}

#[test]
fn every_recipe_names_its_pages_and_has_tests() {
    for (module, _) in rows() {
        let recipe = read(&format!("cookbook/src/{module}.rs"));
        let docs: String = recipe.lines().take_while(|line| line.starts_with("//!")).collect();
        assert!(docs.contains("Page") && docs.contains("<https://"), "{module}");
        assert!(recipe.contains("#[tokio::test]"), "{module}");
    }
}
