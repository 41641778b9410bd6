//! The kinds of arguments, by the names and bounds of their types.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::{
    GenericArgument, GenericParam, Generics, PathArguments, PathSegment, Type, TypeParamBound, TypePath,
    WherePredicate,
};

use crate::function::bindings::Owned;
use crate::tokens::is_among;
use crate::walk;

/// reqwest's types that can never be cloned, by their last name.
const PARTS: [&str; 2] = ["Form", "Part"];
/// reqwest's types that are cloned where that is possible, by their last name.
const REQUESTS: [&str; 3] = ["Body", "Request", "RequestBuilder"];
/// Types that are read, written or received from by a shared reference, by their last name. A
/// `File` without a path may be a type of the user's.
const SHARED_STREAMS: [&str; 7] =
    ["File", "Receiver", "Stdin", "TcpStream", "UnboundedReceiver", "UnixDatagram", "UnixStream"];
/// Types of streams that are boxed, by their last name.
const BOXED_STREAMS: [&str; 2] = ["BoxStream", "LocalBoxStream"];
/// Types that change what they hold by a shared reference, by their last name.
const CELLS: [&str; 3] = ["Mutex", "RefCell", "RwLock"];
/// Types that hold no value of their parameters, by their last name.
const EMPTY: [&str; 4] = ["PhantomData", "Sender", "SyncSender", "UnboundedSender"];
/// Pointers out of which no field can be moved, by their last name.
const POINTERS: [&str; 2] = ["Arc", "Rc"];
/// Traits of what an attempt takes from, or adds to.
const STREAMS: [&str; 10] = [
    "AsyncBufRead",
    "AsyncRead",
    "AsyncSeek",
    "AsyncWrite",
    "BufRead",
    "Read",
    "Seek",
    "Stream",
    "TryStream",
    "Write",
];
/// Traits of iterators: an argument that is one is collected, what holds one is changed by an
/// attempt.
const ITERATORS: [&str; 4] = ["DoubleEndedIterator", "ExactSizeIterator", "FusedIterator", "Iterator"];
/// Traits that a reference has where what it points at has them: an argument of which no more is
/// known can be lent.
const LENT: [&str; 5] = ["AsRef", "Debug", "Display", "Serialize", "ToString"];
/// Types that are `Copy`, and so are left alone.
const COPY: [&str; 17] = [
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64",
    "u128", "usize", "Duration",
];

pub(super) const ADD_CLONE: &str = "add `+ Clone`, or take a reference";

/// Returns `true` if no field can be moved out of a type, by its name.
pub(super) fn is_pointer(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| is_among(&last.ident, &POINTERS)),
        Type::Reference(_) => true,
        _ => false,
    }
}

/// The kind of an argument: how each attempt can be provided with it.
#[derive(Clone)]
pub(super) enum Kind {
    Copy,
    UniqueReference,
    /// Certainly not `Clone`: what it is, and what to write.
    NotClone(String, &'static str),
    /// Something with a unique reference or a stream in it, and its type if that is known.
    Holds(Option<Box<Type>>),
    /// A type parameter that is a stream.
    Stream,
    /// A reference by which a stream is read or written.
    Changed,
    /// An owned `File`: that of a file system, or a type of the user's.
    File(Box<Type>),
    /// A request or its builder.
    Request,
    /// A multipart form, or a part of one.
    Part,
    /// A callable that can be called once.
    Once,
    /// `impl Into<X>`, and X.
    Into(TokenStream),
    /// `impl Into<Body>`, and that type.
    IntoBody(TokenStream),
    /// `impl Iterator`, or `impl IntoIterator`, which the collected items are themselves.
    Iterator {
        again: bool,
    },
    /// A type parameter that is `Clone`.
    Generic,
    /// A type parameter of which a reference does as well, and what it is.
    Lent(String),
    /// Another type. The compiler knows if it is `Clone`.
    Other,
    /// A type that the tokens do not show. It may be a request.
    Unknown,
}

impl Kind {
    pub(super) fn of(owned: &Owned, generics: &Generics) -> Self {
        match (&owned.ty, &owned.whole) {
            (Some(ty), _) => Self::of_type(ty, generics),
            (None, Some(whole)) if Held::of(whole, generics).is_changed() => Self::Holds(None),
            (None, _) if owned.is_receiver => Self::Other,
            (None, _) => Self::Unknown,
        }
    }

