use super::*;

use http::{HeaderMap, Method, StatusCode};
use proptest::prelude::*;
use retry_policy::{Condition, Failure, Jitter};

fn verdict(policy: &Policy, method: &Method, record: impl Fn(&mut Exchange)) -> Verdict {
    let mut exchange = Exchange::new(method, &HeaderMap::new());
    record(&mut exchange);
    Retry::new(policy).next(&exchange, Duration::ZERO, || 0.0)
}

fn status(status: u16) -> impl Fn(&mut Exchange) {
    move |exchange| exchange.on_response(StatusCode::from_u16(status).unwrap())
}

fn failure(failure: Failure) -> impl Fn(&mut Exchange) {
    move |exchange| exchange.on_error(failure)
}

const AGAIN: Verdict = Verdict::Wait(Duration::from_secs(1));

#[test]
fn the_defaults_depend_on_the_method() {
    let policy = Policy::DEFAULT;
    for code in 100..600 {
        let get = [408, 425, 429, 500, 502, 503, 504].contains(&code);
        let post = code == 429;
        let expected = |again, ambiguous| match (again, ambiguous) {
            (true, _) => AGAIN,
            (_, true) => Verdict::Stop(Stop::Ambiguous),
            _ => Verdict::Stop(Stop::NotRetryable),
        };
        assert_eq!(verdict(&policy, &Method::GET, status(code)), expected(get, false), "{code}");
        assert_eq!(verdict(&policy, &Method::POST, status(code)), expected(post, get), "{code}");
    }
    for kind in [Failure::Connect, Failure::Timeout, Failure::Reset, Failure::Body] {
        assert_eq!(verdict(&policy, &Method::GET, failure(kind)), AGAIN);
        let post = if kind == Failure::Connect { AGAIN } else { Verdict::Stop(Stop::Ambiguous) };
        assert_eq!(verdict(&policy, &Method::POST, failure(kind)), post, "{kind:?}");
    }
}

#[test]
fn a_connection_that_is_not_made_in_time_sent_nothing() {
    let what = |exchange: &mut Exchange| {
        exchange.on_error(Failure::Connect);
        exchange.on_error(Failure::Timeout);
    };
    assert_eq!(verdict(&Policy::DEFAULT, &Method::POST, what), AGAIN);
    let never = Policy::builder().never(&[Condition::Failure(Failure::Timeout)]).build().unwrap();
    assert_eq!(verdict(&never, &Method::POST, what), Verdict::Stop(Stop::Never));
}

#[test]
fn listed_conditions_count_for_any_method_and_never_wins() {
    let policy = Policy::builder()
        .on(&[Condition::Range(500, 599), Condition::Failure(Failure::Timeout)])
        .never(&[Condition::Status(501)])
        .build()
        .unwrap();
    assert_eq!(verdict(&policy, &Method::POST, status(500)), AGAIN);
    assert_eq!(verdict(&policy, &Method::POST, failure(Failure::Timeout)), AGAIN);
    assert_eq!(verdict(&policy, &Method::GET, status(501)), Verdict::Stop(Stop::Never));
    assert_eq!(verdict(&policy, &Method::GET, status(429)), Verdict::Stop(Stop::NotRetryable));
    assert_eq!(verdict(&policy, &Method::GET, failure(Failure::Connect)), Verdict::Stop(Stop::NotRetryable));
}

#[test]
fn a_hint_is_obeyed_up_to_the_limit_and_a_zero_hint_is_none() {
    let hinted = |seconds| {
        move |exchange: &mut Exchange| {
            status(429)(exchange);
            exchange.record_hint(Duration::from_secs(seconds));
        }
    };
    let policy = Policy::DEFAULT;
    assert_eq!(
        verdict(&policy, &Method::GET, hinted(120)),
        Verdict::Wait(Duration::from_secs(120)),
        "the cap is for computed waits"
    );
    assert_eq!(verdict(&policy, &Method::GET, hinted(121)), Verdict::Stop(Stop::HintTooLong));
    assert_eq!(verdict(&policy, &Method::GET, hinted(0)), AGAIN);
}

