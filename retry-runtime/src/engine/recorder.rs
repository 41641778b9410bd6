//! The recorder: the exchanges of one attempt, written down while it runs.
//!
//! Exchanges have numbers in the order in which they begin and end, in all of the process, so that those of inner and outer
//! calls compare. A recorder keeps 64 exchanges, and folds the oldest ended one into a summary, so that a body that sends for
//! days does not grow.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method, StatusCode};

use crate::engine::exchange::{Exchange, IDEMPOTENCY_KEY, is_idempotent};
use crate::engine::hint;
use crate::engine::policy::failure::{Failure, FailureSet};
use crate::engine::policy::rules::is_retryable;
use crate::engine::report::{By, Report};

/// How many exchanges are kept whole.
const KEPT: usize = 64;

/// The answers whose hints are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Hints {
    /// Those that a policy may list.
    #[default]
    OfRetryable,
    /// All.
    OfAll,
}

/// The exchanges of one attempt.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    /// In the order in which they were recorded: an inner call's follow when it ends.
    exchanges: Vec<Recorded>,
    /// Those that are no longer kept.
    folded: Option<Box<Folded>>,
}

/// One exchange of an attempt.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    /// The number of its beginning.
    pub(crate) began: u64,
    /// The number of its end, once it has one.
    pub(crate) ended: Option<NonZeroU64>,
    pub(crate) progress: Progress,
    pub(crate) mark: Mark,
    /// Whether it was answered from another URL, or failed there: the request itself was received.
    pub(crate) is_redirected: bool,
    /// Whether reading its answer was given up half way.
    pub(crate) is_cut: bool,
    /// Whether its answer was read to the end.
    pub(crate) is_read: bool,
    pub(crate) exchange: Exchange,
    /// Hashes of the URL that it was sent to, and of the one that answered or failed. The first does not matter for a request
    /// that is safe to repeat.
    pub(crate) url: Option<NonZeroU64>,
    pub(crate) answered_by: Option<NonZeroU64>,
    /// The address of its answer, while that lives.
    pub(crate) answer: usize,
    /// The idempotency key that a call gave it.
    pub(crate) key: Option<Box<Key>>,
    /// The host, where somebody wants to know.
    pub(crate) host: Option<Box<str>>,
    /// The address of the upstream that an inner call has reported it to.
    pub(crate) reported_to: Option<NonZeroUsize>,
}

/// How far an exchange came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It is under way, or nobody knows what became of it.
    Open,
    /// The head of an answer came.
    Answered,
    /// It failed without an answer.
    Failed,
    /// It was dropped before its answer.
    Dropped,
}

/// The decision of an inner call about an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Nothing: it is for the call around to decide.
    None,
    /// It is to be retried, after a wait that is not over.
    Waiting,
    /// It was retried, after the wait that it asked for.
    Retried,
    /// It was decided about: it is not retried again.
    Settled,
    /// The inner call succeeded all the same.
    Succeeded,
}

/// The idempotency key of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// The number of the call that it belongs to.
    pub(crate) call: u64,
    /// A hash of the method and path.
    pub(crate) request: u64,
}

/// A request that is about to be sent.
#[derive(Debug)]
pub struct Prepared {
    method: Method,
    is_keyed: bool,
    idempotent: Option<bool>,
    url: Option<NonZeroU64>,
    key: Option<Box<Key>>,
}

/// A summary of the exchanges that are not kept whole.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Folded {
    /// Whether one may have done something that must not be done twice.
    pub(crate) is_unsafe: bool,
    /// Whether one did something under a key of a call.
    pub(crate) is_keyed: bool,
    /// Whether one that is safe to repeat did something.
    pub(crate) is_done: bool,
    /// Whether two with one key overlapped.
    pub(crate) has_overlap: bool,
    /// Whether one succeeded.
    pub(crate) has_succeeded: bool,
    /// The longest hint of a failure.
    pub(crate) hint: Option<Duration>,
}

/// The number after all that were given before.
pub(crate) fn next_number() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

