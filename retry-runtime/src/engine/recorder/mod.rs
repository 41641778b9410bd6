//! Records the exchanges of one attempt while it runs.
//!
//! Exchanges are numbered in the order in which they begin and end, across the whole process, so
//! that those of inner and outer calls compare. A recorder keeps 64 exchanges and folds the oldest
//! ended one into a summary, so that a body that sends for days does not grow.

mod brief;
mod recorded;

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method, StatusCode};
use retry_policy::{Failure, Policy};

use crate::engine::exchange::{Exchange, Hints, HintsOf, Idempotency, is_idempotent};
use crate::engine::origin::Origin;
use crate::engine::recorder::brief::Brief;
use crate::engine::report::{By, PlainSuccess, Report, Returned};
pub(crate) use recorded::{Key, Mark, Progress, Recorded};

/// The number of exchanges that a recorder keeps whole.
const KEPT: usize = 64;

/// The exchanges of one attempt.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorder {
    /// The only exchange so far, if it has no key of a call and nothing but a plain success came of
    /// it.
    brief: Option<Brief>,
    /// The details of the exchange in short form if that `has_details`, else of an earlier one.
    details: Option<Details>,
    /// The host that was recorded last, in this attempt or in one of another call.
    host: Option<KnownHost>,
    /// `true` if `more` may hold something.
    has_more: bool,
    more: More,
}

/// A host that was recorded. Calls that ask it one after the other share its name, allocate nothing
/// and do not search their URLs for it.
#[derive(Clone)]
struct KnownHost {
    /// The beginning of a URL of the host, up to the first slash of the path.
    beginning: Box<str>,
    name: Arc<str>,
}

/// Prints nothing of a URL.
impl fmt::Debug for KnownHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KnownHost")
    }
}

/// Holds the exchanges of a recorder that are not in short form, and the rarer parts of its state.
#[derive(Clone, Debug, Default)]
struct More {
    /// In the order in which they were recorded. Those of an inner call follow when it ends.
    exchanges: Vec<Recorded>,
    /// A summary of those that are not kept whole.
    folded: Option<Box<Folded>>,
    /// The number of requests that are not safe to repeat, and were made in the attempt, but
    /// neither sent nor dropped in it: another task may send them.
    outstanding: u32,
}

/// A request that is about to be sent.
#[derive(Debug)]
pub struct Prepared {
    /// `None` for a GET that nothing is declared of.
    details: Option<Details>,
    origin: Option<Origin>,
}

/// The details of a request that is about to be sent.
#[derive(Clone, Debug)]
struct Details {
    method: Method,
    idempotency: Idempotency,
    /// A hash of the URL. `None` for a request that is safe to repeat.
    url: Option<NonZeroU64>,
    key: Option<Box<Key>>,
}

/// A summary of the exchanges that are not kept whole.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Folded {
    /// `true` if one may have done something that must not be done twice.
    pub(crate) is_unsafe: bool,
    /// `true` if one did something under a key of a call.
    pub(crate) is_keyed: bool,
    /// `true` if one that is safe to repeat did something.
    pub(crate) is_done: bool,
    /// `true` if two with one key overlapped.
    pub(crate) has_overlap: bool,
    /// `true` if one succeeded.
    pub(crate) has_succeeded: bool,
    /// The longest hint of a failure.
    pub(crate) hint: Option<Duration>,
}

/// The exchanges of an attempt, to decide about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Records<'r> {
    /// Those that are kept whole.
    pub(crate) exchanges: &'r [Recorded],
    /// A summary of the others.
    pub(crate) folded: Option<&'r Folded>,
    /// The number of unsafe requests that another task may send.
    pub(crate) outstanding: u32,
}

