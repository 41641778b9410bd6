//! Mistakes are collected, so that all of them are reported at once.

use std::fmt::Display;

use proc_macro2::TokenStream;
use quote::ToTokens;

/// The mistakes found so far.
#[derive(Default)]
pub(crate) struct Errors {
    found: Vec<syn::Error>,
}

impl Errors {
    /// A mistake at `tokens`: one sentence that says what is wrong, then what to write instead.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.found.push(syn::Error::new_spanned(tokens, message));
    }

    pub(crate) fn push(&mut self, error: syn::Error) {
        self.found.push(error);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// A `compile_error!` for each mistake.
    pub(crate) fn into_tokens(self) -> TokenStream {
        self.found.iter().map(syn::Error::to_compile_error).collect()
    }
}

/// `, did you mean …?` where one of `known` is close to `unknown`.
pub(crate) fn did_you_mean(unknown: &str, known: &[&str]) -> String {
    let unknown = unknown.to_lowercase();
    let near = |word: &&&str| {
        strsim::damerau_levenshtein(&unknown, word) <= 2.min(word.len() / 2)
            || strsim::jaro_winkler(&unknown, word) > 0.85
    };
    known
        .iter()
        .filter(near)
        .max_by(|a, b| strsim::jaro_winkler(&unknown, a).total_cmp(&strsim::jaro_winkler(&unknown, b)))
        .map_or_else(String::new, |word| format!(", did you mean `{word}`?"))
}

/// `` `a`, `b` and `c` ``.
pub(crate) fn list(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}
