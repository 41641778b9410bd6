use super::super::pace::SLOWEST;
use super::*;
use proptest::prelude::*;

const PATIENCE: Duration = Duration::from_secs(120);
const LONG: Duration = Duration::from_secs(300);

fn s(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// A cooldown, and the calls that it has made.
struct Bench(Cooldown);

impl Bench {
    fn new() -> Self {
        Self(Cooldown::CLOSED)
    }

    fn ask(&mut self, place: &mut Option<Place>, now: Duration, at_most: Duration) -> Answer {
        self.0.admit(place, now, at_most, Impatient::Probe, &mut Wakers::default())
    }

    /// Records a refusal of a request that was sent long ago.
    fn refuse(&mut self, now: f64, until: f64, random: f64) -> bool {
        self.refuse_sent(0.0, now, until, random)
    }

    fn refuse_sent(&mut self, sent: f64, now: f64, until: f64, random: f64) -> bool {
        let refusal = Refusal { status: None, sent_at: s(sent), told_at: s(now), until: s(until) };
        self.0.on_refusal(refusal, s(now), random, &mut Wakers::default())
    }

    fn succeed(&mut self, sent: f64, now: f64) -> bool {
        self.0.on_success(s(sent), s(now), &mut Wakers::default())
    }

    /// Returns the time at which a call goes that first asks at `now`, and what it was told then.
    fn run(&mut self, now: f64, at_most: Duration) -> (Duration, Answer) {
        let (mut now, mut place) = (s(now), None);
        loop {
            match self.ask(&mut place, now, at_most) {
                Answer::Wait(wait) => now += wait,
                answer => return (now, answer),
            }
        }
    }

    /// Returns `true` if a call that waits is to ask again.
    fn is_called(&mut self, place: Option<&Place>) -> bool {
        self.0.set_waker(place.unwrap(), Waker::noop().clone(), &mut Wakers::default())
    }

    fn base_rate(&self) -> f64 {
        self.0.pace.as_ref().unwrap().base_rate
    }
}

#[test]
fn no_call_goes_before_the_hint_is_over_and_then_one_by_one() {
    let mut bench = Bench::new();
    assert!(bench.refuse(1.0, 3.0, 0.0));
    assert_eq!(bench.0.remaining(s(1.0)), Some(s(2.0)));
    let mut places = [None, None, None];
    for place in &mut places {
        assert!(matches!(bench.ask(place, s(1.0), PATIENCE), Answer::Wait(_)));
    }
    // The first goes at once, and then one a second while the capacity is unknown.
    for (second, place) in [3.0, 4.0, 5.0].into_iter().zip(&mut places) {
        assert!(matches!(bench.ask(place, s(second - 0.01), PATIENCE), Answer::Wait(_)));
        assert_eq!(bench.ask(place, s(second), PATIENCE), Answer::Go);
    }
    assert_eq!(bench.0.remaining(s(3.0)), None);
}

#[test]
fn a_hint_is_shortened_only_by_what_was_sent_after_it_came() {
    let mut bench = Bench::new();
    bench.refuse(1.0, 9.0, 0.0);
    assert!(!bench.refuse(1.0, 3.0, 0.0) && !bench.refuse_sent(1.0, 2.0, 3.0, 0.0));
    assert!(!bench.succeed(0.5, 2.0) && !bench.succeed(1.0, 2.0));
    assert_eq!(bench.0.remaining(s(1.0)), Some(s(8.0)));
    assert!(bench.refuse_sent(1.5, 2.0, 4.0, 0.0));
    assert_eq!(bench.0.remaining(s(2.0)), Some(s(2.0)));
    assert!(bench.refuse(2.5, 9.0, 0.0), "a longer one counts in any case");
    assert!(!bench.succeed(2.5, 3.0) && bench.succeed(2.6, 3.0));
    assert_eq!(bench.0.remaining(s(3.0)), None);
}

#[test]
fn successes_quicken_the_pace_until_a_refusal_measures_it() {
    let mut bench = Bench::new();
    bench.refuse(0.0, 1.0, 0.0);
    // A hundred go through in the second after.
    (0..100).for_each(|n| assert!(!bench.succeed(1.0, 1.0 + 0.01 * f64::from(n))));
    assert!(bench.base_rate() > 400.0);
    // That was 50 a second, wait included. The rate falls by half at most.
    bench.refuse(2.0, 3.0, 0.0);
    let measured = bench.base_rate();
    assert!((200.0..210.0).contains(&measured), "{measured}");
    // Refusals of requests that were under way do not measure it.
    bench.refuse(2.1, 3.1, 0.0);
    assert_eq!(bench.base_rate().to_bits(), measured.to_bits());
}

#[test]
fn a_call_that_a_hint_outlasts_goes_as_a_probe_and_else_when_its_turn_comes() {
    let mut bench = Bench::new();
    bench.refuse(0.0, 10.0, 0.0);
    assert_eq!(bench.run(0.0, s(5.0)), (s(1.0), Answer::Probe));
    bench.0.end_probe(s(1.0), &mut Wakers::default());
    // That call was before nobody else.
    assert_eq!(bench.run(0.0, s(20.0)), (s(10.0), Answer::Go));
    let mut places: Vec<_> = (0..50).map(|_| None).collect();
    for place in &mut places {
        assert!(matches!(bench.ask(place, s(10.0), PATIENCE), Answer::Wait(_)));
    }
    // The calls before it are not polled, which holds it back for no longer than two seconds.
    assert_eq!(bench.run(10.0, s(1.5)), (s(11.5), Answer::Expired));
}

#[test]
fn the_pace_is_forgotten_when_no_call_had_to_queue_for_a_while() {
    let mut bench = Bench::new();
    bench.refuse(0.0, 2.0, 0.0);
    assert_eq!(bench.run(1.0, PATIENCE), (s(2.0), Answer::Go));
    bench.succeed(2.0, 11.9);
    assert!(!bench.0.is_closed());
    bench.succeed(2.0, 12.0);
    assert!(bench.0.is_closed());
}

#[test]
fn a_call_that_may_wait_exactly_as_long_as_the_hint_waits() {
    let mut bench = Bench::new();
    bench.refuse(0.0, 5.0, 0.0);
    assert_eq!(bench.run(0.0, s(5.0)), (s(5.0), Answer::Go));
}

#[test]
fn chance_spreads_the_return_over_an_interval_of_the_pace_but_no_longer_than_the_hint() {
    let mut bench = Bench::new();
    bench.refuse(0.0, 1.0, 0.5);
    assert_eq!(bench.run(0.0, PATIENCE).0, s(1.5));
    let mut bench = Bench::new();
    bench.refuse(0.0, 0.1, 0.9);
    assert_eq!(bench.run(0.0, PATIENCE).0, s(0.19));
    let mut bench = Bench::new();
    bench.refuse(0.0, 1.0, 0.0);
    // One success makes five calls a second of the first one.
    bench.succeed(0.0, 1.0);
    bench.refuse(1.0, 3.0, 0.5);
    assert!(bench.run(1.0, PATIENCE).0 >= s(3.1));
}

#[test]
fn refusals_of_requests_that_were_under_way_quicken_the_first_pace() {
    let mut bench = Bench::new();
    bench.refuse(0.0, 2.0, 0.9);
    bench.refuse(0.1, 2.0, 0.9);
    let went = bench.run(0.1, PATIENCE).0.as_secs_f64();
    assert!((went - (2.0 + 0.9 / 1.01)).abs() < 1e-6, "{went}");
}

#[test]
fn the_pace_is_measured_between_refusals() {
    let mut bench = Bench::new();
    bench.refuse(0.0, 0.1, 0.0);
    (0..10).for_each(|_| assert!(!bench.succeed(0.1, 0.2)));
    assert!(!bench.0.is_down());
    bench.refuse(0.3, 1.0, 0.0);
    let pace = bench.0.pace.as_ref().unwrap();
    assert!((pace.base_rate - 10.0 / 0.3).abs() < 1e-6, "{pace:?}");
    assert!(pace.is_measured && !pace.is_down && pace.successes == 0 && pace.refused_at == s(0.3));
    // From then on successes are counted, but do not quicken it.
    bench.succeed(0.1, 1.0);
    let pace = bench.0.pace.as_ref().unwrap();
    assert!((pace.base_rate - 10.0 / 0.3).abs() < 1e-6 && pace.successes == 1, "{pace:?}");
}

#[test]
fn a_server_that_lets_nothing_through_is_down_until_a_success() {
    let mut bench = Bench::new();
    let mut rates = Vec::new();
    for second in [0, 10, 20, 30, 40] {
        bench.refuse(f64::from(second), f64::from(second) + 9.0, 0.0);
        assert_eq!(bench.0.is_down(), second > 0, "{second}");
        rates.push((bench.base_rate() * 100.0).round());
    }
    assert_eq!(rates, [100.0, 50.0, 25.0, 20.0, 20.0]);
    bench.succeed(0.0, 5.0);
    assert!(!bench.0.is_down());
}

#[test]
fn a_probe_that_is_refused_slows_the_next_ones() {
    let mut bench = Bench::new();
    bench.refuse(0.0, 60.0, 0.0);
    let mut now = 0.0;
    let times: Vec<_> = (0..4)
        .map(|_| {
            let (went, answer) = bench.run(now, s(20.0));
            assert_eq!(answer, Answer::Probe);
            now = went.as_secs_f64();
            bench.refuse_sent(now, now + 0.1, now + 60.0, 0.0);
            bench.0.end_probe(went, &mut Wakers::default());
            now
        })
        .collect();
    let pauses: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses[0] >= 2.0 && pauses[1] >= 4.0 && pauses[2] >= 5.0, "{times:?}");
}

