//! Rewrites the sends that are armed.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Expr, ExprMethodCall, ExprPath, Path, UnOp};

use crate::body::sends::origin::{is_name, may_be_constant};
use crate::body::sends::{Armer, Awaited};
use crate::function::foreign;
use crate::paths::Private;

/// The method of the runtime that tracks a value, and the kind that has the method.
#[derive(Clone, Copy)]
pub(super) struct Tracker {
    kind: &'static str,
    method: &'static str,
}

impl Tracker {
    /// Tracks `reqwest::get(url)`.
    pub(super) const GET: Self = Self { kind: "BodyKind", method: "track_get" };
    /// Tracks the reading of a body.
    pub(super) const BODY: Self = Self { kind: "BodyKind", method: "track_body" };
    /// Tracks the reading of a body that the attempt itself awaits at once.
    pub(super) const AWAITED: Self = Self { kind: "AwaitedBodyKind", method: "track_awaited" };
    /// Tracks the reading of the answer to a send, which the attempt itself awaits at once.
    pub(super) const ANSWER: Self = Self { kind: "Kind", method: "track_awaited" };
    /// Tracks `.bytes_stream()`.
    pub(super) const STREAM: Self = Self { kind: "BodyKind", method: "track_stream" };
}

impl Armer<'_> {
    // Input:
    //     http.get(url).send()
    //
    // Output:
    //     match http.get(url) {
    //         sender => SenderKind(&raw const sender).arm_sender(sender)
    //     }.send()
    //
    // The match begins and ends where the sender does, so that the user's mistakes are reported
    // there. With `transparent, idempotent` the request is said to be safe to repeat:
    // `.arm_declared(sender, true)`. Where the attempt itself awaits the request, that is known to
    // be part of the attempt, which costs less: `Kind(&raw const sender).arm_awaited(sender)`.
    pub(super) fn send(&mut self, expr: &mut Expr) {
        let Expr::MethodCall(ExprMethodCall { receiver, .. }) = expr else { return };
        let is_held = self.is_held(receiver);
        if !is_held && !self.may_send(receiver) {
            if may_watch(receiver) && !self.is_captured(receiver) {
                self.watch(expr);
            }
            return;
        }
        self.visible += 1;
        self.bounded += 1;
        if is_held {
            return;
        }
        self.armed += 1;
        let from = start(receiver);
        let (private, to) = (self.private(from), end(receiver).unwrap_or(from));
        let (scrutinee, sender) = (scrutinee(receiver), Ident::new("sender", Span::mixed_site()));
        let (kind, arm) = match self.declared {
            None if self.awaited != Awaited::No => ("Kind", "arm_awaited"),
            None => ("SenderKind", "arm_sender"),
            Some(_) => ("SenderKind", "arm_declared"),
        };
        let (kind, arm) = (Ident::new(kind, from), Ident::new(arm, from));
        let declared = self.declared.map(|declared| quote_spanned!(from=> , #declared));
        let arm =
            quote_spanned!(from=> #sender => #private::#kind(&raw const #sender).#arm(#sender #declared));
        let arm = grouped(Delimiter::Brace, arm, to);
        // Verbatim: parsing what was just printed would cost more time than all the rest.
        **receiver = Expr::Verbatim(quote_spanned!(from=> match #scrutinee #arm));
    }

    // Input:
    //     job.request.send()
    //
    // Output:
    //     (match {
    //         let watch = SenderKind::of(&job.request).watch_sender(&job.request);
    //         watch
    //     } {
    //         watch => match job.request.send() {
    //             sending => watch.track(sending),
    //         },
    //     })
    //
    // The sender may be something else, from which it must not be moved. So its request is only
    // recorded: it gets no time limit and no key, and does not count as visible. The inner block
    // ends the borrow of the sender.
    fn watch(&mut self, expr: &mut Expr) {
        self.armed += 1;
        let span = start(expr);
        let Expr::MethodCall(ExprMethodCall { receiver, .. }) = &*expr else { return };
        let (private, local) = (self.private(span), |name| Ident::new(name, Span::mixed_site()));
        let (watch, sending) = (local("watch"), local("sending"));
        // At the user's place, but not of the user's context, or lints would see it.
        let ours = Span::mixed_site().located_at(span);
        let make = match self.declared {
            None => quote_spanned!(ours=> watch_sender(&#receiver)),
            Some(declared) => quote_spanned!(ours=> watch_declared(&#receiver, #declared)),
        };
        let make = quote_spanned! {ours=>
            {
                let #watch = #private::SenderKind::of(&#receiver).#make;
                #watch
            }
        };
        // In parentheses, as anything may follow: an operator, a call, an index.
        let watched = Expr::Verbatim(quote_spanned! {span=>
            match #make {
                #watch => match #expr {
                    #sending => #watch.track(#sending),
                },
            }
        });
        *expr = Expr::Verbatim(parenthesized(&watched));
    }

    // Input:
    //     self.http.execute(request.try_into()?)
    //
    // Output:
    //     match { let armer = ClientKind::of(&self.http).armer(&self.http); armer } {
    //         mut armer => match self.http.execute(armer.arm_request(request.try_into()?)) {
    //             sending => armer.track(sending),
    //         },
    //     }
    //
    // The type of the client decides, since that of the request may yet have to be inferred from
    // it. A client that is no place, such as `self.http()`, is bound to a name first. The inner
    // block ends the borrow of the client.
    pub(super) fn execute(&mut self, expr: &mut Expr) {
        let span = start(expr);
        let Some(around) = self.execute_inside(expr) else { return };
        *expr = around(self.private(span), span, expr);
    }

    /// [`execute`](Self::execute), where the future is awaited at once: that is then part of the
    /// match, so that whatever the request borrows lives as long.
    pub(super) fn execute_and_await(&mut self, expr: &mut Expr) {
        let span = start(expr);
        let Expr::Await(future) = &mut *expr else { return };
        let call = peel(&mut future.base);
        if let Expr::MethodCall(ExprMethodCall { receiver, args, .. }) = call {
            self.visit_expr_mut(receiver);
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
        let declared = self.declared;
        Some(move |private: Private<'_>, span: Span, expr: &Expr| {
            // At the user's place, but not of the user's context, or lints would see it.
            let ours = Span::mixed_site().located_at(span);
            let make = match declared {
                None => quote_spanned!(ours=> armer(&#client)),
                Some(declared) => quote_spanned!(ours=> armer_declared(&#client, #declared)),
            };
            let arm = quote_spanned! {ours=>
                {
                    let #armer = #private::ClientKind::of(&#client).#make;
                    #armer
                }
            };
            let matched = quote_spanned! {span=>
                match #arm {
                    mut #armer => #expr,
                }
            };
            Expr::Verbatim(match &temporary {
                Some(temporary) => {
                    let temporary = scrutinee(temporary);
                    quote_spanned!(span=> match #temporary { mut #bound => #matched })
                }
                None => matched,
            })
        })
    }

    /// Arms what reads a body.
    pub(super) fn read(&mut self, expr: &mut Expr, tracker: Tracker) {
        let response = match &*expr {
            Expr::MethodCall(call) if is_name(&call.receiver) => Some((*call.receiver).clone()),
            _ => None,
        };
        self.track(expr, tracker, response.as_ref());
    }

    // Input:
    //     response.json()
    //
    // Output:
    //     match (
    //         { let id = Kind::of(&response).response_id(&response); id },
    //         response.json(),
    //     ) {
    //         (id, body) => BodyKind(&raw const body).track_body_of(body, id),
    //     }
    //
    // A response without a name has no id: `.track_body(body)`. The inner block ends the borrow of
    // the response. The match begins and ends where the expression does, so that the user's
    // mistakes are reported there.
    pub(super) fn track(&mut self, expr: &mut Expr, tracker: Tracker, response: Option<&Expr>) {
        self.armed += 1;
        let from = start(expr);
        let to = end(expr).unwrap_or(from);
        let private = self.private(from);
        let local = |name| Ident::new(name, Span::mixed_site());
        let (body, id) = (local("body"), local("id"));
        let (kind, method) = (Ident::new(tracker.kind, from), tracker.method);
        let (scrutinee, pattern, method, arguments) = match response {
            Some(response) => {
                // At the user's place, but not of the user's context, or lints would see it.
                let ours = Span::mixed_site().located_at(from);
                let block = quote_spanned! {ours=>
                    {
                        let #id = #private::Kind::of(&#response).response_id(&#response);
                        #id
                    }
                };
                let pair = grouped(Delimiter::Parenthesis, quote_spanned!(from=> #block, #expr), to);
                let method = format_ident!("{method}_of", span = from);
                (pair.into(), quote!((#id, #body)), method, quote!(#body, #id))
            }
            None => (scrutinee(expr), quote!(#body), Ident::new(method, from), quote!(#body)),
        };
        let arguments = grouped(Delimiter::Parenthesis, arguments, to);
        let arm = quote_spanned!(from=> #pattern => #private::#kind(&raw const #body).#method #arguments);
        let arm = grouped(Delimiter::Brace, arm, to);
        *expr = Expr::Verbatim(quote_spanned!(from=> match #scrutinee #arm));
    }

    // Input:
    //     http.get(url).send().await?.error_for_status()
    //
    // Output:
    //     match http.get(url).send().await? {
    //         response => Kind(&raw const response).check_response(response)
    //     }.error_for_status()
    //
    // So a refused response is kept, to be drained before the next attempt.
    pub(super) fn check(&mut self, expr: &mut Expr) {
        let Expr::MethodCall(ExprMethodCall { receiver, .. }) = expr else { return };
        if self.may_check(receiver) {
            **receiver = Expr::Verbatim(self.checked(receiver));
        }
    }

    // Input:
    //     sent.and_then(Response::error_for_status)
    //
    // Output:
    //     sent.and_then(|response| {
    //         let _ = Response::error_for_status;
    //         match response { .. as above .. }.error_for_status()
    //     })
    //
    // The path is still named, or its import would be unused.
    pub(super) fn check_inside(&mut self, expr: &mut Expr) {
        let Expr::MethodCall(ExprMethodCall { args, .. }) = expr else { return };
        let (function, response) = (args[0].clone(), Ident::new("response", Span::mixed_site()));
        let checked = self.checked(&name(response.clone()));
        args[0] = Expr::Verbatim(quote! {
            |#response| {
                let _ = #function;
                #checked.error_for_status()
            }
        });
    }

    /// Returns an expression that keeps a response if its status refuses the request.
    fn checked(&mut self, checked: &Expr) -> TokenStream {
        self.armed += 1;
        let from = start(checked);
        let (private, to) = (self.private(from), end(checked).unwrap_or(from));
        let (scrutinee, response) = (scrutinee(checked), Ident::new("response", Span::mixed_site()));
        let arm = grouped(
            Delimiter::Brace,
            quote_spanned! {from=>
                #response => #private::Kind(&raw const #response).check_response(#response)
            },
            to,
        );
        quote_spanned!(from=> match #scrutinee #arm)
    }
}

/// Returns `true` for a sender whose request can be recorded: a variable, a field of one, or what
/// either points at.
fn may_watch(sender: &Expr) -> bool {
    match sender {
        Expr::Paren(paren) => may_watch(&paren.expr),
        Expr::Group(group) => may_watch(&group.expr),
        Expr::Unary(pointer) if matches!(pointer.op, UnOp::Deref(_)) => may_watch(&pointer.expr),
        Expr::Path(path) => path.path.get_ident().is_some_and(|name| !may_be_constant(name)),
        Expr::Field(field) => may_watch(&field.base),
        _ => false,
    }
}

/// Puts what a statement begins with in parentheses, where that is armed and an operator follows:
/// the `match` that it is now would else be the whole statement.
pub(super) fn parenthesize(expr: &mut Expr) {
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

/// Takes off what may stand around a send: parentheses, `Box::pin(..)`, `.instrument(..)`.
pub(super) fn peel(expr: &mut Expr) -> &mut Expr {
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
    if let Expr::Paren(paren) = expr {
        return parenthesized(&paren.expr);
    }
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
            _ => return parenthesized(expr),
        };
    }
}

/// Returns `expr` in parentheses that are not the user's, or lints would see them.
fn parenthesized(expr: &Expr) -> TokenStream {
    let mut group = Group::new(Delimiter::Parenthesis, expr.to_token_stream());
    group.set_span(Span::mixed_site());
    group.into_token_stream()
}

/// Returns the end of `expr`.
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

/// Returns a group that ends at `span`.
fn grouped(delimiter: Delimiter, tokens: TokenStream, span: Span) -> TokenTree {
    let mut group = Group::new(delimiter, tokens);
    group.set_span(span);
    group.into()
}

/// Returns a name as an expression.
fn name(name: Ident) -> Expr {
    Expr::Path(ExprPath { attrs: Vec::new(), qself: None, path: name.into() })
}

/// Returns the start of `expr`.
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
