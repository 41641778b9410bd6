//! Measures what the attribute adds to a call that succeeds, and what a loop by hand does:
//! instructions by callgrind, which are exact where a clock is noisy, and heap allocations by a
//! counting allocator. Fails if the attribute adds an allocation, or too many instructions.
//!
//! `cargo run --release --package happy-path`, with valgrind installed. The counted process only
//! makes the calls; the server runs in the one that starts it. A package of its own, since tests
//! and examples turn on features that cost.
//!
//! Instructions inside of libc's allocator are not counted. How many of them find a block depends
//! on the sizes and ages of all other blocks, so that any change of the program moves them by
//! hundreds a call, and hides what the attribute costs. Allocations are counted by themselves. What
//! is left moves by some 40 with the alignment of what is copied.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use reqwest::{Client, Response};
use retry_http::{Upstream, retry_http};

#[retry_http(max = 5, on = [429, 503], never = [401])]
async fn annotated(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
    http.get(url).send().await
}

async fn plain(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
    http.get(url).send().await
}

static UPSTREAM: Upstream = Upstream::new("bench");

#[retry_http(max = 5, on = [429, 503], never = [401], upstream = UPSTREAM)]
async fn shared(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
    http.get(url).send().await
}

async fn by_hand(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
    let mut retries = 0;
    loop {
        let outcome = http.get(url).send().await;
        let again = match &outcome {
            Ok(response) => matches!(response.status().as_u16(), 429 | 503),
            Err(error) => error.is_connect() || error.is_timeout(),
        };
        if !again || retries == 5 {
            return outcome;
        }
        tokio::time::sleep(Duration::from_secs(1 << retries)).await;
        retries += 1;
    }
}

const KINDS: [&str; 4] = ["plain", "by_hand", "annotated", "shared"];

/// The most instructions that the attribute may add to a call: 2.9 % of what reqwest takes. It adds
/// some 1,200, give or take a hundred by compiler and processor.
const MOST_ADDED: i64 = 1_600;

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    if let [_, kind, url, calls] = arguments.as_slice() {
        return make_calls(kind, url, calls.parse().expect("a number"));
    }

    let url = server();
    println!("allocations a call (plain; added: by hand; annotated; with an upstream):");
    let [plain, hand, ours, shared] = KINDS.map(|kind| allocations(kind, &url));
    println!("  {plain}; {:+}; {:+}; {:+}", hand - plain, ours - plain, shared - plain);
    assert_eq!([ours, shared], [plain; 2], "a call that succeeds allocates nothing more");
    println!("size of the future in bytes (plain; by hand; annotated):");
    let http = Client::new();
    let [plain, hand, ours] = [
        size_of_val(&self::plain(&http, &url)),
        size_of_val(&by_hand(&http, &url)),
        size_of_val(&annotated(&http, &url)),
    ];
    println!("  {plain}; {hand}; {ours}");

    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("valgrind is not installed, so no instructions are counted: apt-get install valgrind");
        std::process::exit(1);
    }
    println!(
        "instructions a call, without the allocator's (plain; added: by hand; annotated; with an upstream), three times:"
    );
    for _ in 0..3 {
        let [plain, hand, ours, shared] = KINDS.map(|kind| instructions(kind, &url));
        let added =
            |count| format!("{:+} ({:+.3} %)", count - plain, 100.0 * as_f64(count - plain) / as_f64(plain));
        println!("  {plain}; {}; {}; {}", added(hand), added(ours), added(shared));
        for added in [ours - plain, shared - plain] {
            assert!(added <= MOST_ADDED, "{added} instructions a call more");
        }
    }
}

/// Answers every request with 200, until the program ends.
fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(&stream));
        }
    });
    url
}

/// Answers the requests of a connection, until the client goes away.
fn answer(mut stream: &TcpStream) -> Option<()> {
    let mut lines = BufReader::new(stream).lines();
    loop {
        while !lines.next()?.ok()?.is_empty() {}
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\ndate: Tue, 24 Nov 2026 12:00:00 GMT\r\n\r\n")
            .ok()?;
    }
}

#[allow(clippy::cast_precision_loss, reason = "for a percentage")]
fn as_f64(number: i64) -> f64 {
    number as f64
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

async fn make_call(http: &Client, kind: &str, url: &str) {
    let outcome = match kind {
        "plain" => plain(http, url).await,
        "by_hand" => by_hand(http, url).await,
        "shared" => shared(http, url).await,
        _ => annotated(http, url).await,
    };
    outcome.expect("a server that answers").bytes().await.expect("a body");
}

fn make_calls(kind: &str, url: &str, calls: u32) {
    let http = Client::new();
    runtime().block_on(async {
        for _ in 0..calls {
            make_call(&http, kind, url).await;
        }
    });
}

/// Returns the allocations of this thread a call: the fewest of many, since those of the transport
/// depend on how its reads fall.
fn allocations(kind: &str, url: &str) -> i64 {
    let (runtime, http) = (runtime(), Client::new());
    let call = || runtime.block_on(make_call(&http, kind, url));
    let fewest = (0..1000).map(|_| allocation_counter::measure(call).count_total).min();
    fewest.and_then(|count| count.try_into().ok()).expect("few")
}

/// Returns the instructions a call: those of many calls less those of fewer, so that starting up
/// does not count.
fn instructions(kind: &str, url: &str) -> i64 {
    const FEW: i64 = 100;
    const MANY: i64 = 600;
    (counted(kind, url, MANY) - counted(kind, url, FEW)) / (MANY - FEW)
}

/// The functions of libc's allocator that Rust calls.
const ALLOCATOR: [&str; 5] = ["malloc", "calloc", "realloc", "posix_memalign", "free"];

/// Runs this program under callgrind, and returns the number of its instructions outside of the
/// allocator.
fn counted(kind: &str, url: &str, calls: i64) -> i64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        // Entering one of these stops counting, and leaving it starts counting again.
        .args(ALLOCATOR.map(|function| format!("--toggle-collect={function}")))
        // A toggle makes a program start uncounted, unless this follows.
        .arg("--collect-atstart=yes")
        .arg(std::env::current_exe().expect("this program"))
        .args([kind, url, &calls.to_string()])
        .output()
        .expect("valgrind");
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}");
    let line = report.lines().find(|line| line.contains("Collected :")).expect("what callgrind reports");
    line.rsplit(' ').next().and_then(|count| count.parse().ok()).expect("a number")
}
