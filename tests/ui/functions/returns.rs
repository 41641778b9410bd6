use retry_http::retry_http;

#[retry_http]
async fn nothing(http: &reqwest::Client) {
    let _ = http.get("http://localhost").send().await;
}

#[retry_http]
async fn option(http: &reqwest::Client) -> Option<reqwest::Response> {
    http.get("http://localhost").send().await.ok()
}

#[retry_http]
async fn tuple(http: &reqwest::Client) -> (u16, String) {
    let _ = http.get("http://localhost").send().await;
    (200, String::new())
}

type Answer = Option<reqwest::Response>;

#[retry_http]
async fn alias_of_something_else(http: &reqwest::Client) -> Answer {
    http.get("http://localhost").send().await.ok()
}

#[retry_http]
fn stream(http: &reqwest::Client) -> impl futures::Stream<Item = reqwest::Result<reqwest::Response>> {
    futures::stream::once(http.get("http://localhost").send())
}

#[retry_http]
fn future_of_nothing(http: &reqwest::Client) -> impl Future<Output = ()> {
    let request = http.get("http://localhost").send();
    async move { drop(request.await) }
}

#[retry_http]
fn of_what(http: &reqwest::Client) -> impl Send {
    http.get("http://localhost").send()
}

struct Api(reqwest::Client);

#[retry_http]
impl Api {
    async fn maybe(&self) -> Option<reqwest::Response> {
        self.0.get("http://localhost").send().await.ok()
    }

    async fn never(&self) {
        _ = self.0.get("http://localhost").send().await;
    }
}

fn main() {}
