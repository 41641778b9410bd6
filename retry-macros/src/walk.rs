//! Walks syntax trees. There is one visitor for all questions, since each further one compiles the whole of syn's walk
//! once more.

use proc_macro2::Ident;
use syn::visit::{self, Visit};
use syn::{Expr, Item, Macro, Pat, Stmt, TraitBound, Type};

/// A part of a syntax tree.
#[derive(Clone, Copy)]
pub(crate) enum Node<'a> {
    Bound(&'a TraitBound),
    Expr(&'a Expr),
    Ident(&'a Ident),
    Item,
    Macro(&'a Macro),
    Pat(&'a Pat),
    Type(&'a Type),
}

/// The decision about the parts of a node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parts {
    Visit,
    Skip,
}

/// Walks statements.
pub(crate) fn stmts(stmts: &[Stmt], mut visit: impl FnMut(Node<'_>) -> Parts) {
    let mut walker = Walker(&mut visit);
    for stmt in stmts {
        walker.visit_stmt(stmt);
    }
}

/// Walks an expression.
pub(crate) fn expr(expr: &Expr, mut visit: impl FnMut(Node<'_>) -> Parts) {
    Walker(&mut visit).visit_expr(expr);
}

/// Walks a pattern.
pub(crate) fn pat(pat: &Pat, mut visit: impl FnMut(Node<'_>) -> Parts) {
    Walker(&mut visit).visit_pat(pat);
}

/// Walks a type.
pub(crate) fn ty(ty: &Type, mut visit: impl FnMut(Node<'_>) -> Parts) {
    Walker(&mut visit).visit_type(ty);
}

struct Walker<'v>(&'v mut dyn FnMut(Node<'_>) -> Parts);

impl Walker<'_> {
    fn enters(&mut self, node: Node<'_>) -> bool {
        (self.0)(node) == Parts::Visit
    }
}

impl<'ast> Visit<'ast> for Walker<'_> {
    fn visit_expr(&mut self, expr: &'ast Expr) {
        if self.enters(Node::Expr(expr)) {
            visit::visit_expr(self, expr);
        }
    }

    fn visit_ident(&mut self, ident: &'ast Ident) {
        self.enters(Node::Ident(ident));
    }

    fn visit_item(&mut self, item: &'ast Item) {
        if self.enters(Node::Item) {
            visit::visit_item(self, item);
        }
    }

    fn visit_macro(&mut self, item: &'ast Macro) {
        if self.enters(Node::Macro(item)) {
            visit::visit_macro(self, item);
        }
    }

    fn visit_pat(&mut self, pat: &'ast Pat) {
        if self.enters(Node::Pat(pat)) {
            visit::visit_pat(self, pat);
        }
    }

    fn visit_trait_bound(&mut self, bound: &'ast TraitBound) {
        if self.enters(Node::Bound(bound)) {
            visit::visit_trait_bound(self, bound);
        }
    }

    fn visit_type(&mut self, ty: &'ast Type) {
        if self.enters(Node::Type(ty)) {
            visit::visit_type(self, ty);
        }
    }
}
