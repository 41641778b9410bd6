//! The names that tokens and statements mention.

use proc_macro2::{Ident, Literal, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::visit::Visit;
use syn::{Lit, Macro, Stmt};

/// Whether statements mention `name`, but for the loop, which is tokens.
pub(crate) fn mentioned(stmts: &[Stmt], name: &Ident) -> bool {
    struct Mentions<'n>(&'n Ident, bool);

    impl<'ast> Visit<'ast> for Mentions<'_> {
        fn visit_ident(&mut self, name: &'ast Ident) {
            self.1 |= name == self.0;
        }

        fn visit_macro(&mut self, item: &'ast Macro) {
            self.1 |= mentions(item.tokens.clone(), self.0);
        }
    }

    let mut mentions = Mentions(name, false);
    for stmt in stmts {
        mentions.visit_stmt(stmt);
    }
    mentions.1
}

/// Whether tokens mention `name`, also in the text of a format.
pub(crate) fn mentions(tokens: TokenStream, name: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(other) => other == *name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        TokenTree::Literal(literal) => captures(literal, name),
        TokenTree::Punct(_) => false,
    })
}

/// Whether a literal is a format that captures `name`.
pub(crate) fn captures(literal: Literal, name: &Ident) -> bool {
    let Lit::Str(text) = Lit::new(literal) else { return false };
    let name = name.unraw().to_string();
    text.value().split('{').skip(1).any(|rest| {
        rest.strip_prefix(name.as_str()).is_some_and(|rest| rest.trim_start().starts_with([':', '}']))
    })
}

/// Whether a value is about the one that a method is called on.
pub(crate) fn mentions_self(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(name) => name == "self",
        TokenTree::Group(group) => mentions_self(group.stream()),
        _ => false,
    })
}
