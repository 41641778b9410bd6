//! While a client moves away from reqwest-retry, both may retry one request.

use std::time::Duration;

use migrations::reqwest_retry::{before, moving};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use reqwest_retry::RetryTransientMiddleware;
use reqwest_retry::policies::ExponentialBackoff;
use retry_http::retry_http;
use retry_http::testing::server::{Reply, Server};

use crate::seen::{always, client, compare, seen, waits};

#[retry_http(max = 3, base = 500ms)]
async fn stock(http: &ClientWithMiddleware, url: &str) -> reqwest_middleware::Result<u32> {
    let response = http.get(url).send().await?;
    Ok(response.error_for_status()?.json().await?)
}

fn retrying(http: reqwest::Client) -> ClientWithMiddleware {
    let waits = ExponentialBackoff::builder()
        .retry_bounds(Duration::from_millis(500), Duration::from_secs(10))
        .build_with_max_retries(3);
    ClientBuilder::new(http).with(RetryTransientMiddleware::new_with_policy(waits)).build()
}

/// A private function that sends is retried alone, unless it is transparent.
#[tokio::test(start_paused = true)]
async fn a_private_function_that_sends() {
    struct Shop(ClientWithMiddleware, String);

    #[retry_http(max = 3, base = 500ms)]
    impl Shop {
        async fn alone(&self) -> reqwest_middleware::Result<reqwest::Response> {
            self.0.get(&self.1).send().await
        }

        #[retry_http(transparent)]
        async fn seen(&self) -> reqwest_middleware::Result<reqwest::Response> {
            self.0.get(&self.1).send().await
        }

        async fn title_alone(&self) -> reqwest_middleware::Result<String> {
            Ok(self.alone().await?.text().await?)
        }

        #[retry_http(max = 2)]
        async fn title(&self) -> reqwest_middleware::Result<String> {
            Ok(self.seen().await?.error_for_status()?.text().await?)
        }
    }

    let shop = |http: reqwest::Client, url| Shop(ClientBuilder::new(http).build(), url);
    let broken = || vec![Reply::status(200).body("7").truncated()];
    let alone = async |http, url| shop(http, url).title_alone().await;
    let title = async |http, url| shop(http, url).title().await;
    assert_eq!(seen(always(503), alone).await.requests, 4);
    assert_eq!(seen(always(503), title).await.requests, 3);
    assert_eq!(seen(broken(), alone).await.requests, 1);
    assert_eq!(seen(broken(), title).await.requests, 3);
}

/// An annotated function whose client retries as well sends 4 × 4 times.
#[tokio::test(start_paused = true)]
async fn both_multiply() {
    for script in [always(503), vec![Reply::reset()], vec![Reply::hang_up()]] {
        let both = async |http, url: String| stock(&retrying(http), &url).await;
        assert_eq!(seen(script, both).await.requests, 16);
    }
}

/// The feature `reqwest-middleware-0-5` sees the last response of the middleware, so its hint is
/// obeyed after the middleware has not.
#[tokio::test(start_paused = true)]
async fn the_last_response_is_seen() {
    let busy = || Reply::status(429).header("retry-after", "60");
    let server = Server::script([busy(), busy(), busy(), busy(), Reply::status(200).body("7")]);
    let start = tokio::time::Instant::now();
    let outcome = stock(&retrying(client()), &server.url("/")).await;
    assert_eq!(outcome.expect("a stock"), 7);
    assert_eq!(server.requests().len(), 5);
    assert!(start.elapsed() >= Duration::from_secs(60));
    // Four requests of the middleware, and none of their waits is the server's.
    assert!(start.elapsed() < Duration::from_secs(2 * 60));
}

/// With a client of its own, an annotated method retries alone, and the others as before.
#[tokio::test(start_paused = true)]
async fn two_clients_do_not() {
    let before = async |http, url| before::Shop::new(http, url).stock(7).await;
    let after = async |http, url| moving::Shop::new(http, url).stock(7).await;
    compare("7", (before, 0.65..=3.6), (after, waits(1.0..=1.5))).await;

    let unmoved = async |http, url| moving::Shop::new(http, url).order(7).await;
    assert_eq!(seen(always(503), unmoved).await.requests, 4);
}
