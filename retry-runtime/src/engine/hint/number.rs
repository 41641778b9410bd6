//! Reads times as servers write them: numbers, Go durations, Unix times and dates.

use std::time::Duration;

use super::http_date;

/// The least number of seconds that is read as a Unix time: 2024-01-01T00:00:00Z. As a wait it
/// would be 54 years.
const FIRST_UNIX_TIME: Duration = Duration::from_secs(1_704_067_200);

/// The least number that is read as a Unix time in milliseconds. In seconds it would be the year
/// 55970.
const FIRST_UNIX_MILLISECONDS: Duration = Duration::from_secs(1_704_067_200_000);

/// The last second that an HTTP date can name. A clock beyond it is wrong.
pub(super) const YEAR_9999: Duration = Duration::from_secs(253_402_300_799);

/// Reads a time in any form and returns the wait until then: zero for a time in the past.
///
/// `sent_at` returns the time since 1970 to measure from. It is called only for an absolute time.
pub(super) fn wait_until(value: &str, sent_at: impl FnOnce() -> Duration) -> Option<Duration> {
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

/// Returns the whole seconds of `time`, for arithmetic with dates.
pub(super) fn whole_seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// Reads a number of seconds: `120` or `0.503`. Signs, exponents and other radices are not numbers.
pub(super) fn decimal_seconds(value: &str) -> Option<Duration> {
    decimal(value, 1_000_000_000)
}

/// Reads a number of milliseconds, written as in [`decimal_seconds`].
pub(super) fn milliseconds(value: &str) -> Option<Duration> {
    decimal(value, 1_000_000)
}

/// Reads numbers with units, as Go prints a `time.Duration`: `1m0s`, `7.66s`, `76ms`.
pub(super) fn go_duration(value: &str) -> Option<Duration> {
    // A unit precedes the units that it begins with.
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

/// Reads `digits` or `digits.digits` in units of `unit` nanoseconds. Rounds up, since a hint is a
/// floor, and saturates.
fn decimal(value: &str, unit: u64) -> Option<Duration> {
    let (whole, fraction) = match value.split_once('.') {
        Some((whole, fraction)) => (whole, fraction),
        None => (value, "0"),
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    // Digits alone fail to parse only if there are too many.
    let whole = whole.parse::<u64>().unwrap_or(u64::MAX);
    // 18 digits reach below a nanosecond of any unit. The digits behind them only round up.
    let (kept, rest) = fraction.split_at(fraction.len().min(18));
    let scale = kept.bytes().fold(1u128, |scale, _| scale * 10);
    let numerator = kept.parse::<u128>().ok()? * u128::from(unit);
    let below = u128::from(rest.bytes().any(|digit| digit != b'0'));
    let nanos = u128::from(whole) * u128::from(unit) + (numerator + below).div_ceil(scale);
    let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
    Some(Duration::new(seconds, (nanos % 1_000_000_000) as u32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The wait that `value` asks for at 2026-07-07T12:00:00Z.
    fn after(value: &str) -> Option<Duration> {
        wait_until(value, || Duration::from_secs(1_783_425_600))
    }

    #[test]
    fn a_fraction_is_rounded_up() {
        assert_eq!(after("0.0000000001"), Some(Duration::from_nanos(1)));
        assert_eq!(after("0.0000000000000000000000000001"), Some(Duration::from_nanos(1)));
        assert_eq!(after("1.5"), Some(Duration::from_millis(1500)));
        assert_eq!(after("1.5000000000000000000000"), Some(Duration::from_millis(1500)));
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
            assert_eq!(after(value), None, "{value:?}");
        }
    }

    #[test]
    fn a_two_digit_year_is_near_the_time_of_the_response() {
        assert_eq!(after("Tuesday, 07-Jul-26 12:00:05 GMT"), Some(Duration::from_secs(5)));
    }

    proptest! {
        #[test]
        fn a_date_is_read_at_any_time_if_its_month_has_the_day(
            day in 0..40u32,
            year in 0..10_000u32,
            now in 0..=YEAR_9999.as_secs(),
        ) {
            let now = Duration::from_secs(now);
            let read = |date: String| wait_until(&date, || now).is_some();
            let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let has_day = (1..=if is_leap { 29 } else { 28 }).contains(&day);
            prop_assert_eq!(read(format!("Mon, {day:02} Feb {year:04} 10:00:00 GMT")), has_day);
            // Of the years that end in 00 only some are leap years, so `http_date` tests those.
            let short = year % 100;
            let has_day = (1..=if short % 4 == 0 { 29 } else { 28 }).contains(&day);
            if short != 0 {
                prop_assert_eq!(read(format!("Monday, {day:02}-Feb-{short:02} 10:00:00 GMT")), has_day);
            }
        }
    }
}