impl Prepared {
    /// A request by `method` to `url`. `idempotent` says whether it is safe to repeat, where that is not by its method.
    #[inline]
    pub(crate) fn new(method: &Method, headers: &HeaderMap, url: &str, idempotent: Option<bool>) -> Self {
        let is_safe = idempotent.unwrap_or_else(|| is_idempotent(method));
        // Only a request that is not safe anyway needs the look-ups.
        Self {
            method: method.clone(),
            is_keyed: !is_safe && headers.contains_key(IDEMPOTENCY_KEY),
            idempotent,
            url: (!is_safe).then(|| hash_url(url)),
            key: None,
        }
    }

    /// Whether the request is safe to repeat, by its method or by what is known of it, or has a key of its own.
    pub(crate) fn needs_no_key(&self) -> bool {
        self.is_keyed || self.idempotent.unwrap_or_else(|| is_idempotent(&self.method))
    }

    /// Says that a call gave it a key.
    pub(crate) fn give_key(&mut self, key: Key) {
        self.key = Some(Box::new(key));
    }

    /// A GET to somewhere.
    pub(crate) fn get() -> Self {
        Self { method: Method::GET, is_keyed: false, idempotent: None, url: None, key: None }
    }
}

impl Recorder {
    /// A request is being sent. Returns the number by which the rest is recorded.
    #[inline]
    pub(crate) fn begin(&mut self, prepared: Prepared) -> u64 {
        let Prepared { method, is_keyed, idempotent, url, key } = prepared;
        self.begin_exchange(Exchange::begun(method, is_keyed || key.is_some(), idempotent), url, key)
    }

    #[inline]
    fn begin_exchange(&mut self, exchange: Exchange, url: Option<NonZeroU64>, key: Option<Box<Key>>) -> u64 {
        let began = next_number();
        self.push(Recorded {
            began,
            ended: None,
            progress: Progress::Open,
            mark: Mark::None,
            is_redirected: false,
            is_cut: false,
            is_read: false,
            exchange,
            url,
            answered_by: None,
            answer: 0,
            key,
            host: None,
            reported_to: None,
        });
        began
    }

    /// The exchange ended as `report` says.
    #[inline]
    pub(crate) fn end(
        &mut self,
        number: u64,
        report: &Report<'_>,
        hints: Hints,
        now: impl FnOnce() -> SystemTime,
    ) {
        let Some(recorded) = self.find(number) else { return };
        recorded.ended = NonZeroU64::new(next_number());
        if let Some(url) = report.url {
            recorded.answer = address(url);
            recorded.answered_by = Some(hash_url(url));
            recorded.is_redirected = recorded.url.is_some() && recorded.url != recorded.answered_by;
        }
        recorded.progress = if report.status.is_some() { Progress::Answered } else { Progress::Failed };
        recorded.exchange.lay_over(report, hints, now);
    }

    /// A call begins inside of the attempt. Until it ends, or for good where it leaves the attempt, nobody knows what it has
    /// done. Returns the number of that.
    #[cold]
    pub(crate) fn begin_call(&mut self, idempotent: Option<bool>) -> u64 {
        let mut exchange = Exchange::default();
        exchange.idempotent_by_default(idempotent);
        self.begin_exchange(exchange, None, None)
    }

    /// A call inside of the attempt has ended.
    pub(crate) fn end_call(&mut self, number: u64) {
        self.exchanges.retain(|recorded| recorded.began != number);
    }

    /// Makes the waits of those that are to be retried a matter of the past.
    pub(crate) fn end_wait(&mut self, mark: Mark) {
        for recorded in self.exchanges.iter_mut().filter(|recorded| recorded.mark == Mark::Waiting) {
            recorded.mark = mark;
        }
    }

    /// Records an exchange that nobody saw, as far as an outcome says what came of it. Returns its number.
    pub(crate) fn record_unseen(&mut self, exchange: Exchange, report: &Report<'_>) -> u64 {
        let url = report.url.map(hash_url);
        let progress = if exchange.status().is_some() { Progress::Answered } else { Progress::Failed };
        let number = self.begin_exchange(exchange, url, None);
        if let Some(recorded) = self.find(number) {
            recorded.progress = progress;
            recorded.ended = NonZeroU64::new(number);
        }
        number
    }

