//! Calls that come, wait, give up and are answered, in virtual time, against a simple reference.

#![allow(
    clippy::too_many_lines,
    clippy::unchecked_time_subtraction,
    clippy::cast_precision_loss,
    reason = "a simulation is one loop, and its times do not go back"
)]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex as StdMutex};
use std::task::{Wake, Waker};

use http::StatusCode;
use proptest::prelude::*;

use super::*;
use crate::engine::exchange::Exchange;
use crate::engine::retry::{Stop, Verdict};

const ROUND_TRIP: Duration = Duration::from_millis(10);
const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);
/// The time at which every world begins: nothing is older than an upstream that knows nothing.
const START: Duration = Duration::from_secs(1000);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A call as it comes.
#[derive(Clone, Copy, Debug)]
struct Caller {
    comes_at: Duration,
    /// The time after which its caller drops it.
    patience: Option<Duration>,
    /// The time that it may wait in all, as by a deadline.
    deadline: Duration,
}

impl Caller {
    fn at(millis: u64) -> Self {
        Self { comes_at: START + ms(millis), patience: None, deadline: Duration::MAX }
    }

    fn drops_after(self, millis: u64) -> Self {
        Self { patience: Some(ms(millis)), ..self }
    }

    fn with_deadline(self, millis: u64) -> Self {
        Self { deadline: ms(millis), ..self }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Waiting,
    Succeeded,
    /// Its last answer was a refusal.
    Refused,
    Dropped,
    Expired,
    AnsweredLocally,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Come(usize),
    /// A call asks, unless it has asked since this was planned.
    Ask(usize, u64),
    Answer(usize),
    Leave(usize),
}

/// The server's answer to a request: a hint, if it refuses.
type Answer = Option<Duration>;

struct Call<'u> {
    ticket: Option<Ticket<'u>>,
    answer: Answer,
    sent_at: Duration,
    gives_up_at: Duration,
    retries: u32,
    asks: u64,
    is_sending: bool,
    came_at: Duration,
    ended_at: Duration,
    fate: Fate,
}

/// A reference that knows the rules about hints, and nothing else.
#[derive(Default)]
struct Reference {
    open_until: Duration,
    told_at: Duration,
}

impl Reference {
    fn on_answer(&mut self, answer: Answer, sent_at: Duration, now: Duration) {
        let is_open = self.open_until > now;
        match answer {
            Some(hint) => {
                let until = now + hint.min(LONGEST);
                if until > self.open_until || !is_open || sent_at > self.told_at {
                    (self.open_until, self.told_at) = (until, now);
                }
            }
            None if is_open && sent_at > self.told_at => (self.open_until, self.told_at) = (now, now),
            None => {}
        }
    }
}

struct Woken {
    call: usize,
    woken: Arc<StdMutex<Vec<usize>>>,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.woken.lock().unwrap().push(self.call);
    }
}

struct World<'u> {
    calls: Vec<Call<'u>>,
    /// The times of all requests.
    sends: Vec<Duration>,
    /// The longest time between two turns while a call waited for one and no hint held.
    longest_gap: Duration,
    reference: Reference,
}

