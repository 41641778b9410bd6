//! What the server says about waiting. Time is an argument.
//!
//! The first of these headers that says anything is the hint:
//!
//! 1. `retry-after-ms`, then `x-ms-retry-after-ms`: milliseconds, where they can be read. A server that sends
//!    them says the same in whole seconds below.
//! 2. `Retry-After` (RFC 9110 §10.2.3). It is what the server wants said to this very request; the rest are
//!    about quotas, and are not read where it is there, not even where it is malformed.
//! 3. `RateLimit` (draft-ietf-httpapi-ratelimit-headers): the longest `t` of the quotas with `r=0`.
//! 4. `RateLimit-Reset` of the older drafts.
//! 5. `X-RateLimit-Retry-After`: seconds, and never a Unix time.
//! 6. `X-RateLimit-Reset`, then `X-Rate-Limit-Reset`.
//! 7. `x-ratelimit-reset-requests` and `x-ratelimit-reset-tokens`: seconds or a Go duration; both must have
//!    passed, so the longer counts.
//!
//! A quota that is not used up asks for no wait: where its remaining count (`X-RateLimit-Remaining` and so
//! on) is known and not zero, its header is passed over. Else it ends the search as `Retry-After` does.
//!
//! A time is a number of seconds, a date in any of the three HTTP forms, or what real servers send in their
//! place: decimals (`0.503`), Go durations (`1m0s`), and a Unix time, also in milliseconds, where the number can only be one. Dates
//! and Unix times are measured against the response's own `Date` header, so a client clock that is wrong does
//! not matter. Where a header is repeated its first line counts, except that `RateLimit` is a list.

use std::time::{Duration, SystemTime};

use http::header::{AGE, AsHeaderName, DATE, HeaderName};
use http::{HeaderMap, HeaderValue};

mod http_date;
mod rate_limit;

/// A number of seconds from here on can only be a Unix time: as a wait it would be 54 years.
/// It is 2024-01-01T00:00:00Z.
const FIRST_UNIX_TIME: Duration = Duration::from_secs(1_704_067_200);

/// The same in milliseconds: as a Unix time in seconds it would be in the year 55970.
const FIRST_UNIX_MILLISECONDS: Duration = Duration::from_secs(1_704_067_200_000);

/// The end of what dates can say; a clock beyond it is wrong.
const YEAR_9999: Duration = Duration::from_secs(253_402_300_799);

/// A wait that the server asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hint {
    /// How long, counted from when the response arrived; zero where it asked for a time in the past.
    pub wait: Duration,
    /// The name of the header that says so, in lower case.
    pub header: &'static str,
}

/// The wait that the headers of a response ask for, counted from when it arrived.
///
/// `None` where there is no hint or it cannot be read; zero where it lies in the past. `now` is the client's
/// clock and is looked at only where the response says nothing usable of its own (`Date`, with `Age` absent
/// or 0). Absurdly long hints saturate.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use std::time::{Duration, SystemTime};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("date", HeaderValue::from_static("Mon, 05 Aug 2019 09:27:00 GMT"));
/// headers.insert("retry-after", HeaderValue::from_static("Mon, 05 Aug 2019 09:27:05 GMT"));
/// assert_eq!(retry_runtime::hint::read(&headers, SystemTime::now()), Some(Duration::from_secs(5)));
/// ```
pub fn read(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    read_from(headers, || now).map(|hint| hint.wait)
}

/// [`read`], which also tells the header that it was read from, and asks for the time only where it needs it.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use retry_runtime::hint::{self, Hint};
/// use std::time::{Duration, SystemTime};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("ratelimit", HeaderValue::from_static(r#""permin";r=0;t=12"#));
/// let hint = hint::read_from(&headers, SystemTime::now);
/// assert_eq!(hint, Some(Hint { wait: Duration::from_secs(12), header: "ratelimit" }));
/// ```
#[inline]
pub fn read_from(headers: &HeaderMap, now: impl FnOnce() -> SystemTime) -> Option<Hint> {
    // Every response comes by here, and most have nothing to say.
    if headers.keys().any(may_hint) { search(headers, || sent_at(headers, now())) } else { None }
}

