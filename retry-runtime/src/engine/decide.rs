//! Decides which exchange of an attempt counts, and whether the others forbid to repeat it.
//!
//! 1. The outcome is a response: its exchange counts.
//! 2. The outcome is an error that contains one of reqwest's: the exchange that failed in this way
//!    counts, by URL and by status or kind. Of several it is the least safe one, then the latest.
//!    An error of the user's that matches no exchange is recorded over the latest one. The error
//!    may be about something else: it is if it has failures that do not match, and it may be if the
//!    attempt has other requests. Then a POST that may have been done is not repeated.
//! 3. The outcome says nothing: the latest exchange that failed counts, unless one that began after
//!    its end succeeded. Otherwise the latest one counts. Behind an `Ok`, it is the latest one that
//!    succeeded, if any did.
//! 4. No exchange matches, or none was recorded: the outcome alone counts, with an unknown method.
//!
//! A send that was dropped before its response may count, as a `timeout`, only if the outcome is an
//! error, and only if that error contains tokio's `Elapsed` or no exchange ended after the send
//! began: the loser of a race never counts. A response whose reading was given up needs `Elapsed`.

use std::sync::Arc;
use std::time::SystemTime;

use http::StatusCode;
use retry_policy::{Failure, Policy, Safety};

use crate::engine::exchange::{Exchange, Hints};
use crate::engine::recorder::{Mark, Progress, Recorded, Records};
use crate::engine::report::{By, Report};

/// The exchange that decides about an attempt.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decided {
    pub(crate) exchange: Exchange,
    /// The number of the recorded exchange, if it was recorded.
    pub(crate) number: Option<u64>,
    pub(crate) host: Option<Arc<str>>,
}

/// The origin of the deciding exchange. The numbers are indices of recorded exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// A recorded exchange, as it was recorded.
    Recorded(usize),
    /// A recorded exchange that was given up before its response or while that was read. It counts
    /// as a `timeout`.
    GivenUp(usize),
    /// A recorded exchange, with the report of the outcome recorded over it.
    Overlaid(usize),
    /// The report of the outcome alone.
    Outcome,
}

/// Returns the exchange that decides about an attempt whose outcome says what is in `report`.
pub(crate) fn decide(
    records: Records<'_>,
    report: &Report<'_>,
    policy: &Policy,
    hints: Hints,
    now: impl FnOnce() -> SystemTime,
) -> Decided {
    let exchanges = records.exchanges;
    let is_safe = |recorded: &Recorded| recorded.exchange.may_repeat_under(policy.idempotent());
    let source = source(records, report, is_safe, |recorded| has_succeeded(recorded, policy));
    let (at, mut decided) = match source {
        Source::Recorded(at) | Source::GivenUp(at) | Source::Overlaid(at) => {
            let Recorded { began, mark, host, .. } = &exchanges[at];
            let mut exchange = exchanges[at].exchange.clone();
            if let Source::GivenUp(_) = source {
                exchange.on_error(Failure::Timeout);
            }
            if matches!(mark, Mark::Retried | Mark::Settled) {
                exchange.settle();
            }
            (Some(at), Decided { exchange, number: Some(*began), host: host.clone() })
        }
        Source::Outcome => (None, Decided::default()),
    };
    // The user's error may say something else, but the server's hint is still to be waited for.
    if let (Source::Overlaid(at), Some(hint)) = (source, decided.exchange.hint()) {
        if exchanges[at].has_open_hint() {
            decided.exchange.record_other_hint(hint.min(policy.max_retry_after()));
        }
    }
    match (source, report.hint) {
        // The headers of a response that the body returns are read once more, with the same result:
        // of two hints the longer one counts.
        (Source::Overlaid(_) | Source::Outcome, _) => decided.exchange.record_report(report, hints, now),
        (Source::Recorded(_) | Source::GivenUp(_), Some(wait)) => {
            decided.exchange.record_reported_hint(wait);
        }
        (Source::Recorded(_) | Source::GivenUp(_), None) => {}
    }
    decided.exchange.record_opinion(report.opinion);

    // All open hints are waited for, but only that of the deciding exchange may end the call.
    let others = exchanges.iter().enumerate().filter(|(index, _)| Some(*index) != at);
    let others = others.map(|(_, other)| other);
    let is_open = |other: &&Recorded| other.has_open_hint() || is_polled(other, policy);
    let open_hints = others.clone().filter(is_open);
    let hint = open_hints.filter_map(|other| other.exchange.hint()).max();
    let hint = hint.max(records.folded.and_then(|folded| folded.hint));
    if let Some(hint) = hint {
        decided.exchange.record_other_hint(hint.min(policy.max_retry_after()));
    }

    let is_any_unsafe = others.clone().any(|other| other.may_have_done() && !is_safe(other));
    let is_folded_unsafe = records.folded.is_some_and(|folded| {
        folded.is_unsafe || folded.has_overlap || (folded.is_done && policy.idempotent() == Some(false))
    });
    // A redirected request was received, whatever its last response says. What an inner call may
    // have done, it has done, whatever the policy of this call lists.
    let is_done = at.map(|at| &exchanges[at]).is_some_and(|decided| {
        let is_done_inside = decided.is_of_inner_call && decided.may_have_done();
        (decided.is_redirected || is_done_inside) && !is_safe(decided)
    });
    let is_perhaps_of_another = at.map(|at| &exchanges[at]).is_some_and(|decided| {
        let has_others = exchanges.len() > 1 || records.folded.is_some();
        let says_something = !report.is_silent() || report.opinion.is_expired;
        let is_given_up = decided.progress == Progress::Dropped && report.failures.contains(Failure::Timeout);
        report.by == By::Own
            && says_something
            && !(names_exchange(report) && (decided.matches(report) || is_given_up))
            && decided.may_have_done()
            && !is_safe(decided)
            && (has_others || !report.failures.is_empty())
    });
    let is_outstanding = records.outstanding > 0;
    if is_any_unsafe
        || is_folded_unsafe
        || is_done
        || is_perhaps_of_another
        || is_outstanding
        || has_overlap(exchanges)
    {
        decided.exchange.forbid_repeat();
    }
    decided
}

