//! The uses of a variable, by the `#[cfg(..)]` that they stand under.

use proc_macro2::Span;
use syn::Expr;

use crate::cfg::Predicate;

/// The uses of a variable in a body.
#[derive(Clone, Default)]
pub(crate) struct Uses {
    /// In every compilation.
    pub(crate) always: Use,
    /// The stronger uses under a `#[cfg(..)]`.
    pub(super) under: Vec<(Predicate, Use)>,
    /// `true` if a variable with the name of this one is used. `macro_rules!` may have bound that
    /// one: to the compiler these are two variables then, and nothing that a macro can see tells
    /// one from the other.
    pub(crate) namesake: bool,
    /// The facts that matter of a variable around a block.
    pub(crate) captured: Captured,
    /// `true` if a field of it may be moved out.
    pub(crate) takes_fields: bool,
    /// `true` if a field of it is cloned in place of being moved out.
    pub(crate) clones_fields: bool,
    /// The fields of it that are sent as a request is, each with the predicate that it stands
    /// under.
    pub(crate) sent: Vec<(Option<Predicate>, Expr)>,
}

/// The uses of a variable around a block that are seen by syntax alone.
#[derive(Clone, Copy, Default)]
pub(crate) struct Captured {
    /// `true` if it is changed in place.
    pub(crate) is_changed: bool,
    /// `true` if a `move` closure or block takes it, or it is sent as a request is.
    pub(crate) is_taken: bool,
}

impl Uses {
    /// Returns `true` if the variable may be consumed in some compilation.
    pub(crate) fn is_consumed(&self) -> bool {
        self.strongest() > Use::Borrowed.rank()
    }

    /// Returns `true` if the variable is used in some compilation.
    pub(crate) fn is_used(&self) -> bool {
        self.strongest() > Use::None.rank()
    }

    fn strongest(&self) -> u8 {
        let mut strongest = self.always.rank();
        for (_, used) in &self.under {
            strongest = strongest.max(used.rank());
        }
        strongest
    }

    /// Returns the strongest use under each combination of predicates.
    pub(crate) fn by_predicate(&self) -> Vec<(Option<Predicate>, Use)> {
        let (mut strongest, mut above) = (Vec::new(), None::<Predicate>);
        for rank in (self.always.rank() + 1..=Use::STRONGEST).rev() {
            let (mut predicates, mut first) = (Vec::new(), None);
            for (predicate, used) in &self.under {
                if used.rank() == rank {
                    predicates.push(predicate.clone());
                    first = first.or(Some(*used));
                }
            }
            let (Some(predicate), Some(used)) = (Predicate::any(predicates), first) else { continue };
            let mut all = vec![predicate.clone()];
            all.extend(above.as_ref().map(Predicate::not));
            strongest.push((Predicate::all(all), used));
            let mut any = Vec::from_iter(above);
            any.push(predicate);
            above = Predicate::any(any);
        }
        strongest.push((above.as_ref().map(Predicate::not), self.always));
        strongest
    }
}

/// A use of a variable, from the weakest to the strongest.
#[derive(Clone, Copy, Default)]
pub(crate) enum Use {
    #[default]
    None,
    Borrowed,
    Perhaps,
    Consumed(Span),
}

impl Use {
    /// The rank of the strongest.
    const STRONGEST: u8 = 3;

    pub(super) fn rank(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Borrowed => 1,
            Self::Perhaps => 2,
            Self::Consumed(_) => Self::STRONGEST,
        }
    }
}
