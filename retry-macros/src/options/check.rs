//! The rules across keys, over what is known while the macro runs. What only the compiler knows (constant
//! expressions) is checked by `PolicyBuilder::build` while compiling.

use std::time::Duration;

use crate::diagnostics::Errors;
use crate::options::conditions::{Condition, Kind, WORDS};
use crate::options::defaults;
use crate::options::{Given, Options};

pub(crate) fn check(options: &Options, errors: &mut Errors) {
    base_and_cap(options, errors);
    within_deadline(options, errors);
    on_and_never(options, errors);
    key_and_idempotent(options, errors);
    reauth_and_never(options, errors);
}

/// A deadline leaves time for what is to happen before it.
fn within_deadline(options: &Options, errors: &mut Errors) {
    let Some(Given { source: at, literal: Some(deadline) }) = &options.deadline else { return };
    let literal = |given: &Option<Given<Duration>>| given.as_ref().and_then(|given| given.literal);
    match &options.base {
        Some(base) if base.literal.is_some_and(|base| *deadline <= base) => errors.across(
            (at, &base.source),
            "`deadline` is not above `base`, so nothing is ever retried: raise `deadline` or lower `base`",
        ),
        None if options.policy.is_none() && *deadline <= defaults::BASE => errors.at(
            at,
            "`deadline` is not above the default `base` of 1s, so nothing is ever retried: set `base` too",
        ),
        _ => {}
    }
    if let (Some(given), Some(timeout)) = (&options.timeout, literal(&options.timeout)) {
        if timeout >= *deadline {
            errors.across(
                (&given.source, at),
                "`timeout` is not below `deadline`, so the first send may take all of it: lower `timeout` or raise \
                 `deadline`",
            );
        }
    }
    if let (Some(given), Some(limit)) = (&options.max_retry_after, literal(&options.max_retry_after)) {
        if limit > *deadline {
            errors.across(
                (&given.source, at),
                "`max_retry_after` is above `deadline`, which no wait outlives: lower `max_retry_after` or raise \
                 `deadline`",
            );
        }
    }
}

fn key_and_idempotent(options: &Options, errors: &mut Errors) {
    if let (Some(key), Some(idempotent)) = (&options.idempotency_key, &options.idempotent) {
        if key.value && !idempotent.value {
            errors.across(
                (&key.source, &idempotent.source),
                "`idempotency_key` makes requests safe to repeat, and `idempotent = false` says that they are not: remove \
                 one of the two",
            );
        }
    }
}

fn reauth_and_never(options: &Options, errors: &mut Errors) {
    let Some(reauth) = &options.reauth else { return };
    let refused = Kind::Statuses(401, 401);
    for never in options.never.iter().flatten().filter(|never| never.covers_kind(&refused)) {
        errors.across(
            (reauth, &never.source),
            format!(
                "`reauth` is for a 401, and `never` lists `{}`: remove `reauth`, or 401 from `never`",
                never.text()
            ),
        );
    }
}

fn base_and_cap(options: &Options, errors: &mut Errors) {
    let literal = |given: &Option<Given<Duration>>, default| match given {
        Some(given) => given.literal,
        None => Some(default),
    };
    if options.policy.is_some() {
        return;
    }
    let (Some(base), Some(cap)) =
        (literal(&options.base, defaults::BASE), literal(&options.cap, defaults::CAP))
    else {
        return;
    };
    if base <= cap {
        return;
    }
    match (&options.base, &options.cap) {
        (Some(base), Some(cap)) => {
            errors.across(
                (&base.source, &cap.source),
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
    nothing_left(options, errors);
    swallowed_together(options, errors);
    for never in options.never.iter().flatten() {
        for on in options.on.iter().flatten().filter(|on| never.covers(on)) {
            let both = (&on.source, &never.source);
            errors.across(
                both,
                format!(
                    "`never` lists `{}`, so `{}` of `on` is never retried: remove one of the two",
                    never.text(),
                    on.text()
                ),
            );
        }
    }
}

/// Items of `never` that cover an item of `on` together, of which none does alone.
fn swallowed_together(options: &Options, errors: &mut Errors) {
    let never = options.never.as_deref().unwrap_or_default();
    for on in options.on.iter().flatten() {
        let Kind::Statuses(first, last) = on.kind else { continue };
        let covers = |item: &&Condition, status| matches!(item.kind, Kind::Statuses(from, to) if (from..=to).contains(&status));
        let alone = never.iter().any(|item| item.covers(on));
        let part = never.iter().rev().find(|item| (first..=last).any(|status| covers(item, status)));
        if let (false, Some(part)) = (alone, part) {
            if (first..=last).all(|status| never.iter().any(|item| covers(&item, status))) {
                errors.across(
                    (&on.source, &part.source),
                    format!(
                        "`never` lists all of `{}`, so this of `on` is never retried: remove it",
                        on.text()
                    ),
                );
            }
        }
    }
}

/// All that could be retried is listed in `never`.
fn nothing_left(options: &Options, errors: &mut Errors) {
    let Some(never) = &options.never else { return };
    let lists = |wanted: &Kind| never.iter().any(|item| item.kind == *wanted);
    let failures = WORDS.iter().all(|word| lists(&Kind::Failure((*word).to_owned())));
    let mut statuses = (400..=599u16).filter(|status| {
        !never
            .iter()
            .any(|item| matches!(item.kind, Kind::Statuses(first, last) if (first..=last).contains(status)))
    });
    if let (true, None, Some(first)) =
        (failures && options.retry_if.is_none(), statuses.next(), never.first())
    {
        errors.at(
            &first.source,
            "`never` lists all there is, so nothing is ever retried: remove the attribute",
        );
    }
}