/// What the server says about trying again at all: `x-should-retry`, then `stripe-should-retry`.
///
/// `None` where neither says exactly `true` or `false`.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use retry_runtime::hint;
///
/// let mut headers = HeaderMap::new();
/// assert_eq!(hint::should_retry(&headers), None);
/// headers.insert("x-should-retry", HeaderValue::from_static("false"));
/// assert_eq!(hint::should_retry(&headers), Some(false));
/// ```
#[inline]
pub fn should_retry(headers: &HeaderMap) -> Option<bool> {
    if !headers.keys().any(|name| name.as_str().ends_with("should-retry")) {
        return None;
    }
    ["x-should-retry", "stripe-should-retry"].into_iter().find_map(|name| {
        let value = line(headers, name)?;
        let is = |word| value.eq_ignore_ascii_case(word);
        is("true").then_some(true).or_else(|| is("false").then_some(false))
    })
}

/// Whether a header can be one that is read below.
fn may_hint(name: &HeaderName) -> bool {
    matches!(
        name.as_str().as_bytes(),
        [b'r', b'a', ..]
            | [b'r', b'e', b't', ..]
            | [b'x', b'-', b'r', b'a', ..]
            | [b'x', b'-', b'm', b's', ..]
    )
}

/// The headers in order. `sent_at` is what times are relative to.
fn search(headers: &HeaderMap, sent_at: impl FnOnce() -> Duration) -> Option<Hint> {
    let line = |name| line(headers, name);
    let hint = |header, wait: Option<Duration>| wait.map(|wait| Hint { wait, header });
    // A count that cannot be read says nothing.
    let used_up = |remaining| line(remaining).and_then(decimal_seconds).is_none_or(|left| left.is_zero());

    for header in ["retry-after-ms", "x-ms-retry-after-ms"] {
        if let Some(wait) = line(header).and_then(milliseconds) {
            return hint(header, Some(wait));
        }
    }
    if let Some(value) = line("retry-after") {
        return hint("retry-after", wait_until(value, sent_at));
    }
    if let Some(wait) =
        rate_limit::longest_wait(headers.get_all("ratelimit").iter().map(HeaderValue::as_bytes))
    {
        return hint("ratelimit", Some(wait));
    }
    if let Some(value) = line("ratelimit-reset").filter(|_| used_up("ratelimit-remaining")) {
        return hint("ratelimit-reset", wait_until(value, sent_at));
    }
    if let Some(value) = line("x-ratelimit-retry-after") {
        return hint("x-ratelimit-retry-after", decimal_seconds(value));
    }
    for (header, remaining) in
        [("x-ratelimit-reset", "x-ratelimit-remaining"), ("x-rate-limit-reset", "x-rate-limit-remaining")]
    {
        if let Some(value) = line(header).filter(|_| used_up(remaining)) {
            return hint(header, wait_until(value, sent_at));
        }
    }
    let part = |header, remaining| {
        let value = line(header).filter(|_| used_up(remaining))?;
        hint(header, decimal_seconds(value).or_else(|| go_duration(value)))
    };
    let requests = part("x-ratelimit-reset-requests", "x-ratelimit-remaining-requests");
    let tokens = part("x-ratelimit-reset-tokens", "x-ratelimit-remaining-tokens");
    [requests, tokens].into_iter().flatten().max_by_key(|hint| hint.wait)
}

/// The wait until a time that is told in any of the ways that servers have.
fn wait_until(value: &str, sent_at: impl FnOnce() -> Duration) -> Option<Duration> {
    if let Some(wait) = decimal_seconds(value) {
        return Some(if wait >= FIRST_UNIX_MILLISECONDS && wait <= YEAR_9999 * 1000 {
            (wait / 1000).saturating_sub(sent_at())
        } else if wait >= FIRST_UNIX_TIME {
            wait.saturating_sub(sent_at())
        } else {
            wait
        });
    }
    go_duration(value).or_else(|| {
        let now = sent_at();
        let date = http_date::parse(value, whole_seconds(now))?;
        // A date before 1970 is in the past like any other.
        Some(Duration::from_secs(u64::try_from(date).unwrap_or(0)).saturating_sub(now))
    })
}