#[test]
fn retries_are_counted_up_to_the_maximum() {
    let policy = Policy::builder().max(2).jitter(Jitter::None).build().unwrap();
    let mut exchange = Exchange::new(&Method::GET, &HeaderMap::new());
    status(503)(&mut exchange);
    let mut retry = Retry::new(&policy);
    for (retries, verdict) in
        [(1, AGAIN), (2, Verdict::Wait(Duration::from_secs(2))), (2, Verdict::Stop(Stop::Exhausted))]
    {
        assert_eq!(retry.next(&exchange, Duration::ZERO, || 0.0), verdict);
        assert_eq!(retry.retries(), retries);
    }
}

/// A case, its policy, what happened, and the verdict.
type Row<'r> = (&'r str, &'r Policy, &'r dyn Fn(&mut Exchange), Verdict);

#[test]
fn a_conflict_is_retried_where_it_answers_a_repeat() {
    let repeated = |code| {
        move |exchange: &mut Exchange| {
            exchange.record_repeat();
            status(code)(exchange);
        }
    };
    let advised_against = |exchange: &mut Exchange| {
        repeated(409)(exchange);
        exchange.record_should_retry(false);
    };
    let settled = |exchange: &mut Exchange| {
        repeated(409)(exchange);
        exchange.settle();
    };
    let forbidden = |exchange: &mut Exchange| {
        repeated(409)(exchange);
        exchange.forbid_repeat();
    };
    let hinted = |exchange: &mut Exchange| {
        repeated(409)(exchange);
        exchange.record_hint(Duration::from_secs(7));
    };
    let unsafe_all_the_same = |exchange: &mut Exchange| {
        repeated(409)(exchange);
        exchange.declare_idempotent(Some(false));
    };
    let stop = Verdict::Stop;
    let build = |policy: retry_policy::PolicyBuilder<'_>| policy.build().unwrap();
    let default = Policy::DEFAULT;
    let listed = build(Policy::builder().on(&[Condition::Status(503)]));
    let failures = build(Policy::builder().on(&[Condition::Failure(Failure::Connect)]));
    let never = build(Policy::builder().never(&[Condition::Range(400, 499)]));
    let off = build(Policy::builder().max(0));
    let short = build(Policy::builder().base(Duration::from_millis(1)).deadline(Duration::from_secs(1)));
    let table: [Row<'_>; 13] = [
        ("first", &default, &status(409), stop(Stop::NotRetryable)),
        ("repeat", &default, &repeated(409), AGAIN),
        ("another status", &default, &repeated(422), stop(Stop::NotRetryable)),
        ("`on` without 409", &listed, &repeated(409), AGAIN),
        ("`on` without statuses", &failures, &repeated(409), AGAIN),
        ("`never` with 409", &never, &repeated(409), stop(Stop::Never)),
        ("no retries", &off, &repeated(409), stop(Stop::Exhausted)),
        ("with a hint", &default, &hinted, Verdict::Wait(Duration::from_secs(7))),
        ("beyond the deadline", &short, &hinted, stop(Stop::Deadline)),
        ("advice against it", &default, &advised_against, stop(Stop::NotRetryable)),
        ("settled", &default, &settled, stop(Stop::Settled)),
        ("beside another request", &default, &forbidden, stop(Stop::Ambiguous)),
        ("declared unsafe", &default, &unsafe_all_the_same, stop(Stop::NotRetryable)),
    ];
    for (what, policy, record, expected) in table {
        assert_eq!(verdict(policy, &Method::POST, record), expected, "{what}");
    }
}

#[test]
fn another_exchange_may_ask_for_a_longer_wait_than_the_limit() {
    let policy = Policy::DEFAULT;
    let waits = |own, other| {
        verdict(&policy, &Method::GET, |exchange| {
            status(429)(exchange);
            exchange.record_hint(Duration::from_secs(own));
            exchange.record_other_hint(Duration::from_secs(other));
        })
    };
    assert_eq!(waits(3, 5), Verdict::Wait(Duration::from_secs(5)));
    assert_eq!(waits(5, 3), Verdict::Wait(Duration::from_secs(5)));
    assert_eq!(waits(3, 121), Verdict::Wait(Duration::from_secs(121)));
}

