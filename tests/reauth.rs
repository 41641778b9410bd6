//! `reauth`: on a 401 the credentials are renewed, once, and the call goes on.

mod support;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use retry_http::testing::server::{Reply, Server};
use retry_http::{Renewal, retry_http};
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
    // The refusal is read before the next attempt, which so needs no connection but that and the login's.
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