/// The instant, as time since 1970, that dates in `headers` are relative to: when the server sent them.
/// A response that was kept by a cache for a while (`Age`, RFC 9111 §5.1) does not say when that is.
fn sent_at(headers: &HeaderMap, now: SystemTime) -> Duration {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).min(YEAR_9999);
    if line(headers, AGE).is_some_and(|age| age != "0") {
        return now;
    }
    line(headers, DATE)
        .and_then(|value| http_date::parse(value, whole_seconds(now)))
        .and_then(|date| u64::try_from(date).ok())
        .map_or(now, Duration::from_secs)
}

/// The first line of a header, without surrounding white space. One that is not text is as unreadable as one
/// that is empty; `None` is only where there is none.
fn line(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    let text = std::str::from_utf8(headers.get(name)?.as_bytes()).unwrap_or_default();
    Some(text.trim_matches([' ', '\t']))
}

fn whole_seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// `120` or `0.503`: digits, with a fraction or not. No sign, exponent or other radix.
fn decimal_seconds(value: &str) -> Option<Duration> {
    decimal(value, 1_000_000_000)
}

fn milliseconds(value: &str) -> Option<Duration> {
    decimal(value, 1_000_000)
}

/// `1m0s`, `7.66s`, `76ms`: numbers with units, as Go prints a `time.Duration`.
fn go_duration(value: &str) -> Option<Duration> {
    // Longest first, where one is the beginning of another.
    const UNITS: [(&str, u64); 7] = [
        ("ms", 1_000_000),
        ("us", 1_000),
        ("µs", 1_000),
        ("ns", 1),
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000),
        ("s", 1_000_000_000),
    ];
    let mut rest = value;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let (number, unit) = rest.split_at(rest.find(|c: char| c != '.' && !c.is_ascii_digit())?);
        let (name, nanos) = UNITS.iter().find(|(name, _)| unit.starts_with(name))?;
        total = total.saturating_add(decimal(number, *nanos)?);
        rest = &unit[name.len()..];
    }
    (!value.is_empty()).then_some(total)
}

