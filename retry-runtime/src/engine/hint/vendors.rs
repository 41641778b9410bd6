//! The headers that ask for a wait: one line each, with the page that documents it.
//!
//! A new vendor is a new line. `quoted` marks a page that was read only as others quote it, and
//! `clients` a header that is known only from clients of the vendor.

use http::HeaderName;
use http::header::RETRY_AFTER;

use Form::{Clock, Milliseconds, Pairs, Quotas, Time};

/// How the value of a header is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Seconds, a Go duration, a Unix time or a date.
    Time,
    /// A number of milliseconds, or a Unix time in milliseconds.
    Milliseconds,
    /// `hh:mm:ss`.
    Clock,
    /// The items or the dictionary of `RateLimit`.
    Quotas,
    /// `total=100; remaining=0; resets=41`.
    Pairs,
}

/// A header that asks for a wait where a quota is used up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vendor {
    /// The name, in lower case.
    pub(super) header: &'static str,
    pub(super) form: Form,
    /// The header that tells what is left of the quota, if there is one: a count, or in a `-status`
    /// the word `allowed`.
    pub(super) remaining: Option<&'static str>,
}

/// Takes a line of the table. The source is for its readers.
const fn line(header: &'static str, form: Form, remaining: Option<&'static str>, _source: &str) -> Vendor {
    Vendor { header, form, remaining }
}

/// `Retry-After` in milliseconds.
pub(super) const RETRY_AFTER_MS: [&str; 3] = [
    "retry-after-ms", // https://github.com/openai/openai-python/blob/main/src/openai/_base_client.py
    "x-ms-retry-after-ms", // https://learn.microsoft.com/rest/api/cosmos-db/common-cosmosdb-rest-response-headers
    "x-amz-retry-after",   // https://github.com/awslabs/aws-sdk-rust (AwsErrorRetryPolicy)
];

