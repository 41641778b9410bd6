//! A [`Policy`] from TOML, JSON or environment variables, under the same rules as the attribute.
//!
//! Values are what the attribute takes, as text where the format has nothing better: `base = "1.5s"`,
//! `on = [429, "5xx", "connect"]`. Environment variables are all text, so numbers may be text as well, and a list
//! may be one text with commas: `"429, 5xx, connect"`.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::engine::policy::Policy;
use crate::engine::policy::backoff::Jitter;
use crate::engine::policy::condition::Condition;
use crate::engine::policy::failure::Failure;

const FIELDS: [&str; 12] = [
    "max",
    "on",
    "never",
    "base",
    "factor",
    "cap",
    "jitter",
    "max_retry_after",
    "deadline",
    "timeout",
    "idempotent",
    "idempotency_key",
];

impl<'de> Deserialize<'de> for Policy {
    /// Starts from [`Policy::DEFAULT`]; unknown fields are errors.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Policy;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the options of a policy")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Policy, M::Error> {
                let mut builder = Policy::builder();
                let mut seen = Vec::new();
                while let Some(field) = map.next_key::<String>()? {
                    let Some(name) = FIELDS.iter().copied().find(|name| *name == field) else {
                        return Err(M::Error::unknown_field(&field, &FIELDS));
                    };
                    if seen.contains(&name) {
                        return Err(M::Error::duplicate_field(name));
                    }
                    seen.push(name);
                    let value: Value = map.next_value()?;
                    let wrong = |message: String| M::Error::custom(format_args!("`{name}`: {message}"));
                    builder = match name {
                        "max" => builder.max(value.whole().map_err(wrong)?),
                        "on" => builder.on(&value.conditions().map_err(wrong)?),
                        "never" => builder.never(&value.conditions().map_err(wrong)?),
                        "base" => builder.base(value.duration().map_err(wrong)?),
                        "factor" => builder.factor(value.number().map_err(wrong)?),
                        "cap" => builder.cap(value.duration().map_err(wrong)?),
                        "jitter" => builder.jitter(value.jitter().map_err(wrong)?),
                        "deadline" => builder.deadline(value.duration().map_err(wrong)?),
                        "timeout" => builder.timeout(value.duration().map_err(wrong)?),
                        "idempotent" => builder.idempotent(value.flag().map_err(wrong)?),
                        "idempotency_key" => builder.idempotency_key(value.flag().map_err(wrong)?),
                        _ => builder.max_retry_after(value.duration().map_err(wrong)?),
                    };
                }
                builder.build().map_err(M::Error::custom)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// A value as the format has it.
enum Value {
    Flag(bool),
    Number(f64),
    Text(String),
    List(Vec<Value>),
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any<'de>(PhantomData<&'de ()>);

        impl<'de> Visitor<'de> for Any<'de> {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a text, a list or a flag")
            }

            fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
                Ok(Value::Flag(flag))
            }

            #[expect(clippy::cast_precision_loss, reason = "what is that large is out of every range")]
            fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
                Ok(Value::Number(number as f64))
            }

            #[expect(clippy::cast_precision_loss, reason = "what is that large is out of every range")]
            fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
                Ok(Value::Number(number as f64))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
                Ok(Value::Number(number))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Text(text.trim().to_owned()))
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut items: S) -> Result<Value, S::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Value::List(list))
            }
        }

        deserializer.deserialize_any(Any(PhantomData))
    }
}

impl Value {
    fn flag(&self) -> Result<bool, String> {
        match self {
            Self::Flag(flag) => Ok(*flag),
            Self::Text(text) if text == "true" => Ok(true),
            Self::Text(text) if text == "false" => Ok(false),
            _ => Err("expected `true` or `false`".to_owned()),
        }
    }

    fn number(&self) -> Result<f64, String> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) if is_decimal(text) => text.parse().ok(),
            _ => None,
        }
        .ok_or_else(|| "expected a number".to_owned())
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    fn whole(&self) -> Result<u32, String> {
        let number = self.number()?;
        if number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number) {
            Ok(number as u32)
        } else {
            Err(format!("expected a whole number, not {number}"))
        }
    }

    fn duration(&self) -> Result<Duration, String> {
        match self {
            Self::Text(text) => duration(text),
            Self::Number(number) => {
                Err(format!("a duration needs a unit: write \"{number}s\" or \"{number}ms\""))
            }
            Self::List(_) | Self::Flag(_) => Err("expected a duration such as \"500ms\"".to_owned()),
        }
    }

    fn jitter(&self) -> Result<Jitter, String> {
        match self {
            Self::Text(text) => match text.as_str() {
                "none" => return Ok(Jitter::None),
                "full" => return Ok(Jitter::Full),
                "equal" => return Ok(Jitter::Equal),
                "decorrelated" => return Ok(Jitter::Decorrelated),
                _ => self.number(),
            },
            _ => self.number(),
        }
        .map(Jitter::Fraction)
        .map_err(|_| {
            "expected a number from 0 to 1, \"none\", \"full\", \"equal\" or \"decorrelated\"".to_owned()
        })
    }

    fn conditions(&self) -> Result<Vec<Condition>, String> {
        match self {
            Self::List(items) => items.iter().map(Self::condition).collect(),
            Self::Text(text) if text.is_empty() => Ok(Vec::new()),
            Self::Text(text) => text.split(',').map(|item| condition(item.trim())).collect(),
            Self::Number(_) | Self::Flag(_) => Ok(vec![self.condition()?]),
        }
    }

    fn condition(&self) -> Result<Condition, String> {
        match self {
            Self::Number(_) => {
                let status = self.whole()?;
                u16::try_from(status)
                    .map(Condition::Status)
                    .map_err(|_| format!("{status} is not an HTTP status"))
            }
            Self::Text(text) => condition(text),
            Self::List(_) => Err("a list in a list".to_owned()),
            Self::Flag(flag) => Err(format!("{flag} is neither a status nor a failure")),
        }
    }
}

