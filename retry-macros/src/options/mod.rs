//! The grammar: `key = value, …` → [`Options`] and errors. One `match` over keys; values are literals that are
//! checked here, or constant expressions that the compiler checks.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, LitBool, Path, Token, token};

use crate::diagnostics::{Errors, did_you_mean, list, or_colon};
use crate::options::conditions::Condition;
use crate::options::keys::{Flag, Jitter};
use crate::options::value::is_number;
use crate::paths::Facade;
use crate::tokens::mentions_self;

pub(crate) mod check;
pub(crate) mod conditions;
pub(crate) mod defaults;
pub(crate) mod duration;
pub(crate) mod keys;
pub(crate) mod value;

/// All keys, in the order of the documentation.
const KEYS: [&str; 22] = [
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
    "observer",
    "upstream",
    "policy",
    "carry",
    "docs",
    "crate",
    "skip",
    "transparent",
];
/// What others call them.
const KEYS_ELSEWHERE: [(&str, &[&str]); 17] = [
    (
        "max",
        &[
            "attempts",
            "count",
            "max_attempts",
            "max_retries",
            "max_times",
            "max_tries",
            "retries",
            "times",
            "tries",
        ],
    ),
    ("on", &["codes", "retry_on", "status", "statuses"]),
    ("retry_if", &["condition", "predicate", "retry_when", "retryable", "should_retry", "when"]),
    ("never", &["except", "exclude", "ignore", "not_on"]),
    (
        "base",
        &[
            "base_ms",
            "delay",
            "delay_ms",
            "initial",
            "initial_delay",
            "interval",
            "min_delay",
            "wait",
            "wait_ms",
        ],
    ),
    ("factor", &["backoff", "exponent", "growth", "multiplier"]),
    ("cap", &["max_backoff", "max_delay", "max_interval", "max_wait"]),
    ("max_retry_after", &["max_hint", "retry_after"]),
    (
        "deadline",
        &[
            "max_duration",
            "max_elapsed",
            "max_elapsed_time",
            "max_total",
            "overall_timeout",
            "total",
            "total_timeout",
        ],
    ),
    (
        "timeout",
        &[
            "attempt_timeout",
            "per_request",
            "per_try_timeout",
            "request_timeout",
            "send_timeout",
            "timeout_ms",
        ],
    ),
    ("idempotent", &["repeatable", "safe"]),
    ("idempotency_key", &["dedupe", "idem_key", "idempotence_key", "request_id"]),
    ("observer", &["before_sleep", "inspect", "log", "notify", "on_event", "on_retry"]),
    ("upstream", &["budget", "bucket", "circuit_breaker", "limiter", "rate_limiter", "service", "throttle"]),
    ("carry", &["carries", "consume", "keep_args", "mutates", "resume", "rewind", "stateful"]),
    ("transparent", &["helper", "inner", "passthrough", "through", "visible"]),
    ("reauth", &["authenticate", "login", "on_401", "on_unauthorized", "reauthenticate", "refresh", "renew"]),
];
/// Keys that need no value.
const FLAGS: [&str; 2] = ["idempotent", "idempotency_key"];

