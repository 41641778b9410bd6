use super::*;
use proptest::prelude::*;

/// The wait that `value` asks for at 2026-07-07T12:00:00Z.
fn after(value: &str) -> Option<Duration> {
    wait_until(value, &|| Duration::from_secs(1_783_425_600))
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
    for past in ["1000000000", "1372700873", "1783425600", "1704067200000", "1000000000000", "1783425600000"]
    {
        assert_eq!(after(past), None, "{past}");
    }
    assert_eq!(after("999999999"), Some(Duration::from_secs(999_999_999)));
}

#[test]
fn milliseconds_from_2001_on_are_a_unix_time() {
    let after = |value| wait_in_milliseconds(value, &|| Duration::from_secs(1_783_425_600));
    assert_eq!(after("999999999999"), Some(Duration::from_millis(999_999_999_999)));
    assert_eq!(after("1000000000000"), None, "it has passed");
    assert_eq!(after("1783425605250"), Some(Duration::from_millis(5250)));
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
    for value in ["+1", "-1", "1e3", "0x10", "inf", "nan", "1_000", "1,5", "1.", ".5", "1.5.6", "1;2", "٣"] {
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
        let read = |date: String| wait_until(&date, &|| now).is_some();
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

#[test]
fn milliseconds_and_unix_times_in_them() {
    let after = |value| wait_in_milliseconds(value, &|| Duration::from_secs(1_783_425_600));
    assert_eq!(after("1500"), Some(Duration::from_millis(1500)));
    assert_eq!(after("0.5"), Some(Duration::from_micros(500)));
    assert_eq!(after("1704067200"), Some(Duration::from_millis(1_704_067_200)));
    assert_eq!(after("1783425605250"), Some(Duration::from_millis(5250)));
    assert_eq!(after("1783425600000"), None, "now");
    for value in ["12:00:00", "2026-07-07T12:01:30", "-5", "5 s", ""] {
        assert_eq!(after(value), None, "{value}");
    }
    for (value, seconds) in [
        ("5s", 5),
        ("5000ms", 5),
        ("1m0s", 60),
        ("2026-07-07T12:01:30Z", 90),
        ("Tue, 07 Jul 2026 12:01:30 GMT", 90),
    ] {
        assert_eq!(after(value), Some(Duration::from_secs(seconds)), "the unit is written out: {value}");
    }
}

#[test]
fn a_clock_is_hours_minutes_and_seconds() {
    assert_eq!(clock("00:00:03"), Some(Duration::from_secs(3)));
    assert_eq!(clock("1:02:03"), Some(Duration::from_secs(3723)));
    assert_eq!(clock(&format!("{0}:{0}:{0}", "9".repeat(30))), Some(Duration::from_secs(u64::MAX)));
    for value in ["", "3", "00:03", "00:00:00:03", "00:00:-3", "00::03", "00:00:+3", "00:00:0.5"] {
        assert_eq!(clock(value), None, "{value}");
    }
}

#[test]
fn times_with_a_zone() {
    assert_eq!(after("2026-07-07T12:01:30Z"), Some(Duration::from_secs(90)));
    assert_eq!(after("2026-07-07T13:01:30.25+01:00"), Some(Duration::from_millis(90_250)));
    assert_eq!(after("2026-07-07T11:00:00Z"), Some(Duration::ZERO));
    assert_eq!(after("2026-07-07T12:01:30"), None);
}
