//! The table: one row a fault.
//!
//! A row says what the server does, and what is to come of a GET and of a POST, by every client.
//! The expectations are those of the guide (its page of rules), not what was once seen.

use std::time::Duration;

use retry_http::Stop;

use crate::fault::Act::{Cut, Drip, Flood, Hold, Read, ReadSome, Repeat, Reset, Say, Serve, Wait};
use crate::fault::Certificate::{Expired, Right, Untrusted, WrongName};
use crate::fault::Frame::{Close, Data, Garbage, GoAway, GoAwayAfter, Head, RstStream, Status200, Status503};
use crate::fault::Server::{Elsewhere, Http2, Nobody, Restarts, Tcp, Tls, Unknown};
use crate::fault::{
    BODY, BODY_TIMEOUT, But, CONNECT, CONNECT_TIMEOUT, Client, Expected, Fault, Method, NAMELESS, Pace,
    Place, RESET, Reach, TIMEOUT, ambiguous, dropped, exhausted, fails, panics, permanent, status, succeeds,
};

/// The rows about one matter.
pub struct Section {
    pub title: &'static str,
    pub faults: &'static [Fault],
}

pub static TABLE: &[Section] = &[
    Section { title: "Connections", faults: CONNECTIONS },
    Section { title: "Heads", faults: HEADS },
    Section { title: "Bodies", faults: BODIES },
    Section { title: "Redirects", faults: REDIRECTS },
    Section { title: "TLS", faults: TLS },
    Section { title: "Proxies", faults: PROXIES },
    Section { title: "HTTP/2", faults: HTTP2 },
    Section { title: "Connections that are kept alive, and servers that restart", faults: RESTARTS },
    Section { title: "Clocks", faults: CLOCKS },
    Section { title: "Deadlines", faults: DEADLINES },
    Section { title: "Runtimes", faults: RUNTIMES },
];

const BLANK: Fault = Fault::BLANK;

/// Requests may take 400 ms.
const SLOW: Fault = Fault { pace: Pace::Slow, ..BLANK };

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

const CONNECTIONS: &[Fault] = &[
    Fault {
        name: "refused",
        server: Nobody,
        get: exhausted(CONNECT).requests(0),
        post: exhausted(CONNECT).requests(0),
        ..BLANK
    },
    Fault {
        name: "host that DNS does not know",
        server: Unknown,
        get: exhausted(CONNECT).requests(0),
        post: exhausted(CONNECT).requests(0),
        // A resolver may take its time.
        pace: Pace::Unlimited,
        at_most: secs(60),
        ..BLANK
    },
    Fault {
        name: "accepted, then closed before the request is read",
        server: Tcp(&[&[]]),
        get: exhausted(RESET).requests(0),
        post: ambiguous(RESET).requests(0),
        ..BLANK
    },
    Fault {
        name: "accepted, then reset (RST) before the request is read",
        server: Tcp(&[&[ReadSome, Reset]]),
        get: exhausted(RESET).requests(0),
        post: ambiguous(RESET).requests(0),
        ..BLANK
    },
    Fault {
        name: "accepted, but never read or answered",
        server: Tcp(&[&[Wait(secs(8))]]),
        get: exhausted(TIMEOUT).requests(0),
        post: ambiguous(TIMEOUT).requests(0),
        ..SLOW
    },
    Fault {
        name: "closed instead of an answer",
        server: Tcp(&[&[Read]]),
        get: exhausted(RESET),
        post: ambiguous(RESET),
        ..BLANK
    },
    Fault {
        name: "reset (RST) instead of an answer",
        server: Tcp(&[&[Read, Reset]]),
        get: exhausted(RESET),
        post: ambiguous(RESET),
        ..BLANK
    },
    Fault {
        name: "closed once, then answered",
        server: Tcp(&[&[Read], &[Read, Say(OK)]]),
        get: succeeds(2),
        post: ambiguous(RESET),
        ..BLANK
    },
];

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Answers 503, and keeps the connection.
const REFUSES: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";

/// Answers 429, and keeps the connection.
const LIMITS: &str = "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n";

/// Answers every request by a text.
macro_rules! always {
    ($answer:expr) => {
        Tcp(&[&[Serve(&[("", $answer)])]])
    };
}

