//! `hint = ["x-my-reset"]`: headers of a server's own that ask for a wait.

mod support;

use std::time::{Duration, SystemTime};

use reqwest::{Client, Response};
use retry_http::testing::server::{Reply, Server};
use retry_http::{Policy, policy, retry_http, testing};
use support::{Opaque, ms, secs};

type Answer = reqwest::Result<Response>;

const RESET: &str = "x-other-reset";
const GENTLE: Policy = policy!(max = 1, jitter = none, hint = ["X-Base-Reset"]);

#[retry_http(max = 1, jitter = none, hint = ["X-My-Reset", "x-my-reset-ms", RESET], on = [default, 403 if hinted])]
async fn get(http: &Client, url: String) -> Answer {
    http.get(url).send().await
}

#[retry_http(max = 1, jitter = none, hint = ["X-My-Reset"])]
async fn post(http: &Client, url: String) -> Answer {
    http.post(url).send().await?.error_for_status()
}

#[retry_http(policy = GENTLE)]
async fn inherited(http: &Client, url: String) -> Answer {
    http.get(url).send().await
}

#[retry_http(policy = GENTLE, hint = ["x-my-reset"])]
async fn replaced(http: &Client, url: String) -> Answer {
    http.get(url).send().await
}

/// An error that keeps nothing of the response but its status.
#[retry_http(max = 1, jitter = none, hint = ["x-my-reset"])]
async fn opaque(http: &Client, url: String) -> Result<(), Opaque> {
    if http.get(url).send().await?.status().is_success() { Ok(()) } else { Err(Opaque) }
}

#[retry_http(transparent)]
async fn helper(http: &Client, url: String) -> Answer {
    http.get(url).send().await?.error_for_status()
}

#[retry_http(max = 1, jitter = none, hint = ["x-my-reset"])]
async fn through_a_helper(http: &Client, url: String) -> Answer {
    helper(http, url).await
}

/// Its own call knows nothing of the header; the one around it does not decide again.
#[retry_http(max = 1, jitter = none, hint = ["x-my-reset"])]
async fn around(http: &Client, url: String) -> Answer {
    plain(http, url).await
}

#[retry_http(max = 1, jitter = none)]
async fn plain(http: &Client, url: String) -> Answer {
    http.get(url).send().await
}

/// Returns the waits of a call whose first request is answered by `status` and `lines`, and the
/// header that asked for the first one.
async fn waits<T>(
    call: impl AsyncFnOnce(Client, String) -> T,
    status: u16,
    lines: &[(&str, &str)],
) -> (Vec<Duration>, Option<&'static str>) {
    let kit = testing::instant();
    let reply = lines.iter().fold(Reply::status(status), |reply, (name, value)| reply.header(*name, *value));
    let server = Server::script([reply, Reply::status(200)]);
    _ = call(Client::new(), server.url("/")).await;
    (kit.waits(), kit.events().first().and_then(|event| event.hint_header))
}

/// Returns the first wait of [`get`], if there is one.
async fn wait(status: u16, lines: &[(&str, &str)]) -> Option<Duration> {
    waits(async |http, url| get(&http, url).await, status, lines).await.0.first().copied()
}

const DATE: (&str, &str) = ("date", "Tue, 07 Jul 2026 12:00:00 GMT");

#[tokio::test]
async fn a_named_header_is_read_in_every_form() {
    for (value, expected) in [
        ("7", secs(7)),
        ("7.5", ms(7500)),
        ("1m7s", secs(67)),
        ("1783425607", secs(7)),
        ("1783425607000", secs(7)),
        ("2026-07-07T12:00:07Z", secs(7)),
        ("2026-07-07T14:00:07.25+02:00", ms(7250)),
        ("Tue, 07 Jul 2026 12:00:07 GMT", secs(7)),
    ] {
        assert_eq!(wait(429, &[DATE, ("x-my-reset", value)]).await, Some(expected), "{value}");
        assert_eq!(wait(503, &[DATE, (RESET, value)]).await, Some(expected), "{value}");
    }
    assert_eq!(wait(429, &[("x-my-reset-ms", "1500")]).await, Some(ms(1500)));
    assert_eq!(wait(429, &[DATE, ("x-my-reset-ms", "1783425601500")]).await, Some(ms(1500)));
    // Without a `Date` the client's clock counts.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let soon = (now + secs(100)).as_secs().to_string();
    let wait = wait(429, &[("x-my-reset", &soon)]).await.unwrap();
    assert!(wait > secs(90) && wait <= secs(100), "{wait:?}");
}

