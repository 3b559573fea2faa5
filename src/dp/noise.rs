//! Exact integer noise (docs/privacy.md, section 13).
//!
//! Every draw has the documented law up to a total-variation distance of 2^-96, which is certified when the tables are built
//! ([`DISTANCE_LOG2`]). Parameters are rational, draws are integers, and no floating-point number stands between the secret seed and the
//! noise. Nothing is ever rejected: each coordinate takes a number of words that only the law determines.
//!
//! # Proof
//! - [`NoiseLaw`] -> parts: a wide law is the sum of independent narrow ones on coarser and coarser multiples (`plan.rs`: Poisson's
//!   summation; for the discrete Laplace law the identity is exact).
//! - Part -> weights: each probability is rounded down in interval arithmetic, and what is missing from 1 goes to zero, so the
//!   distance is at most what is missing (`weights.rs`).
//! - Weights -> draws: the weights are integers of sum 2^128, and a table gives each value for exactly as many of the 2^128 pairs of a
//!   word and its extension as its weight says (`alias.rs`, `scan.rs`).
//! - Words: AES-256-CTR under a key for each block of coordinates, derived from the seed; this is the one computational assumption.

mod alias;
#[cfg(any(test, feature = "hazmat"))]
pub(crate) mod exact;
mod fixed;
#[cfg(feature = "hazmat")]
pub(crate) mod inspect;
mod interval;
mod law;
mod plan;
mod scan;
mod seed;
mod weights;

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "tests")]
mod tests;

use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroize;

use self::{alias::Alias, plan::Limits, scan::Scan, weights::Weights};
use crate::{crypto::prg::BlockKey, error::PrivacyError};

pub use self::{
    law::{NoiseLaw, Rational},
    seed::NoiseSeed,
};

/// Coordinates under one key. Their noise does not depend on how many of them are asked for, nor on the order of blocks.
pub const NOISE_BLOCK: usize = 1 << 12;

/// Every coordinate's noise is within total-variation distance 2^`DISTANCE_LOG2` of its law, independent of all others.
///
/// A release of `d` coordinates that is `(epsilon, delta)`-private with the exact law is `(epsilon, delta + (1 + e^epsilon) d 2^-96)`-private
/// with this noise.
pub const DISTANCE_LOG2: i32 = -96;

/// Words that are drawn from at a time: they and a table stay in the first-level cache.
const BUFFER: usize = 1 << 9;
/// The second words of a block's draws follow here, in keystream words.
const EXTENSION: u64 = 1 << 32;

/// Tables of a few thousand values, which stay in the second-level cache.
const FAST: Limits = Limits { variance: 1 << 15, scale: 28, base: 2048 };
/// Tables of up to some 250 magnitudes, every one of which is compared.
const CONSTANT_TIME: Limits = Limits { variance: 700, scale: 2, base: 96 };

/// Draws noise of one law; built once, then shared by all threads.
///
/// # Security
/// Time and memory access never depend on the values that noise is added to, and no branch and no number of steps on the noise. What does
/// depend on it:
/// - [`Sampler::new`]: which entries of a table are read. Whoever shares the processor's caches may learn about the noise, and so about
///   the values. One draw in 2^32 makes its 512 neighbours and itself take second words.
/// - [`Sampler::constant_time`]: nothing, but that one draw in about 2^55 makes its neighbours and itself take second words.
pub struct Sampler {
    law: NoiseLaw,
    components: Vec<Component>,
}

/// A table that is drawn from once for each factor.
struct Component {
    table: Table,
    factors: Vec<i64>,
}

enum Table {
    Alias(Alias),
    Scan(Scan),
}

impl Sampler {
    /// Builds tables for fast draws, whose addresses depend on the noise.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] for a parameter outside the range documented at [`NoiseLaw`], and for a
    /// [`NoiseLaw::LaplaceShare`] with a noise parameter below about 1/3500, whose table would be too large.
    pub fn new(law: NoiseLaw) -> Result<Self, PrivacyError> {
        Self::build(law, FAST, |weights| Alias::new(weights).map(Table::Alias))
    }

    /// Builds tables of which each draw reads every entry: for machines that share a cache with others. Wide laws take more parts; a
    /// [`NoiseLaw::LaplaceShare`] reads some `70 / noise_parameter` entries, twice.
    ///
    /// # Errors
    /// As [`Sampler::new`].
    pub fn constant_time(law: NoiseLaw) -> Result<Self, PrivacyError> {
        Self::build(law, CONSTANT_TIME, |weights| Some(Table::Scan(Scan::new(weights))))
    }

    /// The law.
    #[must_use]
    pub fn law(&self) -> NoiseLaw {
        self.law
    }

