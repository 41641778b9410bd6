//! The server: what it notes of a request, and which answer it gets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use http::header::{AUTHORIZATION, HeaderMap};
use tokio::net::TcpListener;

use crate::faults::{Answer, answer};
use crate::ledger::Ledger;
use crate::watch::{CALL, Protocol, RUN};
use crate::{http1, http2};

/// The path of what needs credentials.
pub const PROFILE: &str = "/profile";
/// The path of the login, whose answer is the credentials.
pub const LOGIN: &str = "/login";

/// The state of the server.
pub struct Server {
    pub ledger: Arc<Ledger>,
    pub protocol: Protocol,
    seed: u64,
    /// The credentials that are good: the number of the last login.
    credentials: AtomicU64,
    /// The requests that are being answered.
    pub busy: AtomicUsize,
}

/// A request that is being answered.
pub struct Request<'s> {
    server: &'s Server,
    /// The answer to it.
    pub answer: Answer,
    /// The body of a whole answer.
    pub body: String,
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        self.server.busy.fetch_sub(1, Relaxed);
    }
}

impl Server {
    pub fn new(ledger: &Arc<Ledger>, protocol: Protocol, seed: u64) -> Arc<Self> {
        let (ledger, credentials, busy) = (Arc::clone(ledger), AtomicU64::new(1), AtomicUsize::new(0));
        Arc::new(Self { ledger, protocol, seed, credentials, busy })
    }

    /// Lets all credentials expire.
    pub fn expire(&self) {
        self.credentials.fetch_add(1, Relaxed);
    }

    /// Accepts connections for ever.
    pub async fn run(self: Arc<Self>, listener: TcpListener) {
        loop {
            // The process may be out of files for a moment.
            let Ok((stream, _)) = listener.accept().await else { continue };
            _ = stream.set_nodelay(true);
            let server = Arc::clone(&self);
            match self.protocol {
                Protocol::Http1 => tokio::spawn(async move { http1::serve(stream, &server).await }),
                Protocol::Http2 => tokio::spawn(async move { http2::serve(stream, &server).await }),
            };
        }
    }

    /// Notes a request, of which the server has got all, and decides how to answer it.
    pub fn request(&self, path: &str, headers: &HeaderMap) -> Request<'_> {
        self.busy.fetch_add(1, Relaxed);
        let number =
            |name| headers.get(name).and_then(|value| value.to_str().ok()).and_then(|v| v.parse().ok());
        let call: u64 = number(CALL).expect("each request names its call");
        let run = u32::try_from(number(RUN).expect("each request names its run")).expect("a small number");
        let key = headers.get("idempotency-key").map(|key| key.to_str().expect("a key is a text"));
        self.ledger.arrive(call, run, key);
        let good = self.credentials.load(Relaxed);
        let is_expired = path == PROFILE
            && headers.get(AUTHORIZATION).is_none_or(|value| value.as_bytes() != good.to_string().as_bytes());
        let answer =
            if is_expired { Answer::Status(401, None) } else { answer(self.seed, self.protocol, call, run) };
        if answer.is_processed() {
            self.ledger.process(call, run);
        }
        let body = if path == LOGIN { good.to_string() } else { format!(r#"{{"call":{call},"run":{run}}}"#) };
        Request { server: self, answer, body }
    }
}
