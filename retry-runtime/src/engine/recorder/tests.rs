use super::*;
use http::{HeaderValue, StatusCode};
use retry_policy::{Failure, FailureSet, Policy};

const URL: &str = "http://localhost/a";

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH
}

fn key(call: u64) -> Key {
    Key { call: Some(call), request: 1, id: call, is_repeat: true }
}

fn prepare(method: &Method, key: Option<Key>) -> Prepared {
    let mut prepared = Prepared::new(method, &HeaderMap::new(), URL, None);
    if let Some(key) = key {
        prepared.record_key(key);
    }
    prepared
}

/// Records a request and its response.
fn respond(recorder: &mut Recorder, method: &Method, key: Option<Key>, status: u16) -> u64 {
    let number = recorder.on_request(prepare(method, key));
    end(recorder, number, status, URL);
    number
}

fn end(recorder: &mut Recorder, number: u64, status: u16, url: &str) {
    let mut headers = HeaderMap::new();
    if status == 429 {
        headers.insert("retry-after", HeaderValue::from_static("7"));
    }
    let report = Report::response(StatusCode::from_u16(status).unwrap(), &headers);
    recorder.on_report(number, &report.about(Some(url)), Hints::default(), now);
}

/// Records `count` open requests.
fn fill(recorder: &mut Recorder, count: usize) {
    for _ in 0..count {
        recorder.on_request(Prepared::get());
    }
}

/// Returns the summary once all that `recorder` holds is folded.
fn folded(mut recorder: Recorder) -> Folded {
    fill(&mut recorder, KEPT);
    *recorder.more.folded.as_deref().unwrap()
}

#[test]
fn an_unsafe_request_needs_a_key() {
    let is_safe_without_key =
        |method, declared| Prepared::new(&method, &HeaderMap::new(), URL, declared).is_safe_without_key();
    assert!(is_safe_without_key(Method::GET, None) && Prepared::get().is_safe_without_key());
    assert!(!is_safe_without_key(Method::POST, None));
    assert!(is_safe_without_key(Method::POST, Some(true)));
    assert!(!is_safe_without_key(Method::GET, Some(false)));
}

#[test]
fn a_request_is_safe_to_repeat_by_its_method_a_declaration_or_a_key() {
    let is_safe = |method, declared| Prepared::new(&method, &HeaderMap::new(), URL, declared).is_safe();
    assert!(is_safe(Method::GET, None) && Prepared::get().is_safe());
    assert!(!is_safe(Method::POST, None) && is_safe(Method::POST, Some(true)));
    assert!(!is_safe(Method::GET, Some(false)));
    let keyed = prepare(&Method::POST, Some(key(1)));
    assert!(keyed.is_safe() && !keyed.is_safe_without_key());
}

#[test]
fn a_request_that_is_withheld_goes_nowhere() {
    let mut prepared = prepare(&Method::GET, None);
    assert!(!prepared.is_withheld());
    prepared.record_origin(URL);
    assert!(!prepared.is_withheld());
    prepared.withhold();
    assert!(prepared.is_withheld());
}

#[test]
fn an_answer_of_another_host_is_told_from_one_of_the_host_that_was_asked() {
    for (url, is_from_elsewhere) in
        [(URL, false), ("http://localhost/b", false), ("http://other.test/a", true)]
    {
        for method in [Method::GET, Method::POST] {
            let mut recorder = Recorder::default();
            let mut prepared = prepare(&method, None);
            prepared.record_origin(URL);
            let number = recorder.on_request(prepared);
            end(&mut recorder, number, 503, url);
            let report = Report::failure(None, FailureSet::EMPTY).about(Some(url));
            recorder.compare_origin(number, &report);
            let exchange = &recorder.exchanges()[0].exchange;
            assert_eq!(exchange.is_from_elsewhere(), is_from_elsewhere, "{method} {url}");
        }
    }
}

#[test]
fn the_headers_of_a_plain_success_are_read_if_all_hints_count() {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", HeaderValue::from_static("7"));
    let report = Report::response(StatusCode::OK, &headers).about(Some(URL));
    for (of, hint) in [(HintsOf::Retryable, None), (HintsOf::All, Some(Duration::from_secs(7)))] {
        let mut recorder = Recorder::default();
        let number = recorder.on_request(Prepared::get());
        recorder.on_report(number, &report, Hints { of, ..Hints::default() }, now);
        assert_eq!(recorder.brief_success().is_some(), hint.is_none(), "{of:?}");
        assert_eq!(recorder.exchanges()[0].exchange.hint(), hint, "{of:?}");
    }
}

