//! Finds the sends of a body, wherever they are, and arms them.
//!
//! The macro arms `<builder>.send()`, `<client>.execute(<request>)` and
//! `<response>.error_for_status()`. It only records `reqwest::get(..)` and reads of an answer's
//! body. It looks into closures, `async` blocks, arguments, combinators and the input of known
//! macros, and leaves nested items and other macros alone. The macro knows names only: the type
//! decides whether a value is reqwest's.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Attribute, Expr, ExprMethodCall, ExprPath, FieldValue, Item, Lit, Macro, Pat, Path, Stmt, Type};

use crate::body::macros;
use crate::function::Shape;
use crate::function::bindings::{self, Owned};
use crate::function::foreign;
use crate::options::Options;
use crate::paths::Private;
use crate::tokens::{captures, is_among};
use crate::walk::{self, Node, Parts};

/// The methods of a response that read its body, with the number of their arguments.
const READS: [(&str, usize); 6] =
    [("json", 0), ("text", 0), ("text_with_charset", 1), ("bytes", 0), ("chunk", 0), ("copy_to", 1)];
/// Methods of a client by which a variable is seen to hold a builder.
const MAKES: [&str; 7] = ["delete", "get", "head", "patch", "post", "put", "request"];
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
/// Functions that only wrap a value.
const WRAPPERS: [&str; 3] = ["Ok", "Err", "Some"];

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
    // Only what is sent by a variable needs to know how often that is mentioned, and tokens cost
    // time.
    let (mut mentions, mut configured) = (Vec::new(), Vec::new());
    if body.iter().any(sends_variable) {
        for stmt in &*body {
            collect(stmt.to_token_stream(), &mut mentions);
        }
        configured = self::configured(body);
    }
    let idempotent = match &options.idempotent {
        Some(flag) if options.transparent.is_some() => {
            let value = flag.value;
            quote!(::core::option::Option::Some(#value))
        }
        _ => quote!(::core::option::Option::None),
    };
    let passed = Vec::new();
    let mut armer = Armer {
        options,
        shape,
        idempotent,
        locals,
        mentions,
        passed,
        configured,
        is_awaited: false,
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

/// Returns `true` if `body` calls one of the methods with these names, as `self.name(..)` or
/// `Self::name(..)`.
pub(crate) fn calls_method(body: &[Stmt], names: &[Ident]) -> bool {
    macros::any(body, &mut |expr| match expr {
        Expr::MethodCall(call) => {
            // `#[async_trait]`, where it expands first, has renamed `self`.
            let is_renamed = matches!(&*call.receiver, Expr::Path(path) if path.path.is_ident("__self"));
            (is_renamed || is_self(&call.receiver)) && names.contains(&call.method)
        }
        Expr::Path(path) => {
            let mut segments = path.path.segments.iter();
            path.path.segments.len() == 2
                && segments.next().is_some_and(|first| first.ident == "Self")
                && segments.next().is_some_and(|last| names.contains(&last.ident))
        }
        _ => false,
    })
}

struct Armer<'a> {
    options: &'a Options,
    shape: Shape,
    /// An expression: whether requests are safe to repeat, if their method does not say so.
    idempotent: TokenStream,
    /// The variables in scope.
    locals: Vec<Local>,
    /// Every name and literal in the body, as often as it is there.
    mentions: Vec<TokenTree>,
    /// Those that were visited.
    passed: Vec<TokenTree>,
    /// The variables that are configured as a builder is, and sent, somewhere in the body:
    /// `x.header(..).send()`.
    configured: Vec<Ident>,
    /// `true` if the visited expression is awaited at once.
    is_awaited: bool,
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

struct Local {
    name: Ident,
    origin: Origin,
    loops: usize,
    depth: usize,
}

/// The origin of a variable.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// reqwest's builder, as far as one can see.
    Builder,
    /// What a send was answered with, as far as one can see.
    Response,
    /// An argument of another type.
    Parameter,
    Unknown,
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
                self.inside(Node::Expr(expr));
                self.depth -= 1;
                self.locals.truncate(outside);
                return;
            }
            Expr::Await(future) => {
                if is_execute(peel(&mut future.base)) {
                    let attrs = std::mem::take(&mut future.attrs);
                    self.execute_and_await(expr);
                    give_back(attrs, expr);
                    return;
                }
                self.is_awaited = matches!(classify(peel(&mut future.base)), Some(Call::Send));
                self.inside(Node::Expr(expr));
                self.is_awaited = false;
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
                self.track(expr, "get_kind", None);
            }
            Call::Read => self.read(expr, "body_kind"),
            Call::Stream => self.read(expr, "stream_kind"),
            Call::Check => self.check(expr),
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
        let known = macros::visit(&mut tokens, &mut |expr| self.visit_expr_mut(expr));
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
                } else if init.is_some_and(is_answer) {
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

enum Call {
    Send,
    Execute,
    Get,
    Read,
    Stream,
    Check,
}

/// Classifies a call by its name and the number of its arguments. What is sent by `self` is not
/// reqwest's.
fn classify(expr: &Expr) -> Option<Call> {
    match expr {
        Expr::MethodCall(method) => match (method.method.to_string().as_str(), method.args.len()) {
            ("send", 0) if !is_self(&method.receiver) => Some(Call::Send),
            // A closure is no request, and its types are inferred from what it is passed to.
            ("execute", 1) if !is_self(&method.receiver) && !matches!(method.args[0], Expr::Closure(_)) => {
                Some(Call::Execute)
            }
            ("bytes_stream", 0) => Some(Call::Stream),
            ("error_for_status", 0) if !is_self(&method.receiver) => Some(Call::Check),
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
fn is_execute(expr: &Expr) -> bool {
    let Expr::MethodCall(call) = expr else { return false };
    matches!(classify(expr), Some(Call::Execute)) && (is_name(&call.receiver) || !is_place(&call.receiver))
}

fn is_self(expr: &Expr) -> bool {
    matches!(expr, Expr::Path(path) if path.path.is_ident("self"))
}

/// `reqwest::get` and `reqwest::blocking::get`.
fn is_get(path: &Path) -> bool {
    let mut names = path.segments.iter().rev().map(|segment| &segment.ident);
    names.next().is_some_and(|name| name == "get")
        && names.next().is_some_and(|name| name == "reqwest" || name == "blocking")
}

impl Armer<'_> {
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

    // Input:
    //     http.get(url).send()
    //
    // Output:
    //     match http.get(url) {
    //         sender => SenderKind::of(&sender).sender_kind().arm(sender, None)
    //     }.send()
    //
    // The match begins and ends where the sender does, so that the user's mistakes are reported there.
    // With `transparent, idempotent` the request is said to be safe to repeat: `Some(true)`.
    fn send(&mut self, expr: &mut Expr) {
        let Expr::MethodCall(ExprMethodCall { receiver, .. }) = expr else { return };
        if !self.may_move(receiver) {
            return;
        }
        self.visible += 1;
        self.bounded += 1;
        self.armed += 1;
        let (from, idempotent) = (start(receiver), &self.idempotent);
        let (private, to) = (self.private(from), end(receiver).unwrap_or(from));
        let (scrutinee, sender) = (scrutinee(receiver), Ident::new("sender", Span::mixed_site()));
        let arm = grouped(
            Delimiter::Brace,
            quote_spanned! {from=>
                #sender => #private::SenderKind::of(&#sender).sender_kind().arm(#sender, #idempotent)
            },
            to,
        );
        // Verbatim: parsing what was just printed would cost more time than all the rest.
        **receiver = Expr::Verbatim(quote_spanned!(from=> match #scrutinee #arm));
    }

    // Input:
    //     self.http.execute(request.try_into()?)
    //
    // Output:
    //     match { let armer = Kind::of(&self.http).client_kind().armer(&self.http, None); armer } {
    //         mut armer => match self.http.execute(armer.arm_request(request.try_into()?)) {
    //             sending => armer.track(sending),
    //         },
    //     }
    //
    // The type of the client decides, since that of the request may yet have to be inferred from it.
    // A client that is no place, such as `self.http()`, is bound to a name first. The inner block ends
    // the borrow of the client.
    fn execute(&mut self, expr: &mut Expr) {
        let span = start(expr);
        let Some(around) = self.execute_inside(expr) else { return };
        *expr = around(self.private(span), span, expr);
    }

    /// [`execute`](Self::execute), where the future is awaited at once: that is then part of the
    /// match, so that whatever the request borrows lives as long.
    fn execute_and_await(&mut self, expr: &mut Expr) {
        let span = start(expr);
        let Expr::Await(future) = &mut *expr else { return };
        let call = peel(&mut future.base);
        if let Expr::MethodCall(ExprMethodCall { receiver, args, method, .. }) = call {
            self.visit_expr_mut(receiver);
            self.visit_ident_mut(method);
            args.iter_mut().for_each(|argument| self.visit_expr_mut(argument));
        }
        let Some(around) = self.execute_inside(call) else { return };
        *expr = around(self.private(span), span, expr);
    }

    /// Arms the call itself. Returns what makes the expression around it: a match that binds what
    /// it needs.
    fn execute_inside(
        &mut self,
        call: &mut Expr,
    ) -> Option<impl Fn(Private<'_>, Span, &Expr) -> Expr + use<>> {
        self.visible += 1;
        self.bounded += 1;
        self.armed += 1;
        let span = start(call);
        let local = |name| Ident::new(name, Span::mixed_site());
        let (armer, bound, sending) = (local("armer"), local("client"), local("sending"));
        let Expr::MethodCall(ExprMethodCall { receiver, args, .. }) = call else { return None };
        let request = &args[0];
        args[0] = Expr::Verbatim(quote!(#armer.arm_request(#request)));
        let temporary = (!is_name(receiver)).then(|| std::mem::replace(&mut **receiver, name(bound.clone())));
        let client = (**receiver).clone();
        // Verbatim, as above.
        *call = Expr::Verbatim(quote_spanned! {span=>
            match #call {
                #sending => #armer.track(#sending),
            }
        });
        let idempotent = self.idempotent.clone();
        Some(move |private: Private<'_>, span: Span, expr: &Expr| {
            // At the user's place, but not of the user's context, or lints would see it.
            let ours = Span::mixed_site().located_at(span);
            let arm = quote_spanned! {ours=>
                {
                    let #armer = #private::Kind::of(&#client).client_kind().armer(&#client, #idempotent);
                    #armer
                }
            };
            let matched = quote_spanned! {span=>
                match #arm {
                    mut #armer => #expr,
                }
            };
            Expr::Verbatim(match &temporary {
                Some(temporary) => quote_spanned!(span=> match #temporary { mut #bound => #matched }),
                None => matched,
            })
        })
    }

    /// Arms what reads a body.
    fn read(&mut self, expr: &mut Expr, question: &str) {
        let response = match &*expr {
            Expr::MethodCall(call) if is_name(&call.receiver) => Some((*call.receiver).clone()),
            _ => None,
        };
        self.track(expr, question, response.as_ref());
    }

    // Input:
    //     response.json()
    //
    // Output:
    //     match (
    //         { let id = Kind::of(&response).response_kind().id(&response); id },
    //         response.json(),
    //     ) {
    //         (id, body) => BodyKind::of(&body).body_kind().track(body, id),
    //     }
    //
    // A response without a name has no id. `get_kind` is for `reqwest::get(url)`, and `stream_kind` for
    // `.bytes_stream()`. The inner block ends the borrow of the response. The match begins and ends
    // where the expression does, so that the user's mistakes are reported there.
    fn track(&mut self, expr: &mut Expr, question: &str, response: Option<&Expr>) {
        self.armed += 1;
        let from = start(expr);
        let to = end(expr).unwrap_or(from);
        let (private, question) = (self.private(from), Ident::new(question, from));
        let local = |name| Ident::new(name, Span::mixed_site());
        let (body, id) = (local("body"), local("id"));
        let (scrutinee, pattern, argument) = match response {
            Some(response) => {
                // At the user's place, but not of the user's context, or lints would see it.
                let ours = Span::mixed_site().located_at(from);
                let block = quote_spanned! {ours=>
                    {
                        let #id = #private::Kind::of(&#response).response_kind().id(&#response);
                        #id
                    }
                };
                let pair = grouped(Delimiter::Parenthesis, quote_spanned!(from=> #block, #expr), to);
                (pair.into(), quote!((#id, #body)), quote!(#id))
            }
            None => (scrutinee(expr), quote!(#body), quote!(::core::option::Option::None)),
        };
        let arguments = grouped(Delimiter::Parenthesis, quote!(#body, #argument), to);
        let arm = grouped(
            Delimiter::Brace,
            quote_spanned!(from=> #pattern => #private::BodyKind::of(&#body).#question().track #arguments),
            to,
        );
        *expr = Expr::Verbatim(quote_spanned!(from=> match #scrutinee #arm));
    }

    // Input:
    //     http.get(url).send().await?.error_for_status()
    //
    // Output:
    //     match http.get(url).send().await? {
    //         response => Kind::of(&response).status_kind().check(response)
    //     }.error_for_status()
    //
    // So a refused response is kept, to be drained before the next attempt.
    fn check(&mut self, expr: &mut Expr) {
        let Expr::MethodCall(ExprMethodCall { receiver, .. }) = expr else { return };
        if !self.may_check(receiver) {
            return;
        }
        self.armed += 1;
        let from = start(receiver);
        let (private, to) = (self.private(from), end(receiver).unwrap_or(from));
        let (scrutinee, response) = (scrutinee(receiver), Ident::new("response", Span::mixed_site()));
        let arm = grouped(
            Delimiter::Brace,
            quote_spanned! {from=>
                #response => #private::Kind::of(&#response).status_kind().check(#response)
            },
            to,
        );
        **receiver = Expr::Verbatim(quote_spanned!(from=> match #scrutinee #arm));
    }

    /// Whether what is checked can be moved: a variable only where it is seen to hold a response, which is consumed anyway.
    fn may_check(&self, response: &Expr) -> bool {
        match response {
            Expr::Path(path) => path.path.get_ident().is_some_and(|name| {
                let local = self.locals.iter().rev().find(|local| local.name == *name);
                local.is_some_and(|local| local.origin == Origin::Response && local.loops == self.loops)
            }),
            Expr::Paren(paren) => self.may_check(&paren.expr),
            Expr::Group(group) => self.may_check(&group.expr),
            other => !is_place(other),
        }
    }

    fn private(&self, span: Span) -> Private<'_> {
        self.options.krate(span).private()
    }

    /// Returns `true` if a sender can be moved. A place such as `self.x` cannot. A variable can,
    /// where it holds a builder, which is consumed anyway, or where it is not used any more.
    fn may_move(&self, sender: &Expr) -> bool {
        match sender {
            Expr::Path(path) => path.path.get_ident().is_some_and(|name| {
                let local = self.locals.iter().rev().find(|local| local.name == *name);
                match local.map_or(Origin::Unknown, |local| local.origin) {
                    // A variable that is sent again and again is no builder.
                    Origin::Builder => local.is_some_and(|local| local.loops == self.loops),
                    Origin::Parameter | Origin::Response => false,
                    // A loop would send it again, and so would a closure. An `async` block runs
                    // once. What is not awaited at once may borrow from it.
                    Origin::Unknown => local.is_some_and(|local| {
                        (local.loops, local.depth) == (self.loops, self.depth)
                            && (self.is_awaited || !self.shape.is_async())
                            && count(&self.passed, name) == count(&self.mentions, name)
                    }),
                }
            }),
            Expr::Paren(paren) => self.may_move(&paren.expr),
            Expr::Group(group) => self.may_move(&group.expr),
            other => !is_place(other),
        }
    }
}

/// Puts what a statement begins with in parentheses, where that is armed and an operator follows:
/// the `match` that it is now would else be the whole statement.
fn parenthesize(expr: &mut Expr) {
    let mut is_operand = false;
    let mut first = expr;
    loop {
        first = match first {
            Expr::Binary(binary) => &mut binary.left,
            Expr::Assign(assign) => &mut assign.left,
            Expr::Cast(cast) => &mut cast.expr,
            Expr::Index(index) => &mut index.expr,
            Expr::Verbatim(tokens) if is_operand => {
                let mut group = Group::new(Delimiter::Parenthesis, std::mem::take(tokens));
                // Not the user's, or lints would see them.
                group.set_span(Span::mixed_site());
                *tokens = group.into_token_stream();
                return;
            }
            _ => return,
        };
        is_operand = true;
    }
}

/// Returns the variables that are configured as a builder is, and sent.
fn configured(body: &mut [Stmt]) -> Vec<Ident> {
    let mut configured = Vec::new();
    walk::stmts(body, &mut |node| {
        match node {
            Node::Expr(Expr::MethodCall(call)) if call.method == "send" => {
                configured.extend(configured_receiver(&call.receiver));
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

/// Returns `true` if a variable is sent in a statement.
fn sends_variable(stmt: &Stmt) -> bool {
    macros::any(
        std::slice::from_ref(stmt),
        &mut |expr| matches!(expr, Expr::MethodCall(call) if call.method == "send" && matches!(*call.receiver, Expr::Path(_))),
    )
}

/// Returns `true` if an expression makes a builder: a chain of nothing but methods that make or
/// configure builders.
fn builds(expr: &Expr) -> bool {
    match expr {
        Expr::MethodCall(call) if is_among(&call.method, &CONFIGURES) => {
            builds(&call.receiver) || is_name(&call.receiver)
        }
        Expr::MethodCall(call) => is_among(&call.method, &MAKES),
        Expr::Try(tried) => builds(&tried.expr),
        Expr::Paren(paren) => builds(&paren.expr),
        Expr::Group(group) => builds(&group.expr),
        _ => false,
    }
}

/// Whether an expression is a send, or what it was answered with.
fn is_answer(expr: &Expr) -> bool {
    match expr {
        Expr::MethodCall(_) => matches!(classify(expr), Some(Call::Send | Call::Execute)),
        Expr::Await(future) => is_answer(&future.base),
        Expr::Try(tried) => is_answer(&tried.expr),
        Expr::Paren(paren) => is_answer(&paren.expr),
        Expr::Group(group) => is_answer(&group.expr),
        _ => false,
    }
}

/// The variable that a closure does nothing with but to check its status: `|response| response.error_for_status()`.
fn checked_name(body: &Expr) -> Option<&Ident> {
    match body {
        Expr::MethodCall(call) if matches!(classify(body), Some(Call::Check)) => match &*call.receiver {
            Expr::Path(path) => path.path.get_ident(),
            _ => None,
        },
        _ => None,
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

/// Takes off what may stand around a send: parentheses, `Box::pin(..)`, `.instrument(..)`.
fn peel(expr: &mut Expr) -> &mut Expr {
    let around = match expr {
        Expr::MethodCall(call) => foreign::is_around(&call.method),
        Expr::Call(call) => foreign::around(call),
        Expr::Paren(_) | Expr::Group(_) => true,
        _ => false,
    };
    if !around {
        return expr;
    }
    match expr {
        Expr::Paren(paren) => peel(&mut paren.expr),
        Expr::Group(group) => peel(&mut group.expr),
        Expr::MethodCall(call) => peel(&mut call.receiver),
        Expr::Call(call) => peel(&mut call.args[0]),
        other => other,
    }
}

/// Returns the tokens of an expression to match on. They are in parentheses if the braces of the
/// `match` could be part of it, as after `return`, or its own braces those of the `match`, as in a
/// struct.
fn scrutinee(expr: &Expr) -> TokenStream {
    let mut first = expr;
    loop {
        first = match first {
            Expr::MethodCall(call) => &call.receiver,
            Expr::Field(field) => &field.base,
            Expr::Index(index) => &index.expr,
            Expr::Call(call) => &call.func,
            Expr::Await(future) => &future.base,
            Expr::Try(tried) => &tried.expr,
            Expr::Unary(unary) => &unary.expr,
            Expr::Reference(reference) => &reference.expr,
            Expr::Array(_)
            | Expr::Async(_)
            | Expr::Block(_)
            | Expr::Group(_)
            | Expr::If(_)
            | Expr::Lit(_)
            | Expr::Loop(_)
            | Expr::Macro(_)
            | Expr::Match(_)
            | Expr::Paren(_)
            | Expr::Path(_)
            | Expr::Repeat(_)
            | Expr::Tuple(_)
            | Expr::Unsafe(_)
            | Expr::Verbatim(_) => return expr.to_token_stream(),
            _ => {
                let mut group = Group::new(Delimiter::Parenthesis, expr.to_token_stream());
                // Not the user's, or lints would see them.
                group.set_span(Span::mixed_site());
                return group.into_token_stream();
            }
        };
    }
}

/// Where `expr` ends.
fn end(expr: &Expr) -> Option<Span> {
    match expr {
        Expr::MethodCall(call) => Some(call.paren_token.span.close()),
        Expr::Call(call) => Some(call.paren_token.span.close()),
        Expr::Try(tried) => Some(tried.question_token.span),
        _ => expr.to_token_stream().into_iter().last().map(|token| match token {
            TokenTree::Group(group) => group.span_close(),
            token => token.span(),
        }),
    }
}

/// A group that ends at `span`.
fn grouped(delimiter: Delimiter, tokens: TokenStream, span: Span) -> TokenTree {
    let mut group = Group::new(delimiter, tokens);
    group.set_span(span);
    group.into()
}

/// The expression that a name is.
fn name(name: Ident) -> Expr {
    Expr::Path(ExprPath { attrs: Vec::new(), qself: None, path: name.into() })
}

/// Where `expr` begins.
fn start(expr: &Expr) -> Span {
    match expr {
        Expr::MethodCall(call) => start(&call.receiver),
        Expr::Field(field) => start(&field.base),
        Expr::Await(future) => start(&future.base),
        Expr::Try(tried) => start(&tried.expr),
        Expr::Call(call) => start(&call.func),
        Expr::Path(ExprPath { path: Path { leading_colon: None, segments }, qself: None, .. }) => {
            segments[0].ident.span()
        }
        other => {
            other.to_token_stream().into_iter().next().map_or_else(Span::call_site, |token| token.span())
        }
    }
}

/// Returns `true` for a variable or a field of one: a place that may be written more than once.
fn is_name(expr: &Expr) -> bool {
    match expr {
        Expr::Path(path) => path.path.get_ident().is_some(),
        Expr::Field(field) => is_name(&field.base),
        _ => false,
    }
}

fn is_place(expr: &Expr) -> bool {
    match expr {
        Expr::Path(_) | Expr::Field(_) | Expr::Index(_) | Expr::Unary(_) => true,
        Expr::Paren(paren) => is_place(&paren.expr),
        Expr::Group(group) => is_place(&group.expr),
        _ => false,
    }
}

/// Returns `true` for the type of reqwest's builder, by its name.
fn is_builder(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "RequestBuilder"),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