    fn of_type(ty: &Type, generics: &Generics) -> Self {
        let path = match ty {
            Type::Reference(reference) if reference.mutability.is_some() => return Self::UniqueReference,
            Type::Reference(reference) if Held::of(&reference.elem, generics).is_shared_stream() => {
                return Self::Changed;
            }
            Type::Reference(_) => return Self::Copy,
            Type::Group(group) => return Self::of_type(&group.elem, generics),
            Type::Paren(paren) => return Self::of_type(&paren.elem, generics),
            Type::ImplTrait(item) => return Self::bounded(&Vec::from_iter(&item.bounds), "its type"),
            Type::Path(path) if path.qself.is_none() => Some(&path.path),
            _ => None,
        };
        let last = path.and_then(|path| path.segments.last()).map(|last| &last.ident);
        let is_named = |names: &[&str]| last.is_some_and(|last| is_among(last, names));
        if is_named(&COPY) {
            return Self::Copy;
        }
        let parameter = path.and_then(syn::Path::get_ident);
        if let Some((name, bounds)) = parameter.and_then(|name| Some((name, bounds(name, generics)?))) {
            return Self::bounded(&bounds, &format!("`{name}`"));
        }
        let held = Held::of(ty, generics);
        if held.is_changed() {
            return Self::Holds(Some(Box::new(ty.clone())));
        }
        if held.shared == Shared::File {
            return Self::File(Box::new(ty.clone()));
        }
        if held.once {
            return Self::Once;
        }
        if is_named(&REQUESTS) {
            return Self::Request;
        }
        if is_named(&PARTS) {
            return Self::Part;
        }
        Self::Other
    }

    /// Returns `true` if an attempt that uses it changes it for the next one.
    pub(super) fn is_changed(&self) -> bool {
        matches!(self, Self::UniqueReference | Self::Holds(_) | Self::Stream | Self::Changed)
    }

    fn bounded(bounds: &[&TypeParamBound], what: &str) -> Self {
        let traits = traits(bounds);
        if traits.iter().any(|bound| bound.ident == "Clone" || bound.ident == "Copy") {
            return Self::Generic;
        }
        if traits.iter().any(|bound| bound.ident == "FnOnce") {
            return Self::Once;
        }
        if traits.iter().any(|bound| is_among(&bound.ident, &STREAMS)) {
            return Self::Stream;
        }
        let mut only = traits;
        only.retain(|bound| !is_among(&bound.ident, &["Send", "Sync", "Unpin"]));
        if !only.is_empty() && only.iter().all(|bound| is_among(&bound.ident, &LENT)) {
            return Self::Lent(what.to_owned());
        }
        if let [bound] = only[..] {
            let argument = match &bound.arguments {
                PathArguments::AngleBracketed(arguments) => arguments.args.first(),
                _ => None,
            };
            match argument {
                Some(GenericArgument::Type(target)) if bound.ident == "Into" => {
                    let name = match target {
                        Type::Path(path) => path.path.segments.last().map(|last| &last.ident),
                        _ => None,
                    };
                    if let Some(name) = name.filter(|name| is_among(name, &PARTS)) {
                        return Self::NotClone(
                            format!("a `{name}`"),
                            "take what can be cloned, such as `impl Into<Bytes>`, or add `+ Clone`",
                        );
                    }
                    if name.is_some_and(|name| is_among(name, &REQUESTS)) {
                        return Self::IntoBody(target.to_token_stream());
                    }
                    return Self::Into(target.to_token_stream());
                }
                _ if bound.ident == "Iterator" => return Self::Iterator { again: true },
                _ if bound.ident == "IntoIterator" => return Self::Iterator { again: false },
                _ => {}
            }
        }
        Self::NotClone(what.to_owned(), ADD_CLONE)
    }
}

/// A value within a type that is changed by a shared reference.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shared {
    Nothing,
    /// A `File` without a path: that of a file system, or a type of the user's.
    File,
    /// A stream, certainly.
    Stream,
}