/// Returns the next number of the process.
pub(crate) fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Prepared {
    /// Prepares a request of which nothing is known, but that the user may have `declared`
    /// idempotent. It counts as a POST.
    pub(crate) fn of_unknown(declared: Option<bool>) -> Self {
        let details = Details::new(&Method::POST, &HeaderMap::new(), "", declared);
        Self { details: Some(Details { url: None, ..details }), origin: None }
    }

    /// Prepares a request by `method` to `url`, a URL without its fragment, that the user may have
    /// `declared` idempotent.
    #[inline]
    pub(crate) fn new(method: &Method, headers: &HeaderMap, url: &str, declared: Option<bool>) -> Self {
        if *method == Method::GET && declared.is_none() {
            return Self::get();
        }
        Self { details: Some(Details::new(method, headers, url, declared)), origin: None }
    }

    /// Prepares a GET to an unknown URL.
    #[inline]
    pub(crate) const fn get() -> Self {
        Self::get_from(None)
    }

    /// Prepares a GET from this origin, if that matters.
    #[inline]
    pub(crate) const fn get_from(origin: Option<Origin>) -> Self {
        Self { details: None, origin }
    }

    /// Returns `true` if the request is safe to repeat, by its method, by declaration or by a key.
    #[inline]
    pub(crate) fn is_safe(&self) -> bool {
        self.details.as_ref().is_none_or(|details| details.url.is_none() || details.idempotency.has_key)
    }

    /// Records the origin of the URL that the request is sent to.
    #[inline]
    pub(crate) fn record_origin(&mut self, url: &str) {
        self.origin = Origin::of_url(url);
    }

    /// Records that the request is not to be sent.
    pub(crate) fn withhold(&mut self) {
        self.origin = Some(Origin::NOWHERE);
    }

    /// Returns `true` if the request is not to be sent.
    #[inline]
    pub(crate) fn is_withheld(&self) -> bool {
        self.origin.is_some_and(Origin::is_nowhere)
    }

    /// Returns `true` if the request is safe to repeat without a key, by its method or by
    /// declaration.
    #[inline]
    pub(crate) fn is_safe_without_key(&self) -> bool {
        self.details.as_ref().is_none_or(|details| {
            details.idempotency.declared.unwrap_or_else(|| is_idempotent(&details.method))
        })
    }

    /// Records the key that the request has in a call with `idempotency_key`.
    pub(crate) fn record_key(&mut self, key: Key) {
        let details = self.details.get_or_insert(Details::OF_GET);
        (details.idempotency.has_key, details.idempotency.is_repeat) = (true, key.is_repeat);
        details.key = Some(Box::new(key));
    }
}

impl Details {
    /// Those of a GET that nothing is declared of.
    const OF_GET: Self = Self {
        method: Method::GET,
        idempotency: Idempotency { declared: None, has_key: false, is_repeat: false },
        url: None,
        key: None,
    };

    fn new(method: &Method, headers: &HeaderMap, url: &str, declared: Option<bool>) -> Self {
        let is_safe = declared.unwrap_or_else(|| is_idempotent(method));
        Self {
            method: method.clone(),
            idempotency: Idempotency::new(method, headers, declared),
            // A redirection of a request that is safe to repeat does not matter.
            url: (!is_safe).then(|| hash_url(url)),
            key: None,
        }
    }
}

impl Recorder {
    /// Records a request that is being sent. Returns the number of its exchange.
    pub(crate) fn on_request(&mut self, prepared: Prepared) -> u64 {
        let Prepared { details, origin } = prepared;
        if !self.is_empty() || details.as_ref().is_some_and(|details| details.key.is_some()) {
            return self.on_further_request(details, origin);
        }
        let began = next_number();
        let brief = self.brief.insert(Brief::new(began, origin));
        if details.is_some() {
            brief.has_details = true;
            self.details = details;
        }
        began
    }

    /// Records a GET that nothing is declared of, if nothing else is recorded. Returns the number
    /// of its exchange.
    #[inline]
    pub(crate) fn on_only_get(&mut self, origin: Option<Origin>) -> Option<NonZeroU64> {
        if self.brief.is_some() || self.has_more {
            return None;
        }
        let began = next_number();
        self.brief = Some(Brief::new(began, origin));
        NonZeroU64::new(began)
    }

    #[cold]
    fn on_further_request(&mut self, details: Option<Details>, origin: Option<Origin>) -> u64 {
        let Details { method, idempotency, url, key } = details.unwrap_or(Details::OF_GET);
        self.push_exchange(Exchange::of_request(method, idempotency), url, key, origin)
    }

    /// Records the end of an exchange: a response, or a failure of the transport.
    #[inline]
    pub(crate) fn on_report(
        &mut self,
        number: u64,
        report: &Report<'_>,
        hints: Hints,
        now: impl FnOnce() -> SystemTime,
    ) {
        let success = report.plain_success().filter(|_| hints.of == HintsOf::Retryable);
        if !success.is_some_and(|success| self.on_plain_success(number, success)) {
            self.on_full_report(number, report, hints, now);
        }
    }