#[test]
fn the_numbers_of_both_queues_go_on_from_those_of_a_cooldown_that_was_forgotten() {
    for at_most in [s(5.0), PATIENCE] {
        let (mut bench, mut place) = (Bench(Cooldown::numbered_from(7)), None);
        assert_eq!(bench.0.next_number(), 7);
        bench.refuse(0.0, 60.0, 0.0);
        assert!(matches!(bench.ask(&mut place, s(0.0), at_most), Answer::Wait(_)));
        assert_eq!((place.unwrap().number, bench.0.next_number()), (7, 8), "{at_most:?}");
    }
}

#[test]
fn a_call_of_a_cooldown_that_was_forgotten_queues_behind_those_of_the_new_one() {
    let (mut forgotten, mut old, mut new) = (Bench::new(), None, None);
    forgotten.refuse(0.0, 3.0, 0.0);
    assert!(matches!(forgotten.ask(&mut old, s(0.0), PATIENCE), Answer::Wait(_)));
    let mut bench = Bench(Cooldown::numbered_from(forgotten.0.next_number()));
    bench.refuse(0.0, 3.0, 0.0);
    for place in [&mut new, &mut old] {
        assert!(matches!(bench.ask(place, s(1.0), PATIENCE), Answer::Wait(_)));
    }
    assert!(matches!(bench.ask(&mut old, s(3.0), PATIENCE), Answer::Wait(_)));
    assert_eq!(bench.ask(&mut new, s(3.0), PATIENCE), Answer::Go);
    assert_eq!(bench.ask(&mut old, s(4.0), PATIENCE), Answer::Go);
}

