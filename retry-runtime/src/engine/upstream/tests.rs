use super::*;
use crate::engine::exchange::Exchange;
use crate::engine::retry::{Stop, Verdict};
use http::StatusCode;

const NOW: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(60);
const LIMITED: StatusCode = StatusCode::TOO_MANY_REQUESTS;

#[test]
fn an_upstream_is_idle_until_a_token_is_withdrawn_and_again_when_it_is_deposited() {
    static UPSTREAM: Upstream = Upstream::new("a service").budget(0.5, 0.0, 2);
    assert_eq!(UPSTREAM.name(), "a service");
    assert!(UPSTREAM.is_idle());
    let mut tickets = [(); 3].map(|()| UPSTREAM.ticket());
    assert_eq!(tickets.each_mut().map(|ticket| ticket.withdraw(NOW)), [true, true, false]);
    for ticket in &mut tickets {
        assert_eq!(ticket.admit(NOW, PATIENCE), Admission::Send);
    }
    for _ in 0..4 {
        assert!(!UPSTREAM.is_idle());
        UPSTREAM.ticket().on_success(NOW);
    }
    assert!(UPSTREAM.is_idle());
}

#[test]
fn time_makes_an_upstream_idle_without_a_success() {
    let upstream = Upstream::new("a service").budget(0.0, 1.0, 2);
    let mut ticket = upstream.ticket();
    assert!(ticket.withdraw(NOW));
    assert_eq!(ticket.admit(NOW, PATIENCE), Admission::Send);
    assert_eq!(upstream.ticket().admit(NOW * 2, PATIENCE), Admission::Send);
    assert!(upstream.is_idle());
}

#[test]
fn each_half_can_be_turned_off() {
    let upstream = Upstream::new("a service").without_budget().without_cooldown();
    upstream.ticket().on_refusal(LIMITED, NOW, NOW, 0.0);
    upstream.hear(Word { now: NOW, left: NOW }, 0.0);
    assert!((0..1000).all(|_| upstream.ticket().withdraw(NOW)));
    assert!(upstream.is_idle());
    assert_eq!(upstream.remaining_cooldown_at(NOW), None);
}

#[test]
fn a_token_whose_retry_is_not_sent_comes_back() {
    let upstream = one_token();
    let mut dropped = upstream.ticket();
    assert!(dropped.withdraw(NOW));
    assert!(!upstream.is_idle() && !upstream.ticket().withdraw(NOW));
    drop(dropped);
    assert!(upstream.is_idle(), "its call was dropped during the wait");
    let mut sent = upstream.ticket();
    assert!(sent.withdraw(NOW));
    assert_eq!(sent.admit(NOW, PATIENCE), Admission::Send);
    drop(sent);
    assert!(!upstream.is_idle(), "a token is spent once the retry is sent");
}

#[test]
fn a_panic_gives_back_as_well() {
    let upstream = one_token();
    let call = std::panic::AssertUnwindSafe(|| {
        let mut ticket = upstream.ticket();
        assert!(ticket.withdraw(NOW));
        panic!("of the body");
    });
    assert!(std::panic::catch_unwind(call).is_err());
    assert!(upstream.is_idle());
}

#[test]
fn a_thousand_calls_that_leave_make_no_queue() {
    let upstream = Upstream::new("a service");
    upstream.ticket().on_refusal(LIMITED, NOW, NOW, 0.0);
    let mut tickets: Vec<_> = (0..1000).map(|_| upstream.ticket()).collect();
    for ticket in &mut tickets {
        assert!(matches!(ticket.admit(NOW, PATIENCE), Admission::Wait(_)));
    }
    let mut behind = upstream.ticket();
    assert!(matches!(behind.admit(NOW, PATIENCE), Admission::Wait(_)));
    drop(tickets);
    assert_eq!(behind.admit(NOW * 2, PATIENCE), Admission::Send, "all before it have left");
}

const AGAIN: Verdict = Verdict::Wait(Duration::from_secs(1));
const STOP: Verdict = Verdict::Stop(Stop::NotRetryable);
const SPENT: Verdict = Verdict::Stop(Stop::Exhausted);

