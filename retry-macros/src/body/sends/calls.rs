//! Tells calls apart by their names.

use syn::{Expr, Path, Stmt};

use crate::body::sends::origin::{is_name, is_place};
use crate::walk::{self, Node, Parts};

/// The methods of a response that read its body, with the number of their arguments.
const READS: [(&str, usize); 6] =
    [("json", 0), ("text", 0), ("text_with_charset", 1), ("bytes", 0), ("chunk", 0), ("copy_to", 1)];
/// Functions that only wrap a value.
const WRAPPERS: [&str; 3] = ["Ok", "Err", "Some"];

pub(super) enum Call {
    Send,
    Execute,
    Get,
    Read,
    Stream,
    Check,
    /// `.and_then(Response::error_for_status)`.
    CheckInside,
}

/// Classifies a call by its name and the number of its arguments. What is sent by `self` is not
/// reqwest's.
pub(super) fn classify(expr: &Expr) -> Option<Call> {
    match expr {
        Expr::MethodCall(method) => match (method.method.to_string().as_str(), method.args.len()) {
            ("send", 0) if !is_self(&method.receiver) => Some(Call::Send),
            // A closure is no request, and its types are inferred from what it is passed to.
            ("execute", 1) if !is_self(&method.receiver) && !matches!(method.args[0], Expr::Closure(_)) => {
                Some(Call::Execute)
            }
            ("bytes_stream", 0) => Some(Call::Stream),
            ("error_for_status", 0) if !is_self(&method.receiver) => Some(Call::Check),
            ("and_then", 1) if is_check(&method.args[0]) => Some(Call::CheckInside),
            (name, arguments) if READS.contains(&(name, arguments)) => Some(Call::Read),
            _ => None,
        },
        Expr::Call(function) => match &*function.func {
            Expr::Path(path) => is_get(&path.path).then_some(Call::Get),
            _ => None,
        },
        _ => None,
    }
}

/// Returns `true` for a call of `.execute(..)` that can be armed: on a name, or on something that
/// is made by the expression itself. Another place may not be evaluated twice, and not be moved out
/// of.
pub(super) fn is_execute(expr: &Expr) -> bool {
    let Expr::MethodCall(call) = expr else { return false };
    matches!(classify(expr), Some(Call::Execute)) && (is_name(&call.receiver) || !is_place(&call.receiver))
}

pub(super) fn is_self(expr: &Expr) -> bool {
    matches!(expr, Expr::Path(path) if path.path.is_ident("self"))
}

/// `Response::error_for_status`, without a call.
fn is_check(expr: &Expr) -> bool {
    let Expr::Path(path) = expr else { return false };
    let mut names = path.path.segments.iter().rev().map(|segment| &segment.ident);
    names.next().is_some_and(|name| name == "error_for_status")
        && names.next().is_some_and(|name| name == "Response")
}

/// `reqwest::get` and `reqwest::blocking::get`.
fn is_get(path: &Path) -> bool {
    let mut names = path.segments.iter().rev().map(|segment| &segment.ident);
    names.next().is_some_and(|name| name == "get")
        && names.next().is_some_and(|name| name == "reqwest" || name == "blocking")
}

/// Returns `true` if `body` calls anything: a function, a method, a macro.
pub(crate) fn calls_anything(body: &mut [Stmt]) -> bool {
    let mut calls = false;
    walk::stmts(body, &mut |node| {
        calls |= match node {
            Node::Expr(Expr::Call(call)) => !matches!(&*call.func, Expr::Path(path)
                if WRAPPERS.iter().any(|wrapper| path.path.is_ident(wrapper))),
            // The tokens that another macro has left may call anything.
            Node::Expr(Expr::MethodCall(_) | Expr::Await(_) | Expr::Verbatim(_)) | Node::Macro(_) => true,
            Node::Item(_) => return Parts::Skip,
            _ => false,
        };
        Parts::Visit
    });
    calls
}
