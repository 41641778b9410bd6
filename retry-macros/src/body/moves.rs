//! Tells whether a body only borrows a variable, may consume it, or certainly does.
//!
//! By syntax alone: `&x`, formatting macros and methods that by convention borrow do borrow; what
//! takes a value consumes; what the macro cannot know (`x.method()`, unknown macros) may.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{BinOp, Block, Expr, ExprBinary, FieldValue, Macro, Pat, Stmt, Token, UnOp, parse_quote};

use crate::body::macros;
use crate::cfg::{self, Predicate};
use crate::function::bindings::names;
use crate::paths::Private;
use crate::tokens::{captures, mentions};
use crate::walk::{self, Node, Parts};
use conventions::by_method;
pub(crate) use uses::{Use, Uses};

mod conventions;
mod uses;

/// A variable of a body.
pub(crate) struct Variable {
    pub(crate) name: Ident,
    /// `true` if the variable is converted before the first attempt, so that a further `.into()` is
    /// one too many.
    pub(crate) is_converted: bool,
    /// `true` if a field that is moved out of the variable is cloned instead.
    pub(crate) clones_fields: bool,
}

/// Returns what `body` does with each of `variables`, and changes `body` where they say so.
pub(crate) fn of(variables: Vec<Variable>, private: Private<'_>, body: &mut [Stmt]) -> Vec<Uses> {
    let mut finder = Finder { found: Vec::new(), context: Use::None, predicates: Vec::new(), private };
    for variable in variables {
        let (uses, unless) = (Uses::default(), Vec::new());
        finder.found.push(Found { variable, uses, scope: Scope::Visible, unless });
    }
    finder.block(body);
    let mut uses = Vec::new();
    for found in finder.found {
        uses.push(found.uses);
    }
    uses
}

/// Returns `true` for a macro that takes its arguments by reference, as `format!` does.
pub(crate) fn is_formatting(item: &Macro) -> bool {
    item.path.segments.last().is_some_and(|last| conventions::is_formatting(&last.ident.to_string()))
}

/// Finds the uses of variables in a body.
struct Finder<'p> {
    private: Private<'p>,
    found: Vec<Found>,
    /// The predicates that what is visited stands under.
    predicates: Vec<Predicate>,
    /// The use that the outer expression makes of the next one. `None` stands for taking the value.
    context: Use,
}

/// A variable, and what is done with it.
struct Found {
    variable: Variable,
    uses: Uses,
    scope: Scope,
    /// The predicates under which its name is bound again.
    unless: Vec<Predicate>,
}

/// The meaning of a variable's name at the visited place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Visible,
    /// Bound again.
    Shadowed,
}

impl Found {
    fn is(&self, name: &Ident) -> bool {
        self.scope == Scope::Visible && self.variable.name == *name
    }

    /// Returns the predicate under which its name means it, at a place that stands under
    /// `predicates`.
    fn predicate(&self, predicates: &[Predicate]) -> Option<Predicate> {
        let mut all = predicates.to_vec();
        for unless in &self.unless {
            all.push(unless.not());
        }
        Predicate::all(all)
    }
}

