//! Unsafe requests are repeated only where the server can tell that they are.

mod support;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use reqwest::Client;
use retry_http::retry_http;
use retry_http::testing::server::{Reply, Server};
use support::{late, ms, secs};

/// Creates a record for each POST, but one for each key, and answers the first request about each record too late.
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
    async fn order(http: &Client, server: &Server, known: &std::cell::Cell<bool>) -> reqwest::Result<()> {
        if !known.replace(true) {
            http.post(server.url("/customer")).send().await?.error_for_status()?;
        }
        for item in 0..2 {
            http.post(server.url(&format!("/item?n={item}"))).send().await?.error_for_status()?;
        }
        Ok(())
    }

    let server = Server::new(|n, _| Reply::status(if n == 2 { 500 } else { 200 }));
    order(&Client::new(), &server, &std::cell::Cell::new(false)).await.unwrap();
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
