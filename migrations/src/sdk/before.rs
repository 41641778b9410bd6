use std::fmt;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response};
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
    retries: u32,
}

impl Contacts {
    pub fn new(http: Client, url: String, token: String) -> Self {
        Self { http, url, token, retries: 3 }
    }

    pub async fn list(&self) -> Result<Vec<Contact>, Error> {
        read(self.send(self.request(Method::GET, "/contacts")).await?).await
    }

    pub async fn get(&self, id: u64) -> Result<Contact, Error> {
        let path = format!("/contacts/{id}");
        read(self.send(self.request(Method::GET, &path)).await?).await
    }

    pub async fn create(&self, new: &Contact) -> Result<Contact, Error> {
        let key = format!("{:032x}", rand::random::<u128>());
        let request = self.request(Method::POST, "/contacts").json(new);
        read(self.send(request.header("Idempotency-Key", key)).await?).await
    }

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

    pub async fn search(&self, for_: &str) -> Result<Vec<Contact>, Error> {
        let request = self.request(Method::POST, "/contacts/search");
        read(self.send(request.json(&for_)).await?).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.url);
        self.http.request(method, url).bearer_auth(&self.token)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let mut wait = Duration::from_millis(500);
        for _ in 0..self.retries {
            let again = request.try_clone().expect("no body is a stream");
            match self.send_once(again).await {
                Err(error) if error.is_transient() => {}
                outcome => return outcome,
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        self.send_once(request).await
    }

    async fn send_once(
        &self,
        request: RequestBuilder,
    ) -> Result<Response, Error> {
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

impl Error {
    fn is_transient(&self) -> bool {
        match self {
            Self::Http(error) => error.is_timeout() || error.is_connect(),
            // No wait renews a quota that is prepaid.
            Self::Api { code, .. } if code == "quota_used_up" => false,
            Self::Api { status, .. } => *status == 429 || *status >= 500,
        }
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
