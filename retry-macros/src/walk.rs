//! Walks syntax trees, which the visitor may change. There is one visitor for all walks, since each
//! further one compiles the whole of syn's walk once more.

use proc_macro2::Ident;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Arm, Block, Expr, FieldValue, FnArg, GenericArgument, Item, Lit, Macro, Pat, PatType, Path,
    PathArguments, Receiver, Stmt, Type,
};

/// A part of a syntax tree.
pub(crate) enum Node<'a> {
    Arm(&'a mut Arm),
    Block(&'a mut Block),
    Expr(&'a mut Expr),
    FieldValue(&'a mut FieldValue),
    Ident(&'a mut Ident),
    Item(&'a mut Item),
    Lit(&'a mut Lit),
    Macro(&'a mut Macro),
    Pat(&'a mut Pat),
    PatType(&'a mut PatType),
    Path(&'a mut Path),
    Receiver(&'a mut Receiver),
    Stmt(&'a mut Stmt),
}

/// The decision about the parts of a node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parts {
    Visit,
    Skip,
}

/// Visits each node of a walk.
pub(crate) type Visitor<'v> = dyn FnMut(Node<'_>) -> Parts + 'v;

/// Walks statements.
pub(crate) fn stmts(stmts: &mut [Stmt], visit: &mut Visitor<'_>) {
    for stmt in stmts {
        Walker(visit).visit_stmt_mut(stmt);
    }
}

/// Walks an expression.
pub(crate) fn expr(expr: &mut Expr, visit: &mut Visitor<'_>) {
    Walker(visit).visit_expr_mut(expr);
}

/// Walks a pattern.
pub(crate) fn pat(pat: &mut Pat, visit: &mut Visitor<'_>) {
    Walker(visit).visit_pat_mut(pat);
}

/// Walks a parameter.
pub(crate) fn parameter(parameter: &mut FnArg, visit: &mut Visitor<'_>) {
    Walker(visit).visit_fn_arg_mut(parameter);
}

/// Walks the parts of a node that has been visited.
pub(crate) fn inside(node: Node<'_>, visit: &mut Visitor<'_>) {
    let mut walker = Walker(visit);
    match node {
        Node::Arm(arm) => visit_mut::visit_arm_mut(&mut walker, arm),
        Node::Block(block) => visit_mut::visit_block_mut(&mut walker, block),
        Node::Expr(expr) => visit_mut::visit_expr_mut(&mut walker, expr),
        Node::FieldValue(field) => visit_mut::visit_field_value_mut(&mut walker, field),
        Node::Item(item) => visit_mut::visit_item_mut(&mut walker, item),
        Node::Lit(lit) => visit_mut::visit_lit_mut(&mut walker, lit),
        Node::Macro(item) => visit_mut::visit_macro_mut(&mut walker, item),
        Node::Pat(pat) => visit_mut::visit_pat_mut(&mut walker, pat),
        Node::PatType(typed) => visit_mut::visit_pat_type_mut(&mut walker, typed),
        Node::Path(path) => visit_mut::visit_path_mut(&mut walker, path),
        Node::Receiver(receiver) => visit_mut::visit_receiver_mut(&mut walker, receiver),
        Node::Stmt(stmt) => visit_mut::visit_stmt_mut(&mut walker, stmt),
        // It has none.
        Node::Ident(_) => {}
    }
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

struct Walker<'v>(&'v mut Visitor<'v>);

impl Walker<'_> {
    fn enters(&mut self, node: Node<'_>) -> bool {
        (self.0)(node) == Parts::Visit
    }
}

impl VisitMut for Walker<'_> {
    fn visit_arm_mut(&mut self, arm: &mut Arm) {
        if self.enters(Node::Arm(arm)) {
            visit_mut::visit_arm_mut(self, arm);
        }
    }

    fn visit_block_mut(&mut self, block: &mut Block) {
        if self.enters(Node::Block(block)) {
            visit_mut::visit_block_mut(self, block);
        }
    }

    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        if self.enters(Node::Expr(expr)) {
            visit_mut::visit_expr_mut(self, expr);
        }
    }

    fn visit_field_value_mut(&mut self, field: &mut FieldValue) {
        if self.enters(Node::FieldValue(field)) {
            visit_mut::visit_field_value_mut(self, field);
        }
    }

    fn visit_ident_mut(&mut self, ident: &mut Ident) {
        self.enters(Node::Ident(ident));
    }

    fn visit_item_mut(&mut self, item: &mut Item) {
        if self.enters(Node::Item(item)) {
            visit_mut::visit_item_mut(self, item);
        }
    }

    fn visit_lit_mut(&mut self, lit: &mut Lit) {
        if self.enters(Node::Lit(lit)) {
            visit_mut::visit_lit_mut(self, lit);
        }
    }

    fn visit_macro_mut(&mut self, item: &mut Macro) {
        if self.enters(Node::Macro(item)) {
            visit_mut::visit_macro_mut(self, item);
        }
    }

    fn visit_pat_mut(&mut self, pat: &mut Pat) {
        if self.enters(Node::Pat(pat)) {
            visit_mut::visit_pat_mut(self, pat);
        }
    }

    fn visit_pat_type_mut(&mut self, typed: &mut PatType) {
        if self.enters(Node::PatType(typed)) {
            visit_mut::visit_pat_type_mut(self, typed);
        }
    }

    fn visit_path_mut(&mut self, path: &mut Path) {
        if self.enters(Node::Path(path)) {
            visit_mut::visit_path_mut(self, path);
        }
    }

    fn visit_receiver_mut(&mut self, receiver: &mut Receiver) {
        if self.enters(Node::Receiver(receiver)) {
            visit_mut::visit_receiver_mut(self, receiver);
        }
    }

    fn visit_stmt_mut(&mut self, stmt: &mut Stmt) {
        if self.enters(Node::Stmt(stmt)) {
            visit_mut::visit_stmt_mut(self, stmt);
        }
    }
}
