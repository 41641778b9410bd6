//! The messages of a fleet, among the words of a server.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::Upstream;
use crate::fleet::Shared;

const LONGEST: Duration = Duration::from_secs(60);

/// A line is a message, or behind `!` a wait that the server asks for in milliseconds. Each comes
/// as many milliseconds after the last one as the line is long.
pub fn run(data: &[u8]) {
    let mut shared = Shared::new(Box::new(Upstream::new("api").longest(LONGEST)), Arc::default());
    let mut now = Duration::from_secs(1000);
    for line in data.split(|byte| *byte == b'\n').take(256) {
        now += Duration::from_millis(line.len() as u64);
        match line {
            [b'!', wait @ ..] => {
                let wait = std::str::from_utf8(wait).ok().and_then(|wait| wait.trim().parse().ok());
                let mut ticket = shared.upstream().ticket();
                _ = ticket.admit(now, Duration::ZERO);
                match wait {
                    Some(wait) => {
                        let wait = Duration::from_millis(wait);
                        ticket.on_refusal(StatusCode::TOO_MANY_REQUESTS, wait, now, 0.5);
                    }
                    None => ticket.on_success(now),
                }
            }
            message => shared.on_message(std::str::from_utf8(message).ok(), now),
        }
        let left = shared.upstream().remaining_cooldown_at(now).unwrap_or_default();
        assert!(left <= LONGEST, "{left:?}");
        _ = shared.is_news(now.saturating_add(left));
    }
}