impl Finder<'_> {
    fn record(&mut self, name: &Ident, used: Use) {
        for found in &mut self.found {
            if found.variable.name != *name {
                continue;
            }
            if found.scope == Scope::Shadowed {
                found.uses.namesake |= used.rank() > Use::Borrowed.rank();
                continue;
            }
            match found.predicate(&self.predicates) {
                Some(predicate) => found.uses.under.push((predicate, used)),
                None if used.rank() > found.uses.always.rank() => found.uses.always = used,
                None => {}
            }
        }
    }

    /// Visits what stands under `predicate`, if that is any.
    fn under(&mut self, predicate: Option<Predicate>, visit: &mut dyn FnMut(&mut Self)) {
        let outside = self.predicates.len();
        self.predicates.extend(predicate);
        visit(self);
        self.predicates.truncate(outside);
    }

    fn with(&mut self, context: Use, expr: &mut Expr) {
        self.context = context;
        self.visit_expr_mut(expr);
        self.context = Use::None;
    }

    fn all(&mut self, exprs: &mut Punctuated<Expr, Token![,]>) {
        for expr in exprs {
            self.visit_expr_mut(expr);
        }
    }

    /// Visits with `patterns` bound: their names mean something else there.
    fn shadowed(&mut self, patterns: &[&Pat], visit: &mut dyn FnMut(&mut Self)) {
        let shadowed = self.bound_by(patterns);
        let mut outside = Vec::new();
        for at in shadowed {
            let scope = std::mem::replace(&mut self.found[at].scope, Scope::Shadowed);
            outside.push((at, scope));
        }
        visit(self);
        for (at, scope) in outside {
            self.found[at].scope = scope;
        }
    }

    /// Visits with `pattern` bound where `predicate` holds.
    fn perhaps_shadowed(&mut self, predicate: &Predicate, pattern: &Pat, visit: &mut dyn FnMut(&mut Self)) {
        let shadowed = self.bound_by(&[pattern]);
        for &at in &shadowed {
            self.found[at].unless.push(predicate.clone());
        }
        visit(self);
        for at in shadowed {
            self.found[at].unless.pop();
        }
    }

    /// Returns where the variables are whose names `patterns` bind.
    fn bound_by(&self, patterns: &[&Pat]) -> Vec<usize> {
        let mut bound = Vec::new();
        for pattern in patterns {
            names(pattern, None, &mut bound);
        }
        let mut shadowed = Vec::new();
        for (at, found) in self.found.iter().enumerate() {
            if bound.iter().any(|owned| owned.name == found.variable.name) {
                shadowed.push(at);
            }
        }
        shadowed
    }

    fn block(&mut self, stmts: &mut [Stmt]) {
        let Some((stmt, rest)) = stmts.split_first_mut() else { return };
        let predicate = cfg::of_stmt(stmt);
        self.under(predicate.clone(), &mut |finder| finder.stmt(stmt));
        match (stmt, predicate) {
            (Stmt::Local(local), None) => self.shadowed(&[&local.pat], &mut |finder| finder.block(rest)),
            (Stmt::Local(local), Some(predicate)) => {
                self.perhaps_shadowed(&predicate, &local.pat, &mut |finder| finder.block(rest));
            }
            _ => self.block(rest),
        }
    }

    fn stmt(&mut self, stmt: &mut Stmt) {
        match stmt {
            Stmt::Local(local) => {
                let Some(init) = &mut local.init else { return };
                self.bound(&local.pat, &mut init.expr);
                if let Some((_, diverge)) = &mut init.diverge {
                    self.visit_expr_mut(diverge);
                }
            }
            Stmt::Item(_) => {}
            other => self.inside(Node::Stmt(other)),
        }
    }

    /// `if let` and its chains: what the condition binds is bound in the branch.
    fn branch(&mut self, condition: &mut Expr, branch: &mut Block) {
        self.visit_expr_mut(condition);
        let mut lets = Vec::new();
        walk::expr(condition, &mut |node| match node {
            Node::Expr(Expr::Let(item)) => {
                lets.push((*item.pat).clone());
                Parts::Skip
            }
            Node::Expr(Expr::Block(_) | Expr::Closure(_)) => Parts::Skip,
            _ => Parts::Visit,
        });
        self.shadowed(&Vec::from_iter(&lets), &mut |finder| finder.visit_block_mut(branch));
    }

    /// Of `x.into()`, where `x` is converted before the first attempt, `x` as it is.
    fn converted(&self, expr: &Expr) -> Option<Expr> {
        let Expr::MethodCall(call) = expr else { return None };
        let Expr::Path(path) = &*call.receiver else { return None };
        let name = path.path.get_ident()?;
        let into = call.method == "into" && self.is_converted(name);
        into.then(|| parse_quote!(::core::convert::identity(#name)))
    }

    /// Clones a field that is moved out, if its variable asks for that. Returns `true` if it did.
    fn clone_field(&mut self, expr: &mut Expr) -> bool {
        let Some(at) = self.variable_of_field(expr) else { return false };
        let found = &mut self.found[at];
        found.uses.takes_fields = true;
        if !found.variable.clones_fields {
            return false;
        }
        found.uses.clones_fields = true;
        let (private, span) = (self.private, found.variable.name.span());
        if let Expr::Field(field) = &mut *expr {
            self.with(Use::Borrowed, &mut field.base);
        }
        let span = base(expr).map_or(span, Ident::span);
        *expr = Expr::Verbatim(quote_spanned!(span=> #private::clone_argument(&#expr)));
        true
    }

    // Input:
    //     form.text("name", params.name)
    //
    // Output:
    //     form.text("name", again(&params.name))
    fn field(&mut self, expr: &mut Expr, context: Use) {
        if matches!(context, Use::None) && self.clone_field(expr) {
            return;
        }
        if !matches!(context, Use::Borrowed) {
            self.take_field(expr);
        }
        let Expr::Field(field) = expr else { return };
        // A field that is taken by value may be `Copy`.
        let base = if matches!(context, Use::Borrowed) { context } else { Use::Perhaps };
        self.with(base, &mut field.base);
    }

    /// Visits a value that is bound to a pattern.
    fn bound(&mut self, pattern: &Pat, expr: &mut Expr) {
        if !(binds_by_value(pattern) && self.clone_field(expr)) {
            self.with(by_pattern(pattern), expr);
        }
    }

    fn is_converted(&self, name: &Ident) -> bool {
        self.found.iter().any(|found| found.is(name) && found.variable.is_converted)
    }

    /// Returns the variable that `expr` is a field of.
    fn variable_of_field(&self, expr: &Expr) -> Option<usize> {
        let name = matches!(expr, Expr::Field(_)).then(|| base(expr)).flatten()?;
        self.found.iter().position(|found| found.is(name))
    }

    /// Notes that a field is used in a way that may move it out.
    fn take_field(&mut self, expr: &Expr) {
        if let Some(at) = self.variable_of_field(expr) {
            self.found[at].uses.takes_fields = true;
        }
    }

    /// Notes that a variable, or a part of it, is changed in place.
    fn change(&mut self, place: &Expr) {
        let Some(name) = changed(place) else { return };
        for found in &mut self.found {
            found.uses.captured.is_changed |= found.is(name);
        }
    }

    /// Notes that `.send()` is called on a variable.
    fn send_variable(&mut self, expr: &Expr) {
        let Expr::Path(path) = expr else { return };
        let Some(name) = path.path.get_ident() else { return };
        for found in &mut self.found {
            found.uses.captured.is_taken |= found.is(name);
        }
    }

    /// Notes that `.send()` is called on a field.
    fn send_field(&mut self, expr: &Expr) {
        if let Some(at) = self.variable_of_field(expr) {
            let predicate = self.found[at].predicate(&self.predicates);
            self.found[at].uses.sent.push((predicate, expr.clone()));
        }
    }

    /// Records that a `move` closure or block takes the variables that it mentions.
    fn captured(&mut self, body: &impl ToTokens) {
        let tokens = body.to_token_stream();
        for found in &mut self.found {
            found.uses.captured.is_taken |=
                found.scope == Scope::Visible && mentions(tokens.clone(), &found.variable.name);
        }
        self.mentions(tokens, Use::Perhaps);
    }

    /// All that is mentioned in tokens that are not looked into. `used` is what the outermost are.
    fn mentions(&mut self, tokens: TokenStream, used: Use) {
        let mut previous = None;
        for token in tokens {
            match &token {
                TokenTree::Ident(name) if previous != Some('.') => self.record(name, used),
                TokenTree::Group(group) => self.mentions(group.stream(), Use::Perhaps),
                TokenTree::Literal(literal) => {
                    for at in 0..self.found.len() {
                        let name = self.found[at].variable.name.clone();
                        if captures(literal.clone(), &name) {
                            self.record(&name, Use::Borrowed);
                        }
                    }
                }
                _ => {}
            }
            previous = match &token {
                TokenTree::Punct(punct) => Some(punct.as_char()),
                _ => None,
            };
        }
    }

    /// The arguments of a macro that takes them as `format!` does.
    fn formatted(&mut self, tokens: TokenStream) {
        let Ok(arguments) = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(tokens.clone()) else {
            return self.mentions(tokens, Use::Borrowed);
        };
        for mut argument in arguments {
            match &mut argument {
                Expr::Lit(literal) => self.mentions(literal.to_token_stream(), Use::Borrowed),
                Expr::Assign(named) => self.with(Use::Borrowed, &mut named.right),
                other => self.with(Use::Borrowed, other),
            }
        }
    }

    /// [`Self::converted`] in the input of a macro.
    fn without_into(&mut self, tokens: TokenStream) -> TokenStream {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut kept = TokenStream::new();
        let mut at = 0;
        while at < tokens.len() {
            if let [
                TokenTree::Ident(name),
                TokenTree::Punct(dot),
                TokenTree::Ident(into),
                TokenTree::Group(empty),
                ..,
            ] = &tokens[at..]
            {
                let converted = self.is_converted(name);
                if converted && dot.as_char() == '.' && into == "into" && empty.stream().is_empty() {
                    self.record(name, Use::Consumed(name.span()));
                    kept.extend(quote!(::core::convert::identity(#name)));
                    at += 4;
                    continue;
                }
            }
            kept.extend([match &tokens[at] {
                TokenTree::Group(group) => {
                    let mut inner = Group::new(group.delimiter(), self.without_into(group.stream()));
                    inner.set_span(group.span());
                    inner.into()
                }
                other => other.clone(),
            }]);
            at += 1;
        }
        kept
    }
}

/// Returns the use that a pattern makes of the value that it binds.
fn by_pattern(pattern: &Pat) -> Use {
    match pattern {
        Pat::Wild(_) => Use::Borrowed,
        Pat::Ident(plain) if plain.by_ref.is_some() => Use::Borrowed,
        Pat::Ident(plain) if is_variable(&plain.ident) => Use::None,
        Pat::Type(typed) => by_pattern(&typed.pat),
        _ => Use::Perhaps,
    }
}

/// Returns the variable that `expr` is, or is a field of.
fn base(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Field(field) => base(&field.base),
        Expr::Path(path) => path.path.get_ident(),
        _ => None,
    }
}

/// Returns the variable that a place is, or is in.
fn changed(place: &Expr) -> Option<&Ident> {
    match place {
        Expr::Field(field) => changed(&field.base),
        Expr::Index(index) => changed(&index.expr),
        Expr::Paren(paren) => changed(&paren.expr),
        Expr::Path(path) => path.path.get_ident(),
        Expr::Unary(unary) => changed(&unary.expr),
        _ => None,
    }
}

fn is_assignment(op: &BinOp) -> bool {
    matches!(
        op,
        BinOp::AddAssign(_)
            | BinOp::SubAssign(_)
            | BinOp::MulAssign(_)
            | BinOp::DivAssign(_)
            | BinOp::RemAssign(_)
            | BinOp::BitXorAssign(_)
            | BinOp::BitAndAssign(_)
            | BinOp::BitOrAssign(_)
            | BinOp::ShlAssign(_)
            | BinOp::ShrAssign(_)
    )
}

/// Returns `true` if a pattern takes a part of its value.
fn binds_by_value(pattern: &Pat) -> bool {
    let mut bound = Vec::new();
    names(pattern, None, &mut bound);
    // Without a type for the whole, only a variable that is bound by `ref` has a type.
    bound.iter().any(|owned| owned.ty.is_none() && is_variable(&owned.name))
}

/// Returns `true` if a name in a pattern is that of a variable: one in capitals is a constant or a
/// variant.
fn is_variable(name: &Ident) -> bool {
    name.unraw().to_string().starts_with(|first: char| !first.is_uppercase())
}

impl Finder<'_> {
    fn visit(&mut self, node: Node<'_>) -> Parts {
        match node {
            Node::Block(block) => self.visit_block_mut(block),
            Node::Expr(expr) => self.visit_expr_mut(expr),
            Node::FieldValue(field) => self.visit_field_value_mut(field),
            Node::Item(_) => {}
            Node::Macro(item) => self.visit_macro_mut(item),
            _ => return Parts::Visit,
        }
        Parts::Skip
    }

    fn inside(&mut self, node: Node<'_>) {
        walk::inside(node, &mut |node| self.visit(node));
    }

    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        self.under(cfg::of_expr(expr), &mut |finder| finder.expr(expr));
    }

    fn visit_field_value_mut(&mut self, field: &mut FieldValue) {
        self.under(Predicate::of(&field.attrs), &mut |finder| finder.inside(Node::FieldValue(field)));
    }

    fn visit_block_mut(&mut self, block: &mut Block) {
        self.block(&mut block.stmts);
    }

    fn visit_macro_mut(&mut self, item: &mut Macro) {
        item.tokens = self.without_into(std::mem::take(&mut item.tokens));
        if is_formatting(item) {
            self.formatted(item.tokens.clone());
        } else if macros::may_consume(item) || !macros::visit(item, &mut |expr| self.visit_expr_mut(expr)) {
            self.mentions(item.tokens.clone(), Use::Perhaps);
        }
    }
}

impl Finder<'_> {
    fn expr(&mut self, expr: &mut Expr) {
        let context = std::mem::replace(&mut self.context, Use::None);
        if let Some(converted) = self.converted(expr) {
            *expr = converted;
        }
        match expr {
            Expr::Path(path) => {
                if let Some(name) = path.path.get_ident() {
                    let used =
                        if matches!(context, Use::None) { Use::Consumed(name.span()) } else { context };
                    self.record(name, used);
                }
            }
            Expr::Paren(paren) => self.with(context, &mut paren.expr),
            Expr::Group(group) => self.with(context, &mut group.expr),
            Expr::Reference(reference) => {
                if reference.mutability.is_some() {
                    self.change(&reference.expr);
                }
                self.with(Use::Borrowed, &mut reference.expr);
            }
            Expr::RawAddr(address) => self.with(Use::Borrowed, &mut address.expr),
            Expr::Field(_) => self.field(expr, context),
            Expr::Index(index) => {
                self.with(Use::Borrowed, &mut index.expr);
                self.visit_expr_mut(&mut index.index);
            }
            Expr::Cast(cast) => self.with(Use::Borrowed, &mut cast.expr),
            Expr::Unary(unary) => {
                let operand = match (&unary.op, context) {
                    (UnOp::Deref(_), Use::Borrowed) => Use::Borrowed,
                    _ => Use::Perhaps,
                };
                self.with(operand, &mut unary.expr);
            }
            Expr::MethodCall(call) => {
                if call.method == "send" && call.args.is_empty() {
                    self.send_variable(&call.receiver);
                    self.send_field(&call.receiver);
                }
                self.with(by_method(&call.method.to_string()), &mut call.receiver);
                self.all(&mut call.args);
            }
            Expr::Call(call) => {
                self.with(Use::Perhaps, &mut call.func);
                self.all(&mut call.args);
            }
            Expr::Binary(binary) => self.binary(binary),
            Expr::Assign(assign) => {
                self.change(&assign.left);
                self.with(Use::Borrowed, &mut assign.left);
                self.visit_expr_mut(&mut assign.right);
            }
            Expr::Let(binding) => self.bound(&binding.pat, &mut binding.expr),
            Expr::Match(item) => {
                let moves = item.arms.iter().any(|arm| binds_by_value(&arm.pat));
                if !(moves && self.clone_field(&mut item.expr)) {
                    self.with(Use::Perhaps, &mut item.expr);
                }
                for arm in &mut item.arms {
                    let pattern = arm.pat.clone();
                    self.under(Predicate::of(&arm.attrs), &mut |finder| {
                        finder.shadowed(&[&pattern], &mut |finder| finder.inside(Node::Arm(arm)));
                    });
                }
            }
            Expr::If(item) => {
                self.branch(&mut item.cond, &mut item.then_branch);
                if let Some((_, otherwise)) = &mut item.else_branch {
                    self.visit_expr_mut(otherwise);
                }
            }
            Expr::While(item) => self.branch(&mut item.cond, &mut item.body),
            Expr::ForLoop(item) => {
                self.visit_expr_mut(&mut item.expr);
                self.shadowed(&[&*item.pat], &mut |finder| finder.visit_block_mut(&mut item.body));
            }
            Expr::Closure(closure) => {
                if closure.capture.is_some() {
                    self.captured(&closure.body);
                }
                let inputs = Vec::from_iter(&closure.inputs);
                self.shadowed(&inputs, &mut |finder| finder.visit_expr_mut(&mut closure.body));
            }
            Expr::Async(item) => {
                if item.capture.is_some() {
                    self.captured(&item.block);
                }
                self.visit_block_mut(&mut item.block);
            }
            _ => self.inside(Node::Expr(expr)),
        }
    }
}

impl Finder<'_> {
    fn binary(&mut self, binary: &mut ExprBinary) {
        if is_assignment(&binary.op) {
            self.change(&binary.left);
        }
        let (left, right) = match binary.op {
            BinOp::Eq(_) | BinOp::Ne(_) | BinOp::Lt(_) | BinOp::Le(_) | BinOp::Gt(_) | BinOp::Ge(_) => {
                (Use::Borrowed, Use::Borrowed)
            }
            BinOp::AddAssign(_) | BinOp::SubAssign(_) | BinOp::MulAssign(_) | BinOp::DivAssign(_) => {
                (Use::Borrowed, Use::None)
            }
            _ => (Use::None, Use::None),
        };
        self.with(left, &mut binary.left);
        self.with(right, &mut binary.right);
    }
}

#[cfg(test)]
mod tests;
