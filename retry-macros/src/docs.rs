//! The "# Retries" section of a function's docs.

use proc_macro2::TokenStream;
use quote::quote;

/// What the docs of a function tell beside its own: of which arguments every attempt gets a clone.
pub(crate) fn section(cloned: &[String]) -> TokenStream {
    if cloned.is_empty() {
        return TokenStream::new();
    }
    let names: Vec<_> = cloned.iter().map(|name| format!("`{name}`")).collect();
    let text = format!(
        " # Retries\n\n Each attempt is given a clone of {}, where its type is `Clone`.",
        names.join(", ").replace("`this`", "`self`")
    );
    quote!(#[doc = ""] #[doc = #text])
}
