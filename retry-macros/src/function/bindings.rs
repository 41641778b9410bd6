//! The variables that a function binds: its arguments, and a receiver that is taken by value.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Attribute, Expr, FnArg, Meta, Pat, PatType, Receiver, ReceiverKind, Signature, Stmt, Token, Type,
    parse_quote,
};

use crate::cfg::Predicate;
use crate::function::rename;
use crate::tokens::{as_written, mentioned};
use crate::walk::{self, Node, Parts};

/// A variable that a body owns.
#[derive(Clone)]
pub(crate) struct Owned {
    pub(crate) name: Ident,
    /// The name that the user has for it.
    pub(crate) documented: String,
    /// Its `mut`, so that lints find the user's.
    pub(crate) mutability: Option<Token![mut]>,
    /// The lint levels of that `mut`.
    pub(crate) lints: Vec<Attribute>,
    pub(crate) ty: Option<Type>,
    /// The type that it is taken out of, where its own is not known.
    pub(crate) whole: Option<Type>,
    /// The predicate of its `#[cfg(..)]`.
    pub(crate) predicate: Option<Predicate>,
    /// A pattern that each attempt takes it apart by.
    pub(crate) pattern: Option<Pat>,
    pub(crate) is_receiver: bool,
}

impl Owned {
    /// Returns where the user binds it.
    pub(crate) fn span(&self) -> Span {
        self.pattern.as_ref().map_or_else(|| self.name.span(), Spanned::span)
    }

    /// Hides the `mut` from lints if statements before the attempts mention the variable.
    fn may_be_changed_by(&mut self, before: &mut [Stmt]) {
        if mentioned(before, &self.name) {
            self.hide_mut();
        }
    }

    fn hide_mut(&mut self) {
        self.mutability = self.mutability.map(|_| Token![mut](Span::mixed_site()));
    }

    /// Returns a variable of which no more is known.
    pub(crate) fn named(name: Ident, ty: Option<Type>) -> Self {
        Self {
            documented: name.to_string(),
            name,
            mutability: None,
            lints: Vec::new(),
            ty,
            whole: None,
            predicate: None,
            pattern: None,
            is_receiver: false,
        }
    }

    /// Returns the receiver `self` under another name.
    pub(crate) fn receiver(receiver: &Receiver, name: Ident) -> Self {
        let ty = match &receiver.kind {
            ReceiverKind::Typed(_, ty) => Some((**ty).clone()),
            _ => None,
        };
        Self {
            documented: "self".to_owned(),
            mutability: receiver.mutability,
            is_receiver: true,
            ..Self::named(name, ty)
        }
    }
}

/// The owned arguments of a function. A receiver that is taken by value becomes a local, since
/// `self` cannot be bound again; `body` is changed to use that. An argument that is taken apart by
/// a macro gets a name.
pub(crate) fn owned(sig: &mut Signature, body: &mut [Stmt], once: &mut TokenStream) -> Vec<Owned> {
    let mut owned = Vec::new();
    for (at, input) in sig.inputs.iter_mut().enumerate() {
        match input {
            FnArg::Typed(typed) if has_macro(&typed.pat) => {
                let span = Span::mixed_site().located_at(typed.pat.span());
                let name = Ident::new(&format!("argument_{at}"), span);
                let pattern = std::mem::replace(&mut *typed.pat, Pat::Verbatim(name.to_token_stream()));
                owned.push(Owned {
                    documented: as_written(&pattern),
                    predicate: Predicate::of(&typed.attrs),
                    pattern: Some(pattern),
                    ..Owned::named(name, Some((*typed.ty).clone()))
                });
            }
            FnArg::Typed(typed) => owned.extend(of_parameter(typed)),
            FnArg::Receiver(receiver) if is_by_value(receiver) => {
                owned.push(receiver_in(receiver, body, once));
            }
            FnArg::Receiver(_) => {}
        }
    }
    owned
}

/// Makes a receiver that is taken by value a local of `body`. `before` are the statements before
/// it.
pub(crate) fn receiver_in_block(
    receiver: &Receiver,
    before: &mut [Stmt],
    body: &mut [Stmt],
    once: &mut TokenStream,
) -> Owned {
    let mut owned = receiver_in(receiver, body, once);
    if mentioned(before, &Ident::from(receiver.self_token)) {
        owned.hide_mut();
    }
    owned
}

