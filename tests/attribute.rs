//! The attribute over real sockets: what is sent again, how often, and what is returned.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::{Client, Response, StatusCode};
use retry_http::retry_http;
use retry_http::testing::server::{Reply, Server, nobody};
use support::ms;

/// The line of the card, exactly. Its first two waits are the server's; where they would be its own, `quick`
/// has the same line with a shorter base.
mod card {
    use super::{Client, Response, retry_http};

    #[retry_http(max = 5, on = [429, 503], never = [401])]
    pub async fn asynchronous(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
        http.get(url).send().await
    }

    #[retry_http(max = 5, on = [429, 503], never = [401])]
    pub fn blocking(
        http: &reqwest::blocking::Client,
        url: &str,
    ) -> Result<reqwest::blocking::Response, reqwest::Error> {
        http.get(url).send()
    }
}

mod quick {
    use super::{AtomicUsize, Client, Ordering, Response, retry_http};

    #[retry_http(max = 5, on = [429, 503], never = [401], base = 1ms)]
    pub async fn asynchronous(
        http: &Client,
        url: &str,
        attempts: &AtomicUsize,
    ) -> Result<Response, reqwest::Error> {
        attempts.fetch_add(1, Ordering::Relaxed);
        http.get(url).send().await
    }

    #[retry_http(max = 5, on = [429, 503], never = [401], base = 1ms)]
    pub fn blocking(
        http: &reqwest::blocking::Client,
        url: &str,
        attempts: &AtomicUsize,
    ) -> Result<reqwest::blocking::Response, reqwest::Error> {
        attempts.fetch_add(1, Ordering::Relaxed);
        http.get(url).send()
    }
}

fn recovering() -> Server {
    Server::script([
        Reply::status(429).header("retry-after", "0.2"),
        Reply::status(503),
        Reply::status(200).body("hello"),
    ])
}

fn assert_recovered(server: &Server) {
    assert_eq!(server.requests().len(), 3);
    let pauses = server.pauses();
    assert!(pauses[0] >= ms(200), "the server's wait: {pauses:?}");
    assert!(pauses[1] >= ms(2000), "the second computed wait: {pauses:?}");
}

#[tokio::test]
async fn recovers_async() {
    let server = recovering();
    let response = card::asynchronous(&Client::new(), &server.url("/")).await.unwrap();
    assert_eq!(response.text().await.unwrap(), "hello");
    assert_recovered(&server);
}

#[test]
fn recovers_blocking() {
    let server = recovering();
    let response = card::blocking(&reqwest::blocking::Client::new(), &server.url("/")).unwrap();
    assert_eq!(response.text().unwrap(), "hello");
    assert_recovered(&server);
}

