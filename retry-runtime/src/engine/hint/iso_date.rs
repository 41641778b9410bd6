//! Reads times of RFC 3339 and ISO 8601, if they name a zone.

use std::time::Duration;

use super::http_date::{instant, is_utc, number, offset};
use super::number::decimal_seconds;

/// Returns the time since 1970 that `text` names: zero for one before 1970, and `None` if it is no
/// such time. A local time, without a zone, may be any.
///
/// Beyond RFC 3339 it reads what ISO 8601 and real servers write: no seconds (`12:01Z`), a decimal
/// comma (`12:01:30,5Z`), offsets without a colon or minutes (`+0100`, `+01`), the basic format
/// (`20260707T120130Z`), a space before the zone, and `UTC` or `GMT` for it.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let is_basic = text.as_bytes().get(8) == Some(&b'T');
    let (date, rest) = text.split_at_checked(if is_basic { 8 } else { 10 })?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, zone) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && !":.,".contains(c))?);

    let (year, month, day) = if is_basic {
        (date.get(..4)?, date.get(4..6)?, date.get(6..)?)
    } else {
        let mut fields = date.split('-');
        (fields.next()?, fields.next()?, fields.next()?)
    };
    let (hour, minute, second) = if is_basic {
        (clock.get(..2)?, clock.get(2..4)?, clock.get(4..).filter(|second| !second.is_empty()))
    } else {
        let mut fields = clock.splitn(3, ':');
        (fields.next()?, fields.next()?, fields.next())
    };
    let hour = number(hour, 2).filter(|&hour| hour <= 23)?;
    let minute = number(minute, 2).filter(|&minute| minute <= 59)?;
    let second = second.map_or(Some(Duration::ZERO), seconds)?;

    let time = (hour * 60 + minute) * 60 - self::zone(zone)?;
    let instant = instant(number(year, 4)?, number(month, 2)?, number(day, 2)?, time)?;
    Some(u64::try_from(instant).map_or(Duration::ZERO, |instant| Duration::from_secs(instant) + second))
}

/// Reads `30`, `30.5` and `30,5`. 60 is a leap second.
fn seconds(text: &str) -> Option<Duration> {
    let whole = text.split(['.', ',']).next()?;
    number(whole, 2).filter(|&second| second <= 60)?;
    decimal_seconds(&text.replacen(',', ".", 1))
}

/// Returns the seconds that a zone is ahead of UTC.
fn zone(text: &str) -> Option<i64> {
    let text = text.trim_start_matches(' ');
    // Go prints an offset and a name.
    let text = if text.eq_ignore_ascii_case("+0000 UTC") { "UTC" } else { text };
    match text {
        "Z" | "z" => Some(0),
        _ if is_utc(text) => Some(0),
        _ if text.len() == 3 => offset(&format!("{text}00")),
        _ => offset(text),
    }
}

#[cfg(test)]
mod tests;
