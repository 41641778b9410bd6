//! Holds variables of unknown types.
//!
//! A variable whose type the body does not show may be a builder, which `send` consumes, or a
//! guard, which lives on. Such a variable is not moved where it is sent. It is bound again before
//! that, in the scope that binds it, and so lives as long as it did. This is done if nothing but
//! the send mentions the variable from there on.

use std::mem::take;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Arm, Block, Expr, ExprClosure, ExprForLoop, ExprIf, ExprWhile, Pat, Stmt, Token};

use crate::body::macros;
use crate::body::moves::is_formatting;
use crate::body::sends::calls::{Call, classify};
use crate::body::sends::origin::{Origin, checked_name, is_builder};
use crate::body::sends::{Armer, collect, count};
use crate::cfg;
use crate::tokens::is_among;
use crate::walk::Node;

/// A variable that is sent, or whose status is checked.
struct Use {
    name: Ident,
    call: HeldCall,
}

#[derive(Clone, Copy)]
enum HeldCall {
    Send,
    Check,
}

/// A variable that is bound again.
struct Hold {
    name: Ident,
    mutability: Option<Token![mut]>,
    /// The value that it is bound to.
    value: TokenStream,
}

/// A statement as the user wrote it.
struct Written {
    stmt: Stmt,
    /// Its names and literals.
    mentions: Vec<TokenTree>,
}

impl Written {
    fn new(stmt: &Stmt) -> Self {
        Self { stmt: stmt.clone(), mentions: tokens_of(stmt) }
    }

    /// Returns `true` if what the statement makes of a variable may live longer than the statement:
    /// the value of a `let` or an assignment, or what another value may keep, as in
    /// `all.push(name)`.
    fn may_lend(&self, name: &Ident) -> bool {
        if count(&self.mentions, name) == 0 {
            return false;
        }
        match &self.stmt {
            Stmt::Local(local) => {
                let init = local.init.as_ref().map(|init| &*init.expr);
                !matches!(local.pat, Pat::Wild(_)) && !init.is_some_and(is_copy)
            }
            Stmt::Expr(..) => {
                let mentions = |node: &dyn ToTokens| count(&tokens_of(&node), name) > 0;
                macros::any(std::slice::from_ref(&self.stmt), &mut |expr| match expr {
                    Expr::Assign(assign) => mentions(&assign.right),
                    Expr::MethodCall(call) => {
                        let of = root(&call.receiver);
                        mentions(&call.args) && !of.is_some_and(|of| of == name || of == "self")
                    }
                    _ => false,
                })
            }
            Stmt::Macro(_) => false,
            Stmt::Item(_) => true,
        }
    }

    /// Returns `true` if parts of the statement may not be there.
    fn has_conditional_parts(&self) -> bool {
        let own = usize::from(cfg::of_stmt(&self.stmt).is_some());
        count(&self.mentions, &Ident::new("cfg", Span::call_site())) > own
    }
}

/// Returns the variable that a chain of methods and fields begins with.
fn root(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::MethodCall(call) => root(&call.receiver),
        Expr::Field(field) => root(&field.base),
        Expr::Await(future) => root(&future.base),
        Expr::Try(tried) => root(&tried.expr),
        Expr::Reference(reference) => root(&reference.expr),
        Expr::Paren(paren) => root(&paren.expr),
        Expr::Path(path) => path.path.get_ident(),
        _ => None,
    }
}

