//! Conditional compilation: what stands under `#[cfg(..)]` may not be there, and the macro cannot
//! know.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Expr, Stmt};

/// The predicate of a `#[cfg(..)]`.
#[derive(Clone)]
pub(crate) struct Predicate(TokenStream);

impl Predicate {
    /// Returns the predicate of attributes, `None` where none of them is a `#[cfg(..)]`.
    pub(crate) fn of(attrs: &[Attribute]) -> Option<Self> {
        let mut predicates = Vec::new();
        for attribute in attrs {
            if let (true, Ok(cfg)) = (attribute.path().is_ident("cfg"), attribute.meta.require_list()) {
                predicates.push(Self(cfg.tokens.clone()));
            }
        }
        Self::all(predicates)
    }

    pub(crate) fn all(predicates: Vec<Self>) -> Option<Self> {
        Self::combine(&quote!(all), predicates)
    }

    pub(crate) fn any(predicates: Vec<Self>) -> Option<Self> {
        Self::combine(&quote!(any), predicates)
    }

    pub(crate) fn not(&self) -> Self {
        let Self(predicate) = self;
        Self(quote!(not(#predicate)))
    }

    fn combine(how: &TokenStream, mut predicates: Vec<Self>) -> Option<Self> {
        if predicates.len() < 2 {
            return predicates.pop();
        }
        let mut list = TokenStream::new();
        for (at, Self(predicate)) in predicates.iter().enumerate() {
            if at > 0 {
                list.extend(quote!(,));
            }
            list.extend(quote!(#predicate));
        }
        Some(Self(quote!(#how(#list))))
    }
}

/// The attribute.
impl ToTokens for Predicate {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self(predicate) = self;
        tokens.extend(quote!(#[cfg(#predicate)]));
    }
}

/// Returns the predicate of a statement.
pub(crate) fn of_stmt(stmt: &Stmt) -> Option<Predicate> {
    match stmt {
        Stmt::Local(local) => Predicate::of(&local.attrs),
        Stmt::Macro(item) => Predicate::of(&item.attrs),
        Stmt::Expr(expr, _) => of_first(expr),
        Stmt::Item(_) => None,
    }
}

/// Returns the predicate of an expression statement, which `syn` leaves on its first operand.
fn of_first(expr: &Expr) -> Option<Predicate> {
    match expr {
        Expr::Assign(assign) => of_first(&assign.left),
        Expr::Binary(binary) => of_first(&binary.left),
        Expr::Cast(cast) => of_first(&cast.expr),
        other => of_expr(other),
    }
}

/// Returns the predicate of an expression, such as an argument or a block.
pub(crate) fn of_expr(expr: &Expr) -> Option<Predicate> {
    Predicate::of(attributes(expr))
}

/// Returns the attributes of an expression, without those of its parts.
fn attributes(expr: &Expr) -> &[Attribute] {
    match expr {
        Expr::Array(expr) => &expr.attrs,
        Expr::Assign(expr) => &expr.attrs,
        Expr::Async(expr) => &expr.attrs,
        Expr::Await(expr) => &expr.attrs,
        Expr::Binary(expr) => &expr.attrs,
        Expr::Block(expr) => &expr.attrs,
        Expr::Break(expr) => &expr.attrs,
        Expr::Call(expr) => &expr.attrs,
        Expr::Cast(expr) => &expr.attrs,
        Expr::Closure(expr) => &expr.attrs,
        Expr::Const(expr) => &expr.attrs,
        Expr::Continue(expr) => &expr.attrs,
        Expr::Field(expr) => &expr.attrs,
        Expr::ForLoop(expr) => &expr.attrs,
        Expr::If(expr) => &expr.attrs,
        Expr::Index(expr) => &expr.attrs,
        Expr::Let(expr) => &expr.attrs,
        Expr::Lit(expr) => &expr.attrs,
        Expr::Loop(expr) => &expr.attrs,
        Expr::Macro(expr) => &expr.attrs,
        Expr::Match(expr) => &expr.attrs,
        Expr::MethodCall(expr) => &expr.attrs,
        Expr::Paren(expr) => &expr.attrs,
        Expr::Path(expr) => &expr.attrs,
        Expr::Range(expr) => &expr.attrs,
        Expr::Reference(expr) => &expr.attrs,
        Expr::Return(expr) => &expr.attrs,
        Expr::Struct(expr) => &expr.attrs,
        Expr::Try(expr) => &expr.attrs,
        Expr::Tuple(expr) => &expr.attrs,
        Expr::Unary(expr) => &expr.attrs,
        Expr::Unsafe(expr) => &expr.attrs,
        Expr::While(expr) => &expr.attrs,
        _ => &[],
    }
}
