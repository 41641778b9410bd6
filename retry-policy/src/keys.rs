//! The table of keys: how each is written, called elsewhere, and described.
//!
//! A new key is a row here, a field and a rule (`policy.rs`, `rules.rs`), a setter (`builder.rs`),
//! and a field of a configuration (`config.rs`). In `retry-macros` `options/mod.rs` stores it,
//! `generate/policy.rs` passes it on, and `generate/docs.rs` tells of it. The runtime obeys it.

use std::fmt::Write as _;

use crate::words::{did_you_mean, list, or_colon};

/// The values that a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// A whole number.
    Count,
    /// A list of [`Condition`](crate::Condition)s.
    Conditions,
    /// A duration of a computed wait.
    Wait,
    /// A number.
    Factor,
    /// A word or a number.
    Jitter,
    /// A duration, or zero.
    Limit,
    /// A duration that bounds a call or a request.
    Bound,
    /// Nothing, `true` or `false`.
    Flag,
    /// Nothing, `true`, `false`, or the name of a header.
    Header,
    /// An expression that is run.
    Renewal,
    /// A function or a closure.
    Callable,
    /// An expression of this type, and a field that holds one.
    Expression {
        /// The type, with its article.
        what: &'static str,
        /// A field that holds such a value.
        field: &'static str,
    },
    /// A list of the names of arguments.
    Names,
    /// A list of the names of headers.
    Headers,
    /// `true` or `false`.
    Switch,
    /// Nothing.
    Nothing,
    /// A path.
    Path,
}

impl Takes {
    /// Returns `true` for a duration.
    pub const fn is_duration(self) -> bool {
        matches!(self, Self::Wait | Self::Limit | Self::Bound)
    }

    /// Returns `true` if the value may depend on what is only known at run time.
    pub const fn is_run_time(self) -> bool {
        matches!(self, Self::Renewal | Self::Callable | Self::Expression { .. } | Self::Names)
    }
}

/// Where a key may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the attribute, in `policy!` and in a configuration.
    Policy,
    /// In the attribute and in `policy!`.
    Macro,
    /// In the attribute alone. The text is the message for other places.
    Attribute(&'static str),
}

/// A key of the table.
struct Row {
    name: &'static str,
    takes: Takes,
    place: Place,
    /// An example, for messages.
    example: &'static str,
    /// The values, the default and the meaning, for the table of the documentation.
    value: &'static str,
    default: &'static str,
    meaning: &'static str,
    /// The names that other crates have for it.
    elsewhere: &'static [&'static str],
}

macro_rules! keys {
    ($($key:ident: $row:expr,)+) => {
        /// A key of the attribute, of `policy!` or of a configuration.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Key {
            $(#[allow(missing_docs, reason = "the table has it")] $key,)+
        }

        impl Key {
            /// All keys, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$key),+];

            const fn row(self) -> &'static Row {
                match self {
                    $(Self::$key => const { &$row },)+
                }
            }
        }
    };
}

