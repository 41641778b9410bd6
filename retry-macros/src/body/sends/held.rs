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
use crate::body::sends::origin::{Local, Origin, checked_name, is_builder};
use crate::body::sends::{Armer, collect, count};
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

    /// Returns `true` for a statement that only makes a text: it keeps no borrow, and nothing that
    /// must be dropped in some order. `format_args!` borrows.
    fn is_text(&self) -> bool {
        match &self.stmt {
            Stmt::Macro(item) => is_formatting(&item.mac),
            Stmt::Local(local) => {
                let init = local.init.as_ref().map(|init| &*init.expr);
                matches!(init, Some(Expr::Macro(item)) if item.mac.path.is_ident("format"))
            }
            _ => false,
        }
    }
}

impl Armer<'_> {
    // Input:
    //     let request = make();
    //     debug(1);
    //     request.send().await
    //
    // Output:
    //     let request = make();
    //     let request @ _ = match request {
    //         value => SenderKind::of(&value).hold_sender(value)
    //     };
    //     debug(1);
    //     request.send().await
    /// Visits the statements of a block. The variables from `outer` on are those that it binds.
    pub(super) fn visit_stmts_mut(&mut self, stmts: &mut Vec<Stmt>, outer: usize) {
        if !self.has_variables {
            return stmts.iter_mut().for_each(|stmt| self.visit_stmt_mut(stmt));
        }
        let written: Vec<_> = stmts.iter().map(Written::new).collect();
        let mut again: Vec<_> = written.iter().map(|_| Vec::new()).collect();
        // What is bound around the body.
        for number in outer..self.locals.len() {
            self.bind_again(number, &written, &[], &mut again);
        }
        for (at, mut stmt) in take(stmts).into_iter().enumerate() {
            stmts.append(&mut again[at]);
            let bound = self.locals.len();
            self.visit_stmt_mut(&mut stmt);
            stmts.push(stmt);
            if self.locals.len() > bound {
                let (rest, again) = (&written[at + 1..], &mut again[at + 1..]);
                let stmt = &written[at].stmt;
                if self.is_last(bound) && !has_conditional_parts(stmt) {
                    self.bind_again(self.locals.len() - 1, rest, &outer_attributes(stmt), again);
                }
            }
        }
    }

    /// Binds a variable again before the first of the statements in its scope, or behind those that
    /// only make a text of it, if a send is all that mentions it from there on.
    fn bind_again(
        &mut self,
        number: usize,
        rest: &[Written],
        attributes: &[Attribute],
        again: &mut [Vec<Stmt>],
    ) {
        let name = self.locals[number].name.clone();
        let is_hidden = self.locals[number + 1..].iter().any(|local| local.name == name);
        if is_hidden || !self.may_hold(number) {
            return;
        }
        let texts = rest.iter().take_while(|stmt| stmt.is_text()).count();
        let last = rest[..texts].iter().rposition(|stmt| count(&stmt.mentions, &name) > 0);
        let at = last.map_or(0, |last| last + 1);
        let mut mentioned = rest[at..].iter().filter(|stmt| count(&stmt.mentions, &name) > 0);
        let (Some(sends), None) = (mentioned.next(), mentioned.next()) else { return };
        let used = uses(std::slice::from_ref(&sends.stmt)).into_iter().find(|used| used.name == name);
        let (Some(used), 1) = (used, count(&sends.mentions, &name)) else { return };
        let Hold { name, mutability, value } = self.hold(used);
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

    /// Returns `true` for a variable of which nothing certain is known. What begins with an upper
    /// case letter may be a constant, and what begins with an underscore is not to be mentioned.
    fn may_hold(&self, number: usize) -> bool {
        let Local { name, origin, .. } = &self.locals[number];
        matches!(origin, Origin::Unknown | Origin::Made)
            && !name.to_string().starts_with(|c: char| c == '_' || c.is_uppercase())
    }

    /// Visits an arm of a `match`, with the variables of its pattern.
    pub(super) fn visit_arm_mut(&mut self, arm: &mut Arm) {
        let outer = self.locals.len();
        self.bind(&arm.pat, Origin::Unknown);
        let guard = match &arm.pat {
            Pat::Guard(pat) if self.has_variables => tokens_of(&pat.guard),
            _ => Vec::new(),
        };
        let hold = if is_conditional(&arm.pat) { None } else { self.holds_in(outer, &guard, &arm.body) };
        self.inside(Node::Arm(arm));
        wrap(hold, &mut arm.body);
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
        let is_conditional = closure.inputs.iter().any(is_conditional);
        let hold = if is_conditional { None } else { self.holds_in(outer, &[], &closure.body) };
        let is_in_attempt = take(&mut self.is_in_attempt);
        self.visit_expr_mut(&mut closure.body);
        self.is_in_attempt = is_in_attempt;
        wrap(hold, &mut closure.body);
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
        let hold = self.holds(outer, before, &block.stmts);
        self.visit_block_mut(block);
        wrap_block(hold, block);
    }

    /// Does what [`holds`](Self::holds) does, for an expression.
    fn holds_in(&mut self, outer: usize, before: &[TokenTree], body: &Expr) -> Option<Hold> {
        if !self.has_variables || self.locals.len() == outer {
            return None;
        }
        self.holds(outer, before, &[Stmt::Expr(body.clone(), None)])
    }

    /// Holds the last of the variables from `outer` on, if it is mentioned once in its scope: where
    /// `body` sends it. `before` is mentioned before `body`.
    fn holds(&mut self, outer: usize, before: &[TokenTree], body: &[Stmt]) -> Option<Hold> {
        if !self.has_variables || !self.is_last(outer) || !self.may_hold(self.locals.len() - 1) {
            return None;
        }
        let name = self.locals.last()?.name.clone();
        let mut mentions = before.to_vec();
        for stmt in body {
            collect(stmt.to_token_stream(), &mut mentions);
        }
        let used = uses(body).into_iter().find(|used| used.name == name)?;
        (count(&mentions, &name) == 1).then(|| self.hold(used))
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

/// Returns the attributes of a `let` that its variables have when they are bound again.
fn outer_attributes(stmt: &Stmt) -> Vec<Attribute> {
    let Stmt::Local(local) = stmt else { return Vec::new() };
    let is_kept = |attribute: &&Attribute| {
        attribute.path().get_ident().is_some_and(|name| is_among(name, &["allow", "cfg"]))
    };
    local.attrs.iter().filter(is_kept).cloned().collect()
}

/// Returns `true` if a variable of a pattern may not be there.
fn has_conditional_parts(stmt: &Stmt) -> bool {
    matches!(stmt, Stmt::Local(local) if is_conditional(&local.pat))
}

fn is_conditional(pattern: &Pat) -> bool {
    count(&tokens_of(pattern), &Ident::new("cfg", Span::call_site())) > 0
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

/// Collects what a condition mentions outside of the patterns of its `let`s.
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
