//! Azure Cosmos DB: `x-ms-retry-after-ms`, and the status 449.
//!
//! A container that is asked for more than its throughput answers 429, and says in milliseconds
//! when to try again. 449 (`Retry With`) means that two writes met: the transaction was not done.
//! The requests carry a date, so they are made anew in each attempt.
//!
//! Pages: <https://learn.microsoft.com/rest/api/cosmos-db/http-status-codes-for-cosmosdb>,
//! <https://learn.microsoft.com/rest/api/cosmos-db/common-cosmosdb-rest-response-headers>,
//! <https://learn.microsoft.com/rest/api/cosmos-db/create-a-document>.

use std::time::SystemTime;

use reqwest::{Client, RequestBuilder, Response};
use retry_http::retry_http;
use serde_json::{Value, json};

/// A container of documents.
#[derive(Debug)]
pub struct Container {
    http: Client,
    url: String,
    authorization: String,
}

impl Container {
    /// Makes a client of the container at `url`, such as
    /// `https://account.documents.azure.com/dbs/d/colls/c`. `token` is a token of Entra.
    pub fn new(url: String, token: &str) -> Self {
        Self { http: Client::new(), url, authorization: format!("type%3Daad%26ver%3D1.0%26sig%3D{token}") }
    }
}

#[retry_http(on = [default, 449], max = 9, max_retry_after = 30s)]
impl Container {
    #[retry_http(transparent)]
    async fn send(&self, request: RequestBuilder, partition: &str) -> reqwest::Result<Response> {
        let request = request
            .header("authorization", &self.authorization)
            .header("x-ms-date", httpdate::fmt_http_date(SystemTime::now()))
            .header("x-ms-version", "2018-12-31")
            .header("x-ms-documentdb-partitionkey", json!([partition]).to_string());
        request.send().await?.error_for_status()
    }

    /// Returns a document.
    ///
    /// # Errors
    ///
    /// Fails if Cosmos DB does not answer, or refuses the request.
    pub async fn get(&self, partition: &str, id: &str) -> reqwest::Result<Value> {
        let request = self.http.get(format!("{}/docs/{id}", self.url));
        self.send(request, partition).await?.json().await
    }

    /// Creates a document. Its `id` is in the document: a repeat of a POST that was done gets a
    /// 409, so nothing is created twice, but the caller cannot tell whose document it is.
    ///
    /// # Errors
    ///
    /// Fails if Cosmos DB does not answer, or refuses the request.
    pub async fn create(&self, partition: &str, document: &Value) -> reqwest::Result<Value> {
        let request = self.http.post(format!("{}/docs", self.url)).json(document);
        self.send(request, partition).await?.json().await
    }

    /// Creates or replaces a document, which is safe to repeat.
    ///
    /// # Errors
    ///
    /// Fails if Cosmos DB does not answer, or refuses the request.
    #[retry_http(idempotent)]
    pub async fn upsert(&self, partition: &str, document: &Value) -> reqwest::Result<Value> {
        let request = self.http.post(format!("{}/docs", self.url)).json(document);
        self.send(request.header("x-ms-documentdb-is-upsert", "True"), partition).await?.json().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{header, json, kit, stop};
    use retry_http::Stop;
    use retry_http::testing::server::{Reply, Server};

    fn container(server: &Server) -> Container {
        Container::new(server.url("/dbs/d/colls/c"), "token")
    }

    fn too_many(milliseconds: &'static str) -> Reply {
        json(429, r#"{"code":"429","message":"The request rate is too large. Please retry after sometime."}"#)
            .header("x-ms-substatus", "3200")
            .header("x-ms-retry-after-ms", milliseconds)
    }

    fn created() -> Reply {
        json(201, r#"{"id":"1","_etag":"\"x\""}"#)
    }

    #[tokio::test]
    async fn milliseconds_are_waited_for() {
        let server = Server::script([too_many("2853"), Reply::status(449), created()]);
        let kit = kit();
        let document = json!({ "id": "1", "city": "Ulm" });
        assert_eq!(container(&server).create("Ulm", &document).await.unwrap()["id"], "1");
        let waits: Vec<_> = kit.waits().iter().map(std::time::Duration::as_millis).collect();
        assert!((2853..3353).contains(&waits[0]), "{waits:?}");
        assert!((2000..3000).contains(&waits[1]), "{waits:?}"); // the second delay
        let requests = server.requests();
        assert_eq!(header(&requests[2], "x-ms-documentdb-partitionkey"), r#"["Ulm"]"#);
        assert!(httpdate::parse_http_date(header(&requests[2], "x-ms-date")).is_ok());
    }

    #[tokio::test]
    async fn a_wait_that_is_too_long_ends_the_call() {
        let server = Server::script([too_many("60000")]);
        let kit = kit();
        container(&server).get("Ulm", "1").await.unwrap_err();
        assert_eq!((kit.attempts(), stop(&kit)), (1, Stop::HintTooLong));
    }

    #[tokio::test]
    async fn only_an_upsert_is_repeated_after_a_lost_answer() {
        let server = Server::script([Reply::reset(), created()]);
        let kit = kit();
        container(&server).create("Ulm", &json!({ "id": "1" })).await.unwrap_err();
        assert_eq!((kit.attempts(), stop(&kit)), (1, Stop::Ambiguous));

        let server = Server::script([Reply::reset(), created()]);
        container(&server).upsert("Ulm", &json!({ "id": "1" })).await.unwrap();
        assert_eq!(header(&server.requests()[1], "x-ms-documentdb-is-upsert"), "True");
    }
}