#[test]
fn only_keys_that_a_call_gives_are_mixed_up() {
    let own = Key { call: None, ..key(1) };
    for (keys, expected) in
        [([key(1), key(1)], true), ([key(1), key(2)], false), ([own, own], false), ([own, key(1)], false)]
    {
        let mut recorder = Recorder::default();
        for key in keys {
            recorder.on_request(prepare(&Method::POST, Some(key)));
        }
        let [one, other] = recorder.exchanges() else { panic!("two exchanges") };
        assert_eq!(one.overlaps_by_key(other), expected, "{keys:?}");
    }
}

#[test]
fn a_redirection_is_recorded_of_unsafe_requests() {
    for (method, url, expected) in [
        (Method::POST, "http://localhost/b", true),
        (Method::POST, "http://localhost/a", false),
        (Method::GET, "http://localhost/b", false),
    ] {
        let mut recorder = Recorder::default();
        let number = recorder.on_request(prepare(&method, None));
        end(&mut recorder, number, 200, url);
        assert_eq!(recorder.exchanges()[0].is_redirected, expected, "{method} {url}");
    }
}

#[test]
fn a_plain_success_is_the_only_exchange_and_that_of_the_outcome() {
    let response = |status: u16, url| {
        let status = Some(StatusCode::from_u16(status).unwrap());
        Report { status, url: Some(url), ..Report::new(By::Response) }
    };
    let elsewhere = String::from(URL);
    let mut recorder = Recorder::default();
    assert!(!recorder.is_plain_success(&Report::new(By::Success)));
    respond(&mut recorder, &Method::GET, None, 200);
    assert!(recorder.is_plain_success(&Report::new(By::Success)));
    assert!(recorder.is_plain_success(&response(200, URL)));
    assert!(!recorder.is_plain_success(&response(201, URL)), "another status");
    assert!(!recorder.is_plain_success(&response(200, &elsewhere)), "another response");
    assert!(!recorder.is_plain_success(&Report::new(By::Error)));
    respond(&mut recorder, &Method::GET, None, 200);
    assert!(!recorder.is_plain_success(&Report::new(By::Success)), "one of two");
    let mut posted = Recorder::default();
    respond(&mut posted, &Method::POST, None, 200);
    assert!(posted.is_plain_success(&Report::new(By::Success)), "a POST");
    for status in [202, 301, 404] {
        let mut recorder = Recorder::default();
        respond(&mut recorder, &Method::GET, None, status);
        assert!(!recorder.is_plain_success(&Report::new(By::Success)), "{status}");
    }
}

#[test]
fn the_body_of_a_response_is_found_by_its_address() {
    let (a, b) = (String::from(URL), String::from(URL));
    let mut recorder = Recorder::default();
    for url in [&a, &b] {
        let number = recorder.on_request(prepare(&Method::GET, None));
        end(&mut recorder, number, 200, url);
    }
    recorder.on_request(prepare(&Method::GET, None));
    recorder.on_body_end(Some(address(&a)));
    recorder.on_body_drop(None);
    recorder.on_body_error(Some(address(&a)), &Report::failure(None, FailureSet::EMPTY.with(Failure::Body)));
    recorder.on_body_end(Some(0));
    let [a, b, open] = recorder.exchanges() else { panic!("three exchanges") };
    assert!(a.is_body_read && !a.is_body_dropped && a.exchange.failures().contains(Failure::Body));
    assert!(!b.is_body_read && b.is_body_dropped && b.exchange.failures().is_empty());
    assert!(!open.is_body_read && !open.is_body_dropped);
    recorder.exchanges_mut()[0].mark = Mark::Settled;
    let response = recorder.exchanges()[0].response;
    recorder.on_body_drop(Some(response));
    assert!(!recorder.exchanges()[0].is_body_dropped, "an inner call has decided");
}

