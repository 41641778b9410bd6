//! The variables that a function binds: its arguments, and a receiver that is taken by value.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{FnArg, Item, Macro, Pat, PatIdent, Path, Receiver, ReceiverKind, Signature, Stmt, Token, Type};

use crate::cfg::Predicate;
use crate::tokens::mentioned;
use crate::walk::{self, Node, Parts};

/// A variable that a body owns.
pub(crate) struct Owned {
    pub(crate) name: Ident,
    /// The name that the documentation has for it.
    pub(crate) documented: Ident,
    /// Its `mut`, so that lints find the user's.
    pub(crate) mutability: Option<Token![mut]>,
    pub(crate) ty: Option<Type>,
    /// The predicate of its `#[cfg(..)]`.
    pub(crate) predicate: Option<Predicate>,
    /// A pattern that each attempt takes it apart by.
    pub(crate) pattern: Option<Pat>,
}

impl Owned {
    pub(crate) fn name(&self) -> &Ident {
        &self.name
    }

    pub(crate) fn ty(&self) -> Option<&Type> {
        self.ty.as_ref()
    }

    pub(crate) fn into_name(self) -> Ident {
        self.name
    }

    /// Hides the `mut` from lints if statements before the attempts mention the variable.
    pub(crate) fn may_be_changed_by(&mut self, before: &[Stmt]) {
        if mentioned(before, &self.name) {
            self.mutability = self.mutability.map(|_| Token![mut](Span::mixed_site()));
        }
    }

    pub(crate) fn under(mut self, predicate: Option<Predicate>) -> Self {
        self.predicate = predicate;
        self
    }

    pub(crate) fn new(pattern: &PatIdent, ty: Option<&Type>) -> Self {
        Self { mutability: pattern.mutability, ..Self::named(pattern.ident.clone(), ty) }
    }

    fn named(name: Ident, ty: Option<&Type>) -> Self {
        Self {
            documented: name.clone(),
            name,
            mutability: None,
            ty: ty.cloned(),
            predicate: None,
            pattern: None,
        }
    }
}

/// The owned arguments of a function. A receiver that is taken by value becomes a local, since `self` cannot
/// be bound again; `body` is changed to use that. An argument that is taken apart by a macro gets a name.
pub(crate) fn owned(sig: &mut Signature, body: &mut [Stmt], once: &mut TokenStream) -> Vec<Owned> {
    let mut owned = Vec::new();
    for (at, input) in sig.inputs.iter_mut().enumerate() {
        match input {
            FnArg::Typed(typed) => {
                let predicate = Predicate::of(&typed.attrs);
                if has_macro(&typed.pat) {
                    let span = Span::mixed_site().located_at(typed.pat.span());
                    let name = Ident::new(&format!("argument_{at}"), span);
                    let pattern = std::mem::replace(&mut *typed.pat, Pat::Verbatim(name.to_token_stream()));
                    let argument = Owned::named(name, Some(&typed.ty));
                    owned.push(Owned { predicate, pattern: Some(pattern), ..argument });
                    continue;
                }
                let outside = owned.len();
                names(&typed.pat, Some(&typed.ty), &mut owned);
                for argument in &mut owned[outside..] {
                    argument.predicate.clone_from(&predicate);
                }
            }
            FnArg::Receiver(receiver) => {
                if is_by_value(receiver) {
                    let name = self_by_value();
                    for stmt in body.iter_mut() {
                        Rename { name: &name }.visit_stmt_mut(stmt);
                    }
                    let keyword = receiver.self_token;
                    once.extend(quote!(let #name = #keyword;));
                    let documented = Ident::from(receiver.self_token);
                    let mutability = receiver.mutability;
                    owned.push(Owned { documented, mutability, ..Owned::named(name, None) });
                }
            }
        }
    }
    owned
}

/// Returns `true` if a pattern has a macro in it, which may bind anything.
fn has_macro(pattern: &Pat) -> bool {
    let mut has_macro = false;
    walk::pat(pattern, |node| {
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

/// The names that a pattern binds. Only a plain one has the type of the whole.
pub(crate) fn names(pattern: &Pat, ty: Option<&Type>, owned: &mut Vec<Owned>) {
    match pattern {
        Pat::Ident(plain) if plain.subpat.is_none() => owned.push(Owned::new(plain, ty)),
        Pat::Type(typed) => names(&typed.pat, Some(&typed.ty), owned),
        other => walk::pat(other, |node| {
            if let Node::Pat(Pat::Ident(name)) = node {
                if name.by_ref.is_none() {
                    owned.push(Owned::new(name, None));
                }
            }
            Parts::Visit
        }),
    }
}

/// `tokens` with `self` called otherwise.
pub(crate) fn with_self_as(name: &Ident, tokens: TokenStream) -> TokenStream {
    Rename { name }.tokens(tokens)
}

/// Renames `self`, also in the input of macros, but not in items with a `self` of their own.
struct Rename<'n> {
    name: &'n Ident,
}

impl Rename<'_> {
    fn tokens(&self, tokens: TokenStream) -> TokenStream {
        let mut tokens = tokens.into_iter().peekable();
        let mut renamed = TokenStream::new();
        while let Some(token) = tokens.next() {
            let path = matches!(tokens.peek(), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
            renamed.extend([match token {
                TokenTree::Ident(keyword) if keyword == "self" && !path => self.at(keyword.span()).into(),
                TokenTree::Group(group) => {
                    let mut inner = Group::new(group.delimiter(), self.tokens(group.stream()));
                    inner.set_span(group.span());
                    inner.into()
                }
                other => other,
            }]);
        }
        renamed
    }

    fn at(&self, span: Span) -> Ident {
        let mut name = self.name.clone();
        name.set_span(span.resolved_at(self.name.span()));
        name
    }
}

impl VisitMut for Rename<'_> {
    fn visit_path_mut(&mut self, path: &mut Path) {
        if path.is_ident("self") {
            path.segments[0].ident = self.at(path.segments[0].ident.span());
        } else {
            visit_mut::visit_path_mut(self, path);
        }
    }

    fn visit_item_mut(&mut self, _: &mut Item) {}

    fn visit_macro_mut(&mut self, item: &mut Macro) {
        item.tokens = self.tokens(std::mem::take(&mut item.tokens));
    }
}
