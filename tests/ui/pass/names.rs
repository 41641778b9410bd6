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

/// Methods that every type has.
trait Everything: Sized {
    fn arm(self) {}
    fn check(self) {}
    fn error(self) {}
    fn hold(self) {}
    fn id(self) {}
    fn kind(self) {}
    fn of(self) {}
    fn report(self) {}
    fn send(self) {}
    fn success(self) {}
    fn track(self) {}
}

impl<T> Everything for T {}

#[retry_http]
async fn methods(http: &reqwest::Client) -> reqwest::Result<String> {
    let request = make(http);
    request.send().await?;
    let response = http.get("http://localhost").send().await?;
    response.error_for_status()?.text().await
}

fn make(http: &reqwest::Client) -> reqwest::RequestBuilder {
    http.get("http://localhost")
}

mod core {}
mod std {}

fn main() {}
