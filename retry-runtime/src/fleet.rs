//! Shares the cooldowns of upstreams among the processes of a fleet, over Redis.
//!
//! Only what a server said of a wait is published: the happy path never gets here, and a call never
//! waits for Redis. A thread of its own holds the connection, so sync functions can share as well.
//! While Redis is down each process keeps to what it was told itself. An upstream knows nothing of
//! all this but that it has a hook.
//!
//! A cooldown is a key that expires with it, for processes that start later, and a message on a
//! channel of the same name. The message has the time left and not the end, so clocks need not
//! agree; zero says that the server takes requests again. The latest word counts, also a shorter
//! one, and none is believed beyond the upstream's longest wait, so a word that is forged or absurd
//! holds a process back for no longer than that, and keeps no other word from it. Nothing else is
//! stored: no URL, no header, no body.

use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::{MultiplexedConnection, PubSubSink};
use redis::{AsyncConnectionConfig, Client, RedisError, RedisResult, Script};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::engine::upstream::{Upstream, Word};
use crate::env::{self, Clock};

/// The prefix of all keys, with the version of the format.
const PREFIX: &str = "retry-http:cooldown:1:";
/// The longest wait for a response of Redis.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
/// The interval of pings, by which a lost connection is noticed.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// The bounds of the wait before connecting again.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The smallest change of the end of a cooldown that is worth a message.
const MIN_CHANGE: Duration = Duration::from_millis(100);

/// Sets a cooldown, or ends it, and publishes that.
const PUBLISH: &str = "
    if tonumber(ARGV[1]) > 0 then
        redis.call('SET', KEYS[1], '', 'PX', ARGV[1])
    else
        redis.call('DEL', KEYS[1])
    end
    redis.call('PUBLISH', KEYS[1], ARGV[1])
";

/// Shares the cooldowns of upstreams among processes, over Redis. If the server asks one process to
/// wait, the calls of the other processes wait as well.
///
/// All processes that connect to the same Redis form one fleet, and share the cooldowns of
/// upstreams with the same name. Budgets and [scopes](Upstream::scope) are not shared. A call never
/// waits for Redis. While Redis is not available, each process obeys only the hints that it gets
/// itself. Redis Cluster is not supported.
///
/// ```no_run
/// use retry_http::{Fleet, Upstream};
///
/// static GITHUB: Upstream = Upstream::new("github");
///
/// let fleet = Fleet::connect("redis://127.0.0.1/")?;
/// fleet.share(&GITHUB)?;
/// # Ok::<(), retry_http::FleetError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fleet {
    commands: UnboundedSender<Command>,
}

impl Fleet {
    /// Connects to Redis on a thread in the background, and again whenever the connection is lost.
    /// Returns before the connection is made. Logs with `tracing` when the connection is lost and
    /// when it is back. The URL may have credentials. A URL with TLS, `rediss://`, needs a TLS
    /// feature of the crate `redis`.
    ///
    /// # Errors
    ///
    /// Returns [`FleetError::Url`] if the URL is not a valid URL of Redis, and
    /// [`FleetError::Thread`] if the thread cannot be started.
    pub fn connect(url: &str) -> Result<Self, FleetError> {
        let client = Client::open(url).map_err(|_| FleetError::Url)?;
        let (commands, received) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|_| FleetError::Thread)?;
        std::thread::Builder::new()
            .name("retry-http fleet".to_owned())
            .spawn(move || runtime.block_on(Link::new(client, received).run()))
            .map_err(|_| FleetError::Thread)?;
        Ok(Self { commands })
    }

    /// Shares the cooldown of `upstream` under its name, for as long as the process runs.
    /// `upstream` is a reference to a `static` or an `Arc`, for example.
    ///
    /// # Errors
    ///
    /// Returns [`FleetError::Shared`] if the upstream is shared already.
    pub fn share<U>(&self, upstream: U) -> Result<(), FleetError>
    where
        U: Borrow<Upstream> + Send + Sync + 'static,
    {
        let (name, told) = (upstream.borrow().name(), Arc::<AtomicU64>::default());
        let member = Member { name, commands: self.commands.clone(), told: Arc::clone(&told) };
        let is_new = upstream.borrow().set_hook(Box::new(move |word| member.publish(word)));
        if !is_new {
            return Err(FleetError::Shared);
        }
        let shared = Shared { upstream: Arc::new(upstream), told, has_logged_doubt: false };
        // Without the thread the process is about to end.
        let _: Result<(), _> = self.commands.send(Command::Share(shared));
        Ok(())
    }
}

