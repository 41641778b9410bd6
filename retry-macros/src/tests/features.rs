//! Snapshots of expansions, by the feature that they show. Regenerate with `UPDATE_EXPECT=1`.

#![allow(
    clippy::needless_raw_string_hashes,
    clippy::too_many_lines,
    reason = "snapshots as expect-test writes them"
)]

use expect_test::expect;
use quote::quote;

use super::check;

#[test]
#[cfg(feature = "blocking")]
fn a_sync_send() {
    check(
        quote!(),
        quote! {
            fn user(http: &Client, id: u64) -> Result<User, ApiError> {
                Ok(http.get(url(id)).send()?.json()?)
            }
        },
        expect![[r#"
            fn user(http: &Client, id: u64) -> Result<User, ApiError> {
                let mut call = ::retry_http::__private::Call::start_blocking(
                    {
                        static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                            ::core::concat!(::core::module_path!(), "::", "user"),
                            ::retry_http::__private::Sends::Visible,
                        );
                        &FUNCTION
                    },
                    &::retry_http::Policy::DEFAULT,
                );
                loop {
                    let attempted = ::retry_http::__private::attempt_blocking(
                        &mut call,
                        || -> Result<User, ApiError> {
                            {
                                Ok(
                                    match ::retry_http::__private::arm!(
                                        http.get(url(id)), ::core::option::Option::None
                                    )
                                        .send()?
                                        .json()
                                    {
                                        watched => {
                                            ::retry_http::__private::Reads::of(&watched)
                                                .reading()
                                                .watch(watched, ::core::option::Option::None)
                                        }
                                    }?,
                                )
                            }
                        },
                    );
                    ::retry_http::__private::settle!(wait_blocking, call, attempted);
                }
            }
        "#]],
    );
}

#[test]
fn an_execute() {
    check(
        quote!(),
        quote! {
            async fn user(&self, request: Request) -> Result<Response, Error> {
                self.http.execute(request).await
            }
        },
        expect![[r#"
            async fn user(&self, request: Request) -> Result<Response, Error> {
                let mut request = ::retry_http::__private::Slot::new(request);
                let mut call = ::retry_http::__private::Call::start(
                    {
                        static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                            ::core::concat!(::core::module_path!(), "::", "user"),
                            ::retry_http::__private::Sends::Visible,
                        );
                        &FUNCTION
                    },
                    &::retry_http::Policy::DEFAULT,
                );
                loop {
                    let request = ::retry_http::__private::request!(clone, request, call);
                    let attempted = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                let request = request;
                                if false {
                                    return ::retry_http::__private::typed::<
                                        Result<Response, Error>,
                                    >();
                                }
                                {
                                    match ::retry_http::__private::executing!(
                                        self.http, ::core::option::Option::None
                                    ) {
                                        mut arming => {
                                            match self.http.execute(arming.arm_request(request)) {
                                                sending => arming.watch(sending),
                                            }
                                                .await
                                        }
                                    }
                                }
                            },
                        )
                        .await;
                    ::retry_http::__private::settle!(wait, call, attempted);
                }
            }
        "#]],
    );
}

#[test]
fn a_get() {
    check(
        quote!(),
        quote! {
            async fn user(id: u64) -> Result<String, Error> {
                reqwest::get(url(id)).await?.text().await
            }
        },
        expect![[r#"
            async fn user(id: u64) -> Result<String, Error> {
                let mut call = ::retry_http::__private::Call::start(
                    {
                        static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                            ::core::concat!(::core::module_path!(), "::", "user"),
                            ::retry_http::__private::Sends::Visible,
                        );
                        &FUNCTION
                    },
                    &::retry_http::Policy::DEFAULT,
                );
                loop {
                    let attempted = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                if false {
                                    return ::retry_http::__private::typed::<Result<String, Error>>();
                                }
                                {
                                    match match reqwest::get(url(id)) {
                                        watched => {
                                            ::retry_http::__private::Reads::of(&watched)
                                                .getting()
                                                .watch(watched, ::core::option::Option::None)
                                        }
                                    }
                                        .await?
                                        .text()
                                    {
                                        watched => {
                                            ::retry_http::__private::Reads::of(&watched)
                                                .reading()
                                                .watch(watched, ::core::option::Option::None)
                                        }
                                    }
                                        .await
                                }
                            },
                        )
                        .await;
                    ::retry_http::__private::settle!(wait, call, attempted);
                }
            }
        "#]],
    );
}

