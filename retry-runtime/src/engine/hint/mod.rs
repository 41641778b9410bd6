//! Reads the wait that a server asks for (a *hint*) from the headers of its response. The functions
//! take the current time as an argument.
//!
//! The code that the attribute generates reads hints itself. Call these functions to learn the wait
//! from a response that a call returns.
//!
//! # Order
//!
//! 1. `Retry-After` (RFC 9110 §10.2.3), and its forms in milliseconds: `retry-after-ms`,
//!    `x-ms-retry-after-ms` and `x-amz-retry-after`. These headers are about this very request. The
//!    longest wait counts, with one exception: milliseconds that round up to the seconds of
//!    `Retry-After` count instead of them. `1500` beside `2` is 1.5 s, but `500` beside `60` is 60
//!    s.
//! 2. The headers about quotas, if none of the above asks for a wait: `RateLimit`
//!    (draft-ietf-httpapi-ratelimit-headers, both the dictionary of draft 07 and the list of later
//!    drafts), `RateLimit-Reset`, `X-RateLimit-Reset`, `X-RateLimit-Reset-After`,
//!    `X-RateLimit-Reset-Requests`, `X-RateLimit-Reset-Tokens`, `X-Rate-Limit-Reset`,
//!    `anthropic-ratelimit-requests-reset`, `anthropic-ratelimit-tokens-reset`, and the others in
//!    [`vendors.rs`](https://github.com/retry-http/retry-http/blob/main/retry-runtime/src/engine/hint/vendors.rs).
//!    The headers that a policy names, as in `hint = ["x-my-reset"]`, belong to this group. The
//!    longest wait counts. A quota counts only if nothing of it remains, or if no header says how
//!    much remains. For `X-RateLimit-Reset` that header is `X-RateLimit-Remaining`; for
//!    `x-my-reset` it is `x-my-remaining` or `x-my-remain`.
//!
//! A value that cannot be read does not hide the other values, and neither does a value that asks
//! for no wait: zero, or a time in the past. If a header occurs several times, all its lines are
//! read, also if a proxy has joined them with commas. A comma within a date does not separate
//! values: `1994-11-06 08:49:37,5` and `Nov 6, 1994` are one value each.
//!
//! # Values
//!
//! - Seconds, also with decimals: `120`, `0.503`. A number of 10⁹ or more is a Unix time in
//!   seconds, and a number of 10¹² or more is a Unix time in milliseconds, up to the year 9999. A
//!   Unix time that has passed is no hint.
//! - Milliseconds, or a Unix time in milliseconds, if the name of the header ends in `-ms` or the
//!   documentation of the server says so, as for `x-amz-retry-after` and `gw-ratelimit-reset`. A
//!   value with a unit is read in that unit in these headers as well: `5s` is 5 s.
//! - Go durations: `1m0s`, `7.66s`, `76ms`, and also `us`, `µs`, `ns` and `h`.
//! - Dates, in the three forms of RFC 9110 §5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`,
//!   `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`.
//! - Times of RFC 3339: `1994-11-06T08:49:37Z`, `1994-11-06 09:49:37.5+01:00`.
//! - Numbers with commas between the thousands. `3,600` could also be a list of two numbers; the
//!   longer wait counts, which is an hour.
//! - Special forms in some headers: `hh:mm:ss` in `x-ms-user-quota-resets-after`, and
//!   `total=100; remaining=0; resets=41` in `zendesk-ratelimit-*`. A header that a policy names may
//!   have any of these forms, and those of `RateLimit`. If its name ends in `-ms`, the value is a
//!   number of milliseconds, a value with a unit, a date, or `hh:mm:ss`.
//!
//! Dates that deviate from these RFCs are read as well. A date may have
//!
//! - names in upper or lower case, of days, months and the zone (`sun, 06 nov 1994 08:49:37 gmt`),
//! - names of days and months at any length from three letters on (`Tues`, `Sept`, `November`),
//! - no comma after the weekday, no space after that comma, and several spaces instead of one,
//! - a day of one digit (`Sun, 6 Nov 1994`, `Sun Nov 6 08:49:37 1994`), the wrong weekday, or,
//!   where the day comes first, none (`06 Nov 1994 08:49:37 GMT`, `06-Nov-94 08:49:37 GMT`),
//! - a long weekday before a short date and the reverse, a year of two digits between spaces
//!   (`Sun, 06 Nov 94`, RFC 822), whose century is found by the rule of RFC 9110, and a year of
//!   four digits between hyphens (`Sun, 06-Nov-1994`),
//! - another zone instead of `GMT`: `UTC`, `UT`, `Z`, an offset (`+0000`, `-08:00`), or both
//!   (`GMT+0100`, `UTC+01:00`), also with the name of the zone after it, in parentheses,
//! - the form of JavaScript: `Sun Nov 06 1994 09:49:37 GMT+0100 (Central European Standard Time)`,
//! - the form of `date`: `Sun Nov  6 08:49:37 UTC 1994`, also with `GMT`,
//! - the second `60` at any time, read as the first second of the next minute.
//!
//! A time of RFC 3339 may also be one of ISO 8601: without seconds (`1994-11-06T08:49Z`), with a
//! decimal comma (`08:49:37,5Z`), with an offset without a colon or minutes (`+0100`, `+01`), or in
//! the basic format (`19941106T084937Z`). It may have the second `60` at any time. The zone may be
//! `UTC`, `GMT` or `+0000 UTC`, and a space may precede any zone.
//!
//! Numbers with signs, exponents (`1e3`), other radices (`0x10`), underscores or digits that are
//! not ASCII are not read, and neither is `inf`. A time without a zone is not read, except in the
//! third form of RFC 9110, which is in GMT. A date after a misspelt weekday is not read:
//! `Zun, 06 Nov 1994 08:49:37 GMT`.
//!
//! Times are compared with the `Date` header of the response, which may deviate from RFC 9110 as
//! well, so a wrong clock of the client does not matter.

