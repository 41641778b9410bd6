async fn ( {}
