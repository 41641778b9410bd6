//! Unsafe requests are repeated only where the server can tell that they are.

mod support;

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use reqwest::{Client, Response};
use retry_http::testing::server::{Reply, Request, Server, nobody};
use retry_http::{HttpFailure, Policy, policy, retry_http};
use support::{Opaque, Routes, late, ms, secs};

/// Creates a record for each POST, but one for each key, and answers the first request about each
/// record too late.
fn shop() -> (Server, Arc<Mutex<Vec<String>>>) {
    let records = Arc::new(Mutex::new(Vec::new()));
    let (log, known) = (Arc::clone(&records), Mutex::new(HashMap::new()));
    let server = Server::new(move |_, request| {
        let mut known = known.lock().unwrap();
        let key = support::key(request);
        let repeated = key.as_ref().is_some_and(|key| known.contains_key(key));
        if !repeated {
            let mut log = log.lock().unwrap();
            log.push(format!("{} {}", request.method, request.path));
            if let Some(key) = key {
                known.insert(key, log.len());
            }
        }
        let created = Reply::status(201);
        if repeated { created } else { created.late(secs(60)) }
    });
    (server, records)
}

fn keys(server: &Server) -> Vec<Option<String>> {
    server.requests().iter().map(support::key).collect()
}

#[retry_http(base = 1ms, timeout = 100ms)]
async fn plain(http: &Client, url: &str) -> reqwest::Result<()> {
    http.post(url).send().await?.error_for_status()?;
    Ok(())
}

#[retry_http(base = 1ms, timeout = 100ms, idempotency_key)]
async fn keyed(http: &Client, url: &str) -> reqwest::Result<()> {
    http.post(url).send().await?.error_for_status()?;
    Ok(())
}

#[tokio::test]
async fn a_post_that_timed_out_is_sent_once_or_with_a_key() {
    let http = Client::new();
    let (server, records) = shop();
    assert!(plain(&http, &server.url("/orders")).await.unwrap_err().is_timeout());
    assert_eq!((server.requests().len(), records.lock().unwrap().len()), (1, 1));

    let (server, records) = shop();
    keyed(&http, &server.url("/orders")).await.unwrap();
    let sent = keys(&server);
    assert!(sent.len() >= 2, "{sent:?}");
    assert!(sent.iter().all(|key| key.is_some() && *key == sent[0]), "{sent:?}");
    assert_eq!(records.lock().unwrap().len(), 1);
}

