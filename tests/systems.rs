//! The policies of docs/systems.md, row by row, on tokio's paused clock.

mod support;

use std::ops::RangeInclusive;
use std::time::Duration;

use reqwest::Response;
use retry_http::{Policy, policy, retry_http};
use support::assert_waits;
use support::fake::{Canned, Fake};
use tokio::time::Instant;

type Script<'s> = &'s [(u16, Option<&'s str>)];

/// Answers by statuses and the waits that it asks for.
fn fake(script: Script<'_>) -> Fake {
    Fake::new(script.iter().map(|(status, retry_after)| match retry_after {
        Some(value) => Canned::status(*status).header("retry-after", value),
        None => Canned::status(*status),
    }))
}

const GATEWAY: Policy = policy!(max = 3, on = [429, 503, timeout], never = [401]);

const CONTEXT_FORGE: Policy = policy!(
    max = 2,
    on = [408, 429, 502, 503, 504, connect, timeout, reset, body],
    never = [400, 403, 404, 405, 406],
    max_retry_after = 24h,
    idempotent,
);

const INFRAHUB: Policy = policy!(
    max = 10,
    on = [429],
    never = [connect, timeout, reset, body],
    base = 500ms,
    jitter = full,
    max_retry_after = 60s,
    deadline = 5m,
);

const INFRAHUB_ERRORS: Policy = policy!(policy = INFRAHUB, on = [429, 500, 502, 503, 504]);

#[retry_http(policy = *policy)]
async fn send(fake: &Fake, policy: &Policy) -> reqwest::Result<Response> {
    fake.answer().await
}

#[retry_http(policy = CONTEXT_FORGE, reauth = *renewals += 1)]
async fn forged(fake: &Fake, renewals: &mut u32) -> reqwest::Result<Response> {
    fake.answer().await
}

async fn run(policy: &Policy, script: Script<'_>) -> Fake {
    let fake = fake(script);
    send(&fake, policy).await.unwrap();
    fake
}

const DEFAULT: [RangeInclusive<f64>; 3] = [1.0..=1.5, 2.0..=3.0, 4.0..=6.0];

#[tokio::test(start_paused = true)]
async fn a_gateway_that_retries_by_kind_of_failure() {
    assert_waits(&run(&GATEWAY, &[(503, None)]).await.waits(), &DEFAULT);
    assert_waits(&run(&GATEWAY, &[(429, None)]).await.waits(), &DEFAULT);
    assert_waits(&run(&GATEWAY, &[(429, Some("7")), (200, None)]).await.waits(), &[7.0..=7.5]);
    assert_waits(&run(&GATEWAY, &[(401, None)]).await.waits(), &[]);
    assert_waits(&run(&GATEWAY, &[(500, None)]).await.waits(), &[]);
}

#[tokio::test(start_paused = true)]
async fn context_forge() {
    for status in [408, 429, 502, 503, 504] {
        assert_waits(&run(&CONTEXT_FORGE, &[(status, None)]).await.waits(), &DEFAULT[..2]);
    }
    for status in [400, 401, 403, 404, 405, 406, 500] {
        assert_waits(&run(&CONTEXT_FORGE, &[(status, None)]).await.waits(), &[]);
    }
    assert_waits(&run(&CONTEXT_FORGE, &[(429, Some("7200")), (200, None)]).await.waits(), &[7200.0..=7200.5]);
    assert_waits(&run(&CONTEXT_FORGE, &[(429, Some("0.25")), (200, None)]).await.waits(), &[0.25..=0.75]);
    // A date, which their client fails on.
    let past = Some("Wed, 21 Oct 2015 07:28:00 GMT");
    assert_waits(&run(&CONTEXT_FORGE, &[(429, past), (200, None)]).await.waits(), &DEFAULT[..1]);

    let (fake, mut renewals) = (fake(&[(401, None), (503, None), (200, None)]), 0);
    assert_eq!(forged(&fake, &mut renewals).await.unwrap().status(), 200);
    assert_waits(&fake.waits(), &[0.0..=0.0, 1.0..=1.5]);
    assert_eq!(renewals, 1);
}

#[tokio::test(start_paused = true)]
async fn infrahub() {
    let fake = run(&INFRAHUB, &[(429, None)]).await;
    let full: Vec<_> =
        (0..fake.requests() - 1).map(|n| 0.0..=(0.5 * f64::from(1u32 << n)).min(60.0)).collect();
    assert_waits(&fake.waits(), &full);
    assert!(full.len() <= 10, "{}", full.len());
    assert_waits(&run(&INFRAHUB, &[(429, Some("60")), (200, None)]).await.waits(), &[60.0..=60.5]);
    // Their client waits for 60 s and is too early. Ours ends the call.
    assert_waits(&run(&INFRAHUB, &[(429, Some("61")), (200, None)]).await.waits(), &[]);
    assert_waits(&run(&INFRAHUB, &[(503, None), (200, None)]).await.waits(), &[]);
    for status in [500, 502, 503, 504] {
        assert_waits(&run(&INFRAHUB_ERRORS, &[(status, None), (200, None)]).await.waits(), &[0.0..=0.5]);
    }
    // The deadline of 300 s bounds the waits that the server asks for, too. Theirs does not.
    let start = Instant::now();
    assert_waits(&run(&INFRAHUB, &[(429, Some("59"))]).await.waits(), &[const { 59.0..=59.5 }; 5]);
    assert!(start.elapsed() < Duration::from_secs(300));
}

#[tokio::test(start_paused = true)]
async fn a_job_is_polled() {
    #[retry_http(max = 20, on = [202, 429, 503], base = 2s, factor = 1, deadline = 10m)]
    async fn job(fake: &Fake) -> reqwest::Result<Response> {
        fake.answer().await
    }

    let fake = fake(&[(202, Some("5")), (202, None), (503, None), (200, None)]);
    assert_eq!(job(&fake).await.unwrap().status(), 200);
    assert_waits(&fake.waits(), &[5.0..=6.0, 2.0..=3.0, 2.0..=3.0]);
}
