//! What can be seen of a call from outside: events, for observers, logs and metrics.
//!
//! An event borrows all that it tells, and tells nothing that could be a secret: of a URL the host, of a header its name,
//! of a body nothing.

#[cfg(feature = "metrics")]
pub(crate) mod metrics;
#[cfg(feature = "tracing")]
pub(crate) mod tracing;

use std::time::Duration;

use http::{Method, StatusCode};
use retry_policy::{Failure, FailureSet};

use crate::engine::retry::Stop;

/// Something that happened in a call of an annotated function.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Event<'e> {
    /// The function, by its path: `crate::module::function`.
    pub function: &'static str,
    /// Which attempt of the call it is about, from 1.
    pub attempt: u32,
    /// How long ago the call began. Zero where neither an observer nor a deadline asks for the time.
    pub elapsed: Duration,
    /// The method of the last request of the attempt, where it is known.
    pub method: Option<&'e Method>,
    /// The host that answered or was to answer it (never the rest of the URL), where it is known.
    pub host: Option<&'e str>,
    /// The status of its answer, where there was one.
    pub status: Option<StatusCode>,
    /// The ways in which it failed.
    pub failures: FailureSet,
    /// The wait that the server asked for.
    pub hint: Option<Duration>,
    /// The header that says so, by its name in lower case; `None` where an error of the user's did.
    pub hint_header: Option<&'static str>,
    /// What happened.
    pub step: Step,
}

impl Event<'_> {
    /// What is wrong with the answer, as OpenTelemetry's `error.type`: the status where it is an error, else the first of
    /// the failures, by its [`name`](crate::Failure::name). `None` where neither is.
    pub fn error_type(&self) -> Option<&str> {
        match &self.status {
            Some(status) if status.is_client_error() || status.is_server_error() => Some(status.as_str()),
            _ => self.failures.iter().next().map(Failure::name),
        }
    }
}

/// What happened in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// When an attempt failed and another one follows after `wait`.
    Retry {
        /// How long the wait is.
        wait: Duration,
    },
    /// When the upstream holds back the attempt that comes next.
    Held {
        /// For how long, before it is asked again.
        wait: Duration,
    },
    /// When credentials were renewed, or could not be.
    Renewed {
        /// Whether an attempt with fresh ones follows at once; else the call has ended.
        succeeded: bool,
    },
    /// When the call ends.
    End {
        /// Why.
        stop: Stop,
        /// Whether it returns `Ok`, and with no error of the server's in it.
        succeeded: bool,
    },
}

/// What is told of every event of a call: a closure or function over [`Event`], or a type of yours.
///
/// It is called by whoever runs the call, so it should return soon. What it does must be possible from several threads.
#[diagnostic::on_unimplemented(
    message = "`observer` is told of events, and `{Self}` cannot be",
    label = "no `Observer`",
    note = "write a closure (`observer = |event| ..`), a function over `&Event<'_>`, or `impl Observer for ..`; it must be `Sync`; behind a reference or `Arc`, name what is there: `observer = *self.observer`"
)]
pub trait Observer: Sync {
    /// Is told of an event.
    fn observe(&self, event: &Event<'_>);
}

#[diagnostic::do_not_recommend]
impl<F: Fn(&Event<'_>) + Sync> Observer for F {
    fn observe(&self, event: &Event<'_>) {
        self(event);
    }
}

/// A closure that is an observer: what it is passed is inferred.
pub fn observer<F: Fn(&Event<'_>) + Sync>(observer: F) -> F {
    observer
}

impl Stop {
    /// The name that logs and metrics have for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotRetryable => "not_retryable",
            Self::Never => "never",
            Self::Ambiguous => "ambiguous",
            Self::Settled => "settled",
            Self::Exhausted => "exhausted",
            Self::HintTooLong => "hint_too_long",
            Self::Deadline => "deadline",
            Self::Budget => "budget",
            Self::NotCloneable => "not_cloneable",
        }
    }
}
