//! The rule by which one exchange of an attempt decides about it, and by which the others forbid to repeat it.
//!
//! 1. The outcome is a response: the exchange that it answers.
//! 2. The outcome is an error with one of reqwest's in it: the exchange that failed so, by URL and by status or kind; of
//!    several the least safe, then the latest. An error of the user's that says something without matching any is laid
//!    over the latest exchange.
//! 3. The outcome says nothing: the latest exchange that failed, unless one that began after its end succeeded; else the
//!    latest. Behind an `Ok`, one that succeeded, if any did.
//! 4. No exchange matches, or none was recorded: the outcome alone decides, with an unknown method.
//!
//! A send that was dropped before its answer may decide, as a `timeout`, only if the outcome is an error, and either that
//! error contains tokio's `Elapsed` or no exchange ended after the send began: the loser of a race decides nothing. An answer
//! whose reading was cut needs `Elapsed`.

use std::time::{Duration, SystemTime};

use crate::engine::exchange::Exchange;
use crate::engine::recorder::{Hints, Mark, Progress, Recorded, Recorder, is_about};
use crate::engine::report::{By, Report};
use retry_policy::Failure;
use retry_policy::Policy;

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
            let Recorded { began, mark, host, .. } = &exchanges[at];
            let mut exchange = exchanges[at].exchange.clone();
            if let Source::GivenUp(_) = source {
                exchange.failed(Failure::Timeout);
            }
            if matches!(mark, Mark::Retried | Mark::Settled) {
                exchange.settle();
            }
            (Some(at), Decided { exchange, number: Some(*began), host: host.clone() })
        }
        Source::Outcome => (None, Decided::default()),
    };
    // An error of the user's that says something else does not take back what the server asked for.
    if let (Source::Overlaid(at), Some(hint)) = (source, decided.exchange.hint()) {
        if exchanges[at].hint_counts() {
            decided.exchange.other_hinted(hint.min(policy.max_retry_after()));
        }
    }
    match (source, report.hint) {
        (Source::Overlaid(_) | Source::Outcome, _) => decided.exchange.lay_over(report, hints, now),
        (Source::Recorded(_) | Source::GivenUp(_), Some(wait)) => decided.exchange.hinted(wait),
        (Source::Recorded(_) | Source::GivenUp(_), None) => {}
    }

    // Every hint that is still to be obeyed counts, but it is the deciding one that may end the call.
    let limit = policy.max_retry_after();
    let others = exchanges.iter().enumerate().filter(|(index, _)| Some(*index) != at);
    let failed = others.clone().filter(|(_, other)| other.hint_counts());
    let hint = failed.filter_map(|(_, other)| other.exchange.hint()).max();
    let hint = hint.max(recorder.folded().and_then(|folded| folded.hint));
    if let Some(hint) = hint.filter(|hint| *hint > Duration::ZERO) {
        decided.exchange.other_hinted(hint.min(limit));
    }

    let is_unsafe = |other: &Recorded| {
        // A request that was redirected was received, whatever its key or its last answer says.
        other.may_have_done() && !is_safe(other)
    };
    let folded = recorder.folded().is_some_and(|folded| {
        folded.is_unsafe || folded.has_overlap || (folded.is_done && policy.idempotent() == Some(false))
    });
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
            && recorded.mark != Mark::Succeeded
            && match recorded.progress {
                Progress::Dropped => report.by == By::Elapsed || !is_followed_by_end(recorded, exchanges),
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
            recorded.mark == Mark::Succeeded || !policy.on_safe().statuses.contains(status.as_u16())
        })
}