impl<'u> World<'u> {
    fn run(
        upstream: &'u Upstream,
        callers: &[Caller],
        mut server: impl FnMut(usize, Duration) -> Answer,
    ) -> Self {
        let woken = Arc::<StdMutex<Vec<usize>>>::default();
        let mut events = BinaryHeap::new();
        let mut number = 0;
        let mut at = |events: &mut BinaryHeap<_>, when: Duration, event: Event| {
            number += 1;
            events.push(Reverse((when, number, event)));
        };
        for (id, caller) in callers.iter().enumerate() {
            at(&mut events, caller.comes_at, Event::Come(id));
        }
        let calls = callers.iter().map(|caller| Call {
            ticket: None,
            answer: None,
            sent_at: Duration::ZERO,
            gives_up_at: caller.comes_at.saturating_add(caller.deadline),
            retries: 0,
            asks: 0,
            is_sending: false,
            came_at: caller.comes_at,
            ended_at: Duration::ZERO,
            fate: Fate::Waiting,
        });
        let mut world = Self {
            calls: calls.collect(),
            sends: Vec::new(),
            longest_gap: Duration::ZERO,
            reference: Reference::default(),
        };
        let (mut waiting_since, mut steps) = (None, 0);
        while let Some(Reverse((now, _, event))) = events.pop() {
            steps += 1;
            assert!(
                steps < 5_000 * callers.len() + 100_000,
                "{event:?} again and again at {now:?}: {upstream:?}"
            );
            match event {
                Event::Come(id) => {
                    world.calls[id].ticket = Some(upstream.ticket());
                    at(&mut events, now, Event::Ask(id, 0));
                    if let Some(patience) = callers[id].patience {
                        at(&mut events, now + patience, Event::Leave(id));
                    }
                }
                Event::Ask(id, asks) => {
                    let call = &mut world.calls[id];
                    if asks != call.asks {
                        continue;
                    }
                    call.asks += 1;
                    let asks = call.asks;
                    let Some(ticket) = call.ticket.as_mut().filter(|_| !call.is_sending) else { continue };
                    let left = call.gives_up_at.saturating_sub(now);
                    match ticket.admit(now, MAX_RETRY_AFTER.min(left)) {
                        Admission::Send => {
                            (call.is_sending, call.sent_at) = (true, now);
                            call.answer = server(world.sends.len(), now);
                            world.sends.push(now);
                            at(&mut events, now + ROUND_TRIP, Event::Answer(id));
                            if let Some(since) = waiting_since.take() {
                                world.longest_gap = world.longest_gap.max(now - since);
                            }
                        }
                        Admission::Wait(wait) => {
                            let waker = Waker::from(Arc::new(Woken { call: id, woken: Arc::clone(&woken) }));
                            if ticket.set_waker(&waker) {
                                at(&mut events, now, Event::Ask(id, asks));
                            } else {
                                at(&mut events, now + wait, Event::Ask(id, asks));
                            }
                        }
                        Admission::Expired => world.end(id, now, Fate::Expired),
                        Admission::Refused { .. } => world.end(id, now, Fate::AnsweredLocally),
                    }
                }
                Event::Answer(id) => {
                    let call = &mut world.calls[id];
                    let Some(ticket) = &mut call.ticket else { continue };
                    call.is_sending = false;
                    world.reference.on_answer(call.answer, call.sent_at, now);
                    let mut exchange = Exchange::default();
                    match call.answer {
                        None => {
                            exchange.on_response(StatusCode::OK);
                            let stop = Verdict::Stop(Stop::NotRetryable);
                            assert_eq!(ticket.on_attempt(&exchange, stop, now, 0.0), stop);
                            world.end(id, now, Fate::Succeeded);
                        }
                        Some(hint) => {
                            exchange.on_response(StatusCode::TOO_MANY_REQUESTS);
                            exchange.record_hint(hint);
                            let verdict = if call.retries == 3 {
                                Verdict::Stop(Stop::Exhausted)
                            } else if hint > MAX_RETRY_AFTER {
                                Verdict::Stop(Stop::HintTooLong)
                            } else if now + hint >= call.gives_up_at {
                                Verdict::Stop(Stop::Deadline)
                            } else {
                                Verdict::Wait(hint)
                            };
                            call.retries += 1;
                            match ticket.on_attempt(&exchange, verdict, now, 0.0) {
                                Verdict::Wait(wait) => at(&mut events, now + wait, Event::Ask(id, call.asks)),
                                Verdict::Stop(_) => world.end(id, now, Fate::Refused),
                            }
                        }
                    }
                    assert_eq!(
                        upstream.remaining_cooldown_at(now),
                        world.reference.open_until.checked_sub(now).filter(|left| !left.is_zero())
                    );
                }
                Event::Leave(id) => {
                    if world.calls[id].fate == Fate::Waiting {
                        world.end(id, now, Fate::Dropped);
                    }
                }
            }
            for call in std::mem::take(&mut *woken.lock().unwrap()) {
                at(&mut events, now, Event::Ask(call, world.calls[call].asks));
            }
            let is_waiting = upstream.with_state(|state| state.cooldown.has_patient_calls());
            if is_waiting && upstream.remaining_cooldown_at(now).is_none() {
                waiting_since.get_or_insert(now);
            } else {
                waiting_since = None;
            }
        }
        world
    }

    fn end(&mut self, id: usize, now: Duration, fate: Fate) {
        let call = &mut self.calls[id];
        (call.ticket, call.fate, call.ended_at) = (None, fate, now);
    }

    fn count(&self, fate: Fate) -> usize {
        self.calls.iter().filter(|call| call.fate == fate).count()
    }

    fn sent_between(&self, from: Duration, until: Duration) -> usize {
        self.sends.iter().filter(|at| **at > START + from && **at < START + until).count()
    }
}

