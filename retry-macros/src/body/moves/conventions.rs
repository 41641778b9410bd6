//! Tells by the conventions for names what methods and macros do with a value.

use crate::body::moves::Use;
use crate::function::foreign::FORMATTING;

/// Methods that by convention borrow what they are called on.
const BORROWING: [&str; 30] = [
    "borrow",
    "borrow_mut",
    "chars",
    "clone",
    "contains",
    "contains_key",
    "deref",
    "display",
    "ends_with",
    "entry",
    "extend",
    "first",
    "get",
    "get_mut",
    "insert",
    "keys",
    "len",
    "lock",
    "push",
    "push_str",
    "read",
    "remove",
    "split",
    "starts_with",
    "trim",
    "try_clone",
    "values",
    "write",
    "iter",
    "iter_mut",
];
const BORROWING_PREFIXES: [&str; 4] = ["as_", "has_", "is_", "to_"];
const CONSUMING: [&str; 4] = ["into", "try_into", "unwrap", "expect"];
const CONSUMING_PREFIXES: [&str; 2] = ["into_", "unwrap_"];
/// Macros beside those with a format that take their arguments by reference.
const BY_REFERENCE: [&str; 7] =
    ["debug_span", "error_span", "info_span", "json", "span", "trace_span", "warn_span"];

/// Returns `true` for a macro that takes its arguments by reference.
pub(super) fn is_formatting(name: &str) -> bool {
    FORMATTING.contains(&name) || BY_REFERENCE.contains(&name)
}

/// Returns the use that a method makes of what it is called on.
pub(super) fn by_method(name: &str) -> Use {
    // `is_some_and` and its kin take the value.
    if name.ends_with("_and") || name.ends_with("_or") {
        return Use::Perhaps;
    }
    if BORROWING.contains(&name) || BORROWING_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        Use::Borrowed
    } else if CONSUMING.contains(&name) || CONSUMING_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        Use::None
    } else {
        Use::Perhaps
    }
}
