//! A race in hyper (1.12, `proto/h2/client.rs`, "Check poll_ready() again"), which no server can
//! avoid, and which neither reqwest nor an error tells from the truth.
//!
//! A request without a body is sent whole before hyper looks again whether the connection is ready.
//! If a `GOAWAY` with `NO_ERROR` has come by then, the request fails with it, even if the `GOAWAY`
//! says that the request was processed. reqwest takes that for a request that was not processed,
//! and sends it again, be it a POST, unless its retries are turned off, as they are here. The
//! attribute did so, too, in about one of 1000 calls.

use faults::call::{Setup, v13};
use faults::fault::{Fault, Frame, Reach, Server};
use faults::in_parallel;
use retry_http::retry_http;
use tokio::runtime::Builder;

const NO_ERROR: u32 = 0x0;

const FAULT: Fault = Fault {
    server: Server::Http2(&[&[Frame::GoAwayAtOnce(NO_ERROR), Frame::Close]]),
    reach: Reach::Http2,
    ..Fault::BLANK
};

#[retry_http(base = 1ms)]
async fn order(http: &reqwest::Client, url: &str) -> reqwest::Result<reqwest::Response> {
    http.post(url).send().await
}

/// Sends so many POSTs, each to a server of its own. Returns how many of them a server got more
/// than once.
fn sent_again<F>(posts: usize, send: impl Fn(reqwest::ClientBuilder, String) -> F + Sync) -> usize
where
    F: Future<Output = reqwest::Result<reqwest::Response>> + Send + 'static,
{
    let requests = in_parallel(&vec![(); posts], |()| {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let setup = Setup::new(&FAULT);
        let call = runtime.spawn(send(v13::client(&setup), setup.stage.url()));
        runtime.block_on(call).unwrap().unwrap_err();
        setup.stage.requests()
    });
    requests.into_iter().filter(|requests| *requests > 1).count()
}

#[test]
fn a_post_that_a_goaway_covers_is_sent_once() {
    let again = sent_again(4000, |client, url| async move {
        order(&client.retry(reqwest::retry::never()).build().unwrap(), &url).await
    });
    assert_eq!(again, 0);
}

#[test]
#[ignore = "shows what reqwest does without the attribute, and takes two minutes on two cores"]
fn reqwest_alone_sends_some_of_them_again() {
    let again =
        sent_again(20_000, |client, url| async move { client.build().unwrap().post(url).send().await });
    println!("{again} of 20,000");
    assert_ne!(again, 0, "then this limit can go from docs/guide/limits.md");
}
