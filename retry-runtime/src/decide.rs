//! The rule by which one exchange of an attempt decides about it, and by which the others forbid to repeat it.
//!
//! 1. The outcome is a response: the exchange that it answers.
//! 2. The outcome is an error with one of reqwest's in it: the exchange that failed so, by URL and by status or kind; of
//!    several the least safe, then the latest. An error of the user's that says something without matching any is laid
//!    over the latest exchange.
//! 3. The outcome says nothing: the latest exchange that failed, unless one that began after its end succeeded; else the
//!    latest. Behind an `Ok`, one that succeeded, if any did.
//! 4. Nothing was recorded: what the outcome says, of a request whose method is not known.
//!
//! A send that was dropped before its answer decides, as a `timeout`, only where the outcome is an error, and contains
//! tokio's `Elapsed` or no exchange was answered after the send began: the loser of a race decides nothing.

use std::time::{Duration, SystemTime};

use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::policy::Policy;
use crate::recorder::{Mark, Progress, Recorded, Recorder, is_about};
use crate::report::{By, Report};
use crate::scope::Hints;

/// The exchange that decides about an attempt.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decided {
    pub(crate) exchange: Exchange,
    /// The number of the recorded exchange, if it is one.
    pub(crate) number: Option<u64>,
    pub(crate) host: Option<Box<str>>,
}

/// Where the deciding exchange comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// A recorded exchange, as it was recorded.
    Recorded(usize),
    /// A recorded exchange that was given up before its answer, or while that was read: as a `timeout`.
    GivenUp(usize),
    /// A recorded exchange, with what the outcome says laid over it.
    Overlaid(usize),
    /// The outcome alone.
    Outcome,
}

/// Decides about an attempt under `policy`, whose outcome says what is in `report`.
pub(crate) fn decide(
    recorder: &Recorder,
    report: &Report<'_>,
    policy: &Policy,
    hints: Hints,
    now: impl FnOnce() -> SystemTime,
) -> Decided {
    let exchanges = recorder.exchanges();
    let is_safe = |recorded: &Recorded| recorded.exchange.is_idempotent_under(policy.idempotent());
    let source = source(recorder, report, is_safe, |recorded| succeeded(recorded, policy));
    let (at, mut decided) = match source {
        Source::Recorded(at) | Source::GivenUp(at) | Source::Overlaid(at) => {
            let recorded = &exchanges[at];
            let mut exchange = recorded.exchange.clone();
            if let Source::GivenUp(_) = source {
                exchange.failed(Failure::Timeout);
            }
            if recorded.mark == Mark::Settled {
                exchange.settle();
            }
            let number = Some(recorded.began);
            (Some(at), Decided { exchange, number, host: recorded.host.clone() })
        }
        Source::Outcome => (None, Decided::default()),
    };
    match (source, report.hint) {
        (Source::Overlaid(_) | Source::Outcome, _) => decided.exchange.lay_over(report, hints, now),
        (Source::Recorded(_) | Source::GivenUp(_), Some(wait)) => decided.exchange.hinted(wait),
        (Source::Recorded(_) | Source::GivenUp(_), None) => {}
    }

    // Every hint that is still to be obeyed counts, but it is the deciding one that may end the call.
    let limit = policy.max_retry_after();
    let others = exchanges.iter().enumerate().filter(|(index, _)| Some(*index) != at);
    let failed = others.clone().filter(|(_, other)| other.is_unsettled_failure());
    let hint = failed.filter_map(|(_, other)| other.exchange.hint()).max();
    let hint = hint.max(recorder.folded().and_then(|folded| folded.hint));
    if let Some(hint) = hint.filter(|hint| *hint > Duration::ZERO) {
        decided.exchange.hinted(hint.min(limit));
    }

    let is_unsafe = |other: &Recorded| {
        // A request that was redirected was received, whatever its key or its last answer says.
        other.may_have_done() && !is_safe(other)
    };
    let folded = recorder.folded().is_some_and(|folded| folded.is_unsafe);
    let redirected = at.is_some_and(|at| exchanges[at].is_redirected && !is_safe(&exchanges[at]));
    if folded || redirected || others.clone().any(|(_, other)| is_unsafe(other)) || has_overlap(exchanges) {
        decided.exchange.forbid_repeat();
    }
    decided
}

