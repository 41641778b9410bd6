//! Options and function → the loop.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Generics, Stmt, Type, parse_quote};

use crate::arguments::{self, Arguments, Owned};
use crate::errors::Errors;
use crate::function::{self, Function, Shape};
use crate::options::{self, Options};
use crate::{check, client, docs, sends};

/// The attribute. Where anything is wrong, all that is wrong and the item as it was written.
pub(crate) fn retry_http(attribute: &TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = options::parse(attribute.clone(), &mut errors);
    check::check(&options, &mut errors);
    let expanded = match client::parse(item) {
        Some(block) => client::expand(attribute, &options, block, &mut errors),
        None => match function::parse(item.clone(), &mut errors) {
            Some(function) => match client::after_others(attribute, &options, &function) {
                Some(reordered) => Some(reordered),
                None => expand(&options, function, &mut errors),
            },
            None => None,
        },
    };
    match expanded {
        Some(expanded) if errors.is_empty() => expanded,
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
    check::check(&options, &mut errors);
    check::only_policy(&options, &mut errors);
    if errors.is_empty() {
        return options.constant();
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
//         let mut call = Call::start(&POLICY);
//         loop {
//             let attempted = attempt(async {
//                 if let Some(outcome) = None::<R> { return outcome; }
//                 { body, its visible sends armed }
//             }).await;
//             let (outcome, wait) = settle!(call, attempted);
//             match wait {
//                 Some(wait) => pause!(outcome, wait).await,
//                 None => return outcome,
//             }
//         }
//     }
//
// The body stays in a scope of its own, so `return`, `?`, shadowing and inner items mean what they meant.
// `None::<R>` pins the type, so that coercions work and a mismatch is reported where it is. A sync body is run
// as `attempt_blocking(|| -> R { body })` and the wait blocks. All names of ours are hygienic.
fn expand(options: &Options, mut function: Function, errors: &mut Errors) -> Option<TokenStream> {
    check::no_skip(options, errors);
    let shape = function.shape(errors)?;
    let krate = options.krate(Span::call_site());
    let private = quote!(#krate::__private);
    let result = function.result().clone();
    let generics = function.sig.generics.clone();
    let parameters: Vec<(Ident, Type)> =
        function.parameters().map(|(name, ty)| (name.clone(), ty.clone())).collect();
    let looped =
        Loop { options, shape, result: &result, generics: &generics, parameters: &parameters, private };

    let mut cloned = Vec::new();
    if shape == Shape::Block {
        let (body, owned) = function.block();
        let tokens = looped.around(body, &owned, &TokenStream::new(), &mut cloned, errors);
        *body = vec![Stmt::Expr(syn::Expr::Verbatim(tokens), None)];
    } else {
        let mut once = TokenStream::new();
        let owned = arguments::owned(&function.sig, &mut function.body, &mut once);
        let tokens = looped.around(&mut function.body, &owned, &once, &mut cloned, errors);
        let tokens = match shape {
            Shape::Wrapped { boxed: true } => quote!(::std::boxed::Box::pin(async move { #tokens })),
            Shape::Wrapped { boxed: false } => quote!(async move { #tokens }),
            _ => tokens,
        };
        function.body = vec![Stmt::Expr(syn::Expr::Verbatim(tokens), None)];
    }

    let docs = docs::section(&cloned);
    let Function { attrs, vis, sig, brace, inner_attrs, body } = &function;
    let mut block = TokenStream::new();
    brace.surround(&mut block, |tokens| tokens.extend(quote!(#(#inner_attrs)* #(#body)*)));
    Some(quote!(#(#attrs)* #docs #vis #sig #block))
}

/// All that the loop around a body depends on.
struct Loop<'f> {
    options: &'f Options,
    shape: Shape,
    result: &'f Type,
    generics: &'f Generics,
    parameters: &'f [(Ident, Type)],
    private: TokenStream,
}

impl Loop<'_> {
    fn around(
        &self,
        body: &mut [Stmt],
        owned: &[Owned],
        once: &TokenStream,
        cloned: &mut Vec<String>,
        errors: &mut Errors,
    ) -> TokenStream {
        let Self { options, shape, private, .. } = self;
        let Arguments { once: converted, each, inside, cloned: names } =
            arguments::plan(owned, body, self.generics, private, errors);
        *cloned = names;

        let local = |name| Ident::new(name, Span::mixed_site());
        let (call, attempted, outcome, wait) =
            (local("call"), local("attempted"), local("outcome"), local("wait"));
        let parameters = self.parameters.iter().map(|(name, ty)| (name, ty));
        let visible = sends::arm(body, parameters, *shape, &call, options);
        let result = erased(self.result);

        // Where the return type is the mistake, it is pointed at.
        let span = self.result.span();
        let krate = options.krate(span);
        let pin = quote_spanned! {span=>
            if let ::core::option::Option::Some(#outcome) = ::core::option::Option::None::<#result> {
                return #outcome;
            }
        };
        let attempt = match shape {
            Shape::Async | Shape::Block => {
                quote_spanned!(span=> #krate::__private::attempt(async { #inside #pin { #(#body)* } }).await)
            }
            Shape::Wrapped { .. } => {
                quote_spanned!(span=> #krate::__private::attempt(async { #inside #pin (|| { #(#body)* })().await }).await)
            }
            Shape::Sync => {
                quote_spanned!(span=> #krate::__private::attempt_blocking(|| -> #result { #inside { #(#body)* } }))
            }
        };
        let pause = if shape.is_async() {
            quote!(#private::pause!(#outcome, #wait).await)
        } else {
            quote!(#private::block!(#outcome, #wait))
        };
        let informs = (visible == 0 && options.retry_if.is_none()).then(|| {
            let informs = quote_spanned!(span=> #krate::__private::informs!(#attempted));
            quote!(let #attempted = #informs;)
        });
        let retry_if = options.retry_if.as_ref().map(|retry_if| quote!(, #retry_if));
        let (bind, policy) = options.policy(self.generics);
        quote! {
            #bind
            #once
            #converted
            let mut #call = #private::Call::start(#policy);
            loop {
                #each
                let #attempted = #attempt;
                #informs
                let (#outcome, #wait) = #private::settle!(#call, #attempted #retry_if);
                match #wait {
                    ::core::option::Option::Some(#wait) => #pause,
                    ::core::option::Option::None => return #outcome,
                }
            }
        }
    }
}

/// `impl Trait` cannot be written inside of a body; `_` stands for it.
fn erased(output: &Type) -> Type {
    struct Erase;

    impl VisitMut for Erase {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            if matches!(ty, Type::ImplTrait(_)) {
                *ty = parse_quote!(_);
            } else {
                visit_mut::visit_type_mut(self, ty);
            }
        }
    }

    let mut output = output.clone();
    Erase.visit_type_mut(&mut output);
    output
}
