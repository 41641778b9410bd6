//! Discord: a limit for each route and its first id, and a global one.
//!
//! A 429 says `Retry-After` in whole seconds, and `X-RateLimit-Reset-After` more precisely.
//! `X-RateLimit-Bucket` names the limit: those of a route differ by the channel, so each channel
//! has a scope of the [`Upstream`]. `X-RateLimit-Global` marks the limit of all routes. Discord
//! bans clients that send too many refused requests.
//!
//! Pages: <https://discord.com/developers/docs/topics/rate-limits>,
//! <https://discord.com/developers/docs/resources/message>.

use reqwest::{Client, RequestBuilder};
use retry_http::{Upstream, retry_http};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

/// A message in a channel.
#[derive(Debug, Deserialize)]
pub struct Message {
    /// The id, a number.
    pub id: String,
    /// The text.
    pub content: String,
}

/// A client of a bot.
#[derive(Debug)]
pub struct Discord {
    http: Client,
    api: String,
    token: String,
    limits: Upstream,
}

impl Discord {
    /// Makes a client. `api` is `https://discord.com/api/v10` but in tests.
    pub fn new(api: String, token: String) -> Self {
        Self { http: Client::new(), api, token, limits: Upstream::new("discord") }
    }
}

#[retry_http(upstream = self.limits.scope(("messages", channel)))]
impl Discord {
    #[retry_http(transparent)]
    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> reqwest::Result<T> {
        let request = request.header("authorization", format!("Bot {}", self.token));
        request.send().await?.error_for_status()?.json().await
    }

    /// Returns the latest messages of a channel.
    ///
    /// # Errors
    ///
    /// Fails if Discord does not answer, or refuses the request.
    pub async fn messages(&self, channel: u64) -> reqwest::Result<Vec<Message>> {
        self.send(self.http.get(format!("{}/channels/{channel}/messages", self.api))).await
    }

    /// Posts a message. `nonce` names it: Discord posts it once, however often it is sent within a
    /// few minutes, so the POST is safe to repeat.
    ///
    /// # Errors
    ///
    /// Fails if Discord does not answer, or refuses the request.
    #[retry_http(idempotent)]
    pub async fn post(&self, channel: u64, content: &str, nonce: &str) -> reqwest::Result<Message> {
        let request = self.http.post(format!("{}/channels/{channel}/messages", self.api));
        self.send(request.json(&json!({ "content": content, "nonce": nonce, "enforce_nonce": true }))).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{json, kit, seconds, sent, stop, waits};
    use retry_http::Stop;
    use retry_http::testing::server::{Reply, Server};
    use std::collections::HashSet;
    use std::sync::Mutex;

    fn discord(server: &Server) -> Discord {
        Discord::new(server.url("/api/v10"), String::from("token"))
    }

    fn limited(scope: &'static str) -> Reply {
        let body = r#"{"message":"You are being rate limited.","retry_after":64.57,"global":false}"#;
        json(429, body)
            .header("x-ratelimit-limit", "10")
            .header("x-ratelimit-remaining", "0")
            .header("x-ratelimit-reset-after", "64.57")
            .header("x-ratelimit-bucket", "abcd1234")
            .header("x-ratelimit-scope", scope)
    }

    fn global() -> Reply {
        let body = r#"{"message":"You are being rate limited.","retry_after":4.5,"global":true}"#;
        let reply = json(429, body).header("retry-after", "5");
        reply.header("x-ratelimit-global", "true").header("x-ratelimit-scope", "global")
    }

    fn message() -> Reply {
        json(200, r#"{"id":"334385199974967042","content":"Hi"}"#)
    }

    #[tokio::test]
    async fn the_limit_of_a_route_is_waited_for() {
        let server = Server::script([
            limited("user").header("retry-after", "65"),
            limited("user"),
            global(),
            message(),
        ]);
        let kit = kit();
        assert_eq!(discord(&server).post(7, "Hi", "n1").await.unwrap().content, "Hi");
        // `Retry-After`, then the decimals of `X-RateLimit-Reset-After`, then the global limit.
        assert_eq!(seconds(&kit), [65, 64, 5]);
        assert!(waits(&kit)[1].as_millis() >= 64_570);
        assert!(server.requests().iter().all(|request| sent(request)["nonce"] == "n1"));
    }

    #[tokio::test]
    async fn a_message_is_posted_once_though_its_answer_is_lost() {
        let posted = Mutex::new(HashSet::new());
        let server = Server::new(move |_, request| {
            // Discord answers a nonce that it knows with the message of before.
            let is_new = posted.lock().unwrap().insert(sent(request)["nonce"].to_string());
            if is_new { Reply::hang_up() } else { message() }
        });
        let _kit = kit();
        assert_eq!(discord(&server).post(7, "Hi", "n1").await.unwrap().id, "334385199974967042");
        assert_eq!(sent(&server.requests()[1])["enforce_nonce"], true);
    }

    #[tokio::test]
    async fn a_limit_holds_back_one_channel_alone() {
        // The limit is shared by all bots, and long.
        let shared = limited("shared").header("retry-after", "1337");
        let server = Server::new(
            move |_, request| {
                if request.path.contains("/7/") { shared.clone() } else { json(200, "[]") }
            },
        );
        let (kit, discord) = (kit(), discord(&server));
        discord.messages(7).await.unwrap_err();
        assert_eq!(stop(&kit), Stop::HintTooLong);
        discord.messages(8).await.unwrap();
        assert!(kit.waits().is_empty());
        assert_eq!(server.requests().len(), 2);
    }

    #[tokio::test]
    async fn a_channel_that_is_gone_is_not_asked_again() {
        let server = Server::script([json(404, r#"{"message":"Unknown Channel","code":10003}"#)]);
        let kit = kit();
        assert_eq!(discord(&server).messages(7).await.unwrap_err().status().unwrap(), 404);
        assert_eq!((kit.attempts(), stop(&kit)), (1, Stop::NotRetryable));
    }
}
