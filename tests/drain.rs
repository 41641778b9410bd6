//! A failed response is drained before the wait, so that its connection is used again.

mod support;

use std::future::{Ready, ready};
use std::sync::{Mutex, MutexGuard, PoisonError};

use reqwest::{Client, Response};
use retry_http::testing::server::{Reply, Server};
use retry_http::{HttpFailure, retry_http};
use support::fake::{Canned, Fake};
use support::{ms, secs};

const MEGABYTE: usize = 1 << 20;

#[retry_http(max = 5, base = 1ms)]
async fn asynchronous(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
    http.get(url).send().await
}

#[retry_http(max = 5, base = 1ms)]
fn blocking(
    http: &reqwest::blocking::Client,
    url: &str,
) -> Result<reqwest::blocking::Response, reqwest::Error> {
    http.get(url).send()
}

/// Keeps the other tests that drain on threads away: the number of these is bounded in a process.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[tokio::test]
async fn six_attempts_take_one_connection_async() {
    let server = Server::script([Reply::status(503).body(vec![b'x'; MEGABYTE])]);
    let last = asynchronous(&Client::new(), &server.url("/")).await.unwrap();
    assert_eq!(last.bytes().await.unwrap().len(), MEGABYTE, "the last response is not drained");
    assert_eq!((server.requests().len(), server.connections()), (6, 1));
}

#[test]
fn six_attempts_take_one_connection_blocking() {
    let _alone = alone();
    let server = Server::script([Reply::status(503).body(vec![b'x'; MEGABYTE])]);
    let last = blocking(&reqwest::blocking::Client::new(), &server.url("/")).unwrap();
    assert_eq!(last.bytes().unwrap().len(), MEGABYTE, "the last response is not drained");
    assert_eq!((server.requests().len(), server.connections()), (6, 1));
}

/// `error_for_status()` refuses a response, which is drained as well.
mod refused {
    use super::*;

    const PAGE: usize = 100_000;

    fn refusing() -> Server {
        Server::script([Reply::status(503).body(vec![b'x'; PAGE])])
    }

    macro_rules! shapes {
        ($($name:ident($http:ident: $client:ty, $url:ident) -> $error:ty { $($body:tt)* })+) => {
            #[tokio::test]
            async fn asynchronous() {
                $({
                    #[retry_http(max = 5, base = 1ms)]
                    async fn $name($http: &$client, $url: &str) -> Result<String, $error> { $($body)* }

                    let server = refusing();
                    let error = $name(&<$client>::new(), &server.url("/")).await.unwrap_err();
                    assert_eq!(error.status().unwrap().as_u16(), 503);
                    let seen = (server.requests().len(), server.connections());
                    assert_eq!(seen, (6, 1), stringify!($name));
                })+
            }
        };
    }

    #[retry_http(transparent)]
    async fn helper(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await?.error_for_status()
    }

    #[retry_http(max = 1, base = 1ms)]
    async fn inner(http: &Client, url: &str) -> reqwest::Result<Response> {
        http.get(url).send().await?.error_for_status()
    }

    shapes! {
        chained(http: Client, url) -> reqwest::Error {
            http.get(url).send().await?.error_for_status()?.text().await
        }
        older(http: reqwest12::Client, url) -> reqwest12::Error {
            http.get(url).send().await?.error_for_status()?.text().await
        }
        named(http: Client, url) -> reqwest::Error {
            let response = http.get(url).send().await?;
            let response = response.error_for_status()?;
            response.text().await
        }
        executed(http: Client, url) -> reqwest::Error {
            let response = http.execute(http.get(url).build()?).await?;
            response.error_for_status()?.text().await
        }
        by_a_closure(http: Client, url) -> reqwest::Error {
            http.get(url).send().await.and_then(|response| response.error_for_status())?.text().await
        }
        by_a_path(http: Client, url) -> reqwest::Error {
            http.get(url).send().await.and_then(Response::error_for_status)?.text().await
        }
        by_a_path_of_the_older(http: reqwest12::Client, url) -> reqwest12::Error {
            http.get(url).send().await.and_then(reqwest12::Response::error_for_status)?.text().await
        }
        matched(http: Client, url) -> reqwest::Error {
            match http.get(url).send().await {
                Ok(response) => response.error_for_status()?.text().await,
                Err(error) => Err(error),
            }
        }
        if_let(http: Client, url) -> reqwest::Error {
            if let Ok(response) = http.get(url).send().await {
                return response.error_for_status()?.text().await;
            }
            Ok(String::new())
        }
        by_a_helper(http: Client, url) -> reqwest::Error { helper(http, url).await?.text().await }
    }

