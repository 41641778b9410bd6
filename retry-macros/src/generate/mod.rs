//! Options and function → the loop.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Expr, Generics, Stmt, Type, parse_quote};

use crate::body::arguments::{self, Arguments, Surroundings};
use crate::body::moves::{self, Variable};
use crate::body::sends::{self, Sends};
use crate::diagnostics::Errors;
use crate::function::bindings::{self, Owned};
use crate::function::rename;
use crate::function::{self, Enclosed, Function, Shape};
use crate::generate::policy::PolicyTokens;
use crate::options::{self, Options};
use crate::paths::Private;
use crate::tokens::mentions;
use crate::walk;

mod docs;
pub(crate) mod impl_block;
mod placement;
mod policy;
mod retry;

pub(crate) use retry::retry;

/// The attribute. Where anything is wrong, all that is wrong and the item as it was written.
pub(crate) fn retry_http(attribute: &TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = options::parse(attribute.clone(), &mut errors);
    let expanded = match impl_block::parse(item) {
        Some(block) if options.transparent.is_some() => {
            placement::no_transparent_impl(&options, &block, &mut errors);
            None
        }
        Some(block) => impl_block::expand(attribute, &options, block, &mut errors),
        None => match function::parse(item.clone(), &mut errors) {
            Some(function) => match impl_block::behind_maybe_async(attribute, &options, &function) {
                Some(reordered) => Some(reordered),
                None if options.transparent.is_some() => transparent(&options, function, &mut errors),
                None => expand(&options, function, &mut errors),
            },
            None => None,
        },
    };
    match expanded {
        Some(expanded) if errors.is_empty() => match errors.predicate() {
            None => expanded,
            Some(mistaken) => {
                let (errors, not) = (errors.into_tokens(), mistaken.not());
                quote!(#errors #mistaken #item #not #expanded)
            }
        },
        _ => {
            let errors = errors.into_tokens();
            quote!(#errors #item)
        }
    }
}

/// `policy!`: an expression of type `Policy`.
pub(crate) fn policy(input: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = options::parse(input, &mut errors);
    placement::only_policy(&options, &mut errors);
    if errors.is_empty() {
        return policy::expression(&options);
    }
    let krate = options.krate(Span::call_site());
    let errors = errors.into_tokens();
    quote!({ #errors #krate::Policy::DEFAULT })
}

// Input:
//     async fn f(..) -> R { body }
//
// Output:
//     async fn f(..) -> R {
//         let mut call = Call::of(
//             Clock::Tokio,
//             &const { Declaration::visible("f", Policy::builder()..) },
//         );
//         loop {
//             let mut outcome = attempt(&mut call, async {
//                 if false { return unreachable_value::<R>(); }
//                 { body, its sends armed }
//             }).await;
//             let success = SuccessKind(outcome.as_ref()).success_kind();
//             if !call.try_end(&outcome, success) {
//                 let error = ErrorKind(&raw const outcome);
//                 outcome = match error.conclude(&mut call, outcome, success) {
//                     Some(outcome) => outcome,
//                     None => continue,
//                 };
//             }
//             call.forget();
//             return outcome;
//         }
//     }
//
// The body stays in a scope of its own, so `return`, `?`, shadowing and inner items mean what they
// meant. With `reauth = EXPR` a 401 may start a renewal before the attempt is concluded, see
// `renewal`. With `observer = EXPR` the call emits events to it; with `upstream = EXPR` each
// attempt waits until the upstream admits it. `unreachable_value::<R>()` fixes the type of the
// body, so that coercions work and a mismatch is reported where it is. A method is called on the
// outcome first, so that an outcome that is no `Result` is one error, not two. The outcome is moved
// to where two `return`s meet, and for a destructor before a `return`: so there is one `return`
// beside that of a renewal, and the call is forgotten before it. A sync body runs as
// `attempt_blocking(&mut call, || -> R { body })`, on `Clock::System`. All names of ours are
// hygienic.
fn expand(options: &Options, mut function: Function, errors: &mut Errors) -> Option<TokenStream> {
    placement::no_skip(options, errors);
    let shape = function.shape(errors)?;
    let calls = sends::calls_anything(&mut function.body);
    let private = options.krate(Span::call_site()).private();
    let result = function.result().clone();
    let generics = function.sig.generics.clone();
    let parameters = function.parameters();
    let receiver = function.has_renamed_self().then(|| Ident::new("__self", Span::call_site()));
    let returned = match (&function.sig.output, shape) {
        (syn::ReturnType::Type(_, output), Shape::Wrapped { boxed: true }) => Some((**output).clone()),
        _ => None,
    };
    let output = returned.as_ref();
    let name = format!("::{}", function.sig.ident.unraw());
    let path = quote!(::core::concat!(::core::module_path!(), #name));
    let outside = matches!(shape, Shape::Block | Shape::Closure);
    let by_value = function.sig.receiver().filter(|receiver| bindings::is_by_value(receiver)).cloned();
    let by_value =
        by_value.filter(|receiver| !outside || is_taken_in_block(&mut function, receiver, private));
    let looped = Loop {
        options,
        path: &path,
        shape,
        output,
        receiver,
        converted: by_value.as_ref().map(|_| bindings::self_by_value()),
        result: Some(&result),
        generics: Some(&generics),
        parameters: &parameters,
        private,
        braces: function.brace.span.join(),
    };

    let beside = beside(options);
    let surroundings = Surroundings { generics: &generics, shape, beside: &beside, options };
    let (arguments, sends);
    if outside {
        let Enclosed { before, body, mut owned } = function.block();
        let mut once = TokenStream::new();
        let receiver = by_value.as_ref();
        owned.extend(receiver.map(|receiver| bindings::receiver_in_block(receiver, before, body, &mut once)));
        arguments = arguments::plan(&owned, body, surroundings, errors);
        let tokens;
        (tokens, sends) = looped.around(body, &owned, &once, &arguments);
        *body = vec![Stmt::Expr(Expr::Verbatim(tokens), None)];
    } else {
        let (mut once, mut eager) = (TokenStream::new(), TokenStream::new());
        if let Shape::Wrapped { .. } = shape {
            for (predicate, name, referent) in function.shorter_lived() {
                eager.extend(quote!(#predicate let #name = #private::own_argument(#name);));
                once.extend(
                    quote!(#predicate let #name: &#referent = ::core::borrow::Borrow::borrow(&#name);),
                );
            }
        }
        let owned = bindings::owned(&mut function.sig, &mut function.body, &mut once);
        arguments = arguments::plan(&owned, &mut function.body, surroundings, errors);
        let tokens;
        (tokens, sends) = looped.around(&mut function.body, &owned, &once, &arguments);
        let tokens = match shape {
            Shape::Wrapped { boxed: true } => quote!(#eager ::std::boxed::Box::pin(async move { #tokens })),
            Shape::Wrapped { boxed: false } => quote!(#eager async move { #tokens }),
            _ => tokens,
        };
        function.body = vec![Stmt::Expr(Expr::Verbatim(tokens), None)];
    }

    if sends == Sends::OnlyGet || !calls {
        placement::needs_send(options, &format!("`{}`", function.sig.ident), sends, errors);
    }
    arguments.strip_mut(&mut function.sig, &mut function.body);
    // The user's function would look as if it could be an `async fn`, which it may not be, and as
    // if it returned a `Result`.
    let allow = matches!(shape, Shape::Wrapped { .. })
        .then(|| quote!(#[allow(clippy::manual_async_fn, clippy::missing_errors_doc)]));
    let docs = docs::section(options, &arguments, sends);
    Some(function.to_tokens_with(&quote!(#docs #allow)))
}

/// Returns `true` if a block of `function` may consume or change `receiver`, and no statement
/// before the block takes a field of it.
fn is_taken_in_block(function: &mut Function, receiver: &syn::Receiver, private: Private<'_>) -> bool {
    let Enclosed { before, body, owned } = function.block();
    if owned.iter().any(|owned| owned.is_receiver) {
        return false;
    }
    let uses_in = |stmts: &[Stmt]| {
        let name = Ident::from(receiver.self_token);
        let variable = Variable { name, is_converted: false, clones_fields: false };
        moves::of(vec![variable], private, &mut stmts.to_vec()).remove(0)
    };
    let used = uses_in(body);
    let is_changed = receiver.mutability.is_some() && used.is_used();
    !uses_in(before).takes_fields && (used.is_consumed() || is_changed)
}

// Input:
//     #[retry_http(transparent)]
//     async fn request(&self, builder: RequestBuilder) -> R { body }
//
// Output:
//     async fn request(&self, builder: RequestBuilder) -> R { body, its sends armed }
fn transparent(options: &Options, mut function: Function, errors: &mut Errors) -> Option<TokenStream> {
    placement::transparent(options, errors);
    let transparent = options.transparent.as_ref()?;
    function.only_attribute(errors)?;
    function.blocking_allowed(errors)?;
    if !sends::calls_anything(&mut function.body) {
        errors.at(
            transparent,
            format!(
                "`{}` sends nothing and calls nothing, so there is nothing to see in it: remove `transparent`",
                function.sig.ident
            ),
        );
        return None;
    }
    let parameters = function.parameters();
    let shape = if function.sig.asyncness.is_some() { Shape::Async } else { Shape::Sync };
    sends::arm(&mut function.body, &parameters, &[], shape, options);
    Some(function.into_token_stream())
}

/// Returns the values of options that are evaluated beside the body.
fn beside(options: &Options) -> TokenStream {
    let values =
        [&options.reauth, &options.retry_if, &options.never_if, &options.observer, &options.upstream];
    let mut beside = TokenStream::new();
    for value in values {
        value.to_tokens(&mut beside);
    }
    beside
}

/// All that the loop around a body depends on.
struct Loop<'f> {
    options: &'f Options,
    /// The expression of the name that events have.
    path: &'f TokenStream,
    shape: Shape,
    /// The return type of the function, if it is a box.
    output: Option<&'f Type>,
    /// The name of `self` in the body, if another attribute has renamed it.
    receiver: Option<Ident>,
    /// The name of `self` after the conversions, if it is taken by value.
    converted: Option<Ident>,
    /// The type of an outcome, if it is written.
    result: Option<&'f Type>,
    /// The generics of the function, if they are known.
    generics: Option<&'f Generics>,
    parameters: &'f [(Ident, Type)],
    private: Private<'f>,
    /// Where the braces of the body are.
    braces: Span,
}

impl Loop<'_> {
    fn around(
        &self,
        body: &mut Vec<Stmt>,
        owned: &[Owned],
        once: &TokenStream,
        arguments: &Arguments,
    ) -> (TokenStream, Sends) {
        let Self { options, shape, private, .. } = self;
        let Arguments { once: converted, each, inside, .. } = arguments;

        let local = |name| Ident::new(name, Span::mixed_site());
        let (call, outcome) = (local("call"), local("outcome"));
        let sends = sends::arm(body, self.parameters, owned, *shape, options);
        let result = self.result.map(erased);

        // Where the return type is the mistake, it is pointed at.
        let span = self.result.map_or(self.braces, Spanned::span);
        let spanned = options.krate(span).private();
        let pin = result.as_ref().map(|result| {
            quote_spanned! {span=>
                if false {
                    return #spanned::unreachable_value::<#result>();
                }
            }
        });
        // Where the user's braces are, but not of their context, or lints would take them for the
        // user's.
        let mut braces = Group::new(Delimiter::Brace, quote!(#(#body)*));
        braces.set_span(Span::mixed_site().located_at(self.braces));
        let body = braces;
        let reauth = options.reauth.as_ref();
        let attempt = if shape.is_async() {
            let block = if let Shape::Wrapped { .. } = shape {
                // The type lets branches of different futures be what they are boxed as.
                let output = self.output.map(|output| quote!(-> #output));
                quote!(#inside #pin #private::call_once(|| #output #body).await)
            } else {
                quote!(#inside #pin #body)
            };
            let (run, block) = (Ident::new("async", Span::call_site()), Group::new(Delimiter::Brace, block));
            quote_spanned!(span=> #spanned::attempt(&mut #call, #run #block).await)
        } else {
            let result = result.map(|result| quote!(-> #result));
            let run = quote!(|| #result { #inside #body });
            quote_spanned!(span=> #spanned::attempt_blocking(&mut #call, #run))
        };
        let with_self_as = |name: Option<&Ident>, tokens: TokenStream| match name {
            Some(name) => rename::with_self_as(name, tokens),
            None => tokens,
        };
        let renamed = |tokens| with_self_as(self.converted.as_ref().or(self.receiver.as_ref()), tokens);
        let name = local("lent");
        let CallConfig { bound, lending, with, admission } = self.call_config(&call, &name, &renamed);
        let Start { bind, lent, call: start } = self.start(sends, &name);
        let forget = lent.as_ref().map(|_| quote!(#name.forget();));
        let lent = lent.map(|lent| quote!(let mut #name = #lent; #lending));
        let bind = with_self_as(self.receiver.as_ref(), bind);
        let predicate =
            |predicate: &Option<Expr>| predicate.as_ref().map(|expr| renamed(expr.to_token_stream()));
        // No code of the user's runs in the scope of an attempt, except for the body.
        let leave = (shape.is_async() && !each.is_empty()).then(|| quote!(#call.leave_for_arguments();));
        let success = local("success");
        let retry_if =
            predicate(&options.retry_if).map(|retry_if| quote!(#call.ask_retry_if(&#outcome, #retry_if);));
        // Before a renewal, which this forbids as well.
        let never_if =
            predicate(&options.never_if).map(|never_if| quote!(#call.ask_never_if(&#outcome, #never_if);));
        let renew = reauth.map(|reauth| self.renewal(reauth, &renamed, &call, &outcome));
        let mut conclude = quote! {
            #never_if
            #renew
            #retry_if
            #outcome = match #private::ErrorKind(&raw const #outcome).conclude(&mut #call, #outcome, #success) {
                ::core::option::Option::Some(#outcome) => #outcome,
                ::core::option::Option::None => continue,
            };
        };
        // Predicates and renewals are asked about a success, too.
        if never_if.is_none() && renew.is_none() && retry_if.is_none() {
            let conclude_block = Group::new(Delimiter::Brace, conclude);
            conclude = quote!(if !#call.try_end(&#outcome, #success) #conclude_block);
        }
        // What runs after the attempt may use the arguments, and not what the attempt was given of
        // them.
        let nothing = TokenStream::new();
        let (each, attempt) = if reauth.is_some() || self.is_asked_about(owned) {
            (&nothing, quote!({ #each #attempt }))
        } else {
            (each, attempt)
        };
        let tokens = quote! {
            #bind
            #once
            #converted
            #bound
            #lent
            let mut #call = #start;
            #with
            #leave
            loop {
                #admission
                #each
                let mut #outcome = #attempt;
                let #success = #private::SuccessKind(#outcome.as_ref()).success_kind();
                #conclude
                #call.forget();
                #forget
                return #outcome;
            }
        };
        (tokens, sends)
    }
}

impl Loop<'_> {
    /// Returns `true` if a predicate over outcomes mentions one of `owned`.
    fn is_asked_about(&self, owned: &[Owned]) -> bool {
        let predicates = [&self.options.retry_if, &self.options.never_if];
        predicates.into_iter().flatten().any(|predicate| {
            let tokens = predicate.to_token_stream();
            owned.iter().any(|owned| mentions(tokens.clone(), &owned.name))
        })
    }
}

/// The tokens that start a call.
struct Start {
    /// The bindings before the loop.
    bind: TokenStream,
    /// The value that the function lends to the call, if it lends anything.
    lent: Option<TokenStream>,
    /// The call itself.
    call: TokenStream,
}

impl Loop<'_> {
    /// Returns the clock that the calls wait on.
    fn clock(&self) -> Ident {
        Ident::new(if self.shape.is_async() { "Tokio" } else { "System" }, Span::call_site())
    }

    fn start(&self, sends: Sends, lent: &Ident) -> Start {
        let Self { options, path, private, .. } = self;
        let clock = self.clock();
        let function = match sends {
            Sends::Hidden => Some(quote! {{
                static HAS_RECORDED: #private::HasRecorded = #private::HasRecorded::new();
                static FUNCTION: #private::Function = #private::Function::hidden(#path, &HAS_RECORDED);
                &FUNCTION
            }}),
            // Renewals know their functions by the address, which only a static has alone.
            Sends::Visible | Sends::OnlyGet if options.reauth.is_some() => Some(quote! {{
                static FUNCTION: #private::Function = #private::Function::visible(#path);
                &FUNCTION
            }}),
            Sends::Visible | Sends::OnlyGet => None,
        };
        let visible = || quote!(&const { #private::Function::visible(#path) });
        // A function that lends something starts its calls by `start_lender` instead of `start`.
        let lends = options.observer.is_some() || options.upstream.is_some();
        let of_constant = |start: &str, of: TokenStream| {
            let name = if lends { format_ident!("{start}_lender") } else { format_ident!("{start}") };
            let lent = lends.then(|| quote!(, &mut #lent));
            Start {
                bind: TokenStream::new(),
                lent: lends.then(|| quote!(#private::Lent::new())),
                call: quote!(#private::Call::#name(#private::Clock::#clock, #of #lent)),
            }
        };
        match (policy::of_function(options, self.generics), function) {
            // One constant for both costs the least compile time.
            (PolicyTokens::Literals(builder), None) => {
                of_constant("of", quote!(&const { #private::Declaration::visible(#path, #builder) }))
            }
            (PolicyTokens::Literals(builder), Some(function)) => {
                of_constant("start", quote!(#function, &const { #builder.__trusted() }))
            }
            (PolicyTokens::Constant(policy), function) => {
                let function = function.unwrap_or_else(visible);
                of_constant("start", quote!(#function, &const { #policy }))
            }
            (PolicyTokens::Reference(policy), function) => {
                let function = function.unwrap_or_else(visible);
                of_constant("start", quote!(#function, #policy))
            }
            (PolicyTokens::Bound { bindings: bind, policy }, function) => {
                let function = function.unwrap_or_else(visible);
                let start = quote!(#private::Call::borrow(#private::Clock::#clock, #function, &mut #lent));
                Start { bind, lent: Some(quote!(#private::Lent::of_policy(#policy))), call: start }
            }
        }
    }
}

/// The tokens that configure a call, apart from its policy.
struct CallConfig {
    /// Binds the values before the call begins.
    bound: TokenStream,
    /// Lends them to the call.
    lending: TokenStream,
    /// Configures the call once it has begun.
    with: TokenStream,
    /// Waits before each attempt.
    admission: Option<TokenStream>,
}

impl Loop<'_> {
    fn call_config(
        &self,
        call: &Ident,
        lent: &Ident,
        renamed: &dyn Fn(TokenStream) -> TokenStream,
    ) -> CallConfig {
        let Self { options, shape, private, .. } = self;
        let clock = self.clock();
        let (mut bound, mut lending) = (TokenStream::new(), TokenStream::new());
        let mut pass = |name: &str, value: &Expr, clock: Option<TokenStream>| {
            let span = value.span();
            let method = format_ident!("set_{name}", span = span);
            let name = Ident::new(name, Span::mixed_site().located_at(span));
            let closure = matches!(value, Expr::Closure(_)).then(|| {
                let private = options.krate(span).private();
                quote_spanned!(span=> #private::observer)
            });
            let tokens = renamed(value.to_token_stream());
            bound.extend(quote_spanned!(span=> let #name = &#closure(#tokens);));
            // Each use of a `const` would be another upstream, and this only compiles for a static.
            if clock.is_some() && policy::is_constant(value) {
                let private = options.krate(span).private();
                bound.extend(
                    quote_spanned!(span=> #private::UpstreamKind(&raw const *#name).in_static(#name);),
                );
            }
            lending.extend(quote_spanned!(span=> #lent.#method(#clock #name);));
        };
        if let Some(observer) = &options.observer {
            pass("observer", observer, None);
        }
        if let Some(upstream) = &options.upstream {
            pass("upstream", upstream, Some(quote!(#private::Clock::#clock,)));
        }
        let mut with = TokenStream::new();
        if options.reauth.is_some() {
            with.extend(quote!(#call.count_renewals();));
        }
        if options.retry_if.is_some() {
            with.extend(quote!(#call.read_all_hints();));
        }
        let admission = options.upstream.as_ref().map(|_| {
            if shape.is_async() {
                quote!(if #call.asks_for_admission() { #call.wait_for_admission().await; })
            } else {
                quote!(#call.wait_for_admission_blocking();)
            }
        });
        CallConfig { bound, lending, with, admission }
    }

    // Input:
    //     reauth = self.login()
    //
    // Output:
    //     if ErrorKind(&raw const outcome).start_renewal(&mut call, &outcome, success) {
    //         let renewal = async { match self.login() { renewal => .. } };
    //         if !call.run_renewal(Box::pin(renewal)).await {
    //             return outcome;
    //         }
    //         call.begin_wait_after_renewal(outcome, success);
    //         continue;
    //     }
    //
    // In a box, since the happy path is not to carry it; a `match`, since what it borrows must live
    // as long. Where the expression is wrong, it is pointed at.
    fn renewal(
        &self,
        reauth: &Expr,
        renamed: &dyn Fn(TokenStream) -> TokenStream,
        call: &Ident,
        outcome: &Ident,
    ) -> TokenStream {
        let span = reauth.span();
        let (ours, private) = (self.private, self.options.krate(span).private());
        let local = |name| Ident::new(name, Span::mixed_site().located_at(span));
        let (renewal, kind) = (local("renewal"), local("kind"));
        let is_block = matches!(reauth, Expr::Block(_));
        let reauth = renamed(reauth.to_token_stream());
        let success = Ident::new("success", Span::mixed_site());
        let run = if self.shape.is_async() {
            let renewed = quote_spanned! {span=>
                let #kind = #private::Kind(&raw const #renewal).renewal_kind();
                #kind.renewed(#renewal).await
            };
            // A block lends nothing, and lints have an eye on blocks that are matched.
            let renewed = if is_block {
                quote_spanned!(span=> let #renewal = #reauth; #renewed)
            } else {
                // In parentheses, or the braces of a struct would be those of the `match`; not the
                // user's, or lints would see them.
                let mut matched = Group::new(Delimiter::Parenthesis, reauth);
                matched.set_span(Span::mixed_site());
                quote_spanned!(span=> match #matched { #renewal => { #renewed } })
            };
            quote_spanned!(span=> #call.run_renewal(::std::boxed::Box::pin(async { #renewed })).await)
        } else {
            quote_spanned!(span=> #call.run_renewal_blocking(|| #private::Renewed::renewed(#reauth)))
        };
        quote! {
            if #ours::ErrorKind(&raw const #outcome).start_renewal(&mut #call, &#outcome, #success) {
                if !#run {
                    return #outcome;
                }
                #call.begin_wait_after_renewal(#outcome, #success);
                continue;
            }
        }
    }
}

/// `impl Trait` cannot be written inside of a body; `_` stands for it.
fn erased(output: &Type) -> Type {
    let mut output = output.clone();
    erase(&mut output);
    output
}

fn erase(ty: &mut Type) {
    if matches!(ty, Type::ImplTrait(_)) {
        *ty = parse_quote!(_);
    } else {
        walk::parts_mut(ty, &mut erase);
    }
}
