//! Functions of every shape that clients are written in retry over real sockets, as often and as
//! late as they should.

mod support;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::{Client, Response};
use retry_http::testing::server::{Reply, Server};
use retry_http::{retry_http, testing};
use support::{assert_waits, is_send};

type Answer = Result<String, reqwest::Error>;

/// Asserts that the call retries a 429 after the wait that it asks for, and a 503 after a computed
/// one.
async fn check(name: &str, call: impl AsyncFnOnce(Client, String) -> Answer) {
    let server = Server::script([
        Reply::status(429).header("retry-after", "7"),
        Reply::status(503),
        Reply::status(200).body("x"),
    ]);
    let kit = testing::instant();
    let outcome = call(Client::new(), server.url("/")).await;
    assert_eq!(server.requests().len(), 3, "{name}");
    assert_waits(&kit.waits(), &[7.0..=7.001, 0.002..=0.003]);
    assert_eq!(outcome.unwrap(), "x", "{name}");
}

async fn text(response: Response) -> Answer {
    response.error_for_status()?.text().await
}

mod futures_of_all_kinds {
    use super::*;

    #[retry_http(base = 1ms)]
    pub fn impl_future(http: &Client, url: String) -> impl Future<Output = Answer> {
        let http = http.clone();
        async move { text(http.get(url).send().await?).await }
    }

    #[allow(clippy::manual_async_fn, reason = "the point of it")]
    #[retry_http(base = 1ms)]
    pub fn impl_future_bound<'a>(http: &'a Client, url: &'a str) -> impl Future<Output = Answer> + Send + 'a {
        async move { text(http.get(url).send().await?).await }
    }

    #[retry_http(base = 1ms)]
    pub fn pin_box<'a>(http: &'a Client, url: &'a str) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>> {
        Box::pin(async move {
            let response = http.get(url).send().await?;
            text(response).await
        })
    }

    #[retry_http(base = 1ms)]
    pub fn box_future(http: Client, url: String) -> BoxFuture<'static, Answer> {
        async move { text(http.get(url).send().await?).await }.boxed()
    }

    #[retry_http(base = 1ms)]
    pub fn instrumented(http: Client, url: String) -> impl Future<Output = Answer> + Send {
        use tracing::Instrument as _;
        async move { text(http.get(url).send().await?).await }.instrument(tracing::info_span!("call"))
    }

    #[retry_http(base = 1ms)]
    pub fn then(http: &Client, url: String) -> impl Future<Output = Answer> {
        http.get(url).send().then(|response| async move { text(response?).await })
    }

    #[retry_http(base = 1ms, carry = [length])]
    pub fn shorter_arguments<'o>(
        http: &Client,
        url: &str,
        length: &'o mut usize,
    ) -> impl Future<Output = Answer> + use<'o> + 'o {
        http.get(url).send().then(move |response| async move {
            let text = text(response?).await?;
            *length += text.len();
            Ok(text)
        })
    }

    #[retry_http(base = 1ms)]
    pub fn of_a_helper(http: Client, url: String) -> BoxFuture<'static, Answer> {
        if url.is_empty() {
            return box_future(http, "http://localhost".to_owned());
        }
        plain(http, url).boxed()
    }

    async fn plain(http: Client, url: String) -> Answer {
        text(http.get(url).send().await?).await
    }

    pub fn are_send() {
        let http = Client::new();
        is_send(impl_future(&http, String::new()));
        is_send(then(&http, String::new()));
        is_send(instrumented(http.clone(), String::new()));
        is_send(box_future(http, String::new()));
    }
}

#[tokio::test]
async fn functions_that_return_futures() {
    use futures_of_all_kinds as f;
    check("impl Future", async |http, url| f::impl_future(&http, url).await).await;
    check("impl Future + 'a", async |http, url| f::impl_future_bound(&http, &url).await).await;
    check("Pin<Box<dyn Future>>", async |http, url| f::pin_box(&http, &url).await).await;
    check("BoxFuture", async |http, url| f::box_future(http, url).await).await;
    check(".instrument(span)", async |http, url| f::instrumented(http, url).await).await;
    check(".then(..)", async |http, url| f::then(&http, url).await).await;
    check("+ 'a, with shorter arguments", async |http, url| {
        let mut length = 0;
        let outcome = f::shorter_arguments(&http, &url, &mut length).await;
        assert_eq!(length, 1);
        outcome
    })
    .await;
    f::are_send();

    // Of a send in a helper that is not transparent all that is known is the error, and not the
    // method.
    let server = Server::script([Reply::status(429), Reply::status(200).body("x")]);
    assert_eq!(f::of_a_helper(Client::new(), server.url("/")).await.unwrap(), "x");
    assert_eq!(server.requests().len(), 2);
}