    /// Records the end of an exchange by a plain success, if that is kept in short form. Otherwise
    /// returns `false`.
    pub(crate) fn on_plain_success(&mut self, number: u64, success: PlainSuccess<'_>) -> bool {
        match &mut self.brief {
            Some(brief) if brief.began == number => brief
                .on_success(brief.details(self.details.as_ref()).and_then(|details| details.url), success),
            _ => false,
        }
    }

    /// Does what [`on_plain_success`](Self::on_plain_success) does for the only exchange, if its
    /// URL is of usual length. Calls no function, as every call pays for this.
    #[inline]
    pub(crate) fn on_brief_success(&mut self, number: NonZeroU64, success: PlainSuccess<'_>) -> bool {
        let Some(brief) = &mut self.brief else { return false };
        if brief.began != number.get() || self.has_more {
            return false;
        }
        let Some(url) = hash_long(success.url) else { return false };
        let asked = brief.details(self.details.as_ref()).and_then(|details| details.url);
        if asked.is_some_and(|asked| asked != url) {
            return false;
        }
        brief.end(success, url);
        true
    }

    #[cold]
    fn on_full_report(
        &mut self,
        number: u64,
        report: &Report<'_>,
        hints: Hints,
        now: impl FnOnce() -> SystemTime,
    ) {
        let Some(recorded) = self.find(number) else { return };
        recorded.ended = NonZeroU64::new(next_number());
        if report.by == By::Unsent {
            recorded.exchange.on_unprocessed();
        }
        if let Some(url) = report.url {
            recorded.response = address(url);
            recorded.response_url = Some(hash_resource(url));
            recorded.is_redirected =
                recorded.request_url.is_some() && recorded.request_url != recorded.response_url;
        }
        recorded.is_redirected |= report.is_redirected;
        recorded.progress = Progress::of(report);
        recorded.exchange.record_report(report, hints, now);
        if recorded.is_redirected {
            recorded.exchange.on_redirected();
        }
    }

    /// Records whether another host answered than the one that was asked.
    #[cold]
    pub(crate) fn compare_origin(&mut self, number: u64, report: &Report<'_>) {
        if let Some(recorded) = self.find(number) {
            recorded.compare_origin(report);
        }
    }

    /// Records that a send was dropped before its response.
    pub(crate) fn on_drop(&mut self, number: u64) {
        if let Some(recorded) = self.find(number) {
            recorded.ended = NonZeroU64::new(next_number());
            recorded.progress = Progress::Dropped;
        }
    }

    /// Records the host of an exchange, which was asked or has answered by this URL.
    #[cold]
    pub(crate) fn record_host(&mut self, number: u64, host: Option<&str>, url: Option<&str>) {
        if self.brief.as_ref().is_none_or(|brief| brief.began != number) {
            // Before the known host changes, which may be that of the exchange in short form.
            self.all_mut();
        }
        let Some((name, beginning)) = host.zip(url.and_then(before_path)) else {
            if let Some(recorded) = self.find(number) {
                recorded.host = host.map(Arc::from);
            }
            return;
        };
        let is_known = |known: &KnownHost| (&*known.name, &*known.beginning) == (name, beginning);
        if !self.host.as_ref().is_some_and(is_known) {
            self.host = Some(KnownHost { beginning: beginning.into(), name: name.into() });
        }
        if let Some(brief) = &mut self.brief {
            brief.has_host = true;
            return;
        }
        let name = self.host.as_ref().map(|known| Arc::clone(&known.name));
        if let Some(recorded) = self.find(number) {
            recorded.host = name;
        }
    }

    /// Records that the exchange in short form was answered by the host of this URL, if that is the
    /// host that was recorded last. Otherwise returns `false`.
    #[inline]
    pub(crate) fn record_known_host(&mut self, url: &str) -> bool {
        let is_known = self.host.as_ref().is_some_and(|known| url.starts_with(&*known.beginning));
        if let Some(brief) = &mut self.brief {
            brief.has_host = is_known;
        }
        is_known
    }

    /// Records that the body of a response was read to its end.
    #[inline]
    pub(crate) fn on_body_end(&mut self, response: Option<usize>) {
        match &mut self.brief {
            Some(brief) => brief.on_body_end(response),
            None => self.on_further_body_end(response),
        }
    }

    #[cold]
    fn on_further_body_end(&mut self, response: Option<usize>) {
        if let Some(recorded) = self.find_response(response) {
            recorded.is_body_read = true;
        }
    }

