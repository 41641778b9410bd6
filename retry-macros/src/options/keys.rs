//! What each key takes: examples, and the rules about one value. One function a kind of value.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::visit::Visit;
use syn::{Expr, ExprAsync, ExprClosure, ExprLit, ExprTry, Ident, Item, Lit, LitBool};

use crate::diagnostics::{did_you_mean, list, or_colon};
use crate::options::duration;
use crate::options::value::{Literal, NotANumber, literal, number, word};

const JITTERS: [&str; 4] = ["none", "full", "equal", "decorrelated"];

/// A key that is there, or `key = true`, or `key = false`.
pub(crate) struct Flag {
    pub(crate) source: TokenStream,
    pub(crate) value: bool,
}

/// A jitter that was written as a word or a number.
pub(crate) enum Jitter {
    None,
    Full,
    Equal,
    Decorrelated,
    Fraction(f64),
}

/// What to write, for a message.
pub(crate) fn example(key: &str) -> &'static str {
    match key {
        "max" => "max = 5",
        "on" => "on = [429, 503]",
        "never" => "never = [401]",
        "base" => "base = 1s",
        "factor" => "factor = 2",
        "cap" => "cap = 60s",
        "jitter" => "jitter = 0.5",
        "max_retry_after" => "max_retry_after = 2m",
        "deadline" => "deadline = 10s",
        "timeout" => "timeout = 5s",
        "idempotent" => "idempotent",
        "idempotency_key" => "idempotency_key",
        "reauth" => "reauth = self.login()",
        "retry_if" => "retry_if = |outcome| matches!(outcome, Ok(job) if job.is_pending())",
        "observer" => "observer = |event| println!(\"{event:?}\")",
        "upstream" => "upstream = GITHUB",
        "policy" => "policy = GENTLE",
        "carry" => "carry = [data]",
        "docs" => "docs = false",
        _ => "crate = ::retry_http",
    }
}

pub(crate) fn callable(value: &Expr) -> Result<(), String> {
    match literal(value) {
        Literal::None => Ok(()),
        _ => Err(format!(
            "`retry_if` is a path or a closure of type `Fn(&R) -> bool`: write `{}`",
            example("retry_if")
        )),
    }
}

