//! In attempts of several requests one decides, others forbid to repeat them, and calls stand
//! inside of calls.

mod support;

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::{Either, select};
use reqwest::{Client, Response};
use retry_http::testing::server::{Reply, Server};
use retry_http::{FailureSet, HttpFailure, Step, retry_http, testing};
use support::{Opaque, Routes, late, ms, secs};

type Outcome = Result<(), Opaque>;

#[retry_http(transparent)]
async fn get(http: &Client, url: String) -> reqwest::Result<Response> {
    http.get(url).send().await?.error_for_status()
}

#[retry_http(transparent)]
async fn post(http: &Client, url: String) -> reqwest::Result<Response> {
    http.post(url).send().await?.error_for_status()
}

mod several {
    use super::*;

    #[retry_http(base = 1ms)]
    async fn mirrored(http: &Client, server: &Server) -> Outcome {
        if get(http, server.url("/a")).await.is_ok() {
            return Ok(());
        }
        get(http, server.url("/b")).await?;
        Ok(())
    }

    #[tokio::test]
    async fn a_mirror_that_answers_ends_the_call_and_one_that_fails_is_retried() {
        let server = Routes::new().path("/a", [503]).path("/b", [200]).serve();
        mirrored(&Client::new(), &server).await.unwrap();
        assert_eq!(support::counts(&server, &["/a", "/b"]), [1, 1]);
        let server = Routes::new().path("/a", [503]).path("/b", [503, 200]).serve();
        mirrored(&Client::new(), &server).await.unwrap();
        assert_eq!(support::counts(&server, &["/a", "/b"]), [2, 2]);
    }

    #[tokio::test]
    async fn a_tolerated_failure_does_not_repeat_a_success() {
        #[retry_http(base = 1ms)]
        async fn order(http: &Client, server: &Server) -> Outcome {
            _ = get(http, server.url("/audit")).await;
            post(http, server.url("/order")).await?;
            Ok(())
        }

        #[retry_http(base = 1ms)]
        async fn order_first(http: &Client, server: &Server) -> Outcome {
            get(http, server.url("/order")).await?;
            _ = get(http, server.url("/audit")).await;
            Ok(())
        }

        let server = Routes::new().path("/audit", [503]).path("/order", [200]).serve();
        order(&Client::new(), &server).await.unwrap();
        assert_eq!(support::counts(&server, &["/audit", "/order"]), [1, 1]);
        order_first(&Client::new(), &server).await.unwrap();
        assert_eq!(support::counts(&server, &["/audit", "/order"]), [2, 2]);
    }

    #[tokio::test]
    async fn the_page_that_failed_decides_about_all_of_a_listing() {
        #[retry_http(base = 1ms)]
        async fn list(http: &Client, server: &Server) -> Result<Vec<String>, Opaque> {
            let mut pages = Vec::new();
            for page in 1..=3 {
                pages.push(get(http, server.url(&format!("/{page}"))).await?.text().await?);
            }
            Ok(pages)
        }

        let server =
            Routes::new().path("/1", [200]).path("/2", [200, 503, 200]).path("/3", [503, 200]).serve();
        assert_eq!(list(&Client::new(), &server).await.unwrap().len(), 3);
        assert_eq!(support::counts(&server, &["/1", "/2", "/3"]), [3, 3, 2]);
    }

    #[tokio::test]
    async fn a_token_is_posted_again_where_its_function_is_idempotent() {
        #[retry_http(transparent, idempotent)]
        async fn token(http: &Client, url: String) -> reqwest::Result<String> {
            http.post(url).send().await?.error_for_status()?.text().await
        }

        #[retry_http(base = 1ms)]
        async fn safe(http: &Client, server: &Server) -> Outcome {
            token(http, server.url("/token")).await?;
            get(http, server.url("/user")).await?;
            Ok(())
        }

        #[retry_http(base = 1ms, on = [429, 503])]
        async fn not_said(http: &Client, server: &Server) -> Outcome {
            post(http, server.url("/token")).await?;
            get(http, server.url("/user")).await?;
            Ok(())
        }

        let server = Routes::new().path("/token", [200]).path("/user", [503, 200]).serve();
        safe(&Client::new(), &server).await.unwrap();
        assert_eq!(support::counts(&server, &["/token", "/user"]), [2, 2]);
        let server = Routes::new().path("/token", [200]).path("/user", [503, 200]).serve();
        not_said(&Client::new(), &server).await.unwrap_err();
        assert_eq!(support::counts(&server, &["/token", "/user"]), [1, 1]);
        // A token that is not to be had is fetched again as any safe request is.
        let server = Routes::new().path("/token", [500, 200]).path("/user", [200]).serve();
        safe(&Client::new(), &server).await.unwrap();
        assert_eq!(support::counts(&server, &["/token", "/user"]), [2, 1]);
    }

    #[tokio::test]
    async fn a_job_that_was_posted_is_not_posted_again_for_a_poll_that_failed() {
        #[retry_http(base = 1ms, on = [202, 429, 503])]
        async fn job(http: &Client, server: &Server) -> Outcome {
            post(http, server.url("/jobs")).await?;
            while get(http, server.url("/jobs/1")).await?.status() == 202 {}
            Ok(())
        }

        let server = Routes::new().path("/jobs", [200]).path("/jobs/1", [202, 202, 503]).serve();
        job(&Client::new(), &server).await.unwrap_err();
        assert_eq!(support::counts(&server, &["/jobs", "/jobs/1"]), [1, 3]);
    }

    #[tokio::test]
    async fn the_loser_of_a_hedge_decides_nothing() {
        #[retry_http(base = 1ms)]
        async fn hedged(http: &Client, server: &Server) -> Outcome {
            tokio::select! {
                slow = http.get(server.url("/slow")).send() => slow?.error_for_status()?,
                fast = async {
                    tokio::time::sleep(ms(30)).await;
                    http.get(server.url("/fast")).send().await
                } => fast?.error_for_status()?,
            };
            Ok(())
        }

        let slow_and_fast = |fast: &[u16]| {
            Routes::new().replies("/slow", [late()]).path("/fast", fast.iter().copied()).serve()
        };
        let server = slow_and_fast(&[200]);
        hedged(&Client::new(), &server).await.unwrap();
        assert_eq!(support::counts(&server, &["/slow", "/fast"]), [1, 1]);
        let server = slow_and_fast(&[404]);
        hedged(&Client::new(), &server).await.unwrap_err();
        assert_eq!(support::counts(&server, &["/slow", "/fast"]), [1, 1]);
        let server = slow_and_fast(&[503, 200]);
        hedged(&Client::new(), &server).await.unwrap();
        assert_eq!(support::counts(&server, &["/slow", "/fast"]), [2, 2]);
    }

