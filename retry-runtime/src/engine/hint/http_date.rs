//! Reads HTTP dates (RFC 9110 §5.6.7): the three forms of the RFC, and what real servers send.
//!
//! The crate `httpdate` 1.0.3 does not serve: it rejects the second `60` that the grammar allows,
//! and reads a two-digit year by a fixed pivot where the RFC asks for a sliding one. Beyond the
//! grammar this parser accepts a one-digit day, and `UTC` for `GMT`. The weekday must be a weekday,
//! but not the right one, since the date says all that it says.

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const SECONDS_PER_DAY: i64 = 86_400;

/// Returns the seconds since 1970-01-01T00:00:00Z that `text` names, or `None` if it is not an HTTP
/// date.
///
/// `now`, in the same unit, settles the century of a two-digit year.
pub(crate) fn parse(text: &str, now: i64) -> Option<i64> {
    let mut fields = text.split(' ');
    let weekday = fields.next()?;
    let seconds = match weekday.strip_suffix(',') {
        // Sun, 06 Nov 1994 08:49:37 GMT
        Some(short) if is_short_weekday(short) => {
            let (day, month) = (day(fields.next()?)?, month(fields.next()?)?);
            let year = number(fields.next()?, 4)?;
            let time = time(fields.next()?)?;
            zone(fields.next()?)?;
            instant(year, month, day, time)?
        }
        // Sunday, 06-Nov-94 08:49:37 GMT
        Some(long) if DAYS.contains(&long) => {
            let mut date = fields.next()?.split('-');
            let (day, month) = (day(date.next()?)?, month(date.next()?)?);
            let year = number(date.next()?, 2)?;
            if date.next().is_some() {
                return None;
            }
            let time = time(fields.next()?)?;
            zone(fields.next()?)?;
            latest_within_50_years(year, month, day, time, now)?
        }
        // Sun Nov  6 08:49:37 1994
        None if is_short_weekday(weekday) => {
            let month = month(fields.next()?)?;
            let day = match fields.next()? {
                "" => number(fields.next()?, 1)?,
                padded => day(padded)?,
            };
            let time = time(fields.next()?)?;
            instant(number(fields.next()?, 4)?, month, day, time)?
        }
        _ => return None,
    };
    fields.next().is_none().then_some(seconds)
}

fn is_short_weekday(text: &str) -> bool {
    text.len() == 3 && DAYS.iter().any(|day| day.starts_with(text))
}

fn number(text: &str, digits: usize) -> Option<i64> {
    if text.len() != digits || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn day(text: &str) -> Option<i64> {
    number(text, 2).or_else(|| number(text, 1))
}

fn month(text: &str) -> Option<i64> {
    (1..).zip(MONTHS).find_map(|(number, name)| (name == text).then_some(number))
}

fn time(text: &str) -> Option<i64> {
    let mut fields = text.split(':');
    let mut field = |most| fields.next().and_then(|text| number(text, 2)).filter(|&number| number <= most);
    // 60 is a leap second.
    let (hour, minute, second) = (field(23)?, field(59)?, field(60)?);
    fields.next().is_none().then_some((hour * 60 + minute) * 60 + second)
}

fn zone(text: &str) -> Option<()> {
    matches!(text, "GMT" | "UTC").then_some(())
}

fn instant(year: i64, month: i64, day: i64, time: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    (1..=length).contains(&day).then(|| days(year, month, day) * SECONDS_PER_DAY + time)
}

/// Returns the instant of a date with a two-digit year.
///
/// "Recipients … MUST interpret a timestamp that appears to be more than 50 years in the future as
/// representing the most recent year in the past that had the same last two digits."
fn latest_within_50_years(year: i64, month: i64, day: i64, time: i64, now: i64) -> Option<i64> {
    let (this_year, this_month, today) = civil(now.div_euclid(SECONDS_PER_DAY));
    let horizon = days(this_year + 50, this_month, today) * SECONDS_PER_DAY + now.rem_euclid(SECONDS_PER_DAY);
    let century = this_year - this_year.rem_euclid(100);
    [100, 0, -100]
        .into_iter()
        .filter_map(|offset| instant(century + offset + year, month, day, time))
        .find(|&seconds| seconds <= horizon)
}

/// Returns the days from 1970-01-01 to a date of the proleptic Gregorian calendar. Years are
/// counted from March, so that the leap day is the last day of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

/// Returns the year, month and day of a number of days since 1970-01-01. The inverse of [`days`].
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = (shifted + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
        assert_eq!(read("29-Feb-00", at(2090, 1, 1)), at(2000, 2, 29), "2100 has no such day");
    }

    #[test]
    fn reads_what_real_servers_send() {
        assert_eq!(parse("Sun, 6 Nov 1994 08:49:37 UTC", NOV_1994), Some(NOV_1994));
        assert_eq!(parse("Sunday, 6-Nov-94 08:49:37 UTC", NOV_1994), Some(NOV_1994));
        assert_eq!(parse("Sun Nov 6 08:49:37 1994", NOV_1994), Some(NOV_1994));
        assert_eq!(parse("Mon, 06 Nov 1994 08:49:37 GMT", NOV_1994), Some(NOV_1994), "it was a Sunday");
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:60 GMT", NOV_1994), Some(NOV_1994 + 23), "a leap second");
        assert_eq!(
            parse("Sat, 31 Dec 1994 23:59:60 GMT", NOV_1994),
            Some(788_918_400),
            "the next year's first"
        );
    }

    #[test]
    fn refuses_what_is_not_a_date() {
        for text in [
            "",
            " ",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 PST",
            "Sun, 06 Nov 1994 08:49:37 GMT ",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 29 Feb 1900 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 gmt",
            "Sun, 06 Nov 1994 08:49:37 +0000",
            "Sun, 06 Nov 1994 08:49:37 Z",
            "Sun, 06 Nov 1994 08:49:37.5 GMT",
            "Sun,\t06 Nov 1994 08:49:37 GMT",
            "Sun,  06 Nov 1994 08:49:37 GMT",
            "Sun 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06-Nov-94 08:49:37 GMT",
            "Sun, 06 Nov 10000 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT, Mon, 07 Nov 1994 08:49:37 GMT",
            "Sun Nov   6 08:49:37 1994",
            "Sun Nov 6 08:49:37 94",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Su, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Sunday, 06-Nov-94-1 08:49:37 GMT",
            "Sun Nov 6 08:49:37 1994 GMT",
            "1994-11-06T08:49:37Z",
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
            let name = MONTHS[usize::try_from(month - 1).unwrap()];
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
}
