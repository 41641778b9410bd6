//! `reauth`: on a 401 the credentials are renewed, once, and the call goes on.

mod support;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use retry_http::testing::server::{Reply, Server};
use retry_http::{HttpFailure, Renewal, Step, Stop, retry_http};
use support::fake::Fake;
use support::{counts, ms};

/// Answers 200 to the token `t1`, and 401 to any other; logs in at `/login`.
fn server() -> Server {
    Server::new(|_, request| {
        if request.path == "/login" {
            return Reply::status(200).body("t1").late(ms(20));
        }
        let fresh = request.headers.get("authorization").is_some_and(|value| value == "Bearer t1");
        Reply::status(if fresh { 200 } else { 401 }).body(vec![b'x'; 1000])
    })
}

fn count(server: &Server, path: &str) -> usize {
    counts(server, &[path])[0]
}

struct Api {
    http: reqwest::Client,
    server: Server,
    token: Mutex<String>,
    renewal: Renewal,
    renewals: AtomicUsize,
}

impl Api {
    fn new(server: Server) -> Self {
        let token = Mutex::new("t0".to_owned());
        Self {
            http: reqwest::Client::new(),
            server,
            token,
            renewal: Renewal::new(),
            renewals: AtomicUsize::new(0),
        }
    }

    fn token(&self) -> String {
        self.token.lock().unwrap().clone()
    }

    async fn login(&self) -> Result<(), reqwest::Error> {
        self.renewals.fetch_add(1, Ordering::SeqCst);
        let token =
            self.http.post(self.server.url("/login")).send().await?.error_for_status()?.text().await?;
        *self.token.lock().unwrap() = token;
        Ok(())
    }

    #[retry_http(reauth = self.renewal.once(self.login()))]
    async fn item(&self, id: u32) -> Result<String, reqwest::Error> {
        let url = self.server.url(&format!("/item/{id}"));
        self.http.get(url).bearer_auth(self.token()).send().await?.error_for_status()?.text().await
    }

    #[retry_http(reauth = self.login().await, max = 1, base = 1ms)]
    async fn alone(&self, path: String) -> Result<reqwest::Response, reqwest::Error> {
        self.http.get(self.server.url(&path)).bearer_auth(self.token()).send().await
    }

    async fn login_with(&self, token: &str) -> Result<(), reqwest::Error> {
        assert_eq!(token, "refresh");
        self.login().await
    }