/// `503`, `5xx`, `500..=504`, or the name of a failure.
fn condition(text: &str) -> Result<Condition, String> {
    let status = |text: &str| text.trim().parse::<u16>().ok().filter(|_| is_decimal(text.trim()));
    match text {
        "connect" => return Ok(Condition::Failure(Failure::Connect)),
        "timeout" => return Ok(Condition::Failure(Failure::Timeout)),
        "reset" => return Ok(Condition::Failure(Failure::Reset)),
        "body" => return Ok(Condition::Failure(Failure::Body)),
        "4xx" => return Ok(Condition::Range(400, 499)),
        "5xx" => return Ok(Condition::Range(500, 599)),
        _ => {}
    }
    let range = text.split_once("..=").and_then(|(first, last)| Some((status(first)?, status(last)?)));
    if let Some((first, last)) = range {
        return Ok(Condition::Range(first, last));
    }
    status(text).map(Condition::Status).ok_or_else(|| {
        format!(
            "unknown item \"{text}\": expected a status such as 503, \"4xx\", \"5xx\", a range such as \"500..=504\", \
             \"connect\", \"timeout\", \"reset\" or \"body\""
        )
    })
}

/// `250ms`, `1.5s`, `2m`, `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, f64); 5] = [("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let wrong =
        || format!("\"{text}\" is not a duration: write a number with a unit, such as \"500ms\" or \"1.5s\"");
    let end = text.find(|c: char| c != '.' && !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(end);
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit.trim()).ok_or_else(wrong)?;
    let number: f64 = number.parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| format!("\"{text}\" is too long"))
}

fn is_decimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

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
            .idempotency_key(false);
        assert_eq!(policy, Ok(expected.build().unwrap()));
        assert_eq!(read("{}"), Ok(Policy::DEFAULT));
    }

    #[test]
    fn text_as_environment_variables_have_it() {
        let policy = read(r#"{"max": "5", "on": "429,5xx", "factor": "3", "jitter": "0.1", "never": ""}"#);
        let expected = Policy::builder()
            .max(5)
            .on(&[Condition::Status(429), Condition::Range(500, 599)])
            .factor(3.0)
            .jitter(Jitter::Fraction(0.1));
        assert_eq!(policy, Ok(expected.build().unwrap()));
    }

    #[test]
    fn errors_name_the_field() {
        for (json, part) in [
            (r#"{"retries": 5}"#, "unknown field `retries`, expected one of `max`"),
            (r#"{"max": 0}"#, "`max` must be at least 1"),
            (r#"{"max": 1.5}"#, "`max`: expected a whole number"),
            (r#"{"max": -1}"#, "`max`: expected a whole number"),
            (r#"{"max": "many"}"#, "`max`: expected a number"),
            (r#"{"base": 5}"#, "`base`: a duration needs a unit: write \"5s\""),
            (r#"{"base": "5 parsecs"}"#, "`base`: \"5 parsecs\" is not a duration"),
            (r#"{"base": "-5s"}"#, "`base`: \"-5s\" is not a duration"),
            (r#"{"base": "2m"}"#, "`base`, the wait before the first retry, is above `cap`"),
            (r#"{"cap": "99999999999999999999h"}"#, "`cap`: \"99999999999999999999h\" is too long"),
            (r#"{"on": ["6xx"]}"#, "`on`: unknown item \"6xx\""),
            (r#"{"on": [200]}"#, "a status in `on` or `never`"),
            (r#"{"on": []}"#, "`on` must not be empty"),
            (r#"{"jitter": "some"}"#, "`jitter`: expected a number from 0 to 1"),
            (r#"{"jitter": 2}"#, "`jitter` must be within 0..=1"),
            (r#"{"max": 1, "max": 2}"#, "duplicate field `max`"),
            (r#"{"factor": true}"#, "`factor`: expected a number"),
            (r#"{"factor": null}"#, "a number, a text, a list or a flag"),
            (r#"{"on": [true]}"#, "`on`: true is neither a status nor a failure"),
            (r#"{"idempotent": 1}"#, "`idempotent`: expected `true` or `false`"),
            (r#"{"deadline": "1s"}"#, "`deadline`, the bound on the whole call, is not above `base`"),
            (r#"{"timeout": "0s"}"#, "`timeout` must be above zero"),
        ] {
            let message = read(json).unwrap_err();
            assert!(message.contains(part), "{json}: {message}");
        }
    }
}
