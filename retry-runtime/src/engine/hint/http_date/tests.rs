use super::*;
use proptest::prelude::*;

fn parse(text: &str, now: i64) -> Option<i64> {
    super::parse(text, &|| now)
}

const NOV_1994: i64 = 784_111_777;

#[test]
fn reads_the_three_forms_of_the_rfc() {
    assert_eq!(parse("Sun, 06 Nov 1994 08:49:37 GMT", NOV_1994), Some(NOV_1994));
    assert_eq!(parse("Sunday, 06-Nov-94 08:49:37 GMT", NOV_1994), Some(NOV_1994));
    assert_eq!(parse("Sun Nov  6 08:49:37 1994", NOV_1994), Some(NOV_1994));
}

#[test]
fn a_two_digit_year_is_the_latest_within_50_years() {
    let at = |year, month, day| instant(year, month, day, 0).unwrap();
    let read = |text: &str, now| parse(&format!("Friday, {text} 00:00:00 GMT"), now).unwrap();
    assert_eq!(read("01-Jan-76", at(2026, 1, 1)), at(2076, 1, 1), "exactly 50 years is not more than 50");
    assert_eq!(read("02-Jan-76", at(2026, 1, 1)), at(1976, 1, 2));
    let noon = at(2026, 1, 1) + SECONDS_PER_DAY / 2;
    let read_at = |time: &str| parse(&format!("Friday, 01-Jan-76 {time} GMT"), noon);
    assert_eq!(read_at("12:00:00"), Some(at(2076, 1, 1) + SECONDS_PER_DAY / 2));
    assert_eq!(read_at("12:00:01"), Some(at(1976, 1, 1) + SECONDS_PER_DAY / 2 + 1));
    assert_eq!(read("01-Jan-00", at(2099, 12, 31)), at(2100, 1, 1), "across the turn of a century");
    let spaced = |text: &str, now| parse(&format!("Fri, {text} 00:00:00 GMT"), now).unwrap();
    assert_eq!(spaced("01 Jan 76", at(2026, 1, 1)), at(2076, 1, 1));
    assert_eq!(spaced("02 Jan 76", at(2026, 1, 1)), at(1976, 1, 2));
    assert_eq!(read("29-Feb-00", at(2090, 1, 1)), at(2000, 2, 29), "2100 has no such day");
}

#[test]
fn reads_what_real_servers_send() {
    assert_eq!(parse("Sun, 6 Nov 1994 08:49:37 UTC", NOV_1994), Some(NOV_1994));
    assert_eq!(parse("Sunday, 6-Nov-94 08:49:37 UTC", NOV_1994), Some(NOV_1994));
    assert_eq!(parse("Sun Nov 6 08:49:37 1994", NOV_1994), Some(NOV_1994));
    assert_eq!(parse("Mon, 06 Nov 1994 08:49:37 GMT", NOV_1994), Some(NOV_1994), "it was a Sunday");
    assert_eq!(parse("Sun, 06 Nov 1994 08:49:60 GMT", NOV_1994), Some(NOV_1994 + 23), "a leap second");
    assert_eq!(parse("Sat, 31 Dec 1994 23:59:60 GMT", NOV_1994), Some(788_918_400), "the next year's first");
}

#[test]
fn reads_zones_and_other_misspellings() {
    for text in [
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37 -0000",
        "Sun, 06 Nov 1994 08:49:37 +00:00",
        "Sun, 06 Nov 1994 08:49:37 GMT+0000",
        "Sun, 06 Nov 1994 09:49:37 GMT+01:00",
        "Sun, 06 Nov 1994 09:49:37 UTC+0100",
        "Sunday, 06-Nov-94 09:49:37 UTC+01:00 (CET)",
        "Sun, 06 Nov 1994 08:49:37 +0000 (UTC)",
        "Sun, 06 Nov 1994 09:49:37 +0100",
        "Sun, 06 Nov 1994 09:49:37 +01:00",
        "Sun, 06 Nov 1994 00:49:37 -0800 (PST)",
        "Mon, 07 Nov 1994 00:49:37 +1600",
        "06 Nov 1994 08:49:37 GMT",
        "6 Nov 1994 08:49:37 UTC",
        "06-Nov-94 08:49:37 GMT",
        "06-Nov-1994 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sunday, 06-Nov-1994 09:49:37 +0100",
        "Sun Nov 06 1994 08:49:37 GMT+0000 (Coordinated Universal Time)",
        "Sun Nov 06 1994 09:49:37 GMT+0100 (Central European Standard Time)",
        "Sun Nov 06 1994 09:49:37 GMT+0100",
        "Sun Nov  6 08:49:37 UTC 1994",
        "Sun Nov 6 08:49:37 GMT 1994",
        "sun, 06 nov 1994 08:49:37 gmt",
        "SUN, 06 NOV 1994 08:49:37 UTC",
        "sunday, 06-nov-94 08:49:37 gmt",
        "sun nov  6 08:49:37 1994",
        "SUN NOV 06 1994 09:49:37 gmt+0100 (Central European Standard Time)",
        "sun nov  6 08:49:37 utc 1994",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "Sun,  06 Nov 1994 08:49:37 GMT",
        "Sun,\t06  Nov 1994  08:49:37 GMT ",
        "Sun , 06 Nov 1994 08:49:37 GMT",
        "Sun 06 Nov 1994 08:49:37 GMT",
        "Sunday 06-Nov-94 08:49:37 GMT",
        "Sun,06-Nov-94 08:49:37 GMT",
        "Sun, Nov 6 08:49:37 1994",
        "Sun Nov   6 08:49:37 1994",
        "Sund, 06 Nov 1994 08:49:37 GMT",
        "06 November 1994 08:49:37 GMT",
        "Sunday, 6 november 1994 08:49:37 GMT",
        "Sun, 06-November-1994 08:49:37 GMT",
        "Sun November 6 08:49:37 1994",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "6 Nov 94 09:49:37 +0100",
    ] {
        assert_eq!(parse(text, NOV_1994), Some(NOV_1994), "{text}");
    }
}

