//! Explores every interleaving of calls on several threads.

use loom::sync::Arc;
use loom::thread;

use super::*;

const NOW: Duration = Duration::from_secs(1);
const LATER: Duration = Duration::from_secs(100_000);
const PATIENCE: Duration = Duration::from_secs(60);

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
        // `is_idle` tells the truth. Not by `lock`, which would correct it.
        let is_idle = {
            let state = upstream.state.lock().unwrap();
            state.budget.is_full() && state.cooldown.is_idle()
        };
        assert_eq!(upstream.is_idle(), is_idle);
        check(&upstream, sum);
        // Never stuck: in the end all calls go, and the upstream is idle.
        assert_eq!(upstream.admit(&mut Ticket::default(), LATER, PATIENCE), None);
        assert!(upstream.is_idle());
    });
}

fn two_tokens() -> Upstream {
    Upstream::new("loom").budget(1.0, 1.0, 2)
}

fn withdraw(upstream: &Upstream) -> u32 {
    u32::from(upstream.withdraw(NOW))
}

fn deposit(upstream: &Upstream) -> u32 {
    upstream.on_success(NOW);
    0
}

#[test]
fn loom_no_token_is_withdrawn_twice() {
    explore(two_tokens, [withdraw, withdraw, withdraw], |upstream, withdrawn| {
        assert_eq!(withdrawn, 2);
        assert!(!upstream.withdraw(NOW));
    });
}

#[test]
fn loom_no_deposit_is_lost() {
    // A deposit is lost while the bucket is full, so at most one token is left.
    explore(two_tokens, [withdraw, deposit, withdraw], |upstream, withdrawn| {
        assert_eq!(withdrawn, 2);
        let left = (0..3).filter(|_| upstream.withdraw(NOW)).count();
        assert!(left <= 1, "{left}");
    });
    let one_missing = || {
        let upstream = two_tokens();
        assert!(upstream.withdraw(NOW));
        upstream
    };
    explore(one_missing, [withdraw, deposit, deposit], |upstream, withdrawn| {
        assert_eq!(withdrawn, 1);
        let left = (0..3).filter(|_| upstream.withdraw(NOW)).count();
        assert!(left == 1 || left == 2, "{left}");
    });
    let empty = || {
        let upstream = two_tokens();
        assert!(upstream.withdraw(NOW) && upstream.withdraw(NOW));
        upstream
    };
    explore(empty, [deposit, deposit, |_| 0], |upstream, _| {
        assert_eq!((0..3).filter(|_| upstream.withdraw(NOW)).count(), 2);
    });
}

#[test]
fn loom_a_wait_is_never_shortened() {
    explore(
        || Upstream::new("loom"),
        [
            |upstream| {
                upstream.on_refusal(NOW, NOW * 5, 0.5);
                // From here on no call goes, whatever the other threads do.
                u32::from(upstream.admit(&mut Ticket::default(), NOW * 5, PATIENCE).is_some())
            },
            |upstream| {
                upstream.on_refusal(NOW, NOW * 2, 0.5);
                0
            },
            |upstream| {
                upstream.extend_cooldown(NOW, NOW * 3, 0.5);
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
fn loom_budget_and_wait_do_not_hide_each_other() {
    explore(
        two_tokens,
        [withdraw, deposit, |upstream| {
            upstream.on_refusal(NOW, NOW, 0.0);
            u32::from(upstream.is_idle())
        }],
        |upstream, _| assert!(!upstream.is_idle()),
    );
}
