//! The answers of the server, by chance that is the same for the same seed.

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::watch::Protocol;

/// A way to answer a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A status, and a wait in milliseconds that the server asks for.
    Status(u16, Option<u64>),
    /// 200, after a while.
    Slow(Duration),
    /// The request is lost before the answer begins: by RST, or by the end of the connection.
    Reset,
    Close,
    /// The answer is lost inside its head. Over HTTP/2 the stream is reset.
    ResetInHead,
    /// The answer is lost inside its body: by RST, or by the end of the connection.
    ResetInBody,
    CloseInBody,
    /// HTTP/2: the server refuses the stream, unprocessed.
    Refused,
    /// HTTP/2: the server says that it goes away, and does after what it has accepted.
    GoAway,
    /// HTTP/2: the server says that it goes away, and does at once.
    GoAwayAtOnce,
}

impl Answer {
    /// Returns whether the server has processed the request, or the client cannot know that it has
    /// not (`docs/guide/rules.md`).
    pub fn is_processed(self) -> bool {
        !matches!(self, Self::Status(401 | 429, _) | Self::Status(503, Some(_)) | Self::Refused)
    }
}

/// Weights, in thousandths.
type Weights = [(u32, Answer)];

const SLOW: Answer = Answer::Slow(Duration::from_millis(150));
const TOO_SLOW: Answer = Answer::Slow(Duration::from_secs(3));

const HTTP1: &Weights = &[
    (50, Answer::Status(503, None)),
    (50, Answer::Status(503, Some(20))),
    (5, Answer::Status(503, Some(1000))),
    (30, Answer::Status(429, None)),
    (30, Answer::Status(429, Some(30))),
    (20, Answer::Status(500, None)),
    (10, Answer::Status(404, None)),
    (25, Answer::Reset),
    (25, Answer::Close),
    (25, Answer::ResetInHead),
    (25, Answer::ResetInBody),
    (25, Answer::CloseInBody),
    (60, SLOW),
    (10, TOO_SLOW),
];

/// What ends a connection is rare, since it ends many requests at once.
const HTTP2: &Weights = &[
    (40, Answer::Status(503, None)),
    (40, Answer::Status(503, Some(20))),
    (30, Answer::Status(429, None)),
    (30, Answer::Status(429, Some(30))),
    (20, Answer::Status(500, None)),
    (30, Answer::Refused),
    (30, Answer::ResetInHead),
    (30, Answer::ResetInBody),
    (2, Answer::Close),
    (2, Answer::GoAway),
    (10, Answer::GoAwayAtOnce),
    (60, SLOW),
    (10, TOO_SLOW),
];

/// Returns the answer to a request.
pub fn answer(seed: u64, protocol: Protocol, call: u64, run: u32) -> Answer {
    let mut chance = chance(seed, call, u64::from(run) + 1);
    let mut rest = chance.random_range(0..1000);
    let weights = match protocol {
        Protocol::Http1 => HTTP1,
        Protocol::Http2 => HTTP2,
    };
    for (weight, answer) in weights {
        if rest < *weight {
            return *answer;
        }
        rest -= weight;
    }
    Answer::Status(200, None)
}

/// Returns the chance of a call, or of one of its requests.
pub fn chance(seed: u64, call: u64, part: u64) -> SmallRng {
    // Odd constants, by which different calls are far apart.
    let mixed = call.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ part.wrapping_mul(0xd1b5_4a32_d192_ed03);
    SmallRng::seed_from_u64(seed ^ mixed)
}
