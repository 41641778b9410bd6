//! Implements the traits for reqwest-middleware: reqwest 0.13 behind a stack of middleware.

use std::future::Future;
use std::mem::take;
use std::time::Duration;

use reqwest_0_13::{Request, Response};
use reqwest_middleware::{ClientWithMiddleware, Error, RequestBuilder};

use crate::engine::report::Report;
use crate::scope;
use crate::transport::own_timeout;
use crate::transport::redirects::{Watch, Watched, watch_redirects};
use crate::transport::reqwest::v0_13::{peek, prepare, withhold};
use crate::transport::search::search;
use crate::transport::sending::{SendFuture, SendWatch, TrackedRequest, Unsent};
use crate::transport::{Executor, HttpError, Sender};

impl Sender for RequestBuilder {
    type Response = Response;
    type Error = Error;

    fn arm(
        mut self,
        idempotent: Option<bool>,
    ) -> SendFuture<impl Future<Output = Result<Response, Error>>, Response, Error> {
        let mut extensions = take(self.extensions());
        let (client, request) = self.build_split();
        match request {
            Ok(mut request) => {
                let prepared = prepare(&mut request, || own_timeout(&client), idempotent, scope::demand());
                if prepared.is_withheld() {
                    SendFuture::unsent(wrap(*withhold(&request, prepared)))
                } else {
                    let send = async move { client.execute_with_extensions(request, &mut extensions).await };
                    let future = Watched::new(send, watch_redirects(&prepared));
                    SendFuture::new(future, TrackedRequest::new(prepared))
                }
            }
            Err(error) => SendFuture::unsent(Box::new(Unsent::failed(error.into()))),
        }
    }

    fn watch(&self, idempotent: Option<bool>) -> SendWatch {
        let request = self.try_clone().map(Self::build);
        SendWatch::new(peek(request, idempotent))
    }
}

/// Arms the request that is passed to `execute`.
pub struct Armer {
    idempotent: Option<bool>,
    own_timeout: Option<Duration>,
    tracked: TrackedRequest,
    unsent: Option<Box<Unsent<Response, reqwest_0_13::Error>>>,
    watch: Watch,
}

impl Executor for ClientWithMiddleware {
    type Armer = Armer;

    fn armer(&self, idempotent: Option<bool>) -> Armer {
        let own_timeout = scope::bound().and_then(|_| own_timeout(self));
        let tracked = TrackedRequest::nothing();
        Armer { idempotent, own_timeout, tracked, unsent: None, watch: Watch::default() }
    }
}

impl Armer {
    /// Arms the request.
    pub fn arm_request(&mut self, mut request: Request) -> Request {
        let prepared = prepare(&mut request, || self.own_timeout, self.idempotent, scope::demand());
        if prepared.is_withheld() {
            // The future of the client is not polled.
            self.unsent = Some(withhold(&request, prepared));
        } else {
            self.watch = watch_redirects(&prepared);
            self.tracked = TrackedRequest::new(prepared);
        }
        request
    }

    /// Records how the request is answered.
    pub fn track<F>(self, future: F) -> SendFuture<F, Response, Error>
    where
        F: Future<Output = Result<Response, Error>>,
    {
        match self.unsent {
            None => SendFuture::new(Watched::new(future, self.watch), self.tracked),
            Some(unsent) => SendFuture::unsent(wrap(*unsent)),
        }
    }
}

/// Makes the error one of the middleware's.
fn wrap(unsent: Unsent<Response, reqwest_0_13::Error>) -> Box<Unsent<Response, Error>> {
    let Unsent { result, tracked } = unsent;
    Box::new(Unsent { result: result.map_err(Error::Reqwest), tracked })
}

fn own_timeout(client: &ClientWithMiddleware) -> Option<Duration> {
    own_timeout::of(client)
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
