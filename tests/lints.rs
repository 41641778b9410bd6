//! Expansions compile without a warning, clippy's pedantic ones included (`.ci/run` has clippy look
//! at this file, the compiler does by itself).
#![deny(warnings, clippy::all, clippy::pedantic, clippy::nursery)]
#![deny(
    let_underscore_drop,
    meta_variable_misuse,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unreachable_pub,
    unused_import_braces,
    unused_lifetimes,
    unused_qualifications,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::single_match_else
)]

use retry_http::{Event, Renewal, Upstream, retry_http};

type Response = reqwest::Result<reqwest::Response>;

#[retry_http(max = 5, on = [429, 503], never = [401])]
async fn asynchronous(http: &reqwest::Client, url: &str) -> Response {
    http.get(url).send().await
}

#[retry_http(base = 250ms, cap = 1.5m, jitter = 0.25, factor = 1.5, max_retry_after = 1h)]
fn blocking(http: &reqwest::blocking::Client, url: &str) -> reqwest::Result<String> {
    http.get(url).send()?.error_for_status()?.text()
}

/// Made by a function whose type the attribute does not see.
fn builder(http: &reqwest::Client, urls: &[&str]) -> Option<reqwest::RequestBuilder> {
    urls.first().map(|url| http.get(*url))
}

#[retry_http]
#[deny(clippy::shadow_reuse, clippy::shadow_same)]
async fn held(http: &reqwest::Client, urls: &[&str]) -> Response {
    for mut sender in [Sender::default(), Sender::default()] {
        sender.send().await?;
    }
    let mut sender = Sender::default();
    sender.send().await?;
    for request in urls.iter().map(|url| http.get(*url)) {
        request.send().await?;
    }
    if let Some(request) = builder(http, urls) {
        return request.send().await;
    }
    let Some(request) = builder(http, urls) else { return http.get("http://localhost").send().await };
    match request.send().await {
        Ok(response) => response.error_for_status(),
        Err(error) => Err(error),
    }
}

/// Writes a function whose variables are the macro's.
macro_rules! written {
    ($name:ident) => {
        #[retry_http]
        async fn $name(http: &reqwest::Client, urls: &[&str]) -> Response {
            let mut sender = Sender::default();
            sender.send().await?;
            if let Some(request) = builder(http, urls) {
                return request.send().await;
            }
            http.get("http://localhost").send().await
        }
    };
}

written!(by_a_macro);

/// A sender of another crate's, which a send changes.
#[derive(Default)]
struct Sender(u8);

impl Sender {
    async fn send(&mut self) -> reqwest::Result<()> {
        self.0 = self.0.saturating_add(1);
        std::future::ready(Ok(())).await
    }
}

const RESET: &str = "x-other-reset";

#[retry_http(hint = ["x-my-reset", RESET])]
async fn named_headers(http: &reqwest::Client, url: &str) -> Response {
    http.get(url).send().await
}

#[rustfmt::skip]
#[retry_http]
async fn one_line(http: &reqwest::Client) -> Response { http.get("http://localhost").send().await }

#[rustfmt::skip]
#[retry_http]
fn one_line_blocking(http: &reqwest::blocking::Client) -> reqwest::Result<String> { http.get("/").send()?.text() }

#[retry_http]
async fn owned<P: Into<u64> + Send>(
    http: &reqwest::Client,
    mut url: String,
    (body, _): (Vec<u8>, u8),
    page: P,
) -> Response {
    url.push('/');
    let number = page.into();
    http.post(format!("{url}{number}")).body(body).send().await
}

#[retry_http]
fn owned_blocking(
    http: &reqwest::blocking::Client,
    url: String,
    mut body: Vec<u8>,
) -> reqwest::Result<String> {
    body.push(b'/');
    http.post(url).body(body).send()?.error_for_status()?.text()
}

struct Upload {
    name: String,
    data: Option<Vec<u8>>,
}

#[retry_http]
fn fields_blocking(http: &reqwest::blocking::Client, upload: Upload) -> reqwest::Result<String> {
    let mut request = http.put(upload.name);
    if let Some(data) = upload.data {
        request = request.body(data);
    }
    request.send()?.error_for_status()?.text()
}

#[retry_http]
async fn levels(
    http: &reqwest::Client,
    #[allow(unused_mut)] mut body: String,
    #[expect(unused_mut, reason = "it is needed elsewhere")] mut url: String,
) -> Response {
    http.post(url).body(body).send().await
}

