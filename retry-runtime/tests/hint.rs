//! Hints against the vectors in `vectors/`: header values from RFCs, from other clients' tests, and from
//! bug reports, each with its source.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};
use retry_runtime::hint;
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
