//! Variables around a block that a second attempt would not find.

use std::fs::File;

use reqwest::{Client, Result};
use retry_http::retry;

struct Once;

impl Once {
    async fn send_it(self) -> Result<()> {
        Ok(())
    }
}

struct Job {
    once: Once,
}

async fn consume(once: Once) -> Result<()> {
    once.send_it().await
}

async fn append(_: &mut Vec<u8>) -> Result<()> {
    Ok(())
}

async fn by_call(once: Once) {
    _ = retry!(async move { consume(once).await }).await;
}

async fn by_method(once: Once) {
    _ = retry!(async { once.send_it().await }).await;
}

async fn by_field(job: Job) {
    _ = retry!(async { consume(job.once).await }).await;
}

async fn by_pattern(http: &Client, once: Option<Once>) {
    _ = retry!(async {
        if let Some(once) = once {
            once.send_it().await?;
        }
        http.get("x").send().await.map(drop)
    })
    .await;
}

async fn by_reference(data: &mut Vec<u8>) {
    _ = retry!(async { append(data).await }).await;
}

fn of_a_closure(http: &reqwest::blocking::Client, file: File) {
    _ = retry!(|| http.post("x").body(file).send());
}

async fn after(http: &Client, url: String) {
    _ = retry!(async { http.get(url).send().await }).await;
    println!("{url}");
}

fn main() {}
