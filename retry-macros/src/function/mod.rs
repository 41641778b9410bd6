//! The annotated item: the shape of a function, or the reason why it cannot be retried.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, TokenStreamExt};
use syn::parse::{Parse, ParseStream};
use syn::{
    Attribute, Block, FnArg, Item, Pat, PatType, ReturnType, Signature, Stmt, Type, Visibility, braced, token,
};

use crate::cfg::Predicate;
use crate::diagnostics::Errors;
use crate::function::bindings::{Owned, bind_again, hide_mut, of_parameters};
use crate::function::foreign::{
    async_trait, expect_block, expect_closure, has_block, has_other_ends, innermost, is_called_closure,
    is_instrumented, is_ours,
};
use crate::function::return_type::{captures, future_output, lifetime_bound, not_a_result};
use crate::walk::{self, Node, Parts};

pub(crate) mod bindings;
pub(crate) mod block;
pub(crate) mod foreign;
pub(crate) mod rename;
mod return_type;

/// A function whose body parsed.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) brace: token::Brace,
    pub(crate) inner_attrs: Vec<Attribute>,
    pub(crate) body: Vec<Stmt>,
}

/// A body in a block or closure of its function.
pub(crate) struct Enclosed<'f> {
    /// The statements of the function before it.
    pub(crate) before: &'f mut [Stmt],
    pub(crate) body: &'f mut Vec<Stmt>,
    /// The variables that it owns, but for a receiver that is still called `self`.
    pub(crate) owned: Vec<Owned>,
}

/// Where the loop goes, and how the attempts are run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `async fn`: in the body, awaited.
    Async,
    /// `fn`: in the body, blocking.
    Sync,
    /// `fn` that returns a future, or `async fn` that awaits one: in the `async` block that the
    /// body ends in.
    Block,
    /// `fn` of which `#[tracing::instrument]` has put the body into a closure: in that, blocking.
    Closure,
    /// `fn` that returns a future of any other expression: in an `async` block of ours around the
    /// body, which awaits what the body yields.
    Wrapped {
        /// `true` if the future is returned in a `Box`.
        boxed: bool,
    },
}

impl Shape {
    /// Returns `true` if attempts are awaited.
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

/// The function in `item`. `None` where there is none or it cannot be read; a mistake is only
/// reported where the compiler will not report one itself.
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
        format!("`#[retry_http]` retries functions, and {what} is not one: put it on an `async fn` or `fn`"),
    ))
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(self.to_tokens_with(&TokenStream::new()));
    }
}

impl Function {
    /// Returns the tokens of the function with more attributes, behind its own.
    pub(crate) fn to_tokens_with(&self, attributes: &TokenStream) -> TokenStream {
        let Self { attrs, vis, sig, brace, inner_attrs, body } = self;
        let mut tokens = TokenStream::new();
        tokens.append_all(attrs);
        attributes.to_tokens(&mut tokens);
        vis.to_tokens(&mut tokens);
        sig.to_tokens(&mut tokens);
        brace.surround(&mut tokens, |tokens| {
            tokens.append_all(inner_attrs);
            tokens.append_all(body);
        });
        tokens
    }

