//! Finds the expressions in the input of macros whose grammar is known.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Expr, Macro, Pat, Stmt, Token};

use crate::function::rename::OF_ANYHOW;
use crate::tokens::is_among;
use crate::walk::{self, Node, Parts};

/// Macros over expressions, or over a format and expressions.
const LISTS: [&str; 25] = [
    "assert",
    "assert_eq",
    "assert_ne",
    "bail",
    "dbg",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "ensure",
    "eprint",
    "eprintln",
    "format",
    "format_args",
    "join",
    "panic",
    "pin",
    "print",
    "println",
    "todo",
    "try_join",
    "unimplemented",
    "unreachable",
    "vec",
    "write",
    "writeln",
];

/// Macros over an expression and a pattern.
const MATCHES: [&str; 3] = ["assert_matches", "debug_assert_matches", "matches"];
/// Macros over futures and their handlers.
const SELECTS: [&str; 2] = ["select", "select_biased"];

/// Calls `visit` on each expression in a macro's input, which may change the expression. Returns
/// whether the macro is known and its input could be read; else the macro is left as it is.
pub(crate) fn visit(item: &mut Macro, visit: &mut dyn FnMut(&mut Expr)) -> bool {
    let Some(name) = item.path.segments.last().map(|last| &last.ident) else { return false };
    if is_among(name, &LISTS) {
        let Ok(mut list) = List::parse.parse2(item.tokens.clone()) else { return false };
        // Without a message, the text of the condition is the error.
        if name == "ensure" && list.exprs.len() == 1 {
            return false;
        }
        list.exprs.iter_mut().for_each(visit);
        item.tokens = list.into_token_stream();
        return true;
    }
    if is_among(name, &MATCHES) {
        let Ok(mut matches) = Matches::parse.parse2(item.tokens.clone()) else { return false };
        visit(&mut matches.expr);
        item.tokens = matches.into_token_stream();
        return true;
    }
    if is_among(name, &SELECTS) {
        let Ok(mut select) = Select::parse.parse2(item.tokens.clone()) else { return false };
        for branch in &mut select.branches {
            branch.exprs().for_each(&mut *visit);
        }
        item.tokens = select.into_token_stream();
        return true;
    }
    false
}

/// Returns `true` for a macro that may or may not consume a variable in its input.
pub(crate) fn may_consume(item: &Macro) -> bool {
    let last = item.path.segments.last();
    last.is_some_and(|last| is_among(&last.ident, &MATCHES) || is_among(&last.ident, &OF_ANYHOW))
}

/// Returns `true` if `is` returns it for an expression of `body`, also in the input of known
/// macros.
pub(crate) fn any(body: &[Stmt], is: &mut dyn FnMut(&Expr) -> bool) -> bool {
    struct Any<'i>(&'i mut dyn FnMut(&Expr) -> bool, bool);

    impl Any<'_> {
        fn visit(&mut self, node: Node<'_>) -> Parts {
            match node {
                Node::Expr(expr) => {
                    self.1 = self.1 || (self.0)(expr);
                    Parts::Visit
                }
                Node::Macro(item) => {
                    _ = visit(item, &mut |expr| walk::expr(expr, &mut |node| self.visit(node)));
                    Parts::Skip
                }
                Node::Item(_) => Parts::Skip,
                _ => Parts::Visit,
            }
        }
    }

    let mut any = Any(is, false);
    walk::stmts(&mut body.to_vec(), &mut |node| any.visit(node));
    any.1
}

/// `a, b`, and `a; n` of `vec!`. tokio's `join!` may begin with `biased;`.
struct List {
    biased: Option<(Ident, Token![;])>,
    exprs: Punctuated<Expr, Token![,]>,
    rest: TokenStream,
}

impl Parse for List {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let biased = biased(input)?;
        let mut exprs = Punctuated::new();
        while !input.is_empty() {
            exprs.push_value(input.parse()?);
            if !input.peek(Token![,]) {
                break;
            }
            exprs.push_punct(input.parse()?);
        }
        // The number of `vec![x; n]` is left alone.
        let rest = input.parse()?;
        Ok(Self { biased, exprs, rest })
    }
}

impl ToTokens for List {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { biased, exprs, rest } = self;
        tokens.extend(biased.as_ref().map(|(word, semicolon)| quote!(#word #semicolon)));
        tokens.extend(quote!(#exprs #rest));
    }
}

/// `expr, pattern if guard`. Only the expression is searched.
struct Matches {
    expr: Expr,
    rest: TokenStream,
}

impl Parse for Matches {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ok(Self { expr: input.parse()?, rest: input.parse()? })
    }
}

impl ToTokens for Matches {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.expr.to_tokens(tokens);
        self.rest.to_tokens(tokens);
    }
}

fn biased(input: ParseStream<'_>) -> syn::Result<Option<(Ident, Token![;])>> {
    let is_biased = input.peek2(Token![;])
        && input.fork().call(Ident::parse_any).is_ok_and(|word| word == "biased" || word == "unbiased");
    if is_biased { Ok(Some((input.parse()?, input.parse()?))) } else { Ok(None) }
}

/// `pattern = future, if condition => handler, else => handler`, as tokio and futures have it.
struct Select {
    biased: Option<(Ident, Token![;])>,
    branches: Vec<Branch>,
}

struct Branch {
    head: Head,
    handler: Expr,
    comma: Option<Token![,]>,
}

#[expect(clippy::large_enum_variant, reason = "there are few of them")]
enum Head {
    /// `else`, `complete`, `default`.
    Word(Ident),
    Future {
        pattern: Pat,
        future: Expr,
        condition: Option<Expr>,
    },
}

impl Branch {
    fn exprs(&mut self) -> impl Iterator<Item = &mut Expr> {
        let head = match &mut self.head {
            Head::Word(_) => None,
            Head::Future { future, condition, .. } => Some(std::iter::once(future).chain(condition)),
        };
        head.into_iter().flatten().chain([&mut self.handler])
    }
}

impl Parse for Select {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let biased = biased(input)?;
        let mut branches = Vec::new();
        while !input.is_empty() {
            let head = if input.peek2(Token![=>]) && input.peek(Ident::peek_any) {
                Head::Word(input.call(Ident::parse_any)?)
            } else {
                let pattern = Pat::parse_multi_with_leading_vert(input)?;
                input.parse::<Token![=]>()?;
                let future = input.parse()?;
                let condition = if input.peek(Token![,]) {
                    input.parse::<Token![,]>()?;
                    input.parse::<Token![if]>()?;
                    Some(input.parse()?)
                } else {
                    None
                };
                Head::Future { pattern, future, condition }
            };
            input.parse::<Token![=>]>()?;
            let handler = Expr::parse_with_earlier_boundary_rule(input)?;
            let comma = input.parse()?;
            branches.push(Branch { head, handler, comma });
        }
        Ok(Self { biased, branches })
    }
}

impl ToTokens for Select {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(self.biased.as_ref().map(|(word, semicolon)| quote!(#word #semicolon)));
        for Branch { head, handler, comma } in &self.branches {
            match head {
                Head::Word(word) => word.to_tokens(tokens),
                Head::Future { pattern, future, condition } => {
                    let condition = condition.as_ref().map(|condition| quote!(, if #condition));
                    tokens.extend(quote!(#pattern = #future #condition));
                }
            }
            tokens.extend(quote!(=> #handler #comma));
        }
    }
}
