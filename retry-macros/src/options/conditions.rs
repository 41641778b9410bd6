//! Items of `on` and `never`: statuses, classes, ranges and words.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Expr, ExprRange, Lit, RangeLimits};

use crate::diagnostics::{Errors, did_you_mean, list, or_colon};
use crate::options::value::{Literal, literal, word};
use crate::paths::Facade;

/// The failures that have a name.
pub(crate) const WORDS: [&str; 4] = ["connect", "timeout", "reset", "body"];
const ELSEWHERE: [(&str, &[&str]); 8] = [
    ("4xx", &["client_error", "client_errors"]),
    ("5xx", &["internal", "server_error", "server_errors"]),
    ("429", &["rate_limit", "rate_limited", "throttled", "too_many_requests"]),
    ("503", &["overloaded", "service_unavailable", "unavailable"]),
    ("connect", &["connection", "dns", "refused", "tls"]),
    ("timeout", &["elapsed", "timed_out"]),
    ("reset", &["closed", "disconnect", "disconnected", "dropped", "eof", "io"]),
    ("body", &["decode", "incomplete", "truncated"]),
];

/// One item, and the tokens it was written with.
#[derive(Clone)]
pub(crate) struct Condition {
    pub(crate) source: Expr,
    pub(crate) kind: Kind,
}

/// What an item stands for.
#[derive(Clone, PartialEq)]
pub(crate) enum Kind {
    /// From the first to the second status, both included.
    Statuses(u16, u16),
    /// One of [`WORDS`].
    Failure(String),
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
}

/// Whether two constants certainly are one.
impl PartialEq for Constant {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_some() && self.0 == other.0
    }
}

