//! The path of the facade in generated code: `::retry_http`, or what `crate = ..` says.
//!
//! Tokens that are written one by one, since a `TokenStream` inside of another costs a round trip
//! to the compiler.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, TokenStreamExt};
use syn::{Path, Token};

/// The facade. An error in what the path is part of is reported at its span.
#[derive(Clone, Copy)]
pub(crate) struct Facade<'o> {
    path: Option<&'o Path>,
    span: Span,
}

impl<'o> Facade<'o> {
    pub(crate) fn new(path: Option<&'o Path>, span: Span) -> Self {
        Self { path, span }
    }

    /// The module of what only generated code uses.
    pub(crate) fn private(self) -> Private<'o> {
        Private(self)
    }
}

impl ToTokens for Facade<'_> {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let span = self.span;
        let Some(path) = self.path else {
            Token![::](span).to_tokens(tokens);
            tokens.append(Ident::new("retry_http", span));
            return;
        };
        // A path out of a macro may have to be resolved where that macro is.
        let locate = |mut token: TokenTree| {
            token.set_span(span.resolved_at(token.span()));
            token
        };
        tokens.append_all(path.to_token_stream().into_iter().map(locate));
    }
}

/// `retry_http::__private`.
#[derive(Clone, Copy)]
pub(crate) struct Private<'o>(Facade<'o>);

impl ToTokens for Private<'_> {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.0.to_tokens(tokens);
        Token![::](self.0.span).to_tokens(tokens);
        tokens.append(Ident::new("__private", self.0.span));
    }
}
