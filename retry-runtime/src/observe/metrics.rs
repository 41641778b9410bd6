//! Counts events by `metrics`. Labels are bounded: annotated functions, statuses of errors, and
//! words of ours. A host is no label, as it may come from a user.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use metrics::{Key, Label, Level, Metadata, Recorder, Unit};

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
    let keys = Keys::of(event.function);
    if let Step::End { stop: stop @ (Stop::HeldTooLong | Stop::AnsweredLocally), .. } = event.step {
        let reason = Label::from_static_parts("reason", stop.name());
        increment(&Key::from_parts(UNSENT, vec![keys.function[0].clone(), reason]));
    }
    match event.step {
        Step::Retry { wait } => {
            // The number of labels is bounded: only statuses of errors are types of errors.
            let reason = Label::new("reason", event.error_type().unwrap_or("outcome").to_owned());
            increment(&Key::from_parts(RETRIES, vec![keys.function[0].clone(), reason]));
            record(&Key::from_static_parts(WAIT, keys.function), wait.as_secs_f64());
        }
        Step::Held { wait } => {
            record(&Key::from_static_parts(HELD, keys.function), wait.as_secs_f64());
        }
        Step::Renewed { succeeded } => {
            let result = Label::from_static_parts("result", if succeeded { "ok" } else { "failed" });
            increment(&Key::from_parts(RENEWALS, vec![keys.function[0].clone(), result]));
            if !succeeded {
                keys.count_end(event.attempt, CallResult::Failed);
            }
        }
        // An outcome that `retry_if` still asks to retry is neither an error nor a success.
        Step::End { stop, succeeded: true } if !stop.gave_up() => {
            keys.count_end(event.attempt, CallResult::Ok);
        }
        Step::End { .. } => keys.count_end(event.attempt, CallResult::Failed),
    }
}

/// Counts a call of `function` that has succeeded after this number of attempts.
#[inline]
pub(crate) fn count_success(function: &'static str, attempts: u32) {
    // The keys are looked up in here, so that little is kept across the search for the recorder.
    metrics::with_recorder(|recorder| Keys::of(function).count_end_by(recorder, attempts, CallResult::Ok));
}

/// The result of a call: its place in [`RESULTS`], if there was one attempt.
#[derive(Clone, Copy)]
enum CallResult {
    Ok = 0,
    Failed = 2,
}

const RESULTS: [&str; 4] = ["ok", "ok_after_retry", "failed", "failed_after_retry"];

/// The keys of a function. They are made once, so that counting a call that succeeds at once
/// allocates and hashes nothing.
struct Keys {
    /// The label with the name of the function.
    function: &'static [Label; 1],
    /// Those of [`CALLS`], in the order of [`RESULTS`].
    calls: [Key; 4],
    /// That of [`ATTEMPTS`].
    attempts: Key,
}

thread_local! {
    /// The function that has called [`Keys::of`] last, and its keys.
    static LAST: Cell<Option<(&'static str, &'static Keys)>> = const { Cell::new(None) };
}

impl Keys {
    /// Returns the keys of a function.
    #[inline]
    fn of(function: &'static str) -> &'static Self {
        // There is none on a thread that is about to end.
        match LAST.try_with(Cell::get) {
            // A longer name may begin at the same address.
            Ok(Some((last, keys))) if std::ptr::eq(last, function) => keys,
            _ => Self::find(function),
        }
    }

    #[cold]
    fn find(function: &'static str) -> &'static Self {
        let keys = Self::find_or_make(function);
        _ = LAST.try_with(|last| last.set(Some((function, keys))));
        keys
    }

    fn find_or_make(function: &'static str) -> &'static Self {
        static ALL: RwLock<BTreeMap<&str, &Keys>> = RwLock::new(BTreeMap::new());
        if let Some(keys) = ALL.read().unwrap_or_else(PoisonError::into_inner).get(function) {
            return keys;
        }
        // Leaked, but only once a function.
        let mut all = ALL.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(function).or_insert_with(|| Box::leak(Box::new(Self::new(function))))
    }

    fn new(name: &'static str) -> Self {
        let function: &'static [Label; 1] = Box::leak(Box::new([Label::from_static_parts("function", name)]));
        let calls = RESULTS.map(|result| {
            let labels = [function[0].clone(), Label::from_static_parts("result", result)];
            Key::from_static_parts(CALLS, Box::leak(Box::new(labels)))
        });
        Self { function, calls, attempts: Key::from_static_parts(ATTEMPTS, function) }
    }

    /// Counts the end of a call.
    fn count_end(&self, attempts: u32, result: CallResult) {
        metrics::with_recorder(|recorder| self.count_end_by(recorder, attempts, result));
    }

    /// Counts the end of a call by this recorder.
    #[inline]
    fn count_end_by(&self, recorder: &dyn Recorder, attempts: u32, result: CallResult) {
        let calls = &self.calls[result as usize + usize::from(attempts > 1)];
        recorder.register_counter(calls, &METADATA).increment(1);
        recorder.register_histogram(&self.attempts, &METADATA).record(f64::from(attempts));
    }
}

static METADATA: Metadata<'_> = Metadata::new("retry_http", Level::INFO, None);

fn increment(key: &Key) {
    metrics::with_recorder(|recorder| recorder.register_counter(key, &METADATA).increment(1));
}

fn record(key: &Key, value: f64) {
    metrics::with_recorder(|recorder| recorder.register_histogram(key, &METADATA).record(value));
}
