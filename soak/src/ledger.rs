//! Counts each request twice, by the client and by the server, and compares the two.
//!
//! A request is named by its call and by the run of the body that sent it. The client notes each
//! run before it sends, and an observer notes how each attempt ended. The server notes each request
//! when it has read its head. A call is settled when it has ended or was dropped.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// The number of shards, so that threads rarely wait for each other.
const SHARDS: u64 = 64;
/// The time after which a request that was given up can no longer arrive.
const GRACE: Duration = Duration::from_secs(15);
/// The number of violations that are kept as texts.
const KEPT: usize = 20;

/// The kind of a call, as far as the number of its requests is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// May be processed several times.
    Safe,
    /// Has an idempotency key in each request.
    Keyed,
    /// Must not be processed twice.
    Once,
}

/// The fate of the request of an attempt, as the client knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The server has got it.
    Arrived,
    /// It was not sent.
    Unsent,
    /// It was given up, by a time limit or a drop, before an answer came.
    Unknown,
}

/// Whether a layer below the attribute repeats requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// Each attempt is one request.
    Never,
    /// reqwest repeats what HTTP/2 says was not processed.
    ByReqwest,
}

struct Record {
    kind: Kind,
    /// The runs whose requests have arrived, as bits.
    arrived: u64,
    /// The runs whose requests may still arrive after the end of the call, as bits.
    awaited: u64,
    /// The runs whose requests the server has processed, or may have.
    processed: Vec<u32>,
    key: Option<String>,
}

/// Numbers of all calls.
#[derive(Default, Debug)]
pub struct Totals {
    /// Calls that have ended.
    pub ended: AtomicU64,
    /// Calls that were dropped.
    pub dropped: AtomicU64,
    /// Calls that were given more time than any call may take.
    pub hung: AtomicU64,
    /// Calls of `Kind::Once`.
    pub once: AtomicU64,
    /// Calls of `Kind::Once` that were processed twice, by requests of one attempt.
    pub twice_below: AtomicU64,
    /// Calls of `Kind::Once` that were processed twice, by several attempts.
    pub twice: AtomicU64,
    /// Attempts that observers saw.
    pub observed: AtomicU64,
    /// Attempts that were under way when their call was dropped.
    pub under_way: AtomicU64,
    /// Attempts whose request was not sent.
    pub unsent: AtomicU64,
    /// Attempts that were given up before their request arrived.
    pub never_arrived: AtomicU64,
    /// Requests that the server has got.
    pub requests: AtomicU64,
    /// Requests of an attempt beyond its first.
    pub repeated: AtomicU64,
}

pub struct Ledger {
    repeats: Repeats,
    shards: Vec<Mutex<HashMap<u64, Record>>>,
    awaited: Mutex<VecDeque<(Instant, u64)>>,
    violations: Mutex<(u64, Vec<String>)>,
    pub totals: Totals,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panics under the lock")
}

fn bits(runs: u32) -> u64 {
    assert!(runs < 64, "no call has so many attempts");
    (1 << runs) - 1
}

