//! An upstream never makes a healthy server look dead: calls that are dropped, absurd hints, calls that cannot wait, and
//! answers that are the server's last refusal, over real sockets.

mod support;

use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::{Client, Response};
use retry_http::testing::server::{Reply, Server};
use retry_http::{Event, Step, Stop, Upstream, retry_http};
use support::{ms, secs};

fn refusal(millis: u64) -> Reply {
    Reply::status(429).header("retry-after-ms", millis.to_string())
}

#[tokio::test]
async fn dropping_the_future_leaves_nothing_behind() {
    static LEFT: Upstream = Upstream::new("left").budget(0.0, 0.0, 1);

    #[retry_http(base = 10s, jitter = none, upstream = LEFT)]
    async fn get(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    let server = Server::script([Reply::status(500)]);
    let (http, url) = (Client::new(), server.url("/"));
    for _ in 0..3 {
        // Dropped during the wait before a retry that has a token.
        assert!(tokio::time::timeout(ms(200), get(&http, &url)).await.is_err());
        assert!(LEFT.is_idle(), "the token is back");
    }
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_runtime_that_shuts_down_leaves_nothing_behind() {
    static SHUT: Upstream = Upstream::new("shut").budget(0.0, 0.0, 1);

    #[retry_http(base = 10s, jitter = none, upstream = SHUT)]
    async fn get(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    let server = Server::script([Reply::status(500)]);
    let url = server.url("/");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.spawn(async move { get(&Client::new(), &url).await });
    let start = Instant::now();
    while SHUT.is_idle() {
        assert!(start.elapsed() < secs(10), "no token is withdrawn");
        std::thread::sleep(ms(1));
    }
    drop(runtime);
    assert!(SHUT.is_idle());
}

/// Ten thousand calls are dropped while a server refuses some of them, and then one is made alone.
#[tokio::test]
async fn ten_thousand_dropped_calls_hold_nobody_back() {
    static CROWDED: Upstream = Upstream::new("crowded");

    #[retry_http(upstream = CROWDED)]
    async fn get(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    let server = Server::new(|n, _| if n % 50 == 0 { refusal(50) } else { Reply::status(200) });
    let (http, url) = (Client::new(), server.url("/"));
    for batch in 0..10u64 {
        let calls = (0..1_000u64).map(|n| {
            let after = (n * 7919 + batch) % 150;
            tokio::time::timeout(ms(after), get(&http, &url))
        });
        join_all(calls).await;
        let start = Instant::now();
        assert_eq!(get(&http, &url).await.unwrap().status(), 200);
        let took = start.elapsed();
        println!(
            "after {} dropped calls, {} requests: {took:?}",
            (batch + 1) * 1000,
            server.requests().len()
        );
        assert!(took < ms(200), "{took:?}");
    }
}

#[tokio::test]
async fn those_behind_a_dropped_call_move_up() {
    static QUEUE: Upstream = Upstream::new("queue");

    #[retry_http(upstream = QUEUE)]
    async fn get(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    let server = Server::new(|n, _| if n == 0 { refusal(300) } else { Reply::status(200) });
    let (http, url) = (Client::new(), server.url("/"));
    let first = get(&http, &url);
    let others = async {
        while QUEUE.is_idle() {
            tokio::time::sleep(ms(1)).await;
        }
        let dropped = join_all((0..200).map(|_| tokio::time::timeout(ms(100), get(&http, &url))));
        let behind = async {
            tokio::time::sleep(ms(50)).await;
            let start = Instant::now();
            get(&http, &url).await.unwrap();
            start.elapsed()
        };
        let (dropped, held) = tokio::join!(dropped, behind);
        assert!(dropped.iter().all(Result::is_err));
        held
    };
    let (first, held) = tokio::join!(first, others);
    assert_eq!(first.unwrap().status(), 200);
    assert!(held < ms(250 + 300 + 1_200), "{held:?}, behind nobody but the first");
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn an_absurd_hint_is_believed_for_so_long_and_a_later_word_counts() {
    static ABSURD: Upstream = Upstream::new("absurd").longest(ms(400));

    #[retry_http(upstream = ABSURD)]
    async fn get(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    let server = Server::new(|n, _| match n {
        0 => Reply::status(429).header("retry-after", "31536000"),
        _ => Reply::status(200),
    });
    let (http, url) = (Client::new(), server.url("/"));
    assert_eq!(get(&http, &url).await.unwrap().status(), 429);
    let start = Instant::now();
    assert_eq!(get(&http, &url).await.unwrap().status(), 200);
    assert!((ms(390)..ms(1_000)).contains(&start.elapsed()), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_success_that_was_sent_after_the_hint_ends_it() {
    static MISTAKEN: Upstream = Upstream::new("mistaken");

    #[retry_http(upstream = MISTAKEN)]
    async fn get(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    let server = Server::new(|n, _| match n {
        0 => Reply::status(429).header("retry-after", "3600"),
        _ => Reply::status(200),
    });
    let (http, url) = (Client::new(), server.url("/"));
    assert_eq!(get(&http, &url).await.unwrap().status(), 429);
    // The hint outlasts what any of them may wait, so one of them goes and finds out.
    let start = Instant::now();
    let others = join_all((0..20).map(|_| get(&http, &url))).await;
    assert!(others.iter().all(|answer| answer.as_ref().unwrap().status() == 200));
    assert!((ms(900)..secs(8)).contains(&start.elapsed()), "{:?}", start.elapsed());
    assert_eq!(server.requests().len(), 21);
}

#[tokio::test]
async fn another_hosts_answer_says_nothing() {
    static API: Upstream = Upstream::new("api");

    #[retry_http(max = 1, base = 1ms, upstream = API)]
    async fn get(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    let elsewhere = Server::script([Reply::status(429).header("retry-after", "60")]);
    let target = elsewhere.url("/file");
    let server = Server::new(move |_, request| match request.path.as_str() {
        "/download" => Reply::status(302).header("location", target.clone()),
        "/moved" => Reply::status(302).header("location", "/limited".to_owned()),
        "/limited" => refusal(100_000),
        _ => Reply::status(200),
    });
    let http = Client::new();
    let start = Instant::now();
    tokio::time::timeout(ms(300), get(&http, &server.url("/download"))).await.unwrap_err();
    assert_eq!(get(&http, &server.url("/")).await.unwrap().status(), 200);
    assert!(start.elapsed() < secs(2), "{:?}", start.elapsed());
    // The same host does, wherever it redirects to.
    tokio::time::timeout(ms(300), get(&http, &server.url("/moved"))).await.unwrap_err();
    assert!(!API.is_idle());
    tokio::time::timeout(ms(300), get(&http, &server.url("/"))).await.unwrap_err();
}

#[tokio::test]
async fn statuses_that_the_policy_retries_hold_others_and_pay_for_their_retries() {
    #[retry_http(on = [default, 403, 529], base = 1ms, upstream = *upstream)]
    async fn get(http: &Client, url: &str, upstream: &Upstream) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    for status in [403, 500, 529] {
        let server = Server::new(move |n, _| match n % 2 {
            0 => Reply::status(status).header("retry-after-ms", "20"),
            _ => Reply::status(200),
        });
        let upstream = Upstream::new("forbidding").budget(0.0, 0.0, 1);
        let (http, url) = (Client::new(), server.url("/"));
        for _ in 0..3 {
            assert_eq!(get(&http, &url, &upstream).await.unwrap().status(), 200, "{status}");
        }
    }
}

fn refused_server() -> Server {
    Server::new(|_, _| Reply::status(503).header("retry-after", "30"))
}

#[tokio::test]
async fn one_left_over_at_its_deadline_fails_unsent_as_a_timeout() {
    static HELD: Upstream = Upstream::new("held");

    #[retry_http(upstream = HELD, base = 1ms, deadline = 300ms, observer = |event: &Event<'_>| {
        if let Step::End { stop, .. } = event.step {
            STOPS.lock().unwrap().push(stop);
        }
    })]
    async fn get(http: &Client, url: &str) -> reqwest::Result<String> {
        http.post(url).send().await?.error_for_status()?.text().await
    }

    static STOPS: std::sync::Mutex<Vec<Stop>> = std::sync::Mutex::new(Vec::new());

    let server = refused_server();
    let (http, url) = (Client::new(), server.url("/"));
    assert_eq!(get(&http, &url).await.unwrap_err().status().unwrap(), 503);
    let start = Instant::now();
    let errors = join_all((0..50).map(|_| get(&http, &url))).await;
    for error in errors {
        let error = error.unwrap_err();
        assert!(error.is_timeout(), "{error:?}");
        assert_eq!(error.url().unwrap().as_str(), url);
    }
    assert!((ms(290)..ms(900)).contains(&start.elapsed()), "{:?}", start.elapsed());
    assert_eq!(server.requests().len(), 1, "none of them is sent");
    let stops = STOPS.lock().unwrap();
    assert_eq!(stops.len(), 51);
    assert!(stops[1..].iter().all(|stop| *stop == Stop::HeldTooLong), "{stops:?}");
}

#[tokio::test]
async fn an_upstream_that_answers_locally_repeats_the_servers_refusal_in_no_time() {
    static LOCAL: Upstream = Upstream::new("local").answer_locally();

    #[retry_http(upstream = LOCAL, max_retry_after = 1s, observer = |event: &Event<'_>| {
        if let Step::End { stop: Stop::AnsweredLocally, succeeded: false } = event.step {
            LOCALLY.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    })]
    async fn get(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    #[retry_http(upstream = LOCAL, max_retry_after = 1s)]
    async fn execute(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.execute(http.post(url).build()?).await
    }

    #[retry_http(upstream = LOCAL, max_retry_after = 1s)]
    async fn text(http: &Client, url: &str) -> reqwest::Result<String> {
        http.get(url).send().await?.error_for_status()?.text().await
    }

    static LOCALLY: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

    let server = refused_server();
    let (http, url) = (Client::new(), server.url("/users/1"));
    assert_eq!(get(&http, &url).await.unwrap().status(), 503);
    let start = Instant::now();
    for _ in 0..100 {
        let answer = get(&http, &url).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.url().as_str()), (503, url.as_str()));
        assert_eq!(answer.headers()["retry-http-answer"], "local");
        let left: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((28..=30).contains(&left), "{left}");
        assert!(answer.bytes().await.unwrap().is_empty());
    }
    println!("a local answer takes {:?}", start.elapsed() / 100);
    assert_eq!(execute(&http, &url).await.unwrap().status(), 503);
    let error = text(&http, &url).await.unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), error.url().unwrap().as_str()), (503, url.as_str()));
    assert_eq!(server.requests().len(), 1);
    assert_eq!(LOCALLY.load(std::sync::atomic::Ordering::SeqCst), 100);
}

#[test]
fn sync_functions_fail_unsent_and_are_answered_locally_too() {
    use reqwest::blocking::{Client, Response};

    static HELD: Upstream = Upstream::new("held sync");
    static LOCAL: Upstream = Upstream::new("local sync").answer_locally();

    #[retry_http(upstream = HELD, base = 1ms, deadline = 300ms)]
    fn held(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send()
    }

    #[retry_http(upstream = HELD, base = 1ms, deadline = 300ms)]
    fn held_execute(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.execute(http.get(url).build()?)
    }

    #[retry_http(upstream = LOCAL, max_retry_after = 1s)]
    fn local(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send()
    }

    #[retry_http(upstream = LOCAL, max_retry_after = 1s)]
    fn local_execute(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.execute(http.get(url).build()?)
    }

    let server = refused_server();
    let (http, url) = (Client::new(), server.url("/"));
    for call in [held, held_execute] {
        if HELD.is_idle() {
            assert_eq!(call(&http, &url).unwrap().status(), 503);
        }
        let start = Instant::now();
        let error = call(&http, &url).unwrap_err();
        assert!(error.is_timeout() && error.url().unwrap().as_str() == url, "{error:?}");
        assert!(start.elapsed() >= ms(290), "{:?}", start.elapsed());
    }
    assert_eq!(server.requests().len(), 1);
    for call in [local, local_execute] {
        if LOCAL.is_idle() {
            assert_eq!(call(&http, &url).unwrap().status(), 503);
        }
        let answer = call(&http, &url).unwrap();
        assert_eq!((answer.status().as_u16(), answer.url().as_str()), (503, url.as_str()));
        assert_eq!(answer.headers()["retry-http-answer"], "local");
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn the_older_reqwest_is_withheld_as_well() {
    use reqwest12::{Client, Response, Result};

    static HELD: Upstream = Upstream::new("held 0.12");
    static LOCAL: Upstream = Upstream::new("local 0.12").answer_locally();

    #[retry_http(upstream = HELD, base = 1ms, deadline = 200ms)]
    async fn held(http: &Client, url: &str) -> Result<Response> {
        http.get(url).send().await
    }

    #[retry_http(upstream = LOCAL, max_retry_after = 1s)]
    async fn local(http: &Client, url: &str) -> Result<Response> {
        http.get(url).send().await
    }

    let server = refused_server();
    let (http, url) = (Client::new(), server.url("/"));
    assert_eq!(held(&http, &url).await.unwrap().status(), 503);
    assert!(held(&http, &url).await.unwrap_err().is_timeout());
    assert_eq!(local(&http, &url).await.unwrap().status(), 503);
    let answer = local(&http, &url).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.url().as_str()), (503, url.as_str()));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn what_is_withheld_is_not_retried_by_the_call_around() {
    static INNER: Upstream = Upstream::new("inner").answer_locally();

    #[retry_http(upstream = INNER, max_retry_after = 1s)]
    async fn inner(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    #[retry_http(base = 1ms)]
    async fn outer(http: &Client, url: &str) -> reqwest::Result<Response> {
        inner(http, url).await
    }

    let server = refused_server();
    let (http, url) = (Client::new(), server.url("/"));
    for _ in 0..3 {
        assert_eq!(outer(&http, &url).await.unwrap().status(), 503);
    }
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_scope_is_held_by_its_own_hints_only() {
    static GITHUB: Upstream = Upstream::new("github");

    #[retry_http(max = 1, upstream = GITHUB.scope(path))]
    async fn get(http: &Client, server: &Server, path: &str) -> reqwest::Result<Response> {
        http.get(server.url(path)).send().await
    }

    let server = Server::new(|_, request| match request.path.as_str() {
        "/search" => refusal(100_000),
        _ => Reply::status(200),
    });
    let http = Client::new();
    let held = Duration::from_millis(300);
    tokio::time::timeout(held, get(&http, &server, "/search")).await.unwrap_err();
    tokio::time::timeout(held, get(&http, &server, "/search")).await.unwrap_err();
    let start = Instant::now();
    assert_eq!(get(&http, &server, "/user").await.unwrap().status(), 200);
    assert!(start.elapsed() < secs(1));
    assert_eq!(support::counts(&server, &["/search", "/user"]), [1, 1]);
}
