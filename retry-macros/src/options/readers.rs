//! One reader for each kind of value: the meaning of a literal, `None` for a constant expression,
//! or the message.

use std::time::Duration;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use retry_policy::keys::Key;
use retry_policy::text::{self, wrong_kind};
use retry_policy::{Jitter, PolicyError, rules};
use syn::{Expr, ExprLit, Ident, Lit, LitBool};

use crate::diagnostics::Errors;
use crate::options::Given;
use crate::options::value::{Literal, NotANumber, literal, number, word};
use crate::walk::{self, Node, Parts};

/// A key that is there, or `key = true`, or `key = false`.
pub(crate) struct Flag {
    pub(crate) source: TokenStream,
    pub(crate) value: bool,
}

/// Returns the value, or the message of the rule that it breaks.
fn checked<T>(value: T, broken: Option<PolicyError>) -> Result<Option<T>, String> {
    broken.map_or(Ok(Some(value)), |error| Err(error.to_string()))
}

pub(crate) fn max(value: &Expr) -> Result<Option<u32>, String> {
    match literal(value) {
        Literal::Plain(Lit::Int(int)) if matches!(int.suffix(), "" | "u32") => {
            let max = text::max(int.base10_digits())?;
            checked(max, rules::max(max))
        }
        Literal::None if word(value).is_none() => Ok(None),
        _ => Err(not_quoted(Key::Max, value, |value| max(value).is_ok())),
    }
}

/// Returns the message about a value of another kind: to leave out its quotes, if `is_read` accepts
/// what is within them.
fn not_quoted(key: Key, value: &Expr, is_read: impl Fn(&Expr) -> bool) -> String {
    if let Literal::Plain(Lit::Str(quoted)) = literal(value) {
        if quoted.parse().is_ok_and(|unquoted| is_read(&unquoted)) {
            return format!("`{0}` is not quoted: write `{0} = {1}`", key.name(), quoted.value().trim());
        }
    }
    wrong_kind(key)
}

pub(crate) fn duration(key: Key, value: &Expr) -> Result<Option<Duration>, String> {
    let read = match literal(value) {
        Literal::Negative(_) => text::duration(key, "-"),
        Literal::Plain(Lit::Int(int)) => text::duration(key, &int.to_string()),
        Literal::Plain(Lit::Float(float)) => text::duration(key, &float.to_string()),
        Literal::Plain(Lit::Str(quoted)) => {
            let unquoted = quoted.value();
            let is_duration = text::duration(key, &unquoted).is_ok();
            let example =
                if is_duration { format!("{} = {unquoted}", key.name()) } else { key.example().to_owned() };
            return Err(format!("a duration is not quoted: write `{example}`"));
        }
        Literal::None if matches!(value, Expr::Array(_)) => return Err(wrong_kind(key)),
        Literal::None if has_unit(value.to_token_stream()) => {
            return Err(format!(
                "a number in an expression has no unit: write `{}`, or use `Duration::from_secs(..)` in the expression",
                key.example()
            ));
        }
        Literal::None if word(value).is_none() => return Ok(None),
        _ => return Err(wrong_kind(key)),
    }?;
    let broken = match key {
        Key::Base => rules::base(read),
        Key::Cap => rules::cap(read),
        Key::Deadline => rules::deadline(read),
        Key::Timeout => rules::timeout(read),
        // Any limit is one.
        Key::MaxRetryAfter => None,
        other => unreachable!("`{}` takes no duration", other.name()),
    };
    checked(read, broken)
}

/// Returns `true` if a number with a unit is part of an expression.
fn has_unit(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Literal(literal) => match Lit::new(literal) {
            Lit::Int(int) => text::is_unit(int.suffix()),
            Lit::Float(float) => text::is_unit(float.suffix()),
            _ => false,
        },
        TokenTree::Group(group) => has_unit(group.stream()),
        _ => false,
    })
}

pub(crate) fn factor(value: &Expr) -> Result<Option<f64>, String> {
    match number(value) {
        Ok(Some(factor)) => checked(factor, rules::factor(factor)),
        Ok(None) if word(value).is_none() => Ok(None),
        Ok(None) | Err(NotANumber) => Err(not_quoted(Key::Factor, value, |value| factor(value).is_ok())),
    }
}

