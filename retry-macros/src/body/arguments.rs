//! What a body does with the arguments it owns, and what each attempt must therefore be given.
//!
//! A body that is run again finds what it consumed gone. So an argument that it only borrows is left alone;
//! of one that it may consume each attempt gets a clone where its type is `Clone`, and else a reference; of one
//! that it certainly consumes a clone, or the mistake is reported at that use. What is only known to convert
//! into something, or to iterate, is converted once, before the first attempt.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{
    GenericParam, Generics, PatIdent, Receiver, ReceiverKind, Signature, Stmt, Type, TypeParamBound,
    TypePath, TypeReference, WherePredicate,
};

use crate::body::moves::{self, Use, Uses, Variable};
use crate::cfg::Predicate;
use crate::diagnostics::Errors;
use crate::function::Shape;
use crate::function::bindings::Owned;
use crate::paths::Private;
use crate::tokens::mentioned;

/// reqwest's types that can never be cloned, by their last name.
const PARTS: [&str; 2] = ["Form", "Part"];
/// reqwest's types that are cloned where that is possible, by their last name.
const REQUESTS: [&str; 3] = ["Body", "Request", "RequestBuilder"];
/// Types that are changed behind a shared reference, by their last name.
const CHANGED: [&str; 4] = ["File", "Receiver", "TcpStream", "UnixStream"];
/// Traits of what an attempt takes from, or adds to.
const STREAMS: [&str; 10] = [
    "AsyncBufRead",
    "AsyncRead",
    "AsyncSeek",
    "AsyncWrite",
    "BufRead",
    "Read",
    "Seek",
    "Stream",
    "TryStream",
    "Write",
];
/// Traits that a reference has where what it points at has them: an argument of which no more is known can be lent.
const LENT: [&str; 5] = ["AsRef", "Debug", "Display", "Serialize", "ToString"];
/// Types that are `Copy`, and so are left alone.
const COPY: [&str; 17] = [
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64",
    "u128", "usize", "Duration",
];

/// What each attempt is given.
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
    /// The arguments that end the call with the first outcome if they cannot be cloned, for the docs.
    pub(crate) given_once: Vec<String>,
    /// The arguments that attempts change, and not the function itself any more.
    changed: Vec<Ident>,
}

impl Arguments {
    /// Takes the `mut` away from where arguments are bound, if only attempts need it.
    pub(crate) fn strip_mut(&self, sig: &mut Signature, body: &mut [Stmt]) {
        struct Strip<'n>(&'n [Ident]);

        impl Strip<'_> {
            /// Strips the names that statements bind and that none after them mentions. The loop itself is
            /// tokens, and is not looked into.
            fn stmts(&mut self, stmts: &mut [Stmt]) {
                for at in 0..stmts.len() {
                    let (stmt, rest) = stmts[at..].split_first_mut().expect("one is left");
                    let changed: Vec<_> =
                        self.0.iter().filter(|name| !mentioned(rest, name)).cloned().collect();
                    match stmt {
                        Stmt::Local(local) => Strip(&changed).visit_pat_mut(&mut local.pat),
                        _ => self.visit_stmt_mut(stmt),
                    }
                }
            }
        }

        impl VisitMut for Strip<'_> {
            fn visit_pat_ident_mut(&mut self, pattern: &mut PatIdent) {
                if self.0.contains(&pattern.ident) {
                    pattern.mutability = None;
                }
                visit_mut::visit_pat_ident_mut(self, pattern);
            }

            fn visit_receiver_mut(&mut self, receiver: &mut Receiver) {
                if !matches!(receiver.kind, ReceiverKind::Reference(..)) {
                    receiver.mutability = None;
                }
            }

            fn visit_block_mut(&mut self, block: &mut syn::Block) {
                self.stmts(&mut block.stmts);
            }
        }

        let unmentioned: Vec<_> =
            self.changed.iter().filter(|name| !mentioned(body, name)).cloned().collect();
        let mut strip = Strip(&unmentioned);
        for input in &mut sig.inputs {
            strip.visit_fn_arg_mut(input);
        }
        Strip(&self.changed).stmts(body);
    }
}

