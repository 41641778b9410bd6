//! A cooldown that all processes of a fleet share, over Redis.
//!
//! Only a refusal is told, and only what is told is heard: the happy path never gets here, and a call never waits for
//! Redis. A thread of its own speaks to it, so sync functions have a share as well. Where Redis is away each process goes
//! on with what it knows by itself.
//!
//! A cooldown is a key that expires with it, for those who come later, and a message on a channel of the same name, which says
//! how long it still is and not until when, so clocks need not agree. Nothing else is kept: no URL, no header, no body.
//!
//! One Redis is one fleet: processes that give an upstream the same name share it. Clusters of Redis are not spoken to.

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

use crate::engine::upstream::Upstream;
use crate::env::{self, Clock};

/// Before every name: nobody else's keys begin so. The number is that of the format.
const PREFIX: &str = "retry-http:cooldown:1:";
/// How long Redis has to answer, before it counts as away.
const ANSWERS: Duration = Duration::from_secs(2);
/// How often to see whether a connection that says nothing is still one.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long to wait before connecting anew, at first and at most.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A cooldown that is longer by less than this is no news, also to Redis.
const NEWS: Duration = Duration::from_millis(100);

/// Never shortens what is there.
const CLOSE: &str = "
    if redis.call('PTTL', KEYS[1]) + tonumber(ARGV[2]) <= tonumber(ARGV[1]) then
        redis.call('SET', KEYS[1], '', 'PX', ARGV[1])
        redis.call('PUBLISH', KEYS[1], ARGV[1])
    end
";

/// Processes that share the cooldowns of their upstreams, over Redis.
///
/// ```no_run
/// use retry_runtime::{Fleet, Upstream};
///
/// static GITHUB: Upstream = Upstream::new("github");
///
/// let fleet = Fleet::connect("redis://127.0.0.1/")?;
/// fleet.share(&GITHUB)?;
/// # Ok::<(), retry_runtime::FleetError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fleet {
    orders: UnboundedSender<Order>,
}

impl Fleet {
    /// Connects to Redis in the background, now and whenever the connection is lost; what becomes of that is in the log
    /// (`tracing`). The URL has credentials and TLS (`rediss://`, for which turn on a TLS feature of `redis`).
    ///
    /// # Errors
    ///
    /// [`FleetError::Url`] where the URL cannot be read; [`FleetError::Thread`] where the system has no thread left.
    pub fn connect(url: &str) -> Result<Self, FleetError> {
        let client = Client::open(url).map_err(|_| FleetError::Url)?;
        let (orders, received) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|_| FleetError::Thread)?;
        std::thread::Builder::new()
            .name("retry-http fleet".to_owned())
            .spawn(move || runtime.block_on(Link::new(client, received).keep()))
            .map_err(|_| FleetError::Thread)?;
        Ok(Self { orders })
    }

    /// From now on the cooldowns of `upstream` are those of the fleet, by its name. For as long as the process runs.
    ///
    /// # Errors
    ///
    /// [`FleetError::Shared`] where it is shared already.
    pub fn share<U>(&self, upstream: U) -> Result<(), FleetError>
    where
        U: Borrow<Upstream> + Send + Sync + 'static,
    {
        let name = upstream.borrow().name();
        let member = Member { name, orders: self.orders.clone(), told: AtomicU64::new(0) };
        let is_new = upstream.borrow().on_refusal(Box::new(move |now, wait| member.publish(now, wait)));
        if !is_new {
            return Err(FleetError::Shared);
        }
        // Where the thread is gone, the process is about to be.
        let _: Result<(), _> = self.orders.send(Order::Share(Arc::new(upstream)));
        Ok(())
    }
}

/// Why an upstream is not shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FleetError {
    /// When the URL is none of Redis.
    Url,
    /// When the system has no thread left.
    Thread,
    /// When the upstream is shared already.
    Shared,
}

impl fmt::Display for FleetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Url => {
                "the URL is none of Redis, or needs a TLS feature of `redis`: write `redis://host:port/`"
            }
            Self::Thread => "there is no thread left for the connection to Redis",
            Self::Shared => "this upstream is shared already: share it once",
        })
    }
}

impl std::error::Error for FleetError {}

/// The way of an upstream to the other processes.
#[derive(Debug)]
struct Member {
    name: &'static str,
    orders: UnboundedSender<Order>,
    /// Until when the others know, in milliseconds.
    told: AtomicU64,
}

impl Member {
    /// Tells the others, if it is news to them. Never waits.
    fn publish(&self, now: Duration, wait: Duration) {
        let until = now.saturating_add(wait);
        let (told, news) = (self.told.load(Ordering::Relaxed), milliseconds(until));
        if news >= told.saturating_add(milliseconds(NEWS)) {
            self.told.fetch_max(news, Ordering::Relaxed);
            // Where the thread is gone, the process is about to be.
            let _: Result<(), _> = self.orders.send(Order::Tell(self.name, until));
        }
    }
}

type SharedUpstream = Arc<dyn Borrow<Upstream> + Send + Sync>;

enum Order {
    Share(SharedUpstream),
    /// Until when an upstream is closed.
    Tell(&'static str, Duration),
}

/// The connection to Redis, while there is one.
struct Link {
    client: Client,
    orders: UnboundedReceiver<Order>,
    shared: Vec<SharedUpstream>,
    /// Whether the loss of the connection was said already, and that Redis does not take what it is told.
    said: bool,
    refused: bool,
    pause: Duration,
}

/// When nobody gives orders any more.
struct Abandoned;

impl Link {
    fn new(client: Client, orders: UnboundedReceiver<Order>) -> Self {
        Self { client, orders, shared: Vec::new(), said: false, refused: false, pause: SHORTEST_PAUSE }
    }