/// The values within a type, as far as its tokens show them.
pub(super) struct Held<'g> {
    generics: &'g Generics,
    /// Something that is changed by whoever owns it: a unique reference, an iterator, a stream.
    unique: bool,
    /// Something that is changed by a shared reference.
    shared: Shared,
    /// A callable that can be called once.
    once: bool,
}

impl<'g> Held<'g> {
    fn of(ty: &Type, generics: &'g Generics) -> Self {
        let mut held = Self { generics, unique: false, shared: Shared::Nothing, once: false };
        held.add(ty);
        held
    }

    /// Adds the values within a type.
    fn add(&mut self, ty: &Type) {
        match ty {
            Type::Path(path) => return self.add_path(path),
            Type::Reference(reference) => self.unique |= reference.mutability.is_some(),
            Type::TraitObject(item) => self.bounds(&Vec::from_iter(&item.bounds)),
            Type::ImplTrait(item) => self.bounds(&Vec::from_iter(&item.bounds)),
            _ => {}
        }
        walk::parts(ty, &mut |part| self.add(part));
        if matches!(ty, Type::Reference(_)) {
            self.share_files();
        }
    }

    fn add_path(&mut self, path: &TypePath) {
        if let Some(bounds) = path.path.get_ident().and_then(|name| bounds(name, self.generics)) {
            return self.bounds(&bounds);
        }
        let mut names = path.path.segments.iter().rev().map(|segment| &segment.ident);
        let Some(last) = names.next() else { return };
        // A `watch` channel shows its value to each attempt.
        let is_watch = names.next().is_some_and(|module| module == "watch");
        self.shared = self.shared.max(if path.path.is_ident("File") {
            Shared::File
        } else if is_among(last, &SHARED_STREAMS) && !is_watch {
            Shared::Stream
        } else {
            Shared::Nothing
        });
        self.unique |= is_among(last, &BOXED_STREAMS);
        if !is_among(last, &EMPTY) {
            let ty = Type::Path(path.clone());
            walk::parts(&ty, &mut |part| self.add(part));
        }
        if self.unique && is_among(last, &CELLS) {
            self.shared = Shared::Stream;
        }
        if is_among(last, &POINTERS) || is_among(last, &CELLS) {
            self.share_files();
        }
    }

    /// Takes a `File` that is shared for that of a file system.
    fn share_files(&mut self) {
        if self.shared == Shared::File {
            self.shared = Shared::Stream;
        }
    }

    fn is_changed(&self) -> bool {
        self.unique || self.shared == Shared::Stream
    }

    fn is_shared_stream(&self) -> bool {
        self.shared > Shared::Nothing
    }

    fn bounds(&mut self, bounds: &[&TypeParamBound]) {
        let traits = traits(bounds);
        let is = |names: &[&str]| traits.iter().any(|bound| is_among(&bound.ident, names));
        self.unique |= (is(&STREAMS) || is(&ITERATORS)) && !is(&["Clone"]);
        self.once |= is(&["FnOnce"]);
    }
}

/// The last names of the traits that are bounds.
fn traits<'b>(bounds: &[&'b TypeParamBound]) -> Vec<&'b PathSegment> {
    let mut traits = Vec::new();
    for bound in bounds {
        if let TypeParamBound::Trait(bound) = bound {
            traits.extend(bound.path.segments.last());
        }
    }
    traits
}

/// The bounds of a type parameter of the function itself, `None` for other names.
fn bounds<'g>(name: &Ident, generics: &'g Generics) -> Option<Vec<&'g TypeParamBound>> {
    let parameter = generics.params.iter().find_map(|parameter| match parameter {
        GenericParam::Type(parameter) if parameter.ident == *name => Some(parameter),
        _ => None,
    })?;
    let mut bounds = Vec::from_iter(&parameter.bounds);
    let Some(clause) = &generics.where_clause else { return Some(bounds) };
    for predicate in &clause.predicates {
        if let WherePredicate::Type(predicate) = predicate {
            if matches!(&predicate.bounded_ty, Type::Path(path) if path.path.is_ident(name)) {
                bounds.extend(&predicate.bounds);
            }
        }
    }
    Some(bounds)
}
