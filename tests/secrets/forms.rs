//! Every form in which a request is seen, with the corpus of the fuzzer as the heads of the
//! answers.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use reqwest::{Client, RequestBuilder, Response};
use retry_http::testing::server::{Reply, Server};
use retry_http::{FailureSet, HttpFailure, Renewal, Upstream, failures_of, retry_http};

use super::{Case, Told};

/// Letters that are in no word of ours.
const SECRET: &str = "qzjqzjQ0Z1J2";

/// An error of the user's that holds all there is.
#[derive(Debug)]
struct Error {
    text: String,
    status: Option<u16>,
    failures: FailureSet,
    wait: Option<Duration>,
}

impl HttpFailure for Error {
    fn status(&self) -> Option<u16> {
        self.status
    }

    fn failures(&self) -> FailureSet {
        self.failures
    }

    fn retry_after(&self) -> Option<Duration> {
        self.wait
    }

    fn is_expired(&self) -> bool {
        self.status == Some(403)
    }
}

impl From<reqwest::Error> for Error {
    fn from(error: reqwest::Error) -> Self {
        let (status, failures) = (error.status().map(|status| status.as_u16()), failures_of(&error));
        Self { text: format!("{SECRET}: {error:?}"), status, failures, wait: None }
    }
}

struct Api<'t> {
    http: Client,
    case: Case,
    told: &'t Told,
    upstream: Upstream,
    renewal: Renewal,
}

#[retry_http(
    max = 1, base = 1ms, max_retry_after = 5ms, deadline = 10s, on = [default, 4xx, 5xx], observer = *self.told
)]
impl Api<'_> {
    #[retry_http(transparent)]
    async fn send(&self, request: RequestBuilder) -> reqwest::Result<String> {
        request.send().await?.error_for_status()?.text().await
    }

    async fn helped(&self) -> reqwest::Result<String> {
        self.send(self.case.request(&self.http)).await
    }

    async fn keyed(&self) -> reqwest::Result<Response> {
        let request: RequestBuilder = self.case.request(&self.http);
        request.header("Idempotency-Key", SECRET).send().await
    }

    #[retry_http(idempotency_key = "X-Request-Key")]
    async fn named_key(&self) -> reqwest::Result<Response> {
        let request: RequestBuilder = self.case.request(&self.http);
        request.header("X-Request-Key", SECRET).send().await
    }

    #[retry_http(hint = ["x-my-reset", "x-my-reset-ms"])]
    async fn own_error(&self) -> Result<String, Error> {
        let request: RequestBuilder = self.case.request(&self.http);
        let response = request.send().await?;
        let (status, wait) = (Some(response.status().as_u16()), Some(Duration::from_millis(2)));
        let text = response.text().await?;
        Err(Error { text: format!("{SECRET} {text}"), status, failures: FailureSet::EMPTY, wait })
    }

    #[retry_http(reauth = self.renewal.once(self.log_in()))]
    async fn renewed(&self) -> Result<String, Error> {
        let request: RequestBuilder = self.case.request(&self.http);
        Ok(request.send().await?.error_for_status()?.text().await?)
    }

    #[retry_http(skip)]
    async fn log_in(&self) -> Result<String, String> {
        tokio::task::yield_now().await;
        Err(format!("the password {SECRET} is wrong"))
    }

    #[retry_http(upstream = self.upstream)]
    async fn held(&self) -> reqwest::Result<String> {
        let request: RequestBuilder = self.case.request(&self.http);
        request.send().await?.error_for_status()?.text().await
    }
}

/// A plain GET, of which least is recorded.
#[retry_http(max = 1, base = 1ms, max_retry_after = 5ms)]
async fn plain(http: &Client, url: &str) -> reqwest::Result<Response> {
    http.get(url).bearer_auth(SECRET).send().await
}

/// Returns answers with the heads of the corpus, with a secret behind, before and instead of each
/// value.
fn replies() -> Vec<Reply> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/hints");
    let mut files: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 10, "the corpus is there");
    let mut replies = Vec::new();
    for (n, file) in files.iter().enumerate() {
        let head = std::fs::read(file).unwrap();
        let head = String::from_utf8_lossy(&head);
        let hidden: [fn(&str) -> String; 4] = [
            |value| value.to_owned(),
            |value| format!("{value}, {SECRET}"),
            |value| format!("{SECRET} {value}"),
            |_| SECRET.to_owned(),
        ];
        // The fuzzer has found lines that the testing server cannot send.
        let can_be_sent = |(name, value): &(&str, &str)| {
            name.parse::<http::HeaderName>().is_ok() && value.trim().parse::<http::HeaderValue>().is_ok()
        };
        for (m, hidden) in hidden.into_iter().enumerate() {
            let status = [429, 503, 401, 307, 403, 500, 302][(n + m) % 7];
            let mut reply = Reply::status(status)
                .header("location", format!("/{SECRET}?token={SECRET}"))
                .header("set-cookie", format!("session={SECRET}"))
                .body(format!("{{\"secret\": \"{SECRET}\"}}"));
            for (name, value) in head.lines().filter_map(|line| line.split_once(':')).filter(can_be_sent) {
                reply = reply.header(name, hidden(value.trim()));
            }
            replies.push(if n % 5 == 0 { reply.truncated() } else { reply });
        }
    }
    replies.push(Reply::hang_up());
    replies
}