    /// Notes the host of an exchange.
    pub(crate) fn note_host(&mut self, number: u64, host: Option<&str>) {
        if let Some(recorded) = self.find(number) {
            recorded.host = host.map(Into::into);
        }
    }

    /// The send was dropped before its answer.
    pub(crate) fn drop_send(&mut self, number: u64) {
        if let Some(recorded) = self.find(number) {
            recorded.ended = NonZeroU64::new(next_number());
            recorded.progress = Progress::Dropped;
        }
    }

    /// Reading an answer failed as `report` says.
    pub(crate) fn fail_reading(&mut self, answer: Option<usize>, report: &Report<'_>) {
        if let Some(recorded) = self.answered(answer) {
            report.failures.iter().for_each(|failure| recorded.exchange.failed(failure));
        }
    }

    /// An answer was read to its end.
    pub(crate) fn end_reading(&mut self, answer: Option<usize>) {
        if let Some(recorded) = self.answered(answer) {
            recorded.is_read = true;
        }
    }

    /// Reading an answer was given up half way.
    pub(crate) fn cut_reading(&mut self, answer: Option<usize>) {
        if let Some(recorded) = self.answered(answer).filter(|recorded| recorded.mark == Mark::None) {
            recorded.is_cut = true;
        }
    }

    /// The exchange with this answer, or the latest with any.
    fn answered(&mut self, answer: Option<usize>) -> Option<&mut Recorded> {
        let all = self.exchanges.iter_mut().filter(|recorded| {
            recorded.progress == Progress::Answered && answer.is_none_or(|answer| recorded.answer == answer)
        });
        all.max_by_key(|recorded| recorded.began)
    }

    /// The exchanges that are kept.
    #[inline]
    pub(crate) fn exchanges(&self) -> &[Recorded] {
        &self.exchanges
    }

    pub(crate) fn exchanges_mut(&mut self) -> &mut [Recorded] {
        &mut self.exchanges
    }

    /// A summary of the others.
    #[inline]
    pub(crate) fn folded(&self) -> Option<&Folded> {
        self.folded.as_deref()
    }

    /// Returns the only exchange of the attempt, where it succeeded plainly, and `report` does not say otherwise: nothing is
    /// left to decide.
    #[inline]
    pub(crate) fn plain_success(&self, report: &Report<'_>) -> Option<&Recorded> {
        let [recorded] = self.exchanges.as_slice() else { return None };
        // One that failed has no status, or a failure.
        let is_plain = recorded.exchange.is_plain_success()
            && match report.by {
                By::Success => true,
                By::Response => {
                    report.status == recorded.exchange.status()
                        && report.url.is_some_and(|url| address(url) == recorded.answer)
                }
                _ => false,
            };
        is_plain.then_some(recorded)
    }