    #[tokio::test]
    async fn in_an_inner_call() {
        #[retry_http(max = 2, base = 1ms)]
        async fn outer(http: &Client, url: &str) -> Result<String, String> {
            inner(http, url).await.map_err(|error| error.to_string())?;
            Ok(http.get(url).send().await.map_err(|error| error.to_string())?.status().to_string())
        }

        let server = refusing();
        outer(&Client::new(), &server.url("/")).await.unwrap_err();
        assert_eq!((server.requests().len(), server.connections()), (2, 1));
    }

    #[test]
    fn blocking() {
        #[retry_http(max = 5, base = 1ms)]
        fn text(http: &reqwest::blocking::Client, url: &str) -> reqwest::Result<String> {
            http.get(url).send()?.error_for_status()?.text()
        }

        #[retry_http(max = 5, base = 1ms)]
        fn older(http: &reqwest12::blocking::Client, url: &str) -> reqwest12::Result<String> {
            http.get(url).send()?.error_for_status()?.text()
        }

        let _alone = alone();
        let server = refusing();
        let error = text(&reqwest::blocking::Client::new(), &server.url("/")).unwrap_err();
        assert_eq!(error.status().unwrap().as_u16(), 503);
        assert_eq!((server.requests().len(), server.connections()), (6, 1));
        older(&reqwest12::blocking::Client::new(), &server.url("/")).unwrap_err();
        assert_eq!((server.requests().len(), server.connections()), (12, 2));
    }

    #[tokio::test]
    async fn with_the_error_of_reqwest() {
        let server = refusing();
        let http = Client::new();
        let ours = inner(&http, &server.url("/a?secret")).await.unwrap_err();
        let own = http.get(server.url("/a?secret")).send().await.unwrap().error_for_status().unwrap_err();
        assert_eq!((ours.url(), ours.to_string()), (own.url(), own.to_string()));
        assert_eq!(format!("{ours:?}"), format!("{own:?}"));
    }

    #[tokio::test]
    async fn a_response_of_another_type_is_left_alone() {
        struct Answer(u16);

        impl Answer {
            fn error_for_status(&self) -> Option<&Self> {
                (self.0 < 9).then_some(self)
            }
        }

        #[retry_http]
        async fn status(http: &Client, answer: Answer) -> Result<Option<u16>, reqwest::Error> {
            let add = |answer: Option<&Answer>| answer.map(|answer| Answer(answer.0 + 1));
            http.get("http://localhost:1").build()?;
            let other = add(answer.error_for_status()).and_then(|answer| add(answer.error_for_status()));
            Ok(other.and_then(|answer| Answer(answer.0).error_for_status().map(|answer| answer.0)))
        }

        assert_eq!(status(&Client::new(), Answer(1)).await.unwrap(), Some(3));
    }

    #[tokio::test]
    async fn the_answer_of_another_client_is_left_alone() {
        struct Other(u16);
        struct Answer(Option<u16>);
        #[derive(Debug)]
        struct Missing;

        impl HttpFailure for Missing {}

        impl Other {
            fn send(&self) -> Ready<Result<Answer, Missing>> {
                ready(Ok(Answer(Some(self.0))))
            }

            fn execute(&self, number: u16) -> Ready<Result<Answer, Missing>> {
                ready(Ok(Answer(Some(self.0 + number))))
            }
        }

        impl Answer {
            fn error_for_status(&self) -> Result<&u16, Missing> {
                self.0.as_ref().ok_or(Missing)
            }
        }

        #[retry_http]
        async fn status(other: &Other) -> Result<u16, Missing> {
            let sent = other.send().await?;
            let executed = other.execute(5).await?;
            let (one, other) = (sent.error_for_status()?, executed.error_for_status()?);
            let sum = one + other;
            Ok(sum + sent.error_for_status()? + executed.error_for_status()?)
        }

        assert_eq!(status(&Other(3)).await.unwrap(), 22);
    }