#[tokio::test]
async fn never_is_never_async() {
    let server = Server::script([Reply::status(401)]);
    let response = card::asynchronous(&Client::new(), &server.url("/")).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn never_is_never_blocking() {
    let server = Server::script([Reply::status(401)]);
    let response = card::blocking(&reqwest::blocking::Client::new(), &server.url("/")).unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn gives_up_with_the_last_outcome_async() {
    let server = Server::new(|n, _| Reply::status(503).body(n.to_string()));
    let attempts = AtomicUsize::new(0);
    let response = quick::asynchronous(&Client::new(), &server.url("/"), &attempts).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.text().await.unwrap(), "5", "the last response is returned, unread");
    assert_eq!(server.requests().len(), 6);
    for (n, pause) in server.pauses().into_iter().enumerate() {
        assert!(pause >= ms(1 << n), "pause {n} is {pause:?}");
    }
}

#[test]
fn gives_up_with_the_last_outcome_blocking() {
    let server = Server::new(|n, _| Reply::status(503).body(n.to_string()));
    let attempts = AtomicUsize::new(0);
    let http = reqwest::blocking::Client::new();
    let response = quick::blocking(&http, &server.url("/"), &attempts).unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.text().unwrap(), "5", "the last response is returned, unread");
    assert_eq!(server.requests().len(), 6);
    for (n, pause) in server.pauses().into_iter().enumerate() {
        assert!(pause >= ms(1 << n), "pause {n} is {pause:?}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_tried_six_times_async() {
    let attempts = AtomicUsize::new(0);
    let error = quick::asynchronous(&Client::new(), &nobody(), &attempts).await.unwrap_err();
    assert!(error.is_connect(), "the original error: {error:?}");
    assert_eq!(attempts.into_inner(), 6);
}

#[test]
fn a_refused_connection_is_tried_six_times_blocking() {
    let attempts = AtomicUsize::new(0);
    let error = quick::blocking(&reqwest::blocking::Client::new(), &nobody(), &attempts).unwrap_err();
    assert!(error.is_connect(), "the original error: {error:?}");
    assert_eq!(attempts.into_inner(), 6);
}

/// Every form of function of this kind.
mod forms {
    use std::fmt::Display;

    use super::{Client, Response, retry_http};

    #[retry_http(base = 1ms)]
    pub async fn generic<'a, U>(
        http: &'a Client,
        url: &'a str,
        user: U,
    ) -> Result<(Response, &'a str), reqwest::Error>
    where
        U: Display + Copy,
    {
        let response = http.get(format!("{url}?{user}")).send().await?.error_for_status()?;
        Ok((response, url))
    }

    #[retry_http(base = 1ms)]
    pub async fn impl_argument(http: &Client, url: impl AsRef<str>) -> Result<String, reqwest::Error> {
        http.get(url.as_ref()).send().await?.error_for_status()?.text().await
    }

    #[retry_http(base = 1ms)]
    pub async fn impl_result(
        http: &Client,
        url: &str,
    ) -> Result<impl Iterator<Item = u8> + use<>, reqwest::Error> {
        Ok(http.get(url).send().await?.error_for_status()?.bytes().await?.into_iter())
    }

    #[retry_http(base = 1ms)]
    pub async fn boxed_trait_object(http: &Client, url: &str) -> Result<Box<dyn Display>, reqwest::Error> {
        Ok(Box::new(http.get(url).send().await?.error_for_status()?.text().await?))
    }

    #[retry_http(base = 1ms)]
    pub async fn early_return<const RETURN: bool>(
        http: &Client,
        url: &str,
    ) -> Result<String, reqwest::Error> {
        let response = http.get(url).send().await?.error_for_status()?;
        if RETURN {
            return Ok("early".to_owned());
        }
        response.text().await
    }

    #[retry_http(base = 1ms)]
    pub async fn by_execute(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
        let request = http.get(url).build()?;
        http.execute(request).await
    }

    #[retry_http(base = 1ms)]
    pub async fn by_local_builder(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
        let mut builder = http.get(url);
        builder = builder.header("x-form", "local");
        builder.send().await
    }

    #[retry_http(base = 1ms)]
    pub async fn by_get(url: &str) -> Result<Response, reqwest::Error> {
        reqwest::get(url).await
    }

    #[derive(Clone, Copy)]
    pub struct Api<'a> {
        pub http: &'a Client,
        pub url: &'a str,
        pub calls: u32,
    }

    impl Api<'_> {
        /// Kept.
        #[must_use = "kept as well"]
        #[retry_http(base = 1ms)]
        #[allow(clippy::unused_async)]
        pub async fn by_reference(&self) -> Result<Response, reqwest::Error> {
            self.http.get(self.url).send().await?.error_for_status()
        }

        #[retry_http(base = 1ms)]
        pub async fn by_mutable_reference(&mut self) -> Result<Response, reqwest::Error> {
            self.calls += 1;
            self.http.get(self.url).send().await?.error_for_status()
        }

        #[retry_http(base = 1ms)]
        pub async fn by_value(self) -> Result<Response, reqwest::Error> {
            self.http.get(self.url).send().await?.error_for_status()
        }
    }

    pub trait Fetch {
        type Error;
        async fn fetch(&self) -> Result<Response, Self::Error>;
    }

    impl Fetch for Api<'_> {
        type Error = reqwest::Error;

        #[retry_http(base = 1ms)]
        async fn fetch(&self) -> Result<Response, Self::Error> {
            self.http.get(self.url).send().await?.error_for_status()
        }
    }
}

