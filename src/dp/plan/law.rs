//! The noise of one client, so that the least number of honest survivors has the promised noise (docs/privacy.md, sections 6 and 10.8).

use super::Planner;
use crate::dp::{
    encoding::{Mechanism, float, one_norm, padded},
    noise::{NoiseLaw, Rational},
};

/// Laplace shares have no sampler for smaller noise parameters: one part of this, and some room.
const LEAST_PARAMETER: f64 = 1.0 / 3400.0;
/// The largest noise parameter of Laplace noise.
const MOST_PARAMETER: f64 = 64.0;

impl Planner {
    /// The noise of one client: a fraction that is not below its share of the target.
    pub(super) fn law(&self, l2_squared: u64) -> Option<NoiseLaw> {
        if self.mechanism == Mechanism::DiscreteLaplaceShares {
            return self.laplace_share(l2_squared);
        }
        let target = self.noise_multiplier * self.noise_multiplier * float(l2_squared) / f64::from(self.honest());
        let denominator = if target < float(1 << 30) { 1 << 20 } else { 1 };
        let numerator = libm::ceil(target * float(denominator) * (1.0 + 8.0 * f64::EPSILON));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an integer in range")]
        let numerator = (numerator <= float(1 << 60)).then_some(numerator as u64)?;
        let variance = Rational::new(numerator, denominator).ok()?;
        Some(match self.mechanism {
            Mechanism::DiscreteGaussian => NoiseLaw::DiscreteGaussian { variance },
            _ => NoiseLaw::Skellam { variance },
        })
    }

    /// As many shares as honest clients survive at least make up noise of a parameter that is not above the target.
    fn laplace_share(&self, l2_squared: u64) -> Option<NoiseLaw> {
        let l1 = one_norm(l2_squared, padded(self.coordinates(), self.block()));
        let target = (1.0 - 8.0 * f64::EPSILON) / (self.noise_multiplier * float(l1));
        let denominator = 1 << 30;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 2^36")]
        let numerator = (target >= LEAST_PARAMETER).then(|| (target.min(MOST_PARAMETER) * float(denominator)) as u64)?;
        Some(NoiseLaw::LaplaceShare { noise_parameter: Rational::new(numerator, denominator).ok()?, shares: self.honest() })
    }
}