    #[retry_http(reauth = None::<()>)]
    async fn hopeless(&self) -> Result<reqwest::Response, reqwest::Error> {
        self.http.get(self.server.url("/item")).send().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_calls_that_meet_an_expired_token_renew_it_once() {
    let api = Api::new(server());
    let outcomes = futures::future::join_all((0..50).map(|id| api.item(id))).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!((api.renewals.load(Ordering::SeqCst), count(&api.server, "/login")), (1, 1));
}

#[tokio::test]
async fn a_fresh_token_that_is_refused_ends_the_call() {
    let api = Api::new(Server::new(|_, request| {
        Reply::status(if request.path == "/login" { 200 } else { 401 }).body("t1")
    }));
    assert_eq!(api.alone("/item".to_owned()).await.unwrap().status(), 401);
    assert_eq!((count(&api.server, "/item"), count(&api.server, "/login")), (2, 1));
}

#[tokio::test]
async fn where_the_renewal_fails_the_first_outcome_is_returned() {
    let api = Api::new(Server::new(|_, request| {
        Reply::status(if request.path == "/login" { 403 } else { 401 }).body(request.path.clone())
    }));
    let outcome = api.alone("/item".to_owned()).await.unwrap();
    assert_eq!((outcome.status().as_u16(), outcome.text().await.unwrap()), (401, "/item".to_owned()));
    assert_eq!((count(&api.server, "/item"), count(&api.server, "/login")), (1, 1));
    assert_eq!(api.hopeless().await.unwrap().status(), 401);
    assert_eq!(count(&api.server, "/item"), 2);
}

#[tokio::test]
async fn the_attempt_after_a_renewal_is_no_retry() {
    let api = Api::new(Server::new(|n, _| match n {
        0 => Reply::status(401).body(vec![b'x'; 100_000]),
        1 => Reply::status(200).body("t1"),
        _ => Reply::status(503),
    }));
    assert_eq!(api.alone("/item".to_owned()).await.unwrap().status(), 503);
    assert_eq!(count(&api.server, "/item"), 3, "the first, the one after the renewal, and one retry");
    // The refusal is read before the next attempt, which so needs no connection but that and the
    // login's.
    assert!(api.server.connections() <= 2);
}

#[tokio::test(start_paused = true)]
async fn the_renewal_is_within_the_deadline() {
    #[retry_http(reauth = std::future::pending::<()>(), deadline = 3s)]
    async fn stuck(fake: &Fake) -> Result<reqwest::Response, reqwest::Error> {
        fake.answer().await
    }

    let start = tokio::time::Instant::now();
    assert_eq!(stuck(&Fake::status(401)).await.unwrap().status(), 401);
    assert_eq!(start.elapsed(), Duration::from_secs(3));
}

#[tokio::test]
async fn never_wins() {
    const GUEST: retry_http::Policy = retry_http::policy!(never = [501]);

    #[retry_http(policy = *policy, reauth = *renewals += 1)]
    async fn guest(
        policy: &retry_http::Policy,
        http: &reqwest::Client,
        url: &str,
        renewals: &mut u32,
    ) -> Result<u16, reqwest::Error> {
        Ok(http.get(url).send().await?.status().as_u16())
    }

    let never = GUEST.to_builder().never(&[retry_http::Condition::Status(401)]).build().unwrap();
    let (server, mut renewals) = (server(), 0);
    let http = reqwest::Client::new();
    assert_eq!(guest(&never, &http, &server.url("/item"), &mut renewals).await.unwrap(), 401);
    assert_eq!((renewals, server.requests().len()), (0, 1));
    assert_eq!(guest(&GUEST, &http, &server.url("/item"), &mut renewals).await.unwrap(), 401);
    assert_eq!((renewals, server.requests().len()), (1, 3));
}

#[tokio::test]
async fn a_post_before_the_refused_request_is_not_repeated() {
    #[retry_http(reauth = Some(()))]
    async fn order(http: &reqwest::Client, server: &Server) -> Result<u16, reqwest::Error> {
        http.post(server.url("/order")).send().await?;
        Ok(http.get(server.url("/item")).send().await?.status().as_u16())
    }

    let server = Server::new(|_, request| Reply::status(if request.path == "/order" { 201 } else { 401 }));
    assert_eq!(order(&reqwest::Client::new(), &server).await.unwrap(), 401);
    assert_eq!((count(&server, "/order"), count(&server, "/item")), (1, 1));
}

#[tokio::test]
async fn an_outer_function_does_not_renew_again() {
    #[retry_http(reauth = { *renewals += 1; })]
    async fn outer(api: &Api, renewals: &mut u32) -> Result<String, reqwest::Error> {
        api.item(1).await
    }

    let api = Api::new(Server::script([Reply::status(401)]));
    let mut renewals = 0;
    assert_eq!(
        outer(&api, &mut renewals).await.unwrap_err().status(),
        Some(reqwest::StatusCode::UNAUTHORIZED)
    );
    assert_eq!((renewals, api.server.requests().len()), (0, 2));
}

#[tokio::test]
async fn a_renewal_that_is_refused_itself_is_not_renewed() {
    struct Whole {
        http: reqwest::Client,
        server: Server,
        renewal: Renewal,
    }

    #[retry_http(reauth = self.renewal.once(self.login()))]
    impl Whole {
        async fn item(&self) -> Result<u16, reqwest::Error> {
            Ok(self.http.get(self.server.url("/item")).send().await?.status().as_u16())
        }

        // It has a visible send, so it is annotated as well.
        fn login(&self) -> std::pin::Pin<Box<dyn Future<Output = Result<(), reqwest::Error>> + Send + '_>> {
            Box::pin(async move {
                self.http.post(self.server.url("/login")).send().await?.error_for_status()?;
                Ok(())
            })
        }
    }

    let server = Server::script([Reply::status(401)]);
    let api = Whole { http: reqwest::Client::new(), server, renewal: Renewal::new() };
    assert_eq!(api.item().await.unwrap(), 401);
    assert_eq!((count(&api.server, "/item"), count(&api.server, "/login")), (1, 1));
}

#[tokio::test]
async fn credentials_that_were_good_a_moment_ago_are_renewed_too() {
    #[retry_http(reauth = api.renewal.once(api.login()))]
    async fn pages(api: &Api) -> Result<u16, reqwest::Error> {
        // Another call's renewal ends while this one is under way.
        api.item(1).await?;
        api.http.get(api.server.url("/first")).send().await?.error_for_status()?;
        Ok(api.http.get(api.server.url("/second")).send().await?.error_for_status()?.status().as_u16())
    }

    let refused = Mutex::new(0);
    let api = Api::new(Server::new(move |_, request| {
        let mut refused = refused.lock().unwrap();
        let refuse = match request.path.as_str() {
            "/item/1" => *refused == 0,
            "/second" => *refused < 2,
            _ => false,
        };
        *refused += usize::from(refuse);
        Reply::status(if refuse { 401 } else { 200 }).body("t1")
    }));
    assert_eq!(pages(&api).await.unwrap(), 200);
    assert_eq!((count(&api.server, "/second"), count(&api.server, "/login")), (2, 2));
}

#[tokio::test]
async fn a_renewal_that_gave_up_does_not_keep_outer_functions_from_retrying() {
    #[retry_http(max = 1, base = 1ms)]
    async fn login(api: &Api) -> Result<(), reqwest::Error> {
        api.http.post(api.server.url("/login")).send().await?.error_for_status()?;
        Ok(())
    }

    #[retry_http(reauth = { _ = login(api).await; })]
    async fn inner(api: &Api) -> Result<u16, reqwest::Error> {
        Ok(api.http.get(api.server.url("/item")).send().await?.status().as_u16())
    }

    #[retry_http(base = 1ms, jitter = none)]
    async fn outer(api: &Api, attempts: &AtomicUsize) -> Result<u16, reqwest::Error> {
        attempts.fetch_add(1, Ordering::SeqCst);
        inner(api).await?;
        helper(api).await
    }

    #[retry_http(transparent)]
    async fn helper(api: &Api) -> Result<u16, reqwest::Error> {
        let response = api.http.get(api.server.url("/helper")).send().await?;
        Ok(response.error_for_status()?.status().as_u16())
    }

    let api = Api::new(Server::new(|n, request| {
        Reply::status(match request.path.as_str() {
            "/login" | "/helper" => 503,
            _ if n == 0 => 401,
            _ => 200,
        })
    }));
    let attempts = AtomicUsize::new(0);
    assert!(outer(&api, &attempts).await.is_err());
    assert_eq!((attempts.load(Ordering::SeqCst), count(&api.server, "/helper")), (4, 4));
}

#[test]
fn sync_calls_renew_an_expired_token_once() {
    struct Api {
        http: reqwest::blocking::Client,
        server: Server,
        token: Mutex<String>,
        renewal: Renewal,
    }

    impl Api {
        fn login(&self) -> Result<(), reqwest::Error> {
            let response = self.http.post(self.server.url("/login")).send()?.error_for_status()?;
            *self.token.lock().unwrap() = response.text()?;
            Ok(())
        }

        #[retry_http(reauth = self.renewal.once_blocking(|| self.login()), timeout = 10s)]
        fn item(&self) -> Result<String, reqwest::Error> {
            let token = self.token.lock().unwrap().clone();
            self.http.get(self.server.url("/item")).bearer_auth(token).send()?.error_for_status()?.text()
        }
    }

    let api = Api {
        http: reqwest::blocking::Client::builder().timeout(Duration::from_secs(10)).build().unwrap(),
        server: server(),
        token: Mutex::new("t0".to_owned()),
        renewal: Renewal::new(),
    };
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..10).map(|_| scope.spawn(|| api.item())).collect();
        for call in calls {
            assert_eq!(call.join().unwrap().unwrap().len(), 1000);
        }
    });
    assert_eq!(count(&api.server, "/login"), 1);
}

