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

/// Builds a `Policy`, and checks its options at compile time.
///
/// ```
/// use retry_http::{Policy, policy};
///
/// const GENTLE: Policy = policy!(max = 2, on = [429, 503], base = 2s);
/// const PATIENT: Policy = policy!(policy = GENTLE, max_retry_after = 10m);
/// assert_eq!(PATIENT.max(), 2);
/// ```
///
/// The macro takes the options of a policy, from `max` to `idempotency_key`, and also `policy` and
/// `crate`. An option that concerns a function, such as `observer` or `reauth`, is a compile error.
/// The page of `#[retry_http]` lists all options with their defaults.
#[proc_macro]
pub fn policy(input: TokenStream) -> TokenStream {
    generate::policy(input.into()).into()
}

#[doc = include_str!("block.md")]
#[proc_macro]
pub fn retry(input: TokenStream) -> TokenStream {
    generate::retry(input.into()).into()
}