/// Makes a receiver that is taken by value a local of `body`.
fn receiver_in(receiver: &Receiver, body: &mut [Stmt], once: &mut TokenStream) -> Owned {
    let mut name = self_by_value();
    name.set_span(name.span().located_at(receiver.self_token.span));
    rename::in_stmts(&name, body);
    let keyword = receiver.self_token;
    once.extend(quote!(let #name = #keyword;));
    Owned::receiver(receiver, name)
}

/// Returns the variables that a parameter binds.
fn of_parameter(parameter: &PatType) -> Vec<Owned> {
    let predicate = Predicate::of(&parameter.attrs);
    let mut owned = Vec::new();
    names(&parameter.pat, Some(&parameter.ty), &mut owned);
    for variable in &mut owned {
        variable.predicate.clone_from(&predicate);
        variable.lints = levels_of_mut(&parameter.attrs);
    }
    owned
}

/// Returns the variables that the parameters of a function bind.
pub(crate) fn of_parameters(sig: &Signature) -> Vec<Owned> {
    let mut owned = Vec::new();
    for input in &sig.inputs {
        if let FnArg::Typed(typed) = input {
            owned.extend(of_parameter(typed));
        }
    }
    owned
}

/// Hides the `mut` of variables that statements before the attempts mention.
pub(super) fn hide_mut(owned: &mut [Owned], before: &mut [Stmt]) {
    for variable in owned {
        variable.may_be_changed_by(before);
    }
}

/// Adds the variables that statements bind, in the place of those that they bind again.
pub(super) fn bind_again(owned: &mut Vec<Owned>, sig: &Signature, stmts: &[Stmt]) {
    for stmt in stmts {
        let Stmt::Local(local) = stmt else { continue };
        // `#[async_trait]` moves each argument, and `self`, into its block.
        let moved = local.init.as_ref().and_then(|init| moved(&init.expr));
        let predicate = Predicate::of(&local.attrs);
        let mut bound = Vec::new();
        let is_receiver = moved.is_some_and(|moved| moved == "self");
        if let (true, Pat::Ident(plain)) = (is_receiver, &local.pat) {
            let Some(receiver) = sig.receiver().filter(|receiver| is_by_value(receiver)) else { continue };
            let mutability = plain.mutability;
            bound.push(Owned { mutability, ..Owned::receiver(receiver, plain.ident.clone()) });
        } else {
            let from = moved.and_then(|moved| owned.iter().rev().find(|owned| owned.name == *moved));
            names(&local.pat, from.and_then(|from| from.ty.as_ref()), &mut bound);
            for variable in &mut bound {
                variable.lints = from.map(|from| from.lints.clone()).unwrap_or_default();
            }
        }
        for variable in &mut bound {
            variable.predicate.clone_from(&predicate);
        }
        if predicate.is_none() {
            owned.retain(|owned| !bound.iter().any(|again| again.name == owned.name));
        }
        owned.extend(bound);
    }
}

/// Returns the variable that an expression only moves.
fn moved(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Path(path) => path.path.get_ident(),
        Expr::Block(item) => match item.block.stmts.last() {
            Some(Stmt::Expr(tail, None)) => moved(tail),
            _ => None,
        },
        _ => None,
    }
}

/// Returns an attribute that sets only the level of `unused_mut` for each attribute that sets it.
fn levels_of_mut(attrs: &[Attribute]) -> Vec<Attribute> {
    const LEVELS: [&str; 5] = ["allow", "deny", "expect", "forbid", "warn"];
    let mut levels = Vec::new();
    for attribute in attrs {
        let level = attribute.path();
        if LEVELS.iter().any(|known| level.is_ident(known)) && sets_mut(attribute) {
            levels.push(parse_quote!(#[#level(unused_mut)]));
        }
    }
    levels
}

fn sets_mut(attribute: &Attribute) -> bool {
    let lints = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
    lints.is_ok_and(|lints| lints.iter().any(|lint| lint.path().is_ident("unused_mut")))
}

/// Takes `unused_mut` off the `#[expect(..)]` of a parameter: the `mut` is not there any more.
pub(crate) fn without_expected_mut(attrs: &mut Vec<Attribute>) {
    attrs.retain_mut(|attribute| {
        if !attribute.path().is_ident("expect") || !sets_mut(attribute) {
            return true;
        }
        let lints = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
        let rest: Vec<_> =
            lints.into_iter().flatten().filter(|lint| !lint.path().is_ident("unused_mut")).collect();
        *attribute = parse_quote!(#[expect(#(#rest),*)]);
        rest.iter().any(|lint| matches!(lint, Meta::Path(_)))
    });
}

/// Returns `true` if a pattern has a macro in it, which may bind anything.
fn has_macro(pattern: &Pat) -> bool {
    let mut has_macro = false;
    walk::pat(&mut pattern.clone(), &mut |node| {
        has_macro |= matches!(node, Node::Macro(_));
        Parts::Visit
    });
    has_macro
}

/// Returns the name of a `self` that is taken by value, after the conversions.
pub(crate) fn self_by_value() -> Ident {
    Ident::new("this", Span::mixed_site())
}

pub(crate) fn is_by_value(receiver: &Receiver) -> bool {
    match &receiver.kind {
        ReceiverKind::Value => true,
        ReceiverKind::Typed(_, ty) => !matches!(**ty, Type::Reference(_)),
        _ => false,
    }
}

/// Adds the variables that a pattern binds, with their types as far as tokens tell them.
pub(crate) fn names(pattern: &Pat, ty: Option<&Type>, owned: &mut Vec<Owned>) {
    Binder { owned, whole: None }.bind(pattern, ty, Mode::Move);
}

/// The way in which a pattern binds the parts of a value, unless it says `ref`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Move,
    Shared,
    Unique,
}

impl Mode {
    /// Returns the type of a variable that is bound to a part of type `ty`.
    fn bound(self, ty: Option<&Type>) -> Option<Type> {
        let part = ty.map_or_else(|| quote!(_), ToTokens::to_token_stream);
        match self {
            Self::Move => ty.cloned(),
            Self::Shared => Some(parse_quote!(&#part)),
            Self::Unique => Some(parse_quote!(&mut #part)),
        }
    }

    /// Looks through the references of a value that is taken apart.
    fn through(mut self, mut ty: Option<&Type>) -> (Self, Option<&Type>) {
        while let Some(outer) = ty {
            match outer {
                Type::Reference(reference) => {
                    self = match (self, reference.mutability) {
                        (Self::Move | Self::Unique, Some(_)) => Self::Unique,
                        _ => Self::Shared,
                    };
                    ty = Some(&reference.elem);
                }
                Type::Paren(paren) => ty = Some(&paren.elem),
                Type::Group(group) => ty = Some(&group.elem),
                _ => break,
            }
        }
        (self, ty)
    }
}

struct Binder<'o> {
    owned: &'o mut Vec<Owned>,
    /// The innermost known type around the visited pattern.
    whole: Option<Type>,
}

impl Binder<'_> {
    fn bind(&mut self, pattern: &Pat, ty: Option<&Type>, mode: Mode) {
        match pattern {
            Pat::Ident(plain) => {
                let (bound, mutability) = match (plain.by_ref, plain.mutability) {
                    (Some(_), None) => (Mode::Shared.bound(ty), None),
                    (Some(_), Some(_)) => (Mode::Unique.bound(ty), None),
                    // `mut x` is bound by value, where it may stand.
                    (None, Some(mutability)) if mode != Mode::Move => (None, Some(mutability)),
                    (None, mutability) => (mode.bound(ty), mutability),
                };
                let whole = self.whole.clone().filter(|_| bound.is_none());
                self.owned.push(Owned { mutability, whole, ..Owned::named(plain.ident.clone(), bound) });
                if let Some((_, inner)) = &plain.subpat {
                    self.bind(inner, ty, mode);
                }
            }
            Pat::Type(typed) => self.bind(&typed.pat, Some(&typed.ty), mode),
            Pat::Paren(paren) => self.bind(&paren.pat, ty, mode),
            Pat::Guard(guard) => self.bind(&guard.pat, ty, mode),
            Pat::Reference(reference) => {
                let referent = match ty {
                    Some(Type::Reference(reference)) => Some(&*reference.elem),
                    _ => None,
                };
                self.bind(&reference.pat, referent, Mode::Move);
            }
            Pat::Or(or) => or.cases.iter().for_each(|case| self.bind(case, ty, mode)),
            Pat::Tuple(tuple) => {
                let (mode, ty) = mode.through(ty);
                let types = match ty {
                    Some(Type::Tuple(ty)) => parts(tuple.elems.iter(), ty.elems.iter()),
                    _ => Vec::new(),
                };
                for (at, element) in tuple.elems.iter().enumerate() {
                    self.bind(element, types.get(at).copied().flatten(), mode);
                }
            }
            Pat::Slice(slice) => {
                let (mode, ty) = mode.through(ty);
                let element = match ty {
                    Some(Type::Array(array)) => Some(&*array.elem),
                    Some(Type::Slice(slice)) => Some(&*slice.elem),
                    _ => None,
                };
                for part in &slice.elems {
                    let is_rest = matches!(part, Pat::Ident(rest) if rest.subpat.is_some());
                    self.bind(part, element.filter(|_| !is_rest), mode);
                }
            }
            Pat::TupleStruct(item) => self.within(ty, mode, item.elems.iter()),
            Pat::Struct(item) => self.within(ty, mode, item.fields.iter().map(|field| &*field.pat)),
            _ => {}
        }
    }

    /// Binds fields, whose types only the compiler knows.
    fn within<'p>(&mut self, ty: Option<&Type>, mode: Mode, fields: impl Iterator<Item = &'p Pat>) {
        let (mode, ty) = mode.through(ty);
        let outside = ty.map(|ty| self.whole.replace(ty.clone()));
        for field in fields {
            self.bind(field, None, mode);
        }
        if let Some(outside) = outside {
            self.whole = outside;
        }
    }
}

/// Returns for each of `patterns` which of `types` it has, where one of the patterns may be `..`.
fn parts<'p, 't>(
    patterns: impl ExactSizeIterator<Item = &'p Pat>,
    types: impl ExactSizeIterator<Item = &'t Type>,
) -> Vec<Option<&'t Type>> {
    let (count, types) = (patterns.len(), types.collect::<Vec<_>>());
    let mut rest = None;
    let at = |(at, pattern): (usize, &Pat)| {
        if matches!(pattern, Pat::Rest(_)) {
            rest = Some(at);
            return None;
        }
        match rest {
            None => types.get(at).copied(),
            Some(_) => (types.len() + at).checked_sub(count).and_then(|at| types.get(at)).copied(),
        }
    };
    patterns.enumerate().map(at).collect()
}