/// A value as it was written, and what it is where it is a literal.
pub(crate) struct Given<T> {
    pub(crate) source: Expr,
    pub(crate) literal: Option<T>,
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
    pub(crate) observer: Option<Expr>,
    pub(crate) upstream: Option<Expr>,
    pub(crate) policy: Option<Expr>,
    pub(crate) carry: Option<Vec<Ident>>,
    pub(crate) docs: Option<LitBool>,
    pub(crate) krate: Option<Path>,
    pub(crate) skip: Option<Ident>,
    pub(crate) transparent: Option<Ident>,
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
                "unknown option `{name}`{}{} the keys are {}",
                or_colon(did_you_mean(&name, &KEYS, &KEYS_ELSEWHERE)),
                counts_attempts(&name),
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
    if name == "transparent" {
        if !input.is_empty() && !input.peek(Token![,]) {
            let message = "`transparent` takes no value: write `#[retry_http(transparent)]`";
            return Err(syn::Error::new(key.span(), message));
        }
        options.transparent = Some(key);
        return Ok(());
    }
    if (input.is_empty() || input.peek(Token![,])) && FLAGS.contains(&name.as_str()) {
        *options.flag(&name) = Some(Flag { source: key.into_token_stream(), value: true });
        return Ok(());
    }
    if input.peek(Token![:]) || input.peek(token::Paren) {
        let message = format!("options are written `key = value`: write `{}`", keys::example(&name));
        return Err(syn::Error::new(input.span(), message));
    }
    if !input.peek(Token![=]) {
        return Err(syn::Error::new(
            key.span(),
            format!("`{name}` needs a value: write `{}`", keys::example(&name)),
        ));
    }
    let equals: Token![=] = input.parse()?;
    if input.is_empty() || input.peek(Token![,]) {
        let message = format!("`{name}` needs a value: write `{}`", keys::example(&name));
        return Err(syn::Error::new(equals.span, message));
    }
    if name == "crate" {
        options.krate = Some(krate(input)?);
        return Ok(());
    }
    let start = input.span();
    // What is wrong inside of a value says less than what to write.
    let Some(value) = value::parse(input) else {
        return Err(syn::Error::new(
            start,
            format!("`{name}` cannot be read: write `{}`", keys::example(&name)),
        ));
    };
    if let Some(unit) = input.fork().call(Ident::parse_any).ok().filter(|_| is_number(&value)) {
        if duration::is_unit(&unit.to_string()) {
            let number = value.to_token_stream();
            let message =
                format!("a unit follows its number without a space: write `{name} = {number}{unit}`");
            return Err(syn::Error::new(unit.span(), message));
        }
    }
    if !input.is_empty() && !input.peek(Token![,]) {
        let message = format!("expected `,` after the value of `{name}`, as in `{}`", keys::example(&name));
        return Err(syn::Error::new(input.span(), message));
    }
    let at_run_time = ["carry", "observer", "policy", "reauth", "retry_if", "upstream"];
    if !at_run_time.contains(&name.as_str()) && mentions_self(value.to_token_stream()) {
        let message =
            "is a constant: what is only known at run time is a policy, as in `policy = self.retry`";
        errors.at(&value, format!("`{name}` {message}"));
        return Ok(());
    }
    options.set(&name, &value, errors);
    Ok(())
}
/// Says what `max` counts, to whoever counts otherwise.
fn counts_attempts(name: &str) -> &'static str {
    const COUNTING: [&str; 4] = ["attempts", "max_attempts", "max_tries", "tries"];
    if COUNTING.contains(&name) { " It counts retries, so 3 attempts are `max = 2`;" } else { "" }
}

#[expect(clippy::unnecessary_wraps, reason = "what every caller assigns")]
fn given<T>(source: &Expr, literal: Option<T>) -> Option<Given<T>> {
    Some(Given { source: source.clone(), literal })
}

fn krate(input: ParseStream<'_>) -> syn::Result<Path> {
    if input.peek(syn::LitStr) {
        let quoted: syn::LitStr = input.parse()?;
        let message = format!("a path is not quoted: write `crate = {}`", quoted.value());
        return Err(syn::Error::new(quoted.span(), message));
    }
    input.call(Path::parse_mod_style)
}

/// Where a mistake was, the next option is read as if nothing had happened.
fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        _ = input.parse::<TokenTree>();
    }
}

