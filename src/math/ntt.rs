//! The inverse negacyclic number-theoretic transform of `Z_q[X] / (X^N + 1)` (section 11.2), for several instruction sets.
//!
//! Slot `i` of a transformed polynomial `a` is `a(psi^(2 brv(i) + 1))`, `brv` the reversal of `log2 N` bits. The inverse is the
//! Gentleman-Sande network with lazy reduction (Longa and Naehrig, "Speeding up the number theoretic transform", 2016, algorithm 2;
//! Harvey 2014). It is branch-free and touches memory in an order that depends on nothing but the length, so it may see secrets.
//! Only the inverse is needed: what is multiplied is sampled in the transformed domain.

mod portable;
mod stages;

use alloc::vec::Vec;

use super::{
    crt::Crt,
    field::{Factor, Modulus},
};

/// The instructions that a kernel is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isa {
    /// 64-bit integers, and nothing else.
    Portable,
}

impl Isa {
    /// The fastest that this machine has.
    pub(crate) fn best() -> Self {
        Self::Portable
    }

    /// All that this machine has.
    #[cfg(test)]
    pub(crate) fn available() -> impl Iterator<Item = Self> {
        [Self::Portable].into_iter()
    }

    /// `values + offset + sum over k of limbs_k factors_k`, modulo `q`. Values are below `2q`, limbs below `2^52`; there are at most
    /// eight of them, one after another, each as long as `values`.
    pub(crate) fn add_scaled(self, modulus: Modulus, offset: u64, limbs: &[u64], factors: &[Factor], values: &mut [u64]) {
        match self {
            Self::Portable => portable::add_scaled(modulus, offset, limbs, factors, values),
        }
    }

    /// Replaces residues, one prime after another, by the limbs of the integers that have them (see [`Crt::lift`]), one limb after
    /// another.
    pub(crate) fn lift(self, crt: &Crt, residues: &mut [u64]) {
        match self {
            Self::Portable => portable::lift(crt, residues),
        }
    }
}

/// One number for each slot, and its quotient (see [`Factor`]).
pub(crate) struct Factors<T> {
    pub(crate) values: Vec<T>,
    pub(crate) quotients: Vec<T>,
}

/// What the transform of one ring needs.
pub(crate) struct Table {
    modulus: Modulus,
    /// At `h + i`, for `h` a power of two and `i < h`: the inverse of `psi^brv(h + i)`.
    twiddles: Factors<u64>,
}

impl Table {
    /// `root^(2^log_len) = -1 mod q`.
    pub(crate) fn new(modulus: Modulus, root: u64, log_len: u32) -> Self {
        let len = 1 << log_len;
        let values = inverse_powers(modulus, root, len);
        let reciprocal = modulus.reciprocal();
        let quotients = values.iter().map(|value| modulus.factor_by(reciprocal, *value).quotient).collect();
        Self { modulus, twiddles: Factors { values, quotients } }
    }

    pub(crate) fn modulus(&self) -> Modulus {
        self.modulus
    }

    /// `values = N INTT(values * key)`, slot by slot: below `2q` each. `values` are below `2^52`; all three slices have `N` numbers, of
    /// which [`Factors`] speaks for `key` and `quotients`.
    ///
    /// The factor `N` is left to the caller: a key that is divided by it once serves many polynomials.
    pub(crate) fn inverse_of_product(&self, isa: Isa, values: &mut [u64], key: &[u64], quotients: &[u64]) {
        match isa {
            Isa::Portable => portable::inverse_of_product(self, values, key, quotients),
        }
    }
}

/// `root^-brv(k)` for `k` in `0..len`: `brv(h + i) = brv(i) + len / 2h` for `i < h`.
fn inverse_powers(modulus: Modulus, root: u64, len: usize) -> Vec<u64> {
    let mut powers = Vec::with_capacity(len);
    powers.push(1);
    let mut step = len as u64 / 2;
    while step > 0 {
        let factor = modulus.factor(modulus.power(modulus.inverse(root), step));
        for i in 0..powers.len() {
            powers.extend(powers.get(i).map(|power| modulus.settle(modulus.scale(*power, factor))));
        }
        step /= 2;
    }
    powers
}

#[cfg(test)]
mod tests;