#[test]
fn weekdays_and_months_of_three_letters_or_more() {
    for weekday in ["Tue", "Tues", "Tuesday", "Thu", "Thur", "Thurs", "Thursday", "WED", "wednes", "Satur"] {
        assert_eq!(parse(&format!("{weekday}, 06 Nov 1994 08:49:37 GMT"), 0), Some(NOV_1994), "{weekday}");
    }
    for (month, number) in
        ["Jan", "Febr", "march", "APRIL", "May", "June", "July", "Aug", "Sept"].iter().zip(1..)
    {
        let expected = instant(2026, number, 20, 43_260);
        assert_eq!(parse(&format!("Tue, 20 {month} 2026 12:01:00 GMT"), 0), expected, "{month}");
    }
}

#[test]
fn refuses_what_is_not_a_date() {
    for text in [
        "",
        " ",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 PST",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 29 Feb 1900 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 Z",
        "Sun, 06 Nov 1994 08:49:37.5 GMT",
        "Sun, 06 Nov 10000 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT, Mon, 07 Nov 1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 94",
        "Sun, +6 Nov 1994 08:49:37 GMT",
        "Sun,, 06 Nov 1994 08:49:37 GMT",
        "Sundays, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 No 1994 08:49:37 GMT",
        "Sun, 06 Novembers 1994 08:49:37 GMT",
        "Sun, 06 Nov 994 08:49:37 GMT",
        "Sun, 06-Nov 1994 08:49:37 GMT",
        "Nov  6 08:49:37 1994",
        "Nov 06 1994 08:49:37 GMT",
        "Su, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94-1 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994 GMT",
        "1994-11-06T08:49:37Z",
        "Zun, 06 Nov 1994 08:49:37 GMT",
        "Zun Nov  6 08:49:37 1994",
        "06 Nov 1994 08:49:37",
        "06-Nov-94 08:49:37",
        "6 Nov 1994",
        "Sun, 06 Nov 1994 08:49:37 GMT+1",
        "Sun, 06 Nov 1994 08:49:37 +1:00",
        "Sun, 06 Nov 1994 08:49:37 +24:00",
        "Sun, 06 Nov 1994 08:49:37 +0060",
        "Sun, 06 Nov 1994 08:49:37 +",
        "Sun, 06 Nov 1994 08:49:37 0100",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Nov 1994 08:49:37 (GMT)",
        "Sun Nov 06 1994 08:49:37",
        "Sun Nov 06 1994 08:49:37 (Central European Standard Time)",
        "Sun Nov  6 08:49:37 1994 (UTC)",
        "Sun Nov  6 08:49:37 CET 1994",
        "Sun Nov  6 08:49:37 UTC",
        "Someday, 06-Nov-94 08:49:37 GMT",
        "Xxx Nov  6 08:49:37 1994",
    ] {
        assert_eq!(parse(text, NOV_1994), None, "{text:?}");
    }
}

#[test]
fn the_last_day_of_an_era_of_400_years() {
    assert_eq!(civil(days(2000, 2, 29)), (2000, 2, 29));
    assert_eq!(civil(days(2000, 2, 29) + 1), (2000, 3, 1));
}

proptest! {
    #[test]
    fn days_and_civil_are_inverse(day in -1_000_000i64..4_000_000) {
        let (year, month, day_of_month) = civil(day);
        prop_assert_eq!(days(year, month, day_of_month), day);
        prop_assert!((1..=12).contains(&month) && (1..=31).contains(&day_of_month));
    }

    #[test]
    fn reads_back_what_it_is_given(seconds in -62_135_596_800i64..=253_402_300_799) {
        let (year, month, day) = civil(seconds.div_euclid(SECONDS_PER_DAY));
        let time = seconds.rem_euclid(SECONDS_PER_DAY);
        let name = &MONTHS[usize::try_from(month - 1).unwrap()][..3];
        let clock = format!("{:02}:{:02}:{:02}", time / 3600, time / 60 % 60, time % 60);
        prop_assert_eq!(parse(&format!("Mon, {day:02} {name} {year:04} {clock} GMT"), 0), Some(seconds));
        prop_assert_eq!(parse(&format!("Mon {name} {day:2} {clock} {year:04}"), 0), Some(seconds));
        let short = year.rem_euclid(100);
        prop_assert_eq!(
            parse(&format!("Monday, {day:02}-{name}-{short:02} {clock} GMT"), seconds),
            Some(seconds)
        );
    }

    #[test]
    fn never_panics(text in ".{0,40}", now in -62_135_596_800i64..=253_402_300_799) {
        parse(&text, now);
    }
}
