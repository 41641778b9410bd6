//! The tokens of an attribute → [`Options`] and errors. Values are literals, which are checked
//! here, or constant expressions, which the compiler checks.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use retry_policy::keys::{self, Key, Takes};
use retry_policy::words::list;
use retry_policy::{Jitter, rules, text};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, LitBool, LitInt, Path, Token, token};

use crate::diagnostics::Errors;
use crate::options::conditions::ListItem;
pub(crate) use crate::options::readers::Flag;
use crate::options::value::is_number;
use crate::paths::Facade;
use crate::tokens::mentions_self;

mod check;
pub(crate) mod conditions;
mod readers;
mod value;

/// A value as it was written, and its meaning if it is a literal.
pub(crate) struct Given<T> {
    pub(crate) source: Expr,
    pub(crate) literal: Option<T>,
}

/// The options of an attribute. A key that was left out, or whose value is wrong, is `None`.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) max: Option<Given<u32>>,
    pub(crate) on: Option<Vec<ListItem>>,
    pub(crate) never: Option<Vec<ListItem>>,
    pub(crate) base: Option<Given<Duration>>,
    pub(crate) factor: Option<Given<f64>>,
    pub(crate) cap: Option<Given<Duration>>,
    pub(crate) jitter: Option<Given<Jitter>>,
    pub(crate) max_retry_after: Option<Given<Duration>>,
    pub(crate) hint: Option<Vec<Given<String>>>,
    pub(crate) deadline: Option<Given<Duration>>,
    pub(crate) timeout: Option<Given<Duration>>,
    pub(crate) idempotent: Option<Flag>,
    pub(crate) idempotency_key: Option<Flag>,
    /// The header of the keys, where `idempotency_key` names it.
    pub(crate) idempotency_header: Option<Given<String>>,
    pub(crate) reauth: Option<Expr>,
    pub(crate) retry_if: Option<Expr>,
    pub(crate) never_if: Option<Expr>,
    pub(crate) observer: Option<Expr>,
    pub(crate) upstream: Option<Expr>,
    pub(crate) policy: Option<Expr>,
    pub(crate) carry: Option<Vec<Ident>>,
    pub(crate) docs: Option<LitBool>,
    pub(crate) krate: Option<Path>,
    pub(crate) skip: Option<Ident>,
    pub(crate) transparent: Option<Ident>,
    /// The keys that were given, and their values as they were written: the key itself if it has
    /// none.
    pub(crate) given: Vec<(Key, TokenStream)>,
}

