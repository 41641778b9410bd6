//! Provides each attempt of a block with the variables around the block that it takes.
//!
//! Only names are known, not types. A variable that the block certainly consumes is moved into the
//! call, as without the loop, and each attempt gets a clone, or of a request the best substitute. A
//! variable that a `move` closure or block inside takes may also be lent. Any other variable is
//! left to the compiler, which borrows it, or says where it is moved.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Expr, Item, Stmt, Token, parse_quote};

use crate::body::arguments::{Argument, Arguments, Surroundings};
use crate::body::macros;
use crate::body::moves::{self, Use, Variable};
use crate::function::bindings::Owned;
use crate::walk::{self, Node, Parts};

/// Functions of the prelude, which are passed by name.
const FUNCTIONS: [&str; 5] = ["align_of", "align_of_val", "drop", "size_of", "size_of_val"];

/// The variables that the attempts of a block are provided with.
pub(crate) struct Captured {
    /// The variables around the block.
    pub(crate) variables: Vec<Owned>,
    pub(crate) arguments: Arguments,
}

/// Decides what each attempt is given of the variables around `body`.
pub(crate) fn plan(body: &mut [Stmt], surroundings: Surroundings<'_>) -> Captured {
    let names = Names::of(body);
    let mut variables = Vec::new();
    for name in &names.variables {
        variables.push(Variable { name: name.clone(), is_converted: false, clones_fields: true });
    }
    let found = moves::of(variables, surroundings.private(Span::call_site()), body);
    let mut captured = Captured { variables: Vec::new(), arguments: Arguments::default() };
    for (name, found) in names.variables.iter().zip(found) {
        let owned = Owned {
            // A clone may be changed. Whether it is, only the compiler knows.
            mutability: Some(Token![mut](Span::mixed_site())),
            lints: vec![parse_quote!(#[allow(unused_mut)])],
            ..Owned::named(name.clone(), None)
        };
        for (predicate, used) in found.by_predicate() {
            let arguments = &mut captured.arguments;
            let mut argument = Argument { owned: &owned, surroundings, predicate, arguments };
            match used {
                _ if found.captured.is_changed => {}
                Use::Consumed(span) if argument.is_beside() => argument.clone(span),
                Use::Consumed(span) => argument.clone_request("clone", span),
                Use::Perhaps if found.captured.is_taken && argument.is_beside() => argument.fresh(),
                Use::Perhaps if found.captured.is_taken => argument.clone_request("lend", name.span()),
                _ => {}
            }
        }
        captured.variables.push(owned);
    }
    captured
}

/// The names in a block, by what is certain of them without types.
#[derive(Default)]
struct Names {
    /// Those that may be variables around the block.
    variables: Vec<Ident>,
    /// Those that are no variables around it.
    others: Vec<Ident>,
}

impl Names {
    fn of(body: &mut [Stmt]) -> Self {
        let mut names = Self::default();
        walk::stmts(body, &mut |node| {
            match node {
                Node::Item(item) => {
                    names.others.extend(names_of(item));
                    return Parts::Skip;
                }
                // What a macro of another crate binds, it does by the names that it is given.
                Node::Stmt(Stmt::Macro(item)) => {
                    let mut known = item.mac.clone();
                    if !moves::is_formatting(&known) && !macros::visit(&mut known, &mut |_| {}) {
                        idents(item.mac.tokens.clone(), &mut names.others);
                    }
                }
                _ => {}
            }
            Parts::Visit
        });
        macros::any(body, &mut |expr| {
            names.add(expr);
            false
        });
        let others = std::mem::take(&mut names.others);
        names.variables.retain(|name| !others.contains(name));
        names
    }

    fn add(&mut self, expr: &Expr) {
        match expr {
            Expr::Path(_) => {
                let new = variable(expr).filter(|name| !self.variables.contains(name));
                self.variables.extend(new.cloned());
            }
            Expr::Call(call) => self.others.extend(variable(&call.func).cloned()),
            _ => {}
        }
    }
}

/// Returns the name of a variable, by its form: not `self`, and not in capitals as a constant or a
/// variant is.
fn variable(expr: &Expr) -> Option<&Ident> {
    let Expr::Path(path) = expr else { return None };
    let name = path.path.get_ident()?;
    let text = name.unraw().to_string();
    let is_other =
        text == "self" || text.starts_with(char::is_uppercase) || FUNCTIONS.contains(&text.as_str());
    (!is_other).then_some(name)
}

/// Returns the names of an item that may be used as a variable is.
fn names_of(item: &Item) -> Vec<Ident> {
    let mut names = Vec::new();
    match item {
        Item::Fn(item) => names.push(item.sig.ident.clone()),
        Item::Const(item) => names.push(item.ident.clone()),
        Item::Static(item) => names.push(item.ident.clone()),
        Item::Use(item) => idents(item.tree.to_token_stream(), &mut names),
        Item::Macro(item) => idents(item.mac.tokens.clone(), &mut names),
        _ => {}
    }
    names
}

/// Adds every name in tokens.
fn idents(tokens: TokenStream, names: &mut Vec<Ident>) {
    for token in tokens {
        match token {
            TokenTree::Ident(name) => names.push(name),
            TokenTree::Group(group) => idents(group.stream(), names),
            _ => {}
        }
    }
}