/// Refuses the request with this number, and no other.
fn once(refused: usize, hint: Duration) -> impl FnMut(usize, Duration) -> Answer {
    move |request, _| (request == refused).then_some(hint)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

// The table of the issue "Upstreams that let go": what happens now.

#[test]
fn one_refusal_and_callers_that_drop_their_calls_after_a_second() {
    let upstream = Upstream::new("model");
    let callers: Vec<_> = (0..11_000).map(|n| Caller::at(n * 10).drops_after(1000)).collect();
    let world = World::run(&upstream, &callers, once(0, seconds(1)));
    let lost = world.count(Fate::Dropped);
    println!("100 calls/s, own time-out of 1 s, one hint of 1 s: {lost} of 11000 lost in 110 s");
    assert!(lost <= 220 && world.count(Fate::Succeeded) + lost == 11_000, "{lost} lost");
    let lost_last =
        world.calls.iter().filter(|call| call.fate == Fate::Dropped).map(|call| call.came_at).max();
    assert!(lost_last.unwrap() < START + seconds(4), "{lost_last:?}");
}

#[test]
fn one_longer_hint_and_fewer_such_callers() {
    let upstream = Upstream::new("model");
    let callers: Vec<_> = (0..2001).map(|n| Caller::at(n * 50).drops_after(1000)).collect();
    let world = World::run(&upstream, &callers, once(0, seconds(3)));
    let succeeded = world.count(Fate::Succeeded);
    println!("20 calls/s, own time-out of 1 s, one hint of 3 s: {succeeded} of 2001 succeed in 100 s");
    assert!(succeeded >= 1_901, "{succeeded} succeed");
}

#[test]
fn a_thousand_dropped_calls_and_then_one() {
    let upstream = Upstream::new("model");
    let mut callers: Vec<_> = (0..1000).map(|n| Caller::at(100 + n % 100).drops_after(100)).collect();
    callers.push(Caller::at(0));
    callers.push(Caller::at(2_000));
    let world = World::run(&upstream, &callers, once(0, seconds(1)));
    let lone = &world.calls[1001];
    let held = lone.ended_at - lone.came_at;
    println!("1,000 calls dropped in a hint of 1 s, then a lone one: held for {held:?}");
    assert!(lone.fate == Fate::Succeeded && held < ms(200), "{held:?}");
}

#[test]
fn a_hint_of_a_year_and_then_shorter_ones() {
    let upstream = Upstream::new("model");
    let callers: Vec<_> = (0..78_000).map(|n| Caller::at(n * 50)).collect();
    let mut forbidden_until = START;
    let mut forbidden = 0;
    let world = World::run(&upstream, &callers, |request, now| {
        if request > 0 && now + ROUND_TRIP < forbidden_until {
            forbidden += 1;
        }
        let hint = match request {
            0 => seconds(31_536_000),
            // Of those at the same pace as before, until a minute has passed.
            _ if now < START + seconds(60) => {
                if now + ROUND_TRIP >= forbidden_until {
                    forbidden_until = now + ROUND_TRIP + seconds(30);
                }
                seconds(30)
            }
            _ => return None,
        };
        Some(hint)
    });
    let late = world.calls.iter().filter(|call| call.came_at > START + seconds(300));
    let longest = late.map(|call| call.ended_at - call.came_at).max().unwrap();
    println!(
        "a hint of a year, then of 30 s: {forbidden} sent against a hint; later calls held {longest:?} at the most"
    );
    assert!(forbidden <= 2, "{forbidden}");
    assert!(longest < seconds(1), "{longest:?}");
}

#[test]
fn callers_that_cannot_wait_for_a_hint_are_not_all_sent_into_it() {
    let upstream = Upstream::new("model");
    let callers: Vec<_> = (0..201).map(|n| Caller::at(n * 50).with_deadline(5000)).collect();
    let world = World::run(&upstream, &callers, |_, _| Some(seconds(60)));
    let sent = world.sent_between(ms(10), seconds(60));
    println!("a hint of 60 s, 200 calls with a deadline of 5 s: {sent} are sent into it");
    assert!(sent <= 10, "{sent}");
    assert_eq!(world.count(Fate::Expired) + world.count(Fate::Refused), 201);
    // The server is well after one more: the first to be sent finds out.
    let upstream = Upstream::new("model");
    let world = World::run(&upstream, &callers, once(0, seconds(60)));
    let succeeded = world.count(Fate::Succeeded);
    assert!(succeeded == 200, "{succeeded} of 200");
    // None at all, if the upstream answers.
    let upstream = Upstream::new("model").answer_locally();
    let world = World::run(&upstream, &callers, once(0, seconds(60)));
    assert_eq!((world.sends.len(), world.count(Fate::AnsweredLocally)), (1, 200));
}

#[test]
fn refusals_by_any_status_pay_for_their_retries() {
    for status in [403, 429, 500, 529] {
        let upstream = Upstream::new("model");
        let (mut now, mut failed) = (START, 0);
        for call in 0..30 {
            let mut ticket = upstream.ticket();
            for attempt in 0.. {
                while let Admission::Wait(wait) = ticket.admit(now, MAX_RETRY_AFTER) {
                    now += wait;
                }
                now += ROUND_TRIP;
                let mut exchange = Exchange::default();
                if (call + attempt) % 2 == 0 && attempt == 0 {
                    exchange.on_response(StatusCode::from_u16(status).unwrap());
                    exchange.record_hint(seconds(1));
                    match ticket.on_attempt(&exchange, Verdict::Wait(seconds(1)), now, 0.0) {
                        Verdict::Wait(wait) => now += wait,
                        Verdict::Stop(_) => {
                            failed += 1;
                            break;
                        }
                    }
                } else {
                    exchange.on_response(StatusCode::OK);
                    _ = ticket.on_attempt(&exchange, Verdict::Stop(Stop::NotRetryable), now, 0.0);
                    break;
                }
            }
        }
        assert_eq!(failed, 0, "{status}");
    }
}

// The model.

fn caller() -> impl Strategy<Value = Caller> {
    let patience = prop_oneof![2 => Just(None), 1 => (1..3000u64).prop_map(Some)];
    let deadline = prop_oneof![2 => Just(None), 1 => (1..20_000u64).prop_map(Some)];
    (0..20_000u64, patience, deadline).prop_map(|(at, patience, deadline)| Caller {
        patience: patience.map(ms),
        deadline: deadline.map_or(Duration::MAX, ms),
        ..Caller::at(at)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A server that is well after its first refusals: no turn is lost, nobody starves, and nobody
    /// is held once it succeeds. That hints end as the rules say is asserted at each answer.
    #[test]
    fn a_server_that_is_well_again_is_used(
        callers in proptest::collection::vec(caller(), 1..300),
        refusals in proptest::collection::vec(proptest::option::of(1..5_000u64), 1..6),
    ) {
        let upstream = Upstream::new("model").without_budget();
        let world = World::run(&upstream, &callers, |request, _| {
            refusals.get(request).copied().flatten().map(ms)
        });
        // The slowest pace is that of a server which seemed down.
        prop_assert!(world.longest_gap <= seconds(5) + ms(10), "{:?}", world.longest_gap);
        for (call, caller) in world.calls.iter().zip(&callers) {
            match call.fate {
                Fate::Dropped => prop_assert_eq!(Some(call.ended_at - call.came_at), caller.patience),
                Fate::Expired => prop_assert!(call.ended_at - call.came_at >= caller.deadline.min(MAX_RETRY_AFTER)),
                Fate::Refused => {
                    prop_assert!(caller.deadline < Duration::MAX || call.retries > 3);
                }
                fate => prop_assert_eq!(fate, Fate::Succeeded),
            }
            // Nobody starves.
            prop_assert!(call.ended_at - call.came_at < seconds(60));
        }
        prop_assert_eq!(upstream.ticket().admit(START + seconds(1000), MAX_RETRY_AFTER), Admission::Send);
        prop_assert!(upstream.is_idle());
    }

}

proptest! {
    // Few cases, as each simulates calls that are refused for hours.
    #![proptest_config(ProptestConfig::with_cases(50))]

    /// A server that lets nothing through, or whose answers come too late: never more than the
    /// pace.
    #[test]
    fn a_server_that_answers_nothing_gets_no_more_than_the_pace(
        callers in proptest::collection::vec(caller(), 1..300),
        hint in 1..5_000u64,
    ) {
        let upstream = Upstream::new("model").without_budget();
        let mut refused_at = None;
        let world = World::run(&upstream, &callers, |_, now| {
            refused_at.get_or_insert(now + ROUND_TRIP);
            Some(ms(hint))
        });
        let Some(refused_at) = refused_at else { return Ok(()) };
        let after: Vec<_> = world.sends.iter().filter(|at| **at >= refused_at).collect();
        for (n, at) in after.iter().enumerate() {
            // The first pace is one a second, or one a hint, and a bit for each request that was
            // under way.
            let elapsed = (**at - refused_at).as_secs_f64();
            let first = (1000.0 / hint as f64).max(1.0);
            let most = 2.0 + elapsed * (first + 0.01 * callers.len() as f64) * 1.5;
            prop_assert!(n as f64 <= most, "{n} after {elapsed} s");
        }
    }
}
