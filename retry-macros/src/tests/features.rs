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
                    let mut outcome = ::retry_http::__private::attempt_blocking(
                        &mut call,
                        || -> Result<User, ApiError> {
                            {
                                Ok(
                                    match match http.get(url(id)) {
                                        sender => {
                                            ::retry_http::__private::SenderKind(&raw const sender)
                                                .arm_sender(sender)
                                        }
                                    }
                                        .send()?
                                        .json()
                                    {
                                        body => {
                                            ::retry_http::__private::BodyKind(&raw const body)
                                                .track_body(body)
                                        }
                                    }?,
                                )
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
                    let request = ::retry_http::__private::request!(clone, request, call);
                    let mut outcome = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                let request = request;
                                if false {
                                    return ::retry_http::__private::unreachable_value::<
                                        Result<Response, Error>,
                                    >();
                                }
                                {
                                    match {
                                        let armer = ::retry_http::__private::ClientKind::of(
                                                &self.http,
                                            )
                                            .armer(&self.http);
                                        armer
                                    } {
                                        mut armer => {
                                            match self.http.execute(armer.arm_request(request)) {
                                                sending => armer.track(sending),
                                            }
                                                .await
                                        }
                                    }
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
                let mut call = ::retry_http::__private::Call::of(
                    ::retry_http::__private::Clock::Tokio,
                    &const {
                        ::retry_http::__private::Declaration::visible(
                            ::core::concat!(::core::module_path!(), "::user"),
                            ::retry_http::Policy::builder(),
                        )
                    },
                );
                loop {
                    let mut outcome = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                if false {
                                    return ::retry_http::__private::unreachable_value::<
                                        Result<String, Error>,
                                    >();
                                }
                                {
                                    match match reqwest::get(url(id)) {
                                        body => {
                                            ::retry_http::__private::BodyKind(&raw const body)
                                                .track_get(body)
                                        }
                                    }
                                        .await?
                                        .text()
                                    {
                                        body => {
                                            ::retry_http::__private::AwaitedBodyKind(&raw const body)
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
                let mut call = ::retry_http::__private::Call::of(
                    ::retry_http::__private::Clock::Tokio,
                    &const {
                        ::retry_http::__private::Declaration::visible(
                            ::core::concat!(::core::module_path!(), "::user"),
                            ::retry_http::Policy::builder(),
                        )
                    },
                );
                loop {
                    let mut outcome = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                if false {
                                    return ::retry_http::__private::unreachable_value::<
                                        Result<Vec<u8>, Error>,
                                    >();
                                }
                                {
                                    let mut response = match http.get("") {
                                        sender => {
                                            ::retry_http::__private::Kind(&raw const sender)
                                                .arm_awaited(sender)
                                        }
                                    }
                                        .send()
                                        .await?;
                                    let mut body = Vec::new();
                                    while let Some(piece) = match (
                                        {
                                            let id = ::retry_http::__private::Kind::of(&response)
                                                .response_id(&response);
                                            id
                                        },
                                        response.chunk(),
                                    ) {
                                        (id, body) => {
                                            ::retry_http::__private::Kind(&raw const body)
                                                .track_awaited_of(body, id)
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
                let mut call = ::retry_http::__private::Call::of(
                    ::retry_http::__private::Clock::Tokio,
                    &const {
                        ::retry_http::__private::Declaration::visible(
                            ::core::concat!(::core::module_path!(), "::both"),
                            ::retry_http::Policy::builder(),
                        )
                    },
                );
                loop {
                    let mut outcome = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                if false {
                                    return ::retry_http::__private::unreachable_value::<
                                        Result<(), Error>,
                                    >();
                                }
                                {
                                    tokio::try_join!(
                                        match http.get("a") { sender =>
                                        ::retry_http::__private::SenderKind(& raw const sender)
                                        .arm_sender(sender) } .send(), match http.get("b") { sender
                                        => ::retry_http::__private::SenderKind(& raw const sender)
                                        .arm_sender(sender) } .send()
                                    )?;
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
                    ::retry_http::__private::Clock::Tokio,
                    {
                        static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::visible(
                            ::core::concat!(::core::module_path!(), "::user"),
                        );
                        &FUNCTION
                    },
                    &const { ::retry_http::Policy::builder().__trusted() },
                );
                call.count_renewals();
                loop {
                    let mut outcome = {
                        ::retry_http::__private::attempt(
                                &mut call,
                                async {
                                    if false {
                                        return ::retry_http::__private::unreachable_value::<
                                            Result<Response, Error>,
                                        >();
                                    }
                                    {
                                        match self.http.get("") {
                                            sender => {
                                                ::retry_http::__private::Kind(&raw const sender)
                                                    .arm_awaited(sender)
                                            }
                                        }
                                            .send()
                                            .await
                                    }
                                },
                            )
                            .await
                    };
                    let success = ::retry_http::__private::SuccessKind(outcome.as_ref())
                        .success_kind();
                    if ::retry_http::__private::ErrorKind(&raw const outcome)
                        .start_renewal(&mut call, &outcome, success)
                    {
                        if !call
                            .run_renewal(
                                ::std::boxed::Box::pin(async {
                                    match (self.login()) {
                                        renewal => {
                                            let kind = ::retry_http::__private::Kind(&raw const renewal)
                                                .renewal_kind();
                                            kind.renewed(renewal).await
                                        }
                                    }
                                }),
                            )
                            .await
                        {
                            return outcome;
                        }
                        call.begin_wait_after_renewal(outcome, success);
                        continue;
                    }
                    outcome = match ::retry_http::__private::ErrorKind(&raw const outcome)
                        .conclude(&mut call, outcome, success)
                    {
                        ::core::option::Option::Some(outcome) => outcome,
                        ::core::option::Option::None => continue,
                    };
                    call.forget();
                    return outcome;
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
                let mut call = ::retry_http::__private::Call::start(
                    ::retry_http::__private::Clock::System,
                    {
                        static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::visible(
                            ::core::concat!(::core::module_path!(), "::user"),
                        );
                        &FUNCTION
                    },
                    &const { ::retry_http::Policy::builder().__trusted() },
                );
                call.count_renewals();
                loop {
                    let mut outcome = {
                        ::retry_http::__private::attempt_blocking(
                            &mut call,
                            || -> Result<Response, Error> {
                                {
                                    match self.http.get("") {
                                        sender => {
                                            ::retry_http::__private::SenderKind(&raw const sender)
                                                .arm_sender(sender)
                                        }
                                    }
                                        .send()
                                }
                            },
                        )
                    };
                    let success = ::retry_http::__private::SuccessKind(outcome.as_ref())
                        .success_kind();
                    if ::retry_http::__private::ErrorKind(&raw const outcome)
                        .start_renewal(&mut call, &outcome, success)
                    {
                        if !call
                            .run_renewal_blocking(|| ::retry_http::__private::Renewed::renewed(
                                self.login(),
                            ))
                        {
                            return outcome;
                        }
                        call.begin_wait_after_renewal(outcome, success);
                        continue;
                    }
                    outcome = match ::retry_http::__private::ErrorKind(&raw const outcome)
                        .conclude(&mut call, outcome, success)
                    {
                        ::core::option::Option::Some(outcome) => outcome,
                        ::core::option::Option::None => continue,
                    };
                    call.forget();
                    return outcome;
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
                let mut lent = ::retry_http::__private::Lent::new();
                lent.set_observer(observer);
                let mut call = ::retry_http::__private::Call::of_lender(
                    ::retry_http::__private::Clock::Tokio,
                    &const {
                        ::retry_http::__private::Declaration::visible(
                            ::core::concat!(::core::module_path!(), "::user"),
                            ::retry_http::Policy::builder(),
                        )
                    },
                    &mut lent,
                );
                loop {
                    let mut outcome = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                if false {
                                    return ::retry_http::__private::unreachable_value::<
                                        Result<Response, Error>,
                                    >();
                                }
                                {
                                    match http.get("") {
                                        sender => {
                                            ::retry_http::__private::Kind(&raw const sender)
                                                .arm_awaited(sender)
                                        }
                                    }
                                        .send()
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
                    lent.forget();
                    return outcome;
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
                ::retry_http::__private::UpstreamKind(&raw const *upstream).in_static(upstream);
                let mut lent = ::retry_http::__private::Lent::new();
                lent.set_upstream(::retry_http::__private::Clock::Tokio, upstream);
                let mut call = ::retry_http::__private::Call::of_lender(
                    ::retry_http::__private::Clock::Tokio,
                    &const {
                        ::retry_http::__private::Declaration::visible(
                            ::core::concat!(::core::module_path!(), "::user"),
                            ::retry_http::Policy::builder(),
                        )
                    },
                    &mut lent,
                );
                loop {
                    if call.asks_for_admission() {
                        call.wait_for_admission().await;
                    }
                    let mut outcome = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                if false {
                                    return ::retry_http::__private::unreachable_value::<
                                        Result<Response, Error>,
                                    >();
                                }
                                {
                                    match http.get("") {
                                        sender => {
                                            ::retry_http::__private::Kind(&raw const sender)
                                                .arm_awaited(sender)
                                        }
                                    }
                                        .send()
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
                    lent.forget();
                    return outcome;
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
                ::retry_http::__private::UpstreamKind(&raw const *upstream).in_static(upstream);
                let mut lent = ::retry_http::__private::Lent::new();
                lent.set_upstream(::retry_http::__private::Clock::System, upstream);
                let mut call = ::retry_http::__private::Call::of_lender(
                    ::retry_http::__private::Clock::System,
                    &const {
                        ::retry_http::__private::Declaration::visible(
                            ::core::concat!(::core::module_path!(), "::user"),
                            ::retry_http::Policy::builder(),
                        )
                    },
                    &mut lent,
                );
                loop {
                    call.wait_for_admission_blocking();
                    let mut outcome = ::retry_http::__private::attempt_blocking(
                        &mut call,
                        || -> Result<Response, Error> {
                            {
                                match http.get("") {
                                    sender => {
                                        ::retry_http::__private::SenderKind(&raw const sender)
                                            .arm_sender(sender)
                                    }
                                }
                                    .send()
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
                    lent.forget();
                    return outcome;
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
                let mut call = ::retry_http::__private::Call::of(
                    ::retry_http::__private::Clock::Tokio,
                    &const {
                        ::retry_http::__private::Declaration::visible(
                            ::core::concat!(::core::module_path!(), "::job"),
                            ::retry_http::Policy::builder(),
                        )
                    },
                );
                call.read_all_hints();
                loop {
                    let mut outcome = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                if false {
                                    return ::retry_http::__private::unreachable_value::<
                                        Result<Job, Error>,
                                    >();
                                }
                                {
                                    match match http.get("") {
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
                    call.ask_retry_if(&outcome, is_pending);
                    outcome = match ::retry_http::__private::ErrorKind(&raw const outcome)
                        .conclude(&mut call, outcome, success)
                    {
                        ::core::option::Option::Some(outcome) => outcome,
                        ::core::option::Option::None => continue,
                    };
                    call.forget();
                    return outcome;
                }
            }
        "#]],
    );
}

#[test]
fn a_retry_if_and_a_never_if_with_a_renewal() {
    check(
        quote!(retry_if = is_pending, never_if = Job::is_final, reauth = login()),
        quote! {
            async fn job(http: &Client) -> Result<Job, Error> {
                http.get("").send().await?.json().await
            }
        },
        expect![[r#"
            async fn job(http: &Client) -> Result<Job, Error> {
                let mut call = ::retry_http::__private::Call::start(
                    ::retry_http::__private::Clock::Tokio,
                    {
                        static FUNCTION: ::retry_http::__private::Function = ::retry_http::__private::Function::visible(
                            ::core::concat!(::core::module_path!(), "::job"),
                        );
                        &FUNCTION
                    },
                    &const { ::retry_http::Policy::builder().__trusted() },
                );
                call.count_renewals();
                call.read_all_hints();
                loop {
                    let mut outcome = {
                        ::retry_http::__private::attempt(
                                &mut call,
                                async {
                                    if false {
                                        return ::retry_http::__private::unreachable_value::<
                                            Result<Job, Error>,
                                        >();
                                    }
                                    {
                                        match match http.get("") {
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
                            .await
                    };
                    let success = ::retry_http::__private::SuccessKind(outcome.as_ref())
                        .success_kind();
                    call.ask_never_if(&outcome, Job::is_final);
                    if ::retry_http::__private::ErrorKind(&raw const outcome)
                        .start_renewal(&mut call, &outcome, success)
                    {
                        if !call
                            .run_renewal(
                                ::std::boxed::Box::pin(async {
                                    match (login()) {
                                        renewal => {
                                            let kind = ::retry_http::__private::Kind(&raw const renewal)
                                                .renewal_kind();
                                            kind.renewed(renewal).await
                                        }
                                    }
                                }),
                            )
                            .await
                        {
                            return outcome;
                        }
                        call.begin_wait_after_renewal(outcome, success);
                        continue;
                    }
                    call.ask_retry_if(&outcome, is_pending);
                    outcome = match ::retry_http::__private::ErrorKind(&raw const outcome)
                        .conclude(&mut call, outcome, success)
                    {
                        ::core::option::Option::Some(outcome) => outcome,
                        ::core::option::Option::None => continue,
                    };
                    call.forget();
                    return outcome;
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
                let mut call = ::retry_http::__private::Call::of(
                    ::retry_http::__private::Clock::Tokio,
                    &const {
                        ::retry_http::__private::Declaration::visible(
                            ::core::concat!(::core::module_path!(), "::put"),
                            ::retry_http::Policy::builder(),
                        )
                    },
                );
                call.leave_for_arguments();
                loop {
                    let item = ::retry_http::__private::argument!(item);
                    let mut outcome = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                let item = item;
                                if false {
                                    return ::retry_http::__private::unreachable_value::<
                                        Result<Response, Error>,
                                    >();
                                }
                                {
                                    match http
                                        .put("")
                                        .body(
                                            match (
                                                {
                                                    let id = ::retry_http::__private::Kind::of(&item)
                                                        .response_id(&item);
                                                    id
                                                },
                                                item.bytes(),
                                            ) {
                                                (id, body) => {
                                                    ::retry_http::__private::BodyKind(&raw const body)
                                                        .track_body_of(body, id)
                                                }
                                            },
                                        )
                                    {
                                        sender => {
                                            ::retry_http::__private::Kind(&raw const sender)
                                                .arm_awaited(sender)
                                        }
                                    }
                                        .send()
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
                let mut call = ::retry_http::__private::Call::of(
                    ::retry_http::__private::Clock::Tokio,
                    &const {
                        ::retry_http::__private::Declaration::visible(
                            ::core::concat!(::core::module_path!(), "::put"),
                            ::retry_http::Policy::builder(),
                        )
                    },
                );
                call.leave_for_arguments();
                loop {
                    let item = ::retry_http::__private::argument!(item);
                    let mut outcome = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                let item = item;
                                if false {
                                    return ::retry_http::__private::unreachable_value::<
                                        Result<Response, Error>,
                                    >();
                                }
                                {
                                    match http.put("").json(&wrap(item)) {
                                        sender => {
                                            ::retry_http::__private::Kind(&raw const sender)
                                                .arm_awaited(sender)
                                        }
                                    }
                                        .send()
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
                let mut call = ::retry_http::__private::Call::of(
                    ::retry_http::__private::Clock::Tokio,
                    &const {
                        ::retry_http::__private::Declaration::visible(
                            ::core::concat!(::core::module_path!(), "::put"),
                            ::retry_http::Policy::builder(),
                        )
                    },
                );
                call.leave_for_arguments();
                loop {
                    let query = ::retry_http::__private::clone_argument(&query);
                    let mut outcome = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                let mut query = query;
                                if false {
                                    return ::retry_http::__private::unreachable_value::<
                                        Result<Response, Error>,
                                    >();
                                }
                                {
                                    query.push(b'x');
                                    match http.put("").body(query) {
                                        sender => {
                                            ::retry_http::__private::Kind(&raw const sender)
                                                .arm_awaited(sender)
                                        }
                                    }
                                        .send()
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
                let ids = ::retry_http::__private::collect_items(ids);
                let mut call = ::retry_http::__private::Call::of(
                    ::retry_http::__private::Clock::Tokio,
                    &const {
                        ::retry_http::__private::Declaration::visible(
                            ::core::concat!(::core::module_path!(), "::put"),
                            ::retry_http::Policy::builder(),
                        )
                    },
                );
                call.leave_for_arguments();
                loop {
                    let body = ::retry_http::__private::request!(clone, body, call);
                    let name = ::retry_http::__private::clone_argument(&name);
                    let ids = ::retry_http::__private::ArgumentKind::of(&ids).clone_items(&ids);
                    let mut outcome = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                let body = body;
                                let name = name;
                                let ids = ids;
                                if false {
                                    return ::retry_http::__private::unreachable_value::<
                                        Result<Response, Error>,
                                    >();
                                }
                                {
                                    match http
                                        .put(::core::convert::identity(name))
                                        .query(&ids.into_iter().collect::<Vec<_>>())
                                        .body(body)
                                    {
                                        sender => {
                                            ::retry_http::__private::Kind(&raw const sender)
                                                .arm_awaited(sender)
                                        }
                                    }
                                        .send()
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
                let mut call = ::retry_http::__private::Call::of(
                    ::retry_http::__private::Clock::Tokio,
                    &const {
                        ::retry_http::__private::Declaration::visible(
                            ::core::concat!(::core::module_path!(), "::send"),
                            ::retry_http::Policy::builder(),
                        )
                    },
                );
                call.leave_for_arguments();
                loop {
                    let builder = ::retry_http::__private::request!(lend, builder, call);
                    let form = ::retry_http::__private::request!(once, form, call);
                    let mut outcome = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                let builder = builder;
                                let form = form;
                                if false {
                                    return ::retry_http::__private::unreachable_value::<
                                        Result<Response, Error>,
                                    >();
                                }
                                {
                                    match builder.multipart(form) {
                                        sender => {
                                            ::retry_http::__private::Kind(&raw const sender)
                                                .arm_awaited(sender)
                                        }
                                    }
                                        .send()
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
                let mut call = ::retry_http::__private::Call::of(
                    ::retry_http::__private::Clock::Tokio,
                    &const {
                        ::retry_http::__private::Declaration::visible(
                            ::core::concat!(::core::module_path!(), "::put"),
                            ::retry_http::Policy::builder(),
                        )
                    },
                );
                call.leave_for_arguments();
                loop {
                    let data = &mut *data;
                    let mut outcome = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                let data = data;
                                if false {
                                    return ::retry_http::__private::unreachable_value::<
                                        Result<Response, Error>,
                                    >();
                                }
                                {
                                    data.rewind()?;
                                    match http.put("").body(read(data)?) {
                                        sender => {
                                            ::retry_http::__private::Kind(&raw const sender)
                                                .arm_awaited(sender)
                                        }
                                    }
                                        .send()
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
                let mut call = ::retry_http::__private::Call::of(
                    ::retry_http::__private::Clock::Tokio,
                    &const {
                        ::retry_http::__private::Declaration::visible(
                            ::core::concat!(::core::module_path!(), "::send"),
                            ::retry_http::Policy::builder(),
                        )
                    },
                );
                call.leave_for_arguments();
                loop {
                    let this = ::retry_http::__private::argument!(this);
                    let mut outcome = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                let this = this;
                                if false {
                                    return ::retry_http::__private::unreachable_value::<
                                        Result<Response, Error>,
                                    >();
                                }
                                {
                                    match this
                                        .http
                                        .put("")
                                        .body(::retry_http::__private::clone_argument(&this.body))
                                    {
                                        sender => {
                                            ::retry_http::__private::Kind(&raw const sender)
                                                .arm_awaited(sender)
                                        }
                                    }
                                        .send()
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
                let mut call = ::retry_http::__private::Call::of(
                    ::retry_http::__private::Clock::Tokio,
                    &const {
                        ::retry_http::__private::Declaration::visible(
                            ::core::concat!(::core::module_path!(), "::put"),
                            ::retry_http::Policy::builder(),
                        )
                    },
                );
                loop {
                    let mut outcome = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                if false {
                                    return ::retry_http::__private::unreachable_value::<
                                        Result<Response, Error>,
                                    >();
                                }
                                {
                                    match http
                                        .put(::retry_http::__private::clone_argument(&item.url))
                                    {
                                        sender => {
                                            ::retry_http::__private::Kind(&raw const sender)
                                                .arm_awaited(sender)
                                        }
                                    }
                                        .send()
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
                let mut call = ::retry_http::__private::Call::of(
                    ::retry_http::__private::Clock::Tokio,
                    &const {
                        ::retry_http::__private::Declaration::visible(
                            ::core::concat!(::core::module_path!(), "::put"),
                            ::retry_http::Policy::builder(),
                        )
                    },
                );
                call.leave_for_arguments();
                loop {
                    #[cfg(all(feature = "x", feature = "x"))]
                    let body = ::retry_http::__private::clone_argument(&body);
                    let mut outcome = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                #[cfg(all(feature = "x", feature = "x"))]
                                let body = body;
                                if false {
                                    return ::retry_http::__private::unreachable_value::<
                                        Result<Response, Error>,
                                    >();
                                }
                                {
                                    #[cfg(feature = "x")]
                                    let http = http.with(body);
                                    match http.put("") {
                                        sender => {
                                            ::retry_http::__private::Kind(&raw const sender)
                                                .arm_awaited(sender)
                                        }
                                    }
                                        .send()
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
                        let mut call = ::retry_http::__private::Call::of(
                            ::retry_http::__private::Clock::Tokio,
                            &const {
                                ::retry_http::__private::Declaration::visible(
                                    ::core::concat!(::core::module_path!(), "::user"),
                                    ::retry_http::Policy::builder(),
                                )
                            },
                        );
                        loop {
                            let mut outcome = ::retry_http::__private::attempt(
                                    &mut call,
                                    async {
                                        if false {
                                            return ::retry_http::__private::unreachable_value::<
                                                Result<String, Error>,
                                            >();
                                        }
                                        {
                                            match match __self.http.get("") {
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
                                                .await
                                        }
                                    },
                                )
                                .await;
                            let success = ::retry_http::__private::SuccessKind(outcome.as_ref())
                                .success_kind();
                            if !call.try_end(&outcome, success) {
                                outcome = match ::retry_http::__private::ErrorKind(
                                        &raw const outcome,
                                    )
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
                    __ret
                })
            }
        "#]],
    );
}

#[test]
fn headers_that_ask_for_a_wait() {
    check(
        quote!(policy = GENTLE, hint = ["X-My-Reset", OTHER, "x-my-reset-ms"]),
        quote! {
            async fn ping(http: &Client) -> Result<Response, Error> {
                http.get("").send().await
            }
        },
        expect![[r#"
            async fn ping(http: &Client) -> Result<Response, Error> {
                let mut call = ::retry_http::__private::Call::start(
                    ::retry_http::__private::Clock::Tokio,
                    &const {
                        ::retry_http::__private::Function::visible(
                            ::core::concat!(::core::module_path!(), "::ping"),
                        )
                    },
                    {
                        const __HINT_1: &::core::primitive::str = OTHER;
                        const _: () = ::retry_http::__private::rules::uphold(
                            ::retry_http::__private::rules::hint_name(
                                __HINT_1,
                                &["x-my-reset", "x-my-reset-ms"],
                            ),
                        );
                        const __POLICY: ::retry_http::Policy = (GENTLE)
                            .to_builder()
                            .hint(&["x-my-reset", __HINT_1, "x-my-reset-ms"])
                            .__trusted();
                        &__POLICY
                    },
                );
                loop {
                    let mut outcome = ::retry_http::__private::attempt(
                            &mut call,
                            async {
                                if false {
                                    return ::retry_http::__private::unreachable_value::<
                                        Result<Response, Error>,
                                    >();
                                }
                                {
                                    match http.get("") {
                                        sender => {
                                            ::retry_http::__private::Kind(&raw const sender)
                                                .arm_awaited(sender)
                                        }
                                    }
                                        .send()
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
        "#]],
    );
}