#[test]
fn an_open_call_may_have_done_anything_until_it_ends() {
    let mut recorder = Recorder::default();
    assert!(recorder.is_empty());
    let number = recorder.begin_call(Some(true));
    assert!(!recorder.is_empty());
    assert_eq!(recorder.exchanges()[0].progress, Progress::Open);
    assert!(recorder.exchanges()[0].exchange.is_idempotent());
    let other = recorder.begin_call(None);
    recorder.end_call(number);
    assert_eq!(recorder.exchanges().len(), 1);
    assert_eq!(recorder.exchanges()[0].began, other);
}

#[test]
fn hosts_and_drops_are_recorded_by_number() {
    let mut recorder = Recorder::default();
    let first = recorder.on_request(prepare(&Method::GET, None));
    let second = recorder.on_request(prepare(&Method::GET, None));
    recorder.record_host(first, Some("localhost"), Some(URL));
    recorder.on_drop(second);
    let [first, second] = recorder.exchanges() else { panic!("two exchanges") };
    assert_eq!((first.host.as_deref(), first.progress), (Some("localhost"), Progress::Open));
    assert_eq!((second.host.as_deref(), second.progress), (None, Progress::Dropped));
    assert!(second.ended.is_some_and(|ended| ended.get() > second.began) && first.ended.is_none());
}

#[test]
fn the_only_get_is_kept_in_short_form_with_its_host_and_end() {
    let mut recorder = Recorder::default();
    let number = recorder.on_request(Prepared::get());
    let unknown = next_number();
    recorder.record_host(number, Some("localhost"), Some(URL));
    end(&mut recorder, number, 200, URL);
    let (method, status, host) = recorder.brief_success().expect("the short form");
    assert_eq!((method, status, host), (&Method::GET, StatusCode::OK, Some("localhost")));
    // The end of an exchange that is not recorded here changes nothing.
    for ends_first in [true, false] {
        recorder.clear();
        recorder.on_request(Prepared::get());
        if ends_first {
            end(&mut recorder, unknown, 200, URL);
        }
        recorder.record_host(unknown, Some("other.test"), Some("http://other.test/"));
        end(&mut recorder, unknown, 200, URL);
        let only = &recorder.exchanges()[0];
        assert_eq!((only.progress, only.host.as_deref()), (Progress::Open, None));
    }
}

#[test]
fn an_exchange_that_was_in_short_form_keeps_its_host_and_is_the_only_one_until_another_comes() {
    let mut recorder = Recorder::default();
    let number = recorder.on_request(Prepared::get());
    recorder.record_host(number, Some("localhost"), Some(URL));
    assert!(recorder.only().is_none(), "it is in short form");
    recorder.expand();
    let only = recorder.only().map(|only| (only.began, only.host.as_deref()));
    assert_eq!(only, Some((number, Some("localhost"))));
    recorder.on_request(Prepared::get());
    assert!(recorder.only().is_none(), "there are two");
}

#[test]
fn a_host_is_known_by_the_beginning_of_a_url_up_to_its_path() {
    let mut recorder = Recorder::default();
    let number = recorder.on_request(Prepared::get());
    assert!(!recorder.record_known_host(URL), "no host is known");
    recorder.record_host(number, Some("example.com"), Some("https://example.com:8443/a?b=//c"));
    for (url, expected) in [
        ("https://example.com:8443/", true),
        ("https://example.com:8443/other", true),
        ("https://example.com/", false),
        ("https://example.com:84430/", false),
        ("https://example.com:8443.evil.test/", false),
        ("http://example.com:8443/", false),
        ("", false),
    ] {
        assert_eq!(recorder.record_known_host(url), expected, "{url}");
        end(&mut recorder, number, 200, url);
        let host = recorder.brief_success().and_then(|(_, _, host)| host);
        assert_eq!(host, expected.then_some("example.com"), "{url}");
    }
    // Without a path there is no beginning, and the exchange is kept whole.
    recorder.record_host(number, Some("other.test"), Some("data:other.test"));
    assert_eq!(recorder.exchanges()[0].host.as_deref(), Some("other.test"));
    assert!(recorder.record_known_host("https://example.com:8443/"), "the known one is another");
}

#[test]
fn credentials_in_a_url_are_not_kept() {
    let mut recorder = Recorder::default();
    let number = recorder.on_request(Prepared::get());
    let url = "http://user:secret@example.com/path";
    recorder.record_host(number, Some("example.com"), Some(url));
    assert_eq!(recorder.exchanges()[0].host.as_deref(), Some("example.com"));
    assert!(recorder.host.is_none() && !recorder.record_known_host(url));
    recorder.record_host(number, Some("example.com"), Some("http://example.com/path"));
    assert!(recorder.host.is_some() && !format!("{recorder:?}").contains("http://"));
}

