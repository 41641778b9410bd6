//! The ways to make the calls, each set up to decide as nearly as it can what ours decides.

use std::fmt::Debug;

use reqwest::{Client, Response};

use crate::call::Target;

/// Makes a [`Peer`] of the functions `response` and `string` of a module.
macro_rules! peer {
    ($name:ident: $client:ty = $make:expr, $error:ty) => {
        #[doc = concat!("Its calls, with a `", stringify!($client), "`.")]
        pub struct $name;

        impl crate::peers::Peer for $name {
            type Client = $client;
            type Error = $error;

            fn client() -> $client {
                $make
            }

            fn response(
                http: &$client,
                target: &crate::call::Target,
            ) -> impl Future<Output = std::result::Result<reqwest::Response, $error>> + Send {
                response(http, target)
            }

            fn string(
                http: &$client,
                target: &crate::call::Target,
            ) -> impl Future<Output = std::result::Result<String, $error>> + Send {
                string(http, target)
            }
        }
    };
}

mod again;
mod backoff;
mod backon;
mod by_hand;
mod options;
mod ours;
mod plain;
mod reqwest_itself;
mod reqwest_retry;
mod retry_if;
mod tokio_retry;
mod tokio_retry2;
mod tower;

pub(crate) use backon::waits;
pub(crate) use by_hand::backoff;

/// A way to make the calls.
pub trait Peer {
    type Client: Clone + Send + Sync + 'static;
    type Error: Debug;

    /// Returns a client without connections.
    fn client() -> Self::Client;

    /// Sends the request and returns the response.
    fn response(
        http: &Self::Client,
        target: &Target,
    ) -> impl Future<Output = Result<Response, Self::Error>> + Send;

    /// Sends the request and returns the body of its response.
    fn string(
        http: &Self::Client,
        target: &Target,
    ) -> impl Future<Output = Result<String, Self::Error>> + Send;
}

/// The name of a way to make the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Plain,
    ByHand,
    Ours,
    RetryIf,
    ReqwestItself,
    Again,
    TokioRetry,
    TokioRetry2,
    Backoff,
    Backon,
    Tower,
    ReqwestRetry,
    PlainTimeout,
    Timeout,
    Deadline,
    Upstream,
    Observer,
}

/// A loop by hand, ours, and the peers.
pub const PEERS: [Kind; 11] = [
    Kind::ByHand,
    Kind::Ours,
    Kind::RetryIf,
    Kind::ReqwestItself,
    Kind::Again,
    Kind::TokioRetry,
    Kind::TokioRetry2,
    Kind::Backoff,
    Kind::Backon,
    Kind::Tower,
    Kind::ReqwestRetry,
];

/// Ours with an option each, and what reqwest itself has for a timeout.
pub const OPTIONS: [Kind; 5] =
    [Kind::PlainTimeout, Kind::Timeout, Kind::Deadline, Kind::Upstream, Kind::Observer];

/// Describes a way to make the calls, for the report.
pub struct About {
    pub name: &'static str,
    /// The package whose version counts.
    pub package: Option<&'static str>,
    /// In what it decides otherwise than ours.
    pub differs: &'static str,
}

/// A measurement of any [`Peer`].
pub trait Measure {
    type Output;

    fn of<P: Peer>(self) -> Self::Output;
}

impl Kind {
    /// Returns the one with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Plain].into_iter().chain(PEERS).chain(OPTIONS).find(|kind| kind.about().name == name)
    }

    /// Measures it.
    pub fn measure<M: Measure>(self, measure: M) -> M::Output {
        match self {
            Self::Plain => measure.of::<plain::Plain>(),
            Self::ByHand => measure.of::<by_hand::ByHand>(),
            Self::Ours => measure.of::<ours::Ours>(),
            Self::RetryIf => measure.of::<retry_if::RetryIf>(),
            Self::ReqwestItself => measure.of::<reqwest_itself::ReqwestItself>(),
            Self::Again => measure.of::<again::Again>(),
            Self::TokioRetry => measure.of::<tokio_retry::TokioRetry>(),
            Self::TokioRetry2 => measure.of::<tokio_retry2::TokioRetry2>(),
            Self::Backoff => measure.of::<backoff::Backoff>(),
            Self::Backon => measure.of::<backon::Backon>(),
            Self::Tower => measure.of::<tower::Tower>(),
            Self::ReqwestRetry => measure.of::<reqwest_retry::ReqwestRetry>(),
            Self::PlainTimeout => measure.of::<options::plain_timeout::PlainTimeout>(),
            Self::Timeout => measure.of::<options::timeout::Timeout>(),
            Self::Deadline => measure.of::<options::deadline::Deadline>(),
            Self::Upstream => measure.of::<options::upstream::Shared>(),
            Self::Observer => measure.of::<options::observer::Observed>(),
        }
    }

    /// Returns what is said about it.
    pub const fn about(self) -> About {
        let (name, package, differs) = match self {
            Self::Plain => ("plain", None, "no retry"),
            Self::ByHand => ("by hand", None, "reads `Retry-After` in seconds only, and no other hint"),
            Self::Ours => ("retry-http", Some("retry-http"), "–"),
            Self::RetryIf => (
                "retry-if",
                Some("retry-if"),
                "no jitter; no hints; keeps the refused response while it waits",
            ),
            Self::ReqwestItself => (
                "reqwest::retry",
                Some("reqwest"),
                "no wait at all; no hints; its budget is turned off, as the others have none; \
                 retries every error that it sees, but sees no timeouts",
            ),
            Self::Again => (
                "again",
                Some("again"),
                "its last refusal is an error, not a response; no hints; a clock of its own",
            ),
            Self::TokioRetry => {
                ("tokio-retry", Some("tokio-retry"), "its last refusal is an error, not a response; no hints")
            }
            Self::TokioRetry2 => (
                "tokio-retry2",
                Some("tokio-retry2"),
                "its last refusal is an error, not a response; no hints",
            ),
            Self::Backoff => (
                "backoff",
                Some("backoff"),
                "its last refusal is an error, not a response; no hints; limits the time, not the number of retries",
            ),
            Self::Backon => {
                ("backon", Some("backon"), "its last refusal is an error, not a response; no hints")
            }
            Self::Tower => ("tower", Some("tower"), "no hints; the policy is written by hand"),
            Self::ReqwestRetry => (
                "reqwest-retry",
                Some("reqwest-retry"),
                "no hints; retries more kinds of errors; returns errors of its own type, whose `is_timeout` is false",
            ),
            Self::PlainTimeout => ("plain with RequestBuilder::timeout", None, "no retry"),
            Self::Timeout => ("retry-http, timeout", None, ""),
            Self::Deadline => ("retry-http, deadline", None, ""),
            Self::Upstream => ("retry-http, upstream", None, ""),
            Self::Observer => ("retry-http, observer", None, ""),
        };
        About { name, package, differs }
    }
}

/// Returns a client of reqwest's with nothing set up.
fn bare_client() -> Client {
    // The default would repeat what no server has seen, of HTTP/2 only.
    Client::new()
}
