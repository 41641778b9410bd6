//! Calls of one upstream share the budget of retries, and the waits that the server asks for.

mod support;

use futures::future::join_all;
use reqwest::{Client, Response};
use retry_http::testing::server::{Reply, Server};
use retry_http::{Upstream, retry_http};
use support::fake::{Canned, Fake};
use support::{ms, secs};

fn statuses(outcomes: &[reqwest::Result<Response>]) -> Vec<u16> {
    outcomes.iter().map(|outcome| outcome.as_ref().map_or(0, |answer| answer.status().as_u16())).collect()
}

#[tokio::test]
async fn retries_are_paid_for_and_successes_bring_in() {
    static FAILING: Upstream = Upstream::new("failing").budget(0.5, 0.0, 4);

    #[retry_http(max = 3, base = 1ms, upstream = FAILING)]
    async fn get(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    let http = Client::new();
    let failing = Server::script([Reply::status(500)]);
    for retries in [3, 1, 0, 0] {
        let before = failing.requests().len();
        assert_eq!(get(&http, &failing.url("/")).await.unwrap().status(), 500);
        assert_eq!(failing.requests().len() - before, 1 + retries);
    }
    let well = Server::script([Reply::status(200)]);
    for _ in 0..2 {
        get(&http, &well.url("/")).await.unwrap();
    }
    // Two successes of half a retry each.
    let before = failing.requests().len();
    get(&http, &failing.url("/")).await.unwrap();
    assert_eq!(failing.requests().len() - before, 2);
}

#[tokio::test]
async fn a_refusal_holds_the_others_back_first_attempts_too() {
    static LIMITED: Upstream = Upstream::new("limited");

    #[retry_http(base = 1ms, upstream = LIMITED)]
    async fn get(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    let http = Client::new();
    let server = Server::new(|n, _| match n {
        0 => Reply::status(429).header("retry-after-ms", "400"),
        _ => Reply::status(200),
    });
    let url = server.url("/");
    let first = get(&http, &url);
    let others = async {
        // Until the first was refused.
        while LIMITED.is_idle() {
            tokio::time::sleep(ms(1)).await;
        }
        join_all((0..5).map(|_| get(&http, &url))).await
    };
    let (first, others) = tokio::join!(first, others);
    assert_eq!(first.unwrap().status(), 200);
    assert_eq!(statuses(&others), [200; 5]);
    let requests = server.requests();
    assert_eq!(requests.len(), 7, "nobody else was refused");
    assert!(
        requests[1..].iter().all(|request| request.at - requests[0].at >= ms(390)),
        "{:?}",
        server.pauses()
    );
}

#[test]
fn sync_functions_share_the_waits_and_the_budget() {
    struct Api {
        http: reqwest::blocking::Client,
        upstream: std::sync::Arc<Upstream>,
    }

    #[retry_http(base = 1ms, upstream = self.upstream)]
    impl Api {
        fn get(&self, url: &str) -> reqwest::Result<reqwest::blocking::Response> {
            self.http.get(url).send()
        }
    }

    let server = Server::new(|n, _| match n {
        0 => Reply::status(429).header("retry-after-ms", "300"),
        1..=3 => Reply::status(200),
        _ => Reply::status(500),
    });
    let api = Api {
        http: reqwest::blocking::Client::new(),
        upstream: std::sync::Arc::new(Upstream::new("sync").budget(0.0, 0.0, 2)),
    };
    let url = server.url("/");
    std::thread::scope(|scope| {
        scope.spawn(|| assert_eq!(api.get(&url).unwrap().status(), 200));
        while api.upstream.is_idle() {
            std::thread::sleep(ms(1));
        }
        for _ in 0..2 {
            scope.spawn(|| assert_eq!(api.get(&url).unwrap().status(), 200));
        }
    });
    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    assert!(requests[1..].iter().all(|request| request.at - requests[0].at >= ms(290)));
    // The retry that the server asked for was free.
    assert_eq!(api.get(&url).unwrap().status(), 500);
    assert_eq!(server.requests().len(), 7);
}

#[tokio::test]
async fn without_a_cooldown_every_retry_is_paid_for() {
    static UNPACED: Upstream = Upstream::new("unpaced").budget(0.0, 0.0, 1).without_cooldown();

    #[retry_http(base = 1ms, upstream = UNPACED)]
    async fn get(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    let server = Server::script([Reply::status(429).header("retry-after-ms", "1")]);
    assert_eq!(get(&Client::new(), &server.url("/")).await.unwrap().status(), 429);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_failure_that_a_function_hides_is_paid_for() {
    static GONE: Upstream = Upstream::new("gone").budget(0.0, 0.0, 1);

    #[retry_http(base = 1ms, upstream = GONE)]
    async fn get(http: &Client, url: &str) -> reqwest::Result<Option<Response>> {
        Ok(http.get(url).send().await.ok())
    }

    let server = Server::script([Reply::hang_up()]);
    for _ in 0..3 {
        assert!(get(&Client::new(), &server.url("/")).await.unwrap().is_none());
    }
    assert_eq!(server.requests().len(), 4, "one retry is paid for, and no failure brings in");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_down_and_says_when_to_come_back_is_not_overrun() {
    static DOWN: Upstream = Upstream::new("down");

    #[retry_http(upstream = DOWN, max_retry_after = 5s)]
    async fn get(fake: &Fake) -> reqwest::Result<Response> {
        fake.answer().await
    }

    let load = async |calls: usize, fake: &Fake| {
        join_all((0..calls).map(async |n| {
            tokio::time::sleep(ms(n as u64 * 50)).await;
            let start = tokio::time::Instant::now();
            get(fake).await.unwrap();
            start.elapsed()
        }))
        .await
    };
    // Two minutes of 20 calls a second, all of them refused.
    let down = Fake::new([Canned::status(503).header("retry-after", "1")]);
    load(2_400, &down).await;
    let sent = down.requests();
    println!("{sent} requests of 2400 calls");
    assert!(sent < 2_400 * 11 / 10, "{sent} requests of 2400 calls");
    // It is back, and within a minute nobody is held any more.
    let up = Fake::status(200);
    load(1_200, &up).await;
    let held = load(100, &up).await;
    let longest = held.iter().max().unwrap();
    println!("held for {longest:?} at the most a minute after it is back");
    assert!(*longest < secs(1), "held for {longest:?}");
}

#[tokio::test]
async fn polling_costs_nothing() {
    static JOBS: Upstream = Upstream::new("jobs").budget(0.0, 0.0, 1);

    #[retry_http(max = 9, on = [202], base = 1ms, factor = 1, upstream = &JOBS)]
    async fn job(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    let server = Server::new(|n, _| Reply::status(if n < 5 { 202 } else { 200 }));
    assert_eq!(job(&Client::new(), &server.url("/")).await.unwrap().status(), 200);
    assert_eq!(server.requests().len(), 6);
}

#[tokio::test]
async fn a_request_that_hangs_does_not_make_a_server_that_is_well_look_dead() {
    static HANGS: Upstream = Upstream::new("hangs");

    #[retry_http(upstream = HANGS, max_retry_after = 10s)]
    async fn get(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    let server = Server::new(|n, _| match n {
        0 => Reply::status(429).header("retry-after", "3600"),
        1 => support::late(),
        _ => Reply::status(200),
    });
    let (http, url) = (Client::new(), server.url("/"));
    assert_eq!(get(&http, &url).await.unwrap().status(), 429);
    let hangs = {
        let (http, url) = (http.clone(), url.clone());
        tokio::spawn(async move { get(&http, &url).await })
    };
    while server.requests().len() < 2 {
        tokio::time::sleep(ms(5)).await;
    }
    let start = std::time::Instant::now();
    assert_eq!(statuses(&join_all((0..5).map(|_| get(&http, &url))).await), [200; 5]);
    assert!(start.elapsed() < secs(9), "{:?}", start.elapsed());
    hangs.abort();
}

/// Refuses the only request, with a hint of 400 ms.
fn refusing() -> Server {
    Server::script([Reply::status(429).header("retry-after-ms", "400")])
}

#[tokio::test]
async fn an_upstream_says_how_long_it_holds_back() {
    static LIMITED: Upstream = Upstream::new("limited, asked");

    #[retry_http(max = 1, max_retry_after = 100ms, upstream = LIMITED)]
    async fn get(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    assert_eq!(LIMITED.remaining_cooldown(), None);
    get(&Client::new(), &refusing().url("/")).await.unwrap();
    let left = LIMITED.remaining_cooldown().expect("a refusal");
    assert!(left <= ms(400) && left > ms(100), "{left:?}");
    assert_eq!(LIMITED.scope("elsewhere").remaining_cooldown(), None);
    tokio::time::sleep(left).await;
    assert_eq!(LIMITED.remaining_cooldown(), None);
}

#[test]
fn an_upstream_of_sync_functions_says_so_too() {
    static LIMITED: Upstream = Upstream::new("limited, asked without a runtime");

    #[retry_http(max = 1, max_retry_after = 100ms, upstream = LIMITED)]
    fn get(http: &reqwest::blocking::Client, url: &str) -> reqwest::Result<reqwest::blocking::Response> {
        http.get(url).send()
    }

    get(&reqwest::blocking::Client::new(), &refusing().url("/")).unwrap();
    let left = LIMITED.remaining_cooldown().expect("a refusal");
    assert!(left <= ms(400) && left > ms(100), "{left:?}");
}

/// A constant may name an upstream in a static, by a reference.
trait Vendor {
    const UPSTREAM: &'static Upstream;
}

#[tokio::test]
async fn constants_that_refer_to_an_upstream_share_it() {
    static ONE_RETRY: Upstream = Upstream::new("one retry").budget(0.0, 0.0, 1);
    const REFERENCE: &Upstream = &ONE_RETRY;

    struct Shop;

    impl Vendor for Shop {
        const UPSTREAM: &'static Upstream = &ONE_RETRY;
    }

    #[retry_http(base = 1ms, upstream = REFERENCE)]
    async fn by_a_reference(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    #[retry_http(base = 1ms, upstream = V::UPSTREAM)]
    async fn by_a_vendor<V: Vendor>(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await
    }

    let (http, failing) = (Client::new(), Server::script([Reply::status(500)]));
    by_a_reference(&http, &failing.url("/")).await.unwrap();
    by_a_vendor::<Shop>(&http, &failing.url("/")).await.unwrap();
    assert_eq!(failing.requests().len(), 3, "one retry in all");
}
