//! What is retried: every way in which a 429 can leave a function, each with the server's own wait.

mod support;

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use reqwest::{Client, Response};
use retry_http::testing::server::{Reply, Server};
use retry_http::{FailureSet, HttpFailure, failures_of, retry_http};
use support::ms;

#[derive(Debug, thiserror::Error)]
enum FromError {
    #[error("http")]
    Http(#[from] reqwest::Error),
}

#[derive(Debug, thiserror::Error)]
enum TransparentError {
    #[error(transparent)]
    Http(#[from] reqwest::Error),
}

#[derive(Debug)]
#[allow(dead_code, reason = "only printed, where a test fails")]
struct Message(String);

/// An error that keeps what it wants to know.
#[derive(Debug)]
struct Own {
    status: Option<u16>,
    wait: Option<Duration>,
    failures: FailureSet,
}

impl HttpFailure for Own {
    fn status(&self) -> Option<u16> {
        self.status
    }

    fn retry_after(&self) -> Option<Duration> {
        self.wait
    }

    fn failures(&self) -> FailureSet {
        self.failures
    }
}

/// Where no send is visible.
mod hidden {
    use super::*;

    pub async fn send(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
        http.get(url).send().await
    }

    pub async fn own(http: &Client, url: &str) -> Result<String, Own> {
        let failed = |error: reqwest::Error| Own { status: None, wait: None, failures: failures_of(&error) };
        let response = send(http, url).await.map_err(failed)?;
        let status = response.status();
        if status.is_success() {
            return response.text().await.map_err(failed);
        }
        let wait = response.headers()["retry-after"].to_str().ok().and_then(|text| text.parse().ok());
        Err(Own {
            status: Some(status.as_u16()),
            wait: wait.map(Duration::from_secs_f64),
            failures: FailureSet::EMPTY,
        })
    }
}

#[retry_http(base = 1ms)]
async fn response(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
    http.get(url).send().await
}

#[retry_http(base = 1ms)]
async fn error_for_status(http: &Client, url: &str) -> Result<String, reqwest::Error> {
    http.get(url).send().await?.error_for_status()?.text().await
}

#[retry_http(base = 1ms)]
async fn thiserror_from(http: &Client, url: &str) -> Result<String, FromError> {
    Ok(http.get(url).send().await?.error_for_status()?.text().await?)
}

#[retry_http(base = 1ms)]
async fn thiserror_transparent(http: &Client, url: &str) -> Result<String, TransparentError> {
    Ok(http.get(url).send().await?.error_for_status()?.text().await?)
}

#[retry_http(base = 1ms)]
async fn anyhow_error(http: &Client, url: &str) -> anyhow::Result<String> {
    use anyhow::Context as _;
    Ok(http.get(url).send().await?.error_for_status().context("status")?.text().await?)
}

#[retry_http(base = 1ms)]
async fn eyre_report(http: &Client, url: &str) -> eyre::Result<String> {
    use eyre::WrapErr as _;
    Ok(http.get(url).send().await?.error_for_status().wrap_err("status")?.text().await?)
}

#[retry_http(base = 1ms)]
async fn boxed_send_sync(http: &Client, url: &str) -> Result<String, Box<dyn StdError + Send + Sync>> {
    Ok(http.get(url).send().await?.error_for_status()?.text().await?)
}

#[retry_http(base = 1ms)]
async fn boxed(http: &Client, url: &str) -> Result<String, Box<dyn StdError>> {
    Ok(http.get(url).send().await?.error_for_status()?.text().await?)
}

#[retry_http(base = 1ms)]
async fn map_err_to_string(http: &Client, url: &str) -> Result<String, String> {
    let response = http.get(url).send().await.map_err(|error| error.to_string())?;
    let response = response.error_for_status().map_err(|error| error.to_string())?;
    response.text().await.map_err(|error| error.to_string())
}

#[retry_http(base = 1ms)]
async fn plain_struct(http: &Client, url: &str) -> Result<String, Message> {
    let failed = |error: reqwest::Error| Message(error.to_string());
    http.get(url)
        .send()
        .await
        .map_err(failed)?
        .error_for_status()
        .map_err(failed)?
        .text()
        .await
        .map_err(failed)
}

#[retry_http(base = 1ms)]
async fn own_impl(http: &Client, url: &str) -> Result<String, Own> {
    let failed = |error: reqwest::Error| Own { status: None, wait: None, failures: failures_of(&error) };
    let response = http.get(url).send().await.map_err(failed)?;
    response.error_for_status().map_err(failed)?.text().await.map_err(failed)
}

#[retry_http(base = 1ms)]
async fn own_impl_without_a_visible_send(http: &Client, url: &str) -> Result<String, Own> {
    hidden::own(http, url).await
}

#[retry_http(base = 1ms)]
async fn response_without_a_visible_send(http: &Client, url: &str) -> Result<Response, Message> {
    hidden::send(http, url).await.map_err(|error| Message(error.to_string()))
}

#[retry_http(base = 1ms)]
async fn generic<E: From<reqwest::Error>>(http: &Client, url: &str) -> Result<String, E> {
    Ok(http.get(url).send().await?.error_for_status()?.text().await?)
}

#[retry_http(base = 1ms)]
async fn generic_error<'e, E: From<reqwest::Error> + StdError + 'e>(
    http: &Client,
    url: &str,
    (): &'e (),
) -> Result<String, E> {
    Ok(http.get(url).send().await?.error_for_status()?.text().await?)
}

#[retry_http(base = 1ms)]
async fn impl_trait(http: &Client, url: &str) -> Result<impl fmt::Display + use<>, reqwest::Error> {
    http.get(url).send().await?.error_for_status()?.text().await
}

#[retry_http(base = 1ms)]
async fn body_text(http: &Client, url: &str) -> Result<String, reqwest::Error> {
    http.get(url).send().await?.text().await
}

#[retry_http(base = 1ms)]
async fn swallowed(http: &Client, url: &str) -> Result<Option<String>, Message> {
    match http.get(url).send().await {
        Ok(response) if response.status().is_success() => Ok(response.text().await.ok()),
        _ => Ok(None),
    }
}

async fn retried_as_the_server_asked<T, E: fmt::Debug>(
    name: &str,
    call: impl AsyncFnOnce(&Client, &str) -> Result<T, E>,
) {
    let server =
        Server::script([Reply::status(429).header("retry-after", "0.15"), Reply::status(200).body("x")]);
    let outcome = call(&Client::new(), &server.url("/")).await;
    assert!(outcome.is_ok(), "{name}: {:?}", outcome.err());
    assert_eq!(server.requests().len(), 2, "{name}");
    assert!(server.pauses()[0] >= ms(150), "{name}: {:?}", server.pauses());
}

macro_rules! table {
    ($($name:ident $(::<$generic:ty>)? $(($($more:expr),*))?;)*) => {
        #[tokio::test]
        async fn a_429_is_retried_however_it_leaves() {$(
            retried_as_the_server_asked(stringify!($name), async |http, url| {
                $name$(::<$generic>)?(http, url $($(, $more)*)?).await
            }).await;
        )*}

        #[test]
        fn every_future_is_send() {
            fn is_send(_: impl Send) {}
            let (http, url) = (Client::new(), "");
            $(is_send($name$(::<$generic>)?(&http, url $($(, $more)*)?));)*
        }
    };
}

table! {
    response;
    error_for_status;
    thiserror_from;
    thiserror_transparent;
    anyhow_error;
    eyre_report;
    boxed_send_sync;
    boxed;
    map_err_to_string;
    plain_struct;
    own_impl;
    own_impl_without_a_visible_send;
    response_without_a_visible_send;
    generic::<FromError>;
    generic_error::<FromError> (&());
    impl_trait;
    body_text;
    swallowed;
}

/// Statuses that only an error tells of are retried by its sources, where the wait is ours.
mod by_source {
    use super::*;

