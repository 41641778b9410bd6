use super::*;

#[test]
fn idempotent_are_the_methods_of_rfc_9110_and_requests_with_a_key() {
    let none = HeaderMap::new();
    let query = Method::from_bytes(b"QUERY").unwrap();
    for method in
        [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS, Method::TRACE, query]
    {
        assert!(Exchange::new(&method, &none).is_idempotent(), "{method}");
    }
    let keyed = HeaderMap::from_iter([(IDEMPOTENCY_KEY, http::HeaderValue::from_static("k"))]);
    for method in [Method::POST, Method::PATCH, Method::CONNECT, Method::from_bytes(b"MERGE").unwrap()] {
        assert!(!Exchange::new(&method, &none).is_idempotent(), "{method}");
        assert!(Exchange::new(&method, &keyed).is_idempotent(), "{method}");
    }
    // The dangerous case: nothing is known of the request.
    assert!(!Exchange::default().is_idempotent());
}

#[test]
fn the_same_status_keeps_the_hint_and_another_forgets_it() {
    let mut exchange = Exchange::default();
    exchange.on_response(StatusCode::TOO_MANY_REQUESTS);
    exchange.record_hint(Duration::from_secs(2));
    exchange.on_response(StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(exchange.hint(), Some(Duration::from_secs(2)));
    exchange.on_response(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(exchange.hint(), None);
}

#[test]
fn a_broken_body_keeps_the_status_and_a_refused_connection_does_not() {
    let mut exchange = Exchange::default();
    exchange.on_response(StatusCode::OK);
    exchange.on_error(Failure::Body);
    assert_eq!(exchange.status(), Some(StatusCode::OK));
    exchange.on_error(Failure::Connect);
    assert_eq!(exchange.status(), None);
}
#[test]
fn the_header_is_that_of_the_longest_hint() {
    let by_header = |wait| Hint { wait: Duration::from_secs(wait), header: "retry-after" };
    let mut exchange = Exchange::default();
    exchange.record_header_hint(by_header(2), &[]);
    assert_eq!(exchange.hint_header(), Some("retry-after"));
    exchange.record_hint(Duration::from_secs(1));
    exchange.record_hint(Duration::from_secs(2));
    assert_eq!(
        (exchange.hint(), exchange.hint_header()),
        (Some(Duration::from_secs(2)), Some("retry-after"))
    );
    exchange.record_hint(Duration::from_secs(3));
    assert_eq!((exchange.hint(), exchange.hint_header()), (Some(Duration::from_secs(3)), None));
    exchange.record_header_hint(by_header(4), &[]);
    assert_eq!(exchange.hint_header(), Some("retry-after"));
    exchange.on_error(Failure::Reset);
    assert_eq!((exchange.hint(), exchange.hint_header()), (None, None));
}
const OF_ALL: Hints = Hints { of: HintsOf::All, names: &[] };

fn report(status: u16, headers: &HeaderMap, hints: Hints) -> Exchange {
    let mut exchange = Exchange::default();
    let report = Report::response(StatusCode::from_u16(status).unwrap(), headers);
    exchange.record_report(&report, hints, || SystemTime::UNIX_EPOCH);
    exchange
}

#[test]
fn the_headers_of_retryable_responses_are_read() {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", 7.into());
    let hint = |status, hints| report(status, &headers, hints).hint().map(|hint| hint.as_secs());
    for status in [202, 404, 429, 503] {
        assert_eq!(hint(status, Hints::default()), Some(7), "{status}");
    }
    for status in [200, 301] {
        assert_eq!(hint(status, Hints::default()), None, "{status}");
        assert_eq!(hint(status, OF_ALL), Some(7), "{status}");
    }
    assert_eq!(report(429, &headers, OF_ALL).hint_header(), Some("retry-after"));
}

#[test]
fn the_headers_that_a_policy_names_are_read() {
    let mut headers = HeaderMap::new();
    headers.insert("x-my-reset", 7.into());
    let named = Hints { names: &["x-my-reset"], ..Hints::default() };
    for status in [202, 403, 429, 503] {
        let exchange = report(status, &headers, named);
        assert_eq!((exchange.hint(), exchange.has_hint()), (Some(Duration::from_secs(7)), true), "{status}");
        assert_eq!(exchange.hint_header(), Some("x-my-reset"));
        assert_eq!(report(status, &headers, Hints::default()).hint(), None, "{status}");
    }
    assert_eq!(report(200, &headers, named).hint(), None);
    assert_eq!(
        report(200, &headers, Hints { of: HintsOf::All, ..named }).hint(),
        Some(Duration::from_secs(7))
    );
}

#[test]
fn no_success_is_repeated_on_advice_but_a_202_may_be_left_alone() {
    let advice = |status, advice| {
        let mut headers = HeaderMap::new();
        headers.insert("x-should-retry", http::HeaderValue::from_static(advice));
        report(status, &headers, Hints::default()).should_retry()
    };
    assert_eq!([advice(400, "true"), advice(400, "false")], [Some(true), Some(false)]);
    assert_eq!([advice(202, "true"), advice(202, "false")], [None, Some(false)]);
}

#[test]
fn a_report_is_recorded_over_what_is_there() {
    let mut exchange = Exchange::default();
    exchange.on_response(StatusCode::OK);
    let report = Report {
        failures: FailureSet::EMPTY.with(Failure::Body),
        hint: Some(Duration::from_secs(3)),
        ..Report::new(crate::engine::report::By::Own)
    };
    exchange.record_report(&report, OF_ALL, || SystemTime::UNIX_EPOCH);
    assert_eq!(exchange.status(), Some(StatusCode::OK));
    assert_eq!(exchange.failures(), report.failures);
    assert_eq!(exchange.hint(), report.hint);
    assert!(exchange.has_hint() && !exchange.is_plain_success());
    assert_eq!(exchange.method(), None);
    assert!(!exchange.has_succeeded());
    exchange.on_success();
    assert!(exchange.has_succeeded());
}

#[test]
fn an_answer_tells_of_credentials_unless_the_server_may_not_have_looked_at_them() {
    for (status, tells) in [
        (200, true),
        (302, true),
        (400, true),
        (401, true),
        (403, true),
        (408, false),
        (425, false),
        (429, false),
        (500, false),
        (503, false),
    ] {
        let exchange = report(status, &HeaderMap::new(), Hints::default());
        assert_eq!(exchange.tells_of_credentials(), tells, "{status}");
        assert_eq!(exchange.has_expired_credentials(), status == 401, "{status}");
    }
    assert!(!Exchange::default().tells_of_credentials());
    let mut expired = report(503, &HeaderMap::new(), Hints::default());
    expired.expire_credentials();
    assert!(expired.tells_of_credentials() && expired.has_expired_credentials());
}

#[test]
fn a_declaration_overrides_policy_method_and_key() {
    let is_idempotent = |method: &Method, declared, policy| {
        let mut exchange = Exchange::new(method, &HeaderMap::new());
        exchange.declare_idempotent(declared);
        exchange.may_repeat_under(policy)
    };
    for method in [Method::GET, Method::POST] {
        for policy in [None, Some(false), Some(true)] {
            assert!(is_idempotent(&method, Some(true), policy));
            assert!(!is_idempotent(&method, Some(false), policy));
        }
        assert!(is_idempotent(&method, None, Some(true)) && !is_idempotent(&method, None, Some(false)));
    }
    assert!(is_idempotent(&Method::GET, None, None) && !is_idempotent(&Method::POST, None, None));
}

#[test]
fn errors_and_plain_successes() {
    for (status, is_error, is_plain_success) in [
        (200, false, true),
        (202, false, false),
        (204, false, true),
        (304, false, false),
        (404, true, false),
        (500, true, false),
    ] {
        let exchange = report(status, &HeaderMap::new(), Hints::default());
        assert_eq!(
            (exchange.is_error(), exchange.is_plain_success()),
            (is_error, is_plain_success),
            "{status}"
        );
    }
    let mut exchange = Exchange::default();
    assert!(!exchange.is_error() && !exchange.is_plain_success() && !exchange.has_hint());
    assert_eq!(exchange.longest_hint(), None);
    exchange.record_hint(Duration::ZERO);
    assert!(!exchange.has_hint());
    exchange.record_other_hint(Duration::from_secs(2));
    exchange.record_other_hint(Duration::from_secs(1));
    assert_eq!(exchange.longest_hint(), Some(Duration::from_secs(2)));
}
