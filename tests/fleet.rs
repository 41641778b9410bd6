//! Four processes that share one upstream through a real `redis-server`, which is stopped, killed
//! and started anew under them.
//!
//! No harness: this program starts itself again as each of the four.

#[path = "support/port.rs"]
mod port;
mod support;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use port::Port;
use retry_http::testing::server::{Reply, Request, Server};
use retry_http::{Fleet, FleetError, Upstream, retry_http};
use support::ms;

static API: Upstream = Upstream::new("api").longest(Duration::from_secs(4));

#[retry_http(base = 1ms, jitter = none, upstream = API)]
async fn call(http: &reqwest::Client, url: &str, name: &str) -> reqwest::Result<reqwest::Response> {
    http.get(url).header("x-process", name).send().await
}

/// Runs one of the four processes: it calls until its input ends, then prints how often, and how
/// often that failed.
fn worker(arguments: &[String]) {
    let [redis, url, name] = arguments else { panic!("usage: REDIS URL NAME") };
    tracing_subscriber::fmt().with_writer(std::io::stderr).without_time().init();
    let fleet = Fleet::connect(redis).unwrap();
    fleet.share(&API).unwrap();
    assert_eq!(fleet.share(&API), Err(FleetError::Shared));
    let stop = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stopped = Arc::clone(&stop);
    std::thread::spawn(move || {
        let mut line = String::new();
        while std::io::stdin().read_line(&mut line).is_ok_and(|read| read > 0) {}
        stopped.store(true, Ordering::SeqCst);
    });
    let (mut calls, mut failed) = (0, 0);
    runtime.block_on(async {
        let http = reqwest::Client::new();
        while !stop.load(Ordering::SeqCst) {
            calls += 1;
            let ok = call(&http, url, name).await.is_ok_and(|answer| answer.status() == 200);
            failed += usize::from(!ok);
            tokio::time::sleep(ms(4)).await;
        }
    });
    println!("{calls} {failed}");
}

struct Redis {
    port: Arc<Port>,
    process: Child,
}

impl Redis {
    fn start(port: Arc<Port>) -> Self {
        let process = Command::new("redis-server")
            .args([
                "--port",
                &port.number.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server, which ./test.sh installs");
        let redis = Self { port, process };
        let start = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", redis.port.number)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(30), "redis-server does not come up");
            std::thread::sleep(ms(10));
        }
        redis
    }

    fn signal(&self, signal: &str) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// Returns the answer to a command.
    fn ask(&self, command: &str) -> String {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port.number)).unwrap();
        stream.write_all(format!("{command}\r\n").as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // The test is over.
        let _: std::io::Result<()> = self.process.kill();
        let _: std::io::Result<_> = self.process.wait();
    }
}

struct Worker(Child);

