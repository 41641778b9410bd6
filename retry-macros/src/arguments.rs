//! What a body does with the arguments it owns, and what each attempt must therefore be given.
//!
//! A body that is run again finds what it consumed gone. So an argument that it only borrows is left alone;
//! of one that it may consume each attempt gets a clone where its type is `Clone`, and else a reference; of one
//! that it certainly consumes a clone, or the mistake is reported at that use. What is only known to convert
//! into something, or to iterate, is converted once, before the first attempt.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{
    BinOp, Block, Expr, FnArg, GenericParam, Generics, Item, Macro, Pat, PatIdent, Path, ReceiverKind,
    Signature, Stmt, Token, Type, TypeParamBound, UnOp, WherePredicate, parse_quote,
};

use crate::errors::Errors;

/// Methods that by convention borrow what they are called on.
const BORROWING: [&str; 34] = [
    "borrow",
    "borrow_mut",
    "chars",
    "clone",
    "cloned",
    "contains",
    "contains_key",
    "copied",
    "deref",
    "display",
    "ends_with",
    "entry",
    "extend",
    "first",
    "get",
    "get_mut",
    "insert",
    "keys",
    "last",
    "len",
    "lines",
    "lock",
    "push",
    "push_str",
    "read",
    "remove",
    "split",
    "starts_with",
    "trim",
    "try_clone",
    "values",
    "write",
    "iter",
    "iter_mut",
];
const BORROWING_PREFIXES: [&str; 4] = ["as_", "has_", "is_", "to_"];
const CONSUMING: [&str; 4] = ["into", "try_into", "unwrap", "expect"];
const CONSUMING_PREFIXES: [&str; 2] = ["into_", "unwrap_"];
/// Macros that take their arguments by reference, as `format!` does.
const FORMATTING: [&str; 37] = [
    "anyhow",
    "assert",
    "assert_eq",
    "assert_ne",
    "bail",
    "debug",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "debug_span",
    "ensure",
    "eprint",
    "eprintln",
    "error",
    "error_span",
    "event",
    "eyre",
    "format",
    "format_args",
    "info",
    "info_span",
    "json",
    "log",
    "matches",
    "panic",
    "print",
    "println",
    "span",
    "todo",
    "trace",
    "trace_span",
    "unimplemented",
    "unreachable",
    "warn",
    "warn_span",
    "write",
    "writeln",
];
/// Types that are known not to be `Clone`, by their last name.
const NOT_CLONE: [&str; 4] = ["Body", "Form", "Part", "RequestBuilder"];
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
    /// The arguments that attempts change, and not the function itself any more.
    changed: Vec<Ident>,
}

impl Arguments {
    /// Takes the `mut` away from where arguments are bound, if only attempts need it.
    pub(crate) fn strip_mut(&self, sig: &mut Signature, body: &mut [Stmt]) {
        struct Strip<'n>(&'n [Ident]);

        impl VisitMut for Strip<'_> {
            fn visit_pat_ident_mut(&mut self, pattern: &mut PatIdent) {
                if self.0.contains(&pattern.ident) {
                    pattern.mutability = None;
                }
                visit_mut::visit_pat_ident_mut(self, pattern);
            }

            fn visit_receiver_mut(&mut self, receiver: &mut syn::Receiver) {
                if !matches!(receiver.kind, ReceiverKind::Reference(..)) {
                    receiver.mutability = None;
                }
            }
        }

        let mut strip = Strip(&self.changed);
        for input in &mut sig.inputs {
            strip.visit_fn_arg_mut(input);
        }
        for stmt in body {
            strip.visit_stmt_mut(stmt);
        }
    }
}

/// A variable that a body owns.
pub(crate) struct Owned {
    name: Ident,
    mutable: bool,
    ty: Option<Type>,
}

impl Owned {
    pub(crate) fn into_name(self) -> Ident {
        self.name
    }

    pub(crate) fn named(name: &str, ty: &Type) -> Self {
        Self { name: Ident::new(name, Span::call_site()), mutable: false, ty: Some(ty.clone()) }
    }

    pub(crate) fn new(pattern: &PatIdent, ty: Option<&Type>) -> Self {
        Self { name: pattern.ident.clone(), mutable: pattern.mutability.is_some(), ty: ty.cloned() }
    }
}

