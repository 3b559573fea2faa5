//! What tables are built from, for test vectors.

use alloc::vec::Vec;
use core::fmt;

use super::{
    CONSTANT_TIME, EXTENSION, FAST, NOISE_BLOCK, NoiseLaw, NoiseSeed, Table, alias::Alias, scan::Scan, weights::Weights,
};

/// The weights of `0, 1, 2, ..` in units of 2^-128, for one table of one law.
///
/// Every weight is the law's probability rounded down, but for that of zero, which takes what is missing from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoiseWeights {
    /// Whether `-j` weighs as much as `j`; else negative values have no weight.
    pub symmetric: bool,
    /// The weights of the values from zero on.
    pub half: Vec<u128>,
    /// What was added to the weight of zero.
    pub missing: u128,
}

impl NoiseWeights {
    /// The Skellam law of variance `numerator / denominator` on the multiples of `step`; `None` where no table can be built.
    #[must_use]
    pub fn skellam(numerator: u64, denominator: u64, step: u64) -> Option<Self> {
        Weights::skellam(numerator, denominator, step).map(Self::from)
    }

    /// The discrete Gaussian law; as [`NoiseWeights::skellam`].
    #[must_use]
    pub fn gaussian(numerator: u64, denominator: u64, step: u64) -> Option<Self> {
        Weights::gaussian(numerator, denominator, step).map(Self::from)
    }

    /// The discrete Laplace law of noise parameter `numerator / denominator`.
    #[must_use]
    pub fn laplace(numerator: u64, denominator: u64) -> Option<Self> {
        Weights::laplace(numerator, denominator).map(Self::from)
    }

    /// The Pólya law of a share of it.
    #[must_use]
    pub fn polya(numerator: u64, denominator: u64, shares: u32) -> Option<Self> {
        Weights::polya(numerator, denominator, shares).map(Self::from)
    }

    /// The difference of the last digits, to this base, of two geometric variables.
    #[must_use]
    pub fn digit_difference(numerator: u64, denominator: u64, base: usize) -> Option<Self> {
        Weights::digit_difference(numerator, denominator, base).map(Self::from)
    }
}

impl From<Weights> for NoiseWeights {
    fn from(weights: Weights) -> Self {
        Self { symmetric: weights.symmetric, half: weights.half, missing: weights.missing }
    }
}

/// One table of a law's, which is drawn from once for each coordinate.
pub struct NoisePart {
    /// What its draws are multiplied with.
    pub factor: i64,
    /// The number of weights.
    pub magnitudes: usize,
    table: Table,
}

impl NoisePart {
    /// The parts of a law, in the order in which a fast or a constant-time [`super::Sampler`] draws them; `None` where one can not be built.
    #[must_use]
    pub fn all(law: NoiseLaw, constant_time: bool) -> Option<Vec<Self>> {
        law.check().ok()?;
        let mut all = Vec::new();
        for (weights, factors) in super::parts(law, if constant_time { CONSTANT_TIME } else { FAST })? {
            for factor in factors {
                let table = if constant_time { Table::Scan(Scan::new(&weights)) } else { Table::Alias(Alias::new(&weights)?) };
                all.push(Self { factor, magnitudes: weights.half.len(), table });
            }
        }
        Some(all)
    }

    /// The draw of a first word alone; `None` where it is left open.
    #[must_use]
    pub fn draw(&self, first: u64) -> Option<i64> {
        let mut drawn = [0];
        let open = self.table.draw(&[first], &mut drawn);
        let [drawn] = drawn;
        (!open).then_some(drawn)
    }

    /// The draw of a first and a second word.
    #[must_use]
    pub fn resolve(&self, first: u64, second: u64) -> i64 {
        match &self.table {
            Table::Alias(table) => table.resolve(first, second),
            Table::Scan(table) => table.resolve(first, second),
        }
    }
}

impl fmt::Debug for NoisePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoisePart").field("factor", &self.factor).field("magnitudes", &self.magnitudes).finish_non_exhaustive()
    }
}

/// The first and the second word that part number `part` draws from at place `offset` of a block.
#[must_use]
pub fn noise_words(seed: &NoiseSeed, block: u64, part: u64, offset: u64) -> (u64, u64) {
    let key = seed.stream().noise_key(block);
    let at = part.wrapping_mul(NOISE_BLOCK as u64).wrapping_add(offset);
    let word = |place: u64| {
        let mut words = [0_u64];
        key.fill(place, &mut words);
        let [word] = words;
        word
    };
    (word(at), word(EXTENSION.wrapping_add(at)))
}
