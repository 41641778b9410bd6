//! Blocks of `retry!` use the variables around them as blocks without it do.
#![deny(warnings)]
#![allow(dead_code)]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use reqwest::{Client, Request, RequestBuilder, Response, Result};
use retry_http::{Policy, Upstream, retry};

static SERVICE: Upstream = Upstream::new("service");

#[derive(Clone, Debug)]
struct Order {
    id: u64,
    items: Vec<String>,
}

#[derive(Debug)]
struct Token(String);

struct Api {
    http: Client,
    retry: Policy,
    calls: AtomicU32,
}

fn is_send<T: Send>(value: T) -> T {
    value
}

async fn post(http: &Client, order: Order) -> Result<Response> {
    http.post("http://localhost").header("x-id", order.id).body(order.items.concat()).send().await
}

async fn shows(http: &Client, token: &Token) -> Result<Response> {
    http.get("http://localhost").bearer_auth(&token.0).send().await
}

impl Api {
    async fn by_self(&self, id: u64) -> Result<String> {
        retry!(policy = self.retry, upstream = SERVICE; async {
            self.calls.fetch_add(1, Ordering::Relaxed);
            self.http.get(format!("http://localhost/{id}")).send().await?.text().await
        })
        .await
    }

    async fn by_mutable_self(&mut self, id: u64) -> Result<String> {
        retry!(async {
            *self.calls.get_mut() += 1;
            self.http.get(format!("http://localhost/{id}")).send().await?.text().await
        })
        .await
    }

    async fn generic<T: serde::de::DeserializeOwned, const MAX: u32>(&self, url: &str) -> Result<T> {
        retry!(max = MAX; async { self.http.get(url).send().await?.json::<T>().await }).await
    }

    async fn renews(&self, token: &Token) -> Result<Response> {
        retry!(reauth = self.login(), retry_if = |outcome| outcome.is_err(); async { shows(&self.http, token).await })
            .await
    }

    async fn login(&self) -> Result<()> {
        self.http.post("http://localhost").send().await.map(drop)
    }
}

async fn consumes_what_can_be_cloned(http: &Client, order: Order, name: &str, id: u64) -> Result<()> {
    let tags = vec![name.to_owned()];
    let call = retry!(max = 2; async {
        let mut order = order;
        order.items.extend(tags);
        order.id = id;
        post(http, order).await?.error_for_status().map(drop)
    });
    is_send(call).await?;
    println!("{name} {id}");
    Ok(())
}

async fn leaves_what_it_borrows(http: &Client, order: Order, token: Token) -> Result<()> {
    retry!(max = 2; async {
        shows(http, &token).await?;
        post(http, order.clone()).await?.error_for_status().map(drop)
    })
    .await?;
    println!("{order:?} {token:?}");
    Ok(())
}

async fn moves_fields(http: &Client, order: Order) -> Result<Order> {
    let text = retry!(max = 2; async {
        http.post("http://localhost").body(order.items.concat()).header("x-id", order.id).send().await?.text().await
    })
    .await?;
    let all = retry!(async { first(http, order.items).await }).await?;
    println!("{text} {all}");
    Ok(order)
}

async fn first(http: &Client, items: Vec<String>) -> Result<String> {
    http.get(&items[0]).send().await?.text().await
}

async fn sends_a_builder(http: &Client, builder: RequestBuilder, request: Request) -> Result<Response> {
    retry!(max = 2; async { builder.send().await?.error_for_status() }).await?;
    retry!(max = 2; async { http.execute(request).await }).await
}

async fn counts(http: &Client) -> Result<u32> {
    let mut attempts = 0;
    let mut seen = HashMap::new();
    let mut urls = Vec::new();
    let response = retry!(max = 2; async {
        attempts += 1;
        seen.insert(attempts, "x");
        urls.push(attempts.to_string());
        http.get("http://localhost").header("x-attempt", attempts).send().await
    })
    .await?;
    println!("{} {seen:?} {urls:?}", response.status());
    Ok(attempts)
}

async fn spawns(http: Client, url: String, shared: Arc<str>) -> Result<String> {
    let task = tokio::spawn(retry!(max = 2; async move {
        let http = http;
        let url = format!("{url}/{shared}");
        http.get(url).send().await?.text().await
    }));
    task.await.unwrap()
}

async fn spawns_inside(http: &Client, url: String) -> Result<String> {
    retry!(max = 2; async {
        let text = tokio::spawn(async move { url.to_uppercase() }).await.unwrap();
        http.get(text).send().await?.text().await
    })
    .await
}

async fn by_closures(http: &Client, url: &str) -> Result<()> {
    retry!(max = 2; || async { http.get(url).send().await }).await?;
    retry!(max = 2; || async move { http.get(url).send().await }).await?;
    retry!(max = 2; async || { http.get(url).send().await }).await?;
    retry!(max = 2; async || http.get(url).send().await).await?;
    retry!(max = 2; (|| async { http.get(url).send().await })).await?;
    let text = retry!(max = 2; async || -> std::result::Result<String, Box<dyn std::error::Error + Send + Sync>> {
        let text = http.get(url).send().await?.text().await?;
        if text.is_empty() {
            return Err("empty".into());
        }
        Ok(text)
    });
    println!("{:?}", is_send(text).await);
    retry!(async {
        http.get(url).send().await?;
        Ok::<_, reqwest::Error>(())
    })
    .await
}

fn blocks(http: &reqwest::blocking::Client, order: Order, url: &str) -> Result<()> {
    retry!(|| http.get(url).send()).map(drop)?;
    retry!(; || { http.get(url).send()?.text() })?;
    let mut attempts = 0;
    let wait = Duration::from_millis(1);
    let all = retry!(max = 2, base = Duration::from_millis(20); move || -> std::result::Result<String, std::io::Error> {
        attempts += 1;
        std::thread::sleep(wait);
        let text = http.post(url).body(order.items.concat()).send().and_then(|response| response.text());
        text.map_err(std::io::Error::other)
    });
    println!("{all:?} {attempts}");
    Ok(())
}

async fn has_items_and_functions(http: &Client, urls: Vec<String>) -> Result<Vec<usize>> {
    retry!(max = 2; async {
        fn length(text: String) -> usize {
            text.len()
        }
        let lengths: Vec<_> = urls.iter().cloned().map(length).map(double).collect();
        http.get("http://localhost").send().await.map(drop)?;
        http.get("http://localhost").send().await.map(drop)?;
        Ok::<_, reqwest::Error>(lengths)
    })
    .await
}

fn double(length: usize) -> usize {
    2 * length
}

async fn in_a_loop(http: &Client, urls: Vec<String>) -> Result<()> {
    for url in urls {
        if url.is_empty() {
            continue;
        }
        retry!(max = 2, observer = |event| println!("{event:?}"); async { http.get(url).send().await }).await?;
    }
    Ok(())
}

async fn within_another(http: &Client, url: &str) -> Result<String> {
    retry!(max = 2; async {
        let first = retry!(max = 1; async { http.get(url).send().await?.text().await }).await?;
        http.get(first).send().await?.text().await
    })
    .await
}

fn main() {}
