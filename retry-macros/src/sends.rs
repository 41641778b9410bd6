//! Finding the visible sends of a body, and arming them.
//!
//! In an async body `<expr>.send().await`, `<expr>.execute(<request>).await` and `reqwest::get(..).await`, in a
//! sync body the same without `.await`; and, for broken bodies behind errors without a `source()`, what reads
//! a body. Closures, nested `async` blocks, nested items and the input of other macros are not entered.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, ExprMethodCall, ExprPath, Item, Path, Stmt, Type};

use crate::arguments;
use crate::facade::Private;
use crate::function::{self, Shape};
use crate::options::Options;

/// The methods of a response that read its body.
const READS: [(&str, usize); 6] =
    [("json", 0), ("text", 0), ("text_with_charset", 1), ("bytes", 0), ("chunk", 0), ("copy_to", 1)];
/// Methods by which a variable is seen to hold a builder.
const BUILDS: [&str; 16] = [
    "basic_auth",
    "bearer_auth",
    "body",
    "delete",
    "form",
    "get",
    "head",
    "header",
    "headers",
    "json",
    "multipart",
    "patch",
    "post",
    "put",
    "query",
    "request",
];

/// The sends of a body.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sends {
    /// That are seen.
    pub(crate) visible: usize,
    /// Of which the request can be given a bound and a header: that of `reqwest::get` cannot.
    pub(crate) armed: usize,
}

/// Arms the visible sends of `body` and returns how many there are. `parameters` are those of the function.
pub(crate) fn arm<'p>(
    body: &mut [Stmt],
    parameters: impl Iterator<Item = (&'p Ident, &'p Type)>,
    shape: Shape,
    call: &Ident,
    options: &Options,
) -> Sends {
    let locals = parameters
        .map(|(name, ty)| {
            let kind = if is_builder(ty) { Origin::Builder } else { Origin::Parameter };
            Local { name: name.clone(), kind, is_unsafe: false }
        })
        .collect();
    // Only what is sent by a variable needs to know how often that is mentioned, and tokens cost time.
    let mut mentions = Vec::new();
    if body.iter().any(sends_variable) {
        for stmt in &*body {
            collect(stmt.to_token_stream(), &mut mentions);
        }
    }
    let mut armer = Armer { shape, call, options, locals, mentions, sends: Sends::default(), loops: 0 };
    if let (Shape::Wrapped { .. }, Some(Stmt::Expr(tail, None))) = (shape, body.last_mut()) {
        armer.first_of_chain(tail);
    }
    for stmt in body {
        armer.visit_stmt_mut(stmt);
    }
    armer.sends
}

/// Whether there is a visible send in `body`.
pub(crate) fn any(body: &[Stmt], shape: Shape) -> bool {
    let call = Ident::new("call", Span::call_site());
    arm(&mut body.to_vec(), std::iter::empty(), shape, &call, &Options::default()).visible > 0
}

struct Armer<'a> {
    shape: Shape,
    call: &'a Ident,
    options: &'a Options,
    /// The variables in scope.
    locals: Vec<Local>,
    /// Every name in the body, as often as it is there.
    mentions: Vec<Ident>,
    sends: Sends,
    /// How many loops of the body we are in.
    loops: usize,
}

struct Local {
    name: Ident,
    kind: Origin,
    /// Whether it is seen to hold a POST or PATCH.
    is_unsafe: bool,
}

/// What a variable is known to hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// reqwest's builder, as far as one can see.
    Builder,
    /// An argument of another type.
    Parameter,
    Unknown,
}

