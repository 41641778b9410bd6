//! GitHub's REST API: primary and secondary rate limits.
//!
//! A limit answers with 403 or 429. The primary limit says `x-ratelimit-remaining: 0` and, in
//! `x-ratelimit-reset`, the Unix time at which the quota is renewed. A secondary limit says
//! `retry-after`, or nothing but a message; GitHub then asks for a minute. If the limit lasts, the
//! call ends after three such waits. A 403 that means a missing permission carries the headers of
//! the quota as well, but some of it remains.
//!
//! All calls of a token share their quota, so they share an [`Upstream`]: while one of them waits,
//! the others send nothing. Searches have a quota of their own.
//!
//! Pages: <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api>,
//! <https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api>.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use retry_http::{HttpFailure, Upstream, hint, retry_http};
use serde::Deserialize;
use serde_json::json;

/// An issue of a repository.
#[derive(Debug, Deserialize)]
pub struct Issue {
    /// The number within the repository.
    pub number: u64,
    /// The title.
    pub title: String,
}

/// The issues that a search has found.
#[derive(Debug, Deserialize)]
pub struct Found {
    /// The first page of them.
    pub items: Vec<Issue>,
}

/// A client of GitHub.
#[derive(Debug)]
pub struct GitHub {
    http: Client,
    api: String,
    token: String,
    limits: Upstream,
}

impl GitHub {
    /// Makes a client. `api` is `https://api.github.com` but in tests.
    pub fn new(api: String, token: String) -> Self {
        let limits = Upstream::new("github").longest(Duration::from_secs(3600));
        Self { http: Client::new(), api, token, limits }
    }
}

#[retry_http(on = [default, 403 if hinted], max_retry_after = 1h, upstream = self.limits)]
impl GitHub {
    #[retry_http(transparent)]
    async fn send(&self, request: RequestBuilder) -> Result<Response, GitHubError> {
        let request = request
            .bearer_auth(&self.token)
            .header("accept", "application/vnd.github+json")
            .header("user-agent", "cookbook") // without one GitHub refuses the request
            .header("x-github-api-version", "2022-11-28");
        let response = request.send().await?;
        if response.status().is_success() { Ok(response) } else { Err(GitHubError::read(response).await) }
    }

    /// Returns an issue.
    ///
    /// # Errors
    ///
    /// Fails if GitHub does not answer, or refuses the request.
    pub async fn issue(&self, repository: &str, number: u64) -> Result<Issue, GitHubError> {
        let url = format!("{}/repos/{repository}/issues/{number}", self.api);
        Ok(self.send(self.http.get(url)).await?.json().await?)
    }

    /// Finds issues.
    ///
    /// # Errors
    ///
    /// Fails if GitHub does not answer, or refuses the request.
    #[retry_http(upstream = self.limits.scope("search"))]
    pub async fn search(&self, query: &str) -> Result<Found, GitHubError> {
        let request = self.http.get(format!("{}/search/issues", self.api)).query(&[("q", query)]);
        Ok(self.send(request).await?.json().await?)
    }

    /// Opens an issue. GitHub knows no idempotency keys, so only a refusal is repeated: after a
    /// lost answer the issue may exist.
    ///
    /// # Errors
    ///
    /// Fails if GitHub does not answer, or refuses the request.
    pub async fn open_issue(&self, repository: &str, title: &str) -> Result<Issue, GitHubError> {
        let request = self.http.post(format!("{}/repos/{repository}/issues", self.api));
        Ok(self.send(request.json(&json!({ "title": title }))).await?.json().await?)
    }
}

/// A call of GitHub that has failed.
#[derive(Debug, thiserror::Error)]
pub enum GitHubError {
    /// There was no answer, or it could not be read.
    #[error("no answer from GitHub")]
    Http(#[from] reqwest::Error),
    /// GitHub has refused the request.
    #[error("{status}: {message}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// The message of the body.
        message: String,
        /// The wait that GitHub asks for, in a header or by its documentation.
        wait: Option<Duration>,
    },
}

