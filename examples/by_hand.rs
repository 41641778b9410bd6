//! The state machine without the attribute, a client or a clock: for other transports, and for
//! simulations.
//!
//! `cargo run --example by_hand`

use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method, StatusCode};
use retry_http::{Condition, Exchange, Jitter, Policy, Retry, Verdict, hint};

const POLICY: Policy = match Policy::builder()
    .max(5)
    .on(&[Condition::Status(429), Condition::Status(503)])
    .never(&[Condition::Status(401)])
    .jitter(Jitter::Full)
    .build()
{
    Ok(policy) => policy,
    Err(error) => panic!("{}", error.message().as_str()),
};

/// A service that is down for ten seconds and then limits its rate, as a function of time.
fn service(now: Duration) -> (StatusCode, HeaderMap) {
    let mut headers = HeaderMap::new();
    if now < Duration::from_secs(10) {
        (StatusCode::SERVICE_UNAVAILABLE, headers)
    } else if now < Duration::from_secs(30) {
        headers.insert("retry-after", (30 - now.as_secs()).into());
        (StatusCode::TOO_MANY_REQUESTS, headers)
    } else {
        (StatusCode::OK, headers)
    }
}

fn main() {
    // Time and randomness are ours: nothing here sleeps.
    let mut now = Duration::ZERO;
    let mut random = [0.9, 0.7, 0.95, 0.5, 0.4].into_iter();

    let mut retry = Retry::new(&POLICY);
    loop {
        let (status, headers) = service(now);
        let mut exchange = Exchange::new(&Method::GET, &HeaderMap::new());
        exchange.on_response(status);
        if let Some(hint) = hint::read_from(&headers, || SystemTime::UNIX_EPOCH + now) {
            exchange.record_header_hint(hint, POLICY.hint());
        }
        match retry.next(&exchange, Duration::ZERO, || random.next().unwrap_or(0.0)) {
            Verdict::Wait(wait) => {
                println!("at {now:>6.1?}: {status}, again in {wait:.1?}");
                now += wait;
            }
            Verdict::Stop(stop) => {
                println!("at {now:>6.1?}: {status}, done after {} retries: {stop:?}", retry.retries());
                break;
            }
        }
    }
}
