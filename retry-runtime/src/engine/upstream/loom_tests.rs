//! Explores every interleaving of calls on several threads, calls that leave among them.

use http::StatusCode;
use loom::model::Builder;
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
    explore_by(&Builder::new(), upstream, threads, check);
}

/// Runs `threads` at once, in the orders of a `builder`, and then checks the upstream.
fn explore_by<const N: usize>(
    builder: &Builder,
    upstream: fn() -> Upstream,
    threads: [fn(&Upstream) -> u32; N],
    check: fn(&Upstream, u32),
) {
    builder.check(move || {
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

/// Is refused for the longest, and asks to be admitted. From then on no call goes, whatever the
/// other threads do.
fn refused_for_five_seconds(upstream: &Upstream) -> u32 {
    upstream.ticket().on_refusal(LIMITED, NOW * 5, NOW, 0.5);
    u32::from(matches!(upstream.ticket().admit(NOW * 5, PATIENCE), Admission::Wait(_)))
}

fn refused_for_two_seconds(upstream: &Upstream) -> u32 {
    upstream.ticket().on_refusal(LIMITED, NOW * 2, NOW, 0.5);
    0
}

fn is_held_for_five_seconds(upstream: &Upstream, waits: u32) {
    assert_eq!(waits, 1);
    assert_eq!(upstream.remaining_cooldown_at(NOW), Some(NOW * 5));
}

#[test]
fn loom_a_wait_is_not_shortened_by_another() {
    explore(
        || Upstream::new("loom"),
        [refused_for_five_seconds, refused_for_two_seconds],
        is_held_for_five_seconds,
    );
}

#[test]
fn loom_a_wait_is_not_shortened_by_a_success() {
    explore(|| Upstream::new("loom"), [refused_for_five_seconds, deposit], is_held_for_five_seconds);
}

#[test]
fn loom_a_wait_is_not_shortened_by_both() {
    // All orders of the three take minutes, those with up to four preemptions seconds.
    let mut builder = Builder::new();
    builder.preemption_bound = Some(4);
    explore_by(
        &builder,
        || Upstream::new("loom"),
        [refused_for_five_seconds, refused_for_two_seconds, deposit],
        is_held_for_five_seconds,
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

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(std::sync::atomic::AtomicU32);

impl std::task::Wake for Woken {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Lets a call leave, which has entered before, while another one asks at `at` and falls asleep.
/// Whichever comes first, the other one goes or is told to ask again: no wake-up is lost.
fn explore_leaving(enter: fn(&mut Ticket<'_>), at: Duration, patience: Duration) {
    loom::model(move || {
        let upstream: &'static Upstream = Box::leak(Box::new(Upstream::new("loom")));
        upstream.ticket().on_refusal(LIMITED, NOW * 3, NOW, 0.0);
        let mut first = upstream.ticket();
        enter(&mut first);
        let leaving = thread::spawn(move || drop(first));
        let woken = std::sync::Arc::<Woken>::default();
        let mut second = upstream.ticket();
        let has_gone = second.admit(at, patience) == Admission::Send;
        let waker = std::task::Waker::from(std::sync::Arc::clone(&woken));
        let is_called = !has_gone && second.set_waker(&waker);
        leaving.join().unwrap();
        let is_woken = woken.0.load(Ordering::SeqCst) > 0;
        assert!(has_gone || ((is_called || is_woken) && second.admit(at, patience) == Admission::Send));
    });
}

#[test]
fn loom_a_call_that_leaves_wakes_the_one_behind_it() {
    let wait: fn(&mut Ticket<'_>) = |first| {
        assert!(matches!(first.admit(NOW * 2, PATIENCE), Admission::Wait(_)));
    };
    explore_leaving(wait, NOW * 4, PATIENCE);
}

#[test]
fn loom_a_probe_that_is_dropped_wakes_the_next_one() {
    let probe: fn(&mut Ticket<'_>) = |first| {
        assert!(matches!(first.admit(NOW, NOW), Admission::Wait(_)));
        assert_eq!(first.admit(NOW * 2, NOW), Admission::Send);
    };
    explore_leaving(probe, NOW * 3, NOW / 2);
}