impl Worker {
    fn start(redis: &Redis, server: &Server, name: usize) -> Self {
        let process = Command::new(std::env::current_exe().unwrap())
            .args([
                "worker",
                &format!("redis://127.0.0.1:{}/", redis.port.number),
                &server.url("/"),
                &name.to_string(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self(process)
    }

    /// Returns how many calls there were, how many of them failed, and the log.
    fn stop(mut self) -> (usize, usize, String) {
        drop(self.0.stdin.take());
        let output = self.0.wait_with_output().unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{log}");
        let text = String::from_utf8(output.stdout).unwrap();
        let (calls, failed) = text.trim().split_once(' ').unwrap();
        (calls.parse().unwrap(), failed.parse().unwrap(), log)
    }
}

/// Answers 200, and once, when told to, 429.
struct Api {
    server: Server,
    refuse: Arc<Mutex<Option<Duration>>>,
    refused: Arc<Mutex<Option<(Instant, String)>>>,
}

fn process(request: &Request) -> String {
    request.headers["x-process"].to_str().unwrap().to_owned()
}

impl Api {
    fn start() -> Self {
        let (refuse, refused) = (Arc::new(Mutex::new(None)), Arc::new(Mutex::new(None)));
        let (wait, log) = (Arc::<Mutex<Option<Duration>>>::clone(&refuse), Arc::clone(&refused));
        let server = Server::new(move |_, request| match wait.lock().unwrap().take() {
            None => Reply::status(200),
            Some(wait) => {
                *log.lock().unwrap() = Some((request.at, process(request)));
                Reply::status(429).header("retry-after-ms", wait.as_millis().to_string())
            }
        });
        Self { server, refuse, refused }
    }

    /// Refuses one request. Returns when the last request of another process came within the
    /// cooldown, counted from its beginning, and how many came. `others` other processes send
    /// before and after it.
    fn refuse(&self, wait: Duration, others: usize) -> (Duration, usize) {
        self.wait_for_all(others + 1, "they do not send");
        let (at, who) = self.refuse_one(wait);
        std::thread::sleep(wait);
        // They come back one after the other.
        while self.active(at + wait) <= others {
            assert!(at.elapsed() < Duration::from_secs(60), "they do not come back");
            std::thread::sleep(ms(10));
        }
        let of_others =
            |request: &&Request| request.at > at && request.at < at + wait && process(request) != who;
        let requests = self.server.requests();
        let late: Vec<_> = requests.iter().filter(of_others).map(|request| request.at - at).collect();
        (late.iter().max().copied().unwrap_or_default(), late.len())
    }

    /// Refuses one request. Returns when it came, and of which process, once it has come: a process
    /// that was refused before may send one request in seconds.
    fn refuse_one(&self, wait: Duration) -> (Instant, String) {
        *self.refused.lock().unwrap() = None;
        *self.refuse.lock().unwrap() = Some(wait);
        wait_for("they do not send", || self.refused.lock().unwrap().clone())
    }

    /// Waits until so many processes have sent something.
    fn wait_for_all(&self, processes: usize, message: &str) {
        let since = Instant::now();
        wait_for(message, || (self.active(since) >= processes).then_some(()));
    }

    /// Waits until so many processes send several times a second: those that were refused come back
    /// slowly.
    fn wait_for_pace(&self, processes: usize) {
        let since = || Instant::now().checked_sub(ms(200)).unwrap();
        wait_for("they stay slow", || (self.active(since()) >= processes).then_some(()));
    }

    /// Waits until nobody has sent anything for 300 ms.
    fn wait_for_silence(&self, message: &str) {
        let began = Instant::now();
        while self.active(Instant::now().checked_sub(ms(300)).unwrap()) > 0 {
            assert!(began.elapsed() < Duration::from_secs(3), "{message}");
            std::thread::sleep(ms(10));
        }
    }

    /// Counts the processes that have sent something since then.
    fn active(&self, since: Instant) -> usize {
        let requests = self.server.requests();
        let names: std::collections::HashSet<_> =
            requests.iter().filter(|request| request.at > since).map(process).collect();
        names.len()
    }
}

/// Returns what there is to wait for, once it is there.
fn wait_for<T>(message: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{message}");
        std::thread::sleep(ms(1));
    }
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("worker") => worker(&arguments[1..]),
        _ => fleet(),
    }
}

fn fleet() {
    assert_eq!(Fleet::connect("http://localhost/").unwrap_err(), FleetError::Url);
    let (api, redis) = (Api::start(), Redis::start(Arc::new(Port::new())));
    let mut workers: Vec<_> = (0..3).map(|name| Worker::start(&redis, &api.server, name)).collect();
    api.wait_for_all(3, "the processes do not come up");
    std::thread::sleep(ms(300));

    // Best of three: the machine may be doing something else.
    let shared = |title: &str, others| {
        let times: Vec<_> = (0..3).map(|_| api.refuse(ms(800), others)).collect();
        let (last, requests) = times.iter().min().unwrap();
        println!("{title}: others held back after {last:?} ({requests} requests until then)");
        *last
    };
    let last = shared("shared", 2);
    assert!(last < ms(50), "held back after {last:?} only");

    // A process that comes later finds the key.
    let (closed, _) = api.refuse_one(Duration::from_secs(3));
    wait_for("the key is not set", || (cooldown(&redis) > 0).then_some(()));
    let left = cooldown(&redis);
    assert!((1..=3000).contains(&left), "{left}");
    let late = Instant::now();
    workers.push(Worker::start(&redis, &api.server, 3));
    std::thread::sleep(Duration::from_secs(5));
    let requests = api.server.requests();
    let of_latecomer: Vec<_> = requests.iter().filter(|request| process(request) == "3").collect();
    let first = of_latecomer.first().expect("the fourth process").at;
    // Its first calls may go before Redis has answered.
    let into_it =
        |request: &&&Request| request.at > first + ms(50) && request.at < closed + Duration::from_secs(3);
    let into_it = of_latecomer.iter().filter(into_it).count();
    println!("latecomer: first request {:?} after its start, {into_it} sent 50 ms after that", first - late);
    assert_eq!(into_it, 0, "not held by the key");

    let calm = |api: &Api, what: &str| {
        std::thread::sleep(Duration::from_secs(3));
        api.wait_for_all(4, what);
    };
    // An absurd word, and one that is forged, hold nobody for longer than is believed, and silence
    // nobody.
    let forged = Instant::now();
    redis.ask("SET retry-http:cooldown:1:api x PX 9999999999");
    redis.ask("PUBLISH retry-http:cooldown:1:api 9999999999");
    redis.ask("PUBLISH retry-http:cooldown:1:api nonsense");
    api.wait_for_silence("they believe it for a while");
    while api.active(forged) < 4 {
        assert!(forged.elapsed() < Duration::from_secs(20), "held for longer than is believed");
        std::thread::sleep(ms(20));
    }
    println!("a forged word held four processes for {:?}", forged.elapsed());
    std::thread::sleep(Duration::from_secs(2));
    let last = shared("after a forged word", 3);
    assert!(last < ms(50), "silenced: {last:?}");
    let left = cooldown(&redis);
    assert!(left < 4000, "{left}");

    forged_key(&api, &redis);
    shorter_word(&api, &redis);

    // A process that was refused before may send nothing in 400 ms: one of three tries shows it.
    let alone = |title: &str| {
        let (_, requests) =
            (0..3).map(|_| api.refuse(ms(400), 3)).find(|(_, requests)| *requests > 0).unwrap_or_default();
        println!("{title}: {requests} requests of others while one is held back");
        assert!(requests > 0, "{title}: without Redis a process is held back by itself");
    };
    redis.signal("-STOP");
    calm(&api, "Redis stands still");
    alone("Redis stands still");
    redis.signal("-CONT");
    redis.ask("FLUSHALL");
    std::thread::sleep(Duration::from_secs(6));
    let last = shared("after standing still and a flush", 3);
    assert!(last < ms(50), "{last:?}");

    let port = Arc::clone(&redis.port);
    drop(redis);
    calm(&api, "Redis is gone");
    alone("Redis is gone");
    std::thread::sleep(Duration::from_secs(3));
    let redis = Redis::start(port);
    let restarted = Instant::now();
    while api.refuse(ms(400), 3).0 >= ms(50) {
        assert!(restarted.elapsed() < Duration::from_secs(60), "not shared again");
    }
    println!("restarted: shared again within {:?}", restarted.elapsed());

    for worker in workers {
        let (calls, failed, log) = worker.stop();
        println!("{calls} calls, {failed} failed");
        assert!(calls > 50 && failed == 0, "{calls} calls, {failed} failed");
        assert!(!log.contains("panicked"), "{log}");
        assert_eq!(log.matches("longer than `longest`").count(), 1, "{log}");
        let (away, back) =
            (log.matches("Redis is not available").count(), log.matches("Redis is back").count());
        assert!((1..=2).contains(&away) && away == back, "said {away} and {back} times: {log}");
    }
    drop(redis);
}

/// Returns the milliseconds left of the shared cooldown, or a negative number.
fn cooldown(redis: &Redis) -> i64 {
    redis.ask("PTTL retry-http:cooldown:1:api").trim_start_matches(':').parse().unwrap()
}

/// A forged key holds a process that starts for no longer than is believed, and that one mends it.
fn forged_key(api: &Api, redis: &Redis) {
    redis.ask("SET retry-http:cooldown:1:api x PX 9999999999");
    let forged = Instant::now();
    let late = Worker::start(redis, &api.server, 9);
    let of_late = || api.server.requests().iter().filter(|request| process(request) == "9").count();
    while of_late() < 20 {
        assert!(forged.elapsed() < Duration::from_secs(20), "held for longer than is believed");
        std::thread::sleep(ms(20));
    }
    println!("a forged key held a process that starts for {:?}", forged.elapsed());
    assert!(forged.elapsed() >= Duration::from_secs(3), "it was not read at all");
    let left = cooldown(redis);
    assert!(left < 4000, "{left}");
    let (_, failed, log) = late.stop();
    assert_eq!((failed, log.matches("longer than `longest`").count()), (0, 1), "{log}");
    std::thread::sleep(Duration::from_secs(2));
}

/// A shorter word counts for all.
fn shorter_word(api: &Api, redis: &Redis) {
    api.wait_for_pace(4);
    redis.ask("PUBLISH retry-http:cooldown:1:api 3500");
    let held = Instant::now();
    api.wait_for_silence("they are held");
    let said = Instant::now();
    redis.ask("PUBLISH retry-http:cooldown:1:api 0");
    while api.active(said) < 4 {
        assert!(held.elapsed() < ms(3_400), "a shorter word does not count");
        std::thread::sleep(ms(10));
    }
    println!("four processes are back {:?} after a shorter word", said.elapsed());
    std::thread::sleep(Duration::from_secs(1));
}
