//! Helpers that the tests share.

#![allow(dead_code, reason = "no test uses all of them")]

pub mod fake;

use std::ops::RangeInclusive;
use std::time::Duration;

use retry_http::testing::server::{Reply, Request, Server};

pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Asserts that there were as many waits as are expected, each within its range of seconds.
#[track_caller]
pub fn assert_waits(waits: &[Duration], expected: &[RangeInclusive<f64>]) {
    assert_eq!(waits.len(), expected.len(), "{waits:?}");
    for (wait, range) in waits.iter().zip(expected) {
        // tokio's timers are exact to a millisecond.
        let range = *range.start()..=range.end() + 0.002;
        assert!(range.contains(&wait.as_secs_f64()), "{waits:?}, not within {expected:?}");
    }
}

/// An error that says nothing of what went wrong.
#[derive(Debug)]
pub struct Opaque;

impl<E: std::error::Error> From<E> for Opaque {
    fn from(_: E) -> Self {
        Self
    }
}

/// Compiles where the value may move to another thread.
pub fn is_send(_: impl Send) {}

/// Answers, but not while a test runs.
pub fn late() -> Reply {
    Reply::status(200).late(secs(60))
}

/// The idempotency key of a request.
pub fn key(request: &Request) -> Option<String> {
    request.headers.get("idempotency-key").map(|key| key.to_str().unwrap().to_owned())
}

/// The idempotency keys of the requests to `path`, each of which has one.
pub fn keys(server: &Server, path: &str) -> Vec<String> {
    let requests = server.requests().into_iter().filter(|request| request.path == path);
    requests.map(|request| key(&request).expect("a key")).collect()
}

/// A server whose paths each have a script of their own. The last reply of a script is repeated.
#[derive(Default)]
pub struct Routes(Vec<(&'static str, Vec<Reply>)>);

impl Routes {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn path(self, path: &'static str, statuses: impl IntoIterator<Item = u16>) -> Self {
        self.replies(path, statuses.into_iter().map(Reply::status))
    }

    pub fn replies(mut self, path: &'static str, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.0.push((path, replies.into_iter().collect()));
        self
    }

    pub fn serve(self) -> Server {
        let asked = std::sync::Mutex::new(std::collections::HashMap::<String, usize>::new());
        Server::new(move |_, request| {
            let mut asked = asked.lock().unwrap();
            let n = asked.entry(request.path.clone()).or_default();
            *n += 1;
            let (_, script) =
                self.0.iter().find(|(path, _)| *path == request.path).expect("a path of the test");
            script[(*n - 1).min(script.len() - 1)].clone()
        })
    }
}

/// Returns the number of requests for each of `paths`.
pub fn counts(server: &Server, paths: &[&str]) -> Vec<usize> {
    let requests = server.requests();
    paths.iter().map(|path| requests.iter().filter(|request| request.path == *path).count()).collect()
}
