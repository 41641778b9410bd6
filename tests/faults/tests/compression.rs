//! Compressed bodies that end early where the framing does not tell, and others that are broken.

#[path = "../../support/calls.rs"]
mod calls;

use async_compression::tokio::write::{BrotliEncoder, GzipEncoder, ZstdEncoder};
use calls::{enter, verdict};
use http::Method;
use retry_http::testing::server::{Reply, Server};
use tokio::io::AsyncWriteExt;

macro_rules! compress {
    ($encoder:ident, $text:expr) => {{
        let mut encoder = $encoder::new(Vec::new());
        encoder.write_all($text).await.unwrap();
        encoder.shutdown().await.unwrap();
        encoder.into_inner()
    }};
}

/// Text that does not compress to nothing.
fn text() -> Vec<u8> {
    (0..20_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_string().into_bytes()).collect()
}

fn reply(encoding: &'static str, body: &[u8]) -> Reply {
    Reply::status(200).header("content-encoding", encoding).body(body)
}

/// Not `deflate`, whose decoder reports an early end as an error of no type of its own.
async fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let text = text();
    vec![
        ("gzip", compress!(GzipEncoder, &text)),
        ("br", compress!(BrotliEncoder, &text)),
        ("zstd", compress!(ZstdEncoder, &text)),
    ]
}

#[tokio::test]
async fn a_compressed_body_that_ends_early_is_read_again_where_that_is_safe() {
    let http = reqwest::Client::new();
    for (encoding, body) in bodies().await {
        let whole = || reply(encoding, &body);
        // In its header, in its data, and before its last byte.
        for cut in [1, body.len() / 2, body.len() - 1] {
            let cut_off = || reply(encoding, &body[..cut]);
            let server = Server::script([cut_off(), whole()]);
            let kit = enter();
            let read = calls::send(&http, &Method::GET, &server.url("/")).await;
            assert_eq!(read.unwrap().len(), text().len(), "{encoding} cut at {cut}");
            assert_eq!(kit.attempts(), 2, "{encoding} cut at {cut}");
            drop(kit);

            for (method, expected) in
                [(Method::GET, "4 in 7s: 200+body exhausted"), (Method::POST, "1 in 0s: 200+body ambiguous")]
            {
                let server = Server::script([cut_off()]);
                let kit = enter();
                calls::send(&http, &method, &server.url("/")).await.unwrap_err();
                assert_eq!(verdict(&kit), expected, "{encoding} cut at {cut}");
            }
        }
    }
}

#[tokio::test]
async fn a_compressed_body_that_is_damaged_is_not_read_again() {
    let http = reqwest::Client::new();
    for (encoding, _) in bodies().await {
        let server = Server::script([reply(encoding, b"this was never compressed, and never will be")]);
        let kit = enter();
        calls::send(&http, &Method::GET, &server.url("/")).await.unwrap_err();
        assert_eq!(verdict(&kit), "1 in 0s: 200 not_retryable", "{encoding}");
    }
}

#[test]
fn sync_and_by_0_12_it_is_the_same() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let body = runtime.block_on(async { compress!(GzipEncoder, &text()) });
    let server = Server::script([reply("gzip", &body[..body.len() / 2])]);
    let expected = "4 in 7s: 200+body exhausted";

    let kit = enter();
    let http = reqwest::blocking::Client::new();
    calls::send_blocking(&http, &Method::GET, &server.url("/")).unwrap_err();
    assert_eq!(verdict(&kit), expected);
    drop(kit);

    let kit = enter();
    let http = reqwest12::blocking::Client::new();
    calls::send_blocking12(&http, &Method::GET, &server.url("/")).unwrap_err();
    assert_eq!(verdict(&kit), expected);
    drop(kit);

    let kit = enter();
    let http = reqwest12::Client::new();
    runtime.block_on(calls::send12(&http, &Method::GET, &server.url("/"))).unwrap_err();
    assert_eq!(verdict(&kit), expected);
}

mod readers {
    use super::*;
    use retry_http::retry_http;
    use std::io::Read;

    #[retry_http(jitter = none)]
    async fn json(http: &reqwest::Client, url: &str) -> reqwest::Result<serde_json::Value> {
        http.get(url).send().await?.json().await
    }

    #[retry_http(jitter = none)]
    async fn chunks(http: &reqwest::Client, url: &str) -> Result<usize, String> {
        let mut response = http.get(url).send().await.map_err(|error| error.to_string())?;
        let mut length = 0;
        while let Some(chunk) = response.chunk().await.map_err(|error| error.to_string())? {
            length += chunk.len();
        }
        Ok(length)
    }

    #[retry_http(jitter = none)]
    fn read(http: &reqwest::blocking::Client, url: &str) -> Result<usize, std::io::Error> {
        let mut response = http.get(url).send().map_err(std::io::Error::other)?;
        response.read_to_end(&mut Vec::new())
    }

    #[test]
    fn see_it_whatever_way_the_body_is_read() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let body = runtime.block_on(async { compress!(GzipEncoder, b"[1, 2, 3]") });
        let server = || Server::script([reply("gzip", &body[..body.len() - 4]), reply("gzip", &body)]);
        let http = reqwest::Client::new();

        let (kit, first) = (enter(), server());
        let value = runtime.block_on(json(&http, &first.url("/"))).unwrap();
        assert_eq!((value[2].as_u64(), kit.attempts()), (Some(3), 2));
        drop(kit);

        let (kit, second) = (enter(), server());
        assert_eq!(runtime.block_on(chunks(&http, &second.url("/"))), Ok(9));
        assert_eq!(kit.attempts(), 2);
        drop(kit);

        let (kit, third) = (enter(), server());
        assert_eq!(read(&reqwest::blocking::Client::new(), &third.url("/")).unwrap(), 9);
        assert_eq!(kit.attempts(), 2);
    }
}