    #[tokio::test]
    async fn a_post_that_lost_a_hedge_may_have_been_done() {
        #[retry_http(base = 1ms, on = [503])]
        async fn hedged(http: &Client, server: &Server) -> Outcome {
            let slow = Box::pin(http.post(server.url("/slow")).send());
            let fast = Box::pin(async {
                tokio::time::sleep(ms(30)).await;
                http.get(server.url("/fast")).send().await
            });
            match select(slow, fast).await {
                Either::Left((sent, _)) | Either::Right((sent, _)) => sent?.error_for_status()?,
            };
            Ok(())
        }

        let server = Routes::new().replies("/slow", [late()]).path("/fast", [503]).serve();
        hedged(&Client::new(), &server).await.unwrap_err();
        assert_eq!(support::counts(&server, &["/slow", "/fast"]), [1, 1]);
    }

    #[tokio::test]
    async fn an_error_is_of_the_request_that_it_names_though_another_one_came_after() {
        #[retry_http(base = 1ms, jitter = none)]
        async fn both(http: &Client, server: &Server) -> reqwest::Result<()> {
            let a = http.get(server.url("/a")).send().await?;
            http.get(server.url("/b")).send().await?.error_for_status()?;
            a.error_for_status()?;
            Ok(())
        }

        let limited = Reply::status(429).header("retry-after", "30");
        let server = Routes::new().replies("/a", [limited, Reply::status(200)]).path("/b", [200]).serve();
        let kit = testing::instant();
        both(&Client::new(), &server).await.unwrap();
        assert_eq!(kit.waits(), [secs(30)]);
    }

    #[tokio::test]
    async fn the_longest_hint_of_an_attempt_is_obeyed() {
        #[retry_http(base = 1ms, jitter = none, max_retry_after = 1m)]
        async fn both(http: &Client, server: &Server) -> reqwest::Result<()> {
            let (a, b) = tokio::join!(http.get(server.url("/a")).send(), http.get(server.url("/b")).send());
            a?.error_for_status()?;
            b?.error_for_status()?;
            Ok(())
        }

        let hinted = |seconds| Reply::status(503).header("retry-after", seconds);
        for (a, b, waits) in
            [("2", "30", vec![30]), ("30", "2", vec![30]), ("2", "300", vec![60]), ("300", "2", vec![])]
        {
            let server = Routes::new()
                .replies("/a", [hinted(a), Reply::status(200)])
                .replies("/b", [hinted(b), Reply::status(200)])
                .serve();
            let kit = testing::instant();
            // The error is of `/a`: a longer hint of that ends the call, one of `/b` counts up to
            // the limit.
            assert_eq!(both(&Client::new(), &server).await.is_ok(), !waits.is_empty());
            let waits: Vec<_> = waits.into_iter().map(Duration::from_secs).collect();
            assert_eq!(kit.waits(), waits, "{a} and {b}");
        }
    }

    #[derive(Debug)]
    struct Graph {
        status: Option<u16>,
        wait: Option<Duration>,
    }

    impl HttpFailure for Graph {
        fn status(&self) -> Option<u16> {
            self.status
        }

        fn failures(&self) -> FailureSet {
            FailureSet::EMPTY
        }

        fn retry_after(&self) -> Option<Duration> {
            self.wait
        }
    }

    impl From<reqwest::Error> for Graph {
        fn from(_: reqwest::Error) -> Self {
            Self { status: None, wait: None }
        }
    }

    /// An error in a 200, as GraphQL has it: `429 7` is a status and a wait in milliseconds.
    #[retry_http(base = 1ms)]
    async fn query(http: &Client, url: &str) -> Result<(), Graph> {
        let text = http.post(url).send().await?.text().await?;
        let mut words = text.split(' ');
        let status = words.next().and_then(|word| word.parse().ok());
        let wait = words.next().and_then(|word| word.parse().ok()).map(ms);
        if text == "fine" { Ok(()) } else { Err(Graph { status, wait }) }
    }

    #[tokio::test]
    async fn an_error_of_the_users_adds_status_and_wait_to_the_request_and_keeps_its_method() {
        let answer = |text: &str| Reply::status(200).body(text.to_owned());
        for (text, requests) in
            [("429 150", 2), ("503 150", 2), ("503", 1), ("500", 1), ("oops", 1), ("fine", 1)]
        {
            let (server, kit) = (Server::script([answer(text), answer("fine")]), testing::instant());
            _ = query(&Client::new(), &server.url("/")).await;
            assert_eq!((server.requests().len(), kit.waits().len()), (requests, requests - 1), "{text}");
            assert!(kit.waits().iter().all(|wait| *wait >= ms(150)), "{text}: {:?}", kit.waits());
        }
    }

    #[tokio::test]
    async fn a_body_that_is_cut_by_a_time_limit_is_a_timeout() {
        #[retry_http(base = 1ms)]
        async fn read(http: &Client, url: String) -> Outcome {
            let response = http.get(url).send().await?;
            tokio::time::timeout(ms(100), response.text()).await??;
            Ok(())
        }

        #[retry_http(base = 1ms)]
        async fn read_by_post(http: &Client, url: String) -> Outcome {
            let response = http.post(url).send().await?;
            tokio::time::timeout(ms(100), async { response.text().await }).await??;
            Ok(())
        }

        #[retry_http(base = 1ms)]
        async fn read_and_say_why(http: &Client, url: String) -> anyhow::Result<()> {
            let response = http.get(url).send().await?;
            tokio::time::timeout(ms(100), response.bytes()).await??;
            Ok(())
        }

        let script =
            || Server::script([Reply::status(200).body("x").stalled(), Reply::status(200).body("x")]);
        let server = script();
        read_and_say_why(&Client::new(), server.url("/")).await.unwrap();
        assert_eq!(server.requests().len(), 2);
        // An error that does not contain tokio's `Elapsed` does not say that a limit ran out.
        let server = script();
        read(&Client::new(), server.url("/")).await.unwrap_err();
        assert_eq!(server.requests().len(), 1);
        let server = script();
        read_by_post(&Client::new(), server.url("/")).await.unwrap_err();
        assert_eq!(server.requests().len(), 1);
    }

    #[tokio::test]
    async fn a_time_limit_on_something_else_says_nothing_of_a_request_that_was_answered() {
        #[retry_http(base = 1ms, on = [timeout])]
        async fn post_then_wait(http: &Client, url: String) -> anyhow::Result<()> {
            http.post(url).send().await?;
            tokio::time::timeout(ms(10), std::future::pending::<()>()).await?;
            Ok(())
        }

        let server = Server::script([Reply::status(200)]);
        post_then_wait(&Client::new(), server.url("/")).await.unwrap_err();
        assert_eq!(server.requests().len(), 1, "the POST was done");
    }