/// The error of a [`Fleet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FleetError {
    /// The URL is not a valid URL of Redis, or it needs a TLS feature of the crate `redis`.
    Url,
    /// The thread of the connection cannot be started.
    Thread,
    /// The upstream is shared already.
    Shared,
}

impl fmt::Display for FleetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Url => {
                "the URL is not one of Redis, or needs a TLS feature of `redis`: write `redis://host:port/`"
            }
            Self::Thread => "there is no thread left for the connection to Redis",
            Self::Shared => "this upstream is shared already: share it once",
        })
    }
}

impl std::error::Error for FleetError {}

/// The hook of a shared upstream.
#[derive(Debug)]
struct Member {
    name: &'static str,
    commands: UnboundedSender<Command>,
    /// The end of the cooldown that the fleet was told of last, in milliseconds.
    told: Arc<AtomicU64>,
}

impl Member {
    /// Publishes what the server said if it is news to the others. Never waits.
    fn publish(&self, word: Word) {
        let until = word.now.saturating_add(word.left);
        let end = milliseconds(until);
        if end.abs_diff(self.told.load(Ordering::Relaxed)) >= milliseconds(MIN_CHANGE) {
            self.told.store(end, Ordering::Relaxed);
            // Without the thread the process is about to end.
            let _: Result<(), _> = self.commands.send(Command::Publish(self.name, until));
        }
    }
}

/// A shared upstream, as the thread of the connection knows it.
struct Shared {
    upstream: Arc<dyn Borrow<Upstream> + Send + Sync>,
    /// The end of the cooldown that the fleet was told of last, in milliseconds.
    told: Arc<AtomicU64>,
    /// `true` once it was logged that a word is not believed.
    has_logged_doubt: bool,
}

enum Command {
    Share(Shared),
    /// Publishes the cooldown of the upstream with this name, and its end.
    Publish(&'static str, Duration),
}

/// Keeps up the connection to Redis.
struct Link {
    client: Client,
    commands: UnboundedReceiver<Command>,
    shared: Vec<Shared>,
    /// `true` once the loss of the connection was logged.
    has_logged_loss: bool,
    /// `true` once it was logged that Redis refuses cooldowns.
    has_logged_refusal: bool,
    /// The wait before connecting again.
    pause: Duration,
}

/// Ends a link: all senders of commands are gone.
struct Disconnected;

impl Link {
    fn new(client: Client, commands: UnboundedReceiver<Command>) -> Self {
        Self {
            client,
            commands,
            shared: Vec::new(),
            has_logged_loss: false,
            has_logged_refusal: false,
            pause: SHORTEST_PAUSE,
        }
    }

    async fn run(mut self) {
        loop {
            match self.session().await {
                Ok(Disconnected) => return,
                // The error itself may contain the address, so it is not logged.
                Err(error) if !self.has_logged_loss => {
                    self.has_logged_loss = true;
                    tracing::warn!(target: "retry_http", kind = ?error.kind(), "no Redis: cooldowns are not shared until it is back");
                }
                Err(_) => {}
            }
            if self.back_off().await.is_none() {
                return;
            }
        }
    }

    /// Waits before connecting again. Cooldowns that begin meanwhile are published then, if they
    /// still last. Returns `None` if the link ends.
    async fn back_off(&mut self) -> Option<()> {
        let sleep = env::sleep(self.pause);
        let mut sleep = std::pin::pin!(sleep);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        loop {
            tokio::select! {
                () = &mut sleep => return Some(()),
                command = self.commands.recv() => if let Command::Share(shared) = command? { self.shared.push(shared) },
            }
        }
    }