/// The headers about quotas.
#[rustfmt::skip]
pub(super) const QUOTAS: [Vendor; 54] = [
    // Drafts of the IETF, GitHub and the many that follow them.
    line("ratelimit", Quotas, None, "https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/"),
    line("beta-ratelimit", Quotas, None, "quoted: https://developer.atlassian.com/cloud/jira/platform/rate-limiting/"),
    line("ratelimit-reset", Time, Some("ratelimit-remaining"), "quoted: https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/06/"),
    line("ratelimit-resettime", Time, Some("ratelimit-remaining"), "https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/"),
    line("ratelimit-retry-after", Time, Some("ratelimit-remaining"), "https://developer.woocommerce.com/docs/apis/store-api/rate-limiting/"),
    line("rate-limit-reset", Time, Some("rate-limit-available"), "quoted: https://developer.ticketmaster.com/products-and-docs/apis/getting-started/"),
    line("x-ratelimit-reset", Time, Some("x-ratelimit-remaining"), "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"),
    line("x-ratelimit-reset-after", Time, Some("x-ratelimit-remaining"), "https://discord.com/developers/docs/topics/rate-limits"),
    line("x-ratelimit-reset-ms", Milliseconds, Some("x-ratelimit-remaining"), "clients: the name says its unit"),
    line("x-ratelimit-retry-after", Time, Some("x-ratelimit-remaining"), "https://developers-classic.mailerlite.com/docs/api-rate-limits"),
    line("x-rate-limit-reset", Time, Some("x-rate-limit-remaining"), "https://developer.okta.com/docs/reference/rl-best-practices/"),
    line("x-rate-limit-reset-ms", Milliseconds, Some("x-rate-limit-remaining"), "clients: the name says its unit"),
    line("x-rate-limit-retry-after-seconds", Time, Some("x-rate-limit-remaining"), "quoted: https://openskynetwork.github.io/opensky-api/rest.html"),
    // Models.
    line("x-ratelimit-reset-requests", Time, Some("x-ratelimit-remaining-requests"), "quoted: https://platform.openai.com/docs/guides/rate-limits"),
    line("x-ratelimit-reset-tokens", Time, Some("x-ratelimit-remaining-tokens"), "quoted: https://platform.openai.com/docs/guides/rate-limits"),
    line("x-ratelimit-reset-project-tokens", Time, Some("x-ratelimit-remaining-project-tokens"), "quoted: https://platform.openai.com/docs/guides/rate-limits"),
    line("x-rate-limit-reset-requests", Time, Some("x-rate-limit-remaining-requests"), "clients: Azure OpenAI, xAI"),
    line("x-rate-limit-reset-tokens", Time, Some("x-rate-limit-remaining-tokens"), "clients: Azure OpenAI, xAI"),
    line("x-ratelimit-reset-requests-minute", Time, Some("x-ratelimit-remaining-requests-minute"), "quoted: https://inference-docs.cerebras.ai/support/rate-limits"),
    line("x-ratelimit-reset-requests-day", Time, Some("x-ratelimit-remaining-requests-day"), "quoted: https://inference-docs.cerebras.ai/support/rate-limits"),
    line("x-ratelimit-reset-tokens-minute", Time, Some("x-ratelimit-remaining-tokens-minute"), "quoted: https://inference-docs.cerebras.ai/support/rate-limits"),
    line("anthropic-ratelimit-requests-reset", Time, Some("anthropic-ratelimit-requests-remaining"), "quoted: https://docs.anthropic.com/en/api/rate-limits"),
    line("anthropic-ratelimit-tokens-reset", Time, Some("anthropic-ratelimit-tokens-remaining"), "quoted: https://docs.anthropic.com/en/api/rate-limits"),
    line("anthropic-ratelimit-input-tokens-reset", Time, Some("anthropic-ratelimit-input-tokens-remaining"), "quoted: https://docs.anthropic.com/en/api/rate-limits"),
    line("anthropic-ratelimit-output-tokens-reset", Time, Some("anthropic-ratelimit-output-tokens-remaining"), "quoted: https://docs.anthropic.com/en/api/rate-limits"),
    line("anthropic-priority-input-tokens-reset", Time, Some("anthropic-priority-input-tokens-remaining"), "quoted: https://docs.anthropic.com/en/api/service-tiers"),
    line("anthropic-priority-output-tokens-reset", Time, Some("anthropic-priority-output-tokens-remaining"), "quoted: https://docs.anthropic.com/en/api/service-tiers"),
    line("anthropic-fast-input-tokens-reset", Time, Some("anthropic-fast-input-tokens-remaining"), "quoted: https://platform.claude.com/docs/en/build-with-claude/fast-mode"),
    line("anthropic-fast-output-tokens-reset", Time, Some("anthropic-fast-output-tokens-remaining"), "quoted: https://platform.claude.com/docs/en/build-with-claude/fast-mode"),
    line("anthropic-ratelimit-unified-reset", Time, Some("anthropic-ratelimit-unified-status"), "clients: Anthropic subscriptions"),
    line("anthropic-ratelimit-unified-5h-reset", Time, Some("anthropic-ratelimit-unified-5h-status"), "clients: Anthropic subscriptions"),
    line("anthropic-ratelimit-unified-7d-reset", Time, Some("anthropic-ratelimit-unified-7d-status"), "clients: Anthropic subscriptions"),
    line("ratelimitbysize-reset", Time, Some("ratelimitbysize-remaining"), "clients: Mistral"),
    // Others, by name.
    line("fastly-ratelimit-reset", Time, Some("fastly-ratelimit-remaining"), "quoted: https://www.fastly.com/documentation/reference/api/#rate-limiting"),
    line("fitbit-rate-limit-reset", Time, Some("fitbit-rate-limit-remaining"), "quoted: https://dev.fitbit.com/build/reference/web-api/basics/"),
    line("gw-ratelimit-reset", Milliseconds, Some("gw-ratelimit-remaining"), "quoted: https://www.kucoin.com/docs/basic-info/request-rate-limit/rest-api"),
    line("x-bapi-limit-reset-timestamp", Time, Some("x-bapi-limit-status"), "quoted: https://bybit-exchange.github.io/docs/v5/rate-limit"),
    line("x-contentful-ratelimit-reset", Time, None, "quoted: https://www.contentful.com/developers/docs/references/content-delivery-api/"),
    line("x-gate-ratelimit-reset-timestamp", Time, Some("x-gate-ratelimit-requests-remain"), "quoted: https://www.gate.io/docs/developers/apiv4/"),
    line("x-ms-user-quota-resets-after", Clock, Some("x-ms-user-quota-remaining"), "quoted: https://learn.microsoft.com/azure/governance/resource-graph/concepts/guidance-for-throttled-requests"),
    line("x-ogw-ratelimit-reset", Time, None, "quoted: https://open.feishu.cn/document/server-docs/api-call-guide/frequency-control"),
    line("x-ratelimit-requests-reset", Time, Some("x-ratelimit-requests-remaining"), "quoted: https://linear.app/developers/rate-limiting"),
    line("x-ratelimit-endpoint-requests-reset", Time, Some("x-ratelimit-endpoint-requests-remaining"), "quoted: https://linear.app/developers/rate-limiting"),
    line("x-ratelimit-complexity-reset", Time, Some("x-ratelimit-complexity-remaining"), "quoted: https://linear.app/developers/rate-limiting"),
    line("x-ratelimit-userreset", Time, Some("x-ratelimit-userremaining"), "quoted: https://apidocs.imgur.com/"),
    line("x-sentry-rate-limit-reset", Time, Some("x-sentry-rate-limit-remaining"), "quoted: https://docs.sentry.io/api/ratelimits/"),
    line("x-sib-ratelimit-reset", Time, Some("x-sib-ratelimit-remaining"), "https://developers.brevo.com/docs/limit-headers"),
    line("x-toggl-quota-resets-in", Time, Some("x-toggl-quota-remaining"), "clients: Toggl"),
    line("zendesk-ratelimit-tickets-index", Pairs, None, "quoted: https://developer.zendesk.com/api-reference/introduction/rate-limits/"),
    line("zendesk-ratelimit-search-index", Pairs, None, "quoted: https://developer.zendesk.com/api-reference/introduction/rate-limits/"),
    line("zendesk-ratelimit-incremental-exports", Pairs, None, "quoted: https://developer.zendesk.com/api-reference/introduction/rate-limits/"),
    // The length of a window, of which no more than all has to pass.
    line("x-hubspot-ratelimit-interval-milliseconds", Milliseconds, Some("x-hubspot-ratelimit-remaining"), "quoted: https://developers.hubspot.com/docs/api/usage-details"),
    line("x-rate-limit-api-key-interval-ms", Milliseconds, Some("x-rate-limit-api-key-remaining"), "quoted: https://developer.atlassian.com/cloud/trello/guides/rest-api/rate-limits/"),
    line("x-rate-limit-api-token-interval-ms", Milliseconds, Some("x-rate-limit-api-token-remaining"), "quoted: https://developer.atlassian.com/cloud/trello/guides/rest-api/rate-limits/"),
];

