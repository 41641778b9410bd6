//! Options → the expression of a policy.
//!
//! Literals have been checked. A constant expression is bound to a constant, and each rule about it
//! is checked by itself with its span: so a broken one is reported where it is, beside all others,
//! also where the function is generic or unused.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, GenericParam, Generics};

use crate::options::conditions::ListItem;
use crate::options::{Flag, Given, Options};
use crate::paths::Facade;
use retry_policy::Jitter;
use retry_policy::keys::{Key, Place, Takes};

/// The tokens of a function's policy.
pub(crate) enum PolicyTokens {
    /// A builder to which only literals were given, or nothing. They have been checked.
    Literals(TokenStream),
    /// A constant expression.
    Constant(TokenStream),
    /// A reference to a constant.
    Reference(TokenStream),
    /// The bindings before the loop, and a reference to the policy that they bind.
    Bound { bindings: TokenStream, policy: TokenStream },
}

/// Returns the policy of a function with these options and `generics`. Where they are not known,
/// the policy may use any.
pub(crate) fn of_function(options: &Options, generics: Option<&Generics>) -> PolicyTokens {
    let krate = options.krate(Span::call_site());
    if options.policy.is_none() && !options.has_rules() {
        return PolicyTokens::Literals(quote!(#krate::Policy::builder()));
    }
    let mut built = Built::new(options, false);
    // An item costs compile time, and cannot use what is generic.
    if built.is_literal && options.policy.is_none() {
        return PolicyTokens::Literals(built.policy);
    }
    if generics.is_none_or(|generics| options.mentions(generics)) {
        built = Built::new(options, true);
    }
    if options.policy.as_ref().is_some_and(|policy| !is_constant(policy)) {
        let name = Ident::new("policy", Span::mixed_site());
        let (constants, policy) = (built.constants, built.policy);
        return PolicyTokens::Bound {
            bindings: quote!(#constants let #name = #policy.__fitted();),
            policy: quote!(&#name),
        };
    }
    if built.inline {
        return PolicyTokens::Constant(built.expression());
    }
    let (across, policy) = (built.checks_across(&quote!(&__POLICY)), built.policy);
    let constants = built.constants;
    let policy = quote!({
        #constants
        const __POLICY: #krate::Policy = #policy.__trusted();
        #across
        &__POLICY
    });
    PolicyTokens::Reference(policy)
}

/// A constant expression of type `Policy`.
pub(crate) fn expression(options: &Options) -> TokenStream {
    Built::new(options, true).expression()
}

/// The rule about the value of a key.
#[derive(Clone, Copy)]
enum Rule {
    /// The function of `rules` that has the name of the key.
    OfKey,
    None,
}

/// A policy as it is built.
struct Built<'o> {
    options: &'o Options,
    krate: Facade<'o>,
    /// `true` if constants are bound inline, since items cannot use generic parameters.
    inline: bool,
    /// `true` if all that was given is a literal.
    is_literal: bool,
    /// The constants, each with its checks.
    constants: TokenStream,
    /// The builder, with all that was given.
    policy: TokenStream,
}

impl<'o> Built<'o> {
    fn new(options: &'o Options, inline: bool) -> Self {
        let krate = options.krate(Span::call_site());
        let policy = options.policy.as_ref().map_or_else(
            || quote!(#krate::Policy::builder()),
            |policy| {
                // If this is no policy, the compiler underlines it. The parentheses are not the
                // user's.
                let ours = Span::mixed_site().located_at(policy.span());
                quote_spanned!(ours=> (#policy).to_builder())
            },
        );
        let constants = TokenStream::new();
        let mut built = Self { options, krate, inline, is_literal: true, constants, policy };
        let duration = || quote!(::core::time::Duration);
        built.set(
            "max",
            options.max.as_ref(),
            &|| quote!(::core::primitive::u32),
            Rule::OfKey,
            |max| quote!(#max),
        );
        built.list("on", options.on.as_deref());
        built.list("never", options.never.as_deref());
        built.set("base", options.base.as_ref(), &duration, Rule::OfKey, |base| duration_tokens(*base));
        built.set(
            "factor",
            options.factor.as_ref(),
            &|| quote!(::core::primitive::f64),
            Rule::OfKey,
            |factor| quote!(#factor),
        );
        built.set("cap", options.cap.as_ref(), &duration, Rule::OfKey, |cap| duration_tokens(*cap));
        built.set("jitter", options.jitter.as_ref(), &|| quote!(#krate::Jitter), Rule::OfKey, |jitter| {
            jitter_tokens(*jitter, krate)
        });
        // Any limit will do.
        built.set("max_retry_after", options.max_retry_after.as_ref(), &duration, Rule::None, |limit| {
            duration_tokens(*limit)
        });
        built.headers(options.hint.as_deref());
        let bounds = [("deadline", &options.deadline), ("timeout", &options.timeout)];
        for (key, bound) in bounds {
            built.set(key, bound.as_ref(), &duration, Rule::OfKey, |bound| duration_tokens(*bound));
        }
        built.flag("idempotent", options.idempotent.as_ref());
        match &options.idempotency_header {
            None => built.flag("idempotency_key", options.idempotency_key.as_ref()),
            header => {
                let text = || quote!(&::core::primitive::str);
                built.set("idempotency_header", header.as_ref(), &text, Rule::OfKey, |name| quote!(#name));
            }
        }
        built
    }

    /// `.key(true)`.
    fn flag(&mut self, key: &str, flag: Option<&Flag>) {
        if let Some(Flag { value, .. }) = flag {
            let method = Ident::new(key, Span::call_site());
            self.policy.extend(quote!(.#method(#value)));
        }
    }

    /// `.key(value)`.
    fn set<T>(
        &mut self,
        key: &str,
        given: Option<&Given<T>>,
        ty: &dyn Fn() -> TokenStream,
        rule: Rule,
        literal: impl FnOnce(&T) -> TokenStream,
    ) {
        if let Some(given) = given {
            self.set_value(key, &given.source, given.literal.as_ref().map(literal), ty, rule);
        }
    }

    /// `.key(value)`, where the value is a literal, or a constant expression.
    fn set_value(
        &mut self,
        key: &str,
        source: &Expr,
        literal: Option<TokenStream>,
        ty: &dyn Fn() -> TokenStream,
        rule: Rule,
    ) {
        let method = Ident::new(key, Span::call_site());
        let value = literal.unwrap_or_else(|| {
            let check = |name: &Ident, rules: &TokenStream| match rule {
                Rule::OfKey => quote!(#rules::#method(#name)),
                Rule::None => TokenStream::new(),
            };
            self.constant(&key.to_uppercase(), source, &quote!(#source), ty, &check)
        });
        self.policy.extend(quote!(.#method(#value)));
    }

    /// A constant expression, bound and checked; what to write in its place.
    fn constant(
        &mut self,
        name: &str,
        source: &Expr,
        value: &TokenStream,
        ty: &dyn Fn() -> TokenStream,
        rules: &dyn Fn(&Ident, &TokenStream) -> TokenStream,
    ) -> TokenStream {
        self.is_literal = false;
        let span = source.span();
        let (private, ty) = (self.options.krate(span).private(), ty());
        let name = if self.inline {
            Ident::new("value", Span::mixed_site())
        } else {
            format_ident!("__{name}", span = Span::call_site())
        };
        let broken = rules(&name, &quote_spanned!(span=> #private::rules));
        let check = (!broken.is_empty()).then(|| quote_spanned!(span=> #private::rules::uphold(#broken)));
        let check = check.into_iter();
        if self.inline {
            return quote_spanned!(span=> const { let #name: #ty = #value; #(#check;)* #name });
        }
        self.constants.extend(quote_spanned! {span=>
            const #name: #ty = #value;
            #(const _: () = #check;)*
        });
        name.into_token_stream()
    }

    /// `.__key([items])`. Most lists are of statuses only, which need no paths:
    /// `.__key_statuses([429u16, 503u16])`.
    fn list(&mut self, key: &str, items: Option<&[ListItem]>) {
        let Some(items) = items else { return };
        let statuses: Option<Vec<u16>> = items.iter().map(ListItem::status).collect();
        if let Some(statuses) = statuses.filter(|statuses| !statuses.is_empty()) {
            let method = format_ident!("__{key}_statuses", span = Span::call_site());
            self.policy.extend(quote!(.#method([#(#statuses),*])));
            return;
        }
        let krate = self.krate;
        let mut listed: Vec<TokenStream> = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let Some(status) = item.constant_status() else {
                listed.push(item.tokens(krate));
                continue;
            };
            let name = format!("{}_{at}", key.to_uppercase());
            // What is listed before it, and the literals behind it.
            let (mut others, unlisted) = if self.inline { (Vec::new(), 0) } else { (listed.clone(), at + 1) };
            for (other, item) in items.iter().enumerate().skip(unlisted) {
                if other != at && item.known().is_some() {
                    others.push(item.tokens(krate));
                }
            }
            let once = |name: &Ident, rules: &TokenStream| {
                let (span, condition) = (item.source.span(), item.of_status(krate, name));
                quote_spanned!(span=> #rules::listed(#condition, &[#(#others),*]))
            };
            let value = self.constant(
                &name,
                &item.source.expression,
                &status,
                &|| quote!(::core::primitive::u16),
                &once,
            );
            listed.push(item.of_status(krate, &value));
        }
        let method = format_ident!("__{key}", span = Span::call_site());
        self.policy.extend(quote!(.#method([#(#listed),*])));
    }

    /// `.hint(&[names])`, in lower case where the names are known.
    fn headers(&mut self, names: Option<&[Given<String>]>) {
        let Some(names) = names else { return };
        let text = || quote!(&::core::primitive::str);
        let written: Vec<_> = names
            .iter()
            .map(|name| match &name.literal {
                Some(literal) => literal.to_ascii_lowercase().into_token_stream(),
                None => name.source.to_token_stream(),
            })
            .collect();
        let mut listed = Vec::new();
        for (at, name) in names.iter().enumerate() {
            if name.literal.is_some() {
                listed.push(written[at].clone());
                continue;
            }
            // What is listed before it, and the literals behind it.
            let others = (0..names.len())
                .filter(|other| *other < at || (*other > at && names[*other].literal.is_some()));
            let others: Vec<_> = others.map(|other| &written[other]).collect();
            let once = |bound: &Ident, rules: &TokenStream| quote_spanned!(name.source.span()=> #rules::hint_name(#bound, &[#(#others),*]));
            listed.push(self.constant(&format!("HINT_{at}"), &name.source, &written[at], &text, &once));
        }
        self.policy.extend(quote!(.hint(&[#(#listed),*])));
    }

    /// The rules across keys, over a policy that holds them.
    fn checks_across(&self, policy: &TokenStream) -> TokenStream {
        let options = self.options;
        let mut checks = TokenStream::new();
        let mut check = |span: Span, rule: &dyn Fn(&TokenStream) -> TokenStream| {
            let private = options.krate(span).private();
            let rule = rule(&quote_spanned!(span=> #private::rules));
            checks.extend(if self.inline {
                quote_spanned!(span=> #private::rules::uphold(#rule);)
            } else {
                quote_spanned!(span=> const _: () = #private::rules::uphold(#rule);)
            });
        };
        let inherits = options.policy.is_some();
        // Two literals have been compared, and what is given nowhere keeps every rule.
        let disagree = |one: &Option<Given<Duration>>, other: &Option<Given<Duration>>| {
            let unknown = |given: &&Given<Duration>| inherits || given.literal.is_none();
            one.iter().chain(other).find(unknown).map(|given| given.source.span())
        };
        if let Some(span) = disagree(&options.base, &options.cap) {
            check(
                span,
                &|rules| quote_spanned!(span=> #rules::base_and_cap((#policy).backoff().base(), (#policy).backoff().cap())),
            );
        }
        if inherits || options.deadline.is_some() {
            if let Some(span) = disagree(&options.deadline, &options.base) {
                check(
                    span,
                    &|rules| quote_spanned!(span=> #rules::base_and_deadline((#policy).backoff().base(), (#policy).deadline())),
                );
            }
            if let Some(span) = disagree(&options.timeout, &options.deadline) {
                check(
                    span,
                    &|rules| quote_spanned!(span=> #rules::timeout_and_deadline((#policy).timeout(), (#policy).deadline())),
                );
            }
            if let Some(span) = disagree(&options.max_retry_after, &options.deadline) {
                check(
                    span,
                    &|rules| quote_spanned!(span=> #rules::max_retry_after_and_deadline((#policy).__max_retry_after(), (#policy).deadline())),
                );
            }
        }
        let flags = options.idempotent.as_ref().or(options.idempotency_key.as_ref()).filter(|_| inherits);
        if let Some(flag) = flags {
            let span = flag.source.span();
            check(
                span,
                &|rules| quote_spanned!(span=> #rules::idempotency_key((#policy).idempotency_header(), (#policy).idempotent())),
            );
        }
        let never = options.never.iter().flatten().any(|item| item.known().is_none())
            || (options.policy.is_some() && options.never.is_none());
        for (at, item) in options.on.iter().flatten().enumerate() {
            if !never && item.known().is_some() {
                continue;
            }
            let (span, krate) = (item.source.span(), self.krate);
            let listed = match item.constant_status() {
                Some(_) if !self.inline => {
                    let name = format_ident!("__ON_{at}");
                    item.of_status(krate, &name)
                }
                Some(status) => item.of_status(krate, &status),
                None => item.tokens(krate),
            };
            check(span, &|rules| quote_spanned!(span=> #rules::not_never(#listed, (#policy).never())));
        }
        if let Some(reauth) = options.reauth.as_ref().filter(|_| never) {
            let span = reauth.span();
            check(span, &|rules| quote_spanned!(span=> #rules::reauth((#policy).never())));
        }
        checks
    }

    /// A constant expression of type `Policy`.
    fn expression(&mut self) -> TokenStream {
        let name = Ident::new("policy", Span::mixed_site());
        let (across, policy) = (self.checks_across(&quote!(&#name)), &self.policy);
        if across.is_empty() {
            return quote!(#policy.__trusted());
        }
        if self.options.policy.as_ref().is_some_and(|policy| !is_constant(policy)) {
            return quote!(#policy.__fitted());
        }
        // Also where it is the value of a variable, a broken rule is an error of the compiler.
        quote!(const { let #name = #policy.__trusted(); #across #name })
    }
}

impl Options {
    /// Returns `true` if an option of a policy was given.
    fn has_rules(&self) -> bool {
        self.given.iter().any(|(key, _)| key.place() == Place::Policy)
    }

    /// Returns `true` if a value of the policy mentions `Self` or a parameter of `generics`.
    fn mentions(&self, generics: &Generics) -> bool {
        let is_value =
            |key: Key| key == Key::Policy || (key.place() == Place::Policy && key.takes() != Takes::Flag);
        self.given.iter().any(|(key, value)| is_value(*key) && mentions(value.clone(), generics))
    }
}

/// Returns `true` if an expression is a constant or a static, by its name, or a `policy!`.
pub(super) fn is_constant(policy: &Expr) -> bool {
    match policy {
        Expr::Path(path) => path
            .path
            .segments
            .last()
            .is_some_and(|last| !last.ident.to_string().contains(|c: char| c.is_ascii_lowercase())),
        Expr::Reference(reference) => is_constant(&reference.expr),
        Expr::Macro(item) => item.mac.path.segments.last().is_some_and(|last| last.ident == "policy"),
        Expr::Paren(paren) => is_constant(&paren.expr),
        Expr::Group(group) => is_constant(&group.expr),
        _ => false,
    }
}

/// Returns `true` if tokens mention `Self` or a parameter of `generics`.
fn mentions(tokens: TokenStream, generics: &Generics) -> bool {
    let is_parameter = |name: &Ident| {
        generics.params.iter().any(|parameter| match parameter {
            GenericParam::Type(parameter) => parameter.ident == *name,
            GenericParam::Const(parameter) => parameter.ident == *name,
            GenericParam::Lifetime(_) => false,
        })
    };
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(name) => name == "Self" || is_parameter(&name),
        TokenTree::Group(group) => mentions(group.stream(), generics),
        _ => false,
    })
}

/// Returns a duration in generated code.
fn duration_tokens(duration: Duration) -> TokenStream {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    quote!(::core::time::Duration::new(#seconds, #nanos))
}

/// Returns a jitter in generated code.
fn jitter_tokens(jitter: Jitter, krate: Facade<'_>) -> TokenStream {
    match jitter {
        Jitter::Fraction(fraction) => quote!(#krate::Jitter::Fraction(#fraction)),
        word => {
            let variant = format_ident!("{word:?}");
            quote!(#krate::Jitter::#variant)
        }
    }
}
