//! Arithmetic on vectors of words.

pub(crate) mod crt;
pub(crate) mod field;
pub(crate) mod isa;
pub(crate) mod ntt;
pub(crate) mod pack;
pub(crate) mod ring;
