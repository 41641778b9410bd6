//! Functions that send a request and then call another one like it, three levels deep, each with
//! retries of its own.

use backon::Retryable as _;
use reqwest::Client;
use retry_http::retry_http;

use crate::call::{RETRIES, Target, Verb, is_transient};
use crate::peers::{Kind, backoff, waits};
use crate::size::bytes;

/// The ways to make the calls that are nested.
pub const NESTED: [Kind; 4] = [Kind::Plain, Kind::ByHand, Kind::Backon, Kind::Ours];

/// Returns the sizes of the futures of one, two and three levels in bytes.
pub fn sizes(kind: Kind) -> [i64; 3] {
    let http = &Client::new();
    let target = &Target { verb: Verb::Get, url: String::new() };
    match kind {
        Kind::ByHand => [
            bytes(&by_hand_1(http, target)),
            bytes(&by_hand_2(http, target)),
            bytes(&by_hand_3(http, target)),
        ],
        Kind::Backon => {
            [bytes(&backon_1(http, target)), bytes(&backon_2(http, target)), bytes(&backon_3(http, target))]
        }
        Kind::Ours => {
            [bytes(&ours_1(http, target)), bytes(&ours_2(http, target)), bytes(&ours_3(http, target))]
        }
        _ => [bytes(&plain_1(http, target)), bytes(&plain_2(http, target)), bytes(&plain_3(http, target))],
    }
}

async fn plain_1(http: &Client, target: &Target) -> reqwest::Result<String> {
    target.request(http).send().await?.error_for_status()?.text().await
}

async fn plain_2(http: &Client, target: &Target) -> reqwest::Result<String> {
    let first = target.request(http).send().await?.error_for_status()?.text().await?;
    Ok(first + &plain_1(http, target).await?)
}

async fn plain_3(http: &Client, target: &Target) -> reqwest::Result<String> {
    let first = target.request(http).send().await?.error_for_status()?.text().await?;
    Ok(first + &plain_2(http, target).await?)
}

async fn by_hand_1(http: &Client, target: &Target) -> reqwest::Result<String> {
    let mut retries = 0;
    loop {
        let outcome = plain_1(http, target).await;
        if !outcome.as_ref().is_err_and(is_transient) || retries == RETRIES {
            return outcome;
        }
        drop(outcome);
        tokio::time::sleep(backoff(retries)).await;
        retries += 1;
    }
}

async fn by_hand_2(http: &Client, target: &Target) -> reqwest::Result<String> {
    let mut retries = 0;
    loop {
        let outcome = async {
            let first = target.request(http).send().await?.error_for_status()?.text().await?;
            Ok(first + &by_hand_1(http, target).await?)
        }
        .await;
        if !outcome.as_ref().is_err_and(is_transient) || retries == RETRIES {
            return outcome;
        }
        drop(outcome);
        tokio::time::sleep(backoff(retries)).await;
        retries += 1;
    }
}

async fn by_hand_3(http: &Client, target: &Target) -> reqwest::Result<String> {
    let mut retries = 0;
    loop {
        let outcome = async {
            let first = target.request(http).send().await?.error_for_status()?.text().await?;
            Ok(first + &by_hand_2(http, target).await?)
        }
        .await;
        if !outcome.as_ref().is_err_and(is_transient) || retries == RETRIES {
            return outcome;
        }
        drop(outcome);
        tokio::time::sleep(backoff(retries)).await;
        retries += 1;
    }
}

async fn backon_1(http: &Client, target: &Target) -> reqwest::Result<String> {
    let send = || async { target.request(http).send().await?.error_for_status()?.text().await };
    send.retry(waits()).when(is_transient).await
}

async fn backon_2(http: &Client, target: &Target) -> reqwest::Result<String> {
    let send = || async {
        let first = target.request(http).send().await?.error_for_status()?.text().await?;
        Ok(first + &backon_1(http, target).await?)
    };
    send.retry(waits()).when(is_transient).await
}

async fn backon_3(http: &Client, target: &Target) -> reqwest::Result<String> {
    let send = || async {
        let first = target.request(http).send().await?.error_for_status()?.text().await?;
        Ok(first + &backon_2(http, target).await?)
    };
    send.retry(waits()).when(is_transient).await
}

#[retry_http(max = 5, on = [429, 503], never = [401], base = 50ms)]
async fn ours_1(http: &Client, target: &Target) -> reqwest::Result<String> {
    target.request(http).send().await?.error_for_status()?.text().await
}

#[retry_http(max = 5, on = [429, 503], never = [401], base = 50ms)]
async fn ours_2(http: &Client, target: &Target) -> reqwest::Result<String> {
    let first = target.request(http).send().await?.error_for_status()?.text().await?;
    Ok(first + &ours_1(http, target).await?)
}

#[retry_http(max = 5, on = [429, 503], never = [401], base = 50ms)]
async fn ours_3(http: &Client, target: &Target) -> reqwest::Result<String> {
    let first = target.request(http).send().await?.error_for_status()?.text().await?;
    Ok(first + &ours_2(http, target).await?)
}