    /// Whether nothing was recorded.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.exchanges.is_empty()
    }

    /// Forgets everything, but keeps room for a few exchanges.
    #[inline]
    pub(crate) fn clear(&mut self) {
        const ROOM: usize = 8;
        if self.exchanges.capacity() > ROOM {
            self.exchanges = Vec::new();
        }
        self.exchanges.clear();
        self.folded = None;
    }

    /// Takes over what `other` has recorded.
    pub(crate) fn absorb(&mut self, mut other: Self) {
        if let Some(folded) = other.folded.take() {
            let into = self.folded.get_or_insert_default();
            into.is_unsafe |= folded.is_unsafe;
            into.is_keyed |= folded.is_keyed;
            into.is_done |= folded.is_done;
            into.has_overlap |= folded.has_overlap;
            into.has_succeeded |= folded.has_succeeded;
            into.hint = into.hint.max(folded.hint);
        }
        for recorded in other.exchanges.drain(..) {
            self.push(recorded);
        }
    }

    /// The call with this number ends: its keys are of no use to those around it, what its policy says of the safety of its
    /// requests is known of them from here on, and its upstream knows of them.
    pub(crate) fn leave_call(&mut self, call: u64, upstream: Option<NonZeroUsize>, idempotent: Option<bool>) {
        if let Some(folded) = &mut self.folded {
            folded.is_unsafe |= folded.is_keyed;
        }
        for recorded in &mut self.exchanges {
            recorded.reported_to = recorded.reported_to.or(upstream);
            if recorded.key.as_ref().is_none_or(|key| key.call == call) {
                recorded.key = None;
                recorded.exchange.forget_key();
            }
            recorded.exchange.idempotent_by_default(idempotent);
        }
    }

    #[inline]
    fn push(&mut self, recorded: Recorded) {
        if self.exchanges.len() >= KEPT {
            self.fold();
        }
        self.exchanges.push(recorded);
    }

    /// Folds the oldest exchange that has ended, or else the oldest.
    #[cold]
    fn fold(&mut self) {
        let at = self.exchanges.iter().position(|recorded| recorded.ended.is_some()).unwrap_or(0);
        let recorded = self.exchanges.remove(at);
        let folded = self.folded.get_or_insert_default();
        let has_overlap = |other: &Recorded| {
            recorded.key.is_some() && other.key == recorded.key && other.overlaps(&recorded)
        };
        folded.has_overlap |= self.exchanges.iter().any(has_overlap);
        if recorded.may_have_done() {
            if recorded.key.is_some() {
                folded.is_keyed = true;
            } else if recorded.exchange.is_idempotent() {
                folded.is_done = true;
            } else {
                folded.is_unsafe = true;
            }
        }
        folded.has_succeeded |= recorded.has_succeeded();
        if recorded.hint_counts() {
            folded.hint = folded.hint.max(recorded.exchange.hint());
        }
    }

    #[inline]
    fn find(&mut self, number: u64) -> Option<&mut Recorded> {
        self.exchanges.iter_mut().rev().find(|recorded| recorded.began == number)
    }
}

impl Recorded {
    /// Whether it was sent to, or answered by, the URL with this hash.
    pub(crate) fn is_of(&self, url: NonZeroU64) -> bool {
        self.url == Some(url) || self.answered_by == Some(url)
    }

    /// Whether the server may have done what the request asks for. It has not where it said so (by a status of 4xx
    /// but 408 and 409, or 503 with a hint), or where no connection came about.
    pub(crate) fn may_have_done(&self) -> bool {
        if self.is_redirected {
            return true;
        }
        match self.progress {
            Progress::Open | Progress::Dropped => true,
            Progress::Failed => !self.exchange.failures().contains(Failure::Connect),
            Progress::Answered => match self.exchange.status() {
                Some(StatusCode::SERVICE_UNAVAILABLE) => !self.exchange.is_hinted(),
                Some(StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT) | None => true,
                Some(status) => !status.is_client_error(),
            },
        }
    }

    /// Whether the exchange failed, and no inner call succeeded in spite of that.
    pub(crate) fn has_failed(&self) -> bool {
        self.mark != Mark::Succeeded
            && matches!(self.progress, Progress::Answered | Progress::Failed)
            && (self.progress == Progress::Failed
                || self.exchange.is_error()
                || !self.exchange.failures().is_empty())
    }

    /// Whether it was answered well, or an inner call succeeded in spite of the answer.
    #[inline]
    pub(crate) fn has_succeeded(&self) -> bool {
        match self.progress {
            Progress::Answered => {
                self.mark == Mark::Succeeded
                    || (!self.exchange.is_error() && self.exchange.failures().is_empty())
            }
            Progress::Failed => self.mark == Mark::Succeeded,
            Progress::Open | Progress::Dropped => false,
        }
    }

    /// Whether a hint of it is still to be obeyed: also where a call gave up on it, since nobody has waited then.
    pub(crate) fn hint_counts(&self) -> bool {
        self.mark != Mark::Retried && self.exchange.is_error()
    }

