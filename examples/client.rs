//! A small API client of which every endpoint has its own policy: they read as a table down the
//! `impl` block. The base policy comes from a configuration file and environment variables, the
//! endpoints override single keys.
//!
//! `SHOP_RETRY__MAX=1 cargo run --example client`

use std::error::Error;
use std::process::ExitCode;

use reqwest::{Client, StatusCode};
use retry_http::testing::server::{Reply, Request, Server};
use retry_http::{Policy, retry_http};
use serde::{Deserialize, Serialize};

#[derive(Debug, thiserror::Error)]
#[error("the shop said no")]
struct ShopError(#[from] reqwest::Error);

type Result<T> = std::result::Result<T, ShopError>;

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Item {
    id: u32,
    name: String,
}

struct Shop {
    http: Client,
    url: String,
    retry: Policy,
}

#[retry_http(policy = self.retry)]
impl Shop {
    async fn items(&self) -> Result<Vec<Item>> {
        Ok(self.http.get(self.url("items")).send().await?.error_for_status()?.json().await?)
    }

    #[retry_http(max = 5, on = [404, 429, 5xx])]
    async fn item(&self, id: u32) -> Result<Item> {
        Ok(self.http.get(self.url(&format!("items/{id}"))).send().await?.error_for_status()?.json().await?)
    }

    async fn add(&self, item: Item) -> Result<Item> {
        Ok(self.http.post(self.url("items")).json(&item).send().await?.error_for_status()?.json().await?)
    }

    async fn replace(&self, item: &Item) -> Result<Item> {
        let request = self.http.put(self.url(&format!("items/{}", item.id))).json(item);
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    #[retry_http(never = [404])]
    async fn remove(&self, id: u32) -> Result<()> {
        self.http.delete(self.url(&format!("items/{id}"))).send().await?.error_for_status()?;
        Ok(())
    }

    #[retry_http(max = 1, max_retry_after = 1s)]
    async fn search(&self, words: impl Into<String>) -> Result<Vec<Item>> {
        let words = words.into();
        Ok(self
            .http
            .get(self.url("search"))
            .query(&[("q", words)])
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?)
    }

    // The stock is counted for a while: 202 until it is.
    #[retry_http(max = 10, on = [202, 429, 503])]
    async fn stock(&self, id: u32) -> Result<String> {
        Ok(self.http.get(self.url(&format!("stock/{id}"))).send().await?.error_for_status()?.text().await?)
    }

    #[retry_http(retry_if = |order| matches!(order, Ok(state) if state == "pending"))]
    async fn order(&self, id: u32) -> Result<String> {
        Ok(self.http.get(self.url(&format!("orders/{id}"))).send().await?.error_for_status()?.text().await?)
    }

    #[retry_http(on = [connect, 503], jitter = full)]
    async fn pay(&self, id: u32, token: String) -> Result<StatusCode> {
        let request = self.http.post(self.url(&format!("orders/{id}/pay"))).body(token).build()?;
        Ok(self.http.execute(request).await?.error_for_status()?.status())
    }

    // Asked every second by whatever watches the shop: the next one is the retry.
    #[retry_http(skip)]
    async fn health(&self) -> Result<StatusCode> {
        Ok(self.http.get(self.url("health")).send().await?.status())
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

/// Every endpoint fails once before it does what it should.
fn flaky(n: usize, request: &Request) -> Reply {
    let item = r#"{"id": 1, "name": "chair"}"#;
    let first = n % 2 == 0;
    match (request.method.as_str(), request.path.as_str()) {
        (_, "/health") => Reply::status(503),
        (_, path) if path.starts_with("/stock") && first => Reply::status(202).header("retry-after", "0.05"),
        (_, path) if path.starts_with("/stock") => Reply::status(200).body("7"),
        (_, path) if path.starts_with("/orders") && request.method == "GET" => {
            Reply::status(200).body(if first { "pending" } else { "paid" })
        }
        (_, "/items/1") if request.method == "GET" && first => Reply::status(404),
        _ if first => Reply::status(503),
        ("GET", "/items") => Reply::status(200).body(format!("[{item}]")),
        ("GET", path) if path.starts_with("/search") => Reply::status(200).body(format!("[{item}]")),
        _ => Reply::status(200).body(item),
    }
}

/// As a service would: a file, and the environment over it.
fn policy() -> std::result::Result<Policy, config::ConfigError> {
    config::Config::builder()
        .add_source(config::File::from_str(
            "[retry]\nmax = 3\nbase = \"20ms\"\non = [429, \"503\", \"connect\"]\n",
            config::FileFormat::Toml,
        ))
        .add_source(config::Environment::with_prefix("SHOP").prefix_separator("_").separator("__"))
        .build()?
        .get("retry")
}

async fn run() -> std::result::Result<(), Box<dyn Error>> {
    let server = Server::new(flaky);
    let shop = Shop { http: Client::new(), url: server.url("/"), retry: policy()? };
    let chair = Item { id: 1, name: "chair".into() };

    println!("items    {:?}", shop.items().await?);
    println!("item     {:?}", shop.item(1).await?);
    println!("add      {:?}", shop.add(chair.clone()).await?);
    println!("replace  {:?}", shop.replace(&chair).await?);
    println!("remove   {:?}", shop.remove(1).await?);
    println!("search   {:?}", shop.search("chair").await?);
    println!("stock    {:?}", shop.stock(1).await?);
    println!("order    {:?}", shop.order(1).await?);
    println!("pay      {:?}", shop.pay(1, "token".into()).await?);
    println!("health   {:?}", shop.health().await?);
    let requests = server.requests().len();
    println!("{requests} requests for 10 calls, of which 9 failed at first and were retried");
    if requests == 19 { Ok(()) } else { Err("19 requests were expected".into()) }
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    match runtime.block_on(run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
