//! One call, as the generated loop makes it: everything it decides is decided by the library.

use std::time::Duration;

use http::StatusCode;
use retry_http::{Exchange, Failure, Policy, Retry, Stop, Turn, Upstream, Verdict};

use crate::world::Chance;

/// The answer of a server to one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    Ok,
    Status(u16, Option<Duration>),
    Timeout,
}

/// State that callers on one machine share.
#[derive(Clone, Copy)]
pub enum Shared<'u> {
    Nothing,
    /// A cooldown as one would write it first: wait until the hint is over, then go, everybody.
    Naive(&'u Upstream),
    Upstream(&'u Upstream),
}

/// How a call goes on.
pub enum Step {
    Wait(Duration),
    Succeeded,
    Failed,
    /// The budget could not pay for the next attempt.
    NotPaid,
}

pub struct Caller<'u> {
    retry: Retry<'u>,
    turn: Turn,
    policy: &'u Policy,
    shared: Shared<'u>,
}

impl<'u> Caller<'u> {
    pub fn new(policy: &'u Policy, shared: Shared<'u>) -> Self {
        Self { retry: Retry::new(policy), turn: Turn::default(), policy, shared }
    }

    /// Before an attempt: how long to wait and ask again, or `None` to go.
    pub fn before(&mut self, now: Duration) -> Option<Duration> {
        match self.shared {
            Shared::Nothing => None,
            Shared::Naive(upstream) => upstream.cooling(now),
            Shared::Upstream(upstream) => upstream.admit(&mut self.turn, now, self.policy.max_retry_after()),
        }
    }

    /// After an attempt.
    pub fn after(&mut self, now: Duration, answer: Answer, chance: &mut Chance) -> Step {
        let exchange = exchange(answer);
        let mut verdict = self.retry.next(&exchange, Duration::ZERO, || chance.unit());
        match self.shared {
            Shared::Nothing => {}
            // It holds back, and nothing else.
            Shared::Naive(upstream) => {
                if let Some(hint) = exchange.hint() {
                    upstream.refused(now, hint, chance.unit());
                }
            }
            Shared::Upstream(upstream) => {
                verdict = upstream.after(&exchange, answer == Answer::Ok, verdict, now, chance.unit());
                self.turn = Turn::default();
            }
        }
        match verdict {
            Verdict::Wait(wait) => Step::Wait(wait),
            Verdict::Stop(_) if answer == Answer::Ok => Step::Succeeded,
            Verdict::Stop(Stop::Budget) => Step::NotPaid,
            Verdict::Stop(_) => Step::Failed,
        }
    }
}

fn exchange(answer: Answer) -> Exchange {
    let mut exchange = Exchange::default();
    match answer {
        Answer::Ok => exchange.answered(StatusCode::OK),
        Answer::Status(status, hint) => {
            exchange.answered(StatusCode::from_u16(status).expect("a status"));
            if let Some(hint) = hint {
                exchange.hinted(hint);
            }
        }
        Answer::Timeout => exchange.failed(Failure::Timeout),
    }
    exchange
}
