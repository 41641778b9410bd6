//! An upstream never makes a healthy server look dead: calls that are dropped, absurd hints, calls
//! that cannot wait, and answers that are the server's last refusal, over real sockets.

mod support;

use std::future::Future;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::{Client, Response};
use retry_http::testing::server::{Reply, Server};
use retry_http::{Event, Step, Stop, Upstream, retry_http};
use support::fake::{Canned, Fake};
use support::{ms, secs};
use tokio::task::JoinSet;

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

    let asked = AtomicUsize::new(0);
    let server = Server::new(move |_, request| match request.path.as_str() {
        "/" if asked.fetch_add(1, Ordering::Relaxed) % 10 == 0 => refusal(50),
        "/down" => refusal(50),
        _ => Reply::status(200),
    });
    let (http, urls, lone) = (Client::new(), [server.url("/"), server.url("/down")], server.url("/lone"));
    for batch in 0..10u64 {
        // Every other thousand is refused entirely.
        let url = &urls[usize::from(batch % 2 == 1)];
        let calls = (0..1_000u64).map(async |n| {
            tokio::time::sleep(ms(n % 100)).await;
            tokio::time::timeout(ms((n * 7919 + batch) % 150), get(&http, url)).await
        });
        join_all(calls).await;
        let start = Instant::now();
        let lone = async {
            assert_eq!(get(&http, &lone).await.unwrap().status(), 200);
            start.elapsed()
        };
        // The server has the connections of those that were dropped before it.
        let unheld = async {
            http.get(server.url("/unheld")).send().await.unwrap();
            start.elapsed()
        };
        let (lone, unheld) = tokio::join!(lone, unheld);
        let (dropped, requests) = ((batch + 1) * 1000, support::counts(&server, &["/", "/down"]));
        println!(
            "after {dropped} dropped calls, {requests:?} requests: {lone:?}; without an upstream {unheld:?}"
        );
        assert!(lone.saturating_sub(unheld) < ms(200), "{lone:?} and {unheld:?}");
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

/// Answers 429 with each of these values of `Retry-After`, and then 200, each after 10 ms.
fn limited(hints: &[&str]) -> &'static Fake {
    let refusals = hints.iter().map(|hint| Canned::status(429).header("retry-after", hint));
    Box::leak(Box::new(Fake::new(refusals.chain([Canned::status(200)]).map(|answer| answer.takes(ms(10))))))
}

/// Makes a call each `interval`, which its caller drops after `patience`. Returns how many succeed.
async fn arrivals<F>(calls: u32, interval: Duration, patience: Duration, call: fn() -> F) -> usize
where
    F: Future<Output = reqwest::Result<Response>> + Send + 'static,
{
    let mut running = JoinSet::new();
    for _ in 0..calls {
        running.spawn(tokio::time::timeout(patience, call()));
        tokio::time::sleep(interval).await;
    }
    let outcomes = running.join_all().await;
    let is_ok = |outcome: &&Result<reqwest::Result<Response>, _>| matches!(outcome, Ok(Ok(response)) if response.status() == 200);
    outcomes.iter().filter(is_ok).count()
}

// The table of the issue, from call to answer in virtual time. Its rows are in the engine's model
// test, too.

#[tokio::test(start_paused = true)]
async fn one_refusal_and_callers_that_drop_their_calls_after_a_second() {
    static API: Upstream = Upstream::new("row 1");
    static SERVER: LazyLock<&Fake> = LazyLock::new(|| limited(&["1"]));

    #[retry_http(upstream = API)]
    async fn call() -> reqwest::Result<Response> {
        SERVER.answer().await
    }

    let succeeded = arrivals(11_000, ms(10), secs(1), call).await;
    println!("100 calls/s, time-outs of 1 s, a hint of 1 s: {succeeded} of 11,000 succeed");
    assert!(succeeded >= 10_670, "{succeeded}");
}

