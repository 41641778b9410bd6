//! Values: reading them, and what they are where their tokens alone say so.

use proc_macro2::Delimiter;
use syn::buffer::Cursor;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Expr, ExprArray, ExprLit, Lit, Token, UnOp, token};

/// A value up to the next comma; `None`, and nothing read, where there is none.
pub(crate) fn parse(input: ParseStream<'_>) -> Option<Expr> {
    let plain = input.step(|cursor| plain(*cursor).ok_or_else(|| cursor.error("")));
    // Tried on a fork, since a group that is left half read is an error of its own.
    plain.ok().or_else(|| input.fork().parse::<Expr>().and_then(|_| input.parse()).ok())
}

/// Reads an item of a list, up to `if` or the next comma.
pub(crate) fn item(input: ParseStream<'_>) -> syn::Result<Expr> {
    let plain = input.step(|cursor| match cursor.literal() {
        Some((literal, end)) if end.eof() || comma(end).is_some() || is_if(end) => Ok((lit(literal), end)),
        _ => Err(cursor.error("")),
    });
    plain.or_else(|_| input.parse())
}

fn is_if(cursor: Cursor<'_>) -> bool {
    cursor.ident().is_some_and(|(word, _)| word == "if")
}

/// A literal, or a list of literals: nearly all values are, and reading them as an expression takes
/// ten times as long.
fn plain(cursor: Cursor<'_>) -> Option<(Expr, Cursor<'_>)> {
    let (value, end) = if let Some((literal, end)) = cursor.literal() {
        (lit(literal), end)
    } else {
        let (mut cursor, span, end) = cursor.group(Delimiter::Bracket)?;
        let mut elems = Punctuated::new();
        while !cursor.eof() {
            let (literal, next) = cursor.literal()?;
            elems.push_value(lit(literal));
            cursor = next;
            if let Some((comma, next)) = comma(cursor) {
                elems.push_punct(comma);
                cursor = next;
            } else if !cursor.eof() {
                return None;
            }
        }
        (Expr::Array(ExprArray { attrs: Vec::new(), bracket_token: token::Bracket { span }, elems }), end)
    };
    (end.eof() || comma(end).is_some()).then_some((value, end))
}

fn comma(cursor: Cursor<'_>) -> Option<(Token![,], Cursor<'_>)> {
    let (punct, next) = cursor.punct()?;
    (punct.as_char() == ',').then(|| (Token![,](punct.span()), next))
}

fn lit(literal: proc_macro2::Literal) -> Expr {
    Expr::Lit(ExprLit { attrs: Vec::new(), lit: Lit::new(literal) })
}

/// A literal, in as many parentheses and groups as there are.
pub(crate) enum Literal<'e> {
    Plain(&'e Lit),
    Negative(&'e Lit),
    None,
}

pub(crate) fn literal(value: &Expr) -> Literal<'_> {
    match value {
        Expr::Lit(lit) => Literal::Plain(&lit.lit),
        Expr::Paren(paren) => literal(&paren.expr),
        Expr::Group(group) => literal(&group.expr),
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => match literal(&unary.expr) {
            Literal::Plain(lit) => Literal::Negative(lit),
            _ => Literal::None,
        },
        _ => Literal::None,
    }
}

/// A single lower-case identifier: a word of ours, since constants are in upper case.
pub(crate) fn word(value: &Expr) -> Option<String> {
    match value {
        Expr::Path(path) if path.qself.is_none() => {
            let name = path.path.get_ident()?.to_string();
            name.starts_with(|c: char| c.is_ascii_lowercase()).then_some(name)
        }
        Expr::Group(group) => word(&group.expr),
        _ => None,
    }
}

/// Returns `true` if a value is a number without a suffix.
pub(crate) fn is_number(value: &Expr) -> bool {
    matches!(literal(value), Literal::Plain(Lit::Int(int)) if int.suffix().is_empty())
        || matches!(literal(value), Literal::Plain(Lit::Float(float)) if float.suffix().is_empty())
}

/// A literal that is no number.
pub(crate) struct NotANumber;

/// The number that a literal stands for; `None` for other expressions.
pub(crate) fn number(value: &Expr) -> Result<Option<f64>, NotANumber> {
    let read = |lit: &Lit| match lit {
        Lit::Int(int) if matches!(int.suffix(), "" | "f64") => int.base10_digits().parse().ok(),
        Lit::Float(float) if matches!(float.suffix(), "" | "f64") => float.base10_digits().parse().ok(),
        _ => None,
    };
    match literal(value) {
        Literal::Plain(lit) => read(lit).map(Some).ok_or(NotANumber),
        Literal::Negative(lit) => read(lit).map(|number: f64| Some(-number)).ok_or(NotANumber),
        Literal::None => Ok(None),
    }
}
