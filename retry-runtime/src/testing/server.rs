//! A flaky server on loopback, which answers by script and records its requests.
//!
//! The server speaks HTTP/1.1 without TLS. It runs on a thread of its own and on the real clock, so
//! a test may block its thread and pause the clock of tokio.

use std::convert::Infallible;
use std::fmt;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use socket2::{Domain, SockRef, Socket, Type};
use tokio::sync::oneshot;
use tokio::time::Sleep;

/// A flaky server on loopback. It runs until it is dropped.
///
/// ```
/// use retry_http::testing::server::{Reply, Server};
/// use std::io::{Read, Write};
///
/// let server = Server::script([
///     Reply::status(429).header("retry-after", "1"),
///     Reply::hang_up(),
///     Reply::status(200).body("hello"),
/// ]);
/// // As a client would, with `server.url("/")`:
/// let address = server.url("").replace("http://", "");
/// let mut stream = std::net::TcpStream::connect(address)?;
/// stream.write_all(b"GET /users/7 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")?;
/// let mut answer = String::new();
/// stream.read_to_string(&mut answer)?;
/// assert!(answer.contains("retry-after: 1"));
///
/// assert_eq!(server.requests()[0].path, "/users/7");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    log: Log,
    open: Arc<()>,
    _stop: oneshot::Sender<Infallible>,
}

impl Server {
    /// Starts a server that answers the n-th request with the n-th reply, and all further requests
    /// with the last one.
    ///
    /// # Panics
    ///
    /// Panics if `replies` is empty, or if the server cannot start: see [`new`](Self::new).
    pub fn script(replies: impl IntoIterator<Item = Reply>) -> Self {
        let mut replies: Vec<_> = replies.into_iter().collect();
        let last = replies.pop().expect("a script has a reply");
        Self::new(move |n, _| replies.get(n).unwrap_or(&last).clone())
    }

    /// Starts a server that answers the n-th request, from 0, with the reply that `reply` returns.
    ///
    /// # Panics
    ///
    /// Panics if loopback has no free port, or if the thread of the server cannot be started.
    pub fn new(reply: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = listener();
        let address = listener.local_addr().expect("a listener has an address");
        listener.set_nonblocking(true).expect("a listener can be non-blocking");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let log = Log::default();
        let script = Arc::new(Script { reply, log: Arc::clone(&log) });
        let open = Arc::new(());
        let connections = Arc::downgrade(&open);
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            runtime.spawn(serve(listener, script, connections));
            // All connections end with the runtime.
            let Err(_dropped) = runtime.block_on(stopped);
        };
        std::thread::Builder::new().name("flaky server".into()).spawn(run).expect("a thread");
        Self { address, log, open, _stop: stop }
    }

    /// Returns the URL of `path`, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns all requests so far, in the order in which they arrived.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.log).clone()
    }

    /// Returns the times between the requests so far, on the real clock.
    pub fn pauses(&self) -> Vec<Duration> {
        let log = lock(&self.log);
        log.windows(2).map(|pair| pair[1].at.saturating_duration_since(pair[0].at)).collect()
    }

    /// Returns the number of connections over which the requests so far have arrived.
    pub fn connections(&self) -> usize {
        let mut connections: Vec<_> = lock(&self.log).iter().map(|request| request.connection).collect();
        connections.sort_unstable();
        connections.dedup();
        connections.len()
    }

    /// Returns the number of connections that are open now. The server learns that a client has
    /// closed one when it next reads or writes.
    pub fn open_connections(&self) -> usize {
        Arc::strong_count(&self.open) - 1
    }
}

/// Returns a URL at which no server listens, so that connections to it are refused. Its port is
/// reserved until the process ends, so that no other server gets the port meanwhile.
///
/// # Panics
///
/// Panics if loopback has no free port.
pub fn nobody() -> String {
    static RESERVED: OnceLock<Socket> = OnceLock::new();
    let socket = RESERVED.get_or_init(|| {
        // A socket that is bound has its port to itself, and refuses connections until it listens.
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("loopback has a port left");
        socket
    });
    let address = socket.local_addr().ok().and_then(|address| address.as_socket()).expect("it is bound");
    format!("http://{address}/")
}