/// `digits` or `digits.digits`, in units of `unit` nanoseconds, rounded up: a hint is a floor. Saturates.
fn decimal(value: &str, unit: u64) -> Option<Duration> {
    let (whole, fraction) = match value.split_once('.') {
        Some((whole, fraction)) => (whole, fraction),
        None => (value, "0"),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    // Only too many digits are left to fail.
    let whole = whole.parse::<u64>().unwrap_or(u64::MAX);
    // 18 digits are below a nanosecond of any unit; what lies behind them only rounds up.
    let (kept, rounded) = fraction.split_at(fraction.len().min(18));
    let scale = kept.bytes().fold(1u128, |scale, _| scale * 10);
    let numerator = kept.parse::<u128>().ok()? * u128::from(unit);
    let below = u128::from(rounded.bytes().any(|digit| digit != b'0'));
    let nanos = u128::from(whole) * u128::from(unit) + (numerator + below).div_ceil(scale);
    let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
    Some(Duration::new(seconds, (nanos % 1_000_000_000) as u32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::RETRY_AFTER;
    use proptest::prelude::*;

    /// Every header that is looked at.
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

    /// The hint in milliseconds, and where it is from.
    fn hint(lines: &[(&'static str, &str)]) -> Option<(&'static str, u128)> {
        read_from(&headers(lines), now).map(|hint| (hint.header, hint.wait.as_millis()))
    }

    fn after(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(value).unwrap());
        read(&headers, now())
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
        assert_eq!(
            hint(&[("x-ms-retry-after-ms", "7"), ("retry-after-ms", "8")]),
            Some(("retry-after-ms", 8))
        );
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
            assert_eq!(read(&bytes, now()), None, "{header}");
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
        for silent in
            [r#""a";r=1;t=5"#, r#""a";r=0"#, "limit=10, remaining=0, reset=5", "", r#""a";r=0;t=-5"#]
        {
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
    fn the_clock_is_looked_at_only_for_a_time() {
        let untimed = |lines: &[(&'static str, &str)]| read_from(&headers(lines), || panic!("looked at"));
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
    fn a_fraction_is_rounded_up() {
        assert_eq!(after("0.0000000001"), Some(Duration::from_nanos(1)));
        assert_eq!(after("0.0000000000000000000000000001"), Some(Duration::from_nanos(1)));
        assert_eq!(after("1.5"), Some(Duration::from_millis(1500)));
    }

    #[test]
    fn unix_times_in_seconds_and_milliseconds() {
        assert_eq!(after("1783425605"), Some(Duration::from_secs(5)));
        assert_eq!(after("1783425605250"), Some(Duration::from_millis(5250)));
        assert_eq!(after("1704067200000"), Some(Duration::ZERO));
    }

    #[test]
    fn too_many_digits_saturate() {
        assert!(after(&"9".repeat(300)).unwrap() > Duration::from_secs(u64::MAX / 2));
        assert!(after(&format!("{}h", "9".repeat(300))).unwrap() > Duration::from_secs(u64::MAX / 2));
    }

    #[test]
    fn go_durations() {
        assert_eq!(after("1h2m3.5s"), Some(Duration::from_millis(3_723_500)));
        assert_eq!(after("76ms"), Some(Duration::from_millis(76)));
        assert_eq!(after("500µs"), Some(Duration::from_micros(500)));
        for value in ["1m0", "m", "1.s", ".5s", "1x", "1m s", "-1s", "1 s", "s1"] {
            assert_eq!(after(value), None, "{value:?}");
        }
    }

    #[test]
    fn only_plain_numbers_are_seconds() {
        for value in
            ["+1", "-1", "1e3", "0x10", "inf", "nan", "1_000", "1,5", "1.", ".5", "1.5.6", "1;2", "٣"]
        {
            assert_eq!(HeaderValue::from_str(value).ok().and_then(|_| after(value)), None, "{value:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_no_hint() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_bytes(b"1\xff").unwrap());
        assert_eq!(read(&headers, SystemTime::now()), None);
        headers.insert(RETRY_AFTER, HeaderValue::from_static("Mon, 05 Aug 2019 09:27:05 GMT"));
        headers.insert(DATE, HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(read(&headers, SystemTime::now()), Some(Duration::ZERO));
    }

    #[test]
    fn a_cached_response_is_measured_by_our_clock() {
        let mut headers = HeaderMap::new();
        headers.insert(DATE, HeaderValue::from_static("Mon, 05 Aug 2019 09:27:00 GMT"));
        headers.insert(RETRY_AFTER, HeaderValue::from_static("Mon, 05 Aug 2019 09:28:00 GMT"));
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_564_997_250); // 09:27:30
        headers.insert(AGE, HeaderValue::from_static("0"));
        assert_eq!(read(&headers, now), Some(Duration::from_secs(60)));
        headers.insert(AGE, HeaderValue::from_static("30"));
        assert_eq!(read(&headers, now), Some(Duration::from_secs(30)));
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
            read(&headers, now.unwrap_or(SystemTime::UNIX_EPOCH));
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
            prop_assert_eq!(read(&lines, skewed), read(&lines, now()));
            if header.ends_with("reset") || header == "retry-after" {
                prop_assert_eq!(read(&lines, skewed), Some(Duration::from_secs(wait)));
            }
        }

        #[test]
        fn dates_and_clocks_of_any_time_do_not_panic(day in 0..40u32, year in 0..10_000u32, short: bool, now: u64) {
            let date = if short {
                format!("Monday, {day:02}-Feb-{:02} 10:00:00 GMT", year % 100)
            } else {
                format!("Mon, {day:02} Feb {year:04} 10:00:00 GMT")
            };
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::try_from(date).unwrap());
            let now = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(now));
            let wait = read(&headers, now.unwrap_or(SystemTime::UNIX_EPOCH));
            prop_assert_eq!(wait.is_some(), (1..=28).contains(&day) || (day == 29 && wait.is_some()));
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
            prop_assert_eq!(read(&headers(&[("ratelimit", &quota)]), now()), Some(Duration::from_secs(seconds)));
            let ms = read(&headers(&[("retry-after-ms", &value)]), now());
            prop_assert_eq!(ms, Some(Duration::from_millis(seconds)));
        }
    }
}