#[test]
fn a_sync_post_that_timed_out_is_sent_with_a_key() {
    #[retry_http(base = 1ms, timeout = 100ms, idempotency_key)]
    fn keyed(http: &reqwest::blocking::Client, url: &str) -> reqwest::Result<()> {
        http.execute(http.post(url).build()?)?.error_for_status()?;
        Ok(())
    }

    let (server, records) = shop();
    keyed(&reqwest::blocking::Client::new(), &server.url("/orders")).unwrap();
    let sent = keys(&server);
    assert!(sent.len() >= 2 && sent.iter().all(|key| key.is_some() && *key == sent[0]), "{sent:?}");
    assert_eq!(records.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn every_call_has_a_version_4_uuid_of_its_own() {
    let http = Client::new();
    let server = Server::script([Reply::status(200)]);
    for _ in 0..20 {
        keyed(&http, &server.url("/")).await.unwrap();
    }
    let sent: Vec<_> = keys(&server).into_iter().map(Option::unwrap).collect();
    assert_eq!(sent.iter().collect::<HashSet<_>>().len(), 20);
    for key in sent {
        // RFC 9562 §5.4: 8-4-4-4-12 hexadecimal digits, version 4, variant 10.
        let parts: Vec<_> = key.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{key}");
        assert!(key.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit()), "{key}");
        assert_eq!(&key[14..15], "4", "{key}");
        assert!("89ab".contains(&key[19..20]), "{key}");
    }
}

#[tokio::test]
async fn an_own_key_is_kept_and_safe_requests_need_none() {
    #[retry_http(base = 1ms, idempotency_key)]
    async fn own(http: &Client, url: &str) -> reqwest::Result<()> {
        http.get(url).send().await?;
        http.post(url).header("Idempotency-Key", "own").send().await?.error_for_status()?;
        Ok(())
    }

    let server =
        Server::script([Reply::status(200), Reply::status(500), Reply::status(200), Reply::status(200)]);
    own(&Client::new(), &server.url("/")).await.unwrap();
    let own = Some("own".to_owned());
    assert_eq!(keys(&server), [None, own.clone(), None, own]);
}

#[tokio::test]
async fn two_requests_of_a_call_have_two_keys_on_every_attempt() {
    #[retry_http(base = 1ms, idempotency_key)]
    async fn transfer(http: &Client, url: &str) -> reqwest::Result<()> {
        http.post(url).send().await?.error_for_status()?;
        http.patch(url).send().await?.error_for_status()?;
        Ok(())
    }

    let server = Server::script([Reply::status(200), Reply::status(500), Reply::status(200)]);
    transfer(&Client::new(), &server.url("/")).await.unwrap();
    let sent = keys(&server);
    assert_eq!((&sent[..2], sent.len()), (&sent[2..], 4));
    assert_ne!(sent[0], sent[1]);
}

#[tokio::test]
async fn a_request_keeps_its_key_where_an_attempt_leaves_another_out() {
    #[retry_http(base = 1ms, idempotency_key)]
    async fn order(http: &Client, server: &Server, known: &Cell<bool>) -> reqwest::Result<()> {
        if !known.replace(true) {
            http.post(server.url("/customer")).send().await?.error_for_status()?;
        }
        for item in 0..2 {
            http.post(server.url(&format!("/item?n={item}"))).send().await?.error_for_status()?;
        }
        Ok(())
    }

    let server = Server::new(|n, _| Reply::status(if n == 2 { 500 } else { 200 }));
    order(&Client::new(), &server, &Cell::new(false)).await.unwrap();
    let sent = keys(&server);
    assert_eq!(sent.len(), 5);
    // customer, item 0, item 1 refused; item 0, item 1.
    assert_eq!(sent[1..3], sent[3..5]);
    assert_eq!(sent.iter().collect::<HashSet<_>>().len(), 3);
}

#[tokio::test]
async fn a_get_that_is_not_idempotent_forbids_to_repeat_the_attempt() {
    #[retry_http(base = 1ms, idempotent = false)]
    async fn increment(http: &Client, server: &Server) -> reqwest::Result<()> {
        http.get(server.url("/increment")).send().await?.error_for_status()?;
        http.get(server.url("/next")).send().await?.error_for_status()?;
        Ok(())
    }

    let server = Server::new(|n, _| Reply::status(if n == 0 { 200 } else { 503 }));
    assert!(increment(&Client::new(), &server).await.is_err());
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_post_that_was_done_is_not_repeated_for_a_listed_status_or_advice() {
    #[retry_http(max = 1, base = 1ms, on = [429])]
    async fn two(http: &Client, server: &Server) -> reqwest::Result<()> {
        http.post(server.url("/")).send().await?.error_for_status()?;
        http.get(server.url("/")).send().await?.error_for_status()?;
        Ok(())
    }

    for (status, advice) in [(429, None), (429, Some("true")), (429, Some("false")), (409, Some("true"))] {
        let server = Server::new(move |n, _| match (n % 2, advice) {
            (0, _) => Reply::status(200),
            (_, None) => Reply::status(status),
            (_, Some(advice)) => Reply::status(status).header("x-should-retry", advice),
        });
        assert!(two(&Client::new(), &server).await.is_err());
        assert_eq!(server.requests().len(), 2, "{status} {advice:?}");
    }
}

async fn requests(reply: Reply, sends: impl AsyncFnOnce(&Client, &str)) -> usize {
    let server = Server::script([reply]);
    let http = Client::builder().timeout(ms(100)).build().unwrap();
    sends(&http, &server.url("/")).await;
    server.requests().len()
}

#[tokio::test]
async fn idempotent_overrides_the_method() {
    #[retry_http(base = 1ms, idempotent)]
    async fn search(http: &Client, url: &str) -> reqwest::Result<()> {
        http.post(url).send().await?.error_for_status()?;
        Ok(())
    }

    #[retry_http(base = 1ms, idempotent = false)]
    async fn increment(http: &Client, url: &str) -> reqwest::Result<()> {
        http.get(url).send().await?.error_for_status()?;
        Ok(())
    }

    let searched = async |http: &Client, url: &str| assert!(search(http, url).await.is_err());
    let incremented = async |http: &Client, url: &str| assert!(increment(http, url).await.is_err());
    for reply in [Reply::hang_up(), Reply::status(500), late()] {
        assert_eq!(requests(reply.clone(), searched).await, 4);
        assert_eq!(requests(reply, incremented).await, 1);
    }
    assert_eq!(requests(Reply::status(503), incremented).await, 1);
    assert_eq!(requests(Reply::status(503).header("retry-after", "0.001"), incremented).await, 4);
}

#[tokio::test]
async fn advice_of_the_server_counts_more_than_its_status() {
    #[retry_http(base = 1ms, never = [502])]
    async fn post(http: &Client, url: &str) -> reqwest::Result<()> {
        http.post(url).send().await?.error_for_status()?;
        Ok(())
    }

    let posted = async |http: &Client, url: &str| assert!(post(http, url).await.is_err());
    for header in ["x-should-retry", "stripe-should-retry"] {
        assert_eq!(requests(Reply::status(409).header(header, "true"), posted).await, 4, "{header}");
        assert_eq!(requests(Reply::status(429).header(header, "false"), posted).await, 1, "{header}");
        assert_eq!(requests(Reply::status(502).header(header, "true"), posted).await, 1, "never wins");
    }
}

mod named {
    use super::*;

    const HEADER: &str = "PayPal-Request-Id";

    fn named(server: &Server) -> Vec<Option<String>> {
        let header = |request: &Request| Some(request.headers.get(HEADER)?.to_str().unwrap().to_owned());
        server.requests().iter().map(header).collect()
    }

    /// Asserts that both requests had one key, in the named header alone.
    #[track_caller]
    fn assert_named(server: &Server) {
        let sent = named(server);
        assert!(sent.len() == 2 && sent[0].is_some() && sent[0] == sent[1], "{sent:?}");
        assert_eq!(keys(server), [None, None]);
    }

    fn broken_once() -> Server {
        Server::script([Reply::status(500), Reply::status(201)])
    }

    #[tokio::test]
    async fn the_key_is_sent_in_the_header_that_is_named() {
        #[retry_http(base = 1ms, idempotency_key = "PayPal-Request-Id")]
        async fn literal(http: &Client, url: String) -> reqwest::Result<()> {
            http.post(url).send().await?.error_for_status()?;
            Ok(())
        }

        #[retry_http(base = 1ms, idempotency_key = HEADER)]
        async fn constant(http: &reqwest12::Client, url: String) -> reqwest12::Result<()> {
            http.execute(http.post(url).build()?).await?.error_for_status()?;
            Ok(())
        }

        #[retry_http(policy = policy!(idempotency_key = "paypal-request-id"), base = 1ms)]
        async fn of_policy(http: &Client, url: String) -> reqwest::Result<()> {
            http.post(url).send().await?.error_for_status()?;
            Ok(())
        }

        #[retry_http(policy = read, base = 1ms)]
        async fn configured(http: &Client, url: String, read: &Policy) -> reqwest::Result<()> {
            http.post(url).send().await?.error_for_status()?;
            Ok(())
        }

        let http = Client::new();
        let server = broken_once();
        literal(&http, server.url("/")).await.unwrap();
        assert_named(&server);
        let server = broken_once();
        constant(&reqwest12::Client::new(), server.url("/")).await.unwrap();
        assert_named(&server);
        let server = broken_once();
        of_policy(&http, server.url("/")).await.unwrap();
        assert_named(&server);
        let server = broken_once();
        let read: Policy = serde_json::from_str(r#"{"idempotency_key": "PayPal-Request-Id"}"#).unwrap();
        configured(&http, server.url("/"), &read).await.unwrap();
        assert_named(&server);
    }

    #[test]
    fn the_key_of_a_sync_function_is_sent_there_as_well() {
        #[retry_http(base = 1ms, idempotency_key = "PayPal-Request-Id")]
        fn send(http: &reqwest::blocking::Client, url: String) -> reqwest::Result<()> {
            http.post(url).send()?.error_for_status()?;
            Ok(())
        }

        #[retry_http(base = 1ms, idempotency_key = "PayPal-Request-Id")]
        fn execute(http: &reqwest12::blocking::Client, url: String) -> reqwest12::Result<()> {
            http.execute(http.post(url).build()?)?.error_for_status()?;
            Ok(())
        }

        let server = broken_once();
        send(&reqwest::blocking::Client::new(), server.url("/")).unwrap();
        assert_named(&server);
        let server = broken_once();
        execute(&reqwest12::blocking::Client::new(), server.url("/")).unwrap();
        assert_named(&server);
    }

    #[tokio::test]
    async fn a_request_that_has_the_header_keeps_its_key() {
        #[retry_http(base = 1ms, idempotency_key = "PayPal-Request-Id")]
        async fn own(http: &Client, url: String, header: &str) -> reqwest::Result<()> {
            http.post(url).header(header, "own").send().await?.error_for_status()?;
            Ok(())
        }

        let own_key = || Some("own".to_owned());
        let server = broken_once();
        own(&Client::new(), server.url("/"), "paypal-request-id").await.unwrap();
        assert_eq!((named(&server), keys(&server)), (vec![own_key(), own_key()], vec![None, None]));
        // That of another header says nothing to this server, which gets a key it knows as well.
        let server = broken_once();
        own(&Client::new(), server.url("/"), "idempotency-key").await.unwrap();
        assert_eq!(keys(&server), [own_key(), own_key()]);
        assert!(named(&server)[0].is_some() && named(&server)[0] == named(&server)[1]);
    }

    #[tokio::test]
    async fn an_empty_key_is_none() {
        #[retry_http(base = 1ms)]
        async fn unkeyed(http: &Client, url: String) -> reqwest::Result<()> {
            http.post(url).header("idempotency-key", "").send().await?.error_for_status()?;
            Ok(())
        }

        #[retry_http(base = 1ms, idempotency_key = "PayPal-Request-Id")]
        async fn keyed(http: &Client, url: String) -> reqwest::Result<()> {
            http.post(url).header("paypal-request-id", "").send().await?.error_for_status()?;
            Ok(())
        }

        let server = broken_once();
        unkeyed(&Client::new(), server.url("/")).await.unwrap_err();
        assert_eq!(server.requests().len(), 1);
        let server = broken_once();
        keyed(&Client::new(), server.url("/")).await.unwrap();
        assert_named(&server);
        assert!(named(&server)[0].as_ref().is_some_and(|key| !key.is_empty()));
    }

    #[tokio::test]
    async fn each_call_names_the_header_of_its_own_requests() {
        #[retry_http(max = 1, base = 1ms, idempotency_key = "PayPal-Request-Id")]
        async fn inner(http: &Client, url: String) -> reqwest::Result<()> {
            http.post(url).send().await?.error_for_status()?;
            Ok(())
        }

        #[retry_http(base = 1ms, idempotency_key = "X-Outer")]
        async fn outer(http: &Client, url: String, own: String) -> reqwest::Result<()> {
            inner(http, url).await?;
            http.post(own).send().await?.error_for_status()?;
            Ok(())
        }

        // The attempt of the outer call is repeated once, for its own request. The request of the
        // inner call then has its key of before.
        let (server, own) = (broken_once(), broken_once());
        outer(&Client::new(), server.url("/"), own.url("/")).await.unwrap();
        let keys = named(&server);
        assert!(keys.len() == 3 && keys[0].is_some() && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
        assert!(server.requests().iter().all(|request| !request.headers.contains_key("x-outer")));
        let own = own.requests();
        assert_eq!(own.len(), 2);
        assert!(own[0].headers.contains_key("x-outer") && !own[0].headers.contains_key("paypal-request-id"));
        assert_eq!(own[0].headers["x-outer"], own[1].headers["x-outer"]);
    }

    #[tokio::test]
    async fn a_call_without_a_name_of_its_own_sends_the_keys_as_the_call_around_it() {
        #[retry_http(base = 1ms)]
        async fn inner(http: &Client, url: String) -> reqwest::Result<()> {
            http.post(url).send().await?.error_for_status()?;
            Ok(())
        }

        #[retry_http(base = 1ms, idempotency_key = "PayPal-Request-Id")]
        async fn outer(http: &Client, url: String) -> reqwest::Result<()> {
            inner(http, url).await
        }

        let server = broken_once();
        outer(&Client::new(), server.url("/")).await.unwrap();
        assert_named(&server);
    }
}

/// A 409 that answers a repeat is retried.
mod conflict {
    use super::*;

    /// Fails with `first`, is then still at work for two requests, and has done it.
    fn at_work(first: Reply) -> Server {
        let busy = || Reply::status(409);
        Server::script([first, busy(), busy(), Reply::status(201)])
    }

    #[derive(Debug)]
    struct Own(u16);

    impl HttpFailure for Own {
        fn status(&self) -> Option<u16> {
            Some(self.0)
        }
    }

    impl From<reqwest::Error> for Own {
        fn from(_: reqwest::Error) -> Self {
            Self(418)
        }
    }

    #[retry_http(base = 1ms, idempotency_key)]
    async fn response(http: &Client, url: String) -> reqwest::Result<Response> {
        http.post(url).send().await
    }

    #[retry_http(base = 1ms, idempotency_key)]
    async fn error(http: &Client, url: String) -> reqwest::Result<()> {
        http.post(url).send().await?.error_for_status()?;
        Ok(())
    }

    #[retry_http(base = 1ms, idempotency_key)]
    async fn own_error(http: &Client, url: String) -> Result<(), Own> {
        let status = http.post(url).send().await?.status();
        if status.is_success() { Ok(()) } else { Err(Own(status.as_u16())) }
    }

    #[retry_http(base = 1ms, idempotency_key)]
    async fn opaque(http: &Client, url: String) -> Result<(), Opaque> {
        http.post(url).send().await?.error_for_status()?;
        Ok(())
    }

    #[retry_http(base = 1ms, on = [500], idempotency_key)]
    async fn listed(http: &reqwest12::Client, url: String) -> reqwest12::Result<()> {
        http.post(url).send().await?.error_for_status()?;
        Ok(())
    }

    #[tokio::test]
    async fn in_whatever_way_it_leaves_the_function() {
        let http = Client::new();
        let four = |server: &Server| {
            let keys = keys(server);
            assert!(
                keys.len() == 4 && keys[0].is_some() && keys.iter().all(|key| *key == keys[0]),
                "{keys:?}"
            );
        };
        let server = at_work(Reply::status(500));
        assert_eq!(response(&http, server.url("/")).await.unwrap().status(), 201);
        four(&server);
        let server = at_work(Reply::reset());
        error(&http, server.url("/")).await.unwrap();
        four(&server);
        let server = at_work(Reply::status(502));
        own_error(&http, server.url("/")).await.unwrap();
        four(&server);
        let server = at_work(Reply::status(429));
        opaque(&http, server.url("/")).await.unwrap();
        four(&server);
        let server = at_work(Reply::status(500));
        listed(&reqwest12::Client::new(), server.url("/")).await.unwrap();
        four(&server);
    }

    #[test]
    fn in_a_sync_function() {
        #[retry_http(base = 1ms, idempotency_key)]
        fn send(http: &reqwest::blocking::Client, url: String) -> reqwest::Result<()> {
            http.post(url).send()?.error_for_status()?;
            Ok(())
        }

        let server = at_work(Reply::status(500));
        send(&reqwest::blocking::Client::new(), server.url("/")).unwrap();
        assert_eq!(server.requests().len(), 4);
    }

    #[tokio::test]
    async fn but_no_other() {
        #[retry_http(base = 1ms, idempotency_key, never = [409])]
        async fn never(http: &Client, url: String) -> reqwest::Result<Response> {
            http.post(url).send().await
        }

        #[retry_http(base = 1ms, idempotent)]
        async fn without_a_key(http: &Client, url: String) -> reqwest::Result<Response> {
            http.post(url).send().await
        }

        let http = Client::new();
        let server = Server::script([Reply::status(409)]);
        assert_eq!(response(&http, server.url("/")).await.unwrap().status(), 409);
        assert_eq!(server.requests().len(), 1, "the first of its key");
        let server = at_work(Reply::status(500));
        assert_eq!(never(&http, server.url("/")).await.unwrap().status(), 409);
        assert_eq!(server.requests().len(), 2);
        let server = at_work(Reply::status(500));
        assert_eq!(without_a_key(&http, server.url("/")).await.unwrap().status(), 409);
        assert_eq!(server.requests().len(), 2);
        let server = Server::script([Reply::status(500), Reply::status(409)]);
        assert_eq!(response(&http, server.url("/")).await.unwrap().status(), 409);
        assert_eq!(server.requests().len(), 4, "`max` holds");
    }

    #[tokio::test]
    async fn a_request_of_a_later_attempt_has_a_key_of_its_own() {
        #[retry_http(base = 1ms, idempotency_key)]
        async fn two(http: &Client, server: &Server) -> reqwest::Result<()> {
            http.post(server.url("/order")).send().await?.error_for_status()?;
            http.post(server.url("/payment")).send().await?.error_for_status()?;
            Ok(())
        }

        let server = Routes::new().path("/order", [500, 201]).path("/payment", [409, 201]).serve();
        assert_eq!(two(&Client::new(), &server).await.unwrap_err().status().unwrap(), 409);
        assert_eq!(support::counts(&server, &["/order", "/payment"]), [2, 1]);
        let server = Routes::new().path("/order", [201]).path("/payment", [500, 409, 201]).serve();
        two(&Client::new(), &server).await.unwrap();
        assert_eq!(support::counts(&server, &["/order", "/payment"]), [3, 3]);
    }

    #[tokio::test]
    async fn a_key_that_was_not_sent_is_not_repeated() {
        #[retry_http(base = 1ms, idempotency_key)]
        async fn late(http: &Client, urls: &[String], at: &Cell<usize>) -> reqwest::Result<()> {
            let url = &urls[at.replace(at.get() + 1).min(urls.len() - 1)];
            http.post(url).send().await?.error_for_status()?;
            Ok(())
        }

        let server = Server::script([Reply::status(409), Reply::status(201)]);
        let urls = [nobody(), server.url("/")];
        let attempts = Cell::new(0);
        late(&Client::new(), &urls, &attempts).await.unwrap_err();
        assert_eq!((attempts.get(), server.requests().len()), (2, 1));
    }

    #[tokio::test]
    async fn a_key_of_the_body_counts_where_it_stays_the_same() {
        #[retry_http(base = 1ms, idempotency_key)]
        async fn own(http: &Client, url: String, next: impl Fn() -> String) -> reqwest::Result<Response> {
            http.post(url).header("Idempotency-Key", next()).send().await
        }

        let http = Client::new();
        let server = at_work(Reply::status(500));
        assert_eq!(own(&http, server.url("/"), || "one".to_owned()).await.unwrap().status(), 201);
        let (server, made) = (at_work(Reply::status(500)), Cell::new(0));
        let anew = || made.replace(made.get() + 1).to_string();
        assert_eq!(own(&http, server.url("/"), anew).await.unwrap().status(), 409);
        assert_eq!(server.requests().len(), 2, "another key on each attempt");
    }

    #[tokio::test]
    async fn an_inner_call_repeats_the_keys_of_its_owner() {
        #[retry_http(base = 1ms)]
        async fn inner(http: &Client, url: String) -> reqwest::Result<()> {
            http.post(url).send().await?.error_for_status()?;
            Ok(())
        }

        #[retry_http(policy = POLICY)]
        async fn once(http: &Client, url: String) -> reqwest::Result<()> {
            http.post(url).send().await?.error_for_status()?;
            Ok(())
        }

        #[retry_http(max = 1, base = 1ms)]
        async fn keyed(http: &Client, url: String) -> reqwest::Result<()> {
            error(http, url).await
        }

        #[retry_http(base = 1ms, idempotency_key)]
        async fn owner(http: &Client, url: String) -> reqwest::Result<()> {
            inner(http, url).await
        }

        #[retry_http(base = 1ms, idempotency_key)]
        async fn owner_of_one(http: &Client, url: String) -> reqwest::Result<()> {
            once(http, url).await
        }

        const POLICY: Policy = match Policy::builder().max(0).build() {
            Ok(policy) => policy,
            Err(_) => panic!(),
        };
        let http = Client::new();
        let one_key = |server: &Server, sent: usize| {
            let keys = keys(server);
            assert!(keys.len() == sent && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
        };
        let server = at_work(Reply::status(500));
        owner(&http, server.url("/")).await.unwrap();
        one_key(&server, 4);
        let server = at_work(Reply::status(500));
        owner_of_one(&http, server.url("/")).await.unwrap();
        one_key(&server, 4);
        // The inner call is the owner, and gives up: the key is lost to the call around.
        let server = Server::script([Reply::status(500), Reply::status(409)]);
        keyed(&http, server.url("/")).await.unwrap_err();
        one_key(&server, 4);
    }
}

/// Methods of the user's that are named as those that read a body, and send.
mod named_as_reading {
    use super::*;

    #[async_trait::async_trait]
    trait Mail {
        async fn text(&self) -> reqwest::Result<String>;
    }

    struct Sms(Client, String);

    #[async_trait::async_trait]
    impl Mail for Sms {
        async fn text(&self) -> reqwest::Result<String> {
            self.bytes().await
        }
    }

    impl Sms {
        async fn bytes(&self) -> reqwest::Result<String> {
            let task = self.0.get(&self.1).send();
            tokio::spawn(task).await.unwrap()?.text().await
        }
    }

    #[retry_http(max = 2, base = 1ms)]
    async fn order(http: &Client, url: &str, sms: &dyn Mail) -> Result<(), Opaque> {
        http.post(url).send().await.map_err(|_| Opaque)?;
        sms.text().await.map_err(|_| Opaque)?;
        Ok(())
    }

    #[retry_http(max = 2, base = 1ms)]
    async fn order_directly(http: &Client, url: &str, sms: &Sms) -> Result<(), Opaque> {
        http.post(url).send().await.map_err(|_| Opaque)?;
        sms.bytes().await.map_err(|_| Opaque)?;
        Ok(())
    }

    #[tokio::test]
    async fn a_post_is_not_repeated_as_they_find_no_connection() {
        let http = Client::new();
        let sms = Sms(http.clone(), nobody());
        for is_pinned in [true, false] {
            let server = Server::new(|_, _| Reply::status(200));
            let url = server.url("/");
            if is_pinned {
                order(&http, &url, &sms).await.unwrap_err();
            } else {
                order_directly(&http, &url, &sms).await.unwrap_err();
            }
            assert_eq!(server.requests().len(), 1, "pinned: {is_pinned}");
        }
    }
}

/// Errors of the user's that are about something else than the POST, which has succeeded.
mod about_something_else {
    use retry_http::{FailureSet, failures_of};

    use super::*;

    #[derive(Debug)]
    struct ApiError {
        status: Option<u16>,
        failures: FailureSet,
        is_expired: bool,
    }

    impl HttpFailure for ApiError {
        fn status(&self) -> Option<u16> {
            self.status
        }

        fn failures(&self) -> FailureSet {
            self.failures
        }

        fn is_expired(&self) -> bool {
            self.is_expired
        }
    }

    impl ApiError {
        const THROTTLED: Self = Self { status: Some(429), failures: FailureSet::EMPTY, is_expired: false };
        const EXPIRED: Self = Self { status: None, failures: FailureSet::EMPTY, is_expired: true };
    }

    impl From<reqwest::Error> for ApiError {
        fn from(error: reqwest::Error) -> Self {
            let status = error.status().map(|status| status.as_u16());
            Self { status, failures: failures_of(&error), is_expired: false }
        }
    }

    #[retry_http(base = 1ms)]
    async fn and_a_task(http: &Client, url: &str) -> Result<String, ApiError> {
        let order = http.post(url).send().await?.error_for_status()?.text().await?;
        let sending = http.get(nobody()).send();
        tokio::spawn(sending).await.unwrap()?;
        Ok(order)
    }

    #[retry_http(base = 1ms, on = [429, timeout, connect, reset, body])]
    async fn and_a_task_by_all_failures(http: &Client, url: &str) -> Result<String, ApiError> {
        let order = http.post(url).send().await?.error_for_status()?.text().await?;
        let sending = http.get(nobody()).send();
        tokio::spawn(sending).await.unwrap()?;
        Ok(order)
    }

    #[retry_http(base = 1ms)]
    async fn and_a_query(http: &Client, url: &str) -> Result<(), ApiError> {
        let (query, order) = tokio::try_join!(http.get(url).send(), http.post(url).send())?;
        order.error_for_status()?;
        if query.text().await?.is_empty() { Err(ApiError::THROTTLED) } else { Ok(()) }
    }

    #[retry_http(base = 1ms)]
    async fn and_an_earlier_query(http: &Client, url: &str) -> Result<(), ApiError> {
        let query = http.get(url).send().await?.text().await?;
        http.post(url).send().await?.error_for_status()?;
        if query.is_empty() { Err(ApiError::THROTTLED) } else { Ok(()) }
    }

    #[retry_http(base = 1ms, reauth = async {})]
    async fn and_expired_credentials(http: &Client, url: &str) -> Result<(), ApiError> {
        let query = http.get(url).send().await?.text().await?;
        http.post(url).send().await?.error_for_status()?;
        if query.is_empty() { Err(ApiError::EXPIRED) } else { Ok(()) }
    }

    #[retry_http(base = 1ms, max = 2)]
    async fn alone(http: &Client, url: &str) -> Result<(), ApiError> {
        let answer = http.post(url).send().await?.error_for_status()?.text().await?;
        if answer.is_empty() { Err(ApiError::THROTTLED) } else { Ok(()) }
    }

    #[tokio::test]
    async fn a_post_is_sent_once() {
        let http = Client::new();
        let posts =
            |server: &Server| server.requests().iter().filter(|request| request.method == "POST").count();
        macro_rules! count {
            ($function:ident) => {{
                let server = Server::new(|_, _| Reply::status(200));
                $function(&http, &server.url("/")).await.unwrap_err();
                posts(&server)
            }};
        }
        assert_eq!(count!(and_a_task), 1);
        assert_eq!(count!(and_a_task_by_all_failures), 1);
        assert_eq!(count!(and_a_query), 1);
        assert_eq!(count!(and_an_earlier_query), 1);
        assert_eq!(count!(and_expired_credentials), 1);
        // The only request, whose answer says that it was refused.
        assert_eq!(count!(alone), 3);
    }

    #[retry_http(base = 1ms, max = 2)]
    async fn in_a_box(http: &Client, url: &str) -> reqwest::Result<String> {
        let boxed = Box::new(http.post(url));
        (*boxed).send().await?;
        http.get(url).send().await?.error_for_status()?.text().await
    }

    #[tokio::test]
    async fn a_post_of_a_box_is_seen() {
        let server =
            Server::new(|_, request| Reply::status(if request.method == "POST" { 200 } else { 503 }));
        in_a_box(&Client::new(), &server.url("/")).await.unwrap_err();
        assert_eq!(server.requests().len(), 2);
    }
}
