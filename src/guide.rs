// The pages link to files of the repository, as GitHub needs it. Markdown takes the first
// definition of a link, so `links.md` leads them to these modules. `plots.md` has the plots as
// data, since docs.rs has no files of the repository.

#![doc = include_str!("links.md")]
#![doc = include_str!("../docs/guide/README.md")]

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/guide/policies.md")]
pub mod policies {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/guide/options.md")]
pub mod options {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/guide/rules.md")]
pub mod rules {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/guide/functions.md")]
pub mod functions {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/guide/posts.md")]
pub mod posts {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/guide/rate-limits.md")]
pub mod rate_limits {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/guide/clients.md")]
pub mod clients {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/guide/deadlines.md")]
pub mod deadlines {}

#[doc = include_str!("links.md")]
#[doc = include_str!("plots.md")]
#[doc = include_str!("../docs/guide/upstreams.md")]
pub mod upstreams {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/guide/credentials.md")]
pub mod credentials {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/guide/configuration.md")]
pub mod configuration {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/guide/testing.md")]
pub mod testing {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/guide/observability.md")]
pub mod observability {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/guide/debugging.md")]
pub mod debugging {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/guide/cookbook.md")]
pub mod cookbook {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/guide/limits.md")]
pub mod limits {}
