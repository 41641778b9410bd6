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
use std::future::{Future, Ready, ready};
use std::marker::PhantomData;
use std::ops::Deref;

use crate::attempt::Attempted;
use crate::failure::HttpFailure;
use crate::renewal::Renewed;
use crate::seen::Seen;
use crate::transport::{Answer, AnyError, Executor, Failing, Sender};

/// An error that threads can share.
pub(crate) type SharedError = dyn StdError + Send + Sync + 'static;
/// An error that can be sent to another thread.
pub(crate) type SendError = dyn StdError + Send + 'static;

macro_rules! chain {
    ($($(#[$doc:meta])* $name:ident -> $next:ident;)+) => {$(
        $(#[$doc])*
        pub struct $name<T>($next<T>);

        impl<T> $name<T> {
            /// Asks about the type of a value.
            #[inline]
            pub fn of(_: &T) -> Self {
                Self::new()
            }

            #[inline]
            pub(crate) fn new() -> Self {
                Self($next::new())
            }
        }

        impl<T> Deref for $name<T> {
            type Target = $next<T>;

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
    Probe -> ProbeOwn;
    /// Knows errors with an own [`HttpFailure`] impl.
    ProbeOwn -> ProbeShared;
    /// Knows `anyhow::Error`, `eyre::Report`, `Box<dyn Error + Send + Sync>`.
    ProbeShared -> ProbeSend;
    /// Knows `Box<dyn Error + Send>`.
    ProbeSend -> ProbeBoxed;
    /// Knows `Box<dyn Error>`.
    ProbeBoxed -> ProbeSourced;
    /// Knows every other error by its sources.
    ProbeSourced -> Opaque;
}

/// Knows nothing: the end of the chain.
pub struct Opaque<T>(PhantomData<fn(&T)>);

// What `.send()` is called on.

/// Arms a [`Sender`].
#[derive(Clone, Copy, Debug)]
pub struct Arming;

impl<T: Sender> Look<T> {
    /// reqwest's builder.
    #[inline]
    pub fn arming(&self) -> Arming {
        Arming
    }
}

impl Arming {
    /// The sender, armed.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "else the request is moved twice more")]
    pub fn arm<T: Sender>(self, sender: T, seen: &mut Seen, _: bool) -> T::Armed<'_> {
        sender.arm(seen)
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

impl<T: Executor> Look<T> {
    /// reqwest's client.
    #[inline]
    pub fn executing(&self) -> ArmExecutor<T> {
        ArmExecutor(PhantomData)
    }
}

impl<T: Executor> ArmExecutor<T> {
    /// Asks the client, before its request is made, what its timeout is.
    #[inline]
    pub fn of_client(self, client: &T, seen: &mut Seen) -> Self {
        seen.ask_client(|| client.own_timeout());
        self
    }

    /// The request, of which it is told.
    #[inline]
    pub fn arm_request(self, mut request: T::Request, seen: &mut Seen) -> T::Request {
        let own = seen.client_timeout();
        T::sending(&mut request, || own, seen);
        request
    }

    /// The result, of which it is told.
    #[inline]
    pub fn noted(self, result: T::Result, seen: &mut Seen) -> T::Result {
        T::note(&result, seen);
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

impl<T: Clone> Giving<T> {
    /// It can be cloned.
    #[inline]
    pub fn giving(&self) -> Cloned {
        Cloned
    }
}

impl<T: Sync> Lending<T> {
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

// What the two sides of an outcome say.

impl<T, E> Attempted<T, E> {
    /// Asks about a success.
    #[inline]
    pub fn answer(&self) -> Look<T> {
        Look::new()
    }

    /// Asks about a failure.
    #[inline]
    pub fn error(&self) -> Probe<E> {
        Probe::new()
    }
}

impl<T: Answer> Look<T> {
    /// A response.
    #[inline]
    pub fn known(&self) -> Known<Typed> {
        Known::NEW
    }
}

macro_rules! errors {
    ($($link:ident, $bound:path => $what:ty;)+) => {$(
        impl<E: $bound> $link<E> {
            /// By what it is known.
            #[inline]
            pub fn known(&self) -> Known<$what> {
                Known::NEW
            }
        }
    )+};
}

errors! {
    Probe, Failing => Typed;
    ProbeOwn, HttpFailure => Own;
    ProbeShared, AsRef<SharedError> => SharedError;
    ProbeSend, AsRef<SendError> => SendError;
    ProbeBoxed, AsRef<AnyError> => AnyError;
    ProbeSourced, StdError => Sourced;
}

// What the result of `reqwest::get(..)`, or of reading a body, says. The tags know its type: so it is not inferred from
// what the result is used as, and where the two differ the user's expression is what is wrong.

macro_rules! tags {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        pub struct $name<R>(PhantomData<fn(R)>);

        impl<R> $name<R> {
            const NEW: Self = Self(PhantomData);
        }
    )+};
}

tags! {
    /// Tells of a GET, and what came of it.
    Getting;
    /// Tells of what reading a body ends with.
    Reading;
    /// Tells nothing of a result.
    Passing;
}

impl<T: Answer, E: Failing> Look<Result<T, E>> {
    /// reqwest's.
    #[inline]
    pub fn getting(&self) -> Getting<Result<T, E>> {
        Getting::NEW
    }
}

impl<T, E: Failing> Look<Result<T, E>> {
    /// The result of a transport.
    #[inline]
    pub fn reading(&self) -> Reading<Result<T, E>> {
        Reading::NEW
    }
}

impl<T: Answer, E: Failing> Getting<Result<T, E>> {
    /// The result, of which it is told.
    #[inline]
    pub fn noted(self, result: Result<T, E>, seen: &mut Seen) -> Result<T, E> {
        seen.got();
        match &result {
            Ok(answer) => answer.tell(seen),
            Err(error) => error.tell(seen),
        }
        result
    }
}

impl<T, E: Failing> Reading<Result<T, E>> {
    /// The result, of which it is told if it failed.
    #[inline]
    pub fn noted(self, result: Result<T, E>, seen: &mut Seen) -> Result<T, E> {
        if let Err(error) = &result {
            error.tell(seen);
        }
        result
    }
}

impl<R> Passing<R> {
    /// The result as it is.
    #[inline]
    pub fn noted(self, result: R, _: &mut Seen) -> R {
        result
    }
}

// What `reauth` is given.

/// Awaits a renewal.
#[derive(Clone, Copy, Debug)]
pub struct Awaiting;

impl<T: Future> Look<T> {
    /// A future.
    #[inline]
    pub fn renewing(&self) -> Awaiting {
        Awaiting
    }
}

impl Awaiting {
    /// Whether the renewal succeeds.
    pub async fn renewed<F>(self, renewal: F) -> bool
    where
        F: Future,
        F::Output: Renewed,
    {
        renewal.await.renewed()
    }
}

// What is not known.

/// A type says something about an exchange: by what it is known.
pub struct Known<K: ?Sized>(PhantomData<fn(&K)>);

impl<K: ?Sized> Known<K> {
    const NEW: Self = Self(PhantomData);
}

impl<K: ?Sized> Clone for Known<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: ?Sized> Copy for Known<K> {}

/// Known by its type.
#[derive(Debug)]
pub enum Typed {}

/// Known by its own [`HttpFailure`].
#[derive(Debug)]
pub enum Own {}

/// Known by its sources.
#[derive(Debug)]
pub enum Sourced {}

/// A type says nothing about any exchange.
pub struct Unknown<T>(PhantomData<fn(&T)>);

impl<T> Clone for Unknown<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Unknown<T> {}

/// Takes what it is given as it is.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

impl<T> Opaque<T> {
    #[inline]
    fn new() -> Self {
        Self(PhantomData)
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

    /// No future: it is over.
    #[inline]
    pub fn renewing(&self) -> Plain {
        Plain
    }

    /// It can neither be cloned nor shared.
    #[inline]
    pub fn giving(&self) -> LentUniquely {
        LentUniquely
    }

    /// Says nothing.
    #[inline]
    pub fn known(&self) -> Unknown<T> {
        Unknown(PhantomData)
    }

    /// Not reqwest's.
    #[inline]
    pub fn getting(&self) -> Passing<T> {
        Passing::NEW
    }

    /// Not the body of a response.
    #[inline]
    pub fn reading(&self) -> Passing<T> {
        Passing::NEW
    }
}

impl Plain {
    /// Nothing is asked of it.
    #[inline]
    pub fn of_client<T>(self, _: &T, _: &mut Seen) -> Self {
        self
    }

    /// Whether a renewal that is over succeeded.
    pub fn renewed<T: Renewed>(self, renewal: T) -> Ready<bool> {
        ready(renewal.renewed())
    }

    /// The sender as it is.
    #[inline]
    pub fn arm<T>(self, sender: T, seen: &mut Seen, unsafely: bool) -> T {
        if unsafely {
            seen.sending_unsafely();
        }
        sender
    }

    /// The request as it is. Generic, so that its type may still be inferred.
    #[inline]
    pub fn arm_request<T>(self, request: T, _: &mut Seen) -> T {
        request
    }

    /// The result as it is.
    #[inline]
    pub fn noted<R>(self, result: R, _: &mut Seen) -> R {
        result
    }
}
