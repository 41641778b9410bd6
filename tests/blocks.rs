//! `retry!`: blocks and closures are retried as annotated functions are.

mod support;

use std::sync::Mutex;

use reqwest::{Client, Response};
use retry_http::testing::server::{Reply, Request, Server};
use retry_http::{Step, Stop, retry, retry_http, testing};
use support::{Opaque, Routes, assert_waits, is_send, key, ms};

fn recovering() -> Server {
    Server::script([
        Reply::status(429).header("retry-after", "7"),
        Reply::status(503),
        Reply::status(200).body("hello"),
    ])
}

fn bodies(server: &Server) -> Vec<String> {
    let text = |request: Request| String::from_utf8(request.body).unwrap();
    server.requests().into_iter().map(text).collect()
}

#[tokio::test]
async fn a_block_is_a_future() {
    let (server, kit) = (recovering(), testing::instant());
    let (http, url) = (Client::new(), server.url("/"));
    let call = retry!(max = 5, on = [429, 503]; async {
        http.get(&url).send().await?.error_for_status()?.text().await
    });
    is_send(&call);
    assert_eq!(server.requests().len(), 0, "nothing runs before the first poll");
    assert_eq!(call.await.unwrap(), "hello");
    assert_eq!(server.requests().len(), 3);
    assert_waits(&kit.waits(), &[7.0..=7.5, 2.0..=3.0]);
}

#[test]
fn a_closure_blocks() {
    let (server, kit) = (recovering(), testing::instant());
    let http = reqwest::blocking::Client::new();
    let text = retry!(max = 5, on = [429, 503]; || {
        http.get(server.url("/")).send()?.error_for_status()?.text()
    });
    assert_eq!(text.unwrap(), "hello");
    assert_eq!(server.requests().len(), 3);
    assert_waits(&kit.waits(), &[7.0..=7.5, 2.0..=3.0]);
}

/// The waits are real, so that the server sees them as well.
#[tokio::test]
async fn waits_pass_between_requests() {
    let server = Server::script([Reply::status(429).header("retry-after", "0.1"), Reply::status(503)]);
    let http = Client::new();
    retry!(max = 2, base = 20ms; async { http.get(server.url("/")).send().await }).await.unwrap();
    let pauses = server.pauses();
    assert!(pauses[0] >= ms(100) && pauses[1] >= ms(40), "{pauses:?}");
}

#[tokio::test]
async fn every_form_without_options() {
    async fn check(name: &str, call: impl AsyncFnOnce(&Client, &str) -> reqwest::Result<Response>) {
        let (server, _kit) = (recovering(), testing::instant());
        let response = call(&Client::new(), &server.url("/")).await.unwrap();
        assert_eq!((response.status().as_u16(), server.requests().len()), (200, 3), "{name}");
    }

    check("block", async |http, url| retry!(async { http.get(url).send().await }).await).await;
    check("semicolon", async |http, url| retry!(; async { http.get(url).send().await }).await).await;
    check("move", async |http, url| retry!(async move { http.get(url).send().await }).await).await;
    check("closure", async |http, url| retry!(|| async { http.get(url).send().await }).await).await;
    check("parentheses", async |http, url| retry!((|| async { http.get(url).send().await })).await).await;
    check("async closure", async |http, url| retry!(async || http.get(url).send().await).await).await;
    check("execute", async |http, url| {
        let request = http.get(url).build()?;
        retry!(async { http.execute(request).await }).await
    })
    .await;
    check("builder", async |http, url| {
        let builder = http.get(url).header("x-form", "outside");
        retry!(async { builder.send().await }).await
    })
    .await;
    check("in a closure", async |http, url| {
        let call = || retry!(async move { http.get(url).send().await });
        call().await
    })
    .await;
}

#[tokio::test]
async fn each_attempt_finds_what_the_block_consumes() {
    async fn post(http: &Client, url: String, body: Vec<String>) -> reqwest::Result<Response> {
        http.post(url).body(body.concat()).send().await?.error_for_status()
    }

    struct Job {
        body: Vec<String>,
        url: String,
    }

    let (server, _kit) = (Routes::new().path("/", [429, 429, 200]).serve(), testing::instant());
    let (http, url) = (Client::new(), server.url("/"));
    let (job, suffix) = (Job { body: vec!["a".to_owned()], url }, Some("b".to_owned()));
    retry!(async {
        let mut body = job.body;
        body.extend(suffix);
        post(&http, job.url, body).await
    })
    .await
    .unwrap();
    assert_eq!(bodies(&server), ["ab"; 3]);
    assert_eq!(job.body, ["a"], "fields are cloned, and stay");
}

