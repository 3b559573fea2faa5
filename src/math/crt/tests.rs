//! Residues, and the integers that have them, on every instruction set of this machine.

use alloc::vec::Vec;

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;
use crate::{mask::lattice::LatticeSet, math::isa::Isa};

/// An integer in limbs of 52 bits, modulo `q`.
fn residue(limbs: &[u64], modulus: Modulus) -> u64 {
    limbs.iter().rev().fold(0, |value, limb| {
        let (value, limb) = (u128::from(value), u128::from(*limb));
        u64::try_from(((value << SCALE) + limb) % u128::from(modulus.value())).unwrap()
    })
}

#[test]
fn the_integer_lifted_has_the_residues_and_is_below_the_product() {
    for set in LatticeSet::ALL {
        let (moduli, primes): (Vec<Modulus>, _) = (set.moduli().collect(), set.primes().len());
        let crt = Crt::new(moduli.iter().copied());
        let mut largest: Vec<u64> = moduli.iter().map(|modulus| modulus.value() - 1).collect();
        Isa::Portable.lift(&crt, &mut largest);
        let mut rng = StdRng::seed_from_u64(1);
        for len in [1, 7, 8, 9, 64, 101] {
            let column = |modulus: &Modulus| -> Vec<u64> {
                let q = modulus.value();
                (0..len)
                    .map(|i| [0, q - 1, q / 2][i % 7 % 3] * u64::from(i % 7 < 3) + u64::from(i % 7 >= 3) * rng.random_range(0..q))
                    .collect()
            };
            let residues: Vec<u64> = moduli.iter().flat_map(column).collect();
            let mut portable = residues.clone();
            Isa::Portable.lift(&crt, &mut portable);
            for place in 0..len {
                let limbs: Vec<u64> = (0..primes).map(|k| portable[k * len + place]).collect();
                assert!(limbs.iter().all(|limb| *limb < 1 << SCALE) && limbs.iter().rev().le(largest.iter().rev()), "{set:?}");
                for (k, modulus) in moduli.iter().enumerate() {
                    assert_eq!(residue(&limbs, *modulus), residues[k * len + place], "{set:?}, prime {k}");
                }
            }
            for isa in Isa::available() {
                let mut lifted = residues.clone();
                isa.lift(&crt, &mut lifted);
                assert!(lifted == portable, "{set:?}, {isa:?}, {len}");
            }
        }
    }
}
