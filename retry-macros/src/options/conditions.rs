//! Items of `on` and `never`: statuses, classes, ranges and words.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use retry_policy::keys::Key;
use retry_policy::text::{self, wrong_kind};
use retry_policy::{Condition as Literal, PolicyError, rules};
use syn::{Expr, ExprRange, Lit, RangeLimits};

use crate::diagnostics::Errors;
use crate::options::value::{self, literal, word};
use crate::paths::Facade;

/// One item, and the tokens it was written with.
#[derive(Clone)]
pub(crate) struct Condition {
    pub(crate) source: Expr,
    pub(crate) item: Item,
}

/// The meaning of an item.
#[derive(Clone)]
pub(crate) enum Item {
    /// An item that is known while the macro runs.
    Literal(Literal),
    /// A constant expression of type `u16`, which the compiler checks.
    Constant(Constant),
}

/// The names of a path. Of another expression the macro knows nothing.
#[derive(Clone)]
pub(crate) struct Constant(Option<Vec<Ident>>);

impl Constant {
    fn of(item: &Expr) -> Self {
        Self(match item {
            Expr::Path(path) if path.qself.is_none() => {
                Some(path.path.segments.iter().map(|segment| segment.ident.clone()).collect())
            }
            _ => None,
        })
    }

    /// Returns `true` if the two certainly are one constant.
    fn is_certainly(&self, other: &Self) -> bool {
        self.0.is_some() && self.0 == other.0
    }
}

impl Condition {
    /// Returns the meaning, if it is known while the macro runs.
    pub(crate) fn literal(&self) -> Option<Literal> {
        match self.item {
            Item::Literal(literal) => Some(literal),
            Item::Constant(_) => None,
        }
    }

    /// Returns the mistake of an item that is listed after `earlier`.
    fn repeats(&self, earlier: &Self) -> Option<String> {
        match (&self.item, &earlier.item) {
            (Item::Literal(item), Item::Literal(earlier)) => {
                rules::listed(*item, &[*earlier]).map(|broken| broken.to_string())
            }
            (Item::Constant(item), Item::Constant(earlier)) if item.is_certainly(earlier) => {
                Some(format!("`{}` is listed twice: remove one", self.text()))
            }
            _ => None,
        }
    }

    /// Returns `true` if this item and `other` certainly name one constant.
    pub(crate) fn is_constant_of(&self, other: &Self) -> bool {
        match (&self.item, &other.item) {
            (Item::Constant(a), Item::Constant(b)) => a.is_certainly(b),
            _ => false,
        }
    }

    /// Returns the item as the grammar has it, or a constant as it was written.
    pub(crate) fn text(&self) -> String {
        match &self.item {
            Item::Literal(literal) => literal.to_string(),
            Item::Constant(Constant(Some(names))) => {
                names.iter().map(Ident::to_string).collect::<Vec<_>>().join("::")
            }
            Item::Constant(Constant(None)) => "this constant".to_owned(),
        }
    }

    /// Returns the status, if the item is a constant expression.
    pub(crate) fn constant_status(&self) -> Option<TokenStream> {
        let Item::Constant(_) = self.item else { return None };
        let source = &self.source;
        // The constants of `StatusCode` are what users have.
        Some(if is_status_code(source) { quote!(#source.as_u16()) } else { quote!(#source) })
    }

    /// Returns the item in generated code.
    pub(crate) fn tokens(&self, krate: Facade<'_>) -> TokenStream {
        match self.item {
            Item::Literal(Literal::Range(first, last)) => quote!(#krate::Condition::Range(#first, #last)),
            Item::Literal(Literal::Failure(failure)) => {
                let variant = format_ident!("{failure:?}");
                quote!(#krate::Condition::Failure(#krate::Failure::#variant))
            }
            Item::Literal(Literal::Status(status)) => quote!(#krate::Condition::Status(#status)),
            Item::Literal(_) => unreachable!("the grammar has no other item"),
            Item::Constant(_) => {
                let status = self.constant_status();
                quote!(#krate::Condition::Status(#status))
            }
        }
    }
}

/// Reads the items of a list, and leaves out those that are wrong.
pub(crate) fn parse(key: Key, value: &Expr, errors: &mut Errors) -> Vec<Condition> {
    let Expr::Array(array) = value else {
        errors.at(value, wrong_kind(key));
        return Vec::new();
    };
    if key == Key::On && array.elems.is_empty() {
        errors.at(value, PolicyError::OnEmpty);
    }
    let mut items: Vec<Condition> = Vec::new();
    for source in &array.elems {
        match item(source) {
            Ok(item) => {
                let item = Condition { source: source.clone(), item };
                match items.iter().find_map(|earlier| item.repeats(earlier)) {
                    Some(message) => errors.at(source, message),
                    None => items.push(item),
                }
            }
            Err(message) => errors.at(source, message),
        }
    }
    items
}

fn item(item: &Expr) -> Result<Item, String> {
    if let Expr::Range(range) = item {
        return self::range(range).map(Item::Literal);
    }
    if let Some(name) = word(item) {
        return text::failure(&name).map(|failure| Item::Literal(Literal::Failure(failure)));
    }
    match literal(item) {
        value::Literal::Plain(Lit::Int(int)) if int.suffix().eq_ignore_ascii_case("xx") => {
            text::class(int.base10_digits(), int.suffix()).map(Item::Literal)
        }
        value::Literal::Plain(Lit::Int(int)) if matches!(int.suffix(), "" | "u16") => {
            text::status(int.base10_digits()).map(Item::Literal)
        }
        value::Literal::Plain(Lit::Str(quoted)) if text::FAILURES.contains(&quoted.value().as_str()) => {
            Err(format!("a failure is not quoted: write `{}`", quoted.value()))
        }
        value::Literal::Plain(_) | value::Literal::Negative(_) => Err(text::no_item()),
        value::Literal::None => match item {
            Expr::Binary(_) => Err(text::MINUS_RANGE.to_owned()),
            Expr::Path(path) => match path.path.get_ident().map(ToString::to_string) {
                Some(name) if text::FAILURES.contains(&name.to_lowercase().as_str()) => {
                    text::failure(&name).map(|failure| Item::Literal(Literal::Failure(failure)))
                }
                _ => Ok(Item::Constant(Constant::of(item))),
            },
            _ => Ok(Item::Constant(Constant::of(item))),
        },
    }
}

/// Returns `true` for `StatusCode::X`, under any path.
fn is_status_code(item: &Expr) -> bool {
    match item {
        Expr::Path(path) => {
            path.path.segments.iter().rev().nth(1).is_some_and(|kind| kind.ident == "StatusCode")
        }
        _ => false,
    }
}

fn range(range: &ExprRange) -> Result<Literal, String> {
    let end = |end: &Option<Box<Expr>>| match end.as_deref().map(literal) {
        Some(value::Literal::Plain(Lit::Int(int))) if int.suffix().is_empty() => {
            text::number_of_status(int.base10_digits())
        }
        _ => Err(text::PARTIAL_RANGE.to_owned()),
    };
    let (first, last) = (end(&range.start)?, end(&range.end)?);
    match range.limits {
        RangeLimits::HalfOpen(_) => Err(text::half_open(first, last)),
        RangeLimits::Closed(_) => text::range(first, last),
    }
}
