//! Takes the `mut` off arguments that only attempts change.

use proc_macro2::{Ident, Span};
use syn::{Pat, ReceiverKind, Signature, Stmt};

use crate::body::arguments::Arguments;
use crate::function::bindings::{Owned, names, self_by_value, without_expected_mut};
use crate::tokens::mentioned;
use crate::walk::{self, Node, Parts};

impl Arguments {
    /// Takes the `mut` away from where arguments are bound, if only attempts need it.
    pub(crate) fn strip_mut(&self, sig: &mut Signature, body: &mut [Stmt]) {
        struct Strip<'n>(&'n [Ident]);

        impl Strip<'_> {
            /// Strips the names that statements bind and that none after them mentions. The loop
            /// itself is tokens, and is not looked into.
            fn stmts(&self, stmts: &mut [Stmt]) {
                for at in 0..stmts.len() {
                    let (stmt, rest) = stmts[at..].split_first_mut().expect("one is left");
                    let changed: Vec<_> =
                        self.0.iter().filter(|name| !mentioned(rest, name)).cloned().collect();
                    match stmt {
                        Stmt::Local(local) => {
                            walk::pat(&mut local.pat, &mut |node| Strip(&changed).visit(node));
                        }
                        _ => walk::inside(Node::Stmt(stmt), &mut |node| self.visit(node)),
                    }
                }
            }

            fn visit(&self, node: Node<'_>) -> Parts {
                match node {
                    Node::Pat(Pat::Ident(pattern)) if self.0.contains(&pattern.ident) => {
                        pattern.mutability = None;
                    }
                    Node::PatType(parameter) => {
                        let mut bound = Vec::new();
                        names(&parameter.pat, None, &mut bound);
                        let is_stripped =
                            |owned: &Owned| owned.mutability.is_some() && self.0.contains(&owned.name);
                        if bound.iter().any(is_stripped) {
                            without_expected_mut(&mut parameter.attrs);
                        }
                    }
                    Node::Receiver(receiver) => {
                        let is_reference = matches!(receiver.kind, ReceiverKind::Reference(..));
                        if !is_reference && self.0.contains(&self_by_value()) {
                            receiver.mutability = None;
                        }
                        return Parts::Skip;
                    }
                    Node::Block(block) => {
                        self.stmts(&mut block.stmts);
                        return Parts::Skip;
                    }
                    _ => {}
                }
                Parts::Visit
            }
        }

        let keyword = Ident::new("self", Span::call_site());
        let in_sig = |name: &Ident| if *name == self_by_value() { keyword.clone() } else { name.clone() };
        let unmentioned: Vec<_> =
            self.changed.iter().filter(|name| !mentioned(body, &in_sig(name))).cloned().collect();
        for input in &mut sig.inputs {
            walk::parameter(input, &mut |node| Strip(&unmentioned).visit(node));
        }
        Strip(&self.changed).stmts(body);
    }
}
