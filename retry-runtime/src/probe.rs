//! What a value of any type says about an exchange.
//!
//! The macro does not know types, so the generated code asks `Look::of(&value).question()` and lets method
//! resolution decide. A [`Look`] derefs through a chain of wrappers, one for each kind of knowledge, most
//! specific first; each has the question once, for the types that it knows, and the last one has it for all.
//! Chains are as short as they can be, since every link costs compile time: only errors need a long one.
//!
//! Inherent methods that autoderef finds need no trait in scope, so nothing is imported into the user's
//! function. One impl a link, bounded by a trait, keeps a type that failed to compile from being ambiguous as
//! well. A question about a value that is to be taken answers with a tag, which then takes it.

#![allow(clippy::unused_self, reason = "a question is asked of a value, and answered by its type")]

use std::error::Error as StdError;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::Deref;
use std::time::Duration;

use http::StatusCode;

use crate::ambient;
use crate::call::Call;
use crate::failure::HttpFailure;
use crate::reqwest::search;
#[cfg(feature = "blocking")]
use crate::transport::DrainBlocking;
use crate::transport::{Answer, AnyError, Drain, Executor, Failing, Sender};

type SharedError = dyn StdError + Send + Sync + 'static;
type SendError = dyn StdError + Send + 'static;

macro_rules! chain {
    ($($(#[$doc:meta])* $name:ident -> $next:ident;)+) => {$(
        $(#[$doc])*
        pub struct $name<'a, T>($next<'a, T>);

        impl<'a, T> $name<'a, T> {
            /// Asks about `value`.
            #[inline]
            pub fn of(value: &'a T) -> Self {
                Self($next::of(value))
            }
        }

        impl<'a, T> Deref for $name<'a, T> {
            type Target = $next<'a, T>;

            #[inline]
            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }
    )+};
}

chain! {
    /// Knows reqwest's own types, and a few of the standard library.
    Look -> Opaque;
}

chain! {
    /// Knows what can be cloned.
    Giving -> Lending;
    /// Knows what can be shared.
    Lending -> Opaque;
}

chain! {
    /// Knows reqwest's own errors.
    Probe -> Own;
    /// Knows errors with an own [`HttpFailure`] impl.
    Own -> Shared;
    /// Knows `anyhow::Error`, `eyre::Report`, `Box<dyn Error + Send + Sync>`.
    Shared -> Sendable;
    /// Knows `Box<dyn Error + Send>`.
    Sendable -> Boxed;
    /// Knows `Box<dyn Error>`.
    Boxed -> Sourced;
    /// Knows every other error by its sources.
    Sourced -> Opaque;
}

/// Knows nothing: the end of the chain.
pub struct Opaque<'a, T>(&'a T);

// What `.send()` is called on.

/// Arms the request and the result of a [`Sender`].
pub struct ArmSender<T>(PhantomData<fn(T)>);

impl<T> Clone for ArmSender<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for ArmSender<T> {}

impl<T: Sender> Look<'_, T> {
    /// reqwest's builder.
    #[inline]
    pub fn arming(&self) -> ArmSender<T> {
        ArmSender(PhantomData)
    }
}

impl<T: Sender> ArmSender<T> {
    /// The sender, armed.
    #[inline]
    pub fn arm(self, sender: T, call: &mut Call<'_>, _: bool) -> T::Armed {
        sender.arm(call)
    }

    /// The result, of which the call is told.
    #[inline]
    pub fn noted(self, result: T::Result, call: &mut Call<'_>) -> T::Result {
        T::note(&result, call);
        result
    }

    /// The future of a result, of which the call is told.
    #[expect(clippy::manual_async_fn, reason = "to be `Send` where the future is")]
    pub fn watched(
        self,
        future: impl Future<Output = T::Result>,
        call: &mut Call<'_>,
    ) -> impl Future<Output = T::Result> {
        async move { self.noted(future.await, call) }
    }
}

// What `.execute(..)` is called on. Its type decides, since that of the request may have to be inferred from it.

/// Arms the request and the result of an [`Executor`].
pub struct ArmExecutor<T>(PhantomData<fn(T)>);

impl<T> Clone for ArmExecutor<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for ArmExecutor<T> {}

impl<T: Executor> Look<'_, T> {
    /// reqwest's client.
    #[inline]
    pub fn executing(&self) -> ArmExecutor<T> {
        ArmExecutor(PhantomData)
    }
}

impl<T: Executor> ArmExecutor<T> {
    /// The request, of which the call is told.
    #[inline]
    pub fn arm_request(self, request: T::Request, call: &mut Call<'_>) -> T::Request {
        T::sending(&request, call);
        request
    }

    /// The result, of which the call is told.
    #[inline]
    pub fn noted(self, result: T::Result, call: &mut Call<'_>) -> T::Result {
        T::note(&result, call);
        result
    }
}