#[retry_http(carry = [out, data])]
async fn carried<R: std::io::Read + Send>(
    http: &reqwest::Client,
    mut out: Option<&mut String>,
    mut data: R,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut bytes = Vec::new();
    data.read_to_end(&mut bytes)?;
    let answer = http.post("http://localhost").body(bytes).send().await?.text().await?;
    if let Some(out) = out.as_mut() {
        out.push_str(&answer);
    }
    Ok(())
}

#[retry_http(
    max = 1,
    retry_if = |outcome| outcome.as_ref().is_ok_and(|response| response.status() == 202),
    never_if = |outcome| matches!(outcome, Err(error) if error.is_status()),
)]
fn future(http: &reqwest::Client, url: String) -> impl Future<Output = Response> + Send {
    let http = http.clone();
    async move {
        let request = http.get(url.as_str());
        drop(url);
        request.send().await
    }
}

#[retry_http]
fn wrapped(http: &reqwest::Client, url: String) -> impl Future<Output = Response> + Send {
    futures::TryFutureExt::map_ok(http.get(url).send(), |response| response)
}

struct Api {
    http: reqwest::Client,
    renewal: Renewal,
    upstream: Upstream,
}

struct Login<'a> {
    http: &'a reqwest::Client,
}

impl Login<'_> {
    async fn log_in(&self) -> Response {
        self.http.get("http://localhost").send().await
    }
}

static API: Upstream = Upstream::new("api");
const BOUND: std::time::Duration = std::time::Duration::from_secs(9);

fn note(event: &Event<'_>) {
    tracing::debug!(?event);
}

impl Api {
    #[retry_http]
    async fn method(&self, id: u64) -> Result<serde_json::Value, String> {
        let request = self.http.get(format!("/{id}")).build().map_err(|error| error.to_string())?;
        let response = self.http.execute(request).await.map_err(|error| error.to_string())?;
        response.json().await.map_err(|error| error.to_string())
    }

    #[retry_http(
        deadline = 10s, timeout = 3s, idempotency_key, reauth = self.renewal.once(self.login()), upstream = self.upstream,
        observer = |event| tracing::debug!(?event)
    )]
    async fn all(&self, body: String) -> Response {
        self.http.post("http://localhost").body(body).send().await
    }

    #[retry_http(idempotent = false, deadline = BOUND, reauth = { drop(self.login().await); }, upstream = &API)]
    async fn blocks(self: std::sync::Arc<Self>) -> Response {
        self.http.execute(self.http.get("http://localhost").build()?).await
    }

    #[retry_http(reauth = Login { http: &self.http }.log_in())]
    async fn by_a_struct(&self) -> Response {
        self.http.get("http://localhost").send().await
    }

    #[retry_http(
        reauth = self.renewal.once_blocking(|| true), observer = note, upstream = self.upstream, timeout = 3s,
        idempotency_key = "X-Key"
    )]
    fn all_blocking(&self, http: &reqwest::blocking::Client) -> reqwest::Result<String> {
        http.get("http://localhost").send()?.text()
    }

    async fn login(&self) -> Response {
        self.http.get("http://localhost").send().await
    }

    const fn http(&self) -> &reqwest::Client {
        &self.http
    }

    #[rustfmt::skip]
    #[allow(clippy::borrow_deref_ref, reason = "with parentheses")]
    #[retry_http]
    async fn in_parentheses(&self, request: reqwest::Request) -> Response {
        (&*self.http()).execute(request).await
    }

    #[retry_http]
    async fn statement(&self, request: &reqwest::Request) -> Result<(), reqwest::Error> {
        if let Some(request) = request.try_clone() {
            self.http().execute(request).await?;
        }
        reqwest::get("http://localhost").await?.error_for_status()?;
        Ok(())
    }
}

#[test]
fn expansions_compile_without_a_warning() {
    let _ = (
        asynchronous,
        blocking,
        named_headers,
        held,
        by_a_macro,
        one_line,
        one_line_blocking,
        owned_blocking,
        Api::method,
        Api::statement,
        Api::in_parentheses,
    );
    let _ = (fields_blocking, levels, carried::<std::io::Empty>);
    let _ = (owned::<u64>, future, wrapped, Api::all, Api::blocks, Api::all_blocking, Api::by_a_struct);
}