/// The owned arguments of a function. A receiver that is taken by value becomes a local, since `self` cannot
/// be bound again; `body` is changed to use that.
pub(crate) fn owned(sig: &Signature, body: &mut [Stmt], once: &mut TokenStream) -> Vec<Owned> {
    let mut owned = Vec::new();
    for input in &sig.inputs {
        match input {
            FnArg::Typed(typed) => names(&typed.pat, Some(&typed.ty), &mut owned),
            FnArg::Receiver(receiver) => {
                let by_value = match &receiver.kind {
                    ReceiverKind::Value => true,
                    ReceiverKind::Typed(_, ty) => !matches!(**ty, Type::Reference(_)),
                    _ => false,
                };
                if by_value {
                    let name = Ident::new("this", Span::mixed_site());
                    for stmt in body.iter_mut() {
                        Rename { name: &name }.visit_stmt_mut(stmt);
                    }
                    let keyword = receiver.self_token;
                    once.extend(quote!(let #name = #keyword;));
                    owned.push(Owned { name, mutable: receiver.mutability.is_some(), ty: None });
                }
            }
        }
    }
    owned
}

/// The names that a pattern binds. Only a plain one has the type of the whole.
pub(crate) fn names(pattern: &Pat, ty: Option<&Type>, owned: &mut Vec<Owned>) {
    struct Names<'o>(&'o mut Vec<Owned>);

    impl<'ast> Visit<'ast> for Names<'_> {
        fn visit_pat_ident(&mut self, pattern: &'ast PatIdent) {
            if pattern.by_ref.is_none() {
                self.0.push(Owned::new(pattern, None));
            }
            visit::visit_pat_ident(self, pattern);
        }
    }

    match pattern {
        Pat::Ident(plain) if plain.subpat.is_none() => owned.push(Owned::new(plain, ty)),
        Pat::Type(typed) => names(&typed.pat, Some(&typed.ty), owned),
        other => Names(owned).visit_pat(other),
    }
}

/// Decides what each attempt is given of `owned`, by what `body` does with it.
pub(crate) fn plan(
    owned: &[Owned],
    body: &mut [Stmt],
    generics: &Generics,
    private: &TokenStream,
    errors: &mut Errors,
) -> Arguments {
    let is_kept =
        |owned: &Owned| !owned.mutable && matches!(Kind::of(owned.ty.as_ref(), generics), Kind::Copy);
    if owned.iter().all(is_kept) {
        return Arguments::default();
    }
    let kinds: Vec<_> = owned.iter().map(|owned| Kind::of(owned.ty.as_ref(), generics)).collect();
    let found = owned.iter().zip(&kinds).map(|(owned, kind)| Found {
        name: owned.name.clone(),
        converted: matches!(kind, Kind::Into(_)),
        used: Use::None,
    });
    let mut uses = Uses { found: found.collect(), context: Use::None };
    uses.block(body);
    let mut arguments = Arguments::default();
    for ((owned, kind), Found { used, .. }) in owned.iter().zip(kinds).zip(uses.found) {
        let span = match used {
            Use::Consumed(span) => span,
            _ => owned.name.span(),
        };
        match (used, kind) {
            (Use::None, _) | (Use::Borrowed, Kind::UniqueReference) => {}
            (_, Kind::UniqueReference) => arguments.reborrow(owned),
            (_, Kind::Copy) => {
                if owned.mutable {
                    arguments.clone(owned, private, span);
                }
            }
            (Use::Borrowed, kind) if !owned.mutable => arguments.keep(owned, &kind),
            (Use::Perhaps | Use::Consumed(_), Kind::Into(target)) => {
                arguments.converted(owned, &target, private, span);
            }
            (_, Kind::Iterator { again }) => arguments.collected(owned, again, private, span),
            (Use::Borrowed | Use::Perhaps, _) => arguments.fresh(owned, private),
            (Use::Consumed(span), Kind::NotClone(what, remedy)) => errors.push(syn::Error::new(
                span,
                format!(
                    "each attempt consumes argument `{}` here, and {what} cannot be cloned for the next one: {remedy}",
                    owned.name
                ),
            )),
            (Use::Consumed(span), _) => arguments.clone(owned, private, span),
        }
    }
    arguments
}

