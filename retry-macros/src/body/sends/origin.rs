//! Tells which variables and expressions are builders, responses or places.

use proc_macro2::Ident;
use syn::{Expr, Stmt, Token, Type};

use crate::body::macros;
use crate::body::sends::Armer;
use crate::body::sends::calls::{Call, classify};
use crate::tokens::is_among;
use crate::walk::{self, Node, Parts};

/// Methods of a client by which a variable is seen to hold a builder, by the number of their
/// arguments: `pool.get()` makes something else.
const MAKES: [&[&str]; 3] = [&[], &["delete", "get", "head", "patch", "post", "put"], &["request"]];
/// Methods of a builder.
const CONFIGURES: [&str; 12] = [
    "basic_auth",
    "bearer_auth",
    "body",
    "fetch_mode_no_cors",
    "form",
    "header",
    "headers",
    "json",
    "multipart",
    "query",
    "timeout",
    "version",
];

pub(super) struct Local {
    pub(super) name: Ident,
    pub(super) mutability: Option<Token![mut]>,
    pub(super) origin: Origin,
    /// The number of loops around it.
    pub(super) loops: usize,
}

/// The origin of a variable.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// reqwest's builder, as far as one can see.
    Builder,
    /// Made as a client makes a builder, and a pool or a map something else: `x.get(key)`.
    Made,
    /// The answer to a send of reqwest's, as far as one can see.
    Response,
    /// An argument of another type.
    Parameter,
    Unknown,
    /// It was unknown, and is bound again to what is sent or checked.
    Held,
}

impl Armer<'_> {
    /// Returns `true` if a checked response can be moved. A variable can, where it is seen to hold
    /// a response of reqwest's, which is consumed anyway.
    pub(super) fn may_check(&self, response: &Expr) -> bool {
        self.may_move(response, Origin::Response)
    }

    /// Returns `true` if a sender can be moved. A variable can, where it holds a builder, which is
    /// consumed anyway.
    pub(super) fn may_send(&self, sender: &Expr) -> bool {
        self.may_move(sender, Origin::Builder) || self.may_move(sender, Origin::Made)
    }

    /// Returns `true` if an expression can be moved: a variable of this origin, or what is no place
    /// such as `self.x`. A variable that is sent again and again is of another type.
    fn may_move(&self, expr: &Expr, origin: Origin) -> bool {
        match expr {
            Expr::Path(path) => path.path.get_ident().is_some_and(|name| {
                self.local(name).is_some_and(|local| local.origin == origin && local.loops == self.loops)
            }),
            Expr::Paren(paren) => self.may_move(&paren.expr, origin),
            Expr::Group(group) => self.may_move(&group.expr, origin),
            other => !is_place(other),
        }
    }

    /// Returns `true` for a variable that a closure or an `async` block without `move` captures. To
    /// borrow it would capture the variable, where its method may capture only what that refers to.
    pub(super) fn is_captured(&self, sender: &Expr) -> bool {
        let path = match sender {
            Expr::Path(path) => path,
            Expr::Paren(paren) => return self.is_captured(&paren.expr),
            Expr::Group(group) => return self.is_captured(&group.expr),
            Expr::Unary(pointer) => return self.is_captured(&pointer.expr),
            _ => return false,
        };
        let at = self.locals.iter().rposition(|local| path.path.is_ident(&local.name));
        self.captured.is_some_and(|captured| at.is_none_or(|at| at < captured))
    }

    /// Returns `true` for a variable that is bound again to what sends it.
    pub(super) fn is_held(&self, sender: &Expr) -> bool {
        let Expr::Path(path) = sender else { return false };
        let local = path.path.get_ident().and_then(|name| self.local(name));
        local.is_some_and(|local| local.origin == Origin::Held)
    }

    /// Returns `true` for a send of what is seen to be a builder, and for its answer.
    pub(super) fn is_answer(&self, expr: &Expr) -> bool {
        match expr {
            Expr::MethodCall(call) => {
                matches!(classify(expr), Some(Call::Send)) && self.holds_builder(&call.receiver)
            }
            Expr::Await(future) => self.is_answer(&future.base),
            Expr::Try(tried) => self.is_answer(&tried.expr),
            Expr::Paren(paren) => self.is_answer(&paren.expr),
            Expr::Group(group) => self.is_answer(&group.expr),
            _ => false,
        }
    }

    /// Returns `true` for a method of what is seen to be the answer to a send, checked or not.
    pub(super) fn is_of_answer(&self, expr: &Expr) -> bool {
        matches!(expr, Expr::MethodCall(call) if self.is_response(&call.receiver))
    }

    fn is_response(&self, expr: &Expr) -> bool {
        match expr {
            Expr::MethodCall(call) if matches!(classify(expr), Some(Call::Check)) => {
                self.is_response(&call.receiver)
            }
            Expr::Try(tried) => self.is_response(&tried.expr),
            Expr::Path(path) => {
                let local = path.path.get_ident().and_then(|name| self.local(name));
                local.is_some_and(|local| local.origin == Origin::Response)
            }
            other => self.is_answer(other),
        }
    }

    fn holds_builder(&self, expr: &Expr) -> bool {
        let name = match expr {
            Expr::Path(path) => path.path.get_ident(),
            _ => None,
        };
        let local = name.and_then(|name| self.local(name));
        local.is_some_and(|local| matches!(local.origin, Origin::Builder | Origin::Made)) || builds(expr)
    }

    fn local(&self, name: &Ident) -> Option<&Local> {
        self.locals.iter().rev().find(|local| local.name == *name)
    }
}

