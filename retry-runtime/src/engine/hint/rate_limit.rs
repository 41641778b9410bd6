//! `RateLimit` (draft-ietf-httpapi-ratelimit-headers): how much of each quota is left, and until when.
//!
//! It is a list of structured fields (RFC 9651), each a name with parameters: `"permin";r=0;t=12, "perhr";r=10`.
//! Both documents want a field that is malformed anywhere ignored as a whole, so what is not looked at is
//! checked as well. Not by `sfv`, which asks for a newer Rust than we do; in tests the two must agree.

use std::time::Duration;

/// The longest wait, in whole seconds, until one of the quotas that are used up (`r=0`) is renewed (`t`).
///
/// `None` where none is, or the field, of which each line is a list of its own (RFC 9651 §4.2), is malformed.
pub(crate) fn longest_wait<'h>(lines: impl IntoIterator<Item = &'h [u8]>) -> Option<Duration> {
    let mut longest = None;
    for line in lines {
        longest = longest.max(list(line).ok()?);
    }
    longest.map(Duration::from_secs)
}

#[derive(Debug)]
struct Malformed;

/// RFC 9651 §4.2.1.
fn list(line: &[u8]) -> Result<Option<u64>, Malformed> {
    let mut input = Input(line.trim_ascii());
    let mut longest = None;
    if input.0.is_empty() {
        return Ok(longest);
    }
    loop {
        longest = longest.max(quota(&mut input)?);
        input.take_while(is_blank);
        if input.0.is_empty() {
            return Ok(longest);
        }
        input.expect(b',')?;
        input.take_while(is_blank);
    }
}

/// The seconds until a quota is renewed, where it is used up. The draft has its name be a string; that real
/// servers send a token does no harm.
fn quota(input: &mut Input<'_>) -> Result<Option<u64>, Malformed> {
    let (mut remaining, mut until_reset) = (None, None);
    match input.peek() {
        Some(b'"') => input.string()?,
        _ => input.token()?,
    }
    while input.eat(b';') {
        input.take_while(|byte| byte == b' ');
        let key = input.key()?;
        let value = if input.eat(b'=') { input.bare_item()? } else { Item::Other };
        // Of a repeated parameter the last counts.
        match key {
            b"r" => remaining = Some(value),
            b"t" => until_reset = Some(value),
            _ => {}
        }
    }
    let remaining = remaining.map(Item::count).transpose()?;
    let until_reset = until_reset.map(Item::count).transpose()?;
    Ok(until_reset.filter(|_| remaining == Some(0)))
}

/// A bare item (RFC 9651 §3.3), of which only numbers that can count something are told apart.
enum Item {
    Count(u64),
    Other,
}

impl Item {
    fn count(self) -> Result<u64, Malformed> {
        match self {
            Self::Count(count) => Ok(count),
            Self::Other => Err(Malformed),
        }
    }
}

/// What is left to read.
struct Input<'h>(&'h [u8]);

