use super::*;
use http::header::{HeaderName, RETRY_AFTER};
use proptest::prelude::*;

/// Headers that are read.
const NAMES: [&str; 21] = [
    "retry-after-ms",
    "x-ms-retry-after-ms",
    "x-amz-retry-after",
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
    "x-ms-user-quota-resets-after",
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
fn milliseconds_refine_what_they_round_up_to() {
    for header in RETRY_AFTER_MS {
        let both = |ms, seconds| hint(&[(header, ms), ("retry-after", seconds)]);
        assert_eq!(both("1500", "2"), Some((header, 1500)));
        assert_eq!(both("1001", "2"), Some((header, 1001)));
        assert_eq!(both(" 1999.5\t", "2"), Some((header, 1999)));
        assert_eq!(both("2000", "2").unwrap().1, 2000);
        assert_eq!(both("1500", "Tue, 07 Jul 2026 12:00:02 GMT"), Some((header, 1500)));
        assert_eq!(both("2500", "2"), Some((header, 2500)));
        assert_eq!(both("1500", "2, 2"), Some((header, 1500)));
        assert_eq!(both("1500", "2, 60"), Some(("retry-after", 60_000)));
        assert_eq!(both("500", "60"), Some(("retry-after", 60_000)), "no refinement");
        assert_eq!(both("1000", "2"), Some(("retry-after", 2000)));
        assert_eq!(both("1500", "1.9"), Some(("retry-after", 1900)));
        assert_eq!(both("0", "2"), Some(("retry-after", 2000)), "zero asks for nothing");
        assert_eq!(both("0", "0").unwrap().1, 0);
        assert_eq!(hint(&[(header, "1704067200")]), Some((header, 1_704_067_200)));
        assert_eq!(hint(&[(header, "1783425601500")]), Some((header, 1500)), "a Unix time");
        for unreadable in ["", "-1", "+1", "1e3", "0x10", "inf", "NaN", "1_000", "1s", "\u{663}"] {
            assert_eq!(both(unreadable, "2"), Some(("retry-after", 2000)), "{unreadable:?}");
        }
    }
    let two = hint(&[("x-ms-retry-after-ms", "7"), ("retry-after-ms", "8"), ("x-amz-retry-after", "9")]);
    assert_eq!(two, Some(("x-amz-retry-after", 9)));
}

#[test]
fn all_lines_are_read_also_joined_ones() {
    let longest = |lines: &[&str]| {
        let lines: Vec<_> = lines.iter().map(|line| ("retry-after", *line)).collect();
        hint(&lines).map(|(_, wait)| wait)
    };
    assert_eq!(longest(&["2", "3"]), Some(3000));
    assert_eq!(longest(&["3", "soon", "2"]), Some(3000));
    assert_eq!(longest(&["10, 10"]), Some(10_000));
    assert_eq!(longest(&["10,30 , 20"]), Some(30_000));
    assert_eq!(longest(&["soon, 10"]), Some(10_000));
    assert_eq!(longest(&["10, -1, inf,"]), Some(10_000));
    let (date, later) = ("Tue, 07 Jul 2026 12:00:05 GMT", "Tuesday, 07-Jul-26 12:00:09 GMT");
    assert_eq!(longest(&[&format!("{date}, {later}")]), Some(9000));
    assert_eq!(longest(&[&format!("{later},{date}")]), Some(9000));
    assert_eq!(longest(&[&format!("7, {date}")]), Some(7000));
    assert_eq!(longest(&[&format!("3, {date}, 2026-07-07T12:00:04Z")]), Some(5000));
    assert_eq!(longest(&["Zun, 07 Jul 2026 12:00:05 GMT, 3"]), Some(3000), "of a misspelt weekday nothing");
    assert_eq!(longest(&["soon, 2026-07-07T12:00:04Z"]), Some(4000));
    for word in ["soon", "null", "later", "n/a", "never,soon"] {
        for date in ["07 Jul 2026 12:00:05 GMT", "07-Jul-26 12:00:05 GMT", "7 July 26 12:00:05 UTC"] {
            assert_eq!(longest(&[&format!("{word}, {date}")]), Some(5000), "{word}: {date}");
            assert_eq!(longest(&[&format!("3,{word},{date} , 2")]), Some(5000), "{word}: {date}");
        }
    }
    for weekday in ["tue", "TUESDAY", "Tues", "Thurs", "Mon"] {
        let date = format!("{weekday}, 07 Jul 2026 12:00:05 GMT");
        assert_eq!(longest(&[&format!("{date},3")]), Some(5000), "{date}");
    }
    assert_eq!(longest(&["Someday, 07 Jul 2026 12:00:05 GMT, 3"]), Some(3000));
}

#[test]
fn the_comma_of_a_date_ends_no_value() {
    let wait = |line| hint(&[("retry-after", line)]).map(|(_, wait)| wait);
    for local in [
        "2026-07-07 12:00:04,5",
        "2026-07-07T12:00:04,5",
        "20260707T120004,5",
        "2026-07-07 12:00:04,5 , soon",
    ] {
        assert_eq!(wait(local), None, "{local}");
    }
    assert_eq!(wait("2026-07-07 12:00:04,5, 3"), Some(3000));
    assert_eq!(wait("2026-07-07T12:00:04,5Z"), Some(4500));
    assert_eq!(wait("2026-07-07T12:00:04,5 UTC"), Some(4500));
    assert_eq!(wait("2026-07-07T05:00:04,5-07:00"), Some(4500));
    assert_eq!(wait("3, 2026-07-07T12:00:04,5Z, soon"), Some(4500));
    assert_eq!(wait("2026-07-07T12:00:04Z,5"), Some(5000), "two values");
    assert_eq!(wait("2026-07-07T12:00:04,07 Jul 2026 12:00:05 GMT"), Some(5000));
    assert_eq!(wait("2026-07-07T12:00:04,2026-07-07T12:00:05Z"), Some(5000));
    assert_eq!(wait("Tue Jul  7 12:00:04 2026,5"), Some(5000));
    for local in ["Jul 8, 2026", "July 08,2026", "Wed, Jul 8, 2026", "Jul 8, 2026 12:00:04"] {
        assert_eq!(wait(local), None, "{local}");
        let joined = format!("3, {local}, 2");
        assert_eq!(hint(&[("retry-after", &joined)]), Some(("retry-after", 3000)), "{joined}");
    }
    assert_eq!(wait("retry 8, 2026"), Some(2_026_000), "no month");
    assert_eq!(wait("Jul 8, 60"), Some(60_000), "no year");
}

#[test]
fn what_cannot_be_read_or_asks_for_nothing_hides_no_other() {
    let unreadable =
        ["", "  ", "-1", "0x10", "inf", "soon", "\u{663}", "2026-07-07T12:01:30", "1704067200000"];
    for silent in unreadable.into_iter().chain(["0", "0.0", "Mon, 06 Jul 2026 12:00:00 GMT"]) {
        for header in RETRY_AFTER_MS.into_iter().chain(["retry-after"]) {
            let lines = [(header, silent), ("ratelimit-reset", "9"), ("x-ratelimit-reset", silent)];
            assert_eq!(hint(&lines), Some(("ratelimit-reset", 9000)), "{header}: {silent:?}");
        }
        for vendor in vendors::QUOTAS.into_iter().filter(|vendor| vendor.form == Form::Time) {
            let lines = [(vendor.header, silent), ("x-ratelimit-reset-tokens", "9s")];
            let expected = Some(("x-ratelimit-reset-tokens", 9000));
            if vendor.header != "x-ratelimit-reset-tokens" {
                assert_eq!(hint(&lines), expected, "{}: {silent:?}", vendor.header);
            }
        }
    }
    let mut bytes = headers(&[("ratelimit-reset", "9")]);
    bytes.insert(RETRY_AFTER, HeaderValue::from_bytes(b"2\xb2").unwrap());
    assert_eq!(read_wait(&bytes, now()), Some(Duration::from_secs(9)));
    bytes.insert(RETRY_AFTER, HeaderValue::from_bytes(b"2, \xb2").unwrap());
    assert_eq!(read_wait(&bytes, now()), Some(Duration::from_secs(2)));
}

#[test]
fn a_retry_after_comes_before_every_quota() {
    for vendor in vendors::QUOTAS {
        for retry_after in RETRY_AFTER_MS.into_iter().chain(["retry-after"]) {
            assert_eq!(hint(&[(vendor.header, "90"), (retry_after, "2")]).unwrap().0, retry_after);
        }
    }
}

#[test]
fn retry_after_and_what_a_policy_names_are_explicit_and_quotas_are_not() {
    let is_explicit = |names: &[&'static str], lines: &[(&'static str, &str)]| {
        read_with(&headers(lines), names, now).unwrap().is_explicit(names)
    };
    for header in RETRY_AFTER_MS.into_iter().chain(["retry-after"]) {
        assert!(is_explicit(&[], &[(header, "2")]), "{header}");
        assert!(is_explicit(&[], &[(header, "2"), ("x-ratelimit-reset", "90")]), "{header}");
        assert!(!is_explicit(&[], &[(header, "soon"), ("x-ratelimit-reset", "90")]), "{header}");
        assert!(!is_explicit(&[], &[(header, "0"), ("x-ratelimit-reset", "90")]), "{header}");
    }
    for vendor in vendors::QUOTAS.into_iter().filter(|vendor| vendor.form == Form::Time) {
        let used_up = [(vendor.header, "2")];
        assert!(!is_explicit(&[], &used_up), "{}", vendor.header);
        assert!(!is_explicit(&["x-my-reset"], &used_up), "{}", vendor.header);
        assert!(is_explicit(&[vendor.header], &used_up), "{}", vendor.header);
    }
    assert!(is_explicit(&["X-My-Reset"], &[("x-my-reset", "2")]));
    assert!(is_explicit(&["X-RateLimit-Reset"], &[("x-ratelimit-reset", "2")]));
    // The header of the longest wait counts, and of two that are as long the one that is named.
    let both =
        |named, quota| is_explicit(&["x-my-reset"], &[("x-my-reset", named), ("x-ratelimit-reset", quota)]);
    assert!(both("9", "2"));
    assert!(both("2", "2"));
    assert!(!both("2", "9"));
}

