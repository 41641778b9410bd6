//! Finds the sends of a body, wherever they are, and arms them.
//!
//! The macro arms `<builder>.send()`, `<client>.execute(<request>)` and
//! `<response>.error_for_status()`. It only records `reqwest::get(..)` and reads of an answer's
//! body. It looks into closures, `async` blocks, arguments, combinators and the input of known
//! macros, and leaves nested items and other macros alone. The macro knows names only: the type
//! decides whether a value is reqwest's.

use std::mem::take;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::quote;
use syn::{Attribute, Expr, Macro, Pat, Stmt, Type};

use crate::body::macros;
use crate::body::sends::rewrite::Tracker;
use crate::function::Shape;
use crate::function::bindings::{self, Owned};
use crate::options::Options;
use crate::paths::Private;
use crate::tokens::captures;
use crate::walk::{self, Node, Parts};
pub(crate) use calls::calls_anything;
use calls::{Call, classify, is_execute};
use origin::{Local, Origin, builds, configured, is_ambiguous, is_builder, uses_variable};
use rewrite::{parenthesize, peel};

mod calls;
mod held;
mod origin;
mod rewrite;

/// The visibility of the requests of a function in its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sends {
    Visible,
    /// Only those of `reqwest::get`, to which nothing can be done.
    OnlyGet,
    Hidden,
}

/// Arms the sends of `body` and returns whether any is visible. `parameters` are those of the
/// function.
pub(crate) fn arm(
    body: &mut Vec<Stmt>,
    parameters: &[(Ident, Type)],
    bound: &[Owned],
    shape: Shape,
    options: &Options,
) -> Sends {
    // Of a variable that is bound around the body nothing is known.
    let mut locals = Vec::new();
    for owned in bound {
        locals.push(Local {
            name: owned.name.clone(),
            mutability: owned.mutability,
            origin: if owned.predicate.is_none() { Origin::Unknown } else { Origin::Parameter },
            loops: 0,
        });
    }
    for (name, ty) in parameters {
        let origin = if is_builder(ty) { Origin::Builder } else { Origin::Parameter };
        locals.push(Local { name: name.clone(), mutability: None, origin, loops: 0 });
    }
    // Only what is sent or checked by a variable needs to know its mentions, and tokens cost time.
    let has_variables = body.iter().any(uses_variable);
    let configured = if has_variables { configured(body) } else { Vec::new() };
    let idempotent = options.idempotent.as_ref().filter(|_| options.transparent.is_some());
    let declared = idempotent.map(|flag| flag.value);
    let mut armer = Armer {
        options,
        declared,
        locals,
        has_variables,
        configured,
        awaited: Awaited::No,
        is_in_attempt: options.transparent.is_none() && matches!(shape, Shape::Async | Shape::Block),
        captured: None,
        visible: 0,
        bounded: 0,
        armed: 0,
        loops: 0,
    };
    armer.visit_stmts_mut(body, 0);
    match (armer.bounded, armer.visible) {
        (0, 0) => Sends::Hidden,
        (0, _) => Sends::OnlyGet,
        _ => Sends::Visible,
    }
}

/// Returns `true` if there is a visible send in `body`.
pub(crate) fn any(body: &[Stmt]) -> bool {
    arm(&mut body.to_vec(), &[], &[], Shape::Async, &Options::default()) != Sends::Hidden
}

struct Armer<'a> {
    options: &'a Options,
    /// The declaration of the user that requests are safe to repeat, or that they are not.
    declared: Option<bool>,
    /// The variables in scope.
    locals: Vec<Local>,
    /// `true` if the body sends a variable, or checks its status.
    has_variables: bool,
    /// The variables that are configured as a builder is, and sent, somewhere in the body:
    /// `x.header(..).send()`.
    configured: Vec<Ident>,
    awaited: Awaited,
    /// `true` if the visited expression is run by the attempt itself: it is in no closure, `async`
    /// block or macro, and the function is not `transparent`.
    is_in_attempt: bool,
    /// The number of variables that are bound outside of the innermost closure or `async` block
    /// without `move` around the visited expression, if there is one.
    captured: Option<usize>,
    /// The number of visible sends.
    visible: usize,
    /// The number of those that can be bounded.
    bounded: usize,
    /// The number of armed expressions.
    armed: usize,
    /// The number of loops around the visited expression.
    loops: usize,
}

