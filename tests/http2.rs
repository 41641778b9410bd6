//! Failures of HTTP/2 (RFC 9113): which of them say that a request was not processed, by client and
//! by method.

#[path = "support/calls.rs"]
mod calls;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Method;
use retry_http::Failure;
use retry_http::testing::server::{Reply, Server, nobody};

const NO_ERROR: u32 = 0x0;
const INTERNAL_ERROR: u32 = 0x2;
const REFUSED_STREAM: u32 = 0x7;
const CANCEL: u32 = 0x8;
const ENHANCE_YOUR_CALM: u32 = 0xb;

/// An act of the server when a request has come on a stream.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Resets the stream.
    Reset(u32),
    /// Answers 200, and resets the stream before its end.
    ResetBody(u32),
    /// Closes the connection, and says that it has not processed the request.
    GoAway(u32),
    /// Closes the connection, and says that it may have processed the request.
    GoAwayAfter(u32),
    /// Closes the connection.
    HangUp,
    /// Answers 500.
    Status500,
    /// Answers nothing to two requests, and 200 to others.
    SilentTwice,
}

/// A server of HTTP/2 on loopback, in so many frames.
struct Frames {
    port: u16,
    requests: Arc<AtomicUsize>,
}

impl Frames {
    fn new(fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counter = Arc::clone(&counter);
                // Errors are expected: clients go away.
                std::thread::spawn(move || serve(stream, fault, &counter));
            }
        });
        Self { port, requests }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }
}

/// Writes a frame (RFC 9113 §4.1).
fn frame(stream: &mut TcpStream, kind: u8, flags: u8, id: u32, payload: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(id.to_be_bytes());
    bytes.extend(payload);
    stream.write_all(&bytes)
}

fn serve(mut stream: TcpStream, fault: Fault, requests: &AtomicUsize) -> std::io::Result<()> {
    const DATA: u8 = 0x0;
    const HEADERS: u8 = 0x1;
    const RST_STREAM: u8 = 0x3;
    const SETTINGS: u8 = 0x4;
    const PING: u8 = 0x6;
    const GOAWAY: u8 = 0x7;
    const END: u8 = 0x1;
    const END_HEADERS: u8 = 0x4;
    stream.read_exact(&mut [0; 24])?;
    frame(&mut stream, SETTINGS, 0, 0, &[])?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload)?;
        match (head[3], head[4] & END) {
            (SETTINGS, 0) => frame(&mut stream, SETTINGS, 0x1, 0, &[])?,
            (PING, 0) => frame(&mut stream, PING, 0x1, 0, &payload)?,
            // The request has ended.
            (HEADERS | DATA, END) => {
                let before = requests.fetch_add(1, Ordering::SeqCst);
                let go_away = |last: u32, reason: u32| [last.to_be_bytes(), reason.to_be_bytes()].concat();
                match fault {
                    Fault::Reset(reason) => frame(&mut stream, RST_STREAM, 0, id, &reason.to_be_bytes())?,
                    Fault::ResetBody(reason) => {
                        frame(&mut stream, HEADERS, END_HEADERS, id, &[0x88])?;
                        frame(&mut stream, DATA, 0, id, b"half")?;
                        // The head of the response is to be read first.
                        std::thread::sleep(std::time::Duration::from_millis(20));
                        frame(&mut stream, RST_STREAM, 0, id, &reason.to_be_bytes())?;
                    }
                    Fault::GoAway(reason) => frame(&mut stream, GOAWAY, 0, 0, &go_away(id - 1, reason))?,
                    Fault::GoAwayAfter(reason) => {
                        frame(&mut stream, GOAWAY, 0, 0, &go_away(id, reason))?;
                        std::thread::sleep(std::time::Duration::from_millis(20));
                        return Ok(());
                    }
                    Fault::HangUp => return Ok(()),
                    Fault::Status500 => frame(&mut stream, HEADERS, END_HEADERS | END, id, &[0x8e])?,
                    Fault::SilentTwice if before < 2 => {}
                    Fault::SilentTwice => frame(&mut stream, HEADERS, END_HEADERS | END, id, &[0x88])?,
                }
            }
            _ => {}
        }
    }
}

/// Asserts the verdict on a call by every client, and how many requests the server gets.
fn assert(fault: Fault, method: &Method, requests: usize, expected: &str) {
    let server = Frames::new(fault);
    let mut before = 0;
    for (client, verdict, is_ok) in
        verdicts!(|builder| builder.http2_prior_knowledge(), method, &server.url())
    {
        assert_eq!(verdict, expected, "{fault:?}: {method} by {client}");
        assert!(!is_ok);
        before += 1;
    }
    assert_eq!(server.requests.load(Ordering::SeqCst), before * requests, "{fault:?}: {method}");
}

#[test]
fn requests_that_were_not_processed_are_retried_by_any_method() {
    for method in [Method::GET, Method::POST, Method::PATCH] {
        // By itself, reqwest repeats such a request up to twice.
        assert(Fault::Reset(REFUSED_STREAM), &method, 4 * 3, "4 in 7s: reset exhausted");
    }
}