mod traits {
    use super::*;

    #[async_trait::async_trait]
    pub trait Boxed {
        async fn fetch(&self, url: String) -> Answer;

        #[retry_http(base = 1ms)]
        async fn provided(&self, http: &Client, url: String) -> Answer {
            text(http.get(url).send().await?).await
        }

        async fn by_impl<T: AsRef<str> + Send>(&mut self, url: T) -> Answer;
    }

    #[async_trait::async_trait]
    impl Boxed for Client {
        #[retry_http(base = 1ms)]
        async fn fetch(&self, url: String) -> Answer {
            text(self.get(url).send().await?).await
        }

        // `T` is neither `Clone` nor `Sync`, and the future is `Send` all the same.
        #[retry_http(base = 1ms)]
        async fn by_impl<T: AsRef<str> + Send>(&mut self, url: T) -> Answer {
            let request = self.get(url.as_ref());
            text(request.send().await?).await
        }
    }

    pub struct Outside(pub Client);

    #[retry_http(base = 1ms)]
    #[async_trait::async_trait]
    impl Boxed for Outside {
        async fn fetch(&self, url: String) -> Answer {
            text(self.0.get(url).send().await?).await
        }

        async fn by_impl<T: AsRef<str> + Send>(&mut self, url: T) -> Answer {
            let request = self.0.get(url.as_ref());
            text(request.send().await?).await
        }
    }

    pub trait Native {
        type Error;

        fn fetch(&self, url: &str) -> impl Future<Output = Result<String, Self::Error>> + Send;
    }

    impl Native for Client {
        type Error = reqwest::Error;

        #[retry_http(base = 1ms)]
        async fn fetch(&self, url: &str) -> Result<String, Self::Error> {
            text(self.get(url).send().await?).await
        }
    }
}

#[tokio::test]
async fn trait_methods() {
    use traits::{Boxed, Native, Outside};
    check("async_trait", async |http, url| Boxed::fetch(&http, url).await).await;
    check("async_trait, provided", async |http, url| http.provided(&http, url).await).await;
    check("async_trait, generic", async |mut http, url| http.by_impl(url).await).await;
    check("impl outside of async_trait", async |http, url| Outside(http).fetch(url).await).await;
    check("impl outside of async_trait, generic", async |http, url| Outside(http).by_impl(url).await).await;
    check("native", async |http, url| Native::fetch(&http, &url).await).await;
}

mod other_attributes {
    use super::*;

    #[tracing::instrument(skip(http))]
    #[retry_http(base = 1ms)]
    pub async fn instrument_above(http: &Client, url: String) -> Answer {
        text(http.get(url).send().await?).await
    }

    #[tracing::instrument(skip_all, err, ret)]
    #[retry_http(base = 1ms)]
    pub async fn instrument_above_err_ret(http: &Client, url: String) -> Answer {
        text(http.get(url).send().await?).await
    }

    #[retry_http(base = 1ms)]
    #[tracing::instrument(skip(http), err)]
    pub async fn instrument_below(http: &Client, url: String) -> Answer {
        text(http.get(url).send().await?).await
    }

    #[maybe_async::maybe_async]
    #[retry_http(base = 1ms)]
    pub async fn maybe_async_above(http: &Client, url: String) -> Answer {
        text(http.get(url).send().await?).await
    }

    #[retry_http(base = 1ms)]
    #[maybe_async::maybe_async]
    pub async fn maybe_async_below(http: &Client, url: String) -> Answer {
        text(http.get(url).send().await?).await
    }

    #[allow(clippy::needless_pass_by_value, reason = "a clone of it is consumed")]
    #[retry_http(base = 1ms)]
    #[maybe_async::must_be_sync]
    pub async fn must_be_sync_below(
        http: &reqwest::blocking::Client,
        url: String,
    ) -> Result<String, reqwest::Error> {
        http.get(url).send().await?.error_for_status()?.text().await
    }

    #[cfg(unix)]
    #[retry_http(base = 1ms)]
    pub async fn twin(http: &Client, url: String) -> Answer {
        text(http.get(url).send().await?).await
    }

