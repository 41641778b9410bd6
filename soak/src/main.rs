//! Thousands of concurrent calls against a server of random faults, over real sockets.
//!
//! `cargo run --release -p soak -- --seed 1 --seconds 120 --callers 5000`
//!
//! Asserts that the server has got exactly the requests of the attempts that observers saw, that no
//! POST without a key is processed twice, that every call ends, and that nothing grows: bytes on the
//! heap, threads, sockets and tasks. Some calls are dropped by the caller at a random moment. What a
//! call does, and how its requests are answered, depends on the seed.
//!
//! `--http2` speaks HTTP/2, over a connection for each twenty callers. `--posts` sends POSTs without
//! a key only. `--by-hand` sends GETs by a loop that is written by hand, to compare the meters.
//! `--reqwest-repeats` leaves on what reqwest repeats by itself over HTTP/2. Then the requests of an
//! attempt are counted, and are not asserted to be one.

mod arguments;
mod by_hand;
mod callers;
mod calls;
mod faults;
mod http1;
mod http2;
mod ledger;
mod meters;
mod server;
mod watch;

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::arguments::Arguments;
use crate::calls::Api;
use crate::ledger::{Ledger, Repeats, Totals};
use crate::meters::{Sample, growth};
use crate::server::Server;
use crate::watch::Protocol;

/// The callers of each client over HTTP/2, whose requests share a connection.
const SHARING: u32 = 20;
/// The pause between two expiries of the credentials.
const EXPIRY: Duration = Duration::from_secs(2);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::read()?;
    println!("{arguments:?}");
    rlimit::increase_nofile_limit(u64::MAX)?;
    let [clients, servers] = [runtime()?, runtime()?];
    let handles = [clients.handle(), servers.handle()];

    let ledger = Arc::new(Ledger::new(arguments.repeats));
    let server = Server::new(&ledger, arguments.protocol, arguments.seed);
    let listener = servers.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let base = format!("http://{}", listener.local_addr()?);
    let serving = servers.spawn(Arc::clone(&server).run(listener));
    let before = Sample::take(Duration::ZERO, handles)?;

    let is_over = Arc::new(AtomicBool::new(false));
    let apis = apis(arguments, &ledger, &base)?;
    for caller in 0..u64::from(arguments.callers) {
        let api = Arc::clone(&apis[usize::try_from(caller)? % apis.len()]);
        clients.spawn(callers::run(api, arguments, caller, Arc::clone(&is_over)));
    }
    drop(apis);
    let samples = sample(arguments.time, &server, handles)?;
    is_over.store(true, Relaxed);
    let after = settle(&before, &server, handles)?;
    ledger.forget(Duration::ZERO);
    after.print();

    serving.abort();
    report(&ledger, arguments, &before, &after, &samples)
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

/// Returns the clients of the service.
fn apis(arguments: Arguments, ledger: &Arc<Ledger>, base: &str) -> reqwest::Result<Vec<Arc<Api>>> {
    let count = match arguments.protocol {
        Protocol::Http1 => 1,
        Protocol::Http2 => arguments.callers.div_ceil(SHARING),
    };
    let credentials = Arc::new(AtomicU64::new(0));
    // Beyond the numbers of all callers.
    let logins = Arc::new(AtomicU64::new(1 << 63));
    let api = |_| {
        let mut builder = reqwest::Client::builder().no_proxy();
        if arguments.protocol == Protocol::Http2 {
            builder = builder.http2_prior_knowledge();
        }
        if arguments.repeats == Repeats::Never {
            builder = builder.retry(reqwest::retry::never());
        }
        Ok(Arc::new(Api {
            http: builder.build()?,
            base: base.to_owned(),
            ledger: Arc::clone(ledger),
            protocol: arguments.protocol,
            credentials: Arc::clone(&credentials),
            logins: Arc::clone(&logins),
        }))
    };
    (0..count).map(api).collect()
}

/// Takes a sample each second.
fn sample(time: Duration, server: &Server, runtimes: [&Handle; 2]) -> std::io::Result<Vec<Sample>> {
    let (start, mut expired, mut samples) = (Instant::now(), Instant::now(), Vec::new());
    while start.elapsed() < time {
        sleep(Duration::from_secs(1));
        let sample = Sample::take(start.elapsed(), runtimes)?;
        if samples.len() % 10 == 0 {
            sample.print();
        }
        samples.push(sample);
        if expired.elapsed() >= EXPIRY {
            server.expire();
            expired = Instant::now();
        }
    }
    Ok(samples)
}

/// Waits until all calls have ended and all connections are closed, and takes a last sample.
fn settle(before: &Sample, server: &Server, runtimes: [&Handle; 2]) -> std::io::Result<Sample> {
    let start = Instant::now();
    loop {
        let sample = Sample::take(start.elapsed(), runtimes)?;
        let is_quiet = sample.tasks == before.tasks && server.busy.load(Relaxed) == 0;
        if is_quiet || start.elapsed() > Duration::from_secs(90) {
            return Ok(sample);
        }
        sleep(Duration::from_millis(100));
    }
}

/// Prints the numbers, and returns an error if they are not as promised.
fn report(
    ledger: &Ledger,
    arguments: Arguments,
    before: &Sample,
    after: &Sample,
    samples: &[Sample],
) -> Result<(), Box<dyn Error>> {
    let (count, mut wrong) = ledger.violations();
    if count > 0 {
        wrong.push(format!("{count} violations"));
    }
    wrong.extend(growth(samples));
    let Totals { ended, dropped, hung, once, twice_below, twice, .. } = &ledger.totals;
    let Totals { observed, under_way, unsent, never_arrived, requests, repeated, .. } = &ledger.totals;
    let number = |total: &AtomicU64| total.load(Relaxed);
    println!("{} calls ended, {} were dropped, {} hung", number(ended), number(dropped), number(hung));
    println!(
        "{} requests at the server = {} attempts observed + {} under way when dropped - {} unsent - {} that \
         never arrived + {} repeated by reqwest",
        number(requests),
        number(observed),
        number(under_way),
        number(unsent),
        number(never_arrived),
        number(repeated)
    );
    println!(
        "{} POSTs without a key, {} processed twice by attempts, {} by reqwest within an attempt",
        number(once),
        number(twice),
        number(twice_below)
    );
    let sent = (number(observed) + number(under_way) + number(repeated))
        .checked_sub(number(unsent) + number(never_arrived));
    if sent != Some(number(requests)) {
        wrong.push(format!("{sent:?} requests were sent"));
    }
    if number(hung) > 0 {
        wrong.push(format!("{} calls hung", number(hung)));
    }
    if after.tasks != before.tasks || after.sockets > before.sockets || after.threads > before.threads {
        wrong.push(format!("{before:?} before, and {after:?} after"));
    }
    _ = arguments;
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}