    /// Connects, and exchanges cooldowns until the connection is lost.
    async fn session(&mut self) -> RedisResult<Disconnected> {
        let (mut subscriber, mut messages) = with_timeout(self.client.get_async_pubsub()).await?.split();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(RESPONSE_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        let mut connection =
            with_timeout(self.client.get_multiplexed_async_connection_with_config(&config)).await?;
        for index in 0..self.shared.len() {
            self.join(&mut subscriber, &mut connection, index).await?;
        }
        if self.has_logged_loss {
            self.has_logged_loss = false;
            tracing::info!(target: "retry_http", "Redis is back: cooldowns are shared again");
        }
        self.pause = SHORTEST_PAUSE;
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        loop {
            tokio::select! {
                message = messages.next() => {
                    let Some(message) = message else { return Err(timed_out()) };
                    let text: String = message.get_payload().unwrap_or_default();
                    self.on_message(message.get_channel_name(), &text);
                }
                command = self.commands.recv() => match command {
                    None => return Ok(Disconnected),
                    Some(Command::Share(shared)) => {
                        self.shared.push(shared);
                        self.join(&mut subscriber, &mut connection, self.shared.len() - 1).await?;
                    }
                    Some(Command::Publish(name, until)) => self.publish(&mut connection, name, until).await?,
                },
                _ = heartbeat.tick() => {
                    let _: redis::Value = with_timeout(subscriber.ping()).await?;
                    let _: redis::Value = with_timeout(redis::cmd("PING").query_async(&mut connection)).await?;
                }
            }
        }
    }

    /// Takes over the shared cooldown of the upstream at `index`, and publishes its own.
    async fn join(
        &mut self,
        subscriber: &mut PubSubSink,
        connection: &mut MultiplexedConnection,
        index: usize,
    ) -> RedisResult<()> {
        let shared = &mut self.shared[index];
        let key = key(shared.upstream().name());
        with_timeout(subscriber.subscribe(&key)).await?;
        let left: i64 = with_timeout(redis::cmd("PTTL").arg(&key).query_async(connection)).await?;
        let now = Clock::Tokio.now().since_start();
        let own = shared.upstream().remaining_cooldown(now).unwrap_or_default();
        // Redis returns a negative number if there is no such key, or one that never ends. Which
        // word is the latest cannot be told, so the longer one counts.
        let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        if left > own.saturating_add(MIN_CHANGE) {
            shared.hear(left);
        }
        let (now, name) = (Clock::Tokio.now().since_start(), shared.upstream().name());
        match shared.upstream().remaining_cooldown(now) {
            // The key may last for longer than is believed.
            Some(wait) => self.publish(connection, name, now.saturating_add(wait)).await,
            None => Ok(()),
        }
    }

    /// Publishes a cooldown. If Redis responds but refuses it, as a replica or a full one does, the
    /// refusal is logged once, and messages are still received.
    async fn publish(
        &mut self,
        connection: &mut MultiplexedConnection,
        name: &str,
        until: Duration,
    ) -> RedisResult<()> {
        let wait = until.saturating_sub(Clock::Tokio.now().since_start());
        let script = Script::new(PUBLISH);
        let mut call = script.key(key(name));
        call.arg(milliseconds(wait));
        match with_timeout(call.invoke_async::<()>(connection)).await {
            Ok(()) => self.has_logged_refusal = false,
            Err(error) if error.is_io_error() || error.is_connection_dropped() || error.is_timeout() => {
                return Err(error);
            }
            Err(error) if !self.has_logged_refusal => {
                self.has_logged_refusal = true;
                tracing::warn!(target: "retry_http", kind = ?error.kind(), "Redis does not take a cooldown: others are not told of it");
            }
            Err(_) => {}
        }
        Ok(())
    }

    fn on_message(&mut self, channel: &str, message: &str) {
        let name = channel.strip_prefix(PREFIX);
        for shared in self.shared.iter_mut().filter(|shared| name == Some(shared.upstream().name())) {
            match message.parse() {
                Ok(left) => shared.hear(Duration::from_millis(left)),
                Err(_) => shared.doubt("a shared cooldown is no number of milliseconds: it is ignored"),
            }
        }
    }
}

impl Shared {
    fn upstream(&self) -> &Upstream {
        (*self.upstream).borrow()
    }

    /// Takes over what another process was told, if that is news. The messages of this process come
    /// back to it, and are none.
    fn hear(&mut self, left: Duration) {
        let longest = self.upstream().longest_wait();
        if left > longest {
            self.doubt("a shared cooldown is longer than is believed: it counts up to that");
        }
        let (now, left) = (Clock::Tokio.now().since_start(), left.min(longest));
        // What the server says of the wait next is compared with this.
        self.told.store(milliseconds(now.saturating_add(left)), Ordering::Relaxed);
        let own = self.upstream().remaining_cooldown(now).unwrap_or_default();
        if left.abs_diff(own) > MIN_CHANGE {
            self.upstream().hear(Word { now, left }, env::entropy());
        }
    }

