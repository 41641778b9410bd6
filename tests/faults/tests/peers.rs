//! Runs the rows of the table by three peers, each set up as its documentation does, and writes
//! down in `docs/faults.md` what they do.
//!
//! Nothing is expected of them but what the page says.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};
use faults::call::{IDLE, Setup, v13};
use faults::fault::{Client, Expected, Fault, How, Method, Outcome, Pace, Place, Reach, Server};
use faults::{in_parallel, page, table};
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, Middleware, Next};
use reqwest_retry::policies::ExponentialBackoff;
use reqwest_retry::{Jitter, RetryTransientMiddleware};
use tower::{Service, ServiceBuilder, ServiceExt, retry};

/// A crate that retries.
#[derive(Clone, Copy, Debug)]
enum Peer {
    Backon,
    ReqwestRetry,
    Tower,
}

impl Peer {
    const ALL: [Self; 3] = [Self::Backon, Self::ReqwestRetry, Self::Tower];

    const fn name(self) -> &'static str {
        match self {
            Self::Backon => "backon",
            Self::ReqwestRetry => "reqwest-retry",
            Self::Tower => "tower",
        }
    }
}

const RETRIES: usize = 3;

/// The result of a call by a peer.
struct Run {
    attempts: usize,
    requests: usize,
    outcome: String,
}

/// A client, the request to send, and how often that was tried.
#[derive(Clone)]
struct Caller {
    http: reqwest::Client,
    url: String,
    method: Method,
    base: Duration,
    attempts: Arc<AtomicUsize>,
}

impl Caller {
    fn request(&self) -> Request {
        let request = self.http.request(self.method.http(), &self.url).bearer_auth("secret");
        let request = if self.method == Method::Post { request.body("some") } else { request };
        request.build().unwrap()
    }

    fn count(&self) {
        self.attempts.fetch_add(1, Ordering::SeqCst);
    }

    /// Retries the whole function, for errors that are thought to pass.
    async fn by_backon(&self) -> Result<String, String> {
        let fetch = || async {
            self.count();
            self.http.execute(self.request()).await?.error_for_status()?.text().await
        };
        let backoff = ExponentialBuilder::default().with_min_delay(self.base).with_max_times(RETRIES);
        let is_server_error =
            |error: &reqwest::Error| error.status().is_some_and(|status| status.is_server_error());
        fetch
            .retry(backoff)
            .when(|error| error.is_connect() || error.is_timeout() || is_server_error(error))
            .await
            .map_err(|error| word(&error))
    }

    /// Retries by the middleware, with its default strategy.
    async fn by_reqwest_retry(&self) -> Result<String, String> {
        let backoff = ExponentialBackoff::builder()
            .retry_bounds(self.base, Duration::from_secs(60))
            .jitter(Jitter::None)
            .build_with_max_retries(RETRIES as u32);
        let client = ClientBuilder::new(self.http.clone())
            .with(RetryTransientMiddleware::new_with_policy(backoff))
            .with(Counting(self.clone()))
            .build();
        read(client.execute(self.request()).await.map_err(|error| middleware_word(&error))?).await
    }

    /// Retries by the policy of tower's documentation, which treats all errors as failures, and all
    /// responses as success.
    async fn by_tower(&self) -> Result<String, String> {
        let (http, caller) = (self.http.clone(), self.clone());
        let send = tower::service_fn(move |request: Request| {
            caller.count();
            http.clone().call(request)
        });
        let mut service = ServiceBuilder::new().retry(Attempts(RETRIES)).service(send);
        let response = service.ready().await.map_err(|error| word(&error))?.call(self.request());
        read(response.await.map_err(|error| word(&error))?).await
    }
}

async fn read(response: Response) -> Result<String, String> {
    let text = async { response.error_for_status()?.text().await };
    text.await.map_err(|error: reqwest::Error| word(&error))
}

/// Counts what is sent.
struct Counting(Caller);

#[async_trait::async_trait]
impl Middleware for Counting {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut http::Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        self.0.count();
        next.run(request, extensions).await
    }
}

#[derive(Clone)]
struct Attempts(usize);

impl<E> retry::Policy<Request, Response, E> for Attempts {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Request, result: &mut Result<Response, E>) -> Option<Ready<()>> {
        match result {
            Ok(_) => None,
            Err(_) if self.0 > 0 => {
                self.0 -= 1;
                Some(ready(()))
            }
            Err(_) => None,
        }
    }

    fn clone_request(&mut self, request: &Request) -> Option<Request> {
        request.try_clone()
    }
}

/// Returns the words of a failure, which are those of the table.
fn word(error: &reqwest::Error) -> String {
    if let Some(status) = error.status() {
        return status.as_u16().to_string();
    }
    let words: Vec<_> = retry_http::failures_of(error).iter().map(retry_http::Failure::name).collect();
    if words.is_empty() { "error".to_owned() } else { words.join(" ") }
}

/// Returns the words of a failure behind a middleware.
fn middleware_word(error: &reqwest_middleware::Error) -> String {
    match error {
        reqwest_middleware::Error::Reqwest(error) => word(error),
        reqwest_middleware::Error::Middleware(error) => {
            error.chain().find_map(|error| error.downcast_ref()).map_or("error".to_owned(), middleware_word)
        }
    }
}

