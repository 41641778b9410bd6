//! Polling: a 202 until the result is ready, with GitHub's statistics as an example.
//!
//! GitHub computes the statistics of a repository when they are first asked for, and answers 202
//! meanwhile. It does not say how long that takes, so the waits grow. The recipe
//! [`azure`](crate::azure) polls an operation whose server says when to ask.
//!
//! Page: <https://docs.github.com/rest/metrics/statistics>.

use reqwest::{Client, StatusCode};
use retry_http::retry_http;
use serde::Deserialize;

/// A contributor of a repository.
#[derive(Debug, Deserialize)]
pub struct Contributor {
    /// The number of commits.
    pub total: u64,
}

/// Returns the contributors of a repository, or `None` if GitHub is still counting.
///
/// # Errors
///
/// Fails if GitHub does not answer, or refuses the request.
#[retry_http(on = [default, 202], base = 3s, max = 6)]
pub async fn contributors(
    http: &Client,
    api: &str,
    repository: &str,
) -> reqwest::Result<Option<Vec<Contributor>>> {
    let request = http.get(format!("{api}/repos/{repository}/stats/contributors"));
    let response = request.header("user-agent", "cookbook").send().await?.error_for_status()?;
    if response.status() == StatusCode::ACCEPTED { Ok(None) } else { response.json().await.map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{json, kit, stop};
    use retry_http::Stop;
    use retry_http::testing::server::{Reply, Server};
    use std::time::Duration;

    #[tokio::test]
    async fn the_result_is_awaited() {
        let counting = json(202, "{}");
        let server =
            Server::script([counting.clone(), Reply::status(502), counting, json(200, r#"[{"total":135}]"#)]);
        let kit = kit();
        let found = contributors(&Client::new(), &server.url(""), "o/r").await.unwrap().unwrap();
        assert_eq!(found[0].total, 135);
        // Delays of 3 s, 6 s and 12 s, and up to half as much again.
        for (wait, delay) in kit.waits().into_iter().zip([3, 6, 12].map(Duration::from_secs)) {
            assert!(wait >= delay && wait <= delay + delay / 2, "{wait:?}");
        }
        assert_eq!(kit.waits().len(), 3);
    }

    #[tokio::test]
    async fn a_result_that_takes_too_long_is_left() {
        let server = Server::script([json(202, "{}")]);
        let kit = kit();
        assert!(contributors(&Client::new(), &server.url(""), "o/r").await.unwrap().is_none());
        assert_eq!((server.requests().len(), stop(&kit)), (7, Stop::Exhausted));
    }

    #[tokio::test]
    async fn a_repository_that_is_unknown_is_no_matter_of_time() {
        let server = Server::script([json(404, r#"{"message":"Not Found"}"#)]);
        let kit = kit();
        assert!(contributors(&Client::new(), &server.url(""), "o/none").await.unwrap_err().is_status());
        assert_eq!(kit.attempts(), 1);
    }
}
