//! The public polynomials: hashed from the session, never received.

use super::{params::LatticeSet, residues};
use crate::{crypto::keystream::Keystream, hash::hash, label, session::SessionId};

/// Blocks of an epoch: each has its own public polynomial, so that none is used twice with a key.
pub(super) const EPOCH_BLOCKS: u64 = 1024;

/// The polynomial of one block of an epoch.
pub(super) struct PublicPolynomial {
    set: LatticeSet,
    keystream: Keystream,
}

impl PublicPolynomial {
    /// Of the block with this number in the vector.
    pub(super) fn new(set: LatticeSet, session: SessionId, block: u64) -> Self {
        let place = u32::try_from(block % EPOCH_BLOCKS).unwrap_or(0).to_le_bytes();
        let key = hash(label::hash::LATTICE_A, &[&[set.number()], &session.0, &place]);
        Self { set, keystream: Keystream::new(&key) }
    }

    /// The slots modulo prime `index`.
    pub(super) fn slots(&self, index: usize, slots: &mut [u64]) {
        if let Some(modulus) = self.set.moduli().nth(index) {
            residues::fill(&self.keystream, (index as u64) << 32, modulus, slots);
        }
    }
}