fn responded(status: u16, hint: Option<u64>) -> Exchange {
    let mut exchange = Exchange::default();
    exchange.on_response(StatusCode::from_u16(status).unwrap());
    if let Some(seconds) = hint {
        exchange.record_hint(Duration::from_secs(seconds));
    }
    exchange
}

/// Makes an upstream with one token, which nothing but successes brings back.
fn one_token() -> Upstream {
    Upstream::new("a service").budget(1.0, 0.0, 1)
}

/// Reports an attempt whose retry is sent.
fn report(upstream: &Upstream, exchange: &Exchange, verdict: Verdict, now: Duration) -> Verdict {
    let mut ticket = upstream.ticket();
    let verdict = ticket.on_attempt(exchange, verdict, now, 0.0);
    // Far in the future nothing holds it back.
    let _: Admission = ticket.admit(now, Duration::ZERO);
    verdict
}

#[test]
fn a_retry_that_the_server_did_not_ask_for_withdraws_a_token() {
    let withdraws = |upstream: &Upstream, exchange: &Exchange| {
        let mut tickets = [(); 2].map(|()| upstream.ticket());
        assert_eq!(tickets[0].on_attempt(exchange, AGAIN, NOW, 0.0), AGAIN);
        tickets[1].on_attempt(exchange, AGAIN, NOW, 0.0) == Verdict::Stop(Stop::Budget)
    };
    let mut reported = responded(200, None);
    reported.record_reported_hint(NOW);
    for (exchange, expected) in [
        (responded(503, None), true),
        (responded(429, None), true),
        (responded(429, Some(0)), true),
        (responded(200, Some(9)), true),
        (responded(503, Some(9)), false),
        (responded(429, Some(9)), false),
        (responded(500, Some(9)), false),
        (responded(403, Some(9)), false),
        (responded(529, Some(9)), false),
        (responded(202, None), false),
        (reported, false),
    ] {
        assert_eq!(withdraws(&one_token(), &exchange), expected, "{exchange:?}");
    }
    assert!(withdraws(&one_token().without_cooldown(), &responded(429, Some(9))));
    assert!(!withdraws(&one_token().without_budget(), &responded(503, None)));
}

