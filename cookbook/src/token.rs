//! A token that expires: OAuth 2.0 client credentials, renewed once for all calls.
//!
//! A server answers a token that has expired with a 401 and `error="invalid_token"`. The first call
//! that meets it fetches a new token, and the others wait for that. Each attempt reads the token,
//! so the next one sends the new one.
//!
//! Pages: <https://www.rfc-editor.org/rfc/rfc6749#section-4.4> (the token),
//! <https://www.rfc-editor.org/rfc/rfc6750#section-3.1> (the 401).

use std::sync::{Mutex, PoisonError};

use reqwest::Client;
use retry_http::{Renewal, retry_http};
use serde::Deserialize;

/// A client of an API that is behind OAuth.
#[derive(Debug)]
pub struct Api {
    http: Client,
    url: String,
    token_url: String,
    id: String,
    secret: String,
    token: Mutex<String>,
    renewal: Renewal,
}

impl Api {
    /// Makes a client, without a token so far.
    pub fn new(url: String, token_url: String, id: String, secret: String) -> Self {
        Self {
            http: Client::new(),
            url,
            token_url,
            id,
            secret,
            token: Mutex::default(),
            renewal: Renewal::new(),
        }
    }

    fn token(&self) -> String {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fetches a token, with retries of its own. Another token does no harm.
    #[retry_http(idempotent, timeout = 10s)]
    async fn renew(&self) -> reqwest::Result<()> {
        #[derive(Deserialize)]
        struct Token {
            access_token: String,
        }

        let request = self.http.post(&self.token_url).basic_auth(&self.id, Some(&self.secret));
        let response = request.form(&[("grant_type", "client_credentials")]).send().await?;
        let Token { access_token } = response.error_for_status()?.json().await?;
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = access_token;
        Ok(())
    }
}

#[retry_http(reauth = self.renewal.once(self.renew()))]
impl Api {
    /// Returns the name of a user.
    ///
    /// # Errors
    ///
    /// Fails if the API does not answer, or refuses the request.
    pub async fn user(&self, id: u64) -> reqwest::Result<String> {
        let request = self.http.get(format!("{}/users/{id}", self.url)).bearer_auth(self.token());
        request.send().await?.error_for_status()?.text().await
    }

    /// Renames a user. A request that is refused by a 401 was not done, so a POST is sent again as
    /// well.
    ///
    /// # Errors
    ///
    /// Fails if the API does not answer, or refuses the request.
    pub async fn rename(&self, id: u64, name: &str) -> reqwest::Result<()> {
        let request = self.http.post(format!("{}/users/{id}/name", self.url)).bearer_auth(self.token());
        request.body(name.to_owned()).send().await?.error_for_status().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{header, json, kit, seconds, stop};
    use retry_http::Stop;
    use retry_http::testing::server::{Reply, Request, Server};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    fn api(server: &Server) -> Api {
        Api::new(server.url("/api"), server.url("/token"), String::from("id"), String::from("secret"))
    }

    /// A server that knows one token, the last that it has issued.
    fn server(token: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Server {
        let issued = AtomicUsize::new(0);
        Server::new(move |_, request| {
            if request.path == "/token" {
                assert_eq!(request.body, b"grant_type=client_credentials");
                return token(issued.fetch_add(1, Ordering::SeqCst) + 1);
            }
            let known = format!("Bearer t{}", issued.load(Ordering::SeqCst));
            if header(request, "authorization") == known {
                Reply::status(200).body("Ada")
            } else {
                expired().late(Duration::from_millis(20))
            }
        })
    }

    fn expired() -> Reply {
        Reply::status(401).header(
            "www-authenticate",
            "Bearer realm=\"example\", error=\"invalid_token\", error_description=\"The access token expired\"",
        )
    }

    fn issue(n: usize) -> Reply {
        json(200, &format!(r#"{{"access_token":"t{n}","token_type":"Bearer","expires_in":3600}}"#))
            .header("cache-control", "no-store")
    }

    fn tokens(server: &Server) -> usize {
        server.requests().iter().filter(|request| request.path == "/token").count()
    }

    #[tokio::test]
    async fn a_token_is_fetched_once_for_all_calls() {
        let server = server(issue);
        let (kit, api) = (kit(), api(&server));
        let (a, b, c, d) = tokio::join!(api.user(1), api.user(2), api.user(3), api.rename(4, "Ada"));
        assert_eq!(
            (a.unwrap(), b.unwrap(), c.unwrap(), d.unwrap()),
            ("Ada".into(), "Ada".into(), "Ada".into(), ())
        );
        assert_eq!(tokens(&server), 1);
        let is_api = |request: &&Request| request.path != "/token";
        assert_eq!(server.requests().iter().filter(is_api).count(), 8);
        assert!(kit.waits().is_empty());
    }

    #[tokio::test]
    async fn a_token_server_that_fails_is_asked_again() {
        let server = server(|n| if n == 1 { Reply::status(503) } else { issue(n) });
        let (kit, api) = (kit(), api(&server));
        assert_eq!(api.user(1).await.unwrap(), "Ada");
        assert_eq!((tokens(&server), seconds(&kit)), (2, vec![1]));
    }

    #[tokio::test]
    async fn a_token_that_is_refused_as_well_ends_the_call() {
        let server = server(|_| issue(0));
        let (kit, api) = (kit(), api(&server));
        assert_eq!(api.user(1).await.unwrap_err().status().unwrap(), 401);
        assert_eq!((tokens(&server), stop(&kit)), (1, Stop::NotRetryable));
    }
}
