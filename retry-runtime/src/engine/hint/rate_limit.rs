//! Reads the field `RateLimit` (draft-ietf-httpapi-ratelimit-headers).
//!
//! In the later drafts the field is a list of structured items (RFC 9651). Each item names a quota
//! and tells by parameters how much of it is left and when it is renewed:
//! `"permin";r=0;t=12, "perhr";r=10`. In draft 07 it is a dictionary: `limit=9, remaining=0,
//! reset=5`.
//!
//! The drafts ask to ignore a malformed field as a whole. Here each member stands for itself, so
//! that one that cannot be read hides no other, not even by a quotation mark that is missing. A
//! member is parsed by `sfv`, whose visitors see an item at a time, so nothing is collected.

use std::fmt;
use std::time::Duration;

use sfv::visitor::{EntryVisitor, InnerListVisitor, ItemVisitor, ListVisitor, Never, ParameterVisitor};
use sfv::{BareItemFromInput, KeyRef, Parser};

use super::number::{decimal_seconds, wait_in_seconds, wait_until};

/// The longest member of which a quoted string may have commas, in bytes. It bounds what is read
/// again and again where each member is malformed.
const LONGEST_MEMBER: usize = 1024;

/// Returns the longest time until a quota that is used up is renewed.
///
/// A quota is used up if nothing remains of it, or if it does not say how much does. Returns `None`
/// if no quota that can be read is used up.
pub(super) fn longest_wait(list: &str, sent_at: &dyn Fn() -> Duration) -> Option<Duration> {
    let mut longest = None;
    let mut pairs = Pairs::default();
    let mut rest = Some(list);
    while let Some(text) = rest {
        let (member, behind) = split(text, end_of_member(text));
        if let Ok(wait) = used_up(member) {
            longest = longest.max(wait.and_then(|wait| wait_in_seconds(wait, sent_at)));
            rest = behind;
        } else {
            // A quotation mark that is missing may have joined it to members that can be read.
            let (malformed, behind) = split(text, text.find(','));
            longest = longest.max(pairs.read(malformed, sent_at));
            rest = behind;
        }
    }
    longest.max(pairs.finish())
}

/// Returns the longest wait of a list like `total=100; remaining=0; resets=41`.
pub(super) fn longest_wait_of_pairs(list: &str, sent_at: &dyn Fn() -> Duration) -> Option<Duration> {
    let mut pairs = Pairs::default();
    let longest = pairs.read(list, sent_at);
    longest.max(pairs.finish())
}

/// Splits a list at a comma.
fn split(list: &str, comma: Option<usize>) -> (&str, Option<&str>) {
    match comma {
        Some(comma) => (&list[..comma], Some(&list[comma + 1..])),
        None => (list, None),
    }
}

/// Returns the place of the first comma that is not in a quoted string, or of the first one if the
/// string does not seem to end.
fn end_of_member(list: &str) -> Option<usize> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let comma = list.bytes().take(LONGEST_MEMBER).position(|byte| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match byte {
            b'"' if !was_escaped => is_quoted = !is_quoted,
            b'\\' if is_quoted => is_escaped = !was_escaped,
            _ => {}
        }
        byte == b',' && !is_quoted
    });
    comma.or_else(|| list.find(',').filter(|_| is_quoted || list.len() > LONGEST_MEMBER))
}

/// Returns the wait for a quota, if it is used up.
fn used_up(member: &str) -> Result<Option<Duration>, NoQuota> {
    let parse = |member: &str| {
        let member = member.trim_matches([' ', '\t']);
        Parser::new(member).parse_list_with_visitor(UsedUp::default()).map_err(|_| NoQuota)
    };
    parse(member).or_else(|_| parse(&mended(member)))
}

/// Returns a member without the spaces before its parameters, and with the largest number of RFC
/// 9651 for one that has too many digits.
fn mended(member: &str) -> String {
    const LARGEST: &str = "999999999999999";
    let mut mended = String::with_capacity(member.len());
    let (mut is_quoted, mut is_escaped, mut digits) = (false, false, 0);
    for c in member.chars() {
        let was_escaped = std::mem::take(&mut is_escaped);
        digits = if c.is_ascii_digit() && !is_quoted { digits + 1 } else { 0 };
        match c {
            '"' if !was_escaped => is_quoted = !is_quoted,
            '\\' if is_quoted => is_escaped = !was_escaped,
            ';' if !is_quoted => mended.truncate(mended.trim_end_matches([' ', '\t']).len()),
            _ => {}
        }
        if digits <= LARGEST.len() {
            mended.push(c);
        } else {
            mended.truncate(mended.len() - LARGEST.len());
            mended.push_str(LARGEST);
        }
    }
    mended
}

