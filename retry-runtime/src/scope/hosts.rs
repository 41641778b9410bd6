//! Shares the name of a host among the calls that ask it one after the other, so that observing
//! them allocates nothing.

use std::cell::Cell;
use std::sync::Arc;

thread_local! {
    /// The host that was observed last.
    static LAST: Cell<Option<Arc<str>>> = const { Cell::new(None) };
}

/// Returns the name of a host, to be kept.
pub(crate) fn shared(host: &str) -> Arc<str> {
    let shared = LAST.try_with(|last| {
        let host = last.take().filter(|last| **last == *host).unwrap_or_else(|| host.into());
        last.set(Some(Arc::clone(&host)));
        host
    });
    // On a thread that is about to end.
    shared.unwrap_or_else(|_| host.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_host_is_allocated_once() {
        let first = shared("localhost");
        assert!(Arc::ptr_eq(&first, &shared("localhost")));
        assert_eq!((&*shared("example.com"), &*shared("localhost")), ("example.com", "localhost"));
        assert_eq!(&*first, "localhost");
    }
}