/// The error does not tell which requests a `GOAWAY` covers: see `tests/faults/tests/goaway.rs`.
#[test]
fn a_goaway_does_not_make_an_unsafe_request_repeatable() {
    // What reqwest repeats by itself is not the attribute's.
    assert(Fault::GoAway(NO_ERROR), &Method::GET, 4 * 3, "4 in 7s: reset exhausted");
    for method in [Method::POST, Method::PATCH] {
        assert(Fault::GoAway(NO_ERROR), &method, 3, "1 in 0s: reset ambiguous");
    }
}

#[test]
fn requests_that_may_have_been_processed_are_retried_where_that_is_safe() {
    for fault in [
        Fault::Reset(INTERNAL_ERROR),
        Fault::Reset(CANCEL),
        Fault::Reset(ENHANCE_YOUR_CALM),
        Fault::GoAway(ENHANCE_YOUR_CALM),
        Fault::GoAwayAfter(NO_ERROR),
        Fault::HangUp,
    ] {
        assert(fault, &Method::GET, 4, "4 in 7s: reset exhausted");
        assert(fault, &Method::POST, 1, "1 in 0s: reset ambiguous");
    }
    assert(Fault::Status500, &Method::GET, 4, "4 in 7s: 500 exhausted");
    assert(Fault::Status500, &Method::POST, 1, "1 in 0s: 500 ambiguous");
}

#[test]
fn an_answered_request_was_processed_whatever_ends_the_body() {
    for reason in [REFUSED_STREAM, CANCEL] {
        assert(Fault::ResetBody(reason), &Method::GET, 4, "4 in 7s: 200+body exhausted");
        assert(Fault::ResetBody(reason), &Method::POST, 1, "1 in 0s: 200+body ambiguous");
    }
}

#[test]
fn a_server_that_does_not_speak_it_may_have_processed_anything() {
    let server = Server::script([Reply::status(200)]);
    for (method, expected) in
        [(Method::GET, "4 in 7s: reset exhausted"), (Method::POST, "1 in 0s: reset ambiguous")]
    {
        let url = server.url("/");
        for (client, verdict, _) in verdicts!(|builder| builder.http2_prior_knowledge(), &method, &url) {
            assert_eq!(verdict, expected, "{method} by {client}");
        }
    }
}

/// The runtime that drives a connection is shut down while a request of another runtime waits for
/// its answer. hyper calls that an error of the user's.
macro_rules! assert_lost_with_its_runtime {
    ($reqwest:ident, $send:path, $method:expr, $expected:expr) => {{
        let server = Frames::new(Fault::SilentTwice);
        let http = $reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
        let has = |requests: usize| {
            let counter = Arc::clone(&server.requests);
            move || counter.load(Ordering::SeqCst) >= requests
        };
        let owner =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        _ = owner.spawn(http.get(server.url()).send());
        until(has(1));
        let second = has(2);
        let shutdown = std::thread::spawn(move || {
            until(second);
            owner.shutdown_background();
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let kit = calls::enter();
        let outcome = runtime.block_on($send(&http, &$method, &server.url()));
        shutdown.join().unwrap();
        let verdict = match &outcome {
            Ok(_) => format!("ok after {}", kit.attempts()),
            Err(_) => calls::verdict(&kit),
        };
        assert_eq!(verdict, $expected, "{} by {}: {outcome:?}", $method, stringify!($reqwest));
    }};
}

fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

#[test]
fn a_connection_that_is_lost_with_its_runtime_is_reset() {
    for (method, expected) in [(Method::GET, "ok after 2"), (Method::POST, "1 in 0s: reset ambiguous")] {
        assert_lost_with_its_runtime!(reqwest, calls::send, method, expected);
        assert_lost_with_its_runtime!(reqwest12, calls::send12, method, expected);
    }
}

/// Over HTTP/2 one request connects, and others wait for its connection.
macro_rules! assert_that_waiting_is_connecting {
    ($reqwest:ident, $send:path, $method:expr) => {{
        let http = $reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
        let (method, url) = ($method, nobody());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let plain = runtime.block_on(async { tokio::join!(http.get(&url).send(), http.get(&url).send()) });
        let waited = format!("{:?}", plain.1.unwrap_err());
        assert!(waited.contains("CheckoutNoLongerWanted"), "it waited for the first: {waited}");
        let kit = calls::enter();
        let (first, second) = runtime
            .block_on(async { tokio::join!($send(&http, &method, &url), $send(&http, &method, &url)) });
        assert!(first.is_err() && second.is_err());
        assert_eq!(kit.attempts(), 2 * 4, "{method} by {}", stringify!($reqwest));
        let words = kit.events().iter().all(|event| event.failures == Failure::Connect.into());
        assert!(words, "{:?}", kit.events());
    }};
}

#[test]
fn a_request_that_waits_for_the_connection_of_another_fails_to_connect() {
    for method in [Method::GET, Method::POST] {
        assert_that_waiting_is_connecting!(reqwest, calls::send, method.clone());
        assert_that_waiting_is_connecting!(reqwest12, calls::send12, method);
    }
}
