//! The input of `retry!`: options, and the block or closure that is run again.

use proc_macro2::{Span, TokenStream, TokenTree};
use retry_policy::keys::Key;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{Expr, ExprAsync, ExprClosure, ReturnType, Stmt, Token, Type, token};

use crate::diagnostics::Errors;
use crate::function::Shape;
use crate::function::return_type::not_a_result;

/// What may stand behind the options.
const FORMS: &str = "`async { .. }`, or `|| { .. }` if the code blocks";

/// The tokens of `retry!`.
pub(crate) struct Input {
    pub(crate) options: TokenStream,
    pub(crate) block: TokenStream,
}

/// A block that attempts run.
pub(crate) struct Block {
    /// [`Shape::Async`] or [`Shape::Sync`].
    pub(crate) shape: Shape,
    pub(crate) capture: Option<Token![move]>,
    /// The type of its value, if it is written.
    pub(crate) result: Option<Type>,
    pub(crate) brace: token::Brace,
    pub(crate) body: Vec<Stmt>,
}

/// Splits the input at its first `;`. Without one, all of it is the block.
pub(crate) fn split(input: TokenStream, errors: &mut Errors) -> Input {
    let (mut options, mut block) = (TokenStream::new(), TokenStream::new());
    let mut tokens = input.into_iter();
    for token in tokens.by_ref() {
        if matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ';') {
            block.extend(tokens);
            return Input { options, block };
        }
        options.extend([token]);
    }
    if is_block(&options) {
        return Input { options: TokenStream::new(), block: options };
    }
    missing_semicolon(options, errors)
}

/// Splits options that a block follows without a `;`.
fn missing_semicolon(input: TokenStream, errors: &mut Errors) -> Input {
    let (mut options, mut block) = (Vec::new(), TokenStream::new());
    let mut tokens = input.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let is_comma = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ',');
        if is_comma && begins_block(tokens.peek()) {
            errors.at(
                token,
                "a `;` separates the options from the block: write `retry!(max = 5; async { .. })`",
            );
            block.extend(tokens);
            break;
        }
        options.push(token);
    }
    Input { options: options.into_iter().collect(), block }
}

/// Returns `true` for tokens that are no options: a block, or what is mistaken for one.
fn is_block(tokens: &TokenStream) -> bool {
    let mut tokens = tokens.clone().into_iter();
    match (tokens.next(), tokens.next()) {
        (Some(TokenTree::Ident(word)), Some(TokenTree::Group(_))) => {
            word == "async" || Key::from_name(&word.to_string()).is_none()
        }
        (Some(TokenTree::Ident(_)), Some(TokenTree::Punct(punct))) if punct.as_char() == '.' => true,
        (Some(TokenTree::Group(_)), _) => true,
        (first, _) => begins_block(first.as_ref()),
    }
}

fn begins_block(token: Option<&TokenTree>) -> bool {
    match token {
        Some(TokenTree::Ident(word)) => word == "async" || word == "move",
        Some(TokenTree::Punct(punct)) => punct.as_char() == '|',
        _ => false,
    }
}

impl Block {
    /// Reads a block. Reports the reason and returns `None` if there is none.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Option<Self> {
        if tokens.is_empty() {
            errors.push(syn::Error::new(
                Span::call_site(),
                format!("`retry!` has no block to retry: write {FORMS}"),
            ));
            return None;
        }
        let block_and_rest = |input: ParseStream<'_>| Ok((input.parse()?, input.parse::<TokenStream>()?));
        match block_and_rest.parse2(tokens) {
            Ok((expr, rest)) if rest.is_empty() => Self::of(expr, errors),
            Ok((_, rest)) => {
                errors.at(rest, "`retry!` runs one block: put this into the block, or behind the `retry!`");
                None
            }
            Err(error) => {
                errors.push(error);
                None
            }
        }
    }

    fn of(expr: Expr, errors: &mut Errors) -> Option<Self> {
        match expr {
            Expr::Paren(paren) => Self::of(*paren.expr, errors),
            Expr::Group(group) => Self::of(*group.expr, errors),
            Expr::Async(item) => Some(Self::of_async(item, errors)),
            Expr::Closure(closure) => Self::of_closure(closure, errors),
            other => {
                errors.at(
                    other,
                    format!("`retry!` runs a block or a closure, and this is neither: write {FORMS}"),
                );
                None
            }
        }
    }

    fn of_async(item: ExprAsync, errors: &mut Errors) -> Self {
        let ExprAsync { attrs, capture, block, .. } = item;
        no_attributes(&attrs, errors);
        Self { shape: Shape::Async, capture, result: None, brace: block.brace_token, body: block.stmts }
    }

    fn of_closure(closure: ExprClosure, errors: &mut Errors) -> Option<Self> {
        let ExprClosure { attrs, asyncness, capture, inputs_begin, inputs, output, body, .. } = closure;
        no_attributes(&attrs, errors);
        if !inputs.is_empty() {
            errors.at(
                &inputs,
                "the closure takes no parameters, since it can use the variables around it: write `||`",
            );
            return None;
        }
        let result = match output {
            ReturnType::Type(_, ty) => Some(*ty),
            ReturnType::Default => None,
        };
        if let Some((ty, message)) = result.as_ref().and_then(|ty| Some((ty, not_a_result(ty, "block")?))) {
            errors.at(ty, message);
            return None;
        }
        let is_async = asyncness.is_some();
        match *body {
            // `|| async { .. }` is run as `async { .. }`.
            Expr::Async(item) if !is_async && result.is_none() => {
                let block = Self::of_async(item, errors);
                Some(Self { capture: capture.or(block.capture), ..block })
            }
            body => {
                if !is_async && !cfg!(feature = "blocking") {
                    errors.at(
                        inputs_begin,
                        "a closure blocks, which needs the feature `blocking`: run `cargo add retry-http --features \
                         blocking`, or write `async { .. }` here",
                    );
                    return None;
                }
                let shape = if is_async { Shape::Async } else { Shape::Sync };
                let (brace, body) = match body {
                    Expr::Block(item) if item.attrs.is_empty() && item.label.is_none() => {
                        (item.block.brace_token, item.block.stmts)
                    }
                    other => (token::Brace(other.span()), vec![Stmt::Expr(other, None)]),
                };
                Some(Self { shape, capture, result, brace, body })
            }
        }
    }
}

fn no_attributes(attrs: &[syn::Attribute], errors: &mut Errors) {
    for attribute in attrs {
        errors.at(
            attribute,
            "an attribute of the block has no effect: put it on a statement, or on the function",
        );
    }
}