#[test]
fn a_call_that_goes_holds_no_place_not_even_in_a_cooldown_that_was_forgotten() {
    let (mut forgotten, mut place) = (Bench::new(), None);
    forgotten.refuse(0.0, 3.0, 0.0);
    assert!(matches!(forgotten.ask(&mut place, s(0.0), PATIENCE), Answer::Wait(_)));
    assert_eq!(Bench::new().ask(&mut place, s(0.0), PATIENCE), Answer::Go);
    assert!(place.is_none());
}

/// The time that a probe may wait under a hint of ten seconds, and that another call may.
const BOTH: [Duration; 2] = [Duration::from_secs(5), PATIENCE];

#[test]
fn a_hint_that_is_shorter_calls_those_that_wait_and_no_other_hint_does() {
    for (until, expected) in [(9.0, true), (10.0, false), (11.0, false)] {
        for at_most in BOTH {
            let (mut bench, mut place) = (Bench::new(), None);
            bench.refuse(0.0, 10.0, 0.0);
            assert!(matches!(bench.ask(&mut place, s(0.0), at_most), Answer::Wait(_)));
            assert!(!bench.is_called(place.as_ref()), "nothing has changed");
            bench.0.open(s(0.5), s(0.5), s(until), 0.0, &mut Wakers::default());
            assert_eq!(bench.is_called(place.as_ref()), expected, "{until} {at_most:?}");
        }
    }
}

