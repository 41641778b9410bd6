//! Hints against the vectors in `vectors/`: header values from RFCs, from other clients' tests, and
//! from bug reports, each with its source.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use proptest::prelude::*;
use retry_runtime::{Exchange, Jitter, Policy, Retry, Verdict, hint};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vector {
    id: u32,
    now: String,
    headers: Vec<(String, String)>,
    wait_seconds: Option<f64>,
}

/// `2026-07-07T12:00:00Z`.
fn instant(text: &str) -> SystemTime {
    let field = |range: std::ops::Range<usize>| text[range].parse::<u64>().unwrap();
    let (year, month, day) = (field(0..4), field(5..7), field(8..10));
    let leap = |year: u64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let years: u64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    let lengths = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let months: u64 = lengths.iter().take(usize::try_from(month).unwrap() - 1).sum();
    let seconds =
        ((years + months + day - 1) * 24 + field(11..13)) * 3600 + field(14..16) * 60 + field(17..19);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn headers(lines: &[(String, String)]) -> HeaderMap {
    let line = |(name, value): &(String, String)| {
        (HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap())
    };
    lines.iter().map(line).collect()
}

fn read(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    hint::read(headers, now)
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("vectors/retry-after.json")).unwrap()
}

#[test]
fn every_vector() {
    let vectors = vectors();
    let mut wrong = Vec::new();
    for vector in &vectors {
        let wait = read(&headers(&vector.headers), instant(&vector.now)).map(|wait| wait.as_secs_f64());
        if wait != vector.wait_seconds {
            wrong.push(format!(
                "{}: {wait:?}, not {:?}: {:?}",
                vector.id, vector.wait_seconds, vector.headers
            ));
        }
    }
    println!("{} vectors", vectors.len());
    assert!(vectors.len() >= 80, "the file holds {}", vectors.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The forms that the documentation of `hint` lists, 90 s after 2026-07-07T12:00:00Z.
#[test]
fn every_form_in_every_group() {
    let forms = [
        "90",
        "90.0",
        "1m30s",
        "90s",
        "90000ms",
        "1783425690",
        "1783425690.0",
        "1783425690000",
        "Tue, 07 Jul 2026 12:01:30 GMT",
        "Tuesday, 07-Jul-26 12:01:30 GMT",
        "Tue Jul  7 12:01:30 2026",
        "Tue, 7 Jul 2026 12:01:30 UTC",
        "Mon, 07 Jul 2026 12:01:30 GMT",
        "07 Jul 2026 12:01:30 GMT",
        "Tue, 07-Jul-2026 12:01:30 GMT",
        "Tuesday, 07 Jul 2026 12:01:30 GMT",
        "Tue, 07 Jul 2026 12:01:30 +0000",
        "Tue, 07 Jul 2026 13:01:30 +0100",
        "Tue, 07 Jul 2026 13:01:30 +01:00",
        "Tue Jul 07 2026 14:01:30 GMT+0200 (Central European Summer Time)",
        "Tue Jul  7 12:01:30 UTC 2026",
        "2026-07-07T12:01:30Z",
        "2026-07-07T12:01:30.000Z",
        "2026-07-07T13:01:30+01:00",
        "2026-07-07T13:01:30+0100",
        "2026-07-07T13:01:30+01",
        "2026-07-07 12:01:30 UTC",
        "20260707T120130Z",
        "tue, 07 jul 2026 12:01:30 gmt",
        "TUESDAY, 07-JUL-26 12:01:30 UTC",
        "Tue,07 Jul 2026 12:01:30 GMT",
        "Tue,  7 Jul 2026 12:01:30 GMT",
        "Tue 07 Jul 2026 12:01:30 GMT",
        "Tues, 07 July 2026 12:01:30 GMT",
        "Tue, 07 Jul 26 12:01:30 GMT",
        "2026-07-07T12:01:30 Z",
        "2026-07-07T12:01:30  utc",
        "2026-07-07T12:01:30 +0000 utc",
        "2026-07-07T12:01:30,0Z",
    ];
    let now = instant("2026-07-07T12:00:00Z");
    for header in ["retry-after", "ratelimit-reset", "x-ratelimit-reset", "anthropic-ratelimit-tokens-reset"]
    {
        for form in forms {
            let wait = read(&headers(&[(header.to_owned(), form.to_owned())]), now);
            assert_eq!(wait, Some(Duration::from_secs(90)), "{header}: {form}");
        }
    }
}

#[test]
fn a_wrong_client_clock_changes_nothing_where_the_server_sends_its_own() {
    const DAY: Duration = Duration::from_secs(86_400);
    for vector in vectors() {
        let now = instant(&vector.now);
        let headers = headers(&vector.headers);
        if !headers.contains_key("date") {
            continue;
        }
        let right = read(&headers, now);
        assert_eq!(read(&headers, now + DAY), right, "{}", vector.id);
        assert_eq!(read(&headers, now.checked_sub(DAY).unwrap()), right, "{}", vector.id);
    }
}

/// A header that asks for a wait: its name, the header that counts what is left, and whether it
/// counts milliseconds.
const QUOTAS: [(&str, &str, bool); 5] = [
    ("ratelimit-reset", "ratelimit-remaining", false),
    ("x-ratelimit-reset", "x-ratelimit-remaining", false),
    ("x-my-reset", "x-my-remaining", false),
    ("x-own-reset-ms", "x-own-remaining", true),
    ("x-your-wait", "x-your-count", false),
];
const NAMED: [&str; 3] = ["X-My-Reset", "x-own-reset-ms", "x-your-wait"];
const POLICY: Policy = match Policy::builder().hint(&NAMED).max_retry_after(Duration::MAX).build() {
    Ok(policy) => policy,
    Err(_) => Policy::DEFAULT,
};

proptest! {
    #[test]
    fn never_earlier_than_the_longest_readable_hint(
        retry_after in proptest::collection::vec(prop_oneof![Just("soon".to_owned()), "[0-9]{1,4}"], 0..3),
        quotas in proptest::collection::vec((0..QUOTAS.len(), 0..5000_u64, 0..3_u64, any::<bool>()), 0..6),
        unix_time: bool,
        random in 0.0..1.0_f64,
    ) {
        let now = instant("2026-07-07T12:00:00Z");
        let unix = now.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let mut headers = HeaderMap::new();
        for value in &retry_after {
            headers.append("retry-after", HeaderValue::try_from(value).unwrap());
        }
        for (at, value, left, is_counted) in quotas {
            let (name, remaining, is_ms) = QUOTAS[at];
            let value = match (is_ms, unix_time) {
                (false, true) => unix.as_secs() + value,
                (true, true) => u64::try_from(unix.as_millis()).unwrap() + value,
                (_, false) => value,
            };
            headers.append(name, value.into());
            if is_counted {
                headers.append(remaining, left.into());
            }
        }
        let seconds = retry_after.iter().filter_map(|value| value.parse().ok()).map(Duration::from_secs);
        let asked = seconds.max().filter(|wait| !wait.is_zero());
        // `x-your-wait` does not say where what is left of it is counted.
        let is_left = |name: &str, remaining: &str| {
            let counts = || headers.get_all(remaining).iter();
            name.contains("reset") && counts().next().is_some() && counts().all(|count| count != "0")
        };
        let wait = |value: &HeaderValue, is_ms: bool| {
            let number: u64 = value.to_str().unwrap().parse().unwrap();
            let wait = if is_ms { Duration::from_millis(number) } else { Duration::from_secs(number) };
            if unix_time { wait.saturating_sub(unix) } else { wait }
        };
        let longest = QUOTAS
            .iter()
            .filter(|(name, remaining, _)| !is_left(name, remaining))
            .flat_map(|(name, _, is_ms)| headers.get_all(*name).iter().map(|value| wait(value, *is_ms)))
            .max();
        let expected = asked.or(longest).unwrap_or_default();
        let read = hint::read_with(&headers, POLICY.hint(), || now).map(|hint| hint.wait);
        prop_assert_eq!(read.unwrap_or_default(), expected);
        for jitter in [Jitter::None, Jitter::Full, Jitter::Equal, Jitter::Decorrelated, Jitter::Fraction(0.5)] {
            let policy = POLICY.to_builder().jitter(jitter).build().unwrap();
            let mut exchange = Exchange::new(&Method::GET, &HeaderMap::new());
            exchange.on_response(StatusCode::TOO_MANY_REQUESTS);
            if let Some(wait) = read {
                exchange.record_hint(wait);
            }
            let Verdict::Wait(wait) = Retry::new(&policy).next(&exchange, Duration::ZERO, || random) else {
                panic!("a 429 is retried");
            };
            prop_assert!(wait >= expected, "{:?} before {:?}", wait, expected);
        }
    }
}
