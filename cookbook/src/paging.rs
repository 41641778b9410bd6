//! Paging: each page is a call of its own, with the `Link` header of GitHub and many others.
//!
//! The function that fetches one page is annotated, and the one that goes through the pages is
//! not. A page that fails is fetched again by itself, and each page has all retries to itself.
//!
//! Pages: <https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api>,
//! <https://www.rfc-editor.org/rfc/rfc8288>.

use reqwest::Client;
use reqwest::header::{HeaderMap, LINK};
use retry_http::retry_http;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// An issue of a repository.
#[derive(Debug, Deserialize)]
pub struct Issue {
    /// The number within the repository.
    pub number: u64,
}

/// Returns all issues of a repository.
///
/// # Errors
///
/// Fails if GitHub does not answer, or refuses a request.
pub async fn issues(http: &Client, api: &str, repository: &str) -> reqwest::Result<Vec<Issue>> {
    let mut next = Some(format!("{api}/repos/{repository}/issues?per_page=100"));
    let mut issues = Vec::new();
    while let Some(url) = next {
        let page = page(http, &url).await?;
        issues.extend::<Vec<Issue>>(page.items);
        next = page.next;
    }
    Ok(issues)
}

struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

#[retry_http(timeout = 30s)]
async fn page<T: DeserializeOwned>(http: &Client, url: &str) -> reqwest::Result<Page<T>> {
    let response = http.get(url).header("user-agent", "cookbook").send().await?.error_for_status()?;
    let next = next(response.headers());
    Ok(Page { items: response.json().await?, next })
}

fn next(headers: &HeaderMap) -> Option<String> {
    let links = parse_link_header::parse_with_rel(headers.get(LINK)?.to_str().ok()?).ok()?;
    links.get("next").map(|link| link.raw_uri.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{header, json, kit, seconds};
    use retry_http::testing::server::{Reply, Request, Server};

    /// Three pages of one issue each.
    fn listing(request: &Request) -> Reply {
        let host = format!("http://{}/repositories/1300192/issues", header(request, "host"));
        let link = |page: u64, rel: &str| format!("<{host}?per_page=100&page={page}>; rel=\"{rel}\"");
        let number = match request.path.split_once("&page=") {
            Some((_, page)) => page.parse().unwrap(),
            None => 1,
        };
        let links = match number {
            1 => format!("{}, {}", link(2, "next"), link(3, "last")),
            2 => {
                format!("{}, {}, {}, {}", link(1, "prev"), link(3, "next"), link(3, "last"), link(1, "first"))
            }
            _ => format!("{}, {}", link(2, "prev"), link(1, "first")),
        };
        json(200, &format!(r#"[{{"number":{number}}}]"#)).header("link", links)
    }

    #[tokio::test]
    async fn a_page_that_fails_is_fetched_again_by_itself() {
        let server = Server::new(|n, request| match n {
            1 => Reply::status(502),
            2 => json(200, "[{\"num").truncated(),
            4 => Reply::status(429).header("retry-after", "60"),
            _ => listing(request),
        });
        let kit = kit();
        let issues = issues(&Client::new(), &server.url(""), "octocat/Spoon-Knife").await.unwrap();
        assert_eq!(issues.iter().map(|issue| issue.number).collect::<Vec<_>>(), [1, 2, 3]);

        let requests = server.requests();
        let pages: Vec<_> =
            requests.iter().map(|request| request.path.split("page=").last().unwrap()).collect();
        assert_eq!(pages, ["100", "2", "2", "2", "3", "3"]);
        assert_eq!(seconds(&kit), [1, 2, 60]); // the third page begins anew
    }

    #[tokio::test]
    async fn a_listing_of_one_page_has_no_links() {
        let server = Server::script([json(200, r#"[{"number":1}]"#)]);
        assert_eq!(issues(&Client::new(), &server.url(""), "o/r").await.unwrap().len(), 1);
        assert_eq!(server.requests().len(), 1);
    }
}
