//! `deadline` bounds a call, and `timeout` each of its sends.

mod support;

use std::mem::take;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant as RealInstant, SystemTime};

use reqwest::{Client, Response};
use retry_http::testing::server::{Reply, Server};
use retry_http::{Event, Step, hint, retry_http};
use support::fake::{Canned, Fake};
use support::{late, ms, secs};
use tokio::time::Instant;

/// Accepts everything and answers nothing.
fn silent() -> Server {
    Server::script([late()])
}

// Sends until 100, 250 and 350 ms, waits from 100 to 150 and from 250 to 300 ms.
#[retry_http(max = 9, base = 50ms, factor = 1, jitter = none, timeout = 100ms, deadline = 350ms)]
async fn bounded(http: &Client, url: &str, sends: &AtomicUsize) -> Result<Response, reqwest::Error> {
    sends.fetch_add(1, Ordering::Relaxed);
    http.get(url).send().await
}

#[retry_http(max = 9, base = 50ms, factor = 1, jitter = none, timeout = 100ms, deadline = 350ms)]
async fn executed(http: &Client, url: &str, sends: &AtomicUsize) -> Result<Response, reqwest::Error> {
    sends.fetch_add(1, Ordering::Relaxed);
    let request = http.get(url).build()?;
    http.execute(request).await
}

#[tokio::test(start_paused = true)]
async fn sends_and_waits_are_within_the_deadline() {
    let (http, server) = (Client::new(), silent());
    let url = server.url("/");
    // Counted where they are made: the clock jumps, so the server hears of some of them too late.
    let sends = AtomicUsize::new(0);
    let check = |start: Instant, outcome: reqwest::Result<Response>| {
        assert!(outcome.unwrap_err().is_timeout(), "reqwest's own error");
        assert!((ms(350)..ms(356)).contains(&start.elapsed()), "{:?}", start.elapsed());
        assert_eq!(sends.swap(0, Ordering::Relaxed), 3);
    };
    let start = Instant::now();
    check(start, bounded(&http, &url, &sends).await);
    let start = Instant::now();
    check(start, executed(&http, &url, &sends).await);
}

