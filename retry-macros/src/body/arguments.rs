//! Plans the arguments of each attempt, by the use that the body makes of them.
//!
//! A body that is run again finds what it consumed gone. So an argument that it only borrows is
//! left alone; of one that it may consume each attempt gets a clone where its type is `Clone`, and
//! else a reference; of one that it certainly consumes a clone, or the mistake is reported at that
//! use. What is only known to convert into something, or to iterate, is converted once, before the
//! first attempt.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, GenericArgument, Generics, PathArguments, Stmt, Token, Type, TypePath};

pub(crate) mod captures;
mod kind;
mod strip;

use crate::body::arguments::kind::{ADD_CLONE, Kind, is_pointer};
use crate::body::moves::{self, Use, Uses, Variable};
use crate::cfg::Predicate;
use crate::diagnostics::Errors;
use crate::function::Shape;
use crate::function::bindings::Owned;
use crate::options::Options;
use crate::paths::Private;
use crate::tokens::{has_lifetime, mentions};

/// The statements that provide each attempt with its arguments.
#[derive(Default)]
pub(crate) struct Arguments {
    /// Before the first attempt.
    pub(crate) once: TokenStream,
    /// Before each attempt, outside of what may be sent to another thread.
    pub(crate) each: TokenStream,
    /// At the start of each attempt.
    pub(crate) inside: TokenStream,
    /// The arguments of which each attempt gets a clone, for the docs.
    pub(crate) cloned: Vec<String>,
    /// The arguments that end the call with the first outcome if they cannot be cloned, for the
    /// docs.
    pub(crate) given_once: Vec<String>,
    /// The arguments that attempts change, and not the function itself any more.
    changed: Vec<Ident>,
}

/// The surroundings of a body, by which its arguments are planned.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) generics: &'a Generics,
    pub(crate) shape: Shape,
    /// The values of options that are evaluated beside the body, and may mention arguments.
    pub(crate) beside: &'a TokenStream,
    pub(crate) options: &'a Options,
}

impl<'a> Surroundings<'a> {
    fn private(self, span: Span) -> Private<'a> {
        self.options.krate(span).private()
    }
}

/// Decides what each attempt is given of `owned`, by what `body` does with it.
pub(crate) fn plan(
    owned: &[Owned],
    body: &mut [Stmt],
    surroundings: Surroundings<'_>,
    errors: &mut Errors,
) -> Arguments {
    let Surroundings { generics, options, .. } = surroundings;
    let carry = options.carry.as_deref().unwrap_or_default();
    let kinds: Vec<_> = owned.iter().map(|owned| Kind::of(owned, generics)).collect();
    check_carry(owned, &kinds, carry, errors);
    let is_kept = |(owned, kind): (&Owned, &Kind)| {
        owned.mutability.is_none() && owned.pattern.is_none() && matches!(kind, Kind::Copy)
    };
    if owned.iter().zip(&kinds).all(is_kept) {
        return Arguments::default();
    }
    let mut variables = Vec::new();
    for (owned, kind) in owned.iter().zip(&kinds) {
        variables.push(Variable {
            name: owned.name.clone(),
            is_converted: matches!(kind, Kind::Into(_) | Kind::IntoBody(_)),
            clones_fields: matches!(kind, Kind::Other | Kind::Unknown)
                && owned.mutability.is_none()
                && !owned.ty.as_ref().is_some_and(is_pointer),
        });
    }
    let found = moves::of(variables, surroundings.private(Span::call_site()), body);
    let mut arguments = Arguments::default();
    for ((owned, kind), found) in owned.iter().zip(&kinds).zip(found) {
        for (predicate, used) in uses_of(owned, kind, &found) {
            let predicate = both(owned.predicate.as_ref(), predicate.as_ref());
            let mut argument = Argument { owned, surroundings, predicate, arguments: &mut arguments };
            argument.plan(kind, used, found.clones_fields, errors);
        }
        if matches!(kind, Kind::Other | Kind::Unknown) {
            for (predicate, field) in &found.sent {
                let predicate = both(owned.predicate.as_ref(), predicate.as_ref());
                Argument { owned, surroundings, predicate, arguments: &mut arguments }.check_sent(field);
            }
        }
    }
    arguments
}

/// Returns the predicate of what stands under both.
fn both(one: Option<&Predicate>, other: Option<&Predicate>) -> Option<Predicate> {
    let mut all = Vec::from_iter(one.cloned());
    all.extend(other.cloned());
    Predicate::all(all)
}

