use retry_http::{Policy, policy, retry_http};

const GENTLE: Policy = policy!(base = 2m, retry_if = |_| true, never_if = |_| true, docs = false, skip);
const WRONG: Policy = policy!(max = NONE);
const NONE: u32 = 0;

#[retry_http(skip)]
async fn skipped(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(policy = "gentle", retry_if = true, never_if = "quota")]
async fn literals(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(retry_if = |outcome| outcome.is_some(), never_if = |outcome| outcome.is_none())]
async fn other_outcome(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(max = 2)]
#[retry_http(max = 3)]
async fn twice(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(never = [4xx, 5xx, connect, timeout, reset, body])]
async fn nothing_left(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

struct Api(reqwest::Client);

#[retry_http(max = 0)]
impl Api {
    async fn get(&self) -> reqwest::Result<reqwest::Response> {
        self.0.get("http://localhost").send().await
    }
}

#[retry_http]
impl Api {
    #[retry_http(max = 0)]
    async fn post(&self) -> reqwest::Result<reqwest::Response> {
        self.0.post("http://localhost").send().await
    }

    #[retry_http(max = self.max, on = [self.status])]
    async fn patch(&self) -> reqwest::Result<reqwest::Response> {
        self.0.patch("http://localhost").send().await
    }

    #[retry_http(skip = false)]
    async fn delete(&self) -> reqwest::Result<reqwest::Response> {
        self.0.delete("http://localhost").send().await
    }

    #[retry_http(skip, max = 1)]
    async fn put(&self) -> reqwest::Result<reqwest::Response> {
        self.0.put("http://localhost").send().await
    }
}

fn main() {}
