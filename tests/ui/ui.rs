//! Mistakes do not compile, and the compiler reports them as expected, by topic.
//! `TRYBUILD=overwrite` writes the expectations anew.

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("pass/*.rs");
    for topic in ["options", "functions", "blocks", "bodies"] {
        cases.compile_fail(format!("{topic}/*.rs"));
    }
}