    /// Adds the noise of coordinates `block * NOISE_BLOCK ..` to `values`, modulo 2^64. More than one block may be given at once, and
    /// the last may be short.
    pub fn add(&self, seed: &NoiseSeed, block: u64, values: &mut [i64]) {
        let stream = seed.stream();
        let (mut words, mut draws) = ([0; BUFFER], [0; BUFFER]);
        for (index, values) in values.chunks_mut(NOISE_BLOCK).enumerate() {
            let key = stream.noise_key(block.wrapping_add(index as u64));
            self.add_block(&key, &mut words, &mut draws, values);
        }
        words.zeroize();
        draws.zeroize();
    }

    fn add_block<'a>(&'a self, key: &BlockKey, words: &mut [u64; BUFFER], draws: &mut [i64; BUFFER], values: &mut [i64]) {
        let factors = |component: &'a Component| component.factors.iter().map(|factor| (&component.table, *factor));
        for (start, values) in (0_u64..).step_by(BUFFER).zip(values.chunks_mut(BUFFER)) {
            let (words, _) = words.split_at_mut(values.len());
            let (draws, _) = draws.split_at_mut(values.len());
            for (first, (table, factor)) in (start..).step_by(NOISE_BLOCK).zip(self.components.iter().flat_map(factors)) {
                words.fill(0);
                key.apply(first, words, false);
                if table.draw(words, draws) {
                    table.resolve(key, first, words, draws);
                }
                for (value, draw) in values.iter_mut().zip(&*draws) {
                    *value = value.wrapping_add(draw.wrapping_mul(factor));
                }
            }
        }
    }

    fn build(law: NoiseLaw, limits: Limits, table: impl Fn(&Weights) -> Option<Table>) -> Result<Self, PrivacyError> {
        law.check()?;
        let parts = parts(law, limits).ok_or_else(|| law.too_large())?;
        let mut missing = 1_u128 << (128 - plan::SMOOTHING_BITS);
        let mut components = Vec::with_capacity(parts.len());
        for (weights, factors) in parts {
            missing += weights.missing * factors.len() as u128;
            components.push(Component { table: table(&weights).ok_or_else(|| law.too_large())?, factors });
        }
        let close = missing.leading_zeros() >= DISTANCE_LOG2.unsigned_abs();
        if close { Ok(Self { law, components }) } else { Err(law.too_large()) }
    }
}

/// Weights whose draws, times the factors, add up to the law.
fn parts(law: NoiseLaw, limits: Limits) -> Option<Vec<(Weights, Vec<i64>)>> {
    let factor = |step: u64| i64::try_from(step).ok().map(|step| alloc::vec![step]);
    match law {
        NoiseLaw::Skellam { variance } => plan::gaussian(variance, limits)?
            .into_iter()
            .map(|part| Some((Weights::skellam(part.numerator, part.denominator, part.step)?, factor(part.step)?)))
            .collect(),
        NoiseLaw::DiscreteGaussian { variance } => plan::gaussian(variance, limits)?
            .into_iter()
            .map(|part| Some((Weights::gaussian(part.numerator, part.denominator, part.step)?, factor(part.step)?)))
            .collect(),
        NoiseLaw::DiscreteLaplace { noise_parameter } => {
            let digits = plan::laplace(noise_parameter, limits)?;
            let low = digits.low.into_iter().map(|(part, base)| {
                Some((Weights::digit_difference(part.numerator, part.denominator, base)?, factor(part.step)?))
            });
            let high = digits.high;
            let high = Some((Weights::laplace(high.numerator, high.denominator)?, factor(high.step)?));
            low.chain([high]).collect()
        }
        NoiseLaw::LaplaceShare { noise_parameter, shares } => {
            let weights = Weights::polya(noise_parameter.numerator(), noise_parameter.denominator(), shares)?;
            Some(alloc::vec![(weights, alloc::vec![1, -1])])
        }
    }
}

impl Table {
    /// Writes one draw for each word; whether some are left open.
    fn draw(&self, words: &[u64], draws: &mut [i64]) -> bool {
        match self {
            Self::Alias(table) => table.draw(words, draws),
            Self::Scan(table) => table.draw(words, draws),
        }
    }

    /// Writes the draws again, all with second words, for words from the keystream word `first` on.
    #[cold]
    fn resolve(&self, key: &BlockKey, first: u64, words: &[u64], draws: &mut [i64]) {
        let mut extensions = [0; BUFFER];
        key.apply(EXTENSION + first, &mut extensions, false);
        for ((draw, word), extension) in draws.iter_mut().zip(words).zip(extensions) {
            *draw = match self {
                Self::Alias(table) => table.resolve(*word, extension),
                Self::Scan(table) => table.resolve(*word, extension),
            };
        }
        extensions.zeroize();
    }
}

impl fmt::Debug for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sampler").field("law", &self.law).finish_non_exhaustive()
    }
}