    async fn hidden(http: &Client, url: &str) -> Result<String, reqwest::Error> {
        hidden::send(http, url).await?.error_for_status()?.text().await
    }

    #[retry_http(base = 1ms)]
    async fn direct(http: &Client, url: &str) -> Result<String, reqwest::Error> {
        hidden(http, url).await
    }

    #[retry_http(base = 1ms)]
    async fn source(http: &Client, url: &str) -> Result<String, FromError> {
        Ok(hidden(http, url).await?)
    }

    #[retry_http(base = 1ms)]
    async fn anyhow_context(http: &Client, url: &str) -> anyhow::Result<String> {
        use anyhow::Context as _;
        hidden(http, url).await.context("outer").context("outermost")
    }

    #[retry_http(base = 1ms)]
    async fn eyre_context(http: &Client, url: &str) -> eyre::Result<String> {
        use eyre::WrapErr as _;
        hidden(http, url).await.wrap_err("outer")
    }

    #[retry_http(base = 1ms)]
    async fn boxed(http: &Client, url: &str) -> Result<String, Box<dyn StdError>> {
        Ok(hidden(http, url).await?)
    }

    #[retry_http(base = 1ms)]
    async fn boxed_send(http: &Client, url: &str) -> Result<String, Box<dyn StdError + Send>> {
        hidden(http, url).await.map_err(|error| Box::new(error) as _)
    }