impl Armer<'_> {
    // Input:
    //     let request = make();
    //     request.send().await
    //
    // Output:
    //     let request = make();
    //     let request @ _ = match request {
    //         value => SenderKind::of(&value).hold_sender(value)
    //     };
    //     request.send().await
    /// Visits the statements of a block. The variables from `outer` on are those that it binds.
    pub(super) fn visit_stmts_mut(&mut self, stmts: &mut Vec<Stmt>, outer: usize) {
        if !self.has_variables {
            return stmts.iter_mut().for_each(|stmt| self.visit_stmt_mut(stmt));
        }
        let written: Vec<_> = stmts.iter().map(Written::new).collect();
        for (at, mut stmt) in take(stmts).into_iter().enumerate() {
            for used in uses(std::slice::from_ref(&stmt)) {
                let Some(since) = self.unknown_since(outer, &used.name) else { continue };
                let after: usize = written[at..].iter().map(|stmt| count(&stmt.mentions, &used.name)).sum();
                let is_lent = written[since..at].iter().any(|stmt| stmt.may_lend(&used.name));
                if after == 1 && !is_lent && !written[at].has_conditional_parts() {
                    // What is sent under `#[cfg(..)]` may not be there.
                    let predicate = cfg::of_stmt(&stmt);
                    let Hold { name, mutability, value } = self.hold(used);
                    // With `@ _`, lints do not take it for a variable of the user's.
                    let again = quote_spanned! {Span::mixed_site()=>
                        #predicate
                        #[allow(unused_mut)]
                        let #mutability #name @ _ = #value;
                    };
                    stmts.push(Stmt::Expr(Expr::Verbatim(again), None));
                }
            }
            let bound = self.locals.len();
            self.visit_stmt_mut(&mut stmt);
            for local in &mut self.locals[bound..] {
                local.since = at + 1;
            }
            stmts.push(stmt);
        }
    }

    /// Returns the number of the first statement after the binding of a variable, if the variable
    /// is the last one of this name, of an unknown type, and one of those from `outer` on.
    fn unknown_since(&self, outer: usize, name: &Ident) -> Option<usize> {
        let local = self.locals[outer..].iter().rev().find(|local| local.name == *name)?;
        (local.origin == Origin::Unknown).then_some(local.since)
    }

    /// Visits an arm of a `match`, with the variables of its pattern.
    pub(super) fn visit_arm_mut(&mut self, arm: &mut Arm) {
        let outer = self.locals.len();
        self.bind(&arm.pat, Origin::Unknown);
        let guard = match &arm.pat {
            Pat::Guard(pat) if self.has_variables => tokens_of(&pat.guard),
            _ => Vec::new(),
        };
        let holds = self.holds_in(outer, &guard, &arm.body);
        self.inside(Node::Arm(arm));
        wrap(holds, &mut arm.body);
        self.locals.truncate(outer);
    }

    pub(super) fn visit_closure_mut(&mut self, closure: &mut ExprClosure) {
        let outer = self.locals.len();
        let checked = checked_name(&closure.body).cloned();
        for input in &closure.inputs {
            let is_checked = matches!(input, Pat::Ident(pat) if Some(&pat.ident) == checked.as_ref());
            let is_builder = matches!(input, Pat::Type(typed) if is_builder(&typed.ty));
            self.bind(
                input,
                match (is_builder, is_checked) {
                    (true, _) => Origin::Builder,
                    (false, true) => Origin::Response,
                    (false, false) => Origin::Unknown,
                },
            );
        }
        let holds = self.holds_in(outer, &[], &closure.body);
        let is_in_attempt = take(&mut self.is_in_attempt);
        self.visit_expr_mut(&mut closure.body);
        self.is_in_attempt = is_in_attempt;
        wrap(holds, &mut closure.body);
        self.locals.truncate(outer);
    }

    pub(super) fn visit_for_mut(&mut self, item: &mut ExprForLoop) {
        let outer = self.locals.len();
        self.loops += 1;
        self.visit_expr_mut(&mut item.expr);
        self.bind(&item.pat, Origin::Unknown);
        self.visit_bound_block_mut(outer, &[], &mut item.body);
        self.loops -= 1;
        self.locals.truncate(outer);
    }

    pub(super) fn visit_while_mut(&mut self, item: &mut ExprWhile) {
        let outer = self.locals.len();
        self.loops += 1;
        let condition = self.visit_condition_mut(&mut item.cond);
        self.visit_bound_block_mut(outer, &condition, &mut item.body);
        self.loops -= 1;
        self.locals.truncate(outer);
    }

    pub(super) fn visit_if_mut(&mut self, item: &mut ExprIf) {
        let outer = self.locals.len();
        let condition = self.visit_condition_mut(&mut item.cond);
        self.visit_bound_block_mut(outer, &condition, &mut item.then_branch);
        self.locals.truncate(outer);
        if let Some((_, otherwise)) = &mut item.else_branch {
            self.visit_expr_mut(otherwise);
        }
    }

    /// Visits a condition. Returns what is mentioned outside of the patterns of its `let`s.
    fn visit_condition_mut(&mut self, condition: &mut Expr) -> Vec<TokenTree> {
        let mut mentions = Vec::new();
        if self.has_variables {
            collect_values(condition, &mut mentions);
        }
        self.visit_expr_mut(condition);
        mentions
    }

    /// Visits a block, with the variables from `outer` on, which are bound before it. `before` is
    /// mentioned between.
    fn visit_bound_block_mut(&mut self, outer: usize, before: &[TokenTree], block: &mut Block) {
        let holds = self.holds(outer, before, &block.stmts);
        self.visit_block_mut(block);
        wrap_block(holds, block);
    }

    /// Does what [`holds`](Self::holds) does, for an expression.
    fn holds_in(&mut self, outer: usize, before: &[TokenTree], body: &Expr) -> Vec<Hold> {
        if !self.has_variables || self.locals.len() == outer {
            return Vec::new();
        }
        self.holds(outer, before, &[Stmt::Expr(body.clone(), None)])
    }

    /// Holds the variables from `outer` on that are mentioned once in their scope: where `body`
    /// sends them. `before` is mentioned before `body`.
    fn holds(&mut self, outer: usize, before: &[TokenTree], body: &[Stmt]) -> Vec<Hold> {
        if !self.has_variables || self.locals.len() == outer {
            return Vec::new();
        }
        let mut mentions = before.to_vec();
        for stmt in body {
            collect(stmt.to_token_stream(), &mut mentions);
        }
        let mut holds = Vec::new();
        for used in uses(body) {
            if count(&mentions, &used.name) == 1 && self.unknown_since(outer, &used.name).is_some() {
                holds.push(self.hold(used));
            }
        }
        holds
    }

    fn hold(&mut self, used: Use) -> Hold {
        let Use { name, call } = used;
        let span = name.span();
        let private = self.private(span);
        let value = Ident::new("value", Span::mixed_site());
        let held = match (call, self.declared) {
            (HeldCall::Send, None) => {
                quote_spanned!(span=> #private::SenderKind::of(&#value).hold_sender(#value))
            }
            (HeldCall::Send, Some(declared)) => {
                quote_spanned!(span=> #private::SenderKind::of(&#value).hold_declared(#value, #declared))
            }
            (HeldCall::Check, _) => quote_spanned!(span=> #private::Kind::of(&#value).check_response(#value)),
        };
        let mut mutability = None;
        if let Some(local) = self.locals.iter_mut().rev().find(|local| local.name == name) {
            local.origin = Origin::Held;
            mutability = local.mutability;
        }
        // A `mut` that the user wrote is used, or a lint would find it.
        let scrutinee = match mutability {
            Some(_) => quote_spanned!(span=> { _ = &mut #name; #name }),
            None => name.to_token_stream(),
        };
        let value = quote_spanned!(span=> match #scrutinee { #value => #held });
        Hold { name, mutability, value }
    }
}

// Input:
//     Some(request) => request.send().await
//
// Output:
//     Some(request) => match match request { value => SenderKind::of(&value).hold_sender(value) } {
//         request @ _ => request.send().await
//     }
/// Binds variables again around an expression. The arm of a `match` drops its temporaries before
/// its variables, in every edition.
fn wrap(holds: Vec<Hold>, body: &mut Expr) {
    match body {
        // The body of a closure with a return type stays a block.
        Expr::Block(block) if block.label.is_none() => wrap_block(holds, &mut block.block),
        _ => {
            for hold in holds {
                let around = hold.around(body);
                *body = around;
            }
        }
    }
}

fn wrap_block(holds: Vec<Hold>, block: &mut Block) {
    for hold in holds {
        let stmts = take(&mut block.stmts);
        block.stmts.push(Stmt::Expr(hold.around(&quote!({ #(#stmts)* })), None));
    }
}

impl Hold {
    fn around(&self, body: &impl ToTokens) -> Expr {
        let Self { name, mutability, value } = self;
        let lints = mutability.map(|_| quote!(#[allow(unused_mut)]));
        Expr::Verbatim(quote_spanned! {Span::mixed_site()=>
            match #value {
                #lints
                #mutability #name @ _ => #body
            }
        })
    }
}

/// Returns the variables that are sent, or whose status is checked.
fn uses(body: &[Stmt]) -> Vec<Use> {
    let mut uses = Vec::new();
    macros::any(body, &mut |expr| {
        if let (Expr::MethodCall(call), Some(found)) = (expr, classify(expr)) {
            let call_of_name = match found {
                Call::Send => Some(HeldCall::Send),
                Call::Check => Some(HeldCall::Check),
                _ => None,
            };
            if let (Expr::Path(path), Some(held)) = (&*call.receiver, call_of_name) {
                uses.extend(path.path.get_ident().map(|name| Use { name: name.clone(), call: held }));
            }
        }
        false
    });
    uses
}

/// Returns `true` if what an expression makes borrows from no variable: a text, or the clone of a
/// variable.
fn is_copy(expr: &Expr) -> bool {
    match expr {
        Expr::Macro(item) => is_formatting(&item.mac),
        Expr::MethodCall(call) => match &*call.receiver {
            Expr::Path(_) => is_among(&call.method, &["clone", "try_clone"]),
            receiver => is_copy(receiver),
        },
        Expr::Try(tried) => is_copy(&tried.expr),
        _ => false,
    }
}

/// Collects what a condition mentions outside of the patterns of its `let`s.
fn collect_values(condition: &Expr, mentions: &mut Vec<TokenTree>) {
    match condition {
        Expr::Let(item) => collect(item.expr.to_token_stream(), mentions),
        Expr::Binary(binary) => {
            collect_values(&binary.left, mentions);
            collect_values(&binary.right, mentions);
        }
        other => collect(other.to_token_stream(), mentions),
    }
}

fn tokens_of(node: &impl ToTokens) -> Vec<TokenTree> {
    let mut mentions = Vec::new();
    collect(node.to_token_stream(), &mut mentions);
    mentions
}
