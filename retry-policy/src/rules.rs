//! The rules that options keep to, each with its message. All of them are `const`.

use std::fmt;
use std::time::Duration;

use crate::backoff::{Backoff, Jitter};
use crate::condition::{Condition, Conditions};
use crate::failure::FailureSet;
use crate::keys::Key;
use crate::message::PolicyMessage;
use crate::status::StatusSet;

/// The longest computed wait: whoever waits longer between two attempts wants a scheduler.
const DAY: Duration = Duration::from_secs(86_400);
/// The largest `factor`: above it the second wait is the cap, whatever the base.
const MAX_FACTOR: f64 = 100.0;
/// The most headers that `hint` names: each is looked up in every failure.
const MAX_HINTS: usize = 16;

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident($($name:ident: $ty:ty),+), or $error:expr, if $wrong:expr;)+) => {$(
        $(#[$doc])*
        pub const fn $rule($($name: $ty),+) -> Option<PolicyError> {
            if $wrong { Some($error) } else { None }
        }
    )+};
}

rules! {
    /// Requires at least one retry, in an attribute.
    max(max: u32), or PolicyError::Max, if max == 0;
    /// Requires a bound on a call that is above zero.
    deadline(deadline: Duration), or PolicyError::Zero(Key::Deadline), if deadline.is_zero();
    /// Requires a bound on a request that is above zero.
    timeout(timeout: Duration), or PolicyError::Zero(Key::Timeout), if timeout.is_zero();
    /// Requires that waits do not shrink, and do not explode.
    factor(factor: f64), or PolicyError::Factor, if !(factor >= 1.0 && factor <= MAX_FACTOR);
    /// Requires a share from 0 to 1.
    jitter(jitter: Jitter), or PolicyError::Jitter,
        if matches!(jitter, Jitter::Fraction(j) if !(j >= 0.0 && j <= 1.0));
    /// Requires that `cap` leaves room for the first wait.
    base_and_cap(base: Duration, cap: Duration), or PolicyError::BaseAboveCap { base, cap },
        if base.as_nanos() > cap.as_nanos();
    /// Requires that requests with a key are not said to be unsafe to repeat.
    idempotency_key(header: Option<&str>, idempotent: Option<bool>), or PolicyError::KeyNotIdempotent,
        if header.is_some() && matches!(idempotent, Some(false));
    /// Requires that `on` lists something.
    on(items: &[Condition]), or PolicyError::OnEmpty, if items.is_empty();
    /// Requires that `never` leaves something to retry.
    nothing_left(never: &Conditions), or PolicyError::NothingLeft, if never.statuses.contains_all(ERRORS)
        && never.failures.contains_all(FailureSet::ALL);
    /// Requires that `never` leaves the 401 for which credentials are renewed.
    reauth(never: &Conditions), or PolicyError::ReauthIsNever, if never.statuses.contains(401);
    /// Requires that `never` leaves an item of `on`.
    not_never(item: Condition, never: &Conditions), or PolicyError::OnIsNever(item), if never.covers(item);
}

/// Requires the name of a header in which a key can be sent.
pub const fn idempotency_header(name: &str) -> Option<PolicyError> {
    if let Some(word) = find_same(name, &FLAGS) {
        return Some(PolicyError::FlagHeader(word));
    }
    match find_same(name, &TAKEN) {
        Some(taken) => Some(PolicyError::TakenHeader(taken)),
        None if is_header_name(name) && has_digit(name) => Some(PolicyError::KeyAsHeader),
        None => header_name(Key::IdempotencyKey, name),
    }
}

/// Returns `true` if a text has a digit: most keys have one, and no known name of their header.
const fn has_digit(text: &str) -> bool {
    let text = text.as_bytes();
    let mut i = 0;
    while i < text.len() {
        if text[i].is_ascii_digit() {
            return true;
        }
        i += 1;
    }
    false
}

/// The words that a configuration has for flags.
const FLAGS: [&str; 8] = ["true", "false", "yes", "no", "on", "off", "1", "0"];