    /// Records that reading the body of a response failed. An error about a connection that was not
    /// made is of another request, and says nothing about a response: a method of the user's may be
    /// called `text`, too, and send.
    pub(crate) fn on_body_error(&mut self, response: Option<usize>, report: &Report<'_>) {
        if report.failures.contains(Failure::Connect) {
            return;
        }
        if let Some(recorded) = self.find_response(response) {
            recorded.is_body_unreadable |= report.is_unreadable;
            report.failures.iter().for_each(|failure| recorded.exchange.on_error(failure));
        }
    }

    /// Records that reading the body of a response was given up half way.
    pub(crate) fn on_body_drop(&mut self, response: Option<usize>) {
        if let Some(recorded) = self.find_response(response).filter(|recorded| recorded.mark == Mark::None) {
            recorded.is_body_dropped = true;
        }
    }

    /// Records an exchange that ended unobserved, as an outcome reports it. Returns its number.
    pub(crate) fn record_reported(&mut self, exchange: Exchange, report: &Report<'_>) -> u64 {
        let progress = if exchange.status().is_some() { Progress::Responded } else { Progress::Failed };
        let number = self.push_exchange(exchange, report.url.map(hash_resource), None, None);
        if let Some(recorded) = self.find(number) {
            recorded.progress = progress;
            recorded.ended = NonZeroU64::new(number);
        }
        number
    }

    /// Records that a call begins inside the attempt, as an open exchange. Returns its number.
    ///
    /// Until the call ends, it may have done anything. A call that is moved out of the attempt
    /// never ends here.
    #[cold]
    pub(crate) fn begin_call(&mut self, declared: Option<bool>) -> u64 {
        let mut exchange = Exchange::default();
        exchange.declare_idempotent(declared);
        self.push_exchange(exchange, None, None, None)
    }

    /// Records that a call inside the attempt has ended.
    pub(crate) fn end_call(&mut self, number: u64) {
        self.all_mut().retain(|recorded| recorded.began != number);
    }

    /// Marks the exchanges whose retry is waited for with `mark`.
    pub(crate) fn end_wait(&mut self, mark: Mark) {
        for recorded in self.exchanges_mut().iter_mut().filter(|recorded| recorded.mark == Mark::Waiting) {
            recorded.mark = mark;
        }
    }

    /// Takes over the records of `other`.
    pub(crate) fn absorb(&mut self, mut other: Self) {
        if let Some(folded) = other.more.folded.take() {
            let into = self.more_mut().folded.get_or_insert_default();
            into.is_unsafe |= folded.is_unsafe;
            into.is_keyed |= folded.is_keyed;
            into.is_done |= folded.is_done;
            into.has_overlap |= folded.has_overlap;
            into.has_succeeded |= folded.has_succeeded;
            into.hint = into.hint.max(folded.hint);
        }
        for recorded in other.all_mut().drain(..) {
            self.push(recorded);
        }
        self.more_mut().outstanding = self.more.outstanding.saturating_add(other.more.outstanding);
    }

    /// Hands the exchanges of the call with this number over to the calls around it. To them its
    /// keys are useless, its requests are as idempotent as its policy declares, and its upstream
    /// has learned of them.
    pub(crate) fn leave_call(&mut self, call: u64, upstream: Option<NonZeroUsize>, policy: &Policy) {
        // A call whose retries are off leaves them to the call around, but not under its keys.
        let is_off = policy.max() == 0;
        if let Some(folded) = &mut self.more.folded {
            folded.is_unsafe |= folded.is_keyed;
        }
        for recorded in self.all_mut() {
            recorded.reported_to = recorded.reported_to.or(upstream);
            if recorded.key.as_ref().is_none_or(|key| key.is_of(call)) {
                recorded.is_of_inner_call |= recorded.key.take().is_some();
                recorded.exchange.forget_key();
            }
            recorded.is_of_inner_call |= !is_off;
            recorded.exchange.declare_idempotent(policy.idempotent());
        }
    }

    /// Returns `true` if there may be more than an exchange in short form.
    #[inline]
    pub(crate) fn has_more(&self) -> bool {
        self.has_more
    }

    /// Forgets the exchange in short form.
    #[inline]
    pub(crate) fn clear_brief(&mut self) {
        self.brief = None;
    }

    /// Forgets everything, but keeps room for a few exchanges.
    pub(crate) fn clear(&mut self) {
        self.clear_brief();
        if self.has_more {
            self.clear_more();
        }
    }

    #[cold]
    fn clear_more(&mut self) {
        const ROOM: usize = 8;
        let More { exchanges, folded, outstanding } = &mut self.more;
        (*folded, *outstanding) = (None, 0);
        if exchanges.capacity() > ROOM {
            *exchanges = Vec::new();
        }
        exchanges.clear();
        self.has_more = false;
    }

