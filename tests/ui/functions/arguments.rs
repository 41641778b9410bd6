use retry_http::retry_http;

struct NotClone(String);

fn take<T>(_: T) {}

#[retry_http]
async fn own(http: &reqwest::Client, own: NotClone) -> reqwest::Result<reqwest::Response> {
    take(own);
    http.get("http://localhost").send().await
}

#[retry_http]
async fn generic<T: Into<reqwest::Body>>(http: &reqwest::Client, body: T) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").body(body).send().await
}

#[retry_http]
async fn unbounded<T>(http: &reqwest::Client, value: T) -> reqwest::Result<reqwest::Response> {
    take(value);
    http.get("http://localhost").send().await
}

#[retry_http]
async fn anonymous(http: &reqwest::Client, value: impl Send) -> reqwest::Result<reqwest::Response> {
    take(value);
    http.get("http://localhost").send().await
}

#[retry_http]
async fn items(http: &reqwest::Client, names: impl IntoIterator<Item = impl AsRef<str>>) -> reqwest::Result<reqwest::Response> {
    let mut url = String::new();
    for name in names {
        url.push_str(name.as_ref());
    }
    http.get(url).send().await
}

struct Job {
    request: reqwest::RequestBuilder,
    form: reqwest::multipart::Form,
}

impl Job {
    #[retry_http]
    async fn sent(self) -> reqwest::Result<reqwest::Response> {
        self.request.send().await
    }
}

#[retry_http]
async fn sent_of(job: Job) -> reqwest::Result<reqwest::Response> {
    job.request.send().await
}

#[retry_http]
async fn form(Job { request, form }: Job) -> reqwest::Result<reqwest::Response> {
    request.multipart(form).send().await
}

fn main() {
    let _ = |own: NotClone| drop(own.0.len());
}
