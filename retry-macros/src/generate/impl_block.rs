//! The `impl` form, and other attributes that must expand first.
//!
//! Both are rewritten in terms of the attribute on a function: it is put on each method, or behind
//! the other attribute, and expanded there.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Attribute, ImplItem, ImplItemFn, ItemImpl, Meta, Stmt, parse_quote};

use crate::body::sends;
use crate::body::siblings::Siblings;
use crate::diagnostics::Errors;
use crate::function::foreign::is_ours;
use crate::function::{Function, Shape};
use crate::options::{Options, entries};
use crate::tokens::{is_among, mentions_self};

/// An `impl` block, if that is what is annotated.
pub(crate) fn parse(item: &TokenStream) -> Option<ItemImpl> {
    // Parsing as anything else than what it is costs more than looking for the keyword, which
    // follows attributes, `default` and `unsafe`.
    let is_before = |token: &TokenTree| match token {
        TokenTree::Ident(word) => is_among(word, &["default", "unsafe"]),
        _ => true,
    };
    let first = item.clone().into_iter().find(|token| !is_before(token));
    let is_impl = matches!(first, Some(TokenTree::Ident(word)) if word == "impl");
    is_impl.then(|| syn::parse2(item.clone()).ok()).flatten()
}

// Input:
//     #[retry_http(max = 5)]
//     impl Api {
//         async fn user(&self) -> .. { sends }
//         #[retry_http(max = 1)]
//         async fn login(&self) -> .. { sends }
//         #[retry_http(skip)]
//         async fn ping(&self) -> .. { sends }
//         fn url(&self) -> String { .. }
//     }
//
// Output:
//     impl Api {
//         #[retry_http(max = 5)]
//         async fn user(&self) -> .. { sends }
//         #[retry_http(max = 1)]
//         async fn login(&self) -> .. { sends }
//         async fn ping(&self) -> .. { sends }
//         fn url(&self) -> String { .. }
//     }
pub(crate) fn expand(
    attribute: &TokenStream,
    options: &Options,
    mut block: ItemImpl,
    errors: &mut Errors,
) -> Option<TokenStream> {
    if let Some(skip) = &options.skip {
        errors.at(skip, "`skip` leaves a method of an annotated `impl` alone: put it on that method");
        return None;
    }
    let shared = entries(attribute);
    let transparent = transparent_methods(&block);
    let mut any = false;
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        let at = method.attrs.iter().position(is_ours);
        let own = at.map(|at| method.attrs.remove(at));
        let own = own.as_ref().map(|own| match &own.meta {
            Meta::List(list) => entries(&list.tokens),
            _ => Vec::new(),
        });
        // With anything beside it, or a value, it is a mistake, which is reported at the method.
        if own.as_ref().is_some_and(|own| matches!(&own[..], [(_, skip)] if syn::parse2::<Ident>(skip.clone()).is_ok_and(|word| word == "skip"))) {
            any = true;
            continue;
        }
        if own.as_ref().is_some_and(|own| is_transparent(own)) {
            // It has no policy, but it is of the same crate.
            let krate = options.krate(Span::call_site());
            let mut tokens = Vec::new();
            let mut names_crate = false;
            for (key, option) in own.iter().flatten() {
                names_crate |= key == "crate";
                tokens.push(option);
            }
            for (key, option) in &shared {
                if key == "crate" && !names_crate {
                    tokens.push(option);
                }
            }
            method.attrs.push(parse_quote!(#[#krate::retry_http(#(#tokens),*)]));
            any = true;
            continue;
        }
        let siblings = Siblings { names: &transparent, ty: &block.self_ty };
        if own.is_none() && !sends(method, &siblings) {
            continue;
        }
        any = true;
        let own = own.unwrap_or_default();
        let lacks_self = |(key, tokens): &&(String, TokenStream)| {
            method.sig.receiver().is_none()
                && !own.iter().any(|(own, _)| own == key)
                && mentions_self(tokens.clone())
        };
        if let Some((key, _)) = shared.iter().find(lacks_self) {
            errors.at(
                &method.sig.ident,
                format!(
                    "`{key}` uses `self`, which this function does not have: give it a `{key}` of its own, or \
                     `#[retry_http(skip)]`"
                ),
            );
        }
        let mut merged = Vec::new();
        for (key, option) in &shared {
            if !own.iter().any(|(overridden, _)| overridden == key) {
                merged.push(option);
            }
        }
        for (_, option) in &own {
            merged.push(option);
        }
        let krate = options.krate(Span::call_site());
        let attribute: Attribute = parse_quote!(#[#krate::retry_http(#(#merged),*)]);
        // Behind the others, which are then expanded first.
        method.attrs.push(attribute);
    }
    if !any {
        for item in &block.items {
            let ImplItem::Fn(method) = item else { continue };
            any |= reports_shape(method, errors);
        }
        if any {
            return None;
        }
        errors.at(
            &block.self_ty,
            "no method of this `impl` sends a request that is visible in its body, or calls one that is `transparent`: \
             annotate the methods that do, or send there (`.send().await`, `.execute(..).await`)",
        );
        return None;
    }
    Some(block.into_token_stream())
}

/// Reports why a method that has a visible send cannot be retried. Returns `true` if there is a
/// reason, such as a return type that is no `Result`.
fn reports_shape(method: &ImplItemFn, errors: &mut Errors) -> bool {
    let Ok(function) = syn::parse2::<Function>(method.to_token_stream()) else { return false };
    sends::any(&function.body) && function.shape(errors).is_none()
}

/// Returns `true` if a method has a visible send or calls a transparent method, and returns a value
/// that can be retried.
fn sends(method: &ImplItemFn, transparent: &Siblings<'_>) -> bool {
    let Ok(mut function) = syn::parse2::<Function>(method.to_token_stream()) else { return false };
    let parameters = function.sig.asyncness.map(|_| function.parameters());
    let sends = |body: &[Stmt]| sends::any(body) || transparent.are_called(body, parameters.as_deref());
    match function.shape(&mut Errors::default()) {
        Some(Shape::Block | Shape::Closure) => sends(function.block().body),
        Some(_) => sends(&function.body),
        // One that blocks is reported where that is not allowed.
        None => {
            function.sig.asyncness.is_none()
                && function.only_attribute(&mut Errors::default()).is_some()
                && function.blocking_allowed(&mut Errors::default()).is_none()
                && sends(&function.body)
        }
    }
}

/// The names of the methods that are transparent.
fn transparent_methods(block: &ItemImpl) -> Vec<Ident> {
    let is_marked = |attribute: &Attribute| match &attribute.meta {
        Meta::List(list) => is_ours(attribute) && is_transparent(&entries(&list.tokens)),
        _ => false,
    };
    let mut names = Vec::new();
    for item in &block.items {
        let ImplItem::Fn(method) = item else { continue };
        if method.attrs.iter().any(is_marked) {
            names.push(method.sig.ident.clone());
        }
    }
    names
}

fn is_transparent(own: &[(String, TokenStream)]) -> bool {
    own.iter().any(|(key, _)| key == "transparent")
}

// Input:
//     #[retry_http(max = 5)]
//     #[maybe_async]
//     async fn user() -> .. { .. }
//
// Output:
//     #[maybe_async]
//     #[retry_http(max = 5)]
//     async fn user() -> .. { .. }
//
// `#[maybe_async]` strips `async` and `.await`, of the loop as well if that is there already.
pub(crate) fn behind_maybe_async(
    attribute: &TokenStream,
    options: &Options,
    function: &Function,
) -> Option<TokenStream> {
    const STRIPPING: [&str; 3] = ["maybe_async", "must_be_sync", "must_be_async"];
    let strips = |attribute: &Attribute| {
        attribute.path().segments.last().is_some_and(|last| is_among(&last.ident, &STRIPPING))
    };
    if !function.attrs.iter().any(strips) {
        return None;
    }
    let krate = options.krate(Span::call_site());
    let Function { attrs, vis, sig, brace, inner_attrs, body } = function;
    let mut block = TokenStream::new();
    brace.surround(&mut block, |tokens| tokens.extend(quote!(#(#inner_attrs)* #(#body)*)));
    Some(quote!(#(#attrs)* #[#krate::retry_http(#attribute)] #vis #sig #block))
}
