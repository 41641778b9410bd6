//! The grammar of values: the attribute reads its literals by it, and a configuration its texts.

use std::time::Duration;

use crate::backoff::Jitter;
use crate::condition::Condition;
use crate::failure::Failure;
use crate::keys::{Key, Takes};
use crate::rules::{self, PolicyError};
use crate::units::UNITS;
use crate::words::{did_you_mean, list, or_colon};

const UNIT_NAMES: [&str; 5] = ["us", "ms", "s", "m", "h"];
const UNITS_ELSEWHERE: [(&str, &[&str]); 5] = [
    ("us", &["micros", "microseconds", "usec"]),
    ("ms", &["millis", "milliseconds", "msec"]),
    ("s", &["sec", "secs", "second", "seconds"]),
    ("m", &["min", "mins", "minute", "minutes"]),
    ("h", &["hr", "hrs", "hour", "hours"]),
];

/// The words for failures.
pub const FAILURES: [&str; 4] = ["connect", "timeout", "reset", "body"];
const ITEMS_ELSEWHERE: [(&str, &[&str]); 9] = [
    ("default", &["all", "any", "retryable"]),
    ("4xx", &["client_error", "client_errors", "is_client_error"]),
    ("5xx", &["internal", "is_server_error", "server_error", "server_errors", "transient"]),
    ("429", &["rate_limit", "rate_limited", "throttled", "too_many_requests"]),
    ("503", &["overloaded", "service_unavailable", "unavailable"]),
    ("connect", &["connection", "dns", "network", "refused", "tls"]),
    ("timeout", &["elapsed", "timed_out"]),
    ("reset", &["closed", "disconnect", "disconnected", "dropped", "eof", "io"]),
    ("body", &["decode", "incomplete", "truncated"]),
];

/// The words for jitters.
pub const JITTERS: [&str; 4] = ["none", "full", "equal", "decorrelated"];
const JITTERS_ELSEWHERE: [(&str, &[&str]); 4] = [
    ("none", &["false", "no", "off"]),
    ("full", &["random", "true", "uniform"]),
    ("equal", &["half"]),
    ("decorrelated", &["aws", "decorr"]),
];

/// Returns the message for one item in place of a list: to write the list of that item.
pub fn no_list(key: Key, item: &str) -> String {
    match condition(item) {
        Ok(_) => format!("`{0}` is a list: write `{0} = [{item}]`", key.name()),
        Err(_) => wrong_kind(key),
    }
}

/// Returns the message for a value of another kind than `key` takes.
pub fn wrong_kind(key: Key) -> String {
    let (name, example) = (key.name(), key.example());
    match key.takes() {
        Takes::Count => format!("`{name}` is a whole number: write `{example}`"),
        Takes::Conditions => format!("`{name}` is a list: write `{name} = [429, 503]`"),
        Takes::Wait | Takes::Limit | Takes::Bound => {
            format!("`{name}` is a duration: write `{example}`, or leave it out")
        }
        Takes::Factor => PolicyError::Factor.to_string(),
        Takes::Jitter => PolicyError::Jitter.to_string(),
        Takes::Flag => format!("`{name}` is a flag: write `{name}`, or `{name} = false`"),
        Takes::Header => {
            format!("`{name}` is a flag or the name of a header: write `{name}`, or `{example}`")
        }
        Takes::Renewal => format!(
            "`{name}` is an expression that renews the credentials: write `{example}`, or `{name} = login(http)`"
        ),
        Takes::Callable => {
            format!("`{name}` is a path or a closure of type `Fn(&R) -> bool`: write `{example}`")
        }
        Takes::Expression { what, field } => {
            format!("`{name}` is {what}: write `{example}` or `{name} = {field}`")
        }
        Takes::Headers => format!("`{name}` is a list of header names: write `{example}`"),
        Takes::Names => format!("`{name}` lists arguments by their names: write `{example}`"),
        Takes::Switch => format!("`{name}` is `true` or `false`: write `{example}`"),
        Takes::Nothing => format!("`{name}` takes no value: write `{example}`"),
        Takes::Path => format!("`{name}` is a path: write `{example}`"),
    }
}

