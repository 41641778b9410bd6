use migrations::backon::after::Shop;
use reqwest::Client;
use retry_http::testing;
use retry_http::testing::server::{Reply, Server};

#[tokio::test]
async fn a_dead_server_gets_four_requests() {
    let server = Server::script([Reply::status(503)]);
    let _kit = testing::instant(); // skips the waits
    let shop = Shop { http: Client::new(), url: server.url("") };
    assert!(shop.stock(7).await.is_err());
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn the_wait_is_the_one_that_the_server_asks_for() {
    let busy = Reply::status(429).header("retry-after", "60");
    let server = Server::script([busy, Reply::status(200).body("12")]);
    let kit = testing::instant(); // records the waits as well
    let shop = Shop { http: Client::new(), url: server.url("") };
    assert_eq!(shop.stock(7).await.unwrap(), 12);
    assert!(kit.waits()[0].as_secs() >= 60);
}