pub(crate) fn jitter(value: &Expr) -> Result<Option<Jitter>, String> {
    if let Some(name) = word(value) {
        return text::jitter(&name).map(Some);
    }
    if let Expr::Path(path) = value {
        let miscased = path.path.get_ident().map(ToString::to_string);
        if let Some(name) = miscased.filter(|name| text::JITTERS.contains(&name.to_lowercase().as_str())) {
            return text::jitter(&name).map(Some);
        }
    }
    match number(value) {
        Ok(Some(fraction)) => {
            let jitter = Jitter::Fraction(fraction);
            checked(jitter, rules::jitter(jitter))
        }
        Ok(None) => Ok(None),
        Err(NotANumber) => Err(not_quoted(Key::Jitter, value, |value| jitter(value).is_ok())),
    }
}

pub(crate) fn flag(key: Key, value: &Expr) -> Result<Flag, String> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Bool(wanted), .. }) => {
            Ok(Flag { source: value.to_token_stream(), value: wanted.value })
        }
        _ => Err(wrong_kind(key)),
    }
}

/// Reads the name of a header, which `rule` checks.
pub(crate) fn header(
    key: Key,
    value: &Expr,
    rule: fn(&str) -> Option<PolicyError>,
) -> Result<Option<String>, String> {
    match literal(value) {
        Literal::Plain(Lit::Str(name)) => {
            let name = name.value();
            let broken = rule(&name);
            checked(name, broken)
        }
        Literal::None if is_constant(value) => Ok(None),
        _ => Err(wrong_kind(key)),
    }
}

/// Returns `true` if a value may be a constant: not a word of ours, no list, and no name without
/// quotes, such as `x-my-reset`, which is a difference.
fn is_constant(value: &Expr) -> bool {
    word(value).is_none() && !matches!(value, Expr::Array(_) | Expr::Binary(_))
}

pub(crate) fn switch(key: Key, value: &Expr) -> Result<LitBool, String> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Bool(wanted), .. }) => Ok(wanted.clone()),
        _ => Err(wrong_kind(key)),
    }
}

/// Reads an expression that is evaluated at run time.
pub(crate) fn expression(key: Key, value: &Expr) -> Result<Expr, String> {
    match literal(value) {
        Literal::None => Ok(value.clone()),
        _ => Err(wrong_kind(key)),
    }
}

pub(crate) fn renewal(value: &Expr) -> Result<Expr, String> {
    let mut tries = false;
    walk::expr(&mut value.clone(), &mut |node| match node {
        Node::Expr(Expr::Try(_)) => {
            tries = true;
            Parts::Skip
        }
        // What leaves these is their own.
        Node::Expr(Expr::Closure(_) | Expr::Async(_)) | Node::Item(_) => Parts::Skip,
        _ => Parts::Visit,
    });
    if tries {
        return Err(
            "leave out `?` in `reauth`, since an `Err` ends the call with the 401: write `reauth = self.login()`"
                .to_owned(),
        );
    }
    if matches!(value, Expr::Closure(_)) {
        return Err(
            "`reauth` is run as it is, and is not a closure: write what the closure does, as in `reauth = self.login()`"
                .to_owned(),
        );
    }
    expression(Key::Reauth, value)
}

pub(crate) fn upstream(value: &Expr) -> Result<Expr, String> {
    if makes_upstream(value) {
        return Err(
            "a new `Upstream` for each call shares nothing: write `static GITHUB: Upstream = ..;` and `upstream = GITHUB`"
                .to_owned(),
        );
    }
    expression(Key::Upstream, value)
}

/// Returns `true` if an expression makes an upstream: `Upstream::new(..)`, by any path, with
/// methods behind it.
fn makes_upstream(value: &Expr) -> bool {
    match value {
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) => {
                path.path.segments.iter().rev().nth(1).is_some_and(|ty| ty.ident == "Upstream")
            }
            _ => false,
        },
        Expr::MethodCall(call) => makes_upstream(&call.receiver),
        Expr::Paren(paren) => makes_upstream(&paren.expr),
        Expr::Group(group) => makes_upstream(&group.expr),
        Expr::Reference(reference) => makes_upstream(&reference.expr),
        _ => false,
    }
}

