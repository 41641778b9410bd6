//! Walks syntax trees. There is one visitor for all questions, since each further one compiles the
//! whole of syn's walk once more.

use proc_macro2::Ident;
use syn::visit::{self, Visit};
use syn::{Expr, GenericArgument, Item, Macro, Pat, PathArguments, Stmt, Type};

/// A part of a syntax tree.
#[derive(Clone, Copy)]
pub(crate) enum Node<'a> {
    Expr(&'a Expr),
    Ident(&'a Ident),
    Item,
    Macro(&'a Macro),
    Pat(&'a Pat),
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

/// Calls `visit` with each type that a type is made of. The arguments of functions are no parts.
pub(crate) fn parts<'t>(ty: &'t Type, visit: &mut dyn FnMut(&'t Type)) {
    match ty {
        Type::Path(path) => {
            for segment in &path.path.segments {
                let PathArguments::AngleBracketed(arguments) = &segment.arguments else { continue };
                for argument in &arguments.args {
                    match argument {
                        GenericArgument::Type(ty) => visit(ty),
                        GenericArgument::AssocType(assoc) => visit(&assoc.ty),
                        _ => {}
                    }
                }
            }
        }
        Type::Tuple(tuple) => tuple.elems.iter().for_each(visit),
        Type::Array(array) => visit(&array.elem),
        Type::Group(group) => visit(&group.elem),
        Type::Paren(paren) => visit(&paren.elem),
        Type::Reference(reference) => visit(&reference.elem),
        Type::Slice(slice) => visit(&slice.elem),
        _ => {}
    }
}

/// Calls `visit` with each type that a type is made of, as [`parts`] does.
pub(crate) fn parts_mut(ty: &mut Type, visit: &mut dyn FnMut(&mut Type)) {
    match ty {
        Type::Path(path) => {
            for segment in &mut path.path.segments {
                let PathArguments::AngleBracketed(arguments) = &mut segment.arguments else { continue };
                for argument in &mut arguments.args {
                    match argument {
                        GenericArgument::Type(ty) => visit(ty),
                        GenericArgument::AssocType(assoc) => visit(&mut assoc.ty),
                        _ => {}
                    }
                }
            }
        }
        Type::Tuple(tuple) => tuple.elems.iter_mut().for_each(visit),
        Type::Array(array) => visit(&mut array.elem),
        Type::Group(group) => visit(&mut group.elem),
        Type::Paren(paren) => visit(&mut paren.elem),
        Type::Reference(reference) => visit(&mut reference.elem),
        Type::Slice(slice) => visit(&mut slice.elem),
        _ => {}
    }
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
}
