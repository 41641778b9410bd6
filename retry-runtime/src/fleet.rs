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
//! holds a process back for no longer than that, and keeps no other word from it. Words that are
//! told faster than Redis takes them replace each other. Nothing else is stored: no URL, no header,
//! no body.

use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
/// If the server asks one process to wait, the calls of the other processes wait as well.
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
        let (outbox, commands) = (Arc::<Outbox>::default(), self.commands.clone());
        let told = Arc::clone(&outbox);
        let is_new = upstream.borrow().set_hook(Box::new(move |word| {
            if told.put(word) {
                // Without the thread the process is about to end.
                let _: Result<(), _> = commands.send(Command::Publish(Arc::clone(&told)));
            }
        }));
        if !is_new {
            return Err(FleetError::Shared);
        }
        let _: Result<(), _> = self.commands.send(Command::Share(Shared::new(Box::new(upstream), outbox)));
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
                "the URL is not a URL of Redis, or needs a TLS feature of the crate `redis`: write `redis://host:port/`"
            }
            Self::Thread => "the thread of the connection to Redis cannot be started",
            Self::Shared => "this upstream is shared already: share it once",
        })
    }
}

impl std::error::Error for FleetError {}

/// The latest word of a server that is not published yet.
///
/// Calls on many threads tell of words, and not always in the order in which the server said them.
#[derive(Debug, Default)]
pub(crate) struct Outbox(Mutex<Latest>);

#[derive(Debug, Default)]
struct Latest {
    /// The time of the latest word, published or not.
    told_at: Duration,
    word: Option<Word>,
}

impl Outbox {
    /// Puts in a word, unless a later one was told. Returns `true` if the outbox was empty, so that
    /// somebody must be sent to take it out.
    fn put(&self, word: Word) -> bool {
        let mut latest = self.lock();
        if word.now < latest.told_at {
            return false;
        }
        latest.told_at = word.now;
        latest.word.replace(word).is_none()
    }

    fn take(&self) -> Option<Word> {
        self.lock().word.take()
    }

    fn lock(&self) -> MutexGuard<'_, Latest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An upstream that is shared, as the link sees it. Visible in the crate for `fuzz/`.
pub(crate) struct Shared {
    upstream: Box<dyn Borrow<Upstream> + Send + Sync>,
    outbox: Arc<Outbox>,
    /// The end of the cooldown by the last word on the channel, whoever published it.
    known_until: Duration,
    /// `true` once it was logged that a word is not believed.
    has_logged_doubt: bool,
}

enum Command {
    Share(Shared),
    /// Publishes the word in the outbox of an upstream.
    Publish(Arc<Outbox>),
}

impl Shared {
    pub(crate) fn new(upstream: Box<dyn Borrow<Upstream> + Send + Sync>, outbox: Arc<Outbox>) -> Self {
        Self { upstream, outbox, known_until: Duration::ZERO, has_logged_doubt: false }
    }

    pub(crate) fn upstream(&self) -> &Upstream {
        (*self.upstream).borrow()
    }

    /// Returns `true` if the fleet does not know of this end of the cooldown.
    pub(crate) fn is_news(&self, until: Duration) -> bool {
        until.abs_diff(self.known_until) >= MIN_CHANGE
    }

    /// Takes over the message of a process, if it is news. Those of this process come back to it,
    /// and are none.
    pub(crate) fn on_message(&mut self, message: Option<&str>, now: Duration) {
        let Some(left) = message.and_then(|left| left.parse().ok()).map(Duration::from_millis) else {
            return self.log_doubt("not a number of milliseconds, and is ignored");
        };
        self.known_until = now.saturating_add(left);
        self.hear(left, now);
    }

    /// Takes over what another process was told, if that is news.
    fn hear(&mut self, left: Duration, now: Duration) {
        if left > self.upstream().longest_wait() {
            self.log_doubt("longer than `longest`, and is cut to that");
        }
        let upstream = self.upstream();
        let own = upstream.remaining_cooldown_at(now).unwrap_or_default();
        if left.min(upstream.longest_wait()).abs_diff(own) > MIN_CHANGE {
            upstream.hear(Word { now, left }, env::entropy());
        }
    }

