//! The attribute with one more option, and reqwest's own timeout beside it.

/// Reqwest's own timeout, without retries.
pub mod plain_timeout {
    use std::time::Duration;

    use reqwest::{Client, Response};

    use crate::call::Target;
    use crate::peers::bare_client;

    peer!(PlainTimeout: Client = bare_client(), reqwest::Error);

    const LIMIT: Duration = Duration::from_secs(30);

    async fn response(http: &Client, target: &Target) -> reqwest::Result<Response> {
        target.request(http).timeout(LIMIT).send().await
    }

    async fn string(http: &Client, target: &Target) -> reqwest::Result<String> {
        target.request(http).timeout(LIMIT).send().await?.error_for_status()?.text().await
    }
}

/// A bound on each request.
pub mod timeout {
    use reqwest::{Client, Response};
    use retry_http::retry_http;

    use crate::call::Target;
    use crate::peers::bare_client;

    peer!(Timeout: Client = bare_client(), reqwest::Error);

    #[retry_http(max = 5, on = [429, 503], never = [401], base = 50ms, timeout = 30s)]
    async fn response(http: &Client, target: &Target) -> reqwest::Result<Response> {
        target.request(http).send().await
    }

    #[retry_http(max = 5, on = [429, 503], never = [401], base = 50ms, timeout = 30s)]
    async fn string(http: &Client, target: &Target) -> reqwest::Result<String> {
        target.request(http).send().await?.error_for_status()?.text().await
    }
}

/// A bound on the whole call.
pub mod deadline {
    use reqwest::{Client, Response};
    use retry_http::retry_http;

    use crate::call::Target;
    use crate::peers::bare_client;

    peer!(Deadline: Client = bare_client(), reqwest::Error);

    #[retry_http(max = 5, on = [429, 503], never = [401], base = 50ms, deadline = 120s)]
    async fn response(http: &Client, target: &Target) -> reqwest::Result<Response> {
        target.request(http).send().await
    }

    #[retry_http(max = 5, on = [429, 503], never = [401], base = 50ms, deadline = 120s)]
    async fn string(http: &Client, target: &Target) -> reqwest::Result<String> {
        target.request(http).send().await?.error_for_status()?.text().await
    }
}

/// Shares an upstream among all calls.
pub mod upstream {
    use reqwest::{Client, Response};
    use retry_http::{Upstream, retry_http};

    use crate::call::Target;
    use crate::peers::bare_client;

    peer!(Shared: Client = bare_client(), reqwest::Error);

    static UPSTREAM: Upstream = Upstream::new("bench");

    #[retry_http(max = 5, on = [429, 503], never = [401], base = 50ms, upstream = UPSTREAM)]
    async fn response(http: &Client, target: &Target) -> reqwest::Result<Response> {
        target.request(http).send().await
    }

    #[retry_http(max = 5, on = [429, 503], never = [401], base = 50ms, upstream = UPSTREAM)]
    async fn string(http: &Client, target: &Target) -> reqwest::Result<String> {
        target.request(http).send().await?.error_for_status()?.text().await
    }
}

/// An observer that looks at an event and keeps nothing.
pub mod observer {
    use std::hint::black_box;

    use reqwest::{Client, Response};
    use retry_http::retry_http;

    use crate::call::Target;
    use crate::peers::bare_client;

    peer!(Observed: Client = bare_client(), reqwest::Error);

    #[retry_http(
        max = 5, on = [429, 503], never = [401], base = 50ms,
        observer = |event| { black_box(event.attempt); }
    )]
    async fn response(http: &Client, target: &Target) -> reqwest::Result<Response> {
        target.request(http).send().await
    }

    #[retry_http(
        max = 5, on = [429, 503], never = [401], base = 50ms,
        observer = |event| { black_box(event.attempt); }
    )]
    async fn string(http: &Client, target: &Target) -> reqwest::Result<String> {
        target.request(http).send().await?.error_for_status()?.text().await
    }
}
