//! Provides each attempt with its arguments: clones, references, or the last copy of a request.

#![allow(clippy::unused_self, reason = "a question is asked of a value, and answered by its type")]

use std::marker::PhantomData;
use std::ops::Deref;

use crate::call::Call;
use crate::transport::TryClone;
use crate::transport::kind::{AnyKind, chain, deref_to};

/// An argument that every attempt consumes.
#[diagnostic::on_unimplemented(
    message = "each attempt consumes this value, and `{Self}` cannot be cloned for the next one",
    label = "consumed by each attempt, but not `Clone`",
    note = "derive `Clone`, take a reference (`&x`, `&mut *x`) or an `Arc`, or build the value in the body"
)]
pub trait CloneArgument {
    /// Returns a clone for the next attempt.
    #[must_use]
    fn clone_argument(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> CloneArgument for T {
    #[inline]
    fn clone_argument(&self) -> Self {
        self.clone()
    }
}

/// Clones an argument that an attempt consumes.
#[inline]
pub fn clone_argument<T: CloneArgument>(argument: &T) -> T {
    argument.clone_argument()
}

/// Runs a body that may return early.
#[inline]
pub fn call_once<T>(body: impl FnOnce() -> T) -> T {
    body()
}

/// A borrowed argument of a future that outlives the borrow.
#[diagnostic::on_unimplemented(
    message = "the attempts run in the future, which outlives this argument, and `{Self}` cannot be cloned",
    note = "borrow it for as long as the future lives (`&'a`), make the function `async fn`, or send in an \
            `async move` block that it ends in"
)]
pub trait OwnArgument {
    /// The owned value.
    type Owned;

    /// Returns an owned copy, for the future.
    fn own_argument(&self) -> Self::Owned;
}

#[diagnostic::do_not_recommend]
impl<T: ToOwned + ?Sized> OwnArgument for T {
    type Owned = T::Owned;

    fn own_argument(&self) -> T::Owned {
        self.to_owned()
    }
}

/// Returns an owned copy of an argument, for a future that outlives the borrow.
pub fn own_argument<T: OwnArgument + ?Sized>(argument: &T) -> T::Owned {
    argument.own_argument()
}

/// Collects the items of an argument that can be iterated over only once.
#[inline]
pub fn collect_items<I: IntoIterator>(argument: I) -> Vec<I::Item> {
    argument.into_iter().collect()
}

/// Holds a request, of which each attempt gets a clone if there can be one.
#[derive(Debug)]
pub struct Slot<T>(Option<T>);

impl<T> Slot<T> {
    /// Holds `request`.
    #[inline]
    pub fn new(request: T) -> Self {
        Self(Some(request))
    }

    /// Returns the request.
    ///
    /// # Panics
    ///
    /// Panics after the request was taken, after which there is no attempt.
    pub fn get(&self) -> &T {
        self.0.as_ref().expect(TAKEN)
    }

    fn get_mut(&mut self) -> &mut T {
        self.0.as_mut().expect(TAKEN)
    }

    /// Returns a clone of the request. If there can be none, returns the request itself and ends
    /// the call after this attempt.
    fn take(&mut self, call: &mut Call<'_, '_>) -> T
    where
        T: TryClone,
    {
        self.get().try_clone().unwrap_or_else(|| self.take_last(call))
    }

    /// Returns the request itself and ends the call after this attempt.
    fn take_last(&mut self, call: &mut Call<'_, '_>) -> T {
        call.end_after_this();
        self.0.take().expect(TAKEN)
    }
}

const TAKEN: &str = "a request that cannot be cloned is given to the last attempt";

/// A `File` that each attempt is given a clone of: a type of the user's, and not that of a file
/// system.
#[diagnostic::on_unimplemented(
    message = "an attempt changes this argument, and the next one would continue where it stopped",
    label = "`{T}` cannot be cloned for each attempt",
    note = "open it in the function, or take `Bytes`; if the body rewinds it, write `carry = [..]` with its name"
)]
pub trait CloneFile<T> {
    /// Returns a clone.
    fn clone_file(file: &T) -> T;
}

/// Clones files. Not the file itself, or the compiler would advise to borrow it.
#[derive(Debug)]
pub enum Files {}

#[diagnostic::do_not_recommend]
impl<T: Clone> CloneFile<T> for Files {
    #[inline]
    fn clone_file(file: &T) -> T {
        file.clone()
    }
}