/// The headers in which no key can be sent, since they mean something else to a server, a client or
/// a proxy.
const TAKEN: [&str; 42] = [
    "Accept",
    "Accept-Charset",
    "Accept-Encoding",
    "Accept-Language",
    "Access-Control-Request-Headers",
    "Access-Control-Request-Method",
    "Authorization",
    "Cache-Control",
    "Connection",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Location",
    "Content-Range",
    "Content-Type",
    "Cookie",
    "Date",
    "Expect",
    "Forwarded",
    "From",
    "Host",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Keep-Alive",
    "Max-Forwards",
    "Origin",
    "Pragma",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Range",
    "Referer",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "User-Agent",
    "Via",
    "X-Forwarded-For",
    "X-HTTP-Method-Override",
];

/// Returns `true` if `name` can be the name of a header field: a token (RFC 9110 §5.1 and §5.6.2),
/// which is not empty.
pub const fn is_header_name(name: &str) -> bool {
    /// The longest name that the `http` crate takes.
    const LONGEST: usize = u16::MAX as usize;
    let name = name.as_bytes();
    let mut i = 0;
    while i < name.len() {
        if !matches!(
            name[i],
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+'
                | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        ) {
            return false;
        }
        i += 1;
    }
    !name.is_empty() && name.len() <= LONGEST
}

/// Returns `true` if two names are those of one header: their case does not matter.
const fn is_same_name(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut i = 0;
    while i < one.len() {
        if !one[i].eq_ignore_ascii_case(&other[i]) {
            return false;
        }
        i += 1;
    }
    true
}

/// Requires a first wait above zero and of at most a day.
pub const fn base(base: Duration) -> Option<PolicyError> {
    wait(Key::Base, base)
}

/// Requires a longest wait above zero and of at most a day.
pub const fn cap(cap: Duration) -> Option<PolicyError> {
    wait(Key::Cap, cap)
}

const fn wait(key: Key, wait: Duration) -> Option<PolicyError> {
    if wait.is_zero() {
        Some(PolicyError::Zero(key))
    } else if wait.as_nanos() > DAY.as_nanos() {
        Some(PolicyError::AboveDay(key))
    } else {
        None
    }
}

/// Requires that a deadline leaves time for the first wait.
pub const fn base_and_deadline(base: Duration, deadline: Option<Duration>) -> Option<PolicyError> {
    match deadline {
        Some(deadline) if !deadline.is_zero() && deadline.as_nanos() <= base.as_nanos() => {
            Some(PolicyError::DeadlineWithinBase { deadline, base })
        }
        _ => None,
    }
}

/// Requires that a deadline leaves time for more than one request.
pub const fn timeout_and_deadline(
    timeout: Option<Duration>,
    deadline: Option<Duration>,
) -> Option<PolicyError> {
    match (timeout, deadline) {
        (Some(timeout), Some(deadline))
            if !deadline.is_zero() && timeout.as_nanos() >= deadline.as_nanos() =>
        {
            Some(PolicyError::TimeoutBeyondDeadline { timeout, deadline })
        }
        _ => None,
    }
}

/// Requires that a deadline leaves time for the longest hint that is obeyed.
pub const fn max_retry_after_and_deadline(
    limit: Option<Duration>,
    deadline: Option<Duration>,
) -> Option<PolicyError> {
    match (limit, deadline) {
        (Some(limit), Some(deadline)) if !deadline.is_zero() && limit.as_nanos() > deadline.as_nanos() => {
            Some(PolicyError::HintBeyondDeadline { limit, deadline })
        }
        _ => None,
    }
}