keys! {
    Max: Row {
        name: "max",
        takes: Takes::Count,
        place: Place::Policy,
        example: "max = 5",
        value: "integer ≥ 1 (`u32`)",
        default: "`3`",
        meaning: "retries after the first attempt, so `max = 5` sends at most 6 times",
        elsewhere: &[
            "attempts", "count", "limit", "max_attempts", "max_count", "max_retries", "max_times", "max_tries",
            "retries", "stop", "stop_after_attempt", "times", "tries", "with_max_times",
        ],
    },
    On: Row {
        name: "on",
        takes: Takes::Conditions,
        place: Place::Policy,
        example: "on = [429, 503]",
        value: "list",
        default: "by method, below",
        meaning: "the statuses and failures that are retried",
        elsewhere: &["codes", "retry", "retry_on", "retry_status", "status", "status_codes", "statuses", "transient"],
    },
    Never: Row {
        name: "never",
        takes: Takes::Conditions,
        place: Place::Policy,
        example: "never = [401]",
        value: "list",
        default: "`[]`",
        meaning: "the statuses and failures that are never retried; wins over `on`",
        elsewhere: &["except", "exclude", "ignore", "not_on", "unless"],
    },
    Base: Row {
        name: "base",
        takes: Takes::Wait,
        place: Place::Policy,
        example: "base = 1s",
        value: "duration, at most `cap` (`Duration`)",
        default: "`1s`",
        meaning: "wait before the first retry",
        elsewhere: &[
            "backoff", "backoff_factor", "base_ms", "delay", "delay_ms", "initial", "initial_backoff", "initial_delay", "initial_interval",
            "interval", "min_delay", "min_wait", "sleep", "wait", "wait_fixed", "wait_ms", "with_min_delay",
        ],
    },
    Factor: Row {
        name: "factor",
        takes: Takes::Factor,
        place: Place::Policy,
        example: "factor = 2",
        value: "number, 1 to 100 (`f64`)",
        default: "`2`",
        meaning: "the number by which each delay is multiplied to get the next one",
        elsewhere: &[
            "backoff", "backoff_factor", "exponent", "exponential_base", "growth", "multiplier", "wait_exponential", "with_factor",
        ],
    },
    Cap: Row {
        name: "cap",
        takes: Takes::Wait,
        place: Place::Policy,
        example: "cap = 60s",
        value: "duration, at most a day (`Duration`)",
        default: "`60s`",
        meaning: "longest computed wait, jitter included",
        elsewhere: &["max_backoff", "max_delay", "max_interval", "max_wait", "with_max_delay"],
    },
    Jitter: Row {
        name: "jitter",
        takes: Takes::Jitter,
        place: Place::Policy,
        example: "jitter = 0.5",
        value: "`none`, `full`, `equal`, `decorrelated`, or 0 to 1 (`Jitter`)",
        default: "`0.5`",
        meaning: "spreads waits at random; a number j adds a time from 0 to j × the delay",
        elsewhere: &["randomization_factor", "randomize", "with_jitter"],
    },
    MaxRetryAfter: Row {
        name: "max_retry_after",
        takes: Takes::Limit,
        place: Place::Policy,
        example: "max_retry_after = 2m",
        value: "duration, at most `deadline` (`Duration`)",
        default: "`2m`",
        meaning: "if the server asks for a longer wait, the call ends at once",
        elsewhere: &["max_hint", "respect_retry_after", "retry_after"],
    },
    Hint: Row {
        name: "hint",
        takes: Takes::Headers,
        place: Place::Policy,
        example: "hint = [\"x-my-reset\"]",
        value: "list of header names",
        default: "`[]`",
        meaning: "further headers that ask for a wait, read like `X-RateLimit-Reset`; numbers in milliseconds if the name ends in `-ms`",
        elsewhere: &[
            "header", "headers", "hint_header", "hint_headers", "hints", "rate_limit_header", "reset_header",
            "reset_headers", "retry_after_header", "retry_after_headers", "wait_header",
        ],
    },
    Deadline: Row {
        name: "deadline",
        takes: Takes::Bound,
        place: Place::Policy,
        example: "deadline = 10s",
        value: "duration above `base` (`Duration`)",
        default: "none",
        meaning: "time limit of the whole call: its waits and its visible requests",
        elsewhere: &[
            "max_duration", "max_elapsed", "max_elapsed_time", "max_total", "overall_timeout", "retry_bounds",
            "total", "total_timeout", "until",
        ],
    },
    Timeout: Row {
        name: "timeout",
        takes: Takes::Bound,
        place: Place::Policy,
        example: "timeout = 5s",
        value: "duration below `deadline` (`Duration`)",
        default: "none",
        meaning: "time limit of each request, reading its response included",
        elsewhere: &[
            "attempt_timeout", "per_request", "per_try_timeout", "request_timeout", "send_timeout", "timeout_ms",
        ],
    },
    Idempotent: Row {
        name: "idempotent",
        takes: Takes::Flag,
        place: Place::Policy,
        example: "idempotent",
        value: "flag, or `= false`",
        default: "by method",
        meaning: "whether repeating the request is safe",
        elsewhere: &["repeatable", "safe"],
    },
    IdempotencyKey: Row {
        name: "idempotency_key",
        takes: Takes::Header,
        place: Place::Policy,
        example: "idempotency_key = \"PayPal-Request-Id\"",
        value: "flag, or the header's name (`&'static str`)",
        default: "off",
        meaning: "sends each unsafe request with a key, in `Idempotency-Key` or in the header named; the key is the same on every attempt, and a 409 to a repeat is retried",
        elsewhere: &[
            "dedupe", "idem_key", "idempotence_key", "idempotency_header", "idempotent_key", "request_id",
        ],
    },
    Reauth: Row {
        name: "reauth",
        takes: Takes::Renewal,
        place: Place::Attribute("`reauth` is run by a function: give it to `#[retry_http]`"),
        example: "reauth = self.login()",
        value: "expression",
        default: "none",
        meaning: "renews the credentials: run at most once per call, after a 401 or an error of yours whose `is_expired` is true; one more attempt follows at once",
        elsewhere: &[
            "authenticate", "login", "on_401", "on_unauthorized", "reauthenticate", "refresh", "renew",
        ],
    },
    RetryIf: Row {
        name: "retry_if",
        takes: Takes::Callable,
        place: Place::Attribute("`retry_if` looks at what a function returns: give it to `#[retry_http]`"),
        example: "retry_if = |outcome| matches!(outcome, Ok(job) if job.is_pending())",
        value: "path or closure",
        default: "none",
        meaning: "`Fn(&R) -> bool` on the value that the body returns; `true` retries it as well",
        elsewhere: &[
            "condition", "filter", "predicate", "retry_when", "retryable", "should_retry", "when",
        ],
    },
    NeverIf: Row {
        name: "never_if",
        takes: Takes::Callable,
        place: Place::Attribute("`never_if` looks at what a function returns: give it to `#[retry_http]`"),
        example: "never_if = |outcome| matches!(outcome, Err(error) if error.is_quota_used_up())",
        value: "path or closure",
        default: "none",
        meaning: "`Fn(&R) -> bool` on the value that the body returns; `true` forbids a retry, and wins over all other options",
        elsewhere: &[
            "abort_if", "abort_on", "fatal", "give_up_if", "giveup", "is_permanent", "not_if", "permanent",
            "stop_if", "unless_if",
        ],
    },
    Observer: Row {
        name: "observer",
        takes: Takes::Expression { what: "an `Observer`", field: "self.observer" },
        place: Place::Attribute("`observer` gets the events of a function: give it to `#[retry_http]`"),
        example: "observer = |event| println!(\"{event:?}\")",
        value: "closure, or `Observer`",
        default: "none",
        meaning: "gets every event of the call",
        elsewhere: &["before_sleep", "inspect", "log", "logger", "notify", "on_error", "on_event", "on_retry"],
    },
    Upstream: Row {
        name: "upstream",
        takes: Takes::Expression { what: "an `Upstream` or a reference to one", field: "self.upstream" },
        place: Place::Attribute("`upstream` is shared by the calls of functions: give it to `#[retry_http]`"),
        example: "upstream = GITHUB",
        value: "expression",
        default: "none",
        meaning: "the `Upstream` whose budget and cooldown all calls to one service share",
        elsewhere: &[
            "bucket", "budget", "circuit_breaker", "limiter", "rate", "rate_limit", "rate_limiter", "service",
            "throttle",
        ],
    },
    Policy: Row {
        name: "policy",
        takes: Takes::Expression { what: "a `Policy` or a reference to one", field: "self.retry" },
        place: Place::Macro,
        example: "policy = GENTLE",
        value: "expression",
        default: "`Policy::DEFAULT`",
        meaning: "the `Policy` or `&Policy` to start from; other keys override it",
        elsewhere: &["config", "strategy"],
    },
    Carry: Row {
        name: "carry",
        takes: Takes::Names,
        place: Place::Attribute("`carry` is about the arguments of a function: give it to `#[retry_http]`"),
        example: "carry = [data]",
        value: "list of arguments",
        default: "`[]`",
        meaning: "allows these `&mut` or stream arguments; each attempt gets them as the last attempt left them, and the body must be able to start from there",
        elsewhere: &["carries", "consume", "keep_args", "mut", "mutable", "mutates", "resume", "rewind", "stateful"],
    },
    Docs: Row {
        name: "docs",
        takes: Takes::Switch,
        place: Place::Attribute("`docs` is about the docs of a function: give it to `#[retry_http]`"),
        example: "docs = false",
        value: "`true` or `false`",
        default: "`true`",
        meaning: "adds a \"# Retries\" section to the function's docs, with the conditions of a retry and the waits",
        elsewhere: &["doc"],
    },
    Skip: Row {
        name: "skip",
        takes: Takes::Nothing,
        place: Place::Attribute("`skip` is for a method of an annotated `impl`"),
        example: "#[retry_http(skip)]",
        value: "flag",
        default: "",
        meaning: "leaves the method as it is; only on a method of an annotated `impl`",
        elsewhere: &["none", "off"],
    },
    Transparent: Row {
        name: "transparent",
        takes: Takes::Nothing,
        place: Place::Attribute("`transparent` is about the requests of a function: give it to `#[retry_http]`"),
        example: "#[retry_http(transparent)]",
        value: "flag",
        default: "",
        meaning: "adds no loop here; the annotated function that calls this one sees and retries its requests",
        elsewhere: &["helper", "inner", "passthrough", "through", "visible"],
    },
    Crate: Row {
        name: "crate",
        takes: Takes::Path,
        place: Place::Macro,
        example: "crate = ::retry_http",
        value: "path",
        default: "`::retry_http`",
        meaning: "the path of `retry_http`, for a renamed dependency",
        elsewhere: &["krate", "path"],
    },
}