// What an attempt is given of an argument that it may consume.

/// A clone.
#[derive(Clone, Copy, Debug)]
pub struct Cloned;

/// A reference.
#[derive(Clone, Copy, Debug)]
pub struct Lent;

/// A unique reference.
#[derive(Clone, Copy, Debug)]
pub struct LentUniquely;

impl<T: Clone> Giving<'_, T> {
    /// It can be cloned.
    #[inline]
    pub fn giving(&self) -> Cloned {
        Cloned
    }
}

impl<T: Sync> Lending<'_, T> {
    /// It can be shared.
    #[inline]
    pub fn giving(&self) -> Lent {
        Lent
    }
}

impl Cloned {
    /// A clone of `argument`.
    #[inline]
    pub fn give<T: Clone>(self, argument: &mut T) -> T {
        argument.clone()
    }
}

impl Lent {
    /// `argument` itself.
    #[inline]
    pub fn give<T>(self, argument: &mut T) -> &T {
        argument
    }
}

impl LentUniquely {
    /// `argument` itself.
    #[inline]
    pub fn give<T>(self, argument: &mut T) -> &mut T {
        argument
    }
}

// What an outcome, or the result of reading a body, says.

impl<'a, T, E> Look<'a, Result<T, E>> {
    /// The two sides of a result.
    #[inline]
    pub fn sides(&self) -> (Option<&'a T>, Option<&'a E>) {
        match self.0.0 {
            Ok(answer) => (Some(answer), None),
            Err(error) => (None, Some(error)),
        }
    }
}

impl<T: Answer> Look<'_, T> {
    /// A response.
    #[inline]
    pub fn answer(&self, call: &mut Call<'_>) {
        self.0.0.tell(call);
    }

    /// Says its status and headers.
    #[inline]
    pub fn answer_known(&self) -> Known {
        Known
    }
}

impl<E: Failing> Probe<'_, E> {
    /// An error of reqwest's.
    #[inline]
    pub fn failure(&self, call: &mut Call<'_>) {
        self.0.0.0.0.0.0.0.tell(call);
    }

    /// Says its kind.
    #[inline]
    pub fn failure_known(&self) -> Known {
        Known
    }
}

impl<T, E: Failing> Look<'_, Result<T, E>> {
    /// What reading a body ends with.
    #[inline]
    pub fn broken(&self, call: &mut Call<'_>) {
        if let Err(error) = self.0.0 {
            error.tell(call);
        }
    }
}

impl<E: HttpFailure> Own<'_, E> {
    /// What the error says of itself counts, and nothing else.
    pub fn failure(&self, call: &mut Call<'_>) {
        let error = self.0.0.0.0.0.0;
        if let Some(status) = error.status().and_then(|status| StatusCode::from_u16(status).ok()) {
            call.answered_with(status);
        }
        for failure in error.failures().iter() {
            call.failed(failure);
        }
        if let Some(wait) = error.retry_after() {
            call.hinted(wait);
        }
    }

    /// Says what it is asked.
    #[inline]
    pub fn failure_known(&self) -> Known {
        Known
    }
}

macro_rules! dynamic {
    ($($wrapper:ident, $error:ty, |$this:ident| $value:expr;)+) => {$(
        impl<E: AsRef<$error>> $wrapper<'_, E> {
            /// Looks at the error and its sources.
            pub fn failure(&self, call: &mut Call<'_>) {
                let $this = self;
                search($value.as_ref(), call);
            }

            /// Says what is inside of it.
            #[inline]
            pub fn failure_known(&self) -> Known {
                Known
            }
        }
    )+};
}

dynamic! {
    Shared, SharedError, |this| this.0.0.0.0.0;
    Sendable, SendError, |this| this.0.0.0.0;
    Boxed, AnyError, |this| this.0.0.0;
}

impl<E: StdError> Sourced<'_, E> {
    /// Looks at the sources only: an error with a lifetime cannot be looked at by type.
    pub fn failure(&self, call: &mut Call<'_>) {
        if let Some(source) = self.0.0.source() {
            search(source, call);
        }
    }

    /// Says what its sources are.
    #[inline]
    pub fn failure_known(&self) -> Known {
        Known
    }
}

// What becomes of an outcome that is not returned. A response is worth more than being dropped: once it is read,
// its connection can be used again.

/// How long to drain a failed response: as long as the wait is, but within these bounds.
const SHORTEST_DRAIN: Duration = Duration::from_millis(250);
const LONGEST_DRAIN: Duration = Duration::from_secs(1);

/// Drains a response while waiting.
#[derive(Clone, Copy, Debug)]
pub struct Draining;

impl<T: Drain, E> Look<'_, Result<T, E>> {
    /// A response.
    #[inline]
    pub fn pausing(&self) -> Draining {
        Draining
    }
}

