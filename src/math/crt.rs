//! From residues modulo several primes to the integer, by mixed radix (Garner's algorithm; Knuth, TAOCP 2, 4.3.2).

use alloc::vec::Vec;

use super::field::{Factor, Modulus, SCALE};

/// Primes at most.
pub(crate) const MAX_PRIMES: usize = 4;

/// The primes of a modulus `Q`, `q_i < 2 q_j` for all of them.
#[derive(Clone)]
pub(crate) struct Crt {
    pub(super) moduli: Vec<Modulus>,
    /// For prime `i`: the inverses of the primes before it.
    pub(super) inverses: Vec<Vec<Factor>>,
}

impl Crt {
    pub(crate) fn new(moduli: impl Iterator<Item = Modulus>) -> Self {
        let moduli: Vec<_> = moduli.take(MAX_PRIMES).collect();
        let inverses = |(i, modulus): (usize, &Modulus)| {
            let before = moduli.iter().take(i);
            before.map(|other| modulus.factor(modulus.inverse(other.value() % modulus.value()))).collect()
        };
        let inverses = moduli.iter().enumerate().map(inverses).collect();
        Self { moduli, inverses }
    }

    pub(crate) fn primes(&self) -> usize {
        self.moduli.len()
    }

    /// The integer with these residues (below `q` each, in the order of the primes), in limbs of 52 bits in their place.
    #[inline(always)]
    pub(crate) fn lift<const P: usize>(&self, residues: [u64; P]) -> [u64; P] {
        let mut digits = residues;
        for i in 1..P {
            let (before, rest) = digits.split_at_mut(i);
            let (Some(digit), Some(modulus), Some(inverses)) = (rest.first_mut(), self.moduli.get(i), self.inverses.get(i))
            else {
                return digits;
            };
            for (other, inverse) in before.iter().zip(inverses) {
                *digit = modulus.scale(*digit + 2 * modulus.value() - other, *inverse);
            }
            *digit = modulus.settle(*digit);
        }
        let mut limbs = [0; P];
        for (digit, modulus) in digits.iter().zip(&self.moduli).rev() {
            let mut carry = u128::from(*digit);
            for limb in &mut limbs {
                carry += u128::from(*limb) * u128::from(modulus.value());
                *limb = low_limb(carry);
                carry >>= SCALE;
            }
        }
        limbs
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the low bits are what is asked for")]
#[inline(always)]
fn low_limb(carry: u128) -> u64 {
    carry as u64 & ((1 << SCALE) - 1)
}

#[cfg(test)]
mod tests;
