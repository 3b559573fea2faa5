//! The transform against its definition, on every instruction set of this machine.
#![allow(clippy::cast_possible_truncation, reason = "tests")]

use alloc::{vec, vec::Vec};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;
use crate::mask::lattice::LatticeSet;

const SETS: [LatticeSet; 7] = LatticeSet::ALL;

/// The tables of every prime in use, with its root.
fn tables(isa: Isa) -> Vec<(Table, u64)> {
    let rings = SETS.iter().flat_map(|set| set.primes().iter().map(|(modulus, root)| (*modulus, *root, set.log_len())));
    rings.map(|(modulus, root, log_len)| (Table::new(isa, modulus, root, log_len), root)).collect()
}

fn random(modulus: Modulus, len: usize, seed: u64) -> Vec<u64> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..len).map(|_| rng.random_range(0..modulus.value())).collect()
}

/// The exponent of the root that slot `i` of `len` belongs to.
fn exponent(i: usize, len: usize) -> u64 {
    2 * (i.reverse_bits() >> (usize::BITS - len.trailing_zeros())) as u64 + 1
}

/// `a(x)`, by Horner's rule.
fn evaluate(modulus: Modulus, a: &[u64], x: u64) -> u64 {
    a.iter().rev().fold(0, |value, c| (modulus.product(value, x) + c) % modulus.value())
}

/// `INTT(slots * key)`.
fn inverse(table: &Table, slots: &[u64], key: &[u64]) -> Vec<u64> {
    let (modulus, mut values) = (table.modulus(), slots.to_vec());
    let scale = modulus.inverse(slots.len() as u64);
    let factors = key.iter().map(|slot| modulus.factor(modulus.product(*slot, scale)));
    let (key, quotients): (Vec<u64>, Vec<u64>) = factors.map(|f| (f.value, f.quotient)).unzip();
    table.inverse_of_product(&mut values, &key, &quotients);
    assert!(values.iter().all(|value| *value < 2 * modulus.value()));
    values.iter().map(|value| modulus.settle(*value)).collect()
}

#[test]
fn slots_are_values_at_the_odd_powers_of_the_root_in_bit_reversed_order() {
    for isa in Isa::available() {
        for (table, root) in tables(isa) {
            let (modulus, len) = (table.modulus(), table.twiddles.values.len());
            assert_eq!(modulus.power(root, len as u64), modulus.value() - 1);
            let slots = random(modulus, len, 1);
            let a = inverse(&table, &slots, &vec![1; len]);
            for i in [0, 1, 2, 3, 5, 100, len / 2, len - 2, len - 1] {
                let x = modulus.power(root, exponent(i, len));
                assert_eq!(evaluate(modulus, &a, x), slots[i], "slot {i}, {isa:?}, {modulus:?}");
            }
        }
    }
}

/// `a b` modulo `X^N + 1`, for `b` with few terms.
fn schoolbook(modulus: Modulus, a: &[u64], b: &[(usize, u64)]) -> Vec<u64> {
    let mut product = vec![0; a.len()];
    for (degree, coefficient) in b {
        for (i, c) in a.iter().enumerate() {
            let term = modulus.product(*c, *coefficient);
            let (place, term) =
                if i + degree < a.len() { (i + degree, term) } else { (i + degree - a.len(), modulus.value() - term) };
            product[place] = (product[place] + term) % modulus.value();
        }
    }
    product
}

#[test]
fn a_product_of_slots_is_the_negacyclic_product_of_the_polynomials() {
    for isa in Isa::available() {
        for (table, root) in tables(isa) {
            let (modulus, len) = (table.modulus(), table.twiddles.values.len());
            let b = [(0, 5), (1, modulus.value() - 2), (len / 2 + 3, 12_345_678_901), (len - 1, modulus.value() / 3)];
            let slot = |i| {
                let terms =
                    b.iter().map(|(degree, c)| modulus.product(*c, modulus.power(root, exponent(i, len) * *degree as u64)));
                terms.fold(0, |sum, term| (sum + term) % modulus.value())
            };
            let (slots, key) = (random(modulus, len, 2), (0..len).map(slot).collect::<Vec<_>>());
            let a = inverse(&table, &slots, &vec![1; len]);
            assert!(inverse(&table, &slots, &key) == schoolbook(modulus, &a, &b), "{isa:?}, {modulus:?}");
        }
    }
}

/// The largest residues everywhere make the largest sums.
#[test]
fn every_instruction_set_gives_the_same_residues_at_the_ends_of_the_range_too() {
    let portable = tables(Isa::Portable);
    for isa in Isa::available() {
        for ((table, _), (reference, _)) in tables(isa).iter().zip(&portable) {
            let (modulus, len) = (table.modulus(), table.twiddles.values.len());
            let (largest, q) = (vec![modulus.value() - 1; len], modulus.value());
            let single: Vec<u64> = (0..len).map(|i| u64::from(i == len / 3) * (q - 1)).collect();
            let half: Vec<u64> = (0..len).map(|i| q / 2 + i as u64 % 2).collect();
            let (a, b) = (random(modulus, len, 3), random(modulus, len, 4));
            for (slots, key) in [(&largest, &largest), (&single, &largest), (&half, &half), (&a, &largest), (&a, &half), (&a, &b)]
            {
                assert!(inverse(table, slots, key) == inverse(reference, slots, key), "{isa:?}, {modulus:?}");
            }
        }
    }
}

#[test]
fn limbs_are_added_up_modulo_the_prime_whatever_their_number_and_length() {
    for set in SETS {
        let modulus = set.primes()[0].0;
        let first = 1 << 52.min(modulus.bits() + 13);
        for (len, count) in [(1, 1), (3, 2), (8, 2), (17, 3), (64, 7)] {
            let mut rng = StdRng::seed_from_u64(len as u64);
            let limb = |rng: &mut StdRng, k: usize| {
                let below = if k == 0 { first } else { 1 << 52 };
                if rng.random() { below - 1 } else { rng.random_range(0..below) }
            };
            let limbs: Vec<u64> = (0..count * len).map(|i| limb(&mut rng, i / len)).collect();
            let factors: Vec<Factor> = random(modulus, count, 5).into_iter().map(|value| modulus.factor(value)).collect();
            let values: Vec<u64> = (0..len).map(|_| rng.random_range(0..2 * modulus.value())).collect();
            let offset = modulus.value() - 1;
            let expected = |i: usize| {
                let terms = (1..count).map(|k| u128::from(limbs[k * len + i]) * u128::from(factors[k].value));
                let sum = u128::from(values[i]) + u128::from(limbs[i]) + u128::from(offset) + terms.sum::<u128>();
                (sum % u128::from(modulus.value())) as u64
            };
            for isa in Isa::available() {
                let mut out = values.clone();
                isa.add_scaled(modulus, offset, &limbs, &factors, &mut out);
                assert!(out.iter().enumerate().all(|(i, value)| *value == expected(i)), "{isa:?}, {set:?}, {len}, {count}");
            }
        }
    }
}