    /// Returns what there is beside an exchange in short form, to change it.
    #[inline]
    fn more_mut(&mut self) -> &mut More {
        self.has_more = true;
        &mut self.more
    }

    /// Counts a request that is not safe to repeat, and that was made in the attempt, but is not
    /// sent yet.
    pub(crate) fn on_outstanding(&mut self) {
        let outstanding = &mut self.more_mut().outstanding;
        *outstanding = outstanding.saturating_add(1);
    }

    /// Takes back what [`on_outstanding`](Self::on_outstanding) has counted.
    pub(crate) fn on_settled(&mut self) {
        let outstanding = &mut self.more_mut().outstanding;
        *outstanding = outstanding.saturating_sub(1);
    }

    /// Returns the exchanges that are kept whole.
    pub(crate) fn exchanges(&mut self) -> &[Recorded] {
        self.all_mut()
    }

    /// Returns the exchanges that are kept whole, to mark them.
    pub(crate) fn exchanges_mut(&mut self) -> &mut [Recorded] {
        self.all_mut()
    }

    /// Returns all exchanges, and keeps them whole from now on.
    #[inline]
    fn all_mut(&mut self) -> &mut Vec<Recorded> {
        if self.brief.is_some() {
            self.expand();
        }
        &mut self.more_mut().exchanges
    }

    /// Returns the method, status and host of the only exchange of the attempt, if that has
    /// succeeded and is kept in short form.
    #[inline]
    pub(crate) fn brief_success(&self) -> Option<(&Method, StatusCode, Option<&str>)> {
        let brief = self.brief.as_ref()?;
        let status = brief.status?;
        let method = brief.details(self.details.as_ref()).map_or(&Method::GET, |details| &details.method);
        let host = self.host.as_ref().filter(|_| brief.has_host);
        Some((method, status, host.map(|known| &*known.name)))
    }

    /// Keeps the only exchange whole, if it is kept in short form.
    #[cold]
    pub(crate) fn expand(&mut self) {
        if let Some(brief) = self.brief.take() {
            let known = self.host.as_ref().filter(|_| brief.has_host);
            let host = known.map(|known| Arc::clone(&known.name));
            let recorded = brief.into_recorded(brief.details(self.details.as_ref()));
            self.more_mut().exchanges.push(Recorded { host, ..recorded });
        }
    }

    /// Returns the only exchange of the attempt, if it is kept whole.
    pub(crate) fn only(&self) -> Option<&Recorded> {
        match self.more.exchanges.as_slice() {
            [recorded] => Some(recorded),
            _ => None,
        }
    }

    /// Returns all that is recorded.
    pub(crate) fn records(&mut self) -> Records<'_> {
        self.all_mut();
        let More { exchanges, folded, outstanding, .. } = &self.more;
        Records { exchanges, folded: folded.as_deref(), outstanding: *outstanding }
    }

    /// Returns `true` if nothing was recorded.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.brief.is_none() && (!self.has_more || self.more.exchanges.is_empty())
    }

    /// Returns `true` if the only exchange of the attempt is a plain success and `report` agrees,
    /// so that nothing is left to decide.
    #[inline]
    pub(crate) fn is_plain_success(&self, report: &Report<'_>) -> bool {
        let (status, response) = match (&self.brief, self.more.exchanges.as_slice()) {
            (Some(brief), _) => (brief.status, brief.response),
            // A failed exchange has no status, or a failure, so it is no plain success.
            (None, [recorded]) if recorded.exchange.is_plain_success() => {
                (recorded.exchange.status(), recorded.response)
            }
            (None, _) => return false,
        };
        status.is_some()
            && match report.by {
                By::Success => true,
                By::Response => {
                    report.status == status && report.url.is_some_and(|url| address(url) == response)
                }
                _ => false,
            }
    }

    /// Returns `true` if the only exchange of the attempt is kept in short form and is a plain
    /// success, and agrees with the success that the body has returned.
    #[inline]
    pub(crate) fn is_brief_success(&self, returned: Returned) -> bool {
        let Some(Brief { status: Some(recorded), response, .. }) = self.brief else { return false };
        returned.status.is_none_or(|status| (status, returned.address) == (recorded, response))
    }

    #[inline]
    fn push_exchange(
        &mut self,
        exchange: Exchange,
        url: Option<NonZeroU64>,
        key: Option<Box<Key>>,
        origin: Option<Origin>,
    ) -> u64 {
        let began = next_number();
        let recorded = Recorded::new(began, exchange);
        self.push(Recorded { request_url: url, key, origin, ..recorded });
        began
    }

    #[inline]
    fn push(&mut self, recorded: Recorded) {
        if self.all_mut().len() >= KEPT {
            self.fold();
        }
        self.more.exchanges.push(recorded);
    }

    /// Folds the first exchange that has ended, or the first one if none has.
    #[cold]
    fn fold(&mut self) {
        let at = self.more.exchanges.iter().position(|recorded| recorded.ended.is_some()).unwrap_or(0);
        let recorded = self.more.exchanges.remove(at);
        let folded = self.more.folded.get_or_insert_default();
        folded.has_overlap |= self.more.exchanges.iter().any(|other| other.overlaps_by_key(&recorded));
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
        if recorded.has_open_hint() {
            folded.hint = folded.hint.max(recorded.exchange.hint());
        }
    }

    #[inline]
    fn find(&mut self, number: u64) -> Option<&mut Recorded> {
        self.all_mut().iter_mut().rev().find(|recorded| recorded.began == number)
    }

    /// Returns the latest exchange with this response, or with any response for `None`.
    fn find_response(&mut self, response: Option<usize>) -> Option<&mut Recorded> {
        let responded = self.all_mut().iter_mut().filter(|recorded| {
            recorded.progress == Progress::Responded
                && response.is_none_or(|response| recorded.response == response)
        });
        responded.max_by_key(|recorded| recorded.began)
    }
}

