use super::*;
use http::header::RETRY_AFTER;
use proptest::prelude::*;

/// Every header that is read.
const NAMES: [&str; 19] = [
    "retry-after-ms",
    "x-ms-retry-after-ms",
    "retry-after",
    "ratelimit",
    "ratelimit-reset",
    "ratelimit-remaining",
    "x-ratelimit-retry-after",
    "x-ratelimit-reset",
    "x-ratelimit-remaining",
    "x-rate-limit-reset",
    "x-rate-limit-remaining",
    "x-ratelimit-reset-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-tokens",
    "x-ratelimit-remaining-tokens",
    "x-should-retry",
    "stripe-should-retry",
    "age",
    "date",
];

/// 2026-07-07T12:00:00Z.
const NOW: u64 = 1_783_425_600;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let line = |&(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::try_from(value).unwrap())
    };
    lines.iter().map(line).collect()
}

/// Returns the header of the hint, and the wait in milliseconds.
fn hint(lines: &[(&'static str, &str)]) -> Option<(&'static str, u128)> {
    read_from(&headers(lines), now).map(|hint| (hint.header, hint.wait.as_millis()))
}

fn read_wait(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    read_from(headers, || now).map(|hint| hint.wait)
}

fn after(value: &str) -> Option<Duration> {
    let mut headers = HeaderMap::new();
    headers.insert(RETRY_AFTER, HeaderValue::from_str(value).unwrap());
    read_wait(&headers, now())
}

#[test]
fn milliseconds_come_first_where_they_can_be_read() {
    let both = |ms, seconds| hint(&[("retry-after-ms", ms), ("retry-after", seconds)]);
    assert_eq!(both("1500", "2"), Some(("retry-after-ms", 1500)));
    assert_eq!(both(" 0.5\t", "2"), Some(("retry-after-ms", 0)));
    assert_eq!(hint(&[("retry-after-ms", "0"), ("retry-after", "2")]), Some(("retry-after-ms", 0)));
    for unreadable in ["", "-1", "+1", "1e3", "0x10", "inf", "NaN", "1_000", "1s", "٣", "1,5"] {
        assert_eq!(both(unreadable, "2"), Some(("retry-after", 2000)), "{unreadable:?}");
    }
    assert_eq!(hint(&[("x-ms-retry-after-ms", "7")]), Some(("x-ms-retry-after-ms", 7)));
    assert_eq!(
        hint(&[("x-ms-retry-after-ms", "7"), ("retry-after-ms", "x"), ("retry-after", "2")]),
        Some(("x-ms-retry-after-ms", 7))
    );
    assert_eq!(hint(&[("x-ms-retry-after-ms", "7"), ("retry-after-ms", "8")]), Some(("retry-after-ms", 8)));
    assert_eq!(hint(&[("retry-after-ms", "1704067200")]), Some(("retry-after-ms", 1_704_067_200)));
}

#[test]
fn nothing_is_read_below_a_header_that_is_there() {
    let order = [
        ("retry-after", None),
        ("ratelimit-reset", Some("ratelimit-remaining")),
        ("x-ratelimit-retry-after", None),
        ("x-ratelimit-reset", Some("x-ratelimit-remaining")),
        ("x-rate-limit-reset", Some("x-rate-limit-remaining")),
    ];
    for (at, &(header, remaining)) in order.iter().enumerate() {
        let mut below: Vec<_> = order[at + 1..].iter().map(|&(header, _)| (header, "9")).collect();
        below.push(("x-ratelimit-reset-requests", "9s"));
        let with = |line: (&'static str, &'static str)| [&[line][..], &below].concat();
        assert_eq!(hint(&with((header, "2"))), Some((header, 2000)), "{header}");
        for malformed in ["", "  ", "-1", "0x10", "inf", "soon", "٣"] {
            assert_eq!(hint(&with((header, malformed))), None, "{header}: {malformed:?}");
        }
        let mut bytes = headers(&below);
        bytes.insert(header, HeaderValue::from_bytes(b"2\xb2").unwrap());
        assert_eq!(read_wait(&bytes, now()), None, "{header}");
        if let Some(remaining) = remaining {
            let left = |count| hint(&[&with((header, "2"))[..], &[(remaining, count)]].concat());
            for used_up in ["0", " 0 ", "0.0", "00", "", "-1", "none", "0, 0;w=60"] {
                assert_eq!(left(used_up), Some((header, 2000)), "{remaining}: {used_up:?}");
            }
            for count in ["1", "0.5", "59", "99999999999999999999999"] {
                assert_ne!(left(count).unwrap().0, header, "{remaining}: {count:?}");
            }
        }
    }
}

#[test]
fn another_quota_that_is_left_does_not_pass_over_a_header() {
    let reset = ("x-ratelimit-reset", "2");
    assert_eq!(hint(&[reset, ("ratelimit-remaining", "5")]), Some(("x-ratelimit-reset", 2000)));
    assert_eq!(hint(&[reset, ("x-rate-limit-remaining", "5")]), Some(("x-ratelimit-reset", 2000)));
    assert_eq!(hint(&[reset, ("x-ratelimit-remaining-tokens", "5")]), Some(("x-ratelimit-reset", 2000)));
    assert_eq!(hint(&[reset, ("x-ratelimit-remaining", "5")]), None);
}

#[test]
fn a_rate_limit_without_a_hint_is_passed_over() {
    for silent in [r#""a";r=1;t=5"#, r#""a";r=0"#, "limit=10, remaining=0, reset=5", "", r#""a";r=0;t=-5"#] {
        let lines = [("ratelimit", silent), ("ratelimit-reset", "2")];
        assert_eq!(hint(&lines), Some(("ratelimit-reset", 2000)), "{silent}");
    }
    let both = [("ratelimit", r#""a";r=0;t=5"#), ("ratelimit-reset", "2")];
    assert_eq!(hint(&both), Some(("ratelimit", 5000)));
    let two = [("ratelimit", r#""a";r=0;t=5"#), ("ratelimit", r#""b";r=0;t=7"#)];
    assert_eq!(hint(&two), Some(("ratelimit", 7000)));
    assert_eq!(hint(&[("retry-after", ""), ("ratelimit", r#""a";r=0;t=5"#)]), None);
}

#[test]
fn quotas_end_at_a_unix_time_where_it_can_only_be_one() {
    for header in ["retry-after", "ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset"] {
        let at = |value| hint(&[(header, value)]).map(|(_, wait)| wait);
        assert_eq!(at("1783425602"), Some(2000), "{header}");
        assert_eq!(at("1783425602.5"), Some(2500), "{header}");
        assert_eq!(at("1704067200"), Some(0), "{header}");
        assert_eq!(at("1704067199"), Some(1_704_067_199_000), "{header}");
        let skewed = [(header, "1783425602"), ("date", "Tue, 07 Jul 2026 12:00:01 GMT")];
        assert_eq!(hint(&skewed), Some((header, 1000)), "{header}");
        assert_eq!(at("Tue, 07 Jul 2026 12:00:02 GMT"), Some(2000), "{header}");
        assert_eq!(at("1m0s"), Some(60_000), "{header}");
    }
    let never = hint(&[("x-ratelimit-retry-after", "1783425602")]);
    assert_eq!(never, Some(("x-ratelimit-retry-after", 1_783_425_602_000)));
    assert_eq!(hint(&[("x-ratelimit-retry-after", "Tue, 07 Jul 2026 12:00:02 GMT")]), None);
}

#[test]
fn of_requests_and_tokens_the_longer_counts() {
    let both = |requests, tokens| {
        hint(&[("x-ratelimit-reset-requests", requests), ("x-ratelimit-reset-tokens", tokens)])
    };
    assert_eq!(both("6m0s", "7.66s"), Some(("x-ratelimit-reset-requests", 360_000)));
    assert_eq!(both("1s", "76.5s"), Some(("x-ratelimit-reset-tokens", 76_500)));
    assert_eq!(both("12", "x"), Some(("x-ratelimit-reset-requests", 12_000)));
    assert_eq!(both("", "0.5"), Some(("x-ratelimit-reset-tokens", 500)));
    assert_eq!(both("-1s", "Tue, 07 Jul 2026 12:00:02 GMT"), None);
    let left = [
        ("x-ratelimit-reset-requests", "6m0s"),
        ("x-ratelimit-remaining-requests", "59"),
        ("x-ratelimit-reset-tokens", "7s"),
        ("x-ratelimit-remaining-tokens", "0"),
    ];
    assert_eq!(hint(&left), Some(("x-ratelimit-reset-tokens", 7000)));
    assert_eq!(hint(&left[..2]), None);
}

#[test]
fn the_clock_is_read_only_for_a_time() {
    let untimed = |lines: &[(&'static str, &str)]| read_from(&headers(lines), || panic!("the clock is read"));
    assert_eq!(untimed(&[("date", "Tue, 07 Jul 2026 12:00:02 GMT"), ("server", "x")]), None);
    assert_eq!(untimed(&[("x-ratelimit-reset", "1783425602"), ("x-ratelimit-remaining", "5")]), None);
    assert!(untimed(&[("x-ratelimit-reset", "3")]).is_some());
    assert!(untimed(&[("retry-after", "1m0s")]).is_some());
    assert!(untimed(&[("ratelimit", "a;r=0;t=1")]).is_some());
}

#[test]
fn should_retry_is_true_or_false_or_not_said() {
    let said = |lines: &[(&'static str, &str)]| should_retry(&headers(lines));
    for name in ["x-should-retry", "stripe-should-retry"] {
        assert_eq!(said(&[(name, "true")]), Some(true));
        assert_eq!(said(&[(name, " False\t")]), Some(false));
        for unclear in ["", "1", "0", "yes", "truee", "true, false", "t\u{155}ue"] {
            assert_eq!(said(&[(name, unclear)]), None, "{unclear:?}");
        }
    }
    assert_eq!(said(&[]), None);
    assert_eq!(said(&[("x-should-retry", "false"), ("stripe-should-retry", "true")]), Some(false));
    assert_eq!(said(&[("x-should-retry", "maybe"), ("stripe-should-retry", "true")]), Some(true));
}

#[test]
fn bytes_that_are_not_text_are_no_hint() {
    let mut headers = HeaderMap::new();
    headers.insert(RETRY_AFTER, HeaderValue::from_bytes(b"1\xff").unwrap());
    assert_eq!(read_wait(&headers, SystemTime::now()), None);
    headers.insert(RETRY_AFTER, HeaderValue::from_static("Mon, 05 Aug 2019 09:27:05 GMT"));
    headers.insert(DATE, HeaderValue::from_bytes(b"\xff").unwrap());
    assert_eq!(read_wait(&headers, SystemTime::now()), Some(Duration::ZERO));
}

#[test]
fn a_cached_response_is_measured_by_our_clock() {
    let mut headers = HeaderMap::new();
    headers.insert(DATE, HeaderValue::from_static("Mon, 05 Aug 2019 09:27:00 GMT"));
    headers.insert(RETRY_AFTER, HeaderValue::from_static("Mon, 05 Aug 2019 09:28:00 GMT"));
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_564_997_250); // 09:27:30
    headers.insert(AGE, HeaderValue::from_static("0"));
    assert_eq!(read_wait(&headers, now), Some(Duration::from_secs(60)));
    headers.insert(AGE, HeaderValue::from_static("30"));
    assert_eq!(read_wait(&headers, now), Some(Duration::from_secs(30)));
}

#[test]
fn year_9999_and_years_before_1970() {
    let wait = after("Fri, 31 Dec 9999 23:59:59 GMT").unwrap();
    assert_eq!(wait, Duration::from_secs(253_402_300_799 - 1_783_425_600));
    assert_eq!(after("Thu, 01 Jan 1900 00:00:00 GMT"), Some(Duration::ZERO));
}

proptest! {
    #[test]
    fn never_panics(
        lines in proptest::collection::vec(
            (
                proptest::sample::select(&NAMES[..]),
                prop_oneof![
                    proptest::collection::vec(any::<u8>(), 0..60),
                    "[-+]?[0-9]{0,40}(\\.[0-9]{0,40})?(s|ms|h|e3|µs)?".prop_map(String::into_bytes),
                    "[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT".prop_map(String::into_bytes),
                ],
            ),
            0..6,
        ),
        seconds: u64,
    ) {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append(name, value);
            }
        }
        let now = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        read_wait(&headers, now.unwrap_or(SystemTime::UNIX_EPOCH));
        should_retry(&headers);
    }

    #[test]
    fn a_wrong_client_clock_changes_nothing(
        header in proptest::sample::select(&NAMES[..15]),
        wait in 0..10_000_000u64,
        skew in -86_400..=86_400i64,
    ) {
        let mut lines = headers(&[("date", "Tue, 07 Jul 2026 12:00:00 GMT")]);
        lines.insert(header, HeaderValue::from(NOW + wait));
        let skewed = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW.saturating_add_signed(skew));
        prop_assert_eq!(read_wait(&lines, skewed), read_wait(&lines, now()));
        if header.ends_with("reset") || header == "retry-after" {
            prop_assert_eq!(read_wait(&lines, skewed), Some(Duration::from_secs(wait)));
        }
    }

    #[test]
    fn seconds_are_seconds(seconds in 0..1_704_067_200u64) {
        let value = seconds.to_string();
        for header in [
            "retry-after",
            "ratelimit-reset",
            "x-ratelimit-retry-after",
            "x-ratelimit-reset",
            "x-rate-limit-reset",
            "x-ratelimit-reset-requests",
            "x-ratelimit-reset-tokens",
        ] {
            let wait = Duration::from_secs(seconds);
            prop_assert_eq!(read_from(&headers(&[(header, &value)]), now), Some(Hint { wait, header }));
        }
        let quota = format!("a;r=0;t={value}");
        prop_assert_eq!(read_wait(&headers(&[("ratelimit", &quota)]), now()), Some(Duration::from_secs(seconds)));
        let ms = read_wait(&headers(&[("retry-after-ms", &value)]), now());
        prop_assert_eq!(ms, Some(Duration::from_millis(seconds)));
    }
}
