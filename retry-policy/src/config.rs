//! A [`Policy`] from TOML, JSON or environment variables.
//!
//! Values are as the attribute takes them, as text where the format has nothing better: `base =
//! "1.5s"`, `on = [429, "5xx", "connect"]`. Environment variables are all text, so numbers may be
//! text as well, and a list may be one text with commas: `"429, 5xx, connect"`.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::backoff::Jitter;
use crate::condition::Condition;
use crate::intern::{intern, intern_list};
use crate::keys::{self, Key, Place};
use crate::policy::Policy;
use crate::rules;
use crate::text::{self, wrong_kind};

#[cfg(feature = "serde")] // for the badge in the docs
impl<'de> Deserialize<'de> for Policy {
    /// Reads options that override those of [`Policy::DEFAULT`], as [`Policy::overlay`] does.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::DEFAULT.overlay(deserializer)
    }
}

#[cfg(feature = "serde")] // for the badge in the docs
impl Policy {
    /// Reads options that override those of this policy. Use this method with
    /// `#[serde(deserialize_with = "..")]`. A field of type [`Policy`] without that attribute
    /// overrides [`Policy::DEFAULT`].
    ///
    /// The fields are `max`, `on`, `never`, `base`, `factor`, `cap`, `jitter`, `max_retry_after`,
    /// `hint`, `deadline`, `timeout`, `idempotent` and `idempotency_key`. Their values are written
    /// as in the attribute, or as text if the format has no such value: `base = "1.5s"`,
    /// `on = [429, "5xx", "connect"]`. Numbers and flags may also be text, and a list may be one
    /// text with commas, `"429, 5xx, connect"`, as in an environment variable.
    ///
    /// `max = 0` turns retries off. `deadline` and `timeout` take `"off"` or null, which removes
    /// the limit. The names of headers in `hint` are converted to lower case.
    ///
    /// ```
    /// use retry_http::{Policy, policy};
    /// use serde::{Deserialize, Deserializer};
    ///
    /// const GENTLE: Policy = policy!(max = 2, base = 2s);
    ///
    /// fn gentle<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Policy, D::Error> {
    ///     GENTLE.overlay(deserializer)
    /// }
    ///
    /// #[derive(Deserialize)]
    /// struct Config {
    ///     #[serde(deserialize_with = "gentle")]
    ///     retry: Policy,
    /// }
    ///
    /// let config: Config = serde_json::from_str(r#"{"retry": {"max": 7}}"#)?;
    /// assert_eq!(config.retry, policy!(max = 7, base = 2s));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if a field is unknown or given twice, if a value cannot be read, or if the
    /// policy breaks a rule.
    pub fn overlay<'de, D: Deserializer<'de>>(&self, deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields(self))
    }
}

/// The fields that lie over a policy.
struct Fields<'p>(&'p Policy);

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = Policy;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the options of a policy")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Policy, M::Error> {
        let (mut on, mut never, mut hint, mut header) = (None, None, None, None);
        let mut policy = self.0.to_builder();
        let mut read = Vec::new();
        while let Some(field) = map.next_key::<String>()? {
            let key = key(&field).map_err(M::Error::custom)?;
            if read.contains(&key) {
                return Err(M::Error::custom(format_args!("`{field}` is given twice: remove one")));
            }
            read.push(key);
            let value = Value { key, given: map.next_value()? };
            let wrong = |message| M::Error::custom(format_args!("`{field}`: {message}"));
            match key {
                Key::Max => policy = policy.max(value.count().map_err(wrong)?),
                Key::On => on = Some(value.conditions().map_err(wrong)?),
                Key::Never => never = Some(value.conditions().map_err(wrong)?),
                Key::Base => policy = policy.base(value.duration().map_err(wrong)?),
                Key::Factor => policy = policy.factor(value.number().map_err(wrong)?),
                Key::Cap => policy = policy.cap(value.duration().map_err(wrong)?),
                Key::Jitter => policy = policy.jitter(value.jitter().map_err(wrong)?),
                Key::MaxRetryAfter => policy = policy.max_retry_after(value.duration().map_err(wrong)?),
                Key::Hint => hint = Some(value.headers().map_err(wrong)?),
                Key::Deadline if value.is_off() => policy = policy.without_deadline(),
                Key::Deadline => policy = policy.deadline(value.duration().map_err(wrong)?),
                Key::Timeout if value.is_off() => policy = policy.without_timeout(),
                Key::Timeout => policy = policy.timeout(value.duration().map_err(wrong)?),
                Key::Idempotent => policy = policy.idempotent(value.flag().map_err(wrong)?),
                Key::IdempotencyKey => {
                    (policy, header) = match value.header().map_err(wrong)? {
                        Header::Named(name) => (policy.idempotency_key(true), Some(name)),
                        Header::Flag(flag) => (policy.idempotency_key(flag), None),
                    };
                }
                other => return Err(M::Error::custom(not_here(other))),
            }
        }
        if let Some(on) = &on {
            policy = policy.on(on);
        }
        if let Some(never) = &never {
            policy = policy.never(never);
        }
        let valid = policy.build().map_err(M::Error::custom)?;
        // Only the names of a valid policy are kept for the rest of the process.
        let mut policy = valid.to_builder();
        if let Some(names) = hint {
            let names: Vec<_> = names.iter().map(|name| intern(name)).collect();
            policy = policy.hint(intern_list(&names));
        }
        if let Some(name) = header {
            policy = policy.idempotency_header(intern(&name));
        }
        policy.build().map_err(M::Error::custom)
    }
}

