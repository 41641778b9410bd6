mod blocks;
mod features;
mod fuzz;
mod kept;
mod snapshots;
mod table;

use expect_test::Expect;
use proc_macro2::TokenStream;
use quote::quote;
use syn::visit_mut::VisitMut;

/// Compares the expansion of an item that is right.
#[expect(clippy::needless_pass_by_value, reason = "a literal at every call")]
fn check(attribute: TokenStream, item: TokenStream, expected: Expect) {
    let expanded = expanded(&attribute, &item);
    assert!(!expanded.contains("compile_error"), "this is no expansion but a mistake:\n{expanded}");
    expected.assert_eq(&expanded);
}

/// Compares the mistakes of an item that is wrong.
#[expect(clippy::needless_pass_by_value, reason = "a literal at every call")]
fn check_error(attribute: TokenStream, item: TokenStream, expected: Expect) {
    let expanded = expanded(&attribute, &item);
    assert!(expanded.contains("compile_error"), "there is no mistake in this:\n{expanded}");
    expected.assert_eq(&expanded);
}

fn expanded(attribute: &TokenStream, item: &TokenStream) -> String {
    let tokens = crate::generate::retry_http(attribute, item);
    let mut expanded = syn::parse2(tokens).expect("an expansion parses");
    WithoutDocs.visit_file_mut(&mut expanded);
    prettyplease::unparse(&expanded)
}

/// Leaves out the section of the docs, which has tests of its own.
struct WithoutDocs;

impl VisitMut for WithoutDocs {
    fn visit_attributes_mut(&mut self, attributes: &mut Vec<syn::Attribute>) {
        attributes.retain(|attribute| !quote!(#attribute).to_string().contains("# Retries"));
    }
}
