//! Which failures are safe to repeat, over real sockets: by method, and by how an answer broke.

mod support;

use std::error::Error as StdError;

use reqwest::{Client, Method};
use retry_http::retry_http;
use retry_http::testing::server::{Reply, Server};
use serde_json::Value;
use support::{late, ms};

#[retry_http(base = 1ms)]
async fn send(
    http: &Client,
    method: &Method,
    url: &str,
    key: Option<&str>,
) -> Result<reqwest::Response, reqwest::Error> {
    let mut request = http.request(method.clone(), url);
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    request.send().await
}

async fn requests(method: &Method, key: Option<&str>, reply: Reply) -> usize {
    let http = Client::builder().timeout(ms(100)).build().unwrap();
    let server = Server::script([reply]);
    // Only the number of attempts counts.
    let _: Result<_, reqwest::Error> = send(&http, method, &server.url("/"), key).await;
    server.requests().len()
}

#[tokio::test]
async fn a_read_timeout_is_repeated_only_where_that_is_safe() {
    assert_eq!(requests(&Method::GET, None, late()).await, 4);
    assert_eq!(requests(&Method::PUT, None, late()).await, 4);
    assert_eq!(requests(&Method::POST, None, late()).await, 1);
    assert_eq!(requests(&Method::PATCH, None, late()).await, 1);
    assert_eq!(requests(&Method::POST, Some("\"k\""), late()).await, 4);
}

#[tokio::test]
async fn a_dropped_connection_is_repeated_only_where_that_is_safe() {
    assert_eq!(requests(&Method::GET, None, Reply::hang_up()).await, 4);
    assert_eq!(requests(&Method::POST, None, Reply::hang_up()).await, 1);
    assert_eq!(requests(&Method::POST, Some("k"), Reply::hang_up()).await, 4);
}

