//! Snapshots of expansions. Regenerate with `UPDATE_EXPECT=1`.

#![allow(
    clippy::needless_raw_string_hashes,
    clippy::too_many_lines,
    reason = "snapshots as expect-test writes them"
)]

use expect_test::{Expect, expect};
use proc_macro2::TokenStream;
use quote::quote;
use syn::visit_mut::VisitMut;

use crate::generate::{self as expand};

#[expect(clippy::needless_pass_by_value, reason = "a literal at every call")]
fn check(attribute: TokenStream, item: TokenStream, expected: Expect) {
    let mut expanded = syn::parse2(expand::retry_http(&attribute, &item)).expect("an expansion parses");
    WithoutDocs.visit_file_mut(&mut expanded);
    expected.assert_eq(&prettyplease::unparse(&expanded));
}

/// The section of the docs has tests of its own.
struct WithoutDocs;

impl VisitMut for WithoutDocs {
    fn visit_attributes_mut(&mut self, attributes: &mut Vec<syn::Attribute>) {
        attributes.retain(|attribute| !quote!(#attribute).to_string().contains("# Retries"));
    }
}

#[test]
fn the_card() {
    check(
        quote!(max = 5, on = [429, 503], never = [401]),
        quote! {
            async fn user(http: &Client, id: u64) -> Result<User, ApiError> {
                Ok(http.get(url(id)).send().await?.error_for_status()?.json().await?)
            }
        },
        expect![[r#"
            async fn user(http: &Client, id: u64) -> Result<User, ApiError> {
                let mut call = ::retry_http::__private::Call::start(
                    {
                        static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                            ::core::concat!(::core::module_path!(), "::", "user"),
                            ::retry_http::__private::Sends::Visible,
                        );
                        &FUNCTION
                    },
                    &const {
                        ::retry_http::Policy::builder()
                            .max(5u32)
                            .on(
                                &[
                                    ::retry_http::Condition::Status(429u16),
                                    ::retry_http::Condition::Status(503u16),
                                ],
                            )
                            .never(&[::retry_http::Condition::Status(401u16)])
                            .__trusted()
                    },
                );
                loop {
                    let attempted = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                if false {
                                    return ::retry_http::__private::typed::<
                                        Result<User, ApiError>,
                                    >();
                                }
                                {
                                    Ok(
                                        match ::retry_http::__private::arm!(
                                            http.get(url(id)), ::core::option::Option::None
                                        )
                                            .send()
                                            .await?
                                            .error_for_status()?
                                            .json()
                                        {
                                            watched => {
                                                ::retry_http::__private::Reads::of(&watched)
                                                    .reading()
                                                    .watch(watched, ::core::option::Option::None)
                                            }
                                        }
                                            .await?,
                                    )
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
fn a_sync_function() {
    check(
        quote!(),
        quote! {
            /// Kept.
            #[must_use]
            pub fn user<'a, T>(&'a self, id: T) -> Result<&'a User, ApiError>
            where
                T: Display,
            {
                #![allow(unused)]
                self.http.get(id).send()?.text()?;
                Ok(&self.user)
            }
        },
        expect![[r#"
            /// Kept.
            #[must_use]
            pub fn user<'a, T>(&'a self, id: T) -> Result<&'a User, ApiError>
            where
                T: Display,
            {
                #![allow(unused)]
                let mut id = id;
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
                    let id = ::retry_http::__private::fresh!(id);
                    let attempted = ::retry_http::__private::attempt_blocking(
                        &mut call,
                        || -> Result<&'a User, ApiError> {
                            let id = id;
                            {
                                match ::retry_http::__private::arm!(
                                    self.http.get(id), ::core::option::Option::None
                                )
                                    .send()?
                                    .text()
                                {
                                    watched => {
                                        ::retry_http::__private::Reads::of(&watched)
                                            .reading()
                                            .watch(watched, ::core::option::Option::None)
                                    }
                                }?;
                                Ok(&self.user)
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
#[cfg(not(feature = "blocking"))]
fn a_sync_function_without_the_feature() {
    check(
        quote!(),
        quote! {
            fn user(http: &Client) -> Result<User, ApiError> {
                http.get("").send()?.json()
            }
        },
        expect![[r#"
            ::core::compile_error! {
                "a function that is not `async` needs the feature `blocking`: write `retry-http = { version = \"…\", features = [\"blocking\"] }` in Cargo.toml, or make it `async fn`"
            }
            fn user(http: &Client) -> Result<User, ApiError> {
                http.get("").send()?.json()
            }
        "#]],
    );
}

#[test]
fn a_transparent_function() {
    check(
        quote!(transparent, idempotent),
        quote! {
            async fn token(http: &Client, url: &str) -> Result<String, ApiError> {
                let response = http.post(url).send().await?;
                Ok(response.text().await?)
            }
        },
        expect![[r#"
            async fn token(http: &Client, url: &str) -> Result<String, ApiError> {
                let response = ::retry_http::__private::arm!(
                    http.post(url), ::core::option::Option::Some(true)
                )
                    .send()
                    .await?;
                Ok(
                    match (::retry_http::__private::answer!(response), response.text()) {
                        (answer, watched) => {
                            ::retry_http::__private::Reads::of(&watched)
                                .reading()
                                .watch(watched, answer)
                        }
                    }
                        .await?,
                )
            }
        "#]],
    );
}

#[test]
fn sends_wherever_they_are() {
    check(
        quote!(transparent),
        quote! {
            async fn all(http: &Client, url: &str) -> Result<(), ApiError> {
                let send = |url| http.get(url).send();
                let (a, b) = tokio::join!(send(url), async { http.execute(request(url)?).await });
                tokio::select! {
                    c = reqwest::get(url) => c?.bytes_stream(),
                    else => return Err(own(http.post(url).send())),
                };
                other!(http.get(url).send());
                Ok(())
            }
        },
        expect![[r#"
            async fn all(http: &Client, url: &str) -> Result<(), ApiError> {
                let send = |url| {
                    ::retry_http::__private::arm!(http.get(url), ::core::option::Option::None).send()
                };
                let (a, b) = tokio::join!(
                    send(url), async { match ::retry_http::__private::executing!(http,
                    ::core::option::Option::None) { mut arming => match http.execute(arming
                    .arm_request(request(url) ?)) { sending => arming.watch(sending), } . await, } }
                );
                tokio::select! {
                    c = match reqwest::get(url) { watched => ::retry_http::__private::Reads::of(&
                    watched).getting().watch(watched, ::core::option::Option::None) } => match c ?
                    .bytes_stream() { watched => ::retry_http::__private::Reads::of(& watched)
                    .streaming().watch(watched, ::core::option::Option::None) }, else => return
                    Err(own(::retry_http::__private::arm!(http.post(url),
                    ::core::option::Option::None) .send())),
                };
                other!(http.get(url).send());
                Ok(())
            }
        "#]],
    );
}

#[test]
fn every_option() {
    check(
        quote!(
            max = MAX,
            on = [429, 5xx, 401..=403, timeout, TEAPOT],
            never = [501, connect],
            base = 250ms,
            factor = 3,
            cap = Duration::from_secs(5),
            jitter = 0.25,
            max_retry_after = 1.5h,
            crate = again,
        ),
        quote! {
            async fn user() -> Result<impl Display, reqwest::Error> {
                send().await
            }
        },
        expect![[r#"
            async fn user() -> Result<impl Display, reqwest::Error> {
                let mut call = again::__private::Call::start(
                    {
                        static FUNCTION: again::__private::Function = again::__private::Function::new(
                            ::core::concat!(::core::module_path!(), "::", "user"),
                            again::__private::Sends::Hidden,
                        );
                        &FUNCTION
                    },
                    {
                        const __MAX: ::core::primitive::u32 = MAX;
                        const _: () = again::__private::rules::uphold(
                            again::__private::rules::max(__MAX),
                        );
                        const __ON_4: ::core::primitive::u16 = TEAPOT;
                        const _: () = again::__private::rules::uphold(
                            again::__private::rules::listed(
                                __ON_4,
                                &[
                                    again::Condition::Status(429u16),
                                    again::Condition::Range(500u16, 599u16),
                                    again::Condition::Range(401u16, 403u16),
                                    again::Condition::Failure(again::Failure::Timeout),
                                ],
                            ),
                        );
                        const __CAP: ::core::time::Duration = Duration::from_secs(5);
                        const _: () = again::__private::rules::uphold(
                            again::__private::rules::cap(__CAP),
                        );
                        const __POLICY: again::Policy = again::Policy::builder()
                            .max(__MAX)
                            .on(
                                &[
                                    again::Condition::Status(429u16),
                                    again::Condition::Range(500u16, 599u16),
                                    again::Condition::Range(401u16, 403u16),
                                    again::Condition::Failure(again::Failure::Timeout),
                                    again::Condition::Status(__ON_4),
                                ],
                            )
                            .never(
                                &[
                                    again::Condition::Status(501u16),
                                    again::Condition::Failure(again::Failure::Connect),
                                ],
                            )
                            .base(::core::time::Duration::new(0u64, 250000000u32))
                            .factor(3f64)
                            .cap(__CAP)
                            .jitter(again::Jitter::Fraction(0.25f64))
                            .max_retry_after(::core::time::Duration::new(5400u64, 0u32))
                            .__trusted();
                        const _: () = again::__private::rules::uphold(
                            again::__private::rules::base_and_cap(
                                (&__POLICY).backoff().base(),
                                (&__POLICY).backoff().cap(),
                            ),
                        );
                        const _: () = again::__private::rules::uphold(
                            again::__private::rules::not_never(
                                (&__POLICY).__never_covers(again::Condition::Status(__ON_4)),
                            ),
                        );
                        &__POLICY
                    },
                );
                loop {
                    let attempted = again::__private::attempt(
                            &mut call,
                            async {
                                if false {
                                    return again::__private::typed::<Result<_, reqwest::Error>>();
                                }
                                { send().await }
                            },
                        )
                        .await;
                    again::__private::settle!(wait, call, attempted);
                }
            }
        "#]],
    );
}

#[test]
fn sends() {
    check(
        quote!(),
        quote! {
            async fn many(&self, builder: RequestBuilder, sender: Other) -> Result<(), Error> {
                let request = self.http.get(http.post(a).send().await?.text().await?);
                request.send().await?;
                (builder).send().await?;
                sender.send().await?;
                self.builder.send().await?;
                self.send().await?;
                self.http.execute(request.try_into()?).await?;
                self.http().execute(request).await?;
                reqwest::get(url).await?;
                reqwest::blocking::get(url)?;
                let later = || async { http.get(url).send().await };
                tokio::join!(http.get(url).send());
                async fn nested() {
                    http.get(url).send().await
                }
                Ok(())
            }
        },
        expect![[r#"
            async fn many(&self, builder: RequestBuilder, sender: Other) -> Result<(), Error> {
                let mut builder = ::retry_http::__private::Slot::new(builder);
                let mut sender = sender;
                let mut call = ::retry_http::__private::Call::start(
                    {
                        static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                            ::core::concat!(::core::module_path!(), "::", "many"),
                            ::retry_http::__private::Sends::Visible,
                        );
                        &FUNCTION
                    },
                    &::retry_http::Policy::DEFAULT,
                );
                loop {
                    let builder = ::retry_http::__private::request!(lend, builder, call);
                    let sender = ::retry_http::__private::fresh!(sender);
                    let attempted = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                let builder = builder;
                                let sender = sender;
                                if false {
                                    return ::retry_http::__private::typed::<Result<(), Error>>();
                                }
                                {
                                    let request = self
                                        .http
                                        .get(
                                            match ::retry_http::__private::arm!(
                                                http.post(a), ::core::option::Option::None
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
                                                .await?,
                                        );
                                    ::retry_http::__private::arm!(
                                        request, ::core::option::Option::None
                                    )
                                        .send()
                                        .await?;
                                    ::retry_http::__private::arm!(
                                        (builder), ::core::option::Option::None
                                    )
                                        .send()
                                        .await?;
                                    sender.send().await?;
                                    self.builder.send().await?;
                                    self.send().await?;
                                    match ::retry_http::__private::executing!(
                                        self.http, ::core::option::Option::None
                                    ) {
                                        mut arming => {
                                            match self
                                                .http
                                                .execute(arming.arm_request(request.try_into()?))
                                            {
                                                sending => arming.watch(sending),
                                            }
                                                .await
                                        }
                                    }?;
                                    match self.http() {
                                        mut client => {
                                            match ::retry_http::__private::executing!(
                                                client, ::core::option::Option::None
                                            ) {
                                                mut arming => {
                                                    match client.execute(arming.arm_request(request)) {
                                                        sending => arming.watch(sending),
                                                    }
                                                        .await
                                                }
                                            }
                                        }
                                    }?;
                                    match reqwest::get(url) {
                                        watched => {
                                            ::retry_http::__private::Reads::of(&watched)
                                                .getting()
                                                .watch(watched, ::core::option::Option::None)
                                        }
                                    }
                                        .await?;
                                    match reqwest::blocking::get(url) {
                                        watched => {
                                            ::retry_http::__private::Reads::of(&watched)
                                                .getting()
                                                .watch(watched, ::core::option::Option::None)
                                        }
                                    }?;
                                    let later = || async {
                                        ::retry_http::__private::arm!(
                                            http.get(url), ::core::option::Option::None
                                        )
                                            .send()
                                            .await
                                    };
                                    tokio::join!(
                                        ::retry_http::__private::arm!(http.get(url),
                                        ::core::option::Option::None) .send()
                                    );
                                    async fn nested() {
                                        http.get(url).send().await
                                    }
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
fn arguments() {
    check(
        quote!(policy = self.retry, max = 2, retry_if = is_pending),
        quote! {
            async fn add(mut self, item: Item, note: impl Into<String>, mut page: u32, url: &str) -> Result<Item, Error> {
                page += 1;
                let note: String = note.into();
                self.log.push(note);
                Ok(self.http.post(url).json(&item).body(take(item)).send().await?.json().await?)
            }
        },
        expect![[r#"
            async fn add(
                self,
                item: Item,
                note: impl Into<String>,
                page: u32,
                url: &str,
            ) -> Result<Item, Error> {
                let policy = (self.retry).to_builder().max(2u32).__fitted();
                let this = self;
                let note: String = ::core::convert::Into::into(note);
                let mut call = ::retry_http::__private::Call::start(
                        {
                            static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                                ::core::concat!(::core::module_path!(), "::", "add"),
                                ::retry_http::__private::Sends::Visible,
                            );
                            &FUNCTION
                        },
                        &policy,
                    )
                    .with_retry_if();
                loop {
                    let this = ::retry_http::__private::again(&this);
                    let item = ::retry_http::__private::again(&item);
                    let note = ::retry_http::__private::again(&note);
                    let page = ::retry_http::__private::again(&page);
                    let attempted = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                let mut this = this;
                                let item = item;
                                let note = note;
                                let mut page = page;
                                if false {
                                    return ::retry_http::__private::typed::<Result<Item, Error>>();
                                }
                                {
                                    page += 1;
                                    let note: String = ::core::convert::identity(note);
                                    this.log.push(note);
                                    Ok(
                                        match ::retry_http::__private::arm!(
                                            this.http.post(url).json(& item).body(take(item)),
                                            ::core::option::Option::None
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
                                            .await?,
                                    )
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
fn a_future_of_a_block() {
    check(
        quote!(),
        quote! {
            fn user(&self, id: String) -> BoxFuture<'_, Result<User, Error>> {
                let url = self.url(&id);
                async move { self.http.get(url).send().await?.json().await }.boxed()
            }
        },
        expect![[r#"
            fn user(&self, id: String) -> BoxFuture<'_, Result<User, Error>> {
                let url = self.url(&id);
                async move {
                    let mut url = ::retry_http::__private::Slot::new(url);
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
                        let url = ::retry_http::__private::request!(clone, url, call);
                        let attempted = ::retry_http::__private::attempt(
                                &mut call,
                                async {
                                    let url = url;
                                    if false {
                                        return ::retry_http::__private::typed::<
                                            Result<User, Error>,
                                        >();
                                    }
                                    {
                                        match ::retry_http::__private::arm!(
                                            self.http.get(url), ::core::option::Option::None
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
                        ::retry_http::__private::settle!(wait, call, attempted);
                    }
                }
                    .boxed()
            }
        "#]],
    );
}

#[test]
fn a_future_of_another_expression() {
    check(
        quote!(),
        quote! {
            fn user<'a>(http: &Client, id: u64, name: &'a mut String) -> impl Future<Output = Result<User, Error>> + 'a {
                http.get(url(id)).send().then(move |response| read(response, name))
            }
        },
        expect![[r#"
            ::core::compile_error! {
                "an attempt changes argument `name`, and the next one goes on where that has stopped: build it in the function, take `Bytes` or what can be cloned, or return the value; where the body copes with that (it rewinds, truncates, resumes), write `carry = [name]`"
            }
            fn user<'a>(
                http: &Client,
                id: u64,
                name: &'a mut String,
            ) -> impl Future<Output = Result<User, Error>> + 'a {
                http.get(url(id)).send().then(move |response| read(response, name))
            }
        "#]],
    );
}

/// Expanded down to the loops, as the compiler does it.
#[test]
fn an_impl_block() {
    struct Methods;

    impl VisitMut for Methods {
        fn visit_impl_item_mut(&mut self, item: &mut syn::ImplItem) {
            let syn::ImplItem::Fn(method) = item else { return };
            let Some(at) =
                method.attrs.iter().position(|a| a.path().segments.last().unwrap().ident == "retry_http")
            else {
                return;
            };
            let attribute = method.attrs.remove(at).meta.require_list().unwrap().tokens.clone();
            *item = syn::parse2(expand::retry_http(&attribute, &quote!(#method))).unwrap();
        }
    }

    let block = quote! {
        impl Shop {
            async fn items(&self) -> Result<Vec<Item>> {
                Ok(self.http.get(self.url("items")).send().await?.json().await?)
            }

            #[retry_http(max = 5)]
            async fn item(&self, id: u32) -> Result<Item> {
                Ok(self.http.get(self.url(&id.to_string())).send().await?.json().await?)
            }

            #[retry_http(skip)]
            async fn health(&self) -> Result<StatusCode> {
                Ok(self.http.get(self.url("health")).send().await?.status())
            }

            fn url(&self, path: &str) -> String {
                format!("{}{path}", self.url)
            }
        }
    };
    let mut expanded: syn::File =
        syn::parse2(expand::retry_http(&quote!(max = 2, base = 50ms), &block)).unwrap();
    Methods.visit_file_mut(&mut expanded);
    WithoutDocs.visit_file_mut(&mut expanded);
    expect![[r#"
        impl Shop {
            async fn items(&self) -> Result<Vec<Item>> {
                let mut call = ::retry_http::__private::Call::start(
                    {
                        static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                            ::core::concat!(::core::module_path!(), "::", "items"),
                            ::retry_http::__private::Sends::Visible,
                        );
                        &FUNCTION
                    },
                    &const {
                        ::retry_http::Policy::builder()
                            .max(2u32)
                            .base(::core::time::Duration::new(0u64, 50000000u32))
                            .__trusted()
                    },
                );
                loop {
                    let attempted = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                if false {
                                    return ::retry_http::__private::typed::<Result<Vec<Item>>>();
                                }
                                {
                                    Ok(
                                        match ::retry_http::__private::arm!(
                                            self.http.get(self.url("items")),
                                            ::core::option::Option::None
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
                                            .await?,
                                    )
                                }
                            },
                        )
                        .await;
                    ::retry_http::__private::settle!(wait, call, attempted);
                }
            }
            async fn item(&self, id: u32) -> Result<Item> {
                let mut call = ::retry_http::__private::Call::start(
                    {
                        static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::new(
                            ::core::concat!(::core::module_path!(), "::", "item"),
                            ::retry_http::__private::Sends::Visible,
                        );
                        &FUNCTION
                    },
                    &const {
                        ::retry_http::Policy::builder()
                            .max(5u32)
                            .base(::core::time::Duration::new(0u64, 50000000u32))
                            .__trusted()
                    },
                );
                loop {
                    let attempted = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                if false {
                                    return ::retry_http::__private::typed::<Result<Item>>();
                                }
                                {
                                    Ok(
                                        match ::retry_http::__private::arm!(
                                            self.http.get(self.url(& id.to_string())),
                                            ::core::option::Option::None
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
                                            .await?,
                                    )
                                }
                            },
                        )
                        .await;
                    ::retry_http::__private::settle!(wait, call, attempted);
                }
            }
            async fn health(&self) -> Result<StatusCode> {
                Ok(self.http.get(self.url("health")).send().await?.status())
            }
            fn url(&self, path: &str) -> String {
                format!("{}{path}", self.url)
            }
        }
    "#]]
    .assert_eq(&prettyplease::unparse(&expanded));
}

#[test]
fn a_wrong_attribute_leaves_the_item_as_it_is() {
    check(
        quote!(max = 0, oops),
        quote! {
            async fn user(http: &Client) -> Result<User, ApiError> {
                http.get("").send().await?.json().await
            }
        },
        expect![[r#"
            ::core::compile_error! {
                "`max` must be at least 1, since it counts the retries after the first attempt: write `max = 1`, or remove the attribute"
            }
            ::core::compile_error! {
                "unknown option `oops`, did you mean `docs`? the keys are `max`, `on`, `never`, `base`, `factor`, `cap`, `jitter`, `max_retry_after`, `deadline`, `timeout`, `idempotent`, `idempotency_key`, `reauth`, `retry_if`, `observer`, `upstream`, `policy`, `carry`, `docs`, `crate`, `skip` and `transparent`"
            }
            async fn user(http: &Client) -> Result<User, ApiError> {
                http.get("").send().await?.json().await
            }
        "#]],
    );
}

#[test]
fn a_body_that_does_not_parse_is_left_as_it_is() {
    let half = quote! {
        async fn user(http: &Client) -> Result<User, ApiError> {
            http.get("").send(). await? .
        }
    };
    assert_eq!(expand::retry_http(&quote!(), &half).to_string(), half.to_string());
}