    #[tokio::test]
    async fn the_bound_holds() {
        #[retry_http(max = 1, base = 1ms)]
        async fn text(http: &Client, url: &str) -> reqwest::Result<String> {
            http.get(url).send().await?.error_for_status()?.text().await
        }

        for reply in [Reply::status(503).stalled(), Reply::status(503).endless()] {
            let server = Server::script([reply, Reply::status(200)]);
            assert_eq!(text(&Client::new(), &server.url("/")).await.unwrap(), "");
            assert_eq!((server.requests().len(), server.connections()), (2, 2));
            assert!(server.pauses()[0] < secs(2), "{:?}", server.pauses());
        }
    }
}

/// Draining on a thread ends with the bound.
mod threads {
    use super::*;

    /// Returns the number of threads that drain.
    fn draining() -> usize {
        let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
        let names = tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        names.filter(|name| name.starts_with("retry-http drai")).count()
    }

    #[retry_http(max = 3, base = 1ms, jitter = none)]
    fn text(http: &reqwest::blocking::Client, url: &str) -> reqwest::Result<String> {
        http.get(url).send()?.error_for_status()?.text()
    }

    #[retry_http(max = 3, base = 1ms, jitter = none)]
    fn older(
        http: &reqwest12::blocking::Client,
        url: &str,
    ) -> reqwest12::Result<reqwest12::blocking::Response> {
        http.get(url).send()
    }

    /// Calls `call` twenty times at once. Returns the threads and connections that are left a
    /// second after.
    fn left_by(server: &Server, call: impl Fn(&str) + Sync) -> (usize, usize) {
        let url = server.url("/");
        std::thread::scope(|scope| (0..20).for_each(|_| _ = scope.spawn(|| call(&url))));
        std::thread::sleep(secs(1));
        (draining(), server.open_connections())
    }

    #[test]
    fn a_body_that_trickles_leaves_nothing() {
        let _alone = alone();
        let server = Server::script([Reply::status(503).body(vec![b'x'; 1000]).slowly(ms(200))]);
        let (http, http12) = (reqwest::blocking::Client::new(), reqwest12::blocking::Client::new());
        for call in [
            &(|url: &str| _ = text(&http, url).unwrap_err()) as &(dyn Fn(&str) + Sync),
            &|url| drop(blocking(&http, url).unwrap()),
            &|url| drop(older(&http12, url).unwrap()),
        ] {
            let (threads, connections) = left_by(&server, call);
            assert_eq!((threads, connections), (0, 0));
        }
        assert_eq!(server.requests().len(), 20 * (4 + 6 + 4));
    }

    #[test]
    fn a_server_that_stalls_is_not_drained_again_while_it_does() {
        let _alone = alone();
        let server = Server::script([Reply::status(503).stalled()]);
        let http = reqwest::blocking::Client::builder().timeout(secs(4)).build().unwrap();
        for _ in 0..10 {
            text(&http, &server.url("/")).unwrap_err();
        }
        assert_eq!(server.requests().len(), 40);
        std::thread::sleep(ms(100));
        assert_eq!(server.open_connections(), 1, "one read, until the client's timeout");
        std::thread::sleep(secs(5));
        assert_eq!(server.open_connections(), 0);
    }

    #[test]
    fn of_a_server_that_stalls_only_a_few_are_drained_together() {
        let _alone = alone();
        let server = Server::script([Reply::status(503).stalled()]);
        let http = reqwest::blocking::Client::builder().timeout(secs(4)).build().unwrap();
        let (threads, connections) = left_by(&server, |url| _ = text(&http, url).unwrap_err());
        assert!((1..=4).contains(&threads) && connections <= 4, "{threads} and {connections}");
        std::thread::sleep(secs(5));
        assert_eq!((draining(), server.open_connections()), (0, 0));
    }
}

