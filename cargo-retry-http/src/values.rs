//! Options → the values of a row.

use proc_macro2::TokenStream;
use retry_policy::keys::Key;
use retry_policy::{Jitter, Policy as Defaults};
use syn::spanned::Spanned;

use crate::options::Options;
use crate::row::{From, Policy, Value};

/// Returns the policy that options make.
pub fn policy(options: &Options) -> Policy {
    let default = &Defaults::DEFAULT;
    let backoff = default.backoff();
    let inherited = options.at(Key::Policy).map(as_written);
    let value = |key, default: Option<String>| match (options.at(key), &inherited) {
        (Some(tokens), _) => Value { value: Some(as_written(tokens)), from: From::Attribute },
        (None, Some(policy)) => Value { value: Some(policy.clone()), from: From::Policy },
        (None, None) => Value { value: default, from: From::Default },
    };
    Policy {
        max: value(Key::Max, Some(default.max().to_string())),
        on: value(Key::On, Some("default".to_owned())),
        never: value(Key::Never, None),
        base: value(Key::Base, Some(format!("{:?}", backoff.base()))),
        factor: value(Key::Factor, Some(backoff.factor().to_string())),
        cap: value(Key::Cap, Some(format!("{:?}", backoff.cap()))),
        jitter: value(Key::Jitter, Some(jitter(backoff.jitter()))),
        max_retry_after: value(Key::MaxRetryAfter, Some(format!("{:?}", default.max_retry_after()))),
        deadline: value(Key::Deadline, default.deadline().map(|bound| format!("{bound:?}"))),
        timeout: value(Key::Timeout, default.timeout().map(|bound| format!("{bound:?}"))),
    }
}

/// Returns a jitter as the attribute takes it.
fn jitter(jitter: Jitter) -> String {
    match jitter {
        Jitter::Fraction(fraction) => fraction.to_string(),
        word => format!("{word:?}").to_lowercase(),
    }
}

/// Returns the options that are no value of [`Policy`], as they are written.
pub fn others(options: &Options) -> Vec<(&'static str, String)> {
    const OF_POLICY: [Key; 10] = [
        Key::Max,
        Key::On,
        Key::Never,
        Key::Base,
        Key::Factor,
        Key::Cap,
        Key::Jitter,
        Key::MaxRetryAfter,
        Key::Deadline,
        Key::Timeout,
    ];
    let mut others = Vec::new();
    for (key, tokens) in &options.given {
        if !OF_POLICY.contains(key) && !matches!(key, Key::Transparent | Key::Docs | Key::Crate) {
            others.push((key.name(), as_written(tokens)));
        }
    }
    others.sort_by_key(|(name, _)| Key::ALL.iter().position(|key| key.name() == *name));
    others
}

/// Returns tokens as the source has them, on one line.
pub fn as_written(tokens: &TokenStream) -> String {
    let source = tokens.span().source_text().unwrap_or_else(|| tokens.to_string());
    if !source.contains('\n') {
        return source;
    }
    let line = source.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace("[ ", "[").replace(", ]", "]").replace(" ]", "]")
}