impl VisitMut for Armer<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        if matches!(expr, Expr::Closure(_) | Expr::Async(_) | Expr::Const(_)) {
            return;
        }
        let looping = matches!(expr, Expr::Loop(_) | Expr::While(_) | Expr::ForLoop(_));
        self.loops += usize::from(looping);
        visit_mut::visit_expr_mut(self, expr);
        self.loops -= usize::from(looping);
        let sent = match (self.shape.is_async(), &mut *expr) {
            (true, Expr::Await(future)) => &mut *future.base,
            (false, expr) => expr,
            _ => return,
        };
        let sent = peel(sent);
        match look(sent) {
            Some(Seen::Send) => self.send(sent),
            Some(Seen::Execute) => self.execute(expr),
            Some(Seen::Get) => {
                self.sends.visible += 1;
                *expr = self.ask("getting", expr);
            }
            Some(Seen::Read) => *expr = self.ask("reading", expr),
            None => {}
        }
    }

    fn visit_item_mut(&mut self, _: &mut Item) {}

    fn visit_block_mut(&mut self, block: &mut syn::Block) {
        let outside = self.locals.len();
        visit_mut::visit_block_mut(self, block);
        self.locals.truncate(outside);
    }

    fn visit_stmt_mut(&mut self, stmt: &mut Stmt) {
        if let Stmt::Item(_) = stmt {
            return;
        }
        let init = match stmt {
            Stmt::Local(local) => local.init.as_ref(),
            _ => None,
        };
        let built = init.is_some_and(|init| builds(&init.expr));
        let is_unsafe = init.is_some_and(|init| posts(&init.expr));
        visit_mut::visit_stmt_mut(self, stmt);
        if let Stmt::Local(local) = stmt {
            let kind = if built { Origin::Builder } else { Origin::Unknown };
            let mut bound = Vec::new();
            arguments::names(&local.pat, None, &mut bound);
            self.locals.extend(bound.into_iter().map(|owned| Local {
                name: owned.into_name(),
                kind,
                is_unsafe,
            }));
        }
    }

    fn visit_expr_assign_mut(&mut self, assign: &mut syn::ExprAssign) {
        if builds(&assign.right) {
            if let Expr::Path(path) = &*assign.left {
                if let Some(local) =
                    self.locals.iter_mut().rev().find(|local| path.path.is_ident(&local.name))
                {
                    local.kind = Origin::Builder;
                }
            }
        }
        visit_mut::visit_expr_assign_mut(self, assign);
    }
}

enum Seen {
    Send,
    Execute,
    Get,
    Read,
}

/// What a call is, by its name and the number of its arguments. What is called on `self` is not reqwest's.
fn look(expr: &Expr) -> Option<Seen> {
    match expr {
        Expr::MethodCall(method) => match (method.method.to_string().as_str(), method.args.len()) {
            ("send", 0) if !is_self(&method.receiver) => Some(Seen::Send),
            // A closure is no request, and its types are inferred from what it is passed to.
            ("execute", 1) if !is_self(&method.receiver) && !matches!(method.args[0], Expr::Closure(_)) => {
                Some(Seen::Execute)
            }
            (name, arguments) if READS.contains(&(name, arguments)) => Some(Seen::Read),
            _ => None,
        },
        Expr::Call(function) => match &*function.func {
            Expr::Path(path) => is_get(&path.path).then_some(Seen::Get),
            _ => None,
        },
        _ => None,
    }
}

fn is_self(expr: &Expr) -> bool {
    matches!(expr, Expr::Path(path) if path.path.is_ident("self"))
}

/// `reqwest::get` and `reqwest::blocking::get`.
fn is_get(path: &Path) -> bool {
    let mut names = path.segments.iter().rev().map(|segment| segment.ident.to_string());
    names.next().is_some_and(|name| name == "get")
        && names.next().is_some_and(|name| name == "reqwest" || name == "blocking")
}

