use syn::Block;
use syn::parse::Parser;

use super::*;

/// Returns the marks of the armed sends and watched reads of `body` in order, and the visible
/// sends.
fn armed(body: &str) -> (Vec<String>, Sends) {
    fn marks(tokens: TokenStream, found: &mut Vec<String>) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => marks(group.stream(), found),
                TokenTree::Ident(name) if MARKS.iter().any(|mark| name == mark) => {
                    found.push(name.to_string());
                }
                _ => {}
            }
        }
    }

    let mut body = Block::parse_within.parse_str(body).expect("statements");
    let sends = arm(&mut body, &[], &[], Shape::Async, &Options::default());
    let mut found = Vec::new();
    marks(quote!(#(#body)*), &mut found);
    (found, sends)
}

fn has(tokens: TokenStream, name: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => has(group.stream(), name),
        token => token.to_string() == name,
    })
}

/// Only what the attempt itself awaits is certain to be part of it: anything else may be polled by
/// another task, or later.
#[test]
fn sends_that_the_attempt_itself_awaits() {
    let is_awaited = |body: &str, shape, options: &str| {
        let mut body = Block::parse_within.parse_str(body).expect("statements");
        let mut errors = crate::diagnostics::Errors::default();
        let options = crate::options::parse(options.parse().expect("tokens"), &mut errors);
        assert_eq!(arm(&mut body, &[], &[], shape, &options), Sends::Visible);
        let tokens = quote!(#(#body)*);
        assert_ne!(has(tokens.clone(), "arm_sender"), has(tokens.clone(), "arm_awaited"));
        has(tokens, "arm_awaited")
    };
    for (body, expected) in [
        ("http.get(url).send().await?;", true),
        ("for url in urls { all.push(http.get(url).send().await?.json().await?); }", true),
        ("if let Ok(r) = http.get(url).send().await { match r { _ => {} } }", true),
        ("f(http.get(other(url)).send().await?)", true),
        ("http.get(url).send();", false),
        ("let sending = http.get(url).send(); sending.await", false),
        ("Box::pin(http.get(url).send()).await", false),
        ("http.get(url).send().instrument(span).await", false),
        ("async { http.get(url).send().await }.await", false),
        ("spawn(async move { if x { http.get(url).send().await } }).await", false),
        ("f(|url| async move { http.get(url).send().await }).await", false),
        ("f(async |url| http.get(url).send().await).await", false),
        ("join!(http.get(url).send(), other())", false),
        ("join!(async { http.get(url).send().await }, other())", false),
        ("select! { r = other() => http.get(url).send().await }", false),
    ] {
        assert_eq!(is_awaited(body, Shape::Async, ""), expected, "{body}");
        assert_eq!(is_awaited(body, Shape::Block, ""), expected, "{body}");
        assert!(!is_awaited(body, Shape::Async, "transparent"), "{body}");
        assert!(!is_awaited(body, Shape::Wrapped { boxed: true }, ""), "{body}");
    }
}

/// A body of what may be anything may be a pinned future of the user's.
#[test]
fn bodies_of_answers() {
    for (body, is_answer) in [
        ("http.get(url).send().await?.text().await", true),
        ("http.get(url).send().await?.error_for_status()?.text().await", true),
        ("let r = http.get(url).send().await?; r.text().await", true),
        ("let r = http.get(url).send().await?; r.error_for_status()?.text().await", true),
        ("mail.text().await", false),
        ("make().await?.text().await", false),
        ("let r = make().await?; r.text().await", false),
        ("mail.send().await?.text().await", false),
    ] {
        let mut parsed = Block::parse_within.parse_str(body).expect("statements");
        arm(&mut parsed, &[], &[], Shape::Async, &Options::default());
        let tokens = quote!(#(#parsed)*);
        assert!(has(tokens.clone(), "track_awaited") || has(tokens.clone(), "track_awaited_of"), "{body}");
        assert_eq!(has(tokens, "AwaitedBodyKind"), !is_answer, "{body}");
    }
}

#[test]
fn a_send_in_the_arguments_of_one_that_is_awaited_is_not_awaited() {
    let body = "http.post(url).json(spawn(http.get(url).send())).send().await;";
    let mut body = Block::parse_within.parse_str(body).expect("statements");
    arm(&mut body, &[], &[], Shape::Async, &Options::default());
    let tokens = quote!(#(#body)*);
    assert!(has(tokens.clone(), "arm_sender") && has(tokens, "arm_awaited"));
}

/// A variable of an unknown type is bound again, before the statement that sends it, and never
/// moved. Where that might change something, its request is only recorded.
#[test]
fn variables_of_unknown_types() {
    let table = [
        ("let r = make(); r.send().await;", true),
        ("let r = make(); let sending = r.send(); sending.await;", true),
        ("let mut r = make(); r.send().await;", true),
        ("let (other, r) = make(); other; r.send().await;", true),
        ("let Some(r) = map.get(key) else { return }; r.send().await;", true),
        ("let r = map.get(key); r.send().await;", true),
        ("let r = make(); println!(\"{r:?}\"); let text = format!(\"{r}\"); r.send().await; text;", true),
        ("let r = make(); if ready { r.send().await; }", true),
        ("let r = make(); loop { r.send().await; }", true),
        ("let r = make(); spawn(async move { r.send().await });", true),
        ("let f = move |r| { r.send() };", true),
        ("let f = |r| -> Sent { r.send() };", true),
        ("#[cfg(a)] let r = make(); #[cfg(a)] r.send().await;", true),
        ("#[cfg(a)] let r = make(); if ready { #[cfg(a)] r.send().await; }", true),
        ("for r in all { r.send().await; }", true),
        ("while let Some(r) = next() { r.send().await; }", true),
        ("if let Some(r) = next() && ready { r.send().await; } else { other(r); }", true),
        ("match make() { Some(r) => r.send().await, None => {} }", true),
        ("match make() { Some(r) if ready => { r.send().await } _ => {} }", true),
        ("{ let r = make(); r.send(); } { let r = make(); r.again(); }", true),
        // It may be used elsewhere.
        ("let r = make(); r.send().await; r.again();", false),
        ("let r = make(); log(&r); r.send().await;", false),
        ("let r = make(); other!(r); r.send().await;", false),
        ("let r = make(); let r = r.id(r); r.again(r.send().await);", false),
        ("let r = make(); if ready { r.send().await; r.again(); }", false),
        ("let r = make(); if ready { r.send().await; } else { println!(\"{r}\"); }", false),
        ("match make() { Some(r) if r.ready() => r.send().await, _ => {} }", false),
        ("if let Some(r) = next() && r.ready() { r.send().await; }", false),
        // Something may borrow from it.
        ("let r = make(); let name = r.name(); r.send().await; name;", false),
        ("let r = make(); all.push(r.work()); r.send().await; all;", false),
        // It would be dropped before another one.
        ("let (r, other) = make(); other; r.send().await;", false),
        ("let r = make(); let other = make(); println!(\"{r}\"); r.send().await; other;", false),
        ("match make() { (r, other) => r.send().await }", false),
        ("match make() { A(r, other) | B(other, r) => r.send().await }", false),
        ("let r = make(); let span = span!(r); r.send().await; span;", false),
        // Something may borrow from it.
        ("let r = make(); let text = format_args!(\"{r}\"); r.send().await; text;", false),
        // It may not be there.
        ("let J { a, #[cfg(b)] r } = make(); #[cfg(b)] r.send().await;", false),
        ("match make() { J { a, #[cfg(b)] r } => { #[cfg(b)] r.send().await; } }", false),
        ("if let J { a, #[cfg(b)] r } = make() { #[cfg(b)] r.send().await; }", false),
        ("while r.send().await { }", false),
    ];
    for (body, is_held) in table {
        let (marks, sends) = armed(body);
        let expected = [if is_held { "arm_sender" } else { "watch_sender" }];
        assert_eq!(marks, expected, "{body}");
        assert_eq!(sends, if is_held { Sends::Visible } else { Sends::Hidden }, "{body}");
    }
}

/// The names that arming adds.
const MARKS: [&str; 10] = [
    "watch_sender",
    "arm_sender",
    "arm_awaited",
    "arm_request",
    "track_get",
    "track_body_of",
    "track_awaited",
    "track_awaited_of",
    "track_stream_of",
    "check_response",
];

#[test]
fn sends_that_are_armed() {
    let table: [(&str, &[&str]); 43] = [
        ("http.get(url).send().await?;", &["arm_awaited"]),
        ("http.get(url).send();", &["arm_sender"]),
        ("self.http.get(url).header(a, b).send().await;", &["arm_awaited"]),
        ("let r = http.get(url); r.send().await;", &["arm_sender"]),
        ("let r = http.post(url); r.send().await;", &["arm_awaited"]),
        ("let r = http.get(url); log(&r); r.send().await;", &["arm_awaited"]),
        ("let r: RequestBuilder = make(); r.send().await;", &["arm_awaited"]),
        ("let r = make(); r.send().await;", &["arm_sender"]),
        ("make().send().await;", &["arm_awaited"]),
        ("Box::pin(make().send()).await;", &["arm_sender"]),
        ("join!(a.get(u).send(), b.get(u).send());", &["arm_sender", "arm_sender"]),
        ("urls.map(|url| async move { http.get(url).send().await });", &["arm_sender"]),
        ("http.execute(request).await;", &["arm_request"]),
        ("self.http().execute(request).await;", &["arm_request"]),
        ("reqwest::get(url).await;", &["track_get"]),
        ("response.json().await;", &["track_awaited_of"]),
        ("helper().await?.json().await;", &["track_awaited"]),
        ("let read = response.json(); read.await;", &["track_body_of"]),
        ("timeout(LONG, response.json()).await;", &["track_body_of"]),
        ("async { response.json().await }.await;", &["track_body_of"]),
        ("response.bytes_stream();", &["track_stream_of"]),
        ("http.get(u).send().await?.error_for_status()?;", &["arm_awaited", "check_response"]),
        ("let r = http.get(u).send().await?; r.error_for_status()?;", &["arm_awaited", "check_response"]),
        ("let r = http.get(u).send().await; r?.error_for_status()?;", &["arm_awaited", "check_response"]),
        ("helper().await.and_then(|r| r.error_for_status());", &["check_response"]),
        ("helper().await?.error_for_status()?;", &["check_response"]),
        ("let r = helper().await?; r.error_for_status()?;", &["check_response"]),
        ("let r = helper().await?; r.error_for_status()?; f(r);", &[]),
        ("let r = x.send().await?; r.error_for_status()?; f(r);", &["watch_sender"]),
        ("loop { let r = make(); } r.send();", &["watch_sender"]),
        ("job.request.send().await;", &["watch_sender"]),
        ("self.0.send().await;", &["watch_sender"]),
        ("(*boxed).send().await;", &["watch_sender"]),
        ("if matches!(http.get(url).send().await, Ok(_) if late) {}", &["arm_sender"]),
        ("ensure!(http.get(url).send().await.is_ok(), \"down\");", &["arm_sender"]),
        ("select_biased! { r = http.get(url).send().fuse() => r, _ = late => {} }", &["arm_sender"]),
        ("(**job.request).send().await;", &["watch_sender"]),
        ("f(pair.1.send());", &["watch_sender"]),
        ("let r = http.execute(request).await?; r.error_for_status()?; f(r);", &["arm_request"]),
        ("loop { r.error_for_status()?; }", &[]),
        ("match helper().await { Ok(r) => r.error_for_status(), Err(e) => Err(e) }", &["check_response"]),
        ("if let Ok(r) = helper().await { r.error_for_status()?; }", &["check_response"]),
        ("helper().await.and_then(reqwest::Response::error_for_status);", &["check_response"]),
    ];
    for (body, expected) in table {
        assert_eq!(armed(body).0, expected, "{body}");
    }
}

#[test]
fn sends_that_are_not_armed() {
    let table = [
        "tx.send(value).await;",
        "self.send().await;",
        "self.execute(request).await;",
        "http.execute(|request| request).await;",
        // These may not be evaluated twice.
        "all[next()].send().await;",
        // These may be constants.
        "match make() { _READY => _READY.send().await, _ => {} }",
        "match make() { READY => READY.send().await, _ => {} }",
        "unknown!(http.get(url).send().await);",
        // The text of the condition is the error.
        "ensure!(http.get(url).send().await.is_ok());",
        "fn inner() { http.get(url).send(); }",
        "response.json(value);",
        "response.error_for_status()?;",
        "self.error_for_status()?;",
        "self.answer.error_for_status()?;",
        "helper().await?.error_for_status_ref()?;",
    ];
    for body in table {
        assert_eq!(armed(body).0, Vec::<String>::new(), "{body}");
    }
}

#[test]
fn sends_are_visible_only_in_the_body_itself() {
    let table = [
        ("http.get(url).send().await;", Sends::Visible),
        ("http.execute(request).await;", Sends::Visible),
        ("reqwest::get(url).await;", Sends::OnlyGet),
        ("helper(http).await;", Sends::Hidden),
        ("response.json().await;", Sends::Hidden),
    ];
    for (body, sends) in table {
        assert_eq!(armed(body).1, sends, "{body}");
    }
}