#[tokio::test]
async fn a_renewal_may_use_temporaries_and_a_self_that_is_taken_by_value() {
    trait Owned {
        async fn item(self: std::sync::Arc<Self>) -> Result<u16, reqwest::Error>;
    }

    impl Owned for Api {
        #[retry_http(reauth = self.login_with(&String::from("refresh")))]
        async fn item(self: std::sync::Arc<Self>) -> Result<u16, reqwest::Error> {
            let request = self.http.get(self.server.url("/item")).bearer_auth(self.token());
            Ok(request.send().await?.status().as_u16())
        }
    }

    let api = std::sync::Arc::new(Api::new(server()));
    assert_eq!(Owned::item(api).await.unwrap(), 200);
}

#[async_trait::async_trait]
trait Source {
    async fn item(&self, id: u32) -> Result<String, reqwest::Error>;
}

struct Remote(Api);

#[async_trait::async_trait]
impl Source for Remote {
    #[retry_http(reauth = self.0.login())]
    async fn item(&self, id: u32) -> Result<String, reqwest::Error> {
        let url = self.0.server.url(&format!("/item/{id}"));
        self.0.http.get(url).bearer_auth(self.0.token()).send().await?.error_for_status()?.text().await
    }
}

#[tokio::test]
async fn a_method_under_async_trait_renews() {
    let source = Remote(Api::new(server()));
    assert_eq!(source.item(3).await.unwrap().len(), 1000);
    assert_eq!(count(&source.0.server, "/login"), 1);
}

