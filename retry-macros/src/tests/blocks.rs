//! Snapshots of `retry!`. Regenerate with `UPDATE_EXPECT=1`.

#![allow(clippy::needless_raw_string_hashes, reason = "snapshots as expect-test writes them")]

use expect_test::{Expect, expect};
use proc_macro2::TokenStream;
use quote::quote;

use crate::generate::retry;

/// Compares the expansion of what `retry!` is given.
#[expect(clippy::needless_pass_by_value, reason = "a literal at every call")]
fn check(input: TokenStream, expected: Expect) {
    let call = retry(input);
    let file = syn::parse2(quote!(const _: () = #call;)).expect("an expansion parses");
    expected.assert_eq(&prettyplease::unparse(&file));
}

#[test]
fn a_block() {
    check(
        quote!(max = MAX; async move { http.post(url).body(order.items).send().await?.json().await }),
        expect![[r#""#]],
    );
}

#[test]
#[cfg(feature = "blocking")]
fn a_closure() {
    check(quote!(|| -> Result<String, ApiError> { fetch(url) }), expect![[r#""#]]);
}

#[test]
#[cfg(not(feature = "blocking"))]
fn a_closure_without_blocking() {
    check(quote!(|| http.get(url).send()), expect![[r#""#]]);
}

#[test]
fn a_block_with_mistakes_is_run_once() {
    check(quote!(max = 0, tries = 2; async || -> Result<String, ApiError> { fetch(url).await }), expect![[r#""#]]);
}

#[test]
fn names_that_are_no_variables() {
    let untouched = [
        quote!({
            fn parse() {}
            list.map(parse)
        }),
        quote!({
            use text::parse;
            list.map(parse)
        }),
        quote!({ list.map(drop) }),
        quote!({
            bind!(user);
            find(user)
        }),
        quote!({
            let user = user();
            find(user)
        }),
        quote!({ find(USER, User, self) }),
        quote!({
            count += 1;
            find(count)
        }),
        quote!({
            fill(&mut page);
            find(page)
        }),
        quote!({
            page.items[0] = 1;
            find(page)
        }),
    ];
    for block in untouched {
        let expanded = retry(quote!(async #block)).to_string();
        assert!(!expanded.contains("Slot"), "{expanded}");
    }
    let taken = [
        quote!({ find(user) }),
        quote!({ spawn(async move { user.name() }) }),
        quote!({ user.send().await }),
        quote!({
            let found = find(user);
            let user = found;
            find(user)
        }),
        quote!({
            info!("{user}");
            find(user)
        }),
    ];
    for block in taken {
        let expanded = retry(quote!(async #block)).to_string();
        assert_eq!(expanded.matches("Slot :: new").count(), 1, "{expanded}");
    }
}