/// Returns `true` if a list says of a quota that nothing remains: `r=0` or `remaining=0`.
pub(super) fn says_nothing_remains(list: &str) -> bool {
    list.split([',', ';']).filter_map(|pair| pair.split_once('=')).any(|(key, value)| {
        matches!(key.trim().to_ascii_lowercase().as_str(), "r" | "remaining")
            && decimal_seconds(value.trim()) == Some(Duration::ZERO)
    })
}

/// A quota as pairs of a key and a value. A key that comes again begins another quota.
#[derive(Default)]
struct Pairs {
    has_limit: bool,
    /// `Some(true)` if something remains, and `None` if that is not said.
    has_remaining: Option<bool>,
    until_reset: Option<Duration>,
}

impl Pairs {
    /// Reads pairs, and returns the longest wait of the quotas that end before the last one.
    fn read(&mut self, text: &str, sent_at: &dyn Fn() -> Duration) -> Option<Duration> {
        let mut longest = None;
        for pair in text.split([',', ';']) {
            let Some((key, value)) = pair.split_once('=') else { continue };
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            let is_again = match key.as_str() {
                "limit" | "total" => self.has_limit,
                "remaining" => self.has_remaining.is_some(),
                "reset" | "resets" => self.until_reset.is_some(),
                _ => continue,
            };
            if is_again {
                longest = longest.max(std::mem::take(self).finish());
            }
            match key.as_str() {
                "remaining" => self.has_remaining = decimal_seconds(value).map(|count| !count.is_zero()),
                "reset" | "resets" => self.until_reset = wait_until(value, sent_at),
                _ => self.has_limit = true,
            }
        }
        longest
    }

    /// Returns the wait for the quota, if it is used up.
    fn finish(self) -> Option<Duration> {
        self.until_reset.filter(|_| self.has_remaining != Some(true))
    }
}

/// Collects the longest wait of a list of quotas.
#[derive(Default)]
struct UsedUp(Option<Duration>);

impl<'de> ListVisitor<'de> for UsedUp {
    type Out = Option<Duration>;
    type Error = NoQuota;

    fn entry(&mut self) -> Result<impl EntryVisitor<'de>, NoQuota> {
        Ok(Quota { longest: &mut self.0, remaining: None, until_reset: None })
    }

    fn finish(self) -> Result<Option<Duration>, NoQuota> {
        Ok(self.0)
    }
}

/// Reads one quota.
struct Quota<'l> {
    longest: &'l mut Option<Duration>,
    remaining: Option<Duration>,
    until_reset: Option<Duration>,
}

impl<'de> EntryVisitor<'de> for Quota<'_> {
    type Error = NoQuota;

    fn item(self) -> Result<impl ItemVisitor<'de>, NoQuota> {
        Ok(self)
    }

    fn inner_list(self) -> Result<impl InnerListVisitor<'de>, NoQuota> {
        Err::<Never, _>(NoQuota)
    }
}

impl<'de> ItemVisitor<'de> for Quota<'_> {
    type Out = ();
    type Error = NoQuota;

    fn bare_item(
        self,
        name: BareItemFromInput<'de>,
    ) -> Result<impl ParameterVisitor<'de, Out = ()>, NoQuota> {
        match name {
            // The draft asks for a string. Some servers send a token, which is as clear.
            BareItemFromInput::String(_) | BareItemFromInput::Token(_) => Ok(self),
            _ => Err(NoQuota),
        }
    }
}

impl<'de> ParameterVisitor<'de> for Quota<'_> {
    type Out = ();
    type Error = NoQuota;

    fn parameter(&mut self, key: &'de KeyRef, value: BareItemFromInput<'de>) -> Result<(), NoQuota> {
        // The last one of a repeated parameter counts, so an earlier one may be anything.
        match key.as_str() {
            "r" => self.remaining = count(&value),
            "t" => self.until_reset = count(&value),
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<(), NoQuota> {
        if self.remaining.is_none_or(|remaining| remaining.is_zero()) {
            *self.longest = (*self.longest).max(self.until_reset);
        }
        Ok(())
    }
}

/// Reads a number that is not negative. The drafts ask for integers.
fn count(value: &BareItemFromInput<'_>) -> Option<Duration> {
    match value {
        BareItemFromInput::Integer(count) => u64::try_from(*count).ok().map(Duration::from_secs),
        BareItemFromInput::Decimal(count) => {
            let thousandths = i64::from(count.as_integer_scaled_1000());
            u64::try_from(thousandths).ok().map(Duration::from_millis)
        }
        _ => None,
    }
}

/// A member of the list that is no quota.
#[derive(Clone, Copy, Debug)]
struct NoQuota;

impl fmt::Display for NoQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a quota")
    }
}

impl std::error::Error for NoQuota {}

#[cfg(test)]
mod tests;