    #[cfg(not(unix))]
    #[retry_http(base = 1ms)]
    pub async fn twin(http: &Client, url: String) -> Answer {
        text(http.get(url).send().await?).await
    }

    #[retry_http(base = 1ms)]
    pub async fn attribute_on_parameter(
        http: &Client,
        #[cfg(unix)] url: String,
        #[cfg(not(unix))] url: &str,
    ) -> Answer {
        let owned = url;
        text(http.get(owned).send().await?).await
    }

    macro_rules! body {
        ($http:ident, $url:ident) => {
            text($http.get(&$url).send().await?).await
        };
    }

    // Nothing of a macro's input is looked into, so the outcome decides; it has to be an error that
    // tells.
    #[retry_http(max = 2, base = 100ms)]
    pub async fn macro_body(http: &Client, url: String) -> Answer {
        body!(http, url)
    }
}

#[tokio::test]
async fn other_attributes_in_either_order() {
    use other_attributes as f;
    check("instrument above", async |http, url| f::instrument_above(&http, url).await).await;
    check("instrument(err, ret) above", async |http, url| f::instrument_above_err_ret(&http, url).await)
        .await;
    check("instrument below", async |http, url| f::instrument_below(&http, url).await).await;
    check("maybe_async above", async |http, url| f::maybe_async_above(&http, url).await).await;
    check("maybe_async below", async |http, url| f::maybe_async_below(&http, url).await).await;
    check("cfg twins", async |http, url| f::twin(&http, url).await).await;
    check("cfg on a parameter", async |http, url| f::attribute_on_parameter(&http, url).await).await;
    // A request that another macro sends is not seen, so only its outcome is known, and not its
    // method.
    let server = Server::script([Reply::status(429), Reply::status(503), Reply::status(200).body("x")]);
    let kit = testing::instant();
    f::macro_body(&Client::new(), server.url("/")).await.unwrap_err();
    assert_eq!(server.requests().len(), 2);
    assert_waits(&kit.waits(), &[0.1..=0.15]);
}

#[test]
fn maybe_async_that_is_sync() {
    let server = Server::script([Reply::status(503), Reply::status(200).body("x")]);
    let http = reqwest::blocking::Client::new();
    assert_eq!(other_attributes::must_be_sync_below(&http, server.url("/")).unwrap(), "x");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn an_instrumented_post_is_still_a_post() {
    #[tracing::instrument(skip_all, err)]
    #[retry_http(base = 1ms)]
    async fn post(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
        http.post(url).send().await?.error_for_status()
    }

    let server = Server::script([Reply::status(500)]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(post(&Client::new(), &server.url("/"))).unwrap_err();
    assert_eq!(server.requests().len(), 1);
}

/// Changes arguments, which the next attempt finds as they were.
mod fresh {
    use super::*;

    #[retry_http(base = 1ms)]
    pub fn in_a_block(http: &Client, mut path: String) -> BoxFuture<'_, Answer> {
        Box::pin(async move {
            path.push('n');
            assert!(path.ends_with("/n"), "{path}");
            text(http.get(path).send().await?).await
        })
    }

    #[tracing::instrument(skip_all, err, ret)]
    #[retry_http(base = 1ms)]
    pub async fn instrumented(http: &Client, url: String, mut body: Vec<u8>) -> Answer {
        body.push(1);
        assert_eq!(body, [1]);
        text(http.put(url).body(body).send().await?).await
    }

    #[retry_http(base = 1ms)]
    pub fn changed_before(http: &Client, url: String) -> impl Future<Output = Answer> + use<> {
        let mut path = url;
        path.push('a');
        let http = http.clone();
        async move {
            path.push('b');
            assert!(path.ends_with("/ab"), "{path}");
            text(http.get(&path).send().await?).await
        }
    }

    #[retry_http(base = 1ms)]
    pub fn branches(http: &Client, url: Option<String>) -> BoxFuture<'_, Answer> {
        match url {
            Some(url) => Box::pin(async move { text(http.get(url).send().await?).await }),
            None => Box::pin(async { Ok(String::new()) }),
        }
    }
}

