//! Slack: a `Retry-After` for each method.
//!
//! Slack counts requests per method, workspace and app, and messages per channel as well. A 429
//! with `Retry-After` holds back one of them, not the others, so each has a scope of the
//! [`Upstream`]. All other errors are a 200 with `"ok": false`.
//!
//! Pages: <https://docs.slack.dev/apis/web-api/rate-limits>,
//! <https://docs.slack.dev/reference/methods/chat.postMessage>.

use reqwest::Client;
use retry_http::{Upstream, retry_http};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A message in a channel.
#[derive(Debug, Deserialize)]
pub struct Message {
    /// The time of the message, which is its id.
    pub ts: String,
    /// The text.
    pub text: String,
}

/// A client of a workspace.
#[derive(Debug)]
pub struct Slack {
    http: Client,
    api: String,
    token: String,
    limits: Upstream,
}

impl Slack {
    /// Makes a client. `api` is `https://slack.com/api` but in tests.
    pub fn new(api: String, token: String) -> Self {
        Self { http: Client::new(), api, token, limits: Upstream::new("slack") }
    }
}

#[retry_http(timeout = 30s)]
impl Slack {
    #[retry_http(transparent)]
    async fn call<T: DeserializeOwned>(&self, method: &str, body: Value) -> Result<T, SlackError> {
        #[derive(Deserialize)]
        struct Status {
            ok: bool,
            error: Option<String>,
        }

        let request = self.http.post(format!("{}/{method}", self.api)).bearer_auth(&self.token);
        let response = request.json(&body).send().await?.error_for_status()?;
        let answer: Value = response.json().await?;
        let Status { ok, error } = Status::deserialize(&answer).map_err(SlackError::Unreadable)?;
        if ok {
            serde_json::from_value(answer).map_err(SlackError::Unreadable)
        } else {
            Err(SlackError::Refused(error.unwrap_or_default()))
        }
    }

    /// Posts a message, and returns its id. It is repeated only if Slack has refused it: after a
    /// lost answer the message may have been posted.
    ///
    /// # Errors
    ///
    /// Fails if Slack does not answer, or refuses the request.
    #[retry_http(upstream = self.limits.scope(("chat.postMessage", channel)))]
    pub async fn post(&self, channel: &str, text: &str) -> Result<String, SlackError> {
        #[derive(Deserialize)]
        struct Posted {
            ts: String,
        }

        let body = json!({ "channel": channel, "text": text });
        self.call("chat.postMessage", body).await.map(|Posted { ts }| ts)
    }

    /// Returns the latest messages of a channel. This POST only reads.
    ///
    /// # Errors
    ///
    /// Fails if Slack does not answer, or refuses the request.
    #[retry_http(idempotent, upstream = self.limits.scope("conversations.history"))]
    pub async fn history(&self, channel: &str) -> Result<Vec<Message>, SlackError> {
        #[derive(Deserialize)]
        struct History {
            messages: Vec<Message>,
        }

        let body = json!({ "channel": channel, "limit": 15 });
        self.call("conversations.history", body).await.map(|History { messages }| messages)
    }
}

/// A call of Slack that has failed.
#[derive(Debug, thiserror::Error)]
pub enum SlackError {
    /// There was no answer, or an error by status, such as a rate limit.
    #[error("no answer from Slack")]
    Http(#[from] reqwest::Error),
    /// The answer was of another kind.
    #[error("unreadable answer from Slack")]
    Unreadable(#[source] serde_json::Error),
    /// Slack has refused the request, with a code such as `channel_not_found`.
    #[error("refused by Slack: {0}")]
    Refused(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{json, kit, seconds, sent, stop};
    use retry_http::Stop;
    use retry_http::testing::server::{Reply, Server};

    fn slack(server: &Server) -> Slack {
        Slack::new(server.url("/api"), String::from("xoxb-x"))
    }

    fn limited(seconds: &'static str) -> Reply {
        json(429, r#"{"ok":false,"error":"ratelimited"}"#).header("retry-after", seconds)
    }

    fn posted() -> Reply {
        json(200, r#"{"ok":true,"channel":"C1","ts":"1503435956.000247"}"#)
    }

    fn history() -> Reply {
        json(
            200,
            r#"{"ok":true,"messages":[{"type":"message","user":"U1","text":"Hi","ts":"1512085950.000216"}]}"#,
        )
    }

    #[tokio::test]
    async fn a_refused_message_is_posted_later() {
        let server = Server::script([limited("30"), posted()]);
        let kit = kit();
        assert_eq!(slack(&server).post("C1", "Hi").await.unwrap(), "1503435956.000247");
        assert_eq!(seconds(&kit), [30]);
        assert_eq!(sent(&server.requests()[1])["text"], "Hi");
    }

    #[tokio::test]
    async fn a_message_is_not_posted_twice() {
        let server = Server::script([Reply::hang_up(), posted()]);
        let kit = kit();
        slack(&server).post("C1", "Hi").await.unwrap_err();
        assert_eq!((server.requests().len(), stop(&kit)), (1, Stop::Ambiguous));

        let server = Server::script([Reply::hang_up(), history()]);
        assert_eq!(slack(&server).history("C1").await.unwrap()[0].text, "Hi");
        assert_eq!(server.requests().len(), 2);
    }

    #[tokio::test]
    async fn a_limit_holds_back_one_method_alone() {
        let server = Server::new(|_, request| match &*request.path {
            "/api/chat.postMessage" if sent(request)["channel"] == "C1" => limited("600"),
            "/api/chat.postMessage" => posted(),
            _ => history(),
        });
        let (kit, slack) = (kit(), slack(&server));
        slack.post("C1", "Hi").await.unwrap_err();
        assert_eq!(stop(&kit), Stop::HintTooLong);
        slack.history("C1").await.unwrap();
        slack.post("C2", "Hi").await.unwrap();
        assert!(kit.waits().is_empty());
        assert!(!slack.limits.is_idle()); // C1 is held back
    }

    #[tokio::test]
    async fn an_error_in_a_200_is_final() {
        let server = Server::script([json(200, r#"{"ok":false,"error":"channel_not_found"}"#)]);
        let kit = kit();
        let error = slack(&server).post("C9", "Hi").await.unwrap_err();
        assert_eq!(error.to_string(), "refused by Slack: channel_not_found");
        assert_eq!(kit.attempts(), 1);
    }
}
