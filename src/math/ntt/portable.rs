//! The transform in 64-bit integers, without vectors.

use super::{Table, stages::passes};
use crate::math::{
    crt::Crt,
    field::{Factor, Modulus},
};

const LANES: usize = 1;
type Vector = u64;
type Scalar = u64;
type Field = Modulus;

#[inline(always)]
fn load(lanes: &[u64; LANES]) -> Vector {
    let [lane] = *lanes;
    lane
}

#[inline(always)]
fn store(lanes: &mut [u64; LANES], vector: Vector) {
    *lanes = [vector];
}

#[inline(always)]
fn splat(value: u64, quotient: u64) -> Factor {
    Factor { value, quotient }
}

/// `u + v` for numbers below `2q`: below `2q`. What would be negative gets `2q` back, by a mask and not by a comparison.
#[inline(always)]
fn sum(field: Field, u: Vector, v: Vector) -> Vector {
    let double = 2 * field.value();
    let less = u.wrapping_add(v).wrapping_sub(double);
    less.wrapping_add(double & (less >> 63).wrapping_neg())
}

/// `(u - v) w` for numbers below `2q`: below `2q`.
#[inline(always)]
fn difference(field: Field, u: Vector, v: Vector, w: Factor) -> Vector {
    field.scale(u.wrapping_add(2 * field.value()).wrapping_sub(v), w)
}

/// Sums are reduced already.
#[inline(always)]
fn settle(_: Field, u: Vector) -> Vector {
    u
}

passes!();

pub(super) fn inverse_of_product(table: &Table, values: &mut [u64], key: &[u64], quotients: &[u64]) {
    for ((value, key), quotient) in values.iter_mut().zip(key).zip(quotients) {
        *value = table.modulus.scale(*value, splat(*key, *quotient));
    }
    all_passes(table.modulus, &table.twiddles, values.as_chunks_mut().0, 1);
}

pub(super) fn add_scaled(modulus: Modulus, offset: u64, limbs: &[u64], factors: &[Factor], values: &mut [u64]) {
    add_scaled_from(modulus, offset, limbs, factors, values, 0);
}

/// From place `start` on.
pub(super) fn add_scaled_from(
    modulus: Modulus,
    offset: u64,
    limbs: &[u64],
    factors: &[Factor],
    values: &mut [u64],
    start: usize,
) {
    let len = values.len();
    let values = values.get_mut(start..).unwrap_or_default();
    for (limb, factor) in limbs.chunks_exact(len.max(1)).zip(factors).skip(1) {
        let limb = limb.get(start..).unwrap_or_default();
        values.iter_mut().zip(limb).for_each(|(value, limb)| *value = value.wrapping_add(modulus.scale(*limb, *factor)));
    }
    for (value, limb) in values.iter_mut().zip(limbs.get(start..).unwrap_or_default()) {
        *value = modulus.settle(modulus.fold(value.wrapping_add(offset).wrapping_add(*limb)));
    }
}

pub(super) fn lift(crt: &Crt, residues: &mut [u64]) {
    match crt.primes() {
        1 => {}
        2 => lift_from::<2>(crt, 0, residues),
        3 => lift_from::<3>(crt, 0, residues),
        _ => lift_from::<4>(crt, 0, residues),
    }
}

/// From place `start` on.
pub(super) fn lift_from<const P: usize>(crt: &Crt, start: usize, residues: &mut [u64]) {
    let len = residues.len() / P;
    for place in start..len {
        let mut one = [0; P];
        let places = residues.iter().skip(place).step_by(len);
        one.iter_mut().zip(places).for_each(|(slot, residue)| *slot = *residue);
        let lifted = crt.lift(one);
        residues.iter_mut().skip(place).step_by(len).zip(lifted).for_each(|(slot, limb)| *slot = limb);
    }
}
