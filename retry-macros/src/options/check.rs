//! The rules across keys, over the values that are known while the macro runs. Those that only the
//! compiler knows (constant expressions) it checks by the same rules.

use std::time::Duration;

use retry_policy::keys::Key;
use retry_policy::{IDEMPOTENCY_KEY, Policy, PolicyError, rules};

use crate::diagnostics::Errors;
use crate::options::conditions::ListItem;
use crate::options::{Given, Options};

pub(crate) fn check(options: &Options, errors: &mut Errors) {
    if options.policy.is_none() {
        let base = or(options.base.as_ref(), Policy::DEFAULT.backoff().base());
        let cap = or(options.cap.as_ref(), Policy::DEFAULT.backoff().cap());
        if let (Some(base), Some(cap)) = (base, cap) {
            report(options, errors, rules::base_and_cap(base, cap), [Key::Base, Key::Cap]);
        }
    }
    let deadline = literal(options.deadline.as_ref());
    let base = match (&options.base, &options.policy) {
        (None, Some(_)) => None,
        (base, _) => or(base.as_ref(), Policy::DEFAULT.backoff().base()),
    };
    if let Some(base) = base {
        report(options, errors, rules::base_and_deadline(base, deadline), [Key::Deadline, Key::Base]);
    }
    let timeout = literal(options.timeout.as_ref());
    report(options, errors, rules::timeout_and_deadline(timeout, deadline), [Key::Timeout, Key::Deadline]);
    let limit = literal(options.max_retry_after.as_ref());
    let broken = rules::max_retry_after_and_deadline(limit, deadline);
    report(options, errors, broken, [Key::MaxRetryAfter, Key::Deadline]);
    let header = options.idempotency_key.as_ref().filter(|key| key.value).map(|_| IDEMPOTENCY_KEY);
    let idempotent = options.idempotent.as_ref().map(|flag| flag.value);
    let broken = rules::idempotency_key(header, idempotent);
    report(options, errors, broken, [Key::IdempotencyKey, Key::Idempotent]);
    on_and_never(options, errors);
}

fn literal(given: Option<&Given<Duration>>) -> Option<Duration> {
    given.and_then(|given| given.literal)
}

/// Returns the value, or the default where the key is left out. A constant expression is not known.
fn or(given: Option<&Given<Duration>>, default: Duration) -> Option<Duration> {
    given.map_or(Some(default), |given| given.literal)
}

/// Reports a broken rule at the values of two keys, or at the one that was given.
fn report(options: &Options, errors: &mut Errors, broken: Option<PolicyError>, keys: [Key; 2]) {
    let Some(broken) = broken else { return };
    match keys.map(|key| options.at(key)) {
        [Some(one), Some(other)] => errors.across((one, other), broken),
        [one, other] => errors.at(one.or(other), broken),
    }
}

/// Reports what `never` leaves nothing of.
fn on_and_never(options: &Options, errors: &mut Errors) {
    let Some(never) = &options.never else { return };
    let literals: Vec<_> = never.iter().filter_map(ListItem::known).collect();
    // Without a check, since a list with a mistake has been reported.
    let listed = Policy::builder().never(&literals).__trusted();
    let listed = listed.never();
    for on in options.on.iter().flatten() {
        let broken = on.known().and_then(|item| rules::not_never(item, listed));
        let constant = never.iter().find(|never| on.is_constant_of(never));
        let covering = |never: &&ListItem| match (never.known(), on.known()) {
            (Some(never), Some(on)) => never.covers(on),
            _ => false,
        };
        let at = constant.or_else(|| never.iter().find(covering)).or(never.last());
        let message = match (broken, constant) {
            (Some(broken), _) => broken.to_string(),
            (None, Some(_)) => rules::on_is_never(&on.text()),
            (None, None) => continue,
        };
        errors.across((&on.source, at.map(|at| &at.source)), message);
    }
    if let (Some(reauth), Some(broken)) = (&options.reauth, rules::reauth(listed)) {
        let refused = retry_policy::Condition::Status(401);
        let covers = |never: &&ListItem| never.known().is_some_and(|never| never.covers(refused));
        errors.across((reauth, never.iter().find(covers).map(|never| &never.source)), broken);
    }
    if let (None, Some(broken)) = (&options.retry_if, rules::nothing_left(listed)) {
        errors.at(never.first().map(|first| &first.source), broken);
    }
}
