//! The transform against its definition, on every instruction set of this machine.
#![allow(clippy::cast_possible_truncation, reason = "tests")]

use alloc::{vec, vec::Vec};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;
use crate::mask::lattice::LatticeSet;

const SETS: [LatticeSet; 7] = LatticeSet::ALL;

/// Every table in use, with its root.
fn tables() -> Vec<(Table, u64)> {
    let rings = SETS.iter().flat_map(|set| set.primes().iter().map(|(modulus, root)| (*modulus, *root, set.log_len())));
    rings.map(|(modulus, root, log_len)| (Table::new(modulus, root, log_len), root)).collect()
}

fn random(modulus: Modulus, len: usize, seed: u64) -> Vec<u64> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..len).map(|_| rng.random_range(0..modulus.value())).collect()
}

fn brv(k: usize, bits: u32) -> usize {
    k.reverse_bits() >> (usize::BITS - bits)
}

/// `a(x)`, by Horner's rule.
fn evaluate(modulus: Modulus, a: &[u64], x: u64) -> u64 {
    a.iter().rev().fold(0, |value, c| (modulus.product(value, x) + c) % modulus.value())
}

/// `N^-1 key`, and the quotients.
fn scaled(table: &Table, key: &[u64]) -> (Vec<u64>, Vec<u64>) {
    let modulus = table.modulus();
    let inverse = modulus.inverse(key.len() as u64);
    key.iter().map(|slot| modulus.factor(modulus.product(*slot, inverse))).map(|f| (f.value, f.quotient)).unzip()
}

fn inverse(table: &Table, isa: Isa, slots: &[u64], key: &[u64]) -> Vec<u64> {
    let (mut values, (key, quotients)) = (slots.to_vec(), scaled(table, key));
    table.inverse_of_product(isa, &mut values, &key, &quotients);
    assert!(values.iter().all(|value| *value < 2 * table.modulus().value()));
    values.iter().map(|value| table.modulus().settle(*value)).collect()
}

#[test]
fn slots_are_values_at_the_odd_powers_of_the_root_in_bit_reversed_order() {
    for (table, root) in tables() {
        let (modulus, len) = (table.modulus(), table.twiddles.values.len());
        let slots = random(modulus, len, 1);
        for isa in Isa::available() {
            let a = inverse(&table, isa, &slots, &vec![1; len]);
            for i in [0, 1, 2, 3, 5, 100, len / 2, len - 2, len - 1] {
                let exponent = 2 * brv(i, len.trailing_zeros()) as u64 + 1;
                assert_eq!(evaluate(modulus, &a, modulus.power(root, exponent)), slots[i], "slot {i}, {isa:?}, {modulus:?}");
            }
        }
    }
}
