//! Whatever the tokens are, the item is still there. `fuzz/` checks it by this file as well.

use proc_macro2::TokenStream;

use crate::generate;

/// Expands, and checks that the item is there and that what was Rust still is.
pub(crate) fn expand(attribute: &TokenStream, item: &TokenStream) {
    let expanded = generate::retry_http(attribute, item);
    match syn::parse2::<syn::File>(item.clone()) {
        // An item does not begin with an inner attribute.
        Ok(file) if !file.attrs.is_empty() => {}
        Ok(file) => {
            let Ok(expanded) = syn::parse2::<syn::File>(expanded.clone()) else {
                panic!("what was Rust is none any more: {expanded}");
            };
            for name in file.items.iter().filter_map(name) {
                assert!(
                    expanded.items.iter().filter_map(self::name).any(|kept| kept == name),
                    "{name} is lost"
                );
            }
        }
        // A method with a receiver is none of a file.
        Err(_) if syn::parse2::<syn::ImplItem>(item.clone()).is_ok() => {
            let block = format!("impl X {{ {expanded} }}").parse().expect("tokens");
            let kept = syn::parse2::<syn::ItemImpl>(block).is_ok();
            assert!(
                kept || expanded.to_string().ends_with(&item.to_string()),
                "what was Rust is none: {expanded}"
            );
        }
        Err(_) => assert!(expanded.to_string().ends_with(&item.to_string()), "the item is lost: {expanded}"),
    }
}

fn name(item: &syn::Item) -> Option<String> {
    match item {
        syn::Item::Fn(function) => Some(function.sig.ident.to_string()),
        syn::Item::Struct(item) => Some(item.ident.to_string()),
        syn::Item::Trait(item) => Some(item.ident.to_string()),
        _ => None,
    }
}