/// The rule: which exchange decides.
fn source(
    recorder: &Recorder,
    report: &Report<'_>,
    is_safe: impl Fn(&Recorded) -> bool,
    has_succeeded: impl Fn(&Recorded) -> bool,
) -> Source {
    let exchanges = recorder.exchanges();
    let latest = |may: &dyn Fn(&Recorded) -> bool| {
        let all = exchanges.iter().enumerate().filter(|(_, recorded)| may(recorded));
        all.max_by_key(|(_, recorded)| recorded.began).map(|(at, _)| at)
    };
    let about = || {
        let all = exchanges.iter().enumerate().filter(|(_, recorded)| is_about(report, recorded));
        all.max_by_key(|(_, recorded)| (!is_safe(recorded), recorded.began)).map(|(at, _)| at)
    };
    match report.by {
        By::Response | By::Transport => match about() {
            // What is under way has nothing to say of itself.
            Some(at) if exchanges[at].progress == Progress::Open => return Source::Overlaid(at),
            Some(at) if exchanges[at].exchange.failures() != report.failures => return Source::Overlaid(at),
            Some(at) => return Source::Recorded(at),
            None => return Source::Outcome,
        },
        By::Own if !report.is_silent() => {
            let matching = (report.status.is_some() || !report.failures.is_empty()).then(about).flatten();
            return match (matching, latest(&|_| true)) {
                (Some(at), _) => Source::Recorded(at),
                (None, Some(at)) => Source::Overlaid(at),
                (None, None) => Source::Outcome,
            };
        }
        By::Unsent => return Source::Outcome,
        By::Own | By::Elapsed | By::Error | By::Success => {}
    }

    if report.is_success() {
        if let Some(at) = latest(&has_succeeded) {
            return Source::Recorded(at);
        }
        if recorder.folded().is_some_and(|folded| folded.has_succeeded) {
            return Source::Outcome;
        }
    }
    let given_up = |recorded: &Recorded| {
        !report.is_success()
            && match recorded.progress {
                Progress::Dropped => report.by == By::Elapsed || !is_followed_by_answer(recorded, exchanges),
                _ => recorded.is_cut && report.by == By::Elapsed,
            }
    };
    if let Some(failed) = latest(&|recorded| recorded.has_failed() || given_up(recorded)) {
        let ended = exchanges[failed].ended;
        let made_good = exchanges
            .iter()
            .any(|later| has_succeeded(later) && ended.is_some_and(|end| later.began > end.get()));
        if !made_good {
            let is_failure = exchanges[failed].has_failed();
            return if is_failure { Source::Recorded(failed) } else { Source::GivenUp(failed) };
        }
    }
    match latest(&|_| true) {
        // The user's own time limit ran out on something that is no exchange.
        Some(_) if report.by == By::Elapsed => Source::Outcome,
        Some(at) => Source::Recorded(at),
        None => Source::Outcome,
    }
}

/// Whether an exchange succeeded. An answer that `on` lists, such as a 202 to be polled, is no success.
fn succeeded(recorded: &Recorded, policy: &Policy) -> bool {
    recorded.has_succeeded()
        && recorded.exchange.status().is_none_or(|status| {
            recorded.mark == Mark::Succeeded || !policy.on_idempotent().statuses.contains(status.as_u16())
        })
}

/// Whether a send that began after `dropped` did, or beside it, was answered.
fn is_followed_by_answer(dropped: &Recorded, exchanges: &[Recorded]) -> bool {
    exchanges.iter().any(|other| {
        other.progress == Progress::Answered && other.ended.is_some_and(|ended| ended.get() > dropped.began)
    })
}

/// Whether two requests to one place that carry keys of calls overlap: which of them has which key is then by chance.
fn has_overlap(exchanges: &[Recorded]) -> bool {
    let keyed = |recorded: &&Recorded| recorded.key.is_some();
    exchanges.iter().filter(keyed).enumerate().any(|(at, one)| {
        let others = exchanges.iter().filter(keyed).skip(at + 1);
        others.into_iter().any(|other| other.key == one.key && other.overlaps(one))
    })
}