/// An error of an API that says in its own words what a 403 or 429 means.
#[derive(Debug)]
struct Told {
    status: u16,
    word: String,
}

impl HttpFailure for Told {
    fn status(&self) -> Option<u16> {
        Some(self.status)
    }

    fn is_expired(&self) -> bool {
        self.word == "expired"
    }

    fn is_permanent(&self) -> bool {
        self.word == "insufficient_quota"
    }
}

impl From<reqwest::Error> for Told {
    fn from(_: reqwest::Error) -> Self {
        Self { status: 0, word: String::new() }
    }
}

/// The answer of an API, or the error that it tells.
async fn told(response: reqwest::Response) -> Result<u16, Told> {
    let status = response.status().as_u16();
    if status < 300 { Ok(status) } else { Err(Told { status, word: response.text().await? }) }
}

impl Api {
    #[retry_http(reauth = self.renewal.once(self.login()), base = 1ms, retry_if = |_| true)]
    async fn told(&self) -> Result<u16, Told> {
        told(self.http.get(self.server.url("/told")).bearer_auth(self.token()).send().await?).await
    }

    #[retry_http(reauth = self.renewal.once(self.login()))]
    async fn refused(&self) -> Result<reqwest::Response, reqwest::Error> {
        self.http.get(self.server.url("/refused")).bearer_auth(self.token()).send().await
    }

    fn logins(&self) -> usize {
        self.renewals.load(Ordering::SeqCst)
    }
}

/// Answers a request for `/told` with a fresh token by 204, others by this status and word.
fn telling(status: u16, word: &'static str) -> Server {
    Server::new(move |_, request| {
        let fresh = request.headers.get("authorization").is_some_and(|value| value == "Bearer t1");
        match request.path.as_str() {
            "/login" => Reply::status(200).body("t1"),
            "/told" if fresh => Reply::status(204),
            _ => Reply::status(status).body(word),
        }
    })
}

mod by_an_own_error {
    use super::*;

    #[tokio::test]
    async fn expired_credentials_are_renewed() {
        for status in [400, 403, 498] {
            let api = Api::new(telling(status, "expired"));
            let calls = futures::future::join_all((0..10).map(|_| api.told())).await;
            assert!(calls.iter().all(|told| matches!(told, Ok(204))), "{calls:?}");
            assert_eq!(api.logins(), 1, "{status}");
        }
    }

