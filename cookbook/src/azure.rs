//! Azure Resource Manager: operations that answer 202, and `x-ms-client-request-id`.
//!
//! A long operation answers 202 with the address of its state: `Azure-AsyncOperation`, or else
//! `Location`. `Retry-After` says when to ask, also before the first time. At a `Location` a 202
//! means that the operation is running. At an `Azure-AsyncOperation` the state is in the body of a
//! 200.
//!
//! Each function begins the operation in its first attempt, and keeps the address for the next
//! ones, which ask for the state. So every `Retry-After` is waited for, in one place.
//!
//! `x-ms-client-request-id` names the call in Azure's logs. It is made before the call, so all
//! attempts have it in common.
//!
//! Pages: <https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations>,
//! <https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling>.

use std::sync::OnceLock;

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use retry_http::retry_http;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// A client of a subscription.
#[derive(Debug)]
pub struct ResourceManager {
    http: Client,
    subscription: String,
    token: String,
}

/// A call, with what its attempts have in common.
struct Call {
    id: Uuid,
    /// The address of the state, once the operation has begun.
    operation: OnceLock<String>,
}

impl Call {
    fn new() -> Self {
        Self { id: Uuid::new_v4(), operation: OnceLock::new() }
    }
}

impl ResourceManager {
    /// Makes a client. `subscription` is the address of the subscription, such as
    /// `https://management.azure.com/subscriptions/00000000-0000-0000-0000-000000000000`.
    pub fn new(subscription: String, token: String) -> Self {
        Self { http: Client::new(), subscription, token }
    }

    /// Creates a storage account, and returns it. Returns `None` if that takes too long.
    ///
    /// # Errors
    ///
    /// Fails if Azure does not answer, or refuses the request.
    pub async fn create_account(&self, path: &str, account: &Value) -> reqwest::Result<Option<Value>> {
        self.create(path, account, &Call::new()).await
    }

    /// Starts a virtual machine, and returns the status of the operation: `Succeeded`, `Failed` or
    /// `Canceled`. Returns `None` if that takes too long.
    ///
    /// # Errors
    ///
    /// Fails if Azure does not answer, or refuses the request.
    pub async fn start_machine(&self, path: &str) -> reqwest::Result<Option<String>> {
        self.start(path, &Call::new()).await
    }
}

#[retry_http(max = 100, max_retry_after = 5m, deadline = 30m)]
impl ResourceManager {
    /// Sends the request that begins the operation, or asks for its state.
    #[retry_http(transparent)]
    async fn send(&self, begin: RequestBuilder, call: &Call) -> reqwest::Result<Response> {
        let request = match call.operation.get() {
            None => begin,
            Some(operation) => self.http.get(operation),
        };
        let request = request.header("x-ms-client-request-id", call.id.to_string());
        let response = request.bearer_auth(&self.token).send().await?.error_for_status()?;
        let headers = response.headers();
        let operation = headers.get("azure-asyncoperation").or_else(|| headers.get("location"));
        if let Some(operation) = operation.and_then(|operation| operation.to_str().ok()) {
            call.operation.get_or_init(|| operation.to_owned());
        }
        Ok(response)
    }

    #[retry_http(on = [default, 202])]
    async fn create(&self, path: &str, account: &Value, call: &Call) -> reqwest::Result<Option<Value>> {
        let begin =
            self.http.put(format!("{}{path}?api-version=2019-06-01", self.subscription)).json(account);
        let response = self.send(begin, call).await?;
        if response.status() == StatusCode::ACCEPTED { Ok(None) } else { response.json().await.map(Some) }
    }

    #[retry_http(retry_if = is_running)]
    async fn start(&self, path: &str, call: &Call) -> reqwest::Result<Option<String>> {
        let begin = self.http.post(format!("{}{path}/start?api-version=2019-12-01", self.subscription));
        let response = self.send(begin, call).await?;
        if response.status() == StatusCode::ACCEPTED {
            return Ok(None);
        }
        let Operation { status } = response.json().await?;
        let is_over = ["Succeeded", "Failed", "Canceled"].contains(&&*status);
        Ok(is_over.then_some(status))
    }
}