fn run(fault: &Fault, peer: Peer, method: Method) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(call(fault, peer, method))
}

async fn call(fault: &Fault, peer: Peer, method: Method) -> Run {
    let setup = Setup::new(fault);
    let mut http = v13::client(&setup);
    if let Some(limit) = fault.pace.timeout() {
        http = http.timeout(limit);
    }
    let (http, url) = (http.build().unwrap(), setup.stage.url());
    if fault.reach == Reach::Warm {
        http.get(&url).send().await.unwrap().text().await.unwrap();
        tokio::time::sleep(IDLE).await;
    }
    let (before, start) = (setup.stage.requests(), Instant::now());
    let caller = Caller { http, url, method, base: fault.pace.base(), attempts: Arc::default() };
    let outcome = match peer {
        Peer::Backon => caller.by_backon().await,
        Peer::ReqwestRetry => caller.by_reqwest_retry().await,
        Peer::Tower => caller.by_tower().await,
    };
    let attempts = caller.attempts.load(Ordering::SeqCst);
    let is_early = attempts > 1 && start.elapsed() < fault.at_least;
    let outcome = outcome.map_or_else(|word| word, |_| "ok".to_owned());
    let outcome = if is_early { format!("{outcome}, too early") } else { outcome };
    Run { attempts, requests: setup.stage.requests() - before, outcome }
}

/// Returns the rows that peers are run on: not those of other tests, of other runtimes, of
/// deadlines, which peers do not have, or whose numbers depend on the time.
fn rows() -> Vec<(&'static str, &'static Fault)> {
    let rows =
        table::TABLE.iter().flat_map(|section| section.faults.iter().map(|fault| (section.title, fault)));
    let is_run = |fault: &Fault| {
        fault.place == Place::Anywhere
            && fault.pace != Pace::Deadline
            && !matches!(fault.server, Server::Elsewhere(..) | Server::Restarts { .. })
    };
    rows.filter(|(_, fault)| is_run(fault)).collect()
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { attempts, requests, outcome } = self;
        write!(f, "{attempts}")?;
        if requests != attempts {
            write!(f, " ({requests})")?;
        }
        write!(f, ": {outcome}")
    }
}

#[test]
fn the_page_says_what_peers_do() {
    let rows = rows();
    let mut jobs = Vec::new();
    for (_, fault) in &rows {
        for peer in Peer::ALL {
            jobs.extend(Method::ALL.map(|method| (*fault, peer, method)));
        }
    }
    let runs = in_parallel(&jobs, |(fault, peer, method)| run(fault, *peer, *method));
    page::expect("peers", &table(&rows, &runs));
}

/// Returns what is expected of us, in the words of a run by a peer.
fn ours(expected: &Expected) -> String {
    let outcome = match expected.outcome {
        Outcome::Fails(How { failures: [], .. }, _) | Outcome::Succeeds => expected.outcome.to_string(),
        Outcome::Fails(how, _) => How { status: None, ..how }.to_string(),
        Outcome::Panics(_) | Outcome::Dropped => panic!("not in these rows"),
    };
    let outcome = outcome.split(", ").next().unwrap().to_owned();
    Run { attempts: expected.attempts.least, requests: expected.requests.least, outcome }.to_string()
}

/// Joins what came of a GET and of a POST.
fn both([get, post]: [String; 2]) -> String {
    if get == post { get } else { format!("{get} / {post}") }
}

fn table(rows: &[(&'static str, &Fault)], runs: &[Run]) -> String {
    let mut text = String::new();
    let (mut title, mut again, mut risky) = ("", [0; Peer::ALL.len()], 0);
    for ((section, fault), runs) in rows.iter().zip(runs.chunks(Peer::ALL.len() * Method::ALL.len())) {
        if title != *section {
            title = section;
            text += &format!("\n### {title}, with other crates\n\n| fault | retry-http |");
            text += &Peer::ALL.map(|peer| format!(" {} |", peer.name())).concat();
            text += "\n|---|---|---|---|---|\n";
        }
        let may_have_been_done = page::may_have_been_done(fault);
        risky += usize::from(may_have_been_done);
        let ours = Method::ALL.map(|method| ours(&fault.expected(Client::Async13, method)));
        text += &format!("| {} | {} |", fault.name, both(ours));
        for (again, runs) in again.iter_mut().zip(runs.chunks(Method::ALL.len())) {
            let [get, post] = [&runs[0], &runs[1]].map(Run::to_string);
            if may_have_been_done && runs[1].attempts > 1 {
                *again += 1;
                text += &format!(" {get} / **{post}** |");
            } else {
                text += &format!(" {} |", both([get, post]));
            }
        }
        text += "\n";
    }
    let [backon, reqwest_retry, tower] = again;
    let sync =
        rows.iter().filter(|(_, fault)| page::may_have_been_done(fault) && !fault.but.is_empty()).count();
    format!(
        "In {risky} of these {} rows a POST may have been done although its answer is lost or refused. backon sends\n\
         the POST again (in bold) in {backon} of these rows, reqwest-retry in {reqwest_retry}, and tower in {tower}. retry-http\n\
         sends it again in none with an async client, and in {sync} with a blocking client, which are\n\
         [limits](guide/limits.md).\n{text}",
        rows.len(),
    )
}
