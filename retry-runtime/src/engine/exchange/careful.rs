//! The careful row of the table of what is retried: requests that are not safe to repeat, and those
//! of which not even the method is known.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use retry_policy::{Condition, Failure, FailureSet, Policy};

use super::{Exchange, Hints, Idempotency};
use crate::engine::report::Report;
use crate::engine::retry::{Retry, Stop, Verdict};

const RETRIED: Option<Stop> = None;
const AMBIGUOUS: Option<Stop> = Some(Stop::Ambiguous);
const NOT_RETRYABLE: Option<Stop> = Some(Stop::NotRetryable);

fn now() -> std::time::SystemTime {
    std::time::SystemTime::UNIX_EPOCH
}

fn status(status: u16, retry_after: Option<&'static str>) -> Exchange {
    let mut headers = HeaderMap::new();
    headers.extend(retry_after.map(|wait| (http::header::RETRY_AFTER, wait.parse().unwrap())));
    of(&Report::response(StatusCode::from_u16(status).unwrap(), &headers))
}

fn quota(status: u16, names: &'static [&'static str]) -> Exchange {
    let mut headers = HeaderMap::new();
    headers.insert("x-ratelimit-remaining", "0".parse().unwrap());
    headers.insert("x-ratelimit-reset", "2".parse().unwrap());
    headers.insert("x-short-reset", "1".parse().unwrap());
    let mut exchange = Exchange::default();
    let report = Report::response(StatusCode::from_u16(status).unwrap(), &headers);
    exchange.record_report(&report, Hints { names, ..Hints::default() }, now);
    exchange
}

fn failure(failures: &[Failure], is_unprocessed: bool) -> Exchange {
    let failures = failures.iter().fold(FailureSet::EMPTY, |set, failure| set.with(*failure));
    let report = Report::failure(None, failures);
    of(&if is_unprocessed { report.unprocessed() } else { report })
}

fn of(report: &Report<'_>) -> Exchange {
    let mut exchange = Exchange::default();
    exchange.record_report(report, Hints::default(), now);
    exchange
}

/// Returns why an exchange is not retried, if it is not.
fn stop(policy: &Policy, exchange: &Exchange) -> Option<Stop> {
    match Retry::new(policy).next(exchange, Duration::ZERO, || 0.5) {
        Verdict::Wait(_) => None,
        Verdict::Stop(stop) => Some(stop),
    }
}

#[test]
fn an_unsafe_or_unknown_request_is_repeated_only_if_it_was_not_processed() {
    use Failure::{Body, Connect, Reset, Timeout};
    let table = [
        ("429", status(429, None), RETRIED),
        ("429 with a hint", status(429, Some("2")), RETRIED),
        ("503", status(503, None), AMBIGUOUS),
        ("503 with a hint", status(503, Some("2")), RETRIED),
        ("503 with a hint of nothing", status(503, Some("0")), AMBIGUOUS),
        ("503 with a hint that cannot be read", status(503, Some("soon")), AMBIGUOUS),
        ("503 with a used-up quota", quota(503, &[]), AMBIGUOUS),
        ("503 with a header that the policy names", quota(503, &["X-RateLimit-Reset"]), RETRIED),
        ("503 with a shorter one beside a quota", quota(503, &["X-Short-Reset"]), RETRIED),
        ("429 with a used-up quota", quota(429, &[]), RETRIED),
        ("408", status(408, None), AMBIGUOUS),
        ("425", status(425, None), AMBIGUOUS),
        ("500", status(500, None), AMBIGUOUS),
        ("500 with a hint", status(500, Some("2")), AMBIGUOUS),
        ("502", status(502, None), AMBIGUOUS),
        ("502 with a hint", status(502, Some("2")), AMBIGUOUS),
        ("504", status(504, None), AMBIGUOUS),
        ("504 with a hint", status(504, Some("2")), AMBIGUOUS),
        ("200", status(200, None), NOT_RETRYABLE),
        ("302", status(302, None), NOT_RETRYABLE),
        ("401", status(401, None), NOT_RETRYABLE),
        ("403 with a hint", status(403, Some("2")), NOT_RETRYABLE),
        ("409", status(409, None), NOT_RETRYABLE),
        ("connect", failure(&[Connect], true), RETRIED),
        ("connect by hand", failure(&[Connect], false), RETRIED),
        ("connect, too late", failure(&[Connect, Timeout], true), RETRIED),
        ("timeout", failure(&[Timeout], false), AMBIGUOUS),
        ("reset", failure(&[Reset], false), AMBIGUOUS),
        ("reset, not processed", failure(&[Reset], true), RETRIED),
        ("body", failure(&[Body], false), AMBIGUOUS),
        ("permanent", failure(&[], true), NOT_RETRYABLE),
        ("unknown", failure(&[], false), NOT_RETRYABLE),
    ];
    let lock = Method::from_bytes(b"LOCK").unwrap();
    for method in [Some(Method::POST), Some(Method::PATCH), Some(Method::CONNECT), Some(lock), None] {
        // The request says it, or the policy.
        for (declared, of_policy) in [(None, None), (Some(false), None), (None, Some(false))] {
            let policy = Policy::builder();
            let policy = of_policy.map_or(policy, |safe| policy.idempotent(safe)).build().unwrap();
            for (what, exchange, expected) in &table {
                let idempotency = Idempotency { declared, ..Idempotency::default() };
                let exchange = Exchange { method: method.clone(), idempotency, ..exchange.clone() };
                assert_eq!(
                    stop(&policy, &exchange),
                    *expected,
                    "{method:?} {declared:?} {of_policy:?} {what}"
                );
            }
        }
    }
}

#[test]
fn an_answer_after_all_was_processed() {
    let mut exchange = failure(&[Failure::Reset], true);
    assert!(exchange.is_unprocessed());
    exchange.on_response(StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!exchange.is_unprocessed() && !exchange.is_idempotent());
}

#[test]
fn the_lists_of_a_policy_hold_for_an_unprocessed_request() {
    let policy = Policy::builder().on(&[Condition::Failure(Failure::Body)]).build().unwrap();
    assert_eq!(stop(&policy, &failure(&[Failure::Reset], true)), NOT_RETRYABLE);
    let policy = Policy::builder().never(&[Condition::Failure(Failure::Reset)]).build().unwrap();
    assert_eq!(stop(&policy, &failure(&[Failure::Reset], true)), Some(Stop::Never));
}