/// The collected items of an argument, over which every attempt iterates.
#[diagnostic::on_unimplemented(
    message = "each attempt iterates over this argument, and an item of it, `{T}`, cannot be cloned for the next one",
    label = "consumed by each attempt, but its items are not `Clone`",
    note = "add `+ Clone` to the item (`impl IntoIterator<Item = impl AsRef<str> + Clone>`), or take a slice"
)]
pub trait CloneItems<T> {
    /// Returns clones of the items.
    #[must_use]
    fn clone_items(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> CloneItems<T> for Vec<T> {
    #[inline]
    fn clone_items(&self) -> Self {
        self.clone()
    }
}

/// Kinds of fields that an attempt can send out of an argument that is lent: all but requests.
#[diagnostic::on_unimplemented(
    message = "each attempt sends this request, and the value that it is a field of cannot be cloned for the next one",
    label = "a request in a field is sent by each attempt",
    note = "take the request as an argument of its own, or destructure the argument in the signature \
            (`Job {{ request, .. }}: Job`)"
)]
pub trait SendableField {}

#[diagnostic::do_not_recommend]
impl SendableField for ByClone {}
#[diagnostic::do_not_recommend]
impl SendableField for ByRef {}
#[diagnostic::do_not_recommend]
impl SendableField for ByMut {}

chain! {
    /// Knows requests and their builders.
    RequestKind -> CloneRequestKind;
    /// Knows types that can be cloned.
    CloneRequestKind -> SharedRequestKind;
    /// Knows types that threads can share.
    SharedRequestKind -> AnyKind;
}

chain! {
    /// Knows types that can be cloned.
    ArgumentKind -> SharedArgumentKind;
    /// Knows types that threads can share.
    SharedArgumentKind -> AnyKind;
}

/// Provides a clone of an argument.
#[derive(Clone, Copy, Debug)]
pub struct ByClone;

/// Provides a reference to an argument.
#[derive(Clone, Copy, Debug)]
pub struct ByRef;

/// Provides a unique reference to an argument.
#[derive(Clone, Copy, Debug)]
pub struct ByMut;

/// Provides a clone of a request if there can be one, else the request itself.
#[derive(Clone, Copy, Debug)]
pub struct ByTryClone;

// Arguments that an attempt may consume.

impl<T: Clone> ArgumentKind<T> {
    /// Answers for types that can be cloned.
    #[inline]
    pub fn argument_kind(&self) -> ByClone {
        ByClone
    }
}

impl<T: Clone> ArgumentKind<T> {
    /// Answers for carried arguments that can be cloned.
    #[inline]
    pub fn carried_kind(&self) -> ByClone {
        ByClone
    }
}

impl<T> ArgumentKind<T> {
    /// Returns a clone of a `File`.
    #[inline]
    pub fn clone_file(&self, file: &T) -> T
    where
        Files: CloneFile<T>,
    {
        Files::clone_file(file)
    }
}

impl<T> ArgumentKind<Vec<T>> {
    /// Returns clones of collected items.
    #[inline]
    pub fn clone_items(&self, items: &Vec<T>) -> Vec<T>
    where
        Vec<T>: CloneItems<T>,
    {
        items.clone_items()
    }
}

impl<T: Sync> SharedArgumentKind<T> {
    /// Answers for types that threads can share.
    #[inline]
    pub fn argument_kind(&self) -> ByRef {
        ByRef
    }
}

impl<T: ?Sized> AnyKind<T> {
    /// Answers for carried arguments that cannot be cloned.
    #[inline]
    pub fn carried_kind(&self) -> ByMut {
        ByMut
    }

    /// Answers for all other types.
    #[inline]
    pub fn argument_kind(&self) -> ByMut {
        ByMut
    }
}

impl ByClone {
    /// Accepts a field of any kind: each attempt has an argument of its own.
    pub fn sends<R>(self, _: R) {}

    /// Returns a clone of `argument`.
    #[inline]
    pub fn provide<T: Clone>(self, argument: &mut T) -> T {
        argument.clone()
    }

    /// Returns a clone of the value in `slot`.
    pub fn take_from<T: Clone>(self, slot: &mut Slot<T>, _: &mut Call<'_, '_>) -> T {
        slot.get().clone()
    }
}

impl ByRef {
    /// Accepts a field that is no request.
    pub fn sends<R: SendableField>(self, _: R) {}

    /// Returns `argument`, shared.
    #[inline]
    pub fn provide<T>(self, argument: &mut T) -> &T {
        argument
    }

    /// Takes the value in `slot`, which ends the call after this attempt.
    pub fn take_from<T>(self, slot: &mut Slot<T>, call: &mut Call<'_, '_>) -> T {
        slot.take_last(call)
    }
}

impl ByMut {
    /// Accepts a field that is no request.
    pub fn sends<R: SendableField>(self, _: R) {}

