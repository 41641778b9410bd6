use super::*;

const NOW: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn an_upstream_is_idle_until_a_token_is_withdrawn_and_again_when_it_is_deposited() {
    static UPSTREAM: Upstream = Upstream::new("a service").budget(0.5, 0.0, 2);
    assert_eq!(UPSTREAM.name(), "a service");
    assert!(UPSTREAM.is_idle());
    assert_eq!([(); 3].map(|()| UPSTREAM.withdraw(NOW)), [true, true, false]);
    for _ in 0..4 {
        assert!(!UPSTREAM.is_idle());
        UPSTREAM.on_success(NOW);
    }
    assert!(UPSTREAM.is_idle());
}

#[test]
fn time_makes_an_upstream_idle_without_a_success() {
    let upstream = Upstream::new("a service").budget(0.0, 1.0, 2);
    assert!(upstream.withdraw(NOW));
    assert_eq!(upstream.admit(&mut Ticket::default(), NOW * 2, PATIENCE), None);
    assert!(upstream.is_idle());
}

#[test]
fn each_half_can_be_turned_off() {
    let upstream = Upstream::new("a service").without_budget().without_cooldown();
    upstream.on_refusal(NOW, NOW, 0.0);
    upstream.extend_cooldown(NOW, NOW * 2, 0.0);
    assert!((0..1000).all(|_| upstream.withdraw(NOW)));
    assert!(upstream.is_idle());
    assert_eq!(upstream.remaining_cooldown(NOW), None);
}

const AGAIN: Verdict = Verdict::Wait(Duration::from_secs(1));
const STOP: Verdict = Verdict::Stop(Stop::NotRetryable);

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

#[test]
fn a_retry_that_the_server_did_not_ask_for_withdraws_a_token() {
    let withdraws = |upstream: &Upstream, exchange: &Exchange| {
        assert_eq!(upstream.on_attempt(exchange, AGAIN, NOW, 0.0), AGAIN);
        upstream.on_attempt(exchange, AGAIN, NOW, 0.0) == Verdict::Stop(Stop::Budget)
    };
    for (exchange, expected) in [
        (responded(503, None), true),
        (responded(429, None), true),
        (responded(429, Some(0)), true),
        (responded(500, Some(9)), true),
        (responded(503, Some(9)), false),
        (responded(429, Some(9)), false),
        (responded(202, None), false),
    ] {
        assert_eq!(withdraws(&one_token(), &exchange), expected, "{exchange:?}");
    }
    assert!(withdraws(&one_token().without_cooldown(), &responded(429, Some(9))));
    assert!(!withdraws(&one_token().without_budget(), &responded(503, None)));
}

#[test]
fn the_hints_of_a_server_that_is_down_pay_for_nothing() {
    let upstream = one_token();
    let refusal = responded(503, Some(1));
    let again = |seconds| upstream.on_attempt(&refusal, AGAIN, NOW * seconds, 0.0);
    // Nothing comes through between one refusal and the next.
    assert_eq!([again(1), again(2), again(3)], [AGAIN, AGAIN, Verdict::Stop(Stop::Budget)]);
    upstream.on_success(NOW * 3);
    assert_eq!(again(3), AGAIN);
}

#[test]
fn a_response_that_is_no_failure_of_the_server_deposits_a_token() {
    let deposits = |exchange: &Exchange| {
        let upstream = one_token();
        assert!(upstream.withdraw(NOW));
        assert_eq!(upstream.on_attempt(exchange, STOP, NOW, 0.0), STOP);
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
    let upstream = one_token();
    assert_eq!(upstream.on_attempt(&responded(200, None), AGAIN, NOW, 0.0), AGAIN);
    assert!(!upstream.is_idle(), "a retry deposits nothing");
}

#[test]
fn a_refusal_holds_back_all_calls_and_reaches_the_hook() {
    use std::sync::{Arc, Mutex};

    let upstream = Upstream::new("a service");
    let calls = Arc::<Mutex<Vec<_>>>::default();
    let hook = Arc::clone(&calls);
    assert!(upstream.set_refusal_hook(Box::new(move |now, wait| hook.lock().unwrap().push((now, wait)))));
    assert!(!upstream.set_refusal_hook(Box::new(|_, _| {})), "there is one already");
    assert_eq!(upstream.on_attempt(&responded(503, Some(9)), STOP, NOW, 0.0), STOP);
    assert_eq!(upstream.remaining_cooldown(NOW), Some(NOW * 9));
    assert_eq!(upstream.on_attempt(&responded(500, Some(20)), STOP, NOW, 0.0), STOP);
    assert_eq!(upstream.remaining_cooldown(NOW), Some(NOW * 9), "a 500 is no refusal");
    upstream.on_refusal(NOW * 2, NOW * 7200, 0.0);
    assert_eq!(*calls.lock().unwrap(), [(NOW, NOW * 9), (NOW * 2, NOW * 3600)]);
}

#[test]
fn the_cooldown_of_a_fleet_holds_back_calls() {
    let upstream = Upstream::new("a service");
    upstream.extend_cooldown(NOW, NOW * 4, 0.0);
    assert_eq!(upstream.remaining_cooldown(NOW), Some(NOW * 3));
    assert!(upstream.admit(&mut Ticket::default(), NOW, PATIENCE).is_some());
    assert_eq!(upstream.remaining_cooldown(NOW * 4), None);
}
