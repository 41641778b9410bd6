//! A flaky server on loopback that answers by script and remembers what it was asked.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// What the server does with one request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Answers.
    Answer { status: u16, headers: Vec<(&'static str, String)>, body: Vec<u8> },
    /// Closes the connection without an answer.
    Drop,
    /// Announces a longer body than it sends, then closes the connection.
    Truncate { status: u16, body: Vec<u8> },
    /// Answers with a body that never ends.
    Endless { status: u16 },
    /// Answers with a body of which nothing ever comes.
    Stall { status: u16 },
    /// Answers late.
    Late { by: Duration, then: Box<Reply> },
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self::Answer { status, headers: Vec::new(), body: Vec::new() }
    }

    pub fn body(mut self, text: impl Into<Vec<u8>>) -> Self {
        match &mut self {
            Self::Answer { body, .. } | Self::Truncate { body, .. } => *body = text.into(),
            _ => panic!("{self:?} has no body"),
        }
        self
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        match &mut self {
            Self::Answer { headers, .. } => headers.push((name, value.into())),
            _ => panic!("{self:?} has no headers"),
        }
        self
    }

    pub fn late(self, by: Duration) -> Self {
        Self::Late { by, then: Box::new(self) }
    }
}

/// A request that the server got.
#[derive(Clone, Debug)]
pub struct Seen {
    pub at: Instant,
    /// Counts connections, from 0.
    pub connection: usize,
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Stops when it is dropped.
pub struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    _stop: tokio::sync::oneshot::Sender<Infallible>,
}

impl Server {
    /// Answers the n-th request with the n-th reply, and all that follow with the last.
    pub fn script(replies: impl IntoIterator<Item = Reply>) -> Self {
        let replies: Vec<_> = replies.into_iter().collect();
        Self::new(move |n, _| replies[n.min(replies.len() - 1)].clone())
    }

    /// Answers the n-th request, from 0, with what `reply` says.
    pub fn new(reply: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
        let address = listener.local_addr().expect("bound");
        listener.set_nonblocking(true).expect("non-blocking");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let (stop, stopped) = tokio::sync::oneshot::channel();
        // A runtime of its own, so that the clock of a test may stand still.
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, Arc::new(reply), log) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, seen, _stop: stop }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic while logging").clone()
    }

    /// The pauses between the requests so far.
    pub fn pauses(&self) -> Vec<Duration> {
        self.requests().windows(2).map(|pair| pair[1].at - pair[0].at).collect()
    }

    /// How many connections the requests so far came over.
    pub fn connections(&self) -> usize {
        self.requests().iter().map(|seen| seen.connection + 1).max().unwrap_or(0)
    }
}

/// An address where nobody listens.
pub fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
    format!("http://{}/", listener.local_addr().expect("bound"))
}

async fn serve(
    listener: std::net::TcpListener,
    reply: Arc<impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static>,
    log: Arc<Mutex<Vec<Seen>>>,
) {
    let listener = TcpListener::from_std(listener).expect("a runtime");
    for connection in 0.. {
        let Ok((stream, _)) = listener.accept().await else { return };
        let (reply, log) = (Arc::clone(&reply), Arc::clone(&log));
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let (reply, log) = (Arc::clone(&reply), Arc::clone(&log));
            async move {
                let at = Instant::now();
                let (head, body) = request.into_parts();
                let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
                let path = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
                let seen = Seen { at, connection, method: head.method, path, headers: head.headers, body };
                let reply = {
                    let mut log = log.lock().expect("no panic while logging");
                    let reply = reply(log.len(), &seen);
                    log.push(seen);
                    reply
                };
                answer(reply).await
            }
        });
        tokio::spawn(async move {
            // A client that goes away, and a connection that the script closes, are part of the plan.
            let _: Result<(), _> = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// Makes hyper close the connection.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed by script")
    }
}

impl std::error::Error for Closed {}

async fn answer(reply: Reply) -> Result<Response<Script>, Closed> {
    let (status, headers, body) = match reply {
        Reply::Late { by, then } => {
            tokio::time::sleep(by).await;
            return Box::pin(answer(*then)).await;
        }
        Reply::Drop => return Err(Closed),
        Reply::Answer { status, headers, body } => (status, headers, Script::Whole(Some(body.into()))),
        Reply::Truncate { status, body } => {
            let announced = (body.len() + 100).to_string();
            (
                status,
                vec![("content-length", announced)],
                Script::Broken { bytes: Some(body.into()), pauses: 3 },
            )
        }
        Reply::Endless { status } => (status, Vec::new(), Script::Endless),
        Reply::Stall { status } => (status, Vec::new(), Script::Stalled),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    for (name, value) in headers {
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header value");
        response.headers_mut().append(HeaderName::from_static(name), value);
    }
    Ok(response)
}

enum Script {
    Whole(Option<Bytes>),
    /// Pauses before it breaks off, so that what there is has been sent.
    Broken {
        bytes: Option<Bytes>,
        pauses: u32,
    },
    Endless,
    Stalled,
}

impl Body for Script {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        Poll::Ready(match self.get_mut() {
            Self::Whole(bytes) => {
                bytes.take().filter(|bytes| !bytes.is_empty()).map(|bytes| Ok(Frame::data(bytes)))
            }
            Self::Broken { bytes: bytes @ Some(_), .. } => bytes.take().map(|bytes| Ok(Frame::data(bytes))),
            Self::Broken { pauses: 0, .. } => Some(Err(Closed)),
            Self::Broken { pauses, .. } => {
                *pauses -= 1;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Self::Stalled => return Poll::Pending,
            Self::Endless => Some(Ok(Frame::data(Bytes::from_static(&[b' '; 1024])))),
        })
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self {
            Self::Whole(bytes) => {
                hyper::body::SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64)
            }
            _ => hyper::body::SizeHint::default(),
        }
    }
}
