//! A 429 is retried however it leaves a function, after the wait that the server asks for.

mod support;

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use reqwest::{Client, Response};
use retry_http::testing::server::{Reply, Server};
use retry_http::{FailureSet, HttpFailure, failures_of, retry_http, testing};
use support::{assert_waits, is_send};

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

/// Sends outside of the annotated functions.
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

/// A 429 that asks for a wait of 7 s, then an answer.
fn limited() -> Server {
    Server::script([Reply::status(429).header("retry-after", "7"), Reply::status(200).body("x")])
}

/// Asserts that the call retries a 429 after the wait that it asks for.
async fn retries<T, E: fmt::Debug>(name: &str, call: impl AsyncFnOnce(&str) -> Result<T, E>) {
    let (server, kit) = (limited(), testing::instant());
    let outcome = call(&server.url("/")).await;
    assert!(outcome.is_ok(), "{name}: {:?}", outcome.err());
    assert_eq!(server.requests().len(), 2, "{name}");
    assert_waits(&kit.waits(), &[7.0..=7.001]);
}

/// [`retries`], of a sync function.
fn retries_blocking<T, E: fmt::Debug>(name: &str, call: impl FnOnce(&str) -> Result<T, E>) {
    let (server, kit) = (limited(), testing::instant());
    let outcome = call(&server.url("/"));
    assert!(outcome.is_ok(), "{name}: {:?}", outcome.err());
    assert_eq!(server.requests().len(), 2, "{name}");
    assert_waits(&kit.waits(), &[7.0..=7.001]);
}

macro_rules! table {
    ($($name:ident $(::<$generic:ty>)? $(($($more:expr),*))?;)*) => {
        #[tokio::test]
        async fn a_429_is_retried_however_it_leaves() {
            let http = Client::new();
            $(retries(stringify!($name), async |url| {
                $name$(::<$generic>)?(&http, url $($(, $more)*)?).await
            }).await;)*
        }

        #[test]
        fn every_future_is_send() {
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

/// A helper reads the body, so that only the error knows that it broke off.
#[tokio::test]
async fn an_error_of_ours_tells_of_a_body_that_broke_off() {
    async fn read(response: Response) -> Result<String, Own> {
        response.text().await.map_err(|error| failed(&error))
    }

    fn failed(error: &reqwest::Error) -> Own {
        Own { status: None, wait: None, failures: failures_of(error) }
    }

    #[retry_http(base = 1ms)]
    async fn fetch(http: &Client, url: &str) -> Result<String, Own> {
        let response = http.get(url).send().await;
        read(response.map_err(|error| failed(&error))?).await
    }

    let broken = Reply::status(200).body("he").truncated();
    let server = Server::script([broken, Reply::status(200).body("hello")]);
    let _kit = testing::instant();
    assert_eq!(fetch(&Client::new(), &server.url("/")).await.expect("a body"), "hello");
    assert_eq!(server.requests().len(), 2);
}

/// Sends where nothing is seen, so that only the sources of an error tell the status, and nothing
/// tells the hint.
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
        async fn check<T, E: fmt::Debug>(name: &str, call: impl AsyncFnOnce(&Client, &str) -> Result<T, E>) {
            let (server, kit) = (limited(), testing::instant());
            let outcome = call(&Client::new(), &server.url("/")).await;
            assert!(outcome.is_ok(), "{name}: {:?}", outcome.err());
            assert_eq!(server.requests().len(), 2, "{name}");
            assert_waits(&kit.waits(), &[0.001..=0.0015]);
        }

        check("direct", direct).await;
        check("source", source).await;
        check("anyhow", anyhow_context).await;
        check("eyre", eyre_context).await;
        check("boxed", boxed).await;
        check("boxed, send", boxed_send).await;
        check("io", io_error).await;
    }
}

/// Sends in sync functions.
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
        let http = Client::new();
        retries_blocking("response", |url| response(&http, url));
        retries_blocking("transparent", |url| transparent(&http, url));
        retries_blocking("boxed", |url| boxed(&http, url));
        retries_blocking("to_string", |url| to_string(&http, url));
        retries_blocking("impl_trait", |url| impl_trait(&http, url));
        retries_blocking("by_get", |url| by_get(&http, url));
    }
}

