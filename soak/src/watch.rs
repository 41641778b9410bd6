//! Watches one call: counts the runs of its body, and observes its attempts.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use reqwest::RequestBuilder;
use retry_http::{Event, Failure, Observer, Step, Stop};

use crate::ledger::{Fate, Kind, Ledger};

/// Names the call in each request.
pub const CALL: &str = "x-call";
/// Names the run of the body in each request.
pub const RUN: &str = "x-run";

/// How connections are shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// One request at a time on each connection.
    Http1,
    /// Many requests on one connection, which are lost together.
    Http2,
}

pub struct Watch {
    ledger: Arc<Ledger>,
    protocol: Protocol,
    call: u64,
    runs: AtomicU32,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    attempts: Vec<Fate>,
    has_ended: bool,
}

impl Watch {
    pub fn new(ledger: &Arc<Ledger>, protocol: Protocol, call: u64, kind: Kind) -> Self {
        ledger.begin(call, kind);
        let (ledger, runs, seen) = (Arc::clone(ledger), AtomicU32::new(0), Mutex::default());
        Self { ledger, protocol, call, runs, seen }
    }

    /// Notes a run of the body, and names it in its request.
    pub fn mark(&self, request: RequestBuilder) -> RequestBuilder {
        let run = self.runs.fetch_add(1, Relaxed);
        request.header(CALL, self.call).header(RUN, run)
    }

    /// Notes how attempt number `attempt` has ended.
    pub fn note(&self, attempt: u32, fate: Fate) {
        let attempts = &mut self.seen.lock().expect("nobody panics under the lock").attempts;
        let index = attempt as usize - 1;
        assert!(index <= attempts.len(), "attempt {attempt} comes after {}", attempts.len());
        if index == attempts.len() {
            attempts.push(fate);
        } else {
            attempts[index] = fate;
        }
    }

    /// Notes that the call has ended.
    pub fn end(&self) {
        self.seen.lock().expect("nobody panics under the lock").has_ended = true;
    }

    /// Returns the fate of the request of an attempt.
    pub fn fate(&self, is_answered: bool, failures: retry_http::FailureSet) -> Fate {
        if failures.contains(Failure::Connect) {
            Fate::Unsent
        } else if is_answered || failures.contains(Failure::Body) {
            Fate::Arrived
        } else if failures.contains(Failure::Reset) && self.protocol == Protocol::Http1 {
            // The server breaks connections only after it has read a request.
            Fate::Arrived
        } else {
            Fate::Unknown
        }
    }
}

impl Observer for Watch {
    fn observe(&self, event: &Event<'_>) {
        let fate = match event.step {
            Step::Held { .. } => return,
            Step::End { stop: Stop::HeldTooLong | Stop::AnsweredLocally, .. } => Fate::Unsent,
            _ => self.fate(event.status.is_some(), event.failures),
        };
        assert!(event.status.is_some() || !event.failures.is_empty(), "a failure without a name: {event:?}");
        self.note(event.attempt, fate);
        if matches!(event.step, Step::End { .. } | Step::Renewed { succeeded: false }) {
            self.end();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let seen = self.seen.get_mut().expect("nobody panics under the lock");
        self.ledger.settle(self.call, self.runs.load(Relaxed), &seen.attempts, seen.has_ended);
    }
}
