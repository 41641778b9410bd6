//! Annotated functions, as far as all of their calls have something in common.

use std::sync::atomic::{AtomicBool, Ordering};

/// An annotated function.
#[derive(Debug)]
pub struct Function {
    name: &'static str,
    sends: Sends,
    /// Whether one of its attempts has recorded a request.
    has_recorded: AtomicBool,
    /// Whether it was said that none has.
    #[cfg_attr(not(feature = "tracing"), allow(dead_code, reason = "it is said by `tracing`"))]
    has_warned: AtomicBool,
}

/// Whether the macro sees requests in the body of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sends {
    /// It sees some.
    Visible,
    /// It sees none: helpers send.
    Hidden,
}

impl Function {
    /// The function with this path.
    pub const fn new(name: &'static str, sends: Sends) -> Self {
        Self { name, sends, has_recorded: AtomicBool::new(false), has_warned: AtomicBool::new(false) }
    }

    /// Returns its path.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// An attempt has recorded a request.
    #[inline]
    pub(crate) fn record(&self) {
        // Of a function with visible sends nobody asks. A read alone is free for calls on several threads.
        if self.sends == Sends::Hidden && !self.has_recorded.load(Ordering::Relaxed) {
            self.has_recorded.store(true, Ordering::Relaxed);
        }
    }

    /// Whether to warn that requests of the function are not seen: once, and where that is certain enough. Behind a
    /// visible send it is where the type of that is not known.
    #[cfg(feature = "tracing")]
    pub(crate) fn is_to_warn(&self, unknown_sender: Option<fn() -> &'static str>) -> bool {
        let is_certain = match self.sends {
            Sends::Visible => unknown_sender.is_some(),
            Sends::Hidden => !self.has_recorded.load(Ordering::Relaxed),
        };
        is_certain && !self.has_warned.swap(true, Ordering::Relaxed)
    }
}