    #[tokio::test]
    async fn a_response_that_is_read_after_its_call_decides_nothing_in_another_one() {
        #[retry_http(base = 1ms)]
        async fn download(http: &Client, url: String) -> reqwest::Result<Response> {
            http.get(url).send().await
        }

        #[retry_http(base = 1ms, carry = [from])]
        async fn copy(http: &Client, from: &mut Response, to: String) -> Outcome {
            http.get(to).send().await?;
            while from.chunk().await?.is_some() {}
            Ok(())
        }

        let broken = Server::script([Reply::status(200).body("x".repeat(1000)).truncated()]);
        let other = Server::script([Reply::status(200)]);
        let http = Client::new();
        let mut response = download(&http, broken.url("/")).await.unwrap();
        copy(&http, &mut response, other.url("/")).await.unwrap_err();
        assert_eq!((broken.requests().len(), other.requests().len()), (1, 1), "the body is another call's");
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_within_its_attempt_is_repeated() {
        #[retry_http(base = 1ms)]
        async fn download(http: &Client, url: String) -> Result<String, Opaque> {
            use futures::StreamExt;
            let mut text = Vec::new();
            let mut body = http.get(url).send().await?.bytes_stream();
            while let Some(piece) = body.next().await {
                text.extend_from_slice(&piece?);
            }
            String::from_utf8(text).map_err(Opaque::from)
        }

        let server =
            Server::script([Reply::status(200).body("whole").truncated(), Reply::status(200).body("whole")]);
        assert_eq!(download(&Client::new(), server.url("/")).await.unwrap(), "whole");
        assert_eq!(server.requests().len(), 2);
    }
}

mod nested {
    use super::*;

    #[retry_http(max = 2, base = 1ms)]
    async fn create(http: &Client, url: String) -> Outcome {
        http.post(url).send().await?.error_for_status()?;
        Ok(())
    }

    #[retry_http(max = 2, base = 1ms, idempotency_key)]
    async fn create_keyed(http: &Client, url: String) -> Outcome {
        http.post(url).send().await?.error_for_status()?;
        Ok(())
    }

    #[retry_http(max = 2, base = 1ms)]
    async fn read(http: &Client, url: String) -> reqwest::Result<()> {
        http.get(url).send().await?.error_for_status()?;
        Ok(())
    }

    #[tokio::test]
    async fn an_outer_call_does_not_repeat_a_post_of_an_inner_one() {
        #[retry_http(base = 1ms)]
        async fn order(http: &Client, server: &Server) -> Outcome {
            create(http, server.url("/order")).await
        }

        #[retry_http(base = 1ms, on = [500, timeout, reset])]
        async fn listed(http: &Client, server: &Server) -> Outcome {
            create(http, server.url("/order")).await
        }

        let http = Client::builder().timeout(ms(100)).build().unwrap();
        for reply in [late(), Reply::status(500), Reply::reset()] {
            for is_listed in [false, true] {
                let server = Routes::new().replies("/order", [reply.clone()]).serve();
                let outcome =
                    if is_listed { listed(&http, &server).await } else { order(&http, &server).await };
                outcome.unwrap_err();
                assert_eq!(server.requests().len(), 1, "{reply:?}: the inner call has decided about it");
            }
        }
    }

    static OFF: std::sync::LazyLock<retry_http::Policy> =
        std::sync::LazyLock::new(|| retry_http::Policy::builder().max(0).build().unwrap());

    /// A body that is an inner call.
    macro_rules! around {
        ($name:ident ($($outer:tt)*) around ($($inner:tt)*) $method:ident) => {
            async fn $name(http: &Client, url: &str) -> reqwest::Result<String> {
                #[retry_http(base = 1ms, $($inner)*)]
                async fn inner(http: &Client, url: &str) -> reqwest::Result<String> {
                    http.$method(url).send().await?.error_for_status()?.text().await
                }

                #[retry_http(base = 1ms, max = 1, $($outer)*)]
                async fn outer(http: &Client, url: &str) -> reqwest::Result<String> {
                    inner(http, url).await
                }

                outer(http, url).await
            }
        };
    }

    around!(keyed (on = [5xx]) around (idempotency_key, on = [429]) post);
    around!(conflict (on = [409, 503]) around (idempotency_key) post);
    around!(accepted (on = [202, 503]) around (idempotency_key) post);
    around!(wanted (retry_if = Result::is_ok) around (idempotency_key) post);
    around!(strict (on = [429, 5xx]) around (on = [429]) post);
    around!(wanted_strict (retry_if = Result::is_ok) around (on = [429]) post);
    around!(failed (on = [timeout, reset]) around (on = [connect]) post);
    around!(off (on = [5xx]) around (policy = &*OFF) post);
    around!(off_keyed (on = [5xx]) around (policy = &*OFF, idempotency_key) post);
    around!(safe (on = [5xx]) around (idempotent, on = [429]) post);
    around!(refused (on = [429]) around (on = [connect]) post);
    around!(unlisted (on = [5xx]) around (on = [429]) get);

    /// Whatever its policy lists, a call around repeats nothing that an inner call may have done.
    #[tokio::test]
    async fn no_policy_of_an_outer_call_repeats_what_an_inner_one_may_have_done() {
        let http = Client::new();
        macro_rules! check {
            ($($call:ident $reply:expr => $requests:literal;)+) => {$(
                let server = Server::script([$reply, Reply::status(200)]);
                // Only the requests count.
                _ = $call(&http, &server.url("/")).await;
                assert_eq!(server.requests().len(), $requests, "{}", stringify!($call));
            )+};
        }
        check! {
            keyed Reply::status(500) => 1;
            conflict Reply::status(409) => 1;
            accepted Reply::status(202) => 1;
            wanted Reply::status(200) => 1;
            strict Reply::status(500) => 1;
            wanted_strict Reply::status(200) => 1;
            failed Reply::reset() => 1;
            off_keyed Reply::status(500) => 1;
            // The retries of an inner call that has none are those of the call around.
            off Reply::status(500) => 2;
            // These are safe to repeat, or were refused.
            safe Reply::status(500) => 2;
            refused Reply::status(429) => 2;
            unlisted Reply::status(500) => 2;
        }
    }

