//! Thousands of concurrent calls against a server of random faults, over real sockets.
//!
//! `cargo run --release -p soak -- --seed 1 --seconds 120 --callers 5000`
//!
//! Asserts that the server has got exactly the requests of the attempts that observers saw, that no
//! POST without a key is processed twice, that every call ends, and that nothing is left over:
//! bytes on the heap, threads, sockets and tasks, between four rounds. Some calls are dropped by
//! the caller at a random moment. What a call does, and how its requests are answered, depends on
//! the seed.
//!
//! `--http2` speaks HTTP/2, over a connection for each twenty callers. `--posts` sends POSTs
//! without a key only. `--by-hand` sends GETs by a loop that is written by hand, to compare the
//! meters. `--reqwest-repeats` leaves on what reqwest repeats by itself over HTTP/2. Then the
//! requests of an attempt are counted, and are not asserted to be one.

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
/// The pause between two lines that show how busy the process is.
const PRINT: Duration = Duration::from_secs(10);
/// The number of rounds. Between them all calls have ended, so that what is left can be compared.
const ROUNDS: u64 = 4;

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
    let (start, before) = (Instant::now(), Sample::take(Duration::ZERO, handles)?);
    // Beyond the numbers of all callers.
    let logins = Arc::new(AtomicU64::new(1 << 63));

    let mut rests = Vec::new();
    for round in 0..ROUNDS {
        let is_over = Arc::new(AtomicBool::new(false));
        let apis = apis(arguments, &ledger, &logins, &base)?;
        for caller in 0..u64::from(arguments.callers) {
            let api = Arc::clone(&apis[usize::try_from(caller)? % apis.len()]);
            let first = caller << 32 | round << 24;
            clients.spawn(callers::run(api, arguments, first, Arc::clone(&is_over)));
        }
        drop(apis);
        sample(start, arguments.time / u32::try_from(ROUNDS)?, &server, handles)?;
        is_over.store(true, Relaxed);
        wait_for_rest(&before, &server, handles)?;
        ledger.rest();
        let rest = Sample::take(start.elapsed(), handles)?;
        rest.print("at rest");
        rests.push(rest);
    }
    serving.abort();
    report(&ledger, &before, &rests)
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

/// Returns the clients of the service.
fn apis(
    arguments: Arguments,
    ledger: &Arc<Ledger>,
    logins: &Arc<AtomicU64>,
    base: &str,
) -> reqwest::Result<Vec<Arc<Api>>> {
    let count = match arguments.protocol {
        Protocol::Http1 => 1,
        Protocol::Http2 => arguments.callers.div_ceil(SHARING),
    };
    let credentials = Arc::new(AtomicU64::new(0));
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
            logins: Arc::clone(logins),
        }))
    };
    (0..count).map(api).collect()
}

/// Prints a sample each ten seconds, and lets the credentials expire.
fn sample(start: Instant, time: Duration, server: &Server, runtimes: [&Handle; 2]) -> std::io::Result<()> {
    let (begun, mut expired, mut printed) = (Instant::now(), Instant::now(), None);
    while begun.elapsed() < time {
        sleep(Duration::from_millis(200).min(time.saturating_sub(begun.elapsed())));
        if expired.elapsed() >= EXPIRY {
            server.expire();
            expired = Instant::now();
        }
        if printed.is_none_or(|printed: Instant| printed.elapsed() >= PRINT) && begun.elapsed() > time / 2 {
            Sample::take(start.elapsed(), runtimes)?.print("busy");
            printed = Some(Instant::now());
        }
    }
    Ok(())
}

/// Waits until all calls have ended and all connections are closed.
fn wait_for_rest(before: &Sample, server: &Server, runtimes: [&Handle; 2]) -> std::io::Result<()> {
    let start = Instant::now();
    loop {
        let sample = Sample::take(start.elapsed(), runtimes)?;
        let is_quiet = sample.tasks == before.tasks && server.busy.load(Relaxed) == 0;
        if is_quiet || start.elapsed() > Duration::from_secs(90) {
            return Ok(());
        }
        sleep(Duration::from_millis(100));
    }
}

/// Prints the numbers, and returns an error if they are not as promised.
fn report(ledger: &Ledger, before: &Sample, rests: &[Sample]) -> Result<(), Box<dyn Error>> {
    let (count, mut wrong) = ledger.violations();
    if count > 0 {
        wrong.push(format!("{count} violations"));
    }
    wrong.extend(growth(before, rests));
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
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}