    #[retry_http(base = 1ms)]
    async fn io_error(http: &Client, url: &str) -> std::io::Result<String> {
        hidden(http, url).await.map_err(std::io::Error::other)
    }

    #[tokio::test]
    async fn an_error_tells_through_its_sources() {
        macro_rules! check {
            ($($name:ident)*) => {$(
                let server = Server::script([Reply::status(429), Reply::status(200)]);
                let outcome = $name(&Client::new(), &server.url("/")).await;
                assert!(outcome.is_ok(), "{}: {:?}", stringify!($name), outcome.err());
                assert_eq!(server.requests().len(), 2, "{}", stringify!($name));
            )*};
        }
        check!(direct source anyhow_context eyre_context boxed boxed_send io_error);
    }
}

/// The same in sync functions.
mod blocking {
    use super::*;
    use reqwest::blocking::{Client, Response};

    #[retry_http(base = 1ms)]
    fn response(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
        http.get(url).send()
    }

    #[retry_http(base = 1ms)]
    fn transparent(http: &Client, url: &str) -> Result<String, TransparentError> {
        Ok(http.get(url).send()?.error_for_status()?.text()?)
    }

    #[retry_http(base = 1ms)]
    fn boxed(http: &Client, url: &str) -> Result<String, Box<dyn StdError>> {
        Ok(http.execute(http.get(url).build()?)?.error_for_status()?.text()?)
    }

    #[retry_http(base = 1ms)]
    fn to_string(http: &Client, url: &str) -> Result<String, String> {
        let response = http.get(url).send().map_err(|error| error.to_string())?;
        response
            .error_for_status()
            .map_err(|error| error.to_string())?
            .text()
            .map_err(|error| error.to_string())
    }

    #[retry_http(base = 1ms)]
    fn impl_trait(http: &Client, url: &str) -> Result<impl fmt::Display + use<>, reqwest::Error> {
        http.get(url).send()?.error_for_status()?.text()
    }

    #[retry_http(base = 1ms)]
    fn by_get(_: &Client, url: &str) -> Result<String, reqwest::Error> {
        reqwest::blocking::get(url)?.text()
    }

    #[test]
    fn a_429_is_retried_however_it_leaves() {
        macro_rules! check {
            ($($name:ident)*) => {$(
                let server = Server::script([
                    Reply::status(429).header("retry-after", "0.15"),
                    Reply::status(200).body("x"),
                ]);
                let outcome = $name(&Client::new(), &server.url("/"));
                assert!(outcome.is_ok(), "{}: {:?}", stringify!($name), outcome.err());
                assert_eq!(server.requests().len(), 2, "{}", stringify!($name));
                assert!(server.pauses()[0] >= ms(150), "{}: {:?}", stringify!($name), server.pauses());
            )*};
        }
        check!(response transparent boxed to_string impl_trait by_get);
    }
}

/// The same with reqwest 0.12, in the same program.
mod reqwest12 {
    use super::*;
    use ::reqwest12 as reqwest;
    use reqwest::Client;

