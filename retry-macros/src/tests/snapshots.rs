//! Snapshots of expansions, by the shape of the item. Regenerate with `UPDATE_EXPECT=1`.

#![allow(
    clippy::needless_raw_string_hashes,
    clippy::too_many_lines,
    reason = "snapshots as expect-test writes them"
)]

use expect_test::expect;
use quote::quote;
use syn::visit_mut::VisitMut;

use super::{WithoutDocs, check, check_error};
use crate::generate as expand;

#[test]
fn an_async_function() {
    check(
        quote!(max = 5, on = [429, 503], never = [401]),
        quote! {
            async fn user(http: &Client, id: u64) -> Result<User, ApiError> {
                Ok(http.get(url(id)).send().await?.error_for_status()?.json().await?)
            }
        },
        expect![[r#"
            async fn user(http: &Client, id: u64) -> Result<User, ApiError> {
                let mut call = ::retry_http::__private::Call::of(
                    ::retry_http::__private::Clock::Tokio,
                    &const {
                        ::retry_http::__private::Declaration::visible(
                            ::core::concat!(::core::module_path!(), "::user"),
                            ::retry_http::Policy::builder()
                                .max(5u32)
                                .__on_statuses([429u16, 503u16])
                                .__never_statuses([401u16]),
                        )
                    },
                );
                loop {
                    let mut outcome = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                if false {
                                    return ::retry_http::__private::unreachable_value::<
                                        Result<User, ApiError>,
                                    >();
                                }
                                {
                                    Ok(
                                        match match match http.get(url(id)) {
                                            sender => {
                                                ::retry_http::__private::Kind(&raw const sender)
                                                    .arm_awaited(sender)
                                            }
                                        }
                                            .send()
                                            .await?
                                        {
                                            response => {
                                                ::retry_http::__private::Kind(&raw const response)
                                                    .check_response(response)
                                            }
                                        }
                                            .error_for_status()?
                                            .json()
                                        {
                                            body => {
                                                ::retry_http::__private::Kind(&raw const body)
                                                    .track_awaited(body)
                                            }
                                        }
                                            .await?,
                                    )
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
                let mut call = ::retry_http::__private::Call::of(
                    ::retry_http::__private::Clock::System,
                    &const {
                        ::retry_http::__private::Declaration::visible(
                            ::core::concat!(::core::module_path!(), "::user"),
                            ::retry_http::Policy::builder(),
                        )
                    },
                );
                loop {
                    let id = ::retry_http::__private::argument!(id);
                    let mut outcome = ::retry_http::__private::attempt_blocking(
                        &mut call,
                        || -> Result<&'a User, ApiError> {
                            let id = id;
                            {
                                match match self.http.get(id) {
                                    sender => {
                                        ::retry_http::__private::SenderKind(&raw const sender)
                                            .arm_sender(sender)
                                    }
                                }
                                    .send()?
                                    .text()
                                {
                                    body => {
                                        ::retry_http::__private::BodyKind(&raw const body)
                                            .track_body(body)
                                    }
                                }?;
                                Ok(&self.user)
                            }
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
            }
        "#]],
    );
}

#[test]
#[cfg(not(feature = "blocking"))]
fn a_sync_function_without_the_feature() {
    check_error(
        quote!(),
        quote! {
            fn user(http: &Client) -> Result<User, ApiError> {
                http.get("").send()?.json()
            }
        },
        expect![[r#"
            ::core::compile_error! {
                "a function that is not `async` needs the feature `blocking`: run `cargo add retry-http --features blocking`, or make it `async fn`"
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
                let response = match http.post(url) {
                    sender => {
                        ::retry_http::__private::SenderKind(&raw const sender)
                            .arm_declared(sender, true)
                    }
                }
                    .send()
                    .await?;
                Ok(
                    match (
                        {
                            let id = ::retry_http::__private::Kind::of(&response)
                                .response_id(&response);
                            id
                        },
                        response.text(),
                    ) {
                        (id, body) => {
                            ::retry_http::__private::BodyKind(&raw const body)
                                .track_body_of(body, id)
                        }
                    }
                        .await?,
                )
            }
        "#]],
    );
}

#[test]
fn a_sender_that_begins_with_a_struct() {
    check(
        quote!(transparent),
        quote! {
            async fn get(base: Url) -> Result<String, Error> {
                Api { base }.get("users").send().await?;
                Api { base }.text().await
            }
        },
        expect![[r#"
            async fn get(base: Url) -> Result<String, Error> {
                match (Api { base }.get("users")) {
                    sender => {
                        ::retry_http::__private::SenderKind(&raw const sender).arm_sender(sender)
                    }
                }
                    .send()
                    .await?;
                match (Api { base }.text()) {
                    body => ::retry_http::__private::BodyKind(&raw const body).track_body(body),
                }
                    .await
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
                    match http.get(url) {
                        sender => {
                            ::retry_http::__private::SenderKind(&raw const sender).arm_sender(sender)
                        }
                    }
                        .send()
                };
                let (a, b) = tokio::join!(
                    send(url), async { match { let armer = ::retry_http::__private::ClientKind::of(&
                    http).armer(& http); armer } { mut armer => match http.execute(armer
                    .arm_request(request(url) ?)) { sending => armer.track(sending), } . await, } }
                );
                tokio::select! {
                    c = match reqwest::get(url) { body => ::retry_http::__private::BodyKind(& raw
                    const body).track_get(body) } => match c ? .bytes_stream() { body =>
                    ::retry_http::__private::BodyKind(& raw const body).track_stream(body) }, else =>
                    return Err(own(match http.post(url) { sender =>
                    ::retry_http::__private::SenderKind(& raw const sender).arm_sender(sender) }
                    .send())),
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
                    again::__private::Clock::Tokio,
                    {
                        static HAS_RECORDED: again::__private::HasRecorded = again::__private::HasRecorded::new();
                        static FUNCTION: again::__private::Function = again::__private::Function::hidden(
                            ::core::concat!(::core::module_path!(), "::user"),
                            &HAS_RECORDED,
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
                                again::Condition::Status(__ON_4),
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
                            .__on([
                                again::Condition::Status(429u16),
                                again::Condition::Range(500u16, 599u16),
                                again::Condition::Range(401u16, 403u16),
                                again::Condition::Failure(again::Failure::Timeout),
                                again::Condition::Status(__ON_4),
                            ])
                            .__never([
                                again::Condition::Status(501u16),
                                again::Condition::Failure(again::Failure::Connect),
                            ])
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
                                again::Condition::Status(__ON_4),
                                (&__POLICY).never(),
                            ),
                        );
                        &__POLICY
                    },
                );
                loop {
                    let mut outcome = again::__private::attempt(
                            &mut call,
                            async {
                                if false {
                                    return again::__private::unreachable_value::<
                                        Result<_, reqwest::Error>,
                                    >();
                                }
                                { send().await }
                            },
                        )
                        .await;
                    let success = again::__private::SuccessKind(outcome.as_ref()).success_kind();
                    if !call.try_end(&outcome, success) {
                        outcome = match again::__private::ErrorKind(&raw const outcome)
                            .conclude(&mut call, outcome, success)
                        {
                            ::core::option::Option::Some(outcome) => outcome,
                            ::core::option::Option::None => continue,
                        };
                    }
                    call.forget();
                    return outcome;
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
                let mut call = ::retry_http::__private::Call::of(
                    ::retry_http::__private::Clock::Tokio,
                    &const {
                        ::retry_http::__private::Declaration::visible(
                            ::core::concat!(::core::module_path!(), "::many"),
                            ::retry_http::Policy::builder(),
                        )
                    },
                );
                call.leave_for_arguments();
                loop {
                    let builder = ::retry_http::__private::request!(lend, builder, call);
                    let sender = ::retry_http::__private::argument!(sender);
                    let mut outcome = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                let builder = builder;
                                let sender = sender;
                                if false {
                                    return ::retry_http::__private::unreachable_value::<
                                        Result<(), Error>,
                                    >();
                                }
                                {
                                    let request = self
                                        .http
                                        .get(
                                            match match http.post(a) {
                                                sender => {
                                                    ::retry_http::__private::Kind(&raw const sender)
                                                        .arm_awaited(sender)
                                                }
                                            }
                                                .send()
                                                .await?
                                                .text()
                                            {
                                                body => {
                                                    ::retry_http::__private::Kind(&raw const body)
                                                        .track_awaited(body)
                                                }
                                            }
                                                .await?,
                                        );
                                    match request {
                                        sender => {
                                            ::retry_http::__private::Kind(&raw const sender)
                                                .arm_awaited(sender)
                                        }
                                    }
                                        .send()
                                        .await?;
                                    match (builder) {
                                        sender => {
                                            ::retry_http::__private::Kind(&raw const sender)
                                                .arm_awaited(sender)
                                        }
                                    }
                                        .send()
                                        .await?;
                                    (match {
                                        let watch = ::retry_http::__private::SenderKind::of(&sender)
                                            .watch_sender(&sender);
                                        watch
                                    } {
                                        watch => {
                                            match sender.send() {
                                                sending => watch.track(sending),
                                            }
                                        }
                                    })
                                        .await?;
                                    (match {
                                        let watch = ::retry_http::__private::SenderKind::of(
                                                &self.builder,
                                            )
                                            .watch_sender(&self.builder);
                                        watch
                                    } {
                                        watch => {
                                            match self.builder.send() {
                                                sending => watch.track(sending),
                                            }
                                        }
                                    })
                                        .await?;
                                    self.send().await?;
                                    match {
                                        let armer = ::retry_http::__private::ClientKind::of(
                                                &self.http,
                                            )
                                            .armer(&self.http);
                                        armer
                                    } {
                                        mut armer => {
                                            match self
                                                .http
                                                .execute(armer.arm_request(request.try_into()?))
                                            {
                                                sending => armer.track(sending),
                                            }
                                                .await
                                        }
                                    }?;
                                    match self.http() {
                                        mut client => {
                                            match {
                                                let armer = ::retry_http::__private::ClientKind::of(&client)
                                                    .armer(&client);
                                                armer
                                            } {
                                                mut armer => {
                                                    match client.execute(armer.arm_request(request)) {
                                                        sending => armer.track(sending),
                                                    }
                                                        .await
                                                }
                                            }
                                        }
                                    }?;
                                    match reqwest::get(url) {
                                        body => {
                                            ::retry_http::__private::BodyKind(&raw const body)
                                                .track_get(body)
                                        }
                                    }
                                        .await?;
                                    match reqwest::blocking::get(url) {
                                        body => {
                                            ::retry_http::__private::BodyKind(&raw const body)
                                                .track_get(body)
                                        }
                                    }?;
                                    let later = || async {
                                        match http.get(url) {
                                            sender => {
                                                ::retry_http::__private::SenderKind(&raw const sender)
                                                    .arm_sender(sender)
                                            }
                                        }
                                            .send()
                                            .await
                                    };
                                    tokio::join!(
                                        match http.get(url) { sender =>
                                        ::retry_http::__private::SenderKind(& raw const sender)
                                        .arm_sender(sender) } .send()
                                    );
                                    async fn nested() {
                                        http.get(url).send().await
                                    }
                                    Ok(())
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
                let mut lent = ::retry_http::__private::Lent::of_policy(&policy);
                let mut call = ::retry_http::__private::Call::borrow(
                    ::retry_http::__private::Clock::Tokio,
                    &const {
                        ::retry_http::__private::Function::visible(
                            ::core::concat!(::core::module_path!(), "::add"),
                        )
                    },
                    &mut lent,
                );
                call.read_all_hints();
                call.leave_for_arguments();
                loop {
                    let this = ::retry_http::__private::clone_argument(&this);
                    let item = ::retry_http::__private::clone_argument(&item);
                    let note = ::retry_http::__private::clone_argument(&note);
                    let page = ::retry_http::__private::clone_argument(&page);
                    let mut outcome = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                let mut this = this;
                                let item = item;
                                let note = note;
                                let mut page = page;
                                if false {
                                    return ::retry_http::__private::unreachable_value::<
                                        Result<Item, Error>,
                                    >();
                                }
                                {
                                    page += 1;
                                    let note: String = ::core::convert::identity(note);
                                    this.log.push(note);
                                    Ok(
                                        match match this.http.post(url).json(&item).body(take(item))
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
                                            .await?,
                                    )
                                }
                            },
                        )
                        .await;
                    let success = ::retry_http::__private::SuccessKind(outcome.as_ref())
                        .success_kind();
                    call.ask_retry_if(&outcome, is_pending);
                    outcome = match ::retry_http::__private::ErrorKind(&raw const outcome)
                        .conclude(&mut call, outcome, success)
                    {
                        ::core::option::Option::Some(outcome) => outcome,
                        ::core::option::Option::None => continue,
                    };
                    call.forget();
                    lent.forget();
                    return outcome;
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
                    let mut call = ::retry_http::__private::Call::of(
                        ::retry_http::__private::Clock::Tokio,
                        &const {
                            ::retry_http::__private::Declaration::visible(
                                ::core::concat!(::core::module_path!(), "::user"),
                                ::retry_http::Policy::builder(),
                            )
                        },
                    );
                    call.leave_for_arguments();
                    loop {
                        let url = ::retry_http::__private::request!(clone, url, call);
                        let mut outcome = ::retry_http::__private::attempt(
                                &mut call,
                                async {
                                    let url = url;
                                    if false {
                                        return ::retry_http::__private::unreachable_value::<
                                            Result<User, Error>,
                                        >();
                                    }
                                    {
                                        match match self.http.get(url) {
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
                }
                    .boxed()
            }
        "#]],
    );
}

#[test]
fn a_future_of_another_expression() {
    check(
        quote!(carry = [name]),
        quote! {
            fn user<'a>(http: &Client, id: u64, name: &'a mut String) -> impl Future<Output = Result<User, Error>> + 'a {
                http.get(url(id)).send().then(move |response| read(response, name))
            }
        },
        expect![[r##"
            #[allow(clippy::manual_async_fn, clippy::missing_errors_doc)]
            fn user<'a>(
                http: &Client,
                id: u64,
                name: &'a mut String,
            ) -> impl Future<Output = Result<User, Error>> + 'a {
                let http = ::retry_http::__private::own_argument(http);
                async move {
                    let http: &Client = ::core::borrow::Borrow::borrow(&http);
                    let mut call = ::retry_http::__private::Call::of(
                        ::retry_http::__private::Clock::Tokio,
                        &const {
                            ::retry_http::__private::Declaration::visible(
                                ::core::concat!(::core::module_path!(), "::user"),
                                ::retry_http::Policy::builder(),
                            )
                        },
                    );
                    call.leave_for_arguments();
                    loop {
                        let name = &mut *name;
                        let mut outcome = ::retry_http::__private::attempt(
                                &mut call,
                                async {
                                    let name = name;
                                    if false {
                                        return ::retry_http::__private::unreachable_value::<
                                            Result<User, Error>,
                                        >();
                                    }
                                    ::retry_http::__private::call_once(|| {
                                            match http.get(url(id)) {
                                                sender => {
                                                    ::retry_http::__private::SenderKind(&raw const sender)
                                                        .arm_sender(sender)
                                                }
                                            }
                                                .send()
                                                .then(move |response| read(response, name))
                                        })
                                        .await
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
                }
            }
        "##]],
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
                let mut call = ::retry_http::__private::Call::of(
                    ::retry_http::__private::Clock::Tokio,
                    &const {
                        ::retry_http::__private::Declaration::visible(
                            ::core::concat!(::core::module_path!(), "::items"),
                            ::retry_http::Policy::builder()
                                .max(2u32)
                                .base(::core::time::Duration::new(0u64, 50000000u32)),
                        )
                    },
                );
                loop {
                    let mut outcome = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                if false {
                                    return ::retry_http::__private::unreachable_value::<
                                        Result<Vec<Item>>,
                                    >();
                                }
                                {
                                    Ok(
                                        match match self.http.get(self.url("items")) {
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
                                            .await?,
                                    )
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
            }
            async fn item(&self, id: u32) -> Result<Item> {
                let mut call = ::retry_http::__private::Call::of(
                    ::retry_http::__private::Clock::Tokio,
                    &const {
                        ::retry_http::__private::Declaration::visible(
                            ::core::concat!(::core::module_path!(), "::item"),
                            ::retry_http::Policy::builder()
                                .max(5u32)
                                .base(::core::time::Duration::new(0u64, 50000000u32)),
                        )
                    },
                );
                loop {
                    let mut outcome = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                if false {
                                    return ::retry_http::__private::unreachable_value::<
                                        Result<Item>,
                                    >();
                                }
                                {
                                    Ok(
                                        match match self.http.get(self.url(&id.to_string())) {
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
                                            .await?,
                                    )
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
    check_error(
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
                "unknown option `oops`: the keys are `max`, `on`, `never`, `base`, `factor`, `cap`, `jitter`, `max_retry_after`, `hint`, `deadline`, `timeout`, `idempotent`, `idempotency_key`, `reauth`, `retry_if`, `never_if`, `observer`, `upstream`, `policy`, `carry`, `docs`, `skip`, `transparent` and `crate`"
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
