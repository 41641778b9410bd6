use retry_http::retry_http;

#[retry_http(on = [42, 600, 200, 304], never = [1xx, 6xx, 5XX])]
async fn statuses(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(on = [504..=500, 500..504, 500.., 200..=503])]
async fn ranges(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(on = [timeuot, dns, "connect", true, -503])]
async fn words(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(on = [429, POST])]
async fn method(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(on = 503, never = [])]
async fn no_list(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(on = [])]
async fn empty(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(on = [429, 503, 429, 5xx, 500..=504, timeout, timeout])]
async fn repeated(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(on = [429, 503, timeout], never = [429, 5xx, timeout])]
async fn contradiction(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(never = [503], max = 2, on = [503])]
async fn contradiction_the_other_way_around(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(on = [500..=502, 429], never = [502, 500..=501])]
async fn contradiction_of_several(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(on = [202..=404])]
async fn more_than_errors(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(on = [default, connect if hinted, default if hinted, 403 if throttled, 200 if hinted])]
async fn conditional(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(on = [default, default, 4xx, 403 if hinted], never = [default, 403 if hinted])]
async fn conditional_twice(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(on = [default, 529, 403 if hinted, 430..=440 if hinted, LIMIT if hinted])]
async fn conditional_right(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

const LIMIT: u16 = 420;

#[retry_http(on = ["default", Default, defaults, default + 529, 529 hinted, "403 if hinted", 503 if hinted if hinted])]
async fn nearly_an_item(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

fn main() {}