impl Arguments {
    /// An argument that is only borrowed. Where its type may not be `Sync`, an attempt borrows it uniquely: the
    /// future is then `Send` if the argument is, as it is without the attribute.
    fn keep(&mut self, owned: &Owned, kind: &Kind) {
        let name = &owned.name;
        if matches!(kind, Kind::Generic | Kind::NotClone(..) | Kind::Into(_) | Kind::Iterator { .. }) {
            self.once.extend(quote!(let mut #name = #name;));
            self.inside.extend(quote!(let _ = &mut #name;));
        }
    }

    /// A unique reference that an attempt may move is lent to it.
    fn reborrow(&mut self, owned: &Owned) {
        let name = &owned.name;
        self.each.extend(quote!(let #name = &mut *#name;));
        self.enter(owned);
    }

    fn clone(&mut self, owned: &Owned, private: &TokenStream, span: Span) {
        let name = &owned.name;
        // Named as at the use, where the mistake is if there is one.
        let used = Ident::new(&name.to_string(), span);
        self.each.extend(quote_spanned!(span=> let #name = #private::again(&#used);));
        self.enter(owned);
        self.cloned.push(name.to_string());
    }

    fn fresh(&mut self, owned: &Owned, private: &TokenStream) {
        let name = &owned.name;
        self.once.extend(quote!(let mut #name = #name;));
        self.each.extend(quote!(let #name = #private::fresh!(#name);));
        self.enter(owned);
        self.cloned.push(name.to_string());
    }

    fn converted(&mut self, owned: &Owned, target: &TokenStream, private: &TokenStream, span: Span) {
        let name = &owned.name;
        self.once.extend(quote!(let #name: #target = ::core::convert::Into::into(#name);));
        self.clone(owned, private, span);
    }

    fn collected(&mut self, owned: &Owned, again: bool, private: &TokenStream, span: Span) {
        let name = &owned.name;
        self.once.extend(quote!(let #name = #private::collect(#name);));
        self.clone(owned, private, span);
        if again {
            self.each.extend(quote!(let #name = ::core::iter::IntoIterator::into_iter(#name);));
        }
    }

    /// The attempt takes what it is given.
    fn enter(&mut self, Owned { name, mutable, .. }: &Owned) {
        let mutability = mutable.then(|| quote!(mut));
        if *mutable {
            self.changed.push(name.clone());
        }
        self.inside.extend(quote!(let #mutability #name = #name;));
    }
}

/// What the type of an argument says about giving it to every attempt.
#[derive(Clone)]
enum Kind {
    Copy,
    UniqueReference,
    /// Certainly not `Clone`: what it is, and what to write.
    NotClone(String, &'static str),
    /// `impl Into<X>`, and X.
    Into(TokenStream),
    /// `impl Iterator`, or `impl IntoIterator`, which the collected items are themselves.
    Iterator {
        again: bool,
    },
    /// A type parameter that is `Clone`.
    Generic,
    /// Whether it is `Clone` the compiler knows.
    Other,
}

impl Kind {
    fn of(ty: Option<&Type>, generics: &Generics) -> Self {
        match ty {
            Some(Type::Reference(reference)) if reference.mutability.is_some() => Self::UniqueReference,
            Some(Type::Reference(_)) => Self::Copy,
            Some(Type::ImplTrait(item)) => Self::bounded(item.bounds.iter().collect(), "its type"),
            Some(Type::Path(path)) if path.qself.is_none() => {
                let Some(last) = path.path.segments.last() else { return Self::Other };
                let name = last.ident.to_string();
                if COPY.contains(&name.as_str()) {
                    return Self::Copy;
                }
                if let Some(bounds) = path.path.get_ident().and_then(|name| bounds(name, generics)) {
                    return Self::bounded(bounds, &format!("`{name}`"));
                }
                if NOT_CLONE.contains(&name.as_str()) {
                    let remedy = "build it in the function, of parts that can be cloned";
                    return Self::NotClone(format!("a `{name}`"), remedy);
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
        let mut only =
            traits.iter().filter(|bound| !["Send", "Sync", "Unpin"].iter().any(|name| bound.ident == name));
        if let (Some(bound), None) = (only.next(), only.next()) {
            let argument = match &bound.arguments {
                syn::PathArguments::AngleBracketed(arguments) => arguments.args.first(),
                _ => None,
            };
            match (bound.ident.to_string().as_str(), argument) {
                ("Into", Some(syn::GenericArgument::Type(target))) => {
                    let name = match target {
                        Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
                        _ => None,
                    };
                    if let Some(name) = name.filter(|name| NOT_CLONE.contains(&name.as_str())) {
                        return Self::NotClone(
                            format!("a `{name}`"),
                            "take what can be cloned, such as `impl Into<Bytes>`, or add `+ Clone`",
                        );
                    }
                    return Self::Into(target.to_token_stream());
                }
                ("Iterator", _) => return Self::Iterator { again: true },
                ("IntoIterator", _) => return Self::Iterator { again: false },
                _ => {}
            }
        }
        Self::NotClone(what.to_owned(), "add `+ Clone`, or take a reference")
    }
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

/// What a body does with a variable, the strongest it does.
#[derive(Clone, Copy)]
enum Use {
    None,
    Borrowed,
    Perhaps,
    Consumed(Span),
}

impl Use {
    fn rank(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Borrowed => 1,
            Self::Perhaps => 2,
            Self::Consumed(_) => 3,
        }
    }
}

/// Finds the uses of variables in a body.
struct Uses {
    /// The variables in scope. A name that is bound again is taken out while it means something else.
    found: Vec<Found>,
    /// What the expression around does with what it is about to visit. `None` stands for taking its value.
    context: Use,
}

/// A variable, and what is done with it.
struct Found {
    name: Ident,
    /// Whether it is converted before the first attempt, so that a further `.into()` of it is one too many.
    converted: bool,
    used: Use,
}

impl Uses {
    fn record(&mut self, name: &Ident, used: Use) {
        if let Some(found) = self.found.iter_mut().find(|found| found.name == *name) {
            if used.rank() > found.used.rank() {
                found.used = used;
            }
        }
    }

    fn with(&mut self, context: Use, expr: &mut Expr) {
        self.context = context;
        self.visit_expr_mut(expr);
        self.context = Use::None;
    }

    fn all<'e>(&mut self, exprs: impl IntoIterator<Item = &'e mut Expr>) {
        for expr in exprs {
            self.visit_expr_mut(expr);
        }
    }

    /// Visits with `patterns` bound: their names mean something else there.
    fn shadowed<'p>(&mut self, patterns: impl IntoIterator<Item = &'p Pat>, visit: impl FnOnce(&mut Self)) {
        let mut bound = Vec::new();
        for pattern in patterns {
            names(pattern, None, &mut bound);
        }
        let mut hidden = Vec::new();
        for (index, found) in self.found.iter_mut().enumerate() {
            if bound.iter().any(|owned| owned.name == found.name) {
                let unused = Ident::new("_hidden", Span::mixed_site());
                hidden.push((index, std::mem::replace(&mut found.name, unused)));
            }
        }
        visit(self);
        for (index, name) in hidden {
            self.found[index].name = name;
        }
    }

    fn block(&mut self, stmts: &mut [Stmt]) {
        let Some((stmt, rest)) = stmts.split_first_mut() else { return };
        match stmt {
            Stmt::Local(local) => {
                if let Some(init) = &mut local.init {
                    self.with(by_pattern(&local.pat), &mut init.expr);
                    if let Some((_, diverge)) = &mut init.diverge {
                        self.visit_expr_mut(diverge);
                    }
                }
                self.shadowed([&local.pat], |uses| uses.block(rest));
                return;
            }
            Stmt::Item(_) => {}
            other => self.visit_stmt_mut(other),
        }
        self.block(rest);
    }

    /// `if let` and its chains: what the condition binds is bound in the branch.
    fn branch(&mut self, condition: &mut Expr, visit: impl FnOnce(&mut Self)) {
        struct Lets(Vec<Pat>);

        impl<'ast> Visit<'ast> for Lets {
            fn visit_expr_let(&mut self, expr: &'ast syn::ExprLet) {
                self.0.push((*expr.pat).clone());
            }

            fn visit_expr_block(&mut self, _: &'ast syn::ExprBlock) {}

            fn visit_expr_closure(&mut self, _: &'ast syn::ExprClosure) {}
        }

        self.visit_expr_mut(condition);
        let mut lets = Lets(Vec::new());
        lets.visit_expr(condition);
        self.shadowed(&lets.0, visit);
    }

    /// Of `x.into()`, where `x` is converted before the first attempt, `x` as it is.
    fn converted(&self, expr: &Expr) -> Option<Expr> {
        let Expr::MethodCall(call) = expr else { return None };
        let Expr::Path(path) = &*call.receiver else { return None };
        let name = path.path.get_ident()?;
        let into =
            call.method == "into" && self.found.iter().any(|found| found.name == *name && found.converted);
        into.then(|| parse_quote!(::core::convert::identity(#name)))
    }

    /// What a `move` closure or block mentions, it takes.
    fn captured(&mut self, body: &impl ToTokens) {
        self.mentions(body.to_token_stream(), Use::Perhaps);
    }

    /// All that is mentioned in tokens that are not looked into. `used` is what the outermost are.
    fn mentions(&mut self, tokens: TokenStream, used: Use) {
        let mut previous = None;
        for token in tokens {
            match &token {
                TokenTree::Ident(name) if previous != Some('.') => self.record(name, used),
                TokenTree::Group(group) => self.mentions(group.stream(), Use::Perhaps),
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    let names: Vec<_> = self.found.iter().map(|found| found.name.clone()).collect();
                    for name in names.iter().filter(|name| captures(&text, name)) {
                        self.record(name, Use::Borrowed);
                    }
                }
                _ => {}
            }
            previous = match &token {
                TokenTree::Punct(punct) => Some(punct.as_char()),
                _ => None,
            };
        }
    }

    /// The arguments of a macro that takes them as `format!` does.
    fn formatted(&mut self, tokens: TokenStream) {
        let Ok(arguments) = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(tokens.clone()) else {
            return self.mentions(tokens, Use::Borrowed);
        };
        for mut argument in arguments {
            match &mut argument {
                Expr::Lit(literal) => self.mentions(literal.to_token_stream(), Use::Borrowed),
                Expr::Assign(named) => self.with(Use::Borrowed, &mut named.right),
                other => self.with(Use::Borrowed, other),
            }
        }
    }

    /// [`Self::converted`] in the input of a macro.
    fn without_into(&mut self, tokens: TokenStream) -> TokenStream {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut kept = TokenStream::new();
        let mut at = 0;
        while at < tokens.len() {
            if let [
                TokenTree::Ident(name),
                TokenTree::Punct(dot),
                TokenTree::Ident(into),
                TokenTree::Group(empty),
                ..,
            ] = &tokens[at..]
            {
                let converted = self.found.iter().any(|found| found.name == *name && found.converted);
                if converted && dot.as_char() == '.' && into == "into" && empty.stream().is_empty() {
                    self.record(name, Use::Consumed(name.span()));
                    kept.extend(quote!(::core::convert::identity(#name)));
                    at += 4;
                    continue;
                }
            }
            kept.extend([match &tokens[at] {
                TokenTree::Group(group) => {
                    let mut inner = Group::new(group.delimiter(), self.without_into(group.stream()));
                    inner.set_span(group.span());
                    inner.into()
                }
                other => other.clone(),
            }]);
            at += 1;
        }
        kept
    }
}

/// Whether a format string captures `name`.
fn captures(text: &str, name: &Ident) -> bool {
    let name = name.to_string();
    text.starts_with(['"', 'r'])
        && text.split('{').skip(1).any(|rest| {
            rest.strip_prefix(name.as_str()).is_some_and(|rest| rest.trim_start().starts_with([':', '}']))
        })
}

/// What binding a value to a pattern does with it.
fn by_pattern(pattern: &Pat) -> Use {
    match pattern {
        Pat::Wild(_) => Use::Borrowed,
        Pat::Ident(plain) if plain.by_ref.is_some() => Use::Borrowed,
        Pat::Ident(_) => Use::None,
        Pat::Type(typed) => by_pattern(&typed.pat),
        _ => Use::Perhaps,
    }
}

fn by_method(name: &str) -> Use {
    if BORROWING.contains(&name) || BORROWING_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        Use::Borrowed
    } else if CONSUMING.contains(&name) || CONSUMING_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        Use::None
    } else {
        Use::Perhaps
    }
}

impl VisitMut for Uses {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        let context = std::mem::replace(&mut self.context, Use::None);
        if let Some(converted) = self.converted(expr) {
            *expr = converted;
        }
        match expr {
            Expr::Path(path) => {
                if let Some(name) = path.path.get_ident() {
                    let used =
                        if matches!(context, Use::None) { Use::Consumed(name.span()) } else { context };
                    self.record(name, used);
                }
            }
            Expr::Paren(paren) => self.with(context, &mut paren.expr),
            Expr::Group(group) => self.with(context, &mut group.expr),
            Expr::Reference(reference) => self.with(Use::Borrowed, &mut reference.expr),
            Expr::RawAddr(address) => self.with(Use::Borrowed, &mut address.expr),
            Expr::Field(field) => {
                // A field that is taken by value may be `Copy`.
                let base = if matches!(context, Use::Borrowed) { context } else { Use::Perhaps };
                self.with(base, &mut field.base);
            }
            Expr::Index(index) => {
                self.with(Use::Borrowed, &mut index.expr);
                self.visit_expr_mut(&mut index.index);
            }
            Expr::Cast(cast) => self.with(Use::Borrowed, &mut cast.expr),
            Expr::Unary(unary) => {
                let operand = match (&unary.op, context) {
                    (UnOp::Deref(_), Use::Borrowed) => Use::Borrowed,
                    _ => Use::Perhaps,
                };
                self.with(operand, &mut unary.expr);
            }
            Expr::MethodCall(call) => {
                self.with(by_method(&call.method.to_string()), &mut call.receiver);
                self.all(&mut call.args);
            }
            Expr::Call(call) => {
                self.with(Use::Perhaps, &mut call.func);
                self.all(&mut call.args);
            }
            Expr::Binary(binary) => {
                let (left, right) = match binary.op {
                    BinOp::Eq(_)
                    | BinOp::Ne(_)
                    | BinOp::Lt(_)
                    | BinOp::Le(_)
                    | BinOp::Gt(_)
                    | BinOp::Ge(_) => (Use::Borrowed, Use::Borrowed),
                    BinOp::AddAssign(_) | BinOp::SubAssign(_) | BinOp::MulAssign(_) | BinOp::DivAssign(_) => {
                        (Use::Borrowed, Use::None)
                    }
                    _ => (Use::None, Use::None),
                };
                self.with(left, &mut binary.left);
                self.with(right, &mut binary.right);
            }
            Expr::Assign(assign) => {
                self.with(Use::Borrowed, &mut assign.left);
                self.visit_expr_mut(&mut assign.right);
            }
            Expr::Let(binding) => self.with(by_pattern(&binding.pat), &mut binding.expr),
            Expr::Match(item) => {
                self.with(Use::Perhaps, &mut item.expr);
                for arm in &mut item.arms {
                    let pattern = arm.pat.clone();
                    self.shadowed([&pattern], |uses| visit_mut::visit_arm_mut(uses, arm));
                }
            }
            Expr::If(item) => {
                self.branch(&mut item.cond, |uses| uses.visit_block_mut(&mut item.then_branch));
                if let Some((_, otherwise)) = &mut item.else_branch {
                    self.visit_expr_mut(otherwise);
                }
            }
            Expr::While(item) => self.branch(&mut item.cond, |uses| uses.visit_block_mut(&mut item.body)),
            Expr::ForLoop(item) => {
                self.visit_expr_mut(&mut item.expr);
                self.shadowed([&*item.pat], |uses| uses.visit_block_mut(&mut item.body));
            }
            Expr::Closure(closure) => {
                if closure.capture.is_some() {
                    self.captured(&closure.body);
                }
                self.shadowed(&closure.inputs, |uses| uses.visit_expr_mut(&mut closure.body));
            }
            Expr::Async(item) => {
                if item.capture.is_some() {
                    self.captured(&item.block);
                }
                self.visit_block_mut(&mut item.block);
            }
            _ => visit_mut::visit_expr_mut(self, expr),
        }
    }

    fn visit_block_mut(&mut self, block: &mut Block) {
        self.block(&mut block.stmts);
    }

    fn visit_item_mut(&mut self, _: &mut Item) {}

    fn visit_macro_mut(&mut self, item: &mut Macro) {
        let name = item.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        item.tokens = self.without_into(std::mem::take(&mut item.tokens));
        if FORMATTING.contains(&name.as_str()) {
            self.formatted(item.tokens.clone());
        } else {
            self.mentions(item.tokens.clone(), Use::Perhaps);
        }
    }
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
        Ident::new(&self.name.to_string(), span.resolved_at(self.name.span()))
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
