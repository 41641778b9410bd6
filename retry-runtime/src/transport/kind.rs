//! Questions to values of any type: what they say about an exchange, how they are armed.
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

use std::any::type_name;
use std::error::Error as StdError;
use std::future::{Future, Ready, ready};
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;

use crate::engine::http_failure::HttpFailure;
use crate::engine::recorder::Prepared;
use crate::scope;
use crate::scope::renewal::Renewed;
#[cfg(feature = "blocking")]
use crate::transport::BlockingSender;
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
use crate::transport::OfTransport;
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
use crate::transport::sending::Streaming;
use crate::transport::sending::{Reading, Sending, Tracked};
use crate::transport::{Answer, AnyError, Armed, Executor, Failing, Readable, Sender};

/// An error that threads can share.
pub(crate) type SharedError = dyn StdError + Send + Sync + 'static;
/// An error that can be sent to another thread.
pub(crate) type SendError = dyn StdError + Send + 'static;

macro_rules! chain {
    ($($(#[$doc:meta])* $name:ident -> $next:ident;)+) => {$(
        $(#[$doc])*
        pub struct $name<T: ?Sized>($next<T>);

        impl<T: ?Sized> $name<T> {
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

        impl<T: ?Sized> Deref for $name<T> {
            type Target = $next<T>;

            #[inline]
            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }
    )+};
}

pub(crate) use chain;

chain! {
    /// Knows reqwest's own types, and a few of the standard library.
    Look -> Opaque;
}

chain! {
    /// Knows reqwest's own builders.
    SendsAsync -> Sends;
    /// Knows the blocking ones.
    Sends -> Opaque;
}

chain! {
    /// Knows futures whose type the user names.
    Reads -> ReadsFuture;
    /// Knows futures that read the body of an answer.
    ReadsFuture -> ReadsNow;
    /// Knows results of having read one.
    ReadsNow -> Opaque;
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
pub struct Opaque<T: ?Sized>(PhantomData<fn(&T)>);

// What `.send()` is called on.

/// Arms a [`Sender`].
#[derive(Clone, Copy, Debug)]
pub struct Arming;

impl<T: Sender> SendsAsync<T> {
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
    pub fn arm<T: Sender>(
        self,
        sender: T,
        idempotent: Option<bool>,
    ) -> Armed<impl Future<Output = Result<T::Response, T::Error>>, T::Error> {
        sender.arm(idempotent)
    }
}

/// Arms a [`BlockingSender`].
#[cfg(feature = "blocking")]
#[derive(Clone, Copy, Debug)]
pub struct ArmingBlocking;

#[cfg(feature = "blocking")]
impl<T: BlockingSender> Sends<T> {
    /// reqwest's builder, blocking.
    #[inline]
    pub fn arming(&self) -> ArmingBlocking {
        ArmingBlocking
    }
}

#[cfg(feature = "blocking")]
impl ArmingBlocking {
    /// The sender, armed.
    #[inline]
    pub fn arm<T: BlockingSender>(self, sender: T, idempotent: Option<bool>) -> T::Armed {
        sender.arm(idempotent)
    }
}

// What `.execute(..)` is called on. Its type decides, since that of the request may have to be inferred from it.

/// Arms the request and the result of an [`Executor`].
#[derive(Clone, Copy, Debug)]
pub struct ArmExecutor;

impl<T: Executor> Look<T> {
    /// reqwest's client.
    #[inline]
    pub fn executing(&self) -> ArmExecutor {
        ArmExecutor
    }
}

impl ArmExecutor {
    /// Prepares for a request of the client.
    #[inline]
    pub fn of_client<T: Executor>(self, client: &T, idempotent: Option<bool>) -> T::Arming {
        client.arming(idempotent)
    }
}

// What the body of an answer is read from, where that has a name.

/// Asks a response which answer it is.
#[derive(Clone, Copy, Debug)]
pub struct Answers;

impl<T: Readable> Look<T> {
    /// reqwest's response.
    #[inline]
    pub fn answering(&self) -> Answers {
        Answers
    }
}

impl Answers {
    /// The answer that `response` is.
    #[inline]
    #[allow(clippy::unnecessary_wraps, reason = "of other types it is not known")]
    pub fn of<T: Readable>(self, response: &T) -> Option<usize> {
        Some(response.answer())
    }
}

fn has_read<T, E: Failing>(answer: Option<usize>, result: &Result<T, E>) {
    if let Err(error) = result {
        let report = error.report();
        scope::current(|scope| scope.recorder.on_body_error(answer, &report));
    }
}

// What the two sides of an outcome say.

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

// What `reqwest::get(..)` returns, and what reading a body does where the response has no name. The tags know the type:
// so it is not inferred from what the value is used as, and where the two differ the user's expression is what is wrong.

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
    /// Records a GET, and what comes of it.
    Getting;
    /// Records a GET that has been made.
    Got;
    /// Records how reading a body ends.
    ReadingFuture;
    /// Records how having read a body ended.
    ReadingResult;
    /// Records how a stream of a body ends.
    ReadingStream;
    /// Records nothing.
    Passing;
}

impl<P> Reads<Pin<P>> {
    /// The type of what is pinned is the user's own.
    #[inline]
    pub fn reading(&self) -> Passing<Pin<P>> {
        Passing::NEW
    }

    /// As above.
    #[inline]
    pub fn getting(&self) -> Passing<Pin<P>> {
        Passing::NEW
    }
}

impl<F, T, E> ReadsFuture<F>
where
    F: Future<Output = Result<T, E>>,
    T: Answer,
    E: Failing,
{
    /// reqwest's.
    #[inline]
    pub fn getting(&self) -> Getting<F> {
        Getting::NEW
    }
}

impl<T: Answer, E: Failing> ReadsNow<Result<T, E>> {
    /// reqwest's, blocking.
    #[inline]
    pub fn getting(&self) -> Got<Result<T, E>> {
        Got::NEW
    }
}

impl<F, T, E> Getting<F>
where
    F: Future<Output = Result<T, E>>,
{
    /// The future, recorded.
    #[inline]
    pub fn watch(self, future: F, _: Option<usize>) -> Sending<F, E> {
        Sending::new(future, Tracked::new(Prepared::get()))
    }
}

impl<T: Answer, E: Failing> Got<Result<T, E>> {
    /// The result, recorded.
    pub fn watch(self, result: Result<T, E>, _: Option<usize>) -> Result<T, E> {
        let mut tracked = Tracked::new(Prepared::get());
        tracked.send();
        tracked.end(&result);
        result
    }
}

impl<F, T, E> ReadsFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: Failing,
{
    /// A future of a transport.
    #[inline]
    pub fn reading(&self) -> ReadingFuture<F> {
        ReadingFuture::NEW
    }
}

impl<T, E: Failing> ReadsNow<Result<T, E>> {
    /// The result of a transport.
    #[inline]
    pub fn reading(&self) -> ReadingResult<Result<T, E>> {
        ReadingResult::NEW
    }
}

impl<F> ReadingFuture<F> {
    /// The future, recorded.
    #[inline]
    pub fn watch(self, future: F, answer: Option<usize>) -> Reading<F> {
        Reading::new(future, answer)
    }
}

impl<T, E: Failing> ReadingResult<Result<T, E>> {
    /// The result, recorded.
    #[inline]
    pub fn watch(self, result: Result<T, E>, answer: Option<usize>) -> Result<T, E> {
        has_read(answer, &result);
        result
    }
}

#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
impl<S, T, E> ReadsFuture<S>
where
    S: futures_core::Stream<Item = Result<T, E>>,
    E: OfTransport,
{
    /// A stream of a transport.
    #[inline]
    pub fn streaming(&self) -> ReadingStream<S> {
        ReadingStream::NEW
    }
}

#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
impl<S> ReadingStream<S> {
    /// The stream, recorded.
    pub fn watch(self, stream: S, answer: Option<usize>) -> Streaming<S> {
        Streaming::new(stream, answer)
    }
}

impl<R> Passing<R> {
    /// The value as it is.
    #[inline]
    pub fn watch(self, value: R, _: Option<usize>) -> R {
        value
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

impl<T: ?Sized> Opaque<T> {
    #[inline]
    pub(crate) fn new() -> Self {
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

    /// Not reqwest's, as above.
    #[inline]
    pub fn answering(&self) -> Plain {
        Plain
    }

    /// No future: it is over.
    #[inline]
    pub fn renewing(&self) -> Plain {
        Plain
    }

    /// Says nothing.
    #[inline]
    pub fn known(&self) -> Unknown<T>
    where
        T: Sized,
    {
        Unknown(PhantomData)
    }

    /// Not reqwest's.
    #[inline]
    pub fn getting(&self) -> Passing<T>
    where
        T: Sized,
    {
        Passing::NEW
    }

    /// Not the body of a response.
    #[inline]
    pub fn reading(&self) -> Passing<T>
    where
        T: Sized,
    {
        Passing::NEW
    }

    /// Not the body of a response.
    #[inline]
    pub fn streaming(&self) -> Passing<T>
    where
        T: Sized,
    {
        Passing::NEW
    }
}

impl Plain {
    /// Whether a renewal that is over succeeded.
    pub fn renewed<T: Renewed>(self, renewal: T) -> Ready<bool> {
        ready(renewal.renewed())
    }

    /// The sender as it is.
    #[inline]
    pub fn arm<T>(self, sender: T, _: Option<bool>) -> T {
        unknown_sender(type_name::<T>);
        sender
    }

    /// No answer.
    #[inline]
    pub fn of<T: ?Sized>(self, _: &T) -> Option<usize> {
        None
    }

    /// Prepares for a request of a client that is not known.
    #[inline]
    pub fn of_client<T: ?Sized>(self, _: &T, _: Option<bool>) -> Self {
        unknown_sender(type_name::<T>);
        self
    }

    /// The request as it is. Generic, so that its type may still be inferred.
    #[inline]
    pub fn arm_request<T>(&mut self, request: T) -> T {
        request
    }

    /// The value as it is.
    #[inline]
    pub fn watch<R>(self, value: R) -> R {
        value
    }
}

/// Notes, for the warning of a function that never records anything, what it sends with.
fn unknown_sender(name: fn() -> &'static str) {
    scope::current(|scope| scope.unknown_sender = Some(name));
}
