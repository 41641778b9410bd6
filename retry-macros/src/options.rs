//! The grammar: `key = value, …` → [`Options`] and errors. One `match` over keys; values are literals that are
//! checked here, or constant expressions that the compiler checks.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, ExprLit, Lit, LitBool, Path, Token};

use crate::conditions::{self, Condition};
use crate::duration;
use crate::errors::{Errors, did_you_mean, list, or_colon};
use crate::facade::Facade;
use crate::values::{self, Literal, NotANumber, literal, mentions_self, number, word};

/// All keys, in the order of the documentation.
const KEYS: [&str; 18] = [
    "max",
    "on",
    "never",
    "base",
    "factor",
    "cap",
    "jitter",
    "max_retry_after",
    "deadline",
    "timeout",
    "idempotent",
    "idempotency_key",
    "reauth",
    "retry_if",
    "policy",
    "docs",
    "crate",
    "skip",
];
/// What others call them.
const KEYS_ELSEWHERE: [(&str, &[&str]); 12] = [
    ("max", &["attempts", "max_attempts", "max_retries", "max_times", "retries", "times", "tries"]),
    ("on", &["codes", "retry_on", "status", "statuses", "when"]),
    ("never", &["except", "exclude", "ignore", "not_on"]),
    ("base", &["delay", "initial", "initial_delay", "interval", "min_delay", "wait"]),
    ("factor", &["backoff", "exponent", "growth", "multiplier"]),
    ("cap", &["max_backoff", "max_delay", "max_interval", "max_wait"]),
    ("max_retry_after", &["max_hint", "retry_after"]),
    (
        "deadline",
        &["max_elapsed", "max_elapsed_time", "max_total", "overall_timeout", "total", "total_timeout"],
    ),
    ("timeout", &["attempt_timeout", "per_request", "request_timeout", "send_timeout"]),
    ("idempotent", &["repeatable", "safe"]),
    ("idempotency_key", &["dedupe", "idempotence_key", "request_id"]),
    ("reauth", &["authenticate", "login", "on_401", "on_unauthorized", "reauthenticate", "refresh", "renew"]),
];
/// Keys that need no value.
const FLAGS: [&str; 2] = ["idempotent", "idempotency_key"];
const JITTERS: [&str; 4] = ["none", "full", "equal", "decorrelated"];

/// A value as it was written, and what it is where it is a literal.
pub(crate) struct Given<T> {
    pub(crate) source: Expr,
    pub(crate) literal: Option<T>,
}

/// A key that is there, or `key = true`, or `key = false`.
pub(crate) struct Flag {
    pub(crate) source: TokenStream,
    pub(crate) value: bool,
}

/// What an attribute says. A key that was left out, or whose value is wrong, is `None`.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) max: Option<Given<u32>>,
    pub(crate) on: Option<Vec<Condition>>,
    pub(crate) never: Option<Vec<Condition>>,
    pub(crate) base: Option<Given<Duration>>,
    pub(crate) factor: Option<Given<f64>>,
    pub(crate) cap: Option<Given<Duration>>,
    pub(crate) jitter: Option<Given<Jitter>>,
    pub(crate) max_retry_after: Option<Given<Duration>>,
    pub(crate) deadline: Option<Given<Duration>>,
    pub(crate) timeout: Option<Given<Duration>>,
    pub(crate) idempotent: Option<Flag>,
    pub(crate) idempotency_key: Option<Flag>,
    pub(crate) reauth: Option<Expr>,
    pub(crate) retry_if: Option<Expr>,
    pub(crate) policy: Option<Expr>,
    pub(crate) docs: Option<LitBool>,
    pub(crate) krate: Option<Path>,
    pub(crate) skip: Option<Ident>,
}

/// A jitter that was written as a word or a number.
pub(crate) enum Jitter {
    None,
    Full,
    Equal,
    Decorrelated,
    Fraction(f64),
}

