//! Reads the timeout of a client from its debug output, the only place where reqwest shows it. The
//! timeout of a request overrides that of its client, so the request must not get a longer one.

use std::fmt::{self, Debug, Write};
use std::time::Duration;

/// Returns the timeout of a client, if it has one.
pub(crate) fn of(client: &impl Debug) -> Option<Duration> {
    let mut tail = Tail::default();
    write!(tail, "{client:?}").ok()?;
    if !tail.has_begun {
        // No name was printed in one piece: all of the text is looked at.
        tail.has_begun = true;
        write!(tail, "{client:?}").ok()?;
    }
    // Whatever is quoted is a value of a header, and may look like anything.
    let fields = tail.text().rsplit('"').next().unwrap_or_default();
    timeout(fields)
}

/// The name of the field that the timeouts are behind. Most of a client is printed before, and
/// passed over quickly.
const HEADERS: &str = "default_headers";

/// Keeps the end of a text, and allocates nothing. The timeouts are the last fields of a client,
/// behind its default headers.
struct Tail {
    /// `true` once the name of the headers was printed.
    has_begun: bool,
    bytes: [u8; Self::MOST],
    length: usize,
}

impl Default for Tail {
    fn default() -> Self {
        Self { has_begun: false, bytes: [0; Self::MOST], length: 0 }
    }
}

impl Tail {
    const MOST: usize = 256;

    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }

    /// Forgets the beginning. Returns the part of `text` for which there is room then.
    #[cold]
    fn make_room<'t>(&mut self, text: &'t str) -> &'t str {
        let text = last(text, Self::MOST);
        let kept = last(self.text(), Self::MOST - text.len()).len();
        self.bytes.copy_within(self.length - kept..self.length, 0);
        self.length = kept;
        text
    }
}

impl Write for Tail {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if !self.has_begun {
            self.has_begun = text == HEADERS;
            return Ok(());
        }
        let mut text = text;
        // Most quotes are pieces of their own, and nothing before the last one counts.
        if text == "\"" {
            self.length = 0;
        }
        if self.length + text.len() > Self::MOST {
            text = self.make_room(text);
        }
        self.bytes[self.length..][..text.len()].copy_from_slice(text.as_bytes());
        self.length += text.len();
        Ok(())
    }
}

/// Returns the end of a text, of at most this many bytes.
fn last(text: &str, most: usize) -> &str {
    let mut start = text.len().saturating_sub(most);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

/// Returns the timeout in the last fields of a client.
fn timeout(fields: &str) -> Option<Duration> {
    // Most clients have no such field.
    if !fields.bytes().any(|byte| byte == b':') {
        return None;
    }
    // Newer versions print the name of a type, older ones that of a field.
    let fields = fields.split([',', '}']).filter_map(|field| field.rsplit_once(':'));
    let mut timeouts = fields.filter(|(name, _)| name.ends_with("TotalTimeout") || name.trim() == "timeout");
    duration(timeouts.next_back()?.1.trim())
}

/// Reads a duration as its debug output has it.
fn duration(text: &str) -> Option<Duration> {
    let end = text.find(|c: char| c != '.' && !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    let unit = match unit {
        "ns" => 1e-9,
        "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * unit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Prints this text in pieces of one character each, as a formatter may.
    struct Pieces<'t>(&'t str);

    impl Debug for Pieces<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.chars().try_for_each(|char| f.write_char(char))
        }
    }

    /// Prints the name of the headers in one piece, as a client does.
    struct Named<'t>(&'t str);

    impl Debug for Named<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Client { accepts: 7s, timeout: 9s, ")?;
            f.write_str(HEADERS)?;
            f.write_str(self.0)
        }
    }

    struct Whole<'t>(&'t str);

    impl Debug for Whole<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    #[test]
    fn the_timeout_is_the_field_behind_the_headers() {
        let long = format!("Client {{ a: {}, timeout: 7s, b: 1 }}", "µ".repeat(400));
        let quoted = |rest: &str| {
            let value = format!("µ\\\", timeout: 5s, {}, timeout: 6s, ", "µ".repeat(400));
            format!("Client {{ h: {{\"x\": \"{value}\"}}{rest} }}")
        };
        for (text, expected) in [
            ("Client", None),
            (r#"Client { default_headers: {"accept": "*/*"} }"#, None),
            (
                r#"Client { default_headers: {"accept": "*/*"}, reqwest::config::TotalTimeout: 1.5s }"#,
                Some(1500),
            ),
            (r#"Client { h: {"accept": "*/*"}, timeout: 20ms, read_timeout: 3s }"#, Some(20)),
            (r#"Client { h: {"accept": "*/*"}, read_timeout: 3s, TotalTimeout: 20ms }"#, Some(20)),
            (r#"Client { h: {"accept": "*/*"}, read_timeout: 3s }"#, None),
            (r#"Client { h: {"x": "a\", timeout: 5s"} }"#, None),
            (r#"Client { h: {"x": ", timeout: 5s, "}, timeout: 2000µs }"#, Some(2)),
            ("Client { timeout: 5 }", None),
            ("Client { timeout: 5h }", None),
            (&long, Some(7000)),
            (&quoted(""), None),
            (&quoted(", timeout: 20ms"), Some(20)),
        ] {
            let expected = expected.map(Duration::from_millis);
            assert_eq!(of(&Whole(text)), expected, "{text}");
            assert_eq!(of(&Pieces(text)), expected, "{text}, in pieces");
            assert_eq!(of(&Named(text)), expected, "{text}, behind a name");
        }
        let late = format!("Client {{ timeout: 7s, a: {} }}", "µ".repeat(400));
        assert_eq!(of(&Whole(&late)), None, "the timeouts are the last fields");
    }

    #[test]
    fn durations_are_read_as_they_are_printed() {
        for duration in [
            Duration::from_nanos(1),
            Duration::from_micros(1500),
            Duration::from_millis(30_001),
            Duration::from_secs(86_400),
        ] {
            assert_eq!(super::duration(&format!("{duration:?}")), Some(duration));
        }
        for text in ["", "5", "s", "1.2.3s", "-1s", "1e3s"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
