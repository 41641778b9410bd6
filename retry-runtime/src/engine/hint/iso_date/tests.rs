use super::*;
use proptest::prelude::*;

/// 2026-07-07T12:01:30Z.
const THEN: Duration = Duration::from_secs(1_783_425_690);
const THEN_AT_THE_MINUTE: Duration = Duration::from_secs(1_783_425_660);

#[test]
fn every_form_with_a_zone() {
    for text in [
        "2026-07-07T12:01:30Z",
        "2026-07-07t12:01:30z",
        "2026-07-07 12:01:30Z",
        "2026-07-07T12:01:30.000Z",
        "2026-07-07T12:01:30+00:00",
        "2026-07-07T12:01:30-00:00",
        "2026-07-07T12:01:30+0000",
        "2026-07-07T12:01:30+00",
        "2026-07-07T13:01:30+01:00",
        "2026-07-07T13:01:30+0100",
        "2026-07-07T13:01:30+01",
        "2026-07-07T05:31:30-06:30",
        "2026-07-08T00:01:30+12:00",
        "2026-07-07T12:01:30UTC",
        "2026-07-07 12:01:30 Z",
        "2026-07-07 13:01:30 +01:00",
        "2026-07-07 12:01:30 UTC",
        "2026-07-07 12:01:30 GMT",
        "2026-07-07 12:01:30 +0000",
        "2026-07-07 12:01:30 +0000 UTC",
        "2026-07-07T12:01:30 Z",
        "2026-07-07T12:01:30 utc",
        "2026-07-07T12:01:30,0Z",
        "20260707T120130Z",
        "20260707T120130,0Z",
        "20260707T140130.0+0200",
    ] {
        assert_eq!(parse(text), Some(THEN), "{text}");
    }
    assert_eq!(parse("2026-07-07T12:01Z"), Some(THEN_AT_THE_MINUTE));
    assert_eq!(parse("20260707T1201Z"), Some(THEN_AT_THE_MINUTE));
}

#[test]
fn a_fraction_is_rounded_up() {
    let at = |fraction: &str| parse(&format!("2026-07-07T12:01:30.{fraction}Z"));
    assert_eq!(at("25"), Some(THEN + Duration::from_millis(250)));
    assert_eq!(parse("2026-07-07T12:01:30,25Z"), at("25"));
    assert_eq!(parse("2026-07-07 12:01:30,0000000001 +00:00"), Some(THEN + Duration::from_nanos(1)));
    assert_eq!(at("630990"), Some(THEN + Duration::from_micros(630_990)));
    assert_eq!(at("0000000001"), Some(THEN + Duration::from_nanos(1)));
    assert_eq!(parse("2026-07-07T12:01:60Z"), Some(THEN + Duration::from_secs(30)), "a leap second");
}

#[test]
fn before_1970_is_long_ago() {
    assert_eq!(parse("1969-12-31T23:59:59Z"), Some(Duration::ZERO));
    assert_eq!(parse("1970-01-01T00:00:00+01:00"), Some(Duration::ZERO));
    assert_eq!(parse("0000-01-01T00:00:00Z"), Some(Duration::ZERO));
}

#[test]
fn a_local_time_and_what_is_no_time_is_refused() {
    for text in [
        "",
        "2026-07-07",
        "2026-07-07Z",
        "2026-07-07T12:01:30",
        "2026-07-07 12:01:30",
        "2026-07-07T12:01:30.5",
        "20260707T120130",
        "2026-07-07T12:01:30 ",
        "2026-07-07T12:01:30 PST",
        "2026-07-07T12:01:30Europe/Berlin",
        "2026-07-07T12:01:30ZZ",
        "2026-07-07T12:01:30+1:00",
        "2026-07-07T12:01:30+01:0",
        "2026-07-07T12:01:30+24:00",
        "2026-07-07T12:01:30+01:60",
        "2026-07-07T12:01:30+010",
        "2026-07-07T12:01:30+",
        "2026-07-07T12Z",
        "2026-07-07T12:1:30Z",
        "2026-07-07T24:00:00Z",
        "2026-07-07T12:60:30Z",
        "2026-07-07T12:01:61Z",
        "2026-07-07T12:01:30.Z",
        "2026-07-07T12:01:.5Z",
        "2026-07-07T12:01:30:00Z",
        "2026-07-07T12:01:30,5",
        "2026-07-07T12:01:30,Z",
        "2026-07-07T12:01:30,5,5Z",
        "2026-07-07T12:01:30.5,5Z",
        "2026-07-07T12:01,5Z",
        "2026-13-07T12:01:30Z",
        "2026-00-07T12:01:30Z",
        "2026-02-29T12:01:30Z",
        "2026-7-07T12:01:30Z",
        "26-07-07T12:01:30Z",
        "+2026-07-07T12:01:30Z",
        "-026-07-07T12:01:30Z",
        "2026/07/07T12:01:30Z",
        "2026-07-07_12:01:30Z",
        "2026-W28-2T12:01:30Z",
        "2026-07-07T12:01:3\u{663}Z",
        "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}T12:01:30Z",
    ] {
        assert_eq!(parse(text), None, "{text:?}");
    }
}

proptest! {
    #[test]
    fn never_panics(text in ".{0,40}", date in "[0-9T:.Zz+ -]{0,30}") {
        parse(&text);
        parse(&date);
    }

    #[test]
    fn an_offset_moves_the_instant(hours in 0..24i64, minutes in 0..60i64, is_ahead: bool) {
        let sign = if is_ahead { '+' } else { '-' };
        let ahead = (hours * 60 + minutes) * 60 * if is_ahead { 1 } else { -1 };
        let expected = Duration::from_secs(THEN.as_secs().checked_add_signed(-ahead).unwrap());
        for zone in [format!("{sign}{hours:02}:{minutes:02}"), format!("{sign}{hours:02}{minutes:02}")] {
            prop_assert_eq!(parse(&format!("2026-07-07T12:01:30{zone}")), Some(expected));
        }
    }
}
