//! For tests elsewhere: what only kernels see.

use alloc::{vec, vec::Vec};

pub(crate) use super::error::inspect::errors;
use super::{EpochKey, LatticeSet, PublicPolynomial};
use crate::session::SessionId;

/// The slots of the public polynomial of a block, prime by prime.
pub(crate) fn public_slots(set: LatticeSet, session: SessionId, block: u64) -> Vec<Vec<u64>> {
    let public = PublicPolynomial::new(set, session, block);
    let slots = |index| {
        let mut slots = vec![0; set.len()];
        public.slots(index, &mut slots);
        slots
    };
    (0..set.primes().len()).map(slots).collect()
}

/// The slots of a key, prime by prime.
pub(crate) fn key_slots(set: LatticeSet, key: &EpochKey) -> Vec<Vec<u64>> {
    // A kernel's keys are divided by N.
    let whole = |(index, modulus): (usize, crate::math::field::Modulus)| {
        key.slots(index).0.iter().map(|slot| modulus.product(*slot, set.len() as u64)).collect()
    };
    set.moduli().enumerate().map(whole).collect()
}