    #[tokio::test]
    async fn a_key_belongs_to_the_call_that_has_it() {
        #[retry_http(base = 1ms)]
        async fn inner_key(http: &Client, server: &Server) -> Outcome {
            create_keyed(http, server.url("/order")).await?;
            get(http, server.url("/status")).await?;
            Ok(())
        }

        #[retry_http(base = 1ms, idempotency_key)]
        async fn outer_key(http: &Client, server: &Server) -> Outcome {
            create(http, server.url("/order")).await?;
            get(http, server.url("/status")).await?;
            Ok(())
        }

        #[retry_http(base = 1ms, idempotency_key)]
        async fn both_keys(http: &Client, server: &Server) -> Outcome {
            create_keyed(http, server.url("/order")).await?;
            create_keyed(http, server.url("/order")).await?;
            get(http, server.url("/status")).await?;
            Ok(())
        }

        let http = Client::new();
        let server = Routes::new().path("/order", [200]).path("/status", [503]).serve();
        inner_key(&http, &server).await.unwrap_err();
        assert_eq!(support::counts(&server, &["/order", "/status"]), [1, 1]);

        // The inner call repeats the order that failed, under the key that the outer call repeats.
        let server = Routes::new().path("/order", [500, 200]).path("/status", [503, 200]).serve();
        outer_key(&http, &server).await.unwrap();
        let order = support::keys(&server, "/order");
        assert_eq!((order.len(), support::counts(&server, &["/status"])), (3, vec![2]));
        assert!(order.iter().all(|key| *key == order[0]), "{order:?}");

        let server = Routes::new().path("/order", [500, 200]).path("/status", [503, 200]).serve();
        both_keys(&http, &server).await.unwrap();
        let order = support::keys(&server, "/order");
        // 500 and 200 of the first, the second; and both again.
        assert_eq!(order.len(), 5);
        assert_eq!((&order[0], &order[0], &order[2]), (&order[1], &order[3], &order[4]), "{order:?}");
        assert_ne!(order[0], order[2]);
    }

    #[tokio::test]
    async fn keyed_requests_to_one_place_that_overlap_are_not_repeated() {
        #[retry_http(base = 1ms, idempotency_key)]
        async fn overlapping(http: &Client, server: &Server, same: bool) -> Outcome {
            let second = if same { "/order" } else { "/other" };
            tokio::try_join!(create(http, server.url("/order")), create(http, server.url(second)))?;
            get(http, server.url("/status")).await?;
            Ok(())
        }

        for (same, rounds) in [(true, 1), (false, 2)] {
            let order = || Reply::status(200).late(ms(30));
            let server = Routes::new()
                .replies("/order", [order()])
                .replies("/other", [order()])
                .path("/status", [503, 200])
                .serve();
            assert_eq!(overlapping(&Client::new(), &server, same).await.is_ok(), !same);
            assert_eq!(support::counts(&server, &["/status"]), [rounds]);
            let keys = support::keys(&server, "/order");
            assert!(!same || keys[0] != keys[1], "two requests never share a key");
        }
    }

    #[tokio::test]
    async fn an_outer_call_retries_its_own_failure_and_not_an_inner_one_in_either_order() {
        #[retry_http(max = 2, base = 1ms)]
        async fn audit(http: &Client, server: &Server) -> reqwest::Result<()> {
            http.get(server.url("/audit")).send().await?.error_for_status()?;
            Ok(())
        }

        #[retry_http(max = 1, base = 1ms)]
        async fn order(http: &Client, server: &Server) -> reqwest::Result<()> {
            let order = get(http, server.url("/order")).await;
            _ = audit(http, server).await;
            order.map(drop)
        }

        #[retry_http(max = 1, base = 1ms)]
        async fn inner_then_good(http: &Client, server: &Server) -> reqwest::Result<()> {
            let audited = audit(http, server).await;
            get(http, server.url("/order")).await?;
            audited
        }

        let server = Routes::new().path("/order", [503, 200]).path("/audit", [503]).serve();
        order(&Client::new(), &server).await.unwrap();
        assert_eq!(support::counts(&server, &["/order", "/audit"]), [2, 6]);
        let server = Routes::new().path("/order", [200]).path("/audit", [503]).serve();
        inner_then_good(&Client::new(), &server).await.unwrap_err();
        assert_eq!(support::counts(&server, &["/order", "/audit"]), [1, 3]);
    }

    #[tokio::test]
    async fn a_post_of_an_inner_call_that_is_dropped_is_not_repeated() {
        #[retry_http(base = 1ms)]
        async fn inner(http: &Client, server: &Server) -> Outcome {
            http.post(server.url("/order")).send().await?.error_for_status()?;
            http.get(server.url("/status")).send().await?.error_for_status()?;
            Ok(())
        }

        #[retry_http(base = 1ms, on = [timeout, 503])]
        async fn outer(http: &Client, server: &Server) -> anyhow::Result<()> {
            tokio::time::timeout(ms(100), inner(http, server)).await?.map_err(|_| anyhow::anyhow!("failed"))
        }

        #[retry_http(base = 1ms)]
        async fn reads(http: &Client, server: &Server) -> anyhow::Result<()> {
            tokio::time::timeout(ms(100), read(http, server.url("/status"))).await??;
            Ok(())
        }

        let server = Routes::new().path("/order", [200]).replies("/status", [late()]).serve();
        outer(&Client::new(), &server).await.unwrap_err();
        assert_eq!(support::counts(&server, &["/order", "/status"]), [1, 1]);
        // The limit is a time-out of the request that was dropped, which is safe to repeat.
        let server = Routes::new().replies("/status", [late(), Reply::status(200)]).serve();
        reads(&Client::new(), &server).await.unwrap();
        assert_eq!(support::counts(&server, &["/status"]), [2]);
    }

    #[tokio::test]
    async fn the_bounds_of_an_outer_call_hold_for_inner_ones() {
        #[retry_http(max = 9, base = 10ms, jitter = none, deadline = 350ms)]
        async fn outer(http: &Client, url: String) -> reqwest::Result<()> {
            inner(http, url).await
        }

        #[retry_http(max = 100, base = 20ms, factor = 1, jitter = none)]
        async fn inner(http: &Client, url: String) -> reqwest::Result<()> {
            http.get(url).send().await?.error_for_status()?;
            Ok(())
        }

        #[retry_http(max = 1, base = 1ms, timeout = 100ms)]
        async fn outer_timeout(http: &Client, url: String) -> reqwest::Result<()> {
            get(http, url).await.map(drop)
        }

        let http = Client::new();
        // The inner function alone waits for the late answer, and retries the others a hundred
        // times. Within the deadline there is room for 17 waits of its own, and for one that the
        // server asks for.
        let limited = Reply::status(429).header("retry-after", "0.2");
        for (reply, most) in [(late(), 1), (Reply::status(503), 18), (limited, 2)] {
            let server = Server::script([reply.clone()]);
            outer(&http, server.url("/")).await.unwrap_err();
            assert!(server.requests().len() <= most, "{reply:?}: {} requests", server.requests().len());
        }
        let (server, start) = (Server::script([late()]), std::time::Instant::now());
        assert!(outer_timeout(&http, server.url("/")).await.unwrap_err().is_timeout());
        assert_eq!(server.requests().len(), 2);
        assert!(start.elapsed() >= ms(200));
    }

