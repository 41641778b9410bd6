//! Calls wait for the time that their policy and the server say, on tokio's paused clock.

mod support;

use std::cell::RefCell;
use std::collections::HashSet;
use std::time::Duration;

use reqwest::{Response, StatusCode};
use retry_http::retry_http;
use support::fake::{Canned, Fake};
use support::ms;
use tokio::time::Instant;

fn limited(retry_after: &str) -> Fake {
    Fake::new([Canned::status(429).header("retry-after", retry_after)])
}

#[retry_http]
async fn default(fake: &Fake) -> Result<Response, reqwest::Error> {
    fake.answer().await
}

#[retry_http(max = 5)]
async fn five_times(fake: &Fake) -> Result<Response, reqwest::Error> {
    fake.answer().await
}

#[retry_http(max = 12)]
async fn often(fake: &Fake) -> Result<Response, reqwest::Error> {
    fake.answer().await
}

#[retry_http(max = 4, base = 100ms, factor = 3, cap = 1s, jitter = none)]
async fn exact(fake: &Fake) -> Result<Response, reqwest::Error> {
    fake.answer().await
}

/// The largest distance between the distribution of `sample` and the uniform one on `low..high`,
/// times √n. Kolmogorov: above 2.5 in 1 of 135,000 samples that are uniform.
fn kolmogorov(mut sample: Vec<f64>, low: f64, high: f64) -> f64 {
    sample.sort_by(f64::total_cmp);
    let n = f64::from(u32::try_from(sample.len()).unwrap());
    let distance = (0u32..)
        .zip(&sample)
        .map(|(i, x)| {
            let expected = (x - low) / (high - low);
            (expected - f64::from(i) / n).abs().max((f64::from(i + 1) / n - expected).abs())
        })
        .fold(0.0, f64::max);
    distance * n.sqrt()
}

#[tokio::test(start_paused = true)]
async fn default_waits_are_uniform_in_their_ranges() {
    let calls = 10_000;
    let mut samples = [const { Vec::new() }; 3];
    for _ in 0..calls {
        let fake = Fake::status(429);
        default(&fake).await.unwrap();
        let waits = fake.waits();
        assert_eq!(waits.len(), 3);
        for (n, wait) in waits.into_iter().enumerate() {
            let (low, high) = (ms(1000 << n), ms(1500 << n));
            assert!(low <= wait && wait <= high, "wait {n} is {wait:?}");
            samples[n].push(wait.as_secs_f64());
        }
    }
    for (n, (sample, low)) in samples.into_iter().zip([1.0, 2.0, 4.0]).enumerate() {
        // tokio's timer rounds up to whole milliseconds.
        let rounded = sample.into_iter().map(|wait| wait - 0.0005).collect();
        let distance = kolmogorov(rounded, low, low * 1.5);
        println!("wait {n}: Kolmogorov distance {distance:.3} over {calls} calls");
        assert!(distance < 2.5, "wait {n} is not uniform: {distance}");
    }
}

#[tokio::test(start_paused = true)]
async fn waits_grow_to_the_cap_and_stay_there() {
    let fake = Fake::status(429);
    often(&fake).await.unwrap();
    let waits = fake.waits();
    assert_eq!(waits.len(), 12);
    assert!(waits[..6].iter().zip(0..).all(|(wait, n)| *wait >= Duration::from_secs(1 << n)), "{waits:?}");
    assert!(waits[6..].iter().all(|wait| *wait == Duration::from_secs(60)), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn concurrent_calls_do_not_come_back_together() {
    let scripts = RefCell::new(HashSet::new());
    let calls = (0..1000).map(async |_| {
        let fake = Fake::status(429);
        five_times(&fake).await.unwrap();
        scripts.borrow_mut().insert(fake.waits());
    });
    futures::future::join_all(calls).await;
    // Of 500 · 1000 · 2000 · 4000 · 8000 possible scripts, in tokio's milliseconds.
    assert_eq!(scripts.borrow().len(), 1000, "no two of them share their waits");
}

#[tokio::test(start_paused = true)]
async fn without_jitter_waits_are_exact() {
    let fake = Fake::status(429);
    exact(&fake).await.unwrap();
    assert_eq!(fake.waits(), [ms(100), ms(300), ms(900), ms(1000)]);
}

#[tokio::test(start_paused = true)]
async fn a_hint_is_a_floor_with_jitter_above_it() {
    let mut spread = HashSet::new();
    for _ in 0..100 {
        let fake = limited("10");
        default(&fake).await.unwrap();
        for wait in fake.waits() {
            assert!(wait >= ms(10_000) && wait <= ms(10_500), "{wait:?}");
            spread.insert(wait);
        }
    }
    assert!(spread.len() > 50, "a fleet that was told the same comes back at {} times", spread.len());

    let fake = limited("10");
    exact(&fake).await.unwrap();
    assert_eq!(fake.waits(), [ms(10_000); 4], "above the cap, which is for computed waits");
}

#[tokio::test(start_paused = true)]
async fn a_hint_above_the_limit_ends_the_call_at_once() {
    for (value, asked_again) in [("120", true), ("121", false), ("99999999999999999999", false)] {
        let fake = limited(value);
        let before = Instant::now();
        let response = default(&fake).await.unwrap();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS, "the last outcome");
        assert_eq!(fake.waits().len(), if asked_again { 3 } else { 0 }, "{value}");
        if !asked_again {
            assert_eq!(before.elapsed(), Duration::ZERO);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn garbage_for_a_hint_is_no_hint() {
    let past = "Fri, 31 Dec 1999 23:59:59 GMT";
    for value in ["", " ", "-5", "soon", "1e3", "0", "inf", "NaN", "0x10", "1_000", past] {
        let fake = limited(value);
        exact(&fake).await.unwrap();
        assert_eq!(fake.waits(), [ms(100), ms(300), ms(900), ms(1000)], "{value:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn there_is_no_wait_after_the_last_attempt() {
    let fake = Fake::status(429);
    exact(&fake).await.unwrap();
    let last = *fake.exchanges().last().unwrap();
    assert_eq!(last.answered.elapsed(), Duration::ZERO);
}