#[test]
fn a_response_with_a_name() {
    check(
        quote!(),
        quote! {
            async fn user(http: &Client) -> Result<Vec<u8>, Error> {
                let mut response = http.get("").send().await?;
                let mut body = Vec::new();
                while let Some(piece) = response.chunk().await? {
                    body.extend(piece);
                }
                Ok(body)
            }
        },
        expect![[r#"
            async fn user(http: &Client) -> Result<Vec<u8>, Error> {
                let mut call = ::retry_http::__private::Call::start(
                    {
                        static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                            ::core::concat!(::core::module_path!(), "::", "user"),
                            ::retry_http::__private::Sends::Visible,
                        );
                        &FUNCTION
                    },
                    &::retry_http::Policy::DEFAULT,
                );
                loop {
                    let attempted = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                if false {
                                    return ::retry_http::__private::typed::<
                                        Result<Vec<u8>, Error>,
                                    >();
                                }
                                {
                                    let mut response = ::retry_http::__private::arm!(
                                        http.get(""), ::core::option::Option::None
                                    )
                                        .send()
                                        .await?;
                                    let mut body = Vec::new();
                                    while let Some(piece) = match (
                                        ::retry_http::__private::answer!(response),
                                        response.chunk(),
                                    ) {
                                        (answer, watched) => {
                                            ::retry_http::__private::Reads::of(&watched)
                                                .reading()
                                                .watch(watched, answer)
                                        }
                                    }
                                        .await?
                                    {
                                        body.extend(piece);
                                    }
                                    Ok(body)
                                }
                            },
                        )
                        .await;
                    ::retry_http::__private::settle!(wait, call, attempted);
                }
            }
        "#]],
    );
}

#[test]
fn sends_in_a_join() {
    check(
        quote!(),
        quote! {
            async fn both(http: &Client) -> Result<(), Error> {
                tokio::try_join!(http.get("a").send(), http.get("b").send())?;
                Ok(())
            }
        },
        expect![[r#"
            async fn both(http: &Client) -> Result<(), Error> {
                let mut call = ::retry_http::__private::Call::start(
                    {
                        static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                            ::core::concat!(::core::module_path!(), "::", "both"),
                            ::retry_http::__private::Sends::Visible,
                        );
                        &FUNCTION
                    },
                    &::retry_http::Policy::DEFAULT,
                );
                loop {
                    let attempted = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                if false {
                                    return ::retry_http::__private::typed::<Result<(), Error>>();
                                }
                                {
                                    tokio::try_join!(
                                        ::retry_http::__private::arm!(http.get("a"),
                                        ::core::option::Option::None) .send(),
                                        ::retry_http::__private::arm!(http.get("b"),
                                        ::core::option::Option::None) .send()
                                    )?;
                                    Ok(())
                                }
                            },
                        )
                        .await;
                    ::retry_http::__private::settle!(wait, call, attempted);
                }
            }
        "#]],
    );
}

