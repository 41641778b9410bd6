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

/// Shares the cooldowns of upstreams among processes, over Redis.
///
/// One Redis is one fleet: all processes that connect to it share the upstreams that have the same
/// name. Clusters of Redis are not supported.
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
    /// Connects to Redis in the background, and again whenever the connection is lost. Logs by
    /// `tracing` when the connection is lost and when it is back. The URL may have credentials, and
    /// TLS: `rediss://`, which needs a TLS feature of `redis`.
    ///
    /// # Errors
    ///
    /// Returns [`FleetError::Url`] if the URL cannot be parsed, and [`FleetError::Thread`] if the
    /// system has no thread left.
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

    /// Shares the cooldowns of `upstream` under its name, for as long as the process runs.
    ///
    /// # Errors
    ///
    /// Returns [`FleetError::Shared`] if the upstream is shared already.
    pub fn share<U>(&self, upstream: U) -> Result<(), FleetError>
    where
        U: Borrow<Upstream> + Send + Sync + 'static,
    {
        let name = upstream.borrow().name();
        let member = Member { name, commands: self.commands.clone(), published: AtomicU64::new(0) };
        let is_new = upstream.borrow().set_hook(Box::new(move |word| member.publish(word)));
        if !is_new {
            return Err(FleetError::Shared);
        }
        // Without the thread the process is about to end.
        let _: Result<(), _> = self.commands.send(Command::Share(Arc::new(upstream)));
        Ok(())
    }
}

/// The reason why an upstream is not shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FleetError {
    /// The URL is not one of Redis.
    Url,
    /// The system has no thread left.
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

/// A shared upstream of this process.
#[derive(Debug)]
struct Member {
    name: &'static str,
    commands: UnboundedSender<Command>,
    /// The end of the cooldown that was published last, in milliseconds.
    published: AtomicU64,
}

impl Member {
    /// Publishes what the server said if it is news to the others. Never waits.
    fn publish(&self, word: Word) {
        let until = word.now.saturating_add(word.left);
        let end = milliseconds(until);
        let published = self.published.load(Ordering::Relaxed);
        if end.abs_diff(published) >= milliseconds(MIN_CHANGE) {
            self.published.store(end, Ordering::Relaxed);
            // Without the thread the process is about to end.
            let _: Result<(), _> = self.commands.send(Command::Publish(self.name, until));
        }
    }
}

type SharedUpstream = Arc<dyn Borrow<Upstream> + Send + Sync>;

enum Command {
    Share(SharedUpstream),
    /// Publishes the cooldown of the upstream with this name, and its end.
    Publish(&'static str, Duration),
}

/// Keeps up the connection to Redis.
struct Link {
    client: Client,
    commands: UnboundedReceiver<Command>,
    shared: Vec<SharedUpstream>,
    /// `true` once the loss of the connection was logged.
    has_logged_loss: bool,
    /// `true` once it was logged that Redis refuses cooldowns.
    has_logged_refusal: bool,
    /// `true` once it was logged that a cooldown is not believed.
    has_logged_doubt: bool,
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
            has_logged_doubt: false,
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
                command = self.commands.recv() => if let Command::Share(upstream) = command? { self.shared.push(upstream) },
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
        for upstream in self.shared.clone() {
            self.join(&mut subscriber, &mut connection, (*upstream).borrow()).await?;
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
                    Some(Command::Share(upstream)) => {
                        self.shared.push(Arc::clone(&upstream));
                        self.join(&mut subscriber, &mut connection, (*upstream).borrow()).await?;
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

    /// Takes over the shared cooldown of `upstream`, and publishes its own.
    async fn join(
        &mut self,
        subscriber: &mut PubSubSink,
        connection: &mut MultiplexedConnection,
        upstream: &Upstream,
    ) -> RedisResult<()> {
        let key = key(upstream.name());
        with_timeout(subscriber.subscribe(&key)).await?;
        let left: i64 = with_timeout(redis::cmd("PTTL").arg(&key).query_async(connection)).await?;
        let now = Clock::Tokio.now().since_start();
        let own = upstream.remaining_cooldown(now).unwrap_or_default();
        // Redis returns a negative number if there is no such key, or one that never ends. Which word
        // is the latest cannot be told, so the longer one counts.
        let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        if left > own.saturating_add(MIN_CHANGE) {
            self.hear(upstream, left);
        }
        let now = Clock::Tokio.now().since_start();
        match upstream.remaining_cooldown(now) {
            Some(wait) => self.publish(connection, upstream.name(), now.saturating_add(wait)).await,
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
        // A message that is no number is ignored.
        let Ok(left) = message.parse().map(Duration::from_millis) else { return };
        let named = |upstream: &&SharedUpstream| {
            let upstream: &Upstream = (***upstream).borrow();
            channel.strip_prefix(PREFIX) == Some(upstream.name())
        };
        for upstream in self.shared.iter().filter(named).cloned().collect::<Vec<_>>() {
            self.hear((*upstream).borrow(), left);
        }
    }

    /// Takes over what another process was told, if that is news. The messages of this process come
    /// back to it, and are none.
    fn hear(&mut self, upstream: &Upstream, left: Duration) {
        if left > upstream.longest_wait() && !self.has_logged_doubt {
            self.has_logged_doubt = true;
            tracing::warn!(
                target: "retry_http",
                upstream = upstream.name(),
                seconds = left.as_secs(),
                longest = upstream.longest_wait().as_secs(),
                "a shared cooldown is longer than is believed: it counts up to that"
            );
        }
        let now = Clock::Tokio.now().since_start();
        let own = upstream.remaining_cooldown(now).unwrap_or_default();
        if left.min(upstream.longest_wait()).abs_diff(own) > MIN_CHANGE {
            upstream.hear(Word { now, left }, env::entropy());
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
