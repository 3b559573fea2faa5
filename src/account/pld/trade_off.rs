//! Trade-off functions: the errors of the best test between two neighbours (Dong, Roth and Su, 2022).

use alloc::vec::Vec;

use libm::exp;

use super::accountant::PldAccountant;
use crate::{
    account::{accountant::Accountant, event::require},
    error::PrivacyError,
};

/// Epsilons of the curve, spaced evenly up to the one of the smallest delta.
const LINES: u32 = 64;
/// Where the curve ends: smaller errors are bounded by the last line.
const SMALLEST_DELTA: f64 = 1e-9;

/// A lower bound of the trade-off function: whoever rejects "the party is absent" wrongly with probability at most `alpha` misses the party
/// with probability at least [`Self::at`]`(alpha)`, whatever the test.
#[derive(Clone, Debug, PartialEq)]
pub struct TradeOff {
    /// Pairs of epsilon and delta.
    profile: Vec<(f64, f64)>,
}

impl TradeOff {
    /// The greatest trade-off function that these pairs of epsilon and delta imply: what is `(epsilon, delta)`-private for each of them is
    /// at least this hard to test.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] unless all epsilons are finite and not negative, and all deltas between 0 and 1.
    pub fn new(profile: Vec<(f64, f64)>) -> Result<Self, PrivacyError> {
        for &(epsilon, delta) in &profile {
            require(epsilon >= 0.0 && epsilon.is_finite(), "epsilon", "finite and not negative", epsilon)?;
            require((0.0..=1.0).contains(&delta), "delta", "between 0 and 1", delta)?;
        }
        Ok(Self { profile })
    }

    /// The least type II error at type I error `alpha` (Dong, Roth and Su, 2022, Proposition 6): the supremum over the pairs of
    /// `1 - delta - e^epsilon alpha`, `e^-epsilon (1 - delta - alpha)` and 0.
    #[must_use]
    pub fn at(&self, alpha: f64) -> f64 {
        let lines = self.profile.iter().map(|&(epsilon, delta)| {
            let steep = 1.0 - delta - exp(epsilon) * alpha;
            steep.max(exp(-epsilon) * (1.0 - delta - alpha))
        });
        // Round-off of three operations, to the safe side.
        (lines.fold(0.0, f64::max) - 4.0 * f64::EPSILON).max(0.0)
    }

    /// Points `(alpha, type II error)` of the curve, `alpha` spaced evenly from 0 to 1.
    #[must_use]
    pub fn points(&self, intervals: u32) -> Vec<(f64, f64)> {
        (0..=intervals).map(|k| f64::from(k) / f64::from(intervals.max(1))).map(|alpha| (alpha, self.at(alpha))).collect()
    }

    /// The pairs of epsilon and delta that define the curve.
    #[must_use]
    pub fn profile(&self) -> &[(f64, f64)] {
        &self.profile
    }
}

impl PldAccountant {
    /// The trade-off function of everything composed so far, from the privacy profile at 64 epsilons.
    ///
    /// # Errors
    /// As [`PldAccountant::delta_bracket`].
    pub fn trade_off(&self) -> Result<TradeOff, PrivacyError> {
        let largest = self.epsilon(SMALLEST_DELTA)?;
        let largest = if largest.is_finite() { largest } else { 0.0 };
        let epsilons = (0..=LINES).map(|k| largest * f64::from(k) / f64::from(LINES));
        let profile = epsilons.map(|epsilon| Ok((epsilon, self.delta(epsilon)?))).collect::<Result<_, PrivacyError>>()?;
        TradeOff::new(profile)
    }
}
