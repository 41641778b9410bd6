//! `retry!`: options and a block → an expression with the loop in it.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Expr, Generics};

use crate::body::arguments::Surroundings;
use crate::body::arguments::captures::{self, Captured};
use crate::body::sends::{self, Sends};
use crate::diagnostics::Errors;
use crate::function::Shape;
use crate::function::block::{self, Block, Input};
use crate::generate::{Loop, beside, placement};
use crate::options::{self, Options};

/// `retry!`. Where anything is wrong, all that is wrong, and the block as it was written.
pub(crate) fn retry(input: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let Input { options, block } = block::split(input, &mut errors);
    let options = options::parse(options, &mut errors);
    placement::only_block(&options, &mut errors);
    let Some(parsed) = Block::parse(block.clone(), &mut errors) else {
        // Half-typed code stays, so that editors complete it; the compiler says what is wrong in
        // it.
        let block = Some(block).filter(|block| syn::parse2::<Expr>(block.clone()).is_err());
        let errors = errors.into_tokens();
        return quote!({ #errors #block });
    };
    let block = parsed;
    let once = run_once(&options, &block);
    let expanded = expand(&options, block, &mut errors);
    if errors.is_empty() {
        return expanded;
    }
    let errors = errors.into_tokens();
    quote!({ #errors #once })
}

// Input:
//     retry!(max = 5; async move { body })
//
// Output:
//     async move {
//         let mut call = ..;
//         loop { .. }
//     }
//
// The loop is that of the attribute. A closure is run at once, as `call_once(move || { .. })`. The
// generics in scope are not known, so constant expressions stay where they may use them.
fn expand(options: &Options, mut block: Block, errors: &mut Errors) -> TokenStream {
    let private = options.krate(Span::call_site()).private();
    let path = quote!(::core::concat!(::core::module_path!(), ":", ::core::line!()));
    let calls = sends::calls_anything(&mut block.body);
    let (generics, beside) = (Generics::default(), beside(options));
    let surroundings = Surroundings { generics: &generics, shape: block.shape, beside: &beside, options };
    let Captured { variables, arguments } = captures::plan(&mut block.body, surroundings);
    let looped = Loop {
        options,
        path: &path,
        shape: block.shape,
        output: None,
        receiver: None,
        converted: None,
        result: block.result.as_ref(),
        generics: None,
        parameters: &[],
        private,
        braces: block.brace.span.join(),
    };
    let (tokens, sends) = looped.around(&mut block.body, &variables, &TokenStream::new(), &arguments);
    if sends == Sends::OnlyGet || !calls {
        placement::needs_send(options, "the block", sends, errors);
    }
    run(options, &block, &tokens)
}

/// Runs the body of a block once.
fn run_once(options: &Options, block: &Block) -> TokenStream {
    let (body, private) = (&block.body, options.krate(Span::call_site()).private());
    let pin = block
        .result
        .as_ref()
        .filter(|_| block.shape == Shape::Async)
        .map(|result| quote!(if false { return #private::unreachable_value::<#result>(); }));
    run(options, block, &quote!(#pin { #(#body)* }))
}

/// Runs tokens in the place of the body of a block.
fn run(options: &Options, block: &Block, tokens: &TokenStream) -> TokenStream {
    let Block { shape, capture, result, brace, .. } = block;
    let span = Span::mixed_site().located_at(brace.span.join());
    if shape.is_async() {
        return quote_spanned!(span=> async #capture { #tokens });
    }
    let private = options.krate(Span::call_site()).private();
    let result = result.as_ref().map(|result| quote!(-> #result));
    quote_spanned!(span=> #private::call_once(#capture || #result { #tokens }))
}
