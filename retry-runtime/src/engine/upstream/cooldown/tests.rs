use super::*;
use proptest::prelude::*;

const PATIENCE: Duration = Duration::from_secs(120);

fn s(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// Returns the time at which a call goes that first asks at `now`.
fn admission(cooldown: &mut Cooldown, mut now: Duration, at_most: Duration) -> Duration {
    let mut ticket = Ticket::default();
    while let Some(wait) = cooldown.admit(&mut ticket, now, at_most) {
        now += wait;
    }
    now
}

#[test]
fn no_call_goes_before_the_hint_is_over_and_then_one_by_one() {
    let mut cooldown = Cooldown::IDLE;
    cooldown.on_refusal(s(1.0), s(3.0), 0.0);
    assert_eq!(cooldown.remaining(s(1.0)), Some(s(2.0)));
    let mut tickets = [(); 3].map(|()| Ticket::default());
    for ticket in &mut tickets {
        assert!(cooldown.admit(ticket, s(1.0), PATIENCE).is_some());
    }
    // The first goes at once, and then one a second while the capacity is unknown.
    for (second, ticket) in [3.0, 4.0, 5.0].into_iter().zip(&mut tickets) {
        assert!(cooldown.admit(ticket, s(second - 0.01), PATIENCE).is_some());
        assert_eq!(cooldown.admit(ticket, s(second), PATIENCE), None);
    }
    assert_eq!(cooldown.remaining(s(3.0)), None);
}

#[test]
fn a_hint_is_never_shortened_and_lasts_an_hour_at_most() {
    let mut cooldown = Cooldown::IDLE;
    cooldown.on_refusal(s(0.0), s(9.0), 0.0);
    cooldown.on_refusal(s(0.0), s(3.0), 0.0);
    cooldown.extend(s(1.0), s(0.5), 0.0);
    assert_eq!(cooldown.remaining(s(1.0)), Some(s(8.0)));
    cooldown.on_refusal(s(1.0), Duration::MAX, 0.0);
    assert_eq!(cooldown.remaining(s(1.0)), Some(LONGEST));
}

#[test]
fn successes_quicken_the_pace_until_a_refusal_measures_it() {
    let mut cooldown = Cooldown::IDLE;
    cooldown.on_refusal(s(0.0), s(1.0), 0.0);
    // A hundred go through in the second after.
    (0..100).for_each(|n| cooldown.on_success(s(1.0 + 0.01 * f64::from(n))));
    assert!(cooldown.pace.as_ref().unwrap().base_rate > 400.0);
    // That was 50 a second, wait included. The rate falls by half at most.
    cooldown.on_refusal(s(2.0), s(3.0), 0.0);
    let measured = cooldown.pace.as_ref().unwrap().base_rate;
    assert!((200.0..210.0).contains(&measured), "{measured}");
    // Refusals during the cooldown do not measure it.
    cooldown.on_refusal(s(2.1), s(3.1), 0.0);
    assert_eq!(cooldown.pace.as_ref().unwrap().base_rate.to_bits(), measured.to_bits());
}

#[test]
fn a_call_goes_when_its_patience_ends_and_at_once_if_a_hint_outlasts_it() {
    let mut cooldown = Cooldown::IDLE;
    cooldown.on_refusal(s(0.0), s(10.0), 0.0);
    assert_eq!(admission(&mut cooldown, s(0.0), s(5.0)), s(0.0));
    // That call took no place.
    assert_eq!(admission(&mut cooldown, s(0.0), s(20.0)), s(10.0));
    for _ in 0..50 {
        assert!(cooldown.admit(&mut Ticket::default(), s(10.0), PATIENCE).is_some());
    }
    assert_eq!(admission(&mut cooldown, s(10.0), s(4.0)), s(14.0));
}

#[test]
fn the_pace_is_forgotten_when_no_call_had_to_queue_for_a_while() {
    let mut cooldown = Cooldown::IDLE;
    cooldown.on_refusal(s(0.0), s(2.0), 0.0);
    assert_eq!(admission(&mut cooldown, s(1.0), PATIENCE), s(2.0));
    cooldown.on_success(s(11.9));
    assert!(!cooldown.is_idle());
    cooldown.on_success(s(12.0));
    assert!(cooldown.is_idle());
}

#[test]
fn a_call_that_may_wait_exactly_as_long_as_the_hint_waits() {
    let mut cooldown = Cooldown::IDLE;
    cooldown.on_refusal(s(0.0), s(5.0), 0.0);
    assert_eq!(admission(&mut cooldown, s(0.0), s(5.0)), s(5.0));
}

#[test]
fn chance_spreads_the_return_over_an_interval_of_the_pace() {
    let mut cooldown = Cooldown::IDLE;
    cooldown.on_refusal(s(0.0), s(1.0), 0.5);
    assert_eq!(admission(&mut cooldown, s(0.0), PATIENCE), s(1.5));
    let mut cooldown = Cooldown::IDLE;
    cooldown.on_refusal(s(0.0), s(1.0), 0.0);
    // One success makes five calls a second of the first one.
    cooldown.on_success(s(1.0));
    cooldown.extend(s(1.0), s(3.0), 0.5);
    assert_eq!(admission(&mut cooldown, s(1.0), PATIENCE), s(3.1));
}

#[test]
fn refusals_during_the_cooldown_quicken_the_first_pace() {
    let mut cooldown = Cooldown::IDLE;
    cooldown.on_refusal(s(0.0), s(2.0), 0.9);
    cooldown.on_refusal(s(0.1), s(2.0), 0.9);
    let went = admission(&mut cooldown, s(0.1), PATIENCE).as_secs_f64();
    assert!((went - (2.0 + 0.9 / 1.01)).abs() < 1e-6, "{went}");
}

#[test]
fn time_in_which_no_call_came_is_not_made_up_for() {
    let mut cooldown = Cooldown::IDLE;
    cooldown.on_refusal(s(0.0), s(1.0), 0.0);
    let goes = [(); 3].map(|()| cooldown.admit(&mut Ticket::default(), s(5.0), PATIENCE).is_none());
    assert_eq!(goes, [true, false, false]);
}

#[test]
fn the_pace_is_measured_between_refusals() {
    let mut cooldown = Cooldown::IDLE;
    cooldown.on_refusal(s(0.0), s(0.1), 0.0);
    (0..10).for_each(|_| cooldown.on_success(s(0.2)));
    assert!(!cooldown.is_down());
    cooldown.on_refusal(s(0.3), s(1.0), 0.0);
    let pace = cooldown.pace.as_ref().unwrap();
    assert!((pace.base_rate - 10.0 / 0.3).abs() < 1e-6, "{pace:?}");
    assert!(pace.is_measured && !pace.is_down && pace.successes == 0 && pace.refused_at == s(0.3));
    // From then on successes are counted, but do not quicken it.
    cooldown.on_success(s(1.0));
    let pace = cooldown.pace.as_ref().unwrap();
    assert!((pace.base_rate - 10.0 / 0.3).abs() < 1e-6 && pace.successes == 1, "{pace:?}");
}

#[test]
fn a_server_that_lets_nothing_through_is_down_until_a_success() {
    let mut cooldown = Cooldown::IDLE;
    let mut rates = Vec::new();
    for second in 0..5 {
        cooldown.on_refusal(s(f64::from(second)), s(f64::from(second) + 1.0), 0.0);
        assert_eq!(cooldown.is_down(), second > 0, "{second}");
        rates.push(cooldown.pace.as_ref().unwrap().base_rate);
    }
    assert_eq!(
        rates.iter().map(|rate| (rate * 100.0).round()).collect::<Vec<_>>(),
        [100.0, 50.0, 25.0, 20.0, 20.0]
    );
    cooldown.on_success(s(5.0));
    assert!(!cooldown.is_down());
}

#[test]
fn the_rate_grows_slowly_at_first_and_slower_for_slow_clients() {
    let rate = |base_rate, seconds| {
        let pace = Pace { base_rate, ..Pace::first(s(1.0), 0) };
        pace.rate(s(1.0 + seconds))
    };
    for (base_rate, seconds, expected) in [
        (10.0, 0.0, 10.0),
        (10.0, 12.0, 10.0 * 0.5f64.exp()),
        (10.0, 24.0, 10.0 * 2f64.exp()),
        (2.0, 20.0, 2.0 * 0.5f64.exp()),
        (1.0, 1e6, FASTEST),
    ] {
        let rate = rate(base_rate, seconds);
        assert!((rate / expected - 1.0).abs() < 1e-9, "{base_rate} {seconds}: {rate}");
    }
    assert_eq!(Pace { base_rate: 4.0, ..Pace::first(s(0.0), 0) }.interval(s(0.0)), s(0.25));
}

#[test]
fn a_waiting_call_asks_again_earlier_than_its_place_is_due() {
    let mut pace = Pace::first(s(1.0), 3);
    assert_eq!(
        [pace.due_at(2, s(1.0)), pace.due_at(3, s(1.0)), pace.due_at(5, s(1.0))],
        [s(0.0), s(1.0), s(3.0)]
    );
    for (place, wait, expected) in
        [(3, 0.1, 0.1), (3, 0.2, 0.1), (3, 10.0, 0.25), (1003, 10.0, 1.0), (9003, 10.0, 5.0)]
    {
        assert_eq!(pace.poll_delay(place, s(wait)), s(expected), "{place} {wait}");
    }
    pace.is_measured = true;
    for (wait, expected) in [(0.1, 0.1), (0.4, 0.2), (1.0, 0.25), (10.0, 1.25)] {
        assert_eq!(pace.poll_delay(9003, s(wait)), s(expected), "{wait}");
    }
}

#[test]
fn arithmetic_saturates() {
    assert_eq!(times(s(2.0), 3), s(6.0));
    assert_eq!(times(Duration::MAX, 2), Duration::from_nanos(u64::MAX));
    assert_eq!([seconds(1.5), seconds(-1.0), seconds(f64::NAN)], [s(1.5), s(0.0), s(0.0)]);
    assert_eq!(seconds(f64::INFINITY), Duration::MAX);
}

#[derive(Clone, Debug)]
enum Step {
    Admit { at_most: u64 },
    Again,
    Success,
    Refusal { hint: u64, random: f64 },
    Extend { until: u64, random: f64 },
}

fn step() -> impl Strategy<Value = Step> {
    let nanos = || prop_oneof![0..100_000_000_000u64, any::<u64>()];
    let random = || prop_oneof![0.0..1.0, any::<f64>()];
    prop_oneof![
        nanos().prop_map(|at_most| Step::Admit { at_most }),
        Just(Step::Again),
        Just(Step::Success),
        (nanos(), random()).prop_map(|(hint, random)| Step::Refusal { hint, random }),
        (nanos(), random()).prop_map(|(until, random)| Step::Extend { until, random }),
    ]
}

proptest! {
    #[test]
    fn any_cooldown_is_kept_and_ends(
        script in proptest::collection::vec((prop_oneof![0..9_000_000_000u64, any::<u64>()], step()), 60),
    ) {
        let mut cooldown = Cooldown::IDLE;
        let (mut now, mut ticket) = (Duration::ZERO, Ticket::default());
        for (nanos, step) in script {
            now = now.saturating_add(Duration::from_nanos(nanos));
            let before = cooldown.remaining(now);
            match step {
                Step::Admit { at_most } => {
                    ticket = Ticket::default();
                    let at_most = Duration::from_nanos(at_most);
                    match cooldown.admit(&mut ticket, now, at_most) {
                        Some(wait) => prop_assert!(!wait.is_zero() && wait <= at_most),
                        None => prop_assert!(before.is_none_or(|blocked| blocked >= at_most)),
                    }
                }
                Step::Again => drop(cooldown.admit(&mut ticket, now, PATIENCE)),
                Step::Success => cooldown.on_success(now),
                Step::Refusal { hint, random } => {
                    let hint = Duration::from_nanos(hint);
                    cooldown.on_refusal(now, now.saturating_add(hint), random);
                    prop_assert!(cooldown.remaining(now).unwrap_or_default() >= hint.min(LONGEST));
                }
                Step::Extend { until, random } => cooldown.extend(now, Duration::from_nanos(until), random),
            }
            let after = cooldown.remaining(now);
            prop_assert!(after >= before);
            prop_assert!(after.unwrap_or_default() <= LONGEST);
            if let Some(pace) = &cooldown.pace {
                prop_assert!(pace.base_rate >= SLOWEST && pace.next_due <= cooldown.next_place);
            }
        }
        // No call waits longer than it may, and in the end the cooldown is idle.
        let went = admission(&mut cooldown, now, PATIENCE);
        prop_assert!(went <= now + PATIENCE);
        cooldown.admit(&mut Ticket::default(), Duration::MAX, PATIENCE);
        prop_assert!(cooldown.is_idle());
    }

    #[test]
    fn a_queue_keeps_its_order_and_ends(random in 0.0..1.0, callers in 1..40usize) {
        let mut cooldown = Cooldown::IDLE;
        cooldown.on_refusal(s(0.0), s(1.0), random);
        let mut tickets: Vec<_> = (0..callers).map(|_| Ticket::default()).collect();
        for ticket in &mut tickets {
            prop_assert!(cooldown.admit(ticket, s(0.0), PATIENCE).is_some());
        }
        let mut last = 0.0;
        for ticket in &mut tickets {
            // Each call asks all the time.
            while cooldown.admit(ticket, s(last), PATIENCE).is_some() {
                last += 0.01;
            }
            prop_assert!((1.0..120.0).contains(&last));
        }
    }
}
