//! The state that all calls of an annotated function share.

use std::sync::atomic::{AtomicBool, Ordering};

/// An annotated function.
#[derive(Debug)]
pub struct Function {
    name: &'static str,
    sends: Sends,
    /// `true` once an attempt has recorded a request.
    has_recorded: AtomicBool,
    /// `true` once the user was warned that no attempt has.
    #[cfg_attr(not(feature = "tracing"), allow(dead_code, reason = "`tracing` warns"))]
    has_warned: AtomicBool,
}

/// The part of a function that sends, as the macro found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sends {
    /// The body.
    Visible,
    /// Functions that the body calls.
    Hidden,
}

impl Function {
    /// Makes the function with this path.
    pub const fn new(name: &'static str, sends: Sends) -> Self {
        Self { name, sends, has_recorded: AtomicBool::new(false), has_warned: AtomicBool::new(false) }
    }

    /// Returns the path of the function.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// Remembers that an attempt has recorded a request.
    #[inline]
    pub(crate) fn mark_recorded(&self) {
        // Only hidden sends are asked about. Reading alone costs nothing where calls run on several
        // threads.
        if self.sends == Sends::Hidden && !self.has_recorded.load(Ordering::Relaxed) {
            self.has_recorded.store(true, Ordering::Relaxed);
        }
    }

    /// Returns `true` the first time that it is certain that requests of the function are not
    /// recorded, and `false` from then on. With a visible send that is certain if the type of its
    /// sender is unknown.
    #[cfg(feature = "tracing")]
    pub(crate) fn claim_warning(&self, unknown_sender: Option<fn() -> &'static str>) -> bool {
        let is_certain = match self.sends {
            Sends::Visible => unknown_sender.is_some(),
            Sends::Hidden => !self.has_recorded.load(Ordering::Relaxed),
        };
        is_certain && !self.has_warned.swap(true, Ordering::Relaxed)
    }
}