/// Returns what is done with an argument in each compilation.
fn uses_of(owned: &Owned, kind: &Kind, found: &Uses) -> Vec<(Option<Predicate>, Use)> {
    if owned.pattern.is_some() {
        return vec![(None, Use::Consumed(owned.span()))];
    }
    let can_be_lent = matches!(
        kind,
        Kind::Generic | Kind::Lent(_) | Kind::NotClone(..) | Kind::Part | Kind::Other | Kind::Unknown
    );
    let mut uses = found.by_predicate();
    for (_, used) in &mut uses {
        if found.namesake && can_be_lent && matches!(used, Use::None | Use::Borrowed) {
            *used = Use::Perhaps;
        }
    }
    uses
}

/// Reports the names of `carry` that no attempt changes.
fn check_carry(owned: &[Owned], kinds: &[Kind], carry: &[Ident], errors: &mut Errors) {
    for name in carry {
        let is_carried = |(owned, kind): (&Owned, &Kind)| binds(owned, name) && can_be_carried(owned, kind);
        if !owned.iter().zip(kinds).any(is_carried) {
            errors.at(
                name,
                format!("`carry` is for arguments that an attempt changes (`&mut T`), and `{name}` is not one: remove it"),
            );
        }
    }
}

/// Returns `true` if `name` is that of an argument, or of a part of one that a macro takes apart.
fn binds(owned: &Owned, name: &Ident) -> bool {
    match &owned.pattern {
        Some(pattern) => mentions(pattern.to_token_stream(), name),
        None => owned.name == *name,
    }
}

/// Returns `true` if the option `carry` may name an argument.
fn can_be_carried(owned: &Owned, kind: &Kind) -> bool {
    match kind {
        Kind::NotClone(..) => owned.mutability.is_some(),
        Kind::File(_) => true,
        // A type that borrows may do so uniquely.
        Kind::Other | Kind::Unknown => owned.ty.as_ref().or(owned.whole.as_ref()).is_some_and(borrows),
        kind => kind.is_changed(),
    }
}

/// Returns `true` if a type has a lifetime.
fn borrows(ty: &Type) -> bool {
    has_lifetime(ty.to_token_stream())
}

/// The mistake of an argument that an attempt changes.
fn carried(owned: &Owned) -> syn::Error {
    let documented = &owned.documented;
    let names = match &owned.pattern {
        Some(pattern) => bound_by_macros(pattern.to_token_stream()),
        None => vec![owned.name.clone()],
    };
    let names: Vec<_> = names.iter().map(Ident::to_string).collect();
    let names = names.join(", ");
    let message = format!(
        "an attempt changes argument `{documented}`, and the next one would continue where it stopped: build it in the \
         function, take `Bytes` or a value that can be cloned, or return the value; if the body can handle that (it rewinds, \
         truncates or resumes), write `carry = [{names}]`"
    );
    syn::Error::new(owned.span(), message)
}

/// Returns the names that the macros of a pattern may bind: those in their input.
fn bound_by_macros(pattern: TokenStream) -> Vec<Ident> {
    let (mut names, mut is_input) = (Vec::new(), false);
    for token in pattern {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '!' => is_input = true,
            TokenTree::Group(group) if is_input => {
                let idents = group.stream().into_iter().filter_map(|token| match token {
                    TokenTree::Ident(name) if name != "mut" && name != "ref" => Some(name),
                    _ => None,
                });
                names.extend(idents);
                is_input = false;
            }
            TokenTree::Group(group) => names.extend(bound_by_macros(group.stream())),
            _ => is_input = false,
        }
    }
    names
}

/// The mistake of an argument that is consumed and cannot be cloned.
fn consumed(owned: &Owned, span: Span, what: &str, remedy: &str) -> syn::Error {
    let name = &owned.documented;
    let message = format!(
        "each attempt consumes or changes argument `{name}` here, and {what} cannot be cloned for the next one: {remedy}"
    );
    syn::Error::new(span, message)
}

/// An argument that attempts are about to be given.
struct Argument<'a> {
    owned: &'a Owned,
    surroundings: Surroundings<'a>,
    /// The predicate under which the argument exists and has this use.
    predicate: Option<Predicate>,
    arguments: &'a mut Arguments,
}

