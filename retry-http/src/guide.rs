// The pages link to files of the repository, as GitHub needs it. Markdown takes the first
// definition of a link, so `links.md` leads them to these modules.

#![doc = include_str!("links.md")]
#![doc = include_str!("../guide/README.md")]

#[doc = include_str!("links.md")]
#[doc = include_str!("../guide/policies.md")]
pub mod policies {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../guide/options.md")]
pub mod options {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../guide/rules.md")]
pub mod rules {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../guide/functions.md")]
pub mod functions {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../guide/posts.md")]
pub mod posts {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../guide/rate-limits.md")]
pub mod rate_limits {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../guide/clients.md")]
pub mod clients {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../guide/deadlines.md")]
pub mod deadlines {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../guide/upstreams.md")]
pub mod upstreams {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../guide/credentials.md")]
pub mod credentials {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../guide/configuration.md")]
pub mod configuration {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../guide/testing.md")]
pub mod testing {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../guide/observability.md")]
pub mod observability {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../guide/debugging.md")]
pub mod debugging {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../guide/limits.md")]
pub mod limits {}
