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
        expect![[r#"
            const _: () = async move {
                let mut url = ::retry_http::__private::Slot::new(url);
                let mut call = ::retry_http::__private::Call::start(
                    ::retry_http::__private::Clock::Tokio,
                    &const {
                        ::retry_http::__private::Function::visible(
                            ::core::concat!(::core::module_path!(), ":", ::core::line!()),
                        )
                    },
                    &const {
                        ::retry_http::Policy::builder()
                            .max(const {
                                let value: ::core::primitive::u32 = MAX;
                                ::retry_http::__private::rules::uphold(
                                    ::retry_http::__private::rules::max(value),
                                );
                                value
                            })
                            .__trusted()
                    },
                );
                call.leave_for_arguments();
                loop {
                    let url = ::retry_http::__private::request!(clone, url, call);
                    let mut outcome = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                #[allow(unused_mut)]
                                let mut url = url;
                                {
                                    match match http
                                        .post(url)
                                        .body(::retry_http::__private::clone_argument(&order.items))
                                    {
                                        sender => {
                                            ::retry_http::__private::Kind(&raw const sender)
                                                .arm_awaited(sender)
                                        }
                                    }
                                        .send()
                                        .await?
                                        .json()
                                    {
                                        body => {
                                            ::retry_http::__private::Kind(&raw const body)
                                                .track_awaited(body)
                                        }
                                    }
                                        .await
                                }
                            },
                        )
                        .await;
                    let success = ::retry_http::__private::SuccessKind(outcome.as_ref())
                        .success_kind();
                    if !call.try_end(&outcome, success) {
                        outcome = match ::retry_http::__private::ErrorKind(&raw const outcome)
                            .conclude(&mut call, outcome, success)
                        {
                            ::core::option::Option::Some(outcome) => outcome,
                            ::core::option::Option::None => continue,
                        };
                    }
                    call.forget();
                    return outcome;
                }
            };
        "#]],
    );
}

#[test]
#[cfg(feature = "blocking")]
fn a_closure() {
    check(
        quote!(|| -> Result<String, ApiError> { fetch(url) }),
        expect![[r#"
            const _: () = ::retry_http::__private::call_once(|| -> Result<String, ApiError> {
                let mut url = ::retry_http::__private::Slot::new(url);
                let mut call = ::retry_http::__private::Call::start(
                    ::retry_http::__private::Clock::System,
                    {
                        static HAS_RECORDED: ::retry_http::__private::HasRecorded = ::retry_http::__private::HasRecorded::new();
                        static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::hidden(
                            ::core::concat!(::core::module_path!(), ":", ::core::line!()),
                            &HAS_RECORDED,
                        );
                        &FUNCTION
                    },
                    &const { ::retry_http::Policy::builder().__trusted() },
                );
                loop {
                    let url = ::retry_http::__private::request!(clone, url, call);
                    let mut outcome = ::retry_http::__private::attempt_blocking(
                        &mut call,
                        || -> Result<String, ApiError> {
                            #[allow(unused_mut)]
                            let mut url = url;
                            { fetch(url) }
                        },
                    );
                    let success = ::retry_http::__private::SuccessKind(outcome.as_ref())
                        .success_kind();
                    if !call.try_end(&outcome, success) {
                        outcome = match ::retry_http::__private::ErrorKind(&raw const outcome)
                            .conclude(&mut call, outcome, success)
                        {
                            ::core::option::Option::Some(outcome) => outcome,
                            ::core::option::Option::None => continue,
                        };
                    }
                    call.forget();
                    return outcome;
                }
            });
        "#]],
    );
}

#[test]
#[cfg(not(feature = "blocking"))]
fn a_closure_without_blocking() {
    check(
        quote!(|| http.get(url).send()),
        expect![[r#"
            const _: () = {
                ::core::compile_error! {
                    "a closure blocks, which needs the feature `blocking`: run `cargo add retry-http --features blocking`, or write `async { .. }` here"
                }
            };
        "#]],
    );
}

#[test]
fn a_block_with_mistakes_is_run_once() {
    check(
        quote!(max = 0, tries = 2; async || -> Result<String, ApiError> { fetch(url).await }),
        expect![[r#"
        const _: () = {
            ::core::compile_error! {
                "`max` must be at least 1, since it counts the retries after the first attempt: write `max = 1`, or remove the attribute"
            }
            ::core::compile_error! {
                "unknown option `tries`, did you mean `max`? It counts retries, so 3 attempts are `max = 2`; the keys are `max`, `on`, `never`, `base`, `factor`, `cap`, `jitter`, `max_retry_after`, `hint`, `deadline`, `timeout`, `idempotent`, `idempotency_key`, `reauth`, `retry_if`, `never_if`, `observer`, `upstream`, `policy`, `carry`, `docs`, `skip`, `transparent` and `crate`"
            }
            async {
                if false {
                    return ::retry_http::__private::unreachable_value::<
                        Result<String, ApiError>,
                    >();
                }
                { fetch(url).await }
            }
        };
    "#]],
    );
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