use std::borrow::Cow;
use std::cell::LazyCell;
use std::time::{Duration, SystemTime};

use http::header::{AGE, AsHeaderName, DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue};

use number::{YEAR_9999, clock, decimal_seconds, wait_in_milliseconds, wait_until, whole_seconds};
use vendors::{Form, RETRY_AFTER_MS, Vendor};

mod http_date;
mod iso_date;
mod number;
mod rate_limit;
mod vendors;

/// A wait that the server asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hint {
    /// The wait, counted from the arrival of the response. It is zero if the server asks for zero,
    /// or names a date in the past.
    pub wait: Duration,
    /// The name of the header that asks for the wait: in lower case, or as the policy writes it if
    /// the policy names the header.
    pub header: &'static str,
}

/// How directly a hint is about the request that it answers, from the least direct on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum HintKind {
    /// A header tells when a quota is renewed, and not how much of it remains.
    #[default]
    Renewal,
    /// A header tells that nothing remains of a quota.
    UsedUp,
    /// The server asks to wait in answer to this very request.
    Explicit,
    /// An error of the user's says so.
    Reported,
}

impl Hint {
    /// Returns `true` if the wait is about this very request: if `Retry-After`, one of its forms in
    /// milliseconds, or a header of `names` asks for it. `names` are the headers that the policy
    /// names: see [`Policy::hint`](crate::Policy::hint).
    ///
    /// Any other hint is about a quota. Servers send the headers of a quota with every response,
    /// whatever its cause, so they do not show that the request was not processed.
    ///
    /// ```
    /// use http::{HeaderMap, HeaderValue};
    /// use retry_http::hint;
    /// use std::time::SystemTime;
    ///
    /// let mut headers = HeaderMap::new();
    /// headers.insert("x-ratelimit-remaining", HeaderValue::from_static("0"));
    /// headers.insert("x-ratelimit-reset", HeaderValue::from_static("7"));
    /// let quota = hint::read_from(&headers, SystemTime::now).unwrap();
    /// assert!(!quota.is_explicit(&[]));
    /// assert!(quota.is_explicit(&["X-RateLimit-Reset"]));
    ///
    /// headers.insert("retry-after", HeaderValue::from_static("7"));
    /// let asked = hint::read_from(&headers, SystemTime::now).unwrap();
    /// assert!(asked.is_explicit(&[]));
    /// ```
    pub fn is_explicit(&self, names: &[&str]) -> bool {
        let is_quota = vendors::QUOTAS.iter().any(|vendor| vendor.header == self.header);
        !is_quota || names.iter().any(|name| name.eq_ignore_ascii_case(self.header))
    }
}