#[test]
fn an_unsafe_request_is_repeated_after_a_503_with_a_hint() {
    let hinted = |exchange: &mut Exchange| {
        status(503)(exchange);
        exchange.record_hint(Duration::from_secs(2));
    };
    let verdict = verdict(&Policy::DEFAULT, &Method::POST, hinted);
    assert_eq!(verdict, Verdict::Wait(Duration::from_secs(2)));
}

#[test]
fn the_advice_of_the_server_overrides_its_status() {
    let advised = |code, advice| {
        move |exchange: &mut Exchange| {
            status(code)(exchange);
            exchange.record_should_retry(advice);
        }
    };
    let policy = Policy::builder().never(&[Condition::Status(501)]).build().unwrap();
    assert_eq!(verdict(&policy, &Method::POST, advised(400, true)), AGAIN);
    assert_eq!(verdict(&policy, &Method::GET, advised(501, true)), Verdict::Stop(Stop::Never));
    for method in [Method::GET, Method::POST] {
        let verdict = verdict(&policy, &method, advised(503, false));
        assert_eq!(verdict, Verdict::Stop(Stop::NotRetryable), "{method}");
    }
}

#[test]
fn a_demanded_retry_is_made_unless_never_forbids_it() {
    let demanded = |code| {
        move |exchange: &mut Exchange| {
            status(code)(exchange);
            exchange.demand_retry();
        }
    };
    let policy = Policy::builder().never(&[Condition::Status(404)]).build().unwrap();
    assert_eq!(verdict(&policy, &Method::POST, demanded(200)), AGAIN);
    assert_eq!(verdict(&policy, &Method::POST, demanded(404)), Verdict::Stop(Stop::Never));
}

#[test]
fn what_is_settled_or_forbidden_is_not_repeated() {
    let settled = |exchange: &mut Exchange| {
        status(503)(exchange);
        exchange.settle();
    };
    let forbidden = |exchange: &mut Exchange| {
        status(503)(exchange);
        exchange.forbid_repeat();
    };
    let policy = Policy::DEFAULT;
    assert_eq!(verdict(&policy, &Method::GET, settled), Verdict::Stop(Stop::Settled));
    assert_eq!(verdict(&policy, &Method::GET, forbidden), Verdict::Stop(Stop::Ambiguous));
    let idempotent = Policy::builder().idempotent(true).build().unwrap();
    assert_eq!(verdict(&idempotent, &Method::POST, forbidden), AGAIN);
    let careful = Policy::builder().idempotent(false).build().unwrap();
    assert_eq!(verdict(&careful, &Method::GET, forbidden), Verdict::Stop(Stop::Ambiguous));
}

#[test]
fn no_wait_ends_with_the_deadline_or_later() {
    let policy = Policy::builder().deadline(Duration::from_secs(9)).build().unwrap();
    let mut exchange = Exchange::new(&Method::GET, &HeaderMap::new());
    status(503)(&mut exchange);
    let after =
        |retry: &Retry<'_>, elapsed| retry.clone().next(&exchange, Duration::from_millis(elapsed), || 0.0);
    let retry = Retry::new(&policy);
    assert_eq!(retry.deadline(), Some(Duration::from_secs(9)));
    assert_eq!(after(&retry, 7999), AGAIN);
    assert_eq!(after(&retry, 8000), Verdict::Stop(Stop::Deadline));
    let sooner = retry.clone().within(Duration::from_secs(5));
    assert_eq!(after(&sooner, 3999), AGAIN);
    assert_eq!(after(&sooner, 4000), Verdict::Stop(Stop::Deadline));
    assert_eq!(retry.within(Duration::from_secs(10)).deadline(), Some(Duration::from_secs(9)));
    let unbounded = Retry::new(&Policy::DEFAULT).within(Duration::from_secs(5));
    assert_eq!(unbounded.deadline(), Some(Duration::from_secs(5)));
}