/// Sends by reqwest 0.12, in the same program.
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

    #[tokio::test]
    async fn a_429_is_retried() {
        let http = Client::new();
        retries("response", async |url| response(&http, url).await).await;
        retries("to_string", async |url| to_string(&http, url).await).await;
    }

    #[test]
    fn a_429_is_retried_blocking() {
        retries_blocking("blocking", blocking);
    }
}

/// Sends by reqwest's middleware, in the same program.
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

    /// Another builder, of whose requests only the method is seen.
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
    async fn a_visible_post_is_not_repeated() {
        let server = Server::script([Reply::status(500)]);
        assert_eq!(post_by_another(&Client::new(), &server.url("/")).await.unwrap().status(), 500);
        assert_eq!(server.requests().len(), 1);
    }

    #[tokio::test]
    async fn a_hint_and_a_method_are_seen() {
        let (http, kit) = (ClientBuilder::new(Client::new()).build(), testing::instant());
        let server = Server::script([
            Reply::status(429).header("retry-after", "7"),
            Reply::hang_up(),
            Reply::status(200).body("x"),
        ]);
        assert_eq!(get(&http, &server.url("/")).await.unwrap(), "x");
        assert_eq!(server.requests().len(), 3);
        assert_waits(&kit.waits(), &[7.0..=7.001, 0.002..=0.003]);
        let server = Server::script([Reply::status(500)]);
        assert_eq!(post(&http, &server.url("/")).await.unwrap().status(), 500);
        assert_eq!(server.requests().len(), 1);
    }
}

/// An own error within another one.
mod wrapped {
    use super::*;
    use std::rc::Rc;
    use std::sync::Arc;

    /// An error of an account without money.
    #[derive(Debug, thiserror::Error)]
    #[error("no money")]
    struct Broke;

    impl HttpFailure for Broke {
        fn is_permanent(&self) -> bool {
            true
        }
    }

    #[derive(Debug, thiserror::Error)]
    enum Outer {
        #[error("payment")]
        Payment(#[from] Broke),
        #[error("http")]
        Http(#[from] reqwest::Error),
    }

    macro_rules! requests {
        ($error:ty, $make:expr $(, $option:ident = $value:expr)?) => {{
            #[retry_http(max = 2, base = 1ms $(, $option = $value)?)]
            async fn call(http: &Client, url: String) -> Result<(), $error> {
                let response = http.get(url).send().await.unwrap();
                if response.status() == 429 { Err($make(Broke)) } else { Ok(()) }
            }

            let server = Server::script([Reply::status(429)]);
            assert!(call(&Client::new(), server.url("/")).await.is_err());
            server.requests().len()
        }};
    }

    static BROKE: Broke = Broke;

    fn borrowed(_: Broke) -> &'static Broke {
        &BROKE
    }

    fn boxed(broke: Broke) -> Box<dyn HttpFailure> {
        Box::new(broke)
    }

    #[tokio::test]
    async fn in_a_pointer_is_asked() {
        assert_eq!(requests!(Box<Broke>, Box::new), 1);
        assert_eq!(requests!(Rc<Broke>, Rc::new), 1);
        assert_eq!(requests!(Arc<Broke>, Arc::new), 1);
        assert_eq!(requests!(&'static Broke, borrowed), 1);
        assert_eq!(requests!(Box<dyn HttpFailure>, boxed), 1);
    }

    #[tokio::test]
    async fn below_another_error_is_not_found_and_never_if_decides() {
        fn is_broke(error: &(dyn std::error::Error + 'static)) -> bool {
            error.downcast_ref::<Broke>().is_some()
        }

        assert_eq!(requests!(Outer, Outer::from), 3);
        assert_eq!(requests!(Outer, Outer::from, never_if = |end| matches!(end, Err(Outer::Payment(_)))), 1);
        assert_eq!(requests!(anyhow::Error, anyhow::Error::from), 3);
        assert_eq!(
            requests!(
                anyhow::Error,
                anyhow::Error::from,
                never_if = |end| end.as_ref().is_err_and(|error| is_broke(error.as_ref()))
            ),
            1
        );
    }
}
