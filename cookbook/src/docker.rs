//! Docker Hub, and any registry: a token by challenge, and `toomanyrequests`.
//!
//! A registry answers 401 and says in `WWW-Authenticate` where to get a token, and for what. The
//! body keeps this challenge, and `reauth` fetches the token. A token lasts for minutes, so the
//! 401 comes again.
//!
//! Docker Hub has two limits, and both answer 429. The limit of pulls counts for six hours, and is
//! known by its code `TOOMANYREQUESTS`: a retry does not fix it. The limit against abuse has no
//! such body, and passes soon.
//!
//! Pages: <https://distribution.github.io/distribution/spec/auth/token/>,
//! <https://docs.docker.com/docker-hub/usage/pulls/>.

use std::sync::{Mutex, PoisonError};

use reqwest::header::{ACCEPT, HeaderMap, WWW_AUTHENTICATE};
use reqwest::{Client, Response, StatusCode};
use retry_http::{HttpFailure, Renewal, retry_http};
use serde::Deserialize;
use serde_json::Value;

/// A repository of a registry.
#[derive(Debug)]
pub struct Repository {
    http: Client,
    url: String,
    login: Option<(String, String)>,
    access: Mutex<Access>,
    renewal: Renewal,
}

#[derive(Debug, Default)]
struct Access {
    challenge: Option<Challenge>,
    token: Option<String>,
}

impl Repository {
    /// Makes a client of a repository, such as `https://registry-1.docker.io/v2/library/alpine`.
    /// Without a name and a password the tokens are those of an anonymous user.
    pub fn new(url: String, login: Option<(String, String)>) -> Self {
        Self { http: Client::new(), url, login, access: Mutex::default(), renewal: Renewal::new() }
    }

    fn access<T>(&self, with: impl FnOnce(&mut Access) -> T) -> T {
        with(&mut self.access.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Fetches a token, as the latest challenge says.
    #[retry_http(timeout = 10s)]
    async fn renew(&self) -> Result<(), RegistryError> {
        #[derive(Deserialize)]
        struct Answer {
            token: Option<String>,
            access_token: Option<String>,
        }

        let challenge = self.access(|access| access.challenge.clone()).ok_or(RegistryError::NoChallenge)?;
        let query = [("service", challenge.service), ("scope", challenge.scope)];
        let mut request = self.http.get(&challenge.realm).query(&query);
        if let Some((name, password)) = &self.login {
            request = request.basic_auth(name, Some(password));
        }
        let answer: Answer = request.send().await?.error_for_status()?.json().await?;
        self.access(|access| access.token = answer.token.or(answer.access_token));
        Ok(())
    }
}

#[retry_http(reauth = self.renewal.once(self.renew()))]
impl Repository {
    #[retry_http(transparent)]
    async fn send(&self, path: &str, accept: &str) -> Result<Response, RegistryError> {
        let mut request = self.http.get(format!("{}{path}", self.url)).header(ACCEPT, accept);
        if let Some(token) = self.access(|access| access.token.clone()) {
            request = request.bearer_auth(token);
        }
        let response = request.send().await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            self.access(|access| access.challenge = Challenge::read(response.headers()));
        }
        if response.status().is_success() { Ok(response) } else { Err(RegistryError::read(response).await) }
    }

    /// Returns the manifest of a tag.
    ///
    /// # Errors
    ///
    /// Fails if the registry does not answer, or refuses the request.
    pub async fn manifest(&self, tag: &str) -> Result<Value, RegistryError> {
        let accept = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json";
        Ok(self.send(&format!("/manifests/{tag}"), accept).await?.json().await?)
    }

    /// Returns the tags.
    ///
    /// # Errors
    ///
    /// Fails if the registry does not answer, or refuses the request.
    pub async fn tags(&self) -> Result<Vec<String>, RegistryError> {
        #[derive(Deserialize)]
        struct Tags {
            tags: Vec<String>,
        }

        let Tags { tags } = self.send("/tags/list", "application/json").await?.json().await?;
        Ok(tags)
    }
}

/// Where a token is to be had, and for what.
#[derive(Clone, Debug)]
struct Challenge {
    realm: String,
    service: String,
    scope: String,
}

impl Challenge {
    fn read(headers: &HeaderMap) -> Option<Self> {
        let header = headers.get(WWW_AUTHENTICATE)?.to_str().ok()?;
        let challenges = http_auth::parse_challenges(header).ok()?;
        let bearer = challenges.iter().find(|challenge| challenge.scheme.eq_ignore_ascii_case("bearer"))?;
        let param = |name| {
            let found = bearer.params.iter().find(|(param, _)| param.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.to_unescaped())
        };
        let or_empty = |name| param(name).unwrap_or_default();
        Some(Self { realm: param("realm")?, service: or_empty("service"), scope: or_empty("scope") })
    }
}

/// A call of a registry that has failed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// There was no answer, or it could not be read.
    #[error("no answer from the registry")]
    Http(#[from] reqwest::Error),
    /// The registry wants a token, and does not say where it is to be had.
    #[error("no challenge")]
    NoChallenge,
    /// The registry has refused the request.
    #[error("{status} {code}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// The code of the first error, such as `MANIFEST_UNKNOWN`.
        code: String,
    },
}