#[test]
fn each_exchange_keeps_its_host_when_another_one_becomes_known() {
    let mut recorder = Recorder::default();
    let first = recorder.on_request(Prepared::get());
    recorder.record_host(first, Some("one.test"), Some("http://one.test/"));
    recorder.record_host(next_number(), Some("two.test"), Some("http://two.test/"));
    assert_eq!(recorder.exchanges()[0].host.as_deref(), Some("one.test"));
    let second = recorder.on_request(Prepared::get());
    recorder.record_host(second, Some("three.test"), Some("http://three.test/"));
    let hosts: Vec<_> = recorder.exchanges().iter().map(|recorded| recorded.host.as_deref()).collect();
    assert_eq!(hosts, [Some("one.test"), Some("three.test")]);
}

#[test]
fn the_body_of_the_only_get_is_read_once_its_response_came_and_by_its_address() {
    let mut recorder = Recorder::default();
    let number = recorder.on_request(Prepared::get());
    // Some other response, before there is one here.
    recorder.on_body_end(None);
    end(&mut recorder, number, 200, URL);
    recorder.on_body_end(Some(0));
    assert!(recorder.brief_success().is_some(), "the short form");
    assert!(!recorder.clone().exchanges()[0].is_body_read);
    for response in [Some(address(URL)), None] {
        let mut recorder = recorder.clone();
        recorder.on_body_end(response);
        recorder.on_body_end(Some(0));
        assert!(recorder.exchanges()[0].is_body_read, "{response:?}");
    }
}

#[test]
fn a_reported_exchange_has_ended_when_it_begins() {
    let mut recorder = Recorder::default();
    let report = Report::failure(None, FailureSet::EMPTY).about(Some(URL));
    let mut responded = Exchange::default();
    responded.on_response(StatusCode::OK);
    for (exchange, progress) in [(responded, Progress::Responded), (Exchange::default(), Progress::Failed)] {
        let number = recorder.record_reported(exchange, &report);
        let last = recorder.exchanges().last().unwrap();
        assert_eq!((last.began, last.progress), (number, progress));
        assert_eq!(last.ended, NonZeroU64::new(number));
        assert_eq!(last.request_url, Some(hash_url(URL)));
    }
}

#[test]
fn waits_end_with_a_mark() {
    let mut recorder = Recorder::default();
    for mark in [Mark::Waiting, Mark::Settled] {
        respond(&mut recorder, &Method::GET, None, 503);
        recorder.exchanges_mut().last_mut().unwrap().mark = mark;
    }
    recorder.end_wait(Mark::Retried);
    let marks = [recorder.exchanges()[0].mark, recorder.exchanges()[1].mark];
    assert_eq!(marks, [Mark::Retried, Mark::Settled]);
}

fn declared(idempotent: bool) -> Policy {
    Policy::builder().idempotent(idempotent).build().unwrap()
}

#[test]
fn keys_and_declarations_change_hands_at_the_end_of_a_call() {
    let mut recorder = Recorder::default();
    respond(&mut recorder, &Method::POST, Some(key(1)), 200);
    respond(&mut recorder, &Method::POST, Some(key(2)), 200);
    recorder.exchanges_mut()[1].reported_to = NonZeroUsize::new(8);
    recorder.leave_call(1, NonZeroUsize::new(9), &Policy::DEFAULT);
    let [own, outer] = recorder.exchanges() else { panic!("two exchanges") };
    assert!(own.key.is_none() && !own.exchange.is_idempotent());
    assert!(outer.key.is_some() && outer.exchange.is_idempotent());
    let conflict = |recorded: &Recorded| {
        let mut exchange = recorded.exchange.clone();
        exchange.on_response(StatusCode::CONFLICT);
        exchange.is_in_progress()
    };
    assert_eq!((conflict(own), conflict(outer)), (false, true), "a repeat is one under the same key");
    assert_eq!((own.reported_to, outer.reported_to), (NonZeroUsize::new(9), NonZeroUsize::new(8)));
    recorder.leave_call(1, None, &declared(true));
    assert!(recorder.exchanges()[0].exchange.is_idempotent());
    recorder.leave_call(1, None, &declared(false));
    assert!(recorder.exchanges()[0].exchange.is_idempotent(), "the first declaration counts");
}

