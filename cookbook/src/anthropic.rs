//! Anthropic: `retry-after`, `anthropic-ratelimit-*` with dates, and the status 529.
//!
//! 529 (`overloaded_error`) tells that the API is overloaded. A 429 (`rate_limit_error`) says in
//! `retry-after` how long to wait. A 429 whose details have the code `enforced_spend_limit_reached`
//! has no `retry-after`: usage pauses until the next month.
//!
//! Pages: <https://docs.anthropic.com/en/api/errors>,
//! <https://docs.anthropic.com/en/api/rate-limits>,
//! <https://learn.microsoft.com/microsoft-cloud/dev/dev-proxy/concepts/anthropic-529-overloaded-error>.

use reqwest::{Client, Response, StatusCode};
use retry_http::{HttpFailure, retry_http};
use serde::Deserialize;
use serde_json::json;

/// A client of Anthropic.
#[derive(Debug)]
pub struct Anthropic {
    http: Client,
    api: String,
    key: String,
}

impl Anthropic {
    /// Makes a client. `api` is `https://api.anthropic.com/v1` but in tests.
    pub fn new(api: String, key: String) -> Self {
        Self { http: Client::new(), api, key }
    }

    /// Returns the model's answer to a message.
    ///
    /// # Errors
    ///
    /// Fails if Anthropic does not answer, or refuses the request.
    #[retry_http(idempotent, on = [default, 529], max = 5, timeout = 10m)]
    pub async fn message(&self, model: &str, text: &str) -> Result<String, AnthropicError> {
        let body = json!({
            "model": model,
            "max_tokens": 1024,
            "messages": [{ "role": "user", "content": text }],
        });
        let request = self.http.post(format!("{}/messages", self.api)).header("x-api-key", &self.key);
        let response = request.header("anthropic-version", "2023-06-01").json(&body).send().await?;
        if !response.status().is_success() {
            return Err(AnthropicError::read(response).await);
        }
        let answer: Answer = response.json().await?;
        Ok(answer.content.into_iter().filter_map(|block| block.text).collect())
    }
}

#[derive(Deserialize)]
struct Answer {
    content: Vec<Block>,
}

#[derive(Deserialize)]
struct Block {
    text: Option<String>,
}

/// A call of Anthropic that has failed.
#[derive(Debug, thiserror::Error)]
pub enum AnthropicError {
    /// There was no answer, or it could not be read.
    #[error("no answer from Anthropic")]
    Http(#[from] reqwest::Error),
    /// Anthropic has refused the request.
    #[error("{status}: {message}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// The code of the details, such as `enforced_spend_limit_reached`.
        code: Option<String>,
        /// The message.
        message: String,
    },
}

impl AnthropicError {
    async fn read(response: Response) -> Self {
        #[derive(Deserialize)]
        struct Body {
            error: Failure,
        }
        #[derive(Deserialize)]
        struct Failure {
            message: String,
            details: Option<Details>,
        }
        #[derive(Deserialize)]
        struct Details {
            error_code: Option<String>,
        }

        let status = response.status();
        match response.json().await {
            Ok(Body { error: Failure { message, details } }) => {
                Self::Refused { status, code: details.and_then(|details| details.error_code), message }
            }
            Err(error) => Self::Refused { status, code: None, message: error.to_string() },
        }
    }
}

impl HttpFailure for AnthropicError {
    fn is_permanent(&self) -> bool {
        matches!(self, Self::Refused { code: Some(code), .. } if code == "enforced_spend_limit_reached")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{header, json, kit, seconds, stop};
    use retry_http::Stop;
    use retry_http::testing::server::{Reply, Server};

    fn anthropic(server: &Server) -> Anthropic {
        Anthropic::new(server.url("/v1"), String::from("sk-ant-x"))
    }

    fn hello() -> Reply {
        json(200, r#"{"type":"message","role":"assistant","content":[{"type":"text","text":"Hello!"}]}"#)
    }

    fn overloaded() -> Reply {
        json(
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}"#,
        )
    }

    fn limited() -> Reply {
        json(429, r#"{"type":"error","error":{"type":"rate_limit_error","message":"Too many output tokens"},"request_id":"req_2"}"#)
            .header("date", "Sat, 25 Oct 2025 12:00:00 GMT")
            .header("anthropic-ratelimit-requests-remaining", "49")
            .header("anthropic-ratelimit-requests-reset", "2025-10-25T12:00:01Z")
            .header("anthropic-ratelimit-output-tokens-remaining", "0")
            .header("anthropic-ratelimit-output-tokens-reset", "2025-10-25T12:00:42Z")
    }

    #[tokio::test]
    async fn an_overload_is_waited_out() {
        let server = Server::script([overloaded(), overloaded(), hello()]);
        let kit = kit();
        assert_eq!(anthropic(&server).message("claude-sonnet-4-5", "Hi").await.unwrap(), "Hello!");
        assert_eq!(seconds(&kit), [1, 2]); // with backoff, since there is no `retry-after`
        assert_eq!(header(&server.requests()[2], "anthropic-version"), "2023-06-01");
    }

    #[tokio::test]
    async fn a_rate_limit_says_how_long() {
        let server = Server::script([limited().header("retry-after", "40"), limited(), hello()]);
        let kit = kit();
        anthropic(&server).message("claude-sonnet-4-5", "Hi").await.unwrap();
        // `retry-after` first, and else the date at which the used quota is full again.
        assert_eq!(seconds(&kit), [40, 42]);
    }

    #[tokio::test]
    async fn a_generation_is_repeated_after_an_outage() {
        let server = Server::script([Reply::status(500), Reply::reset(), hello()]);
        let _kit = kit();
        assert_eq!(anthropic(&server).message("claude-sonnet-4-5", "Hi").await.unwrap(), "Hello!");
        assert_eq!(server.requests().len(), 3);
    }

    #[tokio::test]
    async fn a_limit_on_spending_is_not_retried() {
        let body = r#"{"type":"error","error":{"type":"rate_limit_error","message":"Spend limit reached","details":{"error_code":"enforced_spend_limit_reached"}},"request_id":"req_3"}"#;
        let server = Server::script([json(429, body)]);
        let kit = kit();
        let error = anthropic(&server).message("claude-sonnet-4-5", "Hi").await.unwrap_err();
        assert!(error.to_string().contains("Spend limit"), "{error}");
        assert_eq!((kit.attempts(), stop(&kit)), (1, Stop::Never));
    }
}
