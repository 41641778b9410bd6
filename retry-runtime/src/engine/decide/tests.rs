use std::time::Duration;

use super::*;
use crate::engine::recorder::{Key, Prepared, Recorder};
use crate::engine::report::Opinion;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use retry_policy::FailureSet;

const A: &str = "http://localhost/a";
const B: &str = "http://localhost/b";

/// The end of an exchange of a row.
#[derive(Clone, Copy)]
enum End {
    Status(u16),
    /// A 429 that asks for this many seconds.
    Limited(u64),
    Failure(Failure),
    Dropped,
    Open,
    /// A 200 whose reading was given up.
    Cut,
}

use End::{Cut, Dropped, Limited, Open, Status};

type Row<'r> = (&'r Method, &'r str, End);

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH
}

fn begin(recorder: &mut Recorder, (method, url, _): &Row<'_>) -> u64 {
    recorder.on_request(Prepared::new(method, &HeaderMap::new(), url, None))
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
        Dropped => return recorder.on_drop(number),
        Open => return,
    };
    recorder.on_report(number, &report.about(Some(url)), Hints::default(), now);
    if matches!(end, Cut) {
        recorder.on_body_drop(None);
    }
}

/// Records one exchange after the other.
fn sequence(rows: &[Row<'_>]) -> Recorder {
    let mut recorder = Recorder::default();
    for row in rows {
        let number = begin(&mut recorder, row);
        end(&mut recorder, number, row);
    }
    recorder
}

/// Records exchanges that run at once and end in the order in which they began.
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

/// Returns the index of the deciding exchange, its status, its failures, and whether a repeat
/// is forbidden.
fn decided(recorder: &Recorder, report: &Report<'_>) -> (Option<usize>, Option<u16>, FailureSet, bool) {
    let mut recorder = recorder.clone();
    let decided = decide(recorder.records(), report, &Policy::DEFAULT, Hints::default(), now);
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
    let race = joined(&[(get, B, Status(404)), (get, A, Dropped)]);
    let reset_then_good = sequence(&[(get, A, End::Failure(Failure::Reset)), (get, B, Status(200))]);
    let own_reset = Report { failures: reset, ..own(None, None) };
    let own_late_reset = Report { failures: reset.with(Failure::Timeout), ..own(None, None) };
    let own_body = |status| Report { failures: body, ..own(status, None) };
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
        // No exchange matches: the error is about another request, with an unknown method.
        (&query, error(Some(B), Some(503), None), (None, Some(503), none, true)),
        (&nothing, error(Some(B), Some(503), None), (None, Some(503), none, false)),
        // An error of the user's: by status, otherwise over the latest.
        (&good_then_bad, own(Some(503), None), (Some(1), Some(503), none, false)),
        (&bad_then_good, own(Some(503), None), (Some(0), Some(503), none, false)),
        (&reset_then_good, own_reset, (Some(0), None, reset, false)),
        // The exchange itself tells better how it failed.
        (&reset_get, own_late_reset, (Some(0), None, reset, false)),
        // It may have seen a body break off that nobody else saw.
        (&bad_then_good, own_body(None), (Some(1), Some(200), body, false)),
        (&bad_then_good, own_body(Some(200)), (Some(1), Some(200), body, false)),
        (&query, own(Some(429), Some(2)), (Some(0), Some(429), none, false)),
        (&nothing, own(Some(429), None), (None, Some(429), none, false)),
        // 3: the latest that failed, unless another succeeded after its end.
        (&bad_then_good, silent, (Some(1), Some(200), none, false)),
        (&joined_bad_and_good, silent, (Some(0), Some(503), none, false)),
        (&good_then_bad, silent, (Some(1), Some(503), none, false)),
        (&both_bad, own(None, None), (Some(1), Some(503), none, false)),
        (&joined_bad_and_good, own(None, None), (Some(0), Some(503), none, false)),
        // Behind an `Ok`, one that succeeded, if any did.
        (&good_then_bad, success, (Some(0), Some(200), none, false)),
        (&both_bad, success, (Some(1), Some(503), none, false)),
        (&dropped_post, success, (Some(1), Some(503), none, true)),
        // Sends that were dropped.
        (&hedge, silent, (Some(1), Some(404), none, false)),
        (&hedge, elapsed, (Some(1), Some(404), none, false)),
        (&race, silent, (Some(0), Some(404), none, false)),
        (&race, elapsed, (Some(1), None, timeout, false)),
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
        // Another exchange may have done something.
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
fn the_hint_of_another_exchange_is_waited_for_but_is_not_of_the_deciding_one() {
    let mut recorder = joined(&[(&Method::GET, A, Limited(7)), (&Method::POST, B, Status(503))]);
    let report = Report::new(By::Error);
    let decided = decide(recorder.records(), &report, &Policy::DEFAULT, Hints::default(), now);
    assert_eq!(
        (decided.exchange.hint(), decided.exchange.longest_hint()),
        (None, Some(Duration::from_secs(7)))
    );
    // It counts up to `max_retry_after`.
    let mut recorder = joined(&[(&Method::GET, A, Limited(700)), (&Method::GET, B, Status(503))]);
    let decided = decide(recorder.records(), &report, &Policy::DEFAULT, Hints::default(), now);
    assert_eq!(decided.exchange.longest_hint(), Some(Duration::from_secs(120)));
}

#[test]
fn requests_with_one_key_that_overlap_forbid_a_repeat() {
    let keyed = |request| {
        let mut prepared = Prepared::new(&Method::POST, &HeaderMap::new(), A, None);
        prepared.record_key(Key { call: Some(1), request, id: request, is_repeat: false });
        prepared
    };
    let row: Row<'_> = (&Method::POST, A, Status(503));
    for (requests, overlap, forbidden) in
        [([1, 1], true, true), ([1, 1], false, false), ([1, 2], true, false)]
    {
        let mut recorder = Recorder::default();
        let first = recorder.on_request(keyed(requests[0]));
        if !overlap {
            end(&mut recorder, first, &row);
        }
        let second = recorder.on_request(keyed(requests[1]));
        if overlap {
            end(&mut recorder, first, &row);
        }
        end(&mut recorder, second, &row);
        assert_eq!(decided(&recorder, &Report::new(By::Error)).3, forbidden, "{requests:?} {overlap}");
    }
}

#[test]
fn a_failure_in_spite_of_which_an_inner_call_succeeded_is_a_success() {
    let mut recorder = sequence(&[(&Method::GET, A, Status(503)), (&Method::GET, B, Status(503))]);
    recorder.exchanges_mut()[0].mark = Mark::Succeeded;
    assert_eq!(decided(&recorder, &Report::new(By::Success)).0, Some(0));
    assert_eq!(decided(&recorder, &Report::new(By::Error)).0, Some(1));
}

#[test]
fn an_unsafe_request_that_was_redirected_forbids_a_repeat() {
    let forbids = |url, policy: &Policy| {
        let mut recorder = Recorder::default();
        let number = begin(&mut recorder, &(&Method::POST, A, Open));
        end(&mut recorder, number, &(&Method::POST, url, Limited(1)));
        let report = error(Some(url), Some(429), None);
        decide(recorder.records(), &report, policy, Hints::default(), now).exchange.is_repeat_forbidden()
    };
    assert!(!forbids(A, &Policy::DEFAULT), "a 429 says that nothing was done");
    assert!(forbids(B, &Policy::DEFAULT));
    assert!(!forbids(B, &Policy::builder().idempotent(true).build().unwrap()));
}

#[test]
fn an_unsafe_request_that_another_task_may_send_forbids_a_repeat() {
    let mut recorder = sequence(&[(&Method::GET, A, Status(503))]);
    assert!(!decided(&recorder, &Report::new(By::Error)).3);
    recorder.on_outstanding();
    assert!(decided(&recorder, &Report::new(By::Error)).3);
}

#[test]
fn the_opinion_of_an_error_is_about_the_exchange_that_decides() {
    let mut recorder = sequence(&[(&Method::GET, A, Status(429))]);
    for status in [Some(429), Some(503), None] {
        for (is_permanent, is_expired) in [(false, false), (true, false), (false, true)] {
            let report = Report { opinion: Opinion { is_permanent, is_expired }, ..own(status, Some(1)) };
            let exchange =
                decide(recorder.records(), &report, &Policy::DEFAULT, Hints::default(), now).exchange;
            assert_eq!(exchange.is_retry_forbidden(), is_permanent, "{status:?}");
            assert_eq!(exchange.has_expired_credentials(), is_expired, "{status:?}");
        }
    }
}

#[test]
fn a_summary_forbids_a_repeat_by_each_of_its_facts() {
    let forbids = |declared: Option<bool>, folding: &dyn Fn(&mut Recorder)| {
        let mut recorder = Recorder::default();
        folding(&mut recorder);
        (0..100).for_each(|_| {
            let number = begin(&mut recorder, &(&Method::GET, B, Open));
            end(&mut recorder, number, &(&Method::GET, B, Status(404)));
        });
        let policy = Policy::builder();
        let policy = declared.map_or(policy, |declared| policy.idempotent(declared)).build().unwrap();
        let report = Report::new(By::Error);
        decide(recorder.records(), &report, &policy, Hints::default(), now).exchange.is_repeat_forbidden()
    };
    let nothing = |_: &mut Recorder| {};
    let a_get = |recorder: &mut Recorder| {
        let number = begin(recorder, &(&Method::GET, A, Open));
        end(recorder, number, &(&Method::GET, A, Status(200)));
    };
    let overlapping_keys = |recorder: &mut Recorder| {
        let numbers = [(); 2].map(|()| {
            let mut prepared = Prepared::new(&Method::POST, &HeaderMap::new(), A, None);
            prepared.record_key(Key { call: Some(1), request: 1, id: 1, is_repeat: false });
            recorder.on_request(prepared)
        });
        for number in numbers {
            end(recorder, number, &(&Method::POST, A, Status(200)));
        }
    };
    assert!(!forbids(None, &nothing) && !forbids(None, &a_get));
    assert!(!forbids(Some(false), &nothing) && forbids(Some(false), &a_get));
    assert!(!forbids(Some(true), &a_get));
    assert!(forbids(None, &overlapping_keys));
}

#[test]
fn folded_exchanges_still_count() {
    let mut rows = vec![(&Method::POST, A, Status(200))];
    rows.extend([(&Method::GET, B, Status(200)); 100]);
    rows.push((&Method::GET, B, Status(503)));
    let mut recorder = sequence(&rows);
    assert!(recorder.exchanges().len() < 70);
    assert!(decided(&recorder, &Report::new(By::Error)).3, "the POST was done");
    let recorder = sequence(&rows[1..]);
    assert!(!decided(&recorder, &Report::new(By::Error)).3);
}

#[test]
fn an_error_that_may_be_about_something_else_repeats_no_post() {
    let (get, post) = (&Method::GET, &Method::POST);
    let failed = |failure| Report { failures: FailureSet::EMPTY.with(failure), ..own(None, None) };
    let expired = Report { opinion: Opinion { is_expired: true, ..Opinion::default() }, ..own(None, None) };
    let one = sequence(&[(post, A, Status(200))]);
    let safe = sequence(&[(get, A, Status(200)), (get, B, Status(200))]);
    let after_another = sequence(&[(get, A, Status(200)), (post, B, Status(200))]);
    let beside_another = joined(&[(get, A, Status(429)), (post, B, Status(200))]);
    let refused = sequence(&[(get, A, Status(200)), (post, B, Status(429))]);
    let failed_inside = sequence(&[(get, A, Status(200)), (post, B, Status(500))]);
    let timed_out = sequence(&[(get, A, Status(200)), (post, B, End::Failure(Failure::Timeout))]);
    let timed_out_alone = sequence(&[(post, A, End::Failure(Failure::Timeout))]);
    let unconnected = sequence(&[(get, A, Status(200)), (post, B, End::Failure(Failure::Connect))]);
    let dropped = joined(&[(get, A, Status(200)), (post, B, Dropped)]);
    let dropped_alone = sequence(&[(post, A, Dropped)]);
    for (recorder, report, is_forbidden) in [
        // The body of its response may say that the request was refused.
        (&one, own(Some(429), None), false),
        (&one, expired, false),
        // A request that was answered has found a connection.
        (&one, failed(Failure::Connect), true),
        (&one, failed(Failure::Reset), true),
        // The body of its response may have been read where nobody saw it.
        (&one, failed(Failure::Timeout), false),
        (&safe, own(Some(429), None), false),
        (&safe, failed(Failure::Connect), false),
        (&after_another, own(Some(429), None), true),
        (&after_another, own(None, Some(1)), true),
        (&after_another, expired, true),
        (&beside_another, own(Some(503), Some(1)), true),
        (&failed_inside, own(Some(429), None), true),
        (&failed_inside, own(Some(500), None), false),
        (&timed_out, own(Some(429), None), true),
        (&timed_out, failed(Failure::Timeout), false),
        (&timed_out_alone, failed(Failure::Connect), true),
        (&unconnected, own(Some(429), None), false),
        (&dropped, own(Some(429), None), true),
        // A time limit of the user's.
        (&dropped_alone, failed(Failure::Timeout), false),
        // The error says nothing.
        (&after_another, own(None, None), false),
        (&refused, own(Some(429), None), false),
        (&refused, own(None, Some(1)), false),
    ] {
        assert_eq!(decided(recorder, &report).3, is_forbidden, "{recorder:?} {report:?}");
    }
}
