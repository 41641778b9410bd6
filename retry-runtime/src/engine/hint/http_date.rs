//! Reads HTTP dates (RFC 9110 §5.6.7): the three forms of the RFC, and what real servers send.
//!
//! The crate `httpdate` 1.0.3 does not serve: it rejects the second `60` that the grammar allows,
//! and reads a two-digit year by a fixed pivot where the RFC asks for a sliding one. The module
//! [`hint`](super) lists the misspellings that are read. Each of them can mean one instant only.

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const SECONDS_PER_DAY: i64 = 86_400;

/// Returns the seconds since 1970-01-01T00:00:00Z that `value` names, or `None` if it is not an
/// HTTP date.
///
/// `now`, in the same unit, settles the century of a two-digit year.
pub(crate) fn parse(value: &str, now: &dyn Fn() -> i64) -> Option<i64> {
    let text = without_comment(value);
    let behind_weekday = behind_weekday(text);
    let fields: Vec<_> = behind_weekday.unwrap_or(text).split_ascii_whitespace().collect();
    match *fields {
        // 06-Nov-94 08:49:37 GMT
        [date, clock, offset] => {
            let [day, month, year] = date.split('-').collect::<Vec<_>>().try_into().ok()?;
            day_first([day, month, year, clock, offset], now)
        }
        // 06 Nov 1994 08:49:37 GMT
        [first, _, _, _, _] if day(first).is_some() => day_first(fields.try_into().ok()?, now),
        // The other forms begin with a weekday. Without it the first of them would be a local time.
        _ if behind_weekday.is_none() => None,
        // Nov  6 08:49:37 1994
        [month, day, clock, year] if text == value => month_first([month, day, year, clock]),
        // Nov  6 08:49:37 UTC 1994, of `date`
        [month, day, clock, utc, year] if is_utc(utc) => month_first([month, day, year, clock]),
        // Nov 06 1994 08:49:37 GMT+0100, of JavaScript
        [month, day, year, clock, offset] => Some(month_first([month, day, year, clock])? - zone(offset)?),
        _ => None,
    }
}

/// Returns what follows the weekday and its comma, or `None` if there is no weekday.
fn behind_weekday(text: &str) -> Option<&str> {
    let (weekday, rest) = text.split_at(text.find([',', ' ', '\t'])?);
    find_name(weekday, &DAYS)?;
    let rest = rest.trim_start_matches([' ', '\t']);
    Some(rest.strip_prefix(',').unwrap_or(rest))
}

fn day_first([day, month, year, clock, offset]: [&str; 5], now: &dyn Fn() -> i64) -> Option<i64> {
    let (day, month, time) = (self::day(day)?, self::month(month)?, time(clock)?);
    let seconds = match number(year, 4) {
        Some(year) => instant(year, month, day, time)?,
        None => latest_within_50_years(number(year, 2)?, month, day, time, now())?,
    };
    Some(seconds - zone(offset)?)
}

fn month_first([month, day, year, clock]: [&str; 4]) -> Option<i64> {
    instant(number(year, 4)?, self::month(month)?, self::day(day)?, time(clock)?)
}

/// Cuts the name of a zone in parentheses, which may follow the zone.
fn without_comment(text: &str) -> &str {
    let before = text.strip_suffix(')').and_then(|text| text.split_once(" ("));
    before.map_or(text, |(before, _)| before)
}

/// Returns the index of the name that `text` is, or that it cuts short after three letters or more:
/// `Tue`, `Tues`, `tuesday`. Their case does not matter.
fn find_name(text: &str, names: &[&str]) -> Option<usize> {
    let is_meant = |name: &&str| {
        let beginning = name.get(..text.len()).filter(|beginning| beginning.len() >= 3);
        beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(text))
    };
    names.iter().position(is_meant)
}

pub(super) fn number(text: &str, digits: usize) -> Option<i64> {
    if text.len() != digits || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Reads the day of a month.
pub(super) fn day(text: &str) -> Option<i64> {
    number(text, 2).or_else(|| number(text, 1))
}

/// Returns the number of the month with a name.
pub(super) fn month(text: &str) -> Option<i64> {
    i64::try_from(find_name(text, &MONTHS)? + 1).ok()
}

fn time(text: &str) -> Option<i64> {
    let mut fields = text.split(':');
    let mut field = |most| fields.next().and_then(|text| number(text, 2)).filter(|&number| number <= most);
    // 60 is a leap second.
    let (hour, minute, second) = (field(23)?, field(59)?, field(60)?);
    fields.next().is_none().then_some((hour * 60 + minute) * 60 + second)
}

/// Returns the seconds that a zone is ahead of UTC.
fn zone(text: &str) -> Option<i64> {
    match text.split_at_checked(3) {
        Some((name, "")) if is_utc(name) => Some(0),
        Some((name, offset)) if is_utc(name) => self::offset(offset),
        _ => offset(text),
    }
}

/// Returns `true` for a name of the zone of HTTP dates.
pub(super) fn is_utc(text: &str) -> bool {
    text.eq_ignore_ascii_case("GMT") || text.eq_ignore_ascii_case("UTC")
}

/// Reads `+0100` and `+01:00`, and returns the seconds ahead of UTC.
pub(super) fn offset(text: &str) -> Option<i64> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(fields) => fields,
        None => digits.split_at_checked(2)?,
    };
    let hours = number(hours, 2).filter(|&hours| hours <= 23)?;
    let minutes = number(minutes, 2).filter(|&minutes| minutes <= 59)?;
    Some(sign * (hours * 60 + minutes) * 60)
}

pub(super) fn instant(year: i64, month: i64, day: i64, time: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
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
mod tests;
