//! What a body does with the arguments it owns, and what each attempt must therefore be given.
//!
//! A body that is run again finds what it consumed gone. So an argument that it only borrows is left alone;
//! of one that it may consume each attempt gets a clone where its type is `Clone`, and else a reference; of one
//! that it certainly consumes a clone, or the mistake is reported at that use. What is only known to convert
//! into something, or to iterate, is converted once, before the first attempt.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{
    Expr, GenericArgument, GenericParam, Generics, PatIdent, PatType, PathArguments, Receiver, ReceiverKind,
    Signature, Stmt, Token, Type, TypeParamBound, TypePath, TypeReference, WherePredicate,
};

use crate::body::moves::{self, Use, Uses, Variable};
use crate::cfg::Predicate;
use crate::diagnostics::Errors;
use crate::function::Shape;
use crate::function::bindings::{Owned, names, self_by_value, without_expected_mut};
use crate::options::Options;
use crate::paths::Private;
use crate::tokens::{mentioned, mentions};

/// reqwest's types that can never be cloned, by their last name.
const PARTS: [&str; 2] = ["Form", "Part"];
/// reqwest's types that are cloned where that is possible, by their last name.
const REQUESTS: [&str; 3] = ["Body", "Request", "RequestBuilder"];
/// Types that are read, written or received from by a shared reference, by their last name.
const SHARED_STREAMS: [&str; 7] =
    ["File", "Receiver", "Stdin", "TcpStream", "UnboundedReceiver", "UnixDatagram", "UnixStream"];
/// Types of streams that are boxed, by their last name.
const BOXED_STREAMS: [&str; 2] = ["BoxStream", "LocalBoxStream"];
/// Types that change what they hold by a shared reference, by their last name.
const CELLS: [&str; 3] = ["Mutex", "RefCell", "RwLock"];
/// Types that hold no value of their parameters, by their last name.
const EMPTY: [&str; 4] = ["PhantomData", "Sender", "SyncSender", "UnboundedSender"];
/// Pointers out of which no field can be moved, by their last name.
const POINTERS: [&str; 2] = ["Arc", "Rc"];
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
/// Traits of iterators: an argument that is one is collected, what holds one is changed by an attempt.
const ITERATORS: [&str; 4] = ["DoubleEndedIterator", "ExactSizeIterator", "FusedIterator", "Iterator"];
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

            fn visit_pat_type_mut(&mut self, parameter: &mut PatType) {
                let mut bound = Vec::new();
                names(&parameter.pat, None, &mut bound);
                if bound.iter().any(|owned| owned.mutability.is_some() && self.0.contains(&owned.name)) {
                    without_expected_mut(&mut parameter.attrs);
                }
                visit_mut::visit_pat_type_mut(self, parameter);
            }

            fn visit_receiver_mut(&mut self, receiver: &mut Receiver) {
                let is_reference = matches!(receiver.kind, ReceiverKind::Reference(..));
                if !is_reference && self.0.contains(&self_by_value()) {
                    receiver.mutability = None;
                }
            }

            fn visit_block_mut(&mut self, block: &mut syn::Block) {
                self.stmts(&mut block.stmts);
            }
        }

        let keyword = Ident::new("self", Span::call_site());
        let in_sig = |name: &Ident| if *name == self_by_value() { keyword.clone() } else { name.clone() };
        let unmentioned: Vec<_> =
            self.changed.iter().filter(|name| !mentioned(body, &in_sig(name))).cloned().collect();
        let mut strip = Strip(&unmentioned);
        for input in &mut sig.inputs {
            strip.visit_fn_arg_mut(input);
        }
        Strip(&self.changed).stmts(body);
    }
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
    let variables = owned.iter().zip(&kinds).map(|(owned, kind)| Variable {
        name: owned.name.clone(),
        is_converted: matches!(kind, Kind::Into(_) | Kind::IntoBody(_)),
        clones_fields: matches!(kind, Kind::Other | Kind::Unknown)
            && owned.mutability.is_none()
            && !owned.ty.as_ref().is_some_and(is_pointer),
    });
    let found = moves::of(variables, surroundings.private(Span::call_site()), body);
    let mut arguments = Arguments::default();
    for ((owned, kind), found) in owned.iter().zip(&kinds).zip(found) {
        for (predicate, used) in uses_of(owned, kind, &found) {
            let predicate = Predicate::all(owned.predicate.iter().cloned().chain(predicate));
            let mut argument = Argument { owned, surroundings, predicate, arguments: &mut arguments };
            argument.plan(kind, used, found.clones_fields, errors);
        }
        if matches!(kind, Kind::Other | Kind::Unknown) {
            for (predicate, field) in &found.sent {
                let predicate = Predicate::all(owned.predicate.iter().chain(predicate).cloned());
                Argument { owned, surroundings, predicate, arguments: &mut arguments }.check_sent(field);
            }
        }
    }
    arguments
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
                format!("`carry` is for arguments that an attempt changes (`&mut T`), and `{name}` is none: remove it"),
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
        // A type that borrows may do so uniquely.
        Kind::Other | Kind::Unknown => owned.ty.as_ref().or(owned.whole.as_ref()).is_some_and(borrows),
        kind => kind.is_changed(),
    }
}