/// Finds the deciding exchange by the rule of the module's documentation.
fn source(
    records: Records<'_>,
    report: &Report<'_>,
    is_safe: impl Fn(&Recorded) -> bool,
    has_succeeded: impl Fn(&Recorded) -> bool,
) -> Source {
    let exchanges = records.exchanges;
    let latest = |condition: &dyn Fn(&Recorded) -> bool| {
        let all = exchanges.iter().enumerate().filter(|(_, recorded)| condition(recorded));
        all.max_by_key(|(_, recorded)| recorded.began).map(|(at, _)| at)
    };
    let matching = || {
        let all = exchanges.iter().enumerate().filter(|(_, recorded)| recorded.matches(report));
        // An exchange whose body was seen to be unreadable is certain.
        let is_certain = |recorded: &Recorded| report.is_unreadable && recorded.is_body_unreadable;
        let key = |recorded: &Recorded| (is_certain(recorded), !is_safe(recorded), recorded.began);
        all.max_by_key(|(_, recorded)| key(recorded)).map(|(at, _)| at)
    };
    match report.by {
        By::Response | By::Transport => return matching().map_or(Source::Outcome, Source::Overlaid),
        By::Own if !report.is_silent() => {
            // The body of a response may have broken off where nobody saw it.
            let says_more =
                |at: usize| exchanges[at].exchange.failures().is_empty() && !report.failures.is_empty();
            return match (names_exchange(report).then(matching).flatten(), latest(&|_| true)) {
                (Some(at), _) if says_more(at) => Source::Overlaid(at),
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
        if records.folded.is_some_and(|folded| folded.has_succeeded) {
            return Source::Outcome;
        }
    }
    let is_given_up = |recorded: &Recorded| {
        !report.is_success()
            && recorded.mark != Mark::Succeeded
            && match recorded.progress {
                Progress::Dropped => report.by == By::Elapsed || !is_followed_by_end(recorded, exchanges),
                _ => recorded.is_body_dropped && report.by == By::Elapsed,
            }
    };
    if let Some(failed) = latest(&|recorded| recorded.has_failed() || is_given_up(recorded)) {
        let ended = exchanges[failed].ended;
        let is_recovered = exchanges
            .iter()
            .any(|later| has_succeeded(later) && ended.is_some_and(|end| later.began > end.get()));
        if !is_recovered {
            let has_failed = exchanges[failed].has_failed();
            return if has_failed { Source::Recorded(failed) } else { Source::GivenUp(failed) };
        }
    }
    match latest(&|_| true) {
        // The user's own time limit ran out on something that is no exchange.
        Some(_) if report.by == By::Elapsed => Source::Outcome,
        Some(at) => Source::Recorded(at),
        None => Source::Outcome,
    }
}

/// Returns `true` for a 202 that `on` lists, and that is still to be polled.
fn is_polled(recorded: &Recorded, policy: &Policy) -> bool {
    recorded.exchange.status() == Some(StatusCode::ACCEPTED)
        && recorded.mark == Mark::None
        && !has_succeeded(recorded, policy)
}

/// Returns `true` if an error of the user's says which exchange it is about.
fn names_exchange(report: &Report<'_>) -> bool {
    report.status.is_some() || !report.failures.is_empty()
}

/// Returns `true` if an exchange succeeded under `policy`. A response that `on` lists, such as a
/// 202 that is to be polled, is no success.
fn has_succeeded(recorded: &Recorded, policy: &Policy) -> bool {
    recorded.has_succeeded()
        && recorded.exchange.status().is_none_or(|status| {
            recorded.mark == Mark::Succeeded || {
                let on = policy.on(Safety::Safe, recorded.exchange.answer());
                !on.statuses.contains(status.as_u16())
            }
        })
}

/// Returns `true` if an exchange ended after the send of `dropped` had begun.
fn is_followed_by_end(dropped: &Recorded, exchanges: &[Recorded]) -> bool {
    exchanges.iter().any(|other| {
        matches!(other.progress, Progress::Responded | Progress::Failed)
            && other.ended.is_some_and(|ended| ended.get() > dropped.began)
    })
}

/// Returns `true` if two requests with the same key of a call overlap.
fn has_overlap(exchanges: &[Recorded]) -> bool {
    let others = |at: usize| exchanges[at + 1..].iter();
    exchanges.iter().enumerate().any(|(at, one)| others(at).any(|other| one.overlaps_by_key(other)))
}

#[cfg(test)]
mod tests;