#[tokio::test(start_paused = true)]
async fn one_longer_hint_and_fewer_such_callers() {
    static API: Upstream = Upstream::new("row 2");
    static SERVER: LazyLock<&Fake> = LazyLock::new(|| limited(&["3"]));

    #[retry_http(upstream = API)]
    async fn call() -> reqwest::Result<Response> {
        SERVER.answer().await
    }

    let succeeded = arrivals(2_001, ms(50), secs(1), call).await;
    println!("20 calls/s, time-outs of 1 s, a hint of 3 s: {succeeded} of 2,001 succeed");
    assert!(succeeded >= 1_901, "{succeeded}");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_dropped_calls_and_then_a_lone_one() {
    static API: Upstream = Upstream::new("row 3");
    static SERVER: LazyLock<&Fake> = LazyLock::new(|| limited(&["1"]));

    #[retry_http(upstream = API)]
    async fn call() -> reqwest::Result<Response> {
        SERVER.answer().await
    }

    let first = tokio::spawn(call());
    tokio::time::sleep(ms(50)).await;
    join_all((0..1_000).map(|_| tokio::time::timeout(ms(100), call()))).await;
    assert_eq!(first.await.unwrap().unwrap().status(), 200);
    let start = tokio::time::Instant::now();
    assert_eq!(call().await.unwrap().status(), 200);
    println!("1,000 dropped calls, then a lone one: {:?}", start.elapsed());
    assert!(start.elapsed() < ms(1_100), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_hint_of_a_year_and_then_a_shorter_one() {
    static API: Upstream = Upstream::new("row 4");
    static SERVER: LazyLock<&Fake> = LazyLock::new(|| limited(&["31536000", "30"]));

    #[retry_http(upstream = API)]
    async fn call() -> reqwest::Result<Response> {
        SERVER.answer().await
    }

    let start = tokio::time::Instant::now();
    let succeeded = arrivals(2_000, ms(50), secs(120), call).await;
    let probed = SERVER.exchanges()[1].answered;
    let asked: Vec<_> = SERVER.exchanges().iter().map(|sent| sent.asked).collect();
    let forbidden = asked.iter().filter(|at| **at > probed && **at < probed + secs(30)).count();
    println!("a hint of a year, then of 30 s: {succeeded} of 2,000 succeed, {forbidden} sent into it");
    assert!(probed - start < secs(2), "{:?}", probed - start);
    assert_eq!(forbidden, 0);
    // The very first gets its own answer, as nobody waits for a year.
    assert_eq!(succeeded, 1_999);
}

#[tokio::test]
async fn callers_that_cannot_wait_for_a_hint_are_not_all_sent_into_it() {
    static API: Upstream = Upstream::new("row 5");

    #[retry_http(upstream = API, deadline = 5s)]
    async fn get(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    let server = Server::new(|_, _| Reply::status(429).header("retry-after", "60"));
    let (http, url) = (Client::new(), server.url("/"));
    assert_eq!(get(&http, &url).await.unwrap().status(), 429);
    let outcomes = join_all((0..200).map(|_| get(&http, &url))).await;
    let sent = server.requests().len() - 1;
    println!("a hint of 60 s, 200 calls with a deadline of 5 s: {sent} are sent into it");
    assert!((1..=5).contains(&sent), "{sent}");
    let timeouts = outcomes.iter().filter(|outcome| matches!(outcome, Err(error) if error.is_timeout()));
    assert_eq!(timeouts.count(), 200 - sent);
}

#[tokio::test(start_paused = true)]
async fn refusals_of_any_status_hold_others_and_pay_for_their_retries() {
    #[retry_http(on = [default, 403, 500, 529], upstream = *upstream)]
    async fn call(server: &Fake, upstream: &Upstream) -> reqwest::Result<Response> {
        server.answer().await
    }

    for status in [403, 429, 500, 529] {
        let refusal = || Canned::status(status).header("retry-after", "1");
        let server = Fake::new((0..60).map(|n| if n % 2 == 0 { refusal() } else { Canned::status(200) }));
        let upstream = Upstream::new("row 6");
        let start = tokio::time::Instant::now();
        for _ in 0..30 {
            assert_eq!(call(&server, &upstream).await.unwrap().status(), 200, "{status}");
        }
        println!("every other answer {status} with a hint of 1 s: none of 30 fails, {:?}", start.elapsed());
        let waits = server.waits();
        assert!(waits.iter().step_by(2).all(|wait| *wait >= secs(1)), "{waits:?}");
        // At once they are held as one.
        let server = Fake::new([refusal().takes(ms(10)), Canned::status(200)]);
        let upstream = Upstream::new("row 6, at once");
        let first = call(&server, &upstream);
        let others = async {
            tokio::time::sleep(ms(20)).await;
            join_all((0..29).map(|_| call(&server, &upstream))).await
        };
        let (first, others) = tokio::join!(first, others);
        assert!(others.iter().chain([&first]).all(|answer| answer.as_ref().unwrap().status() == 200));
        let refused_at = server.exchanges()[0].answered;
        assert!(server.exchanges()[1..].iter().all(|sent| sent.asked >= refused_at + secs(1)), "{status}");
    }
}

#[tokio::test]
async fn hints_of_nothing_hold_nobody_back_and_a_shorter_one_counts_after_a_longer() {
    static NOTHING: Upstream = Upstream::new("nothing").without_budget();
    static SHORTER: Upstream = Upstream::new("shorter");

    #[retry_http(max = 1, base = 1ms, upstream = NOTHING)]
    async fn nothing(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    #[retry_http(upstream = SHORTER)]
    async fn shorter(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    for value in ["0", "Mon, 01 Jan 2001 00:00:00 GMT", "-1", "soon"] {
        let server = Server::new(move |_, _| Reply::status(429).header("retry-after", value));
        assert_eq!(nothing(&Client::new(), &server.url("/")).await.unwrap().status(), 429);
        assert!(NOTHING.is_idle(), "{value}");
    }
    let server = Server::new(|n, _| match n {
        0 => Reply::status(429).header("retry-after", "3600"),
        1 => refusal(300),
        _ => Reply::status(200),
    });
    let (http, url) = (Client::new(), server.url("/"));
    assert_eq!(shorter(&http, &url).await.unwrap().status(), 429);
    let start = Instant::now();
    let answers = join_all((0..10).map(|_| shorter(&http, &url))).await;
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().status() == 200));
    assert!((ms(1_200)..secs(6)).contains(&start.elapsed()), "{:?}", start.elapsed());
    assert_eq!(server.requests().len(), 12);
}

#[tokio::test]
async fn a_probe_that_panics_or_is_dropped_before_it_sends_lets_the_next_one_go() {
    static API: Upstream = Upstream::new("probes");

    #[retry_http(upstream = API, max_retry_after = 10s)]
    async fn get(http: Client, url: String, before: Before) -> reqwest::Result<Response> {
        match before {
            Before::Send => {}
            Before::Panic => panic!("of the body"),
            Before::Hang => std::future::pending().await,
        }
        http.get(url).send().await
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Before {
        Send,
        Panic,
        Hang,
    }

    let server = Server::new(|n, _| match n {
        0 => Reply::status(429).header("retry-after", "3600"),
        _ => Reply::status(200),
    });
    let get = |before| get(Client::new(), server.url("/"), before);
    assert_eq!(get(Before::Send).await.unwrap().status(), 429);
    let start = Instant::now();
    assert!(tokio::spawn(get(Before::Panic)).await.unwrap_err().is_panic());
    tokio::time::timeout(secs(3), get(Before::Hang)).await.unwrap_err();
    assert_eq!(server.requests().len(), 1);
    assert_eq!(get(Before::Send).await.unwrap().status(), 200);
    assert!(start.elapsed() < secs(9), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn calls_that_nobody_polls_hold_back_no_others() {
    static API: Upstream = Upstream::new("unpolled");
    static SERVER: LazyLock<&Fake> = LazyLock::new(|| limited(&["1"]));

    #[retry_http(upstream = API)]
    async fn call() -> reqwest::Result<Response> {
        SERVER.answer().await
    }

    let first = tokio::spawn(call());
    tokio::time::sleep(ms(50)).await;
    let mut unpolled: Vec<_> = (0..100).map(|_| Box::pin(call())).collect();
    for call in &mut unpolled {
        assert!(futures::poll!(call).is_pending());
    }
    // Those whose turns are due are called, and do not come.
    let start = tokio::time::Instant::now();
    for _ in 0..20 {
        assert_eq!(call().await.unwrap().status(), 200);
    }
    // 7.3 s to 8.1 s, as the jitter falls; each that does not come in its turn takes a moment.
    println!("20 calls behind 100 that nobody polls: {:?}", start.elapsed());
    assert!(start.elapsed() < secs(10), "{:?}", start.elapsed());
    assert_eq!(first.await.unwrap().unwrap().status(), 200);
    assert!(join_all(unpolled).await.iter().all(|answer| answer.as_ref().unwrap().status() == 200));
}

#[tokio::test]
async fn what_is_withheld_takes_no_turn_of_another_upstream() {
    static OUTER: Upstream = Upstream::new("outer").answer_locally();
    static INNER: Upstream = Upstream::new("inner");

    #[retry_http(upstream = INNER, max_retry_after = 60s)]
    async fn inner(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    #[retry_http(upstream = OUTER, max_retry_after = 1s)]
    async fn outer(http: &Client, first: &str, second: &str) -> reqwest::Result<Response> {
        http.get(first).send().await?.error_for_status()?;
        inner(http, second).await
    }

    #[retry_http(upstream = OUTER, max_retry_after = 1s)]
    async fn only_inner(http: &Client, url: &str) -> reqwest::Result<Response> {
        inner(http, url).await
    }

    let (server, other) = (refused_server(), refused_server());
    let http = Client::new();
    let (url, other_url) = (server.url("/"), other.url("/"));
    tokio::time::timeout(ms(300), inner(&http, &other_url)).await.unwrap_err();
    assert_eq!(outer(&http, &url, &other_url).await.unwrap_err().status().unwrap(), 503);
    let start = Instant::now();
    assert_eq!(only_inner(&http, &other_url).await.unwrap().status(), 503);
    assert!(start.elapsed() < ms(300), "{:?}", start.elapsed());
    assert_eq!((server.requests().len(), other.requests().len()), (1, 1));
}

#[tokio::test]
async fn a_success_of_a_call_inside_a_probe_ends_the_hint() {
    static API: Upstream = Upstream::new("nested");

    #[retry_http(upstream = API)]
    async fn inner(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    #[retry_http(upstream = API)]
    async fn outer(http: &Client, url: &str) -> reqwest::Result<Response> {
        inner(http, url).await
    }

    let server = Server::new(|n, _| match n {
        0 => Reply::status(429).header("retry-after", "3600"),
        _ => Reply::status(200),
    });
    let (http, url) = (Client::new(), server.url("/"));
    assert_eq!(outer(&http, &url).await.unwrap().status(), 429);
    let start = Instant::now();
    let answers = join_all((0..10).map(|_| outer(&http, &url))).await;
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().status() == 200));
    assert!(start.elapsed() < secs(6), "{:?}", start.elapsed());
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
            LOCALLY.fetch_add(1, Ordering::SeqCst);
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

    static LOCALLY: AtomicUsize = AtomicUsize::new(0);

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
    assert_eq!(LOCALLY.load(Ordering::SeqCst), 100);
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

    #[retry_http(upstream = LOCAL, max_retry_after = 1s)]
    fn local_text(http: &Client, url: &str) -> reqwest::Result<String> {
        http.get(url).send()?.error_for_status()?.text()
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
    let error = local_text(&http, &url).unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), error.url().unwrap().as_str()), (503, url.as_str()));
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn sync_functions_wait_for_their_turns_and_leave_when_their_body_panics() {
    use reqwest::blocking::{Client, Response};

    static API: Upstream = Upstream::new("turns sync");

    #[retry_http(upstream = API)]
    fn get(http: &Client, url: &str, panics: bool) -> reqwest::Result<Response> {
        assert!(!panics, "of the body");
        http.get(url).send()
    }

    let server = Server::new(|n, _| if n == 0 { refusal(200) } else { Reply::status(200) });
    let (http, url) = (Client::new(), server.url("/"));
    let start = Instant::now();
    let threads: Vec<_> = (0..6)
        .map(|n| {
            let (http, url) = (http.clone(), url.clone());
            std::thread::spawn(move || {
                if n > 0 {
                    std::thread::sleep(ms(100));
                }
                get(&http, &url, n % 3 == 1).unwrap().status()
            })
        })
        .collect();
    let outcomes: Vec<_> = threads.into_iter().map(std::thread::JoinHandle::join).collect();
    let succeeded = outcomes.iter().filter(|outcome| outcome.as_ref().is_ok_and(|status| *status == 200));
    assert_eq!(succeeded.count(), 4, "{outcomes:?}");
    assert!(start.elapsed() < secs(3), "{:?}", start.elapsed());
    let requests = server.requests();
    assert!(
        requests[1..].iter().all(|request| request.at - requests[0].at >= ms(195)),
        "{:?}",
        server.pauses()
    );
}

#[test]
fn the_older_reqwest_is_withheld_in_sync_functions_too() {
    use reqwest12::Result;
    use reqwest12::blocking::{Client, Response};

    static HELD: Upstream = Upstream::new("held sync 0.12");
    static LOCAL: Upstream = Upstream::new("local sync 0.12").answer_locally();

    #[retry_http(upstream = HELD, base = 1ms, deadline = 200ms)]
    fn held(http: &Client, url: &str) -> Result<Response> {
        http.get(url).send()
    }

    #[retry_http(upstream = LOCAL, max_retry_after = 1s)]
    fn local(http: &Client, url: &str) -> Result<String> {
        http.get(url).send()?.error_for_status()?.text()
    }

    let server = refused_server();
    let (http, url) = (Client::new(), server.url("/"));
    assert_eq!(held(&http, &url).unwrap().status(), 503);
    assert!(held(&http, &url).unwrap_err().is_timeout());
    for _ in 0..2 {
        let error = local(&http, &url).unwrap_err();
        assert_eq!((error.status().unwrap().as_u16(), error.url().unwrap().as_str()), (503, url.as_str()));
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn middleware_is_withheld_as_well() {
    use reqwest_middleware::{ClientWithMiddleware, Result};

    static HELD: Upstream = Upstream::new("held middleware");
    static LOCAL: Upstream = Upstream::new("local middleware").answer_locally();

    #[retry_http(upstream = HELD, base = 1ms, deadline = 200ms)]
    async fn held(http: &ClientWithMiddleware, url: &str) -> Result<Response> {
        http.get(url).send().await
    }

    #[retry_http(upstream = LOCAL, max_retry_after = 1s)]
    async fn local(http: &ClientWithMiddleware, url: &str) -> Result<Response> {
        http.execute(http.get(url).build()?).await
    }

    let server = refused_server();
    let (http, url) = (ClientWithMiddleware::from(Client::new()), server.url("/"));
    assert_eq!(held(&http, &url).await.unwrap().status(), 503);
    assert!(held(&http, &url).await.unwrap_err().is_timeout());
    assert_eq!(local(&http, &url).await.unwrap().status(), 503);
    let answer = local(&http, &url).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["retry-http-answer"].as_bytes()),
        (503, &b"local"[..])
    );
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
    static INNER: Upstream = Upstream::new("inner, locally").answer_locally();

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
