//! Explores every interleaving of calls on several threads, calls that leave among them.

use http::StatusCode;
use loom::sync::Arc;
use loom::thread;

use super::*;

const NOW: Duration = Duration::from_secs(1);
const LATER: Duration = Duration::from_secs(100_000);
const PATIENCE: Duration = Duration::from_secs(60);
const LIMITED: StatusCode = StatusCode::TOO_MANY_REQUESTS;

/// Runs `threads` at once, in every order, and then checks the upstream.
fn explore<const N: usize>(
    upstream: fn() -> Upstream,
    threads: [fn(&Upstream) -> u32; N],
    check: fn(&Upstream, u32),
) {
    loom::model(move || {
        let upstream = Arc::new(upstream());
        let running = threads.map(|run| {
            let upstream = Arc::clone(&upstream);
            thread::spawn(move || run(&upstream))
        });
        let sum = running.into_iter().map(|thread| thread.join().unwrap()).sum();
        // `is_idle` tells the truth. Not by `with_state`, which would correct it.
        let is_idle = upstream.state.lock().unwrap().is_idle();
        assert_eq!(upstream.is_idle(), is_idle);
        check(&upstream, sum);
        // Never stuck: in the end all calls go, and the upstream is idle.
        assert_eq!(upstream.ticket().admit(LATER, PATIENCE), Admission::Send);
        assert!(upstream.is_idle());
    });
}

fn two_tokens() -> Upstream {
    Upstream::new("loom").budget(1.0, 1.0, 2)
}

/// Withdraws a token, and sends the retry.
fn withdraw(upstream: &Upstream) -> u32 {
    let mut ticket = upstream.ticket();
    let has_token = ticket.withdraw(NOW);
    ticket.spend();
    u32::from(has_token)
}

/// Withdraws a token, and is dropped during the wait.
fn withdraw_and_leave(upstream: &Upstream) -> u32 {
    let mut ticket = upstream.ticket();
    _ = ticket.withdraw(NOW);
    0
}

fn deposit(upstream: &Upstream) -> u32 {
    upstream.ticket().on_success(NOW);
    0
}

fn left(upstream: &Upstream) -> u32 {
    (0..3).map(|_| withdraw(upstream)).sum()
}

#[test]
fn loom_no_token_is_withdrawn_twice() {
    explore(two_tokens, [withdraw, withdraw, withdraw], |upstream, withdrawn| {
        assert_eq!(withdrawn, 2);
        assert_eq!(left(upstream), 0);
    });
}

#[test]
fn loom_no_deposit_is_lost() {
    // A deposit is lost while the bucket is full, so at most one token is left.
    explore(two_tokens, [withdraw, deposit, withdraw], |upstream, withdrawn| {
        assert_eq!(withdrawn, 2);
        assert!(left(upstream) <= 1);
    });
    let empty = || {
        let upstream = two_tokens();
        assert_eq!(left(&upstream), 2);
        upstream
    };
    explore(empty, [deposit, deposit, |_| 0], |upstream, _| assert_eq!(left(upstream), 2));
}

#[test]
fn loom_a_call_that_leaves_takes_no_token_along() {
    explore(two_tokens, [withdraw_and_leave, withdraw_and_leave, withdraw], |upstream, withdrawn| {
        assert_eq!(withdrawn + left(upstream), 2);
    });
}

#[test]
fn loom_a_wait_is_not_shortened_by_what_was_under_way() {
    explore(
        || Upstream::new("loom"),
        [
            |upstream| {
                upstream.ticket().on_refusal(LIMITED, NOW * 5, NOW, 0.5);
                // From here on no call goes, whatever the other threads do.
                u32::from(matches!(upstream.ticket().admit(NOW * 5, PATIENCE), Admission::Wait(_)))
            },
            |upstream| {
                upstream.ticket().on_refusal(LIMITED, NOW * 2, NOW, 0.5);
                0
            },
            |upstream| {
                upstream.ticket().on_success(NOW);
                0
            },
        ],
        |upstream, waits| {
            assert_eq!(waits, 1);
            assert_eq!(upstream.remaining_cooldown(NOW), Some(NOW * 5));
        },
    );
}

#[test]
fn loom_a_turn_of_a_call_that_leaves_is_not_lost() {
    let refused = || {
        let upstream = Upstream::new("loom");
        upstream.ticket().on_refusal(LIMITED, NOW, NOW, 0.0);
        upstream
    };
    let wait_and_leave: fn(&Upstream) -> u32 = |upstream| {
        let mut ticket = upstream.ticket();
        u32::from(matches!(ticket.admit(NOW, PATIENCE), Admission::Wait(_)))
    };
    explore(refused, [wait_and_leave, wait_and_leave, |_| 0], |upstream, waited| {
        assert_eq!(waited, 2);
        // All have left, so the first turn is anybody's.
        assert_eq!(upstream.ticket().admit(NOW * 2, PATIENCE), Admission::Send);
    });
}

#[test]
fn loom_a_probe_that_is_dropped_lets_exactly_one_other_go() {
    let refused = || {
        let upstream = Upstream::new("loom");
        upstream.ticket().on_refusal(LIMITED, NOW * 60, NOW, 0.0);
        // From here on the turn of a probe is due.
        assert!(matches!(upstream.ticket().admit(NOW, NOW), Admission::Wait(_)));
        upstream
    };
    // It may wait a second, and the hint lasts for a minute.
    let probe_and_leave: fn(&Upstream) -> u32 = |upstream| {
        let mut ticket = upstream.ticket();
        u32::from(ticket.admit(NOW * 2, NOW) == Admission::Send)
    };
    let wait_and_leave: fn(&Upstream) -> u32 = |upstream| {
        let mut ticket = upstream.ticket();
        let waits = matches!(ticket.admit(NOW * 2, NOW), Admission::Wait(_));
        if waits {
            // A waker is set or the call is to ask again, and then it is dropped.
            _ = ticket.set_waker(std::task::Waker::noop());
        }
        u32::from(!waits)
    };
    explore(refused, [probe_and_leave, wait_and_leave, |_| 0], |upstream, sent| {
        assert_eq!(sent, 1, "one turn is due, and one of them takes it");
        // Neither is under way any more, and neither keeps its place.
        assert_eq!(upstream.ticket().admit(NOW * 3, NOW), Admission::Send);
        let is_waiting =
            upstream.with_state(|state| state.with_cooldown(None, |cooldown, _| cooldown.is_waited_for()));
        assert_eq!(is_waiting, Some(false));
    });
}

#[test]
fn loom_budget_and_wait_do_not_hide_each_other() {
    explore(
        two_tokens,
        [withdraw, deposit, |upstream| {
            upstream.ticket().on_refusal(LIMITED, NOW, NOW, 0.0);
            u32::from(upstream.is_idle())
        }],
        |upstream, _| assert!(!upstream.is_idle()),
    );
}