/// Reads a duration such as `250ms`, `1.5s` or `1_000us`. Cuts off what is below a nanosecond.
///
/// # Errors
///
/// Returns the message, with what to write for `key` instead.
pub fn duration(key: Key, text: &str) -> Result<Duration, String> {
    let (name, example) = (key.name(), key.example());
    if text.starts_with('-') {
        return Err(format!("`{name}` cannot be negative: write `{example}`"));
    }
    let Some(end) = text.find(|c: char| !matches!(c, '.' | '_') && !c.is_ascii_digit()) else {
        return Err(match text.parse::<f64>() {
            Ok(_) => format!("a duration needs a unit: write `{name} = {text}s` or `{name} = {text}ms`"),
            Err(_) => wrong_kind(key),
        });
    };
    let (number, unit) = text.split_at(end);
    if !number.contains(|c: char| c.is_ascii_digit()) {
        return Err(if is_unit(unit.trim()) || !number.is_empty() {
            format!("a duration is a plain decimal number with a unit: write `{name} = 1.5s`")
        } else {
            wrong_kind(key)
        });
    }
    let Some((_, nanos)) = UNITS.iter().find(|(known, _)| *known == unit) else {
        return Err(if is_unit(unit.trim()) {
            format!("a unit follows its number without a space: write `{name} = {number}{}`", unit.trim())
        } else if unit.chars().all(char::is_alphabetic) {
            format!(
                "unknown unit `{unit}`{} the units are {}",
                or_colon(did_you_mean(unit, &UNIT_NAMES, &UNITS_ELSEWHERE)),
                list(&UNIT_NAMES)
            )
        } else if let Some(sum) = sum(text) {
            format!("a duration has one unit: write `{name} = {sum}`")
        } else {
            format!("a duration is a plain decimal number with a unit: write `{name} = 1.5s`")
        });
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    // As in a literal of Rust, which no underscore begins.
    let is_number = |part: &str| part.starts_with(|c: char| c.is_ascii_digit()) && !part.contains('.');
    if !is_number(whole) || !is_number(fraction) {
        return Err(format!("a duration is a plain decimal number with a unit: write `{name} = 1.5s`"));
    }
    exact(&whole.replace('_', ""), &fraction.replace('_', ""), *nanos)
        .ok_or_else(|| format!("`{name}` is too long: a duration is at most 2⁶⁴ s"))
}

/// Returns `true` if `name` is a unit of durations.
pub fn is_unit(name: &str) -> bool {
    UNIT_NAMES.contains(&name)
}

/// Returns a duration of several units, such as `2h30m`, in the last of them.
fn sum(text: &str) -> Option<String> {
    let (mut nanos, mut rest, mut last) = (0_u64, text, None);
    while !rest.is_empty() {
        let (number, behind) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let end = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let (name, unit) = UNITS.iter().find(|(known, _)| *known == &behind[..end])?;
        nanos = nanos.checked_add(number.parse::<u64>().ok()?.checked_mul(*unit)?)?;
        (rest, last) = (&behind[end..], Some((name, unit)));
    }
    let (name, unit) = last?;
    (nanos % unit == 0).then(|| format!("{}{name}", nanos / unit))
}

/// Returns whole nanoseconds, or `None` if they overflow.
fn exact(whole: &str, fraction: &str, unit: u64) -> Option<Duration> {
    let fraction = &fraction[..fraction.len().min(18)];
    let scale = 10u128.pow(u32::try_from(fraction.len()).ok()?);
    let (whole, part, unit) = (whole.parse::<u128>().ok()?, fraction.parse::<u128>().ok()?, u128::from(unit));
    let nanos = whole.checked_mul(unit)?.checked_add(part * unit / scale)?;
    let seconds = u64::try_from(nanos / 1_000_000_000).ok()?;
    Some(Duration::new(seconds, u32::try_from(nanos % 1_000_000_000).ok()?))
}

/// Reads an item of `on` or `never`: `503`, `5xx`, `500..=504`, the word for a failure, `default`,
/// or `403 if hinted`.
///
/// # Errors
///
/// Returns the message.
pub fn condition(text: &str) -> Result<Condition, String> {
    if let Some(item) = text.strip_suffix("if hinted").filter(|item| item.ends_with(' ')) {
        if !item.contains("hint") {
            return if_hinted(condition(item.trim_end())?);
        }
    }
    if text == "default" {
        return Ok(Condition::Default);
    }
    if is_method(text) {
        return Err(format!(
            "`{text}` is a method, and an item holds for every method: list statuses and failures, as in \
             `[429, 5xx, connect]`"
        ));
    }
    if let Some(message) = nearly(text) {
        return Err(message);
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        if let Some((first, last)) = text.split_once("..=") {
            return range(number_of_status(first)?, number_of_status(last)?);
        }
        if let Some((first, last)) = text.split_once("..") {
            return Err(half_open(number_of_status(first)?, number_of_status(last)?));
        }
        if let Some(digit) = text.strip_suffix(['x', 'X']).and_then(|text| text.strip_suffix(['x', 'X'])) {
            return class(digit, &text[digit.len()..]);
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return status(text);
        }
        if text.contains('-') {
            return Err(MINUS_RANGE.to_owned());
        }
    } else if text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return failure(text).map(Condition::Failure);
    }
    Err(no_item())
}

