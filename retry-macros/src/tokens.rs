//! The names that tokens and statements mention.

use proc_macro2::{Ident, Literal, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Lit, Stmt};

use crate::walk::{self, Node, Parts};

/// Returns `true` if statements mention `name`. Does not look into the loop, which is tokens.
pub(crate) fn mentioned(stmts: &mut [Stmt], name: &Ident) -> bool {
    let mut is_mentioned = false;
    walk::stmts(stmts, &mut |node| {
        is_mentioned |= match node {
            Node::Ident(other) => other == name,
            Node::Macro(item) => mentions(item.tokens.clone(), name),
            _ => false,
        };
        Parts::Visit
    });
    is_mentioned
}

/// Returns `true` if tokens mention `name`, also in the text of a format.
pub(crate) fn mentions(tokens: TokenStream, name: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(other) => other == *name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        TokenTree::Literal(literal) => captures(literal, name),
        TokenTree::Punct(_) => false,
    })
}

/// Returns `true` if a literal is a format that captures `name`.
pub(crate) fn captures(literal: Literal, name: &Ident) -> bool {
    let Lit::Str(text) = Lit::new(literal) else { return false };
    let name = name.unraw().to_string();
    text.value().split('{').skip(1).any(|rest| {
        rest.strip_prefix(name.as_str()).is_some_and(|rest| rest.trim_start().starts_with([':', '}']))
    })
}

/// Returns `true` if tokens mention `self`.
pub(crate) fn mentions_self(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(name) => name == "self",
        TokenTree::Group(group) => mentions_self(group.stream()),
        _ => false,
    })
}

/// Returns `true` if tokens have a lifetime in them.
pub(crate) fn has_lifetime(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Punct(punct) => punct.as_char() == '\'',
        TokenTree::Group(group) => has_lifetime(group.stream()),
        _ => false,
    })
}

/// Returns the text of tokens, with spaces where one writes them.
pub(crate) fn as_written(tokens: &impl ToTokens) -> String {
    let text = tokens.to_token_stream().to_string().replace(" ,", ",");
    ["::", ".", "(", ")", "&", "!", "<", ">"].iter().fold(text, |text, token| {
        text.replace(&format!(" {token} "), token)
            .replace(&format!(" {token}"), token)
            .replace(&format!("{token} "), token)
    })
}

/// Returns `true` if a name is one of `names`.
pub(crate) fn is_among(name: &Ident, names: &[&str]) -> bool {
    // Each comparison with an `Ident` would ask the compiler for its text.
    names.contains(&name.to_string().as_str())
}
