//! The code of `docs/migrations.md`: how a client retries with another crate, and how it does with
//! `#[retry_http]`. `tests/all/page.rs` keeps the blocks of the page equal to these files.

/// Two files for each way to retry.
macro_rules! migrations {
    ($($name:ident)*) => {$(
        pub mod $name {
            pub mod after;
            pub mod before;
        }
    )*};
}

migrations!(backoff blocking by_hand sdk tokio_retry2 tower);

pub mod backon {
    pub mod after;
    pub mod before;
    pub mod when;
}

pub mod reqwest_retry {
    pub mod after;
    pub mod before;
    pub mod moving;
}
