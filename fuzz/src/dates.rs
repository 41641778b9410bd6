//! Dates and numbers, as the values of headers have them.

use std::time::{Duration, SystemTime};

#[path = "../../retry-runtime/src/engine/hint/http_date.rs"]
mod http_date;
#[path = "../../retry-runtime/src/engine/hint/iso_date.rs"]
mod iso_date;
#[path = "../../retry-runtime/src/engine/hint/number.rs"]
mod number;

/// The years 0 to 9999, and a day more at each end, for zones and the second 60.
const YEARS: std::ops::Range<i64> = -62_167_305_600..253_402_387_200;
const NOW: Duration = Duration::from_secs(1_768_900_000);

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let seconds = i64::try_from(NOW.as_secs()).expect("it is small");
    let date = http_date::parse(text, &|| seconds);
    assert!(date.is_none_or(|date| YEARS.contains(&date)), "{date:?}");
    let iso = iso_date::parse(text);
    assert!(iso.is_none_or(|time| time < Duration::from_secs(253_402_387_200)), "{iso:?}");

    // What another parser reads is read, and as it reads it. A year of two digits depends on the
    // time.
    let has_short_year = text.contains('-');
    // No value of a header begins or ends with a space (RFC 9110 §5.5).
    if let Ok(other) = httpdate::parse_http_date(text)
        && !has_short_year
        && text.trim() == text
    {
        let other = match other.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).expect("it is small"),
            Err(before) => -i64::try_from(before.duration().as_secs()).expect("it is small"),
        };
        assert_eq!(date, Some(other));
    }

    let sent_at = || NOW;
    let seconds = number::wait_until(text, &sent_at);
    let milliseconds = number::wait_in_milliseconds(text, &sent_at);
    // From 10⁹ on a number is a Unix time, which may be over.
    let is_wait = (1..10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    assert!(!is_wait || (seconds.is_some() && milliseconds.is_some()), "a number is a wait");
    if let Some(wait) = number::decimal_seconds(text) {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        assert!(digits > 0, "{wait:?}");
    }
    _ = (number::clock(text), number::go_duration(text));
}
