//! Renames `self`, which cannot be bound again.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use syn::Stmt;

use crate::walk::{self, Node, Parts};

/// Renames `self` in tokens.
pub(crate) fn with_self_as(name: &Ident, tokens: TokenStream) -> TokenStream {
    Rename { name }.tokens(tokens)
}

/// Renames `self` in statements.
pub(super) fn in_stmts(name: &Ident, stmts: &mut [Stmt]) {
    walk::stmts(stmts, &mut |node| Rename { name }.visit(node));
}

/// Renames `self`, also in the input of macros, but not in items with a `self` of their own.
struct Rename<'n> {
    name: &'n Ident,
}

impl Rename<'_> {
    fn tokens(&self, tokens: TokenStream) -> TokenStream {
        let mut tokens = tokens.into_iter().peekable();
        let mut renamed = TokenStream::new();
        while let Some(token) = tokens.next() {
            let path = matches!(tokens.peek(), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
            renamed.extend([match token {
                TokenTree::Ident(keyword) if keyword == "self" && !path => self.at(keyword.span()).into(),
                TokenTree::Group(group) => {
                    let mut inner = Group::new(group.delimiter(), self.tokens(group.stream()));
                    inner.set_span(group.span());
                    inner.into()
                }
                other => other,
            }]);
        }
        renamed
    }

    fn at(&self, span: Span) -> Ident {
        let mut name = self.name.clone();
        name.set_span(span.resolved_at(self.name.span()));
        name
    }

    fn visit(&self, node: Node<'_>) -> Parts {
        match node {
            Node::Path(path) if path.is_ident("self") => {
                path.segments[0].ident = self.at(path.segments[0].ident.span());
                Parts::Skip
            }
            Node::Macro(item) => {
                item.tokens = self.tokens(std::mem::take(&mut item.tokens));
                Parts::Skip
            }
            Node::Item(_) => Parts::Skip,
            _ => Parts::Visit,
        }
    }
}