pub(crate) fn renewal(value: &Expr) -> Result<(), String> {
    struct Tries(bool);

    impl<'ast> Visit<'ast> for Tries {
        fn visit_expr_try(&mut self, _: &'ast ExprTry) {
            self.0 = true;
        }

        // What leaves these is their own.
        fn visit_expr_closure(&mut self, _: &'ast ExprClosure) {}
        fn visit_expr_async(&mut self, _: &'ast ExprAsync) {}
        fn visit_item(&mut self, _: &'ast Item) {}
    }

    let mut tries = Tries(false);
    tries.visit_expr(value);
    if tries.0 {
        return Err(
            "leave out `?` in `reauth`: an `Err` ends the call with the 401, write `reauth = self.login()`"
                .to_owned(),
        );
    }
    match literal(value) {
        Literal::None if matches!(value, Expr::Closure(_)) => {
            Err("`reauth` is run as it is, and no closure: write what that does, as in `reauth = self.login()`".to_owned())
        }
        Literal::None => Ok(()),
        _ => Err("`reauth` is an expression that renews the credentials: write `reauth = self.login()`, or `reauth = login(http)`"
            .to_owned()),
    }
}

pub(crate) fn no_literal(key: &str, value: &Expr) -> Result<(), String> {
    let (what, field) = match key {
        "policy" => ("a `Policy` or a reference to one", "self.retry"),
        "observer" => ("an `Observer`", "self.observer"),
        _ => ("an `Upstream` or a reference to one", "self.upstream"),
    };
    match literal(value) {
        Literal::None if key == "upstream" && makes_upstream(value) => Err(
            "a new `Upstream` for each call shares nothing: write `static GITHUB: Upstream = ..;` and `upstream = GITHUB`"
                .to_owned(),
        ),
        Literal::None => Ok(()),
        _ => Err(format!("`{key}` is {what}: write `{}` or `{key} = {field}`", example(key))),
    }
}

/// Whether an expression makes an upstream: `Upstream::new(..)`, by any path, with methods behind it.
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

pub(crate) fn max(value: &Expr) -> Result<Option<u32>, String> {
    const KIND: &str = "`max` is a whole number from 1 up: write `max = 5`";
    match literal(value) {
        Literal::Plain(Lit::Int(int)) if matches!(int.suffix(), "" | "u32") => {
            match int.base10_parse::<u32>() {
                Ok(0) => Err(
                    "`max` must be at least 1, since it counts the retries after the first attempt: write \
                          `max = 1`, or remove the attribute"
                        .to_owned(),
                ),
                Ok(max) => Ok(Some(max)),
                Err(_) => Err(format!("`max` is too large: it is at most {}", u32::MAX)),
            }
        }
        Literal::Plain(_) | Literal::Negative(_) => Err(KIND.to_owned()),
        Literal::None if word(value).is_some() => Err(KIND.to_owned()),
        Literal::None => Ok(None),
    }
}

pub(crate) fn positive(key: &str, value: &Expr) -> Result<Option<Duration>, String> {
    const DAY: Duration = Duration::from_secs(86_400);
    match duration::parse(key, value)? {
        Some(Duration::ZERO) => Err(format!(
            "`{key}` must be above zero, since retrying at once hurts the server: write `{key} = 500ms`"
        )),
        Some(duration) if duration > DAY => {
            Err(format!("`{key}` is above a day: write `{key} = 24h` or less"))
        }
        duration => Ok(duration),
    }
}

pub(crate) fn bound(key: &str, value: &Expr) -> Result<Option<Duration>, String> {
    match duration::parse(key, value)? {
        Some(Duration::ZERO) => Err(format!(
            "`{key}` must be above zero, since nothing is done in no time: write `{}`",
            example(key)
        )),
        duration => Ok(duration),
    }
}

pub(crate) fn factor(value: &Expr) -> Result<Option<f64>, String> {
    const KIND: &str = "`factor` is a number from 1 to 100: write `factor = 2`";
    match number(value) {
        Ok(Some(factor)) if !(1.0..=100.0).contains(&factor) => Err(KIND.to_owned()),
        Ok(None) if word(value).is_some() => Err(KIND.to_owned()),
        Ok(factor) => Ok(factor),
        Err(NotANumber) => Err(KIND.to_owned()),
    }
}

pub(crate) fn jitter(value: &Expr) -> Result<Option<Jitter>, String> {
    let kind =
        || format!("`jitter` is a number from 0 to 1 or one of {}: write `jitter = 0.5`", list(&JITTERS));
    if let Some(name) = word(value) {
        return match name.as_str() {
            "none" => Ok(Some(Jitter::None)),
            "full" => Ok(Some(Jitter::Full)),
            "equal" => Ok(Some(Jitter::Equal)),
            "decorrelated" => Ok(Some(Jitter::Decorrelated)),
            _ => Err(format!(
                "unknown jitter `{name}`{} it is a number from 0 to 1 or one of {}",
                or_colon(did_you_mean(&name, &JITTERS, &[("none", &["off", "no"])])),
                list(&JITTERS)
            )),
        };
    }
    if let Expr::Path(path) = value {
        let name = path.path.get_ident().map(|name| name.to_string().to_lowercase());
        if let Some(name) = name.filter(|name| JITTERS.contains(&name.as_str())) {
            return Err(format!("write `jitter = {name}`"));
        }
    }
    match number(value) {
        Ok(Some(fraction)) if (0.0..=1.0).contains(&fraction) => Ok(Some(Jitter::Fraction(fraction))),
        Ok(None) => Ok(None),
        Ok(Some(_)) | Err(NotANumber) => Err(kind()),
    }
}

pub(crate) fn flag(key: &str, value: &Expr) -> Result<Flag, String> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Bool(wanted), .. }) => {
            Ok(Flag { source: value.to_token_stream(), value: wanted.value })
        }
        Expr::Lit(ExprLit { lit: Lit::Str(_), .. }) if key == "idempotency_key" => Err(
            "`idempotency_key` is a flag, and the header always is `Idempotency-Key`: write `idempotency_key`".to_owned(),
        ),
        _ => Err(format!("`{key}` is a flag: write `{key}`, or `{key} = false`")),
    }
}

/// The names of arguments. Where they are no list, those that are named all the same, and the mistake.
pub(crate) fn names(value: &Expr) -> (Vec<Ident>, Result<(), String>) {
    const KIND: &str = "`carry` lists arguments by their names: write `carry = [data]`";
    let name = |item: &Expr| match item {
        Expr::Path(path) if path.qself.is_none() => path.path.get_ident().cloned(),
        Expr::Lit(ExprLit { lit: Lit::Str(name), .. }) => name.parse().ok(),
        _ => None,
    };
    let is_path = |item: &Expr| matches!(item, Expr::Path(_));
    match value {
        Expr::Array(list) if list.elems.is_empty() => {
            (Vec::new(), Err("`carry` is empty: list arguments, or leave `carry` out".to_owned()))
        }
        Expr::Array(list) => {
            let names: Vec<_> = list.elems.iter().filter_map(name).collect();
            let is_list = names.len() == list.elems.len() && list.elems.iter().all(is_path);
            (names, is_list.then_some(()).ok_or_else(|| KIND.to_owned()))
        }
        other => (name(other).into_iter().collect(), Err(KIND.to_owned())),
    }
}

pub(crate) fn docs(value: &Expr) -> Result<LitBool, String> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Bool(wanted), .. }) => Ok(wanted.clone()),
        _ => Err("`docs` is `true` or `false`: write `docs = false`".to_owned()),
    }
}
