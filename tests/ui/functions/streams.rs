use std::fs::File;
use std::io::{BufReader, Lines, Read, Stdin};
use std::net::TcpStream;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::Stream;
use futures::stream::BoxStream;
use reqwest::{Client, Response};
use retry_http::retry_http;
use tokio::sync::{mpsc, watch};

type Sent = reqwest::Result<Response>;

#[async_trait]
trait Api {
    async fn download(&self, into: &mut String, file: &File, socket: &TcpStream) -> Sent;
}

struct Method(Client);

#[async_trait]
impl Api for Method {
    #[retry_http]
    async fn download(&self, into: &mut String, mut file: &File, socket: &TcpStream) -> Sent {
        let _ = (file.read_to_string(into), socket.peer_addr());
        self.0.get("http://localhost").send().await
    }
}

struct Above(Client);

#[retry_http]
#[async_trait]
impl Api for Above {
    async fn download(&self, into: &mut String, mut file: &File, socket: &TcpStream) -> Sent {
        let _ = (file.read_to_string(into), socket.peer_addr());
        self.0.get("http://localhost").send().await
    }
}

struct Below(Client);

#[async_trait]
#[retry_http]
impl Api for Below {
    async fn download(&self, into: &mut String, mut file: &File, socket: &TcpStream) -> Sent {
        let _ = (file.read_to_string(into), socket.peer_addr());
        self.0.get("http://localhost").send().await
    }
}

#[retry_http]
async fn boxed(
    http: &Client,
    ids: Box<dyn Iterator<Item = u64> + Send>,
    data: Box<dyn Read + Send>,
    stream: BoxStream<'static, String>,
    pinned: Pin<Box<dyn Stream<Item = String> + Send>>,
) -> Sent {
    let _ = (ids, data, stream, pinned);
    http.get("http://localhost").send().await
}

#[retry_http]
async fn owned(http: &Client, file: File, jobs: mpsc::UnboundedReceiver<String>, input: Stdin) -> Sent {
    let _ = (file.try_clone(), jobs.len(), input.lines());
    http.get("http://localhost").send().await
}

#[retry_http]
async fn held<R: Read>(
    http: &Client,
    maybe: Option<&File>,
    shared: Arc<File>,
    lines: Lines<BufReader<File>>,
    locked: &Mutex<File>,
    parameter: Option<R>,
    both: (String, Option<Box<dyn Read>>),
) -> Sent {
    let _ = (maybe, shared, lines, locked.lock(), parameter, both);
    http.get("http://localhost").send().await
}

struct Counter {
    n: u32,
}

#[retry_http]
async fn parts(
    http: &Client,
    Counter { n }: &mut Counter,
    (name, m): (String, &mut u32),
    [one, other]: &mut [String; 2],
    ref mut last: String,
) -> Sent {
    *n += 1;
    *m += 1;
    one.push_str(other);
    last.push('x');
    http.get(name).send().await
}

// None of these is changed.
#[retry_http]
async fn ordinary(
    http: &Client,
    settings: watch::Receiver<String>,
    files: mpsc::Sender<File>,
    make: fn(&mut File) -> String,
    open: Arc<dyn Fn(File) -> String + Send + Sync>,
    shared: Arc<Mutex<Vec<u8>>>,
    Counter { n }: Counter,
    (name, _): &(String, u32),
) -> Sent {
    let _ = (settings.borrow(), files, make, open, shared, n);
    http.get(name).send().await
}

fn main() {}
