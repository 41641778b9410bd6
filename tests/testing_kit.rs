//! The testing kit: waits pass in no time and are recorded, jitter has a seed, retries are off; and
//! a flaky server.

mod support;

use std::collections::HashSet;
use std::iter::repeat_n;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use futures::future::join_all;
use reqwest::{Client, Method, Response, StatusCode};
use retry_http::testing::server::{Reply, Server, nobody};
use retry_http::testing::{self, Kit};
use retry_http::{Failure, Renewal, Step, Stop, Upstream, retry_http};
use support::fake::{Canned, Fake};
use support::ms;

const MINUTE: Duration = Duration::from_secs(60);

/// Waits of 1, 2, 4 s and jitter.
#[retry_http]
async fn get(http: &Client, url: &str) -> reqwest::Result<Response> {
    http.get(url).send().await
}

#[retry_http(jitter = none)]
async fn exact(http: &Client, url: &str) -> reqwest::Result<Response> {
    http.get(url).send().await
}

#[retry_http(base = 30s, max = 4)]
async fn without_socket(fake: &Fake) -> reqwest::Result<Response> {
    fake.answer().await
}

#[retry_http(base = 30s, max = 4)]
fn without_socket_blocking(fake: &Fake) -> reqwest::Result<Response> {
    Ok(fake.answer_blocking())
}

/// Refuses so many requests, then answers.
fn refusing(times: usize) -> Fake {
    Fake::new(repeat_n(Canned::status(429), times).chain([Canned::status(200)]))
}