impl Argument<'_> {
    fn plan(&mut self, kind: &Kind, used: Use, clones_fields: bool, errors: &mut Errors) {
        let owned = self.owned;
        let span = match used {
            Use::Consumed(span) => span,
            _ => owned.name.span(),
        };
        let predicate = self.predicate.clone();
        let mut mistake = |error| errors.push_under(predicate.as_ref(), error);
        let is_carried = owned.is_receiver
            || self.surroundings.options.carry.iter().flatten().any(|name| binds(owned, name));
        match (used, kind) {
            (Use::None, _) => {}
            (Use::Borrowed, Kind::Stream) if owned.mutability.is_none() => self.keep(kind),
            (_, kind) if kind.is_changed() && !is_carried => mistake(carried(owned)),
            (used, kind) if can_be_carried(owned, kind) && is_carried => self.carry(kind, used),
            (_, Kind::File(_)) => self.clone_file(),
            (_, Kind::Copy) if owned.pattern.is_some() => self.enter(),
            (_, Kind::Copy) => {
                if owned.mutability.is_some() {
                    self.clone(span);
                }
            }
            (Use::Borrowed, kind) if owned.mutability.is_none() => {
                self.keep(kind);
                // Each attempt clones what the user's body moves out.
                if clones_fields {
                    self.take();
                }
            }
            (Use::Perhaps | Use::Consumed(_), Kind::Into(target)) => self.converted(target, span),
            (_, Kind::IntoBody(target)) => {
                let name = &owned.name;
                self.once(quote!(let #name: #target = ::core::convert::Into::into(#name);));
                self.clone_request("clone", span);
            }
            (_, Kind::Iterator { again }) => self.collected(*again, span),
            (Use::Consumed(_), Kind::Lent(_)) if owned.mutability.is_none() => self.fresh(),
            (_, Kind::Lent(what)) if owned.mutability.is_some() => {
                mistake(consumed(owned, span, what, ADD_CLONE));
            }
            (_, Kind::Part) => self.give_once(),
            (Use::Borrowed, Kind::Request) => self.clone_request("lend", span),
            (Use::Perhaps, Kind::Request) if owned.mutability.is_none() => self.clone_request("lend", span),
            (_, Kind::Request) => self.clone_request("clone", span),
            // It may be a request. The options beside the body know it as it is.
            (Use::Perhaps, Kind::Unknown) if owned.mutability.is_none() && !self.is_beside() => {
                self.clone_request("lend", span);
            }
            (_, Kind::Unknown) if !self.is_beside() => self.clone_request("clone", span),
            (_, Kind::Once) => mistake(syn::Error::new(
                span,
                format!(
                    "each attempt calls argument `{}`, which can be called only once: take `impl Fn` instead of `FnOnce`",
                    owned.documented
                ),
            )),
            // An argument that attempts change must be fresh for each, or a later one sends
            // something else.
            (Use::Borrowed | Use::Perhaps, _) if owned.mutability.is_none() => self.fresh(),
            (_, Kind::NotClone(what, remedy)) => mistake(consumed(owned, span, what, remedy)),
            _ => {
                self.take();
                self.clone(span);
            }
        }
    }

    /// Returns `true` if options that are evaluated beside the body mention it.
    fn is_beside(&self) -> bool {
        mentions(self.surroundings.beside.clone(), &self.owned.name)
    }

    /// Adds a statement before the first attempt.
    fn once(&mut self, stmt: TokenStream) {
        self.arguments.once.extend(self.predicate.to_token_stream());
        self.arguments.once.extend(stmt);
    }

    /// Adds a statement before each attempt.
    fn each(&mut self, stmt: TokenStream) {
        self.arguments.each.extend(self.predicate.to_token_stream());
        self.arguments.each.extend(stmt);
    }

    /// Adds a statement at the start of each attempt.
    fn inside(&mut self, stmt: TokenStream) {
        self.arguments.inside.extend(self.predicate.to_token_stream());
        self.arguments.inside.extend(stmt);
    }

    /// An argument that is only borrowed. Where its type may not be `Sync`, an attempt borrows it
    /// uniquely: the future is then `Send` if the argument is, as it is without the attribute.
    fn keep(&mut self, kind: &Kind) {
        let name = &self.owned.name;
        if matches!(
            kind,
            Kind::Generic
                | Kind::Lent(_)
                | Kind::NotClone(..)
                | Kind::Stream
                | Kind::Holds(_)
                | Kind::Part
                | Kind::Into(_)
                | Kind::IntoBody(_)
                | Kind::Iterator { .. }
        ) {
            self.once(quote!(let mut #name = #name;));
            self.inside(quote!(let _ = &mut #name;));
        }
    }

    /// Gives each attempt an argument as the attempt before has left it.
    fn carry(&mut self, kind: &Kind, used: Use) {
        let Owned { name, mutability, pattern, .. } = self.owned;
        let is_borrowed = matches!(used, Use::Borrowed) && mutability.is_none();
        let place = name.to_token_stream();
        match kind {
            Kind::Changed if pattern.is_some() => self.enter(),
            Kind::Changed => {}
            Kind::UniqueReference if is_borrowed => {}
            Kind::UniqueReference => {
                self.each(quote!(let #name = &mut *#name;));
                self.enter();
            }
            kind => {
                let Lending { given, is_retyped } = match kind {
                    Kind::Holds(Some(ty)) | Kind::File(ty) => lent(ty, &place, self.surroundings),
                    _ => Lending::of(&place, self.surroundings),
                };
                if is_borrowed && is_retyped {
                    return self.keep(kind);
                }
                self.once(quote!(let mut #name = #name;));
                self.each(quote!(let #name = #given;));
                if is_retyped {
                    // A reference is not changed itself, so its `mut` would be one too many.
                    self.enter_as(mutability.map(|_| Token![mut](Span::mixed_site())));
                } else {
                    self.enter();
                }
            }
        }
    }

    /// Adds code that does not compile where `field` is a request: a field cannot be given to the
    /// last attempt.
    fn check_sent(&mut self, field: &Expr) {
        let (name, span) = (&self.owned.name, field.span());
        let private = self.surroundings.private(span);
        self.once(quote_spanned!(span=> let _ = || #private::request!(sent, #name, #field);));
    }

    /// Moves the argument once, as the body does, or a lint would have it taken by reference. The
    /// compiler moves the arguments of an `async fn` itself.
    fn take(&mut self) {
        let name = &self.owned.name;
        if self.surroundings.shape == Shape::Sync && !self.owned.is_receiver {
            self.once(quote!(let #name = #name;));
        }
    }

    fn clone(&mut self, span: Span) {
        let (name, private) = (&self.owned.name, self.surroundings.private(Span::call_site()));
        // Where the use is, since the mistake is there if there is one.
        let mut used = name.clone();
        used.set_span(name.span().located_at(span));
        self.each(quote_spanned!(span=> let #name = #private::clone_argument(&#used);));
        self.enter();
        self.document();
    }

    /// Clones a `File` for each attempt, which that of a file system cannot.
    fn clone_file(&mut self) {
        let (name, span) = (&self.owned.name, self.owned.span());
        let private = self.surroundings.private(span);
        self.take();
        self.each(quote_spanned!(span=> let #name = #private::ArgumentKind::of(&#name).clone_file(&#name);));
        self.enter();
        self.document();
    }

    /// Clones a request for each attempt, as long as that is possible: the attempt that is given
    /// the last one ends the call.
    fn clone_request(&mut self, else_by: &str, span: Span) {
        let name = &self.owned.name;
        let call = Ident::new("call", Span::mixed_site());
        let else_by = Ident::new(else_by, Span::mixed_site());
        let private = self.surroundings.private(Span::call_site());
        self.once(quote!(let mut #name = #private::Slot::new(#name);));
        let private = self.surroundings.private(span);
        self.each(quote_spanned!(span=> let #name = #private::request!(#else_by, #name, #call);));
        self.enter();
        self.document();
    }

    /// Gives a clone to each attempt, or the argument itself to the first one, which then ends the
    /// call.
    fn give_once(&mut self) {
        let (name, private) = (&self.owned.name, self.surroundings.private(Span::call_site()));
        let call = Ident::new("call", Span::mixed_site());
        self.once(quote!(let mut #name = #private::Slot::new(#name);));
        self.each(quote!(let #name = #private::request!(once, #name, #call);));
        self.enter();
        let documented = self.owned.documented.clone();
        if !self.arguments.given_once.contains(&documented) {
            self.arguments.given_once.push(documented);
        }
    }

    fn fresh(&mut self) {
        let (name, private) = (&self.owned.name, self.surroundings.private(Span::call_site()));
        self.once(quote!(let mut #name = #name;));
        self.each(quote!(let #name = #private::argument!(#name);));
        self.enter();
        self.document();
    }

    fn converted(&mut self, target: &TokenStream, span: Span) {
        let name = &self.owned.name;
        self.once(quote!(let #name: #target = ::core::convert::Into::into(#name);));
        self.clone(span);
    }

    fn collected(&mut self, again: bool, span: Span) {
        let (name, private) = (&self.owned.name, self.surroundings.private(Span::call_site()));
        self.once(quote!(let #name = #private::collect_items(#name);));
        let mut used = name.clone();
        used.set_span(name.span().located_at(span));
        self.each(quote_spanned!(span=> let #name = #private::ArgumentKind::of(&#used).clone_items(&#used);));
        self.enter();
        self.document();
        if again {
            self.each(quote!(let #name = ::core::iter::IntoIterator::into_iter(#name);));
        }
    }

    /// The attempt takes what it is given.
    fn enter(&mut self) {
        self.enter_as(self.owned.mutability);
    }

    fn enter_as(&mut self, mutability: Option<Token![mut]>) {
        let Owned { name, pattern, lints, .. } = self.owned;
        if let Some(pattern) = pattern {
            return self.inside(quote!(let #pattern = #name;));
        }
        if mutability.is_some() {
            self.arguments.changed.push(name.clone());
        }
        self.inside(quote!(#(#lints)* let #mutability #name = #name;));
    }

    /// Adds the argument to those that the docs call cloned.
    fn document(&mut self) {
        let documented = self.owned.documented.clone();
        if !self.arguments.cloned.contains(&documented) {
            self.arguments.cloned.push(documented);
        }
    }
}

/// The expression that each attempt is given for an argument that attempts change.
struct Lending {
    given: TokenStream,
    /// `true` if its type may be another than that of the argument.
    is_retyped: bool,
}

impl Lending {
    /// Gives a clone where the type is `Clone`, else a unique reference.
    fn of(place: &TokenStream, surroundings: Surroundings<'_>) -> Self {
        let private = surroundings.private(Span::call_site());
        Self { given: quote!(#private::argument!(carried #place)), is_retyped: true }
    }
}

// Input:
//     Option<&mut T>, (&mut T, u8), [&mut T; 2], Pin<&mut T>
//
// Output:
//     Option::as_deref_mut(&mut x), (&mut *x.0, x.1),
//     x.each_mut().map(|item| &mut **item), Pin::as_mut(&mut x)
//
/// Borrows from `place` again. The type stays as it is where it is made of references.
fn lent(ty: &Type, place: &TokenStream, surroundings: Surroundings<'_>) -> Lending {
    let same = |given| Lending { given, is_retyped: false };
    match ty {
        Type::Paren(paren) => lent(&paren.elem, place, surroundings),
        Type::Group(group) => lent(&group.elem, place, surroundings),
        Type::Reference(reference) if reference.mutability.is_some() => same(quote!(&mut *#place)),
        Type::Reference(_) => same(place.clone()),
        Type::Tuple(tuple) => {
            let parts = tuple.elems.iter().enumerate().map(|(at, part)| {
                let at = syn::Index::from(at);
                lent(part, &quote!(#place.#at), surroundings)
            });
            let parts: Vec<_> = parts.collect();
            let given = parts.iter().map(|part| &part.given);
            Lending { given: quote!((#(#given,)*)), is_retyped: parts.iter().any(|part| part.is_retyped) }
        }
        Type::Array(array) => {
            let item = Ident::new("item", Span::mixed_site());
            let Lending { given, is_retyped } = lent(&array.elem, &quote!((*#item)), surroundings);
            Lending { given: quote!(#place.each_mut().map(|#item| #given)), is_retyped }
        }
        Type::Path(path) => match argument_of(path) {
            Some((name, inner)) if name == "Option" => {
                let item = Ident::new("item", Span::mixed_site());
                let Lending { given, is_retyped } = lent(inner, &quote!((*#item)), surroundings);
                Lending { given: quote!(#place.as_mut().map(|#item| #given)), is_retyped }
            }
            Some((name, Type::Reference(reference))) if name == "Pin" && reference.mutability.is_some() => {
                same(quote!(#place.as_mut()))
            }
            _ => Lending::of(place, surroundings),
        },
        _ => Lending::of(place, surroundings),
    }
}

/// Returns the last name of a type and its only parameter.
fn argument_of(path: &TypePath) -> Option<(&Ident, &Type)> {
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match (arguments.args.first(), arguments.args.len()) {
        (Some(GenericArgument::Type(inner)), 1) => Some((&last.ident, inner)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