#[test]
fn sends_and_waits_of_a_sync_function_are_within_the_deadline() {
    #[retry_http(max = 9, base = 50ms, factor = 1, jitter = none, timeout = 100ms, deadline = 350ms)]
    fn bounded(
        http: &reqwest::blocking::Client,
        url: &str,
        sends: &Mutex<Vec<RealInstant>>,
    ) -> reqwest::Result<reqwest::blocking::Response> {
        sends.lock().unwrap().push(RealInstant::now());
        http.get(url).send()
    }

    let (http, server, sends) = (reqwest::blocking::Client::new(), silent(), Mutex::default());
    let start = RealInstant::now();
    let outcome = bounded(&http, &server.url("/"), &sends);
    assert!(outcome.unwrap_err().is_timeout());
    // The last send is what is left. Where a slow machine takes more, there is no third one.
    assert!(start.elapsed() >= ms(300));
    let sends = sends.into_inner().unwrap();
    assert!((2..=3).contains(&sends.len()), "{sends:?}");
    assert!(sends.windows(2).all(|pair| pair[1] - pair[0] >= ms(150)), "{sends:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_would_not_end_before_the_deadline_is_not_begun() {
    // 1 s, 2 s, and 4 s would end after 5 s.
    #[retry_http(max = 9, jitter = none, deadline = 5s)]
    async fn computed(http: &Client, url: &str, attempts: &AtomicUsize) -> reqwest::Result<Response> {
        attempts.fetch_add(1, Ordering::Relaxed);
        http.get(url).timeout(ms(1)).send().await
    }

    let (server, attempts) = (silent(), AtomicUsize::new(0));
    let start = Instant::now();
    assert!(computed(&Client::new(), &server.url("/"), &attempts).await.unwrap_err().is_timeout());
    assert!((ms(3003)..ms(3010)).contains(&start.elapsed()), "{:?}", start.elapsed());
    assert_eq!(attempts.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_would_end_at_the_deadline_is_not_begun() {
    // 1 s and 2 s.
    #[retry_http(max = 2, on = [503], jitter = none, deadline = 3s)]
    async fn at(fake: &Fake) -> reqwest::Result<Response> {
        fake.answer().await
    }

    #[retry_http(max = 2, on = [503], jitter = none, deadline = 3001ms)]
    async fn before(fake: &Fake) -> reqwest::Result<Response> {
        fake.answer().await
    }

    let fake = Fake::status(503);
    assert_eq!(at(&fake).await.unwrap().status(), 503);
    assert_eq!(fake.waits(), [secs(1)]);
    let fake = Fake::status(503);
    assert_eq!(before(&fake).await.unwrap().status(), 503);
    assert_eq!(fake.waits(), [secs(1), secs(2)]);
}

#[tokio::test]
async fn a_hint_that_would_not_end_before_the_deadline_ends_the_call() {
    #[retry_http(base = 1ms, deadline = 10s)]
    async fn hinted(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    let server = Server::script([Reply::status(429).header("retry-after", "11")]);
    assert_eq!(hinted(&Client::new(), &server.url("/")).await.unwrap().status(), 429);
    assert_eq!(server.requests().len(), 1);
}

/// Where a failed call leaves the wait that the server asked for.
type Asked = Mutex<Option<Duration>>;

/// As in `docs/guide/rate-limits.md`.
fn keep(asked: &Asked, event: &Event<'_>) {
    if let Step::End { succeeded: false, .. } = event.step {
        *asked.lock().unwrap() = event.hint;
    }
}

#[retry_http(max_retry_after = 30s, observer = |event| keep(asked, event))]
async fn with_a_limit(http: &Client, url: &str, asked: &Asked) -> reqwest::Result<String> {
    http.get(url).send().await?.error_for_status()?.text().await
}

#[retry_http(base = 1ms, deadline = 10s, observer = |event| keep(asked, event))]
async fn with_a_deadline(http: &Client, url: &str, asked: &Asked) -> reqwest::Result<String> {
    http.get(url).send().await?.error_for_status()?.text().await
}

#[retry_http(max_retry_after = 30s, observer = |event| keep(asked, event))]
fn blocking(http: &reqwest::blocking::Client, url: &str, asked: &Asked) -> reqwest::Result<String> {
    http.get(url).send()?.error_for_status()?.text()
}

#[retry_http(max_retry_after = 30s)]
async fn response(http: &Client, url: &str) -> reqwest::Result<Response> {
    http.get(url).send().await
}

#[tokio::test]
async fn the_caller_can_learn_how_long_the_server_asked_for() {
    let limited = || Server::script([Reply::status(429).header("retry-after", "3600")]);
    let hour = Some(secs(3600));
    let (http, asked) = (Client::new(), Asked::default());

    with_a_limit(&http, &limited().url("/"), &asked).await.unwrap_err();
    assert_eq!(take(&mut *asked.lock().unwrap()), hour);
    with_a_deadline(&http, &limited().url("/"), &asked).await.unwrap_err();
    assert_eq!(take(&mut *asked.lock().unwrap()), hour);
    with_a_limit(&http, &Server::script([Reply::status(404)]).url("/"), &asked).await.unwrap_err();
    assert_eq!(*asked.lock().unwrap(), None);

    let response = response(&http, &limited().url("/")).await.unwrap();
    assert_eq!(hint::read(response.headers(), SystemTime::now()), hour);
}

#[test]
fn the_caller_of_a_sync_function_can_as_well() {
    let (server, asked) =
        (Server::script([Reply::status(429).header("retry-after", "60")]), Asked::default());
    blocking(&reqwest::blocking::Client::new(), &server.url("/"), &asked).unwrap_err();
    assert_eq!(*asked.lock().unwrap(), Some(secs(60)));
}

#[tokio::test(start_paused = true)]
async fn where_no_send_is_visible_the_waits_are_bounded() {
    #[retry_http(max = 9, on = [503], jitter = none, deadline = 5s)]
    async fn helped(fake: &Fake) -> reqwest::Result<Response> {
        fake.answer().await
    }

    let (fake, start) = (Fake::new([Canned::status(503).takes(ms(600))]), Instant::now());
    assert_eq!(helped(&fake).await.unwrap().status(), 503);
    // Three attempts of 600 ms, and the waits between them: 4 s more would end after 5 s.
    assert_eq!((fake.waits(), start.elapsed()), (vec![secs(1), secs(2)], ms(4800)));
}

fn odd_headers() -> http::HeaderMap {
    let value = http::HeaderValue::from_static("a TotalTimeout: 1ms \" timeout: 1ms");
    [(http::header::USER_AGENT, value)].into_iter().collect()
}

#[tokio::test(start_paused = true)]
async fn the_smallest_bound_holds() {
    #[retry_http(max = 1, base = 1ms, jitter = none, timeout = 5s)]
    async fn of_the_request(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).timeout(ms(100)).send().await
    }

    #[retry_http(max = 1, base = 1ms, jitter = none, timeout = 5s, deadline = 1m)]
    async fn of_the_client(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    #[retry_http(max = 1, base = 1ms, jitter = none, timeout = 5s)]
    async fn of_the_executing_client(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.execute(http.get(url).build()?).await
    }

    #[retry_http(max = 1, base = 1ms, jitter = none, timeout = 5s)]
    async fn of_an_older_client(
        http: &reqwest12::Client,
        url: &str,
    ) -> reqwest12::Result<reqwest12::Response> {
        http.get(url).send().await
    }

    #[retry_http(max = 1, base = 1ms, jitter = none, timeout = 5s)]
    async fn behind_middleware(
        http: &reqwest_middleware::ClientWithMiddleware,
        url: &str,
    ) -> reqwest_middleware::Result<Response> {
        http.get(url).send().await
    }

    let server = silent();
    let url = server.url("/");
    for timeout in [ms(100), Duration::from_micros(100_500), Duration::from_secs(1)] {
        let http = Client::builder().timeout(timeout).default_headers(odd_headers()).build().unwrap();
        let older = reqwest12::Client::builder().timeout(timeout).build().unwrap();
        let middleware = reqwest_middleware::ClientBuilder::new(http.clone()).build();
        let within = |took: Duration| {
            assert!(took >= timeout * 2 && took < timeout * 2 + ms(10), "{took:?}, not twice {timeout:?}");
        };
        within(time_out(async { of_the_client(&http, &url).await.unwrap_err().is_timeout() }).await);
        within(
            time_out(async { of_the_executing_client(&http, &url).await.unwrap_err().is_timeout() }).await,
        );
        within(time_out(async { of_an_older_client(&older, &url).await.unwrap_err().is_timeout() }).await);
        within(
            time_out(async { behind_middleware(&middleware, &url).await.unwrap_err().is_timeout() }).await,
        );
    }
    let http = Client::new();
    let took = time_out(async { of_the_request(&http, &url).await.unwrap_err().is_timeout() }).await;
    assert!((ms(200)..ms(210)).contains(&took), "{took:?}");
    // A client without a timeout, whose headers look like one.
    let unbounded = Client::builder().default_headers(odd_headers()).build().unwrap();
    let took = time_out(async { of_the_client(&unbounded, &url).await.unwrap_err().is_timeout() }).await;
    assert!((secs(10)..ms(10_020)).contains(&took), "{took:?}");
}

/// Asserts that a call times out, and returns how long it took on the paused clock.
async fn time_out(is_timeout: impl Future<Output = bool>) -> Duration {
    let start = Instant::now();
    assert!(is_timeout.await);
    start.elapsed()
}

#[tokio::test]
async fn reading_the_answer_is_bounded_too() {
    #[retry_http(max = 2, base = 1ms, timeout = 100ms, deadline = 10s)]
    async fn text(http: &Client, url: &str) -> reqwest::Result<String> {
        http.get(url).send().await?.text().await
    }

    let server = Server::script([Reply::status(200).stalled(), Reply::status(200).body("whole")]);
    let start = RealInstant::now();
    assert_eq!(text(&Client::new(), &server.url("/")).await.unwrap(), "whole");
    assert!(start.elapsed() >= ms(100));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn with_a_deadline_draining_takes_no_longer_than_the_wait() {
    #[retry_http(max = 1, base = 5ms, jitter = none, deadline = 10s)]
    async fn stalled(fake: &Fake) -> reqwest::Result<Response> {
        fake.answer().await
    }

    let fake = Fake::new([Canned::status(429).stalls(), Canned::status(200)]);
    assert_eq!(stalled(&fake).await.unwrap().status(), 200);
    assert_eq!(fake.waits(), [ms(5)]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_stalls_is_drained_within_half_of_what_is_left() {
    #[retry_http(deadline = 400ms, base = 1ms, reauth = tokio::time::sleep(ms(200)))]
    async fn helped(fake: &Fake) -> reqwest::Result<Response> {
        fake.answer().await
    }

    let fake = Fake::new([Canned::status(401).stalls(), Canned::status(200)]);
    assert_eq!(helped(&fake).await.unwrap().status(), 200);
    // The renewal, and half of the 200 ms that are left.
    assert_eq!(fake.waits(), [ms(300)]);
}

#[tokio::test]
async fn bounds_that_disagree_at_run_time_only_bound_more() {
    let own = retry_http::Policy::builder().timeout(Duration::from_secs(60)).build().unwrap();
    let policy = retry_http::policy!(policy = own, deadline = 30s);
    assert_eq!((policy.timeout(), policy.deadline()), (own.timeout(), Some(Duration::from_secs(30))));
}

/// The bounds of [`bounded`], wherever the send is written.
mod in_every_shape {
    use super::*;
    use futures::future::{self, FutureExt, TryFutureExt};
    use futures::stream::{self, FuturesUnordered, StreamExt, TryStreamExt};

    type Answer = reqwest::Result<Response>;

    macro_rules! shapes {
        ($($name:ident($http:ident, $url:ident) { $($body:tt)* })+) => {
            $(
                #[retry_http(max = 9, base = 50ms, factor = 1, jitter = none, timeout = 100ms, deadline = 350ms)]
                async fn $name($http: &Client, $url: &str, sends: &AtomicUsize) -> Answer {
                    sends.fetch_add(1, Ordering::Relaxed);
                    $($body)*
                }
            )+

            #[tokio::test(start_paused = true)]
            async fn bounds_hold() {
                let (http, server) = (Client::new(), silent());
                let url = server.url("/");
                $(
                    let (sends, start) = (AtomicUsize::new(0), Instant::now());
                    let outcome = $name(&http, &url, &sends).await;
                    let millis = start.elapsed().as_millis();
                    println!("{:<24}{millis} ms, {} sends", stringify!($name), sends.load(Ordering::Relaxed));
                    assert!(outcome.unwrap_err().is_timeout(), stringify!($name));
                    assert!((350..356).contains(&millis), "{}: {millis} ms", stringify!($name));
                    assert_eq!(sends.load(Ordering::Relaxed), 3, stringify!($name));
                )+
            }
        };
    }

    #[retry_http(transparent)]
    async fn helper(http: &Client, url: &str) -> Answer {
        http.get(url).send().await
    }

    shapes! {
        bound_to_a_name(http, url) { let sending = http.get(url).send(); sending.await }
        a_closure(http, url) { let send = || http.get(url).send(); send().await }
        an_async_block(http, url) { async { http.get(url).send().await }.await }
        boxed(http, url) { Box::pin(http.get(url).send()).await }
        a_combinator(http, url) { http.get(url).send().and_then(future::ok).await }
        join(http, url) { let (sent, ()) = tokio::join!(http.get(url).send(), future::ready(())); sent }
        try_join(http, url) { tokio::try_join!(http.get(url).send(), future::ok(())).map(|(sent, ())| sent) }
        select(http, url) {
            tokio::select! {
                sent = http.get(url).send() => sent,
                () = future::pending() => unreachable!("it is never ready"),
            }
        }
        a_stream(http, url) {
            let sent = stream::iter([url]).map(|url| http.get(url).send()).buffered(2);
            sent.try_collect::<Vec<_>>().await.map(|mut sent| sent.remove(0))
        }
        unordered(http, url) {
            let mut all = FuturesUnordered::new();
            all.push(http.get(url).send());
            all.next().await.expect("one was pushed")
        }
        executed_later(http, url) {
            let sending = http.execute(http.get(url).build()?);
            sending.map(|sent| sent).await
        }
        a_transparent_helper(http, url) { helper(http, url).await }
    }

    #[tokio::test(start_paused = true)]
    async fn bounds_hold_for_calls_inside() {
        #[retry_http(max = 9, base = 50ms, factor = 1, jitter = none)]
        async fn inner(http: &Client, url: &str, sends: &AtomicUsize) -> Answer {
            sends.fetch_add(1, Ordering::Relaxed);
            http.get(url).send().await
        }

        #[retry_http(max = 9, base = 50ms, factor = 1, jitter = none, timeout = 100ms, deadline = 350ms)]
        async fn outer(http: &Client, url: &str, sends: &AtomicUsize) -> Answer {
            inner(http, url, sends).await
        }

        let (http, server) = (Client::new(), silent());
        let (sends, start) = (AtomicUsize::new(0), Instant::now());
        assert!(outer(&http, &server.url("/"), &sends).await.unwrap_err().is_timeout());
        assert!((350..356).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
        assert_eq!(sends.load(Ordering::Relaxed), 3, "by one loop");
    }

    #[test]
    fn bounds_hold_blocking() {
        use reqwest::blocking::{Client, Response};

        #[retry_http(transparent)]
        fn helper(http: &Client, url: &str) -> reqwest::Result<Response> {
            http.get(url).send()
        }

        #[retry_http(max = 9, base = 50ms, factor = 1, jitter = none, timeout = 100ms, deadline = 350ms)]
        fn by_a_helper(http: &Client, url: &str) -> reqwest::Result<Response> {
            helper(http, url)
        }

        #[retry_http(max = 9, base = 50ms, factor = 1, jitter = none, timeout = 100ms, deadline = 350ms)]
        fn by_a_closure(http: &Client, url: &str) -> reqwest::Result<Response> {
            [url].iter().map(|url| http.get(*url).send()).next().expect("one")
        }

        for call in [by_a_helper, by_a_closure] {
            let (http, server) = (Client::new(), silent());
            let start = RealInstant::now();
            assert!(call(&http, &server.url("/")).unwrap_err().is_timeout());
            // Three sends and two waits. Where a slow machine takes more, there is no third one.
            assert!((2..=3).contains(&server.requests().len()), "{:?}", server.requests());
            assert!(start.elapsed() >= ms(300), "{:?}", start.elapsed());
        }
    }
}
