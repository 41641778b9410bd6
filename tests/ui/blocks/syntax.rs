//! Input of `retry!` that is none.

use reqwest::Client;
use retry_http::retry;

async fn input(http: &Client) {
    let _ = retry!();
    let _ = retry!(max = 5);
    let _ = retry!(max = 5;);
    let _ = retry!(max = 5, async { http.get("x").send().await });
    let _ = retry!(max = 5; http.get("x").send());
    let _ = retry!(http.get("x").send());
    let _ = retry!(max = 5; { http.get("x").send().await });
    let _ = retry!(max = 5; |url| async move { http.get(url).send().await });
    let _ = retry!(max = 5; #[allow(unused)] async { http.get("x").send().await });
    let _ = retry!(max = 5; async || -> Option<String> { None });
    let _ = retry!(max = 5; async { http.get("x").send().await }; async {});
    let _ = retry!(timeout = 5s, idempotency_key; async { Ok::<_, String>(1) });
}

fn main() {}
