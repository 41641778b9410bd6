//! Durations: numbers with a unit, such as `250ms` or `1.5s`.

use std::time::Duration;

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Expr, Lit};

use crate::diagnostics::{did_you_mean, list, or_colon};
use crate::options::keys::example;
use crate::options::value::{Literal, literal, word};

/// The units, in nanoseconds.
const UNITS: [(&str, u64); 5] =
    [("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000)];
const NAMES: [&str; 5] = ["us", "ms", "s", "m", "h"];
const ELSEWHERE: [(&str, &[&str]); 5] = [
    ("us", &["micros", "microseconds", "usec"]),
    ("ms", &["millis", "milliseconds", "msec"]),
    ("s", &["sec", "secs", "second", "seconds"]),
    ("m", &["min", "mins", "minute", "minutes"]),
    ("h", &["hr", "hrs", "hour", "hours"]),
];

/// The duration that a literal stands for; `None` for other expressions, which the compiler checks.
pub(crate) fn parse(key: &str, value: &Expr) -> Result<Option<Duration>, String> {
    let (digits, unit) = match literal(value) {
        Literal::Negative(_) => return Err(format!("`{key}` cannot be negative: write `{}`", example(key))),
        Literal::Plain(Lit::Int(int)) => (int.to_string(), int.suffix()),
        Literal::Plain(Lit::Float(float)) => (float.to_string(), float.suffix()),
        Literal::Plain(Lit::Str(text)) => {
            let unquoted = text.value();
            let example = if split(&unquoted).is_some() {
                format!("{key} = {unquoted}")
            } else {
                example(key).to_owned()
            };
            return Err(format!("a duration is not quoted: write `{example}`"));
        }
        Literal::Plain(_) => return Err(format!("`{key}` is a duration: write `{}`", example(key))),
        Literal::None if word(value).is_some() || matches!(value, Expr::Array(_)) => {
            return Err(format!("`{key}` is a duration: write `{}`, or leave it out", example(key)));
        }
        Literal::None if has_unit(value.to_token_stream()) => {
            return Err(format!(
                "in an expression a number has no unit: write `{}`, or `Duration::from_secs(..)` there",
                example(key)
            ));
        }
        Literal::None => return Ok(None),
    };
    if unit.is_empty() {
        return Err(format!("a duration needs a unit: write `{key} = {digits}s` or `{key} = {digits}ms`"));
    }
    let Some((number, nanos)) = split(&digits) else {
        return Err(if UNITS.iter().any(|(name, _)| *name == unit) {
            format!("a duration is a plain decimal number with a unit: write `{key} = 1.5s`")
        } else {
            format!(
                "unknown unit `{unit}`{} the units are {}",
                or_colon(did_you_mean(unit, &NAMES, &ELSEWHERE)),
                list(&NAMES)
            )
        });
    };
    exact(&number, nanos).map(Some).ok_or_else(|| format!("`{key}` is too long: a duration is at most 2⁶⁴ s"))
}

/// Whether the name is that of a unit.
pub(crate) fn is_unit(name: &str) -> bool {
    NAMES.contains(&name)
}

/// Whether a number with a unit is part of an expression.
fn has_unit(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Literal(literal) => split(&literal.to_string()).is_some(),
        TokenTree::Group(group) => has_unit(group.stream()),
        _ => false,
    })
}

/// The duration in generated code.
pub(crate) fn tokens(duration: Duration) -> TokenStream {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    quote!(::core::time::Duration::new(#seconds, #nanos))
}

/// Splits `1_000.5ms` into its number, without underscores, and its unit.
fn split(text: &str) -> Option<(String, u64)> {
    let text = text.replace('_', "");
    let end = text.find(|c: char| c != '.' && !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    let nanos = UNITS.iter().find_map(|(name, nanos)| (*name == unit).then_some(*nanos))?;
    (!number.is_empty()).then(|| (number.to_owned(), nanos))
}

/// Whole nanoseconds; what lies below them is cut off. `None` where it overflows.
fn exact(number: &str, unit: u64) -> Option<Duration> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = &fraction[..fraction.len().min(18)];
    let scale = 10u128.pow(u32::try_from(fraction.len()).ok()?);
    let parts = if fraction.is_empty() { 0 } else { fraction.parse::<u128>().ok()? };
    let unit = u128::from(unit);
    let nanos = whole.parse::<u128>().ok()?.checked_mul(unit)?.checked_add(parts * unit / scale)?;
    let seconds = u64::try_from(nanos / 1_000_000_000).ok()?;
    Some(Duration::new(seconds, u32::try_from(nanos % 1_000_000_000).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Duration>, String> {
        parse("base", &syn::parse_str(text).unwrap())
    }

    #[test]
    fn literals_are_exact() {
        assert_eq!(read("250ms"), Ok(Some(Duration::from_millis(250))));
        assert_eq!(read("1.5s"), Ok(Some(Duration::from_millis(1500))));
        assert_eq!(read("2m"), Ok(Some(Duration::from_secs(120))));
        assert_eq!(read("0.5h"), Ok(Some(Duration::from_secs(1800))));
        assert_eq!(read("1_000us"), Ok(Some(Duration::from_millis(1))));
        assert_eq!(read("0.1s"), Ok(Some(Duration::from_millis(100))));
        assert_eq!(read("BASE"), Ok(None));
        assert_eq!(read("Duration::from_secs(1)"), Ok(None));
    }

    #[test]
    fn anything_else_says_what_to_write() {
        for (text, part) in [
            ("5", "write `base = 5s` or `base = 5ms`"),
            ("1.5", "write `base = 1.5s`"),
            ("\"500ms\"", "write `base = 500ms`"),
            ("\"soon\"", "write `base = 1s`"),
            ("-5s", "negative"),
            ("5sec", "did you mean `s`"),
            ("5d", "the units are"),
            ("0x10s", "plain decimal"),
            ("1e3s", "plain decimal"),
            ("true", "is a duration"),
            ("99999999999999999999h", "too long"),
        ] {
            let message = read(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