#[tokio::test]
async fn waits_are_recorded_and_pass_in_no_time() {
    let server = Server::script([
        Reply::status(503),
        Reply::status(429).header("retry-after", "100"),
        Reply::hang_up(),
        Reply::status(200),
    ]);
    let kit = testing::instant();
    assert_eq!(exact(&Client::new(), &server.url("/")).await.unwrap().status(), 200);
    assert_eq!(kit.waits(), [ms(1000), ms(100_000), ms(4000)]);
    assert_eq!(kit.attempts(), 4);
    assert_eq!(server.requests().len(), 4);

    let events = kit.events();
    assert!(events.iter().all(|told| told.function == "testing_kit::exact"));
    assert_eq!(events.iter().map(|told| told.attempt).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(events[0].method, Some(Method::GET));
    assert_eq!(events[0].status, Some(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!((events[1].hint, events[1].hint_header), (Some(ms(100_000)), Some("retry-after")));
    assert!(events[2].failures.contains(Failure::Reset));
    assert_eq!(events[3].step, Step::End { stop: Stop::NotRetryable, succeeded: true });
}

#[test]
fn waits_of_a_sync_function_are_recorded_and_pass_in_no_time() {
    #[retry_http(jitter = none)]
    fn exact(http: &reqwest::blocking::Client, url: &str) -> reqwest::Result<reqwest::blocking::Response> {
        http.get(url).send()
    }

    let server = Server::script([503, 503, 200].map(Reply::status));
    let kit = testing::instant();
    assert_eq!(exact(&reqwest::blocking::Client::new(), &server.url("/")).unwrap().status(), 200);
    assert_eq!(kit.waits(), [ms(1000), ms(2000)]);
    assert_eq!((kit.attempts(), server.connections()), (3, 1), "failed responses are drained all the same");
}

#[tokio::test(start_paused = true)]
async fn a_hundred_calls_take_no_time() {
    let kit = testing::instant();
    let (paused, real) = (tokio::time::Instant::now(), std::time::Instant::now());
    for _ in 0..50 {
        without_socket(&refusing(4)).await.unwrap();
        without_socket_blocking(&refusing(4)).unwrap();
    }
    // Any async sleep would show on the paused clock.
    assert_eq!(paused.elapsed(), Duration::ZERO);
    let nominal: Duration = kit.waits().iter().sum();
    assert!(nominal >= MINUTE * 3 * 100 && real.elapsed() < nominal / 2, "{nominal:?}");
    assert_eq!((kit.waits().len(), kit.attempts()), (400, 500));
    // 30, 60, 60 and 60 s.
    assert_eq!(kit.waits()[1..4], [MINUTE; 3]);
}

#[tokio::test]
async fn a_hundred_calls_over_sockets_take_no_time() {
    let server = Server::new(|n, _| Reply::status(if n % 4 == 3 { 200 } else { 503 }));
    let (http, url) = (Client::new(), server.url("/"));
    let kit = testing::instant();
    let start = std::time::Instant::now();
    for _ in 0..100 {
        assert_eq!(get(&http, &url).await.unwrap().status(), 200);
    }
    assert_eq!((kit.waits().len(), kit.attempts(), server.requests().len()), (300, 400, 400));
    let nominal: Duration = kit.waits().iter().sum();
    assert!(start.elapsed() < nominal && nominal > MINUTE * 11, "{nominal:?}");
}

async fn waits_of(kit: Kit) -> Vec<Duration> {
    let _ = kit.scope(without_socket(&refusing(9))).await;
    let _ = kit.scope(without_socket(&refusing(9))).await;
    kit.waits()
}

#[tokio::test]
async fn a_seed_gives_the_same_waits_each_time() {
    let (one, again, other) = (Kit::new().seed(1), Kit::new().seed(1), Kit::new().seed(2));
    let one = waits_of(one).await;
    assert_eq!(one, waits_of(again).await);
    assert_ne!(one, waits_of(other).await);
    // The first waits of its two calls, which jitter does not take to the cap.
    assert_ne!(one[0], one[4], "each draw is another one");
    assert_ne!(waits_of(Kit::new()).await, waits_of(Kit::new()).await, "without a seed it is random");
}

#[tokio::test]
async fn a_seed_gives_the_same_keys() {
    #[retry_http(idempotency_key)]
    async fn order(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.post(url).send().await
    }

    let server = Server::script([Reply::status(200)]);
    for seed in [1, 1, 2] {
        Kit::new().seed(seed).scope(order(&Client::new(), &server.url("/"))).await.unwrap();
    }
    let keys: Vec<_> = server.requests().iter().map(|got| got.headers["idempotency-key"].clone()).collect();
    assert!(keys[0] == keys[1] && keys[1] != keys[2]);
}

/// Gives each thread a seed and a record of its own, and runs all at once.
#[test]
fn threads_do_not_disturb_each_other() {
    const THREADS: u64 = 64;

    let expected: Vec<_> = (0..THREADS).map(|seed| seeded_blocking(seed, || {})).collect();
    let distinct: HashSet<_> = expected.iter().filter(|waits| waits.len() == 10).collect();
    assert_eq!(distinct.len(), 42, "all but every third");
    let barrier = Arc::new(Barrier::new(64));
    let threads: Vec<_> = (0..THREADS)
        .map(|seed| {
            let barrier = Arc::clone(&barrier);
            std::thread::spawn(move || seeded_blocking(seed, || _ = barrier.wait()))
        })
        .collect();
    let waits: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(waits, expected);
}

/// Makes two calls, every third time without retries, and returns their waits.
fn seeded_blocking(seed: u64, join: impl Fn()) -> Vec<Duration> {
    #[retry_http(jitter = full, max = 5)]
    fn fails(join: &dyn Fn()) -> reqwest::Result<Response> {
        join();
        Ok(Fake::status(429).answer_blocking())
    }

    let kit = Kit::new().seed(seed);
    let kit = if seed % 3 == 0 { kit.without_retries() } else { kit }.enter();
    // All threads meet in their first call, and once more between the two.
    let attempts = AtomicU32::new(0);
    let once = || {
        if attempts.fetch_add(1, Ordering::Relaxed) == 0 {
            join();
        }
    };
    fails(&once).unwrap();
    join();
    fails(&once).unwrap();
    assert_eq!(kit.attempts(), if seed % 3 == 0 { 2 } else { 12 });
    kit.waits()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_do_not_disturb_each_other() {
    let seeded = |seed| {
        let kit = Kit::new().seed(seed);
        async move { waits_of(kit).await }
    };
    let mut expected = Vec::new();
    for seed in 0..64 {
        expected.push(seeded(seed).await);
    }
    // In one task and in many.
    assert_eq!(join_all((0..64).map(seeded)).await, expected);
    let tasks: Vec<_> = (0..64).map(|seed| tokio::spawn(seeded(seed))).collect();
    for (task, expected) in tasks.into_iter().zip(expected) {
        assert_eq!(task.await.unwrap(), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_a_scope_spawns_is_not_in_it() {
    #[retry_http(base = 1ms)]
    async fn quick(fake: &Fake) -> reqwest::Result<Response> {
        fake.answer().await
    }

    let kit = Kit::new().without_retries();
    let outcomes = kit.scope(async {
        let outside = tokio::spawn(async { quick(&refusing(2)).await });
        let inside = quick(&refusing(2)).await;
        (outside.await.unwrap(), inside)
    });
    let (outside, inside) = outcomes.await;
    assert_eq!(
        (outside.unwrap().status(), inside.unwrap().status()),
        (StatusCode::OK, StatusCode::TOO_MANY_REQUESTS)
    );
    assert_eq!(kit.attempts(), 1);
}

#[tokio::test]
async fn without_retries_the_first_outcome_is_returned() {
    let server = Server::script([503, 200].map(Reply::status));
    let kit = Kit::new().without_retries().enter();
    assert_eq!(get(&Client::new(), &server.url("/")).await.unwrap().status(), 503);
    assert_eq!((kit.attempts(), kit.waits()), (1, vec![]));
    assert_eq!(kit.events()[0].step, Step::End { stop: Stop::Exhausted, succeeded: false });
    assert!(get(&Client::new(), &nobody()).await.unwrap_err().is_connect());
}

#[tokio::test]
async fn without_retries_credentials_are_renewed() {
    #[retry_http(reauth = renewal.once(async {}))]
    async fn get(http: &Client, url: &str, renewal: &Renewal) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    let server = Server::script([401, 200].map(Reply::status));
    let kit = Kit::new().without_retries().enter();
    assert_eq!(get(&Client::new(), &server.url("/"), &Renewal::new()).await.unwrap().status(), 200);
    assert_eq!(kit.attempts(), 2);
}

#[tokio::test]
async fn skipped_waits_count_for_the_deadline() {
    // 1 s, 2 s, and 4 s would end after 5 s.
    #[retry_http(max = 9, jitter = none, deadline = 5s, observer = |event| log.lock().unwrap().push(event.elapsed))]
    async fn bounded(http: &Client, url: &str, log: &Mutex<Vec<Duration>>) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    #[retry_http(max = 9, jitter = none, deadline = 5s)]
    fn blocking(fake: &Fake) -> reqwest::Result<Response> {
        Ok(fake.answer_blocking())
    }

    let server = Server::script([Reply::status(503)]);
    let (http, url) = (Client::new(), server.url("/"));
    let kit = testing::instant();
    // Also at once: what one call skips is not the time of another.
    let calls = (0..8).map(|_| async {
        let log = Mutex::default();
        assert_eq!(bounded(&http, &url, &log).await.unwrap().status(), 503);
        log.into_inner().unwrap()
    });
    for elapsed in join_all(calls).await {
        assert!(elapsed[0] < elapsed[1] && elapsed[1] >= ms(1000) && elapsed[2] >= ms(3000), "{elapsed:?}");
    }
    assert_eq!((kit.attempts(), kit.waits().len()), (24, 16));
    let stopped = |step| step == Step::End { stop: Stop::Deadline, succeeded: false };
    assert_eq!(kit.events().iter().filter(|told| stopped(told.step)).count(), 8);

    let kit = testing::instant();
    blocking(&refusing(9)).unwrap();
    assert_eq!(kit.waits(), [ms(1000), ms(2000)]);
}

#[tokio::test]
async fn waits_for_an_upstream_are_skipped_and_have_passed() {
    static LIMITED: Upstream = Upstream::new("limited");

    #[retry_http(max = 1, jitter = none, upstream = LIMITED)]
    async fn get(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    #[retry_http(max = 1, jitter = none, upstream = LIMITED)]
    fn blocking(http: &reqwest::blocking::Client, url: &str) -> reqwest::Result<reqwest::blocking::Response> {
        http.get(url).send()
    }

    let limited = || Reply::status(429).header("retry-after", "60");
    let server = Server::script([limited(), limited(), Reply::status(200)]);
    let (http, url) = (Client::new(), server.url("/"));
    let kit = Kit::new().seed(1).enter();
    // Told twice to wait, it gives up.
    assert_eq!(get(&http, &url).await.unwrap().status(), 429);
    let held = |kit: &Kit| -> Duration {
        let held = |step| if let Step::Held { wait } = step { wait } else { Duration::ZERO };
        kit.events().iter().map(|told| held(told.step)).sum()
    };
    let before = held(&kit);
    assert!(before <= ms(2000), "after its wait it is held back no more than a little: {before:?}");
    // The next call finds the upstream closed.
    assert_eq!(get(&http, &url).await.unwrap().status(), 200);
    let after = held(&kit).saturating_sub(before);
    assert!((ms(50_000)..ms(62_000)).contains(&after), "{after:?}");
    // Then that time has passed.
    let waits = kit.waits().len();
    let sync = std::thread::spawn({
        let (kit, url) = ((*kit).clone(), url.clone());
        move || {
            let _kit = kit.enter();
            blocking(&reqwest::blocking::Client::new(), &url).unwrap().status().as_u16()
        }
    });
    assert_eq!(sync.join().unwrap(), 200);
    let more: Duration = kit.waits()[waits..].iter().sum();
    assert!(more < ms(2000), "{more:?}");
}

#[tokio::test(start_paused = true)]
async fn the_innermost_holds_until_it_is_dropped() {
    let call = || async { without_socket(&refusing(1)).await.unwrap() };
    let outer = testing::instant();
    call().await;
    let inner = testing::instant();
    call().await;
    let innermost = Kit::new();
    innermost.scope(call()).await;
    drop(inner);
    call().await;
    assert_eq!((outer.attempts(), innermost.attempts()), (4, 2));

    // In whatever order.
    let other = testing::instant();
    drop(outer);
    call().await;
    assert_eq!(other.attempts(), 2);
    drop(other);

    let start = tokio::time::Instant::now();
    call().await;
    assert!(start.elapsed() >= ms(30_000), "without a kit it is waited for");
}

#[tokio::test(start_paused = true)]
async fn real_time_only_records() {
    let (kit, start) = (Kit::new().real_time().enter(), tokio::time::Instant::now());
    without_socket(&refusing(2)).await.unwrap();
    let nominal: Duration = kit.waits().iter().sum();
    assert!(start.elapsed() >= nominal && nominal >= ms(90_000), "{nominal:?}");
}

#[tokio::test]
async fn observers_are_told_of_calls_in_a_kit() {
    #[retry_http(observer = |event| log.lock().unwrap().push((event.attempt, event.host.map(str::to_owned))))]
    async fn get(
        http: &Client,
        url: &str,
        log: &Mutex<Vec<(u32, Option<String>)>>,
    ) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    let (server, log) = (Server::script([503, 200].map(Reply::status)), Mutex::default());
    let kit = testing::instant();
    get(&Client::new(), &server.url("/"), &log).await.unwrap();
    assert_eq!(kit.attempts(), 2);
    let host = || Some("127.0.0.1".to_owned());
    assert_eq!(log.into_inner().unwrap(), [(1, host()), (2, host())]);
}

/// Shows each failure of the scripted server as reqwest sees it.
#[tokio::test]
async fn the_server_fails_in_every_way() {
    #[retry_http(timeout = 1s)]
    async fn text(http: &Client, url: &str) -> reqwest::Result<String> {
        http.get(url).send().await?.error_for_status()?.text().await
    }

    let server = Server::script([
        Reply::reset(),
        Reply::status(200).body("hel").truncated(),
        Reply::status(200).header("x-slow", "1").body("hello").late(ms(5)).slowly(ms(1)),
    ]);
    let kit = testing::instant();
    assert_eq!(text(&Client::new(), &server.url("/a?token=1")).await.unwrap(), "hello");
    let failures: Vec<_> = kit.events().iter().map(|told| told.failures.iter().collect::<Vec<_>>()).collect();
    assert_eq!(failures, [vec![Failure::Reset], vec![Failure::Body], vec![]]);
    let requests = server.requests();
    assert_eq!((requests[0].path.as_str(), requests.len()), ("/a?token=1", 3));
    assert_eq!(server.connections(), 3);
    assert!(!format!("{requests:?}").contains("token"));
    assert_eq!(server.pauses().len(), 2);
}

#[tokio::test]
async fn the_server_survives_whatever_a_client_does() {
    use std::io::{Read, Write};

    let server = Server::script([Reply::status(200).body("still here")]);
    let address = server.url("").replace("http://", "");
    for nonsense in
        ["", "\r\n\r\n", "GET", "\0\u{1}\u{2}", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf"]
    {
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        stream.write_all(nonsense.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert_eq!(get(&Client::new(), &server.url("/")).await.unwrap().text().await.unwrap(), "still here");
    assert_eq!(server.requests().len(), 1);
}
