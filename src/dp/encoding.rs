//! The parameters of the private encoding, and what they promise (docs/privacy.md, sections 3 to 6).

use core::ops::RangeInclusive;

use super::{
    noise::{DISTANCE_LOG2, NoiseLaw, Sampler},
    tail::Spread,
};
use crate::{error::PrivacyError, math::ring::Ring};

/// Attempts at rounding. With a slack of `e^(-1/2)` all of them fail with a probability below 2^-64.
pub(super) const ATTEMPTS: u32 = 90;
/// Binary logarithm of the probability of each of the failures of section 8.
pub(super) const FAILURE_LOG2: f64 = -64.0;
/// Largest `clip * scale`.
pub(super) const MAX_LEVELS: f64 = 1_073_741_824.0;
/// Smallest scale, `2^-128`: the values of any sum of words are finite. No plan comes near it.
const MIN_SCALE: f64 = 1.0 / 340_282_366_920_938_463_463_374_607_431_768_211_456.0;
/// Binary logarithms of the block of a rotation.
pub(super) const LOG2_BLOCKS: RangeInclusive<u8> = 6..=16;
/// Longest vector.
const MAX_LENGTH: u64 = 1 << 40;

/// How scaled values become integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "the two of docs/privacy.md")]
pub enum Rounding {
    /// Once, with the larger norm bound `(clip * scale + sqrt(D))^2`; unbiased.
    Plain,
    /// Again until the norm is within its bound (Kairouz, Liu and Steinke, 2021, Algorithm 1): at most 2.6 attempts on
    /// average, and close to one where the scale is fine.
    Conditional,
}

/// Which noise the clients add.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "those of docs/privacy.md for vectors")]
pub enum Mechanism {
    /// The default: the sum of the shares of any `m` clients is again a Skellam variable, of `m` times the variance.
    Skellam,
    /// Lighter tails, but the sum is only close to a discrete Gaussian; each share needs a variance of at least 1.
    DiscreteGaussian,
    /// Pure differential privacy: Pólya shares that make up discrete Laplace noise. For counts and other short vectors: the noise follows
    /// the L1 sensitivity, which is up to `sqrt(D)` times the L2 sensitivity.
    DiscreteLaplaceShares,
}

/// Weights: the vector `(w x, unit * w)` is clipped as one.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(clippy::exhaustive_structs, reason = "parameters")]
pub struct Weights {
    /// The largest weight, public.
    pub max: u32,
    /// What a weight of one counts for in the norm, in units of the values. With `clip / (sqrt(2) max)` a client of the largest weight
    /// may have values of that norm.
    pub unit: f64,
}

/// What a round releases, in the plain numbers that an accountant needs: integer units, zero-out neighbours (docs/privacy.md, section 2).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Release {
    /// The law of one client's noise.
    pub law: NoiseLaw,
    /// Clients that were asked.
    pub clients: u32,
    /// Survivors whose noise the adversary does not know.
    pub honest: u32,
    /// Squared L2 sensitivity.
    pub l2_squared: u64,
    /// L1 sensitivity.
    pub l1: u64,
    /// Coordinates, padding included.
    pub dimension: u64,
    /// Total variation between the encoders that run and the mechanism: add `(1 + e^epsilon)` times it to delta.
    pub failure: f64,
}

impl Release {
    /// What to add to the delta of a round that is `(epsilon, delta)`-private with the exact mechanism (section 8).
    #[must_use]
    pub fn added_delta(&self, epsilon: f64) -> f64 {
        (1.0 + libm::exp(epsilon)) * self.failure
    }
}

/// Makes one client's vector ready for a differentially private sum, and the sum readable.
///
/// Parameters come from [`Encoding::plan`] or from a description. They are public and the same for all clients.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoding {
    pub(super) length: u64,
    pub(super) clip: f64,
    pub(super) scale: f64,
    pub(super) ring: Ring,
    pub(super) log2_block: u8,
    pub(super) rounding: Rounding,
    pub(super) l2_squared: u64,
    pub(super) law: NoiseLaw,
    pub(super) clients: u32,
    pub(super) honest: u32,
    pub(super) weights: Option<Weights>,
    pub(super) max_abs: Option<u64>,
    pub(super) round: u64,
    pub(super) rotation_seed: [u8; 32],
}