/// A request to the server.
///
/// Its `Debug` output has the names of the headers and the length of the body. It shows neither the
/// query nor the values of headers.
#[derive(Clone)]
#[non_exhaustive]
pub struct Request {
    /// The time at which the whole request had arrived.
    pub at: Instant,
    /// The number of the connection, from 0.
    pub connection: usize,
    /// The method.
    pub method: Method,
    /// The path, with the query.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("connection", &self.connection)
            .field("method", &self.method)
            .field("path", &self.path.split('?').next())
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The reply of the server to one request.
///
/// ```
/// use retry_http::testing::server::Reply;
/// use std::time::Duration;
///
/// let limited = Reply::status(429).header("retry-after", "2").body("slow down");
/// let broken = Reply::status(200).body("{\"id\":").truncated();
/// let slow = Reply::status(200)
///     .late(Duration::from_millis(50))
///     .body("hello")
///     .slowly(Duration::from_millis(5));
/// ```
#[derive(Clone)]
#[must_use = "a reply does nothing until a server sends it"]
pub struct Reply {
    late: Duration,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    slowly: Duration,
    end: End,
}

/// The end of a reply.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Whole,
    Truncated,
    Endless,
    Stalled,
    /// The connection is closed before the reply begins.
    HangUp,
    /// The connection is reset before the reply begins.
    Reset,
}

impl Reply {
    /// Creates a reply with this status, without headers and without a body.
    ///
    /// # Panics
    ///
    /// Panics if `status` is not from 200 to 999.
    pub fn status(status: u16) -> Self {
        let status = StatusCode::from_u16(status).ok().filter(|status| !status.is_informational());
        Self {
            late: Duration::ZERO,
            status: status.expect("a status is from 200 to 999"),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            slowly: Duration::ZERO,
            end: End::Whole,
        }
    }

    /// Creates a reply that closes the connection without a response.
    pub fn hang_up() -> Self {
        Self { end: End::HangUp, ..Self::status(200) }
    }

    /// Creates a reply that resets the connection (RST) without a response.
    pub fn reset() -> Self {
        Self { end: End::Reset, ..Self::status(200) }
    }

    /// Adds a header. If several headers have the same name, all of them are sent.
    ///
    /// # Panics
    ///
    /// Panics if the name or the value is not valid in HTTP.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName, Error: fmt::Debug>,
        V: TryInto<HeaderValue, Error: fmt::Debug>,
    {
        let name = name.try_into().expect("the name of a header");
        self.headers.append(name, value.try_into().expect("the value of a header"));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into().into();
        self
    }

    /// Makes the `content-length` 100 bytes longer than the body, and closes the connection after
    /// the body.
    pub fn truncated(mut self) -> Self {
        self.end = End::Truncated;
        self
    }

    /// Sends spaces after the body, without end.
    pub fn endless(mut self) -> Self {
        self.end = End::Endless;
        self
    }

    /// Sends nothing after the body, not even its end.
    pub fn stalled(mut self) -> Self {
        self.end = End::Stalled;
        self
    }

    /// Delays the reply by `by`, also if the reply closes or resets the connection.
    pub fn late(mut self, by: Duration) -> Self {
        self.late = by;
        self
    }