#[tokio::test]
async fn it_stands_beside_the_headers_of_the_table() {
    let computed = Some(secs(1));
    for (lines, expected) in [
        (&[("x-my-reset", "7"), ("x-my-remaining", "3")][..], computed),
        (&[("x-my-reset", "7"), ("x-my-remaining", "0")], Some(secs(7))),
        (&[("x-my-reset", "7"), ("x-my-remain", "3")], computed),
        (&[("x-my-reset", "7"), ("retry-after", "2")], Some(secs(2))),
        (&[("x-my-reset", "7"), ("retry-after", "soon")], Some(secs(7))),
        (&[("x-my-reset", "7"), ("x-ratelimit-reset", "9")], Some(secs(9))),
        (&[("x-my-reset", "7"), ("x-ratelimit-reset", "3"), (RESET, "8")], Some(secs(8))),
        (&[("x-my-reset", "soon")], computed),
        (&[("x-my-reset", "0")], computed),
        (&[("x-your-reset", "7")], computed),
    ] {
        assert_eq!(wait(429, lines).await, expected, "{lines:?}");
    }
    // Longer than `max_retry_after`.
    assert_eq!(wait(429, &[("x-my-reset", "121")]).await, None);
}

#[tokio::test]
async fn it_makes_a_hint_as_any_other_does() {
    assert_eq!(wait(403, &[("x-my-reset", "7")]).await, Some(secs(7)), "403 if hinted");
    assert_eq!(wait(403, &[("x-my-reset", "7"), ("x-my-remaining", "5")]).await, None);
    assert_eq!(wait(403, &[]).await, None);
    // A POST is retried on a 503 that says how long to wait.
    let posted =
        async |lines: &[(&str, &str)]| waits(async |http, url| post(&http, url).await, 503, lines).await.0;
    assert_eq!(posted(&[("x-my-reset", "7")]).await, [secs(7)]);
    assert_eq!(posted(&[]).await, []);
}

#[tokio::test]
async fn the_names_are_those_of_the_policy_of_the_call() {
    let my = [("x-my-reset", "7")];
    let base = [("x-base-reset", "7")];
    let named = (vec![secs(7)], Some("x-my-reset"));
    let computed = (vec![secs(1)], None);
    assert_eq!(
        waits(async |http, url| inherited(&http, url).await, 429, &base).await,
        (vec![secs(7)], Some("x-base-reset"))
    );
    assert_eq!(waits(async |http, url| inherited(&http, url).await, 429, &my).await, computed);
    assert_eq!(waits(async |http, url| replaced(&http, url).await, 429, &my).await, named);
    assert_eq!(waits(async |http, url| replaced(&http, url).await, 429, &base).await, computed);
    assert_eq!(waits(async |http, url| opaque(&http, url).await, 429, &my).await, named);
    assert_eq!(waits(async |http, url| through_a_helper(&http, url).await, 429, &my).await, named);
    assert_eq!(waits(async |http, url| around(&http, url).await, 429, &my).await, computed);
}

#[tokio::test]
async fn a_generic_function_names_them_by_its_parameter() {
    trait Api {
        const RESET: &str;
    }

    struct Mine;

    impl Api for Mine {
        const RESET: &str = "x-my-reset";
    }

    #[retry_http(max = 1, jitter = none, hint = [A::RESET, "x-other-reset"])]
    async fn get<A: Api>(http: &Client, url: String) -> Answer {
        http.get(url).send().await
    }

    let seen = waits(async |http, url| get::<Mine>(&http, url).await, 429, &[("x-my-reset", "7")]).await;
    assert_eq!(seen, (vec![secs(7)], Some("x-my-reset")));
}

#[tokio::test]
async fn a_configuration_names_them() {
    #[retry_http(policy = policy)]
    async fn get(policy: &Policy, http: &Client, url: String) -> Answer {
        http.get(url).send().await
    }

    let read = |json| serde_json::from_str::<Policy>(json).unwrap();
    let policy = read(r#"{"max": 1, "jitter": "none", "hint": "X-My-Reset, x-other"}"#);
    let seen = waits(async |http, url| get(&policy, &http, url).await, 429, &[("x-my-reset", "7")]).await;
    assert_eq!(seen, (vec![secs(7)], Some("x-my-reset")));
}

#[retry_http(base = 1ms, jitter = none, max = 1)]
async fn after_a_202(http: &Client, url: &str) -> reqwest::Result<String> {
    _ = http.get(format!("{url}/job")).send().await?;
    http.get(format!("{url}/report")).send().await?.error_for_status()?.text().await
}

#[retry_http(base = 1ms, jitter = none, max = 1, on = [202, default])]
async fn after_a_listed_202(http: &Client, url: &str) -> reqwest::Result<String> {
    _ = http.get(format!("{url}/job")).send().await?;
    http.get(format!("{url}/report")).send().await?.error_for_status()?.text().await
}

#[tokio::test]
async fn a_hint_of_a_listed_202_is_waited_for_if_another_request_decides() {
    let server = Server::new(|_, request| {
        if request.path.ends_with("job") {
            Reply::status(202).header("retry-after", "7")
        } else {
            Reply::status(503)
        }
    });
    let (http, url) = (Client::new(), server.url(""));
    for is_listed in [false, true] {
        let kit = testing::Kit::new();
        let _guard = kit.enter();
        let outcome =
            if is_listed { after_a_listed_202(&http, &url).await } else { after_a_202(&http, &url).await };
        outcome.unwrap_err();
        assert_eq!(kit.waits(), [if is_listed { secs(7) } else { ms(1) }], "listed: {is_listed}");
    }
}