/// Reads the tokens of an attribute, and checks them by the rules across keys. All mistakes are
/// reported; what is right is returned.
pub(crate) fn parse(attribute: TokenStream, errors: &mut Errors) -> Options {
    let parser = |input: ParseStream<'_>| {
        let mut options = Options::default();
        while !input.is_empty() {
            if let Err(error) = entry(input, &mut options, errors) {
                errors.push(error);
                skip_to_comma(input);
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(options)
    };
    let options = parser.parse2(attribute).unwrap_or_else(|error| {
        errors.push(error);
        Options::default()
    });
    check::check(&options, errors);
    options
}

/// Returns what to write for `max(3)` and `max: 3`, where `input` is at what follows the key.
fn with_equals(key: Key, input: ParseStream<'_>) -> String {
    let ahead = input.fork();
    let count = match ahead.parse() {
        Ok(TokenTree::Group(group)) => syn::parse2::<LitInt>(group.stream()),
        _ => ahead.parse(),
    };
    match count {
        Ok(count) if key.takes() == Takes::Count => format!("{} = {count}", key.name()),
        _ => key.example().to_owned(),
    }
}

/// Reads one `key = value`.
fn entry(input: ParseStream<'_>, options: &mut Options, errors: &mut Errors) -> syn::Result<()> {
    if !input.peek(Ident::peek_any) {
        let names: Vec<_> = Key::ALL.iter().map(|key| key.name()).collect();
        return Err(input.error(format!("expected `key = value`, the keys are {}", list(&names))));
    }
    let word = input.call(Ident::parse_any)?;
    let mut name = word.to_string();
    // As in other languages: `idempotency-key`.
    while input.peek(Token![-]) && input.peek2(Ident::peek_any) {
        input.parse::<Token![-]>()?;
        name = format!("{name}-{}", input.call(Ident::parse_any)?);
    }
    let Some(key) = Key::from_name(&name) else {
        errors.at(&word, keys::unknown(&name, Key::ALL));
        skip_to_comma(input);
        return Ok(());
    };
    if options.at(key).is_some() {
        errors.at(&word, format!("`{name}` is given twice: remove one"));
        skip_to_comma(input);
        return Ok(());
    }
    options.given.push((key, word.to_token_stream()));
    let is_alone = input.is_empty() || input.peek(Token![,]);
    match key.takes() {
        Takes::Nothing if !is_alone => return Err(syn::Error::new(word.span(), text::wrong_kind(key))),
        Takes::Nothing => {
            options.set_word(key, word);
            return Ok(());
        }
        Takes::Flag | Takes::Header if is_alone => {
            options.set_flag(key, Flag { source: word.into_token_stream(), value: true });
            return Ok(());
        }
        _ => {}
    }
    if input.peek(Token![:]) || input.peek(token::Paren) {
        let message = format!("options are written `key = value`: write `{}`", with_equals(key, input));
        return Err(syn::Error::new(input.span(), message));
    }
    let needs_value = || format!("`{name}` needs a value: write `{}`", key.example());
    if !input.peek(Token![=]) {
        return Err(syn::Error::new(word.span(), needs_value()));
    }
    let equals: Token![=] = input.parse()?;
    if input.is_empty() || input.peek(Token![,]) {
        return Err(syn::Error::new(equals.span, needs_value()));
    }
    if key.takes() == Takes::Path {
        options.krate = Some(krate(input)?);
        return Ok(());
    }
    if key.takes() == Takes::Conditions && input.peek(token::Bracket) {
        let start = input.span();
        let Some((items, list)) = conditions::parse(key, input, errors) else {
            return Err(syn::Error::new(
                start,
                format!("`{name}` cannot be read: write `{}`", key.example()),
            ));
        };
        if items.iter().any(|item| item.known().is_none()) && mentions_self(list.clone()) {
            errors.at(&list, at_run_time(key));
        }
        options.set_value(key, list);
        options.set_conditions(key, items);
        return end(input, key);
    }
    let start = input.span();
    // The errors inside of a value say less than what to write.
    let Some(value) = value::parse(input) else {
        return Err(syn::Error::new(start, format!("`{name}` cannot be read: write `{}`", key.example())));
    };
    if let Some(unit) = input.fork().call(Ident::parse_any).ok().filter(|_| is_number(&value)) {
        let number = value.to_token_stream();
        if text::is_unit(&unit.to_string()) {
            let message =
                format!("a unit follows its number without a space: write `{name} = {number}{unit}`");
            return Err(syn::Error::new(unit.span(), message));
        }
        if let (true, Err(message)) =
            (key.takes().is_duration(), text::duration(key, &format!("{number}{unit}")))
        {
            return Err(syn::Error::new(unit.span(), message));
        }
    }
    end(input, key)?;
    options.set_value(key, value.to_token_stream());
    if !key.takes().is_run_time() && mentions_self(value.to_token_stream()) {
        errors.at(&value, at_run_time(key));
        return Ok(());
    }
    if key.takes() == Takes::Headers {
        options.hint = readers::headers(key, &value, errors);
        return Ok(());
    }
    if let Err(message) = options.set(key, &value) {
        errors.at(&value, message);
    }
    Ok(())
}

/// Returns the message for a value that is only known at run time.
fn at_run_time(key: Key) -> String {
    let name = key.name();
    format!(
        "`{name}` must be a constant: a value that is known only at run time must be in a policy, as in `policy = self.retry`"
    )
}

/// Reports what follows a value that is not a comma.
fn end(input: ParseStream<'_>, key: Key) -> syn::Result<()> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(());
    }
    let message = format!("expected `,` after the value of `{}`, as in `{}, ..`", key.name(), key.example());
    Err(syn::Error::new(input.span(), message))
}

