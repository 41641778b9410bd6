//! The types of a row: what the server does, how the client meets it, and what is to come of it.

use std::fmt;
use std::time::Duration;

use retry_http::{Failure, Stop};

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    pub name: &'static str,
    pub server: Server,
    /// The acts of the server at `{there}` on each connection.
    pub there: &'static [Act],
    pub reach: Reach,
    pub pace: Pace,
    pub place: Place,
    pub get: Expected,
    pub post: Expected,
    /// The clients of which something else is expected.
    pub but: &'static [But],
    /// The shortest time of a call with more than one attempt.
    pub at_least: Duration,
    pub at_most: Duration,
}

impl Fault {
    /// A row of which nothing is said yet.
    pub const BLANK: Self = Self {
        name: "",
        server: Server::Nobody,
        there: &[],
        reach: Reach::Http,
        pace: Pace::Prompt,
        place: Place::Anywhere,
        get: succeeds(1),
        post: succeeds(1),
        but: &[],
        at_least: Duration::ZERO,
        at_most: Duration::from_secs(5),
    };

    /// Returns what is to come of a call by `client`.
    pub fn expected(&self, client: Client, method: Method) -> Expected {
        let but = self.but.iter().find(|but| but.method == method && but.clients.contains(&client));
        match (but, method) {
            (Some(but), _) => but.expected,
            (None, Method::Get) => self.get,
            (None, Method::Post) => self.post,
        }
    }

    /// Returns how long a call with this end takes at least.
    pub fn at_least(&self, expected: &Expected) -> Duration {
        let attempts = u32::try_from(expected.attempts.least).unwrap();
        match expected.outcome {
            // Each attempt runs out of time.
            Outcome::Fails(how, _) if how.failures.contains(&Failure::Timeout) => SHORT * attempts,
            _ if attempts > 1 => self.at_least,
            _ => Duration::ZERO,
        }
    }
}

/// The server that a client meets.
#[derive(Clone, Copy, Debug)]
pub enum Server {
    /// Nobody listens.
    Nobody,
    /// DNS does not know the host.
    Unknown,
    /// The n-th connection follows the n-th script, and all further ones follow the last.
    Tcp(&'static [&'static [Act]]),
    /// The same over TLS, with a certificate.
    Tls(Certificate, &'static [&'static [Act]]),
    /// Answers the n-th request over HTTP/2 with the n-th frames, and all further ones with the
    /// last.
    Http2(&'static [&'static [Frame]]),
    /// Follows the script on one connection, if there is one, and does not listen for a while.
    /// After that it follows the other script on each connection.
    Restarts { before: Option<&'static [Act]>, down: Duration, after: &'static [Act] },
    /// The test of the repository that has this row, by file and function.
    Elsewhere(&'static str, &'static str),
}

