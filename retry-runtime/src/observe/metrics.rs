//! Counts events by `metrics`. Labels are bounded: annotated functions, statuses of errors, and
//! words of ours. A host is no label, as it may come from a user.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use metrics::{Key, Label, Level, Metadata, Unit};

use crate::engine::retry::Stop;
use crate::observe::{Event, Step};

const CALLS: &str = "retry_http_calls_total";
const RETRIES: &str = "retry_http_retries_total";
const RENEWALS: &str = "retry_http_renewals_total";
const UNSENT: &str = "retry_http_unsent_total";
const ATTEMPTS: &str = "retry_http_attempts";
const WAIT: &str = "retry_http_wait_seconds";
const HELD: &str = "retry_http_held_seconds";

/// Describes each metric and its unit to the recorder of `metrics`.
///
/// Call this function once, after the recorder is installed.
///
/// | metric | labels | meaning |
/// |---|---|---|
/// | `retry_http_calls_total` | `function`, `result` | calls that have ended: `ok` or `failed` after one attempt, `ok_after_retry` or `failed_after_retry` after several |
/// | `retry_http_retries_total` | `function`, `reason` | retries. The reason is an error status, `connect`, `timeout`, `reset` or `body`, or `outcome` if there is neither |
/// | `retry_http_renewals_total` | `function`, `result` | renewals of credentials: `ok`, `failed` |
/// | `retry_http_unsent_total` | `function`, `reason` | calls whose last attempt was not sent, since the upstream held it back for too long (`held_too_long`) or answered it (`answered_locally`) |
/// | `retry_http_attempts` | `function` | histogram: the number of attempts of a call |
/// | `retry_http_wait_seconds` | `function` | histogram: the wait before a retry, in seconds |
/// | `retry_http_held_seconds` | `function` | histogram: each wait of an attempt for its upstream, in seconds |
///
/// A call that is dropped before it ends is not counted.
pub fn describe_metrics() {
    metrics::describe_counter!(CALLS, Unit::Count, "Calls that have ended.");
    metrics::describe_counter!(RETRIES, Unit::Count, "Retries, by what they are for.");
    metrics::describe_counter!(RENEWALS, Unit::Count, "Renewals of credentials.");
    metrics::describe_counter!(UNSENT, Unit::Count, "Calls that their upstream did not send.");
    metrics::describe_histogram!(ATTEMPTS, Unit::Count, "Attempts of a call.");
    metrics::describe_histogram!(WAIT, Unit::Seconds, "The wait before a retry.");
    metrics::describe_histogram!(HELD, Unit::Seconds, "How long an attempt was held back by its upstream.");
}

/// Counts `event`.
pub(crate) fn count(event: &Event<'_>) {
    let labels = Labels::of(event.function);
    if let Step::End { stop: stop @ (Stop::HeldTooLong | Stop::AnsweredLocally), .. } = event.step {
        let reason = Label::from_static_parts("reason", stop.name());
        increment(&Key::from_parts(UNSENT, vec![labels.function[0].clone(), reason]));
    }
    match event.step {
        Step::Retry { wait } => {
            // The number of labels is bounded: only statuses of errors are types of errors.
            let reason = Label::new("reason", event.error_type().unwrap_or("outcome").to_owned());
            increment(&Key::from_parts(RETRIES, vec![labels.function[0].clone(), reason]));
            record(WAIT, labels, wait.as_secs_f64());
        }
        Step::Held { wait } => record(HELD, labels, wait.as_secs_f64()),
        Step::Renewed { succeeded } => {
            let result = if succeeded { CallResult::Ok } else { CallResult::Failed };
            increment(&Key::from_static_parts(RENEWALS, labels.result(result, 1)));
            if !succeeded {
                end(labels, event.attempt, CallResult::Failed);
            }
        }
        // An outcome that `retry_if` still asks to retry is neither an error nor a success.
        Step::End { stop, succeeded: true } if !stop.gave_up() => end(labels, event.attempt, CallResult::Ok),
        Step::End { .. } => end(labels, event.attempt, CallResult::Failed),
    }
}

/// Counts the end of a call.
fn end(labels: &'static Labels, attempt: u32, result: CallResult) {
    increment(&Key::from_static_parts(CALLS, labels.result(result, attempt)));
    record(ATTEMPTS, labels, f64::from(attempt));
}

/// The labels of a function. They are made once, so that counting a call that succeeds at once
/// allocates nothing.
struct Labels {
    function: [Label; 1],
    /// In the order of [`RESULTS`].
    results: [[Label; 2]; 4],
}

/// The result of a call or a renewal: its place in [`RESULTS`].
#[derive(Clone, Copy)]
enum CallResult {
    Ok = 0,
    Failed = 2,
}

const RESULTS: [&str; 4] = ["ok", "ok_after_retry", "failed", "failed_after_retry"];

impl Labels {
    fn of(function: &'static str) -> &'static Self {
        static ALL: RwLock<BTreeMap<&str, &Labels>> = RwLock::new(BTreeMap::new());
        if let Some(labels) = ALL.read().unwrap_or_else(PoisonError::into_inner).get(function) {
            return labels;
        }
        // Leaked, but only once a function.
        let mut all = ALL.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(function).or_insert_with(|| Box::leak(Box::new(Self::new(function))))
    }

    fn new(function: &'static str) -> Self {
        let label = Label::from_static_parts("function", function);
        let results = RESULTS.map(|result| [label.clone(), Label::from_static_parts("result", result)]);
        Self { function: [label], results }
    }

    /// Returns the labels of a result after this number of attempts.
    fn result(&'static self, result: CallResult, attempts: u32) -> &'static [Label] {
        &self.results[result as usize + usize::from(attempts > 1)]
    }
}

static METADATA: Metadata<'_> = Metadata::new("retry_http", Level::INFO, None);

fn increment(key: &Key) {
    metrics::with_recorder(|recorder| recorder.register_counter(key, &METADATA).increment(1));
}

fn record(name: &'static str, labels: &'static Labels, value: f64) {
    let key = Key::from_static_parts(name, &labels.function);
    metrics::with_recorder(|recorder| recorder.register_histogram(&key, &METADATA).record(value));
}
