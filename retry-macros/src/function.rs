//! What is annotated: the shape of a function, or why it cannot be retried.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::{Parse, ParseStream};
use syn::{
    Attribute, Block, FnArg, Item, Pat, ReturnType, Signature, Stmt, Type, TypeParamBound, Visibility,
    braced, token,
};

use crate::errors::Errors;

/// A function whose body parsed.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) brace: token::Brace,
    pub(crate) inner_attrs: Vec<Attribute>,
    pub(crate) body: Vec<Stmt>,
}

/// How the attempts of a function are run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `async fn`: awaited.
    Async,
    /// `fn`: blocking.
    Sync,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let sig = input.parse()?;
        let content;
        let brace = braced!(content in input);
        let inner_attrs = content.call(Attribute::parse_inner)?;
        let body = content.call(Block::parse_within)?;
        Ok(Self { attrs, vis, sig, brace, inner_attrs, body })
    }
}

/// The function in `item`. `None` where there is none or it cannot be read; a mistake is only reported where
/// the compiler will not report one itself.
pub(crate) fn parse(item: TokenStream, errors: &mut Errors) -> Option<Function> {
    if let Ok(function) = syn::parse2(item.clone()) {
        return Some(function);
    }
    if let Some((tokens, message)) = misplaced(item) {
        errors.at(tokens, message);
    }
    None
}

/// Why an item that is not a function with a body is none.
fn misplaced(item: TokenStream) -> Option<(TokenStream, String)> {
    if let Ok(declaration) = syn::parse2::<syn::TraitItemFn>(item.clone()) {
        let message = "a declaration has no body to retry: put `#[retry_http]` on the methods of the `impl`";
        return declaration
            .default
            .is_none()
            .then(|| (declaration.sig.to_token_stream(), message.to_owned()));
    }
    let (tokens, what) = match syn::parse2(item).ok()? {
        Item::Struct(item) => (item.ident.to_token_stream(), "a struct"),
        Item::Enum(item) => (item.ident.to_token_stream(), "an enum"),
        Item::Union(item) => (item.ident.to_token_stream(), "a union"),
        Item::Trait(item) => (item.ident.to_token_stream(), "a trait"),
        Item::Impl(item) => (item.impl_token.to_token_stream(), "an impl block"),
        Item::Mod(item) => (item.mod_token.to_token_stream(), "a module"),
        Item::Const(item) => (item.const_token.to_token_stream(), "a constant"),
        Item::Static(item) => (item.static_token.to_token_stream(), "a static"),
        Item::Type(item) => (item.type_token.to_token_stream(), "a type alias"),
        Item::Use(item) => (item.use_token.to_token_stream(), "an import"),
        // A function that did not parse: the compiler says why.
        Item::Fn(_) => return None,
        other => (other.to_token_stream(), "this item"),
    };
    Some((
        tokens,
        format!("`#[retry_http]` retries functions, and {what} is none: put it on an `async fn` or `fn`"),
    ))
}

impl Function {
    /// How to run it; `None`, with the reason reported, where it cannot be retried.
    pub(crate) fn shape(&self, errors: &mut Errors) -> Option<Shape> {
        if let Some(constness) = &self.sig.constness {
            errors.at(
                constness,
                "a `const fn` cannot send a request or wait: remove `const`, or the attribute",
            );
            return None;
        }
        let ReturnType::Type(_, output) = &self.sig.output else {
            errors.at(
                &self.sig.ident,
                "this function returns no `Result`, so there is no failure to retry: return a `Result`",
            );
            return None;
        };
        if let Some(what) = not_a_result(output) {
            errors.at(output, what);
            return None;
        }
        if self.sig.asyncness.is_some() {
            return Some(Shape::Async);
        }
        if is_future(output) {
            errors.at(
                output,
                "a function that returns a future is not retried yet: write it as `async fn … -> Result<..>`",
            );
            return None;
        }
        if !cfg!(feature = "blocking") {
            errors.at(
                self.sig.fn_token,
                "a function that is not `async` needs the feature `blocking`: write \
                 `retry-http = { version = \"…\", features = [\"blocking\"] }` in Cargo.toml, or make it `async fn`",
            );
            return None;
        }
        Some(Shape::Sync)
    }

    /// The return type; only after [`shape`](Self::shape) found one.
    pub(crate) fn output(&self) -> &Type {
        match &self.sig.output {
            ReturnType::Type(_, output) => output,
            ReturnType::Default => unreachable!("a function without a return type has no shape"),
        }
    }

    /// The parameters that are plain names, with their types.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&syn::Ident, &Type)> {
        self.sig.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => match &*typed.pat {
                Pat::Ident(name) => Some((&name.ident, &*typed.ty)),
                _ => None,
            },
            FnArg::Receiver(_) => None,
        })
    }
}

/// Why a return type can be no `Result`, where its tokens alone say so. An alias is left to the compiler.
fn not_a_result(output: &Type) -> Option<String> {
    const NOT_RESULTS: [&str; 7] = ["Option", "String", "Vec", "bool", "u16", "u32", "u64"];
    let name = match output {
        Type::Path(path) => path.path.segments.last()?.ident.to_string(),
        Type::ImplTrait(_) if is_stream(output) => {
            return Some(
                "a stream cannot be retried, since its items are gone once they are yielded: annotate the function \
                 that sends the request for it"
                    .to_owned(),
            );
        }
        Type::Tuple(_)
        | Type::Array(_)
        | Type::Slice(_)
        | Type::Ptr(_)
        | Type::Never(_)
        | Type::Reference(_) => output.to_token_stream().to_string(),
        _ => return None,
    };
    let certain = !matches!(output, Type::Path(_)) || NOT_RESULTS.contains(&name.as_str());
    certain.then(|| {
        format!("this function returns no `Result` but `{name}`, so there is no failure to retry: return a `Result`")
    })
}

fn is_stream(output: &Type) -> bool {
    bounds(output).any(|name| name.ends_with("Stream"))
}

/// Whether a return type is a future, by its name.
fn is_future(output: &Type) -> bool {
    const FUTURES: [&str; 4] = ["Future", "BoxFuture", "LocalBoxFuture", "IntoFuture"];
    match output {
        Type::Path(path) => {
            let Some(last) = path.path.segments.last() else { return false };
            if FUTURES.contains(&last.ident.to_string().as_str()) {
                return true;
            }
            let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else { return false };
            (last.ident == "Pin" || last.ident == "Box")
                && arguments.args.iter().any(|argument| match argument {
                    syn::GenericArgument::Type(inner) => is_future(inner),
                    _ => false,
                })
        }
        Type::ImplTrait(_) | Type::TraitObject(_) => {
            bounds(output).any(|name| FUTURES.contains(&name.as_str()))
        }
        Type::Paren(paren) => is_future(&paren.elem),
        Type::Group(group) => is_future(&group.elem),
        _ => false,
    }
}

/// The names of the traits of `impl A + B` or `dyn A + B`.
fn bounds(output: &Type) -> impl Iterator<Item = String> {
    let bounds = match output {
        Type::ImplTrait(item) => Some(&item.bounds),
        Type::TraitObject(item) => Some(&item.bounds),
        _ => None,
    };
    bounds.into_iter().flatten().filter_map(|bound| match bound {
        TypeParamBound::Trait(bound) => Some(bound.path.segments.last()?.ident.to_string()),
        _ => None,
    })
}
