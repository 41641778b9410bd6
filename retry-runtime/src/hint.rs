//! What the server says about waiting. Time is an argument.
//!
//! Only `Retry-After` (RFC 9110 §10.2.3) is read: as seconds, as a date in any of the three HTTP forms, and
//! as what real servers send in its place: decimals (`0.503`), Go durations (`1m0s`), and a Unix time where
//! the number can only be one. A date is measured against the response's own `Date` header, so a client
//! clock that is wrong does not matter.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{AGE, DATE, HeaderName, RETRY_AFTER};

use crate::http_date;

/// A number of seconds from here on can only be a Unix time: as a wait it would be 54 years.
/// It is 2024-01-01T00:00:00Z.
const FIRST_UNIX_TIME: Duration = Duration::from_secs(1_704_067_200);

/// The end of what dates can say; a clock beyond it is wrong.
const YEAR_9999: Duration = Duration::from_secs(253_402_300_799);

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
    read_at(headers, || now)
}

/// [`read`], which asks for the time only where there is a hint.
#[inline]
pub(crate) fn read_at(headers: &HeaderMap, now: impl FnOnce() -> SystemTime) -> Option<Duration> {
    // Where the header is repeated, its first line counts.
    let value = text(headers, &RETRY_AFTER)?;
    retry_after(value, sent_at(headers, now()))
}

fn retry_after(value: &str, now: Duration) -> Option<Duration> {
    if let Some(wait) = decimal_seconds(value) {
        return Some(if wait >= FIRST_UNIX_TIME { wait.saturating_sub(now) } else { wait });
    }
    go_duration(value).or_else(|| {
        let date = http_date::parse(value, whole_seconds(now))?;
        // A date before 1970 is in the past like any other.
        Some(Duration::from_secs(u64::try_from(date).unwrap_or(0)).saturating_sub(now))
    })
}

/// The instant, as time since 1970, that dates in `headers` are relative to: when the server sent them.
/// A response that was kept by a cache for a while (`Age`, RFC 9111 §5.1) does not say when that is.
fn sent_at(headers: &HeaderMap, now: SystemTime) -> Duration {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).min(YEAR_9999);
    if headers.contains_key(AGE) && text(headers, &AGE) != Some("0") {
        return now;
    }
    text(headers, &DATE)
        .and_then(|value| http_date::parse(value, whole_seconds(now)))
        .and_then(|date| u64::try_from(date).ok())
        .map_or(now, Duration::from_secs)
}

/// The first line of a header, without surrounding white space; `None` where it is absent or not text.
fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.trim_matches([' ', '\t']))
}

fn whole_seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// `120` or `0.503`: digits, with a fraction or not. No sign, exponent or other radix.
fn decimal_seconds(value: &str) -> Option<Duration> {
    decimal(value, 1_000_000_000)
}

/// `1m0s`, `7.66s`, `76ms`: numbers with units, as Go prints a `time.Duration`.
fn go_duration(value: &str) -> Option<Duration> {
    // Longest first, where one is the beginning of another.
    const UNITS: [(&str, u64); 6] = [
        ("ms", 1_000_000),
        ("us", 1_000),
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
    use http::HeaderValue;
    use proptest::prelude::*;

    fn after(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(value).unwrap());
        read(&headers, SystemTime::UNIX_EPOCH + Duration::from_secs(1_783_425_600))
    }

    #[test]
    fn a_fraction_is_rounded_up() {
        assert_eq!(after("0.0000000001"), Some(Duration::from_nanos(1)));
        assert_eq!(after("0.0000000000000000000000000001"), Some(Duration::from_nanos(1)));
        assert_eq!(after("1.5"), Some(Duration::from_millis(1500)));
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
        fn never_panics(value in proptest::collection::vec(any::<u8>(), 0..60), date in ".{0,40}", seconds: u64) {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.insert(RETRY_AFTER, value);
            }
            if let Ok(date) = HeaderValue::from_str(&date) {
                headers.insert(DATE, date);
            }
            let now = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
            read(&headers, now.unwrap_or(SystemTime::UNIX_EPOCH));
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
            prop_assert_eq!(after(&seconds.to_string()), Some(Duration::from_secs(seconds)));
        }
    }
}
