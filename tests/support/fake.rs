//! A server without a socket. It answers by script, on the clock of the test, which may be paused.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use reqwest::{Body, Response};
use retry_http::{Failure, FailureSet, HttpFailure};
use tokio::time::Instant;

/// Answers the n-th request by the n-th part of its script, and all that follow by the last.
pub struct Fake {
    script: Vec<Canned>,
    exchanges: Mutex<Vec<Exchange>>,
}

/// One answer of a [`Fake`].
#[derive(Clone, Debug)]
pub struct Canned {
    pub what: Result<(StatusCode, HeaderMap), Failure>,
    takes: Duration,
    yields: usize,
    stalls: bool,
}

/// When a request was made, and when it was answered.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    pub asked: Instant,
    pub answered: Instant,
}

/// The failure of a request, by its number.
#[derive(Debug, PartialEq)]
pub struct Fault(pub usize, Failure);

impl HttpFailure for Fault {
    fn failures(&self) -> FailureSet {
        self.1.into()
    }
}

impl Canned {
    pub fn status(status: u16) -> Self {
        let status = StatusCode::from_u16(status).expect("a status");
        Self { what: Ok((status, HeaderMap::new())), takes: Duration::ZERO, yields: 0, stalls: false }
    }

    pub fn failure(failure: Failure) -> Self {
        Self { what: Err(failure), ..Self::status(500) }
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok((_, headers)) = &mut self.what {
            let value = HeaderValue::from_str(value).expect("the value of a header");
            headers.append(HeaderName::from_static(name), value);
        }
        self
    }

    pub fn takes(self, takes: Duration) -> Self {
        Self { takes, ..self }
    }

    /// Yields so often before it answers.
    pub fn yields(self, yields: usize) -> Self {
        Self { yields, ..self }
    }

    /// Never ends its body.
    pub fn stalls(self) -> Self {
        Self { stalls: true, ..self }
    }

    /// As a response of reqwest's.
    fn into_response(self) -> Response {
        let (status, headers) = self.what.expect("a failure is no response");
        let body = if self.stalls {
            Body::wrap_stream(futures::stream::pending::<Result<&[u8], std::io::Error>>())
        } else {
            Body::default()
        };
        let mut response = http::Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response.into()
    }
}

impl Fake {
    pub fn new(script: impl IntoIterator<Item = Canned>) -> Self {
        Self { script: script.into_iter().collect(), exchanges: Mutex::default() }
    }

    /// Always answers the same.
    pub fn status(status: u16) -> Self {
        Self::new([Canned::status(status)])
    }

    pub async fn answer(&self) -> reqwest::Result<Response> {
        Ok(self.exchange().await.1.into_response())
    }

    pub fn answer_blocking(&self) -> Response {
        self.begin().1.into_response()
    }

    /// Answers with the number of the request, or fails.
    pub async fn number(&self) -> Result<http::Response<usize>, Fault> {
        let (number, canned) = self.exchange().await;
        let (status, headers) = canned.what.map_err(|failure| Fault(number, failure))?;
        let mut response = http::Response::new(number);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }

    /// All requests so far, in the order in which they were made.
    pub fn exchanges(&self) -> MutexGuard<'_, Vec<Exchange>> {
        self.exchanges.lock().unwrap()
    }

    pub fn requests(&self) -> usize {
        self.exchanges().len()
    }

    /// The time between each answer and the next request.
    pub fn waits(&self) -> Vec<Duration> {
        self.exchanges().windows(2).map(|pair| pair[1].asked - pair[0].answered).collect()
    }

    async fn exchange(&self) -> (usize, Canned) {
        let (number, canned) = self.begin();
        for _ in 0..canned.yields {
            tokio::task::yield_now().await;
        }
        if !canned.takes.is_zero() {
            tokio::time::sleep(canned.takes).await;
        }
        self.exchanges()[number].answered = Instant::now();
        (number, canned)
    }

    fn begin(&self) -> (usize, Canned) {
        let (now, mut exchanges) = (Instant::now(), self.exchanges());
        exchanges.push(Exchange { asked: now, answered: now });
        let number = exchanges.len() - 1;
        (number, self.script[number.min(self.script.len() - 1)].clone())
    }
}