impl RegistryError {
    async fn read(response: Response) -> Self {
        #[derive(Default, Deserialize)]
        struct Body {
            errors: Vec<Failure>,
        }
        #[derive(Deserialize)]
        struct Failure {
            code: String,
        }

        let status = response.status();
        let Body { errors } = response.json().await.unwrap_or_default();
        Self::Refused { status, code: errors.into_iter().next().map(|error| error.code).unwrap_or_default() }
    }
}

impl HttpFailure for RegistryError {
    fn is_permanent(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == "TOOMANYREQUESTS")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{header, json, kit, seconds, stop};
    use retry_http::Stop;
    use retry_http::testing::server::{Reply, Request, Server};

    const PATH: &str = "/v2/library/alpine";

    fn repository(server: &Server) -> Repository {
        Repository::new(server.url(PATH), None)
    }

    fn unauthorized(request: &Request) -> Reply {
        let realm = format!("http://{}/token", header(request, "host"));
        let challenge = format!(
            "Bearer realm=\"{realm}\",service=\"registry.docker.io\",scope=\"repository:library/alpine:pull\""
        );
        json(401, r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#)
            .header("docker-distribution-api-version", "registry/2.0")
            .header("www-authenticate", challenge)
    }

    /// A registry whose tokens last for two requests.
    fn registry(n: usize, request: &Request) -> Reply {
        if request.path.starts_with("/token") {
            return json(
                200,
                &format!(r#"{{"token":"t{n}","expires_in":300,"issued_at":"2009-11-10T23:00:00Z"}}"#),
            );
        }
        let token = header(request, "authorization").strip_prefix("Bearer t");
        match token.map(|token| token.parse::<usize>().unwrap()) {
            Some(issued) if n <= issued + 2 => json(200, r#"{"name":"library/alpine","tags":["3.22"]}"#),
            _ => unauthorized(request),
        }
    }

    #[tokio::test]
    async fn a_challenge_is_answered_and_again_once_the_token_has_expired() {
        let server = Server::new(registry);
        let (kit, repository) = (kit(), repository(&server));
        for _ in 0..4 {
            assert_eq!(repository.tags().await.unwrap(), ["3.22"]);
        }
        let tags = "/v2/library/alpine/tags/list";
        let token = "/token?service=registry.docker.io&scope=repository%3Alibrary%2Falpine%3Apull";
        let paths: Vec<_> = server.requests().into_iter().map(|request| request.path).collect();
        assert_eq!(paths, [tags, token, tags, tags, tags, token, tags, tags]);
        assert!(kit.waits().is_empty());
    }

    #[tokio::test]
    async fn a_token_server_that_fails_is_asked_again() {
        let server = Server::new(|n, request| match n {
            1 => Reply::status(503),
            _ => registry(n, request),
        });
        let kit = kit();
        assert_eq!(repository(&server).tags().await.unwrap(), ["3.22"]);
        assert_eq!(seconds(&kit), [1]);
        assert_eq!(server.requests().len(), 4);
    }

    #[tokio::test]
    async fn the_limit_of_pulls_is_final_and_the_other_one_is_not() {
        let pulls = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limits"}]}"#;
        let pulls = json(429, pulls)
            .header("ratelimit-limit", "100;w=21600")
            .header("ratelimit-remaining", "0;w=21600")
            .header("docker-ratelimit-source", "192.0.2.1");
        let server = Server::script([pulls]);
        let kit = kit();
        let error = repository(&server).manifest("latest").await.unwrap_err();
        assert_eq!(error.to_string(), "429 Too Many Requests TOOMANYREQUESTS");
        assert_eq!((kit.attempts(), stop(&kit)), (1, Stop::Never));

        let server = Server::script([Reply::status(429).body("Too Many Requests"), json(200, "{}")]);
        repository(&server).manifest("latest").await.unwrap();
        assert_eq!(seconds(&kit), [1]);
    }
}