const HEADS: &[Fault] = &[
    Fault {
        name: "503",
        server: always!(REFUSES),
        get: exhausted(status(503)),
        post: ambiguous(status(503)),
        ..BLANK
    },
    Fault {
        name: "429",
        server: always!(LIMITS),
        get: exhausted(status(429)),
        post: exhausted(status(429)),
        ..BLANK
    },
    Fault {
        name: "503 with `Retry-After: 1` once, then 200",
        server: Tcp(&[&[
            Read,
            Say("HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n"),
            Serve(&[("", OK)]),
        ]]),
        get: succeeds(2),
        post: succeeds(2),
        at_least: secs(1),
        ..BLANK
    },
    Fault {
        name: "408, and the end of the connection",
        server: Tcp(&[&[Read, Say("HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n")]]),
        get: exhausted(status(408)),
        post: ambiguous(status(408)),
        ..BLANK
    },
    Fault {
        name: "closed inside the head",
        server: Tcp(&[&[Read, Say("HTTP/1.1 200 OK\r\ncontent-le")]]),
        get: exhausted(RESET),
        post: ambiguous(RESET),
        ..BLANK
    },
    Fault {
        name: "reset (RST) inside the head",
        server: Tcp(&[&[Read, Say("HTTP/1.1 200 OK\r\ncontent-le"), Wait(ms(20)), Reset]]),
        get: exhausted(RESET),
        post: ambiguous(RESET),
        ..BLANK
    },
    Fault {
        name: "no head in time",
        server: Tcp(&[&[Read, Hold]]),
        get: exhausted(TIMEOUT),
        post: ambiguous(TIMEOUT),
        ..SLOW
    },
    Fault {
        name: "head that comes once, too late",
        server: Tcp(&[&[Read, Wait(ms(1200)), Say(OK)], &[Read, Say(OK)]]),
        get: succeeds(2),
        post: ambiguous(TIMEOUT),
        ..SLOW
    },
    Fault {
        name: "head that drips, a byte every 20 ms",
        server: Tcp(&[&[Read, Drip("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nserver: slow\r\n\r\nok")]]),
        get: exhausted(TIMEOUT),
        post: ambiguous(TIMEOUT),
        ..SLOW
    },
    Fault {
        name: "head that grows by a header every millisecond",
        server: Tcp(&[&[Read, Say("HTTP/1.1 200 OK\r\n"), Flood("x: y\r\n")]]),
        get: exhausted(TIMEOUT),
        post: ambiguous(TIMEOUT),
        ..SLOW
    },
    Fault {
        name: "head of 1 MiB that does not end",
        server: Tcp(&[&[Read, Say("HTTP/1.1 200 OK\r\n"), Repeat("x: y\r\n", 180_000), Hold]]),
        get: permanent(NAMELESS),
        post: permanent(NAMELESS),
        ..BLANK
    },
    Fault {
        name: "header of 1 MiB",
        server: Tcp(&[&[Read, Say("HTTP/1.1 200 OK\r\nx: "), Repeat("x", 1 << 20), Say("\r\n\r\n"), Hold]]),
        get: permanent(NAMELESS),
        post: permanent(NAMELESS),
        ..BLANK
    },
    Fault {
        name: "200 headers",
        server: Tcp(&[&[Read, Say("HTTP/1.1 200 OK\r\n"), Repeat("x: y\r\n", 200), Say("\r\n"), Hold]]),
        get: permanent(NAMELESS),
        post: permanent(NAMELESS),
        ..BLANK
    },
    Fault {
        name: "no HTTP at all",
        server: Tcp(&[&[Read, Say("220 mail.example.com ESMTP\r\n"), Hold]]),
        get: permanent(NAMELESS),
        post: permanent(NAMELESS),
        ..BLANK
    },
    Fault {
        name: "TLS where HTTP is expected",
        server: Tcp(&[&[Read, Say("\u{15}\u{3}\u{3}\0\u{2}\u{2}\n")]]),
        get: permanent(NAMELESS),
        post: permanent(NAMELESS),
        ..BLANK
    },
    Fault {
        name: "status that is not a number",
        server: always!("HTTP/1.1 abc OK\r\ncontent-length: 0\r\n\r\n"),
        get: permanent(NAMELESS),
        post: permanent(NAMELESS),
        ..BLANK
    },
    Fault {
        name: "version that is not HTTP/1",
        server: always!("HTTP/3.7 200 OK\r\ncontent-length: 0\r\n\r\n"),
        get: permanent(NAMELESS),
        post: permanent(NAMELESS),
        ..BLANK
    },
    Fault {
        name: "name of a header with a space",
        server: always!("HTTP/1.1 200 OK\r\nbad name: x\r\ncontent-length: 0\r\n\r\n"),
        get: permanent(NAMELESS),
        post: permanent(NAMELESS),
        ..BLANK
    },
    Fault {
        name: "value of a header with a control character",
        server: always!("HTTP/1.1 200 OK\r\nx: a\u{1}b\r\ncontent-length: 0\r\n\r\n"),
        get: permanent(NAMELESS),
        post: permanent(NAMELESS),
        ..BLANK
    },
    Fault {
        name: "length that is not a number",
        server: always!("HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\nok"),
        get: permanent(NAMELESS),
        post: permanent(NAMELESS),
        ..BLANK
    },
    Fault {
        name: "two lengths that differ",
        server: always!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok"),
        get: permanent(NAMELESS),
        post: permanent(NAMELESS),
        ..BLANK
    },
    Fault {
        name: "some interim answers (103), then 503",
        server: always!(
            "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n\
             HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
        ),
        get: exhausted(status(503)),
        post: ambiguous(status(503)),
        ..BLANK
    },
    Fault {
        name: "interim answers (103) without end",
        server: Tcp(&[&[Read, Flood("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n")]]),
        get: exhausted(TIMEOUT),
        post: ambiguous(TIMEOUT),
        ..SLOW
    },
    Fault {
        name: "unexpected 101",
        server: Tcp(&[&[
            Read,
            Say("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
        ]]),
        get: succeeds(1),
        post: succeeds(1),
        ..BLANK
    },
    Fault {
        name: "unexpected second answer (200), after a 429",
        server: Tcp(&[
            &[
                Read,
                Say("HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n\
                     HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nstale"),
                Hold,
            ],
            &[Serve(&[("", OK)])],
        ]),
        get: succeeds(2),
        post: succeeds(2),
        ..BLANK
    },
    Fault {
        name: "unexpected 100, then silence",
        server: Tcp(&[&[Read, Say("HTTP/1.1 100 Continue\r\n\r\n"), Hold]]),
        get: exhausted(TIMEOUT),
        post: ambiguous(TIMEOUT),
        ..SLOW
    },
    Fault {
        name: "unexpected 100, then closed",
        server: Tcp(&[&[Read, Say("HTTP/1.1 100 Continue\r\n\r\n")]]),
        get: exhausted(RESET),
        post: ambiguous(RESET),
        ..BLANK
    },
];

const BODIES: &[Fault] = &[
    Fault {
        name: "shorter than its length",
        server: Tcp(&[&[Read, Say("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort")]]),
        get: exhausted(BODY),
        post: ambiguous(BODY),
        ..BLANK
    },
    Fault {
        name: "reset (RST) inside the body",
        server: Tcp(&[&[
            Read,
            Say("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort"),
            Wait(ms(50)),
            Reset,
        ]]),
        get: exhausted(BODY),
        post: ambiguous(BODY),
        ..BLANK
    },
    Fault {
        name: "closed inside a chunk",
        server: Tcp(&[&[Read, Say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nshort")]]),
        get: exhausted(BODY),
        post: ambiguous(BODY),
        ..BLANK
    },
    Fault {
        name: "closed between chunks",
        server: Tcp(&[&[Read, Say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\n")]]),
        get: exhausted(BODY),
        post: ambiguous(BODY),
        ..BLANK
    },
    Fault {
        name: "chunk whose size is not a number",
        server: Tcp(&[&[
            Read,
            Say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfive\r\nshort\r\n"),
        ]]),
        get: exhausted(BODY),
        post: ambiguous(BODY),
        ..BLANK
    },
    Fault {
        name: "shorter than its length once, then whole",
        server: Tcp(&[&[Read, Say("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort")], &[Read, Say(OK)]]),
        get: succeeds(2),
        post: ambiguous(BODY),
        ..BLANK
    },
    Fault {
        name: "longer than its length",
        server: Tcp(&[&[Read, Say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok, and more"), Hold]]),
        get: succeeds(1),
        post: succeeds(1),
        ..BLANK
    },
    Fault {
        name: "gzip, brotli or zstd that ends early",
        server: Elsewhere(
            "tests/faults/tests/compression.rs",
            "a_compressed_body_that_ends_early_is_read_again_where_that_is_safe",
        ),
        get: exhausted(BODY),
        post: ambiguous(BODY),
        ..BLANK
    },
    Fault {
        name: "endless, in chunks",
        server: Tcp(&[&[
            Read,
            Say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
            Flood("5\r\nhello\r\n"),
        ]]),
        get: exhausted(BODY_TIMEOUT),
        post: ambiguous(BODY_TIMEOUT),
        ..SLOW
    },
    Fault {
        name: "that drips, a byte every 20 ms",
        server: Tcp(&[&[
            Read,
            Say("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"),
            Drip(
                "a body that takes two seconds to come, and is worth no more than any other would be, if not less",
            ),
        ]]),
        get: exhausted(BODY_TIMEOUT),
        post: ambiguous(BODY_TIMEOUT),
        ..SLOW
    },
    Fault {
        name: "that never comes",
        server: Tcp(&[&[Read, Say("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"), Hold]]),
        get: exhausted(BODY_TIMEOUT),
        post: ambiguous(BODY_TIMEOUT),
        ..SLOW
    },
    Fault {
        name: "of a 429, endless, in chunks",
        server: Tcp(&[&[
            Read,
            Say("HTTP/1.1 429 Too Many Requests\r\ntransfer-encoding: chunked\r\n\r\n"),
            Flood("5\r\nhello\r\n"),
        ]]),
        get: exhausted(status(429)),
        post: exhausted(status(429)),
        ..BLANK
    },
    Fault {
        name: "of a 429, that drips, a byte every 20 ms",
        server: Tcp(&[&[
            Read,
            Say("HTTP/1.1 429 Too Many Requests\r\ncontent-length: 100\r\n\r\n"),
            Drip(
                "a body that takes two seconds to come, and is worth no more than any other would be, if not less",
            ),
        ]]),
        get: exhausted(status(429)),
        post: exhausted(status(429)),
        ..BLANK
    },
    Fault {
        name: "of a 429, that never comes",
        server: Tcp(&[&[Read, Say("HTTP/1.1 429 Too Many Requests\r\ncontent-length: 100\r\n\r\n"), Hold]]),
        get: exhausted(status(429)),
        post: exhausted(status(429)),
        ..BLANK
    },
    Fault {
        name: "of a 503, shorter than its length",
        server: Tcp(&[&[Read, Say("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 9\r\n\r\nshort")]]),
        get: exhausted(status(503)),
        post: ambiguous(status(503)),
        ..BLANK
    },
];

/// The limit of redirects that a blocking client does not show.
const HIDDEN_REDIRECT: &str = "A POST of a *blocking* client whose redirect leads to its own URL";

/// A blocking client repeats a POST where an async client does not.
const fn blocking_repeats(expected: Expected) -> But {
    But { clients: &Client::BLOCKING, method: Method::Post, expected, limit: HIDDEN_REDIRECT }
}

const REDIRECTS: &[Fault] = &[
    Fault {
        name: "to another path (303), then 503",
        server: Tcp(&[&[Serve(&[
            (" / ", "HTTP/1.1 303 See Other\r\nlocation: /there\r\ncontent-length: 0\r\n\r\n"),
            (" /there ", REFUSES),
        ])]]),
        get: exhausted(status(503)).requests(8),
        post: ambiguous(status(503)).requests(2),
        ..BLANK
    },
    Fault {
        name: "to another path (307), then 429",
        server: Tcp(&[&[Serve(&[
            (" / ", "HTTP/1.1 307 Temporary Redirect\r\nlocation: /there\r\ncontent-length: 0\r\n\r\n"),
            (" /there ", LIMITS),
        ])]]),
        get: exhausted(status(429)).requests(8),
        post: ambiguous(status(429)).requests(2),
        ..BLANK
    },
    Fault {
        name: "to another host (302), which answers 503, or 403 if it sees the credentials",
        server: always!("HTTP/1.1 302 Found\r\nlocation: http://{there}/\r\ncontent-length: 0\r\n\r\n"),
        there: &[Serve(&[
            ("authorization: ", "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"),
            ("", REFUSES),
        ])],
        get: exhausted(status(503)).requests(8),
        post: ambiguous(status(503)).requests(2),
        ..BLANK
    },
    Fault {
        name: "to another host (307), which answers 429, or 403 if it sees the credentials",
        server: always!(
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{there}/\r\ncontent-length: 0\r\n\r\n"
        ),
        there: &[Serve(&[
            ("authorization: ", "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"),
            ("", LIMITS),
        ])],
        get: exhausted(status(429)).requests(8),
        post: ambiguous(status(429)).requests(2),
        ..BLANK
    },
    Fault {
        name: "in circles (302), of which reqwest follows ten",
        server: always!("HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n"),
        get: permanent(NAMELESS).requests(11),
        post: permanent(NAMELESS).requests(11),
        ..BLANK
    },
    Fault {
        name: "to a host that refuses connections (302)",
        server: always!("HTTP/1.1 302 Found\r\nlocation: http://{nobody}/\r\ncontent-length: 0\r\n\r\n"),
        get: exhausted(CONNECT),
        post: ambiguous(CONNECT),
        but: &[blocking_repeats(exhausted(CONNECT))],
        ..BLANK
    },
    Fault {
        name: "to a host that closes instead of an answer (307)",
        server: always!(
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{there}/\r\ncontent-length: 0\r\n\r\n"
        ),
        there: &[Read],
        get: exhausted(RESET).requests(8),
        post: ambiguous(RESET).requests(2),
        ..BLANK
    },
    Fault {
        name: "of a POST to its own URL (303), where a GET gets 429",
        server: Tcp(&[&[Serve(&[
            ("POST ", "HTTP/1.1 303 See Other\r\nlocation: /\r\ncontent-length: 0\r\n\r\n"),
            ("GET ", LIMITS),
        ])]]),
        get: exhausted(status(429)),
        post: ambiguous(status(429)).requests(2),
        but: &[blocking_repeats(exhausted(status(429)).requests(8))],
        ..BLANK
    },
    Fault {
        name: "of a POST to its own URL (303), where a GET gets 503",
        server: Tcp(&[&[Serve(&[
            ("POST ", "HTTP/1.1 303 See Other\r\nlocation: /\r\ncontent-length: 0\r\n\r\n"),
            ("GET ", REFUSES),
        ])]]),
        get: exhausted(status(503)),
        post: ambiguous(status(503)).requests(2),
        ..BLANK
    },
    Fault {
        name: "to a scheme that is not HTTP",
        server: always!("HTTP/1.1 302 Found\r\nlocation: ftp://127.0.0.1/\r\ncontent-length: 0\r\n\r\n"),
        get: permanent(NAMELESS),
        post: permanent(NAMELESS),
        ..BLANK
    },
    Fault {
        name: "without a location",
        server: always!("HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n"),
        get: succeeds(1),
        post: succeeds(1),
        ..BLANK
    },
];

/// Connects over TLS.
const HTTPS: Fault = Fault { reach: Reach::Https, ..BLANK };

const TLS: &[Fault] = &[
    Fault {
        name: "certificate that is not trusted",
        server: Tls(Untrusted, &[&[Read, Say(OK)]]),
        get: permanent(NAMELESS).requests(0),
        post: permanent(NAMELESS).requests(0),
        ..HTTPS
    },
    Fault {
        name: "certificate for another name",
        server: Tls(WrongName, &[&[Read, Say(OK)]]),
        get: permanent(NAMELESS).requests(0),
        post: permanent(NAMELESS).requests(0),
        ..HTTPS
    },
    Fault {
        name: "expired certificate",
        server: Tls(Expired, &[&[Read, Say(OK)]]),
        get: permanent(NAMELESS).requests(0),
        post: permanent(NAMELESS).requests(0),
        ..HTTPS
    },
    Fault {
        name: "plain HTTP on the port",
        server: Tcp(&[&[ReadSome, Say("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"), Hold]]),
        get: permanent(NAMELESS).requests(0),
        post: permanent(NAMELESS).requests(0),
        ..HTTPS
    },
    Fault {
        name: "refused",
        server: Nobody,
        get: exhausted(CONNECT).requests(0),
        post: exhausted(CONNECT).requests(0),
        ..HTTPS
    },
    Fault {
        name: "closed inside the handshake",
        server: Tcp(&[&[ReadSome]]),
        get: exhausted(CONNECT).requests(0),
        post: exhausted(CONNECT).requests(0),
        ..HTTPS
    },
    Fault {
        name: "reset (RST) inside the handshake",
        server: Tcp(&[&[ReadSome, Reset]]),
        get: exhausted(CONNECT).requests(0),
        post: exhausted(CONNECT).requests(0),
        ..HTTPS
    },
    Fault {
        name: "handshake that takes longer than the connection timeout",
        server: Tcp(&[&[Hold]]),
        pace: Pace::SlowConnect,
        get: exhausted(CONNECT_TIMEOUT).requests(0),
        post: exhausted(CONNECT_TIMEOUT).requests(0),
        ..HTTPS
    },
    Fault {
        name: "closed after the handshake, before the request is read",
        server: Tls(Right, &[&[ReadSome, Cut]]),
        get: exhausted(RESET).requests(0),
        post: ambiguous(RESET).requests(0),
        ..HTTPS
    },
    Fault {
        name: "reset (RST) instead of an answer",
        server: Tls(Right, &[&[Read, Reset]]),
        get: exhausted(RESET),
        post: ambiguous(RESET),
        ..HTTPS
    },
    Fault {
        name: "body shorter than its length",
        server: Tls(Right, &[&[Read, Say("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort")]]),
        get: exhausted(BODY),
        post: ambiguous(BODY),
        ..HTTPS
    },
    Fault {
        name: "body until the end, which comes without `close_notify`",
        server: Tls(Right, &[&[Read, Say("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nshort"), Cut]]),
        get: exhausted(BODY),
        post: ambiguous(BODY),
        ..HTTPS
    },
    Fault {
        name: "503",
        server: Tls(Right, &[&[Serve(&[("", REFUSES)])]]),
        get: exhausted(status(503)),
        post: ambiguous(status(503)),
        ..HTTPS
    },
    Fault {
        name: "client without a TLS backend",
        server: Elsewhere("tests/permanent.rs", "https_without_a_tls_backend_is_permanent"),
        get: permanent(NAMELESS).requests(0),
        post: permanent(NAMELESS).requests(0),
        ..HTTPS
    },
];

/// Sends requests to a proxy.
const PROXY: Fault = Fault { reach: Reach::Proxy, ..BLANK };

/// Has a proxy connect to the server.
const TUNNEL: Fault =
    Fault { reach: Reach::Tunnel, get: permanent(NAMELESS), post: permanent(NAMELESS), ..BLANK };

const PROXIES: &[Fault] = &[
    Fault {
        name: "no proxy listens",
        server: Nobody,
        get: exhausted(CONNECT).requests(0),
        post: exhausted(CONNECT).requests(0),
        ..PROXY
    },
    Fault {
        name: "no proxy listens, for CONNECT",
        server: Nobody,
        get: exhausted(CONNECT).requests(0),
        post: exhausted(CONNECT).requests(0),
        ..TUNNEL
    },
    Fault {
        name: "CONNECT is answered by 403",
        server: always!("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"),
        ..TUNNEL
    },
    Fault {
        name: "CONNECT is answered by 407",
        server: always!("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"),
        ..TUNNEL
    },
    Fault {
        name: "CONNECT is answered by 429 with `Retry-After: 1`",
        server: always!("HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n"),
        ..TUNNEL
    },
    Fault {
        name: "CONNECT is answered by 503 with `Retry-After: 1`",
        server: always!("HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n"),
        ..TUNNEL
    },
    Fault { name: "CONNECT is answered by the end of the connection", server: Tcp(&[&[Read]]), ..TUNNEL },
    Fault {
        name: "CONNECT is answered by 200 and the end of the connection",
        server: Tcp(&[&[Read, Say("HTTP/1.1 200 OK\r\n\r\n"), ReadSome]]),
        get: exhausted(CONNECT),
        post: exhausted(CONNECT),
        ..TUNNEL
    },
    Fault {
        name: "CONNECT is not answered within the connection timeout",
        server: Tcp(&[&[Read, Hold]]),
        pace: Pace::SlowConnect,
        get: exhausted(CONNECT_TIMEOUT),
        post: exhausted(CONNECT_TIMEOUT),
        ..TUNNEL
    },
    Fault {
        name: "CONNECT is not answered within the request timeout",
        server: Tcp(&[&[Read, Hold]]),
        pace: Pace::Slow,
        get: exhausted(TIMEOUT),
        post: ambiguous(TIMEOUT),
        ..TUNNEL
    },
    Fault {
        name: "request is answered by the end of the connection",
        server: Tcp(&[&[Read]]),
        get: exhausted(RESET),
        post: ambiguous(RESET),
        ..PROXY
    },
    Fault {
        name: "request is answered by 407",
        server: always!("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"),
        get: permanent(status(407)),
        post: permanent(status(407)),
        ..PROXY
    },
    Fault {
        name: "request is answered by 502",
        server: always!("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n"),
        get: exhausted(status(502)),
        post: ambiguous(status(502)),
        ..PROXY
    },
    Fault {
        name: "request is answered by 503",
        server: always!(REFUSES),
        get: exhausted(status(503)),
        post: ambiguous(status(503)),
        ..PROXY
    },
];

const NO_ERROR: u32 = 0x0;
const INTERNAL_ERROR: u32 = 0x2;
const REFUSED_STREAM: u32 = 0x7;
const CANCEL: u32 = 0x8;
const ENHANCE_YOUR_CALM: u32 = 0xb;

/// Speaks HTTP/2, without TLS. The request may have been processed.
const FRAMES: Fault = Fault { reach: Reach::Http2, get: exhausted(RESET), post: ambiguous(RESET), ..BLANK };

/// The server has not processed the request. By itself, reqwest repeats such a request up to twice.
const UNPROCESSED: Fault =
    Fault { get: exhausted(RESET).requests(12), post: exhausted(RESET).requests(12), ..FRAMES };

/// The request was answered.
const ANSWERED: Fault = Fault { get: exhausted(BODY), post: ambiguous(BODY), ..FRAMES };

const HTTP2: &[Fault] = &[
    Fault { name: "`REFUSED_STREAM`", server: Http2(&[&[RstStream(REFUSED_STREAM)]]), ..UNPROCESSED },
    Fault {
        name: "`GOAWAY` before the request, with `NO_ERROR`",
        server: Http2(&[&[GoAway(NO_ERROR)]]),
        // The attribute does not trust it: see `tests/goaway.rs`.
        post: ambiguous(RESET).requests(3),
        ..UNPROCESSED
    },
    Fault {
        name: "`GOAWAY` before the request, with `ENHANCE_YOUR_CALM`",
        server: Http2(&[&[GoAway(ENHANCE_YOUR_CALM)]]),
        ..FRAMES
    },
    Fault {
        name: "`GOAWAY` after the request, with `NO_ERROR`, and the end of the connection",
        server: Http2(&[&[GoAwayAfter(NO_ERROR), Close]]),
        ..FRAMES
    },
    Fault {
        name: "`REFUSED_STREAM` once, then 200: repeated by reqwest itself",
        server: Http2(&[&[RstStream(REFUSED_STREAM)], &[Status200]]),
        get: succeeds(1).requests(2),
        post: succeeds(1).requests(2),
        ..FRAMES
    },
    Fault {
        name: "`REFUSED_STREAM` four times, then 200",
        server: Http2(&[
            &[RstStream(REFUSED_STREAM)],
            &[RstStream(REFUSED_STREAM)],
            &[RstStream(REFUSED_STREAM)],
            &[RstStream(REFUSED_STREAM)],
            &[Status200],
        ]),
        get: succeeds(2).requests(5),
        post: succeeds(2).requests(5),
        ..FRAMES
    },
    Fault {
        name: "end of the connection once, then 200",
        server: Http2(&[&[Close], &[Status200]]),
        get: succeeds(2),
        ..FRAMES
    },
    Fault { name: "bytes that are not a frame", server: Http2(&[&[Garbage]]), ..FRAMES },
    Fault { name: "`CANCEL`", server: Http2(&[&[RstStream(CANCEL)]]), ..FRAMES },
    Fault { name: "`INTERNAL_ERROR`", server: Http2(&[&[RstStream(INTERNAL_ERROR)]]), ..FRAMES },
    Fault { name: "`ENHANCE_YOUR_CALM`", server: Http2(&[&[RstStream(ENHANCE_YOUR_CALM)]]), ..FRAMES },
    Fault { name: "end of the connection instead of an answer", server: Http2(&[&[Close]]), ..FRAMES },
    Fault {
        name: "end of the connection inside the body",
        server: Http2(&[&[Head, Data, Close]]),
        ..ANSWERED
    },
    Fault {
        name: "`CANCEL` inside the body",
        server: Http2(&[&[Head, Data, RstStream(CANCEL)]]),
        ..ANSWERED
    },
    Fault {
        name: "`REFUSED_STREAM` inside the body",
        server: Http2(&[&[Head, Data, RstStream(REFUSED_STREAM)]]),
        ..ANSWERED
    },
    Fault {
        name: "body that stops",
        server: Http2(&[&[Head, Data]]),
        pace: Pace::Slow,
        get: exhausted(BODY_TIMEOUT),
        post: ambiguous(BODY_TIMEOUT),
        ..FRAMES
    },
    Fault {
        name: "no answer in time",
        server: Http2(&[&[]]),
        pace: Pace::Slow,
        get: exhausted(TIMEOUT),
        post: ambiguous(TIMEOUT),
        ..FRAMES
    },
    Fault {
        name: "503",
        server: Http2(&[&[Status503]]),
        get: exhausted(status(503)),
        post: ambiguous(status(503)),
        ..FRAMES
    },
    Fault {
        name: "server that speaks HTTP/1.1 only",
        server: Tcp(&[&[ReadSome, Say("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")]]),
        get: exhausted(RESET).requests(0),
        post: ambiguous(RESET).requests(0),
        ..FRAMES
    },
];

/// Sends over a connection on which a GET was answered.
const WARM: Fault = Fault { reach: Reach::Warm, ..BLANK };

/// Waits long enough between attempts for a server to start.
const PATIENT: Fault = Fault { pace: Pace::Patient, ..BLANK };

const RESTARTS: &[Fault] = &[
    Fault {
        name: "closed by the server while idle",
        server: Tcp(&[&[Read, Say(OK)], &[Read, Say(OK)]]),
        get: succeeds(1),
        post: succeeds(1),
        ..WARM
    },
    Fault {
        name: "408 while idle, then closed",
        server: Tcp(&[
            &[
                Read,
                Say(OK),
                Wait(ms(20)),
                Say("HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"),
            ],
            &[Read, Say(OK)],
        ]),
        get: succeeds(1),
        post: succeeds(1),
        ..WARM
    },
    Fault {
        name: "closed by the server when the next request has come",
        server: Tcp(&[&[Read, Say(OK), Read], &[Read, Say(OK)]]),
        get: succeeds(2),
        post: ambiguous(RESET),
        ..WARM
    },
    Fault {
        name: "reset (RST) by the server while the next request comes",
        server: Tcp(&[&[Read, Say(OK), ReadSome, Reset], &[Read, Say(OK)]]),
        get: succeeds(2).requests(1),
        post: ambiguous(RESET).requests(0),
        ..WARM
    },
    Fault {
        name: "server restarts: reset, then refused, then back",
        server: Restarts { before: Some(&[Read, Reset]), down: ms(150), after: &[Read, Say(OK)] },
        get: succeeds(3).between((2, 4), (2, 2)),
        post: ambiguous(RESET),
        at_least: ms(100),
        ..PATIENT
    },
    Fault {
        name: "server restarts: 503 that closes, then refused, then back",
        server: Restarts {
            before: Some(&[
                Read,
                Say("HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"),
            ]),
            down: ms(150),
            after: &[Read, Say(OK)],
        },
        get: succeeds(3).between((2, 4), (2, 2)),
        post: ambiguous(status(503)),
        ..PATIENT
    },
    Fault {
        name: "server starts: refused, then up",
        server: Restarts { before: None, down: ms(150), after: &[Read, Say(OK)] },
        get: succeeds(3).between((1, 4), (1, 1)),
        post: succeeds(3).between((1, 4), (1, 1)),
        ..PATIENT
    },
];

/// Answers once by 429 with some headers, and then by 200, over one connection or two.
macro_rules! limits_once {
    ($headers:expr) => {
        Tcp(&[
            &[
                Read,
                Say(concat!("HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n", $headers, "\r\n\r\n")),
                Serve(&[("", OK)]),
            ],
            &[Serve(&[("", OK)])],
        ])
    };
}

/// The first answer is 429 for GET and POST alike, and the second attempt succeeds.
const LIMITED: Fault = Fault { get: succeeds(2), post: succeeds(2), ..BLANK };

/// The wait that the server asks for is a second.
const A_SECOND: Fault = Fault { at_least: secs(1), ..LIMITED };

/// The wait that the server asks for is too long.
const TOO_LONG: Fault = Fault {
    get: fails(1, status(429), Stop::HintTooLong),
    post: fails(1, status(429), Stop::HintTooLong),
    ..BLANK
};

const CLOCKS: &[Fault] = &[
    Fault { name: "`Retry-After: 1`", server: limits_once!("retry-after: 1"), ..A_SECOND },
    Fault {
        name: "`Retry-After` is a second after the `Date` of a server that is decades behind",
        server: limits_once!(
            "date: Thu, 01 Jan 2004 00:00:00 GMT\r\nretry-after: Thu, 01 Jan 2004 00:00:01 GMT"
        ),
        ..A_SECOND
    },
    Fault {
        name: "`Retry-After` is a second after the `Date` of a server that is decades ahead",
        server: limits_once!(
            "date: Sat, 01 Jan 2084 00:00:00 GMT\r\nretry-after: Sat, 01 Jan 2084 00:00:01 GMT"
        ),
        ..A_SECOND
    },
    Fault {
        name: "server whose clock jumps by decades between two answers",
        server: Tcp(&[&[
            Read,
            Say("HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\
                 date: Sat, 01 Jan 2084 00:00:00 GMT\r\nretry-after: Sat, 01 Jan 2084 00:00:01 GMT\r\n\r\n"),
            Read,
            Say("HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\
                 date: Thu, 01 Jan 2004 00:00:00 GMT\r\nretry-after: Thu, 01 Jan 2004 00:00:01 GMT\r\n\r\n"),
            Serve(&[("", OK)]),
        ]]),
        get: succeeds(3),
        post: succeeds(3),
        at_least: secs(2),
        at_most: secs(8),
        ..BLANK
    },
    Fault {
        name: "`Retry-After` is a past date",
        server: limits_once!("retry-after: Thu, 01 Jan 2004 00:00:00 GMT"),
        ..LIMITED
    },
    Fault {
        name: "`Retry-After` is before the `Date`",
        server: limits_once!(
            "date: Thu, 01 Jan 2004 00:00:01 GMT\r\nretry-after: Thu, 01 Jan 2004 00:00:00 GMT"
        ),
        ..LIMITED
    },
    Fault { name: "`Retry-After` is negative", server: limits_once!("retry-after: -5"), ..LIMITED },
    Fault {
        name: "`X-RateLimit-Reset` is past",
        server: limits_once!("x-ratelimit-reset: 1072915200"),
        ..LIMITED
    },
    Fault {
        name: "`Retry-After` is a date decades from now",
        server: limits_once!("retry-after: Sat, 01 Jan 2084 00:00:00 GMT"),
        ..TOO_LONG
    },
    Fault { name: "`Retry-After` is decades", server: limits_once!("retry-after: 999999999"), ..TOO_LONG },
    Fault {
        name: "503 whose `Retry-After` is a past date, which is no hint",
        server: always!(
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\
             retry-after: Thu, 01 Jan 2004 00:00:00 GMT\r\n\r\n"
        ),
        get: exhausted(status(503)),
        post: ambiguous(status(503)),
        ..BLANK
    },
];

/// The call may take 400 ms, and its only attempt takes all of them.
const OVERDUE: Fault = Fault {
    pace: Pace::Deadline,
    get: fails(1, TIMEOUT, Stop::Deadline),
    post: ambiguous(TIMEOUT),
    at_most: secs(3),
    ..BLANK
};

const DEADLINES: &[Fault] = &[
    Fault { name: "no head in time", server: Tcp(&[&[Read, Hold]]), ..OVERDUE },
    Fault {
        name: "head that drips, a byte every 20 ms",
        server: Tcp(&[&[Read, Drip("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nserver: slow\r\n\r\nok")]]),
        ..OVERDUE
    },
    Fault {
        name: "body that never comes",
        server: Tcp(&[&[Read, Say("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"), Hold]]),
        get: fails(1, BODY_TIMEOUT, Stop::Deadline),
        post: ambiguous(BODY_TIMEOUT),
        ..OVERDUE
    },
    Fault {
        name: "429 whose body is endless",
        server: Tcp(&[&[
            Read,
            Say("HTTP/1.1 429 Too Many Requests\r\ntransfer-encoding: chunked\r\n\r\n"),
            Flood("5\r\nhello\r\n"),
        ]]),
        // With a deadline, a failed response is read for no longer than the wait.
        get: exhausted(status(429)),
        post: exhausted(status(429)),
        ..OVERDUE
    },
    Fault {
        name: "429 whose body never comes",
        server: Tcp(&[&[Read, Say("HTTP/1.1 429 Too Many Requests\r\ncontent-length: 100\r\n\r\n"), Hold]]),
        // With a deadline, a failed response is read for no longer than the wait.
        get: exhausted(status(429)),
        post: exhausted(status(429)),
        ..OVERDUE
    },
    Fault {
        name: "429 with `Retry-After: 1`",
        server: always!("HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n"),
        get: fails(1, status(429), Stop::Deadline),
        post: fails(1, status(429), Stop::Deadline),
        ..OVERDUE
    },
    Fault {
        name: "server that is down for longer",
        server: Nobody,
        get: exhausted(CONNECT).requests(0),
        post: exhausted(CONNECT).requests(0),
        ..OVERDUE
    },
];

/// A server that answers 503, met from somewhere.
const REFUSED: Fault =
    Fault { server: always!(REFUSES), get: exhausted(status(503)), post: ambiguous(status(503)), ..BLANK };

const RUNTIMES: &[Fault] = &[
    Fault { name: "503, in a runtime of one thread", place: Place::CurrentThread, ..REFUSED },
    Fault { name: "503, in a task of a `LocalSet`", place: Place::LocalSet, ..REFUSED },
    Fault {
        name: "200, in a runtime without time",
        server: always!(OK),
        place: Place::WithoutTime,
        pace: Pace::Unlimited,
        ..BLANK
    },
    Fault {
        name: "429, in a runtime without time, in which tokio's timer panics",
        server: always!(LIMITS),
        place: Place::WithoutTime,
        pace: Pace::Unlimited,
        get: panics("timers are disabled"),
        post: panics("timers are disabled"),
        ..BLANK
    },
    Fault {
        name: "429, in a runtime that is shut down while the call waits",
        server: always!(LIMITS),
        place: Place::ShutDown,
        pace: Pace::Patient,
        get: dropped(),
        post: dropped(),
        ..BLANK
    },
    Fault {
        name: "no answer, in a runtime that is shut down meanwhile",
        server: Tcp(&[&[Read, Hold]]),
        place: Place::ShutDown,
        get: dropped(),
        post: dropped(),
        ..BLANK
    },
    Fault { name: "503, sync, in `spawn_blocking`", place: Place::SpawnBlocking, ..REFUSED },
    Fault {
        name: "503, sync, on a thread that runs async code, where reqwest panics",
        server: always!(REFUSES),
        place: Place::InsideRuntime,
        get: panics("Cannot").requests(0),
        post: panics("Cannot").requests(0),
        ..BLANK
    },
];
