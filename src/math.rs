//! Arithmetic on vectors of words.

pub(crate) mod ring;
