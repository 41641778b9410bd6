//! One table of policies through the attribute, the builder and a configuration: one verdict, one
//! message.

use std::time::Duration;

use retry_policy::{Condition, Failure, Jitter, Policy, PolicyBuilder};

use crate::diagnostics::Errors;
use crate::options;

/// The options of a row, as the builder takes them. The attribute and the configuration are written
/// from them.
#[derive(Clone, Default)]
struct Row {
    max: Option<u32>,
    on: Option<Vec<Condition>>,
    never: Option<Vec<Condition>>,
    base: Option<Duration>,
    factor: Option<f64>,
    cap: Option<Duration>,
    jitter: Option<Jitter>,
    max_retry_after: Option<Duration>,
    hint: Option<&'static [&'static str]>,
    deadline: Option<Duration>,
    timeout: Option<Duration>,
    idempotent: Option<bool>,
    idempotency_key: Option<bool>,
    idempotency_header: Option<&'static str>,
}

/// A key, and its value as the attribute and as JSON have it.
struct Written(&'static str, String, String);

impl Row {
    fn build(&self) -> Result<Policy, String> {
        let mut policy: PolicyBuilder<'_> = Policy::builder();
        macro_rules! set {
            ($($key:ident),+) => {$(
                if let Some(value) = self.$key { policy = policy.$key(value); }
            )+};
        }
        set!(max, base, factor, cap, jitter, max_retry_after, hint, deadline, timeout);
        set!(idempotent, idempotency_key, idempotency_header);
        if let Some(on) = &self.on {
            policy = policy.on(on);
        }
        if let Some(never) = &self.never {
            policy = policy.never(never);
        }
        policy.build().map_err(|error| error.to_string())
    }

    fn written(&self) -> Vec<Written> {
        let mut all = Vec::new();
        let mut push = |key, text: Option<String>, json: fn(String) -> String| {
            all.extend(text.map(|text| Written(key, text.clone(), json(text))));
        };
        let plain: fn(String) -> String = |text| text;
        let list = |items: &Option<Vec<Condition>>| {
            items.as_ref().map(|items| {
                format!("[{}]", items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
            })
        };
        // Classes, ranges and words are texts in JSON.
        let json_list: fn(String) -> String = |text| {
            let items = text.trim_matches(['[', ']']).split(", ").filter(|item| !item.is_empty());
            let items = items.map(|item| match item.parse::<u16>() {
                Ok(status) => status.to_string(),
                Err(_) => format!("\"{item}\""),
            });
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        };
        let duration = |given: Option<Duration>| given.map(|given| format!("{}us", given.as_micros()));
        let quote: fn(String) -> String = |text| format!("\"{text}\"");
        push("max", self.max.map(|max| max.to_string()), plain);
        push("on", list(&self.on), json_list);
        push("never", list(&self.never), json_list);
        push("base", duration(self.base), quote);
        push("factor", self.factor.map(|factor| format!("{factor:?}")), plain);
        push("cap", duration(self.cap), quote);
        let jitter = self.jitter.map(|jitter| match jitter {
            Jitter::Fraction(share) => format!("{share:?}"),
            word => format!("{word:?}").to_lowercase(),
        });
        push("jitter", jitter, |text| match text.parse::<f64>() {
            Ok(_) => text,
            Err(_) => format!("\"{text}\""),
        });
        push("max_retry_after", duration(self.max_retry_after), quote);
        push("hint", self.hint.map(|names| format!("{names:?}")), plain);
        push("deadline", duration(self.deadline), quote);
        push("timeout", duration(self.timeout), quote);
        push("idempotent", self.idempotent.map(|flag| flag.to_string()), plain);
        let header = self.idempotency_header.map(|name| format!("{name:?}"));
        push("idempotency_key", header.or(self.idempotency_key.map(|flag| flag.to_string())), plain);
        all
    }

    fn attribute(&self) -> String {
        let options: Vec<_> =
            self.written().iter().map(|Written(key, text, _)| format!("{key} = {text}")).collect();
        options.join(", ")
    }

    fn json(&self) -> String {
        let fields: Vec<_> =
            self.written().iter().map(|Written(key, _, json)| format!("\"{key}\": {json}")).collect();
        format!("{{{}}}", fields.join(", "))
    }
}

/// Returns the messages of the attribute.
fn by_attribute(attribute: &str) -> Vec<String> {
    let mut errors = Errors::default();
    options::parse(attribute.parse().expect("tokens"), &mut errors);
    errors.messages()
}

/// Returns the policy or the message of a configuration, without the field and the place in the
/// text.
fn by_json(json: &str) -> Result<Policy, String> {
    serde_json::from_str(json).map_err(|error| {
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        match message.strip_prefix('`').and_then(|rest| rest.split_once("`: ")) {
            Some((field, rest)) if !field.contains('`') => rest.to_owned(),
            _ => message.to_owned(),
        }
    })
}

/// Lists of header names, in lower case, as the attribute and a configuration make them.
const HINTS: [&[&str]; 14] = [
    &["x-my-reset"],
    &["x-my-reset", "x-other-reset-ms"],
    &["!#$%&'*+-.^_`|~09az"],
    &["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"],
    &["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q"],
    &[],
    &[""],
    &[" "],
    &["x my reset"],
    &["x-my-reset:"],
    &["x-my-resét"],
    &["x-my\r\nreset"],
    &["x-my-reset", "x-my-reset"],
    &["x-my-reset", "x-other", "x-my-reset"],
];

/// Lists of conditions, right and wrong.
fn lists() -> Vec<Vec<Condition>> {
    let status = Condition::Status;
    let (fours, fives) = (Condition::Range(400, 499), Condition::Range(500, 599));
    let connect = Condition::Failure(Failure::Connect);
    let failures = Failure::ALL.map(Condition::Failure);
    let everything = [&[fours, fives][..], &failures].concat();
    vec![
        vec![],
        vec![status(429)],
        vec![status(202)],
        vec![status(200)],
        vec![status(302)],
        vec![status(0)],
        vec![status(99)],
        vec![status(600)],
        vec![status(u16::MAX)],
        vec![status(429), status(503)],
        vec![status(429), status(429)],
        vec![fours],
        vec![fours, status(429)],
        vec![status(429), fours],
        vec![fives, fives],
        vec![Condition::Range(500, 504)],
        vec![Condition::Range(504, 500)],
        vec![Condition::Range(202, 500)],
        vec![Condition::Range(500, 600)],
        vec![Condition::Range(300, 302)],
        vec![Condition::Range(500, 504), Condition::Range(502, 510)],
        vec![Condition::Range(500, 504), Condition::Range(501, 503)],
        vec![Condition::Default],
        vec![Condition::Default, Condition::Default],
        vec![Condition::Default, status(529), status(403).if_hinted()],
        vec![status(403).if_hinted()],
        vec![status(403), status(403).if_hinted()],
        vec![status(403).if_hinted(), fours],
        vec![fours.if_hinted(), status(403).if_hinted()],
        vec![status(200).if_hinted()],
        vec![connect],
        vec![connect, connect],
        vec![connect, status(429), fives],
        failures.to_vec(),
        everything,
    ]
}

fn rows() -> Vec<Row> {
    let none = Row::default;
    let ms = Duration::from_millis;
    let s = Duration::from_secs;
    let mut rows = vec![none()];
    for max in [0, 1, 2, 5, 1000, u32::MAX] {
        rows.push(Row { max: Some(max), ..none() });
    }
    for base in [s(0), ms(1), ms(999), s(1), s(60), s(61), s(86_400), s(86_401)] {
        rows.push(Row { base: Some(base), ..none() });
        for cap in [s(0), ms(1), s(1), s(60), s(86_400), s(86_401)] {
            rows.push(Row { base: Some(base), cap: Some(cap), ..none() });
        }
    }
    for factor in [0.0, 0.5, 1.0, 1.5, 2.0, 100.0, 100.5, 1000.0] {
        rows.push(Row { factor: Some(factor), ..none() });
    }
    for jitter in [
        Jitter::None,
        Jitter::Full,
        Jitter::Equal,
        Jitter::Decorrelated,
        Jitter::Fraction(0.0),
        Jitter::Fraction(0.3),
        Jitter::Fraction(1.0),
        Jitter::Fraction(1.1),
    ] {
        rows.push(Row { jitter: Some(jitter), ..none() });
    }
    for deadline in [s(0), ms(999), s(1), ms(1001), s(10), s(100_000)] {
        rows.push(Row { deadline: Some(deadline), ..none() });
        for other in [s(0), s(5), s(10), s(11)] {
            rows.push(Row { deadline: Some(deadline), timeout: Some(other), ..none() });
            rows.push(Row { deadline: Some(deadline), max_retry_after: Some(other), ..none() });
            rows.push(Row { deadline: Some(deadline), base: Some(other), ..none() });
        }
    }
    for hint in HINTS {
        rows.push(Row { hint: Some(hint), ..none() });
        rows.push(Row {
            hint: Some(hint),
            on: Some(vec![Condition::Default]),
            deadline: Some(s(10)),
            ..none()
        });
    }
    for idempotent in [None, Some(true), Some(false)] {
        for idempotency_key in [None, Some(true), Some(false)] {
            rows.push(Row { idempotent, idempotency_key, ..none() });
        }
        for name in
            ["PayPal-Request-Id", "x-k", "!#$%&'*+-.^_`|~0aZ", "", " ", "X Key", "X-Key:", "Clé", "(x)"]
        {
            rows.push(Row { idempotent, idempotency_header: Some(name), ..none() });
        }
        for name in ["host", "Content-Length", "TRANSFER-ENCODING", "connection", "cookie", "yes", "1"] {
            rows.push(Row { idempotent, idempotency_header: Some(name), ..none() });
        }
    }
    let lists = lists();
    for list in &lists {
        rows.push(Row { on: Some(list.clone()), ..none() });
        rows.push(Row { never: Some(list.clone()), ..none() });
    }
    let usable: Vec<_> = lists.iter().filter(|list| retry_policy::rules::list(list).is_none()).collect();
    for (at, on) in usable.iter().enumerate() {
        for never in usable.iter().skip(at % 2).step_by(2) {
            rows.push(Row { on: Some((*on).clone()), never: Some((*never).clone()), ..none() });
        }
    }
    let halves = vec![Condition::Range(500, 549), Condition::Range(550, 599)];
    let whole = vec![Condition::Range(500, 599)];
    rows.push(Row { on: Some(whole), never: Some(halves), ..none() });
    rows
}

#[test]
fn one_verdict_and_one_message() {
    let (mut accepted, mut refused) = (0, 0);
    for row in rows() {
        let (attribute, json) = (row.attribute(), row.json());
        let (built, configured, messages) = (row.build(), by_json(&json), by_attribute(&attribute));
        assert_eq!(built, configured, "{json}");
        if row.max == Some(0) {
            // Retries can be off at run time; an attribute that does nothing is a mistake.
            assert!(built.is_ok() && messages.iter().any(|message| message.contains("at least 1")));
            continue;
        }
        match built {
            Ok(_) => {
                assert_eq!(messages, Vec::<String>::new(), "{attribute}");
                accepted += 1;
            }
            Err(message) => {
                assert!(messages.contains(&message), "{attribute}: {message} is none of {messages:?}");
                refused += 1;
            }
        }
    }
    assert!(accepted >= 80 && refused >= 120, "{accepted} accepted, {refused} refused");
}

/// Values that the builder cannot be given, since they are no values.
#[test]
fn one_grammar() {
    for (attribute, json) in [
        ("base = 5", r#"{"base": 5}"#),
        ("base = 1.5", r#"{"base": 1.5}"#),
        ("base = 5d", r#"{"base": "5d"}"#),
        ("base = 5sec", r#"{"base": "5sec"}"#),
        ("base = 5 s", r#"{"base": "5 s"}"#),
        ("base = 1e3s", r#"{"base": "1e3s"}"#),
        ("base = 0x10s", r#"{"base": "0x10s"}"#),
        ("base = -5s", r#"{"base": "-5s"}"#),
        ("base = true", r#"{"base": true}"#),
        ("base = soon", r#"{"base": "soon"}"#),
        ("base = [5s]", r#"{"base": ["5s"]}"#),
        ("cap = 99999999999999999999h", r#"{"cap": "99999999999999999999h"}"#),
        ("max = 1.5", r#"{"max": 1.5}"#),
        ("max = -1", r#"{"max": -1}"#),
        ("max = many", r#"{"max": "many"}"#),
        ("max = 4294967296", r#"{"max": 4294967296}"#),
        ("factor = true", r#"{"factor": true}"#),
        ("factor = much", r#"{"factor": "much"}"#),
        ("factor = -2", r#"{"factor": -2}"#),
        ("jitter = some", r#"{"jitter": "some"}"#),
        ("jitter = Full", r#"{"jitter": "Full"}"#),
        ("jitter = off", r#"{"jitter": "off"}"#),
        ("jitter = true", r#"{"jitter": true}"#),
        ("jitter = -0.5", r#"{"jitter": -0.5}"#),
        ("idempotent = 1", r#"{"idempotent": 1}"#),
        ("hint = 5", r#"{"hint": 5}"#),
        ("hint = true", r#"{"hint": true}"#),
        ("hint = [5]", r#"{"hint": [5]}"#),
        ("hint = [true]", r#"{"hint": [true]}"#),
        ("hint = [[\"x\"]]", r#"{"hint": [["x"]]}"#),
        ("hint = [\"x y\"]", r#"{"hint": "x y"}"#),
        ("hint = [\"x\", \"\"]", r#"{"hint": "x,"}"#),
        ("hint = [\"X\", \"x\"]", r#"{"hint": ["X", "x"]}"#),
        ("hint_header = \"x\"", r#"{"hint_header": "x"}"#),
        ("retry_after_header = \"x\"", r#"{"retry_after_header": "x"}"#),
        ("idempotency_key = 1", r#"{"idempotency_key": 1}"#),
        ("idempotency_key = [true]", r#"{"idempotency_key": [true]}"#),
        ("on = 429", r#"{"on": 429}"#),
        ("on = [1xx]", r#"{"on": ["1xx"]}"#),
        ("on = [05xx]", r#"{"on": ["05xx"]}"#),
        ("never = [004xx]", r#"{"never": ["004xx"]}"#),
        ("on = [5XX]", r#"{"on": ["5XX"]}"#),
        ("on = [6xx]", r#"{"on": ["6xx"]}"#),
        ("on = [500..504]", r#"{"on": ["500..504"]}"#),
        ("on = [500..]", r#"{"on": ["500.."]}"#),
        ("on = [504..=500]", r#"{"on": ["504..=500"]}"#),
        ("on = [500-504]", r#"{"on": ["500-504"]}"#),
        ("on = [-429]", r#"{"on": [-429]}"#),
        ("on = [429.0]", r#"{"on": [429.0]}"#),
        ("on = [70000]", r#"{"on": [70000]}"#),
        ("on = [true]", r#"{"on": [true]}"#),
        ("on = [connect if hinted]", r#"{"on": ["connect if hinted"]}"#),
        ("on = [default if hinted]", r#"{"on": ["default if hinted"]}"#),
        ("never = [default]", r#"{"never": ["default"]}"#),
        ("never = [403 if hinted]", r#"{"never": ["403 if hinted"]}"#),
        ("on = [Timeout]", r#"{"on": ["Timeout"]}"#),
        ("on = [timed_out]", r#"{"on": ["timed_out"]}"#),
        ("never = [rate_limit]", r#"{"never": ["rate_limit"]}"#),
        ("retries = 5", r#"{"retries": 5}"#),
        ("max = 1, max = 2", r#"{"max": 1, "max": 2}"#),
    ] {
        let (messages, configured) = (by_attribute(attribute), by_json(json));
        let message = configured.expect_err(json);
        let known = |text: &str| text.split("the keys are").next().unwrap_or_default().to_owned();
        assert!(
            messages.iter().any(|of_attribute| known(of_attribute) == known(&message)),
            "{attribute}: {messages:?}\n{json}: {message}"
        );
    }
    // The attribute reads these tokens as the field of a number.
    for json in [r#"{"base": "1.s"}"#, r#"{"base": ".5s"}"#, r#"{"base": "_5s"}"#, r#"{"base": "1._5s"}"#] {
        assert!(by_json(json).unwrap_err().contains("plain decimal number"), "{json}");
    }
}