/// Whether an exchange ended after the send of `dropped` had begun.
fn is_followed_by_end(dropped: &Recorded, exchanges: &[Recorded]) -> bool {
    exchanges.iter().any(|other| {
        matches!(other.progress, Progress::Answered | Progress::Failed)
            && other.ended.is_some_and(|ended| ended.get() > dropped.began)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::recorder::{Key, Prepared};
    use http::{HeaderMap, HeaderValue, Method, StatusCode};
    use retry_policy::FailureSet;

    const A: &str = "http://localhost/a";
    const B: &str = "http://localhost/b";

    /// How an exchange of a row ended.
    #[derive(Clone, Copy)]
    enum End {
        Status(u16),
        /// A 429 that asks for this many seconds.
        Limited(u64),
        Failure(Failure),
        Dropped,
        Open,
        /// A 200 whose body was not read to its end.
        Cut,
    }

    use End::{Cut, Dropped, Limited, Open, Status};

    type Row<'r> = (&'r Method, &'r str, End);

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn begin(recorder: &mut Recorder, (method, url, _): &Row<'_>) -> u64 {
        recorder.begin(Prepared::new(method, &HeaderMap::new(), url, None))
    }

    fn end(recorder: &mut Recorder, number: u64, (_, url, end): &Row<'_>) {
        let mut headers = HeaderMap::new();
        let report = match end {
            Status(status) => Report::response(StatusCode::from_u16(*status).unwrap(), &headers),
            Limited(seconds) => {
                headers.insert("retry-after", HeaderValue::from(*seconds));
                Report::response(StatusCode::TOO_MANY_REQUESTS, &headers)
            }
            End::Failure(failure) => Report::failure(None, FailureSet::EMPTY.with(*failure)),
            Cut => Report::response(StatusCode::OK, &headers),
            Dropped => return recorder.drop_send(number),
            Open => return,
        };
        recorder.end(number, &report.about(Some(url)), Hints::OfRetryable, now);
        if matches!(end, Cut) {
            recorder.cut_reading(None);
        }
    }

    /// One exchange after the other.
    fn sequence(rows: &[Row<'_>]) -> Recorder {
        let mut recorder = Recorder::default();
        for row in rows {
            let number = begin(&mut recorder, row);
            end(&mut recorder, number, row);
        }
        recorder
    }

    /// All exchanges at once, which end in the order in which they began.
    fn joined(rows: &[Row<'_>]) -> Recorder {
        let mut recorder = Recorder::default();
        let numbers: Vec<_> = rows.iter().map(|row| begin(&mut recorder, row)).collect();
        for (row, number) in rows.iter().zip(numbers) {
            end(&mut recorder, number, row);
        }
        recorder
    }

    fn error(url: Option<&str>, status: Option<u16>, failure: Option<Failure>) -> Report<'_> {
        let status = status.map(|status| StatusCode::from_u16(status).unwrap());
        let failures = failure.map_or(FailureSet::EMPTY, |failure| FailureSet::EMPTY.with(failure));
        Report::failure(status, failures).about(url)
    }

    fn own(status: Option<u16>, seconds: Option<u64>) -> Report<'static> {
        let status = status.map(|status| StatusCode::from_u16(status).unwrap());
        Report { status, hint: seconds.map(Duration::from_secs), ..Report::new(By::Own) }
    }

    /// The index of the deciding exchange, its status, its failures, and whether a repeat is forbidden.
    fn decided(recorder: &Recorder, report: &Report<'_>) -> (Option<usize>, Option<u16>, FailureSet, bool) {
        let decided = decide(recorder, report, &Policy::DEFAULT, Hints::OfRetryable, now);
        let at = recorder.exchanges().iter().position(|recorded| Some(recorded.began) == decided.number);
        let exchange = decided.exchange;
        let status = exchange.status().map(|status| status.as_u16());
        (at, status, exchange.failures(), exchange.is_repeat_forbidden())
    }

    #[test]
    fn which_exchange_decides() {
        let (get, post) = (&Method::GET, &Method::POST);
        let silent = Report::new(By::Error);
        let success = Report::new(By::Success);
        let elapsed = Report::elapsed();
        let none = FailureSet::EMPTY;
        let timeout = none.with(Failure::Timeout);
        let body = none.with(Failure::Body);
        let reset = none.with(Failure::Reset);

        let bad_then_good = sequence(&[(get, A, Status(503)), (get, B, Status(200))]);
        let good_then_bad = sequence(&[(get, A, Status(200)), (get, B, Status(503))]);
        let both_bad = sequence(&[(get, A, Status(503)), (get, B, Status(503))]);
        let joined_bad_and_good = joined(&[(get, A, Status(503)), (get, B, Status(200))]);
        let post_then_bad = sequence(&[(post, A, Status(200)), (get, B, Status(503))]);
        let limited_post = sequence(&[(post, A, Limited(2)), (get, B, Status(503))]);
        let one_of_each = joined(&[(get, A, Status(503)), (post, A, Status(503))]);
        let hedge = joined(&[(get, A, Dropped), (get, B, Status(404))]);
        let dropped = sequence(&[(get, A, Status(200)), (get, B, Dropped)]);
        let dropped_post = sequence(&[(post, A, Dropped), (get, B, Status(503))]);
        let cut = sequence(&[(get, A, Cut)]);
        let open = sequence(&[(post, A, Open), (get, B, Status(503))]);
        let reset_get = sequence(&[(get, A, End::Failure(Failure::Reset))]);
        let refused = sequence(&[(post, A, End::Failure(Failure::Connect)), (get, B, Status(503))]);
        let query = sequence(&[(post, A, Status(200))]);
        let nothing = Recorder::default();

        for (line, (recorder, report, expected)) in [
            // 2: by URL and status, whatever came after.
            (&bad_then_good, error(Some(A), Some(503), None), (Some(0), Some(503), none, false)),
            (&both_bad, error(Some(A), Some(503), None), (Some(0), Some(503), none, false)),
            (&both_bad, error(None, Some(503), None), (Some(1), Some(503), none, false)),
            // Of several the least safe.
            (&one_of_each, error(Some(A), Some(503), None), (Some(1), Some(503), none, false)),
            // By kind: the body of an answer, a connection.
            (&good_then_bad, error(None, None, Some(Failure::Body)), (Some(1), Some(503), body, false)),
            (&good_then_bad, error(Some(A), None, Some(Failure::Body)), (Some(0), Some(200), body, false)),
            (&reset_get, error(Some(A), None, Some(Failure::Reset)), (Some(0), None, reset, false)),
            // None that was seen: it is of another request, whose method is not known.
            (&query, error(Some(B), Some(503), None), (None, Some(503), none, true)),
            (&nothing, error(Some(B), Some(503), None), (None, Some(503), none, false)),
            // An error of one's own: by status, else over the latest.
            (&good_then_bad, own(Some(503), None), (Some(1), Some(503), none, false)),
            (&query, own(Some(429), Some(2)), (Some(0), Some(429), none, false)),
            (&nothing, own(Some(429), None), (None, Some(429), none, false)),
            // 3: the latest that failed, where nothing was well after its end.
            (&bad_then_good, silent, (Some(1), Some(200), none, false)),
            (&joined_bad_and_good, silent, (Some(0), Some(503), none, false)),
            (&good_then_bad, silent, (Some(1), Some(503), none, false)),
            (&both_bad, own(None, None), (Some(1), Some(503), none, false)),
            // Behind an `Ok`, one that was well, if any was.
            (&good_then_bad, success, (Some(0), Some(200), none, false)),
            (&both_bad, success, (Some(1), Some(503), none, false)),
            (&dropped_post, success, (Some(1), Some(503), none, true)),
            // Sends that were dropped.
            (&hedge, silent, (Some(1), Some(404), none, false)),
            (&hedge, elapsed, (Some(1), Some(404), none, false)),
            (&dropped, silent, (Some(1), None, timeout, false)),
            (&dropped, elapsed, (Some(1), None, timeout, false)),
            (&dropped, success, (Some(0), Some(200), none, false)),
            (&cut, elapsed, (Some(0), Some(200), timeout, false)),
            (&cut, silent, (Some(0), Some(200), none, false)),
            (&query, elapsed, (None, None, timeout, true)),
            // 4: nothing.
            (&nothing, silent, (None, None, none, false)),
            (&nothing, Report::new(By::Unsent), (None, None, none, false)),
            (&query, Report::new(By::Unsent), (None, None, none, true)),
            // What another exchange may have done.
            (&post_then_bad, silent, (Some(1), Some(503), none, true)),
            (&limited_post, silent, (Some(1), Some(503), none, false)),
            (&dropped_post, silent, (Some(1), Some(503), none, true)),
            (&open, silent, (Some(1), Some(503), none, true)),
            (&refused, silent, (Some(1), Some(503), none, false)),
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(decided(recorder, &report), expected, "row {line}");
        }
    }

    #[test]
    fn the_wait_that_another_exchange_asked_for_says_nothing_of_the_deciding_one() {
        let recorder = joined(&[(&Method::GET, A, Limited(7)), (&Method::POST, B, Status(503))]);
        let report = Report::new(By::Error);
        let decided = decide(&recorder, &report, &Policy::DEFAULT, Hints::OfRetryable, now);
        assert_eq!(
            (decided.exchange.hint(), decided.exchange.longest_hint()),
            (None, Some(Duration::from_secs(7)))
        );
        // It counts up to what the policy obeys.
        let recorder = joined(&[(&Method::GET, A, Limited(700)), (&Method::GET, B, Status(503))]);
        let decided = decide(&recorder, &report, &Policy::DEFAULT, Hints::OfRetryable, now);
        assert_eq!(decided.exchange.longest_hint(), Some(Duration::from_secs(120)));
    }

    #[test]
    fn keyed_requests_to_one_place_that_overlap_forbid_a_repeat() {
        let keyed = |request| {
            let mut prepared = Prepared::new(&Method::POST, &HeaderMap::new(), A, None);
            prepared.give_key(Key { call: 1, request });
            prepared
        };
        let row: Row<'_> = (&Method::POST, A, Status(503));
        for (requests, overlap, forbidden) in
            [([1, 1], true, true), ([1, 1], false, false), ([1, 2], true, false)]
        {
            let mut recorder = Recorder::default();
            let first = recorder.begin(keyed(requests[0]));
            if !overlap {
                end(&mut recorder, first, &row);
            }
            let second = recorder.begin(keyed(requests[1]));
            if overlap {
                end(&mut recorder, first, &row);
            }
            end(&mut recorder, second, &row);
            assert_eq!(decided(&recorder, &Report::new(By::Error)).3, forbidden, "{requests:?} {overlap}");
        }
    }

    #[test]
    fn what_is_folded_still_counts() {
        let mut rows = vec![(&Method::POST, A, Status(200))];
        rows.extend([(&Method::GET, B, Status(200)); 100]);
        rows.push((&Method::GET, B, Status(503)));
        let recorder = sequence(&rows);
        assert!(recorder.exchanges().len() < 70);
        assert!(decided(&recorder, &Report::new(By::Error)).3, "the POST was done");
        let recorder = sequence(&rows[1..]);
        assert!(!decided(&recorder, &Report::new(By::Error)).3);
    }
}