#[tokio::test]
async fn each_attempt_starts_afresh() {
    check("in a block", async |http, url| fresh::in_a_block(&http, url).await).await;
    check("instrumented", async |http, url| fresh::instrumented(&http, url, Vec::new()).await).await;
    check("changed before the block", async |http, url| fresh::changed_before(&http, url).await).await;

    let server = Server::script([Reply::status(503), Reply::status(200).body("x")]);
    assert_eq!(fresh::branches(&Client::new(), Some(server.url("/"))).await.unwrap(), "x");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn an_instrumented_post_is_still_a_post_blocking() {
    #[tracing::instrument(skip_all, err)]
    #[retry_http(base = 1ms)]
    fn post(http: &reqwest::blocking::Client, url: &str) -> Result<String, reqwest::Error> {
        http.post(url).send()?.error_for_status()?.text()
    }

    #[tracing::instrument(skip_all, ret, err)]
    #[retry_http(base = 1ms)]
    fn get(http: &reqwest::blocking::Client, url: String) -> Result<String, String> {
        http.get(url).send().map_err(|error| error.to_string())?.text().map_err(|error| error.to_string())
    }

    let http = reqwest::blocking::Client::new();
    let server = Server::script([Reply::status(500)]);
    post(&http, &server.url("/")).unwrap_err();
    assert_eq!(server.requests().len(), 1);
    let server = Server::script([Reply::status(500), Reply::status(200).body("x")]);
    assert_eq!(get(&http, server.url("/")).unwrap(), "x");
}

/// Counts how often it is cloned.
struct Counted {
    url: String,
    clones: Arc<AtomicUsize>,
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.clones.fetch_add(1, Ordering::Relaxed);
        Self { url: self.url.clone(), clones: Arc::clone(&self.clones) }
    }
}

impl Counted {
    fn borrow_url(&self) -> &str {
        &self.url
    }

    fn to_url(&self) -> String {
        self.url.clone()
    }

    fn take_url(self) -> String {
        self.url
    }
}

struct NotClone(String);

impl NotClone {
    fn url(&self) -> &str {
        &self.0
    }
}

mod arguments {
    use super::*;

    #[retry_http(base = 1ms)]
    pub async fn borrowed(http: &Client, arg: Counted) -> Answer {
        tracing::debug!(url = %arg.url, "{}", arg.url);
        let url = format!("{}{}", arg.to_url(), &arg.url[..0]);
        assert_eq!(arg.url, url);
        let other = &arg;
        text(http.get(&other.url).send().await?).await
    }

    #[retry_http(base = 1ms)]
    pub async fn consumed(http: &Client, arg: Counted) -> Answer {
        text(http.get(arg.take_url()).send().await?).await
    }

    #[retry_http(base = 1ms)]
    pub async fn moved(http: &Client, arg: Counted) -> Answer {
        let mine = arg;
        text(http.get(mine.borrow_url()).send().await?).await
    }

    #[retry_http(base = 1ms)]
    pub async fn changed(http: &Client, mut arg: Counted, mut suffix: &str, mut n: u32) -> Answer {
        n += 1;
        assert_eq!(n, 1, "each attempt starts afresh");
        arg.url.push_str(suffix);
        suffix = "";
        assert_eq!(arg.url.matches('?').count(), 1, "each attempt starts afresh{suffix}");
        text(http.get(&arg.url).send().await?).await
    }

    #[retry_http(base = 1ms)]
    pub async fn destructured(http: &Client, (arg, NotClone(other)): (Counted, NotClone)) -> Answer {
        assert_eq!(arg.url, other);
        text(http.get(arg.take_url()).send().await?).await
    }

    #[retry_http(base = 1ms)]
    pub async fn perhaps_not_clone(http: &Client, arg: NotClone) -> Answer {
        text(http.get(arg.url()).send().await?).await
    }

    #[retry_http(base = 1ms)]
    pub async fn optional(http: &Client, arg: Option<Counted>) -> Answer {
        let Some(arg) = arg else { unreachable!("it is given") };
        text(http.get(arg.take_url()).send().await?).await
    }