impl GitHubError {
    async fn read(response: Response) -> Self {
        #[derive(Deserialize)]
        struct Body {
            message: String,
        }

        let status = response.status();
        let asked = hint::read(response.headers(), std::time::SystemTime::now());
        let message =
            response.json::<Body>().await.map_or_else(|error| error.to_string(), |body| body.message);
        let minute = message.contains("secondary rate limit").then_some(Duration::from_secs(60));
        Self::Refused { status, message, wait: asked.or(minute) }
    }
}

// The status is seen with the request, so only the wait has to be told.
impl HttpFailure for GitHubError {
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Http(_) => None,
            Self::Refused { wait, .. } => *wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{json, kit, seconds, stop};
    use retry_http::Stop;
    use retry_http::testing::server::{Reply, Server};

    fn github(server: &Server) -> GitHub {
        GitHub::new(server.url(""), String::from("github_pat_x"))
    }

    fn quota(reply: Reply, remaining: &'static str) -> Reply {
        // At 11:48:53, until 11:49:24.
        reply
            .header("date", "Mon, 13 Jun 2022 11:48:53 GMT")
            .header("x-ratelimit-limit", "5000")
            .header("x-ratelimit-remaining", remaining)
            .header("x-ratelimit-reset", "1655120964")
            .header("x-ratelimit-resource", "core")
    }

    fn primary() -> Reply {
        quota(json(403, r#"{"message":"API rate limit exceeded for user ID 1."}"#), "0")
    }

    fn secondary() -> Reply {
        let message = r#"{"message":"You have exceeded a secondary rate limit. Please wait a few minutes."}"#;
        quota(json(403, message), "4990")
    }

    fn issue() -> Reply {
        quota(json(200, r#"{"number":7,"title":"It is slow"}"#), "4999")
    }

    #[tokio::test]
    async fn the_primary_limit_is_waited_for() {
        let server = Server::script([primary(), issue()]);
        let kit = kit();
        assert_eq!(github(&server).issue("o/r", 7).await.unwrap().title, "It is slow");
        assert_eq!(seconds(&kit), [31]); // until `x-ratelimit-reset`
    }

    #[tokio::test]
    async fn a_secondary_limit_is_waited_for() {
        let server = Server::script([secondary().header("retry-after", "90"), secondary(), issue()]);
        let kit = kit();
        let opened = github(&server).open_issue("o/r", "It is slow").await;
        assert_eq!(opened.unwrap().number, 7);
        // `retry-after`, and then the minute of the documentation.
        assert_eq!(seconds(&kit), [90, 60]);
        assert_eq!(server.requests()[2].body, br#"{"title":"It is slow"}"#);
    }

    #[tokio::test]
    async fn a_missing_permission_is_not_retried() {
        let missing = json(403, r#"{"message":"Resource not accessible by personal access token"}"#);
        let server = Server::script([quota(missing, "4990")]);
        let kit = kit();
        let error = github(&server).issue("o/r", 7).await.unwrap_err();
        assert!(error.to_string().contains("not accessible"), "{error}");
        assert_eq!((kit.attempts(), stop(&kit)), (1, Stop::NotRetryable));
    }

    #[tokio::test]
    async fn a_lost_answer_opens_no_second_issue() {
        let server = Server::script([Reply::reset(), issue()]);
        let kit = kit();
        github(&server).open_issue("o/r", "It is slow").await.unwrap_err();
        assert_eq!((server.requests().len(), stop(&kit)), (1, Stop::Ambiguous));

        // A read is repeated.
        let server = Server::script([Reply::reset(), issue()]);
        github(&server).issue("o/r", 7).await.unwrap();
        assert_eq!(server.requests().len(), 2);
    }

    #[tokio::test]
    async fn a_limit_of_searches_holds_back_searches_alone() {
        let server = Server::new(|_, request| {
            if request.path.starts_with("/search") {
                primary().header("retry-after", "7200")
            } else {
                issue()
            }
        });
        let (kit, github) = (kit(), github(&server));
        github.search("slow").await.unwrap_err();
        assert_eq!(stop(&kit), Stop::HintTooLong); // above `max_retry_after`
        github.issue("o/r", 7).await.unwrap();
        assert!(kit.waits().is_empty());
    }
}