#[test]
fn a_renewal() {
    check(
        quote!(reauth = self.login()),
        quote! {
            async fn user(&self) -> Result<Response, Error> {
                self.http.get("").send().await
            }
        },
        expect![[r#"
            async fn user(&self) -> Result<Response, Error> {
                let mut call = ::retry_http::__private::Call::start(
                        {
                            static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                                ::core::concat!(::core::module_path!(), "::", "user"),
                                ::retry_http::__private::Sends::Visible,
                            );
                            &FUNCTION
                        },
                        &::retry_http::Policy::DEFAULT,
                    )
                    .with_renewal();
                loop {
                    let attempted = {
                        ::retry_http::__private::attempt(
                                &mut call,
                                async {
                                    if false {
                                        return ::retry_http::__private::typed::<
                                            Result<Response, Error>,
                                        >();
                                    }
                                    {
                                        ::retry_http::__private::arm!(
                                            self.http.get(""), ::core::option::Option::None
                                        )
                                            .send()
                                            .await
                                    }
                                },
                            )
                            .await
                    };
                    if attempted
                        .start_renewal(
                            &mut call,
                            attempted.answer().known(),
                            attempted.error().known(),
                        )
                    {
                        if !call
                            .renewing(
                                ::std::boxed::Box::pin(async {
                                    match (self.login()) {
                                        renewal => {
                                            ::retry_http::__private::Look::of(&renewal)
                                                .renewing()
                                                .renewed(renewal)
                                                .await
                                        }
                                    }
                                }),
                            )
                            .await
                        {
                            return attempted.outcome;
                        }
                        let answer = attempted.answer().known();
                        attempted.dispose(&mut call, answer);
                        continue;
                    }
                    ::retry_http::__private::settle!(wait, call, attempted);
                }
            }
        "#]],
    );
}

#[test]
#[cfg(feature = "blocking")]
fn a_sync_renewal() {
    check(
        quote!(reauth = self.login()),
        quote! {
            fn user(&self) -> Result<Response, Error> {
                self.http.get("").send()
            }
        },
        expect![[r#"
            fn user(&self) -> Result<Response, Error> {
                let mut call = ::retry_http::__private::Call::start_blocking(
                        {
                            static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                                ::core::concat!(::core::module_path!(), "::", "user"),
                                ::retry_http::__private::Sends::Visible,
                            );
                            &FUNCTION
                        },
                        &::retry_http::Policy::DEFAULT,
                    )
                    .with_renewal();
                loop {
                    let attempted = {
                        ::retry_http::__private::attempt_blocking(
                            &mut call,
                            || -> Result<Response, Error> {
                                {
                                    ::retry_http::__private::arm!(
                                        self.http.get(""), ::core::option::Option::None
                                    )
                                        .send()
                                }
                            },
                        )
                    };
                    if attempted
                        .start_renewal(
                            &mut call,
                            attempted.answer().known(),
                            attempted.error().known(),
                        )
                    {
                        if !call
                            .renewing_blocking(|| ::retry_http::__private::Renewed::renewed(
                                self.login(),
                            ))
                        {
                            return attempted.outcome;
                        }
                        let answer = attempted.answer().known();
                        attempted.dispose_blocking(&mut call, answer);
                        continue;
                    }
                    ::retry_http::__private::settle!(wait_blocking, call, attempted);
                }
            }
        "#]],
    );
}

#[test]
fn an_observer() {
    check(
        quote!(observer = |event| count(event)),
        quote! {
            async fn user(http: &Client) -> Result<Response, Error> {
                http.get("").send().await
            }
        },
        expect![[r#"
            async fn user(http: &Client) -> Result<Response, Error> {
                let observer = &::retry_http::__private::observer(|event| count(event));
                let mut call = ::retry_http::__private::Call::start(
                        {
                            static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                                ::core::concat!(::core::module_path!(), "::", "user"),
                                ::retry_http::__private::Sends::Visible,
                            );
                            &FUNCTION
                        },
                        &::retry_http::Policy::DEFAULT,
                    )
                    .observed(observer);
                loop {
                    let attempted = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                if false {
                                    return ::retry_http::__private::typed::<
                                        Result<Response, Error>,
                                    >();
                                }
                                {
                                    ::retry_http::__private::arm!(
                                        http.get(""), ::core::option::Option::None
                                    )
                                        .send()
                                        .await
                                }
                            },
                        )
                        .await;
                    ::retry_http::__private::settle!(wait, call, attempted);
                }
            }
        "#]],
    );
}

#[test]
fn an_upstream() {
    check(
        quote!(upstream = GITHUB),
        quote! {
            async fn user(http: &Client) -> Result<Response, Error> {
                http.get("").send().await
            }
        },
        expect![[r#"
            async fn user(http: &Client) -> Result<Response, Error> {
                let upstream = &(GITHUB);
                let mut call = ::retry_http::__private::Call::start(
                        {
                            static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                                ::core::concat!(::core::module_path!(), "::", "user"),
                                ::retry_http::__private::Sends::Visible,
                            );
                            &FUNCTION
                        },
                        &::retry_http::Policy::DEFAULT,
                    )
                    .with_upstream(upstream);
                loop {
                    call.admitted().await;
                    let attempted = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                if false {
                                    return ::retry_http::__private::typed::<
                                        Result<Response, Error>,
                                    >();
                                }
                                {
                                    ::retry_http::__private::arm!(
                                        http.get(""), ::core::option::Option::None
                                    )
                                        .send()
                                        .await
                                }
                            },
                        )
                        .await;
                    ::retry_http::__private::settle!(wait, call, attempted);
                }
            }
        "#]],
    );
}