#[derive(Deserialize)]
struct Operation {
    status: String,
}

fn is_running(outcome: &reqwest::Result<Option<String>>) -> bool {
    matches!(outcome, Ok(None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{header, json, kit, seconds, stop};
    use retry_http::Stop;
    use retry_http::testing::server::{Reply, Request, Server};
    use serde_json::json;

    const ACCOUNT: &str = "/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a";
    const MACHINE: &str = "/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/m";

    fn azure(server: &Server) -> ResourceManager {
        ResourceManager::new(server.url("/subscriptions/s"), String::from("token"))
    }

    /// Returns the address of an operation at the server of the request.
    fn operation(request: &Request) -> String {
        format!("http://{}/operations/1?monitor=true", header(request, "host"))
    }

    fn sent(server: &Server) -> Vec<String> {
        let line =
            |request: &Request| format!("{} {}", request.method, request.path.split('?').next().unwrap());
        server.requests().iter().map(line).collect()
    }

    #[tokio::test]
    async fn a_location_is_asked_until_it_is_done() {
        let server = Server::new(|n, request| match n {
            0 => Reply::status(503),
            1 => Reply::status(202).header("location", operation(request)).header("retry-after", "17"),
            2 => Reply::status(202).header("retry-after", "25"),
            3 => json(429, r#"{"error":{"code":"TooManyRequests"}}"#).header("retry-after", "10"),
            _ => json(200, r#"{"name":"a","properties":{"provisioningState":"Succeeded"}}"#),
        });
        let kit = kit();
        let account = json!({ "location": "South Central US", "kind": "Storage" });
        let created = azure(&server).create_account(ACCOUNT, &account).await.unwrap().unwrap();
        assert_eq!(created["properties"]["provisioningState"], "Succeeded");

        // The PUT is repeated while the operation has not begun, and never afterwards.
        let put = format!("PUT /subscriptions/s{ACCOUNT}");
        let get = "GET /operations/1";
        assert_eq!(sent(&server), [&*put, &*put, get, get, get]);
        assert_eq!(seconds(&kit), [1, 17, 25, 10]);

        let requests = server.requests();
        let ids: Vec<_> = requests.iter().map(|request| header(request, "x-ms-client-request-id")).collect();
        assert!(ids.iter().all(|id| *id == ids[0] && id.len() == 36), "{ids:?}");
    }

    #[tokio::test]
    async fn an_async_operation_is_asked_until_it_has_ended() {
        let running =
            r#"{"startTime":"2017-01-06T18:58:24.7596323+00:00","status":"InProgress","name":"9a062a88"}"#;
        let server = Server::new(move |n, request| match n {
            0 => Reply::status(202)
                .header("azure-asyncoperation", operation(request))
                .header("retry-after", "10"),
            1 => json(200, running).header("retry-after", "5"),
            2 => Reply::reset(),
            _ => json(200, r#"{"status":"Succeeded"}"#),
        });
        let kit = kit();
        assert_eq!(azure(&server).start_machine(MACHINE).await.unwrap().unwrap(), "Succeeded");
        let post = format!("POST /subscriptions/s{MACHINE}/start");
        let get = "GET /operations/1";
        assert_eq!(sent(&server), [&*post, get, get, get]);
        assert_eq!(seconds(&kit)[..2], [10, 5]);
    }

    #[tokio::test]
    async fn an_operation_that_takes_too_long_is_left() {
        let server = Server::new(|_, request| {
            Reply::status(202).header("location", operation(request)).header("retry-after", "240")
        });
        let kit = kit();
        assert_eq!(azure(&server).create_account(ACCOUNT, &json!({})).await.unwrap(), None);
        // Seven times four minutes, with some jitter: one more would exceed the deadline.
        assert_eq!(seconds(&kit), [240; 7]);
        assert_eq!(stop(&kit), Stop::Deadline);
    }
}