    /// Sends the body byte by byte, and waits for `pause` before each byte.
    pub fn slowly(mut self, pause: Duration) -> Self {
        self.slowly = pause;
        self
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("body", &self.body.len())
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

type Log = Arc<Mutex<Vec<Request>>>;

/// Locks the log. Poison is ignored, as no change of the log can be half done.
fn lock(log: &Log) -> MutexGuard<'_, Vec<Request>> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("loopback has a port left")
}

struct Script<R> {
    reply: R,
    log: Log,
}

async fn serve<R>(listener: TcpListener, script: Arc<Script<R>>, open: Weak<()>)
where
    R: Fn(usize, &Request) -> Reply + Send + Sync + 'static,
{
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    for connection in 0.. {
        let Ok((stream, socket)) = listener.accept().await.and_then(|(stream, _)| with_socket(stream)) else {
            // The client is gone already, or the process has no file left: try the next one.
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        };
        let script = Arc::clone(&script);
        let service = hyper::service::service_fn(move |request| {
            let (script, socket) = (Arc::clone(&script), Arc::clone(&socket));
            async move { script.answer(connection, request, &socket).await }
        });
        let open = open.upgrade();
        tokio::spawn(async move {
            // Errors are expected: clients go away, and scripts close connections.
            _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            drop(open);
        });
    }
}

/// Returns a stream together with its socket, by which it can be reset.
fn with_socket(stream: tokio::net::TcpStream) -> std::io::Result<(tokio::net::TcpStream, Arc<TcpStream>)> {
    let stream = stream.into_std()?;
    let socket = stream.try_clone()?;
    Ok((tokio::net::TcpStream::from_std(stream)?, Arc::new(socket)))
}

impl<R: Fn(usize, &Request) -> Reply> Script<R> {
    async fn answer(
        &self,
        connection: usize,
        request: hyper::Request<Incoming>,
        socket: &TcpStream,
    ) -> Result<Response<ReplyBody>, Closed> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Closed)?.to_bytes().into();
        let path = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        let request = Request {
            at: Instant::now(),
            connection,
            method: head.method,
            path,
            headers: head.headers,
            body,
        };
        let number = {
            let mut log = lock(&self.log);
            log.push(request.clone());
            log.len() - 1
        };
        let reply = (self.reply)(number, &request);
        if !reply.late.is_zero() {
            tokio::time::sleep(reply.late).await;
        }
        if reply.end == End::Reset {
            // Closing a socket that must not linger resets it.
            _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
        }
        if matches!(reply.end, End::Reset | End::HangUp) {
            return Err(Closed);
        }
        let mut response =
            Response::new(ReplyBody { bytes: reply.body, slowly: reply.slowly, end: reply.end, sleep: None });
        *response.status_mut() = reply.status;
        *response.headers_mut() = reply.headers;
        Ok(response)
    }
}

/// Makes hyper close the connection.
#[derive(Debug)]
struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("closed by script")
    }
}

impl std::error::Error for Closed {}

/// The body of a reply.
struct ReplyBody {
    bytes: Bytes,
    slowly: Duration,
    end: End,
    /// The wait before the next byte, or the end.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        /// The time for the sent bytes to arrive, before the connection is closed.
        const LINGER: Duration = Duration::from_millis(1);
        let this = self.get_mut();
        let pause = match this.end {
            _ if !this.bytes.is_empty() => this.slowly,
            End::Truncated => LINGER,
            _ => Duration::ZERO,
        };
        if !pause.is_zero() {
            let sleep = this.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(pause)));
            ready!(sleep.as_mut().poll(context));
            this.sleep = None;
        }
        if !this.bytes.is_empty() {
            let length = if this.slowly.is_zero() { this.bytes.len() } else { 1 };
            return Poll::Ready(Some(Ok(Frame::data(this.bytes.split_to(length)))));
        }
        match this.end {
            End::Stalled => Poll::Pending,
            End::Endless => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b' '; 1024]))))),
            End::Truncated => Poll::Ready(Some(Err(Closed))),
            _ => Poll::Ready(None),
        }
    }

    /// Returns the announced length.
    fn size_hint(&self) -> SizeHint {
        const MORE: u64 = 100;
        let length = self.bytes.len() as u64;
        match self.end {
            End::Whole => SizeHint::with_exact(length),
            End::Truncated => SizeHint::with_exact(length + MORE),
            _ => SizeHint::default(),
        }
    }
}