#[tokio::test]
async fn what_a_block_changes_stays_changed() {
    let (server, _kit) = (recovering(), testing::instant());
    let (http, mut attempts, mut log) = (Client::new(), 0, Vec::new());
    retry!(async {
        attempts += 1;
        log.push(attempts);
        http.post(server.url("/")).body(attempts.to_string()).send().await?.error_for_status()
    })
    .await
    .unwrap_err();
    // The 503 of a POST is not retried.
    assert_eq!((attempts, log), (2, vec![1, 2]));
    assert_eq!(bodies(&server), ["1", "2"]);
}

#[tokio::test]
async fn return_and_question_mark_leave_the_attempt() {
    let (server, kit) = (recovering(), testing::instant());
    let http = Client::new();
    let text = retry!(async || -> Result<String, Opaque> {
        let response = http.get(server.url("/")).send().await?;
        if response.status() == 429 {
            return Err(Opaque);
        }
        Ok(response.error_for_status()?.text().await?)
    })
    .await;
    assert_eq!(text.unwrap(), "hello");
    assert_eq!((server.requests().len(), kit.attempts()), (3, 3));
}

#[tokio::test]
async fn a_call_is_named_by_its_module_and_line() {
    let kit = testing::instant();
    let server = Server::script([Reply::status(503)]);
    let (http, line) = (Client::new(), line!() + 1);
    let response = retry!(max = 2; async { http.get(server.url("/")).send().await }).await;
    assert_eq!(response.unwrap().status(), 503);
    let events = kit.events();
    assert!(events.iter().all(|event| event.function == format!("blocks:{line}")), "{events:?}");
    assert!(matches!(events.last().unwrap().step, Step::End { stop: Stop::Exhausted, .. }), "{events:?}");
}

#[tokio::test]
async fn keys_are_those_of_the_attribute() {
    let (server, kit) = (Routes::new().path("/", [401, 503, 202, 200]).serve(), testing::instant());
    let (http, mut logins, mut seen) = (Client::new(), 0, Mutex::new(Vec::new()));
    let mut login = || logins += 1;
    let response = retry!(
        idempotency_key,
        timeout = 5s,
        deadline = 1m,
        reauth = login(),
        retry_if = |outcome: &reqwest::Result<Response>| matches!(outcome, Ok(response) if response.status() == 202),
        observer = |event| seen.lock().unwrap().push(event.attempt);
        async { http.post(server.url("/")).send().await }
    )
    .await;
    assert_eq!(response.unwrap().status(), 200);
    assert_eq!((logins, kit.attempts()), (1, 4));
    let keys: Vec<_> = server.requests().iter().map(|request| key(request).expect("a key")).collect();
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    assert!(seen.get_mut().unwrap().contains(&4), "{seen:?}");
}

#[tokio::test]
async fn a_transparent_helper_is_seen() {
    #[retry_http(transparent)]
    async fn send(http: &Client, url: String) -> Result<Response, Opaque> {
        Ok(http.post(url).send().await?.error_for_status()?)
    }

    let (server, _kit) = (Routes::new().path("/", [503, 200]).serve(), testing::instant());
    let http = Client::new();
    retry!(async { send(&http, server.url("/")).await }).await.unwrap_err();
    assert_eq!(server.requests().len(), 1, "the helper's POST is seen, and may have been done");
}

#[tokio::test]
async fn the_innermost_call_decides() {
    let (server, _kit) = (Server::script([Reply::status(503)]), testing::instant());
    let http = Client::new();
    let response = retry!(max = 5; async {
        retry!(max = 2; async { http.get(server.url("/")).send().await?.error_for_status() }).await
    });
    response.await.unwrap_err();
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn the_future_may_move_to_another_task() {
    let server = Server::script([Reply::status(200).body("hello")]);
    let (http, url) = (Client::new(), server.url("/"));
    let call = retry!(async move { http.get(url).send().await?.text().await });
    assert_eq!(tokio::spawn(call).await.unwrap().unwrap(), "hello");
}

#[tokio::test]
async fn a_future_that_is_dropped_sends_nothing_more() {
    let (server, http) = (Server::script([Reply::status(503)]), Client::new());
    let url = server.url("/");
    let call = retry!(base = 200ms; async { http.get(&url).send().await });
    tokio::select! {
        biased;
        outcome = call => panic!("the call ended: {outcome:?}"),
        () = async { while server.requests().is_empty() { tokio::time::sleep(ms(1)).await } } => {}
    }
    tokio::time::sleep(ms(350)).await;
    assert_eq!(server.requests().len(), 1);
}