    /// Logs once what a message is that is not believed. It may be anything, so it is not logged
    /// itself.
    fn log_doubt(&mut self, reason: &str) {
        if !std::mem::replace(&mut self.has_logged_doubt, true) {
            tracing::warn!(
                target: "retry_http",
                upstream = self.upstream().name(),
                longest = self.upstream().longest_wait().as_secs_f64(),
                "a shared cooldown is {reason}"
            );
        }
    }
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
                    tracing::warn!(target: "retry_http", kind = ?error.kind(), "Redis is not available: cooldowns are not shared until it is back");
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
                command = self.commands.recv() => match command? {
                    Command::Share(shared) => self.shared.push(shared),
                    Command::Publish(outbox) => _ = outbox.take(),
                },
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
        for at in 0..self.shared.len() {
            self.join(&mut subscriber, &mut connection, at).await?;
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
                    let text: Option<String> = message.get_payload().ok();
                    self.on_message(message.get_channel_name(), text.as_deref());
                }
                command = self.commands.recv() => match command {
                    None => return Ok(Disconnected),
                    Some(Command::Share(shared)) => {
                        self.shared.push(shared);
                        self.join(&mut subscriber, &mut connection, self.shared.len() - 1).await?;
                    }
                    Some(Command::Publish(outbox)) => self.publish_word(&mut connection, &outbox).await?,
                },
                _ = heartbeat.tick() => {
                    let _: redis::Value = with_timeout(subscriber.ping()).await?;
                    let _: redis::Value = with_timeout(redis::cmd("PING").query_async(&mut connection)).await?;
                }
            }
        }
    }

    /// Takes over the shared cooldown of an upstream, and publishes its own.
    async fn join(
        &mut self,
        subscriber: &mut PubSubSink,
        connection: &mut MultiplexedConnection,
        at: usize,
    ) -> RedisResult<()> {
        let name = self.shared[at].upstream().name();
        let key = key(name);
        with_timeout(subscriber.subscribe(&key)).await?;
        let left: i64 = with_timeout(redis::cmd("PTTL").arg(&key).query_async(connection)).await?;
        let now = Clock::Tokio.now().since_start();
        let shared = &mut self.shared[at];
        // Redis returns a negative number if there is no such key, or one that never ends.
        let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        shared.known_until = now.saturating_add(left);
        let own = shared.upstream().remaining_cooldown_at(now).unwrap_or_default();
        // Which word is the latest cannot be told, so the longer one counts.
        if left > own {
            shared.hear(left, now);
        }
        // What was told while there was no connection is part of its own.
        shared.outbox.take();
        match shared.upstream().remaining_cooldown_at(now) {
            Some(own) => self.publish(connection, at, now.saturating_add(own)).await,
            None => Ok(()),
        }
    }

    /// Publishes the word in the outbox of an upstream.
    async fn publish_word(
        &mut self,
        connection: &mut MultiplexedConnection,
        outbox: &Arc<Outbox>,
    ) -> RedisResult<()> {
        let at = self.shared.iter().position(|shared| Arc::ptr_eq(&shared.outbox, outbox));
        match at.zip(outbox.take()) {
            Some((at, Word { now, left })) => self.publish(connection, at, now.saturating_add(left)).await,
            None => Ok(()),
        }
    }

    /// Publishes the end of a cooldown, if that is news. If Redis responds but refuses it, as a
    /// replica or a full one does, the refusal is logged once, and messages are still received.
    async fn publish(
        &mut self,
        connection: &mut MultiplexedConnection,
        at: usize,
        until: Duration,
    ) -> RedisResult<()> {
        let shared = &mut self.shared[at];
        if !shared.is_news(until) {
            return Ok(());
        }
        let wait = until.saturating_sub(Clock::Tokio.now().since_start());
        let script = Script::new(PUBLISH);
        let mut call = script.key(key(shared.upstream().name()));
        call.arg(milliseconds(wait));
        match with_timeout(call.invoke_async::<()>(connection)).await {
            Ok(()) => {
                shared.known_until = until;
                self.has_logged_refusal = false;
            }
            Err(error) if error.is_io_error() || error.is_connection_dropped() || error.is_timeout() => {
                return Err(error);
            }
            Err(error) if !self.has_logged_refusal => {
                self.has_logged_refusal = true;
                tracing::warn!(target: "retry_http", kind = ?error.kind(), "Redis refuses a cooldown, so it is not shared");
            }
            Err(_) => {}
        }
        Ok(())
    }

    /// Hands a message to the upstreams whose channel it came on.
    fn on_message(&mut self, channel: &str, message: Option<&str>) {
        let now = Clock::Tokio.now().since_start();
        let name = channel.strip_prefix(PREFIX);
        for shared in self.shared.iter_mut().filter(|shared| name == Some(shared.upstream().name())) {
            shared.on_message(message, now);
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
    use http::StatusCode;

    const START: Duration = Duration::from_secs(1000);

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn word(now: u64, left: u64) -> Word {
        Word { now: START + s(now), left: s(left) }
    }

    fn shared() -> Shared {
        Shared::new(Box::new(Upstream::new("api").longest(s(60))), Arc::default())
    }

    fn left(shared: &Shared, now: u64) -> Option<Duration> {
        shared.upstream().remaining_cooldown_at(START + s(now))
    }

    #[test]
    fn the_latest_word_is_published_in_whatever_order_calls_tell_of_them() {
        let outbox = Outbox::default();
        assert!(outbox.put(word(2, 0)));
        assert!(!outbox.put(word(1, 60)), "an earlier one");
        assert_eq!(outbox.take(), Some(word(2, 0)));
        assert!(!outbox.put(word(1, 60)), "an earlier one than was published");
        assert_eq!(outbox.take(), None);
        assert!(outbox.put(word(3, 30)));
        // However many they are, nobody else is sent for them.
        assert!((4..10_000).all(|now| !outbox.put(word(now, 30))));
        assert_eq!(outbox.take(), Some(word(9_999, 30)));
        assert!(outbox.put(word(10_000, 0)));
    }

    #[test]
    fn a_message_counts_up_to_the_longest_wait_and_the_latest_one_counts() {
        let mut shared = shared();
        for (message, expected) in [
            ("30000", Some(s(30))),
            ("18446744073709551615", Some(s(60))),
            ("99999999999999999999999", Some(s(60))),
            ("nonsense", Some(s(60))),
            ("-1", Some(s(60))),
            ("", Some(s(60))),
            ("5000", Some(s(5))),
            ("0", None),
            ("0", None),
        ] {
            shared.on_message(Some(message), START);
            assert_eq!(left(&shared, 0), expected, "{message:?}");
        }
        shared.on_message(None, START);
        assert_eq!(left(&shared, 0), None);
    }

    #[test]
    fn forged_messages_silence_no_word_of_the_server() {
        let mut shared = shared();
        shared.on_message(Some("18446744073709551615"), START);
        // Whatever the server says then is news to the fleet.
        assert!(shared.is_news(START + s(60)) && shared.is_news(START));
        let mut ticket = shared.upstream().ticket();
        ticket.on_refusal(StatusCode::TOO_MANY_REQUESTS, s(20), START + s(61), 0.5);
        assert_eq!(left(&shared, 61), Some(s(20)));
    }

    #[test]
    fn an_end_that_another_process_has_revoked_is_news_again() {
        let mut shared = shared();
        shared.on_message(Some("30000"), START);
        assert!(!shared.is_news(START + s(30)));
        shared.on_message(Some("0"), START + s(1));
        // The server says the rest of it, to a request that was sent then.
        assert!(shared.is_news(START + s(30)));
    }

    #[test]
    fn a_doubt_is_logged_once_for_each_upstream() {
        let mut shared = [shared(), shared()];
        for shared in &mut shared {
            assert!(!shared.has_logged_doubt);
            shared.on_message(Some("60000"), START);
            assert!(!shared.has_logged_doubt);
            shared.on_message(Some("60001"), START);
            assert!(shared.has_logged_doubt);
        }
    }

    #[test]
    fn a_message_is_for_the_upstreams_of_its_channel() {
        let client = Client::open("redis://127.0.0.1/").unwrap();
        let mut link = Link::new(client, mpsc::unbounded_channel().1);
        link.shared.push(Shared::new(Box::new(Upstream::new("api")), Arc::default()));
        link.shared.push(Shared::new(Box::new(Upstream::new("other")), Arc::default()));
        link.on_message(&key("api"), Some("20000"));
        let now = Clock::Tokio.now().since_start();
        let is_held = |at: usize| link.shared[at].upstream().remaining_cooldown_at(now).is_some();
        assert_eq!([is_held(0), is_held(1)], [true, false]);
    }

    #[test]
    fn what_the_server_says_is_published_unless_the_fleet_knows_it() {
        let mut shared = shared();
        let told = Arc::clone(&shared.outbox);
        assert!(shared.upstream().set_hook(Box::new(move |word| _ = told.put(word))));
        let refuse = |shared: &Shared, sent: u64, now: u64, hint: u64| {
            let mut ticket = shared.upstream().ticket();
            ticket.begin_admitted(START + s(sent));
            ticket.on_refusal(StatusCode::TOO_MANY_REQUESTS, s(hint), START + s(now), 0.0);
        };
        let published = |shared: &Shared| {
            let word = shared.outbox.take()?;
            shared.is_news(word.now.saturating_add(word.left)).then_some(word)
        };
        refuse(&shared, 0, 1, 30);
        assert_eq!(published(&shared), Some(word(1, 30)));
        shared.on_message(Some("30000"), START + s(1));
        refuse(&shared, 2, 3, 28);
        assert_eq!(published(&shared), None, "all know it");
        shared.on_message(Some("0"), START + s(4));
        refuse(&shared, 5, 6, 25);
        assert_eq!(published(&shared), Some(word(6, 25)), "another process said that it was over");
        // An absurd word silences nobody, and a shorter one and a success are words, too.
        shared.on_message(Some("18446744073709551615"), START + s(7));
        refuse(&shared, 8, 9, 2);
        assert_eq!(published(&shared), Some(word(9, 2)));
        let mut ticket = shared.upstream().ticket();
        ticket.begin_admitted(START + Duration::from_millis(9_500));
        ticket.on_success(START + s(10));
        assert_eq!(published(&shared), Some(word(10, 0)));
    }
}