    /// Whether the two were under way at the same time.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let starts_within = |one: &Self, other: &Self| {
            one.began >= other.began && other.ended.is_none_or(|ended| one.began < ended.get())
        };
        starts_within(self, other) || starts_within(other, self)
    }
}

impl Exchange {
    /// Adds what `report` says.
    #[inline]
    pub(crate) fn lay_over(&mut self, report: &Report<'_>, hints: Hints, now: impl FnOnce() -> SystemTime) {
        if let Some(status) = report.status {
            self.answered(status);
        }
        if !report.failures.is_empty() {
            self.add_failures(report.failures);
        }
        if let Some(wait) = report.hint {
            self.hinted(wait);
        }
        if let (Some(status), Some(headers)) = (report.status, report.headers) {
            // The headers of an answer that nobody retries are not looked at.
            if hints == Hints::OfAll || is_retryable(status.as_u16()) {
                self.read_headers(status, headers, now);
            }
        }
    }

    #[cold]
    fn add_failures(&mut self, failures: FailureSet) {
        failures.iter().for_each(|failure| self.failed(failure));
    }

    #[cold]
    fn read_headers(&mut self, status: StatusCode, headers: &HeaderMap, now: impl FnOnce() -> SystemTime) {
        // A 202 can be told not to be polled, but no success to be repeated.
        let failed = !status.is_success();
        if let Some(advice) = hint::should_retry(headers).filter(|advice| failed || !advice) {
            self.advised(advice);
        }
        if let Some(hint) = hint::read(headers, now) {
            self.hinted_by(hint);
        }
    }
}

/// Whether a report may be about an exchange whose answer it is, or whose failure.
pub(crate) fn is_about(report: &Report<'_>, recorded: &Recorded) -> bool {
    if report.url.map(hash_url).is_some_and(|url| !recorded.is_of(url)) {
        return false;
    }
    if let (By::Response | By::Transport | By::Own, Some(status)) = (report.by, report.status) {
        return recorded.progress == Progress::Answered && recorded.exchange.status() == Some(status);
    }
    let failures = recorded.exchange.failures();
    match recorded.progress {
        // It ended where nobody saw it.
        Progress::Open => report.url.is_some(),
        Progress::Dropped => false,
        Progress::Failed => failures == report.failures || failures.intersects(report.failures),
        // Where the body breaks off, or takes too long, after the head of the answer.
        Progress::Answered => {
            const WHILE_READING: FailureSet = FailureSet::EMPTY.with(Failure::Body).with(Failure::Timeout);
            if failures.is_empty() {
                let is_unreadable = report.failures.is_empty() && !recorded.exchange.is_error();
                is_unreadable || (!recorded.is_read && report.failures.intersects(WHILE_READING))
            } else {
                failures.intersects(report.failures)
            }
        }
    }
}

/// Returns what tells an answer from all others that live: where its URL is, which does not move with the answer.
#[inline]
pub(crate) fn address(url: &str) -> usize {
    url.as_ptr().addr()
}

/// A hash of a URL. The fragment stays with the client, and is not part of what comes back.
#[inline]
pub(crate) fn hash_url(url: &str) -> NonZeroU64 {
    // Every answer comes by here, and the standard hasher costs as much as all the rest of recording it. Nobody gains by a
    // collision: one URL would be taken for the other, in one attempt.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let url = url.as_bytes();
    let end = url.iter().position(|byte| *byte == b'#').unwrap_or(url.len());
    let mix = |hash: u64, part: u64| (hash ^ part).wrapping_mul(FACTOR).rotate_left(29);
    let mut chunks = url[..end].chunks_exact(8);
    let mut hash = mix(FACTOR, end as u64);
    for chunk in &mut chunks {
        hash = mix(hash, chunk.iter().fold(0, |part, byte| (part << 8) | u64::from(*byte)));
    }
    hash = chunks.remainder().iter().fold(hash, |hash, byte| mix(hash, u64::from(*byte)));
    NonZeroU64::new(hash).unwrap_or(NonZeroU64::MIN)
}

pub(crate) fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