/// One act of a server on a connection. The connection is closed after the last one.
///
/// In a text, `{here}` and `{there}` are the addresses of the two servers, by different names of
/// the host. `{nobody}` is an address at which nobody listens.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// Reads a whole request, and counts it.
    Read,
    /// Reads what comes first, and counts nothing.
    ReadSome,
    /// Writes a text.
    Say(&'static str),
    /// Writes a text so many times.
    Repeat(&'static str, usize),
    /// Writes a text, a byte every 20 ms.
    Drip(&'static str),
    /// Writes a text every millisecond, until the client is gone.
    Flood(&'static str),
    /// Waits.
    Wait(Duration),
    /// Waits until the client is gone.
    Hold,
    /// Resets the connection (RST).
    Reset,
    /// Closes the connection without the farewell of TLS.
    Cut,
    /// Reads requests until the client is gone. Answers each with the text of the first pair whose
    /// other text is part of its head.
    Serve(&'static [(&'static str, &'static str)]),
}

/// A frame of HTTP/2 (RFC 9113 §6), or the end of its connection.
#[derive(Clone, Copy, Debug)]
pub enum Frame {
    /// The head of an answer 200.
    Head,
    /// A part of its body.
    Data,
    /// A whole answer 200.
    Status200,
    /// A whole answer 503.
    Status503,
    /// Bytes that are no frame.
    Garbage,
    /// The end of the stream, with a reason.
    RstStream(u32),
    /// A farewell that does not cover the request.
    GoAway(u32),
    /// A farewell that covers the request, some time after the request has come.
    GoAwayAfter(u32),
    /// A farewell that covers the request, at once.
    GoAwayAtOnce(u32),
    /// The end of the connection.
    Close,
}

/// The certificate of a server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Certificate {
    /// Names the host, and is trusted.
    Right,
    /// Names the host, and is not trusted.
    Untrusted,
    /// Names another host, and is trusted.
    WrongName,
    /// Names the host, is trusted, and is out of date.
    Expired,
}

/// How the client reaches the server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reach {
    Http,
    /// Over a connection on which a GET was answered.
    Warm,
    Https,
    /// Over HTTP/2, without TLS.
    Http2,
    /// The server is the proxy, and is sent requests.
    Proxy,
    /// The server is the proxy, and is sent CONNECT.
    Tunnel,
}

/// The time limits of the client, and its waits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// A request may take 10 s, and no server of these rows takes that long.
    Prompt,
    /// A request may take 400 ms.
    Slow,
    /// A connection may take 400 ms.
    SlowConnect,
    /// The call may take 400 ms.
    Deadline,
    /// There are no limits.
    Unlimited,
    /// The waits are 100 ms, 200 ms and 400 ms, and not 1 ms, 2 ms and 4 ms.
    Patient,
}

impl Pace {
    /// The time limit of a request.
    pub const fn timeout(self) -> Option<Duration> {
        match self {
            Self::Slow => Some(SHORT),
            Self::Unlimited | Self::Deadline => None,
            Self::Prompt | Self::SlowConnect | Self::Patient => Some(Duration::from_secs(10)),
        }
    }

    /// The time limit of the call.
    pub const fn deadline(self) -> Option<Duration> {
        match self {
            Self::Deadline => Some(SHORT),
            _ => None,
        }
    }

    /// The time limit of a connection.
    pub const fn connect_timeout(self) -> Option<Duration> {
        match self {
            Self::SlowConnect => Some(SHORT),
            _ => None,
        }
    }

    /// The first wait.
    pub const fn base(self) -> Duration {
        match self {
            Self::Patient => Duration::from_millis(100),
            _ => Duration::from_millis(1),
        }
    }
}

const SHORT: Duration = Duration::from_millis(400);

/// Where the call runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    /// A task of a runtime with threads, or a thread.
    Anywhere,
    /// A runtime of one thread.
    CurrentThread,
    /// A task of a `LocalSet`.
    LocalSet,
    /// A runtime whose timers are not enabled.
    WithoutTime,
    /// A runtime that is shut down while the call waits.
    ShutDown,
    /// A thread of a runtime for blocking code.
    SpawnBlocking,
    /// A thread that runs async code.
    InsideRuntime,
}

impl Place {
    /// The clients that can be there.
    pub const fn clients(self) -> &'static [Client] {
        match self {
            Self::Anywhere => &Client::ALL,
            Self::CurrentThread | Self::LocalSet | Self::WithoutTime | Self::ShutDown => &Client::ASYNC,
            Self::SpawnBlocking | Self::InsideRuntime => &Client::BLOCKING,
        }
    }
}

/// A client of reqwest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Client {
    Async13,
    Async12,
    Blocking13,
    Blocking12,
}

impl Client {
    pub const ALL: [Self; 4] = [Self::Async13, Self::Async12, Self::Blocking13, Self::Blocking12];
    pub const ASYNC: [Self; 2] = [Self::Async13, Self::Async12];
    pub const BLOCKING: [Self; 2] = [Self::Blocking13, Self::Blocking12];
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    Get,
    Post,
}

impl Method {
    pub const ALL: [Self; 2] = [Self::Get, Self::Post];

    pub const fn http(self) -> http::Method {
        match self {
            Self::Get => http::Method::GET,
            Self::Post => http::Method::POST,
        }
    }
}

/// The different expectation of some clients.
#[derive(Clone, Copy, Debug)]
pub struct But {
    pub clients: &'static [Client],
    pub method: Method,
    pub expected: Expected,
    /// The words of the limit in the guide.
    pub limit: &'static str,
}