/// Returns the wait that the headers of a response ask for, counted from the arrival of the
/// response. `now` is the time of its arrival, by the client's clock.
///
/// Returns `None` if no header has a hint that can be read. Returns zero if the hints ask for zero,
/// or for dates in the past. A hint that is too long for a [`Duration`] saturates.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use retry_http::hint;
/// use std::time::{Duration, SystemTime};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("retry-after", HeaderValue::from_static("120"));
/// assert_eq!(hint::read(&headers, SystemTime::now()), Some(Duration::from_secs(120)));
/// ```
pub fn read(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    read_from(headers, || now).map(|hint| hint.wait)
}

/// Returns the wait as [`read`] does, and the name of the header that asks for it.
///
/// `now` returns the current time by the client's clock. It is called only for a date or a Unix
/// time. Its result is used only if the response has no readable `Date`, or was cached (`Age` is
/// not 0).
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use retry_http::hint::{self, Hint};
/// use std::time::{Duration, SystemTime};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("date", HeaderValue::from_static("Mon, 05 Aug 2019 09:27:00 GMT"));
/// headers.insert("retry-after", HeaderValue::from_static("Mon, 05 Aug 2019 09:27:05 GMT"));
/// let hint = hint::read_from(&headers, SystemTime::now);
/// assert_eq!(hint, Some(Hint { wait: Duration::from_secs(5), header: "retry-after" }));
/// ```
#[inline]
pub fn read_from(headers: &HeaderMap, now: impl FnOnce() -> SystemTime) -> Option<Hint> {
    read_with(headers, &[], now)
}