/// The message for several items in one.
pub const SEVERAL: &str = "this is more than one item: write each on its own, as in `[default, 529]`";
/// The message for what stands between an item and the next comma.
pub const AFTER_ITEM: &str =
    "expected a comma or `if hinted` after the item: write `[default, 529]` or `[403 if hinted]`";

/// Returns `true` for a word that is an item: a failure, or `default`.
pub fn is_word(word: &str) -> bool {
    word == "default" || FAILURES.contains(&word)
}

/// Returns `true` for the name of a method, which is mistaken for an item.
pub fn is_method(word: &str) -> bool {
    matches!(
        word,
        "GET" | "HEAD" | "PUT" | "DELETE" | "OPTIONS" | "POST" | "PATCH" | "TRACE" | "QUERY" | "CONNECT"
    )
}

/// Returns the message for a text that means an item, or several, but is written otherwise.
fn nearly(text: &str) -> Option<String> {
    let item = text.split([' ', '\t', '-', '+', ',', ';']).next().unwrap_or_default();
    let lower = text.to_ascii_lowercase();
    if matches!(lower.trim_matches(['[', ']']), "default" | "defaults") {
        Some("the defaults are written `default`".to_owned())
    } else if lower.ends_with("if hinted") && lower.matches("if hinted").count() > 1 {
        Some(format!("`if hinted` is written once: write `{item} if hinted`"))
    } else if lower.contains("hint") {
        let is_item = !item.to_ascii_lowercase().contains("hint") && condition(item).is_ok();
        let item = if is_item && item != "default" { item } else { "403" };
        Some(format!("an item that counts only with a hint is written `{item} if hinted`"))
    } else if text.contains([' ', '+', ',', ';']) && !text.contains("..") {
        Some(SEVERAL.to_owned())
    } else {
        None
    }
}

/// Returns the message for a range that leaves out its end. `500..600` means a class, and
/// `500..504` was probably meant to include its end.
pub fn half_open(first: u16, last: u16) -> String {
    let last = if last % 100 == 0 { last.saturating_sub(1) } else { last };
    format!("a range includes its end: write `{first}..={last}`")
}

/// The message for a range of which an end is missing, or no number.
pub const PARTIAL_RANGE: &str = "a range names its first and its last status, as numbers: write `500..=504`";
/// The message for a range that is written with a minus.
pub const MINUS_RANGE: &str = "a range of statuses is written `500..=504`";

/// Returns the message for something that is no item of a list.
pub fn no_item() -> String {
    format!(
        "expected a status such as `503`, a class such as `5xx`, a range such as `500..=504`, `default`, or one of {}",
        list(&FAILURES)
    )
}

/// Reads a status.
///
/// # Errors
///
/// Returns the message for what is no status that can be listed.
pub fn status(digits: &str) -> Result<Condition, String> {
    checked(Condition::Status(number_of_status(digits)?))
}

/// Reads the number of a status, which may be none that can be listed.
///
/// # Errors
///
/// Returns the message for what is no number, or far too large.
pub fn number_of_status(digits: &str) -> Result<u16, String> {
    digits.parse().map_err(|_| {
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            PARTIAL_RANGE.to_owned()
        } else {
            format!("`{digits}` is not an HTTP status: list statuses from 400 to 599, or 202")
        }
    })
}