/// Requires that `hint` names at least one header, not too many, and each once.
pub const fn hint(names: &[&'static str]) -> Option<PolicyError> {
    if let Some(broken) = hint_length(names.len()) {
        return Some(broken);
    }
    let mut at = 0;
    while at < names.len() {
        let (before, _) = names.split_at(at);
        if let Some(broken) = hint_name(names[at], before) {
            return Some(broken);
        }
        at += 1;
    }
    None
}

/// Requires that `hint` names at least one header, and not too many.
pub const fn hint_length(names: usize) -> Option<PolicyError> {
    match names {
        0 => Some(PolicyError::HintEmpty),
        1..=MAX_HINTS => None,
        _ => Some(PolicyError::HintTooLong),
    }
}

/// Requires a header name that is none of `others`.
pub const fn hint_name(name: &'static str, others: &[&str]) -> Option<PolicyError> {
    match header_name(Key::Hint, name) {
        None if find_same(name, others).is_some() => Some(PolicyError::HintRepeated(name)),
        broken => broken,
    }
}

/// Requires that a text that is given to `key` is the name of a header.
pub const fn header_name(key: Key, name: &str) -> Option<PolicyError> {
    if is_header_name(name) { None } else { Some(PolicyError::HeaderName(key)) }
}

/// Returns the message of [`PolicyError::HintRepeated`] if `hint` lists a name after `others`.
pub fn hint_repeated(name: &str, others: &[&str]) -> Option<PolicyMessage> {
    find_same(name, others).map(|_| listed_twice(name))
}

/// Returns the one of `others` that names the same header as `name`.
const fn find_same<'n>(name: &str, others: &[&'n str]) -> Option<&'n str> {
    let mut at = 0;
    while at < others.len() {
        if is_same_name(name, others[at]) {
            return Some(others[at]);
        }
        at += 1;
    }
    None
}

/// Requires that an item names errors, or 202, by which a server asks to be polled.
pub const fn condition(item: Condition) -> Option<PolicyError> {
    match item.unconditional() {
        Condition::Status(status) if !is_retryable(status) => Some(PolicyError::Status(status)),
        Condition::Range(first, _) if !is_retryable(first) => Some(PolicyError::Status(first)),
        Condition::Range(_, last) if !is_retryable(last) => Some(PolicyError::Status(last)),
        Condition::Range(first, last) if first > last => Some(PolicyError::RangeEmpty { first, last }),
        Condition::Range(first, last) if first < 400 && last >= 400 => {
            Some(PolicyError::RangeBelowErrors { last })
        }
        _ => None,
    }
}

/// Requires that an item does not repeat one of the items before it.
pub const fn listed(item: Condition, others: &[Condition]) -> Option<PolicyError> {
    if let Some(broken) = condition(item) {
        return Some(broken);
    }
    let mut i = 0;
    while i < others.len() {
        let other = others[i];
        if other.covers(item) {
            return Some(if item.covers(other) {
                PolicyError::Repeated(item)
            } else {
                PolicyError::Covered { item, by: other }
            });
        }
        if item.covers(other) {
            return Some(PolicyError::Covered { item: other, by: item });
        }
        i += 1;
    }
    None
}

/// Requires that each item of a list can be listed, and once.
pub const fn list(items: &[Condition]) -> Option<PolicyError> {
    let mut at = 0;
    while at < items.len() {
        let (before, _) = items.split_at(at);
        if let Some(broken) = listed(items[at], before) {
            return Some(broken);
        }
        at += 1;
    }
    None
}

/// Requires that each item of `never` can be listed there, and once.
pub const fn never(items: &[Condition]) -> Option<PolicyError> {
    let mut i = 0;
    while i < items.len() {
        let broken = condition(items[i]);
        if broken.is_some() {
            return broken;
        }
        if let Some(broken) = only_on(items[i]) {
            return Some(broken);
        }
        i += 1;
    }
    list(items)
}

/// Requires an item that is not for `on` alone.
pub const fn only_on(item: Condition) -> Option<PolicyError> {
    match item {
        Condition::Default | Condition::IfHinted(..) => Some(PolicyError::OnlyOn(item)),
        _ => None,
    }
}

/// Requires that `never` leaves each item of `on`.
pub const fn none_never(on: &[Condition], never: &Conditions) -> Option<PolicyError> {
    let mut i = 0;
    while i < on.len() {
        if let Some(broken) = not_never(on[i], never) {
            return Some(broken);
        }
        i += 1;
    }
    None
}

/// The message of [`PolicyError::HeaderName`], before the example.
const NO_HEADER: &str =
    "a header name consists of letters, digits and marks such as `-`, without spaces: write `";
/// The message of [`PolicyError::TakenHeader`], before and after the name.
const TAKEN_HEADER: [&str; 2] = [
    "a key cannot be sent in the header `",
    "`: name the header that the server documents, or write `idempotency_key` for `Idempotency-Key`",
];

