//! reqwest-middleware's types: reqwest 0.13 with a stack of middleware before it.

use std::future::Future;
use std::mem::take;
use std::time::Duration;

use reqwest_0_13::{Request, Response};
use reqwest_middleware::{ClientWithMiddleware, Error, RequestBuilder};

use crate::engine::report::Report;
use crate::scope;
use crate::transport::reqwest::v0_13::prepare;
use crate::transport::reqwest::{printed_timeout, search};
use crate::transport::sending::{Sending, Tracked};
use crate::transport::{Armed, Executor, Failing, Sender};

impl Sender for RequestBuilder {
    type Response = Response;
    type Error = Error;

    fn arm(
        mut self,
        idempotent: Option<bool>,
    ) -> Armed<impl Future<Output = Result<Response, Error>>, Error> {
        let mut extensions = take(self.extensions());
        let (client, request) = self.build_split();
        let sending = match request {
            Ok(mut request) => {
                let tracked = prepare(&mut request, || own_timeout(&client), idempotent);
                let send = async move { client.execute_with_extensions(request, &mut extensions).await };
                Sending::new(send, tracked)
            }
            Err(error) => Sending::failed(error.into()),
        };
        Armed { sending }
    }
}

/// Arms the request that is passed to `execute`.
pub struct Arming {
    idempotent: Option<bool>,
    own_timeout: Option<Duration>,
    tracked: Tracked,
}

impl Executor for ClientWithMiddleware {
    type Arming = Arming;

    fn arming(&self, idempotent: Option<bool>) -> Arming {
        let own_timeout = scope::bound().and_then(|_| own_timeout(self));
        Arming { idempotent, own_timeout, tracked: Tracked::nothing() }
    }
}

impl Arming {
    /// The request, armed.
    pub fn arm_request(&mut self, mut request: Request) -> Request {
        self.tracked = prepare(&mut request, || self.own_timeout, self.idempotent);
        request
    }

    /// The future that sends it, recorded.
    pub fn watch<F: Future<Output = Result<Response, Error>>>(self, future: F) -> Sending<F, Error> {
        Sending::new(future, self.tracked)
    }
}

fn own_timeout(client: &ClientWithMiddleware) -> Option<Duration> {
    printed_timeout(&format!("{client:?}"))
}

/// Its errors are transparent, so what they are made of is not among their sources.
impl Failing for Error {
    fn report(&self) -> Report<'_> {
        match self {
            Self::Reqwest(error) => error.report(),
            Self::Middleware(error) => search(error.as_ref()),
        }
    }

    fn host(&self) -> Option<&str> {
        self.url().and_then(reqwest_0_13::Url::host_str)
    }
}
