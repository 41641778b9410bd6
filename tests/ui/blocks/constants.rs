//! Constant expressions in the options of `retry!`.

use reqwest::Client;
use retry_http::{Policy, policy, retry};

const ENDS: Policy = policy!(never = [401]);
const MAX: u32 = 0;

pub async fn constants(http: &Client) {
    let _ = retry!(max = MAX; async { http.get("x").send().await }).await;
    let _ = retry!(policy = ENDS, on = [401]; async { http.get("x").send().await }).await;
}

fn main() {}
