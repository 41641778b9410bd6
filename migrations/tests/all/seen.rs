//! Calls a client against a server on loopback, and tells how many requests arrived and how long
//! the client has waited. Where the clock of tokio is paused, waits take no time.

use std::fmt::Debug;
use std::ops::RangeInclusive;
use std::time::Duration;

use reqwest::Client;
use retry_http::testing::server::{Reply, Server};

/// What the server and the clock have seen of a call.
#[derive(Debug)]
pub struct Seen {
    pub requests: usize,
    pub waited: Duration,
    pub succeeded: bool,
}

/// A wait that the server asks for, far above all computed ones.
pub const ASKED: Duration = Duration::from_secs(60);

/// The replies of a server, of which the last one answers all further requests.
pub type Script = Vec<Reply>;

pub fn always(status: u16) -> Script {
    vec![Reply::status(status)]
}

pub fn recovers(body: &str) -> Script {
    vec![Reply::status(503), Reply::status(503), Reply::status(200).body(body)]
}

pub fn asks_to_wait(asked: Duration, body: &str) -> Script {
    let asked = asked.as_secs().to_string();
    vec![Reply::status(429).header("retry-after", asked), Reply::status(200).body(body)]
}

/// Returns a client that keeps no timers of its own: a paused clock would jump to them.
pub fn client() -> Client {
    Client::builder().no_proxy().pool_max_idle_per_host(0).build().expect("a client")
}

/// Calls with a client and the URL of a server that answers by the script.
pub async fn seen<T, E: Debug>(
    script: Script,
    call: impl AsyncFnOnce(Client, String) -> Result<T, E>,
) -> Seen {
    let server = Server::script(script);
    let start = tokio::time::Instant::now();
    let outcome = call(client(), server.url("")).await;
    let waited = start.elapsed();
    Seen { requests: server.requests().len(), waited, succeeded: outcome.is_ok() }
}

/// Returns the sum of the waits before three retries, in seconds: 0.5, 1 and 2, each times a number
/// from this range. The margins are for requests, and for clocks that were read a moment earlier.
pub fn waits(times: RangeInclusive<f64>) -> RangeInclusive<f64> {
    3.5 * times.start() - 0.1..=3.5 * times.end() + 0.1
}

/// Asserts that a server gets as many requests before as after, and that only the one after waits
/// as the server asks. Both retry three times, in waits whose sum is in these ranges. `body` is the
/// answer of a success.
pub async fn compare<T, E: Debug, F: Debug>(
    body: &str,
    (before, before_waits): (impl AsyncFn(Client, String) -> Result<T, E>, RangeInclusive<f64>),
    (after, after_waits): (impl AsyncFn(Client, String) -> Result<T, F>, RangeInclusive<f64>),
) {
    sends_as_many(recovers(body), 3, &before, &after).await;
    sends_as_many(always(404), 1, &before, &after).await;
    let (old, new) = sends_as_many(always(503), 4, &before, &after).await;
    assert!(before_waits.contains(&old.waited.as_secs_f64()), "before: {old:?}");
    assert!(after_waits.contains(&new.waited.as_secs_f64()), "after: {new:?}");
    only_after_obeys(ASKED, body, before, after).await;
}

/// Asserts that both send this number of requests, and that both succeed or neither does.
pub async fn sends_as_many<T, E: Debug, F: Debug>(
    script: Script,
    requests: usize,
    before: impl AsyncFnOnce(Client, String) -> Result<T, E>,
    after: impl AsyncFnOnce(Client, String) -> Result<T, F>,
) -> (Seen, Seen) {
    let old = seen(script.clone(), before).await;
    let new = seen(script, after).await;
    assert_eq!(old.requests, requests, "before: {old:?}");
    assert_eq!(new.requests, requests, "after: {new:?}");
    assert_eq!(old.succeeded, new.succeeded);
    (old, new)
}

/// Asserts that the one before does not wait for the time that the server asks for, and that the
/// one after does.
pub async fn only_after_obeys<T, E: Debug, F: Debug>(
    asked: Duration,
    body: &str,
    before: impl AsyncFnOnce(Client, String) -> Result<T, E>,
    after: impl AsyncFnOnce(Client, String) -> Result<T, F>,
) {
    let (old, new) = sends_as_many(asks_to_wait(asked, body), 2, before, after).await;
    assert!(old.succeeded && old.waited < asked, "before: {old:?}");
    assert!(new.succeeded && new.waited >= asked, "after: {new:?}");
}