    #[tokio::test]
    async fn an_upstream_admits_a_call_once() {
        static LIMITED: retry_http::Upstream = retry_http::Upstream::new("limited");

        #[retry_http(max = 1, base = 1ms, jitter = none, upstream = LIMITED)]
        async fn outer(http: &Client, url: String) -> reqwest::Result<()> {
            inner(http, url).await
        }

        #[retry_http(max = 1, base = 1ms, jitter = none, upstream = LIMITED)]
        async fn inner(http: &Client, url: String) -> reqwest::Result<()> {
            http.get(url).send().await?.error_for_status()?;
            Ok(())
        }

        let limited = Reply::status(429).header("retry-after", "2");
        let server = Server::script([limited, Reply::status(200)]);
        let kit = testing::instant();
        outer(&Client::new(), server.url("/")).await.unwrap();
        let before = kit.events().len();
        outer(&Client::new(), server.url("/")).await.unwrap();
        let held = |function: &str| {
            let events = kit.events().into_iter().skip(before);
            events
                .filter(|event| event.function.ends_with(function))
                .any(|event| matches!(event.step, Step::Held { .. }))
        };
        assert!(held("::outer"), "the upstream lets calls through one by one");
        assert!(!held("::inner"), "the call inside is part of an attempt that was let through");
    }
}

mod scopes {
    use super::*;
    use futures::FutureExt;
    use std::panic::AssertUnwindSafe;
    use std::task::Poll;

    #[retry_http(max = 1, base = 1ms)]
    async fn read(http: &Client, url: String) -> Outcome {
        http.get(url).send().await?.error_for_status()?;
        Ok(())
    }

    #[tokio::test]
    async fn a_panic_leaves_nothing_behind() {
        #[retry_http(max = 1, base = 1ms)]
        async fn panics(http: &Client, url: String) -> Outcome {
            http.post(url).send().await?;
            panic!("on purpose");
        }

        #[retry_http(max = 1, base = 1ms)]
        async fn outer(http: &Client, url: String) -> Outcome {
            let panicked = AssertUnwindSafe(panics(http, url.clone())).catch_unwind().await;
            assert!(panicked.is_err());
            read(http, url).await
        }

        let server =
            Server::new(|_, request| Reply::status(if request.method == "POST" { 200 } else { 503 }));
        outer(&Client::new(), server.url("/")).await.unwrap_err();
        let posts = server.requests().iter().filter(|request| request.method == "POST").count();
        assert_eq!((posts, server.requests().len()), (1, 3), "the POST of the call that panicked was done");
        // The next call of the thread knows nothing of it.
        let server = Server::script([Reply::status(503), Reply::status(200)]);
        read(&Client::new(), server.url("/")).await.unwrap();
    }

    /// Panics when it is cloned, which is done for each attempt but the last one.
    struct Fragile;

    impl Clone for Fragile {
        fn clone(&self) -> Self {
            panic!("on purpose");
        }
    }

    fn consume<T>(_: T) {}

    #[retry_http(max = 1, base = 1ms)]
    async fn cloned(http: &Client, url: String, fragile: Fragile) -> Outcome {
        consume(fragile);
        read(http, url).await
    }

    #[retry_http(max = 1, base = 1ms, observer = |_| panic!("on purpose"))]
    async fn told(http: &Client, url: String) -> Outcome {
        http.get(url).send().await?.error_for_status()?;
        Ok(())
    }

    type Call<'c> = Pin<Box<dyn Future<Output = Outcome> + 'c>>;

    #[retry_http(max = 1, base = 1ms)]
    async fn around(http: &Client, url: String, call: &Mutex<Option<Call<'_>>>) -> Outcome {
        let call = call.lock().unwrap().take();
        if let Some(call) = call {
            assert!(AssertUnwindSafe(call).catch_unwind().await.is_err());
        }
        http.get(url).send().await?.error_for_status()?;
        Ok(())
    }

    #[tokio::test]
    async fn a_panic_beside_the_body_leaves_the_attempt_around_alone() {
        let http = Client::new();
        for begins_before in [false, true] {
            let calls: [fn(&Client, String) -> Call<'_>; 2] =
                [|http, url| Box::pin(told(http, url)), |http, url| Box::pin(cloned(http, url, Fragile))];
            for call in calls {
                let server = Routes::new().path("/inner", [200]).path("/outer", [503, 200]).serve();
                let mut inner = call(&http, server.url("/inner"));
                // A call that begins outside of the attempt is not part of it when it ends there.
                if begins_before && futures::poll!(AssertUnwindSafe(&mut inner).catch_unwind()).is_ready() {
                    assert!(server.requests().is_empty(), "only the clone panics before it sends");
                    continue;
                }
                around(&http, server.url("/outer"), &Mutex::new(Some(inner))).await.unwrap();
                assert_eq!(support::counts(&server, &["/outer"]), [2]);
            }
        }
        // Nor is any call that follows.
        let server = Server::script([Reply::status(503), Reply::status(200)]);
        read(&http, server.url("/")).await.unwrap();
        assert_eq!(server.requests().len(), 2);
    }

    /// A refusal whose body never comes, and holds `kept`.
    fn refusal<T: Send + Sync + 'static>(kept: T) -> Response {
        let body = futures::stream::poll_fn(move |_| {
            let _kept = &kept;
            Poll::<Option<std::io::Result<Vec<u8>>>>::Pending
        });
        let refused = http::Response::builder().status(404);
        refused.body(reqwest::Body::wrap_stream(body)).unwrap().into()
    }

    #[tokio::test]
    async fn a_refused_response_of_an_unseen_request_does_not_outlive_the_call() {
        #[retry_http(max = 1, base = 1ms)]
        async fn mirrored(http: &Client, url: &str, kept: &Arc<()>) -> Outcome {
            if refusal(kept.clone()).error_for_status().is_err() {
                http.get(url).send().await?.error_for_status()?;
            }
            Ok(())
        }

        let (http, kept) = (Client::new(), Arc::new(()));
        let server = Server::new(|_, _| Reply::status(200));
        for _ in 0..3 {
            mirrored(&http, &server.url("/"), &kept).await.unwrap();
            assert_eq!(Arc::strong_count(&kept), 1);
        }
    }

    /// Posts when it is cloned, by a call of its own.
    struct Posts<'s>(&'s Client, &'s Server);