#[test]
#[cfg(feature = "blocking")]
fn a_sync_upstream() {
    check(
        quote!(upstream = GITHUB),
        quote! {
            fn user(http: &Client) -> Result<Response, Error> {
                http.get("").send()
            }
        },
        expect![[r#"
            fn user(http: &Client) -> Result<Response, Error> {
                let upstream = &(GITHUB);
                let mut call = ::retry_http::__private::Call::start_blocking(
                        {
                            static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                                ::core::concat!(::core::module_path!(), "::", "user"),
                                ::retry_http::__private::Sends::Visible,
                            );
                            &FUNCTION
                        },
                        &::retry_http::Policy::DEFAULT,
                    )
                    .with_upstream_blocking(upstream);
                loop {
                    call.admitted_blocking();
                    let attempted = ::retry_http::__private::attempt_blocking(
                        &mut call,
                        || -> Result<Response, Error> {
                            {
                                ::retry_http::__private::arm!(
                                    http.get(""), ::core::option::Option::None
                                )
                                    .send()
                            }
                        },
                    );
                    ::retry_http::__private::settle!(wait_blocking, call, attempted);
                }
            }
        "#]],
    );
}

#[test]
fn a_retry_if() {
    check(
        quote!(retry_if = is_pending),
        quote! {
            async fn job(http: &Client) -> Result<Job, Error> {
                http.get("").send().await?.json().await
            }
        },
        expect![[r#"
            async fn job(http: &Client) -> Result<Job, Error> {
                let mut call = ::retry_http::__private::Call::start(
                        {
                            static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                                ::core::concat!(::core::module_path!(), "::", "job"),
                                ::retry_http::__private::Sends::Visible,
                            );
                            &FUNCTION
                        },
                        &::retry_http::Policy::DEFAULT,
                    )
                    .with_retry_if();
                loop {
                    let attempted = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                if false {
                                    return ::retry_http::__private::typed::<Result<Job, Error>>();
                                }
                                {
                                    match ::retry_http::__private::arm!(
                                        http.get(""), ::core::option::Option::None
                                    )
                                        .send()
                                        .await?
                                        .json()
                                    {
                                        watched => {
                                            ::retry_http::__private::Reads::of(&watched)
                                                .reading()
                                                .watch(watched, ::core::option::Option::None)
                                        }
                                    }
                                        .await
                                }
                            },
                        )
                        .await;
                    ::retry_http::__private::settle!(wait, call, attempted, is_pending);
                }
            }
        "#]],
    );
}

#[test]
fn an_argument_that_may_be_consumed() {
    check(
        quote!(),
        quote! {
            async fn put(http: &Client, item: Item) -> Result<Response, Error> {
                http.put("").body(item.bytes()).send().await
            }
        },
        expect![[r#"
            async fn put(http: &Client, item: Item) -> Result<Response, Error> {
                let mut item = item;
                let mut call = ::retry_http::__private::Call::start(
                    {
                        static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                            ::core::concat!(::core::module_path!(), "::", "put"),
                            ::retry_http::__private::Sends::Visible,
                        );
                        &FUNCTION
                    },
                    &::retry_http::Policy::DEFAULT,
                );
                loop {
                    let item = ::retry_http::__private::fresh!(item);
                    let attempted = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                let item = item;
                                if false {
                                    return ::retry_http::__private::typed::<
                                        Result<Response, Error>,
                                    >();
                                }
                                {
                                    ::retry_http::__private::arm!(
                                        http.put("").body(match
                                        (::retry_http::__private::answer!(item), item.bytes()) {
                                        (answer, watched) => ::retry_http::__private::Reads::of(&
                                        watched).reading().watch(watched, answer) }),
                                        ::core::option::Option::None
                                    )
                                        .send()
                                        .await
                                }
                            },
                        )
                        .await;
                    ::retry_http::__private::settle!(wait, call, attempted);
                }
            }
        "#]],
    );
}

