//! Finds calls of other methods of the `impl` block that a method is in.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use syn::{Expr, ExprMethodCall, GenericArgument, Pat, PathArguments, Stmt, Type};

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
    /// Returns `true` if `body` calls one of the methods: by `self`, or as `Self::name` or
    /// `Type::name`. That of an `async fn`, of which these are the `parameters`, may also call it
    /// by a variable that holds `self` or a clone of it, or by a parameter of the type of the
    /// block. A sync function with such a variable mostly spawns what uses it.
    pub(crate) fn are_called(&self, body: &[Stmt], parameters: Option<&[(Ident, Type)]>) -> bool {
        if self.names.is_empty() {
            return false;
        }
        let mut own: Vec<Ident> = Vec::new();
        if let Some(parameters) = parameters {
            for (name, ty) in parameters {
                if self.is_of_block(ty) {
                    own.push(name.clone());
                }
            }
            collect_names(body, &mut own);
        }
        let in_tokens = |tokens: TokenStream| self.are_called_in(tokens, &own);
        let mut is_called = macros::any(body, &mut |expr| match expr {
            Expr::MethodCall(ExprMethodCall { receiver, method, .. }) => {
                self.names.contains(method) && is_own(receiver, &own)
            }
            Expr::Path(path) => {
                let segments: Vec<_> = path.path.segments.iter().map(|segment| &segment.ident).collect();
                match (&path.qself, &segments[..]) {
                    (Some(qself), [.., name]) => self.names.contains(name) && self.is_of_block(&qself.ty),
                    (None, [ty, name]) => self.names.contains(name) && self.is_name_of_type(ty),
                    _ => false,
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

    /// Returns `true` for the type of the block, a reference to it or a pointer.
    fn is_of_block(&self, ty: &Type) -> bool {
        match ty {
            Type::Reference(reference) => self.is_of_block(&reference.elem),
            Type::Path(path) => path.path.segments.last().is_some_and(|last| match &last.arguments {
                PathArguments::AngleBracketed(arguments) if is_among(&last.ident, &["Arc", "Box", "Rc"]) => {
                    matches!(arguments.args.first(), Some(GenericArgument::Type(ty)) if self.is_of_block(ty))
                }
                _ => self.is_name_of_type(&last.ident),
            }),
            _ => false,
        }
    }

    fn is_name_of_type(&self, name: &Ident) -> bool {
        let ty = match self.ty {
            Type::Path(path) => path.path.segments.last().map(|last| &last.ident),
            _ => None,
        };
        name == "Self" || ty == Some(name)
    }

    /// Returns `true` for `own.name(..)` anywhere in these tokens.
    fn are_called_in(&self, tokens: TokenStream, own: &[Ident]) -> bool {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let is_inside = |token: &TokenTree| matches!(token, TokenTree::Group(group) if self.are_called_in(group.stream(), own));
        tokens.iter().any(is_inside)
            || tokens.windows(4).any(|window| match window {
                [
                    TokenTree::Ident(value),
                    TokenTree::Punct(dot),
                    TokenTree::Ident(method),
                    TokenTree::Group(arguments),
                ] => {
                    dot.as_char() == '.'
                        && self.names.contains(method)
                        && is_own_name(value, own)
                        && arguments.delimiter() == Delimiter::Parenthesis
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
