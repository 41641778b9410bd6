//! Helpers of the tests.

use std::time::Duration;

use retry_http::testing::server::{Reply, Request};
use retry_http::testing::{Entered, Kit, RecordedEvent};
use retry_http::{Step, Stop};
use serde_json::Value;

/// Enters a kit that skips and records waits, with the same jitter in each run.
pub(crate) fn kit() -> Entered {
    Kit::new().seed(7).enter()
}

/// Returns the waits between attempts so far, without those for an upstream.
pub(crate) fn waits(kit: &Kit) -> Vec<Duration> {
    let wait = |event: RecordedEvent| match event.step {
        Step::Retry { wait } => Some(wait),
        _ => None,
    };
    kit.events().into_iter().filter_map(wait).collect()
}

/// Returns the waits between attempts so far in whole seconds, which leaves out the jitter of a
/// hint: half a second with the default `base`.
pub(crate) fn seconds(kit: &Kit) -> Vec<u64> {
    waits(kit).iter().map(Duration::as_secs).collect()
}

/// Returns the reason for which the last call ended.
pub(crate) fn stop(kit: &Kit) -> Stop {
    match kit.events().last().map(|event| event.step) {
        Some(Step::End { stop, .. }) => stop,
        other => panic!("no call has ended: {other:?}"),
    }
}

/// Makes a reply with a body in JSON.
pub(crate) fn json(status: u16, body: &str) -> Reply {
    Reply::status(status).header("content-type", "application/json").body(body)
}

/// Returns a header of a request, or an empty text.
pub(crate) fn header<'r>(request: &'r Request, name: &str) -> &'r str {
    request.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

/// Returns the body of a request, which is in JSON.
pub(crate) fn sent(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}
