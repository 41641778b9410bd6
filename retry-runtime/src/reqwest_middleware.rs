//! reqwest-middleware's types: reqwest 0.13 with a stack of middleware before it.

use http::Extensions;
use reqwest_0_13::{Request, Response};
use reqwest_middleware::{ClientWithMiddleware, Error, RequestBuilder};

use crate::call::Call;
use crate::reqwest::search;
use crate::transport::{Answer, Executor, Failing, Sender};

/// A request, and the client that is to send it.
pub struct Armed {
    client: ClientWithMiddleware,
    request: Result<Request, reqwest_0_13::Error>,
    extensions: Extensions,
}

impl Sender for RequestBuilder {
    type Armed = Armed;
    type Result = Result<Response, Error>;

    fn arm(mut self, call: &mut Call<'_>) -> Armed {
        let extensions = std::mem::take(self.extensions());
        let (client, request) = self.build_split();
        match &request {
            Ok(request) => ClientWithMiddleware::sending(request, call),
            Err(_) => call.sending_nothing(),
        }
        Armed { client, request, extensions }
    }

    fn note(result: &Result<Response, Error>, call: &mut Call<'_>) {
        <ClientWithMiddleware as Executor>::note(result, call);
    }
}

impl Armed {
    /// Sends the request.
    ///
    /// # Errors
    ///
    /// Those of reqwest-middleware's `RequestBuilder::send`.
    pub async fn send(mut self) -> Result<Response, Error> {
        self.client.execute_with_extensions(self.request?, &mut self.extensions).await
    }
}

impl Executor for ClientWithMiddleware {
    type Request = Request;
    type Result = Result<Response, Error>;

    fn sending(request: &Request, call: &mut Call<'_>) {
        call.sending(request.method(), request.headers(), request.url().as_str());
    }

    fn note(result: &Result<Response, Error>, call: &mut Call<'_>) {
        match result {
            Ok(response) => {
                call.came_from(Some(response.url().as_str()));
                response.tell(call);
            }
            Err(error) => {
                call.came_from(error.url().map(reqwest_0_13::Url::as_str));
                error.tell(call);
            }
        }
    }
}

/// Its errors are transparent, so what they are made of is not among their sources.
impl Failing for Error {
    fn tell(&self, call: &mut Call<'_>) {
        match self {
            Self::Reqwest(error) => error.tell(call),
            Self::Middleware(error) => search(error.as_ref(), call),
        }
    }
}