#[test]
fn a_folded_exchange_leaves_what_it_has_done() {
    let one = |method: Method, key, status| {
        let mut recorder = Recorder::default();
        respond(&mut recorder, &method, key, status);
        folded(recorder)
    };
    let flags = |folded: Folded| (folded.is_unsafe, folded.is_keyed, folded.is_done, folded.has_succeeded);
    assert_eq!(flags(one(Method::POST, None, 200)), (true, false, false, true));
    assert_eq!(flags(one(Method::POST, Some(key(1)), 500)), (false, true, false, false));
    assert_eq!(flags(one(Method::GET, None, 200)), (false, false, true, true));
    assert_eq!(flags(one(Method::POST, None, 404)), (false, false, false, false));
    assert_eq!(one(Method::GET, None, 429).hint, Some(Duration::from_secs(7)));
    assert_eq!(one(Method::GET, None, 503).hint, None);
}

#[test]
fn the_first_exchange_that_has_ended_is_folded() {
    let mut recorder = Recorder::default();
    let open = recorder.on_request(prepare(&Method::POST, None));
    let ended = respond(&mut recorder, &Method::GET, None, 200);
    fill(&mut recorder, KEPT - 2);
    assert!(recorder.more.folded.as_deref().is_none(), "all are kept");
    recorder.on_request(Prepared::get());
    let mut is_kept = |number| recorder.exchanges().iter().any(|recorded| recorded.began == number);
    assert!(is_kept(open) && !is_kept(ended) && recorder.exchanges().len() == KEPT);
}

#[test]
fn folded_keys_overlap_too() {
    for (other, overlaps) in [(key(1), true), (key(2), false)] {
        let mut recorder = Recorder::default();
        let first = recorder.on_request(prepare(&Method::POST, Some(key(1))));
        let second = recorder.on_request(prepare(&Method::POST, Some(other)));
        end(&mut recorder, first, 200, URL);
        end(&mut recorder, second, 200, URL);
        assert_eq!(folded(recorder).has_overlap, overlaps);
    }
}

#[test]
fn summaries_are_absorbed_and_keys_in_them_are_useless_outside() {
    let folding = |method: &Method, key| {
        let mut recorder = Recorder::default();
        respond(&mut recorder, method, key, 200);
        fill(&mut recorder, KEPT);
        recorder
    };
    let mut inner = folding(&Method::POST, Some(key(1)));
    inner.leave_call(1, None, &Policy::DEFAULT);
    assert!(inner.more.folded.as_deref().unwrap().is_unsafe, "the key is of no use any more");
    let mut outer = Recorder::default();
    outer.absorb(folding(&Method::GET, None));
    assert!(
        outer.more.folded.as_deref().unwrap().is_done && outer.more.folded.as_deref().unwrap().has_succeeded
    );
    let before = outer.more.folded.as_deref().unwrap().is_unsafe;
    outer.absorb(inner);
    assert!(!before && outer.more.folded.as_deref().unwrap().is_unsafe);
    let summary =
        Folded { has_overlap: true, hint: Some(Duration::from_secs(3)), is_keyed: true, ..Folded::default() };
    let mut other = Recorder::default();
    other.more_mut().folded = Some(Box::new(summary));
    outer.absorb(other);
    let folded = outer.more.folded.as_deref().unwrap();
    assert!(folded.has_overlap && folded.is_keyed && folded.hint == Some(Duration::from_secs(3)));
}

#[test]
fn clearing_keeps_little_room() {
    let mut recorder = Recorder::default();
    fill(&mut recorder, 8);
    let room = recorder.more.exchanges.capacity();
    recorder.clear();
    assert!(recorder.is_empty() && recorder.more.exchanges.capacity() == room);
    fill(&mut recorder, KEPT + 1);
    recorder.clear();
    assert!(
        recorder.is_empty()
            && recorder.more.folded.as_deref().is_none()
            && recorder.more.exchanges.capacity() <= 8
    );
}

