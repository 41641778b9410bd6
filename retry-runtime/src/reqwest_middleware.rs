//! reqwest-middleware's types: reqwest 0.13 with a stack of middleware before it.

use std::time::Duration;

use http::Extensions;
use reqwest_0_13::{Client, Request, Response};
use reqwest_middleware::{ClientWithMiddleware, Error, RequestBuilder};

use crate::reqwest::{printed_timeout, search};
use crate::seen::Seen;
use crate::transport::{Answer, Executor, Failing, Sender};

/// A request, and the client that is to send it.
pub struct Armed<'s> {
    seen: &'s mut Seen,
    client: ClientWithMiddleware,
    request: Result<Request, reqwest_0_13::Error>,
    extensions: Extensions,
}

impl Sender for RequestBuilder {
    type Armed<'s> = Armed<'s>;

    fn arm(mut self, seen: &mut Seen) -> Armed<'_> {
        let extensions = std::mem::take(self.extensions());
        let (client, mut request) = self.build_split();
        match &mut request {
            Ok(request) => ClientWithMiddleware::sending(request, || client.own_timeout(), seen),
            Err(_) => seen.sending_nothing(),
        }
        Armed { seen, client, request, extensions }
    }
}

impl Armed<'_> {
    /// Sends the request.
    ///
    /// # Errors
    ///
    /// Those of reqwest-middleware's `RequestBuilder::send`.
    pub async fn send(mut self) -> Result<Response, Error> {
        let result = match self.request {
            Ok(request) => self.client.execute_with_extensions(request, &mut self.extensions).await,
            Err(error) => Err(error.into()),
        };
        ClientWithMiddleware::note(&result, self.seen);
        result
    }
}

impl Executor for ClientWithMiddleware {
    type Request = Request;
    type Result = Result<Response, Error>;

    fn own_timeout(&self) -> Option<Duration> {
        printed_timeout(&format!("{self:?}"))
    }

    fn sending(request: &mut Request, own: impl FnOnce() -> Option<Duration>, seen: &mut Seen) {
        Client::sending(request, own, seen);
    }

    fn note(result: &Result<Response, Error>, seen: &mut Seen) {
        match result {
            Ok(response) => {
                seen.came_from(Some(response.url().as_str()));
                response.tell(seen);
                seen.at(|| response.url().host_str());
            }
            Err(error) => {
                seen.came_from(error.url().map(reqwest_0_13::Url::as_str));
                error.tell(seen);
                seen.at(|| error.url().and_then(reqwest_0_13::Url::host_str));
            }
        }
    }
}

/// Its errors are transparent, so what they are made of is not among their sources.
impl Failing for Error {
    fn tell(&self, seen: &mut Seen) {
        match self {
            Self::Reqwest(error) => error.tell(seen),
            Self::Middleware(error) => search(error.as_ref(), seen),
        }
    }
}