#[test]
fn a_cooldown_that_is_forgotten_calls_all_that_wait() {
    let mut bench = Bench::new();
    bench.refuse(0.0, 10.0, 0.0);
    let mut places = [None, None, None, None];
    for (place, at_most) in places.iter_mut().zip([BOTH, BOTH].concat()) {
        assert!(matches!(bench.ask(place, s(0.0), at_most), Answer::Wait(_)));
    }
    bench.0.call_all(&mut Wakers::default());
    assert!(places.iter().all(|place| bench.is_called(place.as_ref())));
}

#[test]
fn a_success_calls_the_next_probe_only_if_it_quickens_the_pace() {
    for is_measured in [false, true] {
        let (mut bench, mut place) = (Bench::new(), None);
        bench.refuse(0.0, 1.0, 0.0);
        bench.succeed(0.0, 0.5);
        bench.refuse(2.0, 10.0, 0.0);
        bench.0.pace.as_mut().unwrap().is_measured = is_measured;
        assert!(matches!(bench.ask(&mut place, s(2.0), BOTH[0]), Answer::Wait(_)));
        bench.succeed(0.0, 2.1);
        assert_eq!(bench.is_called(place.as_ref()), !is_measured);
    }
}

#[test]
fn a_call_that_asks_while_a_probe_is_under_way_can_be_called_again() {
    let (mut bench, mut place) = (Bench::new(), None);
    bench.refuse(0.0, 10.0, 0.0);
    assert_eq!(bench.run(0.0, BOTH[0]).1, Answer::Probe);
    assert!(matches!(bench.ask(&mut place, s(1.0), BOTH[0]), Answer::Wait(_)));
    bench.0.call_all(&mut Wakers::default());
    assert!(bench.is_called(place.as_ref()));
    assert!(matches!(bench.ask(&mut place, s(1.0), BOTH[0]), Answer::Wait(_)));
    assert!(!bench.is_called(place.as_ref()), "it has asked");
}

