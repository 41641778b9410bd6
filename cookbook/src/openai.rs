//! OpenAI: `x-ratelimit-*` with Go durations, and a 429 that waiting does not fix.
//!
//! There are quotas of requests and of tokens, each with the time until it is full again
//! (`x-ratelimit-reset-tokens: 6m0s`). Only a quota that is used up asks for a wait. A 429 with the
//! code `insufficient_quota` means that the account has no credit: the body has to be read to tell.
//!
//! An answer that is generated twice costs twice, but does no harm, so the POST is `idempotent`.
//! OpenAI's own clients repeat a 409 as well.
//!
//! Pages: <https://platform.openai.com/docs/guides/rate-limits>,
//! <https://platform.openai.com/docs/guides/error-codes>, and
//! <https://github.com/openai/openai-python/blob/main/src/openai/_base_client.py> for the statuses.

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use retry_http::{HttpFailure, retry_http};
use serde::Deserialize;
use serde_json::json;

/// A client of OpenAI.
#[derive(Debug)]
pub struct OpenAi {
    http: Client,
    api: String,
    key: String,
}

impl OpenAi {
    /// Makes a client. `api` is `https://api.openai.com/v1` but in tests.
    pub fn new(api: String, key: String) -> Self {
        Self { http: Client::new(), api, key }
    }
}

#[retry_http(max_retry_after = 10m)]
impl OpenAi {
    #[retry_http(transparent)]
    async fn send(&self, request: RequestBuilder) -> Result<Response, OpenAiError> {
        let response = request.bearer_auth(&self.key).send().await?;
        if response.status().is_success() { Ok(response) } else { Err(OpenAiError::read(response).await) }
    }

    /// Returns the model's answer to a message.
    ///
    /// # Errors
    ///
    /// Fails if OpenAI does not answer, or refuses the request.
    #[retry_http(idempotent, on = [default, 409], timeout = 5m)]
    pub async fn chat(&self, model: &str, message: &str) -> Result<String, OpenAiError> {
        let body = json!({ "model": model, "messages": [{ "role": "user", "content": message }] });
        let request = self.http.post(format!("{}/chat/completions", self.api)).json(&body);
        let mut answer: Completion = self.send(request).await?.json().await?;
        Ok(answer.choices.pop().map(|choice| choice.message.content).unwrap_or_default())
    }

    /// Returns the names of the models.
    ///
    /// # Errors
    ///
    /// Fails if OpenAI does not answer, or refuses the request.
    #[retry_http(timeout = 10s)]
    pub async fn models(&self) -> Result<Vec<String>, OpenAiError> {
        let models: Models = self.send(self.http.get(format!("{}/models", self.api))).await?.json().await?;
        Ok(models.data.into_iter().map(|model| model.id).collect())
    }
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: String,
}

#[derive(Deserialize)]
struct Models {
    data: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
}

/// A call of OpenAI that has failed.
#[derive(Debug, thiserror::Error)]
pub enum OpenAiError {
    /// There was no answer, or it could not be read.
    #[error("no answer from OpenAI")]
    Http(#[from] reqwest::Error),
    /// OpenAI has refused the request.
    #[error("{status}: {message}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// The code, such as `rate_limit_exceeded`.
        code: Option<String>,
        /// The message.
        message: String,
    },
}

impl OpenAiError {
    async fn read(response: Response) -> Self {
        #[derive(Deserialize)]
        struct Body {
            error: Details,
        }
        #[derive(Deserialize)]
        struct Details {
            code: Option<String>,
            message: String,
        }

        let status = response.status();
        match response.json().await {
            Ok(Body { error: Details { code, message } }) => Self::Refused { status, code, message },
            Err(error) => Self::Refused { status, code: None, message: error.to_string() },
        }
    }
}

impl HttpFailure for OpenAiError {
    fn is_permanent(&self) -> bool {
        matches!(self, Self::Refused { code: Some(code), .. } if code == "insufficient_quota")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{json, kit, seconds, sent, stop};
    use retry_http::Stop;
    use retry_http::testing::server::{Reply, Server};

    fn openai(server: &Server) -> OpenAi {
        OpenAi::new(server.url("/v1"), String::from("sk-x"))
    }

    fn hello() -> Reply {
        json(200, r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hello!"}}]}"#)
    }

    fn limited() -> Reply {
        let body = r#"{"error":{"message":"Rate limit reached","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#;
        json(429, body)
            .header("x-ratelimit-limit-requests", "60")
            .header("x-ratelimit-limit-tokens", "150000")
            .header("x-ratelimit-remaining-requests", "59")
            .header("x-ratelimit-remaining-tokens", "0")
            .header("x-ratelimit-reset-requests", "1s")
            .header("x-ratelimit-reset-tokens", "6m0s")
    }

    #[tokio::test]
    async fn the_quota_that_is_used_up_is_waited_for() {
        let server = Server::script([limited(), hello()]);
        let kit = kit();
        assert_eq!(openai(&server).chat("gpt-5", "Hi").await.unwrap(), "Hello!");
        assert_eq!(seconds(&kit), [360]); // tokens; of the requests some remain
        assert_eq!(sent(&server.requests()[1])["messages"][0]["content"], "Hi");
    }

    #[tokio::test]
    async fn milliseconds_refine_seconds() {
        let server =
            Server::script([limited().header("retry-after", "2").header("retry-after-ms", "1350"), hello()]);
        let kit = kit();
        openai(&server).chat("gpt-5", "Hi").await.unwrap();
        let wait = kit.waits()[0].as_millis();
        assert!((1350..1850).contains(&wait), "{wait} ms");
    }

    #[tokio::test]
    async fn an_account_without_credit_is_not_asked_again() {
        let body = r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;
        let server = Server::script([json(429, body)]);
        let kit = kit();
        let error = openai(&server).chat("gpt-5", "Hi").await.unwrap_err();
        assert!(error.to_string().contains("billing"), "{error}");
        assert_eq!((kit.attempts(), stop(&kit)), (1, Stop::Never));
    }

    #[tokio::test]
    async fn what_the_server_says_about_retries_counts() {
        let server = Server::script([limited().header("x-should-retry", "false")]);
        let kit = kit();
        openai(&server).chat("gpt-5", "Hi").await.unwrap_err();
        assert_eq!((kit.attempts(), stop(&kit)), (1, Stop::NotRetryable));
    }

    #[tokio::test]
    async fn a_generation_is_repeated_after_an_outage() {
        let server = Server::script([Reply::status(409), Reply::status(500), Reply::reset(), hello()]);
        let kit = kit();
        assert_eq!(openai(&server).chat("gpt-5", "Hi").await.unwrap(), "Hello!");
        assert_eq!(seconds(&kit)[..2], [1, 2]);
        assert_eq!(server.requests().len(), 4);
    }
}
