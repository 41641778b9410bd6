//! An annotated async and an annotated sync function against a server that limits its rate, breaks
//! down, hangs up and recovers.
//!
//! `cargo run -p quickstart`

use std::process::ExitCode;
use std::time::Instant;

use retry_http::retry_http;
use retry_http::testing::server::{Reply, Server};

#[retry_http(max = 5, on = [429, 503], never = [401], base = 200ms)]
async fn greeting(http: &reqwest::Client, url: &str) -> Result<String, reqwest::Error> {
    http.get(url).send().await?.error_for_status()?.text().await
}

#[retry_http(max = 5, on = [429, 503], never = [401], base = 200ms)]
fn greeting_blocking(http: &reqwest::blocking::Client, url: &str) -> Result<String, reqwest::Error> {
    http.get(url).send()?.error_for_status()?.text()
}

/// The answers of the server, and their consequences for the caller.
const SCRIPT: [(&str, &str); 4] = [
    ("429 Too Many Requests, Retry-After: 1", "the server asked for 1 s, and up to 0.1 s is added"),
    ("503 Service Unavailable", "the second computed wait is 0.4 s, and up to 0.2 s is added"),
    ("connection closed without an answer", "the third computed wait is 0.8 s, and up to 0.4 s is added"),
    ("200 OK", "nothing to retry"),
];

fn flaky() -> Server {
    Server::script([
        Reply::status(429).header("retry-after", "1"),
        Reply::status(503),
        Reply::hang_up(),
        Reply::status(200).body("hello"),
    ])
}

/// Prints what the server saw, and whether the call did what it should.
fn report(kind: &str, started: Instant, server: &Server, outcome: &Result<String, reqwest::Error>) -> bool {
    println!("{kind}");
    let requests = server.requests();
    for (n, request) in requests.iter().enumerate() {
        let (answer, why) = SCRIPT.get(n).copied().unwrap_or(("200 OK", "nothing to retry"));
        let at = (request.at - started).as_secs_f64();
        println!("  {at:>5.2} s  attempt {}  {answer}", n + 1);
        match requests.get(n + 1) {
            Some(next) => {
                println!("           waits {:.2} s: {why}", (next.at - request.at).as_secs_f64());
            }
            None => println!("           stops: {why}"),
        }
    }
    println!("  {:>5.2} s  {outcome:?}\n", started.elapsed().as_secs_f64());
    requests.len() == SCRIPT.len() && matches!(outcome, Ok(text) if text == "hello")
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let server = flaky();
    let started = Instant::now();
    let outcome = runtime.block_on(greeting(&reqwest::Client::new(), &server.url("/")));
    let first = report("async fn greeting", started, &server, &outcome);

    let server = flaky();
    let started = Instant::now();
    let outcome = greeting_blocking(&reqwest::blocking::Client::new(), &server.url("/"));
    let second = report("fn greeting_blocking", started, &server, &outcome);

    if first && second { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