#[test]
fn a_generic_that_is_consumed() {
    check(
        quote!(),
        quote! {
            async fn put<T: Serialize>(http: &Client, item: T) -> Result<Response, Error> {
                http.put("").json(&wrap(item)).send().await
            }
        },
        expect![[r#"
            async fn put<T: Serialize>(http: &Client, item: T) -> Result<Response, Error> {
                let mut item = item;
                let mut call = ::retry_http::__private::Call::start(
                    {
                        static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                            ::core::concat!(::core::module_path!(), "::", "put"),
                            ::retry_http::__private::Sends::Visible,
                        );
                        &FUNCTION
                    },
                    &::retry_http::Policy::DEFAULT,
                );
                loop {
                    let item = ::retry_http::__private::fresh!(item);
                    let attempted = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                let item = item;
                                if false {
                                    return ::retry_http::__private::typed::<
                                        Result<Response, Error>,
                                    >();
                                }
                                {
                                    ::retry_http::__private::arm!(
                                        http.put("").json(& wrap(item)), ::core::option::Option::None
                                    )
                                        .send()
                                        .await
                                }
                            },
                        )
                        .await;
                    ::retry_http::__private::settle!(wait, call, attempted);
                }
            }
        "#]],
    );
}

#[test]
fn an_argument_that_is_changed() {
    check(
        quote!(),
        quote! {
            async fn put(http: &Client, mut query: Vec<u8>) -> Result<Response, Error> {
                query.push(b'x');
                http.put("").body(query).send().await
            }
        },
        expect![[r#"
            async fn put(http: &Client, query: Vec<u8>) -> Result<Response, Error> {
                let mut call = ::retry_http::__private::Call::start(
                    {
                        static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                            ::core::concat!(::core::module_path!(), "::", "put"),
                            ::retry_http::__private::Sends::Visible,
                        );
                        &FUNCTION
                    },
                    &::retry_http::Policy::DEFAULT,
                );
                loop {
                    let query = ::retry_http::__private::again(&query);
                    let attempted = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                let mut query = query;
                                if false {
                                    return ::retry_http::__private::typed::<
                                        Result<Response, Error>,
                                    >();
                                }
                                {
                                    query.push(b'x');
                                    ::retry_http::__private::arm!(
                                        http.put("").body(query), ::core::option::Option::None
                                    )
                                        .send()
                                        .await
                                }
                            },
                        )
                        .await;
                    ::retry_http::__private::settle!(wait, call, attempted);
                }
            }
        "#]],
    );
}

#[test]
fn conversions() {
    check(
        quote!(),
        quote! {
            async fn put(http: &Client, body: impl Into<Body>, name: impl Into<String>, ids: impl IntoIterator<Item = u64>) -> Result<Response, Error> {
                http.put(name.into()).query(&ids.into_iter().collect::<Vec<_>>()).body(body).send().await
            }
        },
        expect![[r#"
            async fn put(
                http: &Client,
                body: impl Into<Body>,
                name: impl Into<String>,
                ids: impl IntoIterator<Item = u64>,
            ) -> Result<Response, Error> {
                let body: Body = ::core::convert::Into::into(body);
                let mut body = ::retry_http::__private::Slot::new(body);
                let name: String = ::core::convert::Into::into(name);
                let ids = ::retry_http::__private::collect(ids);
                let mut call = ::retry_http::__private::Call::start(
                    {
                        static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                            ::core::concat!(::core::module_path!(), "::", "put"),
                            ::retry_http::__private::Sends::Visible,
                        );
                        &FUNCTION
                    },
                    &::retry_http::Policy::DEFAULT,
                );
                loop {
                    let body = ::retry_http::__private::request!(clone, body, call);
                    let name = ::retry_http::__private::again(&name);
                    let ids = ::retry_http::__private::again(&ids);
                    let attempted = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                let body = body;
                                let name = name;
                                let ids = ids;
                                if false {
                                    return ::retry_http::__private::typed::<
                                        Result<Response, Error>,
                                    >();
                                }
                                {
                                    ::retry_http::__private::arm!(
                                        http.put(::core::convert::identity(name)).query(& ids
                                        .into_iter().collect:: < Vec < _ > > ()).body(body),
                                        ::core::option::Option::None
                                    )
                                        .send()
                                        .await
                                }
                            },
                        )
                        .await;
                    ::retry_http::__private::settle!(wait, call, attempted);
                }
            }
        "#]],
    );
}

