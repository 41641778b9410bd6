use retry_http::{Policy, policy, retry_http};

const NO_NAME: &str = "x my reset";
const RESET: &str = "X-My-Reset";
const NAMES: &[&str] = &[RESET];

#[retry_http(hint = ["x my reset", "x-my-reset:", "", "x-ok", 7, reset, x-my-reset, "X-OK", ["x"], b"x"])]
async fn names(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(hint = [])]
async fn empty(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(hint = "x-other-reset")]
async fn no_list(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(hint = NAMES)]
async fn a_constant_list(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(hint)]
async fn no_value(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(hint = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q"])]
async fn too_many(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(hint = [NO_NAME, RESET, "x-my-reset"], max = "5")]
async fn constants_and_others(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(hint = [NO_NAME, RESET, "x-my-reset", RESET])]
async fn constants(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(reset_header = "x-my-reset", retry_after_headers = ["x-my-reset"])]
async fn names_of_others(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

struct Api {
    header: &'static str,
}

impl Api {
    #[retry_http(hint = [self.header])]
    async fn at_run_time(&self, http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
        http.get("http://localhost").send().await
    }
}

const MACRO: Policy = policy!(hint = ["x y"]);
const CONSTANT: Policy = policy!(hint = [NO_NAME]);
const TWICE: Policy = policy!(hint = [RESET, RESET]);
const BUILT: Policy = match Policy::builder().hint(&["x", "X"]).build() {
    Ok(policy) => policy,
    Err(error) => panic!("{}", error.message().as_str()),
};

fn main() {}
