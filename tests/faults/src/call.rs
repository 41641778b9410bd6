//! Calls of annotated functions by each client, and what comes of them.

use std::any::Any;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use retry_http::{Event, Failure, Jitter, Policy, Step, Stop};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, LocalSet};

use crate::fault::{Client, Expected, Fault, Method, Outcome, Pace, Place, Reach};
use crate::server::{Stage, certificate, install_provider};

/// The result of a call.
pub struct Run {
    pub attempts: usize,
    pub requests: usize,
    pub took: Duration,
    end: End,
}

/// How a call ended.
enum End {
    Returned(Last),
    Panicked(String),
    Dropped,
}

impl Run {
    /// Returns whether it came as expected, but for the time.
    pub fn is(&self, expected: &Expected) -> bool {
        let is_outcome = match (&self.end, &expected.outcome) {
            (End::Returned(last), Outcome::Succeeds) => last.is_ok,
            (End::Returned(last), Outcome::Fails(how, stop)) => {
                let Last { is_ok, status, failures, stop: seen } = last;
                !is_ok && (*status, failures.as_slice(), seen) == (how.status, how.failures, stop)
            }
            (End::Panicked(message), Outcome::Panics(part)) => message.contains(part),
            (End::Dropped, Outcome::Dropped) => true,
            _ => false,
        };
        is_outcome && expected.attempts.contains(self.attempts) && expected.requests.contains(self.requests)
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attempts, requests, took, end } = self;
        write!(f, "{attempts} attempts, {requests} requests in {took:?}: ")?;
        match end {
            End::Returned(Last { is_ok, status, failures, stop }) => {
                write!(f, "ok {is_ok}, {status:?} {failures:?} {stop:?}")
            }
            End::Panicked(message) => write!(f, "panic: {message}"),
            End::Dropped => write!(f, "dropped"),
        }
    }
}

/// The last event of a call.
struct Last {
    is_ok: bool,
    status: Option<u16>,
    failures: Vec<Failure>,
    stop: Stop,
}

/// Records the events of a call.
#[derive(Default)]
struct Log {
    attempts: Mutex<usize>,
    last: Mutex<Option<Last>>,
}

impl Log {
    fn keep(&self, event: &Event<'_>) {
        *self.attempts.lock().unwrap() = event.attempt as usize;
        if let Step::End { stop, succeeded } = event.step {
            let status = event.status.map(|status| status.as_u16());
            let failures = event.failures.iter().collect();
            *self.last.lock().unwrap() = Some(Last { is_ok: succeeded, status, failures, stop });
        }
    }
}

/// The servers of a row, and how a client is to meet them.
pub struct Setup {
    pub stage: Stage,
    pub reach: Reach,
    pub pace: Pace,
}

impl Setup {
    pub fn new(fault: &Fault) -> Self {
        Self { stage: Stage::new(fault), reach: fault.reach, pace: fault.pace }
    }
}

/// The inputs of a call, wherever it runs.
struct Context {
    method: Method,
    setup: Setup,
    policy: Policy,
    log: Log,
    /// The requests that were sent before the call.
    before: AtomicUsize,
}

impl Context {
    /// Says that the call begins.
    fn begin(&self) {
        self.before.store(self.setup.stage.requests(), Ordering::SeqCst);
    }
}

/// The time in which a client learns that the server has closed a connection.
pub const IDLE: Duration = Duration::from_millis(100);

/// Defines the calls by a version of reqwest. `$trust` makes a client trust a certificate only.
macro_rules! version {
    ($name:ident, $reqwest:ident, |$builder:ident, $certificate:ident| $trust:expr) => {
        pub mod $name {
            use std::thread;

            use retry_http::{Policy, retry_http};

            use super::{Context, IDLE, Log, Method, Reach, Setup, certificate, install_provider};

            macro_rules! set_up {
                ($builder_of_api:expr, $setup:expr) => {{
                    let Setup { stage, reach, pace } = $setup;
                    install_provider();
                    let $certificate = $reqwest::Certificate::from_der(certificate(stage.trusted())).unwrap();
                    let $builder = $builder_of_api.no_proxy();
                    let mut builder = $trust;
                    if let Some(limit) = pace.connect_timeout() {
                        builder = builder.connect_timeout(limit);
                    }
                    if let Some(proxy) = stage.proxy() {
                        builder = builder.proxy($reqwest::Proxy::all(proxy).unwrap());
                    }
                    if *reach == Reach::Http2 {
                        builder = builder.http2_prior_knowledge();
                    }
                    builder
                }};
            }

            /// Sends a request with a secret, which no other host is to see.
            #[retry_http(policy = policy, observer = |event| log.keep(event))]
            async fn send(
                http: &$reqwest::Client,
                method: Method,
                url: &str,
                policy: &Policy,
                log: &Log,
            ) -> $reqwest::Result<String> {
                let mut request = http.request(method.http(), url).bearer_auth("secret");
                if method == Method::Post {
                    request = request.body("some");
                }
                request.send().await?.error_for_status()?.text().await
            }

            #[retry_http(policy = policy, observer = |event| log.keep(event))]
            fn send_blocking(
                http: &$reqwest::blocking::Client,
                method: Method,
                url: &str,
                policy: &Policy,
                log: &Log,
            ) -> $reqwest::Result<String> {
                let mut request = http.request(method.http(), url).bearer_auth("secret");
                if method == Method::Post {
                    request = request.body("some");
                }
                request.send()?.error_for_status()?.text()
            }

            /// Makes a client that meets the servers of `setup`.
            pub fn client(setup: &Setup) -> $reqwest::ClientBuilder {
                set_up!($reqwest::Client::builder(), setup)
            }

            pub(super) async fn call(context: &Context) {
                let (http, url) = (client(&context.setup).build().unwrap(), context.setup.stage.url());
                if context.setup.reach == Reach::Warm {
                    http.get(&url).send().await.unwrap().text().await.unwrap();
                    tokio::time::sleep(IDLE).await;
                }
                context.begin();
                // The log has the outcome.
                let _outcome = send(&http, context.method, &url, &context.policy, &context.log).await;
            }

            pub(super) fn call_blocking(context: &Context) {
                let http = set_up!($reqwest::blocking::Client::builder(), &context.setup).build().unwrap();
                let url = context.setup.stage.url();
                if context.setup.reach == Reach::Warm {
                    http.get(&url).send().unwrap().text().unwrap();
                    thread::sleep(IDLE);
                }
                context.begin();
                let _outcome = send_blocking(&http, context.method, &url, &context.policy, &context.log);
            }
        }
    };
}

