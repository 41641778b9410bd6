//! A POST that is redirected was received, so it is not sent again.

#[path = "support/calls.rs"]
mod calls;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Method;
use retry_http::testing::Kit;
use retry_http::testing::server::{Reply, Server, nobody};

const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

/// Answers that ask for another try, each with its status.
fn refusals() -> [(Reply, &'static str); 3] {
    let hinted = Reply::status(503).header("retry-after", "1");
    [(Reply::status(503), "503"), (hinted, "503"), (Reply::status(429), "429")]
}

/// Where a redirect leads.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Target {
    /// To another path of the host.
    Path,
    /// To another host.
    Host,
    /// To the URL of the request (Post/Redirect/Get).
    Itself,
    /// To a host that cannot be reached.
    Nobody,
}

/// A POST that is redirected, and how often the redirecting server got it.
struct Redirecting {
    server: Server,
    _target: Server,
    redirects: Arc<AtomicUsize>,
}

impl Redirecting {
    fn new(status: u16, target: Target, answer: Reply) -> Self {
        let redirects = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&redirects);
        let other = Server::script([answer.clone()]);
        let location = match target {
            Target::Path => "/done".to_owned(),
            Target::Itself => "/".to_owned(),
            // Loopback by another name.
            Target::Host => other.url("/").replace("127.0.0.1", "localhost"),
            Target::Nobody => nobody(),
        };
        let server = Server::new(move |n, seen| {
            // A 307 to itself is a POST again.
            let is_again = target == Target::Itself && matches!(status, 307 | 308) && n % 2 == 1;
            if seen.path == "/" && !is_again && (seen.method == Method::POST || target != Target::Itself) {
                counter.fetch_add(1, Ordering::SeqCst);
                Reply::status(status).header("location", location.as_str())
            } else {
                answer.clone()
            }
        });
        Self { server, _target: other, redirects }
    }
}

/// Returns the verdict on a POST by each client, and how often the redirecting server got it.
fn posts(status: u16, target: Target, answer: &Reply) -> (Vec<(&'static str, String)>, usize) {
    let redirecting = Redirecting::new(status, target, answer.clone());
    let url = redirecting.server.url("/");
    let verdicts = verdicts!(|builder| builder, &Method::POST, &url);
    let verdicts = verdicts.into_iter().map(|(client, verdict, _)| (client, verdict)).collect();
    (verdicts, redirecting.redirects.load(Ordering::SeqCst))
}

#[test]
fn a_post_that_was_redirected_is_not_sent_again() {
    for status in REDIRECTS {
        for target in [Target::Path, Target::Host] {
            for (answer, failed) in refusals() {
                let (verdicts, posts) = posts(status, target, &answer);
                for (client, verdict) in verdicts {
                    let expected = format!("1 in 0s: {failed} ambiguous");
                    assert_eq!(verdict, expected, "{status} to {target:?}, {answer:?}, by {client}");
                }
                assert_eq!(posts, 4, "{status} to {target:?}: one by each client");
            }
        }
    }
}

/// A fragment stays with the client, and is no sign of a redirect.
#[test]
fn a_url_with_a_fragment_is_not_taken_for_a_redirect() {
    let server = Server::script([Reply::status(429)]);
    let url = server.url("/#fragment");
    for (client, verdict, _) in verdicts!(|builder| builder, &Method::POST, &url) {
        assert_eq!(verdict, "4 in 7s: 429 exhausted", "{client}");
    }
}

/// Of these, errors and responses of reqwest tell nothing. An async client shows that it follows a
/// redirect, a blocking one does so on a thread of its own.
#[test]
fn a_post_that_was_redirected_to_itself_or_to_nobody_is_not_sent_again_by_async_clients() {
    for status in REDIRECTS {
        for target in [Target::Itself, Target::Nobody] {
            for (answer, failed) in refusals() {
                let failed = if target == Target::Nobody { "connect" } else { failed };
                let (verdicts, posts) = posts(status, target, &answer);
                // A bare 503 is no reason to repeat a POST.
                let is_repeated = failed != "503" || format!("{answer:?}").contains("retry-after");
                for (client, verdict) in verdicts {
                    let is_sync = client.contains("sync");
                    let once = format!("1 in 0s: {failed} ambiguous");
                    let message = format!("{status} to {target:?}, {answer:?}, by {client}");
                    assert_eq!(verdict == once, !(is_sync && is_repeated), "{message}: {verdict}");
                }
                assert_eq!(posts, if is_repeated { 1 + 1 + 4 + 4 } else { 4 }, "{status} to {target:?}");
            }
        }
    }
}

#[test]
fn a_get_is_redirected_as_often_as_it_takes() {
    for status in REDIRECTS {
        for target in [Target::Path, Target::Host] {
            let answer = Reply::status(503);
            let redirecting = Redirecting::new(status, target, answer);
            let url = redirecting.server.url("/");
            for (client, verdict, _) in verdicts!(|builder| builder, &Method::GET, &url) {
                assert_eq!(verdict, "4 in 7s: 503 exhausted", "{status} to {target:?} by {client}");
            }
        }
    }
}

/// Nothing else that the future of reqwest does is taken for a redirect.
#[test]
fn a_post_that_was_not_redirected_is_sent_again() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let server = Server::script([Reply::status(429).header("retry-after", "1")]);
    // Over new connections and over those of the pool, and with a wait for the answer or none.
    let slow = Server::script([Reply::status(429).late(std::time::Duration::from_millis(2)).body("no")]);
    for url in [server.url("/"), slow.url("/")] {
        let client = reqwest::Client::new();
        let calls = (0..100).map(|_| {
            let (client, url, kit) = (client.clone(), url.clone(), Kit::new());
            runtime.spawn(async move {
                let call = calls::send(&client, &Method::POST, &url);
                kit.scope(call).await.unwrap_err();
                kit.attempts()
            })
        });
        let calls: Vec<_> = calls.collect();
        for call in calls {
            assert_eq!(runtime.block_on(call).unwrap(), 4);
        }
    }
    assert_eq!((server.requests().len(), slow.requests().len()), (400, 400));
}

/// Where a task does much at once, tokio makes it yield, which is no redirect either.
#[tokio::test(flavor = "multi_thread")]
async fn posts_of_a_busy_task_are_sent_again() {
    let server = Server::script([Reply::status(429)]);
    let (client, url) = (reqwest::Client::new(), server.url("/"));
    let kit = Kit::new();
    let calls = (0..300).map(|_| calls::send(&client, &Method::POST, &url));
    let outcomes = kit.scope(futures::future::join_all(calls)).await;
    assert!(outcomes.iter().all(Result::is_err));
    assert_eq!((kit.attempts(), server.requests().len()), (1200, 1200));
}