    #[tokio::test]
    async fn a_permanent_failure_is_neither_retried_nor_renewed() {
        for status in [429, 503, 401] {
            let api = Api::new(telling(status, "insufficient_quota"));
            let kit = retry_http::testing::instant();
            assert_eq!(api.told().await.unwrap_err().status, status);
            assert_eq!((api.server.requests().len(), kit.attempts()), (1, 1));
            let step = Step::End { stop: Stop::Never, succeeded: false };
            assert_eq!(kit.events()[0].step, step);
        }
        // Another word for the same status.
        let api = Api::new(telling(429, "rate_limit_exceeded"));
        let kit = retry_http::testing::instant();
        assert_eq!(api.told().await.unwrap_err().status, 429);
        assert_eq!((api.server.requests().len(), kit.attempts()), (4, 4));
    }

    #[tokio::test]
    async fn an_outer_function_does_not_retry_a_permanent_failure() {
        #[retry_http(on = [429], base = 1ms)]
        async fn outer(api: &Api) -> Result<u16, Told> {
            api.told().await
        }

        let api = Api::new(telling(429, "insufficient_quota"));
        assert_eq!(outer(&api).await.unwrap_err().status, 429);
        assert_eq!(api.server.requests().len(), 1);
    }
}

/// Answers `/refused` by 401 whatever the token.
fn refusing() -> Server {
    Server::new(|_, request| match request.path.as_str() {
        "/login" => Reply::status(200).body("t1"),
        "/refused" => Reply::status(401),
        _ if request.headers["authorization"] == "Bearer t1" => Reply::status(200),
        _ => Reply::status(401),
    })
}

mod a_fresh_token_that_is_refused {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn is_not_renewed_by_each_call() {
        #[retry_http(reauth = renewal.once(async { logins.fetch_add(1, Ordering::SeqCst); }))]
        async fn refused(
            fake: &Fake,
            renewal: &Renewal,
            logins: &AtomicUsize,
        ) -> Result<reqwest::Response, reqwest::Error> {
            fake.answer().await
        }

        let (fake, renewal, logins) = (Fake::status(401), Renewal::new(), AtomicUsize::new(0));
        // At once, after a second, and then after two.
        for (pause, expected) in [(0, 1), (1001, 2), (1001, 2), (1001, 3), (3000, 3)] {
            tokio::time::advance(ms(pause)).await;
            for _ in 0..20 {
                assert_eq!(refused(&fake, &renewal, &logins).await.unwrap().status(), 401);
            }
            assert_eq!(logins.load(Ordering::SeqCst), expected);
        }
        // For a day, with a call a minute.
        for _ in 0..24 * 60 {
            tokio::time::advance(Duration::from_secs(60)).await;
            assert_eq!(refused(&fake, &renewal, &logins).await.unwrap().status(), 401);
        }
        assert!(logins.into_inner() < 300, "one in five minutes");
    }

    #[tokio::test]
    async fn by_many_calls_at_once_counts_once() {
        let api = Api::new(refusing());
        for _ in 0..3 {
            let calls = futures::future::join_all((0..20).map(|_| api.refused())).await;
            assert!(calls.into_iter().all(|call| call.unwrap().status() == 401));
        }
        assert_eq!(api.logins(), 1);
    }

    #[tokio::test]
    async fn does_not_hold_up_other_functions() {
        let api = Api::new(refusing());
        for round in 1..=3 {
            assert_eq!(api.refused().await.unwrap().status(), 401);
            // The token expires.
            *api.token.lock().unwrap() = "t0".to_owned();
            api.item(1).await.unwrap();
            assert_eq!(api.logins(), 1 + round);
        }
    }

    #[test]
    fn by_sync_calls() {
        #[retry_http(reauth = renewal.once_blocking(|| *logins.lock().unwrap() += 1))]
        fn refused(
            http: &reqwest::blocking::Client,
            server: &Server,
            renewal: &Renewal,
            logins: &Mutex<u32>,
        ) -> Result<reqwest::blocking::Response, reqwest::Error> {
            http.get(server.url("/refused")).send()
        }

        let (http, server, renewal) = (reqwest::blocking::Client::new(), refusing(), Renewal::new());
        let logins = Mutex::new(0);
        for _ in 0..10 {
            assert_eq!(refused(&http, &server, &renewal, &logins).unwrap().status(), 401);
        }
        assert_eq!(logins.into_inner().unwrap(), 1);
    }
}

