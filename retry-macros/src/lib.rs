//! The attribute of [`retry-http`](https://docs.rs/retry-http): parse, check, rewrite.
//!
//! Depend on `retry-http`, which re-exports this crate. ARCHITECTURE.md lists the modules.

mod body;
mod cfg;
mod diagnostics;
mod function;
mod generate;
mod options;
mod paths;
mod tokens;
mod walk;

#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

#[doc = include_str!("attribute.md")]
#[proc_macro_attribute]
pub fn retry_http(attribute: TokenStream, item: TokenStream) -> TokenStream {
    generate::retry_http(&attribute.into(), &item.into()).into()
}

/// Builds a `Policy` and checks it while compiling. Takes the options of a policy, and `policy` and
/// `crate`; not those of a function.
///
/// It may stand in a `const`. Options, defaults and examples are in the documentation of
/// `retry-http`.
#[proc_macro]
pub fn policy(input: TokenStream) -> TokenStream {
    generate::policy(input.into()).into()
}