/// Returns the key of a policy with this name.
fn key(name: &str) -> Result<Key, String> {
    match Key::from_name(name) {
        Some(key) if key.place() == Place::Policy => Ok(key),
        Some(key) => Err(not_here(key)),
        None => {
            let known: Vec<_> = Key::ALL.iter().copied().filter(|key| key.place() == Place::Policy).collect();
            Err(keys::unknown(name, &known))
        }
    }
}

fn not_here(key: Key) -> String {
    match key.place() {
        Place::Attribute(message) => message.to_owned(),
        Place::Policy | Place::Macro => {
            format!("`{}` is an option of `#[retry_http]`, and not of a configuration: remove it", key.name())
        }
    }
}

/// A value, and the key that it is given to.
struct Value {
    key: Key,
    given: Given,
}

/// The name of a header, or a flag.
enum Header {
    Named(String),
    Flag(bool),
}

/// A value as the format has it.
enum Given {
    Nothing,
    Flag(bool),
    Whole(i128),
    Number(f64),
    Text(String),
    List(Vec<Given>),
}

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Given;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a text, a list, a flag or nothing")
    }

    fn visit_unit<E: Error>(self) -> Result<Given, E> {
        Ok(Given::Nothing)
    }

    fn visit_none<E: Error>(self) -> Result<Given, E> {
        Ok(Given::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Given, D::Error> {
        Given::deserialize(deserializer)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Given, E> {
        Ok(Given::Flag(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Given, E> {
        Ok(Given::Whole(number.into()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Given, E> {
        Ok(Given::Whole(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Given, E> {
        Ok(Given::Number(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Given, E> {
        Ok(Given::Text(text.trim().to_owned()))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut items: S) -> Result<Given, S::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Given::List(list))
    }
}

impl Given {
    /// Returns the text that was given as one.
    fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the text that stands for a number or a text in the attribute.
    fn text(&self) -> Option<String> {
        match self {
            Self::Whole(number) => Some(number.to_string()),
            // As the attribute would have it: `429.0` is no status.
            Self::Number(number) => Some(format!("{number:?}")),
            Self::Text(text) => Some(text.clone()),
            Self::Nothing | Self::Flag(_) | Self::List(_) => None,
        }
    }
}

impl Value {
    fn wrong_kind<T>(&self) -> Result<T, String> {
        Err(wrong_kind(self.key))
    }

    fn flag(&self) -> Result<bool, String> {
        match &self.given {
            Given::Flag(flag) => Ok(*flag),
            Given::Text(text) if text == "true" => Ok(true),
            Given::Text(text) if text == "false" => Ok(false),
            _ => self.wrong_kind(),
        }
    }

    /// Returns `true` if the value removes a bound.
    fn is_off(&self) -> bool {
        matches!(&self.given, Given::Nothing) || self.given.as_text() == Some("off")
    }

    fn header(&self) -> Result<Header, String> {
        match &self.given {
            Given::Text(name) if name != "true" && name != "false" => match rules::idempotency_header(name) {
                Some(broken) => Err(broken.to_string()),
                None => Ok(Header::Named(name.clone())),
            },
            _ => self.flag().map(Header::Flag),
        }
    }

    fn count(&self) -> Result<u32, String> {
        self.given.text().map_or_else(|| self.wrong_kind(), |text| text::max(&text))
    }

    #[expect(clippy::cast_precision_loss, reason = "a number that is so large is out of every range")]
    fn number(&self) -> Result<f64, String> {
        match &self.given {
            Given::Whole(number) => Ok(*number as f64),
            Given::Number(number) => Ok(*number),
            Given::Text(text) => text::number(text).map_or_else(|| self.wrong_kind(), Ok),
            Given::Nothing | Given::Flag(_) | Given::List(_) => self.wrong_kind(),
        }
    }

    fn duration(&self) -> Result<Duration, String> {
        self.given.text().map_or_else(|| self.wrong_kind(), |text| text::duration(self.key, &text))
    }

    fn jitter(&self) -> Result<Jitter, String> {
        match &self.given {
            Given::Text(word) if word.starts_with(|c: char| c.is_ascii_alphabetic()) => text::jitter(word),
            _ => self.number().map(Jitter::Fraction),
        }
    }

    fn conditions(&self) -> Result<Vec<Condition>, String> {
        match &self.given {
            Given::List(items) => items.iter().map(condition).collect(),
            Given::Text(text) if text.is_empty() => Ok(Vec::new()),
            Given::Text(text) => text.split(',').map(|item| text::condition(item.trim())).collect(),
            Given::Whole(number) => Err(text::no_list(self.key, &number.to_string())),
            Given::Nothing | Given::Number(_) | Given::Flag(_) => self.wrong_kind(),
        }
    }

    fn headers(&self) -> Result<Vec<String>, String> {
        let texts: Vec<&str> = match &self.given {
            Given::List(items) => match items.iter().map(Given::as_text).collect() {
                Some(texts) => texts,
                None => return self.wrong_kind(),
            },
            Given::Text(text) if text.is_empty() => Vec::new(),
            Given::Text(text) => text.split(',').map(str::trim).collect(),
            Given::Nothing | Given::Whole(_) | Given::Number(_) | Given::Flag(_) => return self.wrong_kind(),
        };
        if let Some(broken) = rules::hint_length(texts.len()) {
            return Err(broken.to_string());
        }
        if let Some(broken) = texts.iter().find_map(|name| rules::header_name(self.key, name)) {
            return Err(broken.to_string());
        }
        Ok(texts.into_iter().map(str::to_ascii_lowercase).collect())
    }
}

fn condition(item: &Given) -> Result<Condition, String> {
    item.text().map_or_else(|| Err(text::no_item()), |text| text::condition(&text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;

    fn read(json: &str) -> Result<Policy, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn every_option() {
        let policy = read(
            r#"{"max": 5, "on": [429, "5xx", "401..=403", "connect"], "never": "501, timeout", "base": "250ms",
                "factor": 1.5, "cap": "1.5m", "jitter": "equal", "max_retry_after": "1h", "deadline": "2h",
                "timeout": "10s", "idempotent": true, "idempotency_key": "false"}"#,
        );
        let expected = Policy::builder()
            .max(5)
            .on(&[
                Condition::Status(429),
                Condition::Range(500, 599),
                Condition::Range(401, 403),
                Condition::Failure(Failure::Connect),
            ])
            .never(&[Condition::Status(501), Condition::Failure(Failure::Timeout)])
            .base(Duration::from_millis(250))
            .factor(1.5)
            .cap(Duration::from_secs(90))
            .jitter(Jitter::Equal)
            .max_retry_after(Duration::from_secs(3600))
            .deadline(Duration::from_secs(7200))
            .timeout(Duration::from_secs(10))
            .idempotent(true)
            .idempotency_key(false)
            .build()
            .unwrap();
        assert_eq!(policy, Ok(expected));
        assert_eq!(read("{}"), Ok(Policy::DEFAULT));
        assert_eq!(read(r#"{"max": "0"}"#).unwrap().max(), 0, "retries are off");
        let on = [Condition::Default, Condition::Status(403).if_hinted()];
        let hinted = Policy::builder().on(&on).build().unwrap();
        assert_eq!(read(r#"{"on": ["default", "403 if hinted"]}"#), Ok(hinted));
        assert_eq!(read(r#"{"on": "default, 403 if hinted"}"#), Ok(hinted));
    }

    #[test]
    fn the_key_is_a_flag_or_names_its_header() {
        let header = |value: &str| {
            let policy = read(&format!(r#"{{"idempotency_key": {value}}}"#))?;
            Ok::<_, String>(policy.idempotency_header())
        };
        for flag in ["true", "\"true\""] {
            assert_eq!(header(flag), Ok(Some("Idempotency-Key")));
        }
        for flag in ["false", "\"false\""] {
            assert_eq!(header(flag), Ok(None));
        }
        let named = header("\" PayPal-Request-Id \"").unwrap().unwrap();
        assert_eq!(named, "PayPal-Request-Id");
        let again = header("\"PayPal-Request-Id\"").unwrap().unwrap();
        assert!(std::ptr::eq(named, again), "the same configuration keeps nothing more");
        for (value, part) in [
            ("1", "is a flag or the name of a header"),
            ("[]", "is a flag or the name of a header"),
            ("\"\"", "a header name consists of letters"),
            ("\"X Key\"", "a header name consists of letters"),
            ("\"TRUE\"", "`true` is a flag and not a header name"),
            ("\"1\"", "`1` is a flag and not a header name"),
            ("null", "is a flag or the name of a header"),
            ("\"content-length\"", "a key cannot be sent in the header `Content-Length`"),
        ] {
            let message = header(value).unwrap_err();
            assert!(message.contains(part), "{value}: {message}");
        }
        let over = Policy::builder().idempotency_header("x-key").build().unwrap();
        let over = |json: &str| over.overlay(&mut serde_json::Deserializer::from_str(json)).unwrap();
        assert_eq!(over("{}").idempotency_header(), Some("x-key"));
        assert_eq!(over(r#"{"idempotency_key": true}"#).idempotency_header(), Some("Idempotency-Key"));
    }

    #[test]
    fn a_bound_of_the_base_can_be_removed() {
        let bounded = Policy::builder().deadline(Duration::from_secs(9)).timeout(Duration::from_secs(3));
        let bounded = bounded.build().unwrap();
        let over = |json: &str| bounded.overlay(&mut serde_json::Deserializer::from_str(json));
        let free = Policy::builder().build().unwrap();
        for off in ["null", "\"off\""] {
            let json = format!(r#"{{"deadline": {off}, "timeout": {off}}}"#);
            assert_eq!(over(&json).unwrap(), free);
            assert_eq!(read(&json), Ok(free));
            for key in ["max", "on", "base", "factor", "jitter", "max_retry_after", "idempotent", "hint"] {
                assert!(read(&format!(r#"{{"{key}": null}}"#)).is_err(), "{key}");
            }
        }
        assert_eq!(over("{}").unwrap(), bounded);
    }

    #[test]
    fn names_of_a_policy_that_is_refused_are_not_kept() {
        for refused in [
            r#"{"hint": ["x-refused-reset"], "base": "2m"}"#,
            r#"{"idempotency_key": "X-Refused-Key", "base": "2m"}"#,
            r#"{"idempotency_key": "X-Refused-Key", "max": "many"}"#,
        ] {
            read(refused).unwrap_err();
        }
        for name in ["x-refused-reset", "X-Refused-Key"] {
            assert!(!crate::intern::is_kept(name), "{name}");
        }
    }

    #[test]
    fn text_as_environment_variables_have_it() {
        let policy = read(r#"{"max": "5", "on": "429,5xx", "factor": "3", "jitter": "0.1", "never": ""}"#);
        let expected = Policy::builder()
            .max(5)
            .on(&[Condition::Status(429), Condition::Range(500, 599)])
            .factor(3.0)
            .jitter(Jitter::Fraction(0.1))
            .build()
            .unwrap();
        assert_eq!(policy, Ok(expected));
    }

    #[test]
    fn names_of_headers_are_kept_once() {
        let texts = [r#"{"hint": ["X-My-Reset", "x-other-ms"]}"#, r#"{"hint": " x-my-reset,X-Other-MS"}"#];
        let [one, other] = texts.map(|text| read(text).unwrap().hint());
        assert_eq!(one, ["x-my-reset", "x-other-ms"]);
        assert!(std::ptr::eq(one, other));
        let base = Policy::builder().max(1).hint(&["x-base"]).build().unwrap();
        let over = |json: &str| base.overlay(&mut serde_json::Deserializer::from_str(json)).unwrap();
        assert_eq!(over(r#"{"max": 2}"#).hint(), ["x-base"]);
        assert_eq!(over(r#"{"hint": ["x-my-reset"]}"#).hint(), ["x-my-reset"], "in place of the others");
    }

    #[test]
    fn errors_name_the_field() {
        for (json, part) in [
            (r#"{"retries": 5}"#, "unknown option `retries`, did you mean `max`?"),
            (r#"{"retry_if": 5}"#, "`retry_if` looks at what a function returns: give it to `#[retry_http]`"),
            (r#"{"policy": 5}"#, "`policy` is an option of `#[retry_http]`, and not of a configuration"),
            (r#"{"policy": {}}"#, "`policy` is an option of `#[retry_http]`, and not of a configuration"),
            ("5", "invalid type: integer `5`, expected the options of a policy"),
            (r#"{"max": {}}"#, "invalid type: map, expected a number, a text, a list, a flag or nothing"),
            (r#"{"max": 1.5}"#, "`max`: `max` is a whole number"),
            (r#"{"max": -1}"#, "`max`: `max` is a whole number"),
            (r#"{"max": 4294967296}"#, "`max`: `max` is too large"),
            (r#"{"base": 5}"#, "`base`: a duration needs a unit: write `base = 5s`"),
            (r#"{"base": "5 parsecs"}"#, "`base`: a duration is a plain decimal number"),
            (r#"{"base": "2m"}"#, "`base` is 2m, above the `cap` of 60s"),
            (r#"{"on": ["6xx"]}"#, "`on`: there is no class `6xx`"),
            (r#"{"on": [200]}"#, "`on`: `200` is not an error"),
            (r#"{"on": [-429]}"#, "`on`: expected a status"),
            (r#"{"on": [429.0]}"#, "`on`: expected a status"),
            (r#"{"on": 429}"#, "`on`: `on` is a list"),
            (r#"{"on": []}"#, "`on` is empty"),
            (r#"{"on": [true]}"#, "`on`: expected a status"),
            (r#"{"on": [429], "never": ["4xx"]}"#, "`never` covers `429` of `on`"),
            (r#"{"hint": []}"#, "`hint` is empty"),
            (r#"{"hint": ""}"#, "`hint` is empty"),
            (r#"{"hint": 5}"#, "`hint`: `hint` is a list of header names"),
            (r#"{"hint": ["x", 5]}"#, "`hint`: `hint` is a list of header names"),
            (r#"{"hint": ["x y"]}"#, "`hint`: a header name consists of letters, digits"),
            (r#"{"hint": "x,,y"}"#, "`hint`: a header name consists of letters, digits"),
            (r#"{"hint": ["x", "X"]}"#, "`x` is listed twice"),
            (r#"{"hint": "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q"}"#, "`hint` names more than 16"),
            (r#"{"jitter": "some"}"#, "`jitter`: unknown jitter `some`"),
            (r#"{"jitter": 2}"#, "`jitter` is a number from 0 to 1"),
            (r#"{"max": 1, "max": 2}"#, "`max` is given twice"),
            (r#"{"factor": true}"#, "`factor`: `factor` is a number from 1 to 100"),
            (r#"{"factor": null}"#, "`factor`: `factor` is a number from 1 to 100"),
            (r#"{"idempotent": 1}"#, "`idempotent`: `idempotent` is a flag"),
            (r#"{"idempotent": "maybe"}"#, "`idempotent`: `idempotent` is a flag"),
        ] {
            let message = read(json).unwrap_err();
            assert!(message.contains(part), "{json}: {message}");
        }
    }
}
