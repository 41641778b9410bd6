//! The forms that other attributes and adapters leave: `#[async_trait]`, `#[tracing::instrument]`,
//! `Box::pin(..)`, `.boxed()` and their kin.

use proc_macro2::Ident;
use syn::{Attribute, Block, Expr, ExprCall, Pat, Signature, Stmt};

use crate::cfg;
use crate::function::bindings::{Owned, bind_again};
use crate::walk::{self, Node, Parts};

/// Returns `true` if the attribute is `#[retry_http]`.
pub(crate) fn is_ours(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == "retry_http")
}

/// Macros of `std`, `log` and `tracing` whose last arguments are those of a format.
pub(crate) const FORMATTING: [&str; 25] = [
    "assert",
    "assert_eq",
    "assert_ne",
    "debug",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "eprint",
    "eprintln",
    "error",
    "event",
    "format",
    "format_args",
    "info",
    "log",
    "panic",
    "print",
    "println",
    "todo",
    "trace",
    "unimplemented",
    "unreachable",
    "warn",
    "write",
    "writeln",
];

/// The adapters around an `async` block that do not change its output.
const AROUND: [&str; 8] = [
    "boxed",
    "boxed_local",
    "fuse",
    "in_current_span",
    "instrument",
    "or_current",
    "with_current_subscriber",
    "with_subscriber",
];

/// Returns `true` if `expr` is an `async` block, within adapters that do not change its output.
pub(super) fn has_block(expr: &Expr) -> bool {
    match expr {
        Expr::Async(_) => true,
        Expr::Paren(paren) => has_block(&paren.expr),
        Expr::Group(group) => has_block(&group.expr),
        Expr::Cast(cast) => has_block(&cast.expr),
        Expr::MethodCall(call) => {
            AROUND.contains(&call.method.to_string().as_str()) && has_block(&call.receiver)
        }
        Expr::Call(call) => around(call) && has_block(&call.args[0]),
        _ => false,
    }
}

/// Returns `true` if a body returns another future than that of its last expression.
pub(super) fn has_other_ends(body: &[Stmt]) -> bool {
    let mut returns = false;
    walk::stmts(&mut body.to_vec(), &mut |node| match node {
        Node::Expr(Expr::Return(_)) => {
            returns = true;
            Parts::Skip
        }
        Node::Expr(Expr::Async(_) | Expr::Closure(_)) | Node::Item(_) => Parts::Skip,
        _ => Parts::Visit,
    });
    let ends = body.iter().filter(|stmt| matches!(stmt, Stmt::Expr(_, None)));
    returns || ends.map(cfg::of_stmt).any(|predicate| predicate.is_some())
}

/// The block that [`has_block`] saw.
pub(super) fn expect_block(expr: &mut Expr) -> &mut Block {
    match expr {
        Expr::Async(item) => &mut item.block,
        Expr::Paren(paren) => expect_block(&mut paren.expr),
        Expr::Group(group) => expect_block(&mut group.expr),
        Expr::Cast(cast) => expect_block(&mut cast.expr),
        Expr::MethodCall(call) => expect_block(&mut call.receiver),
        Expr::Call(call) => expect_block(&mut call.args[0]),
        _ => unreachable!("`has_block` saw a block"),
    }
}

/// `.boxed()`, `.instrument(span)` and their kin.
pub(crate) fn is_around(method: &Ident) -> bool {
    AROUND.contains(&method.to_string().as_str())
}

/// `Box::pin(..)`, `Instrument::instrument(.., span)` and their kin.
pub(crate) fn around(call: &ExprCall) -> bool {
    let Expr::Path(path) = &*call.func else { return false };
    let Some(last) = path.path.segments.last() else { return false };
    !call.args.is_empty() && (last.ident == "pin" || is_around(&last.ident))
}

/// Returns `true` for the statement that `#[tracing::instrument]` makes of the body of an `async
/// fn`.
pub(super) fn is_instrumented(stmt: &Stmt) -> bool {
    matches!(stmt, Stmt::Local(local) if is_named(&local.pat, "__tracing_instrument_future")
        && local.init.as_ref().is_some_and(|init| has_block(&init.expr)))
}