/// Reads a list of the names of headers, and leaves out those that are wrong. Returns `None` if the
/// value is no list.
pub(crate) fn headers(key: Key, value: &Expr, errors: &mut Errors) -> Option<Vec<Given<String>>> {
    let Expr::Array(list) = value else {
        let message = match literal(value) {
            Literal::Plain(Lit::Str(name)) if rules::is_header_name(&name.value()) => {
                let name = name.value();
                format!("`{0}` is a list of header names: write `{0} = [{name:?}]`", key.name())
            }
            _ => wrong_kind(key),
        };
        errors.at(value, message);
        return None;
    };
    if let Some(broken) = rules::hint_length(list.elems.len()) {
        errors.at(list, broken);
    }
    let mut names: Vec<Given<String>> = Vec::new();
    for item in &list.elems {
        let read = header(key, item, |name| rules::header_name(Key::Hint, name)).and_then(|literal| {
            let before: Vec<_> = names.iter().filter_map(|name| name.literal.as_deref()).collect();
            let repeated = literal.as_deref().and_then(|name| rules::hint_repeated(name, &before));
            repeated.map_or(Ok(literal), |message| Err(message.to_string()))
        });
        match read {
            Ok(literal) => names.push(Given { source: item.clone(), literal }),
            Err(message) => errors.at(item, message),
        }
    }
    Some(names)
}

/// Returns the names of arguments, and the mistake if they are no list of names. What is named
/// counts all the same.
pub(crate) fn names(value: &Expr) -> (Vec<Ident>, Result<(), String>) {
    let name = |item: &Expr| match item {
        Expr::Path(path) if path.qself.is_none() => path.path.get_ident().cloned(),
        Expr::Lit(ExprLit { lit: Lit::Str(name), .. }) => name.parse().ok(),
        _ => None,
    };
    let is_path = |item: &Expr| matches!(item, Expr::Path(_));
    let wrong = || Err(wrong_kind(Key::Carry));
    match value {
        Expr::Array(list) if list.elems.is_empty() => {
            (Vec::new(), Err("`carry` is empty: list arguments, or leave `carry` out".to_owned()))
        }
        Expr::Array(list) => {
            let names: Vec<_> = list.elems.iter().filter_map(name).collect();
            let is_list = names.len() == list.elems.len() && list.elems.iter().all(is_path);
            let twice = (1..names.len()).find(|&at| names[..at].contains(&names[at]));
            let mistake = match twice {
                _ if !is_list => wrong(),
                Some(at) => Err(format!("`{}` is listed twice: remove one", names[at])),
                None => Ok(()),
            };
            (names, mistake)
        }
        other => match name(other) {
            Some(name) => {
                let message = format!("`carry` lists arguments by their names: write `carry = [{name}]`");
                (vec![name], Err(message))
            }
            None => (Vec::new(), wrong()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_a_literal_a_constant_or_a_mistake() {
        let read = |text: &str| duration(Key::Base, &syn::parse_str(text).unwrap());
        assert_eq!(read("1.5s"), Ok(Some(Duration::from_millis(1500))));
        assert_eq!(read("1_000us"), Ok(Some(Duration::from_millis(1))));
        assert_eq!(read("(250ms)"), Ok(Some(Duration::from_millis(250))));
        assert_eq!(read("BASE"), Ok(None));
        assert_eq!(read("Duration::from_secs(1)"), Ok(None));
        for (text, part) in [
            ("\"500ms\"", "write `base = 500ms`"),
            ("\"soon\"", "write `base = 1s`"),
            ("-5s", "negative"),
            ("true", "is a duration"),
            ("soon", "is a duration"),
            ("2 * 5s", "in an expression"),
            ("0s", "must be above zero"),
            ("25h", "is above a day"),
        ] {
            let message = read(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn every_key_says_what_it_takes() {
        for key in Key::ALL.iter().copied() {
            let message = wrong_kind(key);
            assert!(message.contains(key.name()), "{message}");
            assert!(message.contains(": write `"), "{message}");
        }
    }
}