/// Reads the tokens of an attribute. All mistakes are reported; what is right is returned.
pub(crate) fn parse(attribute: TokenStream, errors: &mut Errors) -> Options {
    let parser = |input: ParseStream<'_>| {
        let mut options = Options::default();
        let mut seen: Vec<String> = Vec::new();
        while !input.is_empty() {
            if let Err(error) = entry(input, &mut options, &mut seen, errors) {
                errors.push(error);
                skip_to_comma(input);
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(options)
    };
    parser.parse2(attribute).unwrap_or_else(|error| {
        errors.push(error);
        Options::default()
    })
}

/// One `key = value`.
fn entry(
    input: ParseStream<'_>,
    options: &mut Options,
    seen: &mut Vec<String>,
    errors: &mut Errors,
) -> syn::Result<()> {
    if !input.peek(Ident::peek_any) {
        return Err(input.error(format!("expected `key = value`, the keys are {}", list(&KEYS))));
    }
    let key = input.call(Ident::parse_any)?;
    let name = key.to_string();
    if !KEYS.contains(&name.as_str()) {
        errors.at(
            &key,
            format!(
                "unknown option `{name}`{} the keys are {}",
                or_colon(did_you_mean(&name, &KEYS, &KEYS_ELSEWHERE)),
                list(&KEYS)
            ),
        );
        skip_to_comma(input);
        return Ok(());
    }
    if seen.contains(&name) {
        errors.at(&key, format!("`{name}` is given twice: remove one"));
        skip_to_comma(input);
        return Ok(());
    }
    seen.push(name.clone());
    if name == "skip" {
        if !input.is_empty() && !input.peek(Token![,]) {
            return Err(syn::Error::new(key.span(), "`skip` takes no value: write `#[retry_http(skip)]`"));
        }
        options.skip = Some(key);
        return Ok(());
    }
    if (input.is_empty() || input.peek(Token![,])) && FLAGS.contains(&name.as_str()) {
        *options.flag(&name) = Some(Flag { source: key.into_token_stream(), value: true });
        return Ok(());
    }
    if !input.peek(Token![=]) {
        return Err(syn::Error::new(
            key.span(),
            format!("`{name}` needs a value: write `{}`", example(&name)),
        ));
    }
    let equals: Token![=] = input.parse()?;
    if input.is_empty() || input.peek(Token![,]) {
        let message = format!("`{name}` needs a value: write `{}`", example(&name));
        return Err(syn::Error::new(equals.span, message));
    }
    if name == "crate" {
        options.krate = Some(krate(input)?);
        return Ok(());
    }
    let start = input.span();
    // What is wrong inside of a value says less than what to write.
    let Some(value) = values::parse(input) else {
        return Err(syn::Error::new(start, format!("`{name}` cannot be read: write `{}`", example(&name))));
    };
    if !input.is_empty() && !input.peek(Token![,]) {
        let message = format!("expected `,` after the value of `{name}`, as in `{}`", example(&name));
        return Err(syn::Error::new(input.span(), message));
    }
    if !matches!(name.as_str(), "policy" | "reauth" | "retry_if") && mentions_self(value.to_token_stream()) {
        let message =
            "is a constant: what is only known at run time is a policy, as in `policy = self.retry`";
        errors.at(&value, format!("`{name}` {message}"));
        return Ok(());
    }
    let mut read = |result: Result<(), String>| {
        if let Err(message) = result {
            errors.at(&value, message);
        }
    };
    match name.as_str() {
        "max" => read(max(&value).map(|max| options.max = given(&value, max))),
        "base" => read(positive("base", &value).map(|base| options.base = given(&value, base))),
        "cap" => read(positive("cap", &value).map(|cap| options.cap = given(&value, cap))),
        "factor" => read(factor(&value).map(|factor| options.factor = given(&value, factor))),
        "jitter" => read(jitter(&value).map(|jitter| options.jitter = given(&value, jitter))),
        "max_retry_after" => read(
            duration::parse("max_retry_after", &value)
                .map(|limit| options.max_retry_after = given(&value, limit)),
        ),
        "on" => {
            if matches!(&value, Expr::Array(array) if array.elems.is_empty()) {
                errors.at(&value, "`on` is empty: list what to retry, or leave `on` out for the defaults");
            }
            options.on = Some(conditions::parse("on", &value, errors));
        }
        "never" => options.never = Some(conditions::parse("never", &value, errors)),
        "deadline" => {
            read(bound("deadline", "10s", &value).map(|deadline| options.deadline = given(&value, deadline)))
        }
        "timeout" => {
            read(bound("timeout", "5s", &value).map(|timeout| options.timeout = given(&value, timeout)));
        }
        "idempotent" | "idempotency_key" => match &value {
            Expr::Lit(ExprLit { lit: Lit::Bool(wanted), .. }) => {
                let flag = Flag { source: value.to_token_stream(), value: wanted.value };
                *options.flag(&name) = Some(flag);
            }
            _ => read(Err(format!("`{name}` is a flag: write `{name}`, or `{name} = false`"))),
        },
        "reauth" => read(renewal(&value).map(|()| options.reauth = Some(value.clone()))),
        "retry_if" => read(callable(&value).map(|()| options.retry_if = Some(value.clone()))),
        "docs" => match &value {
            Expr::Lit(ExprLit { lit: Lit::Bool(wanted), .. }) => options.docs = Some(wanted.clone()),
            _ => read(Err("`docs` is `true` or `false`: write `docs = false`".to_owned())),
        },
        "policy" => read(no_literal(&value).map(|()| options.policy = Some(value.clone()))),
        _ => unreachable!("every key of KEYS has an arm"),
    }
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "what every caller assigns")]
fn given<T>(source: &Expr, literal: Option<T>) -> Option<Given<T>> {
    Some(Given { source: source.clone(), literal })
}