/// The message of [`PolicyError::FlagHeader`], before and after the word.
const FLAG_HEADER: [&str; 2] = [
    "`",
    "` is a flag and not a header name: write `idempotency_key` for `Idempotency-Key`, `idempotency_key = false` for no \
     keys, or name the header that the server documents",
];

/// The message of [`PolicyError::OnIsNever`], before and after the item.
const ON_IS_NEVER: [&str; 2] =
    ["`never` covers `", "` of `on`, so this is never retried: remove it from one of the two"];

/// Returns the message of [`PolicyError::OnIsNever`] for a constant of which only the name is
/// known.
pub fn on_is_never(constant: &str) -> String {
    ON_IS_NEVER.join(constant)
}

/// Reports a broken rule where it is called.
///
/// # Panics
///
/// If a rule is broken. In a constant that is an error of the compiler.
#[track_caller]
pub const fn uphold(broken: Option<PolicyError>) {
    if let Some(error) = broken {
        panic!("{}", error.message().as_str());
    }
}

/// Returns `true` if an answer with `status` can be worth repeating: an error, or 202, by which a
/// server asks to be polled.
pub const fn is_retryable(status: u16) -> bool {
    status == 202 || (status >= 400 && status <= 599)
}

/// The statuses of errors.
const ERRORS: StatusSet = StatusSet::EMPTY.with_range(400, 599);