impl Armer<'_> {
    fn armed(&mut self) {
        self.sends.visible += 1;
        self.sends.armed += 1;
    }

    // Input:
    //     http.get(url).send().await
    //
    // Output:
    //     arm!(call, http.get(url), false).send().await
    //
    // What is sent is the user's own expression, and so are its mistakes.
    fn send(&mut self, sent: &mut Expr) {
        let Expr::MethodCall(ExprMethodCall { receiver, .. }) = sent else { return };
        if !self.may_move(receiver) {
            return;
        }
        self.armed();
        let (span, call, unsafely) = (start(receiver), self.call, self.sends_unsafely(receiver));
        let private = self.private(span);
        // Verbatim: parsing what was just printed would cost more time than all the rest.
        **receiver = Expr::Verbatim(quote_spanned!(span=> #private::arm!(#call, #receiver, #unsafely)));
    }

    /// Where a body yields a future and is awaited by us, the send that this future begins with:
    /// `http.get(url).send().then(..)`.
    fn first_of_chain(&mut self, expr: &mut Expr) {
        if let Some(Seen::Send) = look(expr) {
            self.send(expr);
            return;
        }
        match expr {
            Expr::MethodCall(call) => self.first_of_chain(&mut call.receiver),
            Expr::Call(call) if function::around(call) => self.first_of_chain(&mut call.args[0]),
            Expr::Paren(paren) => self.first_of_chain(&mut paren.expr),
            Expr::Group(group) => self.first_of_chain(&mut group.expr),
            _ => {}
        }
    }

    // Input:
    //     self.http.execute(request.try_into()?).await
    //
    // Output:
    //     match executing!(call, self.http) {
    //         arming => arming.noted(
    //             self.http.execute(arming.arm_request(request.try_into()?, &mut call.seen)).await,
    //             &mut call,
    //         ),
    //     }
    //
    // The type of the client decides, since that of the request may yet have to be inferred from it. A client
    // that is no place, such as `self.http()`, is bound to a name first.
    fn execute(&mut self, expr: &mut Expr) {
        self.armed();
        let (call, span) = (self.call, start(expr));
        let private = self.private(span);
        let local = |name| Ident::new(name, Span::mixed_site());
        let (arming, bound) = (local("arming"), local("client"));
        let sent = match &mut *expr {
            Expr::Await(future) => peel(&mut future.base),
            sent => peel(sent),
        };
        let Expr::MethodCall(ExprMethodCall { receiver, args, .. }) = sent else {
            return;
        };
        let request = &args[0];
        args[0] = Expr::Verbatim(quote!(#arming.arm_request(#request, &mut #call.seen)));
        let temporary = if is_place(receiver) {
            None
        } else {
            Some(std::mem::replace(&mut **receiver, name(bound.clone())))
        };
        let client = receiver.clone();
        let noted = quote_spanned! {span=>
            match #private::executing!(#call, #client) {
                #arming => #arming.noted(#expr, &mut #call.seen),
            }
        };
        // Verbatim: parsing what was just printed would cost more time than all the rest.
        *expr = Expr::Verbatim(match temporary {
            Some(temporary) => quote_spanned!(span=> match #temporary { mut #bound => #noted }),
            None => noted,
        });
    }

    // Input:
    //     response.json().await
    //
    // Output:
    //     match response.json().await {
    //         result => Look::of(&result).reading().noted(result, &mut call.seen),
    //     }
    //
    // The same with `getting` for `reqwest::get(url).await`. It begins and ends where the expression does: the user's
    // mistakes in it are then reported there.
    fn ask(&self, question: &str, expr: &Expr) -> Expr {
        let (from, call) = (start(expr), self.call);
        let to = end(expr.to_token_stream()).unwrap_or(from);
        let (private, question) = (self.private(from), Ident::new(question, from));
        let result = Ident::new("result", Span::mixed_site());
        let noted = grouped(Delimiter::Parenthesis, quote!(#result, &mut #call.seen), to);
        let arm = grouped(
            Delimiter::Brace,
            quote_spanned!(from=> #result => #private::Look::of(&#result).#question().noted #noted),
            to,
        );
        Expr::Verbatim(quote_spanned!(from=> match #expr #arm))
    }

    fn private(&self, span: Span) -> Private<'_> {
        self.options.krate(span).private()
    }

    /// Whether a sender is seen to be a POST or PATCH. Only that of a type that is not reqwest's is told so.
    fn sends_unsafely(&self, sender: &Expr) -> bool {
        match sender {
            Expr::Path(path) => {
                self.locals.iter().rev().any(|local| path.path.is_ident(&local.name) && local.is_unsafe)
            }
            other => posts(other),
        }
    }

    /// A place such as `self.x` cannot be moved out of. A variable can, where it holds a builder, which is
    /// consumed anyway, or where it is not used for anything else.
    fn may_move(&self, sender: &Expr) -> bool {
        match sender {
            Expr::Path(path) => path.path.get_ident().is_some_and(|name| {
                let local = self.locals.iter().rev().find(|local| local.name == *name);
                match local.map_or(Origin::Unknown, |local| local.kind) {
                    Origin::Builder => true,
                    Origin::Parameter => false,
                    // A loop would send it again.
                    Origin::Unknown => {
                        self.loops == 0
                            && self.mentions.iter().filter(|mention| *mention == name).count() == 2
                    }
                }
            }),
            Expr::Paren(paren) => self.may_move(&paren.expr),
            Expr::Group(group) => self.may_move(&group.expr),
            other => !is_place(other),
        }
    }
}

/// Whether a variable is sent in a statement.
fn sends_variable(stmt: &Stmt) -> bool {
    struct Sends(bool);

    impl<'ast> Visit<'ast> for Sends {
        fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
            self.0 |= call.method == "send" && matches!(*call.receiver, Expr::Path(_));
            visit::visit_expr_method_call(self, call);
        }
    }

    let mut sends = Sends(false);
    sends.visit_stmt(stmt);
    sends.0
}

/// Whether an expression is seen to make a POST or PATCH: `.post(..)`, `.request(Method::POST, ..)`.
fn posts(expr: &Expr) -> bool {
    struct Posts(bool);

    impl<'ast> Visit<'ast> for Posts {
        fn visit_ident(&mut self, name: &'ast Ident) {
            self.0 |= ["post", "patch", "POST", "PATCH"].contains(&name.to_string().as_str());
        }
    }

    let mut posts = Posts(false);
    posts.visit_expr(expr);
    posts.0
}

/// Whether an expression is seen to make a builder.
fn builds(expr: &Expr) -> bool {
    struct Chain(bool);

    impl<'ast> Visit<'ast> for Chain {
        fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
            self.0 |= BUILDS.contains(&call.method.to_string().as_str());
            visit::visit_expr_method_call(self, call);
        }

        // What is awaited is sent already.
        fn visit_expr_await(&mut self, _: &'ast syn::ExprAwait) {}
    }

    let mut chain = Chain(false);
    chain.visit_expr(expr);
    chain.0
}

fn collect(tokens: TokenStream, names: &mut Vec<Ident>) {
    for token in tokens {
        match token {
            TokenTree::Ident(name) => names.push(name),
            TokenTree::Group(group) => collect(group.stream(), names),
            _ => {}
        }
    }
}

/// What is sent, without what may stand around it: parentheses, `Box::pin(..)`, `.instrument(..)`.
fn peel(expr: &mut Expr) -> &mut Expr {
    let around = match expr {
        Expr::MethodCall(call) => function::is_around(&call.method),
        Expr::Call(call) => function::around(call),
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

/// Where `tokens` end.
fn end(tokens: TokenStream) -> Option<Span> {
    tokens.into_iter().last().map(|token| match token {
        TokenTree::Group(group) => group.span_close(),
        token => token.span(),
    })
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

fn is_place(expr: &Expr) -> bool {
    match expr {
        Expr::Path(_) | Expr::Field(_) | Expr::Index(_) | Expr::Unary(_) => true,
        Expr::Paren(paren) => is_place(&paren.expr),
        Expr::Group(group) => is_place(&group.expr),
        _ => false,
    }
}

/// Whether a parameter is reqwest's builder, by the name of its type.
fn is_builder(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "RequestBuilder"),
        _ => false,
    }
}
