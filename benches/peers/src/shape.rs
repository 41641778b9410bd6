//! The shapes of a call: its method, what its function returns, and the headers of its answer.

use crate::call::Verb;
use crate::server::HEADERS;

/// The value that a function returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    Response,
    String,
}

impl Output {
    pub const ALL: [Self; 2] = [Self::Response, Self::String];

    pub fn name(self) -> &'static str {
        match self {
            Self::Response => "Response",
            Self::String => "String",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|output| output.name() == name)
    }
}

pub const VERBS: [Verb; 2] = [Verb::Get, Verb::Post];

pub fn verb(name: &str) -> Option<Verb> {
    VERBS.into_iter().find(|&verb| method(verb) == name)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub verb: Verb,
    pub output: Output,
    pub headers: usize,
}

/// The shape by which figures are compared most often.
pub const SIMPLEST: Shape = Shape { verb: Verb::Get, output: Output::Response, headers: HEADERS[0] };

impl Shape {
    /// Returns all eight, the simplest first.
    pub fn all() -> impl Iterator<Item = Self> {
        HEADERS.into_iter().flat_map(|headers| {
            VERBS.into_iter().flat_map(move |verb| {
                Output::ALL.into_iter().map(move |output| Self { verb, output, headers })
            })
        })
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} → {}, {} headers", method(self.verb), self.output.name(), self.headers)
    }
}

/// Returns the name of a method as HTTP has it.
pub fn method(verb: Verb) -> &'static str {
    match verb {
        Verb::Get => "GET",
        Verb::Post => "POST",
    }
}