#[test]
fn a_quota_counts_where_nothing_remains() {
    for vendor in vendors::QUOTAS {
        let Some(remaining) = vendor.remaining else { continue };
        let value = if vendor.form == Form::Clock { "00:00:02" } else { "2" };
        let wait = if vendor.form == Form::Milliseconds { 2 } else { 2000 };
        let left = |count| hint(&[(vendor.header, value), (remaining, count)]);
        for used_up in [
            "0",
            " 0 ",
            "0.0",
            "00",
            "",
            "-1",
            "none",
            "rejected",
            "0, 0;w=60",
            "0;w=21600",
            "3, 0",
            "allowed, 0",
        ] {
            assert_eq!(left(used_up), Some((vendor.header, wait)), "{remaining}: {used_up:?}");
        }
        for count in
            ["1", "0.5", "59", "99999999999999999999999", "5;w=60", "3, 4", "allowed", "allowed_warning"]
        {
            assert_eq!(left(count), None, "{remaining}: {count:?}");
        }
        assert_eq!(hint(&[(vendor.header, value)]), Some((vendor.header, wait)));
    }
}

#[test]
fn the_longest_of_the_quotas_counts() {
    let quotas = [
        ("x-ratelimit-reset", "1783425605"),
        ("ratelimit", r#""a";r=0;t=7, "b";r=1;t=90"#),
        ("x-ratelimit-reset-requests", "6s"),
        ("anthropic-ratelimit-tokens-reset", "2026-07-07T12:00:09Z"),
        ("anthropic-ratelimit-requests-reset", "2026-07-07T12:01:00Z"),
        ("anthropic-ratelimit-requests-remaining", "49"),
    ];
    assert_eq!(hint(&quotas), Some(("anthropic-ratelimit-tokens-reset", 9000)));
    assert_eq!(hint(&quotas[..3]), Some(("ratelimit", 7000)));
    assert_eq!(
        hint(&[("zendesk-ratelimit-tickets-index", "total=9; remaining=0; resets=41")]).unwrap().1,
        41_000
    );
    assert_eq!(hint(&[("x-ms-user-quota-resets-after", "00:00:03")]).unwrap().1, 3000);
    assert_eq!(hint(&[("x-rate-limit-retry-after-seconds", "41")]).unwrap().1, 41_000);
    let unified = [
        ("anthropic-ratelimit-unified-5h-status", "rejected"),
        ("anthropic-ratelimit-unified-5h-reset", "1783425660"),
        ("anthropic-ratelimit-unified-7d-status", "allowed_warning"),
        ("anthropic-ratelimit-unified-7d-reset", "1783512000"),
    ];
    assert_eq!(hint(&unified), Some(("anthropic-ratelimit-unified-5h-reset", 60_000)));
}

#[test]
fn headers_that_the_user_names_are_read_as_others() {
    let with = |names: &[&'static str], lines: &[(&'static str, &str)]| {
        read_with(&headers(lines), names, now).map(|hint| (hint.header, hint.wait.as_millis()))
    };
    let own = |lines: &[(&'static str, &str)]| with(&["x-my-reset"], lines);
    assert_eq!(hint(&[("x-my-reset", "20")]), None);
    for value in ["20", "20s", "1783425620", "1783425620000", "2026-07-07T12:00:20Z", "soon, 20"] {
        assert_eq!(own(&[("x-my-reset", value)]), Some(("x-my-reset", 20_000)), "{value}");
    }
    assert_eq!(own(&[("x-my-reset", r#""a";r=0;t=20"#)]), Some(("x-my-reset", 20_000)));
    assert_eq!(own(&[("x-my-reset", "total=9; remaining=0; resets=20")]), Some(("x-my-reset", 20_000)));
    assert_eq!(own(&[("x-my-reset", "soon")]), None);
    assert_eq!(own(&[]), None);
    assert_eq!(own(&[("x-my-reset", "20"), ("x-my-remaining", "0")]), Some(("x-my-reset", 20_000)));
    assert_eq!(own(&[("x-my-reset", "20"), ("x-my-remaining", "7")]), None);
    assert_eq!(own(&[("x-my-reset", "20"), ("retry-after", "2")]), Some(("retry-after", 2000)));
    assert_eq!(own(&[("x-my-reset", "20"), ("ratelimit-reset", "9")]), Some(("x-my-reset", 20_000)));
    assert_eq!(own(&[("x-my-reset", "2"), ("ratelimit-reset", "9")]), Some(("ratelimit-reset", 9000)));
    let ms = |value| with(&["X-My-Reset-Ms"], &[("x-my-reset-ms", value)]);
    assert_eq!(ms("1500"), Some(("X-My-Reset-Ms", 1500)));
    assert_eq!(ms("1783425601500"), Some(("X-My-Reset-Ms", 1500)));
    let counted = [("x-my-reset-ms", "1500"), ("x-my-remaining", "7")];
    assert_eq!(with(&["x-my-reset-ms"], &counted), None);
    for value in ["00:00:20", "20s", "2026-07-07T12:00:20Z", "Tue, 07 Jul 2026 12:00:20 GMT", "20000ms"] {
        assert_eq!(ms(value), Some(("X-My-Reset-Ms", 20_000)), "{value}");
        assert_eq!(own(&[("x-my-reset", value)]), Some(("x-my-reset", 20_000)), "{value}");
    }
    assert_eq!(own(&[("x-my-reset", "3, 00:00:20")]), Some(("x-my-reset", 20_000)), "the longest form");
    let twice = |count| with(&["x-reset-quota-reset"], &[("x-reset-quota-reset", "20"), count]);
    assert_eq!(twice(("x-reset-quota-remaining", "7")), None);
    assert_eq!(twice(("x-remaining-quota-reset", "7")), Some(("x-reset-quota-reset", 20_000)));
    // What is read anyway has a unit of its own.
    let listed = ["gw-ratelimit-reset", "X-Amz-Retry-After", "retry-after"];
    assert_eq!(with(&listed, &[("gw-ratelimit-reset", "1500")]), Some(("gw-ratelimit-reset", 1500)));
    assert_eq!(with(&listed, &[("x-amz-retry-after", "0")]), Some(("x-amz-retry-after", 0)));
    assert_eq!(with(&["no name", "", "x-my-reset"], &[("x-my-reset", "20")]), Some(("x-my-reset", 20_000)));
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
    for silent in [r#""a";r=1;t=5"#, r#""a";r=0"#, "limit=10, remaining=1, reset=5", "", r#""a";r=0;t=-5"#] {
        let lines = [("ratelimit", silent), ("ratelimit-reset", "2")];
        assert_eq!(hint(&lines), Some(("ratelimit-reset", 2000)), "{silent}");
    }
    let both = [("ratelimit", r#""a";r=0;t=5"#), ("ratelimit-reset", "2")];
    assert_eq!(hint(&both), Some(("ratelimit", 5000)));
    let two = [("ratelimit", r#""a";r=0;t=5"#), ("ratelimit", r#""b";r=0;t=7"#)];
    assert_eq!(hint(&two), Some(("ratelimit", 7000)));
    assert_eq!(hint(&[("retry-after", ""), ("ratelimit", r#""a";r=0;t=5"#)]), Some(("ratelimit", 5000)));
}

#[test]
fn quotas_end_at_a_unix_time_where_it_can_only_be_one() {
    for header in [
        "retry-after",
        "ratelimit-reset",
        "x-ratelimit-retry-after",
        "x-ratelimit-reset",
        "x-rate-limit-reset",
    ] {
        let at = |value| hint(&[(header, value)]).map(|(_, wait)| wait);
        assert_eq!(at("1783425602"), Some(2000), "{header}");
        assert_eq!(at("1783425602.5"), Some(2500), "{header}");
        for past in ["1704067200", "1372700873", "1000000000", "1783425600", "1783425600000"] {
            assert_eq!(at(past), None, "{header}: {past}");
        }
        assert_eq!(at("1783425602250"), Some(2250), "{header}");
        assert_eq!(at("999999999"), Some(999_999_999_000), "{header}");
        let skewed = [(header, "1783425602"), ("date", "Tue, 07 Jul 2026 12:00:01 GMT")];
        assert_eq!(hint(&skewed), Some((header, 1000)), "{header}");
        assert_eq!(at("Tue, 07 Jul 2026 12:00:02 GMT"), Some(2000), "{header}");
        assert_eq!(at("1m0s"), Some(60_000), "{header}");
    }
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
    assert_eq!(both("-1s", "Tue, 07 Jul 2026 12:00:02 GMT"), Some(("x-ratelimit-reset-tokens", 2000)));
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
fn a_misspelt_date_of_the_response_corrects_the_clock() {
    let exact = "Tue, 07 Jul 2026 11:00:00 GMT";
    for date in [
        exact,
        "tue, 07 jul 2026 11:00:00 gmt",
        "Tue,07 July 2026 11:00:00 UTC",
        "Tues  07 Jul 26 11:00:00 GMT",
        "tuesday, 07-jul-26 11:00:00 gmt",
    ] {
        let lines = [("date", date), ("retry-after", "Tue, 07 Jul 2026 11:01:30 GMT")];
        assert_eq!(hint(&lines), Some(("retry-after", 90_000)), "{date}");
        let lines = [("date", exact), ("retry-after", &date.replace("11:00:00", "11:01:30"))];
        assert_eq!(hint(&lines), Some(("retry-after", 90_000)), "{date}");
    }
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
        header in proptest::sample::select(&NAMES[..17]),
        wait in 1..10_000_000u64,
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
    fn seconds_are_seconds(seconds in 0..1_000_000_000u64) {
        let value = seconds.to_string();
        for vendor in vendors::QUOTAS.into_iter().filter(|vendor| vendor.form == Form::Time) {
            let (wait, header) = (Duration::from_secs(seconds), vendor.header);
            prop_assert_eq!(read_from(&headers(&[(header, &value)]), now), Some(Hint { wait, header }));
        }
        let asked = read_wait(&headers(&[("retry-after", &value)]), now());
        prop_assert_eq!(asked, Some(Duration::from_secs(seconds)));
        let quota = format!("a;r=0;t={value}");
        prop_assert_eq!(read_wait(&headers(&[("ratelimit", &quota)]), now()), Some(Duration::from_secs(seconds)));
        let ms = read_wait(&headers(&[("retry-after-ms", &value)]), now());
        prop_assert_eq!(ms, Some(Duration::from_millis(seconds)));
    }

    /// Each value alone is read, and then all of them at once.
    #[test]
    fn never_earlier_than_the_longest_of_retry_after(lines in proptest::collection::vec(asked(), 1..6)) {
        let refined = |wait: Duration, exact: Duration| {
            !exact.is_zero() && exact < wait && wait.saturating_sub(exact) < Duration::from_secs(1) && wait.subsec_nanos() == 0
        };
        let alone = |(name, value): &(&'static str, String)| {
            let wait = hint(&[(*name, value)]).map(|(_, wait)| Duration::from_millis(u64::try_from(wait).unwrap()));
            wait.map(|wait| (*name, wait))
        };
        let read: Vec<_> = lines.iter().filter_map(alone).collect();
        let exact = read.iter().filter(|(name, _)| *name != "retry-after").map(|(_, wait)| *wait).max();
        let counted = read
            .iter()
            .filter(|(name, wait)| *name != "retry-after" || exact.is_none_or(|exact| !refined(*wait, exact)));
        let longest = counted.map(|(_, wait)| *wait).max().or(exact);
        let mut all: Vec<_> = lines.iter().map(|(name, value)| (*name, value.as_str())).collect();
        all.push(("ratelimit", "a;r=0;t=999999"));
        let wait = read_wait(&headers(&all), now());
        if longest.is_some_and(|longest| !longest.is_zero()) {
            prop_assert_eq!(wait, longest, "{:?}", all);
        } else {
            prop_assert_eq!(wait, Some(Duration::from_secs(999_999)), "{:?}", all);
        }
    }

    /// Also not if a proxy joins the lines.
    #[test]
    fn what_cannot_be_read_hides_nothing(
        (header, value) in proptest::sample::select(vec![
            ("retry-after", "90"),
            ("retry-after", "Tue, 07 Jul 2026 12:01:30 GMT"),
            ("retry-after", "7 july 26 12:01:30 gmt"),
            ("retry-after", "2026-07-07T12:01:30,0Z"),
            ("retry-after-ms", "90000"),
            ("retry-after-ms", "90s"),
            ("ratelimit-reset", "90"),
            ("ratelimit", "a;r=0;t=90"),
            ("ratelimit", "\"a, b\" ;r=0;t=90"),
        ]),
        other in proptest::sample::select(&NAMES[..]).prop_filter("asks for nothing", |name| {
            !name.contains("remaining") && !["age", "date"].contains(name)
        }),
        // Without commas and equal signs, which join it to its neighbour.
        garbage in r"[ -+\--<>-~]{0,20}|[a-z]{0,8}",
        joins: bool,
        leads: bool,
    ) {
        prop_assert_eq!(hint(&[(header, value)]), Some((header, 90_000)));
        prop_assume!(hint(&[(other, &garbage)]).is_none() && hint(&[(header, &garbage)]).is_none());
        // A misspelt weekday makes the date behind it doubtful.
        prop_assume!(!(leads && joins && value.starts_with("7 ") && is_weekday(&garbage)));
        let joined = if leads { format!("{garbage}, {value}") } else { format!("{value}, {garbage}") };
        let lines = if joins { vec![(header, joined.as_str())] } else { vec![(other, garbage.as_str()), (header, value)] };
        prop_assert_eq!(hint(&lines), Some((header, 90_000)), "{:?}", lines);
    }
}

/// A line of `Retry-After` or its kin, of which many can be read.
fn asked() -> impl Strategy<Value = (&'static str, String)> {
    let seconds = prop_oneof![
        "[0-9]{1,4}",
        "[0-9]{1,3}\\.[0-9]{1,3}",
        "[0-9]{1,2}m[0-9]{1,2}s",
        "Tue, 07 Jul 2026 12:[0-5][0-9]:[0-5][0-9] GMT",
        "2026-07-07T12:[0-5][0-9]:[0-5][0-9](Z|\\+00:00)",
        "17834256[0-9]{2}",
        "[0-9]{1,3}, ?[0-9]{1,3}",
        "[ -~]{0,8}",
    ];
    let milliseconds = prop_oneof!["[0-9]{1,5}", "[ -~]{0,8}"];
    prop_oneof![
        seconds.prop_map(|value| ("retry-after", value)),
        (proptest::sample::select(&RETRY_AFTER_MS[..]), milliseconds),
    ]
}

#[test]
fn a_number_with_commas_between_its_thousands_is_not_undercut() {
    let read = |value: &'static str| {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]);
        read(&headers, SystemTime::UNIX_EPOCH).map(|wait| wait.as_secs())
    };
    for (value, expected) in [
        ("3,600", Some(3600)),
        ("1,000", Some(1000)),
        ("12,345,678", Some(12_345_678)),
        ("10,120", Some(10_120)),
        ("10, 120", Some(120)),
        ("10,12", Some(12)),
        ("1000,200", Some(1000)),
        ("3,600s", Some(600)),
    ] {
        assert_eq!(read(value), expected, "{value}");
    }
}

#[test]
fn the_kind_of_a_hint_is_that_of_the_most_direct_header() {
    let kind = |lines: &[(&'static str, &str)]| {
        read_with_kind(&headers(lines), &["x-my-reset"], now).map(|(hint, kind)| (hint.wait.as_secs(), kind))
    };
    let (renewal, used_up) = (("x-ratelimit-reset", "9"), ("x-ratelimit-remaining", "0"));
    let named = ("x-my-reset", "2");
    assert_eq!(kind(&[renewal]), Some((9, HintKind::Renewal)));
    assert_eq!(kind(&[renewal, used_up]), Some((9, HintKind::UsedUp)));
    assert_eq!(kind(&[renewal, ("x-ratelimit-remaining", "1")]), None);
    // The longest wait counts, also where a shorter one is more direct.
    assert_eq!(kind(&[renewal, named]), Some((9, HintKind::Explicit)));
    assert_eq!(kind(&[named, ("x-my-remaining", "0")]), Some((2, HintKind::Explicit)));
    assert_eq!(kind(&[named, ("x-my-remaining", "1"), renewal]), Some((9, HintKind::Renewal)));
    assert_eq!(kind(&[("x-my-reset", "0"), renewal]), Some((9, HintKind::Renewal)));
    assert_eq!(kind(&[("retry-after", "2"), renewal]), Some((2, HintKind::Explicit)));
    assert_eq!(kind(&[("retry-after", "0"), renewal, used_up]), Some((9, HintKind::UsedUp)));
    assert_eq!(kind(&[("ratelimit", "\"a\";r=0;t=5"), renewal]), Some((9, HintKind::UsedUp)));
}
