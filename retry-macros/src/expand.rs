//! Options and function → the loop.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Type, parse_quote};

use crate::errors::Errors;
use crate::function::{self, Function, Shape};
use crate::options::{self, Options};
use crate::{check, sends};

/// The attribute. Where anything is wrong, all that is wrong and the item as it was written.
pub(crate) fn retry_http(attribute: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = options::parse(attribute, &mut errors);
    check::check(&options, &mut errors);
    let function = function::parse(item.clone(), &mut errors);
    let shape = function.as_ref().and_then(|function| function.shape(&mut errors));
    match (function, shape) {
        (Some(function), Some(shape)) if errors.is_empty() => expand(&options, function, shape),
        _ => {
            let errors = errors.into_tokens();
            quote!(#errors #item)
        }
    }
}

// Input:
//     async fn f(..) -> R { body }
//
// Output:
//     async fn f(..) -> R {
//         let mut call = Call::start(&POLICY);
//         loop {
//             let outcome = is_result(async {
//                 if let Some(outcome) = None::<R> { return outcome; }
//                 { body, its visible sends armed }
//             }.await);
//             let outcome = observe!(call, outcome);
//             match call.next() {
//                 Some(wait) => pause!(outcome, wait).await,
//                 None => return outcome,
//             }
//         }
//     }
//
// The body stays in a scope of its own, so `return`, `?`, shadowing and inner items mean what they meant.
// `None::<R>` pins the type, so that coercions work and a mismatch is reported where it is. A sync body is
// run as `(|| -> R { body })()` and the wait blocks. All names of ours are hygienic.
fn expand(options: &Options, mut function: Function, shape: Shape) -> TokenStream {
    let krate = options.krate(Span::call_site());
    let local = |name| Ident::new(name, Span::mixed_site());
    let (call, outcome, wait) = (local("call"), local("outcome"), local("wait"));

    let visible = sends::arm(&mut function, shape, &call, options);
    let output = function.output();
    let result = erased(output);
    let policy = options.policy();
    // Where the return type is the mistake, it is pointed at.
    let at_output = options.krate(output.span());
    let informs = (visible == 0).then(|| {
        let informs = quote_spanned!(output.span()=> #at_output::__private::informs!(#outcome));
        quote!(let #outcome = #informs;)
    });

    let Function { attrs, vis, sig, brace, inner_attrs, body } = &function;
    let mut block = TokenStream::new();
    brace.surround(&mut block, |tokens| tokens.extend(quote!(#(#body)*)));

    let pin = quote_spanned! {output.span()=>
        if let ::core::option::Option::Some(#outcome) = ::core::option::Option::None::<#result> {
            return #outcome;
        }
    };
    let (attempt, pause) = match shape {
        Shape::Async => {
            (quote!(async { #pin #block }.await), quote!(#krate::__private::pause!(#outcome, #wait).await))
        }
        Shape::Sync => (quote!((|| -> #result #block)()), quote!(#krate::__private::block!(#outcome, #wait))),
    };
    let attempt = quote_spanned!(output.span()=> #at_output::__private::is_result(#attempt));
    quote! {
        #(#attrs)*
        #vis #sig {
            #(#inner_attrs)*
            let mut #call = #krate::__private::Call::start(#policy);
            loop {
                let #outcome = #attempt;
                #informs
                let #outcome = #krate::__private::observe!(#call, #outcome);
                match #call.next() {
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