/// Returns the hint as [`read_from`] does, and also reads the headers of `names`, which a policy
/// names: see [`Policy::hint`](crate::Policy::hint).
///
/// The headers of `names` are read like other headers about quotas: `x-my-reset` counts if
/// `x-my-remaining` and `x-my-remain` are 0 or absent. Numbers are milliseconds if the name ends in
/// `-ms`. A header that [`read_from`] reads is read no differently if `names` has it. The case of a
/// name does not matter, and [`Hint::header`] has the name as it is given.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use retry_http::hint::{self, Hint};
/// use std::time::{Duration, SystemTime};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("x-my-reset", HeaderValue::from_static("7"));
/// assert_eq!(hint::read_from(&headers, SystemTime::now), None);
/// let hint = hint::read_with(&headers, &["x-my-reset"], SystemTime::now);
/// assert_eq!(hint, Some(Hint { wait: Duration::from_secs(7), header: "x-my-reset" }));
/// ```
#[inline]
pub fn read_with(
    headers: &HeaderMap,
    names: &[&'static str],
    now: impl FnOnce() -> SystemTime,
) -> Option<Hint> {
    read_with_kind(headers, names, now).map(|(hint, _)| hint)
}

/// Returns the hint as [`read_with`] does, and the most direct kind of all headers that ask for a
/// wait.
#[inline]
pub(crate) fn read_with_kind(
    headers: &HeaderMap,
    names: &[&'static str],
    now: impl FnOnce() -> SystemTime,
) -> Option<(Hint, HintKind)> {
    // The headers of every failure are read, and most have no hint.
    if names.is_empty() && !headers.keys().any(vendors::is_perhaps_listed) {
        return None;
    }
    let sent_at = LazyCell::new(|| sent_at(headers, now()));
    let sent_at: &dyn Fn() -> Duration = &|| *sent_at;
    let asked = retry_after(headers, sent_at);
    if let Some(hint) = asked.filter(|hint| !hint.wait.is_zero()) {
        return Some((hint, HintKind::Explicit));
    }
    let (quota, kind) = quotas(headers, names, sent_at);
    longer(asked, quota).map(|hint| (hint, kind))
}

/// Returns the server's advice on whether to retry, from `x-should-retry`, or else from
/// `stripe-should-retry`.
///
/// Returns `None` if neither header is `true` or `false`.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use retry_http::hint;
///
/// let mut headers = HeaderMap::new();
/// assert_eq!(hint::should_retry(&headers), None);
/// headers.insert("x-should-retry", HeaderValue::from_static("false"));
/// assert_eq!(hint::should_retry(&headers), Some(false));
/// ```
#[inline]
pub fn should_retry(headers: &HeaderMap) -> Option<bool> {
    if !headers.keys().any(|name| name.as_str().ends_with("should-retry")) {
        return None;
    }
    ["x-should-retry", "stripe-should-retry"].into_iter().find_map(|name| {
        let value = first_line(headers, name)?;
        let is = |word| value.eq_ignore_ascii_case(word);
        is("true").then_some(true).or_else(|| is("false").then_some(false))
    })
}

/// Returns the headers that may tell how much remains of the quota of a header with this name: of
/// `x-my-reset` `x-my-remaining` and `x-my-remain`.
fn remaining_of(name: &str) -> impl Iterator<Item = String> {
    let words = name.rsplit_once("reset").into_iter();
    words.flat_map(|(before, after)| {
        let names = |word| [format!("{before}{word}{after}"), format!("{before}{word}")];
        [names("remaining"), names("remain")].into_iter().flatten()
    })
}

/// Returns the longest wait of `Retry-After` and its kin.
fn retry_after(headers: &HeaderMap, sent_at: &dyn Fn() -> Duration) -> Option<Hint> {
    let exact = RETRY_AFTER_MS.into_iter().fold(None, |exact, header| {
        let wait = longest(headers, header, |value| wait_in_milliseconds(value, sent_at));
        longer(exact, hint(header, wait))
    });
    let is_refined = |wait: Duration| {
        exact
            .is_some_and(|exact| !exact.wait.is_zero() && exact.wait < wait && rounds_up_to(exact.wait, wait))
    };
    let rounded =
        longest(headers, RETRY_AFTER, |value| wait_until(value, sent_at).filter(|wait| !is_refined(*wait)));
    longer(hint("retry-after", rounded), exact)
}

fn rounds_up_to(exact: Duration, rounded: Duration) -> bool {
    let seconds = exact.as_secs().saturating_add(u64::from(exact.subsec_nanos() > 0));
    Duration::from_secs(seconds) == rounded
}

/// Returns the longest wait of the quotas that are used up, and the most direct kind of them.
fn quotas(
    headers: &HeaderMap,
    names: &[&'static str],
    sent_at: &dyn Fn() -> Duration,
) -> (Option<Hint>, HintKind) {
    let (mut longest, mut kind) = (None, HintKind::Renewal);
    for hint in names.iter().filter_map(|name| named_quota(headers, name, sent_at)) {
        longest = longer(longest, Some(hint));
        kind = kind.max(kind_of(hint, HintKind::Explicit));
    }
    for vendor in headers.keys().filter_map(vendors::find) {
        let is_used_up = vendor.remaining.is_none_or(|name| !has_remaining(headers, name));
        let wait = is_used_up.then(|| wait_of(headers, vendor, sent_at)).flatten();
        let Some(hint) = hint(vendor.header, wait) else { continue };
        longest = longer(longest, Some(hint));
        let of_vendor = if hint.is_explicit(names) {
            HintKind::Explicit
        } else if says_nothing_remains(headers, vendor) {
            HintKind::UsedUp
        } else {
            HintKind::Renewal
        };
        kind = kind.max(kind_of(hint, of_vendor));
    }
    (longest, kind)
}

/// Returns `kind`, unless the hint asks for no wait.
fn kind_of(hint: Hint, kind: HintKind) -> HintKind {
    if hint.wait.is_zero() { HintKind::Renewal } else { kind }
}

/// Returns `true` if the headers say that nothing remains of the quota of `vendor`.
fn says_nothing_remains(headers: &HeaderMap, vendor: &Vendor) -> bool {
    let is_zero = |count: &str| decimal_seconds(count.trim()) == Some(Duration::ZERO);
    match vendor.form {
        Form::Quotas | Form::Pairs => {
            texts(headers, vendor.header).any(|line| rate_limit::says_nothing_remains(&line))
        }
        Form::Time | Form::Milliseconds | Form::Clock => vendor
            .remaining
            .is_some_and(|name| texts(headers, name).any(|line| line.split([',', ';']).any(is_zero))),
    }
}

/// Returns the wait of a header that the user names.
fn named_quota(headers: &HeaderMap, name: &'static str, sent_at: &dyn Fn() -> Duration) -> Option<Hint> {
    if !headers.contains_key(name) {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    if vendors::is_listed(&lower) {
        return None;
    }
    if remaining_of(&lower).any(|name| has_remaining(headers, &name)) {
        return None;
    }
    let forms = if lower.ends_with("-ms") {
        &[Form::Milliseconds, Form::Clock][..]
    } else {
        &[Form::Time, Form::Clock, Form::Quotas, Form::Pairs]
    };
    let read =
        |form: &Form| wait_of(headers, &Vendor { header: name, form: *form, remaining: None }, sent_at);
    let wait = forms.iter().filter_map(read).max();
    hint(name, wait)
}

/// Returns the longest wait of the lines of a header.
fn wait_of(headers: &HeaderMap, vendor: &Vendor, sent_at: &dyn Fn() -> Duration) -> Option<Duration> {
    // The lines of a field are one list (RFC 9110 §5.3).
    let list = || texts(headers, vendor.header).collect::<Vec<_>>().join(", ");
    match vendor.form {
        Form::Time => longest(headers, vendor.header, |value| wait_until(value, sent_at)),
        Form::Milliseconds => longest(headers, vendor.header, |value| wait_in_milliseconds(value, sent_at)),
        Form::Clock => longest(headers, vendor.header, clock),
        Form::Quotas => rate_limit::longest_wait(&list(), sent_at),
        Form::Pairs => rate_limit::longest_wait_of_pairs(&list(), sent_at),
    }
}

fn hint(header: &'static str, wait: Option<Duration>) -> Option<Hint> {
    wait.map(|wait| Hint { wait, header })
}

/// Returns the hint with the longer wait, and the first of two that are as long.
fn longer(first: Option<Hint>, second: Option<Hint>) -> Option<Hint> {
    match (first, second) {
        (Some(first), Some(second)) => Some(if second.wait > first.wait { second } else { first }),
        (first, second) => first.or(second),
    }
}

/// Returns `true` if a header says that something remains of a quota: a count above zero, or a word
/// such as `allowed` and `allowed_warning`. What cannot be read, as a negative count, says nothing.
fn has_remaining(headers: &HeaderMap, name: &str) -> bool {
    let is_left = |text: &str| match decimal_seconds(text) {
        Some(count) => Some(!count.is_zero()),
        None => text.starts_with("allowed").then_some(true),
    };
    let mut is_all_left = None;
    for line in texts(headers, name) {
        // `0;w=21600`
        let counts = line.split(',').map(|count| count.split(';').next().unwrap_or_default().trim());
        is_all_left = counts.filter_map(is_left).chain(is_all_left).min();
    }
    is_all_left == Some(true)
}

/// Returns the longest wait that `read` finds in the lines of a header, each of which may be
/// several that were joined by commas.
fn longest(
    headers: &HeaderMap,
    name: impl AsHeaderName,
    read: impl Fn(&str) -> Option<Duration>,
) -> Option<Duration> {
    let of_line = |line: Cow<'_, str>| {
        let line = line.trim_matches([' ', '\t']);
        let grouped = without_separators(line).and_then(|number| read(&number));
        read(line).or_else(|| values(line).filter_map(&read).chain(grouped).max())
    };
    texts(headers, name).filter_map(of_line).max()
}

/// Returns `3600` for `3,600`, which is either one number or a list of two: the longer wait counts.
fn without_separators(line: &str) -> Option<String> {
    let mut groups = line.split(',');
    let is_group = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let is_first = groups.next().is_some_and(|first| (1..=3).contains(&first.len()) && is_group(first));
    let is_grouped = line.contains(',') && groups.all(|group| group.len() == 3 && is_group(group));
    (is_first && is_grouped).then(|| line.replace(',', ""))
}

/// Splits a line at its commas, but for the commas of dates: behind a weekday, behind `Nov 6`, and
/// before decimals.
fn values(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let text = rest?;
        let is_of_date = |comma: usize| {
            let (before, behind) = (&text[..comma], &text[comma + 1..]);
            (is_weekday(before) && begins_with_day(behind))
                || (ends_in_time(before) && is_decimals(behind))
                || (ends_in_month_and_day(before) && begins_with_year(behind))
        };
        let end = text.match_indices(',').map(|(comma, _)| comma).find(|comma| !is_of_date(*comma));
        rest = end.map(|end| &text[end + 1..]);
        Some(text[..end.unwrap_or(text.len())].trim_matches([' ', '\t']))
    })
}

/// Returns `true` for what looks like a weekday. One that is misspelt (`Zun`) makes the date behind
/// it doubtful, so it is not taken apart. Other words (`soon`) are values of their own.
fn is_weekday(text: &str) -> bool {
    let text = text.trim().as_bytes();
    let ends_in_day = text.len() >= 3 && text[text.len() - 3..].eq_ignore_ascii_case(b"day");
    (text.len() == 3 || ends_in_day) && text.iter().all(u8::is_ascii_alphabetic)
}

/// Returns `true` for `06 Nov` and `06-Nov`.
fn begins_with_day(text: &str) -> bool {
    let text = text.trim_start();
    let behind = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let month = behind.strip_prefix([' ', '-']).unwrap_or_default();
    behind.len() < text.len() && month.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// Returns `true` for `Nov 6`.
fn ends_in_month_and_day(text: &str) -> bool {
    let mut words = text.split_ascii_whitespace().rev();
    words.next().and_then(http_date::day).is_some() && words.next().and_then(http_date::month).is_some()
}

/// Returns `true` for `1994`, which is no number of seconds behind `Nov 6`.
fn begins_with_year(text: &str) -> bool {
    let text = text.trim_start();
    text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len() == 4
}

/// Returns `true` for `12:01:30` and `T120130`.
fn ends_in_time(text: &str) -> bool {
    let before = text.trim_end_matches(|c: char| c.is_ascii_digit());
    before.len() < text.len() && before.ends_with([':', 'T', 't'])
}

/// Returns `true` for what may follow a decimal comma: `5`, `5Z`, and not `5:00` or `20 Jan`.
fn is_decimals(text: &str) -> bool {
    let zone = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let next = zone.trim_start_matches([' ', '\t']);
    zone.len() < text.len() && (zone.starts_with(['Z', 'z', '+']) || next.is_empty() || next.starts_with(','))
}

/// Returns the lines of a header. What is not UTF-8 in them is replaced by what cannot be read.
fn texts(headers: &HeaderMap, name: impl AsHeaderName) -> impl Iterator<Item = Cow<'_, str>> {
    headers.get_all(name).into_iter().map(|line| String::from_utf8_lossy(HeaderValue::as_bytes(line)))
}

/// Returns the instant at which the server sent `headers`, as the time since 1970.
///
/// This is `Date`, unless a cache kept the response for a while (`Age`, RFC 9111 §5.1): then `Date`
/// says nothing about when it was sent, and `now` is the best guess.
fn sent_at(headers: &HeaderMap, now: SystemTime) -> Duration {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).min(YEAR_9999);
    if first_line(headers, AGE).is_some_and(|age| age != "0") {
        return now;
    }
    first_line(headers, DATE)
        .and_then(|value| http_date::parse(value, &|| whole_seconds(now)))
        .and_then(|date| u64::try_from(date).ok())
        .map_or(now, Duration::from_secs)
}

/// Returns the first line of a header without surrounding white space, or `None` if there is no
/// such header. A line that is not UTF-8 is returned as an empty one, which is as unreadable.
fn first_line(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    let text = std::str::from_utf8(headers.get(name)?.as_bytes()).unwrap_or_default();
    Some(text.trim_matches([' ', '\t']))
}

#[cfg(test)]
mod tests;
