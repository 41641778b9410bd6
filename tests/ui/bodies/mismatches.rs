use retry_http::retry_http;

#[retry_http]
async fn wrong_ok(http: &reqwest::Client) -> reqwest::Result<u32> {
    let response = http.get("http://localhost").send().await?;
    Ok(response.text().await?)
}

#[retry_http]
async fn wrong_tail(http: &reqwest::Client) -> reqwest::Result<String> {
    http.get("http://localhost").send().await?.text().await?
}

#[retry_http]
async fn wrong_question_mark(http: &reqwest::Client) -> Result<String, std::num::ParseIntError> {
    Ok(http.get("http://localhost").send().await?.text().await.unwrap())
}

#[retry_http]
async fn no_such_method(http: &reqwest::Client) -> reqwest::Result<String> {
    http.gett("http://localhost").send().await?.text().await
}

#[retry_http]
fn wrong_sync(http: &reqwest::blocking::Client) -> reqwest::Result<u32> {
    Ok(http.get("http://localhost").send()?.text()?)
}

#[retry_http]
async fn unused(http: &reqwest::Client) -> reqwest::Result<String> {
    #![deny(warnings)]
    let never_used = 1;
    return http.get("http://localhost").send().await?.text().await;
    unreachable()
}

fn unreachable() -> reqwest::Result<String> {
    Ok(String::new())
}

fn main() {}