/// Tells whether the visited expression is a send, or reads a body, and the attempt itself awaits
/// it at once.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Awaited {
    #[default]
    No,
    /// The attempt awaits it. What it is called on may be anything.
    Unknown,
    /// The attempt awaits it, and it reads the answer to a send, as far as one can see.
    Answer,
}

impl Armer<'_> {
    fn visit(&mut self, node: Node<'_>) -> Parts {
        match node {
            Node::Arm(arm) => self.visit_arm_mut(arm),
            Node::Block(block) => self.visit_block_mut(block),
            Node::Expr(expr) => self.visit_expr_mut(expr),
            Node::Item(_) => {}
            Node::Macro(item) => self.visit_macro_mut(item),
            Node::Stmt(stmt) => self.visit_stmt_mut(stmt),
            _ => return Parts::Visit,
        }
        Parts::Skip
    }

    fn inside(&mut self, node: Node<'_>) {
        walk::inside(node, &mut |node| self.visit(node));
    }

    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        // The receiver and the arguments are not awaited.
        let awaited = take(&mut self.awaited);
        match expr {
            Expr::Const(_) => return,
            Expr::Closure(closure) => return self.visit_closure_mut(closure),
            Expr::ForLoop(item) => return self.visit_for_mut(item),
            Expr::While(item) => return self.visit_while_mut(item),
            Expr::If(item) => return self.visit_if_mut(item),
            Expr::Loop(_) => {
                self.loops += 1;
                self.inside(Node::Expr(expr));
                self.loops -= 1;
                return;
            }
            Expr::Async(item) => {
                let is_in_attempt = take(&mut self.is_in_attempt);
                let captured = self.captured;
                if item.capture.is_none() {
                    self.captured = Some(self.locals.len());
                }
                self.inside(Node::Expr(expr));
                (self.is_in_attempt, self.captured) = (is_in_attempt, captured);
            }
            Expr::Await(future) => {
                if is_execute(peel(&mut future.base)) {
                    let attrs = take(&mut future.attrs);
                    self.execute_and_await(expr);
                    give_back(attrs, expr);
                    return;
                }
                self.awaited = match classify(&future.base) {
                    _ if !self.is_in_attempt => Awaited::No,
                    Some(Call::Read) if self.is_of_answer(&future.base) => Awaited::Answer,
                    Some(Call::Send | Call::Read) => Awaited::Unknown,
                    _ => Awaited::No,
                };
                self.inside(Node::Expr(expr));
                self.awaited = Awaited::No;
            }
            Expr::Let(_) => {
                self.inside(Node::Expr(expr));
                if let Expr::Let(item) = expr {
                    self.bind(&item.pat, Origin::Unknown);
                }
            }
            Expr::Assign(assign) => {
                self.assign(assign);
                self.inside(Node::Expr(expr));
            }
            _ => self.inside(Node::Expr(expr)),
        }
        let Some(call) = classify(expr) else { return };
        let attrs = match expr {
            Expr::MethodCall(call) => take(&mut call.attrs),
            Expr::Call(call) => take(&mut call.attrs),
            _ => Vec::new(),
        };
        match call {
            Call::Send => {
                self.awaited = awaited;
                self.send(expr);
                self.awaited = Awaited::No;
            }
            Call::Execute if is_execute(expr) => self.execute(expr),
            Call::Execute => {}
            Call::Get => {
                self.visible += 1;
                self.track(expr, Tracker::GET, None);
            }
            Call::Read => self.read(
                expr,
                match awaited {
                    Awaited::No => Tracker::BODY,
                    Awaited::Unknown => Tracker::AWAITED,
                    Awaited::Answer => Tracker::ANSWER,
                },
            ),
            Call::Stream => self.read(expr, Tracker::STREAM),
            Call::Check => self.check(expr),
            Call::CheckInside => self.check_inside(expr),
        }
        give_back(attrs, expr);
    }

    fn visit_macro_mut(&mut self, item: &mut Macro) {
        self.inside(Node::Path(&mut item.path));
        let armed = self.armed;
        let mut tokens = item.clone();
        let is_in_attempt = take(&mut self.is_in_attempt);
        let known = macros::visit(&mut tokens, &mut |expr| self.visit_expr_mut(expr));
        self.is_in_attempt = is_in_attempt;
        // An expression that is not armed stays as it was written.
        if known && self.armed > armed {
            *item = tokens;
        }
    }

    fn visit_block_mut(&mut self, block: &mut syn::Block) {
        let outside = self.locals.len();
        self.visit_stmts_mut(&mut block.stmts, outside);
        self.locals.truncate(outside);
    }

    fn visit_stmt_mut(&mut self, stmt: &mut Stmt) {
        let origin = match stmt {
            Stmt::Local(local) => {
                let init = local.init.as_ref().map(|init| &*init.expr);
                // What is taken apart is no builder.
                if matches!(&local.pat, Pat::Ident(_)) && init.is_some_and(builds)
                    || matches!(&local.pat, Pat::Type(typed) if is_builder(&typed.ty))
                {
                    if init.is_some_and(is_ambiguous) { Origin::Made } else { Origin::Builder }
                } else if init.is_some_and(|init| self.is_answer(init)) {
                    Origin::Response
                } else {
                    Origin::Unknown
                }
            }
            _ => Origin::Unknown,
        };
        self.inside(Node::Stmt(stmt));
        if let Stmt::Expr(expr, _) = stmt {
            parenthesize(expr);
        }
        if let Stmt::Local(local) = stmt {
            self.bind(&local.pat, origin);
        }
    }

    fn assign(&mut self, assign: &syn::ExprAssign) {
        if builds(&assign.right) {
            if let Expr::Path(path) = &*assign.left {
                if let Some(local) =
                    self.locals.iter_mut().rev().find(|local| path.path.is_ident(&local.name))
                {
                    local.origin = Origin::Builder;
                }
            }
        }
    }

    fn bind(&mut self, pattern: &Pat, origin: Origin) {
        let mut bound = Vec::new();
        bindings::names(pattern, None, &mut bound);
        for owned in bound {
            let Owned { name, mutability, .. } = owned;
            let origin = if self.configured.contains(&name) { Origin::Builder } else { origin };
            self.locals.push(Local { name, mutability, origin, loops: self.loops });
        }
    }

    fn private(&self, span: Span) -> Private<'_> {
        self.options.krate(span).private()
    }
}

/// Puts back what was taken off an expression, which may be another one now.
fn give_back(attrs: Vec<Attribute>, expr: &mut Expr) {
    match expr {
        _ if attrs.is_empty() => {}
        Expr::MethodCall(call) => call.attrs = attrs,
        Expr::Call(call) => call.attrs = attrs,
        Expr::Await(future) => future.attrs = attrs,
        other => *other = Expr::Verbatim(quote!(#(#attrs)* #other)),
    }
}

fn collect(tokens: TokenStream, mentions: &mut Vec<TokenTree>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => collect(group.stream(), mentions),
            TokenTree::Punct(_) => {}
            token => mentions.push(token),
        }
    }
}

/// Counts the mentions of `name`, also in the text of a format.
fn count(mentions: &[TokenTree], name: &Ident) -> usize {
    let is = |token: &&TokenTree| match token {
        TokenTree::Ident(other) => other == name,
        TokenTree::Literal(literal) => captures(literal.clone(), name),
        _ => false,
    };
    mentions.iter().filter(is).count()
}

#[cfg(test)]
mod tests;
