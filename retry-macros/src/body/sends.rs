//! Finds the sends of a body, wherever they are, and arms them.
//!
//! The macro arms `<builder>.send()`, `<client>.execute(<request>)` and
//! `<response>.error_for_status()`. It only records `reqwest::get(..)` and reads of an answer's
//! body. It looks into closures, `async` blocks, arguments, combinators and the input of known
//! macros, and leaves nested items and other macros alone. The macro knows names only: the type
//! decides whether a value is reqwest's.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Attribute, Expr, FieldValue, Item, Lit, Macro, Pat, Stmt, Type};

use crate::body::macros;
use crate::function::Shape;
use crate::function::bindings::{self, Owned};
use crate::options::Options;
use crate::paths::Private;
use crate::tokens::captures;
use crate::walk::{self, Node, Parts};
use calls::{Call, classify, is_execute};
pub(crate) use calls::{calls_anything, calls_method};
use origin::{Local, Origin, builds, checked_name, configured, is_builder, uses_variable};
use rewrite::{parenthesize, peel};

mod calls;
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
    body: &mut [Stmt],
    parameters: &[(Ident, Type)],
    bound: &[Owned],
    shape: Shape,
    options: &Options,
) -> Sends {
    // Of a variable that is bound around the body nothing is known.
    let mut locals = Vec::new();
    for owned in bound {
        locals.push(Local { name: owned.name.clone(), origin: Origin::Unknown, depth: 0, loops: 0 });
    }
    for (name, ty) in parameters {
        let origin = if is_builder(ty) { Origin::Builder } else { Origin::Parameter };
        locals.push(Local { name: name.clone(), origin, depth: 0, loops: 0 });
    }
    // Only what is sent or checked by a variable needs to know how often that is mentioned, and
    // tokens cost time.
    let (mut mentions, mut configured) = (Vec::new(), Vec::new());
    if body.iter().any(uses_variable) {
        for stmt in &*body {
            collect(stmt.to_token_stream(), &mut mentions);
        }
        configured = self::configured(body);
    }
    let idempotent = options.idempotent.as_ref().filter(|_| options.transparent.is_some());
    let declared = idempotent.map(|flag| flag.value);
    let passed = Vec::new();
    let mut armer = Armer {
        options,
        shape,
        declared,
        locals,
        mentions,
        passed,
        configured,
        awaited: Awaited::No,
        is_in_attempt: options.transparent.is_none() && matches!(shape, Shape::Async | Shape::Block),
        visible: 0,
        bounded: 0,
        armed: 0,
        loops: 0,
        depth: 0,
    };
    for stmt in body {
        armer.visit_stmt_mut(stmt);
    }
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

/// Whether a send is awaited where it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    /// It may be awaited anywhere.
    No,
    /// Something awaits it at once.
    AtOnce,
    /// The attempt itself awaits it at once, and nothing else does.
    ByAttempt,
}

struct Armer<'a> {
    options: &'a Options,
    shape: Shape,
    /// The declaration of the user that requests are safe to repeat, or that they are not.
    declared: Option<bool>,
    /// The variables in scope.
    locals: Vec<Local>,
    /// Every name and literal in the body, as often as it is there.
    mentions: Vec<TokenTree>,
    /// Those that were visited.
    passed: Vec<TokenTree>,
    /// The variables that are configured as a builder is, and sent, somewhere in the body:
    /// `x.header(..).send()`.
    configured: Vec<Ident>,
    /// Whether the visited expression is a send that is awaited at once.
    awaited: Awaited,
    /// `true` if the visited expression is run by the attempt itself: it is in no closure, `async`
    /// block or macro, and the function is not `transparent`.
    is_in_attempt: bool,
    /// The number of visible sends.
    visible: usize,
    /// The number of those that can be bounded.
    bounded: usize,
    /// The number of armed expressions.
    armed: usize,
    /// The number of loops around the visited expression.
    loops: usize,
    /// The number of closures around the visited expression.
    depth: usize,
}

