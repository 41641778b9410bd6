//! GraphQL: a rate limit in a 200, with Shopify as an example.
//!
//! Shopify's GraphQL API counts points. A query that costs more than what is left answers 200 with
//! the error code `THROTTLED`, and was not run. Its `extensions.cost` tells what the query costs,
//! what is left, and how many points come back each second, so the wait can be computed.
//!
//! Pages: <https://shopify.dev/docs/apps/build/apis/graphql-admin/rate-limits>,
//! <https://shopify.dev/docs/api/usage/limits>,
//! <https://community.shopify.com/t/throttled/254776> for the body.

use std::time::Duration;

use reqwest::Client;
use retry_http::{HttpFailure, retry_http};
use serde::Deserialize;
use serde_json::{Value, json};

/// A client of a shop.
#[derive(Debug)]
pub struct Shop {
    http: Client,
    url: String,
    token: String,
}

impl Shop {
    /// Makes a client. `url` is the address of the API, such as
    /// `https://shop.myshopify.com/admin/api/2025-10/graphql.json`.
    pub fn new(url: String, token: String) -> Self {
        Self { http: Client::new(), url, token }
    }
}

#[retry_http(retry_if = is_throttled)]
impl Shop {
    #[retry_http(transparent)]
    async fn send(&self, document: &str, variables: &Value) -> Result<Value, GraphQlError> {
        let request = self.http.post(&self.url).header("x-shopify-access-token", &self.token);
        let body = json!({ "query": document, "variables": variables });
        let response = request.json(&body).send().await?.error_for_status()?;
        response.json::<Answer>().await?.into_data()
    }

    /// Runs a query, which only reads.
    ///
    /// # Errors
    ///
    /// Fails if Shopify does not answer, or the answer has errors.
    #[retry_http(idempotent)]
    pub async fn query(&self, document: &str, variables: &Value) -> Result<Value, GraphQlError> {
        self.send(document, variables).await
    }

    /// Runs a mutation. It is repeated only where it was not run.
    ///
    /// # Errors
    ///
    /// Fails if Shopify does not answer, or the answer has errors.
    pub async fn mutate(&self, document: &str, variables: &Value) -> Result<Value, GraphQlError> {
        self.send(document, variables).await
    }
}

fn is_throttled(outcome: &Result<Value, GraphQlError>) -> bool {
    matches!(outcome, Err(GraphQlError::Throttled { .. }))
}

#[derive(Deserialize)]
struct Answer {
    data: Option<Value>,
    #[serde(default)]
    errors: Vec<Failure>,
    extensions: Option<Extensions>,
}

#[derive(Deserialize)]
struct Failure {
    message: String,
    extensions: Option<FailureExtensions>,
}

#[derive(Deserialize)]
struct FailureExtensions {
    code: Option<String>,
}

#[derive(Deserialize)]
struct Extensions {
    cost: Option<Cost>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cost {
    requested_query_cost: f64,
    throttle_status: ThrottleStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ThrottleStatus {
    currently_available: f64,
    restore_rate: f64,
}

impl Answer {
    fn into_data(self) -> Result<Value, GraphQlError> {
        let has_code = |code: &str| {
            let codes = self.errors.iter().filter_map(|error| error.extensions.as_ref()?.code.as_deref());
            codes.into_iter().any(|found| found == code)
        };
        if has_code("THROTTLED") {
            let cost = self.extensions.and_then(|extensions| extensions.cost);
            return Err(GraphQlError::Throttled { wait: cost.and_then(|cost| cost.wait()) });
        }
        match self.errors.into_iter().next() {
            Some(error) => Err(GraphQlError::Refused(error.message)),
            None => Ok(self.data.unwrap_or_default()),
        }
    }
}

impl Cost {
    /// Returns the time until enough points are back.
    fn wait(&self) -> Option<Duration> {
        let missing = self.requested_query_cost - self.throttle_status.currently_available;
        Duration::try_from_secs_f64(missing / self.throttle_status.restore_rate).ok()
    }
}

/// A call of a GraphQL API that has failed.
#[derive(Debug, thiserror::Error)]
pub enum GraphQlError {
    /// There was no answer, or an error by status, or an answer that could not be read.
    #[error("no answer from Shopify")]
    Http(#[from] reqwest::Error),
    /// The query costs more points than are left.
    #[error("throttled by Shopify")]
    Throttled {
        /// The time until there are enough.
        wait: Option<Duration>,
    },
    /// The query has an error, or has failed.
    #[error("refused by Shopify: {0}")]
    Refused(String),
}

impl HttpFailure for GraphQlError {
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { wait } => *wait,
            Self::Http(_) | Self::Refused(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{json, kit, seconds, sent, stop};
    use retry_http::Stop;
    use retry_http::testing::server::{Reply, Server};

    fn shop(server: &Server) -> Shop {
        Shop::new(server.url("/admin/api/2025-10/graphql.json"), String::from("shpat_x"))
    }

    fn throttled() -> Reply {
        let body = r#"{
            "errors": [{
                "message": "Throttled",
                "extensions": { "code": "THROTTLED", "documentation": "https://shopify.dev/api/usage/rate-limits" }
            }],
            "extensions": { "cost": {
                "requestedQueryCost": 752,
                "actualQueryCost": null,
                "throttleStatus": { "maximumAvailable": 1000.0, "currentlyAvailable": 252, "restoreRate": 50.0 }
            } }
        }"#;
        json(200, body)
    }

    fn done() -> Reply {
        json(200, r#"{"data":{"productCreate":{"product":{"id":"gid://shopify/Product/1"}}}}"#)
    }

    #[tokio::test]
    async fn a_mutation_waits_for_its_points() {
        let server = Server::script([throttled(), done()]);
        let kit = kit();
        let created = shop(&server).mutate("mutation { .. }", &json!({ "title": "Tea" })).await.unwrap();
        assert_eq!(created["productCreate"]["product"]["id"], "gid://shopify/Product/1");
        assert_eq!(seconds(&kit), [10]); // 500 points, at 50 a second
        assert_eq!(sent(&server.requests()[1])["variables"]["title"], "Tea");
    }

    #[tokio::test]
    async fn a_mutation_is_not_run_twice() {
        let server = Server::script([Reply::status(502), done()]);
        let kit = kit();
        shop(&server).mutate("mutation { .. }", &json!({})).await.unwrap_err();
        assert_eq!((server.requests().len(), stop(&kit)), (1, Stop::Ambiguous));

        let server = Server::script([Reply::status(502), done()]);
        shop(&server).query("{ shop { name } }", &json!({})).await.unwrap();
        assert_eq!(server.requests().len(), 2);
    }

    #[tokio::test]
    async fn a_wrong_query_is_not_repeated() {
        let server = Server::script([json(200, r#"{"errors":[{"message":"Field 'x' doesn't exist"}]}"#)]);
        let kit = kit();
        let error = shop(&server).query("{ x }", &json!({})).await.unwrap_err();
        assert_eq!(error.to_string(), "refused by Shopify: Field 'x' doesn't exist");
        assert_eq!(kit.attempts(), 1);
    }
}