    /// Logs a word that is not believed, the first time.
    fn doubt(&mut self, reason: &'static str) {
        if !self.has_logged_doubt {
            self.has_logged_doubt = true;
            let upstream = self.upstream();
            let longest = upstream.longest_wait().as_secs_f64();
            tracing::warn!(target: "retry_http", upstream = upstream.name(), longest, "{reason}");
        }
    }
}

fn key(name: &str) -> String {
    format!("{PREFIX}{name}")
}

async fn with_timeout<T>(response: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    env::timeout(RESPONSE_TIMEOUT, response).await.unwrap_or_else(|| Err(timed_out()))
}

fn timed_out() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(all(test, not(retry_loom)))]
mod tests {
    use super::*;

    fn shared(upstream: &'static Upstream) -> (Shared, UnboundedReceiver<Command>) {
        let (commands, received) = mpsc::unbounded_channel();
        let told = Arc::<AtomicU64>::default();
        let member = Member { name: upstream.name(), commands, told: Arc::clone(&told) };
        assert!(upstream.set_hook(Box::new(move |word| member.publish(word))));
        (Shared { upstream: Arc::new(upstream), told, has_logged_doubt: false }, received)
    }

    fn left(upstream: &Upstream) -> u64 {
        let left = upstream.remaining_cooldown(Clock::Tokio.now().since_start()).unwrap_or_default();
        // Rounded up, as the clock goes on.
        left.saturating_add(Duration::from_millis(900)).as_secs()
    }

    fn refuse(upstream: &Upstream, seconds: u64) {
        let now = Clock::Tokio.now().since_start();
        let (status, hint) = (http::StatusCode::TOO_MANY_REQUESTS, Duration::from_secs(seconds));
        upstream.ticket().on_refusal(status, hint, now, 0.0);
    }

    fn link(shared: Shared) -> Link {
        let client = Client::open("redis://127.0.0.1/").unwrap();
        let mut link = Link::new(client, mpsc::unbounded_channel().1);
        link.shared.push(shared);
        link
    }

    #[test]
    fn a_word_counts_up_to_the_longest_wait_and_the_latest_counts() {
        static API: Upstream = Upstream::new("fleet").longest(Duration::from_secs(40));
        let mut link = link(shared(&API).0);
        let channel = key("fleet");
        for (message, expected, has_doubt) in [
            ("20000", 20, false),
            ("5000", 5, false),
            ("0", 0, false),
            ("", 0, true),
            ("-1", 0, true),
            ("9000", 9, true),
            ("99999999999999999999999", 9, true),
            ("1e3", 9, true),
            ("18446744073709551615", 40, true),
            ("3000", 3, true),
        ] {
            link.on_message(&channel, message);
            assert_eq!((left(&API), link.shared[0].has_logged_doubt), (expected, has_doubt), "{message}");
        }
        link.on_message("retry-http:cooldown:1:other", "20000");
        assert_eq!(left(&API), 3);
    }

    #[test]
    fn a_word_is_published_unless_it_is_what_the_fleet_was_told_last() {
        static API: Upstream = Upstream::new("told");
        let (mut shared, mut received) = shared(&API);
        let mut is_published = || received.try_recv().is_ok();
        refuse(&API, 30);
        assert!(is_published());
        shared.hear(Duration::from_secs(30));
        refuse(&API, 30);
        assert!(!is_published(), "all know it");
        // Another process says that it is over, and then this one is told the same again.
        shared.hear(Duration::ZERO);
        refuse(&API, 30);
        assert!(is_published());
        // An absurd word silences nobody.
        shared.hear(Duration::MAX);
        assert_eq!(left(&API), 300);
        let mut probe = API.ticket();
        probe.begin_admitted(Clock::Tokio.now().since_start().saturating_add(Duration::from_millis(1)));
        let now = Clock::Tokio.now().since_start();
        probe.on_refusal(http::StatusCode::TOO_MANY_REQUESTS, Duration::from_secs(2), now, 0.0);
        assert!(is_published() && left(&API) == 2);
        let mut probe = API.ticket();
        probe.begin_admitted(now.saturating_add(Duration::from_millis(1)));
        probe.on_success(now.saturating_add(Duration::from_millis(2)));
        assert!(is_published() && left(&API) == 0, "a success is a shorter word, too");
    }
}
