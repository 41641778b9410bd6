//! A server on loopback, which answers so fast that what is measured is the client.
//!
//! The first part of a path is the number of headers of its answers. The second says how often it
//! refuses: `/25/once` is a 503, then a 200, and so on.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::call::{Target, Verb};

/// The numbers of headers: few, and as many as GitHub sends.
pub const HEADERS: [usize; 2] = [2, 25];

/// Which requests are answered with 503.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refuses {
    None,
    /// Every other one, from the first.
    Once,
    All,
}

/// When an answer is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    AtOnce,
    /// After a moment in which the client has begun to wait, as it does for a server far away. How
    /// many instructions a call takes depends on whether it finds the answer there already.
    Later,
}

pub struct Server {
    address: String,
    shared: Arc<Shared>,
}

struct Shared {
    answers: Answers,
    requests: AtomicU32,
    /// The requests of which every other one is refused.
    alternating: AtomicU32,
}

impl Server {
    /// Answers until the program ends.
    pub fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let address = listener.local_addr().expect("bound").to_string();
        let shared =
            Arc::new(Shared { answers, requests: AtomicU32::new(0), alternating: AtomicU32::new(0) });
        let state = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&state);
                std::thread::spawn(move || answer(&stream, &state));
            }
        });
        Self { address, shared }
    }

    /// Returns a request to this server.
    pub fn target(&self, verb: Verb, headers: usize, refuses: Refuses) -> Target {
        let refuses = match refuses {
            Refuses::None => "none",
            Refuses::Once => "once",
            Refuses::All => "all",
        };
        Target { verb, url: format!("http://{}/{headers}/{refuses}", self.address) }
    }

    /// Returns the number of requests so far.
    pub fn requests(&self) -> u32 {
        self.shared.requests.load(Ordering::SeqCst)
    }
}

/// Answers the requests of a connection, until the client goes away.
fn answer(mut stream: &TcpStream, shared: &Shared) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let texts = HEADERS.map(|headers| [text("200 OK", headers), text("503 Service Unavailable", headers)]);
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let texts = if line.contains("/25/") { &texts[1] } else { &texts[0] };
        shared.requests.fetch_add(1, Ordering::SeqCst);
        let refused = if line.contains("/once ") {
            shared.alternating.fetch_add(1, Ordering::SeqCst).is_multiple_of(2)
        } else {
            line.contains("/all ")
        };
        read_rest(&mut reader)?;
        if shared.answers == Answers::Later {
            std::thread::sleep(Duration::from_millis(1));
        }
        stream.write_all(texts[usize::from(refused)].as_bytes()).ok()?;
    }
}

/// Reads the headers and the body of a request.
fn read_rest(reader: &mut BufReader<&TcpStream>) -> Option<()> {
    let mut length = 0;
    let mut line = String::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()
}

/// The headers that GitHub sends with a response.
const MANY: [&str; 23] = [
    "access-control-allow-origin: *",
    "cache-control: public, max-age=60, s-maxage=60",
    "content-security-policy: default-src 'none'",
    "content-type: application/json; charset=utf-8",
    "etag: W/\"7f1a5fb9e1f26e6a9a3f3b9ad5e8c5d2\"",
    "last-modified: Mon, 23 Nov 2026 09:30:11 GMT",
    "referrer-policy: origin-when-cross-origin",
    "server: github.com",
    "strict-transport-security: max-age=31536000; includeSubdomains; preload",
    "vary: Accept, Accept-Encoding, Accept, X-Requested-With",
    "x-accepted-oauth-scopes: repo",
    "x-content-type-options: nosniff",
    "x-frame-options: deny",
    "x-github-api-version-selected: 2022-11-28",
    "x-github-media-type: github.v3; format=json",
    "x-github-request-id: C6A4:3A1B:19D0E2:1B2C3D:65A1B2C3",
    "x-oauth-scopes: repo",
    "x-ratelimit-limit: 5000",
    "x-ratelimit-remaining: 4987",
    "x-ratelimit-reset: 1795525200",
    "x-ratelimit-resource: core",
    "x-ratelimit-used: 13",
    "x-xss-protection: 0",
];

fn text(status: &str, headers: usize) -> String {
    let body = r#"{"id":1}"#;
    let mut text = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\ndate: Tue, 24 Nov 2026 12:00:00 GMT\r\n",
        body.len()
    );
    for header in MANY.iter().take(headers.saturating_sub(2)) {
        write!(text, "{header}\r\n").expect("memory");
    }
    text + "\r\n" + body
}
