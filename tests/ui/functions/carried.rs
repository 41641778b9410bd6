use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::Receiver;

use reqwest::{Client, Response};
use retry_http::retry_http;

#[retry_http]
async fn upload(http: &Client, data: &mut impl Read) -> reqwest::Result<Response> {
    let mut bytes = Vec::new();
    let _ = data.read_to_end(&mut bytes);
    http.put("http://localhost").body(bytes).send().await
}

#[retry_http]
async fn download<W: Write>(http: &Client, into: &mut W) -> reqwest::Result<()> {
    let bytes = http.get("http://localhost").send().await?.bytes().await?;
    let _ = into.write_all(&bytes);
    Ok(())
}

#[retry_http]
async fn pages(http: &Client, all: &mut Vec<String>) -> reqwest::Result<()> {
    all.push(http.get("http://localhost").send().await?.text().await?);
    Ok(())
}

#[retry_http]
async fn files(http: &Client, mut file: &File, stream: &TcpStream, jobs: &Receiver<String>) -> reqwest::Result<Response> {
    let mut bytes = Vec::new();
    let _ = file.read_to_end(&mut bytes);
    let _ = (stream.peer_addr(), jobs.try_recv());
    http.put("http://localhost").body(bytes).send().await
}

#[retry_http]
async fn maybe(http: &Client, into: Option<&mut Vec<u8>>) -> reqwest::Result<Response> {
    if let Some(into) = into {
        into.push(1);
    }
    http.get("http://localhost").send().await
}

#[retry_http]
async fn owned(http: &Client, mut data: impl Read) -> reqwest::Result<Response> {
    let mut bytes = Vec::new();
    let _ = data.read_to_end(&mut bytes);
    http.put("http://localhost").body(bytes).send().await
}

#[retry_http]
async fn once(http: &Client, build: impl FnOnce() -> String, boxed: Box<dyn FnOnce() -> String>) -> reqwest::Result<Response> {
    http.get(build()).body(boxed()).send().await
}

#[retry_http(carry = [http, nobody])]
async fn carries_too_much(http: &Client) -> reqwest::Result<Response> {
    http.get("http://localhost").send().await
}

#[retry_http(carry = data)]
async fn no_list(http: &Client, data: &mut Vec<u8>) -> reqwest::Result<Response> {
    data.clear();
    http.get("http://localhost").send().await
}

#[retry_http(carry = [])]
async fn nothing(http: &Client) -> reqwest::Result<Response> {
    http.get("http://localhost").send().await
}

const POLICY: retry_http::Policy = retry_http::policy!(carry = [data]);

macro_rules! same {
    ($name:ident) => {
        $name
    };
}

macro_rules! pair {
    ($one:ident, $other:ident) => {
        ($one, $other)
    };
}

#[retry_http]
async fn by_macros(http: &Client, same!(into): &mut Vec<u8>, pair!(name, n): (String, &mut u32), same!(build): impl FnOnce() -> String) -> reqwest::Result<Response> {
    into.clear();
    *n += 1;
    http.get(build()).body(name).send().await
}

#[retry_http(carry = [data, next])]
async fn carried(http: &Client, mut data: impl Read, mut next: impl FnMut() -> String) -> reqwest::Result<Response> {
    let mut bytes = Vec::new();
    let _ = data.read_to_end(&mut bytes);
    http.put(next()).body(bytes).send().await
}

fn main() {}