/// The expected result of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    pub attempts: Count,
    /// The requests that reach the server, or both servers.
    pub requests: Count,
    pub outcome: Outcome,
}

/// A number, or where time has a say, a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Count {
    pub least: usize,
    pub most: usize,
}

impl Count {
    pub const fn exactly(n: usize) -> Self {
        Self { least: n, most: n }
    }

    pub const fn contains(self, n: usize) -> bool {
        self.least <= n && n <= self.most
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    Succeeds,
    /// The call returns the failure of its last attempt.
    Fails(How, Stop),
    /// The call panics, with this in the message.
    Panics(&'static str),
    /// The call is dropped.
    Dropped,
}

/// How an attempt failed: the status of the answer, and the words of the failure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct How {
    pub status: Option<u16>,
    pub failures: &'static [Failure],
}

/// A failure that has no word.
pub const NAMELESS: How = How { status: None, failures: &[] };
pub const CONNECT: How = How { status: None, failures: &[Failure::Connect] };
pub const CONNECT_TIMEOUT: How = How { status: None, failures: &[Failure::Connect, Failure::Timeout] };
pub const RESET: How = How { status: None, failures: &[Failure::Reset] };
pub const TIMEOUT: How = How { status: None, failures: &[Failure::Timeout] };
pub const BODY: How = How { status: Some(200), failures: &[Failure::Body] };
pub const BODY_TIMEOUT: How = How { status: Some(200), failures: &[Failure::Timeout] };

/// An answer with this status.
pub const fn status(status: u16) -> How {
    How { status: Some(status), failures: &[] }
}

/// All attempts fail, and each of them sends one request.
pub const fn exhausted(how: How) -> Expected {
    fails(4, how, Stop::Exhausted)
}

/// The first attempt fails. The request may have been done, and must not be done twice.
pub const fn ambiguous(how: How) -> Expected {
    fails(1, how, Stop::Ambiguous)
}

/// The first attempt fails for good.
pub const fn permanent(how: How) -> Expected {
    fails(1, how, Stop::NotRetryable)
}

/// As many attempts fail, and each of them sends one request.
pub const fn fails(attempts: usize, how: How, stop: Stop) -> Expected {
    expect(attempts, Outcome::Fails(how, stop))
}

/// As many attempts are made, and the last one succeeds.
pub const fn succeeds(attempts: usize) -> Expected {
    expect(attempts, Outcome::Succeeds)
}

/// The call panics in its first attempt, or after it.
pub const fn panics(message: &'static str) -> Expected {
    expect(1, Outcome::Panics(message))
}

/// The call is dropped after its first attempt.
pub const fn dropped() -> Expected {
    expect(1, Outcome::Dropped)
}

const fn expect(attempts: usize, outcome: Outcome) -> Expected {
    let count = Count::exactly(attempts);
    Expected { attempts: count, requests: count, outcome }
}

impl Expected {
    /// Changes the number of requests that reach the server.
    pub const fn requests(self, n: usize) -> Self {
        Self { requests: Count::exactly(n), ..self }
    }

    /// Allows for other numbers of attempts and requests.
    pub const fn between(self, attempts: (usize, usize), requests: (usize, usize)) -> Self {
        let attempts = Count { least: attempts.0, most: attempts.1 };
        let requests = Count { least: requests.0, most: requests.1 };
        Self { attempts, requests, ..self }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { least, most } = self;
        if least == most { write!(f, "{least}") } else { write!(f, "{least}–{most}") }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attempts, requests, outcome } = self;
        write!(f, "{attempts}")?;
        if requests != attempts {
            write!(f, " ({requests})")?;
        }
        write!(f, ": {outcome}")
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status.map(|status| status.to_string());
        let failures = self.failures.iter().map(|failure| failure.name().to_owned());
        let words: Vec<_> = status.into_iter().chain(failures).collect();
        f.write_str(&if words.is_empty() { "error".to_owned() } else { words.join(" ") })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Succeeds => write!(f, "ok"),
            Self::Fails(how, stop) => write!(f, "{how}, {}", stop.name().replace('_', " ")),
            Self::Panics(_) => write!(f, "panics"),
            Self::Dropped => write!(f, "dropped"),
        }
    }
}
