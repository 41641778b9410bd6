//! Implements the traits for reqwest-middleware: reqwest 0.13 behind a stack of middleware.

use std::future::Future;
use std::mem::take;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use reqwest_0_13::{Request, Response};
use reqwest_middleware::{ClientWithMiddleware, Error, RequestBuilder};

use crate::engine::report::Report;
use crate::scope;
use crate::transport::redirects::Watched;
use crate::transport::reqwest::printed_timeout;
use crate::transport::reqwest::v0_13::{Withheld, prepare};
use crate::transport::search::search;
use crate::transport::sending::{SendFuture, TrackedRequest};
use crate::transport::{Armed, Executor, HttpError, Sender};

impl Sender for RequestBuilder {
    type Response = Response;
    type Error = Error;

    fn arm(
        mut self,
        idempotent: Option<bool>,
    ) -> Armed<impl Future<Output = Result<Response, Error>>, Response, Error> {
        let mut extensions = take(self.extensions());
        let (client, request) = self.build_split();
        let future = match request {
            Ok(mut request) => match prepare(&mut request, || own_timeout(&client), idempotent) {
                Ok(mut prepared) => {
                    let send = async move { client.execute_with_extensions(request, &mut extensions).await };
                    let future = Watched::new(send, prepared.redirected());
                    SendFuture::new(future, TrackedRequest::new(prepared))
                }
                Err(withheld) => {
                    SendFuture::unsent(withheld.result.map_err(Error::Reqwest), withheld.tracked)
                }
            },
            Err(error) => SendFuture::failed(error.into()),
        };
        Armed { future }
    }
}

/// Arms the request that is passed to `execute`.
pub struct Armer {
    idempotent: Option<bool>,
    own_timeout: Option<Duration>,
    tracked: TrackedRequest,
    withheld: Option<Box<Withheld>>,
    redirected: Option<Arc<AtomicBool>>,
}

impl Executor for ClientWithMiddleware {
    type Armer = Armer;

    fn armer(&self, idempotent: Option<bool>) -> Armer {
        let own_timeout = scope::bound().and_then(|_| own_timeout(self));
        let tracked = TrackedRequest::nothing();
        Armer { idempotent, own_timeout, tracked, withheld: None, redirected: None }
    }
}

impl Armer {
    /// Arms the request.
    pub fn arm_request(&mut self, mut request: Request) -> Request {
        match prepare(&mut request, || self.own_timeout, self.idempotent) {
            Ok(mut prepared) => {
                self.redirected = prepared.redirected();
                self.tracked = TrackedRequest::new(prepared);
            }
            // The future of the client is not polled.
            Err(withheld) => self.withheld = Some(withheld),
        }
        request
    }

    /// Records how the request is answered.
    pub fn track<F>(self, future: F) -> SendFuture<Watched<F>, Response, Error>
    where
        F: Future<Output = Result<Response, Error>>,
    {
        match self.withheld {
            None => SendFuture::new(Watched::new(future, self.redirected), self.tracked),
            Some(withheld) => SendFuture::unsent(withheld.result.map_err(Error::Reqwest), withheld.tracked),
        }
    }
}

fn own_timeout(client: &ClientWithMiddleware) -> Option<Duration> {
    printed_timeout(&format!("{client:?}"))
}

/// The errors are transparent, so the error inside of them is not among their sources.
impl HttpError for Error {
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
