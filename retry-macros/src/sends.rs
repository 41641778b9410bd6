//! Finding the visible sends of a body, and arming them.
//!
//! In an async body `<expr>.send().await`, `<expr>.execute(<request>).await` and `reqwest::get(..).await`, in a
//! sync body the same without `.await`; and, for broken bodies behind errors without a `source()`, what reads
//! a body. Closures, nested `async` blocks, nested items and the input of other macros are not entered.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, ExprMethodCall, Item, Path, Stmt, Type, parse_quote, parse_quote_spanned};

use crate::function::Shape;
use crate::options::Options;

/// The methods of a response that read its body.
const READS: [&str; 6] = ["json", "text", "text_with_charset", "bytes", "chunk", "copy_to"];

/// Arms the visible sends of `body` and returns how many there are. `parameters` are those of the function.
pub(crate) fn arm<'p>(
    body: &mut [Stmt],
    parameters: impl Iterator<Item = (&'p Ident, &'p Type)>,
    shape: Shape,
    call: &Ident,
    options: &Options,
) -> usize {
    let kept = parameters.filter(|(_, ty)| !is_builder(ty)).map(|(name, _)| name.clone()).collect();
    let mut armer = Armer { shape, call, options, kept, visible: 0 };
    for stmt in body {
        armer.visit_stmt_mut(stmt);
    }
    armer.visible
}

/// Whether there is a visible send in `body`.
pub(crate) fn any(body: &[Stmt], shape: Shape) -> bool {
    let call = Ident::new("call", Span::call_site());
    arm(&mut body.to_vec(), std::iter::empty(), shape, &call, &Options::default()) > 0
}

struct Armer<'a> {
    shape: Shape,
    call: &'a Ident,
    options: &'a Options,
    /// Parameters that are not reqwest's builder, which are not moved for a look at them.
    kept: Vec<Ident>,
    visible: usize,
}

impl VisitMut for Armer<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        if matches!(expr, Expr::Closure(_) | Expr::Async(_) | Expr::Const(_)) {
            return;
        }
        visit_mut::visit_expr_mut(self, expr);
        let sent = match (self.shape.is_async(), &mut *expr) {
            (true, Expr::Await(future)) => &mut *future.base,
            (false, expr) => expr,
            _ => return,
        };
        match look(sent) {
            Some(Seen::Send) => self.send(sent),
            Some(Seen::Execute) => self.execute(expr),
            Some(Seen::Get) => self.get(expr),
            Some(Seen::Read) => {
                *expr = self.wrap("body", expr);
            }
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
    Execute,
    Get,
    Read,
}

/// What a call is, by its name and the number of its arguments. What is called on `self` is not reqwest's.
fn look(expr: &Expr) -> Option<Seen> {
    match expr {
        Expr::MethodCall(method) => match (method.method.to_string().as_str(), method.args.len()) {
            ("send", 0) if !is_self(&method.receiver) => Some(Seen::Send),
            ("execute", 1) if !is_self(&method.receiver) => Some(Seen::Execute),
            (name, arguments) if READS.contains(&name) && arguments <= 1 => Some(Seen::Read),
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
    // Input:
    //     http.get(url).send()
    //
    // Output:
    //     arm!(call, http.get(url)).send()
    fn send(&mut self, sent: &mut Expr) {
        self.visible += 1;
        if let Expr::MethodCall(ExprMethodCall { receiver, .. }) = sent
            && self.may_move(receiver)
        {
            **receiver = self.wrap("arm", receiver);
        }
    }

    // Input:
    //     self.http.execute(request.try_into()?).await
    //
    // Output:
    //     match executing!(self.http) {
    //         arming => arming.noted(
    //             self.http.execute(arming.arm(request.try_into()?, &mut call)).await,
    //             &mut call,
    //         ),
    //     }
    //
    // The type of the client decides, since that of the request may yet have to be inferred from it. A client
    // that is no place, such as `self.http()`, is bound to a name first.
    fn execute(&mut self, expr: &mut Expr) {
        self.visible += 1;
        let (call, span) = (self.call, start(expr));
        let executing = self.private("executing", span);
        let local = |name| Ident::new(name, Span::mixed_site());
        let (arming, bound) = (local("arming"), local("client"));
        let sent = match &mut *expr {
            Expr::Await(future) => &mut *future.base,
            sent => sent,
        };
        let Expr::MethodCall(ExprMethodCall { receiver, args, .. }) = sent else {
            return;
        };
        let request = &args[0];
        args[0] = parse_quote!(#arming.arm(#request, &mut #call));
        let temporary = if is_place(receiver) {
            None
        } else {
            Some(std::mem::replace(&mut **receiver, parse_quote!(#bound)))
        };
        let client = receiver.clone();
        let noted = quote_spanned! {span=>
            match #executing!(#client) {
                #arming => #arming.noted(#expr, &mut #call),
            }
        };
        *expr = match temporary {
            Some(temporary) => parse_quote_spanned!(span=> match #temporary { mut #bound => #noted }),
            None => parse_quote_spanned!(span=> #noted),
        };
    }

    // Input:
    //     reqwest::get(url).await
    //
    // Output:
    //     get!(call, reqwest::get(url).await)
    fn get(&mut self, expr: &mut Expr) {
        self.visible += 1;
        *expr = self.wrap("get", expr);
    }

    /// `expr` in one of our macros, located where `expr` begins: the user's mistakes in it are then reported
    /// where they are, and not at the attribute.
    fn wrap(&self, name: &str, expr: &Expr) -> Expr {
        let (span, call) = (start(expr), self.call);
        let path = self.private(name, span);
        parse_quote_spanned!(span=> #path!(#call, #expr))
    }

    fn private(&self, name: &str, span: Span) -> TokenStream {
        let krate = self.options.krate(span);
        let name = Ident::new(name, span);
        quote_spanned!(span=> #krate::__private::#name)
    }

    /// A place such as `self.x` cannot be moved out of. A local can: reqwest's builders are consumed anyway.
    fn may_move(&self, sender: &Expr) -> bool {
        match sender {
            Expr::Path(path) => path.path.get_ident().is_some_and(|name| !self.kept.contains(name)),
            Expr::Paren(paren) => self.may_move(&paren.expr),
            Expr::Group(group) => self.may_move(&group.expr),
            other => !is_place(other),
        }
    }
}

/// Where `expr` begins.
fn start(expr: &Expr) -> Span {
    expr.to_token_stream().into_iter().next().map_or_else(Span::call_site, |token| token.span())
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
