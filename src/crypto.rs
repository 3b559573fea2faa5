//! The primitives, one a file.

pub(crate) mod kdf;
pub(crate) mod kem;
pub(crate) mod keystream;
pub(crate) mod merkle;
pub(crate) mod prg;
pub(crate) mod seal;
pub(crate) mod secret;
pub(crate) mod sign;
pub(crate) mod vss;

#[cfg(test)]
mod tests;