/// Decides what each attempt is given of `owned`, by what `body` does with it.
pub(crate) fn plan(
    owned: &[Owned],
    body: &mut [Stmt],
    generics: &Generics,
    shape: Shape,
    carry: &[Ident],
    private: Private<'_>,
    errors: &mut Errors,
) -> Arguments {
    check_carry(owned, generics, carry, errors);
    let is_kept = |owned: &Owned| {
        owned.mutability.is_none()
            && owned.pattern.is_none()
            && matches!(Kind::of(owned.ty.as_ref(), generics), Kind::Copy)
    };
    if owned.iter().all(is_kept) {
        return Arguments::default();
    }
    let kinds: Vec<_> = owned.iter().map(|owned| Kind::of(owned.ty.as_ref(), generics)).collect();
    let variables = owned.iter().zip(&kinds).map(|(owned, kind)| Variable {
        name: owned.name.clone(),
        is_converted: matches!(kind, Kind::Into(_) | Kind::IntoBody(_)),
        clones_fields: matches!(kind, Kind::Other) && owned.mutability.is_none(),
    });
    let found = moves::of(variables, private, body);
    let mut arguments = Arguments::default();
    for ((owned, kind), found) in owned.iter().zip(&kinds).zip(found) {
        for (predicate, used) in uses_of(owned, kind, &found) {
            let predicate = Predicate::all(owned.predicate.iter().cloned().chain(predicate));
            let mut argument = Argument { owned, shape, predicate, private, arguments: &mut arguments };
            argument.plan(kind, used, carry, errors);
        }
    }
    arguments
}

/// Returns what is done with an argument in each compilation.
fn uses_of(owned: &Owned, kind: &Kind, found: &Uses) -> Vec<(Option<Predicate>, Use)> {
    if owned.pattern.is_some() {
        return vec![(None, Use::Consumed(owned.name.span()))];
    }
    let can_be_lent =
        matches!(kind, Kind::Generic | Kind::Lent(_) | Kind::NotClone(..) | Kind::Part | Kind::Other);
    let mut uses = found.by_predicate();
    for (_, used) in &mut uses {
        if found.namesake && can_be_lent && matches!(used, Use::None | Use::Borrowed) {
            *used = Use::Perhaps;
        }
    }
    uses
}

/// Reports the names of `carry` that no attempt changes.
fn check_carry(owned: &[Owned], generics: &Generics, carry: &[Ident], errors: &mut Errors) {
    let is_changed = |owned: &Owned| {
        let kind = Kind::of(owned.ty.as_ref(), generics);
        matches!(kind, Kind::UniqueReference | Kind::HoldsUnique | Kind::Changed)
    };
    for name in carry {
        if !owned.iter().any(|owned| owned.name == *name && is_changed(owned)) {
            errors.at(
                name,
                format!("`carry` is for arguments that an attempt changes (`&mut T`), and `{name}` is none: remove it"),
            );
        }
    }
}

/// The mistake of an argument that an attempt changes.
fn carried(owned: &Owned) -> syn::Error {
    let name = &owned.name;
    let message = format!(
        "an attempt changes argument `{name}`, and the next one goes on where that has stopped: build it in the function, \
         take `Bytes` or what can be cloned, or return the value; where the body copes with that (it rewinds, truncates, \
         resumes), write `carry = [{name}]`"
    );
    syn::Error::new(name.span(), message)
}

const ADD_CLONE: &str = "add `+ Clone`, or take a reference";

/// The mistake of an argument that is consumed and cannot be cloned.
fn consumed(owned: &Owned, span: Span, what: &str, remedy: &str) -> syn::Error {
    let name = &owned.name;
    let message = format!(
        "each attempt consumes or changes argument `{name}` here, and {what} cannot be cloned for the next one: {remedy}"
    );
    syn::Error::new(span, message)
}

/// An argument that attempts are about to be given.
struct Argument<'a> {
    owned: &'a Owned,
    shape: Shape,
    /// The predicate under which the argument exists and has this use.
    predicate: Option<Predicate>,
    private: Private<'a>,
    arguments: &'a mut Arguments,
}

