//! The key of an epoch: a signed sum of uniform polynomials, expanded from seeds.

use alloc::{vec, vec::Vec};
use core::fmt;

use zeroize::Zeroize;

use super::{
    params::LatticeSet,
    residues::{SPARE, accumulate},
};
use crate::{
    crypto::{kdf::Kdf, keystream::Keystream, secret::Secret},
    label::kdf,
    math::field::{Factor, Modulus},
};

/// Terms that are added up before the sums are reduced: they stay below `2^(bits + 13)`.
const LAZY_TERMS: usize = 1 << 12;

/// A key, slot by slot, divided by `N`: the factor that an inverse transform leaves out.
pub(crate) struct EpochKey {
    set: LatticeSet,
    epoch: u64,
    /// Prime by prime.
    values: Vec<u64>,
    quotients: Vec<u64>,
}

impl EpochKey {
    /// The sum of `U(seed, epoch)`, some of them negative; a seed comes as the [`Kdf`] that it salts.
    pub(crate) fn expand<'a>(set: LatticeSet, terms: impl Iterator<Item = (&'a Kdf, bool)>, epoch: u64) -> Self {
        let mut sums = Sums::new(set);
        terms.for_each(|(seed, negative)| sums.add(seed, negative, epoch));
        sums.finish(epoch)
    }

    pub(super) fn belongs_to(&self, set: LatticeSet, epoch: u64) -> bool {
        self.set == set && self.epoch == epoch
    }

    /// The slots modulo prime `index` and their quotients (see [`Factor`]).
    pub(super) fn slots(&self, index: usize) -> (&[u64], &[u64]) {
        let range = index * self.set.len()..(index + 1) * self.set.len();
        (self.values.get(range.clone()).unwrap_or_default(), self.quotients.get(range).unwrap_or_default())
    }
}

impl Drop for EpochKey {
    fn drop(&mut self) {
        self.values.zeroize();
        self.quotients.zeroize();
    }
}

impl fmt::Debug for EpochKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EpochKey({:?}, {}, ..)", self.set, self.epoch)
    }
}

/// Signed sums of residues modulo `2^64`, at most [`LAZY_TERMS`] since the last reduction.
struct Sums {
    set: LatticeSet,
    slots: Vec<u64>,
    terms: usize,
}

impl Sums {
    fn new(set: LatticeSet) -> Self {
        Self { set, slots: vec![0; set.len() * set.primes().len()], terms: 0 }
    }

    fn add(&mut self, seed: &Kdf, negative: bool, epoch: u64) {
        if self.terms == LAZY_TERMS {
            self.reduce();
        }
        self.terms += 1;
        let key: Secret<32> = seed.expand(kdf::LATTICE_KEY, &[&epoch.to_le_bytes()]);
        let keystream = Keystream::new(key.expose());
        let blocks_of_prime = (self.set.len() + SPARE) as u64 / 2;
        let mut counter = 0;
        for (modulus, sums) in self.set.moduli().zip(self.slots.chunks_exact_mut(self.set.len())) {
            accumulate(&keystream, counter, modulus, sums, negative);
            counter += blocks_of_prime;
        }
    }

    /// Every sum becomes a residue, which is a term of the next ones.
    fn reduce(&mut self) {
        for (modulus, sums) in self.set.moduli().zip(self.slots.chunks_exact_mut(self.set.len())) {
            sums.iter_mut().for_each(|sum| *sum = residue(modulus, *sum));
        }
        self.terms = 1;
    }

    fn finish(mut self, epoch: u64) -> EpochKey {
        let mut quotients = vec![0; self.slots.len()];
        let polynomials = self.slots.chunks_exact_mut(self.set.len()).zip(quotients.chunks_exact_mut(self.set.len()));
        for (modulus, (sums, quotients)) in self.set.moduli().zip(polynomials) {
            let scale = modulus.factor(modulus.inverse(self.set.len() as u64));
            let reciprocal = modulus.reciprocal();
            for (sum, quotient) in sums.iter_mut().zip(quotients) {
                let value = modulus.settle(modulus.scale(lazy_residue(modulus, *sum), scale));
                Factor { value: *sum, quotient: *quotient } = modulus.factor_by(reciprocal, value);
            }
        }
        EpochKey { set: self.set, epoch, values: core::mem::take(&mut self.slots), quotients }
    }
}

impl Drop for Sums {
    fn drop(&mut self) {
        self.slots.zeroize();
    }
}

/// A number below `2q` that is congruent to a signed sum of [`LAZY_TERMS`] numbers below `2^bits`.
#[inline(always)]
fn lazy_residue(modulus: Modulus, sum: u64) -> u64 {
    modulus.fold(sum.wrapping_add(modulus.value() * LAZY_TERMS as u64))
}

fn residue(modulus: Modulus, sum: u64) -> u64 {
    modulus.settle(lazy_residue(modulus, sum))
}
