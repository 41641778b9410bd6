//! A client as most are written: every endpoint goes through one private `request`, which is
//! `transparent`, and each has a policy of its own. They read as a table down the `impl` block.
//!
//! `cargo run --example endpoints` calls each of them before a server that fails, and prints what
//! came of it: requests, keys, waits. No wait is waited for.

use std::time::Duration;

use reqwest::{Client, Method};
use retry_http::testing::server::{Reply, Request, Server};
use retry_http::{policy, retry_http, testing};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// An error that says nothing of the request. Retries go by what was seen when it was sent.
#[derive(Debug)]
enum ShopError {
    Unavailable,
    Unreadable,
}

type Result<T> = std::result::Result<T, ShopError>;

struct Shop {
    http: Client,
    url: String,
}

const GENTLE: retry_http::Policy = policy!(max = 1, base = 5s, jitter = none);

#[retry_http(jitter = none)]
impl Shop {
    #[retry_http(transparent)]
    async fn request<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T> {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.map_err(|_| ShopError::Unavailable)?;
        let response = response.error_for_status().map_err(|_| ShopError::Unavailable)?;
        response.json().await.map_err(|_| ShopError::Unreadable)
    }

    // By the policy of the block a request that is safe is retried after 1 s, 2 s and 4 s.
    async fn items(&self) -> Result<Value> {
        self.request(Method::GET, "/items", None).await
    }

    // A POST is not: a bare 503 does not prove that nothing was done.
    async fn add(&self) -> Result<Value> {
        self.request(Method::POST, "/items", Some(json!({ "name": "tea" }))).await
    }

    #[retry_http(max = 5)]
    async fn item(&self) -> Result<Value> {
        self.request(Method::GET, "/items/1", None).await
    }

    #[retry_http(never = [503])]
    async fn stock(&self) -> Result<Value> {
        self.request(Method::GET, "/items/1/stock", None).await
    }

    #[retry_http(idempotency_key)]
    async fn order(&self) -> Result<Value> {
        self.request(Method::POST, "/orders", Some(json!({ "item": 1 }))).await
    }

    #[retry_http(idempotent)]
    async fn search(&self) -> Result<Value> {
        self.request(Method::POST, "/search", Some(json!({ "words": "tea" }))).await
    }

    #[retry_http(on = [503])]
    async fn notify(&self) -> Result<Value> {
        self.request(Method::POST, "/notify", None).await
    }

    #[retry_http(base = 100ms, factor = 3)]
    async fn prices(&self) -> Result<Value> {
        self.request(Method::GET, "/prices", None).await
    }

    #[retry_http(deadline = 2500ms)]
    async fn quote(&self) -> Result<Value> {
        self.request(Method::GET, "/quote", None).await
    }

    #[retry_http(policy = GENTLE)]
    async fn report(&self) -> Result<Value> {
        self.request(Method::GET, "/report", None).await
    }

    // A GET and a POST: the POST is done, so what fails after it is not repeated.
    async fn checkout(&self) -> Result<Value> {
        self.request::<Value>(Method::POST, "/basket/lock", None).await?;
        self.request(Method::GET, "/basket", None).await
    }

    // With a key it is repeated, under the same one.
    #[retry_http(max = 1, idempotency_key)]
    async fn checkout_with_a_key(&self) -> Result<Value> {
        self.request::<Value>(Method::POST, "/basket/lock", None).await?;
        self.request(Method::GET, "/basket", None).await
    }

    #[retry_http(skip)]
    async fn health(&self) -> Result<Value> {
        self.request(Method::GET, "/health", None).await
    }
}

/// 503 for everything but the lock of a basket.
fn reply(_: usize, request: &Request) -> Reply {
    match request.path.as_str() {
        "/basket/lock" => Reply::status(200).body("{}"),
        _ => Reply::status(503),
    }
}

/// The number of requests and of different keys, and the waits in milliseconds.
type Row = (usize, usize, Vec<u128>);

async fn row(call: impl AsyncFnOnce(&Shop) -> Result<Value>) -> Row {
    let server = Server::new(reply);
    let kit = testing::instant();
    let shop = Shop { http: Client::new(), url: server.url("") };
    call(&shop).await.expect_err("the server is down");
    let mut keys: Vec<_> = server
        .requests()
        .iter()
        .filter_map(|request| request.headers.get("idempotency-key").cloned())
        .collect();
    keys.dedup();
    (server.requests().len(), keys.len(), kit.waits().iter().map(Duration::as_millis).collect())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!("{:<20}{:>9}{:>6}  waits in ms", "endpoint", "requests", "keys");
    macro_rules! rows {
        ($($endpoint:ident => $expected:expr;)+) => {$(
            let (requests, keys, waits) = row(async |shop: &Shop| shop.$endpoint().await).await;
            println!("{:<20}{requests:>9}{keys:>6}  {waits:?}", stringify!($endpoint));
            assert_eq!((requests, keys, waits), $expected, stringify!($endpoint));
        )+};
    }
    rows! {
        items => (4, 0, vec![1000, 2000, 4000]);
        add => (1, 0, vec![]);
        item => (6, 0, vec![1000, 2000, 4000, 8000, 16000]);
        stock => (1, 0, vec![]);
        order => (4, 1, vec![1000, 2000, 4000]);
        search => (4, 0, vec![1000, 2000, 4000]);
        notify => (4, 0, vec![1000, 2000, 4000]);
        prices => (4, 0, vec![100, 300, 900]);
        quote => (2, 0, vec![1000]);
        report => (2, 0, vec![5000]);
        checkout => (2, 0, vec![]);
        checkout_with_a_key => (4, 1, vec![1000]);
        health => (1, 0, vec![]);
    }
}