#[test]
fn a_header_of_a_quota_refuses_only_where_nothing_remains_or_the_status_says_so() {
    use http::HeaderMap;

    let refuses = |status: u16, headers: &[(&'static str, &str)]| {
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let mut exchange = Exchange::default();
        let report = crate::engine::report::Report::response(StatusCode::from_u16(status).unwrap(), &headers);
        exchange.record_report(
            &report,
            crate::engine::exchange::Hints {
                of: crate::engine::exchange::HintsOf::All,
                ..Default::default()
            },
            || std::time::SystemTime::UNIX_EPOCH,
        );
        assert!(exchange.hint().is_some(), "{status} {headers:?}");
        exchange.refusal_hint().is_some()
    };
    let reset = ("x-ratelimit-reset-after", "9");
    for (status, headers, expected) in [
        (500, vec![reset], false),
        (403, vec![reset], true),
        (429, vec![reset], true),
        (503, vec![reset], true),
        (500, vec![reset, ("x-ratelimit-remaining", "0")], true),
        (500, vec![("ratelimit", "limit=9, remaining=0, reset=5")], true),
        (500, vec![("ratelimit", "\"a\";r=0;t=5")], true),
        (500, vec![("ratelimit", "limit=9, reset=5")], false),
        (500, vec![("retry-after", "5")], true),
        (500, vec![("retry-after-ms", "5")], true),
        (202, vec![("retry-after", "5")], false),
    ] {
        assert_eq!(refuses(status, &headers), expected, "{status} {headers:?}");
    }
}

#[test]
fn the_hints_of_a_server_that_is_down_pay_for_nothing() {
    let upstream = one_token();
    let refusal = responded(503, Some(1));
    let again = |seconds| {
        let verdict = report(&upstream, &refusal, AGAIN, NOW * seconds);
        // The token of a retry that is not sent would come back.
        verdict
    };
    // Nothing comes through between one refusal and the next.
    assert_eq!(again(10), AGAIN);
    let mut waiting = upstream.ticket();
    assert_eq!(waiting.on_attempt(&refusal, AGAIN, NOW * 20, 0.0), AGAIN);
    assert_eq!(again(30), Verdict::Stop(Stop::Budget));
    upstream.ticket().on_success(NOW * 30);
    assert_eq!(again(30), AGAIN);
}

#[test]
fn a_response_that_is_no_failure_of_the_server_deposits_a_token() {
    let deposits = |exchange: &Exchange| {
        let upstream = one_token();
        let mut ticket = upstream.ticket();
        assert!(ticket.withdraw(NOW));
        assert_eq!(ticket.admit(NOW, PATIENCE), Admission::Send);
        assert_eq!(ticket.on_attempt(exchange, STOP, NOW, 0.0), STOP);
        upstream.is_idle()
    };
    let mut broken = responded(200, None);
    broken.on_error(retry_policy::Failure::Body);
    let mut unseen = Exchange::default();
    assert!(!deposits(&unseen), "an `Err` that says nothing");
    unseen.on_success();
    assert!(deposits(&unseen));
    assert!(deposits(&responded(200, None)) && deposits(&responded(404, None)));
    assert!(!deposits(&responded(500, None)) && !deposits(&responded(429, None)));
    assert!(!deposits(&broken));
    let mut elsewhere = responded(200, None);
    elsewhere.on_answer_from_elsewhere();
    assert!(!deposits(&elsewhere), "another host says nothing");
    let upstream = one_token();
    let mut ticket = upstream.ticket();
    assert_eq!(ticket.on_attempt(&responded(200, None), AGAIN, NOW, 0.0), AGAIN);
    assert!(!upstream.is_idle(), "a retry deposits nothing");
}

#[test]
fn what_is_not_retried_or_not_sent_or_said_elsewhere_is_no_refusal() {
    let mut elsewhere = responded(429, Some(9));
    elsewhere.on_answer_from_elsewhere();
    let mut unsent = responded(429, Some(9));
    unsent.on_unsent();
    for (exchange, verdict) in [
        (responded(429, Some(9)), STOP),
        (responded(429, Some(9)), Verdict::Stop(Stop::Never)),
        (elsewhere, AGAIN),
        (unsent, SPENT),
    ] {
        let upstream = Upstream::new("a service");
        let mut ticket = upstream.ticket();
        assert_eq!(ticket.on_attempt(&exchange, verdict, NOW, 0.0), verdict);
        assert_eq!(upstream.remaining_cooldown_at(NOW), None, "{exchange:?}");
    }
}

#[test]
fn a_refusal_holds_back_all_calls_and_reaches_the_hook() {
    use std::sync::{Arc, Mutex};

    let upstream = Upstream::new("a service");
    let words = Arc::<Mutex<Vec<_>>>::default();
    let hook = Arc::clone(&words);
    assert!(upstream.set_hook(Box::new(move |word| hook.lock().unwrap().push(word))));
    assert!(!upstream.set_hook(Box::new(|_| {})), "there is one already");
    assert!(format!("{upstream:?}").contains("Hook"));
    assert_eq!(report(&upstream, &responded(503, Some(9)), SPENT, NOW), SPENT);
    assert_eq!(upstream.remaining_cooldown_at(NOW), Some(NOW * 9));
    // Its request was under way when the first one was refused.
    assert_eq!(report(&upstream, &responded(500, Some(5)), SPENT, NOW * 2), SPENT);
    assert_eq!(upstream.remaining_cooldown_at(NOW), Some(NOW * 9));
    let mut probe = upstream.ticket();
    assert!(matches!(probe.admit(NOW * 2, NOW * 2), Admission::Wait(_)));
    assert_eq!(probe.admit(NOW * 3, NOW), Admission::Send);
    probe.on_refusal(LIMITED, NOW, NOW * 3, 0.0);
    assert_eq!(upstream.remaining_cooldown_at(NOW * 3), Some(NOW), "sent after, so the shorter one counts");
    upstream.ticket().on_refusal(LIMITED, NOW * 7200, NOW * 3, 0.0);
    let word = |now, left| Word { now: NOW * now, left: NOW * left };
    assert_eq!(*words.lock().unwrap(), [word(1, 9), word(3, 1), word(3, 300)]);
}

#[test]
fn a_success_that_was_sent_after_the_hint_ends_it() {
    let upstream = Upstream::new("a service");
    let mut before = upstream.ticket();
    assert_eq!(before.admit(NOW, PATIENCE), Admission::Send);
    upstream.ticket().on_refusal(LIMITED, NOW * 50, NOW * 2, 0.0);
    before.on_success(NOW * 3);
    assert!(upstream.remaining_cooldown_at(NOW * 3).is_some(), "it was under way when the hint came");
    let mut probe = upstream.ticket();
    assert!(matches!(probe.admit(NOW * 4, NOW), Admission::Wait(_) | Admission::Send));
    let _: Admission = probe.admit(NOW * 5, NOW);
    probe.on_success(NOW * 6);
    assert_eq!(upstream.remaining_cooldown_at(NOW * 6), None);
    assert_eq!(upstream.ticket().admit(NOW * 6, PATIENCE), Admission::Send);
}

#[test]
fn a_success_shows_nothing_if_its_call_was_admitted_before_the_hint_was_known() {
    type Hint = fn(&Upstream, Scope<'_>);
    let of_another_call: Hint = |_, scope| scope.ticket().on_refusal(LIMITED, NOW * 50, NOW * 4, 0.0);
    let of_another_process: Hint = |upstream, _| upstream.hear(Word { now: NOW * 4, left: NOW * 50 }, 0.0);
    for (name, hint) in [(None, of_another_call), (None, of_another_process), (Some(1), of_another_call)] {
        let upstream = Upstream::new("a service");
        let scope = name.map_or(upstream.all(), |name| upstream.scope(name));
        upstream.ticket().on_refusal(LIMITED, NOW, NOW, 0.0);
        let mut call = scope.ticket();
        assert_eq!(call.admit(NOW * 5, PATIENCE), Admission::Send);
        // The hint came before the admission, but the admission took the lock first.
        hint(&upstream, scope);
        call.on_success(NOW * 6);
        assert!(scope.remaining_cooldown_at(NOW * 6).is_some(), "{name:?}");
    }
}

#[test]
fn a_call_that_begins_in_an_admitted_attempt_before_the_hint_is_known_shows_nothing() {
    let upstream = Upstream::new("a service");
    upstream.ticket().on_refusal(LIMITED, NOW, NOW, 0.0);
    let mut inner = upstream.ticket();
    inner.begin_admitted(NOW * 5);
    upstream.ticket().on_refusal(LIMITED, NOW * 50, NOW * 4, 0.0);
    inner.on_success(NOW * 6);
    assert!(upstream.remaining_cooldown_at(NOW * 6).is_some());
}

#[test]
fn calls_that_may_not_wait_go_one_at_a_time_and_those_left_over_expire() {
    let upstream = Upstream::new("a service");
    upstream.ticket().on_refusal(LIMITED, NOW * 60, NOW, 0.0);
    let mut tickets: Vec<_> = (0..20).map(|_| upstream.ticket()).collect();
    let (mut sent, mut expired) = (0, 0);
    for tick in 0..60 {
        let now = NOW + Duration::from_millis(100) * tick;
        tickets.retain_mut(|ticket| match ticket.admit(now, NOW * 5) {
            Admission::Send => {
                sent += 1;
                false
            }
            Admission::Wait(_) => true,
            Admission::Expired => {
                expired += 1;
                false
            }
            admission @ Admission::Refused { .. } => panic!("{admission:?}"),
        });
    }
    assert!((3..=6).contains(&sent) && sent + expired == 20, "{sent} sent, {expired} expired");
}

#[test]
fn only_one_probe_is_under_way() {
    let upstream = Upstream::new("a service");
    upstream.ticket().on_refusal(LIMITED, NOW * 60, NOW, 0.0);
    let [mut first, mut second] = [(); 2].map(|()| upstream.ticket());
    assert!(matches!(first.admit(NOW, NOW * 20), Admission::Wait(_)));
    assert!(matches!(second.admit(NOW, NOW * 20), Admission::Wait(_)));
    assert_eq!(first.admit(NOW * 2, NOW), Admission::Send);
    assert!(matches!(second.admit(NOW * 6, NOW), Admission::Wait(_)));
    drop(first);
    assert_eq!(second.admit(NOW * 6, NOW), Admission::Send);
}

#[test]
fn a_probe_that_hangs_keeps_the_others_from_finding_out_for_five_seconds() {
    let upstream = Upstream::new("a service");
    upstream.ticket().on_refusal(LIMITED, NOW * 300, NOW, 0.0);
    let [mut hangs, mut second, mut third] = [(); 3].map(|()| upstream.ticket());
    for ticket in [&mut hangs, &mut second, &mut third] {
        assert!(matches!(ticket.admit(NOW, NOW * 20), Admission::Wait(_)));
    }
    assert_eq!(hangs.admit(NOW * 2, NOW), Admission::Send);
    assert!(matches!(second.admit(NOW * 6, NOW), Admission::Wait(_)));
    assert_eq!(second.admit(NOW * 7, NOW), Admission::Send);
    // The end of the one that hung is not that of the second.
    drop(hangs);
    assert!(matches!(third.admit(NOW * 11, NOW), Admission::Wait(_)));
    second.on_success(NOW * 11);
    assert_eq!(upstream.remaining_cooldown_at(NOW * 11), None);
    drop((second, third));
    assert_eq!(upstream.ticket().admit(NOW * 1000, PATIENCE), Admission::Send);
    assert!(upstream.is_idle());
}

#[test]
fn an_upstream_that_answers_locally_repeats_the_last_refusal() {
    let upstream = Upstream::new("a service").answer_locally();
    upstream.ticket().on_refusal(StatusCode::SERVICE_UNAVAILABLE, NOW * 60, NOW, 0.0);
    let refused = |status, left| Admission::Refused { status, retry_after: NOW * left };
    let mut impatient = upstream.ticket();
    assert_eq!(impatient.admit(NOW * 11, NOW), refused(StatusCode::SERVICE_UNAVAILABLE, 50));
    assert!(matches!(upstream.ticket().admit(NOW * 11, PATIENCE), Admission::Wait(_)));
    let upstream = Upstream::new("a service").answer_locally();
    upstream.ticket().on_refusal(StatusCode::OK, NOW * 60, NOW, 0.0);
    assert_eq!(upstream.ticket().admit(NOW, NOW), refused(LIMITED, 60));
}

#[test]
fn the_word_of_a_fleet_holds_back_calls_for_the_longest_wait_and_the_latest_counts() {
    let upstream = Upstream::new("a service").longest(NOW * 30);
    assert_eq!(upstream.longest_wait(), NOW * 30);
    let hear = |seconds| upstream.hear(Word { now: NOW, left: NOW * seconds }, 0.0);
    hear(3);
    assert_eq!(upstream.remaining_cooldown_at(NOW), Some(NOW * 3));
    assert!(matches!(upstream.ticket().admit(NOW, PATIENCE), Admission::Wait(_)));
    hear(u32::MAX);
    assert_eq!(upstream.remaining_cooldown_at(NOW), Some(NOW * 30));
    hear(2);
    assert_eq!(upstream.remaining_cooldown_at(NOW), Some(NOW * 2));
    hear(0);
    assert_eq!(upstream.remaining_cooldown_at(NOW), None);
    assert_eq!(upstream.ticket().admit(NOW, PATIENCE), Admission::Send);
}

#[test]
fn a_scope_has_a_cooldown_of_its_own_and_shares_the_budget() {
    let upstream = one_token();
    let (search, core) = (upstream.scope("search"), upstream.scope("core"));
    search.ticket().on_refusal(LIMITED, NOW * 9, NOW, 0.0);
    assert_eq!(search.remaining_cooldown_at(NOW), Some(NOW * 9));
    assert_eq!([core.remaining_cooldown_at(NOW), upstream.remaining_cooldown_at(NOW)], [None, None]);
    assert!(matches!(upstream.scope("search").ticket().admit(NOW, PATIENCE), Admission::Wait(_)));
    assert_eq!(core.ticket().admit(NOW, PATIENCE), Admission::Send);
    let mut ticket = search.ticket();
    assert!(ticket.withdraw(NOW) && !core.ticket().withdraw(NOW) && !upstream.ticket().withdraw(NOW));
    drop(ticket);
    // It is forgotten when it is over.
    assert_eq!(core.ticket().admit(NOW * 60, PATIENCE), Admission::Send);
    assert!(upstream.is_idle());
}

#[test]
fn scopes_take_a_bounded_room() {
    let upstream = Upstream::new("a service");
    for channel in 0..MOST_SCOPES + 100 {
        let hint = NOW * u32::try_from(channel + 1).unwrap();
        upstream.scope(channel).ticket().on_refusal(LIMITED, hint, NOW, 0.0);
    }
    assert_eq!(upstream.with_state(|state| state.scopes.len()), MOST_SCOPES);
    assert!(upstream.scope(MOST_SCOPES + 99).remaining_cooldown_at(NOW).is_some());
    assert_eq!(upstream.scope(0).remaining_cooldown_at(NOW), None);
}

#[test]
fn scopes_that_are_over_are_swept_out_once_a_second() {
    let upstream = Upstream::new("a service");
    upstream.scope("search").ticket().on_refusal(LIMITED, NOW, NOW, 0.0);
    let scopes_at = |millis| {
        let admission = upstream.ticket().admit(Duration::from_millis(millis), PATIENCE);
        assert_eq!(admission, Admission::Send);
        upstream.with_state(|state| state.scopes.len())
    };
    // The cooldown is over ten seconds after the hint.
    assert_eq!([11_900, 12_100, 12_899, 12_900].map(scopes_at), [1, 1, 1, 0]);
}

#[test]
fn a_call_of_a_forgotten_scope_takes_no_place_of_another() {
    let upstream = Upstream::new("a service");
    let refuse = |scope: Scope<'_>, hint| scope.ticket().on_refusal(LIMITED, hint, NOW, 0.0);
    let forgotten = upstream.scope("forgotten");
    refuse(forgotten, NOW);
    let mut old = forgotten.ticket();
    assert!(matches!(old.admit(NOW, PATIENCE), Admission::Wait(_)));
    for channel in 0..MOST_SCOPES {
        refuse(upstream.scope(channel), NOW * 60);
    }
    assert_eq!(forgotten.remaining_cooldown_at(NOW), None);
    refuse(forgotten, NOW * 60);
    let mut new = forgotten.ticket();
    assert!(matches!(new.admit(NOW, NOW * 200), Admission::Wait(_)));
    drop(old);
    let waiting =
        |state: &mut State| state.with_cooldown(forgotten.key(), |cooldown, _| cooldown.has_patient_calls());
    assert_eq!(upstream.with_state(waiting), Some(true));
}

#[test]
fn a_poll_says_that_the_server_takes_requests_and_deposits_nothing() {
    let upstream = one_token();
    let (poll, mut spent) = (responded(202, Some(1)), upstream.ticket());
    assert!(spent.withdraw(NOW));
    assert_eq!(spent.admit(NOW, PATIENCE), Admission::Send);
    upstream.ticket().on_refusal(LIMITED, NOW * 60, NOW, 0.0);
    let mut probe = upstream.ticket();
    assert!(matches!(probe.admit(NOW, NOW), Admission::Wait(_)));
    assert_eq!(probe.admit(NOW * 2, NOW), Admission::Send);
    assert_eq!(probe.on_attempt(&poll, AGAIN, NOW * 3, 0.0), AGAIN);
    assert_eq!(upstream.remaining_cooldown_at(NOW * 3), None);
    assert!(!upstream.ticket().withdraw(NOW * 3));
    // A server that answers nothing else is not down, so its hints pay.
    assert_eq!(upstream.ticket().on_attempt(&responded(429, Some(1)), AGAIN, NOW * 9, 0.0), AGAIN);
}

#[test]
fn what_a_call_inside_an_admitted_attempt_hears_counts() {
    let upstream = Upstream::new("a service");
    upstream.ticket().on_refusal(LIMITED, NOW * 60, NOW, 0.0);
    let mut inner = upstream.ticket();
    inner.begin_admitted(NOW * 2);
    inner.on_refusal(LIMITED, NOW * 5, NOW * 3, 0.0);
    assert_eq!(upstream.remaining_cooldown_at(NOW * 3), Some(NOW * 5));
    let mut inner = upstream.ticket();
    inner.begin_admitted(NOW * 4);
    inner.on_success(NOW * 5);
    assert_eq!(upstream.remaining_cooldown_at(NOW * 5), None);
}

#[test]
fn a_poll_of_a_call_that_began_before_a_server_seemed_down_says_that_it_is_not() {
    for (status, is_up) in [(202, true), (200, false), (500, false)] {
        let upstream = one_token();
        for seconds in [1, 10] {
            upstream.ticket().on_refusal(LIMITED, NOW * 5, NOW * seconds, 0.0);
        }
        let [mut call, mut other] = [(); 2].map(|()| upstream.ticket());
        assert_eq!(call.on_attempt(&responded(status, None), AGAIN, NOW * 11, 0.0), AGAIN);
        assert_eq!(other.withdraw(NOW * 11), is_up, "one of them has the token");
        let verdict = upstream.ticket().on_attempt(&responded(429, Some(1)), AGAIN, NOW * 12, 0.0);
        assert_eq!(verdict == AGAIN, is_up, "the hints of a server that is down pay for nothing");
    }
}

#[test]
fn a_success_that_ends_a_hint_reaches_the_hook_and_no_other_does() {
    use std::sync::{Arc, Mutex};

    let upstream = Upstream::new("a service");
    let words = Arc::<Mutex<Vec<_>>>::default();
    let hook = Arc::clone(&words);
    assert!(upstream.set_hook(Box::new(move |word| hook.lock().unwrap().push(word))));
    upstream.ticket().on_refusal(LIMITED, NOW * 60, NOW, 0.0);
    upstream.ticket().on_success(NOW * 2);
    let mut sent = upstream.ticket();
    sent.begin_admitted(NOW * 2);
    sent.on_success(NOW * 3);
    let word = |now, left| Word { now: NOW * now, left: NOW * left };
    assert_eq!(*words.lock().unwrap(), [word(1, 60), word(3, 0)]);
}

#[test]
fn a_call_asks_again_when_it_is_called_and_at_once_if_it_has_no_place() {
    use std::task::Waker;

    let upstream = Upstream::new("a service");
    let mut ticket = upstream.ticket();
    assert!(ticket.set_waker(Waker::noop()), "it has not asked");
    upstream.ticket().on_refusal(LIMITED, NOW * 9, NOW, 0.0);
    assert!(matches!(ticket.admit(NOW, PATIENCE), Admission::Wait(_)));
    assert!(!ticket.set_waker(Waker::noop()));
    upstream.hear(Word { now: NOW, left: Duration::ZERO }, 0.0);
    assert!(ticket.set_waker(Waker::noop()), "the hint is over");
}

#[test]
fn wakers_are_woken_and_dropped_when_the_lock_is_free() {
    use std::sync::{Arc, Mutex};
    use std::task::{Wake, Waker};

    struct Witness {
        upstream: Arc<Upstream>,
        seen: Arc<Mutex<Vec<(&'static str, bool)>>>,
    }

    impl Witness {
        fn see(&self, what: &'static str) {
            self.seen.lock().unwrap().push((what, self.upstream.state.try_lock().is_ok()));
        }
    }

    impl Wake for Witness {
        fn wake(self: Arc<Self>) {
            self.see("woken");
        }
    }

    impl Drop for Witness {
        fn drop(&mut self) {
            self.see("dropped");
        }
    }

    let (upstream, seen) = (Arc::new(Upstream::new("a service")), Arc::default());
    let sleep = |ticket: &Ticket<'_>| {
        let witness = Witness { upstream: Arc::clone(&upstream), seen: Arc::clone(&seen) };
        assert!(!ticket.set_waker(&Waker::from(Arc::new(witness))));
    };
    upstream.ticket().on_refusal(LIMITED, NOW * 9, NOW, 0.0);
    let mut ticket = upstream.ticket();
    assert!(matches!(ticket.admit(NOW, PATIENCE), Admission::Wait(_)));
    sleep(&ticket);
    assert_eq!(*seen.lock().unwrap(), []);
    // Another waker takes its place.
    sleep(&ticket);
    assert_eq!(*seen.lock().unwrap(), [("dropped", true)]);
    upstream.hear(Word { now: NOW, left: Duration::ZERO }, 0.0);
    assert_eq!(*seen.lock().unwrap(), [("dropped", true), ("woken", true), ("dropped", true)]);
}