mod a_renewal_that_calls_for_itself {
    use super::*;
    use std::sync::Arc;

    /// Logs in with the help of a call that meets a 401 of the same renewal, in a task of its own.
    struct Circular {
        fake: Fake,
        renewal: Renewal,
        logins: AtomicUsize,
    }

    impl Circular {
        fn login(self: Arc<Self>) -> std::pin::Pin<Box<dyn Future<Output = bool> + Send>> {
            Box::pin(async move {
                self.logins.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(self.call()).await.unwrap() == 401
            })
        }

        async fn call(self: Arc<Self>) -> u16 {
            item(&self).await.unwrap().status().as_u16()
        }
    }

    #[retry_http(reauth = api.renewal.once(Arc::clone(api).login()))]
    async fn item(api: &Arc<Circular>) -> Result<reqwest::Response, reqwest::Error> {
        api.fake.answer().await
    }

    #[tokio::test(start_paused = true)]
    async fn in_another_task_ends() {
        let fake = Fake::status(401);
        let api = Arc::new(Circular { fake, renewal: Renewal::new(), logins: AtomicUsize::new(0) });
        let start = tokio::time::Instant::now();
        assert_eq!(Arc::clone(&api).call().await, 401);
        assert_eq!((start.elapsed(), api.logins.load(Ordering::SeqCst)), (Duration::from_secs(3), 1));
    }

    #[tokio::test]
    async fn is_told_at_once_that_there_are_no_fresh_credentials() {
        static INNER: Renewal = Renewal::new();
        let (renewal, other) = (Renewal::new(), Renewal::new());
        let answers = async {
            let inside = renewal.once(async { renewal.once(async { true }).await }).await;
            let through_another =
                renewal.once(async { other.once(async { renewal.once(async { true }).await }).await }).await;
            // A renewal of something else is none of itself.
            let of_another = renewal.once(async { other.once(async { true }).await }).await;
            let spawned = INNER.once_spawned(async { INNER.once_spawned(async { true }).await }).await;
            let blocking = renewal.once_blocking(|| renewal.once_blocking(|| true));
            [inside, through_another, of_another, spawned, blocking]
        };
        let answers = tokio::time::timeout(Duration::from_secs(20), answers).await;
        assert_eq!(answers, Ok([false, false, true, false, false]));
        // The turns are given back.
        assert!(renewal.once(async { true }).await && INNER.once(async { true }).await);
    }

    #[tokio::test]
    async fn from_reauth_is_told_so_as_well() {
        #[retry_http(reauth = renewal.once(async { renewal.once(async { true }).await }), base = 1ms)]
        async fn item(fake: &Fake, renewal: &Renewal) -> Result<reqwest::Response, reqwest::Error> {
            fake.answer().await
        }

        let fake = Fake::status(401);
        let response = tokio::time::timeout(Duration::from_secs(20), item(&fake, &Renewal::new())).await;
        assert_eq!(response.unwrap().unwrap().status(), 401);
        assert_eq!(fake.requests(), 1);
    }

    #[tokio::test]
    #[should_panic(expected = "no token")]
    async fn panics_where_a_spawned_renewal_does() {
        Renewal::new().once_spawned(async { panic!("no token") as bool }).await;
    }

    #[test]
    fn on_another_thread_ends() {
        #[retry_http(reauth = renewal.once_blocking(|| login(fake, renewal)))]
        fn item(fake: &Fake, renewal: &Renewal) -> Result<reqwest::Response, reqwest::Error> {
            Ok(fake.answer_blocking())
        }

        fn login(fake: &Fake, renewal: &Renewal) {
            std::thread::scope(|scope| {
                let helped = scope.spawn(|| item(fake, renewal).unwrap().status());
                assert_eq!(helped.join().unwrap(), 401);
            });
        }

        let start = std::time::Instant::now();
        assert_eq!(item(&Fake::status(401), &Renewal::new()).unwrap().status(), 401);
        assert!((3..6).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    }
}

/// A login that takes 2 s, for calls that have one.
mod a_slow_login {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    #[derive(Default)]
    struct Slow {
        renewal: Renewal,
        logins: Arc<AtomicUsize>,
        is_fresh: Arc<AtomicBool>,
    }