impl Key {
    /// Returns the key with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|key| key.name() == name)
    }

    /// Returns the name.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// Returns the values that the key takes.
    pub const fn takes(self) -> Takes {
        self.row().takes
    }

    /// Returns where the key may be written.
    pub const fn place(self) -> Place {
        self.row().place
    }

    /// Returns an example of the key with a value, for messages.
    pub const fn example(self) -> &'static str {
        self.row().example
    }
}

/// Returns the message for a key that is none of `known`.
pub fn unknown(name: &str, known: &[Key]) -> String {
    // Other people's words for it.
    const COUNTING: [&str; 4] = ["attempts", "max_attempts", "max_tries", "tries"];
    let names: Vec<_> = known.iter().map(|key| key.name()).collect();
    let elsewhere: Vec<_> = known.iter().map(|key| (key.name(), key.row().elsewhere)).collect();
    let meant = name.to_lowercase().replace('-', "_");
    let counts = if COUNTING.contains(&meant.as_str()) {
        " It counts retries, so 3 attempts are `max = 2`;"
    } else {
        ""
    };
    let suggestion = or_colon(did_you_mean(&meant, &names, &elsewhere));
    format!("unknown option `{name}`{suggestion}{counts} the keys are {}", list(&names))
}

/// Returns the table of the documentation, in Markdown.
pub fn table() -> String {
    let mut table = "| key | value | default | meaning |\n|---|---|---|---|\n".to_owned();
    for key in Key::ALL {
        let Row { name, value, default, meaning, .. } = key.row();
        let cells = [&format!("`{name}`") as &str, value, default, meaning]
            .map(|cell| if cell.is_empty() { " ".to_owned() } else { format!(" {cell} ") });
        _ = writeln!(table, "|{}|", cells.join("|"));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_row_for_each_key() {
        let table = table();
        let rows: Vec<_> = table.lines().skip(2).collect();
        assert_eq!(rows.len(), Key::ALL.len());
        for (row, key) in rows.iter().zip(Key::ALL) {
            assert!(row.starts_with(&format!("| `{}` |", key.name())), "{row}");
        }
        assert!(rows.contains(
            &"| `skip` | flag | | leaves the method as it is; only on a method of an annotated `impl` |"
        ));
    }

    #[test]
    fn a_word_that_other_crates_use_for_two_keys_names_both() {
        for (name, expected) in [
            ("backoff", "did you mean `base` or `factor`?"),
            ("backoff_factor", "did you mean `base` or `factor`?"),
            ("initial_delay", "did you mean `base`?"),
            ("multiplier", "did you mean `factor`?"),
        ] {
            let message = unknown(name, Key::ALL);
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn expressions_that_run_may_depend_on_the_call() {
        let run_time = Key::ALL.iter().filter(|key| key.takes().is_run_time());
        let names: Vec<_> = run_time.map(|key| key.name()).collect();
        assert_eq!(names, ["reauth", "retry_if", "never_if", "observer", "upstream", "policy", "carry"]);
    }
}