#[tokio::test]
async fn every_form_of_function() {
    use forms::{Api, Fetch};
    use std::fmt::Debug;

    async fn check<T, E: Debug>(name: &str, call: impl AsyncFnOnce(&Client, String) -> Result<T, E>) -> T {
        let server = Server::script([Reply::status(503), Reply::status(429), Reply::status(200).body("x")]);
        let outcome = call(&Client::new(), server.url("/")).await;
        assert_eq!(server.requests().len(), 3, "{name}");
        outcome.unwrap_or_else(|error| panic!("{name}: {error:?}"))
    }

    check("generic", async |http, url| forms::generic(http, &url, 7).await.map(|_| ())).await;
    let text = check("impl argument", async |http, url| forms::impl_argument(http, &url).await).await;
    assert_eq!(text, "x");
    let bytes = check("impl result", async |http, url| forms::impl_result(http, &url).await).await;
    assert_eq!(bytes.collect::<Vec<_>>(), b"x");
    let shown = check("box dyn", async |http, url| forms::boxed_trait_object(http, &url).await).await;
    assert_eq!(shown.to_string(), "x");
    let early = check("return", async |http, url| forms::early_return::<true>(http, &url).await).await;
    assert_eq!(early, "early");
    check("execute", async |http, url| forms::by_execute(http, &url).await).await;
    check("local builder", async |http, url| forms::by_local_builder(http, &url).await).await;
    check("get", async |_, url| forms::by_get(&url).await).await;
    check("&self", async |http, url| Api { http, url: &url, calls: 0 }.by_reference().await).await;
    check("&mut self", async |http, url| {
        let mut api = Api { http, url: &url, calls: 0 };
        let outcome = api.by_mutable_reference().await;
        assert_eq!(api.calls, 3);
        outcome
    })
    .await;
    check("self", async |http, url| Api { http, url: &url, calls: 0 }.by_value().await).await;
    check("trait", async |http, url| Api { http, url: &url, calls: 0 }.fetch().await).await;
}

#[tokio::test]
async fn dropping_the_call_leaves_nothing_behind() {
    #[retry_http(base = 50ms, jitter = none)]
    async fn call(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
        http.get(url).send().await
    }

    let http = Client::new();
    // While the first answer is awaited, while waiting, and while the second answer is awaited.
    for (delay, requests) in [(10, 1), (45, 1), (100, 2)] {
        let server = Server::script([Reply::status(503).late(ms(20))]);
        let dropped = tokio::time::timeout(ms(delay), call(&http, &server.url("/"))).await;
        assert!(dropped.is_err(), "the call was still under way");
        let before = server.requests().len();
        tokio::time::sleep(ms(200)).await;
        assert_eq!(server.requests().len(), before, "no request after the drop");
        assert!(before <= requests, "{before} requests within {delay} ms");
    }
}

#[test]
fn futures_are_as_small_as_their_bodies_allow() {
    async fn plain(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
        http.get(url).send().await
    }

    #[retry_http]
    async fn annotated(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
        http.get(url).send().await
    }

    let http = Client::new();
    let (plain, annotated) = (plain(&http, ""), annotated(&http, ""));
    let added = size_of_val(&annotated) - size_of_val(&plain);
    println!("{} bytes, {added} added", size_of_val(&annotated));
    assert!(added < 2048, "a call holds its policy's progress and one wait, not copies of the request");
}
