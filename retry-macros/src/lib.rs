//! The attribute of [`retry-http`](https://docs.rs/retry-http): parse, check, rewrite.
//!
//! Depend on `retry-http`, which re-exports this, and not on this crate. The stages, one file each:
//! `options` reads the attribute (`conditions` and `duration` its values), `check` holds the rules
//! across keys, `function` tells what is annotated, `sends` arms what its body sends, and `expand`
//! writes the loop. `errors` collects mistakes on the way.

mod check;
mod conditions;
mod duration;
mod errors;
mod expand;
mod function;
mod options;
mod sends;

#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Makes a function that calls an HTTP API survive rate limits and outages.
///
/// Options, defaults and examples are in the documentation of `retry-http`.
#[proc_macro_attribute]
pub fn retry_http(attribute: TokenStream, item: TokenStream) -> TokenStream {
    expand::retry_http(attribute.into(), &item.into()).into()
}