/// These would hang if draining had no bound.
mod endless {
    use super::*;

    fn server() -> Server {
        Server::script([Reply::status(503).endless(), Reply::status(200)])
    }

    #[tokio::test]
    async fn asynchronous() {
        let server = server();
        assert_eq!(super::asynchronous(&Client::new(), &server.url("/")).await.unwrap().status(), 200);
        assert_eq!((server.requests().len(), server.connections()), (2, 2));
    }

    #[test]
    fn blocking() {
        let _alone = alone();
        let server = server();
        let http = reqwest::blocking::Client::new();
        assert_eq!(super::blocking(&http, &server.url("/")).unwrap().status(), 200);
        assert_eq!((server.requests().len(), server.connections()), (2, 2));
    }
}

/// A body that stalls is read for as long as the wait is, but for at least 250 ms and at most a
/// second.
mod stalled {
    use super::*;

    #[retry_http(max = 1, base = 5s, jitter = none)]
    async fn after_a_long_wait(fake: &Fake) -> Result<Response, reqwest::Error> {
        fake.answer().await
    }

    #[retry_http(max = 1, base = 1ms, jitter = none)]
    async fn after_a_short_wait(fake: &Fake) -> Result<Response, reqwest::Error> {
        fake.answer().await
    }

    #[retry_http(max = 1, base = 600ms, jitter = none)]
    async fn after_a_wait_between(fake: &Fake) -> Result<Response, reqwest::Error> {
        fake.answer().await
    }

    fn fake() -> Fake {
        Fake::new([Canned::status(429).stalls(), Canned::status(200)])
    }

    #[tokio::test(start_paused = true)]
    async fn draining_is_part_of_the_wait() {
        let fake = fake();
        assert_eq!(after_a_long_wait(&fake).await.unwrap().status(), 200);
        assert_eq!(fake.waits(), [secs(5)]);
    }

    /// The waits pass in no time, so the time between the requests is that of draining.
    #[tokio::test(start_paused = true)]
    async fn draining_is_given_up() {
        let kit = retry_http::testing::instant();
        let [long, short, between] = [fake(), fake(), fake()];
        after_a_long_wait(&long).await.unwrap();
        after_a_short_wait(&short).await.unwrap();
        after_a_wait_between(&between).await.unwrap();
        assert_eq!(kit.waits(), [secs(5), ms(1), ms(600)]);
        assert_eq!([long, short, between].map(|fake| fake.waits()), [[secs(1)], [ms(250)], [ms(600)]]);
    }

    #[tokio::test]
    async fn asynchronous() {
        let server = server();
        assert_eq!(super::asynchronous(&Client::new(), &server.url("/")).await.unwrap().status(), 200);
        assert_eq!(server.requests().len(), 2);
        assert!(server.pauses()[0] >= ms(250), "{:?}", server.pauses());
    }

    #[test]
    fn blocking() {
        #[retry_http(max = 1, base = 5s, jitter = none)]
        fn after_a_long_wait(
            http: &reqwest::blocking::Client,
            url: &str,
        ) -> Result<reqwest::blocking::Response, reqwest::Error> {
            http.get(url).send()
        }

        let _alone = alone();
        let (http, kit) = (reqwest::blocking::Client::new(), retry_http::testing::instant());
        for (call, wait, drain) in
            [(super::blocking as fn(&_, &_) -> _, ms(1), ms(250)), (after_a_long_wait, secs(5), secs(1))]
        {
            let server = server();
            assert_eq!(call(&http, &server.url("/")).unwrap().status(), 200);
            assert_eq!(server.requests().len(), 2);
            assert!(server.pauses()[0] >= drain, "{:?}", server.pauses());
            assert!(kit.waits().last().unwrap() >= &wait, "{:?}", kit.waits());
        }
    }

    fn server() -> Server {
        Server::script([Reply::status(503).stalled(), Reply::status(200)])
    }
}
