//! The rules about where an option may stand: on a function, on an `impl`, in `policy!` or in
//! `retry!`.

use retry_policy::keys::{Key, Place};
use syn::{ImplItem, ItemImpl};

use crate::body::sends::Sends;
use crate::diagnostics::Errors;
use crate::options::Options;

/// Reports what would be done to requests, where a function has none that it could be done to.
pub(crate) fn needs_send(options: &Options, function: &str, sends: Sends, errors: &mut Errors) {
    let why = match sends {
        Sends::OnlyGet => {
            "but the request of `reqwest::get` cannot be changed: send it with a client".to_owned()
        }
        _ => format!("but {function} calls nothing that could send one: send there, or remove the option"),
    };
    if let Some(timeout) = &options.timeout {
        errors.at(&timeout.source, format!("`timeout` limits each request, {why}"));
    }
    if let Some(key) = options.idempotency_key.as_ref().filter(|key| key.value) {
        errors.at(&key.source, format!("`idempotency_key` adds a header to requests, {why}"));
    }
}

/// Reports what a transparent function cannot have: it has no policy of its own.
pub(crate) fn transparent(options: &Options, errors: &mut Errors) {
    for (key, at) in &options.given {
        if matches!(key, Key::Transparent | Key::Idempotent | Key::Crate) {
            continue;
        }
        errors.at(
            at,
            format!(
                "a `transparent` function only shows its requests to the annotated function that calls it, and takes \
                 no other option but `idempotent`: give `{}` to that function, or remove `transparent`",
                key.name()
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

/// Reports the options that `policy!` does not take.
pub(crate) fn only_policy(options: &Options, errors: &mut Errors) {
    for (key, at) in &options.given {
        if let Place::Attribute(message) = key.place() {
            errors.at(at, message);
        }
    }
}

/// `skip` where it skips nothing.
pub(crate) fn no_skip(options: &Options, errors: &mut Errors) {
    if let Some(skip) = &options.skip {
        errors.at(
            skip,
            "`skip` leaves a method of an annotated `impl` alone: write it there without other options, or remove the attribute",
        );
    }
}

/// Reports the options that `retry!` does not take, since they are about a function.
pub(crate) fn only_block(options: &Options, errors: &mut Errors) {
    for (key, at) in &options.given {
        let message = match key {
            Key::Carry => {
                "`carry` is for arguments, and `retry!` has none: an attempt finds the variables around the block as the \
                 last one left them"
            }
            Key::Docs => "`docs` is about the docs of a function, and `retry!` is not a function: remove it",
            Key::Skip => "`skip` is for a method of an annotated `impl`: write the block without `retry!`",
            Key::Transparent => {
                "`transparent` is for a function whose requests another function retries, and `retry!` retries its own: write the \
                 block without `retry!`"
            }
            _ => continue,
        };
        errors.at(at, message);
    }
}