#[test]
fn credentials_are_renewed_once_after_a_401() {
    let starts = |policy: &Policy, record: &dyn Fn(&mut Exchange)| {
        let mut exchange = Exchange::new(&Method::GET, &HeaderMap::new());
        record(&mut exchange);
        let mut retry = Retry::new(policy);
        let starts = retry.start_renewal(&exchange);
        assert_eq!(retry.has_renewed(), starts);
        assert!(!retry.start_renewal(&exchange), "a second time");
        assert_eq!((retry.has_renewed(), retry.retries()), (starts, 0));
        starts
    };
    let forbidden = |exchange: &mut Exchange| {
        status(401)(exchange);
        exchange.forbid_repeat();
    };
    let settled = |exchange: &mut Exchange| {
        status(401)(exchange);
        exchange.settle();
    };
    let policy = Policy::DEFAULT;
    assert!(starts(&policy, &status(401)));
    assert!(!starts(&policy, &status(403)));
    assert!(!starts(&policy, &failure(Failure::Connect)));
    assert!(!starts(&policy, &settled));
    assert!(!starts(&policy, &forbidden));
    assert!(starts(&Policy::builder().idempotent(true).build().unwrap(), &forbidden));
    let never = Policy::builder().never(&[Condition::Status(401)]).build().unwrap();
    assert!(!starts(&never, &status(401)));
}

#[test]
fn a_call_that_gives_up_has_decided() {
    use Stop::{
        Ambiguous, Budget, Deadline, Exhausted, HintTooLong, Never, NotCloneable, NotRetryable, Settled,
    };
    for stop in [Never, Ambiguous, Settled, Exhausted, HintTooLong, Deadline, Budget, NotCloneable] {
        assert!(stop.is_decision(), "{stop:?}");
        #[cfg(any(feature = "metrics", feature = "tracing"))]
        assert_eq!(stop.gave_up(), !matches!(stop, Never | Ambiguous), "{stop:?}");
    }
    assert!(!NotRetryable.is_decision());
    #[cfg(any(feature = "metrics", feature = "tracing"))]
    assert!(!NotRetryable.gave_up());
}

/// Dashboards select by these names.
#[test]
fn logs_and_metrics_name_each_stop() {
    for (stop, name) in [
        (Stop::NotRetryable, "not_retryable"),
        (Stop::Never, "never"),
        (Stop::Ambiguous, "ambiguous"),
        (Stop::Settled, "settled"),
        (Stop::Exhausted, "exhausted"),
        (Stop::HintTooLong, "hint_too_long"),
        (Stop::Deadline, "deadline"),
        (Stop::Budget, "budget"),
        (Stop::NotCloneable, "not_cloneable"),
        (Stop::HeldTooLong, "held_too_long"),
        (Stop::AnsweredLocally, "answered_locally"),
    ] {
        assert_eq!(stop.name(), name);
    }
}

fn policy() -> impl Strategy<Value = Policy> {
    let conditions = || proptest::collection::vec(condition(), 1..6).prop_map(without_repeats);
    let jitter = prop_oneof![
        Just(Jitter::None),
        Just(Jitter::Full),
        Just(Jitter::Equal),
        Just(Jitter::Decorrelated),
        (0.0..=1.0).prop_map(Jitter::Fraction),
    ];
    (1..20u32, conditions(), conditions(), 1..5000u64, 0..200_000u64, jitter).prop_filter_map(
        "the policy keeps the rules",
        |(max, on, never, base, limit, jitter)| {
            Policy::builder()
                .max(max)
                .on(&on)
                .never(&never)
                .base(Duration::from_millis(base))
                .jitter(jitter)
                .max_retry_after(Duration::from_millis(limit))
                .build()
                .ok()
        },
    )
}

/// Leaves out the items that another one repeats.
fn without_repeats(items: Vec<Condition>) -> Vec<Condition> {
    let mut kept: Vec<Condition> = Vec::new();
    for item in items {
        if !kept.iter().any(|other| other.covers(item) || item.covers(*other)) {
            kept.push(item);
        }
    }
    kept
}