    impl Slow {
        fn login(&self) -> impl Future<Output = ()> + Send + use<> {
            let (logins, is_fresh) = (Arc::clone(&self.logins), Arc::clone(&self.is_fresh));
            async move {
                logins.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_secs(2)).await;
                is_fresh.store(true, Ordering::SeqCst);
            }
        }

        async fn answer(&self) -> Result<reqwest::Response, reqwest::Error> {
            tokio::time::sleep(ms(10)).await;
            let status = if self.is_fresh.load(Ordering::SeqCst) { 200 } else { 401 };
            Fake::status(status).answer().await
        }

        #[retry_http(reauth = self.renewal.once(self.login()), deadline = 1s, base = 1ms)]
        async fn hasty(&self) -> Result<reqwest::Response, reqwest::Error> {
            self.answer().await
        }

        #[retry_http(reauth = self.renewal.once(self.login()))]
        async fn patient(&self) -> Result<reqwest::Response, reqwest::Error> {
            self.answer().await
        }

        #[retry_http(reauth = self.renewal.once_spawned(self.login()), deadline = 1s, base = 1ms)]
        async fn spawning(&self) -> Result<reqwest::Response, reqwest::Error> {
            self.answer().await
        }

        fn logins(&self) -> usize {
            self.logins.load(Ordering::SeqCst)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn is_not_begun_by_each_call_whose_deadline_it_outlives() {
        let api = Slow::default();
        let start = tokio::time::Instant::now();
        let calls = futures::future::join_all((0..20).map(|_| api.hasty())).await;
        assert!(calls.into_iter().all(|call| call.unwrap().status() == 401));
        assert_eq!((api.logins(), start.elapsed()), (1, Duration::from_secs(1)));
        for _ in 0..20 {
            assert_eq!(api.hasty().await.unwrap().status(), 401);
        }
        assert_eq!(api.logins(), 1, "for a second");
        // One with more time is not held up, and cures all.
        assert_eq!(api.patient().await.unwrap().status(), 200);
        assert_eq!(api.hasty().await.unwrap().status(), 200);
        assert_eq!(api.logins(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn goes_on_for_those_who_wait() {
        let api = Slow::default();
        let calls = async {
            let calls = futures::future::join_all((0..20).map(|_| api.spawning())).await;
            assert!(calls.into_iter().all(|call| call.unwrap().status() == 401));
        };
        let late = async {
            tokio::time::sleep(ms(1500)).await;
            assert_eq!(api.spawning().await.unwrap().status(), 200);
        };
        tokio::join!(calls, late);
        assert_eq!(api.logins(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_call_that_is_dropped_is_taken_over() {
        let api = Slow::default();
        let dropped = tokio::time::timeout(ms(500), api.patient());
        let other = async {
            tokio::time::sleep(ms(100)).await;
            api.patient().await
        };
        let (dropped, other) = tokio::join!(dropped, other);
        assert!(dropped.is_err());
        assert_eq!((other.unwrap().status().as_u16(), api.logins()), (200, 2));
    }
}

#[tokio::test]
async fn async_and_sync_calls_share_a_renewal() {
    let (renewal, logins) = (Renewal::new(), AtomicUsize::new(0));
    let login = || {
        logins.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(ms(200));
        false
    };
    let shared = std::thread::scope(|scope| {
        let first = scope.spawn(|| renewal.once_blocking(login));
        std::thread::sleep(ms(50));
        let second = scope.spawn(|| futures::executor::block_on(renewal.once(async { login() })));
        (first.join().unwrap(), second.join().unwrap())
    });
    assert_eq!((shared, logins.load(Ordering::SeqCst)), ((false, false), 1));
}
