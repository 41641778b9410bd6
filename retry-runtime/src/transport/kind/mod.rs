//! Asks values of any type how to handle them: how to arm a sender, track a result, or report on an
//! outcome.
//!
//! The macro does not know types, so the generated code calls
//! `Kind(&raw const value).check_response(value)` and the like, and lets method resolution decide.
//! A `Kind` derefs through a chain of wrappers, the most specific first. Each wrapper has the
//! method once, for the types that it knows, and the last one has it for all. Chains are as short
//! as possible, and what an attempt awaits itself has a chain of its own, since each link costs
//! compile time, and each one that is passed costs more: only errors need a long chain.
//!
//! Autoderef finds inherent methods without a trait in scope, so nothing is imported into the
//! user's function. Each link has one impl, bounded by a trait, so a type that failed to compile is
//! not ambiguous as well.

#![allow(clippy::unused_self, reason = "a question is asked of a value, and answered by its type")]

pub(crate) mod body;
pub(crate) mod outcome;

use std::any::type_name;
use std::future::{Future, Ready, ready};
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr;

use crate::engine::upstream::Upstream;
use crate::scope;
use crate::scope::renewal::Renewed;
use crate::transport::sending::{SendFuture, SendWatch, TrackedRequest};
use crate::transport::{Armed, BlockingSender, CheckedResponse, Executor, ReadableResponse, Sender};

