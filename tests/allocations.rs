//! A call that succeeds at once costs no heap allocation more than without the attribute.

use reqwest::{Client, Response};
use retry_http::testing::server::{Reply, Server};
use retry_http::{Upstream, retry_http};

#[retry_http(max = 5, on = [429, 503], never = [401])]
async fn annotated(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
    http.get(url).send().await
}

static UPSTREAM: Upstream = Upstream::new("calm");

#[retry_http(upstream = UPSTREAM)]
async fn shared(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
    http.get(url).send().await
}

async fn plain(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
    http.get(url).send().await
}

#[retry_http]
async fn posted(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
    http.post(url).send().await
}

async fn plain_post(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
    http.post(url).send().await
}

#[test]
fn a_call_that_succeeds_allocates_nothing_more() {
    let server = Server::script([Reply::status(200)]);
    let url = server.url("/");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let http = Client::new();
    // The fewest of many: what the transport allocates now and then depends on how its reads fall.
    let fewest =
        |call: &dyn Fn()| (0..200).map(|_| allocation_counter::measure(call).count_total).min().unwrap();
    let without = fewest(&|| {
        runtime.block_on(plain(&http, &url)).unwrap();
    });
    let with = fewest(&|| {
        runtime.block_on(annotated(&http, &url)).unwrap();
    });
    let shared = fewest(&|| {
        runtime.block_on(shared(&http, &url)).unwrap();
    });
    let post_without = fewest(&|| {
        runtime.block_on(plain_post(&http, &url)).unwrap();
    });
    let post = fewest(&|| {
        runtime.block_on(posted(&http, &url)).unwrap();
    });
    println!("POST: {post_without} allocations without, {post} with");
    assert_eq!(post, post_without);
    println!("{without} allocations without, {with} with, {shared} with an upstream");
    assert_eq!((with, shared), (without, without));
}