fn condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        (400..=599u16).prop_map(Condition::Status),
        (400..=599u16, 0..=99u16).prop_map(|(first, more)| Condition::Range(first, (first + more).min(599))),
        a_failure().prop_map(Condition::Failure),
    ]
}

fn a_failure() -> impl Strategy<Value = Failure> {
    prop_oneof![Just(Failure::Connect), Just(Failure::Timeout), Just(Failure::Reset), Just(Failure::Body)]
}

fn exchange() -> impl Strategy<Value = Exchange> {
    let method = prop_oneof![Just(Method::GET), Just(Method::POST)];
    let answer = prop_oneof![
        (200..=599u16, proptest::option::of(0..300_000u64)).prop_map(Ok),
        a_failure().prop_map(Err)
    ];
    (method, answer).prop_map(|(method, answer)| {
        let mut exchange = Exchange::new(&method, &HeaderMap::new());
        match answer {
            Ok((code, hint)) => {
                exchange.on_response(StatusCode::from_u16(code).unwrap());
                if let Some(hint) = hint {
                    exchange.record_hint(Duration::from_millis(hint));
                }
            }
            Err(failure) => exchange.on_error(failure),
        }
        exchange
    })
}

proptest! {
    #[test]
    fn any_script_keeps_the_promises(
        policy in policy(),
        script in proptest::collection::vec((exchange(), 0.0..1.0f64), 30),
    ) {
        let mut retry = Retry::new(&policy);
        for (exchange, random) in &script {
            let listed = |conditions: &Conditions| {
                exchange.status().is_some_and(|status| conditions.statuses.contains(status.as_u16()))
                    || conditions.failures.intersects(exchange.failures())
            };
            match retry.next(exchange, Duration::ZERO, || *random) {
                Verdict::Wait(wait) => {
                    prop_assert!(!listed(policy.never()));
                    let get = exchange.method() == Some(&Method::GET);
                    let safety = if get { Safety::Safe } else { Safety::Careful };
                    let on = policy.on(safety, exchange.answer());
                    prop_assert!(listed(&on));
                    let hint = exchange.hint().unwrap_or_default();
                    prop_assert!(wait >= hint);
                    prop_assert!(hint <= policy.max_retry_after());
                    prop_assert!(hint > Duration::ZERO || wait <= Duration::from_secs(60));
                }
                Verdict::Stop(stop) => {
                    prop_assert_eq!(stop == Stop::Never, listed(policy.never()));
                    break;
                }
            }
            prop_assert!(retry.retries() <= policy.max());
        }
        prop_assert!(retry.retries() <= policy.max());
    }
}

#[test]
fn a_permanent_failure_is_neither_retried_nor_renewed() {
    let policy = Policy::builder().on(&[Condition::Status(429)]).build().unwrap();
    for status in [401, 429] {
        let mut exchange = Exchange::default();
        exchange.on_response(StatusCode::from_u16(status).unwrap());
        exchange.demand_retry();
        exchange.record_should_retry(true);
        exchange.forbid_retry();
        let mut retry = Retry::new(&policy);
        assert!(!retry.start_renewal(&exchange));
        assert_eq!(retry.next(&exchange, Duration::ZERO, || 0.5), Verdict::Stop(Stop::Never));
    }
}

#[test]
fn credentials_are_renewed_where_an_error_says_that_they_have_expired() {
    let policy = Policy::DEFAULT;
    let (mut retry, mut exchange) = (Retry::new(&policy), Exchange::default());
    exchange.on_response(StatusCode::FORBIDDEN);
    assert!(!retry.start_renewal(&exchange));
    exchange.expire_credentials();
    assert!(retry.start_renewal(&exchange));
    assert!(!retry.start_renewal(&exchange), "once a call");
    assert_eq!(retry.next(&exchange, Duration::ZERO, || 0.5), Verdict::Stop(Stop::NotRetryable));
}
