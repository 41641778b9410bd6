use reqwest::{Client, Result};
use retry_http::{Upstream, retry_http};

pub struct Shop {
    http: Client,
    url: String,
    upstream: Upstream,
}

impl Shop {
    pub fn new(http: Client, url: String) -> Self {
        // 0.1 token for each success, one for each second, ten at most.
        let upstream = Upstream::new("shop").budget(0.1, 1.0, 10);
        Self { http, url, upstream }
    }

    #[retry_http(
        max = 3, base = 500ms, cap = 10s, upstream = self.upstream
    )]
    pub async fn stock(&self, id: u64) -> Result<u32> {
        let url = format!("{}/items/{id}/stock", self.url);
        let response = self.http.get(url).send().await?;
        response.error_for_status()?.json().await
    }
}