impl Draining {
    /// Drains the outcome, then waits for the rest of `wait`.
    pub fn pause<T: Drain, E>(
        self,
        outcome: Result<T, E>,
        wait: Duration,
    ) -> impl Future<Output = ()> + use<T, E> {
        // Draining is part of the wait: the clock starts here, before the first poll.
        let sleep = ambient::sleep(wait);
        // An error that is not `Send` must not be held while waiting.
        let outcome = outcome.ok();
        async move {
            if let Some(response) = outcome {
                ambient::at_most(wait.clamp(SHORTEST_DRAIN, LONGEST_DRAIN), response.drain()).await;
            }
            sleep.await;
        }
    }
}

/// Drains a response while blocking.
#[cfg(feature = "blocking")]
#[derive(Clone, Copy, Debug)]
pub struct DrainingBlocking;

#[cfg(feature = "blocking")]
impl<T: DrainBlocking, E> Look<'_, Result<T, E>> {
    /// A response.
    #[inline]
    pub fn blocking(&self) -> DrainingBlocking {
        DrainingBlocking
    }
}

#[cfg(feature = "blocking")]
impl DrainingBlocking {
    /// Drains the outcome, then blocks for the rest of `wait`.
    pub fn block<T: DrainBlocking, E>(self, outcome: Result<T, E>, wait: Duration) {
        let start = ambient::blocking::now();
        if let Ok(response) = outcome {
            ambient::blocking::at_most(wait.clamp(SHORTEST_DRAIN, LONGEST_DRAIN), move || response.drain());
        }
        ambient::blocking::sleep_until(start, wait);
    }
}

// What is not known.

/// The answer of a type that may say something about an exchange.
#[derive(Clone, Copy, Debug)]
pub struct Known;

/// The answer of a type that says nothing about any exchange.
#[derive(Debug)]
pub struct Unknown<T>(PhantomData<T>);

/// Takes what it is given as it is.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

impl<'a, T> Opaque<'a, T> {
    #[inline]
    fn of(value: &'a T) -> Self {
        Self(value)
    }

    /// Not reqwest's: all that is ever known is the outcome.
    #[inline]
    pub fn arming(&self) -> Plain {
        Plain
    }

    /// Not reqwest's, as above.
    #[inline]
    pub fn executing(&self) -> Plain {
        Plain
    }

    /// It can neither be cloned nor shared.
    #[inline]
    pub fn giving(&self) -> LentUniquely {
        LentUniquely
    }

    /// No result, which is reported elsewhere.
    #[inline]
    pub fn sides(&self) -> (Option<&'a ()>, Option<&'a ()>) {
        (None, None)
    }

    /// A success that says nothing.
    #[inline]
    pub fn answer(&self, _: &mut Call<'_>) {}

    /// Says nothing.
    #[inline]
    pub fn answer_known(&self) -> Unknown<T> {
        Unknown(PhantomData)
    }

    /// An error that says nothing.
    #[inline]
    pub fn failure(&self, _: &mut Call<'_>) {}

    /// Says nothing.
    #[inline]
    pub fn failure_known(&self) -> Unknown<T> {
        Unknown(PhantomData)
    }

    /// Not the body of a response.
    #[inline]
    pub fn broken(&self, _: &mut Call<'_>) {}

    /// Not a response.
    #[inline]
    pub fn pausing(&self) -> Plain {
        Plain
    }

    /// Not a response.
    #[cfg(feature = "blocking")]
    #[inline]
    pub fn blocking(&self) -> Plain {
        Plain
    }
}

impl Plain {
    /// The sender as it is.
    #[inline]
    pub fn arm<T>(self, sender: T, call: &mut Call<'_>, unsafely: bool) -> T {
        if unsafely {
            call.sending_unsafely();
        }
        sender
    }

    /// The future as it is.
    #[inline]
    pub fn watched<F>(self, future: F, _: &mut Call<'_>) -> F {
        future
    }

    /// The request as it is. Generic, so that its type may still be inferred.
    #[inline]
    pub fn arm_request<T>(self, request: T, _: &mut Call<'_>) -> T {
        request
    }

    /// The result as it is.
    #[inline]
    pub fn noted<R>(self, result: R, _: &mut Call<'_>) -> R {
        result
    }

    /// Drops the outcome at once, then waits.
    pub fn pause<R>(self, _outcome: R, wait: Duration) -> impl Future<Output = ()> + Send {
        ambient::sleep(wait)
    }

    /// Drops the outcome at once, then blocks.
    #[cfg(feature = "blocking")]
    pub fn block<R>(self, _outcome: R, wait: Duration) {
        ambient::blocking::sleep_until(ambient::blocking::now(), wait);
    }
}
