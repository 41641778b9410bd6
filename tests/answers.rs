//! The answers of docs/answers.md, row by row: what their headers ask for, and what the default and
//! the line of the row do about them.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use retry_http::hint::Hint;
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
    then: &'t str,
    source: &'t str,
}

/// Reads a row: `API | answer | at | numbers | asks | GET | POST | line | then | source`.
fn answer(row: &str) -> Option<Answer<'_>> {
    let mut cells = row.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").map(str::trim);
    let mut cell = || cells.next().unwrap_or_else(|| panic!("{row}"));
    let (api, answer, at, _numbers) = (cell(), cell(), cell(), cell());
    let (asks, get, post, line, then, source) = (cell(), cell(), cell(), cell(), cell(), cell());
    assert_eq!(cells.next(), None, "{row}");
    let mut codes = answer.split('`').skip(1).step_by(2);
    let status = codes.next()?.parse().ok()?;
    let headers = codes.map(|line| {
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("{row}"));
        (HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap())
    });
    let now = if at.is_empty() { 1_783_425_600_000 } else { milliseconds(at) };
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(now);
    Some(Answer { api, status, headers: headers.collect(), now, asks, get, post, line, then, source })
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

/// What a line makes of an answer.
struct Line {
    policy: Policy,
    predicate: Option<Predicate>,
}

/// A predicate of the user's, which says `true` of the answer of its row.
enum Predicate {
    RetryIf,
    NeverIf,
}

/// Reads the arguments of an attribute, such as `on = [default, 529], retry_if = is_busy`. A key
/// that is none of a policy, nor of a predicate, is an error.
fn read_line(arguments: &str) -> Result<Line, String> {
    let mut keys = serde_json::Map::new();
    let mut predicate = None;
    for argument in outside_brackets(arguments) {
        let (key, value) = argument.split_once(" = ").unwrap_or((argument, "true"));
        match key {
            "retry_if" => predicate = Some(Predicate::RetryIf),
            "never_if" => predicate = Some(Predicate::NeverIf),
            // A configuration takes each value as a text.
            _ => {
                let text = value.replace(['[', ']', '"'], "");
                if keys.insert(key.to_owned(), text.into()).is_some() {
                    return Err(format!("`{key}` is given twice"));
                }
            }
        }
    }
    let policy = serde_json::from_value(keys.into()).map_err(|error| error.to_string())?;
    Ok(Line { policy, predicate })
}

/// Splits at the commas that are in no list.
fn outside_brackets(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    text.split(move |c| {
        depth += i32::from(c == '[') - i32::from(c == ']');
        c == ',' && depth == 0
    })
    .map(str::trim)
    .filter(|argument| !argument.is_empty())
}