    /// Returns `argument`.
    #[inline]
    pub fn provide<T>(self, argument: &mut T) -> &mut T {
        argument
    }

    /// Takes the value in `slot`, which ends the call after this attempt.
    pub fn take_from<T>(self, slot: &mut Slot<T>, call: &mut Call<'_, '_>) -> T {
        slot.take_last(call)
    }
}

// Arguments that may be a request, by the name of their type.

impl<T: TryClone> RequestKind<T> {
    /// Answers for reqwest's requests and builders.
    #[inline]
    pub fn request_kind(&self) -> ByTryClone {
        ByTryClone
    }
}

impl<T: Clone> CloneRequestKind<T> {
    /// Answers for types that can be cloned.
    #[inline]
    pub fn request_kind(&self) -> ByClone {
        ByClone
    }
}

impl<T: Sync> SharedRequestKind<T> {
    /// Answers for types that threads can share.
    #[inline]
    pub fn request_kind(&self) -> ByRef {
        ByRef
    }
}

impl<T: ?Sized> AnyKind<T> {
    /// Answers for all other types.
    #[inline]
    pub fn request_kind(&self) -> ByMut {
        ByMut
    }
}

impl ByTryClone {
    /// Returns a clone of the value in `slot`, or the value itself for the last attempt.
    pub fn clone_from<T: TryClone>(self, slot: &mut Slot<T>, call: &mut Call<'_, '_>) -> T {
        slot.take(call)
    }

    /// Does what [`clone_from`](Self::clone_from) does, where a reference would do as well.
    pub fn lend_from<T: TryClone>(self, slot: &mut Slot<T>, call: &mut Call<'_, '_>) -> T {
        slot.take(call)
    }
}

impl ByClone {
    /// Returns a clone of the value in `slot`.
    pub fn clone_from<T: Clone>(self, slot: &mut Slot<T>, _: &mut Call<'_, '_>) -> T {
        slot.get().clone()
    }

    /// Returns a clone of the value in `slot`.
    pub fn lend_from<T: Clone>(self, slot: &mut Slot<T>, _: &mut Call<'_, '_>) -> T {
        slot.get().clone()
    }
}

impl ByRef {
    /// Never compiles: the error says why.
    pub fn clone_from<T: CloneArgument>(self, slot: &mut Slot<T>, _: &mut Call<'_, '_>) -> T {
        slot.get().clone_argument()
    }

    /// Returns the value in `slot`, shared.
    pub fn lend_from<'s, T>(self, slot: &'s mut Slot<T>, _: &mut Call<'_, '_>) -> &'s T {
        slot.get()
    }
}

impl ByMut {
    /// Never compiles: the error says why.
    pub fn clone_from<T: CloneArgument>(self, slot: &mut Slot<T>, _: &mut Call<'_, '_>) -> T {
        slot.get().clone_argument()
    }

    /// Returns the value in `slot`.
    pub fn lend_from<'s, T>(self, slot: &'s mut Slot<T>, _: &mut Call<'_, '_>) -> &'s mut T {
        slot.get_mut()
    }
}

/// Provides an attempt with an argument that it may consume: a clone if there can be one, else a
/// reference; a unique one if the type is not `Sync`, so that the future is `Send` where it was, or
/// if the argument is carried from attempt to attempt.
#[doc(hidden)]
#[macro_export]
macro_rules! __argument {
    (carried $place:expr) => {{
        let kind = $crate::__private::ArgumentKind::of(&$place).carried_kind();
        kind.provide(&mut $place)
    }};
    ($argument:ident) => {{
        let kind = $crate::__private::ArgumentKind::of(&$argument).argument_kind();
        kind.provide(&mut $argument)
    }};
}

/// Provides an attempt with the request in a slot: a clone, or the best substitute. `sent` does not
/// compile for a request that is sent out of a field of an argument that cannot be cloned.
#[doc(hidden)]
#[macro_export]
macro_rules! __request {
    (sent, $argument:ident, $field:expr) => {
        $crate::__private::ArgumentKind::of(&$argument)
            .argument_kind()
            .sends($crate::__private::RequestKind::of(&$field).request_kind())
    };
    (clone, $slot:ident, $call:ident) => {
        $crate::__private::RequestKind::of($slot.get()).request_kind().clone_from(&mut $slot, &mut $call)
    };
    (once, $slot:ident, $call:ident) => {
        $crate::__private::ArgumentKind::of($slot.get()).argument_kind().take_from(&mut $slot, &mut $call)
    };
    (lend, $slot:ident, $call:ident) => {
        $crate::__private::RequestKind::of($slot.get()).request_kind().lend_from(&mut $slot, &mut $call)
    };
}