    #[retry_http(base = 1ms)]
    pub async fn into<'a>(
        http: &Client,
        url: impl Into<String>,
        method: impl Into<Option<&'a str>>,
    ) -> Answer {
        let url = url.into();
        assert_eq!(method.into(), Some("x"));
        text(http.get(url).send().await?).await
    }

    #[retry_http(base = 1ms)]
    pub async fn iterator<'a>(
        http: &Client,
        url: &str,
        params: impl Iterator<Item = (&'a str, u32)>,
        more: impl IntoIterator<Item = u32>,
    ) -> Answer {
        let url = format!("{url}?{:?}{}", params.collect::<Vec<_>>(), more.into_iter().sum::<u32>());
        assert!(url.ends_with("[(\"a\",%201)]6") || url.ends_with("[(\"a\", 1)]6"), "{url}");
        text(http.get(url).send().await?).await
    }

    #[retry_http(base = 1ms, carry = [buffer])]
    pub async fn unique(http: &Client, url: &str, buffer: &mut Vec<u32>) -> Answer {
        let fill = move || buffer.push(1);
        let mut fill = fill;
        fill();
        text(http.get(url).send().await?).await
    }

    pub struct Request {
        pub http: Client,
        pub counted: Counted,
    }

    impl Clone for Request {
        fn clone(&self) -> Self {
            Self { http: self.http.clone(), counted: self.counted.clone() }
        }
    }

    impl Request {
        #[retry_http(base = 1ms)]
        pub async fn by_value(self) -> Answer {
            let Self { http, counted } = self;
            text(http.get(counted.take_url()).send().await?).await
        }

        #[retry_http(base = 1ms)]
        pub async fn boxed(mut self: Box<Self>) -> Answer {
            self.counted.url.push('?');
            assert_eq!(self.counted.url.matches('?').count(), 1);
            text(self.http.get(format!("{}", self.counted.url)).send().await?).await
        }
    }
}

/// Calls with a counted argument and returns how often that was cloned, over three attempts.
async fn clones(name: &str, call: impl AsyncFnOnce(Client, Counted) -> Answer) -> usize {
    let clones = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&clones);
    check(name, async |http, url| call(http, Counted { url, clones: counter }).await).await;
    clones.load(Ordering::Relaxed)
}

#[tokio::test]
async fn arguments_are_cloned_only_where_they_are_consumed() {
    use arguments as f;
    assert_eq!(clones("borrowed", async |http, arg| f::borrowed(&http, arg).await).await, 0);
    assert_eq!(clones("consumed", async |http, arg| f::consumed(&http, arg).await).await, 3);
    assert_eq!(clones("moved", async |http, arg| f::moved(&http, arg).await).await, 3);
    assert_eq!(clones("changed", async |http, arg| f::changed(&http, arg, "?", 0).await).await, 3);
    assert_eq!(clones("optional", async |http, arg| f::optional(&http, Some(arg)).await).await, 3);
    let destructured = async |http: Client, arg: Counted| {
        let other = NotClone(arg.url.clone());
        f::destructured(&http, (arg, other)).await
    };
    assert_eq!(clones("destructured", destructured).await, 3);
    assert_eq!(clones("self", async |http, counted| f::Request { http, counted }.by_value().await).await, 3);
    let boxed = async |http, counted| Box::new(f::Request { http, counted }).boxed().await;
    assert_eq!(clones("self: Box<Self>", boxed).await, 3);
}

#[tokio::test]
async fn arguments_that_cannot_be_cloned() {
    use arguments as f;
    check("not Clone", async |http, url| f::perhaps_not_clone(&http, NotClone(url)).await).await;
    check("impl Into", async |http, url| f::into(&http, url, "x").await).await;
    check("impl Iterator", async |http, url| {
        f::iterator(&http, &url, [("a", 1)].into_iter(), [1, 2, 3]).await
    })
    .await;
    let mut buffer = Vec::new();
    check("&mut", async |http, url| f::unique(&http, &url, &mut buffer).await).await;
    assert_eq!(buffer, [1, 1, 1]);
}

#[test]
fn arguments_of_sync_functions() {
    #[retry_http(base = 1ms)]
    fn call(http: &reqwest::blocking::Client, arg: Counted, mut n: u32) -> Result<String, reqwest::Error> {
        n += 1;
        assert_eq!(n, 1);
        http.get(arg.take_url()).send()?.text()
    }

    let server = Server::script([Reply::status(503), Reply::status(503), Reply::status(200).body("x")]);
    let clones = Arc::new(AtomicUsize::new(0));
    let arg = Counted { url: server.url("/"), clones: Arc::clone(&clones) };
    assert_eq!(call(&reqwest::blocking::Client::new(), arg, 0).unwrap(), "x");
    assert_eq!((server.requests().len(), clones.load(Ordering::Relaxed)), (3, 3));
}
