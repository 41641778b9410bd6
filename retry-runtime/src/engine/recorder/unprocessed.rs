//! Requests that were not processed, and those that were redirected.

use std::time::SystemTime;

use http::{HeaderMap, Method, StatusCode};
use retry_policy::{Failure, FailureSet, Policy};

use super::{Prepared, Recorder};
use crate::engine::decide::decide;
use crate::engine::exchange::{Exchange, Hints};
use crate::engine::report::{By, Report};

const URL: &str = "http://a/b";

/// Records a request by `method`, which is redirected if `is_redirected` says so, and ends as
/// `report` says.
fn record(recorder: &mut Recorder, method: &Method, is_redirected: bool, report: &Report<'_>) {
    let number = recorder.on_request(Prepared::new(method, &HeaderMap::new(), URL, None));
    let report = Report { is_redirected, ..*report };
    recorder.on_report(number, &report, Hints::default(), || SystemTime::UNIX_EPOCH);
}

fn reset() -> Report<'static> {
    Report::failure(None, FailureSet::EMPTY.with(Failure::Reset)).about(Some(URL))
}

fn refused() -> Report<'static> {
    reset().unprocessed()
}

/// Returns the exchange that decides about an attempt with this outcome.
fn decided(recorder: &Recorder, outcome: &Report<'_>) -> Exchange {
    decide(recorder.clone().records(), outcome, &Policy::DEFAULT, Hints::default(), || SystemTime::UNIX_EPOCH)
        .exchange
}

#[test]
fn a_post_that_was_not_processed_forbids_nothing() {
    for (report, is_unprocessed) in [(refused(), true), (reset(), false)] {
        let mut recorder = Recorder::default();
        record(&mut recorder, &Method::POST, false, &report);
        assert_eq!(recorder.exchanges()[0].may_have_done(), !is_unprocessed);
        record(&mut recorder, &Method::GET, false, &refused());
        let exchange = decided(&recorder, &Report::new(By::Error));
        assert_eq!(exchange.is_repeat_forbidden(), !is_unprocessed);
    }
}

#[test]
fn of_a_post_that_was_redirected_it_is_another_request_that_was_not_processed() {
    let headers = HeaderMap::new();
    let limited = Report::response(StatusCode::TOO_MANY_REQUESTS, &headers).about(Some(URL));
    for report in [refused(), Report::failure(None, Failure::Connect.into()).about(Some(URL)), limited] {
        for redirected in [false, true] {
            let mut recorder = Recorder::default();
            record(&mut recorder, &Method::POST, redirected, &report);
            assert_eq!(recorder.exchanges()[0].may_have_done(), redirected);
            let is_answered = report.status.is_some();
            assert_eq!(recorder.exchanges()[0].may_be_processed(), redirected || is_answered);
            assert_eq!(decided(&recorder, &report).is_repeat_forbidden(), redirected, "{report:?}");
        }
    }
}