#[test]
fn urls_differ_by_every_byte() {
    let base = "http://localhost:8080/some/path?q=1";
    // Each byte counts, in whole chunks and behind them.
    for at in 0..base.len() {
        let mut other = base.as_bytes().to_vec();
        other[at] ^= 1;
        if let Ok(other) = String::from_utf8(other) {
            assert_eq!(hash_url(base) == hash_url(&other), other == base, "{other}");
        }
        assert_ne!(hash_url(base), hash_url(&base[..at]), "{at}");
    }
    assert_ne!(hash(&1), hash(&2));
}

#[test]
fn urls_differ_by_their_length_and_short_ones_by_their_letters_too() {
    let urls = ["a", "b"].map(|letter| (1..64).map(move |len| letter.repeat(len)));
    let hashes: std::collections::HashSet<_> = urls.into_iter().flatten().map(|url| hash_url(&url)).collect();
    assert_eq!(hashes.len(), 2 * 63);
}

#[test]
fn a_report_matches_the_exchange_that_it_may_be_about() {
    const ELSEWHERE: &str = "http://localhost/b";
    let failures =
        |failure: Option<Failure>| failure.map_or(FailureSet::EMPTY, |f| FailureSet::EMPTY.with(f));
    let failure = |failure| Report::failure(None, failures(failure));
    let status = |status: u16| Report::failure(StatusCode::from_u16(status).ok(), FailureSet::EMPTY);
    let record = |end: &dyn Fn(&mut Recorder, u64)| {
        let mut recorder = Recorder::default();
        let number = recorder.on_request(prepare(&Method::POST, None));
        end(&mut recorder, number);
        recorder.exchanges()[0].clone()
    };
    let failed = |kind| {
        record(&|recorder: &mut Recorder, number| {
            recorder.on_report(number, &failure(kind), Hints::default(), now);
        })
    };
    let responded = |status| record(&|recorder: &mut Recorder, number| end(recorder, number, status, URL));
    let read = record(&|recorder: &mut Recorder, number| {
        end(recorder, number, 200, URL);
        recorder.on_body_end(None);
    });
    let broken = record(&|recorder: &mut Recorder, number| {
        end(recorder, number, 200, URL);
        recorder.on_body_error(None, &failure(Some(Failure::Body)));
    });
    let another = record(&|recorder: &mut Recorder, number| {
        end(recorder, number, 200, URL);
        recorder.on_body_error(None, &failure(Some(Failure::Connect)));
    });
    assert_eq!(another.exchange.failures(), FailureSet::EMPTY, "no body needs a connection");
    let redirected = record(&|recorder: &mut Recorder, number| end(recorder, number, 503, ELSEWHERE));
    let open = record(&|_: &mut Recorder, _| {});
    let dropped = record(&|recorder: &mut Recorder, number| recorder.on_drop(number));
    let own = Report { status: StatusCode::from_u16(503).ok(), ..Report::new(By::Own) };

    for (line, (recorded, report, expected)) in [
        // By URL.
        (&responded(503), status(503).about(Some(URL)), true),
        (&responded(503), status(503).about(Some(ELSEWHERE)), false),
        (&redirected, status(503).about(Some(URL)), true),
        (&redirected, status(503).about(Some(ELSEWHERE)), true),
        // By status.
        (&responded(503), status(503), true),
        (&responded(503), own, true),
        (&responded(503), status(502), false),
        (&failed(None), status(503), false),
        // By failure.
        (&failed(Some(Failure::Reset)), failure(Some(Failure::Reset)), true),
        (&failed(Some(Failure::Reset)), failure(Some(Failure::Timeout)), false),
        (&failed(Some(Failure::Reset)), failure(None), false),
        (&failed(None), failure(None), true),
        // By a failure while the body was read.
        (&responded(200), failure(None), true),
        (&responded(503), failure(None), false),
        (&responded(200), failure(Some(Failure::Body)), true),
        (&responded(503), failure(Some(Failure::Timeout)), true),
        (&responded(200), failure(Some(Failure::Connect)), false),
        (&read, failure(Some(Failure::Body)), false),
        (&read, failure(None), true),
        (&broken, failure(Some(Failure::Body)), true),
        (&broken, failure(Some(Failure::Timeout)), false),
        // Exchanges without an end.
        (&open, failure(Some(Failure::Reset)).about(Some(URL)), true),
        (&open, failure(Some(Failure::Reset)), false),
        (&dropped, failure(Some(Failure::Timeout)).about(Some(URL)), false),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(recorded.matches(&report), expected, "row {line}");
    }
}