impl Encoding {
    /// Values of a vector.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Words of a vector: the values, the weight, padding.
    #[must_use]
    pub fn vector_len(&self) -> u64 {
        padded(self.length + u64::from(self.weights.is_some()), self.log2_block)
    }

    /// Where the weight is in a decoded vector; `None` without weights.
    #[must_use]
    pub fn weight_position(&self) -> Option<u64> {
        self.weights.map(|_| self.length)
    }

    /// The parameters of weighting.
    #[must_use]
    pub fn weights(&self) -> Option<Weights> {
        self.weights
    }

    /// The ring of the words.
    #[must_use]
    pub fn ring(&self) -> Ring {
        self.ring
    }

    /// The largest L2 norm of a vector after clipping, its weight included.
    #[must_use]
    pub fn clip(&self) -> f64 {
        self.clip
    }

    /// Levels per unit.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Largest absolute value of a centred word, where words do not wrap.
    #[must_use]
    pub fn max_abs(&self) -> Option<u64> {
        self.max_abs
    }

    /// Values that are rotated together; 1 without rotation.
    #[must_use]
    pub fn block(&self) -> u64 {
        1 << self.log2_block
    }

    /// The same for another round: another rotation.
    #[must_use]
    pub fn for_round(&self, round: u64) -> Self {
        Self { round, ..self.clone() }
    }

    /// The sampler of the noise. Building its tables takes long beside one draw: keep it for all vectors.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] if the law has no sampler.
    pub fn sampler(&self) -> Result<Sampler, PrivacyError> {
        Sampler::new(self.law)
    }

    /// What a round releases whatever happens, if the protocol keeps its promise: the noise of the least number of honest survivors.
    #[must_use]
    pub fn release(&self) -> Release {
        self.release_with(self.honest)
    }

    /// What a round releases if the noise of `honest` survivors is unknown to the adversary. Nobody can check such a number.
    #[must_use]
    pub fn release_with(&self, honest: u32) -> Release {
        let dimension = self.vector_len();
        let l1 = one_norm(self.l2_squared, dimension);
        let failures = f64::from(u8::from(self.rounding == Rounding::Conditional) + u8::from(self.max_abs.is_some()));
        let draws = f64::from(honest) * float(dimension);
        let failure = failures * libm::exp2(FAILURE_LOG2) + draws * libm::exp2(f64::from(DISTANCE_LOG2));
        Release { law: self.law, clients: self.clients, honest, l2_squared: self.l2_squared, l1, dimension, failure }
    }

    /// Binary logarithm of a bound on the probability that any word of the sums of `rounds` rounds wraps (section 7).
    #[must_use]
    pub fn log2_wrap(&self, rounds: u64) -> f64 {
        let (clients, levels) = (f64::from(self.clients), self.clip * self.scale);
        let holds = float(self.ring.max() >> 1);
        if let Some(max_abs) = self.max_abs {
            return if clients * float(max_abs) <= holds { f64::NEG_INFINITY } else { 0.0 };
        }
        let noise = Spread::noise(self.law, self.clients);
        let (spread, offset) = if self.log2_block == 0 {
            (noise, clients * (libm::floor(levels) + 1.0))
        } else {
            (noise.plus(clients * clients * levels * levels / float(self.block())), clients)
        };
        spread.log2_beyond(holds - offset, float(rounds) * float(self.vector_len()))
    }

    /// Checks everything that privacy rests on, except how much noise there is: [`Encoding::release`] says that.
    ///
    /// # Errors
    /// [`PrivacyError`] names the parameter.
    pub(super) fn check(&self) -> Result<(), PrivacyError> {
        let levels = self.clip * self.scale;
        let smallest = 1.0 / float(u64::MAX);
        require("length", "between 1 and 2^40", float(self.length), (1..=MAX_LENGTH).contains(&self.length))?;
        require("clip", "between 2^-64 and 2^64", self.clip, self.clip >= smallest && self.clip <= float(u64::MAX))?;
        let scale = self.scale >= MIN_SCALE && levels <= MAX_LEVELS;
        require("scale", "at least 2^-128, and at most 2^30 / clip", self.scale, scale)?;
        let block = self.log2_block == 0 || LOG2_BLOCKS.contains(&self.log2_block);
        require("block", "1, or a power of two between 2^6 and 2^16", libm::exp2(f64::from(self.log2_block)), block)?;
        require("honest", "between 1 and clients", f64::from(self.honest), (1..=self.clients).contains(&self.honest))?;
        let least = norm_bound(levels, self.vector_len(), self.rounding);
        let enough = least.is_some_and(|least| self.l2_squared >= least);
        require("l2_squared", "at least the bound of section 5", float(self.l2_squared), enough)?;
        if let Some(Weights { max, unit }) = self.weights {
            require("max_weight", "at least 1", f64::from(max), max >= 1)?;
            require("weight_unit", "positive and finite", unit, unit > 0.0 && unit.is_finite())?;
        }
        self.check_law()?;
        let max_abs = self.max_abs.unwrap_or(u64::MAX);
        let least = self.least_max_abs();
        require(
            "max_abs",
            "beyond all noise except with probability 2^-64",
            float(max_abs),
            least.is_none_or(|least| max_abs >= least),
        )
    }

