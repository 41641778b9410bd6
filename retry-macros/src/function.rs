//! What is annotated: the shape of a function, or why it cannot be retried.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::visit::Visit;
use syn::{
    Attribute, Block, Expr, ExprCall, FnArg, GenericArgument, Item, Pat, PatIdent, PathArguments, ReturnType,
    Signature, Stmt, Type, TypeParamBound, Visibility, braced, token,
};

use crate::arguments::{self, Owned};
use crate::cfg::{self, Predicate};
use crate::client;
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

/// Where the loop goes, and how the attempts are run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `async fn`: in the body, awaited.
    Async,
    /// `fn`: in the body, blocking.
    Sync,
    /// `fn` that returns a future, or `async fn` that awaits one: in the `async` block that the body ends in.
    Block,
    /// `fn` of which `#[tracing::instrument]` has put the body into a closure: in that, blocking.
    Closure,
    /// `fn` that returns a future of any other expression: in an `async` block of ours around the body, which
    /// awaits what the body yields.
    Wrapped {
        /// Whether the future is returned in a `Box`.
        boxed: bool,
    },
}

impl Shape {
    /// Whether attempts are awaited.
    pub(crate) fn is_async(self) -> bool {
        !matches!(self, Self::Sync | Self::Closure)
    }
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

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { attrs, vis, sig, brace, inner_attrs, body } = self;
        let mut block = TokenStream::new();
        brace.surround(&mut block, |tokens| tokens.extend(quote!(#(#inner_attrs)* #(#body)*)));
        tokens.extend(quote!(#(#attrs)* #vis #sig #block));
    }
}

impl Function {
    /// Checks that no other attribute of ours is on it.
    pub(crate) fn only_attribute(&self, errors: &mut Errors) -> Option<()> {
        if let Some(again) = self.attrs.iter().find(|attribute| client::is_ours(attribute)) {
            errors.at(again, "`#[retry_http]` is given twice, so retries would multiply: remove one");
            return None;
        }
        Some(())
    }

    /// Checks that it is async, returns a future, or may block.
    pub(crate) fn blocking_allowed(&self, errors: &mut Errors) -> Option<()> {
        let output = match &self.sig.output {
            ReturnType::Type(_, output) => Some(&**output),
            ReturnType::Default => None,
        };
        let is_future = output.is_some_and(|output| {
            future_output(output).is_some() || matches!(output, Type::ImplTrait(_) | Type::TraitObject(_))
        });
        if self.sig.asyncness.is_none() && !is_future && !cfg!(feature = "blocking") {
            errors.at(
                self.sig.fn_token,
                "a function that is not `async` needs the feature `blocking`: write \
                 `retry-http = { version = \"…\", features = [\"blocking\"] }` in Cargo.toml, or make it `async fn`",
            );
            return None;
        }
        Some(())
    }

    /// How to run it; `None`, with the reason reported, where it cannot be retried.
    pub(crate) fn shape(&self, errors: &mut Errors) -> Option<Shape> {
        self.only_attribute(errors)?;
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
        let future = future_output(output);
        if let Some(what) = not_a_result(future.unwrap_or(output)) {
            errors.at(future.unwrap_or(output), what);
            return None;
        }
        if self.sig.asyncness.is_some() {
            let instrumented = self.body.iter().any(is_instrumented);
            return Some(if instrumented { Shape::Block } else { Shape::Async });
        }
        if future.is_some() {
            let ends_in_block = matches!(self.body.last(), Some(Stmt::Expr(tail, None)) if has_block(tail))
                && !has_other_ends(&self.body);
            let boxed = !matches!(**output, Type::ImplTrait(_));
            return Some(if ends_in_block { Shape::Block } else { Shape::Wrapped { boxed } });
        }
        if let Type::ImplTrait(_) | Type::TraitObject(_) = **output {
            errors.at(
                output,
                "a function that returns a future must say of what: write `impl Future<Output = Result<..>>`",
            );
            return None;
        }
        self.blocking_allowed(errors)?;
        Some(if self.body.iter().any(is_called_closure) { Shape::Closure } else { Shape::Sync })
    }

    /// For [`Shape::Wrapped`], where the future is `+ 'a`: the parameters that are borrowed for less, and what
    /// they borrow. The body used them before the future was returned, and now does so in it.
    pub(crate) fn shorter_lived(&self) -> Vec<(Option<Predicate>, Ident, Type)> {
        let ReturnType::Type(_, output) = &self.sig.output else { return Vec::new() };
        let bounds: Vec<_> = match (lifetime_bound(output), captures(output)) {
            (None, Some(captures)) => captures,
            // A trait object without a bound is `'static`; what `impl Future` without one captures, the edition says.
            (None, None) if matches!(**output, Type::ImplTrait(_)) => return Vec::new(),
            (Some(bound), _) if bound.ident == "_" => return Vec::new(),
            (bound, _) => bound.into_iter().collect(),
        };
        self.plain_parameters()
            .filter_map(|(attrs, name, ty)| match ty {
                Type::Reference(reference)
                    if reference.mutability.is_none()
                        && reference.lifetime.as_ref().is_none_or(|lifetime| !bounds.contains(&lifetime)) =>
                {
                    Some((Predicate::of(attrs), name.ident.clone(), (*reference.elem).clone()))
                }
                _ => None,
            })
            .collect()
    }

    /// What an attempt returns; only after [`shape`](Self::shape) found one.
    pub(crate) fn result(&self) -> &Type {
        match &self.sig.output {
            ReturnType::Type(_, output) => future_output(output).unwrap_or(output),
            ReturnType::Default => unreachable!("a function without a return type has no shape"),
        }
    }

    /// The statements that are run again, with the names that are bound before them in the same block, for
    /// [`Shape::Block`].
    ///
    /// `#[async_trait]` and `#[tracing::instrument]`, where they expand first, leave blocks of a known form.
    pub(crate) fn block(&mut self) -> (&mut Vec<Stmt>, Vec<Owned>) {
        let mut params = self.owned_parameters();
        if let Some(at) = self.body.iter().position(is_called_closure) {
            return (expect_closure(&mut self.body[at]), params);
        }
        let mut owned = Vec::new();
        let last = self.body.len() - 1;
        let at = self.body.iter().position(is_instrumented).unwrap_or(last);
        let (before, rest) = self.body.split_at_mut(at);
        for parameter in &mut params {
            parameter.may_be_changed_by(before);
        }
        bindings(before, &params, &mut owned);
        match &mut rest[0] {
            Stmt::Expr(tail, _) => async_trait(expect_block(tail), params, owned),
            Stmt::Local(syn::Local { init: Some(init), .. }) => {
                let body = innermost(expect_block(&mut init.expr));
                owned.extend(params);
                (body, owned)
            }
            _ => unreachable!("the shape is a block only where there is one"),
        }
    }

    /// The parameters that are plain names, as they are bound.
    fn owned_parameters(&self) -> Vec<Owned> {
        self.plain_parameters()
            .map(|(attrs, name, ty)| Owned::new(name, Some(ty)).under(Predicate::of(attrs)))
            .collect()
    }

    /// Whether `#[async_trait]` has called `self` otherwise.
    pub(crate) fn has_renamed_self(&self) -> bool {
        struct Renamed(bool);

        impl<'ast> Visit<'ast> for Renamed {
            fn visit_pat_ident(&mut self, pattern: &'ast PatIdent) {
                self.0 |= pattern.ident == "__self";
            }
        }

        let mut renamed = Renamed(false);
        for stmt in &self.body {
            renamed.visit_stmt(stmt);
        }
        renamed.0
    }

    /// The parameters that are plain names, with their types.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&Ident, &Type)> {
        self.plain_parameters().map(|(_, name, ty)| (&name.ident, ty))
    }

    fn plain_parameters(&self) -> impl Iterator<Item = (&[Attribute], &PatIdent, &Type)> {
        self.sig.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => match &*typed.pat {
                Pat::Ident(name) => Some((&typed.attrs[..], name, &*typed.ty)),
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

/// Of a return type that is a future, by its name, what it resolves to.
fn future_output(output: &Type) -> Option<&Type> {
    match output {
        Type::Path(path) => {
            let last = path.path.segments.last()?;
            let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
            let inner = arguments.args.iter().rev().find_map(|argument| match argument {
                GenericArgument::Type(inner) => Some(inner),
                _ => None,
            })?;
            match last.ident.to_string().as_str() {
                "BoxFuture" | "LocalBoxFuture" => Some(inner),
                "Pin" | "Box" => future_output(inner),
                _ => None,
            }
        }
        Type::ImplTrait(item) => item.bounds.iter().find_map(output_of),
        Type::TraitObject(item) => item.bounds.iter().find_map(output_of),
        Type::Paren(paren) => future_output(&paren.elem),
        Type::Group(group) => future_output(&group.elem),
        _ => None,
    }
}

/// The lifetime that a future is bound to outlive.
fn lifetime_bound(output: &Type) -> Option<&syn::Lifetime> {
    let bounds = match output {
        Type::ImplTrait(item) => &item.bounds,
        Type::TraitObject(item) => &item.bounds,
        Type::Paren(paren) => return lifetime_bound(&paren.elem),
        Type::Path(path) => {
            let PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else {
                return None;
            };
            return arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Lifetime(lifetime) => Some(lifetime),
                GenericArgument::Type(inner) => lifetime_bound(inner),
                _ => None,
            });
        }
        _ => return None,
    };
    bounds.iter().find_map(|bound| match bound {
        TypeParamBound::Lifetime(lifetime) => Some(lifetime),
        _ => None,
    })
}

/// The lifetimes of `impl Future + use<'a, ..>`.
fn captures(output: &Type) -> Option<Vec<&syn::Lifetime>> {
    let Type::ImplTrait(output) = output else { return None };
    let captured = output.bounds.iter().find_map(|bound| match bound {
        TypeParamBound::PreciseCapture(captured) => Some(&captured.params),
        _ => None,
    })?;
    let lifetimes = captured.iter().filter_map(|captured| match captured {
        syn::CapturedParam::Lifetime(lifetime) => Some(lifetime),
        _ => None,
    });
    Some(lifetimes.collect())
}

/// The `R` of `Future<Output = R>`.
fn output_of(bound: &TypeParamBound) -> Option<&Type> {
    let TypeParamBound::Trait(bound) = bound else { return None };
    let last =
        bound.path.segments.last().filter(|last| last.ident == "Future" || last.ident == "IntoFuture")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(output) if output.ident == "Output" => Some(&output.ty),
        _ => None,
    })
}

/// What may stand around an `async` block without changing what it resolves to.
const AROUND: [&str; 8] = [
    "boxed",
    "boxed_local",
    "fuse",
    "in_current_span",
    "instrument",
    "or_current",
    "with_current_subscriber",
    "with_subscriber",
];

/// Whether `expr` ends in an `async` block, in nothing but what leaves its output as it is.
fn has_block(expr: &Expr) -> bool {
    match expr {
        Expr::Async(_) => true,
        Expr::Paren(paren) => has_block(&paren.expr),
        Expr::Group(group) => has_block(&group.expr),
        Expr::Cast(cast) => has_block(&cast.expr),
        Expr::MethodCall(call) => {
            AROUND.contains(&call.method.to_string().as_str()) && has_block(&call.receiver)
        }
        Expr::Call(call) => around(call) && has_block(&call.args[0]),
        _ => false,
    }
}

/// Whether a body returns another future than that of its last expression.
fn has_other_ends(body: &[Stmt]) -> bool {
    struct Returns(bool);

    impl<'ast> Visit<'ast> for Returns {
        fn visit_expr_return(&mut self, _: &'ast syn::ExprReturn) {
            self.0 = true;
        }

        fn visit_expr_async(&mut self, _: &'ast syn::ExprAsync) {}
        fn visit_expr_closure(&mut self, _: &'ast syn::ExprClosure) {}
        fn visit_item(&mut self, _: &'ast Item) {}
    }

    let mut returns = Returns(false);
    for stmt in body {
        returns.visit_stmt(stmt);
    }
    let ends = body.iter().filter(|stmt| matches!(stmt, Stmt::Expr(_, None)));
    returns.0 || ends.map(cfg::of_stmt).any(|predicate| predicate.is_some())
}

/// The block that [`has_block`] saw.
fn expect_block(expr: &mut Expr) -> &mut Block {
    match expr {
        Expr::Async(item) => &mut item.block,
        Expr::Paren(paren) => expect_block(&mut paren.expr),
        Expr::Group(group) => expect_block(&mut group.expr),
        Expr::Cast(cast) => expect_block(&mut cast.expr),
        Expr::MethodCall(call) => expect_block(&mut call.receiver),
        Expr::Call(call) => expect_block(&mut call.args[0]),
        _ => unreachable!("`has_block` saw a block"),
    }
}

/// `.boxed()`, `.instrument(span)` and their kin.
pub(crate) fn is_around(method: &Ident) -> bool {
    AROUND.contains(&method.to_string().as_str())
}

/// `Box::pin(..)`, `Instrument::instrument(.., span)` and their kin.
pub(crate) fn around(call: &ExprCall) -> bool {
    let Expr::Path(path) = &*call.func else { return false };
    let Some(last) = path.path.segments.last() else { return false };
    !call.args.is_empty() && (last.ident == "pin" || is_around(&last.ident))
}

/// What `#[tracing::instrument]` makes of the body of an `async fn`.
fn is_instrumented(stmt: &Stmt) -> bool {
    matches!(stmt, Stmt::Local(local) if is_named(&local.pat, "__tracing_instrument_future")
        && local.init.as_ref().is_some_and(|init| has_block(&init.expr)))
}

/// What `#[tracing::instrument(err)]` makes of the body of a `fn`: `match (move || { body })() { .. }`.
fn is_called_closure(stmt: &Stmt) -> bool {
    called(stmt).is_some_and(|call| match &*call.func {
        Expr::Paren(paren) => match &*paren.expr {
            Expr::Closure(closure) => closure.capture.is_some() && matches!(*closure.body, Expr::Block(_)),
            _ => false,
        },
        _ => false,
    }) && call_is_matched(stmt)
}

/// The call whose outcome a statement matches, or binds to `x`.
fn called(stmt: &Stmt) -> Option<&ExprCall> {
    let expr = match stmt {
        Stmt::Expr(Expr::Match(item), _) => &*item.expr,
        Stmt::Local(local) if is_named(&local.pat, "x") => &*local.init.as_ref()?.expr,
        _ => return None,
    };
    match expr {
        Expr::Call(call) if call.args.is_empty() => Some(call),
        _ => None,
    }
}

/// Whether the statement is written as `#[tracing::instrument]` writes it.
fn call_is_matched(stmt: &Stmt) -> bool {
    match stmt {
        Stmt::Expr(Expr::Match(item), _) => {
            !item.attrs.is_empty() || item.arms.iter().any(|arm| !arm.attrs.is_empty())
        }
        Stmt::Local(local) => !local.attrs.is_empty(),
        _ => false,
    }
}

fn expect_closure(stmt: &mut Stmt) -> &mut Vec<Stmt> {
    let expr = match stmt {
        Stmt::Expr(Expr::Match(item), _) => &mut *item.expr,
        Stmt::Local(syn::Local { init: Some(init), .. }) => &mut *init.expr,
        _ => unreachable!("it calls a closure"),
    };
    let Expr::Call(call) = expr else { unreachable!("it is a call") };
    let Expr::Paren(paren) = &mut *call.func else { unreachable!("of a closure") };
    let Expr::Closure(closure) = &mut *paren.expr else { unreachable!("of a closure") };
    let Expr::Block(body) = &mut *closure.body else { unreachable!("with a block") };
    &mut body.block.stmts
}

fn is_named(pattern: &Pat, name: &str) -> bool {
    match pattern {
        Pat::Ident(plain) => plain.ident == name,
        Pat::Type(typed) => is_named(&typed.pat, name),
        _ => false,
    }
}

/// With `err` or `ret`, `#[tracing::instrument]` puts the body into an inner block, which it awaits first.
fn innermost(block: &mut Block) -> &mut Vec<Stmt> {
    fn awaited(stmt: &mut Stmt) -> Option<&mut Vec<Stmt>> {
        let expr = match stmt {
            Stmt::Local(local) => &mut *local.init.as_mut()?.expr,
            Stmt::Expr(Expr::Match(item), _) => &mut *item.expr,
            _ => return None,
        };
        let Expr::Await(future) = expr else { return None };
        let Expr::Async(inner) = &mut *future.base else { return None };
        Some(&mut inner.block.stmts)
    }

    let inner = block.stmts.first_mut().is_some_and(|stmt| awaited(stmt).is_some());
    if !inner {
        return &mut block.stmts;
    }
    block.stmts.first_mut().and_then(awaited).unwrap_or_else(|| unreachable!("it was there just now"))
}

/// The body in a block that `#[async_trait]` made: that of `let __ret: R = { body };`.
fn async_trait(block: &mut Block, params: Vec<Owned>, mut owned: Vec<Owned>) -> (&mut Vec<Stmt>, Vec<Owned>) {
    let body = |stmt: &Stmt| {
        matches!(stmt, Stmt::Local(local) if is_named(&local.pat, "__ret")
            && local.init.as_ref().is_some_and(|init| matches!(*init.expr, Expr::Block(_))))
    };
    let Some(at) = block.stmts.iter().position(body) else {
        owned.extend(params);
        return (&mut block.stmts, owned);
    };
    let (before, rest) = block.stmts.split_at_mut(at);
    bindings(before, &params, &mut owned);
    match &mut rest[0] {
        Stmt::Local(syn::Local { init: Some(init), .. }) => match &mut *init.expr {
            Expr::Block(item) => (&mut item.block.stmts, owned),
            _ => unreachable!("it is a block"),
        },
        _ => unreachable!("it has a value"),
    }
}

/// The names that statements bind, with the types of the parameters they are taken from.
fn bindings(stmts: &[Stmt], params: &[Owned], owned: &mut Vec<Owned>) {
    for stmt in stmts {
        let Stmt::Local(local) = stmt else { continue };
        if is_named(&local.pat, "__self") {
            continue;
        }
        let ty =
            params.iter().find(|param| is_named(&local.pat, &param.name().to_string())).and_then(Owned::ty);
        arguments::names(&local.pat, ty, owned);
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
