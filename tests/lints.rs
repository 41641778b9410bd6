//! Expansions compile without a warning, clippy's pedantic ones included (`.ci/run` has clippy look at this
//! file, the compiler does by itself).
#![deny(warnings, clippy::all, clippy::pedantic, clippy::nursery)]
#![deny(
    let_underscore_drop,
    meta_variable_misuse,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unreachable_pub,
    unused_import_braces,
    unused_lifetimes,
    unused_qualifications,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::shadow_same,
    clippy::single_match_else
)]

use retry_http::retry_http;

type Response = reqwest::Result<reqwest::Response>;

#[retry_http(max = 5, on = [429, 503], never = [401])]
async fn asynchronous(http: &reqwest::Client, url: &str) -> Response {
    http.get(url).send().await
}

#[retry_http(base = 250ms, cap = 1.5m, jitter = 0.25, factor = 1.5, max_retry_after = 1h)]
fn blocking(http: &reqwest::blocking::Client, url: &str) -> reqwest::Result<String> {
    http.get(url).send()?.error_for_status()?.text()
}

struct Api {
    http: reqwest::Client,
}

impl Api {
    #[retry_http]
    async fn method(&self, id: u64) -> Result<serde_json::Value, String> {
        let request = self.http.get(format!("/{id}")).build().map_err(|error| error.to_string())?;
        let response = self.http.execute(request).await.map_err(|error| error.to_string())?;
        response.json().await.map_err(|error| error.to_string())
    }

    const fn http(&self) -> &reqwest::Client {
        &self.http
    }

    #[retry_http]
    async fn statement(&self, request: &reqwest::Request) -> Result<(), reqwest::Error> {
        if let Some(request) = request.try_clone() {
            self.http().execute(request).await?;
        }
        reqwest::get("http://localhost").await?.error_for_status()?;
        Ok(())
    }
}

#[test]
fn they_are_used() {
    let _ = (asynchronous, blocking, Api::method, Api::statement);
}
