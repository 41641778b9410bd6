//! Renames `self`, which cannot be bound again.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{LitStr, Stmt};

use crate::function::foreign::FORMATTING;
use crate::tokens::is_among;
use crate::walk::{self, Node, Parts};

/// Macros of `anyhow` with a format.
pub(crate) const OF_ANYHOW: [&str; 3] = ["anyhow", "bail", "ensure"];

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
        let tokens: Vec<_> = tokens.into_iter().collect();
        let is_punct = |at: Option<usize>, char: char| {
            let token = at.and_then(|at| tokens.get(at));
            matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == char)
        };
        let renamed = tokens.iter().enumerate().map(|(at, token)| match token {
            TokenTree::Ident(keyword) if keyword == "self" && !is_punct(Some(at + 1), ':') => {
                self.at(keyword.span()).into()
            }
            TokenTree::Group(group) => {
                let of_macro = is_punct(at.checked_sub(1), '!').then(|| at.checked_sub(2)).flatten();
                let content = match of_macro.map(|at| &tokens[at]) {
                    Some(TokenTree::Ident(name)) => self.input(name, group.stream()),
                    _ => self.tokens(group.stream()),
                };
                let mut inner = Group::new(group.delimiter(), content);
                inner.set_span(group.span());
                inner.into()
            }
            other => other.clone(),
        });
        renamed.collect()
    }

    /// Renames `self` in the input of the macro with this name. A format that names `self` gets it
    /// as an argument of that name.
    fn input(&self, name: &Ident, input: TokenStream) -> TokenStream {
        let names_self = |token: &TokenTree| match token {
            TokenTree::Literal(literal) => syn::parse2::<LitStr>(literal.to_token_stream())
                .is_ok_and(|format| formats_self(&format.value())),
            _ => false,
        };
        let has_format = is_among(name, &FORMATTING) || is_among(name, &OF_ANYHOW);
        let is_format = has_format && input.clone().into_iter().any(|token| names_self(&token));
        let mut renamed = self.tokens(input);
        if is_format {
            let is_comma =
                |token: TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
            if !renamed.clone().into_iter().last().is_some_and(is_comma) {
                renamed.extend(quote!(,));
            }
            let value = self.at(name.span());
            renamed.extend(quote_spanned!(name.span()=> self = #value));
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
                let input = std::mem::take(&mut item.tokens);
                item.tokens = match item.path.segments.last() {
                    Some(last) => self.input(&last.ident, input),
                    None => self.tokens(input),
                };
                Parts::Skip
            }
            Node::Item(_) => Parts::Skip,
            _ => Parts::Visit,
        }
    }
}

/// Returns `true` if a format string names `self`: `{self}`, `{self:?}`.
fn formats_self(format: &str) -> bool {
    let mut rest = format;
    while let Some((_, after)) = rest.split_once('{') {
        rest = after.strip_prefix('{').unwrap_or(after);
        let is_escaped = rest.len() < after.len();
        let named = (!is_escaped).then(|| after.strip_prefix("self")).flatten();
        if named.is_some_and(|after| after.trim_start().starts_with([':', '}'])) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_names_self_in_braces() {
        for (format, expected) in [
            ("{self}", true),
            ("a {self:?} b", true),
            ("{a} {self:>8}", true),
            ("{self }", true),
            ("{{{self}}}", true),
            ("{{self}}", false),
            ("{selfish}", false),
            ("self", false),
            ("{} {self", false),
            ("{0:self$}", false),
        ] {
            assert_eq!(formats_self(format), expected, "{format}");
        }
    }

    #[test]
    fn a_format_gets_self_as_an_argument() {
        let name = Ident::new("this", Span::call_site());
        for (tokens, expected) in [
            (quote!(println!("{self}")), quote!(println!("{self}", self = this))),
            (quote!(format!("{self:?} {}", self.id,)), quote!(format!("{self:?} {}", this.id, self = this))),
            (quote!(log!(level, "{self}")), quote!(log!(level, "{self}", self = this))),
            (quote!(vec![format!("{self}")]), quote!(vec![format!("{self}", self = this)])),
            (quote!(println!("{{self}}")), quote!(println!("{{self}}"))),
            (quote!(json!("{self}")), quote!(json!("{self}"))),
            (quote!(self::f(self)), quote!(self::f(this))),
        ] {
            assert_eq!(with_self_as(&name, tokens).to_string(), expected.to_string());
        }
    }
}