    #[retry_http(base = 1ms)]
    async fn response(http: &Client, url: &str) -> Result<reqwest::Response, reqwest::Error> {
        http.get(url).send().await
    }

    #[retry_http(base = 1ms)]
    async fn to_string(http: &Client, url: &str) -> Result<String, String> {
        let response = http.get(url).send().await.map_err(|error| error.to_string())?;
        response
            .error_for_status()
            .map_err(|error| error.to_string())?
            .text()
            .await
            .map_err(|e| e.to_string())
    }

    #[retry_http(base = 1ms)]
    fn blocking(url: &str) -> Result<String, Box<dyn StdError>> {
        Ok(reqwest::blocking::Client::new().get(url).send()?.error_for_status()?.text()?)
    }

    fn server() -> Server {
        Server::script([Reply::status(429).header("retry-after", "0.15"), Reply::status(200).body("x")])
    }

    #[tokio::test]
    async fn asynchronous() {
        for variant in 0..2 {
            let server = server();
            if variant == 0 {
                response(&Client::new(), &server.url("/")).await.unwrap();
            } else {
                to_string(&Client::new(), &server.url("/")).await.unwrap();
            }
            assert_eq!(server.requests().len(), 2);
            assert!(server.pauses()[0] >= ms(150), "{:?}", server.pauses());
        }
    }

    #[test]
    fn synchronous() {
        let server = server();
        blocking(&server.url("/")).unwrap();
        assert_eq!(server.requests().len(), 2);
        assert!(server.pauses()[0] >= ms(150), "{:?}", server.pauses());
    }
}

/// reqwest's middleware, in the same program.
mod middleware {
    use super::*;
    use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};

    #[retry_http(base = 1ms)]
    async fn get(http: &ClientWithMiddleware, url: &str) -> Result<String, reqwest_middleware::Error> {
        Ok(http.get(url).send().await?.error_for_status()?.text().await?)
    }

    #[retry_http(base = 1ms)]
    async fn post(http: &ClientWithMiddleware, url: &str) -> Result<Response, reqwest_middleware::Error> {
        let request = http.post(url).header("x", "y");
        request.send().await
    }

    /// Any other builder: its method is what one can see.
    struct Builder(reqwest::RequestBuilder);

    impl Builder {
        fn post(http: &Client, url: &str) -> Self {
            Self(http.request(reqwest::Method::POST, url))
        }

        async fn send(self) -> Result<Response, reqwest::Error> {
            self.0.send().await
        }
    }

    #[retry_http(base = 1ms)]
    async fn post_by_another(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
        Builder::post(http, url).send().await
    }

    #[tokio::test]
    async fn a_visible_method_counts() {
        let server = Server::script([Reply::status(500)]);
        assert_eq!(post_by_another(&Client::new(), &server.url("/")).await.unwrap().status(), 500);
        assert_eq!(server.requests().len(), 1);
    }

    #[tokio::test]
    async fn is_understood() {
        let http = ClientBuilder::new(Client::new()).build();
        let server = Server::script([
            Reply::status(429).header("retry-after", "0.15"),
            Reply::hang_up(),
            Reply::status(200).body("x"),
        ]);
        assert_eq!(get(&http, &server.url("/")).await.unwrap(), "x");
        assert_eq!(server.requests().len(), 3);
        assert!(server.pauses()[0] >= ms(150), "{:?}", server.pauses());
        let server = Server::script([Reply::status(500)]);
        assert_eq!(post(&http, &server.url("/")).await.unwrap().status(), 500);
        assert_eq!(server.requests().len(), 1);
    }
}