/// Reads a class by its digit and what follows that, such as `5` and `xx`.
///
/// # Errors
///
/// Returns the message for what is no class of errors.
pub fn class(digit: &str, suffix: &str) -> Result<Condition, String> {
    match digit {
        "4" | "5" if suffix != "xx" => Err(format!("a class is written in lower case: `{digit}xx`")),
        "4" => Ok(Condition::Range(400, 499)),
        "5" => Ok(Condition::Range(500, 599)),
        "1" | "2" | "3" => Err(format!(
            "`{digit}xx` is not an error and is not retried: the classes of errors are `4xx` and `5xx`"
        )),
        _ => Err(format!("there is no class `{digit}{suffix}`: the classes of errors are `4xx` and `5xx`")),
    }
}

/// Reads a range by its ends.
///
/// # Errors
///
/// Returns the message for a range that cannot be listed.
pub fn range(first: u16, last: u16) -> Result<Condition, String> {
    checked(Condition::Range(first, last))
}

fn checked(condition: Condition) -> Result<Condition, String> {
    match rules::condition(condition) {
        Some(broken) => Err(broken.to_string()),
        None => Ok(condition),
    }
}

/// Adds the condition that a response carries a hint.
///
/// # Errors
///
/// Returns the message for an item that is no status.
pub fn if_hinted(item: Condition) -> Result<Condition, String> {
    match item {
        Condition::Status(_) | Condition::Range(..) => Ok(item.if_hinted()),
        _ => Err(format!("only a response carries a hint: write `403 if hinted`, or `{item}` alone")),
    }
}

/// Reads the word for a failure.
///
/// # Errors
///
/// Returns the message, with the word that was probably meant.
pub fn failure(word: &str) -> Result<Failure, String> {
    if let Some(failure) = Failure::ALL.into_iter().find(|failure| failure.name() == word) {
        return Ok(failure);
    }
    if FAILURES.contains(&word.to_lowercase().as_str()) {
        return Err(format!("the failures are written {}", list(&FAILURES)));
    }
    Err(format!(
        "unknown failure `{word}`{} the failures are {}",
        or_colon(did_you_mean(word, &FAILURES, &ITEMS_ELSEWHERE)),
        list(&FAILURES)
    ))
}

/// Reads the word for a jitter.
///
/// # Errors
///
/// Returns the message, with the word that was probably meant.
pub fn jitter(word: &str) -> Result<Jitter, String> {
    match word {
        "none" => Ok(Jitter::None),
        "full" => Ok(Jitter::Full),
        "equal" => Ok(Jitter::Equal),
        "decorrelated" => Ok(Jitter::Decorrelated),
        _ if JITTERS.contains(&word.to_lowercase().as_str()) => {
            Err(format!("write `jitter = {}`", word.to_lowercase()))
        }
        _ => Err(format!(
            "unknown jitter `{word}`{} it is a number from 0 to 1 or one of {}",
            or_colon(did_you_mean(word, &JITTERS, &JITTERS_ELSEWHERE)),
            list(&JITTERS)
        )),
    }
}

/// Reads the number of retries.
///
/// # Errors
///
/// Returns the message for what is no whole number, or too large. That 0 is refused is a rule:
/// [`rules::max`].
pub fn max(digits: &str) -> Result<u32, String> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong_kind(Key::Max));
    }
    match digits.parse() {
        Ok(max) => Ok(max),
        Err(_) => Err(format!("`max` is too large: it is at most {}", u32::MAX)),
    }
}

