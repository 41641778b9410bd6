//! Requests that cannot come to anything however often they are sent, without TLS. Those that need
//! TLS are in `tests/faults`.

#[path = "support/calls.rs"]
mod calls;

use http::Method;
use retry_http::testing::server::{Reply, Server, nobody};

const METHODS: [Method; 2] = [Method::GET, Method::POST];
const PERMANENT: &str = "1 in 0s:  not_retryable";
const CONNECT: &str = "4 in 7s: connect exhausted";

/// Also what happens where a client does have TLS, if not for the same reason.
#[test]
fn https_without_a_tls_backend_is_permanent() {
    let server = Server::script([Reply::status(200)]);
    let url = server.url("/").replace("http:", "https:");
    for method in METHODS {
        for (client, verdict, is_ok) in verdicts!(|builder| builder, &method, &url) {
            assert_eq!((verdict.as_str(), is_ok), (PERMANENT, false), "{method} by {client}");
        }
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_scheme_that_is_not_http_is_permanent() {
    for url in ["ftp://127.0.0.1/", "htp://127.0.0.1/", "ws://127.0.0.1/"] {
        for method in METHODS {
            for (client, verdict, is_ok) in verdicts!(|builder| builder, &method, url) {
                assert_eq!((verdict.as_str(), is_ok), (PERMANENT, false), "{method} {url} by {client}");
            }
        }
    }
}

#[test]
fn a_redirect_to_a_scheme_that_is_not_http_is_permanent() {
    let server = Server::script([Reply::status(302).header("location", "ftp://127.0.0.1/")]);
    for method in METHODS {
        for (client, verdict, is_ok) in verdicts!(|builder| builder, &method, &server.url("/")) {
            assert_eq!((verdict.as_str(), is_ok), (PERMANENT, false), "{method} by {client}");
        }
    }
    assert_eq!(server.requests().len(), 2 * 4);
}

#[test]
fn a_redirect_to_https_without_a_tls_backend_is_permanent() {
    let server = Server::script([Reply::status(302).header("location", "https://127.0.0.1:1/")]);
    for method in METHODS {
        for (client, verdict, is_ok) in verdicts!(|builder| builder, &method, &server.url("/")) {
            assert_eq!((verdict.as_str(), is_ok), (PERMANENT, false), "{method} by {client}");
        }
    }
    assert_eq!(server.requests().len(), 2 * 4);
}

#[test]
fn a_refused_connection_and_an_unknown_host_may_not_last() {
    for url in [nobody(), "http://nobody.invalid/".to_owned()] {
        for method in METHODS {
            for (client, verdict, is_ok) in verdicts!(|builder| builder, &method, &url) {
                assert_eq!((verdict.as_str(), is_ok), (CONNECT, false), "{method} {url} by {client}");
            }
        }
    }
}

/// A resolver whose error is of a type of its own. Newer versions of reqwest say that DNS failed.
#[tokio::test]
async fn a_resolver_of_the_users_is_understood_by_0_13_only() {
    struct Nothing;

    impl reqwest::dns::Resolve for Nothing {
        fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
            Box::pin(std::future::ready(Err("no such host".into())))
        }
    }

    impl reqwest12::dns::Resolve for Nothing {
        fn resolve(&self, _: reqwest12::dns::Name) -> reqwest12::dns::Resolving {
            Box::pin(std::future::ready(Err("no such host".into())))
        }
    }

    let kit = calls::enter();
    let http = reqwest::Client::builder().dns_resolver(std::sync::Arc::new(Nothing)).build().unwrap();
    calls::send(&http, &Method::POST, "http://nobody.invalid/").await.unwrap_err();
    assert_eq!(calls::verdict(&kit), CONNECT);
    drop(kit);

    let kit = calls::enter();
    let http = reqwest12::Client::builder().dns_resolver(std::sync::Arc::new(Nothing)).build().unwrap();
    calls::send12(&http, &Method::POST, "http://nobody.invalid/").await.unwrap_err();
    assert_eq!(calls::verdict(&kit), PERMANENT);
}

/// Without TLS a proxy is sent the request itself.
#[test]
fn a_proxy_answers_for_the_origin() {
    let proxy = Server::script([Reply::status(503)]);
    let address = proxy.url("");
    let url = "http://origin.invalid/";
    for (method, expected) in
        [(Method::GET, "4 in 7s: 503 exhausted"), (Method::POST, "1 in 0s: 503 ambiguous")]
    {
        for (client, verdict, _) in verdicts!(|builder| builder.proxy(proxy_of(&address)), &method, url) {
            assert_eq!(verdict, expected, "{method} by {client}");
        }
    }
    assert_eq!(proxy.requests().len(), 4 * (4 + 1));
}

/// A proxy of either version of reqwest.
trait Proxy {
    fn of(address: &str) -> Self;
}

impl Proxy for reqwest::Proxy {
    fn of(address: &str) -> Self {
        Self::all(address).unwrap()
    }
}

impl Proxy for reqwest12::Proxy {
    fn of(address: &str) -> Self {
        Self::all(address).unwrap()
    }
}

fn proxy_of<P: Proxy>(address: &str) -> P {
    P::of(address)
}

#[test]
fn a_proxy_that_cannot_be_reached_may_not_be_gone_for_good() {
    let address = nobody();
    for method in METHODS {
        for (client, verdict, _) in
            verdicts!(|builder| builder.proxy(proxy_of(&address)), &method, "http://origin.invalid/")
        {
            assert_eq!(verdict, CONNECT, "{method} by {client}");
        }
    }
}

/// A POST that was not sent forbids nothing.
#[tokio::test]
async fn a_post_that_could_not_be_sent_was_not_done() {
    #[retry_http::retry_http(jitter = none)]
    async fn both(http: &reqwest::Client, post: &str, get: &str) -> reqwest::Result<String> {
        let _: reqwest::Result<reqwest::Response> = http.post(post).send().await;
        http.get(get).send().await?.error_for_status()?.text().await
    }

    let server = Server::script([Reply::status(503)]);
    let post = server.url("/").replace("http:", "https:");
    let kit = calls::enter();
    both(&reqwest::Client::new(), &post, &server.url("/")).await.unwrap_err();
    assert_eq!(calls::verdict(&kit), "4 in 7s: 503 exhausted");
}
