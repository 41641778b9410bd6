//! The client of an API, whole.

use migrations::sdk::{after, before};
use retry_http::testing::server::{Reply, Server};

use crate::seen::{client, compare, seen, sends_as_many, waits};

const CONTACT: &str = r#"{ "name": "Ada" }"#;
const CONTACTS: &str = r#"[{ "name": "Ada" }]"#;

/// Compares a method of both clients.
macro_rules! compare {
    ($body:expr, $client:ident, $contact:ident => $call:expr) => {
        compare!($body, before $client $contact $call, after $client $contact $call)
    };
    ($body:expr, $($when:ident $client:ident $contact:ident $call:expr),+) => {
        compare($body, $((
            async |http, url| {
                let $client = $when::Contacts::new(http, url, "token".to_owned());
                let $contact = $when::Contact { name: "Ada".to_owned() };
                let outcome = $call.await;
                drop($contact);
                outcome.map(drop)
            },
            waits(compare!(@$when)),
        )),+).await
    };
    (@before) => { 1.0..=1.0 };
    (@after) => { 1.0..=1.5 };
}

#[tokio::test(start_paused = true)]
async fn every_method_sends_as_often() {
    compare!(CONTACTS, client, contact => client.list());
    compare!(CONTACT, client, contact => client.get(7));
    compare!(CONTACT, client, contact => client.create(&contact));
    compare!("", client, contact => client.rename(7, "Ada"));
    compare!("", client, contact => client.delete(7));
    compare!(CONTACTS, client, contact => client.search("Ada"));
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_is_used_up_is_permanent() {
    let script = vec![Reply::status(429).body(r#"{ "code": "quota_used_up" }"#)];
    let before = async |http, url| before::Contacts::new(http, url, String::new()).get(7).await.map(drop);
    let after = async |http, url| after::Contacts::new(http, url, String::new()).get(7).await.map(drop);
    sends_as_many(script, 1, before, after).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off() {
    let script = vec![Reply::status(200).body(r#"{ "name": "A"#).truncated()];
    let before = async |http, url| before::Contacts::new(http, url, String::new()).get(7).await.map(drop);
    let after = async |http, url| after::Contacts::new(http, url, String::new()).get(7).await.map(drop);
    assert_eq!(seen(script.clone(), before).await.requests, 1);
    assert_eq!(seen(script, after).await.requests, 4);
}

/// Errors are what they were, and so are headers and bodies.
#[tokio::test(start_paused = true)]
async fn requests_and_errors_stay() {
    let server = Server::script([Reply::status(500).body(r#"{ "code": "oops" }"#)]);
    let new = || (client(), server.url(""), "secret".to_owned());
    let (http, url, token) = new();
    let before = before::Contacts::new(http, url, token);
    let (http, url, token) = new();
    let after = after::Contacts::new(http, url, token);

    let error = before.create(&before::Contact { name: "Ada".to_owned() }).await.expect_err("a 500");
    assert_eq!(error.to_string(), "500 oops");
    let error = after.create(&after::Contact { name: "Ada".to_owned() }).await.expect_err("a 500");
    assert_eq!(error.to_string(), "500 oops");

    let requests = server.requests();
    let (old, new) = requests.split_at(4);
    assert_eq!(new.len(), 4);
    for (old, new) in old.iter().zip(new) {
        assert_eq!((&old.method, &old.path, &old.body), (&new.method, &new.path, &new.body));
        let names = |request: &retry_http::testing::server::Request| {
            let mut names: Vec<_> = request.headers.keys().map(ToString::to_string).collect();
            names.sort();
            names
        };
        assert_eq!(names(old), names(new));
        assert_eq!(old.headers["authorization"], new.headers["authorization"]);
    }
    let keys = |requests: &[retry_http::testing::server::Request]| {
        requests
            .windows(2)
            .all(|pair| pair[0].headers["idempotency-key"] == pair[1].headers["idempotency-key"])
    };
    assert!(keys(old) && keys(new), "one key a call");
}
