//! Uniform residues from a keystream, by rejection.

use alloc::vec;

use zeroize::Zeroize;

use crate::{
    crypto::keystream::{Keystream, Take},
    math::field::Modulus,
};

/// Keeps the low bits of each integer, and notes whether any is not a residue.
struct Keep {
    mask: u64,
    largest: u64,
    excess: u64,
}

impl Keep {
    fn new(modulus: Modulus) -> Self {
        Self { mask: modulus.mask(), largest: modulus.value() - 1, excess: 0 }
    }

    /// The low bits of `integer`; the sign of `excess` says whether one was too large.
    #[inline(always)]
    fn low_bits(&mut self, integer: u64) -> u64 {
        let value = integer & self.mask;
        self.excess |= self.largest.wrapping_sub(value);
        value
    }

    fn rejects(&self) -> bool {
        self.excess >> 63 == 1
    }
}

struct Store(Keep);

impl Take for Store {
    #[inline(always)]
    fn take(&mut self, slot: &mut u64, integer: u64) {
        *slot = self.0.low_bits(integer);
    }
}

struct Accumulate<const NEGATIVE: bool>(Keep);

impl<const NEGATIVE: bool> Take for Accumulate<NEGATIVE> {
    #[inline(always)]
    fn take(&mut self, slot: &mut u64, integer: u64) {
        let value = self.0.low_bits(integer);
        *slot = if NEGATIVE { slot.wrapping_sub(value) } else { slot.wrapping_add(value) };
    }
}

/// Fills `slots` with the first residues from block `counter` on, however many integers it takes: for public residues.
pub(super) fn fill(keystream: &Keystream, counter: u64, modulus: Modulus, slots: &mut [u64]) {
    let mut store = Store(Keep::new(modulus));
    keystream.each(counter, slots, &mut store);
    if !store.0.rejects() {
        return;
    }
    let mut kept = compact(modulus, slots);
    let mut next = counter.wrapping_add(slots.len().div_ceil(2) as u64);
    while let Some(open) = slots.get_mut(kept..).filter(|open| !open.is_empty()) {
        let mut more = [0; 8];
        keystream.each(next, &mut more, &mut Store(Keep::new(modulus)));
        next = next.wrapping_add(4);
        let residues = more.into_iter().filter(|value| *value < modulus.value());
        kept += open.iter_mut().zip(residues).map(|(slot, value)| *slot = value).count();
    }
}

/// Moves the residues to the front, in order, and says how many they are.
fn compact(modulus: Modulus, values: &mut [u64]) -> usize {
    let mut kept = 0;
    for place in 0..values.len() {
        let value = values.get(place).copied().unwrap_or(0);
        if let Some(slot) = values.get_mut(kept).filter(|_| value < modulus.value()) {
            *slot = value;
            kept += 1;
        }
    }
    kept
}

/// Integers that are set aside for each prime of a key, beyond the number of slots.
pub(super) const SPARE: usize = 64;

/// Adds the first `sums.len()` residues among `sums.len() + SPARE` integers from block `counter` on to `sums`, modulo `2^64`, or takes
/// them away; `sums.len()` is even.
///
/// The residues are secret. Whether one is rejected, and where, shows in the time that this takes; it says nothing about those that
/// are kept.
pub(super) fn accumulate(keystream: &Keystream, counter: u64, modulus: Modulus, sums: &mut [u64], negative: bool) {
    if add(keystream, counter, modulus, sums, negative) {
        add(keystream, counter, modulus, sums, !negative);
        add_compacted(keystream, counter, modulus, sums, negative);
    }
}

/// Adds as many integers as there are sums; whether one of them should have been rejected.
fn add(keystream: &Keystream, counter: u64, modulus: Modulus, sums: &mut [u64], negative: bool) -> bool {
    if negative {
        let mut accumulate = Accumulate::<true>(Keep::new(modulus));
        keystream.each(counter, sums, &mut accumulate);
        accumulate.0.rejects()
    } else {
        let mut accumulate = Accumulate::<false>(Keep::new(modulus));
        keystream.each(counter, sums, &mut accumulate);
        accumulate.0.rejects()
    }
}

fn add_compacted(keystream: &Keystream, counter: u64, modulus: Modulus, sums: &mut [u64], negative: bool) {
    let mut values = vec![0; sums.len() + SPARE];
    keystream.each(counter, &mut values, &mut Store(Keep::new(modulus)));
    let kept = compact(modulus, &mut values);
    for (sum, value) in sums.iter_mut().zip(values.iter().take(kept)) {
        *sum = if negative { sum.wrapping_sub(*value) } else { sum.wrapping_add(*value) };
    }
    values.zeroize();
}

#[cfg(test)]
mod tests;
