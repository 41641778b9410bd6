//! The tables of options in the documentation are those of the table of keys. `UPDATE_EXPECT=1`
//! writes them.

use std::fs;

#[test]
fn the_documentation_has_the_table_of_keys() {
    let table = retry_policy::keys::table();
    for page in ["../docs/guide/options.md", "../retry-macros/src/attribute.md"] {
        let text = fs::read_to_string(page).expect("a page");
        let start = text.find("| key | value |").expect("a table of options");
        let length = text[start..].find("\n\n").expect("an end of the table") + 1;
        let written = &text[start..start + length];
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(page, text.replacen(written, &table, 1)).expect("a page");
        } else {
            assert_eq!(written, table, "{page}: run this test with UPDATE_EXPECT=1");
        }
    }
}
