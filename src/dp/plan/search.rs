//! The search for a scale: how fine it may be, how coarse it must be, and what encoding it makes (docs/privacy.md, section 9).

use super::{MAX_INFLATION, Planner};
use crate::{
    dp::encoding::{Encoding, LOG2_BLOCKS, MAX_LEVELS, Mechanism, float, norm_bound, padded, require},
    error::PrivacyError,
    math::ring::Ring,
};

/// Steps of a bisection of scales.
const STEPS: usize = 64;
/// Bits of a scale that are kept.
const SCALE_BITS: u32 = 16;
const NO_SCALE: PrivacyError = PrivacyError::Unreachable { knob: "scale", reason: "lower `noise_multiplier` or `length`" };

impl Planner {
    /// Everything that the search below takes for granted.
    pub(super) fn check(&self) -> Result<(), PrivacyError> {
        let threshold = (1..=self.clients).contains(&self.threshold);
        require("threshold", "between 1 and clients", f64::from(self.threshold), threshold)?;
        require("colluders", "less than threshold", f64::from(self.colluders), self.colluders < self.threshold)?;
        let usable = self.noise_multiplier > 0.0 && self.noise_multiplier.is_finite();
        require("noise_multiplier", "positive and finite", self.noise_multiplier, usable)?;
        require("bits", "between 2 and 64", f64::from(self.bits), Ring::new(self.bits).is_some())?;
        require("log2_wrap", "negative", f64::from(self.log2_wrap), self.log2_wrap < 0)?;
        require("rounds", "at least 1", 0.0, self.rounds >= 1)?;
        let block = self.log2_block.is_none_or(|log2| LOG2_BLOCKS.contains(&log2));
        require("block", "a power of two between 2^6 and 2^16", f64::from(self.log2_block.unwrap_or(0)), block)?;
        require("clip", "positive and finite", self.clip, self.clip > 0.0 && self.clip.is_finite())?;
        require("length", "between 1 and 2^40", float(self.length), (1..=1 << 40).contains(&self.length))
    }

    pub(super) fn coordinates(&self) -> u64 {
        self.length + u64::from(self.weights.is_some())
    }

    /// The block of the rotation: not much longer than the vector.
    pub(super) fn block(&self) -> u8 {
        let bits = u64::BITS - (self.coordinates() - 1).leading_zeros();
        let whole = u8::try_from(bits).unwrap_or(u8::MAX).max(*LOG2_BLOCKS.start());
        self.log2_block.map_or(0, |log2| log2.min(whole))
    }

    /// The finest scale that is of use, and that fits into the integers of the sampler.
    fn finest(&self) -> Result<f64, PrivacyError> {
        let root = libm::sqrt(float(padded(self.coordinates(), self.block())));
        let levels = f64::max(64.0 * root, 4096.0).min(MAX_LEVELS / 2.0).min(MAX_LEVELS / self.noise_multiplier / 4.0);
        let finest = short(levels / self.clip);
        let usable = finest.is_normal() && self.inflation(finest) <= MAX_INFLATION;
        if usable { Ok(finest) } else { Err(NO_SCALE) }
    }

    /// The coarsest scale at which rounding does not dominate, and the finest: between them the noise has a sampler and a theorem.
    pub(super) fn scales(&self) -> Result<(f64, f64), PrivacyError> {
        let finest = self.finest()?;
        let coarsest = bisect(finest, finest * 1e-12, |scale| self.inflation(scale) <= MAX_INFLATION);
        let unreachable = |reason| PrivacyError::Unreachable { knob: "scale", reason };
        match self.mechanism {
            Mechanism::Skellam => Ok((coarsest, finest)),
            Mechanism::DiscreteGaussian => {
                let large = |scale| self.candidate(scale, self.bits).is_ok_and(|encoding| encoding.variance() >= 1.0);
                let reason = "discrete Gaussian shares need a variance of 1: use Skellam";
                if large(finest) { Ok((bisect(finest, coarsest, large), finest)) } else { Err(unreachable(reason)) }
            }
            Mechanism::DiscreteLaplaceShares => {
                let narrow = |scale| self.candidate(scale, self.bits).is_ok();
                let reason = "Laplace shares are for short vectors: lower `noise_multiplier` or `length`, or use Skellam";
                if narrow(coarsest) { Ok((coarsest, bisect(coarsest, finest, narrow))) } else { Err(unreachable(reason)) }
            }
        }
    }

    fn l2_squared(&self, scale: f64) -> Option<u64> {
        norm_bound(self.clip * scale, padded(self.coordinates(), self.block()), self.rounding)
    }

    fn inflation(&self, scale: f64) -> f64 {
        self.l2_squared(scale).map_or(f64::INFINITY, |squared| libm::sqrt(float(squared)) / (self.clip * scale))
    }

    /// Whether no word wraps at this scale, and rounding does not dominate: the norm bound is an integer, so of coarse scales a finer one may be
    /// worse.
    pub(super) fn holds(&self, scale: f64, bits: u8) -> bool {
        self.inflation(scale) <= MAX_INFLATION
            && self.candidate(scale, bits).is_ok_and(|encoding| encoding.log2_wrap(self.rounds) <= f64::from(self.log2_wrap))
    }

    /// The encoding with this scale; it may wrap.
    pub(super) fn candidate(&self, scale: f64, bits: u8) -> Result<Encoding, PrivacyError> {
        let (Some(l2_squared), Some(ring)) = (self.l2_squared(scale), Ring::new(bits)) else { return Err(NO_SCALE) };
        let mut encoding = Encoding {
            length: self.length,
            clip: self.clip,
            scale,
            ring,
            log2_block: self.block(),
            rounding: self.rounding,
            l2_squared,
            law: self.law(l2_squared).ok_or(NO_SCALE)?,
            clients: self.clients,
            honest: self.honest(),
            weights: self.weights,
            max_abs: self.bounded.then_some(0),
            round: 0,
            rotation_seed: self.rotation_seed,
        };
        encoding.max_abs = encoding.least_max_abs();
        Ok(encoding)
    }
}

/// The scale between `good` and `bad` that is closest to `bad` and still good, with a short mantissa.
pub(super) fn bisect(mut good: f64, mut bad: f64, is_good: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..STEPS {
        let middle = short(libm::sqrt(good) * libm::sqrt(bad));
        if middle == good || middle == bad {
            break;
        }
        *(if is_good(middle) { &mut good } else { &mut bad }) = middle;
    }
    good
}

/// A number with its last bits cut off.
fn short(number: f64) -> f64 {
    f64::from_bits(number.to_bits() & (u64::MAX << (52 - SCALE_BITS)))
}