/// The error for options of a [`Policy`](crate::Policy) that break a rule.
///
/// ```
/// use retry_http::Policy;
/// use std::time::Duration;
///
/// let error = Policy::builder().cap(Duration::from_millis(500)).build().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "`base` is 1s (the default), above the `cap` of 500ms, which no wait exceeds: lower `base` or raise `cap`"
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum PolicyError {
    /// `max` is 0 in an attribute, which would then do nothing. A builder accepts 0.
    Max,
    /// The duration that is given to this option is zero.
    Zero(Key),
    /// The wait that is given to this option is longer than a day.
    AboveDay(Key),
    /// `factor` is not a number from 1 to 100.
    Factor,
    /// `jitter` is not a number from 0 to 1.
    Jitter,
    /// `base` is above `cap`.
    BaseAboveCap {
        /// The wait before the first retry.
        base: Duration,
        /// The longest computed wait.
        cap: Duration,
    },
    /// `deadline` is not above `base`.
    DeadlineWithinBase {
        /// The time limit of the call.
        deadline: Duration,
        /// The wait before the first retry.
        base: Duration,
    },
    /// `timeout` is not below `deadline`.
    TimeoutBeyondDeadline {
        /// The time limit of each request.
        timeout: Duration,
        /// The time limit of the call.
        deadline: Duration,
    },
    /// `max_retry_after` is above `deadline`.
    HintBeyondDeadline {
        /// The longest wait that the server may ask for.
        limit: Duration,
        /// The time limit of the call.
        deadline: Duration,
    },
    /// `hint` is an empty list.
    HintEmpty,
    /// `hint` names more than 16 headers.
    HintTooLong,
    /// `hint` names this header twice.
    HintRepeated(&'static str),
    /// `idempotency_key` is given with `idempotent = false`.
    KeyNotIdempotent,
    /// The text that is given to this option is not a valid header name.
    HeaderName(Key),
    /// `idempotency_key` names this header, which has another meaning in HTTP.
    TakenHeader(&'static str),
    /// `idempotency_key` is given this word as a header name, but the word stands for a flag, as
    /// `true` does.
    FlagHeader(&'static str),
    /// `idempotency_key` is given a name with a digit, which is a key rather than the name of a
    /// header.
    KeyAsHeader,
    /// `on` is an empty list.
    OnEmpty,
    /// `on` or `never` lists this status, which is neither an error nor 202.
    Status(u16),
    /// A range ends before it starts.
    RangeEmpty {
        /// The status that the range starts with.
        first: u16,
        /// The status that the range ends with.
        last: u16,
    },
    /// A range starts below 400 and reaches into the errors.
    RangeBelowErrors {
        /// The status that the range ends with.
        last: u16,
    },
    /// This item is listed twice.
    Repeated(Condition),
    /// An item of a list is covered by another item of the list.
    Covered {
        /// The item.
        item: Condition,
        /// The item that covers it.
        by: Condition,
    },
    /// `never` lists this item, which only `on` accepts: `default`, or a status `if hinted`.
    OnlyOn(Condition),
    /// `never` covers this item of `on`, so the item has no effect.
    OnIsNever(Condition),
    /// `reauth` is given, and `never` covers 401.
    ReauthIsNever,
    /// `never` covers all errors and failures.
    NothingLeft,
}

impl PolicyError {
    /// Returns the message, which says what is wrong and what to write instead.
    #[expect(clippy::too_many_lines, reason = "one arm for each rule")]
    pub const fn message(self) -> PolicyMessage {
        match self {
            Self::Max => PolicyMessage::new(
                "`max` must be at least 1, since it counts the retries after the first attempt: write `max = 1`, or \
                 remove the attribute",
            ),
            Self::Zero(key @ (Key::Base | Key::Cap)) => PolicyMessage::new("`")
                .text(key.name())
                .text("` must be above zero, since retrying at once hurts the server: write `")
                .text(key.name())
                .text(" = 500ms`"),
            Self::Zero(key) => PolicyMessage::new("`")
                .text(key.name())
                .text("` must be above zero, since nothing can be done in no time: write `")
                .text(key.example())
                .text("`"),
            Self::AboveDay(key) => PolicyMessage::new("`")
                .text(key.name())
                .text("` is above a day: write `")
                .text(key.name())
                .text(" = 24h` or less"),
            Self::Factor => PolicyMessage::new("`factor` is a number from 1 to 100: write `factor = 2`"),
            Self::Jitter => PolicyMessage::new(
                "`jitter` is a number from 0 to 1 or one of `none`, `full`, `equal` and `decorrelated`: write \
                 `jitter = 0.5`",
            ),
            Self::BaseAboveCap { base, cap } => PolicyMessage::new("`base` is ")
                .duration(base)
                .text(default_if(same(base, Backoff::DEFAULT.base)))
                .text(", above the `cap` of ")
                .duration(cap)
                .text(default_if(same(cap, Backoff::DEFAULT.cap)))
                .text(", which no wait exceeds: lower `base` or raise `cap`"),
            Self::DeadlineWithinBase { deadline, base } => PolicyMessage::new("`deadline` is ")
                .duration(deadline)
                .text(", not above the `base` of ")
                .duration(base)
                .text(default_if(same(base, Backoff::DEFAULT.base)))
                .text(", so nothing is ever retried: raise `deadline` or lower `base`"),
            Self::TimeoutBeyondDeadline { timeout, deadline } => PolicyMessage::new("`timeout` is ")
                .duration(timeout)
                .text(", not below the `deadline` of ")
                .duration(deadline)
                .text(", so the first request may take all of it: lower `timeout` or raise `deadline`"),
            Self::HintBeyondDeadline { limit, deadline } => PolicyMessage::new("`max_retry_after` is ")
                .duration(limit)
                .text(", above the `deadline` of ")
                .duration(deadline)
                .text(", before which every wait ends: lower `max_retry_after` or raise `deadline`"),
            Self::HintEmpty => PolicyMessage::new(
                "`hint` is empty: name the headers that ask for a wait, or leave `hint` out",
            ),
            Self::HintTooLong => PolicyMessage::new(
                "`hint` names more than 16 headers, and each is looked up in every failure: name those that ask for a wait",
            ),
            Self::HintRepeated(name) => listed_twice(name),
            Self::KeyNotIdempotent => PolicyMessage::new(
                "`idempotency_key` makes requests safe to repeat, and `idempotent = false` says that they are not: \
                 remove one of the two",
            ),
            Self::HeaderName(key) => PolicyMessage::new(NO_HEADER).text(key.example()).text("`"),
            Self::TakenHeader(name) => {
                let [before, after] = TAKEN_HEADER;
                PolicyMessage::new(before).text(name).text(after)
            }
            Self::FlagHeader(word) => {
                let [before, after] = FLAG_HEADER;
                PolicyMessage::new(before).text(word).text(after)
            }
            Self::KeyAsHeader => PolicyMessage::new(
                "`idempotency_key` names the header of the key, and such names have no digits: write `idempotency_key`, \
                 and each call makes a key, or set the header `Idempotency-Key` in the body for a key of yours",
            ),
            Self::OnEmpty => {
                PolicyMessage::new("`on` is empty: list what to retry, or leave `on` out for the defaults")
            }
            Self::Status(status @ 100..=399) => PolicyMessage::new("`").number(status as u128).text(
                "` is not an error: list statuses from 400 to 599, or 202 for a server that asks to be polled, or look \
                 at the outcome with `retry_if`",
            ),
            Self::Status(status) => PolicyMessage::new("`")
                .number(status as u128)
                .text("` is not an HTTP status: list statuses from 400 to 599, or 202"),
            Self::RangeEmpty { first, last } => {
                PolicyMessage::new("this range is empty, since it ends before it starts: write `")
                    .number(last as u128)
                    .text("..=")
                    .number(first as u128)
                    .text("`")
            }
            Self::RangeBelowErrors { last } => {
                PolicyMessage::new("a range holds errors only: write `400..=").number(last as u128).text("`")
            }
            Self::Repeated(item) => {
                PolicyMessage::new("`").condition(item).text("` is listed twice: remove one")
            }
            Self::Covered { item, by } => PolicyMessage::new("`")
                .condition(item)
                .text("` is already covered by `")
                .condition(by)
                .text("`: remove one"),
            Self::OnlyOn(item) => PolicyMessage::new("`")
                .condition(item)
                .text("` is for `on` alone: list statuses and failures in `never`, such as `never = [401]`"),
            Self::OnIsNever(item) => {
                let [before, after] = ON_IS_NEVER;
                PolicyMessage::new(before).condition(item).text(after)
            }
            Self::ReauthIsNever => PolicyMessage::new(
                "`reauth` is for a 401, which `never` covers: remove `reauth`, or 401 from `never`",
            ),
            Self::NothingLeft => PolicyMessage::new(
                "`never` covers everything, so nothing is ever retried: shorten `never`, or remove the attribute or the policy",
            ),
        }
    }
}

const fn listed_twice(name: &str) -> PolicyMessage {
    PolicyMessage::new("`").text(name).text("` is listed twice: remove one")
}

/// Marks a value in a message that may be written nowhere.
const fn default_if(is_default: bool) -> &'static str {
    if is_default { " (the default)" } else { "" }
}

const fn same(one: Duration, other: Duration) -> bool {
    one.as_nanos() == other.as_nanos()
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl std::error::Error for PolicyError {}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn a_value_that_may_be_written_nowhere_is_marked_as_the_default() {
        for (error, start) in [
            (
                PolicyError::BaseAboveCap { base: S, cap: S / 2 },
                "`base` is 1s (the default), above the `cap` of 500ms, which",
            ),
            (
                PolicyError::BaseAboveCap { base: 90 * S, cap: 60 * S },
                "`base` is 90s, above the `cap` of 60s (the default), which",
            ),
            (
                PolicyError::DeadlineWithinBase { deadline: S, base: S },
                "`deadline` is 1s, not above the `base` of 1s (the default), so",
            ),
            (
                PolicyError::DeadlineWithinBase { deadline: S, base: 2 * S },
                "`deadline` is 1s, not above the `base` of 2s, so",
            ),
        ] {
            assert!(error.to_string().starts_with(start), "{error}");
        }
    }

    #[test]
    fn messages_that_the_macro_takes_apart_are_those_of_the_rules() {
        let message = PolicyError::OnIsNever(Condition::Status(429)).to_string();
        assert_eq!(on_is_never("429"), message);
        let message = PolicyError::HintRepeated("X-Reset").to_string();
        assert_eq!(hint_repeated("X-Reset", &["a", "x-reset"]).map(|text| text.to_string()), Some(message));
        assert!(hint_repeated("X-Reset", &["a", "x-reset-ms"]).is_none());
    }

    #[test]
    fn a_rule_that_is_kept_is_upheld() {
        uphold(factor(2.0));
    }

    #[test]
    #[should_panic(expected = "`factor` is a number from 1 to 100")]
    fn a_broken_rule_is_reported() {
        uphold(factor(0.5));
    }
}