/// Returns the variables that are configured as a builder is, and sent, or cloned as a builder is.
pub(super) fn configured(body: &mut [Stmt]) -> Vec<Ident> {
    let mut configured = Vec::new();
    walk::stmts(body, &mut |node| {
        match node {
            Node::Expr(Expr::MethodCall(call)) if call.method == "send" => {
                configured.extend(configured_receiver(&call.receiver));
            }
            Node::Expr(Expr::MethodCall(call)) if call.method == "try_clone" && call.args.is_empty() => {
                if let Expr::Path(path) = &*call.receiver {
                    configured.extend(path.path.get_ident().cloned());
                }
            }
            Node::Item(_) => return Parts::Skip,
            _ => {}
        }
        Parts::Visit
    });
    configured
}

/// Returns the variable at the start of a chain of methods by which a builder is configured.
fn configured_receiver(mut receiver: &Expr) -> Option<Ident> {
    let mut is_configured = false;
    while let Expr::MethodCall(call) = receiver {
        if !is_among(&call.method, &CONFIGURES) {
            return None;
        }
        is_configured = true;
        receiver = &call.receiver;
    }
    match receiver {
        Expr::Path(path) if is_configured => path.path.get_ident().cloned(),
        _ => None,
    }
}

/// Returns `true` if a statement sends a variable, or checks its status.
pub(super) fn uses_variable(stmt: &Stmt) -> bool {
    macros::any(std::slice::from_ref(stmt), &mut |expr| match expr {
        Expr::MethodCall(call) => {
            matches!(classify(expr), Some(Call::Send | Call::Check))
                && matches!(*call.receiver, Expr::Path(_))
        }
        _ => false,
    })
}

/// Returns `true` if an expression makes a builder: a chain of nothing but methods that make or
/// configure builders.
pub(super) fn builds(expr: &Expr) -> bool {
    match expr {
        Expr::MethodCall(call) if is_among(&call.method, &CONFIGURES) => {
            builds(&call.receiver) || is_name(&call.receiver)
        }
        Expr::MethodCall(call) => {
            MAKES.get(call.args.len()).is_some_and(|makes| is_among(&call.method, makes))
        }
        Expr::Try(tried) => builds(&tried.expr),
        Expr::Paren(paren) => builds(&paren.expr),
        Expr::Group(group) => builds(&group.expr),
        _ => false,
    }
}

/// Returns `true` for what pools and maps have methods for as well: `x.get(key)`.
pub(super) fn is_ambiguous(expr: &Expr) -> bool {
    match expr {
        Expr::MethodCall(call) => is_among(&call.method, &["delete", "get", "put"]) && call.args.len() == 1,
        Expr::Try(tried) => is_ambiguous(&tried.expr),
        Expr::Paren(paren) => is_ambiguous(&paren.expr),
        Expr::Group(group) => is_ambiguous(&group.expr),
        _ => false,
    }
}

/// Returns the variable of a closure that does nothing but check its status:
/// `|response| response.error_for_status()`.
pub(super) fn checked_name(body: &Expr) -> Option<&Ident> {
    match body {
        Expr::MethodCall(call) if matches!(classify(body), Some(Call::Check)) => match &*call.receiver {
            Expr::Path(path) => path.path.get_ident(),
            _ => None,
        },
        _ => None,
    }
}

/// Returns `true` for a variable or a field of one: a place that may be written more than once.
pub(super) fn is_name(expr: &Expr) -> bool {
    match expr {
        Expr::Path(path) => path.path.get_ident().is_some(),
        Expr::Field(field) => is_name(&field.base),
        _ => false,
    }
}

/// Returns `true` for a name that may be a constant, or that begins with an underscore, and so is
/// not to be mentioned.
pub(super) fn may_be_constant(name: &Ident) -> bool {
    name.to_string().starts_with(|c: char| c == '_' || c.is_uppercase())
}

pub(super) fn is_place(expr: &Expr) -> bool {
    match expr {
        Expr::Path(_) | Expr::Field(_) | Expr::Index(_) | Expr::Unary(_) => true,
        Expr::Paren(paren) => is_place(&paren.expr),
        Expr::Group(group) => is_place(&group.expr),
        _ => false,
    }
}

/// Returns `true` for the type of reqwest's builder, by its name.
pub(super) fn is_builder(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "RequestBuilder"),
        _ => false,
    }
}