/// Returns the line of a header of the table.
pub(super) fn find(name: &HeaderName) -> Option<&'static Vendor> {
    let name = name.as_str();
    QUOTAS.iter().find(|vendor| vendor.header == name)
}

/// Returns `true` if a header is read whether or not a policy names it. `name` is in lower case.
pub(super) fn is_listed(name: &str) -> bool {
    let listed = QUOTAS.iter().map(|vendor| vendor.header).chain(RETRY_AFTER_MS);
    name == RETRY_AFTER || listed.into_iter().any(|header| header == name)
}

/// Returns `true` if a header may ask for a wait. Cheap, and wrong only in saying yes.
pub(super) fn is_perhaps_listed(name: &HeaderName) -> bool {
    matches!(
        name.as_str().as_bytes(),
        [b'r', b'a', b't', b'e', ..]
            | [b'r', b'e', b't', b'r', ..]
            | [b'a', b'n', b't', ..]
            | [b'b', b'e', b't', b'a', ..]
            | [b'f', b'a' | b'i', ..]
            | [b'g', b'w', ..]
            | [b'z', b'e', b'n', ..]
            | [b'x', b'-', b'a', b'm', b'z', b'-', b'r', ..]
            | [b'x', b'-', b'b' | b'g' | b'h' | b'm' | b'o' | b'q' | b's' | b't', ..]
            | [b'x', b'-', b'c', b'o', b'n', b't', b'e', b'n', b't', b'f', ..]
            | [b'x', b'-', b'r', b'a', ..]
    )
}

#[cfg(test)]
mod tests;
