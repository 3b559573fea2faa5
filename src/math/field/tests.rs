//! Lazy residues at the ends of their ranges.

use alloc::vec::Vec;

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;
use crate::mask::lattice::LatticeSet;

/// Every prime in use.
fn moduli() -> Vec<Modulus> {
    LatticeSet::ALL.iter().flat_map(|set| set.moduli()).collect()
}

fn numbers(below: u64, seed: u64) -> impl Iterator<Item = u64> {
    let mut rng = StdRng::seed_from_u64(seed);
    let random: Vec<u64> = (0..200).map(|_| rng.random_range(0..below)).collect();
    [0, 1, 2, below / 2, below - 2, below - 1].into_iter().chain(random)
}

#[test]
fn a_quotient_is_that_of_the_division() {
    for modulus in moduli() {
        for value in numbers(modulus.value(), 1) {
            let quotient = (u128::from(value) << SCALE) / u128::from(modulus.value());
            assert_eq!(u128::from(modulus.factor(value).quotient), quotient, "{value}, {modulus:?}");
        }
    }
}

#[test]
fn lazy_operations_are_congruent_and_stay_in_their_bounds() {
    for modulus in moduli() {
        let q = modulus.value();
        for factor in numbers(q, 2) {
            for x in numbers(1 << SCALE, 3) {
                let product = modulus.scale(x, modulus.factor(factor));
                assert!(product < 2 * q && product % q == modulus.product(x, factor), "{x} {factor} {modulus:?}");
                assert_eq!(modulus.settle(product), product % q);
            }
        }
        for x in numbers(u64::MAX >> (50 - modulus.bits()), 4) {
            let folded = modulus.fold(x);
            assert!(folded < 2 * q && folded % q == x % q, "{x} {modulus:?}");
        }
    }
}

#[test]
fn powers_and_inverses_are_those_of_the_field() {
    for modulus in moduli() {
        for value in numbers(modulus.value(), 5).filter(|value| *value > 0) {
            assert_eq!(modulus.product(value, modulus.inverse(value)), 1);
            assert_eq!(modulus.power(value, 3), modulus.product(value, modulus.product(value, value)));
        }
    }
}