    fn check_law(&self) -> Result<(), PrivacyError> {
        match self.law {
            NoiseLaw::Skellam { .. } => Ok(()),
            NoiseLaw::DiscreteGaussian { variance } => {
                let large = variance.numerator() >= variance.denominator();
                require("noise_multiplier", "so large that a discrete Gaussian share has variance 1", variance.to_f64(), large)
            }
            NoiseLaw::LaplaceShare { shares, .. } => {
                require("shares", "the least number of honest survivors", f64::from(shares), shares == self.honest)
            }
            NoiseLaw::DiscreteLaplace { .. } => require("mechanism", "one with shares", f64::NAN, false),
        }
    }

    /// Variance of one client's noise, at most.
    pub(super) fn variance(&self) -> f64 {
        match self.law {
            NoiseLaw::Skellam { variance } | NoiseLaw::DiscreteGaussian { variance } => variance.to_f64(),
            // 2 r q / (1 - q)^2 with r = 1 / shares
            NoiseLaw::LaplaceShare { noise_parameter, shares } => {
                0.5 / (f64::from(shares) * libm::pow(libm::sinh(noise_parameter.to_f64() / 2.0), 2.0))
            }
            NoiseLaw::DiscreteLaplace { .. } => f64::NAN,
        }
    }

    /// The least bound on words that is passed with a small enough probability by all clients together; `None` if words wrap.
    pub(super) fn least_max_abs(&self) -> Option<u64> {
        self.max_abs?;
        let draws = f64::from(self.clients) * float(self.vector_len());
        let noise = Spread::noise(self.law, 1).reach(FAILURE_LOG2, draws).unwrap_or(u64::MAX);
        Some(noise.saturating_add(self.l2_squared.isqrt()))
    }
}

/// The largest squared L2 norm of `dimension` integers that were rounded from a vector of norm `levels` (section 5), rounded up.
pub(super) fn norm_bound(levels: f64, dimension: u64, rounding: Rounding) -> Option<u64> {
    let dimension = float(dimension);
    let root = libm::sqrt(dimension);
    let plain = (levels + root) * (levels + root);
    let bound = match rounding {
        Rounding::Plain => plain,
        Rounding::Conditional => plain.min(levels * levels + dimension / 4.0 + (levels + root / 2.0)),
    };
    let bound = libm::ceil(bound * (1.0 + 8.0 * f64::EPSILON));
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an integer in range")]
    (bound < float(1 << 62)).then_some(bound as u64)
}

/// The largest L1 norm of `dimension` integers of this squared L2 norm, at most (section 5).
pub(super) fn one_norm(l2_squared: u64, dimension: u64) -> u64 {
    let root = (u128::from(dimension) * u128::from(l2_squared)).isqrt();
    u64::try_from(root).unwrap_or(u64::MAX).min(l2_squared)
}

/// `coordinates`, rounded up to whole blocks.
pub(super) fn padded(coordinates: u64, log2_block: u8) -> u64 {
    let mask = (1 << log2_block) - 1;
    coordinates.saturating_add(mask) & !mask
}

#[allow(clippy::cast_precision_loss, reason = "counts are below 2^53 or serve as bounds of ranges")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

pub(super) fn require(knob: &'static str, expected: &'static str, got: f64, holds: bool) -> Result<(), PrivacyError> {
    if holds { Ok(()) } else { Err(PrivacyError::Parameter { knob, expected, got }) }
}
