//! The choice of scale and noise, or the reason why there is none (docs/privacy.md, section 9).

use super::{
    encoding::{Encoding, Mechanism, Release, Rounding, Weights, float},
    noise::NoiseLaw,
};
use crate::error::PrivacyError;

mod law;
mod search;

use search::bisect;

/// Default block of a rotation: in the first cache of a processor.
const LOG2_BLOCK: u8 = 12;
/// Default of the probability that any word of any round wraps.
const LOG2_WRAP: i32 = -20;
/// By how much rounding may raise the noise.
const MAX_INFLATION: f64 = 2.0;

/// What is wanted of an encoding; [`Planner::plan`] finds its scale and its noise.
#[derive(Clone, Debug)]
pub struct Planner {
    clients: u32,
    threshold: u32,
    colluders: u32,
    length: u64,
    clip: f64,
    noise_multiplier: f64,
    bits: u8,
    mechanism: Mechanism,
    rounding: Rounding,
    log2_block: Option<u8>,
    weights: Option<Weights>,
    bounded: bool,
    rounds: u64,
    log2_wrap: i32,
    rotation_seed: [u8; 32],
}

impl Encoding {
    /// The scale and the noise for `clients` clients, of which `threshold` survive and `colluders` may tell their noise to the server, with
    /// vectors of `length` values that are clipped to the L2 norm `clip`.
    ///
    /// The noise of any `threshold - colluders` clients has a standard deviation of at least `noise_multiplier` times the L2 sensitivity.
    /// With [`Mechanism::DiscreteLaplaceShares`] their noise has a scale of `noise_multiplier` times the L1 sensitivity, and epsilon is at
    /// most `1 / noise_multiplier`.
    ///
    /// Words have `bits` bits. Skellam noise, conditional rounding, a rotation, no weights, one round: [`Encoding::planner`] changes that.
    ///
    /// # Errors
    /// As [`Planner::plan`].
    pub fn plan(
        clients: u32,
        threshold: u32,
        colluders: u32,
        length: u64,
        clip: f64,
        noise_multiplier: f64,
        bits: u8,
    ) -> Result<Plan, PrivacyError> {
        Self::planner(clients, threshold, colluders, length, clip, noise_multiplier, bits).plan()
    }

    /// [`Encoding::plan`], with more to choose.
    #[must_use]
    pub fn planner(
        clients: u32,
        threshold: u32,
        colluders: u32,
        length: u64,
        clip: f64,
        noise_multiplier: f64,
        bits: u8,
    ) -> Planner {
        Planner {
            clients,
            threshold,
            colluders,
            length,
            clip,
            noise_multiplier,
            bits,
            mechanism: Mechanism::Skellam,
            rounding: Rounding::Conditional,
            log2_block: Some(LOG2_BLOCK),
            weights: None,
            bounded: false,
            rounds: 1,
            log2_wrap: LOG2_WRAP,
            rotation_seed: [0; 32],
        }
    }
}

impl Planner {
    /// The law of the noise. Default: Skellam.
    #[must_use]
    pub fn mechanism(self, mechanism: Mechanism) -> Self {
        Self { mechanism, ..self }
    }

    /// Default: conditional.
    #[must_use]
    pub fn rounding(self, rounding: Rounding) -> Self {
        Self { rounding, ..self }
    }

    /// Rotates blocks of `2^log2_block` values, 6 to 16, or with `None` nothing. Default: 12, and less for short vectors.
    #[must_use]
    pub fn rotation(self, log2_block: Option<u8>) -> Self {
        Self { log2_block, ..self }
    }

    /// Clients have weights. Default: no.
    #[must_use]
    pub fn weights(self, weights: Weights) -> Self {
        Self { weights: Some(weights), ..self }
    }

    /// Words are bounded integers that never wrap, for masks that need them: [`Encoding::max_abs`]. Takes more bits. Default: no.
    #[must_use]
    pub fn bounded(self) -> Self {
        Self { bounded: true, ..self }
    }

    /// Over how many rounds the probability of a wrap is bounded. Default: 1.
    #[must_use]
    pub fn rounds(self, rounds: u64) -> Self {
        Self { rounds, ..self }
    }

    /// No word of any round wraps except with probability `2^log2_wrap`. Default: -20.
    #[must_use]
    pub fn log2_wrap(self, log2_wrap: i32) -> Self {
        Self { log2_wrap, ..self }
    }

