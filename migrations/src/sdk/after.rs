use std::fmt;

use reqwest::{Client, Method, RequestBuilder, Response};
use retry_http::{FailureSet, HttpFailure, failures_of, retry_http};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Debug)]
pub enum Error {
    Http(reqwest::Error),
    Api { status: u16, code: String },
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Contact {
    pub name: String,
}

#[derive(Deserialize)]
struct Problem {
    code: String,
}

pub struct Contacts {
    http: Client,
    url: String,
    token: String,
}

#[retry_http(max = 3, base = 500ms)]
impl Contacts {
    pub fn new(http: Client, url: String, token: String) -> Self {
        Self { http, url, token }
    }

    pub async fn list(&self) -> Result<Vec<Contact>, Error> {
        read(self.send(self.request(Method::GET, "/contacts")).await?).await
    }

    pub async fn get(&self, id: u64) -> Result<Contact, Error> {
        let path = format!("/contacts/{id}");
        read(self.send(self.request(Method::GET, &path)).await?).await
    }

    // Makes a key for each call, and sends it with each attempt.
    #[retry_http(idempotency_key)]
    pub async fn create(&self, new: &Contact) -> Result<Contact, Error> {
        let request = self.request(Method::POST, "/contacts").json(new);
        read(self.send(request).await?).await
    }

    // A PATCH that has the same effect however often it is done.
    #[retry_http(idempotent)]
    pub async fn rename(&self, id: u64, to: &str) -> Result<(), Error> {
        let request = self.request(Method::PATCH, &format!("/contacts/{id}"));
        let contact = Contact { name: to.to_owned() };
        self.send(request.json(&contact)).await.map(drop)
    }

    pub async fn delete(&self, id: u64) -> Result<(), Error> {
        let request =
            self.request(Method::DELETE, &format!("/contacts/{id}"));
        self.send(request).await.map(drop)
    }

    // A POST that only reads.
    #[retry_http(idempotent)]
    pub async fn search(&self, for_: &str) -> Result<Vec<Contact>, Error> {
        let request = self.request(Method::POST, "/contacts/search");
        read(self.send(request.json(&for_)).await?).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.url);
        self.http.request(method, url).bearer_auth(&self.token)
    }

    // The loop is gone. The methods above retry what this one sends.
    #[retry_http(transparent)]
    async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let response = request.send().await?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let problem: Result<Problem, _> = response.json().await;
        let code = problem.map_or_else(|_| String::new(), |p| p.code);
        Err(Error::Api { status: status.as_u16(), code })
    }
}

async fn read<T: DeserializeOwned>(response: Response) -> Result<T, Error> {
    Ok(response.json().await?)
}

impl HttpFailure for Error {
    fn status(&self) -> Option<u16> {
        match self {
            Self::Http(error) => error.status().map(|s| s.as_u16()),
            Self::Api { status, .. } => Some(*status),
        }
    }

    fn failures(&self) -> FailureSet {
        match self {
            Self::Http(error) => failures_of(error),
            Self::Api { .. } => FailureSet::EMPTY,
        }
    }

    fn is_permanent(&self) -> bool {
        // No wait renews a quota that is prepaid.
        matches!(self, Self::Api { code, .. } if code == "quota_used_up")
    }
}

impl From<reqwest::Error> for Error {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(error) => error.fmt(f),
            Self::Api { status, code } => write!(f, "{status} {code}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Http(error) => Some(error),
            Self::Api { .. } => None,
        }
    }
}