impl Armer<'_> {
    fn visit(&mut self, node: Node<'_>) -> Parts {
        match node {
            Node::Arm(arm) => self.visit_arm_mut(arm),
            Node::Block(block) => self.visit_block_mut(block),
            Node::Expr(expr) => self.visit_expr_mut(expr),
            Node::FieldValue(field) => self.visit_field_value_mut(field),
            Node::Ident(name) => self.visit_ident_mut(name),
            Node::Item(item) => self.visit_item_mut(item),
            Node::Lit(literal) => self.visit_lit_mut(literal),
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
        match expr {
            Expr::Const(_) => return,
            Expr::Closure(closure) => {
                let outside = self.locals.len();
                self.depth += 1;
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
                let is_in_attempt = std::mem::take(&mut self.is_in_attempt);
                self.inside(Node::Expr(expr));
                self.is_in_attempt = is_in_attempt;
                self.depth -= 1;
                self.locals.truncate(outside);
                return;
            }
            Expr::Async(_) => {
                let is_in_attempt = std::mem::take(&mut self.is_in_attempt);
                self.inside(Node::Expr(expr));
                self.is_in_attempt = is_in_attempt;
            }
            Expr::Await(future) => {
                if is_execute(peel(&mut future.base)) {
                    let attrs = std::mem::take(&mut future.attrs);
                    self.execute_and_await(expr);
                    give_back(attrs, expr);
                    return;
                }
                let is_send = |expr: &Expr| matches!(classify(expr), Some(Call::Send));
                self.awaited = if self.is_in_attempt && is_send(&future.base) {
                    Awaited::ByAttempt
                } else if is_send(peel(&mut future.base)) {
                    Awaited::AtOnce
                } else {
                    Awaited::No
                };
                self.inside(Node::Expr(expr));
                self.awaited = Awaited::No;
            }
            Expr::Loop(_) | Expr::While(_) | Expr::ForLoop(_) => {
                let outside = self.locals.len();
                self.loops += 1;
                if let Expr::ForLoop(item) = expr {
                    self.bind(&item.pat, Origin::Unknown);
                }
                self.inside(Node::Expr(expr));
                self.loops -= 1;
                self.locals.truncate(outside);
                return;
            }
            Expr::If(_) => {
                let outside = self.locals.len();
                self.inside(Node::Expr(expr));
                self.locals.truncate(outside);
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
            Expr::MethodCall(call) => std::mem::take(&mut call.attrs),
            Expr::Call(call) => std::mem::take(&mut call.attrs),
            _ => Vec::new(),
        };
        match call {
            Call::Send => self.send(expr),
            Call::Execute if is_execute(expr) => self.execute(expr),
            Call::Execute => {}
            Call::Get => {
                self.visible += 1;
                self.track(expr, "track_get", None);
            }
            Call::Read => self.read(expr, "track_body"),
            Call::Stream => self.read(expr, "track_stream"),
            Call::Check => self.check(expr),
            Call::CheckInside => self.check_inside(expr),
        }
        give_back(attrs, expr);
    }

    fn visit_item_mut(&mut self, item: &mut Item) {
        collect(item.to_token_stream(), &mut self.passed);
    }

    fn visit_ident_mut(&mut self, name: &mut Ident) {
        self.passed.push(name.clone().into());
    }

    fn visit_lit_mut(&mut self, literal: &mut Lit) {
        collect(literal.to_token_stream(), &mut self.passed);
    }

    fn visit_field_value_mut(&mut self, field: &mut FieldValue) {
        // `Request { url }` mentions `url` once.
        if field.colon_token.is_none() {
            walk::member(&mut field.member, &mut |node| self.visit(node));
        } else {
            self.inside(Node::FieldValue(field));
        }
    }

    fn visit_macro_mut(&mut self, item: &mut Macro) {
        self.inside(Node::Path(&mut item.path));
        let (passed, armed) = (self.passed.len(), self.armed);
        let mut tokens = item.clone();
        let is_in_attempt = std::mem::take(&mut self.is_in_attempt);
        let known = macros::visit(&mut tokens, &mut |expr| self.visit_expr_mut(expr));
        self.is_in_attempt = is_in_attempt;
        self.passed.truncate(passed);
        collect(item.tokens.clone(), &mut self.passed);
        // An expression that is not armed stays as it was written.
        if known && self.armed > armed {
            *item = tokens;
        }
    }

    fn visit_block_mut(&mut self, block: &mut syn::Block) {
        let outside = self.locals.len();
        self.inside(Node::Block(block));
        self.locals.truncate(outside);
    }

    fn visit_arm_mut(&mut self, arm: &mut syn::Arm) {
        let outside = self.locals.len();
        self.bind(&arm.pat, Origin::Unknown);
        self.inside(Node::Arm(arm));
        self.locals.truncate(outside);
    }

    fn visit_stmt_mut(&mut self, stmt: &mut Stmt) {
        let origin = match stmt {
            Stmt::Local(local) => {
                let init = local.init.as_ref().map(|init| &*init.expr);
                if init.is_some_and(builds) || matches!(&local.pat, Pat::Type(typed) if is_builder(&typed.ty))
                {
                    Origin::Builder
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
        let (loops, depth) = (self.loops, self.depth);
        for owned in bound {
            let name = owned.name;
            let origin = if self.configured.contains(&name) { Origin::Builder } else { origin };
            self.locals.push(Local { name, origin, loops, depth });
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