/// Returns `true` for the statement that `#[tracing::instrument(err)]` makes of the body of a `fn`:
/// `match (move || { body })() { .. }`.
pub(super) fn is_called_closure(stmt: &Stmt) -> bool {
    called(stmt).is_some_and(|call| match &*call.func {
        Expr::Paren(paren) => match &*paren.expr {
            Expr::Closure(closure) => closure.capture.is_some() && matches!(*closure.body, Expr::Block(_)),
            _ => false,
        },
        _ => false,
    }) && call_is_matched(stmt)
}

/// The call whose outcome a statement matches, or binds to `x`.
fn called(stmt: &Stmt) -> Option<&ExprCall> {
    let expr = match stmt {
        Stmt::Expr(Expr::Match(item), _) => &*item.expr,
        Stmt::Local(local) if is_named(&local.pat, "x") => &*local.init.as_ref()?.expr,
        _ => return None,
    };
    match expr {
        Expr::Call(call) if call.args.is_empty() => Some(call),
        _ => None,
    }
}

/// Returns `true` if the statement has the attributes that `#[tracing::instrument]` writes.
fn call_is_matched(stmt: &Stmt) -> bool {
    match stmt {
        Stmt::Expr(Expr::Match(item), _) => {
            !item.attrs.is_empty() || item.arms.iter().any(|arm| !arm.attrs.is_empty())
        }
        Stmt::Local(local) => !local.attrs.is_empty(),
        _ => false,
    }
}

pub(super) fn expect_closure(stmt: &mut Stmt) -> &mut Vec<Stmt> {
    let expr = match stmt {
        Stmt::Expr(Expr::Match(item), _) => &mut *item.expr,
        Stmt::Local(syn::Local { init: Some(init), .. }) => &mut *init.expr,
        _ => unreachable!("it calls a closure"),
    };
    let Expr::Call(call) = expr else { unreachable!("it is a call") };
    let Expr::Paren(paren) = &mut *call.func else { unreachable!("of a closure") };
    let Expr::Closure(closure) = &mut *paren.expr else { unreachable!("of a closure") };
    let Expr::Block(body) = &mut *closure.body else { unreachable!("with a block") };
    &mut body.block.stmts
}

fn is_named(pattern: &Pat, name: &str) -> bool {
    match pattern {
        Pat::Ident(plain) => plain.ident == name,
        Pat::Type(typed) => is_named(&typed.pat, name),
        _ => false,
    }
}

/// With `err` or `ret`, `#[tracing::instrument]` puts the body into an inner block, which it awaits
/// first.
pub(super) fn innermost(block: &mut Block) -> &mut Vec<Stmt> {
    fn awaited(stmt: &mut Stmt) -> Option<&mut Vec<Stmt>> {
        let expr = match stmt {
            Stmt::Local(local) => &mut *local.init.as_mut()?.expr,
            Stmt::Expr(Expr::Match(item), _) => &mut *item.expr,
            _ => return None,
        };
        let Expr::Await(future) = expr else { return None };
        let Expr::Async(inner) = &mut *future.base else { return None };
        Some(&mut inner.block.stmts)
    }

    let inner = block.stmts.first_mut().is_some_and(|stmt| awaited(stmt).is_some());
    if !inner {
        return &mut block.stmts;
    }
    block.stmts.first_mut().and_then(awaited).unwrap_or_else(|| unreachable!("it was there just now"))
}

/// The body in a block that `#[async_trait]` made: that of `let __ret: R = { body };`. The
/// statements before it bind variables.
pub(super) fn async_trait<'b>(
    block: &'b mut Block,
    sig: &Signature,
    owned: &mut Vec<Owned>,
) -> &'b mut Vec<Stmt> {
    let body = |stmt: &Stmt| {
        matches!(stmt, Stmt::Local(local) if is_named(&local.pat, "__ret")
            && local.init.as_ref().is_some_and(|init| matches!(*init.expr, Expr::Block(_))))
    };
    let Some(at) = block.stmts.iter().position(body) else { return &mut block.stmts };
    let (before, rest) = block.stmts.split_at_mut(at);
    bind_again(owned, sig, before);
    match &mut rest[0] {
        Stmt::Local(syn::Local { init: Some(init), .. }) => match &mut *init.expr {
            Expr::Block(item) => &mut item.block.stmts,
            _ => unreachable!("it is a block"),
        },
        _ => unreachable!("it has a value"),
    }
}