impl Argument<'_> {
    fn plan(&mut self, kind: &Kind, used: Use, carry: &[Ident], errors: &mut Errors) {
        let owned = self.owned;
        let span = match used {
            Use::Consumed(span) => span,
            _ => owned.name.span(),
        };
        let predicate = self.predicate.clone();
        let mut mistake = |error| errors.push_under(predicate.as_ref(), error);
        match (used, kind) {
            (Use::None, _) => {}
            (_, Kind::UniqueReference | Kind::HoldsUnique | Kind::Changed)
                if !carry.contains(&owned.name) =>
            {
                mistake(carried(owned));
            }
            (_, Kind::Changed | Kind::Copy) if owned.pattern.is_some() => self.enter(),
            (Use::Borrowed, Kind::UniqueReference) | (_, Kind::Changed) => {}
            (_, Kind::UniqueReference) => self.reborrow(),
            (_, Kind::Copy) => {
                if owned.mutability.is_some() {
                    self.clone(span);
                }
            }
            (Use::Borrowed, kind) if owned.mutability.is_none() => self.keep(kind),
            (Use::Perhaps | Use::Consumed(_), Kind::Into(target)) => self.converted(target, span),
            (_, Kind::IntoBody(target)) => {
                let name = &owned.name;
                self.once(quote!(let #name: #target = ::core::convert::Into::into(#name);));
                self.clone_request("clone");
            }
            (_, Kind::Iterator { again }) => self.collected(*again, span),
            (_, Kind::HoldsUnique) => self.lend(),
            (Use::Consumed(_), Kind::Lent(_)) if owned.mutability.is_none() => self.fresh(),
            (_, Kind::Lent(what)) if owned.mutability.is_some() => {
                mistake(consumed(owned, span, what, ADD_CLONE));
            }
            (_, Kind::Part) => self.give_once(),
            (Use::Borrowed, Kind::Request) => self.clone_request("lend"),
            (Use::Perhaps, Kind::Request) if owned.mutability.is_none() => self.clone_request("lend"),
            (_, Kind::Request) => self.clone_request("clone"),
            (_, Kind::Once) => mistake(syn::Error::new(
                span,
                format!(
                    "each attempt calls argument `{}`, which can be called once: take `impl Fn` instead of `FnOnce`",
                    owned.name
                ),
            )),
            // What attempts change must be fresh for each, or a later one sends something else.
            (Use::Borrowed | Use::Perhaps, _) if owned.mutability.is_none() => self.fresh(),
            (_, Kind::NotClone(what, remedy)) => mistake(consumed(owned, span, what, remedy)),
            _ => {
                self.take();
                self.clone(span);
            }
        }
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

    /// An argument that is only borrowed. Where its type may not be `Sync`, an attempt borrows it uniquely: the
    /// future is then `Send` if the argument is, as it is without the attribute.
    fn keep(&mut self, kind: &Kind) {
        let name = &self.owned.name;
        if matches!(
            kind,
            Kind::Generic
                | Kind::Lent(_)
                | Kind::NotClone(..)
                | Kind::Part
                | Kind::Into(_)
                | Kind::IntoBody(_)
                | Kind::Iterator { .. }
        ) {
            self.once(quote!(let mut #name = #name;));
            self.inside(quote!(let _ = &mut #name;));
        }
    }

    /// What holds a unique reference is lent uniquely.
    fn lend(&mut self) {
        let name = &self.owned.name;
        self.once(quote!(let mut #name = #name;));
        self.each(quote!(let #name = &mut #name;));
        self.enter();
    }

    /// A unique reference that an attempt may move is lent to it.
    fn reborrow(&mut self) {
        let name = &self.owned.name;
        self.each(quote!(let #name = &mut *#name;));
        self.enter();
    }

    /// Moves the argument once, as the body does, or a lint would have it taken by reference. The compiler moves the
    /// arguments of an `async fn` itself.
    fn take(&mut self) {
        let name = &self.owned.name;
        if self.shape == Shape::Sync && self.owned.documented == *name {
            self.once(quote!(let #name = #name;));
        }
    }

    fn clone(&mut self, span: Span) {
        let (name, private) = (&self.owned.name, self.private);
        // Where the use is, since the mistake is there if there is one.
        let mut used = name.clone();
        used.set_span(name.span().located_at(span));
        self.each(quote_spanned!(span=> let #name = #private::again(&#used);));
        self.enter();
        self.document();
    }

    /// Clones a request for each attempt, as long as that is possible: the attempt that is given the last one ends the call.
    fn clone_request(&mut self, else_by: &str) {
        let (name, private) = (&self.owned.name, self.private);
        let call = Ident::new("call", Span::mixed_site());
        let else_by = Ident::new(else_by, Span::mixed_site());
        self.once(quote!(let mut #name = #private::Slot::new(#name);));
        self.each(quote!(let #name = #private::request!(#else_by, #name, #call);));
        self.enter();
        self.document();
    }

    /// Gives a clone to each attempt, or the argument itself to the first one, which then ends the call.
    fn give_once(&mut self) {
        let (name, private) = (&self.owned.name, self.private);
        let call = Ident::new("call", Span::mixed_site());
        self.once(quote!(let mut #name = #private::Slot::new(#name);));
        self.each(quote!(let #name = #private::request!(once, #name, #call);));
        self.enter();
        let documented = self.owned.documented.to_string();
        if !self.arguments.given_once.contains(&documented) {
            self.arguments.given_once.push(documented);
        }
    }

    fn fresh(&mut self) {
        let (name, private) = (&self.owned.name, self.private);
        self.once(quote!(let mut #name = #name;));
        self.each(quote!(let #name = #private::fresh!(#name);));
        self.enter();
        self.document();
    }

    fn converted(&mut self, target: &TokenStream, span: Span) {
        let name = &self.owned.name;
        self.once(quote!(let #name: #target = ::core::convert::Into::into(#name);));
        self.clone(span);
    }

    fn collected(&mut self, again: bool, span: Span) {
        let (name, private) = (&self.owned.name, self.private);
        self.once(quote!(let #name = #private::collect(#name);));
        self.clone(span);
        if again {
            self.each(quote!(let #name = ::core::iter::IntoIterator::into_iter(#name);));
        }
    }

    /// The attempt takes what it is given.
    fn enter(&mut self) {
        let Owned { name, mutability, pattern, .. } = self.owned;
        if let Some(pattern) = pattern {
            return self.inside(quote!(let #pattern = #name;));
        }
        if mutability.is_some() {
            self.arguments.changed.push(name.clone());
        }
        self.inside(quote!(let #mutability #name = #name;));
    }

    /// Adds the argument to those that the docs call cloned.
    fn document(&mut self) {
        let documented = self.owned.documented.to_string();
        if !self.arguments.cloned.contains(&documented) {
            self.arguments.cloned.push(documented);
        }
    }
}

/// What the type of an argument says about giving it to every attempt.
#[derive(Clone)]
enum Kind {
    Copy,
    UniqueReference,
    /// Certainly not `Clone`: what it is, and what to write.
    NotClone(String, &'static str),
    /// Something with a unique reference in it.
    HoldsUnique,
    /// A reference by which a stream is read or written.
    Changed,
    /// A request or its builder.
    Request,
    /// A multipart form, or a part of one.
    Part,
    /// A callable that can be called once.
    Once,
    /// `impl Into<X>`, and X.
    Into(TokenStream),
    /// `impl Into<Body>`, and that type.
    IntoBody(TokenStream),
    /// `impl Iterator`, or `impl IntoIterator`, which the collected items are themselves.
    Iterator {
        again: bool,
    },
    /// A type parameter that is `Clone`.
    Generic,
    /// A type parameter of which a reference does as well, and what it is.
    Lent(String),
    /// Whether it is `Clone` the compiler knows.
    Other,
}

impl Kind {
    fn of(ty: Option<&Type>, generics: &Generics) -> Self {
        match ty {
            Some(Type::Reference(reference)) if reference.mutability.is_some() => Self::UniqueReference,
            Some(Type::Reference(reference)) if is_changed(&reference.elem) => Self::Changed,
            Some(Type::Reference(_)) => Self::Copy,
            Some(Type::Group(group)) => Self::of(Some(&group.elem), generics),
            Some(Type::Paren(paren)) => Self::of(Some(&paren.elem), generics),
            Some(Type::ImplTrait(item)) => Self::bounded(item.bounds.iter().collect(), "its type"),
            Some(Type::Path(path)) if path.qself.is_none() => {
                let Some(last) = path.path.segments.last() else { return Self::Other };
                let name = &last.ident;
                let is_among = |names: &[&str]| names.iter().any(|other| name == other);
                if is_among(&COPY) {
                    return Self::Copy;
                }
                if let Some(bounds) = path.path.get_ident().and_then(|name| bounds(name, generics)) {
                    return Self::bounded(bounds, &format!("`{name}`"));
                }
                let held = Held::of(path);
                if held.unique_reference {
                    return Self::HoldsUnique;
                }
                if held.once {
                    return Self::Once;
                }
                if is_among(&REQUESTS) {
                    return Self::Request;
                }
                if is_among(&PARTS) {
                    return Self::Part;
                }
                Self::Other
            }
            _ => Self::Other,
        }
    }

    fn bounded(bounds: Vec<&TypeParamBound>, what: &str) -> Self {
        let traits: Vec<_> = bounds
            .into_iter()
            .filter_map(|bound| match bound {
                TypeParamBound::Trait(bound) => bound.path.segments.last(),
                _ => None,
            })
            .collect();
        if traits.iter().any(|bound| bound.ident == "Clone" || bound.ident == "Copy") {
            return Self::Generic;
        }
        if traits.iter().any(|bound| bound.ident == "FnOnce") {
            return Self::Once;
        }
        if traits.iter().any(|bound| STREAMS.iter().any(|name| bound.ident == name)) {
            let remedy = "build it in the function, or take `Bytes` or what can be cloned";
            return Self::NotClone(what.to_owned(), remedy);
        }
        let mut only =
            traits.iter().filter(|bound| !["Send", "Sync", "Unpin"].iter().any(|name| bound.ident == name));
        if only.clone().next().is_some()
            && only.clone().all(|bound| LENT.iter().any(|name| bound.ident == name))
        {
            return Self::Lent(what.to_owned());
        }
        if let (Some(bound), None) = (only.next(), only.next()) {
            let argument = match &bound.arguments {
                syn::PathArguments::AngleBracketed(arguments) => arguments.args.first(),
                _ => None,
            };
            match argument {
                Some(syn::GenericArgument::Type(target)) if bound.ident == "Into" => {
                    let name = match target {
                        Type::Path(path) => path.path.segments.last().map(|last| &last.ident),
                        _ => None,
                    };
                    if let Some(name) = name.filter(|name| PARTS.iter().any(|other| *name == other)) {
                        return Self::NotClone(
                            format!("a `{name}`"),
                            "take what can be cloned, such as `impl Into<Bytes>`, or add `+ Clone`",
                        );
                    }
                    if name.is_some_and(|name| REQUESTS.iter().any(|other| name == other)) {
                        return Self::IntoBody(target.to_token_stream());
                    }
                    return Self::Into(target.to_token_stream());
                }
                _ if bound.ident == "Iterator" => return Self::Iterator { again: true },
                _ if bound.ident == "IntoIterator" => return Self::Iterator { again: false },
                _ => {}
            }
        }
        Self::NotClone(what.to_owned(), ADD_CLONE)
    }
}

/// Whether a stream is read or written by a shared reference to this type.
fn is_changed(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => {
            path.path.segments.last().is_some_and(|last| CHANGED.iter().any(|name| last.ident == name))
        }
        Type::Group(group) => is_changed(&group.elem),
        Type::Paren(paren) => is_changed(&paren.elem),
        _ => false,
    }
}

/// The references and one-time values within a type.
#[derive(Default)]
struct Held {
    unique_reference: bool,
    once: bool,
}

impl Held {
    fn of(path: &TypePath) -> Self {
        let mut held = Self::default();
        held.visit_type_path(path);
        held
    }
}

impl<'ast> Visit<'ast> for Held {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        self.unique_reference |= reference.mutability.is_some();
        visit::visit_type_reference(self, reference);
    }

    fn visit_trait_bound(&mut self, bound: &'ast syn::TraitBound) {
        self.once |= bound.path.segments.last().is_some_and(|last| last.ident == "FnOnce");
        visit::visit_trait_bound(self, bound);
    }

    // What a function type takes is not held.
    fn visit_type_fn_ptr(&mut self, _: &'ast syn::TypeFnPtr) {}
    fn visit_parenthesized_generic_arguments(&mut self, _: &'ast syn::ParenthesizedGenericArguments) {}
}

/// The bounds of a type parameter of the function itself, `None` for other names.
fn bounds<'g>(name: &Ident, generics: &'g Generics) -> Option<Vec<&'g TypeParamBound>> {
    let parameter = generics.params.iter().find_map(|parameter| match parameter {
        GenericParam::Type(parameter) if parameter.ident == *name => Some(parameter),
        _ => None,
    })?;
    let predicates = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    let elsewhere = predicates.filter_map(|predicate| match predicate {
        WherePredicate::Type(predicate) => match &predicate.bounded_ty {
            Type::Path(path) if path.path.is_ident(name) => Some(&predicate.bounds),
            _ => None,
        },
        _ => None,
    });
    Some(parameter.bounds.iter().chain(elsewhere.flatten()).collect())
}
