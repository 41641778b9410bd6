//! Values of blocks.

use reqwest::Client;
use retry_http::retry;

async fn unknown_error(http: &Client) {
    let text = retry!(async {
        let response = http.get("x").send().await?;
        Ok(response.text().await?)
    })
    .await;
    println!("{text:?}");
}

async fn no_result(http: &Client) {
    _ = retry!(async { http.get("x").send().await.ok() }).await;
}

async fn another_type(http: &Client) {
    _ = retry!(async || -> reqwest::Result<u32> { http.get("x").send().await?.text().await }).await;
}

fn main() {}
