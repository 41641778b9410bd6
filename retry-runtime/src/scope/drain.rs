//! The work that drains a failed response. An attempt keeps it, a call does it.

use std::fmt;
use std::future::Future;
use std::num::NonZeroU64;
use std::pin::Pin;

use crate::env::Moment;

/// A future of one type, whatever it does. It costs no compile time in annotated functions, and is
/// only made after an attempt has failed.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;
/// Work that blocks the thread it runs on. It reads on until the moment is past, and may be in the
/// middle of a read then.
pub(crate) type BlockingWork = Box<dyn FnOnce(Moment) + Send + Sync>;

/// Reads and discards the rest of a response, within a bound of bytes, so that its connection can
/// be used again.
pub enum Drain {
    /// Drains an async response.
    Async(Work),
    /// Drains a blocking response.
    #[cfg_attr(not(feature = "blocking"), allow(dead_code, reason = "no response blocks"))]
    Blocking {
        /// A hash of the server's address.
        server: NonZeroU64,
        /// Reads the response.
        work: BlockingWork,
    },
}

impl fmt::Debug for Drain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain").finish_non_exhaustive()
    }
}
