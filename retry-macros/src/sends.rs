//! Finding the visible sends of a body, and arming them.
//!
//! In an async body `<expr>.send().await`, `<expr>.execute(<request>).await` and `reqwest::get(..).await`, in a
//! sync body the same without `.await`; and, for broken bodies behind errors without a `source()`, what reads
//! a body. Closures, nested `async` blocks, nested items and the input of other macros are not entered.

use proc_macro2::Ident;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, ExprMethodCall, Item, Path, Stmt, Type, parse_quote};

use crate::function::{Function, Shape};

/// The methods of a response that read its body.
const READS: [&str; 6] = ["json", "text", "text_with_charset", "bytes", "chunk", "copy_to"];

// Arms the visible sends of `function` and returns how many there are.
//
// Input:
//     http.get(url).send().await?.json().await?
//
// Output:
//     body!(call, note!(call, arm!(call, http.get(url)).send().await)?.json().await)?
pub(crate) fn arm(function: &mut Function, shape: Shape, call: &Ident, krate: &Path) -> usize {
    let kept =
        function.parameters().filter(|(_, ty)| !is_request(ty)).map(|(name, _)| name.clone()).collect();
    let mut armer = Armer { shape, call, krate, kept, visible: 0 };
    for stmt in &mut function.body {
        armer.visit_stmt_mut(stmt);
    }
    armer.visible
}

struct Armer<'a> {
    shape: Shape,
    call: &'a Ident,
    krate: &'a Path,
    /// Parameters of other types than reqwest's, which are not moved for a look at them.
    kept: Vec<Ident>,
    visible: usize,
}

impl VisitMut for Armer<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        if matches!(expr, Expr::Closure(_) | Expr::Async(_) | Expr::Const(_)) {
            return;
        }
        visit_mut::visit_expr_mut(self, expr);
        let sent = match (self.shape, &mut *expr) {
            (Shape::Async, Expr::Await(future)) => &mut *future.base,
            (Shape::Sync, expr) => expr,
            _ => return,
        };
        let (call, krate) = (self.call, self.krate);
        match look(sent) {
            Some(Seen::Send) => {
                self.visible += 1;
                self.arm_operand(sent);
                *expr = parse_quote!(#krate::__private::note!(#call, #expr));
            }
            Some(Seen::Read) => *expr = parse_quote!(#krate::__private::body!(#call, #expr)),
            None => {}
        }
    }

    fn visit_item_mut(&mut self, _: &mut Item) {}

    fn visit_stmt_mut(&mut self, stmt: &mut Stmt) {
        if !matches!(stmt, Stmt::Item(_)) {
            visit_mut::visit_stmt_mut(self, stmt);
        }
    }
}

enum Seen {
    Send,
    Read,
}

/// What a call is, by its name and the number of its arguments.
fn look(expr: &Expr) -> Option<Seen> {
    match expr {
        Expr::MethodCall(method) => match (method.method.to_string().as_str(), method.args.len()) {
            ("send", 0) | ("execute", 1) => Some(Seen::Send),
            (name, arguments) if READS.contains(&name) && arguments <= 1 => Some(Seen::Read),
            _ => None,
        },
        Expr::Call(function) => match &*function.func {
            Expr::Path(path) => is_get(&path.path).then_some(Seen::Send),
            _ => None,
        },
        _ => None,
    }
}

/// `reqwest::get` and `reqwest::blocking::get`.
fn is_get(path: &Path) -> bool {
    let mut names = path.segments.iter().rev().map(|segment| segment.ident.to_string());
    names.next().is_some_and(|name| name == "get")
        && names.next().is_some_and(|name| name == "reqwest" || name == "blocking")
}

impl Armer<'_> {
    /// The receiver of `.send()`, the argument of `.execute(..)`.
    fn arm_operand(&self, sent: &mut Expr) {
        let (call, krate) = (self.call, self.krate);
        let Expr::MethodCall(ExprMethodCall { method, receiver, args, .. }) = sent else {
            return;
        };
        let operand = if method == "send" { &mut **receiver } else { &mut args[0] };
        if self.may_move(operand) {
            *operand = parse_quote!(#krate::__private::arm!(#call, #operand));
        }
    }

    /// A place such as `self.x` cannot be moved out of. A local can: reqwest's senders are consumed anyway.
    fn may_move(&self, operand: &Expr) -> bool {
        match operand {
            Expr::Path(path) => match path.path.get_ident() {
                Some(name) => name != "self" && !self.kept.contains(name),
                None => false,
            },
            Expr::Field(_) | Expr::Index(_) | Expr::Unary(_) => false,
            Expr::Paren(paren) => self.may_move(&paren.expr),
            Expr::Group(group) => self.may_move(&group.expr),
            _ => true,
        }
    }
}

/// Whether a parameter's type is one that reqwest sends.
fn is_request(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .is_some_and(|last| last.ident == "RequestBuilder" || last.ident == "Request"),
        _ => false,
    }
}
