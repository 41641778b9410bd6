//! The code of the page is that of this crate.