    async fn keep(mut self) {
        loop {
            match self.session().await {
                Ok(Abandoned) => return,
                // Not the error itself: it may name the address.
                Err(error) if !self.said => {
                    self.said = true;
                    tracing::warn!(target: "retry_http", kind = ?error.kind(), "no Redis: cooldowns are not shared until it is back");
                }
                Err(_) => {}
            }
            if self.rest().await.is_none() {
                return;
            }
        }
    }

    /// Waits before connecting anew. What is told meanwhile is told again by then, if it still counts.
    async fn rest(&mut self) -> Option<()> {
        let sleep = env::sleep(self.pause);
        let mut sleep = std::pin::pin!(sleep);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        loop {
            tokio::select! {
                () = &mut sleep => return Some(()),
                order = self.orders.recv() => if let Order::Share(upstream) = order? { self.shared.push(upstream) },
            }
        }
    }

    /// From connecting to losing the connection.
    async fn session(&mut self) -> RedisResult<Abandoned> {
        let (mut ears, mut heard) = in_time(self.client.get_async_pubsub()).await?.split();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWERS))
            .set_response_timeout(Some(ANSWERS));
        let mut mouth = in_time(self.client.get_multiplexed_async_connection_with_config(&config)).await?;
        for upstream in self.shared.clone() {
            self.join(&mut ears, &mut mouth, (*upstream).borrow()).await?;
        }
        if self.said {
            self.said = false;
            tracing::info!(target: "retry_http", "Redis is back: cooldowns are shared again");
        }
        self.pause = SHORTEST_PAUSE;
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        loop {
            tokio::select! {
                message = heard.next() => {
                    let Some(message) = message else { return Err(gone()) };
                    let text: String = message.get_payload().unwrap_or_default();
                    self.hear(message.get_channel_name(), &text);
                }
                order = self.orders.recv() => match order {
                    None => return Ok(Abandoned),
                    Some(Order::Share(upstream)) => {
                        self.shared.push(Arc::clone(&upstream));
                        self.join(&mut ears, &mut mouth, (*upstream).borrow()).await?;
                    }
                    Some(Order::Tell(name, until)) => self.tell(&mut mouth, name, until).await?,
                },
                _ = heartbeat.tick() => {
                    let _: redis::Value = in_time(ears.ping()).await?;
                    let _: redis::Value = in_time(redis::cmd("PING").query_async(&mut mouth)).await?;
                }
            }
        }
    }

    /// Learns what the others know of `upstream`, and tells them what is known here.
    async fn join(
        &mut self,
        ears: &mut PubSubSink,
        mouth: &mut MultiplexedConnection,
        upstream: &Upstream,
    ) -> RedisResult<()> {
        let key = key(upstream.name());
        in_time(ears.subscribe(&key)).await?;
        let left: i64 = in_time(redis::cmd("PTTL").arg(&key).query_async(mouth)).await?;
        // Negative where there is no such key.
        close(upstream, u64::try_from(left).unwrap_or(0));
        let now = Clock::Tokio.now().since_start();
        match upstream.cooling(now) {
            Some(wait) => self.tell(mouth, upstream.name(), now.saturating_add(wait)).await,
            None => Ok(()),
        }
    }

    /// Tells the others. Where Redis answers, but does not take it (it may be a replica, or full), that is said, and what
    /// the others tell is still heard.
    async fn tell(
        &mut self,
        mouth: &mut MultiplexedConnection,
        name: &str,
        until: Duration,
    ) -> RedisResult<()> {
        let wait = until.saturating_sub(Clock::Tokio.now().since_start());
        if wait.is_zero() {
            return Ok(());
        }
        let script = Script::new(CLOSE);
        let mut call = script.key(key(name));
        call.arg(milliseconds(wait).max(1)).arg(milliseconds(NEWS));
        match in_time(call.invoke_async::<()>(mouth)).await {
            Ok(()) => self.refused = false,
            Err(error) if error.is_io_error() || error.is_connection_dropped() || error.is_timeout() => {
                return Err(error);
            }
            Err(error) if !self.refused => {
                self.refused = true;
                tracing::warn!(target: "retry_http", kind = ?error.kind(), "Redis does not take a cooldown: others are not told of it");
            }
            Err(_) => {}
        }
        Ok(())
    }

    fn hear(&self, channel: &str, message: &str) {
        // What cannot be read is no cooldown.
        let Ok(left) = message.parse() else { return };
        for upstream in &self.shared {
            let upstream: &Upstream = (**upstream).borrow();
            if channel.strip_prefix(PREFIX) == Some(upstream.name()) {
                close(upstream, left);
            }
        }
    }
}

fn close(upstream: &Upstream, left: u64) {
    let (now, left) = (Clock::Tokio.now().since_start(), Duration::from_millis(left));
    // What this process has told comes back to it as well, and is no news.
    if left > upstream.cooling(now).unwrap_or_default().saturating_add(NEWS) {
        upstream.cool_until(now, now.saturating_add(left), env::entropy());
    }
}

fn key(name: &str) -> String {
    format!("{PREFIX}{name}")
}

async fn in_time<T>(answer: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    env::timeout(ANSWERS, answer).await.unwrap_or_else(|| Err(gone()))
}

fn gone() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
