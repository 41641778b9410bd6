//! Takes the `mut` off arguments that only attempts change.

use proc_macro2::{Ident, Span};
use syn::visit_mut::{self, VisitMut};
use syn::{PatIdent, PatType, Receiver, ReceiverKind, Signature, Stmt};

use crate::body::arguments::Arguments;
use crate::function::bindings::{names, self_by_value, without_expected_mut};
use crate::tokens::mentioned;

impl Arguments {
    /// Takes the `mut` away from where arguments are bound, if only attempts need it.
    pub(crate) fn strip_mut(&self, sig: &mut Signature, body: &mut [Stmt]) {
        struct Strip<'n>(&'n [Ident]);

        impl Strip<'_> {
            /// Strips the names that statements bind and that none after them mentions. The loop
            /// itself is tokens, and is not looked into.
            fn stmts(&mut self, stmts: &mut [Stmt]) {
                for at in 0..stmts.len() {
                    let (stmt, rest) = stmts[at..].split_first_mut().expect("one is left");
                    let changed: Vec<_> =
                        self.0.iter().filter(|name| !mentioned(rest, name)).cloned().collect();
                    match stmt {
                        Stmt::Local(local) => Strip(&changed).visit_pat_mut(&mut local.pat),
                        _ => self.visit_stmt_mut(stmt),
                    }
                }
            }
        }

        impl VisitMut for Strip<'_> {
            fn visit_pat_ident_mut(&mut self, pattern: &mut PatIdent) {
                if self.0.contains(&pattern.ident) {
                    pattern.mutability = None;
                }
                visit_mut::visit_pat_ident_mut(self, pattern);
            }

            fn visit_pat_type_mut(&mut self, parameter: &mut PatType) {
                let mut bound = Vec::new();
                names(&parameter.pat, None, &mut bound);
                if bound.iter().any(|owned| owned.mutability.is_some() && self.0.contains(&owned.name)) {
                    without_expected_mut(&mut parameter.attrs);
                }
                visit_mut::visit_pat_type_mut(self, parameter);
            }

            fn visit_receiver_mut(&mut self, receiver: &mut Receiver) {
                let is_reference = matches!(receiver.kind, ReceiverKind::Reference(..));
                if !is_reference && self.0.contains(&self_by_value()) {
                    receiver.mutability = None;
                }
            }

            fn visit_block_mut(&mut self, block: &mut syn::Block) {
                self.stmts(&mut block.stmts);
            }
        }

        let keyword = Ident::new("self", Span::call_site());
        let in_sig = |name: &Ident| if *name == self_by_value() { keyword.clone() } else { name.clone() };
        let unmentioned: Vec<_> =
            self.changed.iter().filter(|name| !mentioned(body, &in_sig(name))).cloned().collect();
        let mut strip = Strip(&unmentioned);
        for input in &mut sig.inputs {
            strip.visit_fn_arg_mut(input);
        }
        Strip(&self.changed).stmts(body);
    }
}