    /// Checks that no other attribute of ours is on it.
    pub(crate) fn only_attribute(&self, errors: &mut Errors) -> Option<()> {
        if let Some(again) = self.attrs.iter().find(|attribute| is_ours(attribute)) {
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
                "a function that is not `async` needs the feature `blocking`: run \
                 `cargo add retry-http --features blocking`, or make it `async fn`",
            );
            return None;
        }
        Some(())
    }

    /// Returns the shape. Reports the reason and returns `None` if the function cannot be retried.
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
                "this function does not return a `Result`, so there is no failure to retry: return a `Result`",
            );
            return None;
        };
        let future = future_output(output);
        if let Some(what) = not_a_result(future.unwrap_or(output), "function") {
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
                "a function that returns a future must name its output: write `impl Future<Output = Result<..>>`",
            );
            return None;
        }
        self.blocking_allowed(errors)?;
        Some(if self.body.iter().any(is_called_closure) { Shape::Closure } else { Shape::Sync })
    }

    /// For [`Shape::Wrapped`], where the future is `+ 'a`: the parameters that are borrowed for
    /// less, and what they borrow. The body used them before the future was returned, and now does
    /// so in it.
    pub(crate) fn shorter_lived(&self) -> Vec<(Option<Predicate>, Ident, Type)> {
        let ReturnType::Type(_, output) = &self.sig.output else { return Vec::new() };
        let bounds: Vec<_> = match (lifetime_bound(output), captures(output)) {
            (None, Some(captures)) => captures,
            // A trait object without a bound is `'static`; what `impl Future` without one captures,
            // the edition says.
            (None, None) if matches!(**output, Type::ImplTrait(_)) => return Vec::new(),
            (Some(bound), _) if bound.ident == "_" => return Vec::new(),
            (bound, _) => bound.into_iter().collect(),
        };
        let mut shorter_lived = Vec::new();
        for (typed, name) in self.plain_parameters() {
            let Type::Reference(reference) = &*typed.ty else { continue };
            let is_longer = reference.lifetime.as_ref().is_some_and(|lifetime| bounds.contains(&lifetime));
            if reference.mutability.is_none() && !is_longer {
                let referent = (*reference.elem).clone();
                shorter_lived.push((Predicate::of(&typed.attrs), name.clone(), referent));
            }
        }
        shorter_lived
    }

    /// Returns the type that an attempt returns. Call after [`shape`](Self::shape) found a shape.
    pub(crate) fn result(&self) -> &Type {
        match &self.sig.output {
            ReturnType::Type(_, output) => future_output(output).unwrap_or(output),
            ReturnType::Default => unreachable!("a function without a return type has no shape"),
        }
    }

    /// The statements that are run again, for [`Shape::Block`] and [`Shape::Closure`].
    ///
    /// `#[async_trait]` and `#[tracing::instrument]`, where they expand first, leave blocks of a
    /// known form.
    pub(crate) fn block(&mut self) -> Enclosed<'_> {
        let mut owned = of_parameters(&self.sig);
        if let Some(at) = self.body.iter().position(is_called_closure) {
            let (before, rest) = self.body.split_at_mut(at);
            return Enclosed { before, body: expect_closure(&mut rest[0]), owned };
        }
        let last = self.body.len() - 1;
        let at = self.body.iter().position(is_instrumented).unwrap_or(last);
        let (before, rest) = self.body.split_at_mut(at);
        hide_mut(&mut owned, before);
        bind_again(&mut owned, &self.sig, before);
        let body = match &mut rest[0] {
            Stmt::Expr(tail, _) => async_trait(expect_block(tail), &self.sig, &mut owned),
            Stmt::Local(syn::Local { init: Some(init), .. }) => innermost(expect_block(&mut init.expr)),
            _ => unreachable!("the shape is a block only where there is one"),
        };
        Enclosed { before, body, owned }
    }

    /// Returns `true` if `#[async_trait]` has renamed `self`.
    pub(crate) fn has_renamed_self(&mut self) -> bool {
        let mut is_renamed = false;
        walk::stmts(&mut self.body, &mut |node| {
            is_renamed |= matches!(node, Node::Pat(Pat::Ident(pattern)) if pattern.ident == "__self");
            Parts::Visit
        });
        is_renamed
    }

    /// The parameters that are plain names, with their types.
    pub(crate) fn parameters(&self) -> Vec<(Ident, Type)> {
        let mut parameters = Vec::new();
        for (typed, name) in self.plain_parameters() {
            parameters.push((name.clone(), (*typed.ty).clone()));
        }
        parameters
    }

    fn plain_parameters(&self) -> Vec<(&PatType, &Ident)> {
        let mut plain = Vec::new();
        for input in &self.sig.inputs {
            let FnArg::Typed(typed) = input else { continue };
            if let Pat::Ident(name) = &*typed.pat {
                plain.push((typed, &name.ident));
            }
        }
        plain
    }
}
