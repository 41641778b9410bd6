//! Options of `retry!`: those of the attribute, but for those about functions. All mistakes are reported at once.

use reqwest::Client;
use retry_http::retry;

async fn several(http: &Client) {
    let response = retry!(max = 0, tries = 5, on = [200], base = 5; async { http.get("x").send().await }).await;
    let _: reqwest::Result<reqwest::Response> = response;
}

async fn about_functions(http: &Client) {
    let _ = retry!(transparent, skip, docs = false, carry = [http]; async { http.get("x").send().await }).await;
}

async fn across(http: &Client) {
    let _ = retry!(base = 10s, cap = 5s; async { http.get("x").send().await }).await;
    let _ = retry!(on = [429], never = [4xx]; async { http.get("x").send().await }).await;
}

fn main() {}
