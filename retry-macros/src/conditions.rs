//! Items of `on` and `never`: statuses, classes, ranges and words.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, ExprRange, Lit, RangeLimits};

use crate::errors::{Errors, did_you_mean, list, or_colon};
use crate::options::{Literal, is_word, literal, word};

/// The failures that have a name, and their variants of `Failure`.
const WORDS: [&str; 4] = ["connect", "timeout", "reset", "body"];
const ELSEWHERE: [(&str, &[&str]); 4] = [
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
    /// An index into [`WORDS`].
    Failure(usize),
    /// A constant expression of type `u16`, which the compiler checks.
    Status(TokenStreamEq),
}

/// Tokens that are the same where they print the same.
#[derive(Clone)]
pub(crate) struct TokenStreamEq(TokenStream);

impl PartialEq for TokenStreamEq {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_string() == other.0.to_string()
    }
}

impl Condition {
    /// Whether everything that `other` stands for is covered by this.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::Statuses(first, last), Kind::Statuses(from, to)) => first <= from && to <= last,
            (a, b) => a == b,
        }
    }

    /// As it was written.
    pub(crate) fn text(&self) -> String {
        let source = &self.source;
        quote!(#source).to_string().replace(' ', "")
    }

    /// The item in generated code.
    pub(crate) fn tokens(&self, krate: &TokenStream) -> TokenStream {
        match &self.kind {
            Kind::Statuses(first, last) if first == last => quote!(#krate::Condition::Status(#first)),
            Kind::Statuses(first, last) => quote!(#krate::Condition::Range(#first, #last)),
            Kind::Status(status) => {
                let status = &status.0;
                quote!(#krate::Condition::Status(#status))
            }
            Kind::Failure(index) => {
                let variant = [quote!(Connect), quote!(Timeout), quote!(Reset), quote!(Body)][*index].clone();
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
        return match WORDS.iter().position(|known| *known == name) {
            Some(index) => Ok(Kind::Failure(index)),
            None => Err(format!(
                "unknown failure `{name}`{} the failures are {}",
                or_colon(did_you_mean(&name, &WORDS, &ELSEWHERE)),
                list(&WORDS)
            )),
        };
    }
    match literal(item) {
        Literal::Plain(Lit::Int(int)) if int.suffix().eq_ignore_ascii_case("xx") => {
            class(int.base10_digits(), int.suffix())
        }
        Literal::Plain(Lit::Int(int)) if int.suffix().is_empty() => {
            let status = status(int.base10_digits())?;
            Ok(Kind::Statuses(status, status))
        }
        Literal::Plain(Lit::Str(text)) if is_word(&text.value(), &WORDS) => {
            Err(format!("a failure is not quoted: write `{}`", text.value()))
        }
        Literal::Plain(_) | Literal::Negative(_) => Err(format!(
            "expected a status such as `503`, a class such as `5xx`, a range such as `500..=504`, or one of {}",
            list(&WORDS)
        )),
        Literal::None => Ok(Kind::Status(TokenStreamEq(quote!(#item)))),
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
        _ => Err("a range names its first and its last status: write `500..=504`".to_owned()),
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
            "`{status}` is not an error and is not retried: list statuses from 400 to 599, or 202 for a server that \
             asks to be polled"
        )),
        _ => Err(format!("`{digits}` is not an HTTP status: statuses are 100 to 599")),
    }
}
