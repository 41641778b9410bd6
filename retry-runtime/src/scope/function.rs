//! An annotated function: what its calls share.

#[cfg(feature = "tracing")]
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(feature = "tracing")]
use std::sync::{Mutex, PoisonError};

/// An annotated function.
#[derive(Debug)]
pub struct Function {
    name: &'static str,
    sends: Sends,
}

/// The part of a function that sends, as the macro found it.
#[derive(Debug)]
enum Sends {
    /// The body.
    Visible,
    /// Functions that the body calls.
    Hidden(&'static HasRecorded),
}

/// Remembers whether an attempt of a function has recorded a request.
#[derive(Debug, Default)]
pub struct HasRecorded(AtomicBool);

impl HasRecorded {
    /// Makes the state of a function that has recorded none.
    pub const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self) {
        // Reading alone costs nothing where calls run on several threads.
        if !self.get() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

impl Function {
    /// Makes the function with this path, whose body sends.
    pub const fn visible(name: &'static str) -> Self {
        Self { name, sends: Sends::Visible }
    }

    /// Makes the function with this path, whose body calls functions that send.
    pub const fn hidden(name: &'static str, has_recorded: &'static HasRecorded) -> Self {
        Self { name, sends: Sends::Hidden(has_recorded) }
    }

    /// Returns the path of the function.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// Remembers that an attempt has recorded a request.
    #[inline]
    pub(crate) fn mark_recorded(&self) {
        if let Sends::Hidden(has_recorded) = self.sends {
            has_recorded.set();
        }
    }

    /// Returns `true` the first time that it is certain that requests of the function are not
    /// recorded, and `false` from then on. With a visible send that is certain if the type of its
    /// sender is unknown.
    #[cfg(feature = "tracing")]
    pub(crate) fn claim_warning(&self, unknown_sender: Option<fn() -> &'static str>) -> bool {
        /// The functions that were warned of.
        static WARNED: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
        let is_certain = match self.sends {
            Sends::Visible => unknown_sender.is_some(),
            Sends::Hidden(has_recorded) => !has_recorded.get(),
        };
        is_certain && WARNED.lock().unwrap_or_else(PoisonError::into_inner).insert(self.name)
    }
}
