//! Holds variables of unknown types.
//!
//! A variable whose type the body does not show may be a builder, which `send` consumes, or a
//! guard, which lives on. Such a variable is not moved where it is sent. It is bound again where it
//! was bound, and so is dropped where it was. This is done if nothing but the send mentions the
//! variable from there on, so that nothing can borrow from it.

use std::mem::take;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Arm, Attribute, Block, Expr, ExprClosure, ExprForLoop, ExprIf, ExprWhile, Pat, Stmt, Token};

use crate::body::macros;
use crate::body::moves::is_formatting;
use crate::body::sends::calls::{Call, classify};
use crate::body::sends::origin::{Local, Origin, checked_name, is_builder, may_be_constant};
use crate::body::sends::{Armer, collect, count};
use crate::tokens::is_among;
use crate::walk::Node;

/// A variable that is bound again.
struct Hold {
    name: Ident,
    mutability: Option<Token![mut]>,
    /// The value that it is bound to.
    value: TokenStream,
}

impl Armer<'_> {
    // Input:
    //     let request = make();
    //     request.send().await
    //
    // Output:
    //     let request = make();
    //     let request @ _ = match request {
    //         value => SenderKind(&raw const value).arm_sender(value)
    //     };
    //     request.send().await
    /// Visits the statements of a block. The variables from `outer` on are those that it binds.
    pub(super) fn visit_stmts_mut(&mut self, stmts: &mut Vec<Stmt>, outer: usize) {
        if !self.has_variables {
            return stmts.iter_mut().for_each(|stmt| self.visit_stmt_mut(stmt));
        }
        let mentions: Vec<_> = stmts.iter().map(tokens_of).collect();
        // What is to stand before each statement.
        let mut again: Vec<_> = stmts.iter().map(|_| Vec::new()).collect();
        // What is bound around the body.
        for number in outer..self.locals.len() {
            self.bind_again(number, (stmts, &mentions), &[], &mut again);
        }
        for at in 0..stmts.len() {
            let (visited, rest) = stmts[at..].split_first_mut().expect("a statement");
            let bound = self.locals.len();
            self.visit_stmt_mut(visited);
            if let Stmt::Local(local) = visited {
                if self.is_last(bound) && !is_conditional(&local.pat) {
                    let rest = (&*rest, &mentions[at + 1..]);
                    let attributes = kept_attributes(local);
                    self.bind_again(self.locals.len() - 1, rest, &attributes, &mut again[at + 1..]);
                }
            }
        }
        let together = again.into_iter().zip(take(stmts));
        stmts.extend(together.flat_map(|(before, stmt)| before.into_iter().chain([stmt])));
    }

    /// Binds a variable again before the first of the statements in its scope, or behind those that
    /// only make a text of it, if a send is all that mentions it from there on. The statements come
    /// with what they mention, as the user wrote them.
    fn bind_again(
        &mut self,
        number: usize,
        (rest, mentions): (&[Stmt], &[Vec<TokenTree>]),
        attributes: &[Attribute],
        again: &mut [Vec<Stmt>],
    ) {
        let name = self.locals[number].name.clone();
        let is_hidden = self.locals[number + 1..].iter().any(|local| local.name == name);
        if is_hidden || !self.may_hold(number) {
            return;
        }
        let counts: Vec<_> = mentions.iter().map(|mentions| count(mentions, &name)).collect();
        let texts = rest.iter().take_while(|stmt| is_text(stmt)).count();
        let at = counts[..texts].iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
        if counts[at..].iter().sum::<usize>() != 1 {
            return;
        }
        let Some(call) = call_on(&name, &rest[at..]) else { return };
        let Hold { name, mutability, value } = self.hold(number, &call);
        // With `@ _`, lints do not take it for a variable of the user's.
        let stmt = quote_spanned! {Span::mixed_site()=>
            #(#attributes)*
            #[allow(unused_mut, clippy::redundant_pattern)]
            let #mutability #name @ _ = #value;
        };
        again[at].push(Stmt::Expr(Expr::Verbatim(stmt), None));
    }

    /// Returns `true` if the last variable is dropped before the others from `outer` on, which the
    /// same pattern binds. Of a pattern that has alternatives, the order is not known.
    fn is_last(&self, outer: usize) -> bool {
        self.locals[outer..]
            .split_last()
            .is_some_and(|(last, before)| before.iter().all(|local| local.name != last.name))
    }

    /// Returns `true` for a variable of which nothing certain is known.
    fn may_hold(&self, number: usize) -> bool {
        let Local { name, origin, .. } = &self.locals[number];
        matches!(origin, Origin::Unknown | Origin::Made) && !may_be_constant(name)
    }

    /// Visits an arm of a `match`, with the variables of its pattern.
    pub(super) fn visit_arm_mut(&mut self, arm: &mut Arm) {
        let outer = self.locals.len();
        self.bind(&arm.pat, Origin::Unknown);
        let before = self.before([&arm.pat]);
        let hold = self.hold_in(outer, &before, &arm.body);
        self.inside(Node::Arm(arm));
        wrap(hold, &mut arm.body);
        self.locals.truncate(outer);
    }

    pub(super) fn visit_closure_mut(&mut self, closure: &mut ExprClosure) {
        let outer = self.locals.len();
        let captured = self.captured;
        if closure.capture.is_none() {
            self.captured = Some(outer);
        }
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
        let before = self.before(&closure.inputs);
        let hold = self.hold_in(outer, &before, &closure.body);
        let is_in_attempt = take(&mut self.is_in_attempt);
        self.visit_expr_mut(&mut closure.body);
        (self.is_in_attempt, self.captured) = (is_in_attempt, captured);
        wrap(hold, &mut closure.body);
        self.locals.truncate(outer);
    }

    /// Returns what patterns mention beside their variables. What may not be there counts as
    /// mentioned, and so is not held.
    fn before<'p>(&self, patterns: impl IntoIterator<Item = &'p Pat>) -> Vec<TokenTree> {
        let mut mentions = Vec::new();
        for pattern in patterns.into_iter().filter(|_| self.has_variables) {
            match pattern {
                pattern if is_conditional(pattern) => collect(pattern.to_token_stream(), &mut mentions),
                Pat::Guard(pattern) => collect(pattern.guard.to_token_stream(), &mut mentions),
                _ => {}
            }
        }
        mentions
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

    /// Visits a condition. Returns what is mentioned beside the variables of its `let`s.
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
        let hold = self.hold_last(outer, before, || block.stmts.clone());
        self.visit_block_mut(block);
        wrap_block(hold, block);
    }

    /// Does what [`hold_last`](Self::hold_last) does, for the scope of an expression.
    fn hold_in(&mut self, outer: usize, before: &[TokenTree], body: &Expr) -> Option<Hold> {
        self.hold_last(outer, before, || vec![Stmt::Expr(body.clone(), None)])
    }

    /// Holds the last of the variables from `outer` on, if it is mentioned once in its scope: where
    /// `body` sends it. `before` is mentioned before `body`.
    fn hold_last(
        &mut self,
        outer: usize,
        before: &[TokenTree],
        body: impl FnOnce() -> Vec<Stmt>,
    ) -> Option<Hold> {
        let number = self.locals.len().checked_sub(1)?;
        if !self.has_variables || !self.is_last(outer) || !self.may_hold(number) {
            return None;
        }
        let (name, body) = (self.locals[number].name.clone(), body());
        let mentions: usize = body.iter().map(|stmt| count(&tokens_of(stmt), &name)).sum();
        if mentions + count(before, &name) != 1 {
            return None;
        }
        let call = call_on(&name, &body)?;
        Some(self.hold(number, &call))
    }

    fn hold(&mut self, number: usize, call: &Call) -> Hold {
        let Local { name, mutability, .. } = &self.locals[number];
        let (name, mutability) = (name.clone(), *mutability);
        self.locals[number].origin = Origin::Held;
        let span = name.span();
        let private = self.private(span);
        let value = Ident::new("value", Span::mixed_site());
        let held = match (call, self.declared) {
            (Call::Check, _) => {
                quote_spanned!(span=> #private::Kind(&raw const #value).check_response(#value))
            }
            (_, None) => quote_spanned!(span=> #private::SenderKind(&raw const #value).arm_sender(#value)),
            (_, Some(declared)) => {
                quote_spanned!(span=> #private::SenderKind(&raw const #value).arm_declared(#value, #declared))
            }
        };
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
//     Some(request) => match match request {
//         value => SenderKind(&raw const value).arm_sender(value)
//     } {
//         request @ _ => request.send().await
//     }
/// Binds variables again around an expression. The arm of a `match` drops its temporaries before
/// its variables, in every edition.
fn wrap(hold: Option<Hold>, body: &mut Expr) {
    let Some(hold) = hold else { return };
    match body {
        // The body of a closure with a return type stays a block.
        Expr::Block(block) if block.label.is_none() => wrap_block(Some(hold), &mut block.block),
        _ => *body = hold.around(body),
    }
}

fn wrap_block(hold: Option<Hold>, block: &mut Block) {
    if let Some(hold) = hold {
        let stmts = take(&mut block.stmts);
        block.stmts.push(Stmt::Expr(hold.around(&quote!({ #(#stmts)* })), None));
    }
}

impl Hold {
    fn around(&self, body: &impl ToTokens) -> Expr {
        let Self { name, mutability, value } = self;
        let mutable = mutability.map(|_| quote!(#[allow(unused_mut)]));
        Expr::Verbatim(quote_spanned! {Span::mixed_site()=>
            match #value {
                #mutable
                #[allow(clippy::redundant_pattern)]
                #mutability #name @ _ => #body
            }
        })
    }
}

/// Returns `true` for a statement that only makes a text: it keeps no borrow, and nothing that must
/// be dropped in some order. `format_args!` borrows.
fn is_text(stmt: &Stmt) -> bool {
    match stmt {
        Stmt::Macro(item) => is_formatting(&item.mac),
        Stmt::Local(local) => {
            let init = local.init.as_ref().map(|init| &*init.expr);
            matches!(init, Some(Expr::Macro(item)) if item.mac.path.is_ident("format"))
        }
        _ => false,
    }
}

/// Returns the attributes of a `let` that its variables have when they are bound again.
fn kept_attributes(local: &syn::Local) -> Vec<Attribute> {
    let is_kept = |attribute: &&Attribute| {
        attribute.path().get_ident().is_some_and(|name| is_among(name, &["allow", "cfg"]))
    };
    local.attrs.iter().filter(is_kept).cloned().collect()
}

/// Returns `true` if a variable of a pattern may not be there.
fn is_conditional(pattern: &Pat) -> bool {
    count(&tokens_of(pattern), &Ident::new("cfg", Span::call_site())) > 0
}

/// Returns the call by which `body` sends a variable, or checks its status.
fn call_on(name: &Ident, body: &[Stmt]) -> Option<Call> {
    let mut call_on_name = None;
    macros::any(body, &mut |expr| {
        if let (Expr::MethodCall(method), Some(call @ (Call::Send | Call::Check))) = (expr, classify(expr)) {
            if matches!(&*method.receiver, Expr::Path(path) if path.path.is_ident(name)) {
                call_on_name = Some(call);
            }
        }
        call_on_name.is_some()
    });
    call_on_name
}

/// Collects what a condition mentions beside the variables of its `let`s.
fn collect_values(condition: &Expr, mentions: &mut Vec<TokenTree>) {
    match condition {
        // What may not be there counts as mentioned, and so is not held.
        Expr::Let(item) if is_conditional(&item.pat) => collect(item.to_token_stream(), mentions),
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
