use reqwest::Client;
use retry_http::{Event, Step, retry_http};

pub struct Shop {
    pub http: Client,
    pub url: String,
}

fn print(event: &Event<'_>) {
    if let Step::Retry { wait } = event.step {
        eprintln!("status {:?}, again in {wait:?}", event.status);
    }
}

#[retry_http(max = 3, base = 500ms, cap = 10s, jitter = 1)]
impl Shop {
    pub async fn stock(&self, id: u64) -> reqwest::Result<u32> {
        let url = format!("{}/items/{id}/stock", self.url);
        let response = self.http.get(&url).send().await?;
        response.error_for_status()?.json().await
    }

    // The server does an order once, by its key.
    #[retry_http(idempotency_key, observer = print)]
    pub async fn order(&self, id: u64) -> reqwest::Result<u32> {
        let url = format!("{}/items/{id}/order", self.url);
        let response = self.http.post(&url).send().await?;
        response.error_for_status()?.json().await
    }
}