macro_rules! chain {
    (
        $(#[$doc:meta])* $first:ident -> $second:ident;
        $($(#[$link_doc:meta])* $link:ident -> $next:ident;)*
    ) => {
        $(#[$doc])*
        ///
        /// Asks about the type of a value by a pointer, which is not followed. To make one is no
        /// call, which would cost compile time, and it borrows nothing, since the value is moved
        /// next. [`of`](Self::of) is for expressions of the user's, to which there may be no
        /// pointer.
        pub struct $first<T: ?Sized>(pub *const T);

        impl<T: ?Sized> $first<T> {
            /// Asks about the type of a value.
            #[inline]
            pub fn of(value: &T) -> Self {
                Self(value)
            }
        }

        deref_to!($first -> $second<T>; T: ?Sized);

        $(
            $(#[$link_doc])*
            pub struct $link<T: ?Sized>(PhantomData<fn(&T)>);

            impl<T: ?Sized> $link<T> {
                pub(crate) const NEW: Self = Self(PhantomData);
            }

            deref_to!($link -> $next<T>; T: ?Sized);
        )*
    };
}

/// Links one wrapper to the next one.
macro_rules! deref_to {
    ($name:ident -> $next:ident<$of:ident>; $($parameter:ident $(: ?$sized:ident)?),+) => {
        impl<$($parameter $(: ?$sized)?),+> Deref for $name<$($parameter),+> {
            type Target = $next<$of>;

            #[inline]
            fn deref(&self) -> &Self::Target {
                const { &$next::NEW }
            }
        }
    };
}

pub(crate) use {chain, deref_to};

chain! {
    /// Knows responses, futures, and async builders of reqwest's that the attempt itself awaits.
    Kind -> AnyKind;
}

impl<T> Kind<T> {
    const NEW: Self = Self(ptr::null());
}

chain! {
    /// Knows reqwest's clients.
    ClientKind -> PointerKind;
    /// Knows what derefs to one of reqwest's clients, such as a guard or a newtype.
    PointerKind -> DoublePointerKind;
    /// Knows references to what derefs to one of reqwest's clients.
    DoublePointerKind -> AnyKind;
}

chain! {
    /// Knows reqwest's async builders.
    SenderKind -> BlockingSenderKind;
    /// Knows reqwest's blocking builders.
    BlockingSenderKind -> AnyKind;
}

chain! {
    /// Knows upstreams.
    UpstreamKind -> AnyKind;
}

impl UpstreamKind<Upstream> {
    /// Compiles only for an upstream in a `static`. Each use of a `const` is another upstream,
    /// which lasts no longer than the call.
    #[inline]
    pub fn in_static(&self, _: &'static Upstream) {}
}

impl UpstreamKind<&Upstream> {
    /// Compiles only for a reference to an upstream in a `static`.
    #[inline]
    pub fn in_static(&self, _: &&'static Upstream) {}
}

impl<T: ?Sized> AnyKind<T> {
    /// Compiles for a value of any other type.
    #[inline]
    pub fn in_static(&self, _: &T) {}
}

/// Ends every chain, and knows nothing.
pub struct AnyKind<T: ?Sized>(PhantomData<fn(&T)>);

impl<T: ?Sized> AnyKind<T> {
    pub(crate) const NEW: Self = Self(PhantomData);
}

// Senders: the receiver of `.send()`.

impl<T: Sender> SenderKind<T> {
    /// Makes the `.send()` of one of reqwest's async builders arm it.
    #[inline]
    pub fn arm_sender(&self, sender: T) -> ArmedSender<T> {
        ArmedSender { sender, idempotent: None }
    }

    /// Makes the `.send()` of one of reqwest's async builders, whose request the user has declared
    /// `idempotent`, or not, arm it.
    #[inline]
    pub fn arm_declared(&self, sender: T, idempotent: bool) -> ArmedSender<T> {
        ArmedSender { sender, idempotent: Some(idempotent) }
    }
}

impl<T: Sender> Kind<T> {
    /// Arms one of reqwest's async builders, whose request the body of an attempt awaits at once.
    #[cfg_attr(not(debug_assertions), inline(always))]
    #[allow(clippy::inline_always, reason = "else the request is moved twice more")]
    pub fn arm_awaited(
        &self,
        sender: T,
    ) -> Armed<impl Future<Output = Result<T::Response, T::Error>> + use<T>> {
        sender.arm_awaited()
    }
}

impl<T: Sender> SenderKind<T> {
    /// Watches the `.send()` of one of reqwest's async builders that must not be moved.
    pub fn watch_sender(&self, sender: &T) -> SendWatch {
        sender.watch(None)
    }

    /// Watches the `.send()` of one of reqwest's async builders that must not be moved, and whose
    /// request the user has declared `idempotent`, or not.
    pub fn watch_declared(&self, sender: &T, idempotent: bool) -> SendWatch {
        sender.watch(Some(idempotent))
    }
}

impl<T: BlockingSender> BlockingSenderKind<T> {
    /// Watches the `.send()` of one of reqwest's blocking builders that must not be moved.
    pub fn watch_sender(&self, sender: &T) -> TrackedRequest {
        sender.watch(None)
    }

    /// Watches the `.send()` of one of reqwest's blocking builders that must not be moved, and
    /// whose request the user has declared `idempotent`, or not.
    pub fn watch_declared(&self, sender: &T, idempotent: bool) -> TrackedRequest {
        sender.watch(Some(idempotent))
    }
}

impl<T: ?Sized> AnyKind<T> {
    /// Returns a watch that does nothing, for all other senders.
    #[inline]
    pub fn watch_sender(&self, _: &T) -> Passthrough {
        Passthrough
    }

    /// Returns a watch that does nothing, for all other senders.
    #[inline]
    pub fn watch_declared(&self, _: &T, _: bool) -> Passthrough {
        Passthrough
    }
}

/// A builder that is armed when it is sent. All of one type send by one type of future, as without
/// the attribute.
#[must_use = "nothing is sent until `send` is called"]
pub struct ArmedSender<T> {
    sender: T,
    idempotent: Option<bool>,
}

impl<T: Sender> ArmedSender<T> {
    /// Arms the builder, and returns the future that sends the request.
    // Not in a debug build, or every annotated function would be compiled with a copy of it.
    #[cfg_attr(not(debug_assertions), inline(always))]
    #[allow(clippy::inline_always, reason = "else the request is moved twice more")]
    #[allow(clippy::type_complexity, reason = "an `impl Future` has no other name")]
    pub fn send(
        self,
    ) -> SendFuture<impl Future<Output = Result<T::Response, T::Error>> + use<T>, T::Response, T::Error> {
        self.sender.arm(self.idempotent)
    }
}

impl<T: BlockingSender> BlockingSenderKind<T> {
    /// Makes the `.send()` of one of reqwest's blocking builders arm it.
    #[inline]
    pub fn arm_sender(&self, sender: T) -> ArmedBlockingSender<T> {
        ArmedBlockingSender { sender, idempotent: None }
    }

    /// Makes the `.send()` of one of reqwest's blocking builders, whose request the user has
    /// declared `idempotent`, or not, arm it.
    #[inline]
    pub fn arm_declared(&self, sender: T, idempotent: bool) -> ArmedBlockingSender<T> {
        ArmedBlockingSender { sender, idempotent: Some(idempotent) }
    }
}

/// A blocking builder that is armed when it is sent.
#[must_use = "nothing is sent until `send` is called"]
pub struct ArmedBlockingSender<T> {
    sender: T,
    idempotent: Option<bool>,
}

impl<T: BlockingSender> ArmedBlockingSender<T> {
    /// Arms the builder, and sends the request.
    ///
    /// # Errors
    ///
    /// Returns the errors of reqwest's `blocking::RequestBuilder::send`.
    #[inline]
    pub fn send(self) -> T::Sent {
        self.sender.arm_and_send(self.idempotent)
    }
}

impl<T> AnyKind<T> {
    /// Returns any other sender unchanged.
    #[inline]
    pub fn arm_sender(&self, sender: T) -> T {
        record_unknown_sender(type_name::<T>);
        sender
    }

    /// Returns any other sender unchanged.
    #[inline]
    pub fn arm_declared(&self, sender: T, _: bool) -> T {
        self.arm_sender(sender)
    }

    /// Returns any other sender unchanged.
    #[inline]
    pub fn arm_awaited(&self, sender: T) -> T {
        self.arm_sender(sender)
    }
}

/// Records the type of a sender that is not known, for the warning about functions that never
/// record anything.
fn record_unknown_sender(name: fn() -> &'static str) {
    scope::current(|scope| scope.unknown_sender = Some(name));
}

// Clients: the receiver of `.execute(..)`. Their type decides, since that of the request may be
// inferred from it.

impl<T: Executor> ClientKind<T> {
    /// Returns the armer of one request of a client of reqwest's.
    #[inline]
    pub fn armer(&self, client: &T) -> T::Armer {
        client.armer(None)
    }

    /// Returns the armer of one request that the user has declared `idempotent`, or not.
    #[inline]
    pub fn armer_declared(&self, client: &T, idempotent: bool) -> T::Armer {
        client.armer(Some(idempotent))
    }
}

impl<T: Deref<Target: Executor>> PointerKind<T> {
    /// Returns the armer of one request of a client of reqwest's.
    #[inline]
    pub fn armer(&self, client: &T) -> <T::Target as Executor>::Armer {
        (**client).armer(None)
    }

    /// Returns the armer of one request that the user has declared `idempotent`, or not.
    #[inline]
    pub fn armer_declared(&self, client: &T, idempotent: bool) -> <T::Target as Executor>::Armer {
        (**client).armer(Some(idempotent))
    }
}

impl<T: Deref<Target: Deref<Target: Executor>>> DoublePointerKind<T> {
    /// Returns the armer of one request of a client of reqwest's.
    #[inline]
    pub fn armer(&self, client: &T) -> <<T::Target as Deref>::Target as Executor>::Armer {
        (***client).armer(None)
    }

    /// Returns the armer of one request that the user has declared `idempotent`, or not.
    #[inline]
    pub fn armer_declared(
        &self,
        client: &T,
        idempotent: bool,
    ) -> <<T::Target as Deref>::Target as Executor>::Armer {
        (***client).armer(Some(idempotent))
    }
}

impl<T: ?Sized> AnyKind<T> {
    /// Returns an armer that changes nothing, for all other clients.
    #[inline]
    pub fn armer(&self, _: &T) -> Passthrough {
        record_unknown_sender(type_name::<T>);
        Passthrough
    }

    /// Returns an armer that changes nothing, for all other clients.
    #[inline]
    pub fn armer_declared(&self, client: &T, _: bool) -> Passthrough {
        self.armer(client)
    }
}

/// The armer of clients that are not known.
#[derive(Clone, Copy, Debug)]
pub struct Passthrough;

impl Passthrough {
    /// Returns the request unchanged. Generic, so that its type may still be inferred.
    #[inline]
    pub fn arm_request<T>(&mut self, request: T) -> T {
        request
    }

    /// Returns the result of a call unchanged.
    #[inline]
    pub fn track<R>(self, value: R) -> R {
        value
    }
}

// Responses: the receiver of methods that read a body, if it is a variable.

impl<T: ReadableResponse> Kind<T> {
    /// Returns the id of a response of reqwest's.
    #[inline]
    #[allow(clippy::unnecessary_wraps, reason = "of other types it is not known")]
    pub fn response_id(&self, response: &T) -> Option<usize> {
        Some(response.response_id())
    }
}

impl<T: ?Sized> AnyKind<T> {
    /// Returns no id, for all other receivers.
    #[inline]
    pub fn response_id(&self, _: &T) -> Option<usize> {
        None
    }
}

// Responses: the receiver of `.error_for_status()`.

/// A response whose status is checked next.
#[derive(Debug)]
pub struct Checked<T>(T);

impl<T: CheckedResponse> Kind<T> {
    /// Returns a response of reqwest's that is kept if its status refuses the request.
    #[inline]
    pub fn check_response(&self, response: T) -> Checked<T> {
        Checked(response)
    }
}

impl<T: CheckedResponse> Checked<T> {
    /// Checks the status.
    ///
    /// # Errors
    ///
    /// Returns the error of reqwest's `error_for_status`.
    #[inline]
    pub fn error_for_status(self) -> Result<T, T::Error> {
        self.0.error_for_status()
    }
}

impl<T> AnyKind<T> {
    /// Returns any other receiver unchanged.
    #[inline]
    pub fn check_response(&self, receiver: T) -> T {
        receiver
    }
}

// Renewals: the value of `reauth`.

/// Awaits a renewal.
#[derive(Clone, Copy, Debug)]
pub struct RenewalFuture;

impl<T: Future> Kind<T> {
    /// Answers for futures.
    #[inline]
    pub fn renewal_kind(&self) -> RenewalFuture {
        RenewalFuture
    }
}

impl RenewalFuture {
    /// Returns whether the renewal succeeds.
    pub async fn renewed<F>(self, renewal: F) -> bool
    where
        F: Future,
        F::Output: Renewed,
    {
        renewal.await.renewed()
    }
}

impl<T: ?Sized> AnyKind<T> {
    /// Answers for results of renewals that have ended.
    #[inline]
    pub fn renewal_kind(&self) -> Passthrough {
        Passthrough
    }
}

impl Passthrough {
    /// Returns whether the renewal succeeded.
    pub fn renewed<T: Renewed>(self, renewal: T) -> Ready<bool> {
        ready(renewal.renewed())
    }
}