    impl Clone for Posts<'_> {
        fn clone(&self) -> Self {
            let post = posted(self.0, self.1.url("/post"));
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(post)).unwrap();
            Self(self.0, self.1)
        }
    }

    #[retry_http(max = 1, base = 1ms)]
    async fn posted(http: &Client, url: String) -> Outcome {
        post(http, url).await?;
        Ok(())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_clones_of_arguments_are_no_part_of_an_attempt() {
        #[retry_http(max = 2, base = 1ms)]
        async fn call(posts: Posts<'_>) -> Outcome {
            let Posts(http, server) = posts;
            http.get(server.url("/get")).send().await?.error_for_status()?;
            Ok(())
        }

        let http = Client::new();
        // The first call of a thread differs from the others.
        for _ in 0..2 {
            let server = Routes::new().path("/post", [200]).path("/get", [503, 200]).serve();
            call(Posts(&http, &server)).await.unwrap();
            assert_eq!(support::counts(&server, &["/post", "/get"]), [2, 2]);
        }
    }

    /// Panics when it is dropped.
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "on purpose");
        }
    }

    #[tokio::test]
    async fn a_panic_while_the_call_ends_leaves_the_attempt_around_alone() {
        #[retry_http(max = 1, base = 1ms)]
        async fn ends_in_a_panic(http: &Client, url: String) -> Outcome {
            http.get(url).send().await?;
            refusal(Bomb).error_for_status()?;
            Ok(())
        }

        let server = Routes::new().path("/inner", [200]).path("/outer", [503, 200]).serve();
        let http = Client::new();
        for _ in 0..2 {
            let call = ends_in_a_panic(&http, server.url("/inner"));
            assert!(AssertUnwindSafe(call).catch_unwind().await.is_err());
        }
        let mut call: Call<'_> = Box::pin(ends_in_a_panic(&http, server.url("/inner")));
        assert!(futures::poll!(&mut call).is_pending(), "it begins outside of the attempt");
        around(&http, server.url("/outer"), &Mutex::new(Some(call))).await.unwrap();
        assert_eq!(support::counts(&server, &["/outer"]), [2]);
    }

    #[tokio::test]
    async fn attempts_that_drop_each_other_are_retried_all_the_same() {
        #[retry_http(max = 2, base = 1ms)]
        async fn racing(http: &Client, server: &Server, depth: usize) -> Outcome {
            if depth == 0 {
                return read(http, server.url("/fast")).await;
            }
            tokio::select! {
                biased;
                _ = Box::pin(slow(http, server)) => Err(Opaque),
                outcome = Box::pin(racing(http, server, depth - 1)) => outcome,
            }
        }

        #[retry_http(max = 2, base = 1ms)]
        async fn slow(http: &Client, server: &Server) -> Outcome {
            let nested = read(http, server.url("/slow"));
            tokio::select! {
                outcome = http.get(server.url("/slow")).send() => outcome?.error_for_status().map(drop)?,
                outcome = nested => outcome?,
            }
            Ok(())
        }

        let server = Routes::new().replies("/slow", [late()]).path("/fast", [503, 200]).serve();
        racing(&Client::new(), &server, 5).await.unwrap();
        assert_eq!(support::counts(&server, &["/fast"]), [2]);
        let server = Routes::new().replies("/slow", [late()]).path("/fast", [200]).serve();
        racing(&Client::new(), &server, 1).await.unwrap();
        assert_eq!(support::counts(&server, &["/fast"]), [1]);
    }

    #[tokio::test]
    async fn a_request_of_another_task_decides_nothing() {
        #[retry_http(max = 2, base = 1ms)]
        async fn driving(http: &Client, server: &Server) -> Outcome {
            let set = tokio::task::LocalSet::new();
            let (foreign, url) = (http.clone(), server.url("/order"));
            set.spawn_local(async move { foreign.post(url).send().await });
            set.run_until(async {
                tokio::time::sleep(ms(30)).await;
                http.get(server.url("/status")).send().await?.error_for_status()?;
                Ok(())
            })
            .await
        }

        let server = Routes::new().path("/order", [200]).path("/status", [503, 200]).serve();
        driving(&Client::new(), &server).await.unwrap();
        // The POST of another task is not seen, so the GET decides, and the task is spawned again.
        assert_eq!(support::counts(&server, &["/order", "/status"]), [2, 2]);
    }

    /// A future that begins in one attempt and ends in another.
    #[tokio::test]
    async fn a_send_belongs_to_the_attempt_of_its_first_poll() {
        #[retry_http(max = 2, base = 1ms, carry = [sending])]
        async fn finishing<F: Future<Output = reqwest::Result<Response>>>(
            sending: &mut Pin<Box<F>>,
        ) -> Outcome {
            sending.await?.error_for_status()?;
            Ok(())
        }

        #[retry_http(max = 2, base = 1ms)]
        async fn beginning(http: &Client, server: &Server) -> Outcome {
            let mut sending = Box::pin(http.post(server.url("/order")).send());
            assert!(futures::poll!(&mut sending).is_pending());
            finishing(&mut sending).await?;
            http.get(server.url("/status")).send().await?.error_for_status()?;
            Ok(())
        }

        let server = Routes::new().path("/order", [200]).path("/status", [503]).serve();
        beginning(&Client::new(), &server).await.unwrap_err();
        assert_eq!(support::counts(&server, &["/order", "/status"]), [1, 1]);
    }

    /// A send that is made in the attempt and begins elsewhere, or never.
    #[tokio::test]
    async fn a_post_that_another_task_may_send_is_not_repeated() {
        type Stored = Mutex<Vec<Pin<Box<dyn Future<Output = reqwest::Result<Response>> + Send>>>>;

        #[retry_http(max = 2, base = 1ms)]
        async fn spawned(http: &Client, server: &Server, _: &Stored) -> Outcome {
            tokio::spawn(http.post(server.url("/order")).send()).await.unwrap()?;
            http.get(server.url("/status")).send().await?.error_for_status()?;
            Ok(())
        }

        #[retry_http(max = 2, base = 1ms)]
        async fn stored(http: &Client, server: &Server, stored: &Stored) -> Outcome {
            stored.lock().unwrap().push(Box::pin(http.post(server.url("/order")).send()));
            http.get(server.url("/status")).send().await?.error_for_status()?;
            Ok(())
        }

        #[retry_http(max = 2, base = 1ms)]
        async fn by_an_inner_call(http: &Client, server: &Server, stored: &Stored) -> Outcome {
            #[retry_http(max = 1)]
            async fn inner(http: &Client, server: &Server, stored: &Stored) -> Outcome {
                stored.lock().unwrap().push(Box::pin(http.execute(http.post(server.url("/order")).build()?)));
                Ok(())
            }

            inner(http, server, stored).await?;
            http.get(server.url("/status")).send().await?.error_for_status()?;
            Ok(())
        }

        #[retry_http(max = 2, base = 1ms, idempotent)]
        async fn idempotent(http: &Client, server: &Server, stored: &Stored) -> Outcome {
            stored.lock().unwrap().push(Box::pin(http.post(server.url("/order")).send()));
            http.get(server.url("/status")).send().await?.error_for_status()?;
            Ok(())
        }

        #[retry_http(max = 2, base = 1ms)]
        async fn dropped(http: &Client, server: &Server, _: &Stored) -> Outcome {
            drop(http.post(server.url("/order")).send());
            http.get(server.url("/status")).send().await?.error_for_status()?;
            Ok(())
        }

        #[retry_http(max = 2, base = 1ms)]
        async fn sent_later(http: &Client, server: &Server, _: &Stored) -> Outcome {
            let order = http.post(server.url("/order")).send();
            http.get(server.url("/status")).send().await?.error_for_status()?;
            order.await?.error_for_status()?;
            Ok(())
        }

        #[retry_http(max = 2, base = 1ms)]
        async fn a_stored_get(http: &Client, server: &Server, stored: &Stored) -> Outcome {
            stored.lock().unwrap().push(Box::pin(http.get(server.url("/order")).send()));
            http.get(server.url("/status")).send().await?.error_for_status()?;
            Ok(())
        }

        macro_rules! counts {
            ($call:ident) => {{
                let server = Routes::new().path("/order", [200]).path("/status", [503]).serve();
                let stored = Stored::default();
                $call(&Client::new(), &server, &stored).await.unwrap_err();
                for sending in stored.into_inner().unwrap() {
                    sending.await.unwrap();
                }
                support::counts(&server, &["/order", "/status"])
            }};
        }

        assert_eq!(counts!(spawned), [1, 1]);
        assert_eq!(counts!(stored), [1, 1]);
        assert_eq!(counts!(by_an_inner_call), [1, 1]);
        assert_eq!(counts!(idempotent), [3, 3]);
        assert_eq!(counts!(dropped), [0, 3]);
        assert_eq!(counts!(sent_later), [0, 3]);
        assert_eq!(counts!(a_stored_get), [3, 3]);
    }

    #[test]
    fn a_body_that_sends_for_long_does_not_forget_what_it_has_done() {
        #[retry_http(max = 2, base = 1ms)]
        fn import(http: &reqwest::blocking::Client, server: &Server) -> Outcome {
            http.post(server.url("/order")).send()?.error_for_status()?;
            for _ in 0..200 {
                http.get(server.url("/page")).send()?.error_for_status()?;
            }
            http.get(server.url("/status")).send()?.error_for_status()?;
            Ok(())
        }

        let server = Routes::new().path("/order", [200]).path("/page", [200]).path("/status", [503]).serve();
        import(&reqwest::blocking::Client::new(), &server).unwrap_err();
        assert_eq!(support::counts(&server, &["/order", "/status"]), [1, 1]);
    }
}