#[derive(Clone, Debug)]
enum Step {
    /// A call comes.
    Come {
        at_most: u64,
    },
    /// A call that waits asks again.
    Again {
        call: usize,
    },
    /// A call that waits leaves.
    Leave {
        call: usize,
    },
    Success {
        sent: u64,
    },
    Refusal {
        sent: u64,
        hint: u64,
        random: f64,
    },
    Word {
        left: u64,
        random: f64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let nanos = || prop_oneof![0..100_000_000_000u64, any::<u64>()];
    let random = || prop_oneof![0.0..1.0, any::<f64>()];
    prop_oneof![
        nanos().prop_map(|at_most| Step::Come { at_most }),
        any::<usize>().prop_map(|call| Step::Again { call }),
        any::<usize>().prop_map(|call| Step::Leave { call }),
        nanos().prop_map(|sent| Step::Success { sent }),
        (nanos(), nanos(), random()).prop_map(|(sent, hint, random)| Step::Refusal { sent, hint, random }),
        (nanos(), random()).prop_map(|(left, random)| Step::Word { left, random }),
    ]
}

proptest! {
    #[test]
    fn any_cooldown_is_kept_and_ends(
        script in proptest::collection::vec((prop_oneof![0..9_000_000_000u64, any::<u64>()], step()), 60),
    ) {
        let mut bench = Bench::new();
        let (mut now, mut waiting) = (Duration::ZERO, Vec::new());
        for (nanos, step) in script {
            now = now.saturating_add(Duration::from_nanos(nanos));
            let before = bench.0.remaining(now);
            let calls = &mut Wakers::default();
            let ago = |sent: u64| now.saturating_sub(Duration::from_nanos(sent));
            match step {
                Step::Come { at_most } => {
                    let (mut place, at_most) = (None, Duration::from_nanos(at_most));
                    match bench.ask(&mut place, now, at_most) {
                        Answer::Wait(wait) => {
                            prop_assert!(!wait.is_zero() && wait <= at_most && place.is_some());
                            waiting.push(place);
                        }
                        Answer::Go => prop_assert!(before.is_none() && place.is_none()),
                        Answer::Probe => prop_assert!(before.is_some() && place.is_none()),
                        Answer::Expired => prop_assert!(at_most.is_zero() && place.is_none()),
                    }
                }
                Step::Again { call } if !waiting.is_empty() => {
                    let call = call % waiting.len();
                    if !matches!(bench.ask(&mut waiting[call], now, PATIENCE), Answer::Wait(_)) {
                        waiting.remove(call);
                    }
                }
                Step::Leave { call } if !waiting.is_empty() => {
                    let place = waiting.remove(call % waiting.len());
                    bench.0.leave(&place.unwrap(), calls);
                }
                Step::Again { .. } | Step::Leave { .. } => {}
                Step::Success { sent } => {
                    let told_at = bench.0.told_at;
                    let ends = bench.0.on_success(ago(sent), now, calls);
                    prop_assert_eq!(ends, before.is_some() && ago(sent) > told_at);
                    prop_assert_eq!(bench.0.remaining(now).is_some(), before.is_some() && !ends);
                }
                Step::Refusal { sent, hint, random } => {
                    let left = Duration::from_nanos(hint).min(LONG);
                    let refusal = Refusal { status: None, sent_at: ago(sent), told_at: now, until: now.saturating_add(left) };
                    if bench.0.on_refusal(refusal, now, random, calls) {
                        prop_assert_eq!(bench.0.remaining(now).unwrap_or_default(), now.saturating_add(left).saturating_sub(now));
                    } else {
                        prop_assert_eq!(bench.0.remaining(now), before);
                    }
                }
                Step::Word { left, random } if left > 0 => {
                    let left = Duration::from_nanos(left).min(LONG);
                    bench.0.open(now, now, now.saturating_add(left), random, calls);
                }
                Step::Word { .. } => bench.0.end_hint(now, calls),
            }
            prop_assert!(bench.0.remaining(now).unwrap_or_default() <= LONG);
            if let Some(pace) = &bench.0.pace {
                prop_assert!(pace.base_rate >= 1.0 / SLOWEST);
            }
        }
        // When all have left, the cooldown ends.
        for place in waiting {
            bench.0.leave(&place.unwrap(), &mut Wakers::default());
        }
        prop_assert_eq!(bench.ask(&mut None, Duration::MAX, PATIENCE), Answer::Go);
        prop_assert!(bench.0.is_closed());
    }

    #[test]
    fn a_queue_keeps_its_order_and_ends(random in 0.0..1.0, callers in 1..40usize) {
        let mut bench = Bench::new();
        bench.refuse(0.0, 1.0, random);
        let mut places: Vec<_> = (0..callers).map(|_| None).collect();
        for place in &mut places {
            prop_assert!(matches!(bench.ask(place, s(0.0), PATIENCE), Answer::Wait(_)));
        }
        let mut last = 0.0;
        for place in &mut places {
            // Each call asks all the time.
            while matches!(bench.ask(place, s(last), PATIENCE), Answer::Wait(_)) {
                last += 0.01;
            }
            prop_assert!((1.0..120.0).contains(&last));
        }
    }
}
