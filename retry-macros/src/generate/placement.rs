//! The rules about where an option may stand: on a function, on an `impl`, or in `policy!`.

use proc_macro2::Ident;
use syn::{ImplItem, ItemImpl};

use crate::body::sends::Sends;
use crate::diagnostics::Errors;
use crate::options::Options;

/// Reports what would be done to requests, where a function has none that it could be done to.
pub(crate) fn needs_send(options: &Options, function: &Ident, sends: Sends, errors: &mut Errors) {
    let why = match sends {
        Sends::OnlyGet => "which that of `reqwest::get` cannot have: send by a client".to_owned(),
        _ => format!("and `{function}` calls nothing that could send: send there, or remove it"),
    };
    if let Some(timeout) = &options.timeout {
        errors.at(&timeout.source, format!("`timeout` is a bound on each request, {why}"));
    }
    if let Some(key) = options.idempotency_key.as_ref().filter(|key| key.value) {
        errors.at(&key.source, format!("`idempotency_key` is a header of requests, {why}"));
    }
}

/// Reports what a transparent function cannot have: it has no policy of its own.
pub(crate) fn transparent(options: &Options, errors: &mut Errors) {
    for (key, at) in options.of_policy() {
        errors.at(
            at,
            format!(
                "a `transparent` function only shows its requests to the annotated function that calls it, and takes \
                 no other option but `idempotent`: give `{key}` to that function, or remove `transparent`"
            ),
        );
    }
}

/// Reports `transparent` on an `impl`.
pub(crate) fn no_transparent_impl(options: &Options, block: &ItemImpl, errors: &mut Errors) {
    if let Some(transparent) = &options.transparent {
        let methods = block.items.iter().any(|item| matches!(item, ImplItem::Fn(_)));
        let remedy = if methods { "put it on the methods that send" } else { "remove it" };
        errors.at(transparent, format!("`transparent` is for functions: {remedy}"));
    }
}

/// What makes no sense without a function.
pub(crate) fn only_policy(options: &Options, errors: &mut Errors) {
    if let Some(retry_if) = &options.retry_if {
        errors.at(retry_if, "`retry_if` looks at what a function returns: give it to `#[retry_http]`");
    }
    if let Some(reauth) = &options.reauth {
        errors.at(reauth, "`reauth` is run by a function: give it to `#[retry_http]`");
    }
    if let Some(observer) = &options.observer {
        errors.at(observer, "`observer` is told of the calls of a function: give it to `#[retry_http]`");
    }
    if let Some(upstream) = &options.upstream {
        errors.at(upstream, "`upstream` is what the calls of functions share: give it to `#[retry_http]`");
    }
    if let Some(name) = options.carry.iter().flatten().next() {
        errors.at(name, "`carry` is about the arguments of a function: give it to `#[retry_http]`");
    }
    if let Some(docs) = &options.docs {
        errors.at(docs, "`docs` is about the docs of a function: give it to `#[retry_http]`");
    }
    if let Some(skip) = &options.skip {
        errors.at(skip, "`skip` is for a method of an annotated `impl`");
    }
    if let Some(transparent) = &options.transparent {
        errors
            .at(transparent, "`transparent` is about the requests of a function: give it to `#[retry_http]`");
    }
}

/// `skip` where it skips nothing.
pub(crate) fn no_skip(options: &Options, errors: &mut Errors) {
    if let Some(skip) = &options.skip {
        errors.at(
            skip,
            "`skip` leaves a method of an annotated `impl` alone: without that, remove the attribute",
        );
    }
}