#[test]
fn requests_as_arguments() {
    check(
        quote!(),
        quote! {
            async fn send(http: &Client, builder: RequestBuilder, form: Form) -> Result<Response, Error> {
                builder.multipart(form).send().await
            }
        },
        expect![[r#"
            async fn send(
                http: &Client,
                builder: RequestBuilder,
                form: Form,
            ) -> Result<Response, Error> {
                let mut builder = ::retry_http::__private::Slot::new(builder);
                let mut form = ::retry_http::__private::Slot::new(form);
                let mut call = ::retry_http::__private::Call::start(
                    {
                        static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                            ::core::concat!(::core::module_path!(), "::", "send"),
                            ::retry_http::__private::Sends::Visible,
                        );
                        &FUNCTION
                    },
                    &::retry_http::Policy::DEFAULT,
                );
                loop {
                    let builder = ::retry_http::__private::request!(lend, builder, call);
                    let form = ::retry_http::__private::request!(once, form, call);
                    let attempted = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                let builder = builder;
                                let form = form;
                                if false {
                                    return ::retry_http::__private::typed::<
                                        Result<Response, Error>,
                                    >();
                                }
                                {
                                    ::retry_http::__private::arm!(
                                        builder.multipart(form), ::core::option::Option::None
                                    )
                                        .send()
                                        .await
                                }
                            },
                        )
                        .await;
                    ::retry_http::__private::settle!(wait, call, attempted);
                }
            }
        "#]],
    );
}

#[test]
fn an_argument_that_is_carried() {
    check(
        quote!(carry = [data]),
        quote! {
            async fn put(http: &Client, data: &mut File) -> Result<Response, Error> {
                data.rewind()?;
                http.put("").body(read(data)?).send().await
            }
        },
        expect![[r#"
            async fn put(http: &Client, data: &mut File) -> Result<Response, Error> {
                let mut call = ::retry_http::__private::Call::start(
                    {
                        static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                            ::core::concat!(::core::module_path!(), "::", "put"),
                            ::retry_http::__private::Sends::Visible,
                        );
                        &FUNCTION
                    },
                    &::retry_http::Policy::DEFAULT,
                );
                loop {
                    let data = &mut *data;
                    let attempted = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                let data = data;
                                if false {
                                    return ::retry_http::__private::typed::<
                                        Result<Response, Error>,
                                    >();
                                }
                                {
                                    data.rewind()?;
                                    ::retry_http::__private::arm!(
                                        http.put("").body(read(data) ?), ::core::option::Option::None
                                    )
                                        .send()
                                        .await
                                }
                            },
                        )
                        .await;
                    ::retry_http::__private::settle!(wait, call, attempted);
                }
            }
        "#]],
    );
}

#[test]
fn a_receiver_by_value() {
    check(
        quote!(),
        quote! {
            async fn send(self) -> Result<Response, Error> {
                self.http.put("").body(self.body).send().await
            }
        },
        expect![[r#"
            async fn send(self) -> Result<Response, Error> {
                let this = self;
                let mut this = this;
                let mut call = ::retry_http::__private::Call::start(
                    {
                        static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                            ::core::concat!(::core::module_path!(), "::", "send"),
                            ::retry_http::__private::Sends::Visible,
                        );
                        &FUNCTION
                    },
                    &::retry_http::Policy::DEFAULT,
                );
                loop {
                    let this = ::retry_http::__private::fresh!(this);
                    let attempted = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                let this = this;
                                if false {
                                    return ::retry_http::__private::typed::<
                                        Result<Response, Error>,
                                    >();
                                }
                                {
                                    ::retry_http::__private::arm!(
                                        this.http.put("").body(::retry_http::__private::again(& this
                                        .body)), ::core::option::Option::None
                                    )
                                        .send()
                                        .await
                                }
                            },
                        )
                        .await;
                    ::retry_http::__private::settle!(wait, call, attempted);
                }
            }
        "#]],
    );
}

