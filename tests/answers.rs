//! The answers of docs/answers.md, row by row: what their headers ask for, and what the default does
//! about them.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use retry_http::{Exchange, Policy, Retry, Stop, Verdict, hint};

/// A row of the table.
struct Answer<'t> {
    api: &'t str,
    status: StatusCode,
    headers: HeaderMap,
    now: SystemTime,
    asks: &'t str,
    get: &'t str,
    post: &'t str,
    line: &'t str,
    source: &'t str,
}

/// Reads a row: `API | answer | at | numbers | asks | GET | POST | line | source`.
fn answer(row: &str) -> Option<Answer<'_>> {
    let mut cells = row.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").map(str::trim);
    let mut cell = || cells.next().unwrap_or_else(|| panic!("{row}"));
    let (api, answer, at, _numbers) = (cell(), cell(), cell(), cell());
    let (asks, get, post, line, source) = (cell(), cell(), cell(), cell(), cell());
    let mut codes = answer.split('`').skip(1).step_by(2);
    let status = codes.next()?.parse().ok()?;
    let headers = codes.map(|line| {
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("{row}"));
        (HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap())
    });
    let now = if at.is_empty() { 1_783_425_600_000 } else { milliseconds(at) };
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(now);
    Some(Answer { api, status, headers: headers.collect(), now, asks, get, post, line, source })
}

/// Reads a Unix time with decimals.
fn milliseconds(text: &str) -> u64 {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let fraction = format!("{fraction:0<3}");
    seconds.parse::<u64>().unwrap() * 1000 + fraction.parse::<u64>().unwrap()
}

fn answers() -> Vec<Answer<'static>> {
    include_str!("../docs/answers.md").lines().filter_map(answer).collect()
}

impl Answer<'_> {
    /// Returns the wait as the table writes it.
    fn asked(&self) -> String {
        match self.read(&self.policy()) {
            None => "–".to_owned(),
            Some(wait) => format!("{wait:?}"),
        }
    }

    /// Returns the wait that the headers ask for under a policy.
    fn read(&self, policy: &Policy) -> Option<Duration> {
        hint::read_with(&self.headers, policy.hint(), || self.now).map(|hint| hint.wait)
    }

    /// Returns the lists `on` and `hint` of the line, as a policy.
    fn policy(&self) -> Policy {
        let list = |key: &str| {
            let (_, list) = self.line.split_once(&format!("{key} = ["))?;
            let items = list.split(']').next()?.split(", ").map(|item| item.trim_matches('"'));
            Some((key.to_owned(), items.collect::<Vec<_>>()))
        };
        let lists = ["on", "hint"].into_iter().filter_map(list).collect::<BTreeMap<_, _>>();
        serde_json::from_value(serde_json::json!(lists))
            .unwrap_or_else(|error| panic!("{}: {error}", self.api))
    }

    /// Returns what a policy does after a first attempt.
    fn verdict(&self, method: &Method, policy: &Policy) -> String {
        let mut exchange = Exchange::new(method, &HeaderMap::new());
        exchange.on_response(self.status);
        let wait = self.read(policy);
        if let Some(wait) = wait {
            exchange.record_hint(wait);
        }
        if let Some(should_retry) = hint::should_retry(&self.headers) {
            exchange.record_should_retry(should_retry);
        }
        let verdict = Retry::new(policy).next(&exchange, Duration::ZERO, || 0.0);
        match verdict {
            Verdict::Wait(next) if wait.is_some_and(|wait| wait == next && !wait.is_zero()) => {
                format!("{next:?}")
            }
            Verdict::Wait(next) => {
                assert_eq!(next, policy.backoff().base(), "{}", self.api);
                "backoff".to_owned()
            }
            Verdict::Stop(Stop::HintTooLong) => "too long".to_owned(),
            Verdict::Stop(Stop::NotRetryable | Stop::Ambiguous) => "no".to_owned(),
            Verdict::Stop(stop) => panic!("{}: {stop:?}", self.api),
        }
    }
}

#[test]
fn every_answer_is_read_and_followed_as_the_table_says() {
    let answers = answers();
    let mut wrong = Vec::new();
    for answer in &answers {
        let verdict = |method| answer.verdict(&method, &Policy::DEFAULT);
        let seen = [answer.asked(), verdict(Method::GET), verdict(Method::POST)];
        let told = [answer.asks, answer.get, answer.post];
        if seen != told {
            wrong.push(format!("{}: {seen:?}, not {told:?}", answer.api));
        }
    }
    println!("{} answers", answers.len());
    assert!(answers.len() >= 40, "{} answers", answers.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_header_that_a_line_names_is_followed() {
    let answers = answers();
    let naming: Vec<_> = answers.iter().filter(|answer| !answer.policy().hint().is_empty()).collect();
    assert!(naming.len() >= 2, "{} answers", naming.len());
    for answer in naming {
        assert_eq!(answer.verdict(&Method::GET, &answer.policy()), answer.asks, "{}", answer.api);
    }
}

#[test]
fn every_answer_has_a_source_and_a_line() {
    for answer in answers() {
        assert!(!answer.source.is_empty(), "{}", answer.api);
        let is_attribute = answer.line.starts_with("`#[retry_http");
        assert!(is_attribute || answer.line.contains("HttpFailure"), "{}: {}", answer.api, answer.line);
    }
}
