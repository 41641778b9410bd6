//! The body of a function: its sends, and what it does with the arguments.

pub(crate) mod arguments;
pub(crate) mod macros;
pub(crate) mod moves;
pub(crate) mod sends;
pub(crate) mod siblings;
