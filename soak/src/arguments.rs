//! The command line.

use std::error::Error;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

use crate::ledger::Repeats;
use crate::watch::Protocol;

const USAGE: &str = "usage: soak [--seed N] [--seconds S] [--callers C] [--http2] [--posts | --by-hand] \
                     [--reqwest-repeats]";

/// The calls to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// Calls of all kinds.
    All,
    /// POSTs without a key.
    Posts,
    /// GETs by a loop that is written by hand.
    ByHand,
}

#[derive(Clone, Copy, Debug)]
pub struct Arguments {
    pub seed: u64,
    pub time: Duration,
    pub callers: u32,
    pub protocol: Protocol,
    pub calls: Calls,
    pub repeats: Repeats,
}

impl Arguments {
    pub fn read() -> Result<Self, Box<dyn Error>> {
        let mut read = Self {
            seed: 1,
            time: Duration::from_secs(10),
            callers: 400,
            protocol: Protocol::Http1,
            calls: Calls::All,
            repeats: Repeats::Never,
        };
        let mut parser = Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("seed") => read.seed = parser.value()?.parse()?,
                Arg::Long("seconds") => read.time = Duration::from_secs(parser.value()?.parse()?),
                Arg::Long("callers") => read.callers = parser.value()?.parse()?,
                Arg::Long("http2") => read.protocol = Protocol::Http2,
                Arg::Long("posts") => read.calls = Calls::Posts,
                Arg::Long("by-hand") => read.calls = Calls::ByHand,
                Arg::Long("reqwest-repeats") => read.repeats = Repeats::ByReqwest,
                _ => return Err(format!("{}\n{USAGE}", argument.unexpected()).into()),
            }
        }
        Ok(read)
    }
}
