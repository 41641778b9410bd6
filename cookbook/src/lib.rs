//! A cookbook for `retry_http`: small clients of real APIs, each with the policy that the API's
//! documentation asks for, and a test against a server that answers as the documentation says.
//!
//! The clients are to be read and copied, not to be depended on. Each module names the page that it
//! follows. [`docs/guide/cookbook.md`] lists the recipes with their policies.
//!
//! [`docs/guide/cookbook.md`]: https://github.com/retry-http/retry-http/blob/main/docs/guide/cookbook.md

pub mod anthropic;
pub mod aws;
pub mod azure;
pub mod cosmos;
pub mod discord;
pub mod docker;
pub mod download;
pub mod github;
pub mod graphql;
pub mod openai;
pub mod paging;
pub mod polling;
pub mod slack;
pub mod stripe;
pub mod token;
pub mod upload;

#[cfg(test)]
mod testing;
