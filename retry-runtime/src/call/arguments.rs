//! What the generated loop does with values of the user's types: thin macros over [`Probe`](crate::transport::kind::Probe),
//! which has to be asked where the type is known, and the traits whose messages speak to users.

#![allow(clippy::unused_self, reason = "a question is asked of a value, and answered by its type")]

use std::ops::Deref;

use crate::call::Call;
use crate::transport::TryClone;
use crate::transport::kind::{Opaque, chain};

/// Calls what `retry_if` is given.
#[inline]
pub fn is_wanted<R>(outcome: &R, retry_if: impl FnOnce(&R) -> bool) -> bool {
    retry_if(outcome)
}

/// What an argument that every attempt consumes must be.
#[diagnostic::on_unimplemented(
    message = "each attempt consumes this argument, and `{Self}` cannot be cloned for the next one",
    label = "consumed by each attempt, but not `Clone`",
    note = "derive `Clone`, take a reference or an `Arc`, or build the value in the function"
)]
pub trait Again {
    /// The same once more.
    #[must_use]
    fn again(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> Again for T {
    #[inline]
    fn again(&self) -> Self {
        self.clone()
    }
}

/// What an attempt is given of an argument that it consumes.
#[inline]
pub fn again<T: Again>(argument: &T) -> T {
    argument.again()
}

/// Runs a body that may return early.
#[inline]
pub fn once<T>(body: impl FnOnce() -> T) -> T {
    body()
}

/// What a future that outlives its borrowed arguments must keep of them.
#[diagnostic::on_unimplemented(
    message = "the attempts run in the future, which outlives this argument, and `{Self}` cannot be cloned",
    note = "borrow it for as long as the future lives (`&'a`), make the function `async fn`, or send in an \
            `async move` block that it ends in"
)]
pub trait Keep {
    /// What is kept.
    type Kept;

    /// Keeps it.
    fn keep(&self) -> Self::Kept;
}

#[diagnostic::do_not_recommend]
impl<T: ToOwned + ?Sized> Keep for T {
    type Kept = T::Owned;

    fn keep(&self) -> T::Owned {
        self.to_owned()
    }
}

/// Keeps a request that each attempt is given a clone of.
#[derive(Debug)]
pub struct Slot<T>(Option<T>);

impl<T> Slot<T> {
    /// Keeps `request`.
    #[inline]
    pub fn new(request: T) -> Self {
        Self(Some(request))
    }

    /// Returns the request.
    ///
    /// # Panics
    ///
    /// Where it was given away, after which there is no attempt.
    pub fn get(&self) -> &T {
        self.0.as_ref().expect(GIVEN)
    }

    /// Returns the request itself, which ends the call after this attempt.
    pub(crate) fn take_last(&mut self, call: &mut Call<'_>) -> T {
        call.end_after_this();
        self.0.take().expect(GIVEN)
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.as_mut().expect(GIVEN)
    }

    /// Returns a clone of the request, or else the request itself, which ends the call after this attempt.
    pub(crate) fn take(&mut self, call: &mut Call<'_>) -> T
    where
        T: TryClone,
    {
        self.get().try_clone().unwrap_or_else(|| self.take_last(call))
    }
}

const GIVEN: &str = "a request that cannot be cloned is given to the last attempt";

/// What a future keeps of an argument.
pub fn keep<T: Keep + ?Sized>(argument: &T) -> T::Kept {
    argument.keep()
}

/// The collected items of an argument, over which every attempt iterates.
#[diagnostic::on_unimplemented(
    message = "each attempt iterates over this argument, and an item of it, `{T}`, cannot be cloned for the next one",
    label = "consumed by each attempt, but its items are not `Clone`",
    note = "add `+ Clone` to the item (`impl IntoIterator<Item = impl AsRef<str> + Clone>`), or take a slice"
)]
pub trait Items<T> {
    /// Returns clones of the items.
    #[must_use]
    fn again(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> Items<T> for Vec<T> {
    #[inline]
    fn again(&self) -> Self {
        self.clone()
    }
}

/// Kinds of fields that each attempt can send out of an argument that is lent: all but requests.
#[diagnostic::on_unimplemented(
    message = "each attempt sends this request, and the value that it is a field of cannot be cloned for the next one",
    label = "a request in a field is sent by each attempt",
    note = "take the request as an argument of its own, or take the argument apart in the signature \
            (`Job {{ request, .. }}: Job`)"
)]
pub trait Sent {}

