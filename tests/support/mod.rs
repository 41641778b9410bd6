//! Helpers that the tests share.

#![allow(dead_code, reason = "no test uses all of them")]

pub mod fake;

use std::time::Duration;

use retry_http::testing::server::{Reply, Server};

pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
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

/// The idempotency keys of the requests to `path`.
pub fn keys(server: &Server, path: &str) -> Vec<Option<String>> {
    let requests = server.requests().into_iter().filter(|request| request.path == path);
    let key = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
    requests.map(|request| request.headers.get("idempotency-key").map(key)).collect()
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

/// How many requests there were for each of `paths`.
pub fn counts(server: &Server, paths: &[&str]) -> Vec<usize> {
    let requests = server.requests();
    paths.iter().map(|path| requests.iter().filter(|request| request.path == *path).count()).collect()
}
