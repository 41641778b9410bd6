//! Reads the wait that a server asks for from the headers of its response. Time is an argument.
//!
//! The first of these headers that says anything is the hint:
//!
//! 1. `retry-after-ms`, then `x-ms-retry-after-ms`: milliseconds, if they can be read. A server that
//!    sends them says the same in whole seconds below.
//! 2. `Retry-After` (RFC 9110 §10.2.3). The server says it about this very request. The headers
//!    below are about quotas, and are not read if there is a `Retry-After`, even a malformed one.
//! 3. `RateLimit` (draft-ietf-httpapi-ratelimit-headers): the longest `t` of the quotas with `r=0`.
//! 4. `RateLimit-Reset` of the older drafts.
//! 5. `X-RateLimit-Retry-After`: seconds, and never a Unix time.
//! 6. `X-RateLimit-Reset`, then `X-Rate-Limit-Reset`.
//! 7. `x-ratelimit-reset-requests` and `x-ratelimit-reset-tokens`: seconds or a Go duration. Both
//!    must have passed, so the longer one counts.
//!
//! A quota that is not used up asks for no wait: if its remaining count (`X-RateLimit-Remaining`
//! and so on) can be read and is not zero, its header is skipped. Otherwise it ends the search as
//! `Retry-After` does.
//!
//! A time is a number of seconds, a date in any of the three HTTP forms, or one of the forms that
//! real servers send: decimals (`0.503`), Go durations (`1m0s`), and Unix times in seconds or
//! milliseconds, if the number can only be one. Dates and Unix times are measured against the
//! `Date` header of the response, so a wrong client clock does not matter. The first line of a
//! repeated header counts, except that `RateLimit` is a list.

use std::time::{Duration, SystemTime};

use http::header::{AGE, AsHeaderName, DATE, HeaderName};
use http::{HeaderMap, HeaderValue};

use number::{YEAR_9999, decimal_seconds, go_duration, milliseconds, wait_until, whole_seconds};

mod http_date;
mod number;
mod rate_limit;

/// A wait that the server asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hint {
    /// The wait, counted from the arrival of the response. Zero if the server names a time in the
    /// past.
    pub wait: Duration,
    /// The name of the header that asks for the wait, in lower case.
    pub header: &'static str,
}

/// Returns the wait that the headers of a response ask for, counted from its arrival at `now` by the
/// client's clock.
///
/// Returns `None` if there is no hint, or if it cannot be read. Absurdly long hints saturate.
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

/// Returns the wait as [`read`] does, and the header that asks for it.
///
/// `now` returns the time of the client's clock. It is called only for a date or a Unix time, and
/// its result counts only if the response has no usable `Date`, or was cached (`Age` is not 0).
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
    // The headers of every failure are read, and most have no hint.
    if headers.keys().any(is_perhaps_hint) { first_hint(headers, || sent_at(headers, now())) } else { None }
}

/// Returns the server's explicit advice on retrying: `x-should-retry`, then `stripe-should-retry`.
///
/// Returns `None` if neither header says `true` or `false`.
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

/// Returns `true` if a header may be one that [`first_hint`] reads. Cheap, and wrong only in saying
/// yes.
fn is_perhaps_hint(name: &HeaderName) -> bool {
    matches!(
        name.as_str().as_bytes(),
        [b'r', b'a', ..]
            | [b'r', b'e', b't', ..]
            | [b'x', b'-', b'r', b'a', ..]
            | [b'x', b'-', b'm', b's', ..]
    )
}

/// Reads the headers in the order of the module's documentation. Times are relative to `sent_at`.
fn first_hint(headers: &HeaderMap, sent_at: impl FnOnce() -> Duration) -> Option<Hint> {
    let value = |header| first_line(headers, header);
    let hint = |header, wait: Option<Duration>| wait.map(|wait| Hint { wait, header });
    // A count that cannot be read does not skip a header.
    let is_used_up =
        |remaining| value(remaining).and_then(decimal_seconds).is_none_or(|remaining| remaining.is_zero());

    for header in ["retry-after-ms", "x-ms-retry-after-ms"] {
        if let Some(wait) = value(header).and_then(milliseconds) {
            return hint(header, Some(wait));
        }
    }
    if let Some(value) = value("retry-after") {
        return hint("retry-after", wait_until(value, sent_at));
    }
    let rate_limits = headers.get_all("ratelimit").iter().map(HeaderValue::as_bytes);
    if let Some(wait) = rate_limit::longest_wait(rate_limits) {
        return hint("ratelimit", Some(wait));
    }
    if let Some(value) = value("ratelimit-reset").filter(|_| is_used_up("ratelimit-remaining")) {
        return hint("ratelimit-reset", wait_until(value, sent_at));
    }
    if let Some(value) = value("x-ratelimit-retry-after") {
        return hint("x-ratelimit-retry-after", decimal_seconds(value));
    }
    for (header, remaining) in
        [("x-ratelimit-reset", "x-ratelimit-remaining"), ("x-rate-limit-reset", "x-rate-limit-remaining")]
    {
        if let Some(value) = value(header).filter(|_| is_used_up(remaining)) {
            return hint(header, wait_until(value, sent_at));
        }
    }
    let quota = |header, remaining| {
        let value = value(header).filter(|_| is_used_up(remaining))?;
        hint(header, decimal_seconds(value).or_else(|| go_duration(value)))
    };
    let requests = quota("x-ratelimit-reset-requests", "x-ratelimit-remaining-requests");
    let tokens = quota("x-ratelimit-reset-tokens", "x-ratelimit-remaining-tokens");
    [requests, tokens].into_iter().flatten().max_by_key(|hint| hint.wait)
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
        .and_then(|value| http_date::parse(value, whole_seconds(now)))
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
