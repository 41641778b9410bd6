//! Reads times as servers write them: numbers, Go durations, Unix times and dates.

use std::time::Duration;

use super::{http_date, iso_date};

/// The least number of seconds that is read as a Unix time: 2001-09-09T01:46:40Z. As a wait it
/// would be 31 years.
const FIRST_UNIX_TIME: Duration = Duration::from_secs(1_000_000_000);

/// The least number that is read as a Unix time in milliseconds. In seconds it would be the year
/// 33658.
const FIRST_UNIX_MILLISECONDS: Duration = Duration::from_secs(1_000_000_000_000);

/// The last second that an HTTP date can name. A clock beyond it is wrong.
pub(super) const YEAR_9999: Duration = Duration::from_secs(253_402_300_799);

/// Reads a time in any form and returns the wait until then: zero for a date in the past.
///
/// `sent_at` returns the time since 1970 to measure from. It is called only for an absolute time.
pub(super) fn wait_until(value: &str, sent_at: &dyn Fn() -> Duration) -> Option<Duration> {
    if let Some(seconds) = decimal_seconds(value) {
        return wait_in_seconds(seconds, sent_at);
    }
    wait_with_unit(value, sent_at)
}

/// Reads a Go duration or a date, which both say their unit, and returns the wait.
fn wait_with_unit(value: &str, sent_at: &dyn Fn() -> Duration) -> Option<Duration> {
    go_duration(value).or_else(|| {
        let date = iso_date::parse(value).or_else(|| {
            let date = http_date::parse(value, &|| whole_seconds(sent_at()))?;
            // A date before 1970 is in the past like any other.
            Some(Duration::from_secs(u64::try_from(date).unwrap_or(0)))
        });
        Some(date?.saturating_sub(sent_at()))
    })
}

/// Tells a wait from a Unix time, and returns the wait. Returns `None` for a Unix time that has
/// passed.
pub(super) fn wait_in_seconds(seconds: Duration, sent_at: &dyn Fn() -> Duration) -> Option<Duration> {
    if seconds < FIRST_UNIX_TIME {
        return Some(seconds);
    }
    let is_in_milliseconds = seconds >= FIRST_UNIX_MILLISECONDS && seconds <= YEAR_9999 * 1000;
    wait_from_unix_time(if is_in_milliseconds { seconds / 1000 } else { seconds }, sent_at)
}

/// Reads a number of milliseconds, or a Unix time in milliseconds, and returns the wait. A value
/// that says its unit has that one.
pub(super) fn wait_in_milliseconds(value: &str, sent_at: &dyn Fn() -> Duration) -> Option<Duration> {
    match milliseconds(value) {
        Some(wait) if wait < FIRST_UNIX_TIME => Some(wait),
        Some(time) => wait_from_unix_time(time, sent_at),
        None => wait_with_unit(value, sent_at),
    }
}

fn wait_from_unix_time(time: Duration, sent_at: &dyn Fn() -> Duration) -> Option<Duration> {
    time.checked_sub(sent_at()).filter(|wait| !wait.is_zero())
}

/// Reads `hh:mm:ss`.
pub(super) fn clock(value: &str) -> Option<Duration> {
    let mut fields = value.split(':');
    let mut field = || {
        let text = fields.next()?;
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    let mut seconds = field()?;
    for _ in 0..2 {
        seconds = seconds.saturating_mul(60).saturating_add(field()?);
    }
    fields.next().is_none().then_some(Duration::from_secs(seconds))
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
fn milliseconds(value: &str) -> Option<Duration> {
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
mod tests;
