//! The rules across keys, over what is known while the macro runs. What only the compiler knows (constant
//! expressions) is checked by `PolicyBuilder::build` while compiling.

use std::time::Duration;

use crate::errors::Errors;
use crate::options::{Given, Options};

/// The defaults of `Policy::DEFAULT` that rules compare with.
const BASE: Duration = Duration::from_secs(1);
const CAP: Duration = Duration::from_secs(60);

pub(crate) fn check(options: &Options, errors: &mut Errors) {
    base_and_cap(options, errors);
    on_and_never(options, errors);
}

fn base_and_cap(options: &Options, errors: &mut Errors) {
    let literal = |given: &Option<Given<Duration>>, default| match given {
        Some(given) => given.literal,
        None => Some(default),
    };
    let (Some(base), Some(cap)) = (literal(&options.base, BASE), literal(&options.cap, CAP)) else {
        return;
    };
    if base <= cap {
        return;
    }
    match (&options.base, &options.cap) {
        (Some(base), Some(_)) => {
            errors.at(
                &base.source,
                "`base` is above `cap`, which no wait exceeds: lower `base` or raise `cap`",
            );
        }
        (Some(base), None) => {
            errors.at(
                &base.source,
                "`base` is above the default `cap` of 60s, which no wait exceeds: set `cap` too",
            );
        }
        (None, Some(cap)) => {
            errors.at(&cap.source, "`cap` is below the default `base` of 1s: set `base` too");
        }
        (None, None) => {}
    }
}

fn on_and_never(options: &Options, errors: &mut Errors) {
    for never in options.never.iter().flatten() {
        for on in options.on.iter().flatten().filter(|on| never.covers(on)) {
            errors.at(
                &never.source,
                format!(
                    "`never` lists `{}`, so `{}` of `on` is never retried: remove one of the two",
                    never.text(),
                    on.text()
                ),
            );
        }
    }
}