impl Options {
    /// Reads the value of a key.
    fn set(&mut self, name: &str, value: &Expr, errors: &mut Errors) {
        let mut read = |result: Result<(), String>| {
            if let Err(message) = result {
                errors.at(value, message);
            }
        };
        match name {
            "max" => read(keys::max(value).map(|max| self.max = given(value, max))),
            "base" => read(keys::positive("base", value).map(|base| self.base = given(value, base))),
            "cap" => read(keys::positive("cap", value).map(|cap| self.cap = given(value, cap))),
            "factor" => read(keys::factor(value).map(|factor| self.factor = given(value, factor))),
            "jitter" => read(keys::jitter(value).map(|jitter| self.jitter = given(value, jitter))),
            "max_retry_after" => read(
                duration::parse("max_retry_after", value)
                    .map(|limit| self.max_retry_after = given(value, limit)),
            ),
            "on" => {
                if matches!(value, Expr::Array(array) if array.elems.is_empty()) {
                    errors.at(value, "`on` is empty: list what to retry, or leave `on` out for the defaults");
                }
                self.on = Some(conditions::parse("on", value, errors));
            }
            "never" => self.never = Some(conditions::parse("never", value, errors)),
            "deadline" => {
                read(keys::bound("deadline", value).map(|deadline| self.deadline = given(value, deadline)));
            }
            "timeout" => {
                read(keys::bound("timeout", value).map(|timeout| self.timeout = given(value, timeout)));
            }
            "idempotent" | "idempotency_key" => {
                read(keys::flag(name, value).map(|flag| *self.flag(name) = Some(flag)));
            }
            "reauth" => read(keys::renewal(value).map(|()| self.reauth = Some(value.clone()))),
            "retry_if" => read(keys::callable(value).map(|()| self.retry_if = Some(value.clone()))),
            "observer" => {
                read(keys::no_literal("observer", value).map(|()| self.observer = Some(value.clone())));
            }
            "upstream" => {
                read(keys::no_literal("upstream", value).map(|()| self.upstream = Some(value.clone())));
            }
            "carry" => {
                let (names, found) = keys::names(value);
                self.carry = Some(names);
                read(found);
            }
            "docs" => read(keys::docs(value).map(|docs| self.docs = Some(docs))),
            "policy" => read(keys::no_literal("policy", value).map(|()| self.policy = Some(value.clone()))),
            _ => unreachable!("every key of KEYS has an arm"),
        }
    }

    fn flag(&mut self, name: &str) -> &mut Option<Flag> {
        if name == "idempotent" { &mut self.idempotent } else { &mut self.idempotency_key }
    }

    /// The keys of a policy that were given, with where.
    pub(crate) fn of_policy(&self) -> Vec<(&'static str, TokenStream)> {
        fn at<T>(given: Option<&Given<T>>) -> Option<TokenStream> {
            given.map(|given| given.source.to_token_stream())
        }
        let list = |items: &Option<Vec<Condition>>| {
            items.as_ref().and_then(|items| items.first()).map(|item| item.source.to_token_stream())
        };
        let expr = |value: &Option<Expr>| value.as_ref().map(ToTokens::to_token_stream);
        let given = [
            ("max", at(self.max.as_ref())),
            ("on", list(&self.on)),
            ("never", list(&self.never)),
            ("base", at(self.base.as_ref())),
            ("factor", at(self.factor.as_ref())),
            ("cap", at(self.cap.as_ref())),
            ("jitter", at(self.jitter.as_ref())),
            ("max_retry_after", at(self.max_retry_after.as_ref())),
            ("deadline", at(self.deadline.as_ref())),
            ("timeout", at(self.timeout.as_ref())),
            ("idempotency_key", self.idempotency_key.as_ref().map(|flag| flag.source.clone())),
            ("reauth", expr(&self.reauth)),
            ("retry_if", expr(&self.retry_if)),
            ("observer", expr(&self.observer)),
            ("upstream", expr(&self.upstream)),
            ("policy", expr(&self.policy)),
            ("carry", self.carry.as_ref().and_then(|names| names.first()).map(ToTokens::to_token_stream)),
            ("docs", self.docs.as_ref().map(ToTokens::to_token_stream)),
            ("skip", self.skip.as_ref().map(ToTokens::to_token_stream)),
        ];
        given.into_iter().filter_map(|(key, at)| at.map(|at| (key, at))).collect()
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
