//! What is retried, and by which policy.

use serde::Serialize;

/// A function or block, and its policy.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The path of the function within its file, or of the function around a block.
    pub function: String,
    pub file: String,
    pub line: usize,
    pub kind: Kind,
    /// The predicate of `#[cfg_attr(.., retry_http)]`.
    pub cfg: Option<String>,
    pub policy: Policy,
    /// The other options, by name, as they are written.
    pub options: Vec<(&'static str, String)>,
}

/// The kind of what is annotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A function with a loop in it.
    Function,
    /// A function whose requests are retried by the one that calls it.
    Transparent,
    /// A block in `retry!`.
    Block,
}

/// The values of a policy.
#[derive(Debug, Serialize)]
pub struct Policy {
    pub max: Value,
    pub on: Value,
    pub never: Value,
    pub base: Value,
    pub factor: Value,
    pub cap: Value,
    pub jitter: Value,
    pub max_retry_after: Value,
    pub deadline: Value,
    pub timeout: Value,
}

/// A value, and its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Value {
    /// The value as it is written, or the default; `None` where there is none. Of a value that
    /// `policy` sets, the expression of that policy.
    pub value: Option<String>,
    pub from: From,
}

/// The source of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum From {
    Attribute,
    /// The option `policy`.
    Policy,
    Default,
}
