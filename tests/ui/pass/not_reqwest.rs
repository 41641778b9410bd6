//! Types that are not reqwest's, with methods of the names that are armed: what compiles without the attribute does with
//! it.

#![allow(dead_code, unused_must_use)]

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use reqwest::Client;
use retry_http::retry_http;

type Answer<T> = reqwest::Result<T>;
type Boxed<T> = Pin<Box<dyn Future<Output = reqwest::Result<T>> + Send>>;

struct Bell;

impl Bell {
    async fn send(&self) -> Answer<()> {
        Ok(())
    }
}

static BELL: Bell = Bell;

#[derive(Clone, Debug)]
struct Channel(Vec<u32>);

impl Channel {
    fn new() -> Self {
        Self(Vec::new())
    }

    fn body(self, _: &str) -> Self {
        self
    }

    fn send(&self) -> Answer<()> {
        Ok(())
    }

    fn replies(&mut self) -> std::slice::IterMut<'_, u32> {
        self.0.iter_mut()
    }

    fn text(&self) -> &str {
        "x"
    }

    fn bytes(&self) -> &[u8] {
        b"x"
    }

    fn chunk(&self) -> u8 {
        1
    }

    fn execute(&self, _: &str) -> u32 {
        1
    }
}

#[retry_http]
async fn a_static(http: &Client) -> Answer<()> {
    BELL.send().await?;
    http.get("u").send().await.map(drop)
}

#[retry_http]
async fn a_future_that_borrows(http: &Client) -> Answer<()> {
    let bell = Bell;
    let sending = bell.send();
    sending.await?;
    http.get("u").send().await.map(drop)
}

#[retry_http]
async fn used_after_it_was_sent(http: &Client, map: &HashMap<u32, Channel>) -> Answer<()> {
    let channel = map.get(&1).cloned().unwrap();
    channel.send()?;
    channel.send()?;
    let shown = Channel::new();
    shown.send()?;
    println!("{shown:?}");
    let again = Channel::new().body("x");
    for _ in 0..2 {
        again.send()?;
    }
    http.get("u").send().await.map(drop)
}

struct Alert;

impl Alert {
    async fn send(&self) -> Answer<&str> {
        Ok("sent")
    }

    fn close(self) {}
}

struct Pool;

impl Pool {
    fn get(&self) -> Answer<Alert> {
        Ok(Alert)
    }
}

#[retry_http]
async fn a_getter_without_arguments_makes_no_builder(http: &Client, pool: &Pool) -> Answer<()> {
    let alert = pool.get()?;
    alert.send().await?;
    alert.close();
    http.get("u").send().await.map(drop)
}

#[retry_http]
async fn a_reference_is_not_moved(http: &Client, pool: &Pool) -> Answer<String> {
    let alert = pool.get()?;
    let text = (&alert).send().await?;
    http.get("u").send().await?;
    Ok(text.to_owned())
}

#[retry_http]
async fn at_the_start_of_a_statement(http: &Client) -> Answer<bool> {
    let channel = Channel::new();
    let text = { channel.text() == "x" };
    let byte = { channel.bytes()[0] };
    let cast = { channel.chunk() as u64 };
    let executed = { channel.execute("x") > 0 };
    http.get("u").send().await?;
    Ok(text && byte > 0 && cast > 0 && executed)
}

trait Store {
    fn text(&self) -> String;
    fn execute(&self, n: u32) -> u32;
}

struct Holder<T: ?Sized> {
    n: u32,
    store: T,
}

#[retry_http]
async fn unsized_receivers(http: &Client, holder: &Holder<dyn Store + Sync>) -> Answer<u32> {
    let text = holder.store.text();
    let executed = holder.store.execute(holder.n);
    http.get("u").send().await?;
    Ok(executed + text.len() as u32)
}

struct Page;

impl Page {
    fn text(&self) -> Boxed<String> {
        Box::pin(async { Ok(String::new()) })
    }

    fn json(&self) -> Boxed<String> {
        Box::pin(async { Ok(String::new()) })
    }
}

#[retry_http]
async fn futures_of_a_named_type(http: &Client) -> Answer<usize> {
    let page = Page;
    let both: Vec<Boxed<String>> = vec![page.text(), page.json()];
    http.get("u").send().await?;
    Ok(both.len())
}

#[retry_http(transparent)]
fn that_are_returned(page: &Page) -> Boxed<String> {
    page.text()
}

struct Lines(Vec<std::io::Result<String>>);

impl futures::Stream for Lines {
    type Item = std::io::Result<String>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.pop())
    }
}

impl Lines {
    fn count(&self) -> usize {
        self.0.len()
    }
}

struct Source;

impl Source {
    fn bytes_stream(&self) -> Lines {
        Lines(Vec::new())
    }
}

#[retry_http]
async fn a_stream_of_a_named_type(http: &Client) -> Answer<usize> {
    let count = Source.bytes_stream().count();
    http.get("u").send().await?;
    Ok(count)
}

fn main() {}