impl Condition {
    /// Whether everything that `other` stands for is covered by this.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.covers_kind(&other.kind)
    }

    /// Whether everything that `other` stands for is covered by this.
    pub(crate) fn covers_kind(&self, other: &Kind) -> bool {
        match (&self.kind, other) {
            (Kind::Statuses(first, last), Kind::Statuses(from, to)) => first <= from && to <= last,
            (a, b) => a == b,
        }
    }

    /// Whether it has been checked.
    pub(crate) fn is_literal(&self) -> bool {
        !matches!(self.kind, Kind::Constant(_))
    }

    /// As it was written.
    pub(crate) fn text(&self) -> String {
        let source = &self.source;
        quote!(#source).to_string().replace(' ', "")
    }

    /// The status, where it is a constant expression.
    pub(crate) fn constant_status(&self) -> Option<TokenStream> {
        let Kind::Constant(_) = self.kind else { return None };
        let source = &self.source;
        // The constants of `StatusCode` are what users have.
        Some(if is_status_code(source) { quote!(#source.as_u16()) } else { quote!(#source) })
    }

    /// The item in generated code.
    pub(crate) fn tokens(&self, krate: Facade<'_>) -> TokenStream {
        match &self.kind {
            Kind::Statuses(first, last) if first == last => quote!(#krate::Condition::Status(#first)),
            Kind::Statuses(first, last) => quote!(#krate::Condition::Range(#first, #last)),
            Kind::Constant(_) => {
                let status = self.constant_status();
                quote!(#krate::Condition::Status(#status))
            }
            Kind::Failure(name) => {
                let variant = match name.as_str() {
                    "connect" => quote!(Connect),
                    "timeout" => quote!(Timeout),
                    "reset" => quote!(Reset),
                    _ => quote!(Body),
                };
                quote!(#krate::Condition::Failure(#krate::Failure::#variant))
            }
        }
    }
}

/// The items of a list, without those that are wrong.
pub(crate) fn parse(key: &str, value: &Expr, errors: &mut Errors) -> Vec<Condition> {
    let Expr::Array(array) = value else {
        errors.at(value, format!("`{key}` is a list: write `{key} = [429, 503]`"));
        return Vec::new();
    };
    let mut items: Vec<Condition> = Vec::new();
    for source in &array.elems {
        match kind(source) {
            Ok(kind) => {
                let item = Condition { source: source.clone(), kind };
                let covers = items.iter().find(|earlier| earlier.covers(&item) || item.covers(earlier));
                match covers {
                    Some(earlier) if earlier.kind == item.kind => {
                        errors.at(source, format!("`{}` is listed twice: remove one", item.text()));
                    }
                    Some(earlier) => {
                        let (wide, narrow) =
                            if earlier.covers(&item) { (earlier, &item) } else { (&item, earlier) };
                        let message = format!(
                            "`{}` is already covered by `{}`: remove one",
                            narrow.text(),
                            wide.text()
                        );
                        errors.at(source, message);
                    }
                    None => items.push(item),
                }
            }
            Err(message) => errors.at(source, message),
        }
    }
    items
}

fn kind(item: &Expr) -> Result<Kind, String> {
    if let Expr::Range(range) = item {
        return self::range(range);
    }
    if let Some(name) = word(item) {
        if WORDS.contains(&name.as_str()) {
            return Ok(Kind::Failure(name));
        }
        return Err(format!(
            "unknown failure `{name}`{} the failures are {}",
            or_colon(did_you_mean(&name, &WORDS, &ELSEWHERE)),
            list(&WORDS)
        ));
    }
    match literal(item) {
        Literal::Plain(Lit::Int(int)) if int.suffix().eq_ignore_ascii_case("xx") => {
            class(int.base10_digits(), int.suffix())
        }
        Literal::Plain(Lit::Int(int)) if matches!(int.suffix(), "" | "u16") => {
            let status = status(int.base10_digits())?;
            Ok(Kind::Statuses(status, status))
        }
        Literal::Plain(Lit::Str(text)) if WORDS.contains(&text.value().as_str()) => {
            Err(format!("a failure is not quoted: write `{}`", text.value()))
        }
        Literal::Plain(_) | Literal::Negative(_) => Err(format!(
            "expected a status such as `503`, a class such as `5xx`, a range such as `500..=504`, or one of {}",
            list(&WORDS)
        )),
        Literal::None => match item {
            Expr::Binary(_) => Err("a range of statuses is written `500..=504`".to_owned()),
            Expr::Path(path) if miscased(&path.path) => {
                Err(format!("the failures are written {}", list(&WORDS)))
            }
            _ => Ok(Kind::Constant(Constant::of(item))),
        },
    }
}

/// One of [`WORDS`], as the variants of an enum are written.
fn miscased(path: &syn::Path) -> bool {
    path.get_ident().is_some_and(|name| WORDS.contains(&name.to_string().to_lowercase().as_str()))
}

/// `StatusCode::X`, under any path.
fn is_status_code(item: &Expr) -> bool {
    match item {
        Expr::Path(path) => {
            path.path.segments.iter().rev().nth(1).is_some_and(|kind| kind.ident == "StatusCode")
        }
        _ => false,
    }
}

fn class(digit: &str, suffix: &str) -> Result<Kind, String> {
    match digit {
        "4" | "5" if suffix != "xx" => Err(format!("a class is written in lower case: `{digit}xx`")),
        "4" => Ok(Kind::Statuses(400, 499)),
        "5" => Ok(Kind::Statuses(500, 599)),
        "1" | "2" | "3" => Err(format!(
            "`{digit}xx` is not an error and is not retried: the classes of errors are `4xx` and `5xx`"
        )),
        _ => Err(format!("there is no class `{digit}{suffix}`: the classes of errors are `4xx` and `5xx`")),
    }
}

fn range(range: &ExprRange) -> Result<Kind, String> {
    let end = |end: &Option<Box<Expr>>| match end.as_deref().map(literal) {
        Some(Literal::Plain(Lit::Int(int))) if int.suffix().is_empty() => status(int.base10_digits()),
        _ => Err("a range names its first and its last status, as numbers: write `500..=504`".to_owned()),
    };
    let (first, last) = (end(&range.start)?, end(&range.end)?);
    if matches!(range.limits, RangeLimits::HalfOpen(_)) {
        return Err(format!("a range includes its end: write `{first}..={last}`"));
    }
    if first > last {
        return Err(format!("this range is empty, since it ends before it starts: write `{last}..={first}`"));
    }
    if first < 400 && last >= 400 {
        return Err(format!("a range holds errors only: write `400..={last}`"));
    }
    Ok(Kind::Statuses(first, last))
}

fn status(digits: &str) -> Result<u16, String> {
    match digits.parse() {
        Ok(status @ (202 | 400..=599)) => Ok(status),
        Ok(status @ 100..=399) => Err(format!(
            "`{status}` is not an error: list statuses from 400 to 599, or 202 for a server that asks to be polled, or \
             look at the outcome with `retry_if`"
        )),
        _ => Err(format!("`{digits}` is not an HTTP status: list statuses from 400 to 599, or 202")),
    }
}