/// Covers corner cases of the promises: of errors, hints, siblings and clients.
mod corners {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    async fn unseen_post(http: &Client, url: String) -> reqwest::Result<()> {
        http.post(url).send().await?.error_for_status()?;
        Ok(())
    }

    #[tokio::test]
    async fn an_error_that_names_a_request_is_of_no_other() {
        #[retry_http(base = 1ms)]
        async fn order(http: &Client, server: &Server) -> reqwest::Result<()> {
            http.get(server.url("/config")).send().await?.error_for_status()?.text().await?;
            unseen_post(http, server.url("/order")).await
        }

        let http = Client::builder().timeout(ms(100)).build().unwrap();
        for reply in [late(), Reply::status(500), Reply::reset()] {
            let server = Routes::new().path("/config", [200]).replies("/order", [reply.clone()]).serve();
            order(&http, &server).await.unwrap_err();
            assert_eq!(support::counts(&server, &["/order"]), [1], "{reply:?}");
        }
    }

    #[tokio::test]
    async fn a_post_of_a_call_that_leaves_the_attempt_is_not_repeated() {
        #[retry_http(max = 1)]
        async fn create(http: Client, url: String) -> Outcome {
            http.post(url).send().await?.error_for_status()?;
            Ok(())
        }

        #[retry_http(base = 1ms)]
        async fn detached(http: &Client, server: &Server) -> Outcome {
            let mut inner = Box::pin(create(http.clone(), server.url("/order")));
            if tokio::time::timeout(ms(50), &mut inner).await.is_err() {
                tokio::spawn(inner);
            }
            get(http, server.url("/status")).await?;
            Ok(())
        }

        let slow = Reply::status(200).late(ms(200));
        let server = Routes::new().replies("/order", [slow]).path("/status", [503]).serve();
        detached(&Client::new(), &server).await.unwrap_err();
        assert_eq!(support::counts(&server, &["/order", "/status"]), [1, 1]);
    }

    #[tokio::test]
    async fn a_stream_that_is_dropped_early_is_no_failure() {
        #[retry_http(base = 1ms)]
        async fn first(http: &Client, server: &Server) -> Outcome {
            use futures::StreamExt;
            _ = http.get(server.url("/optional")).send().await?;
            let mut events = http.get(server.url("/events")).send().await?.bytes_stream();
            _ = events.next().await;
            Ok(())
        }

        let events = Reply::status(200).body("x".repeat(100_000));
        let server = Routes::new().path("/optional", [503]).replies("/events", [events]).serve();
        first(&Client::new(), &server).await.unwrap();
        assert_eq!(support::counts(&server, &["/optional", "/events"]), [1, 1]);
    }

    #[tokio::test]
    async fn a_hint_is_waited_for_where_its_call_was_dropped() {
        #[retry_http]
        async fn inner(http: &Client, url: String) -> reqwest::Result<()> {
            http.get(url).send().await?.error_for_status()?;
            Ok(())
        }

        #[retry_http(max = 1, base = 1ms, jitter = none)]
        async fn outer(http: &Client, server: &Server) -> reqwest::Result<()> {
            tokio::try_join!(inner(http, server.url("/a")), async {
                tokio::time::sleep(ms(50)).await;
                get(http, server.url("/b")).await.map(drop)
            })?;
            Ok(())
        }

        let limited = Reply::status(429).header("retry-after", "0.4");
        let server =
            Routes::new().replies("/a", [limited, Reply::status(200)]).path("/b", [503, 200]).serve();
        outer(&Client::new(), &server).await.unwrap();
        let asked: Vec<_> = server.requests().into_iter().filter(|request| request.path == "/a").collect();
        assert_eq!(asked.len(), 2);
        assert!(asked[1].at.duration_since(asked[0].at) >= ms(400));
    }

    #[tokio::test]
    async fn an_error_of_the_users_does_not_take_a_hint_back() {
        #[derive(Debug)]
        struct Unavailable;

        impl HttpFailure for Unavailable {
            fn status(&self) -> Option<u16> {
                Some(503)
            }
        }

        #[retry_http(base = 1ms, jitter = none)]
        async fn read(http: &Client, url: String) -> Result<(), Unavailable> {
            get(http, url).await.map(drop).map_err(|_| Unavailable)
        }

        let server = Server::script([Reply::status(429).header("retry-after", "2"), Reply::status(200)]);
        let kit = testing::instant();
        read(&Client::new(), server.url("/")).await.unwrap();
        assert_eq!(kit.waits(), [secs(2)]);
    }

