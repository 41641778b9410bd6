//! The hints of the headers of a response. A line of the input is a line of a response's head.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::hint::{read, read_from, read_with, should_retry};

const NAMES: [&str; 2] = ["x-my-reset", "x-my-reset-ms"];

pub fn run(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for (name, value) in data.split(|byte| *byte == b'\n').take(64).filter_map(header) {
        headers.append(name, value);
    }
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_768_900_000);
    let wait = read(&headers, now);
    let hint = read_from(&headers, || now);
    assert_eq!(wait, hint.map(|hint| hint.wait));
    let named = read_with(&headers, &NAMES, || now);
    for hint in hint.into_iter().chain(named) {
        assert!(headers.contains_key(hint.header), "the wait is that of a header which is there");
    }
    assert!(
        should_retry(&headers).is_none_or(|_| headers.keys().any(|name| name.as_str().contains("retry")))
    );

    // The longest wait counts, whatever order the headers have. Lines of one name are one list.
    let mut names: Vec<_> = headers.keys().collect();
    names.reverse();
    let mut reversed = HeaderMap::new();
    for name in names {
        headers.get_all(name).iter().for_each(|value| _ = reversed.append(name, value.clone()));
    }
    assert_eq!(wait, read(&reversed, now), "{headers:?}");
    assert_eq!(named.map(|hint| hint.wait), read_with(&reversed, &NAMES, || now).map(|hint| hint.wait));
}

fn header(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
    Some((HeaderName::from_bytes(&line[..colon]).ok()?, value))
}
