#[retry_http(max = 0)]
async fn wrong() -> Result<(), E> { send().await }

#[retry_http]
async fn fine() -> Result<(), E> { send().await }