version!(v13, reqwest, |builder, it| builder.tls_backend_rustls().tls_certs_only([it]));
version!(v12, reqwest12, |builder, it| builder.add_root_certificate(it));

/// Calls a function by `client`, and returns what came of it.
pub fn run(fault: &Fault, client: Client, method: Method) -> Run {
    let Fault { pace, place, .. } = *fault;
    let (setup, policy, before) = (Setup::new(fault), policy(pace), AtomicUsize::new(0));
    let context = Arc::new(Context { method, setup, policy, log: Log::default(), before });
    let start = Instant::now();
    // A thread of its own, since a call may panic.
    let call = thread::spawn({
        let context = Arc::clone(&context);
        move || call(place, client, context)
    });
    let joined = call.join();
    let took = start.elapsed();
    let last = context.log.last.lock().unwrap().take();
    let end = match (joined, last) {
        (Err(panic), _) => End::Panicked(message(panic.as_ref())),
        (Ok(()), Some(last)) => End::Returned(last),
        (Ok(()), None) => End::Dropped,
    };
    // Calls that panic or are dropped in their first attempt emit no event.
    let attempts = (*context.log.attempts.lock().unwrap()).max(1);
    let requests = context.setup.stage.requests() - context.before.load(Ordering::SeqCst);
    Run { attempts, requests, took, end }
}

fn policy(pace: Pace) -> Policy {
    let policy = Policy::builder().base(pace.base()).jitter(Jitter::None);
    let policy = match pace.timeout() {
        Some(limit) => policy.timeout(limit),
        None => policy,
    };
    let policy = match pace.deadline() {
        Some(limit) => policy.deadline(limit),
        None => policy,
    };
    policy.build().unwrap()
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// Calls at `place`, and returns when the call has ended.
fn call(place: Place, client: Client, context: Arc<Context>) {
    let threads = || Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let one_thread = || Builder::new_current_thread().enable_all().build().unwrap();
    match place {
        Place::Anywhere if Client::BLOCKING.contains(&client) => call_blocking(client, &context),
        Place::Anywhere => {
            let runtime = threads();
            join(&runtime, runtime.spawn(call_async(client, context)));
        }
        Place::CurrentThread => one_thread().block_on(call_async(client, context)),
        Place::LocalSet => {
            let (runtime, tasks) = (one_thread(), LocalSet::new());
            tasks.block_on(&runtime, async {
                tokio::task::spawn_local(call_async(client, context)).await.unwrap()
            });
        }
        Place::WithoutTime => {
            Builder::new_current_thread().enable_io().build().unwrap().block_on(call_async(client, context));
        }
        Place::ShutDown => {
            let runtime = threads();
            runtime.spawn(call_async(client, Arc::clone(&context)));
            while context.setup.stage.requests() == 0 {
                thread::sleep(Duration::from_millis(1));
            }
            // The answer has come, and the call waits.
            thread::sleep(Pace::Patient.base() / 2);
            runtime.shutdown_timeout(Duration::from_secs(5));
            thread::sleep(Pace::Patient.base() * 2);
        }
        Place::SpawnBlocking => {
            let runtime = threads();
            join(&runtime, runtime.spawn_blocking(move || call_blocking(client, &context)));
        }
        Place::InsideRuntime => one_thread().block_on(async { call_blocking(client, &context) }),
    }
}

/// Waits for a task. If it panics, so does this.
fn join(runtime: &Runtime, task: JoinHandle<()>) {
    if let Err(error) = runtime.block_on(task) {
        resume_unwind(error.into_panic());
    }
}

async fn call_async(client: Client, context: Arc<Context>) {
    match client {
        Client::Async13 => v13::call(&context).await,
        Client::Async12 => v12::call(&context).await,
        Client::Blocking13 | Client::Blocking12 => panic!("{client:?} is not async"),
    }
}

fn call_blocking(client: Client, context: &Context) {
    match client {
        Client::Blocking13 => v13::call_blocking(context),
        Client::Blocking12 => v12::call_blocking(context),
        Client::Async13 | Client::Async12 => panic!("{client:?} is not blocking"),
    }
}
