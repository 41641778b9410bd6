//! What does not compile, and what it is told; by topic. Regenerate with `TRYBUILD=overwrite`.

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    for topic in ["options", "functions", "bodies"] {
        cases.compile_fail(format!("tests/ui/{topic}/*.rs"));
    }
}