#[test]
fn a_field_that_is_moved() {
    check(
        quote!(),
        quote! {
            async fn put(http: &Client, item: Item) -> Result<Response, Error> {
                http.put(item.url).send().await
            }
        },
        expect![[r#"
            async fn put(http: &Client, item: Item) -> Result<Response, Error> {
                let mut call = ::retry_http::__private::Call::start(
                    {
                        static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                            ::core::concat!(::core::module_path!(), "::", "put"),
                            ::retry_http::__private::Sends::Visible,
                        );
                        &FUNCTION
                    },
                    &::retry_http::Policy::DEFAULT,
                );
                loop {
                    let attempted = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                if false {
                                    return ::retry_http::__private::typed::<
                                        Result<Response, Error>,
                                    >();
                                }
                                {
                                    ::retry_http::__private::arm!(
                                        http.put(::retry_http::__private::again(& item.url)),
                                        ::core::option::Option::None
                                    )
                                        .send()
                                        .await
                                }
                            },
                        )
                        .await;
                    ::retry_http::__private::settle!(wait, call, attempted);
                }
            }
        "#]],
    );
}

#[test]
fn a_parameter_under_a_predicate() {
    check(
        quote!(),
        quote! {
            async fn put(http: &Client, #[cfg(feature = "x")] body: Vec<u8>) -> Result<Response, Error> {
                #[cfg(feature = "x")]
                let http = http.with(body);
                http.put("").send().await
            }
        },
        expect![[r#"
            async fn put(
                http: &Client,
                #[cfg(feature = "x")]
                body: Vec<u8>,
            ) -> Result<Response, Error> {
                let mut call = ::retry_http::__private::Call::start(
                    {
                        static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                            ::core::concat!(::core::module_path!(), "::", "put"),
                            ::retry_http::__private::Sends::Visible,
                        );
                        &FUNCTION
                    },
                    &::retry_http::Policy::DEFAULT,
                );
                loop {
                    #[cfg(all(feature = "x", feature = "x"))]
                    let body = ::retry_http::__private::again(&body);
                    let attempted = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                #[cfg(all(feature = "x", feature = "x"))]
                                let body = body;
                                if false {
                                    return ::retry_http::__private::typed::<
                                        Result<Response, Error>,
                                    >();
                                }
                                {
                                    #[cfg(feature = "x")]
                                    let http = http.with(body);
                                    ::retry_http::__private::arm!(
                                        http.put(""), ::core::option::Option::None
                                    )
                                        .send()
                                        .await
                                }
                            },
                        )
                        .await;
                    ::retry_http::__private::settle!(wait, call, attempted);
                }
            }
        "#]],
    );
}

#[test]
fn a_method_of_async_trait() {
    check(
        quote!(),
        quote! {
            fn user<'a>(&'a self) -> Pin<Box<dyn Future<Output = Result<String, Error>> + Send + 'a>> {
                Box::pin(async move {
                    if let Some(__ret) = None::<Result<String, Error>> {
                        return __ret;
                    }
                    let __self = self;
                    let __ret: Result<String, Error> = { __self.http.get("").send().await?.text().await };
                    __ret
                })
            }
        },
        expect![[r#"
            fn user<'a>(
                &'a self,
            ) -> Pin<Box<dyn Future<Output = Result<String, Error>> + Send + 'a>> {
                Box::pin(async move {
                    if let Some(__ret) = None::<Result<String, Error>> {
                        return __ret;
                    }
                    let __self = self;
                    let __ret: Result<String, Error> = {
                        let mut call = ::retry_http::__private::Call::start(
                            {
                                static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                                    ::core::concat!(::core::module_path!(), "::", "user"),
                                    ::retry_http::__private::Sends::Visible,
                                );
                                &FUNCTION
                            },
                            &::retry_http::Policy::DEFAULT,
                        );
                        loop {
                            let attempted = ::retry_http::__private::attempt(
                                    &mut call,
                                    async {
                                        if false {
                                            return ::retry_http::__private::typed::<
                                                Result<String, Error>,
                                            >();
                                        }
                                        {
                                            match ::retry_http::__private::arm!(
                                                __self.http.get(""), ::core::option::Option::None
                                            )
                                                .send()
                                                .await?
                                                .text()
                                            {
                                                watched => {
                                                    ::retry_http::__private::Reads::of(&watched)
                                                        .reading()
                                                        .watch(watched, ::core::option::Option::None)
                                                }
                                            }
                                                .await
                                        }
                                    },
                                )
                                .await;
                            ::retry_http::__private::settle!(wait, call, attempted);
                        }
                    };
                    __ret
                })
            }
        "#]],
    );
}
