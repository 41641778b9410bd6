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

/// The names that arming adds.
const MARKS: [&str; 6] =
    ["sender_kind", "client_kind", "get_kind", "body_kind", "stream_kind", "status_kind"];

#[test]
fn sends_that_are_armed() {
    let table: [(&str, &[&str]); 28] = [
        ("http.get(url).send().await?;", &["sender_kind"]),
        ("http.get(url).send();", &["sender_kind"]),
        ("self.http.get(url).header(a, b).send().await;", &["sender_kind"]),
        ("let r = http.get(url); r.send().await;", &["sender_kind"]),
        ("let r: RequestBuilder = make(); r.send().await;", &["sender_kind"]),
        ("let r = make(); r.send().await;", &["sender_kind"]),
        ("make().send().await;", &["sender_kind"]),
        ("Box::pin(make().send()).await;", &["sender_kind"]),
        ("join!(a.get(u).send(), b.get(u).send());", &["sender_kind", "sender_kind"]),
        ("urls.map(|url| async move { http.get(url).send().await });", &["sender_kind"]),
        ("http.execute(request).await;", &["client_kind"]),
        ("self.http().execute(request).await;", &["client_kind"]),
        ("reqwest::get(url).await;", &["get_kind"]),
        ("response.json().await;", &["body_kind"]),
        ("response.bytes_stream();", &["stream_kind"]),
        ("http.get(u).send().await?.error_for_status()?;", &["sender_kind", "status_kind"]),
        ("let r = http.get(u).send().await?; r.error_for_status()?;", &["sender_kind", "status_kind"]),
        ("let r = http.get(u).send().await; r?.error_for_status()?;", &["sender_kind", "status_kind"]),
        ("helper().await.and_then(|r| r.error_for_status());", &["status_kind"]),
        ("helper().await?.error_for_status()?;", &["status_kind"]),
        ("let r = helper().await?; r.error_for_status()?;", &["status_kind"]),
        ("let r = helper().await?; r.error_for_status()?; f(r);", &[]),
        ("let r = x.send().await?; r.error_for_status()?; f(r);", &[]),
        ("let r = http.execute(request).await?; r.error_for_status()?; f(r);", &["client_kind"]),
        ("loop { r.error_for_status()?; }", &[]),
        ("match helper().await { Ok(r) => r.error_for_status(), Err(e) => Err(e) }", &["status_kind"]),
        ("if let Ok(r) = helper().await { r.error_for_status()?; }", &["status_kind"]),
        ("helper().await.and_then(reqwest::Response::error_for_status);", &["status_kind"]),
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
        "loop { let r = make(); } r.send();",
        "let r = make(); r.send().await; r.again();",
        "let r = make(); loop { r.send().await; }",
        "unknown!(http.get(url).send().await);",
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