/// Returns the beginning of a URL, up to the first slash of its path. Returns `None` if there are
/// credentials in the beginning, which are not to be kept.
fn before_path(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let slash = url.len() - rest.len() + rest.find('/')?;
    Some(&url[..=slash]).filter(|beginning| !beginning.contains('@'))
}

/// Returns the address of a response's URL. It does not move with the response, so it tells the
/// response from all others that are alive.
#[inline]
pub(crate) fn address(url: &str) -> usize {
    url.as_ptr().addr()
}

/// Hashes a URL without its fragment, which stays with the client.
pub(crate) fn hash_resource(url: &str) -> NonZeroU64 {
    // Few URLs have a fragment, and a split costs more than a look.
    if url.as_bytes().contains(&b'#') {
        hash_url(url.split('#').next().unwrap_or(url))
    } else {
        hash_url(url)
    }
}

/// Hashes a URL, by blocks of sixteen bytes.
///
/// Every response is hashed, and the standard hasher costs as much as all other recording. A
/// collision is harmless: within one attempt, one URL would be taken for another.
#[inline]
pub(crate) fn hash_url(url: &str) -> NonZeroU64 {
    hash_long(url).unwrap_or_else(|| hash_short(url))
}

/// Hashes a URL of at least one block.
#[inline]
fn hash_long(url: &str) -> Option<NonZeroU64> {
    let url = url.as_bytes();
    // The last block overlaps the one before.
    let (first, last) = (url.first_chunk()?, url.last_chunk()?);
    let mut hash = mix(url.len() as u64, first);
    if url.len() > 2 * BLOCK {
        let blocks = url[BLOCK..].chunks_exact(BLOCK).filter_map(|block| block.first_chunk());
        hash = blocks.fold(hash, mix);
    }
    Some(NonZeroU64::MIN | mix(hash, last))
}

/// The length of the blocks that are hashed.
const BLOCK: usize = 16;

/// Hashes a URL that is shorter than a block.
#[cold]
fn hash_short(url: &str) -> NonZeroU64 {
    let url = url.as_bytes();
    let mut block = [0; BLOCK];
    block[..url.len()].copy_from_slice(url);
    NonZeroU64::MIN | mix(url.len() as u64, &block)
}

#[inline]
#[allow(clippy::cast_possible_truncation, reason = "both halves of the product are used")]
fn mix(hash: u64, block: &[u8; BLOCK]) -> u64 {
    const FACTORS: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xd1b5_4a32_d192_ed03];
    let word = |at| block[at..].first_chunk().copied().map_or(0, u64::from_le_bytes);
    let product = u128::from(word(0) ^ hash ^ FACTORS[0]) * u128::from(word(8) ^ FACTORS[1]);
    product as u64 ^ (product >> 64) as u64
}

/// Hashes a value within this process.
pub(crate) fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod unprocessed;
