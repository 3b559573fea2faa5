//! The inverse negacyclic number-theoretic transform of `Z_q[X] / (X^N + 1)` (section 11.2), for several instruction sets.
//!
//! Slot `i` of a transformed polynomial `a` is `a(psi^(2 brv(i) + 1))`, `brv` the reversal of `log2 N` bits. The inverse is the
//! Gentleman-Sande network with lazy reduction (Longa and Naehrig, "Speeding up the number theoretic transform", 2016, algorithm 2;
//! Harvey 2014). It is branch-free and touches memory in an order that depends on nothing but the length, so it may see secrets.
//! Only the inverse is needed: what is multiplied is sampled in the transformed domain.

#[cfg(target_arch = "x86_64")]
mod fma;
#[cfg(target_arch = "x86_64")]
mod ifma;
mod portable;
mod stages;

use alloc::vec::Vec;

use super::{
    crt::Crt,
    field::{Factor, Modulus},
    isa::{Isa, kernel},
};

kernel!(inverse_ifma, "x86_64+avx512f+avx512dq+avx512ifma" => ifma::inverse_of_product, _ => portable::inverse_of_product,
    (table: &Table, values: &mut [u64], key: &[u64], quotients: &[u64]));
kernel!(inverse_fma, "x86_64+avx2+fma" => fma::inverse_of_product, _ => portable::inverse_of_product,
    (table: &Table, values: &mut [u64], key: &[u64], quotients: &[u64]));
kernel!(add_scaled_ifma, "x86_64+avx512f+avx512dq+avx512ifma" => ifma::add_scaled, _ => portable::add_scaled,
    (modulus: Modulus, offset: u64, limbs: &[u64], factors: &[Factor], values: &mut [u64]));
kernel!(add_scaled_fma, "x86_64+avx2+fma" => fma::add_scaled, _ => portable::add_scaled,
    (modulus: Modulus, offset: u64, limbs: &[u64], factors: &[Factor], values: &mut [u64]));
kernel!(lift_ifma, "x86_64+avx512f+avx512dq+avx512ifma" => ifma::lift, _ => portable::lift,
    (crt: &Crt, residues: &mut [u64]));

kernel!(lift_fma, "x86_64+avx2+fma" => fma::lift, _ => portable::lift, (crt: &Crt, residues: &mut [u64]));

impl Isa {
    /// `values + offset + limbs_0 + sum over k >= 1 of limbs_k factors_k`, modulo `q`. Values are below `2q`, limbs below `2^52`, and
    /// the first one below `2^(bits + 13)`; there are at most eight of them, one after another, each as long as `values`.
    pub(crate) fn add_scaled(self, modulus: Modulus, offset: u64, limbs: &[u64], factors: &[Factor], values: &mut [u64]) {
        match self {
            Self::Portable => portable::add_scaled(modulus, offset, limbs, factors, values),
            Self::Fma => add_scaled_fma(modulus, offset, limbs, factors, values),
            Self::Ifma => add_scaled_ifma(modulus, offset, limbs, factors, values),
        }
    }

    /// Replaces residues, one prime after another, by the limbs of the integers that have them (see [`Crt::lift`]), one limb after
    /// another.
    pub(crate) fn lift(self, crt: &Crt, residues: &mut [u64]) {
        match self {
            Self::Portable => portable::lift(crt, residues),
            Self::Fma => lift_fma(crt, residues),
            Self::Ifma => lift_ifma(crt, residues),
        }
    }
}

/// One number for each slot, and its quotient (see [`Factor`]).
struct Factors<T> {
    values: Vec<T>,
    quotients: Vec<T>,
}

/// What the transform of one ring needs.
pub(crate) struct Table {
    modulus: Modulus,
    isa: Isa,
    /// At `h + i`, for `h` a power of two and `i < h`: the inverse of `psi^brv(h + i)`.
    twiddles: Factors<u64>,
    /// The same, centred, for [`Isa::Fma`]; empty for others.
    floats: Factors<f64>,
}

impl Table {
    /// `root^(2^log_len) = -1 mod q`.
    pub(crate) fn new(isa: Isa, modulus: Modulus, root: u64, log_len: u32) -> Self {
        let values = inverse_powers(modulus, root, 1 << log_len);
        let reciprocal = modulus.reciprocal();
        let quotients = values.iter().map(|value| modulus.factor_by(reciprocal, *value).quotient).collect();
        let floats = floats(modulus, if isa == Isa::Fma { &values } else { &[] });
        Self { modulus, isa, twiddles: Factors { values, quotients }, floats }
    }

    pub(crate) fn modulus(&self) -> Modulus {
        self.modulus
    }

    /// `values = N INTT(values * key)`, slot by slot: below `2q` each. `values` are below `2^52`; all three slices have `N` numbers, of
    /// which [`Factor`] speaks for `key` and `quotients`.
    ///
    /// The factor `N` is left to the caller: a key that is divided by it once serves many polynomials.
    pub(crate) fn inverse_of_product(&self, values: &mut [u64], key: &[u64], quotients: &[u64]) {
        match self.isa {
            Isa::Portable => portable::inverse_of_product(self, values, key, quotients),
            Isa::Fma => inverse_fma(self, values, key, quotients),
            Isa::Ifma => inverse_ifma(self, values, key, quotients),
        }
    }
}

/// Factors in floating point: centred, and divided by `q`.
#[allow(clippy::cast_precision_loss, reason = "below 2^50")]
fn floats(modulus: Modulus, values: &[u64]) -> Factors<f64> {
    let q = modulus.value();
    let center = |value: &u64| if *value > q / 2 { -((q - value) as f64) } else { *value as f64 };
    let values: Vec<f64> = values.iter().map(center).collect();
    let quotients = values.iter().map(|value| value / q as f64).collect();
    Factors { values, quotients }
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