impl Answer<'_> {
    /// Returns the wait as the table writes it.
    fn asked(&self) -> String {
        let names = self.line().map_or(Policy::DEFAULT, |line| line.policy);
        match self.read(&names) {
            None => "–".to_owned(),
            Some(hint) => format!("{:?}", hint.wait),
        }
    }

    /// Returns the wait that the headers ask for under a policy.
    fn read(&self, policy: &Policy) -> Option<Hint> {
        hint::read_with(&self.headers, policy.hint(), || self.now)
    }

    /// Returns the line of the row, or `None` if that is an error of one's own.
    fn line(&self) -> Option<Line> {
        let attribute = self.line.strip_prefix("`#[retry_http")?.strip_suffix("]`")?;
        let arguments = attribute.strip_prefix('(').and_then(|arguments| arguments.strip_suffix(')'));
        let arguments = arguments.or_else(|| attribute.is_empty().then_some(""));
        let arguments = arguments.unwrap_or_else(|| panic!("{}: {}", self.api, self.line));
        Some(read_line(arguments).unwrap_or_else(|error| panic!("{}: {error}", self.api)))
    }

    /// Returns what the line of the row does, for a GET and for a POST where that differs.
    fn then(&self) -> String {
        let Some(line) = self.line() else { return "–".to_owned() };
        let verdict = |method| self.verdict(&method, &line);
        let (get, post) = (verdict(Method::GET), verdict(Method::POST));
        if get == post { get } else { format!("{get}, POST {post}") }
    }

    /// Returns what a line does after a first attempt.
    fn verdict(&self, method: &Method, line: &Line) -> String {
        let Line { policy, predicate } = line;
        let mut sent = HeaderMap::new();
        if policy.idempotency_key() {
            sent.insert("idempotency-key", HeaderValue::from_static("4f1c"));
        }
        let mut exchange = Exchange::new(method, &sent);
        exchange.on_response(self.status);
        if let Some(hint) = self.read(policy) {
            exchange.record_header_hint(hint, policy.hint());
        }
        let wait = exchange.hint();
        if let Some(should_retry) = hint::should_retry(&self.headers) {
            exchange.record_should_retry(should_retry);
        }
        match predicate {
            Some(Predicate::RetryIf) => exchange.demand_retry(),
            Some(Predicate::NeverIf) => exchange.forbid_retry(),
            None => {}
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
            Verdict::Stop(Stop::NotRetryable | Stop::Ambiguous | Stop::Never) => "no".to_owned(),
            Verdict::Stop(stop) => panic!("{}: {stop:?}", self.api),
        }
    }
}

#[test]
fn every_answer_is_read_and_followed_as_the_table_says() {
    let answers = answers();
    let default = Line { policy: Policy::DEFAULT, predicate: None };
    let mut wrong = Vec::new();
    for answer in &answers {
        let verdict = |method| answer.verdict(&method, &default);
        let seen = [answer.asked(), verdict(Method::GET), verdict(Method::POST), answer.then()];
        let told = [answer.asks, answer.get, answer.post, answer.then];
        if seen != told {
            wrong.push(format!("{}: {seen:?}, not {told:?}", answer.api));
        }
    }
    println!("{} answers", answers.len());
    assert!(answers.len() >= 100, "{} answers", answers.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A line that changes nothing is not the one that does it right.
#[test]
fn every_line_is_followed_as_far_as_the_server_asks() {
    for answer in answers() {
        let Some(line) = answer.line() else { continue };
        let differs = line.predicate.is_some() || line.policy != Policy::DEFAULT;
        let is_default = answer.line == "`#[retry_http]`";
        assert_eq!(differs, !is_default, "{}: {}", answer.api, answer.line);
        if line.policy.max_retry_after() != Policy::DEFAULT.max_retry_after()
            || !line.policy.hint().is_empty()
        {
            assert!(answer.then.starts_with(answer.asks) || answer.asks == "–", "{}", answer.api);
        }
    }
}

#[test]
fn a_line_with_a_key_that_is_unknown_is_refused() {
    for (arguments, part) in [
        ("max_retry = 1h", "max_retry"),
        ("on = [default, 529], retries = 3", "retries"),
        ("base = 10", "unit"),
        ("on = [600]", "600"),
        ("base = 2m", "cap"),
        ("hint = [\"a b\"]", "header"),
        ("base = 2s, base = 3s", "twice"),
    ] {
        let error = read_line(arguments).err().unwrap_or_else(|| panic!("{arguments} is read"));
        assert!(error.contains(part), "{arguments}: {error}");
    }
    let line = read_line("on = [default, 420], hint = [\"X-My-Reset\", \"x-b\"], factor = 1").unwrap();
    let expected = retry_http::policy!(on = [default, 420], hint = ["x-my-reset", "x-b"], factor = 1);
    assert_eq!(line.policy, expected);
}

#[test]
fn every_answer_has_a_source_and_a_line() {
    for answer in answers() {
        assert!(!answer.source.is_empty(), "{}", answer.api);
        let is_attribute = answer.line.starts_with("`#[retry_http");
        assert!(is_attribute || answer.line.contains("HttpFailure"), "{}: {}", answer.api, answer.line);
    }
}