    #[tokio::test]
    async fn a_renewal_does_not_hurry_past_a_hint() {
        #[retry_http(base = 1ms, jitter = none, reauth = async {})]
        async fn both(http: &Client, server: &Server) -> reqwest::Result<()> {
            _ = http.get(server.url("/a")).send().await?;
            get(http, server.url("/b")).await.map(drop)
        }

        let limited = Reply::status(429).header("retry-after", "0.2");
        let server =
            Routes::new().replies("/a", [limited, Reply::status(200)]).path("/b", [401, 200]).serve();
        let start = std::time::Instant::now();
        both(&Client::new(), &server).await.unwrap();
        assert!(start.elapsed() >= ms(200));
    }

    #[tokio::test]
    async fn a_sibling_that_is_dropped_does_not_overrule_never() {
        #[retry_http(base = 1ms, never = [reset])]
        async fn both(http: &Client, server: &Server) -> Outcome {
            tokio::try_join!(http.get(server.url("/a")).send(), async {
                tokio::time::sleep(ms(20)).await;
                http.get(server.url("/b")).send().await
            })?;
            Ok(())
        }

        let server =
            Routes::new().replies("/a", [Reply::reset().late(ms(400))]).replies("/b", [late()]).serve();
        both(&Client::new(), &server).await.unwrap_err();
        assert_eq!(support::counts(&server, &["/a", "/b"]), [1, 1]);
    }

    #[test]
    fn a_long_attempt_does_not_forget_a_put_that_its_policy_calls_unsafe() {
        #[retry_http(max = 1, base = 1ms, on = [503], idempotent = false)]
        fn put(http: &reqwest::blocking::Client, server: &Server) -> Outcome {
            http.put(server.url("/order")).send()?.error_for_status()?;
            for _ in 0..80 {
                http.head(server.url("/page")).send()?.error_for_status()?;
            }
            http.get(server.url("/status")).send()?.error_for_status()?;
            Ok(())
        }

        let server = Routes::new().path("/order", [200]).path("/page", [200]).path("/status", [503]).serve();
        put(&reqwest::blocking::Client::new(), &server).unwrap_err();
        assert_eq!(support::counts(&server, &["/order", "/status"]), [1, 1]);
    }

    struct Clients {
        all: Vec<Client>,
        next: AtomicUsize,
    }

    impl Clients {
        fn next(&self) -> &Client {
            &self.all[self.next.fetch_add(1, Ordering::Relaxed) % self.all.len()]
        }
    }

    #[tokio::test]
    async fn the_client_of_an_execute_is_evaluated_once() {
        #[retry_http(base = 1ms)]
        async fn made(clients: &Clients, url: &str) -> Outcome {
            let request = clients.all[0].get(url).build()?;
            clients.next().execute(request).await?.error_for_status()?;
            Ok(())
        }

        #[retry_http(base = 1ms)]
        async fn locked(clients: &tokio::sync::Mutex<Clients>, url: &str) -> Outcome {
            let request = Client::new().get(url).build()?;
            clients.lock().await.all[0].execute(request).await?.error_for_status()?;
            Ok(())
        }

        let server = Server::script([Reply::status(503), Reply::status(200)]);
        let clients = Clients { all: vec![Client::new(), Client::new()], next: AtomicUsize::new(0) };
        made(&clients, &server.url("/")).await.unwrap();
        assert_eq!(clients.next.load(Ordering::Relaxed), 2);
        // A place that is more than a name is not armed: it may not be evaluated twice.
        let server = Server::script([Reply::status(200)]);
        locked(&tokio::sync::Mutex::new(clients), &server.url("/")).await.unwrap();
    }

    #[tokio::test]
    async fn async_trait_above_finds_the_callers_of_transparent_methods() {
        #[async_trait::async_trait]
        trait Api {
            async fn request(&self, url: String) -> Outcome;
            async fn user(&self, url: String) -> Outcome;
        }

        struct ByReqwest(Client);

        #[async_trait::async_trait]
        #[retry_http(max = 1, base = 1ms)]
        impl Api for ByReqwest {
            #[retry_http(transparent)]
            async fn request(&self, url: String) -> Outcome {
                self.0.get(url).send().await?.error_for_status()?;
                Ok(())
            }

            async fn user(&self, url: String) -> Outcome {
                self.request(url).await
            }
        }

        let server = Server::script([Reply::status(503), Reply::status(200)]);
        ByReqwest(Client::new()).user(server.url("/")).await.unwrap();
        assert_eq!(server.requests().len(), 2);
    }

    #[tokio::test]
    async fn a_method_that_calls_a_transparent_one_in_any_form_is_retried() {
        #[derive(Clone)]
        struct Api(Client, String);

        #[retry_http(max = 1, base = 1ms)]
        impl Api {
            #[retry_http(transparent)]
            async fn request(&self) -> Outcome {
                self.0.get(&self.1).send().await?.error_for_status()?;
                Ok(())
            }

            async fn by_self(&self) -> Outcome {
                self.request().await
            }

            async fn by_path(&self) -> Outcome {
                Self::request(self).await
            }

            async fn by_its_name(&self) -> Outcome {
                Api::request(self).await
            }

            async fn by_its_type(&self) -> Outcome {
                <Self>::request(self).await
            }

            async fn by_a_clone(&self) -> Outcome {
                self.clone().request().await
            }

            async fn by_a_variable(&self) -> Outcome {
                let this = self.clone();
                this.request().await
            }

            async fn by_a_variable_in_a_block(&self) -> Outcome {
                let api = self;
                let copy = api;
                async move { copy.request().await }.await
            }

            #[allow(clippy::needless_borrow, reason = "it is the form")]
            async fn by_a_reference(&self) -> Outcome {
                (&self).request().await
            }

            async fn by_an_argument(api: &Api) -> Outcome {
                api.request().await
            }

            async fn by_an_argument_in_an_arc(api: Arc<Self>) -> Outcome {
                api.request().await
            }

            async fn in_a_macro(&self) -> Outcome {
                if matches!(self.request().await?, ()) { Ok(()) } else { Err(Opaque) }
            }
        }

        macro_rules! check {
            ($($form:ident $($argument:expr)?;)+) => {$(
                let server = Server::script([Reply::status(503), Reply::status(200)]);
                let api = Api(Client::new(), server.url("/"));
                check!(@ $form api $($argument)?).unwrap_or_else(|_| panic!(stringify!($form)));
                assert_eq!(server.requests().len(), 2, stringify!($form));
            )+};
            (@ $form:ident $api:ident) => { $api.$form().await };
            (@ $form:ident $api:ident $make:expr) => { Api::$form($make(&$api)).await };
        }
        check! {
            by_self; by_path; by_its_name; by_its_type; by_a_clone; by_a_variable;
            by_a_variable_in_a_block; by_a_reference; in_a_macro;
            by_an_argument |api| api;
            by_an_argument_in_an_arc |api: &Api| Arc::new(api.clone());
        }
    }
}