impl Ledger {
    pub fn new(repeats: Repeats) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        let (awaited, violations, totals) = (Mutex::default(), Mutex::default(), Totals::default());
        Self { repeats, shards, awaited, violations, totals }
    }

    fn shard(&self, call: u64) -> MutexGuard<'_, HashMap<u64, Record>> {
        let index = usize::try_from(call % SHARDS).expect("a small number");
        lock(&self.shards[index])
    }

    fn complain(&self, call: u64, text: &str) {
        let mut violations = lock(&self.violations);
        violations.0 += 1;
        if violations.1.len() < KEPT {
            violations.1.push(format!("call {call:#x}: {text}"));
        }
    }

    /// Returns the number of violations, and the first of them.
    pub fn violations(&self) -> (u64, Vec<String>) {
        lock(&self.violations).clone()
    }

    /// Begins a call.
    pub fn begin(&self, call: u64, kind: Kind) {
        let record = Record { kind, arrived: 0, awaited: 0, processed: Vec::new(), key: None };
        if kind == Kind::Once {
            self.totals.once.fetch_add(1, Relaxed);
        }
        assert!(self.shard(call).insert(call, record).is_none(), "calls have different numbers");
    }

    /// Notes a request at the server.
    pub fn arrive(&self, call: u64, run: u32, key: Option<&str>) {
        self.totals.requests.fetch_add(1, Relaxed);
        let mut shard = self.shard(call);
        let Some(record) = shard.get_mut(&call) else {
            drop(shard);
            return self.complain(call, "a request arrived after its call was settled");
        };
        let bit = 1 << run;
        let is_repeated = record.arrived & bit != 0;
        record.arrived |= bit;
        let is_other_key = match (record.kind, key, &record.key) {
            (Kind::Keyed, Some(key), Some(first)) => key != first,
            (Kind::Keyed, None, _) | (Kind::Safe | Kind::Once, Some(_), _) => true,
            _ => false,
        };
        if record.key.is_none() {
            record.key = key.map(str::to_owned);
        }
        drop(shard);
        if is_repeated {
            self.totals.repeated.fetch_add(1, Relaxed);
            if self.repeats == Repeats::Never {
                self.complain(call, "an attempt sent two requests");
            }
        }
        if is_other_key {
            self.complain(call, "the key is not that of the call");
        }
    }

    /// Notes that the server has processed a request, or that a client cannot know that it has not.
    pub fn process(&self, call: u64, run: u32) {
        if let Some(record) = self.shard(call).get_mut(&call)
            && record.kind == Kind::Once
        {
            record.processed.push(run);
        }
    }

    /// Settles a call whose body ran `runs` times. `observed` has the attempts that its observer
    /// saw.
    pub fn settle(&self, call: u64, runs: u32, observed: &[Fate], has_ended: bool) {
        let totals = &self.totals;
        let seen = u32::try_from(observed.len()).expect("a small number");
        if has_ended {
            totals.ended.fetch_add(1, Relaxed);
        } else {
            totals.dropped.fetch_add(1, Relaxed);
        }
        let under_way = runs.saturating_sub(seen);
        if runs < seen || under_way > u32::from(!has_ended) {
            self.complain(call, &format!("{runs} runs of the body, but {seen} attempts were observed"));
        }
        totals.observed.fetch_add(u64::from(seen), Relaxed);
        totals.under_way.fetch_add(u64::from(under_way), Relaxed);

        let mut shard = self.shard(call);
        let record = shard.get_mut(&call).expect("it has begun");
        let (mut lost, mut unsent, mut unexpected) = (0, 0, 0_u64);
        for (run, fate) in observed.iter().copied().chain([Fate::Unknown]).take(runs as usize).enumerate() {
            let has_arrived = record.arrived & (1 << run) != 0;
            match fate {
                Fate::Arrived if !has_arrived => lost += 1,
                Fate::Unsent if has_arrived => unexpected += 1,
                Fate::Unsent => unsent += 1,
                Fate::Unknown if !has_arrived => record.awaited |= 1 << run,
                _ => {}
            }
        }
        if record.arrived & !bits(runs) != 0 {
            unexpected += 1;
        }
        let is_awaited = record.awaited != 0;
        // Something that arrived may still be processed, so all unsafe calls wait.
        let is_kept = is_awaited || record.kind == Kind::Once;
        if !is_kept {
            shard.remove(&call);
        }
        drop(shard);
        totals.unsent.fetch_add(unsent, Relaxed);
        if lost > 0 || unexpected > 0 {
            self.complain(
                call,
                &format!("{lost} requests are lost, {unexpected} unexpected, by {observed:?}"),
            );
        }
        if is_kept {
            lock(&self.awaited).push_back((Instant::now(), call));
        }
        self.forget(GRACE);
    }

    /// Forgets all calls, and frees the tables, which are as large as most calls at once have
    /// needed.
    pub fn rest(&self) {
        self.forget(Duration::ZERO);
        self.shards.iter().for_each(|shard| lock(shard).shrink_to_fit());
        lock(&self.awaited).shrink_to_fit();
    }

    /// Forgets the calls that were settled at least `age` ago.
    fn forget(&self, age: Duration) {
        loop {
            let mut awaited = lock(&self.awaited);
            let Some(&(_, call)) = awaited.front().filter(|(settled, _)| settled.elapsed() >= age) else {
                return;
            };
            awaited.pop_front();
            drop(awaited);
            let record = self.shard(call).remove(&call).expect("it is forgotten once");
            let never = (record.awaited & !record.arrived).count_ones();
            self.totals.never_arrived.fetch_add(u64::from(never), Relaxed);
            if let [first, .., last] = record.processed[..] {
                let is_below = record.processed.iter().all(|run| *run == first);
                let twice = if is_below { &self.totals.twice_below } else { &self.totals.twice };
                twice.fetch_add(1, Relaxed);
                if !is_below || self.repeats == Repeats::Never {
                    self.complain(call, &format!("processed by the attempts {first} and {last}"));
                }
            }
        }
    }
}