/// Reads a decimal number such as `1.5`.
pub fn number(text: &str) -> Option<f64> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    (digits(whole) && digits(fraction)).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nearly_an_item_is_told_what_to_write() {
        for (text, part) in [
            ("hinted", "written `403 if hinted`"),
            ("Hint", "written `403 if hinted`"),
            ("hint-hint", "written `403 if hinted`"),
            ("529 hinted", "written `529 if hinted`"),
            ("5xx unless hinted", "written `5xx if hinted`"),
            ("if hinted", "written `403 if hinted`"),
            ("default hinted", "written `403 if hinted`"),
            ("529 if hinted if hinted", "`if hinted` is written once: write `529 if hinted`"),
            ("[Default]", "the defaults are written `default`"),
            ("default + 529", "more than one item"),
            ("default,529", "more than one item"),
        ] {
            let message = condition(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn durations_are_exact() {
        for (text, expected) in [
            ("250ms", Duration::from_millis(250)),
            ("1.5s", Duration::from_millis(1500)),
            ("2m", Duration::from_secs(120)),
            ("0.5h", Duration::from_secs(1800)),
            ("1_000us", Duration::from_millis(1)),
            ("0.1s", Duration::from_millis(100)),
            ("0s", Duration::ZERO),
        ] {
            assert_eq!(duration(Key::Base, text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_says_what_to_write() {
        for (text, part) in [
            ("5", "write `base = 5s` or `base = 5ms`"),
            ("1.5", "write `base = 1.5s`"),
            ("soon", "is a duration: write `base = 1s`"),
            ("", "is a duration"),
            ("s", "plain decimal"),
            ("-5s", "negative"),
            ("5sec", "did you mean `s`"),
            ("5d", "the units are"),
            ("5 s", "without a space: write `base = 5s`"),
            ("1.s", "plain decimal"),
            (".5s", "plain decimal"),
            ("_5s", "plain decimal"),
            ("1._5s", "plain decimal"),
            ("1.2.3s", "plain decimal"),
            ("0x10s", "plain decimal"),
            ("1e3s", "plain decimal"),
            ("99999999999999999999h", "too long"),
            ("2h30m", "one unit: write `base = 150m`"),
            ("1s500ms", "one unit: write `base = 1500ms`"),
            ("30m2h", "plain decimal"),
            ("1h30", "plain decimal"),
            ("9999999999999999999h1s", "plain decimal"),
        ] {
            let message = duration(Key::Base, text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn items() {
        for (text, expected) in [
            ("503", Condition::Status(503)),
            ("202", Condition::Status(202)),
            ("5xx", Condition::Range(500, 599)),
            ("500..=504", Condition::Range(500, 504)),
            ("connect", Condition::Failure(Failure::Connect)),
            ("default", Condition::Default),
            ("403 if hinted", Condition::IfHinted(403, 403)),
            ("5xx if hinted", Condition::IfHinted(500, 599)),
        ] {
            assert_eq!(condition(text), Ok(expected), "{text}");
        }
        for (text, part) in [
            ("200", "`200` is not an error"),
            ("99", "`99` is not an HTTP status"),
            ("70000", "`70000` is not an HTTP status"),
            ("3xx", "is not an error and is not retried"),
            ("6xx", "there is no class `6xx`"),
            ("5XX", "lower case: `5xx`"),
            ("500..504", "write `500..=504`"),
            ("500..600", "write `500..=599`"),
            ("500..", "names its first and its last"),
            ("504..=500", "write `500..=504`"),
            ("202..=500", "write `400..=500`"),
            ("500-504", "written `500..=504`"),
            ("Timeout", "the failures are written"),
            ("timed_out", "did you mean `timeout`?"),
            ("server_error", "did you mean `5xx`?"),
            ("is_server_error", "did you mean `5xx`?"),
            ("all", "did you mean `default`?"),
            ("", "expected a status"),
            ("-1", "expected a status"),
            ("connect if hinted", "only a response carries a hint"),
            ("default if hinted", "only a response carries a hint"),
            ("200 if hinted", "`200` is not an error"),
        ] {
            let message = condition(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn numbers_and_words() {
        assert_eq!(max("5"), Ok(5));
        assert_eq!(max("0"), Ok(0));
        assert!(max("1.5").unwrap_err().contains("whole number"));
        assert!(max("4294967296").unwrap_err().contains("too large"));
        assert_eq!(number("1.5"), Some(1.5));
        for text in ["", ".", "1.", ".5", "1e3", "-1", "inf", "1.2.3"] {
            assert_eq!(number(text), None, "{text}");
        }
        let kinds = [Jitter::None, Jitter::Full, Jitter::Equal, Jitter::Decorrelated];
        assert_eq!(JITTERS.map(jitter), kinds.map(Ok));
        assert!(FAILURES.into_iter().all(is_word) && is_word("default"));
        assert!(!["503", "5xx", "Default", "none", ""].into_iter().any(is_word));
        assert!(jitter("Full").unwrap_err().contains("write `jitter = full`"));
        assert!(jitter("off").unwrap_err().contains("did you mean `none`?"));
    }
}