    /// Public, and chosen independently of the data. Default: zeros; each round has another rotation all the same.
    #[must_use]
    pub fn rotation_seed(self, rotation_seed: [u8; 32]) -> Self {
        Self { rotation_seed, ..self }
    }

    /// Searches the largest useful scale at which no word wraps, and checks the result.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] names a parameter that is out of range; [`PrivacyError::Bits`] where words are too short, with the least
    /// number of bits that is enough; [`PrivacyError::Unreachable`] if no scale can do. Never a plan that does not hold.
    pub fn plan(&self) -> Result<Plan, PrivacyError> {
        self.check()?;
        let (coarsest, finest) = self.scales()?;
        let scale = if self.holds(finest, self.bits) {
            finest
        } else if self.holds(coarsest, self.bits) {
            bisect(coarsest, finest, |scale| self.holds(scale, self.bits))
        } else {
            let need = (self.bits..=64).find(|bits| self.holds(coarsest, *bits)).unwrap_or(u8::MAX);
            return Err(PrivacyError::Bits { bits: self.bits, need });
        };
        let encoding = self.candidate(scale, self.bits)?;
        let plan = Plan { encoding, noise_multiplier: self.noise_multiplier, rounds: self.rounds, least: self.honest() };
        plan.check(self.log2_wrap)?;
        Ok(plan)
    }

    fn honest(&self) -> u32 {
        self.threshold.saturating_sub(self.colluders)
    }
}

/// An encoding that holds what was asked for, and what it costs.
#[derive(Clone, Debug)]
pub struct Plan {
    encoding: Encoding,
    noise_multiplier: f64,
    rounds: u64,
    least: u32,
}

impl Plan {
    /// The encoding.
    #[must_use]
    pub fn encoding(&self) -> &Encoding {
        &self.encoding
    }

    /// Levels per unit.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.encoding.scale
    }

    /// Units per level: `1 / scale`.
    #[must_use]
    pub fn granularity(&self) -> f64 {
        1.0 / self.encoding.scale
    }

    /// Binary logarithm of a bound on the probability that any word of any round wraps; minus infinity with [`Planner::bounded`].
    #[must_use]
    pub fn log2_wrap(&self) -> f64 {
        self.encoding.log2_wrap(self.rounds)
    }

    /// By what factor the norm bound after rounding exceeds the clipping norm.
    #[must_use]
    pub fn inflation(&self) -> f64 {
        libm::sqrt(float(self.encoding.l2_squared)) / (self.encoding.clip * self.encoding.scale)
    }

    /// By what factor the variance exceeds that of exactly the promised noise, if all clients survive: the price of calibrating to the
    /// least number of honest survivors.
    #[must_use]
    pub fn surplus(&self) -> f64 {
        f64::from(self.encoding.clients) / f64::from(self.least)
    }

    /// Standard deviation of the error of a coordinate of the decoded sum over `survivors` clients, at most: noise and rounding, not clipping.
    #[must_use]
    pub fn error(&self, survivors: u32) -> f64 {
        libm::sqrt(f64::from(survivors) * (self.encoding.variance() + 0.25)) / self.encoding.scale
    }

    /// Bytes of a client's masked vector.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.encoding.ring.packed_len(self.encoding.vector_len())
    }

    /// What a round releases, whatever happens.
    #[must_use]
    pub fn release(&self) -> Release {
        self.encoding.release()
    }

    fn check(&self, log2_wrap: i32) -> Result<(), PrivacyError> {
        self.encoding.check()?;
        let release = self.release();
        let enough = match release.law {
            NoiseLaw::LaplaceShare { noise_parameter, shares } => {
                shares <= release.honest && noise_parameter.to_f64() * self.noise_multiplier * float(release.l1) <= 1.0
            }
            _ => {
                let target = self.noise_multiplier * self.noise_multiplier * float(release.l2_squared);
                f64::from(release.honest) * self.encoding.variance() >= target
            }
        };
        let holds = self.log2_wrap() <= f64::from(log2_wrap) && self.inflation() <= MAX_INFLATION;
        if enough && holds {
            Ok(())
        } else {
            Err(PrivacyError::Unreachable { knob: "scale", reason: "the plan found does not hold" })
        }
    }
}

#[cfg(test)]
mod tests;