fn example(key: &str) -> &'static str {
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
        "policy" => "policy = GENTLE",
        "docs" => "docs = false",
        _ => "crate = ::retry_http",
    }
}

fn krate(input: ParseStream<'_>) -> syn::Result<Path> {
    if input.peek(syn::LitStr) {
        let quoted: syn::LitStr = input.parse()?;
        let message = format!("a path is not quoted: write `crate = {}`", quoted.value());
        return Err(syn::Error::new(quoted.span(), message));
    }
    input.call(Path::parse_mod_style)
}

fn callable(value: &Expr) -> Result<(), String> {
    match literal(value) {
        Literal::None => Ok(()),
        _ => Err(format!(
            "`retry_if` is a path or a closure of type `Fn(&R) -> bool`: write `{}`",
            example("retry_if")
        )),
    }
}

fn renewal(value: &Expr) -> Result<(), String> {
    let closure = matches!(value, Expr::Closure(_));
    match literal(value) {
        Literal::None if !closure => Ok(()),
        _ => Err("`reauth` is an expression that renews the credentials, and is not called: write `reauth = self.login()`"
            .to_owned()),
    }
}

fn no_literal(value: &Expr) -> Result<(), String> {
    match literal(value) {
        Literal::None => Ok(()),
        _ => Err(
            "`policy` is a `Policy` or a reference to one: write `policy = GENTLE` or `policy = self.retry`"
                .to_owned(),
        ),
    }
}

fn max(value: &Expr) -> Result<Option<u32>, String> {
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

fn positive(key: &str, value: &Expr) -> Result<Option<Duration>, String> {
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

fn bound(key: &str, example: &str, value: &Expr) -> Result<Option<Duration>, String> {
    match duration::parse(key, value)? {
        Some(Duration::ZERO) => Err(format!(
            "`{key}` must be above zero, since nothing is done in no time: write `{key} = {example}`"
        )),
        duration => Ok(duration),
    }
}

fn factor(value: &Expr) -> Result<Option<f64>, String> {
    const KIND: &str = "`factor` is a number from 1 to 100: write `factor = 2`";
    match number(value) {
        Ok(Some(factor)) if !(1.0..=100.0).contains(&factor) => Err(KIND.to_owned()),
        Ok(None) if word(value).is_some() => Err(KIND.to_owned()),
        Ok(factor) => Ok(factor),
        Err(NotANumber) => Err(KIND.to_owned()),
    }
}

fn jitter(value: &Expr) -> Result<Option<Jitter>, String> {
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

/// Where a mistake was, the next option is read as if nothing had happened.
fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        _ = input.parse::<TokenTree>();
    }
}

impl Options {
    fn flag(&mut self, name: &str) -> &mut Option<Flag> {
        if name == "idempotent" { &mut self.idempotent } else { &mut self.idempotency_key }
    }

    /// The facade, located at `span`.
    pub(crate) fn krate(&self, span: Span) -> Facade<'_> {
        Facade::new(self.krate.as_ref(), span)
    }
}

/// The options of an attribute as they were written, by key.
pub(crate) fn entries(attribute: &TokenStream) -> Vec<(String, TokenStream)> {
    let parser = |input: ParseStream<'_>| {
        let mut entries = Vec::new();
        while !input.is_empty() {
            let key = input.call(Ident::parse_any)?;
            let mut tokens = quote!(#key);
            if input.peek(Token![=]) {
                let equals: Token![=] = input.parse()?;
                let value = if key == "crate" {
                    krate(input)?.to_token_stream()
                } else {
                    input.parse::<Expr>()?.to_token_stream()
                };
                tokens.extend(quote!(#equals #value));
            }
            entries.push((key.to_string(), tokens));
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(entries)
    };
    // What cannot be read is reported where it is expanded.
    parser.parse2(attribute.clone()).unwrap_or_else(|_| vec![(String::new(), attribute.clone())])
}
