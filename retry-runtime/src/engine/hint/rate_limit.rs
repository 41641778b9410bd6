//! Reads the field `RateLimit` (draft-ietf-httpapi-ratelimit-headers).
//!
//! The field is a list of structured items (RFC 9651). Each item names a quota and tells by
//! parameters how much of it is left and when it is renewed: `"permin";r=0;t=12, "perhr";r=10`.
//! A field that is malformed anywhere is ignored as a whole, as both documents ask. The visitors of
//! `sfv` see an item at a time, so nothing is collected.

use std::fmt;
use std::time::Duration;

use sfv::visitor::{EntryVisitor, InnerListVisitor, ItemVisitor, ListVisitor, Never, ParameterVisitor};
use sfv::{BareItemFromInput, KeyRef, Parser};

/// Returns the longest time until a quota that is used up (`r=0`) is renewed (`t` seconds).
///
/// Returns `None` if no quota is used up, or if any line is malformed. Each line is a list of its
/// own (RFC 9651 §4.2).
pub(crate) fn longest_wait<'h>(lines: impl IntoIterator<Item = &'h [u8]>) -> Option<Duration> {
    let mut longest = None;
    for line in lines {
        let of_line = Parser::new(line.trim_ascii()).parse_list_with_visitor(LongestWait::default());
        longest = longest.max(of_line.ok()?);
    }
    longest.map(Duration::from_secs)
}

/// Collects the longest wait of a list of quotas.
#[derive(Default)]
struct LongestWait(Option<u64>);

impl<'de> ListVisitor<'de> for LongestWait {
    type Out = Option<u64>;
    type Error = NoQuota;

    fn entry(&mut self) -> Result<impl EntryVisitor<'de>, NoQuota> {
        Ok(Quota { longest: &mut self.0, remaining: Ok(None), until_reset: Ok(None) })
    }

    fn finish(self) -> Result<Option<u64>, NoQuota> {
        Ok(self.0)
    }
}

/// Reads one quota. The values of `r` and `t` are errors if they cannot count anything.
struct Quota<'l> {
    longest: &'l mut Option<u64>,
    remaining: Result<Option<u64>, NoQuota>,
    until_reset: Result<Option<u64>, NoQuota>,
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
        let (remaining, until_reset) = (self.remaining?, self.until_reset?);
        if remaining == Some(0) {
            *self.longest = (*self.longest).max(until_reset);
        }
        Ok(())
    }
}

