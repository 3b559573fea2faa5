//! Arithmetic on vectors of words.

pub(crate) mod pack;
pub(crate) mod ring;
