//! Residues by rejection: uniform, in order, and none lost or kept too many, with a prime that rejects a quarter of all integers.
#![allow(clippy::cast_precision_loss, reason = "tests")]

use alloc::{vec, vec::Vec};

use super::*;
use crate::mask::lattice::LatticeSet;

const QUARTER: Modulus = Modulus::unproven(3 << 46, 48);

fn keystream(byte: u8) -> Keystream {
    Keystream::new(&[byte; 32])
}

/// The low bits of the integers from block `counter` on.
fn integers(counter: u64, modulus: Modulus, count: usize) -> Vec<u64> {
    let mut integers = vec![0; count];
    keystream(1).each(counter, &mut integers, &mut Store(Keep::new(modulus)));
    integers
}

fn accepted(modulus: Modulus, integers: &[u64]) -> impl Iterator<Item = u64> {
    integers.iter().copied().filter(move |value| *value < modulus.value())
}

#[test]
fn public_residues_are_the_first_that_are_not_rejected_however_many_integers_it_takes() {
    for modulus in [QUARTER, LatticeSet::L108.primes()[0].0] {
        for len in [2, 16, 100, 4096] {
            let integers = integers(5, modulus, 2 * len + 64);
            let mut slots = vec![0; len];
            fill(&keystream(1), 5, modulus, &mut slots);
            assert!(slots.iter().copied().eq(accepted(modulus, &integers).take(len)), "{len}");
        }
    }
    assert!(accepted(QUARTER, &integers(5, QUARTER, 4096)).count() < 3300, "many are rejected");
}

/// With so many rejections too few residues remain among the integers set aside: the missing ones are zero.
#[test]
fn secret_residues_are_those_among_the_integers_set_aside_and_then_zeros() {
    for (modulus, len) in [(QUARTER, 128), (QUARTER, 100), (QUARTER, 4096), (LatticeSet::L160.primes()[3].0, 8192)] {
        let integers = integers(7, modulus, len + SPARE);
        let expected: Vec<u64> = accepted(modulus, &integers).chain(core::iter::repeat(0)).take(len).collect();
        for negative in [false, true] {
            let mut sums = vec![1000; len];
            accumulate(&keystream(1), 7, modulus, &mut sums, negative);
            let sum = |value: u64| if negative { 1000_u64.wrapping_sub(value) } else { 1000 + value };
            assert!(sums.iter().copied().eq(expected.iter().map(|value| sum(*value))), "{len}, {negative}");
        }
    }
}

/// The smallest and the largest residue and their neighbours, wherever they stand.
#[test]
fn a_rejection_is_noticed_at_every_place() {
    struct Integers<'a>(&'a mut Keep);
    for modulus in LatticeSet::L96.moduli().chain(LatticeSet::L108.moduli()) {
        let q = modulus.value();
        for (integer, rejected) in
            [(0, false), (q - 1, false), (q, true), (modulus.mask(), true), (u64::MAX, true), (1 << 63, false)]
        {
            let mut keep = Keep::new(modulus);
            let value = Integers(&mut keep).0.low_bits(integer);
            assert_eq!((value, keep.rejects()), (integer & modulus.mask(), rejected), "{integer}");
            keep.low_bits(1);
            assert_eq!(keep.rejects(), rejected, "it stays so");
        }
    }
}

/// Pearson's statistic over `cells` equal cells, in standard deviations from what it is on average.
fn deviation(values: &[u64], below: u64, cells: usize) -> f64 {
    let mut counts = vec![0_u32; cells];
    for value in values {
        counts[usize::try_from(u128::from(*value) * cells as u128 / u128::from(below)).unwrap()] += 1;
    }
    let expected = values.len() as f64 / cells as f64;
    let statistic: f64 = counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
    (statistic - (cells - 1) as f64) / (2.0 * (cells - 1) as f64).sqrt()
}

#[test]
fn residues_are_uniform_in_their_high_and_their_low_bits() {
    for modulus in [QUARTER, LatticeSet::L96.primes()[0].0, LatticeSet::L108.primes()[2].0] {
        let (mut public, mut secret) = (vec![0; 1 << 16], vec![0; 1 << 16]);
        fill(&keystream(2), 0, modulus, &mut public);
        // Blocks short enough that the spare integers outlast the rejections.
        for (place, sums) in secret.chunks_mut(128).enumerate() {
            accumulate(&keystream(3), 1000 * place as u64, modulus, sums, false);
        }
        for values in [public, secret] {
            assert!(deviation(&values, modulus.value(), 256).abs() < 5.0);
            let low: Vec<u64> = values.iter().map(|value| value % 256).collect();
            assert!(deviation(&low, 256, 256).abs() < 5.0);
        }
    }
}