impl<'h> Input<'h> {
    /// RFC 9651 §4.2.3.1.
    fn bare_item(&mut self) -> Result<Item, Malformed> {
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => return self.number(),
            Some(b'"') => self.string()?,
            Some(b'?') => self.boolean()?,
            Some(b':') => self.bytes()?,
            Some(b'@') => self.date()?,
            Some(b'%') => self.display_string()?,
            _ => self.token()?,
        }
        Ok(Item::Other)
    }

    /// RFC 9651 §4.2.4.
    fn number(&mut self) -> Result<Item, Malformed> {
        let negative = self.eat(b'-');
        let whole = self.take_while(|byte| byte.is_ascii_digit());
        if self.eat(b'.') {
            let fraction = self.take_while(|byte| byte.is_ascii_digit());
            let fits = (1..=12).contains(&whole.len()) && (1..=3).contains(&fraction.len());
            return fits.then_some(Item::Other).ok_or(Malformed);
        }
        if !(1..=15).contains(&whole.len()) {
            return Err(Malformed);
        }
        let count = whole.iter().fold(0, |count, digit| count * 10 + u64::from(digit - b'0'));
        Ok(if negative && count > 0 { Item::Other } else { Item::Count(count) })
    }

    /// RFC 9651 §4.2.5.
    fn string(&mut self) -> Result<(), Malformed> {
        self.expect(b'"')?;
        loop {
            match self.next()? {
                b'"' => return Ok(()),
                b'\\' => self.next_if(|byte| matches!(byte, b'"' | b'\\'))?,
                byte @ b' '..=b'~' => byte,
                _ => return Err(Malformed),
            };
        }
    }

    /// RFC 9651 §4.2.6.
    fn token(&mut self) -> Result<(), Malformed> {
        self.next_if(|byte| byte == b'*' || byte.is_ascii_alphabetic())?;
        self.take_while(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte));
        Ok(())
    }

    /// RFC 9651 §4.2.7: base64, its padding optional.
    fn bytes(&mut self) -> Result<(), Malformed> {
        self.expect(b':')?;
        let digits = self.take_while(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte)).len();
        let padding = self.take_while(|byte| byte == b'=').len();
        if digits % 4 == 1 || padding > (4 - digits % 4) % 4 {
            return Err(Malformed);
        }
        self.expect(b':')
    }

    /// RFC 9651 §4.2.8.
    fn boolean(&mut self) -> Result<(), Malformed> {
        self.expect(b'?')?;
        self.next_if(|byte| matches!(byte, b'0' | b'1')).map(drop)
    }

    /// RFC 9651 §4.2.9: an integer.
    fn date(&mut self) -> Result<(), Malformed> {
        self.expect(b'@')?;
        self.eat(b'-');
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        ((1..=15).contains(&digits.len()) && self.peek() != Some(b'.')).then_some(()).ok_or(Malformed)
    }

    /// RFC 9651 §4.2.10: UTF-8, with its bytes beyond ASCII as `%c3`.
    fn display_string(&mut self) -> Result<(), Malformed> {
        self.expect(b'%')?;
        self.expect(b'"')?;
        let mut text = Vec::new();
        loop {
            match self.next()? {
                b'"' => return std::str::from_utf8(&text).map(drop).or(Err(Malformed)),
                b'%' => text.push(self.hex()? * 16 + self.hex()?),
                byte @ b' '..=b'~' => text.push(byte),
                _ => return Err(Malformed),
            }
        }
    }

    fn hex(&mut self) -> Result<u8, Malformed> {
        match self.next()? {
            digit @ b'0'..=b'9' => Ok(digit - b'0'),
            digit @ b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(Malformed),
        }
    }

    /// RFC 9651 §4.2.3.3.
    fn key(&mut self) -> Result<&'h [u8], Malformed> {
        if !self.peek().is_some_and(|byte| byte == b'*' || byte.is_ascii_lowercase()) {
            return Err(Malformed);
        }
        let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte);
        Ok(self.take_while(rest))
    }

    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn next(&mut self) -> Result<u8, Malformed> {
        let (&byte, rest) = self.0.split_first().ok_or(Malformed)?;
        self.0 = rest;
        Ok(byte)
    }

    fn next_if(&mut self, wanted: impl FnOnce(u8) -> bool) -> Result<u8, Malformed> {
        let byte = self.next()?;
        wanted(byte).then_some(byte).ok_or(Malformed)
    }

    fn expect(&mut self, wanted: u8) -> Result<(), Malformed> {
        self.next_if(|byte| byte == wanted).map(drop)
    }

    fn eat(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.0 = &self.0[usize::from(found)..];
        found
    }

    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'h [u8] {
        let end = self.0.iter().position(|&byte| !wanted(byte)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sfv::{BareItem, Item as Member, List, ListEntry, Parser};

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

    /// What `sfv` makes of the field.
    fn by_sfv(field: &str) -> Option<u64> {
        let count = |item: &Member, name: &str| match item.params.get(name) {
            None => Ok(None),
            Some(BareItem::Integer(count)) => u64::try_from(i64::from(*count)).map(Some).map_err(drop),
            Some(_) => Err(()),
        };
        let mut longest = None;
        for entry in Parser::new(field.trim_ascii()).parse::<List>().ok()? {
            let ListEntry::Item(item) = entry else { return None };
            if !matches!(item.bare_item, BareItem::String(_) | BareItem::Token(_)) {
                return None;
            }
            let (remaining, until_reset) = (count(&item, "r").ok()?, count(&item, "t").ok()?);
            longest = longest.max(until_reset.filter(|_| remaining == Some(0)));
        }
        longest
    }

    proptest! {
        #[test]
        fn never_panics(line in proptest::collection::vec(any::<u8>(), 0..60)) {
            longest_wait([line.as_slice()]);
        }

        #[test]
        fn agrees_with_sfv(
            members in proptest::collection::vec(
                concat!(
                    r#"("a"|b/:)(; ?r=[01])?(; ?t=[0-9]{1,3})?"#,
                    r#"(;[qrt](|=-?[0-9]{1,3}|=-?[0-9]{14,17}|=[0-9]{1,13}\.[0-9]{1,5}|=\?[0-2]|"#,
                    r#"=@-?[0-9]{1,16}|=:[a+]{0,5}={0,3}:|=%"a%c3%bc")){0,2}"#,
                ),
                0..3,
            ),
            comma in "[ \t]?,[ \t]?",
            noise in r#"||||[ -~\t]{0,2}|["\\,;=r0() \t]{0,4}"#,
            at: proptest::sample::Index,
        ) {
            let mut field = members.join(&comma);
            field.insert_str(at.index(field.len() + 1), &noise);
            prop_assert_eq!(seconds(&[&field]), by_sfv(&field), "{}", field);
        }
    }
}
