//! What the tests share.
#![allow(dead_code, reason = "each test uses its part")]

pub mod server;

use std::time::Duration;

pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