#[tokio::test]
async fn a_status_is_repeated_only_where_that_is_safe() {
    for (status, get, post) in [(500, 4, 1), (502, 4, 1), (504, 4, 1), (408, 4, 1), (429, 4, 4), (503, 4, 1)]
    {
        assert_eq!(requests(&Method::GET, None, Reply::status(status)).await, get, "GET {status}");
        assert_eq!(requests(&Method::POST, None, Reply::status(status)).await, post, "POST {status}");
    }
    for status in [200, 204, 301, 400, 401, 403, 404, 409, 422, 501] {
        assert_eq!(requests(&Method::GET, None, Reply::status(status)).await, 1, "GET {status}");
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_built_is_not_repeated() {
    let outcome = send(&Client::new(), &Method::GET, "not a url", None).await;
    assert!(outcome.unwrap_err().is_builder(), "the builder's own error");
}

#[retry_http(base = 1ms)]
async fn json(http: &Client, url: &str) -> Result<Value, reqwest::Error> {
    http.get(url).send().await?.json().await
}

/// The error says nothing, the read of the body is seen.
#[retry_http(base = 1ms)]
async fn text(http: &Client, url: &str) -> Result<String, String> {
    let response = http.get(url).send().await.map_err(|error| error.to_string())?;
    response.text().await.map_err(|error| error.to_string())
}

#[retry_http(base = 1ms)]
async fn chunks(http: &Client, url: &str) -> Result<usize, String> {
    let mut response = http.get(url).send().await.map_err(|error| error.to_string())?;
    let mut length = 0;
    while let Some(chunk) = response.chunk().await.map_err(|error| error.to_string())? {
        length += chunk.len();
    }
    Ok(length)
}

#[retry_http(base = 1ms)]
async fn posted(http: &Client, url: &str) -> Result<Value, reqwest::Error> {
    http.post(url).send().await?.json().await
}

fn truncated() -> Reply {
    Reply::status(200).body("{\"a\": ").truncated()
}

#[tokio::test]
async fn a_truncated_body_is_repeated() {
    let http = Client::new();
    let server = Server::script([truncated(), Reply::status(200).body("{\"a\": 1}")]);
    assert_eq!(json(&http, &server.url("/")).await.unwrap()["a"], 1);
    assert_eq!(server.requests().len(), 2);

    let server = Server::script([truncated(), Reply::status(200).body("x")]);
    assert_eq!(text(&http, &server.url("/")).await.unwrap(), "x");
    assert_eq!(server.requests().len(), 2);

    let server = Server::script([truncated(), Reply::status(200).body("xyz")]);
    assert_eq!(chunks(&http, &server.url("/")).await.unwrap(), 3);
    assert_eq!(server.requests().len(), 2);

    let server = Server::script([truncated()]);
    posted(&http, &server.url("/")).await.unwrap_err();
    assert_eq!(server.requests().len(), 1, "a POST that was answered has been done");
}

#[tokio::test]
async fn malformed_json_is_not_repeated() {
    let server = Server::script([Reply::status(200).body("{\"a\": ")]);
    let error = json(&Client::new(), &server.url("/")).await.unwrap_err();
    assert!(error.is_decode());
    assert_eq!(server.requests().len(), 1);
}

mod blocking {
    use super::*;
    use reqwest::blocking::Client;

    #[retry_http(base = 1ms)]
    fn json(http: &Client, url: &str) -> Result<Value, reqwest::Error> {
        http.get(url).send()?.json()
    }

    #[retry_http(base = 1ms)]
    fn read(http: &Client, url: &str) -> Result<String, Box<dyn StdError>> {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut http.get(url).send()?, &mut text)?;
        Ok(text)
    }

    #[retry_http(base = 1ms)]
    fn send(http: &Client, method: &Method, url: &str) -> Result<String, reqwest::Error> {
        http.request(method.clone(), url).send()?.text()
    }

    #[test]
    fn a_truncated_body_is_repeated_and_malformed_json_is_not() {
        let http = Client::new();
        let server = Server::script([truncated(), Reply::status(200).body("{\"a\": 1}")]);
        assert_eq!(json(&http, &server.url("/")).unwrap()["a"], 1);
        assert_eq!(server.requests().len(), 2);

        let server = Server::script([truncated(), Reply::status(200).body("x")]);
        assert_eq!(read(&http, &server.url("/")).unwrap(), "x");
        assert_eq!(server.requests().len(), 2);

        let server = Server::script([Reply::status(200).body("{\"a\": ")]);
        assert!(json(&http, &server.url("/")).unwrap_err().is_decode());
        assert_eq!(server.requests().len(), 1);
    }

    #[test]
    fn a_read_timeout_is_repeated_only_where_that_is_safe() {
        let http = Client::builder().timeout(ms(100)).build().unwrap();
        for (method, requests) in [(Method::GET, 4), (Method::POST, 1)] {
            let server = Server::script([late()]);
            let error = send(&http, &method, &server.url("/")).unwrap_err();
            assert!(error.is_timeout());
            assert_eq!(server.requests().len(), requests);
        }
    }
}

/// Sends without the attribute, too.
#[tokio::test]
async fn the_truncated_body_is_truncated_after_the_head_arrived() {
    let server = Server::script([truncated()]);
    for http in [Client::new(), Client::builder().timeout(ms(5000)).build().unwrap()] {
        let response = http.get(server.url("/")).send().await.expect("the head arrives");
        assert!(response.text().await.unwrap_err().is_decode());
        let outcome = json(&http, &server.url("/")).await;
        assert!(outcome.unwrap_err().is_decode());
    }
    assert_eq!(server.requests().len(), 2 * (1 + 4), "retried with and without a time limit");
}

/// More than one request in an attempt, and more than one a send.
mod several {
    use super::*;
    use reqwest::Response;
    use std::sync::{Arc, LazyLock};

    #[retry_http(base = 1ms)]
    async fn post_then_get(http: &Client, post: &str, get: &str) -> Result<String, reqwest::Error> {
        http.post(post).send().await?.error_for_status()?;
        http.get(get).send().await?.error_for_status()?.text().await
    }

    #[retry_http(base = 1ms, on = [500])]
    async fn post_then_get_listed(http: &Client, post: &str, get: &str) -> Result<String, reqwest::Error> {
        http.post(post).send().await?.error_for_status()?;
        http.get(get).send().await?.error_for_status()?.text().await
    }

    #[retry_http(base = 1ms)]
    async fn get_then_get(http: &Client, one: &str, two: &str) -> Result<String, reqwest::Error> {
        http.get(one).send().await?.error_for_status()?;
        http.get(two).send().await?.error_for_status()?.text().await
    }

    #[tokio::test]
    async fn the_last_one_decides_but_a_post_before_it_is_not_repeated() {
        let (post, get) = (Server::script([Reply::status(200)]), Server::script([Reply::status(500)]));
        post_then_get(&Client::new(), &post.url("/"), &get.url("/")).await.unwrap_err();
        assert_eq!((post.requests().len(), get.requests().len()), (1, 1));
        post_then_get_listed(&Client::new(), &post.url("/"), &get.url("/")).await.unwrap_err();
        assert_eq!(
            (post.requests().len(), get.requests().len()),
            (2, 2),
            "`on` speaks of the GET, not of the POST"
        );

        let one = Server::script([Reply::status(200)]);
        let two = Server::script([Reply::status(500), Reply::status(200).body("x")]);
        assert_eq!(get_then_get(&Client::new(), &one.url("/"), &two.url("/")).await.unwrap(), "x");
        assert_eq!((one.requests().len(), two.requests().len()), (2, 2));
    }

    #[tokio::test]
    async fn a_post_that_was_redirected_was_received() {
        for (status, requests) in [(303, 2), (302, 2), (307, 2)] {
            let server = Server::new(move |_, seen| match seen.path.as_str() {
                "/" => Reply::status(status).header("location", "/next"),
                _ => Reply::status(503),
            });
            let response = send(&Client::new(), &Method::POST, &server.url("/"), None).await.unwrap();
            assert_eq!(response.status(), 503);
            assert_eq!(server.requests().len(), requests, "{status}");
        }
        // Where it is safe, redirects are followed as often as it takes.
        let server = Server::new(|n, seen| match seen.path.as_str() {
            "/" => Reply::status(302).header("location", "/next"),
            _ if n < 3 => Reply::status(503),
            _ => Reply::status(200),
        });
        let response = send(&Client::new(), &Method::GET, &server.url("/#top"), None).await.unwrap();
        assert_eq!(response.status(), 200);
        let server = Server::script([Reply::status(429)]);
        send(&Client::new(), &Method::POST, &server.url("/?a=b#top"), None).await.unwrap();
        assert_eq!(server.requests().len(), 4, "a fragment is no redirect");
    }

    #[tokio::test]
    async fn a_request_that_cannot_be_built_after_one_that_failed_is_not_repeated() {
        #[retry_http(base = 1ms)]
        async fn call(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
            let _ = http.get(url).send().await;
            http.get("not a url").send().await
        }

        let server = Server::script([Reply::status(503)]);
        assert!(call(&Client::new(), &server.url("/")).await.unwrap_err().is_builder());
        assert_eq!(server.requests().len(), 1);
    }

    static HTTP: LazyLock<Client> = LazyLock::new(|| Client::builder().timeout(ms(100)).build().unwrap());

    /// Writes a POST in every way.
    mod posts {
        use super::*;
        use retry_http::policy;

        const QUICK: retry_http::Policy = policy!(base = 1ms);

        #[retry_http(policy = QUICK)]
        async fn shadowing(http: &Client, request: &str) -> Result<Response, reqwest::Error> {
            let request = http.post(request);
            request.send().await
        }

        #[retry_http(policy = QUICK)]
        async fn parentheses(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
            (http.post(url).send()).await
        }

        #[retry_http(policy = QUICK)]
        async fn pinned(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
            Box::pin(http.post(url).send()).await
        }

        #[retry_http(policy = QUICK)]
        async fn branches(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
            let mut request;
            if url.is_empty() {
                request = http.patch(url);
            } else {
                request = http.post(url);
            }
            if url.len() > 1 {
                request = request.header("x", "y");
            }
            match url.len() {
                0 => Ok(request.send().await?),
                _ => request.send().await,
            }
        }

        #[retry_http(policy = QUICK)]
        async fn execute_lazily(_: &Client, url: &str) -> Result<Response, reqwest::Error> {
            HTTP.execute(HTTP.post(url).build()?).await
        }

        #[retry_http(policy = QUICK)]
        async fn execute_shared(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
            let shared = Arc::new(http.clone());
            shared.execute(shared.post(url).build()?).await
        }

        #[retry_http(policy = QUICK)]
        async fn execute_on_what_a_call_returns(
            http: &Client,
            url: &str,
        ) -> Result<Response, reqwest::Error> {
            let client = || http;
            client().execute(http.post(url).build()?).await
        }

        #[retry_http(policy = QUICK)]
        async fn builder_argument(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
            helper(http.post(url)).await
        }

        #[retry_http(policy = QUICK)]
        async fn helper(request: reqwest::RequestBuilder) -> Result<Response, reqwest::Error> {
            let request = request.try_clone().expect("no stream");
            request.send().await
        }

        #[tokio::test]
        async fn are_sent_once() {
            macro_rules! check {
                ($($name:ident)*) => {$(
                    let server = Server::script([late()]);
                    let error = $name(&HTTP, &server.url("/")).await.unwrap_err();
                    assert!(error.is_timeout());
                    assert_eq!(server.requests().len(), 1, "{}", stringify!($name));
                )*};
            }
            check!(shadowing parentheses pinned branches execute_lazily execute_shared);
            check!(execute_on_what_a_call_returns);
        }

        #[tokio::test]
        async fn of_a_builder_that_is_passed_on_are_sent_once() {
            let server = Server::script([Reply::status(500)]);
            builder_argument(&HTTP, &server.url("/")).await.unwrap();
            assert_eq!(server.requests().len(), 1, "neither function repeats it");
        }
    }
}

/// Errors that share a reqwest error hide it from `source()`.
#[tokio::test]
async fn shared_errors_are_looked_into() {
    #[derive(Debug, thiserror::Error)]
    #[error("shared")]
    struct Shared(#[source] std::sync::Arc<reqwest::Error>);

    async fn hidden(http: &Client, url: &str) -> Result<String, reqwest::Error> {
        http.get(url).send().await?.error_for_status()?.text().await
    }

    #[retry_http(base = 1ms)]
    async fn source(http: &Client, url: &str) -> Result<String, Shared> {
        hidden(http, url).await.map_err(|error| Shared(error.into()))
    }

    #[retry_http(base = 1ms)]
    async fn itself(http: &Client, url: &str) -> Result<String, std::sync::Arc<reqwest::Error>> {
        Ok(hidden(http, url).await?)
    }

    #[retry_http(base = 1ms)]
    async fn boxed(http: &Client, url: &str) -> Result<String, Box<reqwest::Error>> {
        Ok(hidden(http, url).await?)
    }

    // Of a request that is not seen all that is known is the error, and not the method.
    let script = || Server::script([Reply::status(429), Reply::status(200).body("x")]);
    let server = script();
    assert_eq!(source(&Client::new(), &server.url("/")).await.unwrap(), "x");
    let server = script();
    assert_eq!(itself(&Client::new(), &server.url("/")).await.unwrap(), "x");
    let server = script();
    assert_eq!(boxed(&Client::new(), &server.url("/")).await.unwrap(), "x");
}

/// The runtime that drives a connection is shut down while another one waits for its answer. hyper
/// calls that an error of the user's.
#[test]
fn a_connection_that_is_lost_with_its_runtime_is_reset() {
    use std::sync::{Arc, Mutex};
    use tokio::runtime::Builder;

    for (method, requests) in [(Method::GET, 3), (Method::POST, 2)] {
        let owner = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let owner = Arc::new(Mutex::new(Some(owner)));
        let shut_down = Arc::clone(&owner);
        let server = Server::new(move |n, _| {
            if n == 1 {
                shut_down.lock().unwrap().take().unwrap().shutdown_background();
                return late();
            }
            Reply::status(200)
        });
        let (http, url) = (Client::new(), server.url("/"));
        let first = http.get(&url).send();
        let first = owner.lock().unwrap().as_ref().unwrap().spawn(async { first.await?.bytes().await });
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(first).unwrap().unwrap();
        // The connection returns to the pool.
        std::thread::sleep(ms(50));
        let outcome = runtime.block_on(send(&http, &method, &url, None));
        assert_eq!(server.requests().len(), requests, "{method}: {outcome:?}");
        assert_eq!(server.requests()[1].connection, 0, "the second request has the connection of the first");
        assert_eq!(outcome.is_ok(), method == Method::GET, "{outcome:?}");
    }
}