/// Asserts that the secret is nowhere in what was told, and that this is not nothing.
fn assert_nothing_is_told(told: &Told, metrics: &str, what: &str) {
    let text = told.text();
    assert!(text.contains("Event {") || text.contains("\"retry_http\""), "{what} tells nothing");
    // Other crates may log it.
    let ours = text.lines().filter(|line| !line.contains("\"target\"") || line.contains("\"retry_http\""));
    for line in ours.chain(metrics.lines()) {
        assert!(!line.to_ascii_lowercase().contains(&SECRET.to_ascii_lowercase()), "{what}: {line}");
    }
}

/// Makes calls of every form to the server at `url`, and asserts after each that nothing was told.
async fn call_all(
    http: &Client,
    url: &str,
    upstream: fn(&'static str) -> Upstream,
    metrics: impl Fn() -> String,
    told: &Told,
) {
    let hidden =
        url.replace("://", &format!("://{SECRET}:{SECRET}@")) + &format!("{SECRET}?key={SECRET}#{SECRET}");
    for method in [reqwest::Method::GET, reqwest::Method::POST] {
        let case = Case { method, url: hidden.clone(), secret: SECRET.to_owned() };
        let (http, upstream, renewal) = (http.clone(), upstream("api"), Renewal::new());
        let api = Api { http, case, told, upstream, renewal };
        let check = |what: &str| {
            told.note(&(&api.upstream, &api.renewal));
            assert_nothing_is_told(told, "", what);
        };
        // How they end is chance.
        _ = api.helped().await.is_ok();
        check("a helper");
        _ = api.keyed().await.is_ok();
        check("a key of the user's");
        _ = api.named_key().await.is_ok();
        check("a key in a header that is named");
        _ = api.own_error().await.map_err(|error| error.text.len());
        check("an error of the user's");
        _ = api.renewed().await.is_ok();
        check("a renewal");
        _ = api.held().await.is_ok();
        _ = api.held().await.is_ok();
        check("an upstream");
        _ = plain(&api.http, &hidden).await.is_ok();
        check("a plain GET");
    }
    // Rendering takes longer than the calls.
    assert_nothing_is_told(told, &metrics(), "a metric");
}

/// Runs `test` with all that listens, and returns how many events were observed.
fn listening(test: impl AsyncFnOnce(&Told, &dyn Fn() -> String)) -> usize {
    let (told, recorder) = (Told::default(), PrometheusBuilder::new().build_recorder());
    let log = told.clone();
    let subscriber = tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE);
    let _subscribed = tracing::subscriber::set_default(subscriber.with_writer(move || log.clone()).finish());
    let kit = retry_http::testing::instant();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(test(&told, &|| recorder.handle().render()));
    });
    told.note(&kit.events());
    assert_nothing_is_told(&told, "", "the testing kit");
    told.text().matches("Event {").count()
}

#[test]
fn no_form_of_a_request_tells_what_the_corpus_of_the_fuzzer_hides() {
    let upstreams: [fn(&'static str) -> Upstream; 2] =
        [Upstream::new, |name| Upstream::new(name).answer_locally()];
    for upstream in upstreams {
        let events = listening(async |told, metrics| {
            let replies = replies();
            let rounds = replies.len();
            let server = Server::new(move |n, _| replies[n % replies.len()].clone());
            let http = Client::builder().no_proxy().build().unwrap();
            for _ in 0..rounds {
                told.0.lock().unwrap().clear();
                call_all(&http, &server.url("/"), upstream, metrics, told).await;
            }
        });
        assert!(events > 10, "{events} events of the last round");
    }
}

/// A server of HTTP/2 that ends connections and streams, with the secret as the data of `GOAWAY`.
fn http2_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (n, stream) in listener.incoming().flatten().enumerate() {
            // Errors are expected: clients go away.
            std::thread::spawn(move || serve(stream, n));
        }
    });
    url
}

fn serve(mut stream: TcpStream, n: usize) -> std::io::Result<()> {
    const HEADERS: u8 = 0x1;
    const DATA: u8 = 0x0;
    const RST_STREAM: u8 = 0x3;
    const SETTINGS: u8 = 0x4;
    const GOAWAY: u8 = 0x7;
    let frame = |stream: &mut TcpStream, kind: u8, id: u32, payload: &[u8]| {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let head = [&length[1..], &[kind, 0], &id.to_be_bytes()].concat();
        stream.write_all(&[&head, payload].concat())
    };
    stream.read_exact(&mut [0; 24])?;
    frame(&mut stream, SETTINGS, 0, &[])?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let length = usize::from(head[1]) << 8 | usize::from(head[2]);
        stream.read_exact(&mut vec![0; length])?;
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        if matches!(head[3], HEADERS | DATA) && head[4] & 1 == 1 {
            let reason: u32 = [0x0, 0x2, 0x7, 0xb][n % 4];
            if n % 3 == 0 {
                frame(&mut stream, RST_STREAM, id, &reason.to_be_bytes())?;
                continue;
            }
            let payload = [&id.to_be_bytes()[..], &reason.to_be_bytes()[..], SECRET.as_bytes()].concat();
            frame(&mut stream, GOAWAY, 0, &payload)?;
            std::thread::sleep(Duration::from_millis(5));
            return Ok(());
        }
    }
}

#[test]
fn nothing_of_http2_tells_a_secret() {
    let events = listening(async |told, metrics| {
        let url = http2_server();
        for _ in 0..12 {
            let http = Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
            told.0.lock().unwrap().clear();
            call_all(&http, &url, Upstream::new, metrics, told).await;
        }
    });
    assert!(events > 10, "{events} events of the last round");
}