#[diagnostic::do_not_recommend]
impl Sent for Cloned {}
#[diagnostic::do_not_recommend]
impl Sent for Lent {}
#[diagnostic::do_not_recommend]
impl Sent for LentUniquely {}

/// The items of an argument that can only be iterated over once.
#[inline]
pub fn collect<I: IntoIterator>(argument: I) -> Vec<I::Item> {
    argument.into_iter().collect()
}

chain! {
    /// Knows requests and their builders.
    Requests -> RequestsElse;
    /// Knows what can be cloned.
    RequestsElse -> RequestsShared;
    /// Knows what can be shared.
    RequestsShared -> Opaque;
}

chain! {
    /// Knows what can be cloned.
    Giving -> Lending;
    /// Knows what can be shared.
    Lending -> Opaque;
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

impl<T: Clone> Giving<T> {
    /// It can be cloned.
    #[inline]
    pub fn carrying(&self) -> Cloned {
        Cloned
    }
}

impl<T> Giving<Vec<T>> {
    /// Returns clones of collected items.
    #[inline]
    pub fn items(&self, items: &Vec<T>) -> Vec<T>
    where
        Vec<T>: Items<T>,
    {
        items.again()
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
    /// Each attempt consumes a request of its own.
    pub fn sends<R>(self, _: R) {}

    /// A clone of `argument`.
    #[inline]
    pub fn give<T: Clone>(self, argument: &mut T) -> T {
        argument.clone()
    }

    /// Returns a clone of what is in `slot`.
    pub fn take_from<T: Clone>(self, slot: &mut Slot<T>, _: &mut Call<'_>) -> T {
        slot.get().clone()
    }
}

impl Lent {
    /// A request that is lent cannot be sent: the compiler says so.
    pub fn sends<R: Sent>(self, _: R) {}

    /// `argument` itself.
    #[inline]
    pub fn give<T>(self, argument: &mut T) -> &T {
        argument
    }

    /// Takes what is in `slot`, which ends the call after this attempt.
    pub fn take_from<T>(self, slot: &mut Slot<T>, call: &mut Call<'_>) -> T {
        slot.take_last(call)
    }
}

impl LentUniquely {
    /// A request that is lent cannot be sent: the compiler says so.
    pub fn sends<R: Sent>(self, _: R) {}

    /// `argument` itself.
    #[inline]
    pub fn give<T>(self, argument: &mut T) -> &mut T {
        argument
    }

    /// Takes what is in `slot`, which ends the call after this attempt.
    pub fn take_from<T>(self, slot: &mut Slot<T>, call: &mut Call<'_>) -> T {
        slot.take_last(call)
    }
}

// What an attempt is given of an argument that may be a request, by the name of its type.

/// Tries to clone a request.
#[derive(Clone, Copy, Debug)]
pub struct TryCloned;

impl<T: TryClone> Requests<T> {
    /// reqwest's.
    #[inline]
    pub fn request(&self) -> TryCloned {
        TryCloned
    }
}

impl<T: Clone> RequestsElse<T> {
    /// It can be cloned.
    #[inline]
    pub fn request(&self) -> Cloned {
        Cloned
    }
}

impl<T: Sync> RequestsShared<T> {
    /// It can be shared.
    #[inline]
    pub fn request(&self) -> Lent {
        Lent
    }
}

impl TryCloned {
    /// A clone of what is in `slot`, or else that itself, for the last attempt of the call.
    pub fn clone_from<T: TryClone>(self, slot: &mut Slot<T>, call: &mut Call<'_>) -> T {
        slot.take(call)
    }

    /// [`clone_from`](Self::clone_from), where a reference would do as well.
    pub fn lend_from<T: TryClone>(self, slot: &mut Slot<T>, call: &mut Call<'_>) -> T {
        slot.take(call)
    }
}

impl Cloned {
    /// A clone of what is in `slot`.
    pub fn clone_from<T: Clone>(self, slot: &mut Slot<T>, _: &mut Call<'_>) -> T {
        slot.get().clone()
    }

    /// A clone of what is in `slot`.
    pub fn lend_from<T: Clone>(self, slot: &mut Slot<T>, _: &mut Call<'_>) -> T {
        slot.get().clone()
    }
}

impl Lent {
    /// Not to be had: the compiler says why.
    pub fn clone_from<T: Again>(self, slot: &mut Slot<T>, _: &mut Call<'_>) -> T {
        slot.get().again()
    }

    /// Returns the value in `slot`.
    pub fn lend_from<'s, T>(self, slot: &'s mut Slot<T>, _: &mut Call<'_>) -> &'s T {
        slot.get()
    }
}

impl LentUniquely {
    /// Not to be had: the compiler says why.
    pub fn clone_from<T: Again>(self, slot: &mut Slot<T>, _: &mut Call<'_>) -> T {
        slot.get().again()
    }

    /// Returns the value in `slot`.
    pub fn lend_from<'s, T>(self, slot: &'s mut Slot<T>, _: &mut Call<'_>) -> &'s mut T {
        slot.get_mut()
    }
}

impl<T: ?Sized> Opaque<T> {
    /// It can neither be cloned nor shared.
    #[inline]
    pub fn giving(&self) -> LentUniquely {
        LentUniquely
    }

    /// It cannot be cloned.
    #[inline]
    pub fn carrying(&self) -> LentUniquely {
        LentUniquely
    }

    /// It can neither be cloned nor shared.
    #[inline]
    pub fn request(&self) -> LentUniquely {
        LentUniquely
    }
}

/// What an attempt is given of an argument that it may consume: a clone, where there is one, else a reference;
/// a unique one where the type is not `Sync`, so that the future is `Send` where it was, and where it is carried from
/// attempt to attempt.
#[doc(hidden)]
#[macro_export]
macro_rules! __fresh {
    (carried $place:expr) => {{
        let carrying = $crate::__private::Giving::of(&$place).carrying();
        carrying.give(&mut $place)
    }};
    ($argument:ident) => {{
        let giving = $crate::__private::Giving::of(&$argument).giving();
        giving.give(&mut $argument)
    }};
}

/// Gives an attempt a clone of the request in a slot, or what else there is. `sent` does not compile where a request is sent
/// out of a field of an argument that cannot be cloned.
#[doc(hidden)]
#[macro_export]
macro_rules! __request {
    (sent, $argument:ident, $field:expr) => {
        $crate::__private::Giving::of(&$argument)
            .giving()
            .sends($crate::__private::Requests::of(&$field).request())
    };
    (clone, $slot:ident, $call:ident) => {
        $crate::__private::Requests::of($slot.get()).request().clone_from(&mut $slot, &mut $call)
    };
    (once, $slot:ident, $call:ident) => {
        $crate::__private::Giving::of($slot.get()).giving().take_from(&mut $slot, &mut $call)
    };
    (lend, $slot:ident, $call:ident) => {
        $crate::__private::Requests::of($slot.get()).request().lend_from(&mut $slot, &mut $call)
    };
}

/// Arms what `.send()` is called on, where it is reqwest's.
#[doc(hidden)]
#[macro_export]
macro_rules! __arm {
    ($sender:expr, $idempotent:expr) => {
        match $sender {
            sender => $crate::__private::SendsAsync::of(&sender).arming().arm(sender, $idempotent),
        }
    };
}

/// Prepares for what is passed to `.execute(..)` of `$client`. The block ends the borrow before the call.
#[doc(hidden)]
#[macro_export]
macro_rules! __executing {
    ($client:expr, $idempotent:expr) => {{
        let arming = $crate::__private::Look::of(&$client).executing().of_client(&$client, $idempotent);
        arming
    }};
}

/// Asks which answer `$response` is. The block ends the borrow before that is read.
#[doc(hidden)]
#[macro_export]
macro_rules! __answer {
    ($response:expr) => {{
        let answer = $crate::__private::Look::of(&$response).answering().of(&$response);
        answer
    }};
}

/// Decides what follows an attempt: returns its outcome, or waits and goes on.
#[doc(hidden)]
#[macro_export]
macro_rules! __settle {
    ($wait:ident, $call:ident, $attempted:ident $(, $retry_if:expr)?) => {{
        $(
            if $crate::__private::is_wanted(&$attempted.outcome, $retry_if) {
                $call.want();
            }
        )?
        let answer = $attempted.answer().known();
        let error = $attempted.error().known();
        match $attempted.next(&mut $call, answer, error) {
            ::core::option::Option::Some(wait) => $attempted.$wait(&mut $call, answer, wait),
            ::core::option::Option::None => return $attempted.outcome,
        }
    }};
}