/// Returns `true` if a type has a lifetime.
fn borrows(ty: &Type) -> bool {
    struct Lifetimes(bool);

    impl<'ast> Visit<'ast> for Lifetimes {
        fn visit_lifetime(&mut self, _: &'ast syn::Lifetime) {
            self.0 = true;
        }
    }

    let mut lifetimes = Lifetimes(false);
    lifetimes.visit_type(ty);
    lifetimes.0
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
        "an attempt changes argument `{documented}`, and the next one goes on where that has stopped: build it in the function, \
         take `Bytes` or what can be cloned, or return the value; where the body copes with that (it rewinds, truncates, \
         resumes), write `carry = [{names}]`"
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

const ADD_CLONE: &str = "add `+ Clone`, or take a reference";

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
                    "each attempt calls argument `{}`, which can be called once: take `impl Fn` instead of `FnOnce`",
                    owned.documented
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

    /// An argument that is only borrowed. Where its type may not be `Sync`, an attempt borrows it uniquely: the
    /// future is then `Send` if the argument is, as it is without the attribute.
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
                    Kind::Holds(Some(ty)) => lent(ty, &place, self.surroundings),
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

    /// Adds code that does not compile where `field` is a request: a field cannot be given to the last attempt.
    fn check_sent(&mut self, field: &Expr) {
        let (name, span) = (&self.owned.name, field.span());
        let private = self.surroundings.private(span);
        self.once(quote_spanned!(span=> let _ = || #private::request!(sent, #name, #field);));
    }

    /// Moves the argument once, as the body does, or a lint would have it taken by reference. The compiler moves the
    /// arguments of an `async fn` itself.
    fn take(&mut self) {
        let name = &self.owned.name;
        if self.surroundings.shape == Shape::Sync && !self.owned.is_receiver && self.owned.pattern.is_none() {
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

    /// Clones a request for each attempt, as long as that is possible: the attempt that is given the last one ends the call.
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

    /// Gives a clone to each attempt, or the argument itself to the first one, which then ends the call.
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
//     Option::as_deref_mut(&mut x), (&mut *x.0, x.1), x.each_mut().map(|item| &mut **item), Pin::as_mut(&mut x)
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

/// Returns `true` if no field can be moved out of a type, by its name.
fn is_pointer(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| is_among(&last.ident, &POINTERS)),
        Type::Reference(_) => true,
        _ => false,
    }
}

fn is_among(name: &Ident, names: &[&str]) -> bool {
    names.iter().any(|other| name == other)
}

/// What the type of an argument says about giving it to every attempt.
#[derive(Clone)]
enum Kind {
    Copy,
    UniqueReference,
    /// Certainly not `Clone`: what it is, and what to write.
    NotClone(String, &'static str),
    /// Something with a unique reference or a stream in it, and its type if that is known.
    Holds(Option<Box<Type>>),
    /// A type parameter that is a stream.
    Stream,
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
    /// A type that the tokens do not show. It may be a request.
    Unknown,
}

impl Kind {
    fn of(owned: &Owned, generics: &Generics) -> Self {
        match (&owned.ty, &owned.whole) {
            (Some(ty), _) => Self::of_type(ty, generics),
            (None, Some(whole)) if Held::of(whole, generics).is_changed() => Self::Holds(None),
            (None, _) if owned.is_receiver => Self::Other,
            (None, _) => Self::Unknown,
        }
    }

    fn of_type(ty: &Type, generics: &Generics) -> Self {
        let path = match ty {
            Type::Reference(reference) if reference.mutability.is_some() => return Self::UniqueReference,
            Type::Reference(reference) if Held::of(&reference.elem, generics).shared => return Self::Changed,
            Type::Reference(_) => return Self::Copy,
            Type::Group(group) => return Self::of_type(&group.elem, generics),
            Type::Paren(paren) => return Self::of_type(&paren.elem, generics),
            Type::ImplTrait(item) => return Self::bounded(item.bounds.iter().collect(), "its type"),
            Type::Path(path) if path.qself.is_none() => Some(&path.path),
            _ => None,
        };
        let last = path.and_then(|path| path.segments.last()).map(|last| &last.ident);
        let is_named = |names: &[&str]| last.is_some_and(|last| is_among(last, names));
        if is_named(&COPY) {
            return Self::Copy;
        }
        let parameter = path.and_then(syn::Path::get_ident);
        if let Some((name, bounds)) = parameter.and_then(|name| Some((name, bounds(name, generics)?))) {
            return Self::bounded(bounds, &format!("`{name}`"));
        }
        let held = Held::of(ty, generics);
        if held.is_changed() {
            return Self::Holds(Some(Box::new(ty.clone())));
        }
        if held.once {
            return Self::Once;
        }
        if is_named(&REQUESTS) {
            return Self::Request;
        }
        if is_named(&PARTS) {
            return Self::Part;
        }
        Self::Other
    }

    /// Returns `true` if an attempt that uses it changes it for the next one.
    fn is_changed(&self) -> bool {
        matches!(self, Self::UniqueReference | Self::Holds(_) | Self::Stream | Self::Changed)
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
        if traits.iter().any(|bound| is_among(&bound.ident, &STREAMS)) {
            return Self::Stream;
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
                PathArguments::AngleBracketed(arguments) => arguments.args.first(),
                _ => None,
            };
            match argument {
                Some(GenericArgument::Type(target)) if bound.ident == "Into" => {
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

/// The values within a type, as far as its tokens show them.
struct Held<'g> {
    generics: &'g Generics,
    /// Something that is changed by whoever owns it: a unique reference, an iterator, a stream.
    unique: bool,
    /// Something that is changed by a shared reference.
    shared: bool,
    /// A callable that can be called once.
    once: bool,
}

impl<'g> Held<'g> {
    fn of(ty: &Type, generics: &'g Generics) -> Self {
        let mut held = Self { generics, unique: false, shared: false, once: false };
        held.visit_type(ty);
        held
    }

    fn is_changed(&self) -> bool {
        self.unique || self.shared
    }

    fn bounds<'b>(&mut self, bounds: impl Iterator<Item = &'b TypeParamBound> + Clone) {
        let traits = bounds.filter_map(|bound| match bound {
            TypeParamBound::Trait(bound) => bound.path.segments.last(),
            _ => None,
        });
        let is = |names: &[&str]| traits.clone().any(|bound| is_among(&bound.ident, names));
        self.unique |= (is(&STREAMS) || is(&ITERATORS)) && !is(&["Clone"]);
        self.once |= is(&["FnOnce"]);
    }
}

impl<'ast> Visit<'ast> for Held<'_> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        self.unique |= reference.mutability.is_some();
        visit::visit_type_reference(self, reference);
    }

    fn visit_type_trait_object(&mut self, item: &'ast syn::TypeTraitObject) {
        self.bounds(item.bounds.iter());
    }

    fn visit_type_impl_trait(&mut self, item: &'ast syn::TypeImplTrait) {
        self.bounds(item.bounds.iter());
    }

    fn visit_type_path(&mut self, path: &'ast TypePath) {
        if let Some(bounds) = path.path.get_ident().and_then(|name| bounds(name, self.generics)) {
            return self.bounds(bounds.into_iter());
        }
        let mut names = path.path.segments.iter().rev().map(|segment| &segment.ident);
        let Some(last) = names.next() else { return };
        // A `watch` channel shows its value to each attempt.
        let is_watch = names.next().is_some_and(|module| module == "watch");
        self.shared |= is_among(last, &SHARED_STREAMS) && !is_watch;
        self.unique |= is_among(last, &BOXED_STREAMS);
        if !is_among(last, &EMPTY) {
            visit::visit_type_path(self, path);
        }
        self.shared |= self.unique && is_among(last, &CELLS);
    }

    // Arguments of functions and targets of raw pointers are not held.
    fn visit_type_fn_ptr(&mut self, _: &'ast syn::TypeFnPtr) {}
    fn visit_type_ptr(&mut self, _: &'ast syn::TypePtr) {}
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

#[cfg(test)]
mod tests {
    use syn::ItemFn;

    use super::*;
    use crate::function::bindings;

    /// Returns what each attempt is given of the arguments of `function`, or the first mistake.
    fn given(function: &str, carry: &[&str]) -> String {
        let ItemFn { mut sig, block, .. } = syn::parse_str(function).expect("a function");
        let (mut body, mut once, mut errors) = (block.stmts, TokenStream::new(), Errors::default());
        let carry: Vec<_> = carry.iter().map(|name| Ident::new(name, Span::call_site())).collect();
        let options = Options { carry: (!carry.is_empty()).then_some(carry), ..Options::default() };
        let owned = bindings::owned(&mut sig, &mut body, &mut once);
        let surroundings = Surroundings {
            generics: &sig.generics,
            shape: Shape::Async,
            beside: &TokenStream::new(),
            options: &options,
        };
        let arguments = plan(&owned, &mut body, surroundings, &mut errors);
        if !errors.is_empty() {
            return errors.into_tokens().to_string();
        }
        arguments.each.to_string().replace(":: retry_http :: __private :: ", "")
    }

    #[test]
    fn each_attempt_is_given_a_value_by_its_type() {
        let clone = "let x = clone_argument (& x) ;";
        let fresh = "let x = argument ! (x) ;";
        let table = [
            // Left alone.
            ("fn f(x: &str) { drop(x) }", ""),
            ("fn f(x: u64) { drop(x) }", ""),
            ("fn f(x: String) { &x; }", ""),
            ("fn f(S { x }: &S) { drop(x) }", ""),
            ("fn f((x, _): &(String, u8)) { drop(x) }", ""),
            // Cloned.
            ("fn f(x: String) { drop(x) }", clone),
            ("fn f(mut x: String) { &x; }", clone),
            ("fn f(mut x: u64) { &x; }", clone),
            ("fn f<T: Clone>(x: T) { drop(x) }", clone),
            ("fn f<T>(x: T) where T: Clone { drop(x) }", clone),
            ("fn f(x: impl Into<String>) { drop(x) }", clone),
            ("fn f((x, _): (String, u8)) { drop(x) }", clone),
            ("fn f(x: watch::Receiver<u8>) { drop(x) }", clone),
            ("fn f(x: Sender<File>) { drop(x) }", clone),
            ("fn f(x: fn(&mut u8)) { drop(x) }", clone),
            ("fn f(x: Arc<dyn Fn(File)>) { drop(x) }", clone),
            // Cloned or lent, as the compiler knows.
            ("fn f(x: String) { x.unknown(); }", fresh),
            ("fn f(x: impl Serialize) { drop(x) }", fresh),
            ("fn f<T>(x: T) { x.unknown(); }", fresh),
            // Requests, and types that are not shown.
            ("fn f(x: Request) { drop(x) }", "let x = request ! (clone , x , call) ;"),
            ("fn f(x: RequestBuilder) { x.send(); }", "let x = request ! (lend , x , call) ;"),
            ("fn f(S { x }: S) { x.send(); }", "let x = request ! (lend , x , call) ;"),
            ("fn f(x: impl Into<Body>) { drop(x) }", "let x = request ! (clone , x , call) ;"),
            ("fn f(x: Form) { drop(x) }", "let x = request ! (once , x , call) ;"),
            // Items.
            (
                "fn f(x: impl Iterator<Item = u8>) { drop(x) }",
                "let x = ArgumentKind :: of (& x) . clone_items (& x) ; let x = :: core :: iter :: IntoIterator :: into_iter (x) ;",
            ),
            (
                "fn f(x: impl IntoIterator<Item = u8>) { drop(x) }",
                "let x = ArgumentKind :: of (& x) . clone_items (& x) ;",
            ),
        ];
        for (function, expected) in table {
            assert_eq!(given(function, &[]), expected, "{function}");
        }
    }

    #[test]
    fn changed_arguments_are_mistakes_unless_they_are_carried() {
        let carried = "let x = argument ! (carried x) ;";
        let table = [
            ("x: &mut T", "let x = & mut * x ;"),
            ("S { x }: &mut S", "let x = & mut * x ;"),
            ("(_, x): (u8, &mut T)", "let x = & mut * x ;"),
            ("(.., x): (u8, u8, &mut T)", "let x = & mut * x ;"),
            ("[x, _]: &mut [T; 2]", "let x = & mut * x ;"),
            ("ref mut x: T", "let x = & mut * x ;"),
            ("S(x): S<&mut T>", carried),
            ("x: Option<&mut T>", "let x = x . as_mut () . map (| item | & mut * (* item)) ;"),
            ("x: Pin<&mut T>", "let x = x . as_mut () ;"),
            ("x: [&mut T; 2]", "let x = x . each_mut () . map (| item | & mut * (* item)) ;"),
            ("x: (&mut T, &U, V)", "let x = (& mut * x . 0 , x . 1 , argument ! (carried x . 2) ,) ;"),
            ("x: Option<&File>", "let x = x . as_mut () . map (| item | (* item)) ;"),
            ("x: &File", ""),
            ("x: &std::io::Stdin", ""),
            ("x: &Mutex<File>", ""),
            ("x: File", carried),
            ("x: tokio::net::TcpStream", carried),
            ("x: mpsc::UnboundedReceiver<u8>", carried),
            ("x: Arc<File>", carried),
            ("x: Lines<BufReader<File>>", carried),
            ("x: Box<dyn Iterator<Item = u8>>", carried),
            ("x: Box<dyn Read + Send>", carried),
            ("x: Pin<Box<dyn Stream<Item = u8>>>", carried),
            ("x: BoxStream<'static, u8>", carried),
            ("x: Vec<impl Read>", carried),
            ("mut x: impl Write", carried),
        ];
        for (parameter, expected) in table {
            let function = format!("fn f({parameter}) {{ drop(x) }}");
            assert!(given(&function, &[]).contains("an attempt changes argument `x`"), "{function}");
            assert_eq!(given(&function, &["x"]), expected, "{function}");
        }
    }

    #[test]
    fn arguments_that_cannot_be_given_twice_are_mistakes() {
        let table = [
            ("fn f(x: impl FnOnce()) { x() }", "which can be called once"),
            ("fn f(x: Box<dyn FnOnce()>) { x() }", "which can be called once"),
            ("fn f<T>(x: T) { drop(x) }", "and `T` cannot be cloned for the next one"),
            ("fn f(mut x: impl FnMut()) { x() }", "and its type cannot be cloned for the next one"),
            ("fn f(x: impl Into<Form>) { drop(x) }", "and a `Form` cannot be cloned for the next one"),
        ];
        for (function, expected) in table {
            assert!(given(function, &[]).contains(expected), "{function}");
        }
        assert!(given("fn f(x: &str) { drop(x) }", &["x"]).contains("and `x` is none: remove it"));
    }
}
