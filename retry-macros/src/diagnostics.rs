//! Collects mistakes, so that all of them are reported at once.

use std::fmt::Display;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use crate::cfg::Predicate;

/// The mistakes found so far.
#[derive(Default)]
pub(crate) struct Errors {
    found: Vec<syn::Error>,
    /// Those that are none where a predicate does not hold.
    under: Vec<(Predicate, syn::Error)>,
}

impl Errors {
    /// A mistake at `tokens`: one sentence that says what is wrong, then what to write instead.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.found.push(syn::Error::new_spanned(tokens, message));
    }

    /// A contradiction: everything from one of the two to the other is pointed at.
    pub(crate) fn across(&mut self, (one, other): (impl ToTokens, impl ToTokens), message: impl Display) {
        self.at(quote!(#one #other), message);
    }

    pub(crate) fn push(&mut self, error: syn::Error) {
        self.found.push(error);
    }

    /// Reports a mistake where `predicate` holds.
    pub(crate) fn push_under(&mut self, predicate: Option<&Predicate>, error: syn::Error) {
        match predicate {
            Some(predicate) => self.under.push((predicate.clone(), error)),
            None => self.push(error),
        }
    }

    /// Returns `true` if no mistake was found outside of a `#[cfg(..)]`.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Returns the predicate of all mistakes under a `#[cfg(..)]`, `None` if there is none.
    pub(crate) fn predicate(&self) -> Option<Predicate> {
        let mut predicates = Vec::new();
        for (predicate, _) in &self.under {
            predicates.push(predicate.clone());
        }
        Predicate::any(predicates)
    }

    /// Returns the messages.
    #[allow(dead_code, reason = "tests and `cargo retry-http` show them")]
    pub(crate) fn messages(&self) -> Vec<String> {
        self.found.iter().map(ToString::to_string).collect()
    }

    /// A `compile_error!` for each mistake.
    pub(crate) fn into_tokens(self) -> TokenStream {
        let mut tokens = TokenStream::new();
        for error in &self.found {
            tokens.extend(error.to_compile_error());
        }
        for (predicate, error) in &self.under {
            let error = error.to_compile_error();
            tokens.extend(quote!(#predicate #error));
        }
        tokens
    }
}
