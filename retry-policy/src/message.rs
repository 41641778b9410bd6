//! Messages that are written while compiling.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use crate::condition::Condition;
use crate::units::UNITS;

/// The message of a [`PolicyError`](crate::PolicyError). It can be used in a `const`:
/// `panic!("{}", message.as_str())`.
#[derive(Clone, Copy)]
pub struct PolicyMessage {
    bytes: [u8; Self::LONGEST],
    length: usize,
}

impl PolicyMessage {
    const LONGEST: usize = 256;

    pub(crate) const fn new(text: &str) -> Self {
        Self { bytes: [0; Self::LONGEST], length: 0 }.text(text)
    }

    /// Returns the message as text.
    pub const fn as_str(&self) -> &str {
        let (written, _) = self.bytes.split_at(self.length);
        match std::str::from_utf8(written) {
            Ok(text) => text,
            Err(_) => "this policy breaks a rule",
        }
    }

    pub(crate) const fn text(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        let mut i = 0;
        while i < text.len() && self.length < Self::LONGEST {
            self.bytes[self.length] = text[i];
            self.length += 1;
            i += 1;
        }
        self
    }

    pub(crate) const fn number(self, number: u128) -> Self {
        const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
        let written = if number < 10 { self } else { self.number(number / 10) };
        written.text(DIGITS[(number % 10) as usize])
    }

    /// Writes a duration as the grammar has it, in the largest unit that is whole: in hours and
    /// minutes from two on.
    pub(crate) const fn duration(self, duration: Duration) -> Self {
        let nanos = duration.as_nanos();
        let mut at = UNITS.len();
        while at > 0 {
            at -= 1;
            let (name, unit) = UNITS[at];
            let unit = unit as u128;
            let least = if unit > 1_000_000_000 { 2 } else { 1 };
            if nanos % unit == 0 && nanos / unit >= least {
                return self.number(nanos / unit).text(name);
            }
        }
        if nanos == 0 { self.text("0s") } else { self.number(nanos).text("ns") }
    }

    /// Writes an item as the grammar has it.
    pub(crate) const fn condition(self, condition: Condition) -> Self {
        match condition {
            Condition::Status(status) => self.number(status as u128),
            Condition::Range(400, 499) => self.text("4xx"),
            Condition::Range(500, 599) => self.text("5xx"),
            Condition::Range(first, last) => self.number(first as u128).text("..=").number(last as u128),
            Condition::Failure(failure) => self.text(failure.name()),
            Condition::IfHinted(..) => self.condition(condition.unconditional()).text(" if hinted"),
            Condition::Default => self.text("default"),
        }
    }
}

/// Writes the item as the attribute takes it: `503`, `5xx`, `500..=504`, `connect`.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&PolicyMessage::new("").condition(*self))
    }
}

impl Deref for PolicyMessage {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for PolicyMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for PolicyMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_the_grammar_reads_them() {
        for (text, expected) in [
            ("1us", "1us"),
            ("250ms", "250ms"),
            ("1500ms", "1500ms"),
            ("1000ms", "1s"),
            ("2s", "2s"),
            ("60s", "60s"),
            ("90s", "90s"),
            ("2m", "2m"),
            ("60m", "60m"),
            ("120m", "2h"),
            ("3h", "3h"),
            ("10h", "10h"),
            ("109s", "109s"),
        ] {
            let duration = crate::text::duration(crate::keys::Key::Base, text).unwrap();
            let written = PolicyMessage::new("").duration(duration);
            assert_eq!(&*written, expected, "{text}");
            assert_eq!(crate::text::duration(crate::keys::Key::Base, &written), Ok(duration), "{text}");
        }
        assert_eq!(&*PolicyMessage::new("").duration(Duration::from_secs(60)), "60s");
        assert_eq!(&*PolicyMessage::new("").duration(Duration::ZERO), "0s");
        assert_eq!(&*PolicyMessage::new("").duration(Duration::from_nanos(7)), "7ns");
    }

    #[test]
    fn items_are_written_as_the_grammar_reads_them() {
        for text in [
            "202",
            "503",
            "4xx",
            "5xx",
            "500..=504",
            "400..=500",
            "connect",
            "timeout",
            "reset",
            "body",
            "default",
            "403 if hinted",
            "5xx if hinted",
            "500..=504 if hinted",
        ] {
            assert_eq!(crate::text::condition(text).map(|item| item.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_message_prints_its_text() {
        let message = PolicyMessage::new("write `").number(503).text("`");
        assert_eq!(message.to_string(), "write `503`");
        assert_eq!(format!("{message:?}"), "\"write `503`\"");
    }

    #[test]
    fn a_message_that_is_too_long_is_cut() {
        let long = "x".repeat(1000);
        assert_eq!(PolicyMessage::new(&long).len(), 256);
    }
}
