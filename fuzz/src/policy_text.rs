//! Policies in configurations, and the values of their options.

use retry_policy::keys::Key;
use retry_policy::{Policy, text};
use serde_json::{Value, json};

use crate::generate;

pub fn run(data: &[u8]) {
    let Ok(input) = std::str::from_utf8(data) else { return };
    values(input);
    let Ok(config) = serde_json::from_str::<Value>(input) else { return };
    if let Ok(policy) = serde_json::from_value::<Policy>(config.clone()) {
        // A policy over itself is itself.
        let again = policy.overlay(config).expect("it was accepted");
        assert_eq!(format!("{policy:?}"), format!("{again:?}"));
        let waits = [0, 1, u32::MAX].map(|n| policy.backoff().wait(n, policy.backoff().cap(), 1.0));
        assert!(waits.iter().all(|wait| *wait <= policy.backoff().cap()), "{policy:?}");
    }
}

fn values(input: &str) {
    for key in [Key::Base, Key::Cap, Key::Timeout] {
        if let Ok(duration) = text::duration(key, input) {
            let nanoseconds = format!("{}ms", duration.as_millis());
            if duration.subsec_nanos() % 1_000_000 == 0 {
                assert_eq!(text::duration(key, &nanoseconds).as_ref(), Ok(&duration), "{input:?}");
            }
        }
    }
    // The attribute accepts a duration that a configuration accepts, where it is a token of Rust.
    if text::duration(Key::Timeout, input).is_ok()
        && serde_json::from_value::<Policy>(json!({ "timeout": input })).is_ok()
    {
        assert!(is_accepted(&format!("timeout = {input}")), "{input:?}");
    }
    if let Ok(condition) = text::condition(input) {
        let config = json!({ "on": [input] });
        assert!(serde_json::from_value::<Policy>(config).is_ok(), "{input:?} is {condition:?}");
    }
    _ = (text::status(input), text::failure(input), text::jitter(input), text::max(input));
    _ = (text::number(input), text::is_word(input), text::is_unit(input), text::number_of_status(input));
    if let Some((digit, suffix)) = input.split_at_checked(1) {
        _ = text::class(digit, suffix);
    }
}

/// Returns whether `policy!` accepts an option, if it is one: a text may have spaces that no token
/// has.
fn is_accepted(option: &str) -> bool {
    let Ok(tokens) = option.parse::<proc_macro2::TokenStream>() else { return true };
    !generate::policy(tokens).to_string().contains("compile_error")
}
