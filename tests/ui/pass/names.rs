//! No name of ours meets one of the user's.
#![deny(warnings)]
#![allow(dead_code, clippy::all)]

use retry_http::retry_http;

struct Ok;
struct Some;
struct None;
struct Result;
struct Option;
trait Future {}
const POLICY: u32 = 1;

async fn discard() -> u32 {
    POLICY
}

#[retry_http]
async fn shadows(
    call: &reqwest::Client,
    outcome: u32,
    wait: u32,
    retry: u32,
) -> ::core::result::Result<u32, reqwest::Error> {
    let answer = call.get("http://localhost").send().await?;
    let error = outcome + wait + retry + discard().await;
    struct Call;
    let _ = (Call, Ok, Some, None, Result, Option);
    ::core::result::Result::Ok(error + u32::from(answer.status().as_u16()))
}

mod core {}
mod std {}

fn main() {}
