//! Calls keep to their policy, whatever the server does: random scripts of statuses, headers and
//! faults, under random policies, through an annotated function on tokio's paused clock.

mod support;

use std::cell::Cell;

use http::{HeaderMap, StatusCode};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use retry_http::{Condition, Failure, Jitter, Policy, hint, retry_http};
use support::fake::{Canned, Fake, Fault};
use support::ms;
use tokio::time::Instant;

#[retry_http(policy = *policy)]
async fn call(fake: &Fake, policy: &Policy) -> Result<http::Response<usize>, Fault> {
    fake.number().await
}

fn failure() -> impl Strategy<Value = Failure> {
    prop_oneof![Just(Failure::Connect), Just(Failure::Timeout), Just(Failure::Reset), Just(Failure::Body)]
}

fn condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        (400..=599u16).prop_map(Condition::Status),
        prop_oneof![Just(429u16), Just(500), Just(503)].prop_map(Condition::Status),
        Just(Condition::Status(202)),
        Just(Condition::Range(500, 599)),
        failure().prop_map(Condition::Failure),
    ]
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

fn policy() -> impl Strategy<Value = Policy> {
    let jitter = prop_oneof![
        Just(Jitter::None),
        Just(Jitter::Full),
        Just(Jitter::Equal),
        Just(Jitter::Decorrelated),
        (0.0..=1.0).prop_map(Jitter::Fraction),
    ];
    let conditions = |least| proptest::collection::vec(condition(), least..5).prop_map(without_repeats);
    let bounds = (proptest::option::of(1..100_000u64), proptest::option::of(1..100_000u64));
    let rules = (proptest::option::of(conditions(1)), conditions(0), proptest::option::of(any::<bool>()));
    (1..8u32, rules, 1..3_000u64, 1.0..4.0, jitter, bounds).prop_filter_map(
        "the policy keeps the rules",
        |(max, (on, never, idempotent), base, factor, jitter, (deadline, limit))| {
            let mut policy = Policy::builder()
                .max(max)
                .never(&never)
                .base(ms(base))
                .factor(factor)
                .cap(ms(base * 9))
                .jitter(jitter);
            if let Some(on) = &on {
                policy = policy.on(on);
            }
            if let Some(idempotent) = idempotent {
                policy = policy.idempotent(idempotent);
            }
            let deadline = deadline.map(|more| base + more);
            if let Some(deadline) = deadline {
                policy = policy.deadline(ms(deadline));
            }
            if let Some(limit) = limit {
                policy = policy.max_retry_after(ms(limit.min(deadline.unwrap_or(limit))));
            }
            policy.build().ok()
        },
    )
}

fn header() -> impl Strategy<Value = (&'static str, String)> {
    prop_oneof![
        (0..200u32).prop_map(|s| ("retry-after", s.to_string())),
        (0..9_000u32).prop_map(|ms| ("retry-after-ms", ms.to_string())),
        (0..100u32).prop_map(|s| ("ratelimit", format!("\"a\";r=0;t={s}"))),
        (0..100u32).prop_map(|s| ("x-ratelimit-reset", s.to_string())),
        any::<bool>().prop_map(|again| ("x-should-retry", again.to_string())),
        Just(("retry-after", "soon".to_owned())),
    ]
}

fn canned() -> impl Strategy<Value = Canned> {
    let status = prop_oneof![4 => Just(429u16), 4 => Just(503), 4 => Just(500), 1 => Just(200), 1 => Just(202), 3 => 400..=599u16];
    let answer = (status, proptest::collection::vec(header(), 0..3)).prop_map(|(status, headers)| {
        headers.iter().fold(Canned::status(status), |canned, (name, value)| canned.header(name, value))
    });
    let canned = prop_oneof![3 => answer, 1 => failure().prop_map(Canned::failure)];
    (0..2_000u64, canned).prop_map(|(takes, canned)| canned.takes(ms(takes)))
}

fn lists(conditions: &[Condition], what: &Result<(StatusCode, HeaderMap), Failure>) -> bool {
    conditions.iter().any(|condition| match (condition, what) {
        (Condition::Status(listed), Ok((status, _))) => *status == *listed,
        (Condition::Range(first, last), Ok((status, _))) => (*first..=*last).contains(&status.as_u16()),
        (Condition::Failure(listed), Err(failure)) => listed == failure,
        _ => false,
    })
}

#[test]
fn ten_thousand_scripts_keep_to_their_policies() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let never = proptest::collection::vec(condition(), 0..4).prop_map(without_repeats);
    let cases = (policy(), never, proptest::collection::vec(canned(), 1..9));
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(10_000) });
    let (repeats, hints) = (Cell::new(0), Cell::new(0));
    let result = runner.run(&cases, |(policy, never, script)| {
        let policy = policy.to_builder().never(&never).build().unwrap();
        let fake = Fake::new(script.iter().cloned());
        let begun = runtime.block_on(async { Instant::now() });
        let outcome = runtime.block_on(call(&fake, &policy));
        let ended = runtime.block_on(async { Instant::now() });
        let attempts = fake.exchanges();
        let retries = attempts.len() - 1;
        let step = |n: usize| &script[n.min(script.len() - 1)].what;

        prop_assert!(retries <= policy.max() as usize);
        // The last attempt's outcome, and at once.
        prop_assert_eq!(outcome.map_or_else(|fault| fault.0, http::Response::into_body), retries);
        prop_assert_eq!(ended, attempts[retries].answered);
        for (n, pair) in attempts.windows(2).enumerate() {
            let (wait, what) = (pair[1].asked - pair[0].answered, step(n));
            prop_assert!(!lists(&never, what), "{what:?}");
            let now = std::time::SystemTime::now();
            let hint = what.as_ref().ok().and_then(|(_, headers)| hint::read_from(headers, || now));
            let asked = hint.map(|hint| hint.wait).unwrap_or_default();
            prop_assert!(wait >= asked, "{wait:?} < {asked:?}");
            prop_assert!(asked <= policy.max_retry_after());
            // tokio's timers are exact to a millisecond.
            let longest =
                if asked.is_zero() { policy.backoff().cap() } else { asked + policy.backoff().base() };
            prop_assert!(wait <= longest + ms(2), "{wait:?} > {longest:?}");
            if let Some(deadline) = policy.deadline() {
                prop_assert!(pair[1].asked - begun <= deadline, "begun after the deadline");
            }
            repeats.set(repeats.get() + 1);
            hints.set(hints.get() + usize::from(!asked.is_zero()));
        }
        Ok(())
    });
    result.unwrap();
    let (repeats, hints) = (repeats.get(), hints.get());
    println!("{repeats} retries, {hints} of them after a hint");
    assert!(repeats > 4_000 && hints > 500, "{repeats} retries, {hints} after a hint");
}
