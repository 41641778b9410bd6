//! The attribute of [`retry-http`](https://docs.rs/retry-http): parse, check, rewrite.
//!
//! Depend on `retry-http`, which re-exports this, and not on this crate. The stages, one file each:
//! `options` reads the attribute (`keys`, `conditions` and `duration` its values), `check` holds the rules
//! across keys, `function` tells what is annotated, `arguments` what each attempt is given (by `uses`), `sends` arms what it
//! sends, and `expand` writes the loop; `client` puts the attribute on the methods of an `impl`. `errors`
//! collects mistakes on the way.

mod body;
mod cfg;
mod diagnostics;
mod function;
mod generate;
mod options;
mod paths;
mod tokens;

#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Makes a function that calls an HTTP API survive rate limits and outages.
///
/// Options, defaults and examples are in the documentation of `retry-http`.
#[proc_macro_attribute]
pub fn retry_http(attribute: TokenStream, item: TokenStream) -> TokenStream {
    generate::retry_http(&attribute.into(), &item.into()).into()
}

/// A checked `Policy`, of the options that the attribute takes.
///
/// Usable in a `const`. Options, defaults and examples are in the documentation of `retry-http`.
#[proc_macro]
pub fn policy(input: TokenStream) -> TokenStream {
    generate::policy(input.into()).into()
}
