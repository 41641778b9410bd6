//! The "# Retries" section of a function's docs.

use std::fmt::Write as _;
use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;

use retry_policy::keys::{Key, Place};
use retry_policy::words::and;
use retry_policy::{Condition, Failure, Jitter, Policy};

use crate::body::arguments::Arguments;
use crate::body::sends::Sends;
use crate::options::conditions::{Item, ListItem};
use crate::options::{Given, Options};
use crate::tokens::as_written;

/// Returns the section as an attribute. `sends` says whether requests are visible in the body.
pub(crate) fn section(options: &Options, arguments: &Arguments, sends: Sends) -> TokenStream {
    if !options.docs.as_ref().is_none_or(syn::LitBool::value) {
        return TokenStream::new();
    }
    let mut text = String::from("\n\n# Retries\n\n");
    if let Some(policy) = &options.policy {
        _ = write!(
            text,
            "This function is retried by the policy `{}`{}.",
            as_written(policy),
            overrides(options)
        );
    } else {
        what(options, &mut text);
        waits(options, &mut text);
    }
    if sends == Sends::Hidden {
        text.push_str(
            "\n\nNo request is visible in this function itself. The requests of annotated and `transparent` functions that \
             it calls are seen. Of any other request only the error is known, and not the method: the request is retried \
             after a 429, after a 503 if the error says how long to wait, if no connection was made, and after what `on` \
             lists.",
        );
    }
    bounds(options, &mut text);
    if let Some(upstream) = &options.upstream {
        _ = write!(
            text,
            "\n\nAll calls to the upstream `{}` share its budget of retries and the waits that the server asks for.",
            as_written(upstream)
        );
    }
    if options.reauth.is_some() {
        text.push_str(
            "\n\nAfter a 401 the credentials are renewed, at most once per call, and one more attempt follows at once.",
        );
    }
    if options.retry_if.is_some() {
        text.push_str("\n\nAn outcome for which `retry_if` returns `true` is retried as well.");
    }
    if options.never_if.is_some() {
        text.push_str("\n\nAn outcome for which `never_if` returns `true` is never retried.");
    }
    if !arguments.cloned.is_empty() {
        let names: Vec<_> = arguments.cloned.iter().map(|name| format!("`{name}`")).collect();
        _ = write!(text, "\n\nEach attempt gets a clone of {}, if the type is `Clone`.", and(&names));
    }
    for name in &arguments.given_once {
        _ = write!(
            text,
            "\n\nIf `{name}` cannot be cloned, the call ends with the outcome of the first attempt."
        );
    }
    quote!(#[doc = #text])
}

fn overrides(options: &Options) -> String {
    let mut keys = Vec::new();
    for &key in Key::ALL {
        if key.place() == Place::Policy && options.at(key).is_some() {
            keys.push(format!("`{}`", key.name()));
        }
    }
    if keys.is_empty() { String::new() } else { format!(", except for {}", and(&keys)) }
}

/// The headers that ask for a wait, the bounds in time, and the key.
fn bounds(options: &Options, text: &mut String) {
    if let Some(headers) = options.hint.as_deref().filter(|headers| !headers.is_empty()) {
        let name = |given| format!("`{}`", written_name(given));
        let names = and(&headers.iter().map(name).collect::<Vec<_>>());
        let header = if headers.len() == 1 { "header" } else { "headers" };
        _ = write!(text, "\n\nThe {header} {names} may ask for a wait, too.");
    }
    if options.deadline.is_some() || options.timeout.is_some() {
        text.push_str("\n\n");
    }
    if let Some(deadline) = &options.deadline {
        _ = write!(
            text,
            "The call may take {}: a wait that would not end before that is not begun, and each request gets the time that \
             is left. ",
            written(Some(deadline), &Duration::ZERO, human)
        );
    }
    if let Some(timeout) = &options.timeout {
        _ = write!(text, "Each request takes at most {}.", written(Some(timeout), &Duration::ZERO, human));
    }
    if options.idempotency_key.as_ref().is_some_and(|key| key.value) {
        let header = match &options.idempotency_header {
            None => "in `Idempotency-Key`".to_owned(),
            Some(Given { literal: Some(name), .. }) => format!("in `{name}`"),
            Some(given) => format!("in the header `{}`", as_written(&given.source)),
        };
        _ = write!(
            text,
            "\n\nRequests that are not safe to repeat are sent with a key {header}, which is the same on every attempt of a \
             call. A 409 in answer to a repeated key is retried."
        );
    }
}

/// A name of `hint` as it was written, without quotes.
fn written_name(given: &Given<String>) -> String {
    given.literal.clone().unwrap_or_else(|| as_written(&given.source))
}

fn what(options: &Options, text: &mut String) {
    let max = written(options.max.as_ref(), &Policy::DEFAULT.max(), u32::to_string);
    let retries = if max == "1" { "retry" } else { "retries" };
    let on = options.on.as_deref().unwrap_or_default();
    let (mut failures, mut statuses, mut has_default) = (Vec::new(), Vec::new(), false);
    for item in on {
        match item.item {
            Item::Known(Condition::Default) => has_default = true,
            Item::Known(Condition::Failure(_)) => failures.push(name(item)),
            _ => statuses.push(name(item)),
        }
    }
    _ = writeln!(text, "At most {max} {retries}, after:");
    let idempotent = options.idempotent.as_ref().map(|flag| flag.value);
    if statuses.is_empty() || has_default {
        text.push_str(match idempotent {
            None => {
                "\n- the statuses 429, and 503 with a `Retry-After`; if the request is safe to repeat (GET, HEAD, PUT, \
                 DELETE, or with an `Idempotency-Key`), also 408, 425, 500, 502, any 503, and 504"
            }
            Some(true) => "\n- the statuses 408, 425, 429, 500, 502, 503 and 504",
            Some(false) => "\n- the statuses 429, and 503 with a `Retry-After`",
        });
    }
    if !statuses.is_empty() {
        _ = write!(text, "\n- the statuses {}", and(&statuses));
    }
    if failures.is_empty() || has_default {
        text.push_str(match idempotent {
            None => {
                "\n- connections that were not made; if the request is safe to repeat, also timeouts, resets and bodies \
                 that broke off"
            }
            Some(true) => "\n- connections that were not made, timeouts, resets and bodies that broke off",
            Some(false) => "\n- connections that were not made",
        });
    }
    if !failures.is_empty() {
        _ = write!(text, "\n- {}", and(&failures));
    }
    match options.never.as_deref() {
        Some(never) if !never.is_empty() => {
            let never: Vec<_> = never.iter().map(name).collect();
            _ = write!(text, "\n\nNever retried: {}.", and(&never));
        }
        _ => {}
    }
}

fn name(item: &ListItem) -> String {
    match item.item {
        Item::Known(Condition::Failure(Failure::Connect)) => "connections that were not made".to_owned(),
        Item::Known(Condition::Failure(Failure::Timeout)) => "timeouts".to_owned(),
        Item::Known(Condition::Failure(Failure::Reset)) => "resets".to_owned(),
        Item::Known(Condition::Failure(Failure::Body)) => "bodies that broke off".to_owned(),
        Item::Known(Condition::Range(400, 499) | Condition::Range(500, 599)) => item.text(),
        Item::Known(Condition::Range(first, last)) => format!("{first} to {last}"),
        Item::Known(Condition::IfHinted(first, last)) => {
            let statuses =
                if first == last { Condition::Status(first) } else { Condition::Range(first, last) };
            format!("{statuses} if the server says how long to wait")
        }
        Item::Known(_) => item.text(),
        Item::Constant(_) => format!("`{}`", as_written(&item.source.expression)),
        Item::HintedConstant(_) => {
            format!("`{}` if the server says how long to wait", as_written(&item.source.expression))
        }
    }
}

fn waits(options: &Options, text: &mut String) {
    let default = Policy::DEFAULT.backoff();
    let base = written(options.base.as_ref(), &default.base(), human);
    let cap = written(options.cap.as_ref(), &default.cap(), human);
    let factor = written(options.factor.as_ref(), &default.factor(), f64::to_string);
    let limit = written(options.max_retry_after.as_ref(), &Policy::DEFAULT.max_retry_after(), human);
    let jitter = match options.jitter.as_ref() {
        None => "Up to half of the delay is added to it at random.".to_owned(),
        Some(Given { literal: Some(jitter), .. }) => match jitter {
            Jitter::None => "Each wait is exactly the delay.".to_owned(),
            Jitter::Full => "Each wait is random, from zero to the delay.".to_owned(),
            Jitter::Equal => "Each wait is random, from half of the delay to the whole delay.".to_owned(),
            // It has no delays.
            Jitter::Decorrelated => {
                format!("Each wait is random, from {base} to three times the wait before it.")
            }
            Jitter::Fraction(share) => {
                format!("Up to {} % of the delay is added to it at random.", share * 100.0)
            }
            other => format!("The jitter is `{other:?}`."),
        },
        Some(given) => format!("The jitter is `{}`.", as_written(&given.source)),
    };
    text.push_str("\n\n");
    if options.jitter.as_ref().and_then(|given| given.literal) != Some(Jitter::Decorrelated) {
        _ = write!(
            text,
            "The delay before the first retry is {base}, and each further delay is {factor} times the one before. "
        );
    }
    _ = write!(
        text,
        "{jitter} No wait is longer than {cap}. If the server asks for a wait of at most {limit}, the call waits for that \
         instead. If the server asks for more, the call ends."
    );
    if let Some((computed, asked)) = worst(options) {
        _ = write!(
            text,
            " All waits of a call together are at most {}, or {} if the server asks for that much.",
            human(&computed),
            human(&asked)
        );
    }
}

/// Returns the longest that all waits of a call can be together: computed, and asked for. `None` if
/// a value is not known.
fn worst(options: &Options) -> Option<(Duration, Duration)> {
    fn known<T: Copy>(given: Option<&Given<T>>, default: T) -> Option<T> {
        given.map_or(Some(default), |given| given.literal)
    }

    let default = Policy::DEFAULT.backoff();
    let policy = Policy::builder()
        .max(known(options.max.as_ref(), Policy::DEFAULT.max())?)
        .base(known(options.base.as_ref(), default.base())?)
        .factor(known(options.factor.as_ref(), default.factor())?)
        .cap(known(options.cap.as_ref(), default.cap())?)
        .jitter(known(options.jitter.as_ref(), default.jitter())?)
        .max_retry_after(known(options.max_retry_after.as_ref(), Policy::DEFAULT.max_retry_after())?)
        // The macro has reported what breaks a rule.
        .__trusted();
    // All waits end before the deadline.
    let bound = known(options.deadline.as_ref(), Duration::MAX)?;
    let computed = policy.backoff().longest_total(policy.max());
    let hinted = policy.backoff().wait_after_hint(policy.max_retry_after(), 1.0);
    let asked = hinted.saturating_mul(policy.max());
    Some((computed.min(bound), asked.max(computed).min(bound)))
}

/// A value as it was written, or the default.
fn written<T>(given: Option<&Given<T>>, default: &T, print: impl Fn(&T) -> String) -> String {
    match given {
        None => print(default),
        Some(Given { literal: Some(value), .. }) => print(value),
        Some(given) => format!("`{}`", as_written(&given.source)),
    }
}

/// `250 ms`, `1.5 s`, `2 min`.
fn human(duration: &Duration) -> String {
    let seconds = duration.as_secs_f64();
    let short = |value: f64| {
        let text = format!("{value:.1}");
        text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
    };
    if seconds < 1.0 {
        format!("{} ms", short(seconds * 1_000.0))
    } else if seconds < 120.0 {
        format!("{} s", short(seconds))
    } else if seconds < 7_200.0 {
        format!("{} min", short(seconds / 60.0))
    } else {
        format!("{} h", short(seconds / 3_600.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Errors;
    use crate::options;

    fn text(attribute: &str) -> String {
        let mut errors = Errors::default();
        let options = options::parse(attribute.parse().unwrap(), &mut errors);
        assert!(errors.is_empty(), "{attribute}");
        section(&options, &Arguments::default(), Sends::Visible).to_string().replace("\\n", "\n")
    }

    #[test]
    fn says_what_and_how_long() {
        let text = text("max = 5, on = [429, 5xx, CONFLICT, timeout], never = [501, connect]");
        for part in [
            "At most 5 retries",
            "- the statuses 429, 5xx and `CONFLICT`",
            "- timeouts",
            "Never retried: 501 and connections that were not made.",
            "The delay before the first retry is 1 s, and each further delay is 2 times the one before. Up to half",
            // 1.5 + 3 + 6 + 12 + 24, and 5 times 120.5.
            "at most 46.5 s, or 10 min",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn the_worst_wait_is_within_the_cap() {
        assert!(text("max = 1000000, cap = 2s").contains("together are at most 555.6 h, or"));
        assert!(text("factor = 1, jitter = none, max = 4294967295").contains("at most 1193046.5 h"));
        // 3 + 9 + 27, and 3 times 121.
        assert!(text("jitter = decorrelated").contains("together are at most 39 s, or 6 min"));
        assert!(!text("base = BASE").contains("together"));
    }

    #[test]
    fn bounds_and_keys_are_told() {
        let bounded = text("deadline = 10s, timeout = 2s, idempotency_key, reauth = self.login()");
        for part in [
            "at most 10 s, or 10 s if the server asks",
            "The call may take 10 s: a wait that would not end before that is not begun",
            "gets the time that is left. Each request takes at most 2 s.",
            "sent with a key in `Idempotency-Key`, which is the same",
            "After a 401 the credentials are renewed",
        ] {
            assert!(bounded.contains(part), "{part}: {bounded}");
        }
        let hinted = text("hint = [\"X-My-Reset\", OTHER]");
        assert!(hinted.contains("The headers `X-My-Reset` and `OTHER` may ask for a wait, too."), "{hinted}");
        assert!(text("policy = GENTLE, hint = [\"x\"]").contains("The header `x` may ask for a wait, too."));
        for (key, part) in [
            ("\"X-Key\"", "a key in `X-Key`, which is the same"),
            ("HEADER", "a key in the header `HEADER`, which is the same"),
            ("true", "a key in `Idempotency-Key`, which is the same"),
        ] {
            let named = text(&format!("idempotency_key = {key}"));
            assert!(named.contains(part), "{part}: {named}");
        }
        assert!(!text("idempotency_key = false").contains("a key in"));
        assert!(text("idempotent").contains("- the statuses 408, 425, 429, 500, 502, 503 and 504\n"));
        assert!(text("idempotent = false").contains("- connections that were not made\n"));
    }

    #[test]
    fn what_is_not_known_is_named() {
        assert!(
            text("policy = &crate::GENTLE, max = 2, cap = 5s")
                .contains("retried by the policy `&crate::GENTLE`, except for `max` and `cap`.")
        );
        assert!(text("base = Self::BASE").contains("The delay before the first retry is `Self::BASE`"));
        assert_eq!(text("docs = false"), "");
    }
}
