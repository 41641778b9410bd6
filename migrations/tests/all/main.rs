//! What `docs/migrations.md` says of requests and waits is counted here, at a server on loopback.
//! `UPDATE_EXPECT=1` writes the code of this crate into the page.

mod both;
mod counts;
mod page;
mod sdk;
mod seen;