/// Reads an integer that is not negative.
fn count(value: &BareItemFromInput<'_>) -> Result<Option<u64>, NoQuota> {
    match value {
        BareItemFromInput::Integer(count) => u64::try_from(*count).map(Some).map_err(|_| NoQuota),
        _ => Err(NoQuota),
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(lines: &[&str]) -> Option<u64> {
        longest_wait(lines.iter().map(|line| line.as_bytes())).map(|wait| wait.as_secs())
    }

    #[test]
    fn the_longest_of_the_quotas_that_are_used_up() {
        for (field, wait) in [
            (r#""default";r=0;t=5"#, 5),
            (r#""a";r=0;t=12, "b";r=0;t=3000,"c";r=1;t=9000"#, 3000),
            (r#""a";r=0;t=0"#, 0),
            (r#""a";t=5;r=0"#, 5),
            (r#""a"; r=0;  t=5"#, 5),
            (r#""a";r=0;t=5 	,	 "b";r=1"#, 5),
            (r#""a";r=9;t=9;r=0;t=5"#, 5),
            (r#""a";r=x;r=0;t=5"#, 5),
            (r#""a";q=100;w=60;r=0;t=5;pk=:cGsxMjM=:;u;v=?1;w=1.5;x=@-5;y=%"f%c3%bc";z="s""#, 5),
            (r#""r=1;t=9, \"b\\";r=0;t=5"#, 5),
            ("*default/a:b;r=0;t=5", 5),
            (r#""a";r=0;t=999999999999999"#, 999_999_999_999_999),
            (r#""a";r=0;t=007"#, 7),
            (r#""a";r=0, "b";r=0;t=5"#, 5),
        ] {
            assert_eq!(seconds(&[field]), Some(wait), "{field}");
        }
        assert_eq!(seconds(&[r#""a";r=0;t=12"#, r#""b";r=0;t=13"#]), Some(13));
    }

    #[test]
    fn no_quota_that_is_used_up_and_renewed() {
        for field in ["", " ", r#""a""#, r#""a";r=50;t=30"#, r#""a";r=0"#, r#""a";t=5"#, r#""a";rr=0;t=5"#] {
            assert_eq!(seconds(&[field]), None, "{field}");
        }
        assert_eq!(seconds(&[]), None);
    }

    #[test]
    fn a_field_that_is_malformed_anywhere_is_ignored() {
        for malformed in [
            "default;;r=0;t=x",
            r#""a";r=0;t=-5"#,
            r#""a";r=-1;t=5"#,
            r#""a";r=0.0;t=5"#,
            r#""a";r=0;t=5.5"#,
            r#""a";r=0;t="5""#,
            r#""a";r=0;t=5s"#,
            r#""a";r=0;t"#,
            r#""a";r;t=5"#,
            r#""a";r=0;t="#,
            r#""a";r=0;t=+5"#,
            r#""a";r=0;t=1e3"#,
            r#""a";r=0;t=0x10"#,
            r#""a";r=0;t=1_000"#,
            r#""a";r=0;t=1000000000000000"#,
            r#""a";R=0;t=5"#,
            r#""a";r =0;t=5"#,
            r#""a";r= 0;t=5"#,
            r#""a" ;r=0;t=5"#,
            r#""a";r=0;t=5,"#,
            r#","a";r=0;t=5"#,
            r#""a";r=0;t=5 "b";r=0;t=5"#,
            r#""a;r=0;t=5"#,
            r#""a\n";r=0;t=5"#,
            r#""ä";r=0;t=5"#,
            "'a';r=0;t=5",
            r#"("a");r=0;t=5"#,
            r#"("a";r=0;t=5)"#,
            "5;r=0;t=5",
            "?1;r=0;t=5",
            ";r=0;t=5",
            "limit=100, remaining=0, reset=5",
            "a;r=0;t=5;v=?2",
            "a;r=0;t=5;v=@1.5",
            "a;r=0;t=5;v=:ä:",
            "a;r=0;t=5;v=:a:",
            "a;r=0;t=5;v=:YQ===:",
            r#"a;r=0;t=5;v=%"%C3%BC""#,
            r#"a;r=0;t=5;v=%"%c3""#,
            "a;r=0;t=5;v=1234567890123.4",
            "a;r=0;t=5;v=1.2345",
            "a;r=0;t=5;v=1.",
        ] {
            assert_eq!(seconds(&[malformed]), None, "{malformed}");
            assert_eq!(seconds(&[r#""z";r=0;t=1"#, malformed]), None, "{malformed}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(line in proptest::collection::vec(any::<u8>(), 0..60)) {
            longest_wait([line.as_slice()]);
        }

        #[test]
        fn the_longest_wait_of_any_list(
            quotas in proptest::collection::vec(
                (
                    r#""[a-z,;= ]{0,5}"|[a-z*][a-z0-9/:]{0,5}"#,
                    proptest::option::of(0..3u64),
                    proptest::option::of(0..1000u64),
                    r"(; ?[a-qu-z][a-z]{0,2}(=[0-9]{1,3}|=x|=\?1)?){0,2}",
                ),
                0..4,
            ),
            comma in "[ \t]?,[ \t]?",
        ) {
            let number = |key, number: Option<u64>| number.map(|n| format!(";{key}={n}")).unwrap_or_default();
            let members: Vec<_> = quotas
                .iter()
                .map(|(name, r, t, others)| format!("{name}{others}{}{}", number("r", *r), number("t", *t)))
                .collect();
            let used_up = quotas.iter().filter(|(_, remaining, ..)| *remaining == Some(0));
            let expected = used_up.filter_map(|(_, _, until_reset, _)| *until_reset).max();
            prop_assert_eq!(seconds(&[&members.join(&comma)]), expected, "{:?}", members);
        }
    }
}
