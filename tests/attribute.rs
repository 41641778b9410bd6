//! The attribute over real sockets: what is sent again, how often, and what is returned.

mod support;

use std::ops::RangeInclusive;

use reqwest::{Client, Response, StatusCode};
use retry_http::retry_http;
use retry_http::testing::server::{Reply, Server, nobody};
use retry_http::testing::{self, Kit};
use support::{assert_waits, late, ms};

#[retry_http(max = 5, on = [429, 503], never = [401])]
async fn asynchronous(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
    http.get(url).send().await
}

#[retry_http(max = 5, on = [429, 503], never = [401])]
fn blocking(
    http: &reqwest::blocking::Client,
    url: &str,
) -> Result<reqwest::blocking::Response, reqwest::Error> {
    http.get(url).send()
}

/// The computed waits of five retries.
const COMPUTED: [RangeInclusive<f64>; 5] = [1.0..=1.5, 2.0..=3.0, 4.0..=6.0, 8.0..=12.0, 16.0..=24.0];

fn recovering() -> Server {
    Server::script([
        Reply::status(429).header("retry-after", "7"),
        Reply::status(503),
        Reply::status(200).body("hello"),
    ])
}

/// The wait that the server asks for, and the second computed one.
const RECOVERED: [RangeInclusive<f64>; 2] = [7.0..=7.5, 2.0..=3.0];

#[tokio::test]
async fn recovers_async() {
    let (server, kit) = (recovering(), testing::instant());
    let response = asynchronous(&Client::new(), &server.url("/")).await.unwrap();
    assert_eq!(response.text().await.unwrap(), "hello");
    assert_eq!(server.requests().len(), 3);
    assert_waits(&kit.waits(), &RECOVERED);
}

#[test]
fn recovers_blocking() {
    let (server, kit) = (recovering(), testing::instant());
    let response = blocking(&reqwest::blocking::Client::new(), &server.url("/")).unwrap();
    assert_eq!(response.text().unwrap(), "hello");
    assert_eq!(server.requests().len(), 3);
    assert_waits(&kit.waits(), &RECOVERED);
}

/// All waits are real, so that the server sees them as well.
#[tokio::test]
async fn waits_pass_between_requests_async() {
    #[retry_http(max = 2, base = 20ms)]
    async fn quick(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
        http.get(url).send().await
    }

    let server = Server::script([Reply::status(429).header("retry-after", "0.1"), Reply::status(503)]);
    quick(&Client::new(), &server.url("/")).await.unwrap();
    let pauses = server.pauses();
    assert!(pauses[0] >= ms(100) && pauses[1] >= ms(40), "{pauses:?}");
}

#[test]
fn waits_pass_between_requests_blocking() {
    #[retry_http(max = 2, base = 20ms)]
    fn quick(http: &reqwest::blocking::Client, url: &str) -> Result<String, reqwest::Error> {
        http.get(url).send()?.error_for_status()?.text()
    }

    let server = Server::script([Reply::status(429).header("retry-after", "0.1"), Reply::status(503)]);
    quick(&reqwest::blocking::Client::new(), &server.url("/")).unwrap_err();
    let pauses = server.pauses();
    assert!(pauses[0] >= ms(100) && pauses[1] >= ms(40), "{pauses:?}");
}

#[tokio::test]
async fn never_is_never_async() {
    let server = Server::script([Reply::status(401)]);
    let response = asynchronous(&Client::new(), &server.url("/")).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn never_is_never_blocking() {
    let server = Server::script([Reply::status(401)]);
    let response = blocking(&reqwest::blocking::Client::new(), &server.url("/")).unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn gives_up_with_the_last_outcome_async() {
    let server = Server::new(|n, _| Reply::status(503).body(n.to_string()));
    let kit = testing::instant();
    let response = asynchronous(&Client::new(), &server.url("/")).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.text().await.unwrap(), "5", "the last response is returned, unread");
    assert_eq!(server.requests().len(), 6);
    assert_waits(&kit.waits(), &COMPUTED);
}

#[test]
fn gives_up_with_the_last_outcome_blocking() {
    let server = Server::new(|n, _| Reply::status(503).body(n.to_string()));
    let kit = testing::instant();
    let response = blocking(&reqwest::blocking::Client::new(), &server.url("/")).unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.text().unwrap(), "5", "the last response is returned, unread");
    assert_eq!(server.requests().len(), 6);
    assert_waits(&kit.waits(), &COMPUTED);
}

#[tokio::test]
async fn a_refused_connection_is_tried_six_times_async() {
    let kit = testing::instant();
    let error = asynchronous(&Client::new(), &nobody()).await.unwrap_err();
    assert!(error.is_connect(), "the original error: {error:?}");
    assert_eq!(kit.attempts(), 6);
    assert_waits(&kit.waits(), &COMPUTED);
}

#[test]
fn a_refused_connection_is_tried_six_times_blocking() {
    let kit = testing::instant();
    let error = blocking(&reqwest::blocking::Client::new(), &nobody()).unwrap_err();
    assert!(error.is_connect(), "the original error: {error:?}");
    assert_eq!(kit.attempts(), 6);
    assert_waits(&kit.waits(), &COMPUTED);
}

/// Has every form of function that sends a request.
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
async fn a_call_that_is_dropped_sends_nothing_more() {
    #[retry_http(base = 50ms, jitter = none)]
    async fn call(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
        http.get(url).send().await
    }

    let (http, kit) = (Client::new(), Kit::new().real_time().enter());
    // It is dropped while the first answer is awaited, while it waits, and while the second answer
    // is awaited.
    for (script, requests, waits) in
        [(vec![late()], 1, 0), (vec![Reply::status(503)], 1, 1), (vec![Reply::status(503), late()], 2, 1)]
    {
        let (server, before) = (Server::script(script), kit.waits().len());
        let reached = async {
            while (server.requests().len(), kit.waits().len() - before) != (requests, waits) {
                tokio::task::yield_now().await;
            }
        };
        let url = server.url("/");
        tokio::select! {
            biased;
            () = reached => {}
            outcome = call(&http, &url) => panic!("the call ended: {outcome:?}"),
        }
        tokio::time::sleep(ms(200)).await;
        assert_eq!(server.requests().len(), requests);
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
