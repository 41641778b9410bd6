//! Finds calls of other methods of the `impl` block that a method is in.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Expr, ExprMethodCall, Pat, Stmt, Type};

use crate::body::macros;
use crate::tokens::is_among;
use crate::walk::{self, Node, Parts};

/// Methods that return the value itself, as far as its methods matter.
const SAME: [&str; 4] = ["as_mut", "as_ref", "borrow", "clone"];

/// The methods to look for.
pub(crate) struct Siblings<'s> {
    /// Their names.
    pub(crate) names: &'s [Ident],
    /// The type of the block.
    pub(crate) ty: &'s Type,
}

impl Siblings<'_> {
    /// Returns `true` if `body` calls one of the methods: by `self`, by a variable that holds
    /// `self` or a clone of it, by a parameter of the type of the block, or as
    /// `Self::name` or `Type::name`.
    pub(crate) fn are_called(&self, body: &[Stmt], parameters: &[(Ident, Type)]) -> bool {
        if self.names.is_empty() {
            return false;
        }
        let mut own: Vec<Ident> = Vec::new();
        for (name, ty) in parameters {
            if self.is_named_in(ty.to_token_stream()) {
                own.push(name.clone());
            }
        }
        collect_names(body, &mut own);
        let in_tokens = |tokens: TokenStream| self.are_called_in(tokens, &own);
        let mut is_called = macros::any(body, &mut |expr| match expr {
            Expr::MethodCall(ExprMethodCall { receiver, method, .. }) => {
                self.names.contains(method) && is_own(receiver, &own)
            }
            Expr::Path(path) => {
                let mut segments = path.path.segments.iter().rev();
                let is_sibling = segments.next().is_some_and(|last| self.names.contains(&last.ident));
                is_sibling
                    && match (&path.qself, segments.next()) {
                        (Some(qself), _) => self.is_named_in(qself.ty.to_token_stream()),
                        (None, Some(ty)) => self.is_named_in(ty.ident.to_token_stream()),
                        (None, None) => false,
                    }
            }
            _ => false,
        });
        // The grammar of most macros is not known, but their tokens are.
        walk::stmts(&mut body.to_vec(), &mut |node| match node {
            Node::Macro(item) => {
                is_called |= in_tokens(item.tokens.clone());
                Parts::Skip
            }
            Node::Item(_) => Parts::Skip,
            _ => Parts::Visit,
        });
        is_called
    }

    /// Returns `true` if a type is named by these tokens that the block is of.
    fn is_named_in(&self, tokens: TokenStream) -> bool {
        let ty = match self.ty {
            Type::Path(path) => path.path.segments.last().map(|last| &last.ident),
            _ => None,
        };
        tokens.into_iter().any(|token| match token {
            TokenTree::Group(group) => self.is_named_in(group.stream()),
            TokenTree::Ident(name) => name == "Self" || ty == Some(&name),
            _ => false,
        })
    }

    /// Returns `true` for `own.name` anywhere in these tokens.
    fn are_called_in(&self, tokens: TokenStream, own: &[Ident]) -> bool {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let is_inside = |token: &TokenTree| matches!(token, TokenTree::Group(group) if self.are_called_in(group.stream(), own));
        tokens.iter().any(is_inside)
            || tokens.windows(3).any(|window| match window {
                [TokenTree::Ident(value), TokenTree::Punct(dot), TokenTree::Ident(method)] => {
                    dot.as_char() == '.' && self.names.contains(method) && is_own_name(value, own)
                }
                _ => false,
            })
    }
}

/// Collects the variables that hold `self`, or a clone of it.
fn collect_names(body: &[Stmt], own: &mut Vec<Ident>) {
    walk::stmts(&mut body.to_vec(), &mut |node| {
        match node {
            Node::Stmt(Stmt::Local(local)) => {
                let pattern = match &local.pat {
                    Pat::Type(typed) => &typed.pat,
                    pattern => pattern,
                };
                if let (Pat::Ident(name), Some(init)) = (pattern, &local.init) {
                    if is_own(&init.expr, own) {
                        own.push(name.ident.clone());
                    }
                }
            }
            Node::Item(_) => return Parts::Skip,
            _ => {}
        }
        Parts::Visit
    });
}

/// Returns `true` for `self` or another of these names, a reference to it or a clone of it.
fn is_own(expr: &Expr, own: &[Ident]) -> bool {
    match expr {
        Expr::Path(path) => path.path.get_ident().is_some_and(|name| is_own_name(name, own)),
        Expr::MethodCall(call) => is_among(&call.method, &SAME) && is_own(&call.receiver, own),
        // `Arc::clone(&self)`.
        Expr::Call(call) => {
            matches!(&*call.func, Expr::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "clone"))
                && call.args.len() == 1
                && is_own(&call.args[0], own)
        }
        Expr::Group(group) => is_own(&group.expr, own),
        Expr::Paren(paren) => is_own(&paren.expr, own),
        Expr::Reference(reference) => is_own(&reference.expr, own),
        Expr::Unary(unary) => matches!(unary.op, syn::UnOp::Deref(_)) && is_own(&unary.expr, own),
        _ => false,
    }
}

fn is_own_name(name: &Ident, own: &[Ident]) -> bool {
    // `#[async_trait]`, where it expands first, has renamed `self`.
    is_among(name, &["self", "__self"]) || own.contains(name)
}
