//! `H`, the one hash of the protocol: SHA-512/256 over framed parts (section 2).

use sha2::{Digest, Sha512_256};

use crate::label::DOMAIN;

/// A 32-byte hash value.
pub(crate) type Hash = [u8; 32];

/// `H(label; parts)`.
pub(crate) fn hash(label: &str, parts: &[&[u8]]) -> Hash {
    let mut hasher = Hasher::new(label);
    for part in parts {
        hasher.part(part);
    }
    hasher.finish()
}

/// `LV("veilsum/3/" || label)`, the beginning of every framed string.
pub(crate) fn framed_label(label: &str) -> alloc::vec::Vec<u8> {
    let len = u64::try_from(DOMAIN.len() + label.len()).unwrap_or(u64::MAX);
    [&len.to_le_bytes()[..], DOMAIN, label.as_bytes()].concat()
}

/// `H` over parts that arrive one after another, or in pieces.
#[derive(Clone)]
pub(crate) struct Hasher(Sha512_256);

impl Hasher {
    pub(crate) fn new(label: &str) -> Self {
        let mut inner = Sha512_256::new();
        inner.update(framed_label(label));
        Self(inner)
    }

    /// Adds one whole part, `LV(part)`.
    pub(crate) fn part(&mut self, part: &[u8]) {
        self.begin_part(part.len() as u64);
        self.continue_part(part);
    }

    /// Begins a part of `len` bytes that follow through [`Hasher::continue_part`].
    pub(crate) fn begin_part(&mut self, len: u64) {
        self.0.update(len.to_le_bytes());
    }

    /// More bytes of the part begun last.
    pub(crate) fn continue_part(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Hash {
        self.0.finalize().into()
    }
}