#[test]
fn a_server_may_have_done_what_it_did_not_refuse() {
    let may_have_done = |end: &dyn Fn(&mut Recorder, u64)| {
        let mut recorder = Recorder::default();
        let number = recorder.on_request(prepare(&Method::POST, None));
        end(&mut recorder, number);
        recorder.exchanges()[0].may_have_done()
    };
    let responds =
        |status| may_have_done(&|recorder: &mut Recorder, number| end(recorder, number, status, URL));
    let fails = |failure| {
        let report = Report::failure(None, FailureSet::EMPTY.with(failure));
        may_have_done(&|recorder: &mut Recorder, number| {
            recorder.on_report(number, &report, Hints::default(), now);
        })
    };
    for status in [200, 302, 408, 409, 500, 503] {
        assert!(responds(status), "{status}");
    }
    for status in [400, 404, 429] {
        assert!(!responds(status), "{status}");
    }
    assert!(!fails(Failure::Connect) && fails(Failure::Reset) && fails(Failure::Timeout));
    assert!(may_have_done(&|_: &mut Recorder, _| {}), "open");
    assert!(may_have_done(&|recorder: &mut Recorder, number| recorder.on_drop(number)));
    assert!(may_have_done(&|recorder: &mut Recorder, number| end(
        recorder,
        number,
        404,
        "http://localhost/b"
    )));
    let hinted = |recorder: &mut Recorder, number| {
        end(recorder, number, 503, URL);
        recorder.exchanges_mut()[0].exchange.record_hint(Duration::from_secs(1));
    };
    assert!(!may_have_done(&hinted), "a 503 with a hint");
}

#[test]
fn exchanges_overlap_from_their_beginning_to_their_end() {
    // Two exchanges, by the order of their beginnings and ends.
    for (order, expected) in [("aAbB", false), ("abAB", true), ("abBA", true), ("ab", true), ("aAb", false)] {
        let mut recorder = Recorder::default();
        let mut numbers = [0; 2];
        for step in order.chars() {
            let at = usize::from(step.eq_ignore_ascii_case(&'b'));
            if step.is_ascii_lowercase() {
                numbers[at] = recorder.on_request(prepare(&Method::GET, None));
            } else {
                end(&mut recorder, numbers[at], 200, URL);
            }
        }
        let [a, b] = recorder.exchanges() else { panic!("two exchanges") };
        assert_eq!((a.overlaps(b), b.overlaps(a)), (expected, expected), "{order}");
    }
}

#[test]
fn marks_change_what_an_exchange_counts_for() {
    for (status, mark, failed, succeeded, has_open_hint) in [
        (200, Mark::None, false, true, false),
        (503, Mark::None, true, false, true),
        (503, Mark::Waiting, true, false, true),
        (503, Mark::Retried, true, false, false),
        (503, Mark::Settled, true, false, true),
        (503, Mark::Succeeded, false, true, true),
    ] {
        let mut recorder = Recorder::default();
        respond(&mut recorder, &Method::GET, None, status);
        recorder.exchanges_mut()[0].mark = mark;
        let exchange = &recorder.exchanges()[0];
        assert_eq!(
            (exchange.has_failed(), exchange.has_succeeded(), exchange.has_open_hint()),
            (failed, succeeded, has_open_hint),
            "{status} {mark:?}"
        );
    }
    let mut recorder = Recorder::default();
    let number = recorder.on_request(prepare(&Method::GET, None));
    assert!(!recorder.exchanges()[0].has_failed() && !recorder.exchanges()[0].has_succeeded(), "open");
    recorder.on_report(number, &Report::failure(None, FailureSet::EMPTY), Hints::default(), now);
    assert!(recorder.exchanges()[0].has_failed() && !recorder.exchanges()[0].has_succeeded());
    recorder.exchanges_mut()[0].mark = Mark::Succeeded;
    assert!(!recorder.exchanges()[0].has_failed() && recorder.exchanges()[0].has_succeeded());
    let mut broken = Recorder::default();
    respond(&mut broken, &Method::GET, None, 200);
    broken.on_body_error(None, &Report::failure(None, FailureSet::EMPTY.with(Failure::Body)));
    assert!(broken.exchanges()[0].has_failed() && !broken.exchanges()[0].has_succeeded());
}
