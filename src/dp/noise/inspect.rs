//! What tables are built from, for test vectors.

use alloc::vec::Vec;

use super::weights::Weights;

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