fn krate(input: ParseStream<'_>) -> syn::Result<Path> {
    if input.peek(syn::LitStr) {
        let quoted: syn::LitStr = input.parse()?;
        let message = format!("a path is not quoted: write `crate = {}`", quoted.value());
        return Err(syn::Error::new(quoted.span(), message));
    }
    let start = input.span();
    input.call(Path::parse_mod_style).map_err(|_| {
        syn::Error::new(
            start,
            "`crate` is the path of this crate: write `crate = retry_http`, or the path of a reexport",
        )
    })
}

/// Skips the rest of an option with a mistake, so that the next one is read as usual.
fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        _ = input.parse::<TokenTree>();
    }
}

impl Options {
    /// Reads the value of a key: one reader for each.
    fn set(&mut self, key: Key, value: &Expr) -> Result<(), String> {
        match key {
            Key::Max => self.max = given(value, readers::max(value)?),
            Key::On | Key::Never => return Err(conditions::no_list(key, value)),
            Key::Base => self.base = given(value, readers::duration(key, value)?),
            Key::Factor => self.factor = given(value, readers::factor(value)?),
            Key::Cap => self.cap = given(value, readers::duration(key, value)?),
            Key::Jitter => self.jitter = given(value, readers::jitter(value)?),
            Key::MaxRetryAfter => self.max_retry_after = given(value, readers::duration(key, value)?),
            Key::Deadline => self.deadline = given(value, readers::duration(key, value)?),
            Key::Timeout => self.timeout = given(value, readers::duration(key, value)?),
            Key::Idempotent => self.idempotent = Some(readers::flag(key, value)?),
            Key::IdempotencyKey => {
                if let Ok(flag) = readers::flag(key, value) {
                    self.idempotency_key = Some(flag);
                } else {
                    let name = readers::header(key, value, rules::idempotency_header)?;
                    self.idempotency_header = given(value, name);
                    self.idempotency_key = Some(Flag { source: value.to_token_stream(), value: true });
                }
            }
            Key::Reauth => self.reauth = Some(readers::renewal(value)?),
            Key::RetryIf => self.retry_if = Some(readers::expression(key, value)?),
            Key::NeverIf => self.never_if = Some(readers::expression(key, value)?),
            Key::Observer => self.observer = Some(readers::expression(key, value)?),
            Key::Upstream => self.upstream = Some(readers::upstream(value)?),
            Key::Policy => self.policy = Some(readers::expression(key, value)?),
            Key::Carry => {
                let (names, mistake) = readers::names(value);
                self.carry = Some(names);
                return mistake;
            }
            Key::Docs => self.docs = Some(readers::switch(key, value)?),
            // These are read elsewhere, or have no value to read.
            Key::Hint | Key::Skip | Key::Transparent | Key::Crate => {}
        }
        Ok(())
    }

    /// Keeps the tokens of a value.
    fn set_value(&mut self, key: Key, value: TokenStream) {
        self.given.retain(|(given, _)| *given != key);
        self.given.push((key, value));
    }

    fn set_conditions(&mut self, key: Key, items: Vec<ListItem>) {
        match key {
            Key::On => self.on = Some(items),
            _ => self.never = Some(items),
        }
    }

    fn set_word(&mut self, key: Key, word: Ident) {
        match key {
            Key::Skip => self.skip = Some(word),
            _ => self.transparent = Some(word),
        }
    }

    fn set_flag(&mut self, key: Key, flag: Flag) {
        match key {
            Key::Idempotent => self.idempotent = Some(flag),
            _ => self.idempotency_key = Some(flag),
        }
    }

    /// Returns the value of a key as it was written.
    pub(crate) fn at(&self, key: Key) -> Option<&TokenStream> {
        self.given.iter().find(|(given, _)| *given == key).map(|(_, at)| at)
    }

    /// Returns the path of the facade, located at `span`.
    pub(crate) fn krate(&self, span: Span) -> Facade<'_> {
        Facade::new(self.krate.as_ref(), span)
    }
}

#[expect(clippy::unnecessary_wraps, reason = "every caller assigns an option")]
fn given<T>(source: &Expr, literal: Option<T>) -> Option<Given<T>> {
    Some(Given { source: source.clone(), literal })
}

/// Returns the options of an attribute as they were written, by key.
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
                } else if (key == "on" || key == "never") && input.peek(token::Bracket) {
                    input.parse::<TokenTree>()?.into()
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
